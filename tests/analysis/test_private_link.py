"""When a private endpoint counts, when its names resolve, and what explains each connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.private_link.analysis import ANALYSIS
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]
Chat = Callable[..., Context]

RG = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg/providers"
VAULT = f"{RG}/Microsoft.KeyVault/vaults/kv"
VNET = f"{RG}/Microsoft.Network/virtualNetworks/vnet"
ENDPOINT = f"{RG}/Microsoft.Network/privateEndpoints/pep"
ENDPOINTS = "Microsoft.Network/privateEndpoints"
GROUPS = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"


def _vault(**properties: Any) -> Body:
    return {"id": VAULT, "type": "Microsoft.KeyVault/vaults", "name": "kv", "properties": properties}


def _vnet(name: str = "vnet", **properties: Any) -> Body:
    return {"id": f"{RG}/Microsoft.Network/virtualNetworks/{name}", "name": name, "properties": properties}


def _endpoint(
    status: str = "Approved",
    state: str = "Succeeded",
    group: str = "vault",
    *,
    name: str = "pep",
    vnet: str = "vnet",
    target: str = VAULT,
    member: str = "privateLinkServiceConnections",
) -> Body:
    connection = {
        "privateLinkServiceId": target,
        "groupIds": [group],
        "privateLinkServiceConnectionState": {"status": status},
    }
    return {
        "id": f"{RG}/Microsoft.Network/privateEndpoints/{name}",
        "name": name,
        "properties": {
            "subnet": {"id": f"{RG}/Microsoft.Network/virtualNetworks/{vnet}/subnets/pe"},
            member: [{"name": name, "properties": connection}],
            "provisioningState": state,
        },
    }


def _listed(status: str, endpoint: str = ENDPOINT) -> Body:
    return {
        "id": f"{VAULT}/privateEndpointConnections/pep.1",
        "properties": {
            "privateEndpoint": {"id": endpoint},
            "privateLinkServiceConnectionState": {"status": status},
        },
    }


def _zone(name: str = "privatelink.vaultcore.azure.net") -> Body:
    return {"id": f"{RG}/Microsoft.Network/privateDnsZones/{name}", "name": name}


def _link(zone: Body, state: str = "Completed", vnet: str = VNET, *, registration: bool = False) -> Body:
    properties = {
        "virtualNetwork": {"id": vnet},
        "virtualNetworkLinkState": state,
        "registrationEnabled": registration,
    }
    return {"id": f"{zone['id']}/virtualNetworkLinks/link", "properties": properties}


def _group(zone: Body, *addresses: str) -> Body:
    config = {"privateDnsZoneId": zone["id"], "recordSets": [{"ipAddresses": list(addresses)}]}
    properties = {"privateDnsZoneConfigs": [{"name": "zone", "properties": config}]}
    return {"id": f"{ENDPOINT}/privateDnsZoneGroups/default", "properties": properties}


ROLES = {"workspace-vault": [VAULT], "vnet": [VNET]}


@pytest.fixture
def judge(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the one endpoint fact of a small estate with a vault in a workload."""

    def run(*bodies: Body, roles: Any = ROLES, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make(bodies, roles=roles, **options), "private_link.endpoint")
        return fact

    return run


@pytest.mark.parametrize("status", ["Pending", "Rejected", "Disconnected"])
def test_p3_p13_p14_a_connection_that_is_not_approved_does_not_count(
    judge: Callable[..., Derived], status: str
) -> None:
    fact = judge(_vault(privateEndpointConnections=[_listed(status)]), _vnet(), _endpoint(status))
    assert fact.fields["effective"] == 0
    assert fact.fields["endpointCount"] == 1
    assert any(status in problem for problem in fact.fields["problems"])


def test_p12_one_approved_endpoint_is_enough_beside_a_pending_one(judge: Callable[..., Derived]) -> None:
    fact = judge(_vault(), _vnet(), _endpoint(), _endpoint("Pending", name="other"))
    assert (fact.fields["effective"], fact.fields["endpointCount"]) == (1, 2)


