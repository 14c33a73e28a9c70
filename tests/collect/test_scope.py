from __future__ import annotations

from typing import Any

import pytest

from auditor.collect.scope import CollectScope
from auditor.errors import CollectionError
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.simulator.client import Simulator

OTHER = "00000000-0000-0000-0000-0000000000b2"
HUB = "00000000-0000-0000-0000-0000000000c3"
VAULT = "Microsoft.KeyVault/vaults"


def placed(subscription: str, group: str, path: str, **more: Any) -> dict[str, Any]:
    body = resource(path, **more)
    body["id"] = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{path}"
    return body


def several() -> dict[str, Any]:
    found = estate(
        placed(SUB, "rg-chat", f"{VAULT}/chat", tags={"workload": "Chat"}),
        placed(SUB, "rg-chat", f"{VAULT}/chat/secrets/s"),
        placed(SUB, "rg-other", f"{VAULT}/other"),
        placed(OTHER, "rg-chat", f"{VAULT}/second"),
        {
            "id": f"/subscriptions/{SUB}/resourceGroups/rg-tagged",
            "name": "rg-tagged",
            "type": "Microsoft.Resources/resourceGroups",
            "location": "eastus2",
            "tags": {"Workload": "chat"},
            "properties": {},
        },
        placed(SUB, "rg-tagged", f"{VAULT}/intagged"),
    )
    found["subscriptions"] = [
        {"subscriptionId": SUB, "displayName": "sub-chat"},
        {"subscriptionId": OTHER, "displayName": "sub-twin"},
        {"subscriptionId": HUB, "displayName": "sub-twin"},
    ]
    group = "/providers/Microsoft.Management/managementGroups/platform"
    found["managementGroups"] = [
        {
            "id": group,
            "name": "platform",
            "type": "Microsoft.Management/managementGroups",
            "properties": {
                "children": [
                    {
                        "id": group + "-a",
                        "name": "platform-a",
                        "type": "Microsoft.Management/managementGroups",
                        "children": [{"id": f"/subscriptions/{OTHER}", "name": OTHER, "type": "/subscriptions"}],
                    },
                ]
            },
        }
    ]
    return found


@pytest.mark.parametrize(
    ("scope", "vaults"),
    [
        (CollectScope(), ["chat", "intagged", "other", "second"]),
        (CollectScope(subscriptions=(SUB.upper(),)), ["chat", "intagged", "other"]),
        (CollectScope(subscriptions=("SUB-chat",)), ["chat", "intagged", "other"]),
        (CollectScope(management_groups=("platform",)), ["second"]),
        (CollectScope(resource_groups=("RG-CHAT",)), ["chat", "second"]),
        (CollectScope(subscriptions=(SUB,), resource_groups=("rg-chat",)), ["chat"]),
        (CollectScope(tags={"workload": "chat"}), ["chat", "intagged"]),
        (CollectScope(tags={"workload": "chat"}, resource_groups=("rg-chat",)), ["chat"]),
    ],
    ids=[
        "everything",
        "by id",
        "by name",
        "below a management group",
        "group anywhere",
        "group of one",
        "by tag",
        "by tag in a group",
    ],
)
def test_a_scope_brings_what_it_names(
    simulator: Simulator, run_collect: Collect, scope: CollectScope, vaults: list[str]
) -> None:
    simulator.serve(several())

    summary, sink = run_collect(scope)

    assert [
        key.rpartition("/")[2] for key in sorted(sink.of_type(VAULT), key=lambda key: key.rpartition("/")[2])
    ] == vaults
    assert summary.gaps == []
    assert sink.metadata.scope["subscriptions"] == sorted(scope.subscriptions)
    assert CollectScope.from_json(sink.metadata.scope) == CollectScope.from_json(scope.to_json())


