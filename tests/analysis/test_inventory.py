from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.analysis.contract import Context
from auditor.analysis.fact import Schema
from auditor.analysis.inventory.analysis import ANALYSIS
from auditor.architecture.workloads import bind
from auditor.estate.graph import Estate
from auditor.model import Gap
from tests.architecture.test_workloads import DECLARATIONS, one, second, without
from tests.estates.chat import chat_bodies
from tests.estates.derived import Derived, derive
from tests.estates.graph import Body, estate_of, renamed, spoil

NOW = datetime(2024, 2, 20, 12, tzinfo=UTC)


def facts_of(estate: Estate, **parameters: object) -> list[Derived]:
    workloads = bind(estate, parameters, DECLARATIONS)
    return derive(ANALYSIS, Context(estate, workloads, parameters, {}, NOW))


def component(facts: list[Derived], name: str) -> Derived:
    (found,) = [f for f in facts if f.kind == "inventory.component" and f.fields["component"] == name]
    return found


def subnet(facts: list[Derived], name: str) -> Derived:
    (found,) = [f for f in facts if f.kind == "inventory.subnet" and f.fields["name"] == name]
    return found


def profile(facts: list[Derived]) -> Derived:
    (found,) = [f for f in facts if f.kind == "inventory.profile"]
    return found


def test_of_the_chat_estate_only_the_search_service_is_missing() -> None:
    bodies = chat_bodies()
    facts = facts_of(estate_of(bodies))

    missing = [f for f in facts if f.kind == "inventory.component" and not f.fields["bound"]]
    assert [f.sub_object for f in missing] == ["search"]
    assert missing[0].subject == one(bodies, "mlw-chat01")["id"]
    assert missing[0].summary == (
        "The architecture's AI Search service is missing: "
        "no Microsoft.Search/searchServices is connected to workload mlw-chat01."
    )
    assert not any(f.uncollected for f in facts)


def test_a_bound_component_is_filed_under_its_resource() -> None:
    bodies = chat_bodies()

    found = component(facts_of(estate_of(bodies)), "openai")

    account = one(bodies, "oai-chat01")
    assert found.subject == account["id"]
    assert found.fields["bound"] == 1
    assert found.fields["resources"] == [
        {
            "id": account["id"],
            "name": "oai-chat01",
            "type": "Microsoft.CognitiveServices/accounts",
            "how": "structure",
            "provisioningState": "Succeeded",
        }
    ]


def test_ids_and_fields_are_unique_and_declared() -> None:
    bodies = chat_bodies()
    facts = facts_of(estate_of(bodies + second(bodies)))

    assert len({f.id for f in facts}) == len(facts)
    assert len({(f.kind, f.subject, f.sub_object) for f in facts}) == len(facts)
    for fact in facts:
        declared = {path.partition("[")[0] for path in Schema(ANALYSIS.kind(fact.kind)).fields}
        assert set(fact.fields) | set(fact.uncollected) <= declared


def test_a_dangling_id_in_scope_is_a_missing_component_with_its_target() -> None:
    bodies = without(chat_bodies(), "/registries/crchat01")

    found = component(facts_of(estate_of(bodies)), "registry")

    workspace = one(bodies, "mlw-chat01")
    target = workspace["properties"]["containerRegistry"]
    assert found.fields["bound"] == 0
    assert found.fields["dangling"] == [{"property": "properties.containerRegistry", "target": target}]
    assert found.subject == workspace["id"]
    assert target in found.summary


def elsewhere(bodies: list[Body]) -> list[Body]:
    """Return the bodies with the workspace pointing at a registry in a subscription that nothing here is from."""
    one(bodies, "mlw-chat01")["properties"]["containerRegistry"] = (
        "/subscriptions/hub/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/crhub"
    )
    return bodies


def test_a_reference_out_of_the_collected_scope_is_unknown_and_missing_only_where_the_input_is_complete() -> None:
    partial = component(facts_of(estate_of(elsewhere(chat_bodies()), complete=False)), "registry")
    whole = component(facts_of(estate_of(elsewhere(chat_bodies()))), "registry")

    assert partial.uncollected["bound"].reason == "outside the collected scope"
    assert "bound" not in partial.fields
    assert whole.fields["bound"] == 0
    assert not whole.uncollected


def test_a_type_that_was_not_collected_is_unknown_and_not_missing() -> None:
    gap = Gap("/", "Microsoft.Search/searchServices", "forbidden", "Microsoft.Search/searchServices/read")

    found = component(facts_of(estate_of(chat_bodies(), gaps=[gap])), "search")

    assert found.uncollected == {"bound": gap, "resources": gap, "dangling": gap}
    assert "forbidden" in found.summary