def test_p24_no_endpoint_at_all_is_none_that_works(judge: Callable[..., Derived]) -> None:
    fact = judge(_vault(publicNetworkAccess="Disabled"), _vnet())
    assert (fact.fields["effective"], fact.fields["dnsComplete"]) == (0, False)
    assert not fact.uncollected


def test_p21_a_managed_outbound_rule_is_no_way_into_the_workspace(chat: Chat, facts_of: FactsOf) -> None:
    context = chat(lambda by_name: by_name.pop("privateEndpoints/pep-mlw-chat01"))
    found = facts_of(ANALYSIS, context, "private_link.endpoint")
    assert next(fact for fact in found if fact.fields["service"] == "workspace").fields["effective"] == 0


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        (_endpoint(state="Failed"), "provisioning state is Failed"),
        (_endpoint(group="keys"), "connects to keys"),
        (_endpoint(vnet="elsewhere"), "lies in elsewhere"),
    ],
)
def test_an_approved_connection_counts_only_in_the_right_place(
    judge: Callable[..., Derived], endpoint: Body, problem: str
) -> None:
    fact = judge(_vault(), _vnet(), endpoint)
    assert fact.fields["effective"] == 0
    assert any(problem in text for text in fact.fields["problems"])


def test_a_connection_approved_by_hand_counts(judge: Callable[..., Derived]) -> None:
    fact = judge(_vault(), _vnet(), _endpoint("approved", member="manualPrivateLinkServiceConnections"))
    assert fact.fields["effective"] == 1


@pytest.mark.parametrize("listed", [[], [_listed("Disconnected")]])
def test_an_endpoint_that_its_target_disowns_does_not_count(judge: Callable[..., Derived], listed: list[Body]) -> None:
    fact = judge(_vault(privateEndpointConnections=listed), _vnet(), _endpoint())
    assert fact.fields["effective"] == 0
    assert fact.fields["endpoints"][0]["targetAgrees"] is False


def test_a_foreign_connection_on_the_target_does_not_replace_an_endpoint(judge: Callable[..., Derived]) -> None:
    foreign = ENDPOINT.replace("0000a1", "0000b2")
    fact = judge(_vault(privateEndpointConnections=[_listed("Approved", foreign)]), _vnet())
    assert fact.fields["effective"] == 0


def test_a_connection_without_an_id_is_the_child_of_its_name(judge: Callable[..., Derived]) -> None:
    child = _listed("Approved") | {"type": "Microsoft.KeyVault/vaults/privateEndpointConnections"}
    nameless = {"name": "pep.1", "properties": _listed("Disconnected")["properties"]}
    fact = judge(_vault(privateEndpointConnections=[nameless]), child, _vnet(), _endpoint())
    assert (fact.fields["effective"], fact.fields["endpoints"][0]["targetAgrees"]) == (1, True)


def test_endpoints_that_could_not_be_listed_are_not_known_to_be_missing(judge: Callable[..., Derived]) -> None:
    gap = Gap("/subscriptions/00000000-0000-0000-0000-0000000000a1", ENDPOINTS, "forbidden", "x/read")
    listed = _vault(privateEndpointConnections=[_listed("Approved")])
    fact = judge(listed, _vnet(), gaps=[gap])
    assert fact.uncollected["effective"] == gap
    assert "dnsComplete" in fact.uncollected
    assert "effective" not in fact.fields


def test_endpoints_of_another_subscription_that_could_not_be_listed_do_not_matter(
    judge: Callable[..., Derived],
) -> None:
    gap = Gap("/subscriptions/00000000-0000-0000-0000-0000000000ee", ENDPOINTS, "forbidden")
    assert judge(_vault(), _vnet(), gaps=[gap]).fields["effective"] == 0


def test_an_export_without_any_endpoint_does_not_say_that_there_is_none(judge: Callable[..., Derived]) -> None:
    assert "effective" in judge(_vault(), _vnet(), complete=False).uncollected


def test_a_target_whose_connections_are_not_known_may_have_withdrawn_its_consent(judge: Callable[..., Derived]) -> None:
    gap = Gap(VAULT, "properties.privateEndpointConnections", "forbidden")
    assert judge(_vault(), _vnet(), _endpoint(), gaps=[gap]).uncollected["effective"] == gap