def test_groups_that_cannot_be_listed_are_read_by_name(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(several(), faults=[{"match": "/resourcegroups\\?", "status": 403}])

    summary, sink = run_collect(CollectScope(subscriptions=(SUB,), resource_groups=("rg-chat",)))

    assert [key.rpartition("/")[2] for key in sink.of_type(VAULT)] == ["chat"]
    assert {gap.what for gap in summary.gaps} == {"Microsoft.Resources/resourceGroups"}


def test_groups_that_cannot_be_listed_may_hide_anything_that_tags_mean(
    simulator: Simulator, run_collect: Collect
) -> None:
    simulator.serve(several(), faults=[{"match": "/resourcegroups\\?", "status": 403}])

    summary, sink = run_collect(CollectScope(subscriptions=(SUB,), tags={"workload": "chat"}))

    assert [key.rpartition("/")[2] for key in sink.of_type(VAULT)] == ["chat"]
    assert "*/*" in {gap.what for gap in summary.gaps}


def test_a_quote_in_a_tag_stays_text(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(estate(resource(f"{VAULT}/kv", tags={"o'wner\\": "a' or '1' == '1"}), resource(f"{VAULT}/kv2")))

    _, sink = run_collect(CollectScope(tags={"o'wner\\": "a' or '1' == '1"}))

    assert [key.rpartition("/")[2] for key in sink.of_type(VAULT)] == ["kv"]


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (CollectScope(subscriptions=("sub-twin",)), f"2 subscriptions are called 'sub-twin': {OTHER}, {HUB}"),
        (CollectScope(subscriptions=("nobody",)), "No subscription is called 'nobody'"),
        (
            CollectScope(subscriptions=("11111111-1111-1111-1111-111111111111",)),
            "None of the chosen subscriptions can be read",
        ),
        (CollectScope(management_groups=("hidden",)), "Management group hidden cannot be read"),
        (CollectScope(resource_groups=("rg-nowhere",)), "No resource group is called rg-nowhere"),
        (CollectScope(tenant="11111111-1111-1111-1111-111111111111"), "Signed in to tenant"),
    ],
)
def test_a_scope_that_cannot_be_read_is_an_error(
    simulator: Simulator, run_collect: Collect, scope: CollectScope, words: str
) -> None:
    simulator.serve(several())

    with pytest.raises(CollectionError, match=words) as caught:
        run_collect(scope)

    assert caught.value.hint


