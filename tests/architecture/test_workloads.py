from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.architecture.bind import Claims
from auditor.architecture.workloads import Workload, Workloads, bind
from auditor.errors import ContentError
from auditor.yaml_source import load_file
from tests.checkout import BASELINE
from tests.estates.chat import chat_bodies
from tests.estates.graph import Body, estate_of, renamed

_FILE = BASELINE / "components.yaml"
DECLARATIONS: dict[str, Any] = load_file(_FILE).plain()

BY_STRUCTURE = {
    "workspace": ["mlw-chat01"],
    "workspace-storage": ["stmlchat01"],
    "workspace-vault": ["kv-chat01"],
    "registry": ["crchat01"],
    "workspace-insights": ["appi-chat01"],
    "log-analytics": ["log-chat01"],
    "online-endpoint": ["ept-chat01"],
    "online-deployment": ["ept-chat01"],
    "compute-instance": ["amli-chat01"],
    "openai": ["oai-chat01"],
    "gateway": ["agw-chat01"],
    "waf-policy": ["waf-chat01"],
    "chat-ui": ["app-chat01"],
    "app-plan": ["asp-app-chat01"],
    "flow-app": ["app-chat01-pf"],
    "app-storage": ["stchat01"],
    "app-vault": ["kv-chat01"],
    "vnet": ["vnet-chat01"],
    "bastion": ["ab-chat01"],
    "jump-box": ["vm-jmp-chat01"],
    "subnet/app-gateway": ["snet-appGateway"],
    "subnet/app-service": ["snet-appServicePlan"],
    "subnet/private-endpoints": ["snet-privateEndpoints"],
    "subnet/bastion": ["AzureBastionSubnet"],
    "subnet/jump-box": ["snet-jumpbox"],
}
BY_NAME = {
    "subnet/agents": ["snet-agents"],
    "subnet/training": ["snet-training"],
    "subnet/scoring": ["snet-scoring"],
}


def workloads_of(bodies: list[Body], **parameters: object) -> Workloads:
    return bind(estate_of(bodies), parameters, DECLARATIONS)


def names(workload: Workload) -> dict[str, list[str]]:
    return {component: [r.name for r in workload.resources(component)] for component in workload.bindings}


def without(bodies: list[Body], *parts: str) -> list[Body]:
    """Return the bodies whose ids hold none of the words."""
    return [item for item in bodies if not any(part.lower() in item["id"].lower() for part in parts)]


def one(bodies: list[Body], name: str, kind: str = "") -> Body:
    return next(item for item in bodies if item["name"] == name and kind.lower() in item["type"].lower())


def test_every_component_of_the_chat_estate_binds_by_structure_but_the_empty_subnets() -> None:
    found = workloads_of(chat_bodies())

    (workload,) = found.all
    assert workload.name == "mlw-chat01"
    assert names(workload) == BY_STRUCTURE | BY_NAME
    how = {component: {binding.how for binding in bindings} for component, bindings in workload.bindings.items()}
    assert how == {component: {"structure"} for component in BY_STRUCTURE} | {
        component: {"name"} for component in BY_NAME
    }
    assert [notice.partition(" ")[0] for notice in workload.notices] == list(BY_NAME)


def test_the_role_of_a_resource_extends_to_what_lies_below_it() -> None:
    bodies = chat_bodies()
    found = workloads_of(bodies)

    account = one(bodies, "oai-chat01")["id"].lower()
    network = one(bodies, "vnet-chat01")["id"].lower()
    assert found.role_of(account) == ("mlw-chat01", "openai")
    assert found.role_of(f"{account}/deployments/gpt35") == ("mlw-chat01", "openai")
    assert found.role_of(f"{network}/subnets/snet-agents") == ("mlw-chat01", "subnet/agents")
    assert found.role_of("/subscriptions/x") == (None, None)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), fold=st.sampled_from([str.lower, str.upper]))
def test_neither_order_nor_letter_case_changes_the_bindings(seed: int, fold: Any) -> None:
    shuffled = [with_ids(item, fold) for item in chat_bodies()]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, not a secret

    (workload,) = workloads_of(shuffled).all

    lowered = {component: [name.lower() for name in found] for component, found in names(workload).items()}
    assert lowered == {c: [name.lower() for name in found] for c, found in (BY_STRUCTURE | BY_NAME).items()}


def with_ids(of: Any, fold: Any) -> Any:
    """Return a copy with every id, type and property name below `properties` in another case."""
    if isinstance(of, dict):
        return {fold(key) if key.startswith("/") else key: with_ids(item, fold) for key, item in of.items()}
    if isinstance(of, list):
        return [with_ids(item, fold) for item in of]
    return fold(of) if isinstance(of, str) and of.startswith("/subscriptions/") else of


