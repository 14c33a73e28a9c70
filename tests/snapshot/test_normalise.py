from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.model import Gap
from auditor.snapshot.normalise import ExportEntry, normalise
from tests.conftest import ReadDocument
from tests.estates.accounts import GROUP, account, child, resource

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
randoms = st.integers(0, 2**32).map(random.Random)
INLINE = ("subnets", "securityRules", "virtualNetworkPeerings", "routes", "privateEndpointConnections")

FAMILIES = [
    ("Microsoft.Network/virtualNetworks", "subnets"),
    ("Microsoft.Network/virtualNetworks", "virtualNetworkPeerings"),
    ("Microsoft.Network/networkSecurityGroups", "securityRules"),
    ("Microsoft.Network/routeTables", "routes"),
    ("Microsoft.KeyVault/vaults", "privateEndpointConnections"),
    ("Microsoft.Web/sites", "privateEndpointConnections"),
    ("Microsoft.CognitiveServices/accounts", "deployments"),
]


def shuffled(value: Any, rnd: random.Random) -> Any:
    """Shuffle the keys of all objects; lists keep their order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], rnd) for key in rnd.sample(list(value), len(value))}
    return [shuffled(item, rnd) for item in value] if isinstance(value, list) else value


def place(parent: dict[str, Any], segment: str, one: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Put a child into its parent in one of the ways of exporters; return what becomes entries of its own."""
    if where in ("inline", "both") and segment in INLINE:
        parent["properties"].setdefault(segment, []).append(copy.deepcopy(one))
    elif where == "inline without id" and segment in INLINE:
        bare = {key: value for key, value in one.items() if key in ("name", "properties")}
        parent["properties"].setdefault(segment, []).append(bare)
    elif where == "template":
        short = {"type": segment, "name": f"{parent['name']}/{one['name']}", "properties": one["properties"]}
        parent.setdefault("resources", []).append(short)
    elif where != "own":
        parent.setdefault("resources", []).append(copy.deepcopy(one))
    return [one] if where in ("own", "both") else []


@quick
@given(
    st.lists(st.sampled_from(["inline", "inline without id", "own", "both", "nested", "template"]), max_size=14),
    randoms,
)
def test_where_children_stand_and_in_which_order_makes_no_difference(
    read_document: ReadDocument, places: list[str], rnd: random.Random
) -> None:
    parents = {kind: resource(kind, "p", {"state": "ok"}) for kind, _ in FAMILIES}
    chosen, entries, separate = copy.deepcopy(parents), [], []
    for number, where in enumerate(places):
        kind, segment = FAMILIES[number % len(FAMILIES)]
        one = child(parents[kind], segment, f"c{rnd.randrange(10**6)}x{number}", priority=number)
        entries += place(chosen[kind], segment, one, where)
        separate.append(one)
    given_ = rnd.sample([*chosen.values(), *entries], len(chosen) + len(entries))
    snapshot = read_document([shuffled(entry, rnd) for entry in given_])
    assert snapshot == read_document([*parents.values(), *separate])
    assert len(snapshot.resources) == len(parents) + len(places)


@quick
@given(randoms)
def test_the_chat_estate_is_one_however_it_is_exported(
    chat_document: dict[str, Any], read_document: ReadDocument, rnd: random.Random
) -> None:
    document, more = copy.deepcopy(chat_document), []
    known = {entry["id"].lower(): entry for entry in document["resources"]}
    for parent in document["resources"]:
        for segment in INLINE:
            items = parent["properties"].get(segment) or []
            if not items or not items[0]["id"].lower().startswith(parent["id"].lower() + "/"):
                continue
            where = [rnd.choice(["inline", "own", "both"]) for _ in items]
            parent["properties"][segment] = [item for item, how in zip(items, where, strict=True) if how != "own"]
            more += [item for item, how in zip(items, where, strict=True) if how != "inline"]
    for entry in list(document["resources"]):
        parent_key = entry["id"].lower().rsplit("/", 2)[0]
        if parent_key in known and rnd.random() < 0.5:
            known[parent_key].setdefault("resources", []).append(entry)
            document["resources"] = [other for other in document["resources"] if other is not entry]
    entries = document["resources"] + more
    document["resources"] = [shuffled(entry, rnd) for entry in rnd.sample(entries, len(entries))]
    assert read_document(document) == read_document(chat_document)