def test_outside_a_workload_any_network_will_do_and_the_fact_says_so(judge: Callable[..., Derived]) -> None:
    fact = judge(_vault(), _vnet(), _vnet("elsewhere"), _endpoint(vnet="elsewhere"), roles={})
    assert (fact.fields["effective"], fact.fields["networkScope"], fact.workload) == (1, "any", None)


def test_declared_networks_replace_the_bound_one(judge: Callable[..., Derived]) -> None:
    parameters = {"workload_vnets": [VNET.upper().replace("/VNET", "/OTHER")]}
    assert judge(_vault(), _vnet(), _endpoint(), parameters=parameters).fields["effective"] == 0
    assert judge(_vault(), _vnet(), _endpoint(vnet="other"), parameters=parameters).fields["effective"] == 1


def test_names_resolve_when_the_zone_is_registered_and_linked(judge: Callable[..., Derived]) -> None:
    zone = _zone()
    fact = judge(_vault(), _vnet(), _endpoint(), zone, _link(zone), _group(zone))
    assert fact.fields["dnsComplete"] is True
    assert fact.fields["dnsZones"][0]["registration"] == "zone group"


@pytest.mark.parametrize(
    "bodies",
    [
        [_zone(), _link(_zone())],
        [_zone(), _group(_zone())],
        [_zone(), _group(_zone()), _link(_zone(), state="InProgress")],
        [_zone(), _group(_zone()), _link(_zone(), vnet=f"{VNET}2")],
        [
            _zone("privatelink.azurecr.io"),
            _link(_zone("privatelink.azurecr.io")),
            _group(_zone("privatelink.azurecr.io")),
        ],
    ],
    ids=["no zone group", "no link", "link under way", "link elsewhere", "another zone"],
)
def test_names_do_not_resolve_otherwise(judge: Callable[..., Derived], bodies: list[Body]) -> None:
    fact = judge(_vault(), _vnet(), _endpoint(), *bodies)
    assert fact.fields["effective"] == 1
    assert fact.fields["dnsComplete"] is False


def test_a_record_that_points_elsewhere_does_not_resolve(judge: Callable[..., Derived]) -> None:
    zone = _zone()
    endpoint = _endpoint()
    endpoint["properties"]["customDnsConfigs"] = [{"ipAddresses": ["10.0.0.5"]}]
    right = judge(_vault(), _vnet(), endpoint, zone, _link(zone), _group(zone, "10.0.0.5"))
    wrong = judge(_vault(), _vnet(), endpoint, zone, _link(zone), _group(zone, "10.0.0.9"))
    assert (right.fields["dnsComplete"], wrong.fields["dnsComplete"]) == (True, False)


def test_a_record_kept_by_hand_resolves_without_a_zone_group(judge: Callable[..., Derived]) -> None:
    zone = _zone()
    endpoint = _endpoint()
    endpoint["properties"]["customDnsConfigs"] = [{"ipAddresses": ["10.0.0.5"]}]
    record = {"id": f"{zone['id']}/A/kv", "properties": {"aRecords": [{"ipv4Address": "10.0.0.5"}]}}
    fact = judge(_vault(), _vnet(), endpoint, zone, _link(zone), record)
    assert fact.fields["dnsComplete"] is True
    assert fact.fields["dnsZones"][0]["registration"] == "record kept by hand"


def test_zone_groups_that_were_not_read_leave_the_names_unknown(judge: Callable[..., Derived]) -> None:
    zone = _zone()
    gap = Gap(ENDPOINT, GROUPS, "throttled")
    fact = judge(_vault(), _vnet(), _endpoint(), zone, _link(zone), gaps=[gap])
    assert fact.uncollected == {"dnsComplete": gap}


def test_own_dns_servers_leave_the_names_unknown_unless_the_zones_are_declared_central(
    judge: Callable[..., Derived],
) -> None:
    hub = _zone()
    hub["id"] = hub["id"].replace("0000a1", "0000cc")
    estate = (_vault(), _vnet(dhcpOptions={"dnsServers": ["10.0.0.4"]}), _endpoint(), _group(hub))
    unknown = judge(*estate)
    assert (set(unknown.uncollected), unknown.fields["customDns"]) == ({"dnsComplete"}, True)
    assert judge(*estate, parameters={"central_private_dns_zones": [hub["id"]]}).fields["dnsComplete"] is True