def test_property_names_may_be_spelled_in_any_case() -> None:
    bodies = chat_bodies()
    for item in bodies:
        item["properties"] = json.loads(json.dumps(item["properties"]), object_hook=lower_keys)
        for name in ("subnets", "privateendpointconnections"):
            if name in item["properties"]:
                spelled = "subnets" if name == "subnets" else "privateEndpointConnections"
                item["properties"][spelled] = item["properties"].pop(name)

    (workload,) = workloads_of(bodies).all

    assert names(workload) == BY_STRUCTURE | BY_NAME


def lower_keys(of: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): item for key, item in of.items()}


def second(bodies: list[Body]) -> list[Body]:
    """Return the estate once more, in another resource group and with other names and principals."""
    guids = {
        item["properties"]["principalId"]: item["properties"]["principalId"][::-1]
        for item in bodies
        if item["type"] == "Microsoft.ManagedIdentity/userAssignedIdentities"
    }
    return renamed(bodies, {"rg-chat": "rg-two", "chat01": "chat02", "10.0.": "10.8.", **guids})


def test_two_instances_in_one_scope_are_two_workloads() -> None:
    bodies = chat_bodies()

    found = workloads_of(bodies + second(bodies))

    first, other = found.all
    assert names(first) == BY_STRUCTURE | BY_NAME
    expected = {c: [name.replace("chat01", "chat02") for name in listed] for c, listed in names(first).items()}
    assert names(other) == expected


def test_two_instances_in_one_network_keep_their_own_services() -> None:
    bodies = chat_bodies()
    copied = without(second(bodies), "/virtualNetworks/", "/bastionHosts/", "/virtualMachines/", "nic-jmp", "pip-ab-")
    network = one(bodies, "vnet-chat01")["id"]
    shared = renamed(copied, {network.replace("rg-chat", "rg-two").replace("chat01", "chat02"): network})

    first, other = workloads_of(bodies + shared).all

    for component in ("openai", "gateway", "chat-ui", "app-plan", "flow-app", "app-storage", "waf-policy"):
        assert names(first)[component] == BY_STRUCTURE[component]
        assert names(other)[component] == [name.replace("chat01", "chat02") for name in BY_STRUCTURE[component]]
    for component in ("vnet", "bastion", "jump-box", "subnet/private-endpoints"):
        assert names(other)[component] == names(first)[component]
    assert "bastion: ab-chat01 is shared with other workloads" in other.notices


def test_a_network_in_another_resource_group_changes_nothing() -> None:
    bodies = chat_bodies()
    network = one(bodies, "vnet-chat01")["id"]
    moved = renamed(bodies, {network: network.replace("rg-chat", "rg-hub")})

    (workload,) = workloads_of(moved).all

    assert names(workload) == BY_STRUCTURE | BY_NAME
    assert "/rg-hub/" in workload.resources("vnet")[0].key


def test_workloads_of_one_name_are_told_apart_by_resource_group() -> None:
    bodies = chat_bodies()
    copied = renamed(second(bodies), {"chat02": "chat01"})

    found = workloads_of(bodies + copied)

    assert [workload.name for workload in found.all] == ["mlw-chat01 (rg-chat)", "mlw-chat01 (rg-two)"]


def test_two_sites_behind_the_gateway_are_both_the_chat_ui_and_reported() -> None:
    bodies = chat_bodies()
    pools = one(bodies, "agw-chat01")["properties"]["backendAddressPools"]
    pools[0]["properties"]["backendAddresses"].append({"fqdn": "APP-chat01-pf.azurewebsites.net"})

    (workload,) = workloads_of(bodies).all
    assert names(workload)["chat-ui"] == ["app-chat01", "app-chat01-pf"]
    assert "chat-ui is ambiguous: app-chat01, app-chat01-pf fit and each is judged" in workload.notices

    (pinned,) = workloads_of(bodies, roles={"chat_ui_app": "app-chat01"}).all
    assert names(pinned)["chat-ui"] == ["app-chat01"]
    assert [binding.how for binding in pinned.bindings["chat-ui"]] == ["parameter"]


def test_the_one_candidate_is_taken_and_said_so_but_of_two_none_is_guessed() -> None:
    bodies = chat_bodies()
    search = {
        "id": one(bodies, "rg-chat")["id"] + "/providers/Microsoft.Search/searchServices/srch",
        "name": "srch",
        "type": "Microsoft.Search/searchServices",
        "properties": {},
    }
    other = search | {"id": search["id"] + "2", "name": "srch2"}

    (workload,) = workloads_of([*bodies, search]).all
    assert [(b.resource.name, b.how) for b in workload.bindings["search"]] == [("srch", "only candidate")]
    assert any("srch" in notice for notice in workload.notices)

    (workload,) = workloads_of([*bodies, search, other]).all
    assert "search" not in workload.bindings
    assert "search is not bound: srch, srch2 exist and none is connected" in workload.notices