def test_normalising_twice_changes_nothing(chat_document: dict[str, Any]) -> None:
    once, gaps = normalise(ExportEntry(body, "x") for body in chat_document["resources"])
    twice, _ = normalise(ExportEntry(row.body, "x") for row in once)
    assert twice == once
    assert gaps == []


@quick
@given(randoms)
def test_the_case_of_ids_does_not_change_the_resources(
    chat_document: dict[str, Any], read_document: ReadDocument, rnd: random.Random
) -> None:
    def recased(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: recased(item) for key, item in value.items()}
        if isinstance(value, str) and value.startswith("/subscriptions/"):
            return rnd.choice([value.lower(), value.upper(), value])
        return [recased(item) for item in value] if isinstance(value, list) else value

    keys = [row.key for row in read_document(chat_document).resources]
    assert [row.key for row in read_document(recased(chat_document)).resources] == keys


def test_parents_list_their_children_by_key(read_document: ReadDocument) -> None:
    network = resource(
        "Microsoft.Network/virtualNetworks", "vnet", {"Subnets": [{"name": "b", "properties": {"x": 1}}]}
    )
    own = child(network, "subnets", "a", x=2)
    found = {row.name: row for row in read_document([network, own]).resources}
    assert [item["name"] for item in found["vnet"].properties["subnets"]] == ["a", "b"]
    assert set(found["vnet"].properties) == {"subnets"}
    assert found["b"].id == f"{network['id']}/subnets/b"
    assert found["b"].type == "Microsoft.Network/virtualNetworks/subnets"
    assert found["vnet"].properties["subnets"][1] == found["b"].body


def test_an_entry_of_its_own_wins_and_the_nested_copy_adds_what_is_missing(read_document: ReadDocument) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet")
    nested = {**child(network, "subnets", "s", addressPrefix="10.0.0.0/24", state="old"), "etag": "e"}
    network["properties"]["subnets"] = [nested]
    (row,) = [
        row
        for row in read_document([network, child(network, "subnets", "s", state="new")]).resources
        if row.name == "s"
    ]
    assert row.properties == {"addressPrefix": "10.0.0.0/24", "state": "new"}
    assert row.body["etag"] == "e"


def test_back_references_are_no_children(read_document: ReadDocument) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet")
    subnet = child(network, "subnets", "s")
    group = resource("Microsoft.Network/networkSecurityGroups", "nsg", {"subnets": [{"id": subnet["id"]}]})
    endpoint = resource(
        "Microsoft.Network/privateEndpoints", "pe", {"privateEndpointConnections": [{"name": "x", "properties": {}}]}
    )
    rows = read_document([network, group, endpoint]).resources
    assert [row.name for row in rows] == ["nsg", "pe", "vnet"]
    mistyped = {**subnet, "type": "Microsoft.Network/networkSecurityGroups/subnets"}
    types = {row.type for row in read_document([network, group, mistyped]).resources}
    assert "Microsoft.Network/virtualNetworks/subnets" in types


def test_a_child_known_by_its_id_only_is_a_gap(read_document: ReadDocument) -> None:
    machine = resource("Microsoft.Compute/virtualMachines", "vm")
    reference = f"{machine['id']}/extensions/agent"
    snapshot = read_document([{**machine, "resources": [{"id": reference}]}])
    assert snapshot.gaps == [
        Gap(reference, "Microsoft.Compute/virtualMachines/extensions", "only its id is in the export")
    ]
    assert len(snapshot.resources) == 1


def test_a_listing_without_properties_does_not_get_some(read_document: ReadDocument) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet")
    del network["properties"]
    rows = read_document([network, child(network, "subnets", "s")]).resources
    assert "properties" not in rows[0].body


def test_template_names_give_ids(read_document: ReadDocument) -> None:
    site = resource("Microsoft.Web/sites", "app", resources=[
        {"type": "Microsoft.Web/sites/slots/config", "name": "app/stage/web", "properties": {"a": 1}},
        {"type": "Microsoft.Insights/diagnosticSettings", "name": "d", "properties": {"b": 1}, "apiVersion": "2021"},
    ])  # fmt: skip
    rows = {row.id.removeprefix(site["id"]): row for row in read_document([site]).resources}
    assert set(rows) == {"", "/slots/stage/config/web", "/providers/Microsoft.Insights/diagnosticSettings/d"}
    assert rows["/providers/Microsoft.Insights/diagnosticSettings/d"].api_version == "2021"