def test_slots_need_an_endpoint_of_their_own_group(make: Make, facts_of: FactsOf) -> None:
    plan, site = f"{RG}/Microsoft.Web/serverfarms/plan", f"{RG}/Microsoft.Web/sites/app"
    bodies = [
        _vnet(),
        {"id": plan, "name": "plan"},
        {"id": site, "name": "app", "properties": {"serverFarmId": plan}},
        {"id": f"{site}/slots/stage", "name": "app/stage", "properties": {"serverFarmId": plan}},
        _endpoint(group="sites", target=site),
    ]
    roles = {"app-plan": [plan], "chat-ui": [site], "vnet": [VNET]}

    def counts(*more: Body) -> dict[str, int]:
        found = facts_of(ANALYSIS, make([*bodies, *more], roles=roles), "private_link.endpoint")
        return {fact.fields["service"]: fact.fields["effective"] for fact in found}

    assert counts() == {"app": 1, "app-slot": 0}
    assert counts(_endpoint(group="sites-stage", target=site, name="pep2")) == {"app": 1, "app-slot": 1}


def test_a_connection_that_nothing_explains_is_shown(chat: Chat, facts_of: FactsOf) -> None:
    stray = ENDPOINT.replace("0000000000a1", "0000000000ee")

    def add(by_name: dict[str, Body]) -> None:
        by_name["accounts/oai-chat01"]["properties"]["privateEndpointConnections"].append(
            {
                "id": f"{by_name['accounts/oai-chat01']['id']}/privateEndpointConnections/stray",
                "properties": {
                    "privateEndpoint": {"id": stray},
                    "privateLinkServiceConnectionState": {"status": "Approved"},
                },
            }
        )

    def unexplained(**options: Any) -> list[str]:
        found = facts_of(ANALYSIS, chat(add, **options), "private_link.connection")
        return [fact.sub_object for fact in found if fact.fields.get("explainedBy") == "none"]

    assert unexplained() == ["stray"]
    assert unexplained(parameters={"foreign_private_endpoints": [stray.upper()]}) == []


def test_managed_rules_that_were_not_read_leave_foreign_connections_unexplained_but_not_failed(
    chat: Chat, facts_of: FactsOf
) -> None:
    def drop(by_name: dict[str, Body]) -> None:
        for name in [name for name in by_name if name.startswith("outboundRules/")]:
            del by_name[name]
        del by_name["workspaces/mlw-chat01"]["properties"]["managedNetwork"]["outboundRules"]

    gap = Gap("/", "Microsoft.MachineLearningServices/workspaces/outboundRules", "forbidden")
    found = facts_of(ANALYSIS, chat(drop, gaps=[gap]), "private_link.connection")
    assert sum("explainedBy" in fact.uncollected for fact in found) == 6
    assert not [fact for fact in found if fact.fields.get("explainedBy") == "none"]


def test_a_zone_that_registers_machines_or_is_not_linked_is_shown(make: Make, facts_of: FactsOf) -> None:
    zone, other = _zone(), _zone("privatelink.blob.core.windows.net")
    bodies = [_vault(), _vnet(), _endpoint(), _group(zone), zone, other, _link(other, registration=True)]
    found = facts_of(ANALYSIS, make(bodies, roles=ROLES), "private_link.zone")
    assert [(f.fields["zone"], f.fields["linked"], f.fields["registrationEnabled"]) for f in found] == [
        ("privatelink.blob.core.windows.net", True, True),
        ("privatelink.vaultcore.azure.net", False, False),
    ]


def _record(zone: Body, name: str, *addresses: str, alias: str | None = None) -> Body:
    kind = "CNAME" if alias else "A"
    found: Body = {"aRecords": [{"ipv4Address": address} for address in addresses]}
    return {
        "id": f"{zone['id']}/{kind}/{name}",
        "properties": {"cnameRecord": {"cname": alias}} if alias else found,
    }