def test_build_agents_are_told_from_the_jump_box_by_the_name_of_their_subnet() -> None:
    bodies = chat_bodies()
    agent = [item for item in bodies if item["name"] in {"vm-jmp-chat01", "nic-jmp-chat01"}]
    words = {"vm-jmp-chat01": "vm-agent", "nic-jmp-chat01": "nic-agent", "snet-jumpbox": "snet-agents"}

    (workload,) = workloads_of(bodies + renamed(agent, words)).all

    assert names(workload)["jump-box"] == ["vm-jmp-chat01"]
    assert names(workload)["subnet/jump-box"] == ["snet-jumpbox"]
    assert names(workload)["subnet/agents"] == ["snet-agents"]


def test_a_stray_private_endpoint_does_not_make_the_agents_subnet_the_endpoint_subnet() -> None:
    bodies = chat_bodies()
    endpoint = one(bodies, "pep-stchat01", "privateEndpoints")
    endpoint["properties"]["subnet"]["id"] = endpoint["properties"]["subnet"]["id"].replace(
        "privateEndpoints", "agents"
    )

    (workload,) = workloads_of(bodies).all

    assert names(workload)["subnet/private-endpoints"] == ["snet-privateEndpoints"]
    assert names(workload)["subnet/agents"] == ["snet-agents"]


def test_subnets_have_any_names_while_something_sits_in_them_and_parameters_name_the_empty_ones() -> None:
    words = {
        name: f"x{number}" for number, name in enumerate(["snet-appGateway", "snet-privateEndpoints", "snet-agents"])
    }

    (workload,) = workloads_of(renamed(chat_bodies(), words), subnet_roles={"agents": "X2"}).all

    assert names(workload)["subnet/app-gateway"] == ["x0"]
    assert names(workload)["subnet/private-endpoints"] == ["x1"]
    assert names(workload)["subnet/agents"] == ["x2"]


def test_a_lone_account_is_a_workload_of_its_own() -> None:
    bodies = without(chat_bodies(), "MachineLearningServices")

    found = workloads_of(bodies)
    (workload,) = found.all

    assert workload.name == "oai-chat01"
    assert found.notices == (
        "no Machine Learning workspace in the estate: workloads are named after their Azure OpenAI account",
    )
    for component in ("gateway", "chat-ui", "vnet", "bastion", "jump-box", "subnet/private-endpoints"):
        assert names(workload)[component] == BY_STRUCTURE[component]


def test_an_estate_without_any_anchor_has_no_workload_and_a_notice() -> None:
    found = workloads_of([])

    assert not found.all
    assert found.notices == ("no workload: the estate has no resource to start from",)


@pytest.mark.parametrize(
    ("parameters", "component", "required"),
    [
        ({}, "search", True),
        ({"ai_search_required": False}, "search", False),
        ({}, "online-endpoint", True),
        ({"flow_hosting": "app_service"}, "online-endpoint", False),
        ({"flow_hosting": "both"}, "flow-app", True),
        ({}, "flow-app", False),
        ({"subnet_roles": {"training": False}}, "subnet/training", False),
    ],
)
def test_parameters_decide_what_is_required(parameters: dict[str, object], component: str, required: bool) -> None:  # noqa: FBT001 - a table
    found = bind(estate_of([]), parameters, DECLARATIONS)

    (declaration,) = [item for item in found.declared if item.name == component]
    assert declaration.required is required


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": {"types": [], "reech": []}},
        {"a": {"reach": [{"from": "b", "related": ["child"]}]}},
        {"a": {"reach": [{"from": "a", "related": ["chidl"]}]}},
        {"a": {"reach": [{"from": "a"}]}},
        {"a": {"required": "yes"}},
        {"a": {"where": [{"is": "nothing"}]}},
        {"a": 1},
    ],
)
def test_wrong_declarations_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ContentError, match="component a"):
        bind(estate_of([]), {}, wrong)


def test_a_dangling_reference_binds_nothing_else() -> None:
    bodies = without(chat_bodies(), "/registries/crchat01")
    other = {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/other",
        "name": "other",
        "type": "Microsoft.ContainerRegistry/registries",
        "properties": {},
    }

    (workload,) = workloads_of([*bodies, other]).all

    assert "registry" not in workload.bindings


_HELD = st.dictionaries(st.sampled_from("abc"), st.frozensets(st.sampled_from(["w1", "w2", "w3"]), min_size=1))


@given(st.dictionaries(st.sampled_from(["vnet", "gateway"]), _HELD))
def test_a_resource_is_barred_to_a_workload_where_only_others_reach_it_on_their_own_account(
    holders: dict[str, dict[str, frozenset[str]]],
) -> None:
    for anchor in ("w1", "w2", "w3"):
        claimed = {
            resource
            for name in ("vnet", "gateway")
            for resource, anchors in holders.get(name, {}).items()
            if anchor not in anchors
        }
        barred = {resource for resource in "abc" if Claims(holders).bar(anchor, ("vnet", "gateway"), resource)}

        assert barred == claimed