def test_no_subscription_at_all_is_an_error(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve({"subscriptions": [], "resources": []})

    with pytest.raises(CollectionError, match="sees no subscription"):
        run_collect()


def test_an_empty_scope_is_an_error(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(estate())

    with pytest.raises(CollectionError, match="scope is empty"):
        run_collect()


def hub_and_spoke() -> dict[str, Any]:
    network = "Microsoft.Network"
    zone = f"/subscriptions/{HUB}/resourceGroups/hub/providers/{network}/privateDnsZones/privatelink.openai.azure.com"
    plan = f"/subscriptions/{HUB}/resourceGroups/hub/providers/{network}/ddosProtectionPlans/plan"
    hub = f"/subscriptions/{HUB}/resourceGroups/hub/providers/{network}/virtualNetworks/hub"
    firewall = f"/subscriptions/{HUB}/resourceGroups/hub/providers/{network}/azureFirewalls/fw"
    stranger = f"/subscriptions/{OTHER}/resourceGroups/x/providers/{network}/privateEndpoints/theirs"
    found = estate(
        placed(
            SUB,
            "rg",
            f"{network}/virtualNetworks/spoke",
            properties={
                "ddosProtectionPlan": {"id": plan},
                "virtualNetworkPeerings": [{"properties": {"remoteVirtualNetwork": {"id": hub.upper()}}}],
            },
        ),
        placed(SUB, "rg", f"{network}/privateEndpoints/pep"),
        placed(
            SUB,
            "rg",
            f"{network}/privateEndpoints/pep/privateDnsZoneGroups/default",
            properties={"privateDnsZoneConfigs": [{"properties": {"privateDnsZoneId": zone}}]},
        ),
        placed(
            SUB,
            "rg",
            "Microsoft.CognitiveServices/accounts/oai",
            properties={"privateEndpointConnections": [{"properties": {"privateEndpoint": {"id": stranger}}}]},
        ),
        placed(HUB, "hub", f"{network}/privateDnsZones/privatelink.openai.azure.com"),
        placed(HUB, "hub", f"{network}/privateDnsZones/privatelink.openai.azure.com/A/oai"),
        placed(HUB, "hub", f"{network}/privateDnsZones/privatelink.openai.azure.com/virtualNetworkLinks/link"),
        placed(HUB, "hub", f"{network}/privateDnsZones/unrelated.example"),
        placed(HUB, "hub", f"{network}/ddosProtectionPlans/plan"),
        placed(
            HUB,
            "hub",
            f"{network}/virtualNetworks/hub",
            properties={
                "subnets": [
                    {"properties": {"ipConfigurations": [{"id": f"{firewall}/azureFirewallIpConfigurations/ip"}]}}
                ]
            },
        ),
        placed(HUB, "hub", f"{network}/azureFirewalls/fw"),
    )
    found["subscriptions"] = [
        {"subscriptionId": SUB, "displayName": "spoke"},
        {"subscriptionId": HUB, "displayName": "hub"},
    ]
    return found


def test_what_the_workload_needs_elsewhere_is_followed_and_marked(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(hub_and_spoke())

    summary, sink = run_collect(CollectScope(subscriptions=(SUB,)))

    followed = sorted(
        scope.rpartition("/")[2].lower()
        for (scope, name), note in sink.notes.items()
        if name == "followed" and note.state == "complete"
    )
    assert followed == ["fw", "hub", "plan", "privatelink.openai.azure.com"]
    assert [
        key.rpartition("/")[2] for key in sink.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    ] == ["link"]
    assert [key.rpartition("/")[2] for key in sink.of_type("Microsoft.Network/privateDnsZones/A")] == ["oai"]
    assert not [key for key in sink.bodies if "unrelated" in key]
    assert summary.gaps == []  # the stranger's endpoint is known from the account's side


def assigned(owner: str, kind: str, role: str = "") -> dict[str, Any]:
    """Return an assignment on a resource of the hub."""
    body = placed(HUB, "hub", f"Microsoft.Network/{owner}/providers/Microsoft.Authorization/{kind}/a-{owner[-3:]}")
    return {**body, "type": f"Microsoft.Authorization/{kind}", "properties": {"roleDefinitionId": role} if role else {}}


def test_who_may_do_what_on_a_followed_resource_is_read(simulator: Simulator, run_collect: Collect) -> None:
    role = f"/subscriptions/{HUB}/providers/Microsoft.Authorization/roleDefinitions/r"
    found = hub_and_spoke()
    found["resources"] += [
        assigned("virtualNetworks/hub", "roleAssignments", role),
        assigned("virtualNetworks/hub", "denyAssignments"),
        assigned("privateDnsZones/unrelated.example", "roleAssignments", role),
        {"id": role, "name": "r", "type": "Microsoft.Authorization/roleDefinitions", "properties": {}},
    ]
    simulator.serve(found)

    summary, sink = run_collect(CollectScope(subscriptions=(SUB,)))

    access = [key.rpartition("/")[2] for key in sorted(sink.bodies) if "/microsoft.authorization/" in key]
    assert access == ["r", "a-hub", "a-hub"]
    assert summary.gaps == []


def test_access_to_a_followed_resource_that_is_refused_is_a_gap_there(
    simulator: Simulator, run_collect: Collect
) -> None:
    simulator.serve(hub_and_spoke(), faults=[{"match": "virtualNetworks/hub/.*/roleAssignments\\?", "status": 403}])

    summary, _ = run_collect(CollectScope(subscriptions=(SUB,)))

    [gap] = summary.gaps
    assert gap.scope.lower().endswith("/virtualnetworks/hub")
    assert (gap.what, gap.reason, gap.permission) == (
        "Microsoft.Authorization/roleAssignments",
        "forbidden",
        "Microsoft.Authorization/roleAssignments/read",
    )


def test_a_followed_resource_that_is_refused_is_a_gap(simulator: Simulator, run_collect: Collect) -> None:
    message = (
        "The client 'c' does not have authorization to perform action 'Microsoft.Network/privateDnsZones/read' over …"
    )
    refusal = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": message}}}
    simulator.serve(hub_and_spoke(), faults=[{"match": "privatelink.openai.azure.com\\?", **refusal}])

    summary, _ = run_collect(CollectScope(subscriptions=(SUB,)))

    assert [(gap.what, gap.reason, gap.permission) for gap in summary.gaps] == [
        ("Microsoft.Network/privateDnsZones", "forbidden", "Microsoft.Network/privateDnsZones/read")
    ]


def test_a_workload_over_four_subscriptions_with_a_hub_comes_back_whole(
    simulator: Simulator, run_collect: Collect
) -> None:
    found = hub_and_spoke()
    for number in range(3):
        subscription = f"00000000-0000-0000-0000-00000000000{number}"
        found["subscriptions"].append({"subscriptionId": subscription, "displayName": f"part {number}"})
        found["resources"].append(placed(subscription, "rg", f"{VAULT}/kv{number}"))
    simulator.serve(found)

    summary, sink = run_collect()

    assert {body["id"].lower() for body in found["resources"]} <= set(sink.bodies)
    assert summary.gaps == []


def test_an_estate_without_any_ai_workload_is_collected(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(estate(resource("Microsoft.Network/routeTables/only")))

    summary, sink = run_collect()

    assert len(sink.of_type("Microsoft.Network/routeTables")) == 1
    assert summary.gaps == []