def _named_group(zone: Body, *addresses: str, name: str = "kv") -> Body:
    group = _group(zone, *addresses)
    (config,) = group["properties"]["privateDnsZoneConfigs"]
    config["properties"]["recordSets"][0]["recordSetName"] = name
    return group


def _placed() -> Body:
    endpoint = _endpoint()
    endpoint["properties"]["customDnsConfigs"] = [{"fqdn": "kv.vault.azure.net", "ipAddresses": ["10.0.0.5"]}]
    return endpoint


def _counted(count: int) -> Body:
    return _zone() | {"properties": {"numberOfRecordSets": count}}


@pytest.mark.parametrize(
    ("records", "complete"),
    [
        ([_record(_zone(), "kv", "10.0.0.5")], True),
        ([_record(_zone(), "kv", "10.88.0.9")], False),
        ([_record(_zone(), "kv", "10.0.0.5", "10.88.0.9")], False),
        ([_record(_zone(), "kv", "10.88.0.9"), _record(_zone(), "other", "10.0.0.5")], False),
        ([_record(_zone(), "other", "10.0.0.5")], False),
        ([_record(_zone(), "*", "10.0.0.5")], True),
        ([_record(_zone(), "*", "10.0.0.5"), _record(_zone(), "kv", "10.88.0.9")], False),
        ([_record(_zone(), "kv", alias="web.privatelink.vaultcore.azure.net"), _record(_zone(), "web", "10.0.0.5")], True),
        ([_record(_zone(), "kv", alias="kv.elsewhere.example")], False),
        ([], True),
        ([_counted(1)], False),
        ([_counted(2)], True),
    ],
    ids=[
        "its own address", "another address", "both", "another name's", "no such name", "wildcard", "wildcard overruled",
        "alias", "alias elsewhere", "records not read", "empty zone", "zone with records not read",
    ],
)  # fmt: skip
@pytest.mark.parametrize("registered", [True, False])
def test_the_records_of_a_zone_decide_by_name_whatever_its_group_remembers(
    judge: Callable[..., Derived],
    records: list[Body],
    *,
    complete: bool,
    registered: bool,
) -> None:
    zone = _zone()
    group = [_named_group(zone, "10.0.0.5")] if registered else []
    estate = {body["id"]: body for body in [_vault(), _vnet(), _placed(), zone, _link(zone), *group, *records]}
    is_listed = bool(records) and not records[0]["id"].endswith(".net")
    fact = judge(*estate.values())
    # Without a group, a complete estate without a record has none.
    assert fact.fields["dnsComplete"] is (complete and (registered or is_listed))


def test_two_linked_zones_of_one_name_must_agree(judge: Callable[..., Derived]) -> None:
    first = _zone()
    second = first | {"id": first["id"].replace("/resourceGroups/rg/", "/resourceGroups/other/")}
    bodies = [_vault(), _vnet(), _placed(), first, _link(first), _named_group(first, "10.0.0.5"), second, _link(second)]
    right, wrong = _record(second, "kv", "10.0.0.5"), _record(second, "kv", "10.88.0.9")
    own = _record(first, "kv", "10.0.0.5")
    assert judge(*bodies, own, right).fields["dnsComplete"] is True
    assert "dnsComplete" in judge(*bodies, own, wrong).uncollected
    unlinked = [body for body in bodies if not body["id"].startswith(second["id"] + "/")]
    assert judge(*unlinked, own, wrong).fields["dnsComplete"] is True


def test_records_that_were_not_read_leave_a_name_open_that_no_group_registers(judge: Callable[..., Derived]) -> None:
    zone = _zone()
    gap = Gap(zone["id"], "Microsoft.Network/privateDnsZones/A", "throttled")
    bodies = [_vault(), _vnet(), _placed(), zone, _link(zone)]
    assert "dnsComplete" in judge(*bodies, gaps=[gap]).uncollected
    assert judge(*bodies, _named_group(zone, "10.0.0.5"), gaps=[gap]).fields["dnsComplete"] is True
    assert judge(*bodies, _record(zone, "kv", "10.0.0.5"), gaps=[gap]).fields["dnsComplete"] is True