def test_the_same_entry_twice_is_one_in_the_spelling_of_azure(read_document: ReadDocument) -> None:
    loud = {**account(), "id": account()["id"].upper(), "type": account()["type"].upper(), "name": "ST1"}
    assert read_document([loud, account(), account()]) == read_document([account()])


def test_an_id_without_its_first_slash_is_understood(read_document: ReadDocument) -> None:
    assert read_document([{**account(), "id": account()["id"][1:]}]) == read_document([account()])


def test_a_resource_that_contains_itself_is_one(read_document: ReadDocument) -> None:
    assert read_document([{**account(), "resources": [account()]}]) == read_document([account()])


def test_two_entries_that_contradict_each_other_are_refused(read_document: ReadDocument) -> None:
    other = {**account(publicNetworkAccess="Disabled"), "id": account()["id"].upper()}
    with pytest.raises(InputError, match=r"resource 1 and resource 3 hold the same id.*/subscriptions.*/SUBSCRIPTIONS"):
        read_document([account(), account("st2"), other])


def test_two_nested_children_of_one_name_that_contradict_each_other_are_refused(read_document: ReadDocument) -> None:
    rules = [{"name": "r", "properties": {"access": access}} for access in ("Allow", "Deny")]
    group = resource("Microsoft.Network/networkSecurityGroups", "nsg", {"securityRules": rules})
    with pytest.raises(InputError, match="resource 1 holds the same id"):
        read_document([group])


KEYS = ["id", "name", "type", "properties", "resources", "value", "data", "subnets", "securityRules", "gaps", "tags"]
IDS = [
    account()["id"],
    account()["id"].upper(),
    GROUP,
    f"{account()['id']}/subnets/s",
    "/subscriptions/",
    "/providers//",
    "",
]
TYPES = ["Microsoft.Network/virtualNetworks", "microsoft.storage/storageaccounts", "subnets", "/", ""]
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.sampled_from([*IDS, *TYPES, "x", "a/b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
VNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v"
children = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["s", "t", "u"]),
        "type": st.sampled_from(["subnets", "Microsoft.Network/virtualNetworks/x"]),
    },
    optional={"id": st.sampled_from([f"{VNET}/subnets/s", GROUP, "x"]), "properties": anything, "resources": anything},
)
lists = st.dictionaries(st.sampled_from(KEYS), st.lists(children | anything, max_size=3) | anything, max_size=3)
estates = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from([VNET, VNET.upper(), account()["id"], f"{VNET}/subnets/S", GROUP])},
        optional={"properties": lists, "resources": st.lists(children, max_size=3), "tags": anything, "type": anything},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: str(entry["id"]),
)


@settings(quick, max_examples=200)
@given(anything | estates)
def test_any_document_is_read_or_refused_and_reads_the_same_again(read_document: ReadDocument, document: Any) -> None:
    try:
        snapshot = read_document(document)
    except InputError:
        return
    again, _ = normalise(ExportEntry(row.body, "again") for row in snapshot.resources)
    assert again == snapshot.resources


@pytest.mark.parametrize(
    ("own_id", "given_type", "expected"),
    [
        (GROUP, None, "Microsoft.Resources/resourceGroups"),
        (GROUP, "microsoft.resources/subscriptions/resourcegroups", "Microsoft.Resources/resourceGroups"),
        (GROUP.rpartition("/resourceGroups")[0], None, "Microsoft.Resources/subscriptions"),
        (account()["id"], None, "Microsoft.Storage/storageAccounts"),
        (account()["id"], "microsoft.storage/storageaccounts", "Microsoft.Storage/storageAccounts"),
        (account()["id"].lower(), "Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts"),
        (account()["id"], 5, "Microsoft.Storage/storageAccounts"),
    ],
)
def test_types_are_named_as_azure_spells_them(
    own_id: str, given_type: object, expected: str, read_document: ReadDocument
) -> None:
    assert read_document([{"id": own_id, "type": given_type}]).resources[0].type == expected