def test_a_component_that_exists_but_whose_connections_were_not_collected_is_unknown() -> None:
    bodies = without(chat_bodies(), "/privateEndpoints/", "/roleAssignments/")
    gaps = [Gap("/", "Microsoft.Network/privateEndpoints", "forbidden")]
    site = renamed([one(bodies, "app-chat01")], {"app-chat01": "app-other"})
    pools = one(bodies, "agw-chat01")["properties"]["backendAddressPools"]
    pools[0]["properties"]["backendAddresses"] = []
    certificates = one(bodies, "agw-chat01")["properties"]
    certificates["sslCertificates"] = []
    extra = renamed([one(bodies, "agw-chat01")], {"agw-chat01": "agw-other"})

    facts = facts_of(estate_of(bodies + site + extra, gaps=gaps))

    assert component(facts, "gateway").uncollected["bound"] == gaps[0]
    assert component(facts, "chat-ui").uncollected["bound"] == gaps[0]


def test_an_estate_without_the_architecture_is_one_missing_fact_or_unknown() -> None:
    vault = one(chat_bodies(), "kv-chat01")

    (missing,) = facts_of(estate_of([vault]))
    assert missing.fields["bound"] == 0
    assert missing.subject == "/subscriptions/00000000-0000-0000-0000-0000000000a1"

    (unknown,) = facts_of(estate_of([vault], complete=False))
    assert "bound" not in unknown.fields
    assert unknown.uncollected["bound"].reason == "not in the export"


def test_the_production_profile_shows_no_mark_of_the_other() -> None:
    found = profile(facts_of(estate_of(chat_bodies())))

    assert found.fields["count"] == 0
    assert any(path == "properties.zoneRedundant" for _, path in found.inputs)


def test_the_development_profile_shows_all_four_marks() -> None:
    bodies = chat_bodies()
    one(bodies, "asp-app-chat01", "serverfarms").update(sku={"name": "S1"})
    one(bodies, "asp-app-chat01", "serverfarms")["properties"]["zoneRedundant"] = False
    gateway = one(bodies, "agw-chat01")
    del gateway["zones"]
    gateway["properties"]["autoscaleConfiguration"] = {"minCapacity": 2, "maxCapacity": 3}
    del one(bodies, "pip-chat01")["zones"]
    one(bodies, "vnet-chat01")["properties"]["enableDdosProtection"] = False

    found = profile(facts_of(estate_of(bodies)))

    marks = ["planWithoutZones", "gatewayWithoutZones", "publicAddressWithoutZones", "networkWithoutDdosProtection"]
    assert [found.fields[mark] for mark in marks] == [True, True, True, True]
    assert found.fields["count"] == 4


def test_a_mark_that_cannot_be_read_leaves_the_count_unknown() -> None:
    gap = Gap("/", "Microsoft.Network/publicIPAddresses", "forbidden")

    found = profile(facts_of(estate_of(chat_bodies(), gaps=[gap])))

    assert found.uncollected == {"publicAddressWithoutZones": gap, "count": gap}
    assert "count" not in found.fields


def test_subnets_tell_their_role_their_occupants_and_their_security_group() -> None:
    facts = facts_of(estate_of(chat_bodies()))

    endpoints = subnet(facts, "snet-privateEndpoints")
    assert endpoints.fields["role"] == "subnet/private-endpoints"
    assert endpoints.fields["hasPrivateEndpoints"] is True
    assert {item["type"] for item in endpoints.fields["occupants"]} == {"Microsoft.Network/privateEndpoints"}
    assert len(endpoints.fields["occupants"]) == 9
    assert endpoints.fields["networkSecurityGroup"].endswith("/nsg-privateEndpointsSubnet")
    assert not any(f.fields["foreign"] for f in facts if f.kind == "inventory.subnet")


def test_a_stray_resource_in_a_subnet_is_foreign() -> None:
    bodies = chat_bodies()
    endpoint = one(bodies, "pep-stchat01", "privateEndpoints")
    properties: dict[str, Any] = endpoint["properties"]
    properties["subnet"]["id"] = properties["subnet"]["id"].replace("snet-privateEndpoints", "snet-appGateway")

    found = subnet(facts_of(estate_of(bodies)), "snet-appGateway")

    assert found.fields["role"] == "subnet/app-gateway"
    assert [item["id"] for item in found.fields["foreign"]] == [endpoint["id"]]
    assert found.fields["hasPrivateEndpoints"] is True


def test_an_interface_that_was_not_collected_leaves_open_whether_it_is_foreign() -> None:
    bodies = without(chat_bodies(), "/networkInterfaces/")
    gap = Gap("/", "Microsoft.Network/networkInterfaces", "forbidden")

    found = subnet(facts_of(estate_of(bodies, gaps=[gap])), "snet-jumpbox")

    assert found.uncollected == {"foreign": gap}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_hostile_shapes_never_crash_the_bindings_or_the_facts(data: st.DataObject) -> None:
    bodies = chat_bodies()
    for item in data.draw(st.lists(st.sampled_from(bodies), min_size=1, max_size=8, unique_by=lambda item: item["id"])):
        spoil(item, data)

    assert all(isinstance(fact, Derived) for fact in facts_of(estate_of(bodies)))
