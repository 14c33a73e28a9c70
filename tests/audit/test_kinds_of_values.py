"""A value of another kind than its setting takes is no setting of Azure's: it is judged as one that was not read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import body as reader
from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.azure.vocabulary import Property
from auditor.inputs.entries import as_arm
from auditor.inputs.glance import glance
from auditor.model import Gap, Report, Status
from auditor.snapshot.model import LIST_OF_ANOTHER_KIND
from tests.audit.judging import judged, those
from tests.checkout import ROOT

Place = tuple[str, ...]
_GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg"
_DECIDED = {Status.PASS, Status.FAIL}
_NO_FLAG = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8).filter(lambda text: text.lower() not in {"true", "false"}),
    st.lists(st.booleans(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.booleans(), max_size=2),
)


def _read(entry: dict[str, Any]) -> tuple[dict[str, Any], list[Gap]]:
    body, gaps = as_arm(entry, glance(entry))
    return dict(body), gaps


def _flags(value: Any, at: Place = ()) -> Iterator[Place]:
    if isinstance(value, bool):
        yield at
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _flags(inner, (*at, name))


@cache
def _sample(name: str) -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "samples" / f"{name}.json").read_text(encoding="utf-8"))
    return {key: value for key, value in document.items() if key != "gaps"}


def _all_flags(name: str) -> Sequence[tuple[str, int, Place]]:
    bodies = _sample(name)["resources"]
    return [(name, at, place) for at, body in enumerate(bodies) for place in _flags(body.get("properties"))]


def _with(name: str, at: int, place: Place, value: Any) -> dict[str, Any]:
    document = dict(_sample(name))
    bodies = list(document["resources"])
    changed = deepcopy(bodies[at])
    holder = changed["properties"]
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    bodies[at] = changed
    return {**document, "resources": bodies}


def _statuses(report: Report) -> dict[tuple[str, str | None, str], Status]:
    return {(one.rule_id, one.resource_id, one.sub_object): one.status for one in report.findings}


@settings(max_examples=12)
@given(flag=st.sampled_from([*_all_flags("chat"), *_all_flags("landing-zone")]), wrong=_NO_FLAG)
def test_what_a_flag_decides_is_unknown_where_no_flag_stands(flag: tuple[str, int, Place], wrong: Any) -> None:
    on, off, odd = (_statuses(judged(_with(*flag, value))) for value in (True, False, wrong))
    deciding = [key for key, status in on.items() if {status, off.get(key)} == _DECIDED]
    assert {key: odd.get(key) for key in deciding} == dict.fromkeys(deciding, Status.UNKNOWN)


def _holds_flags() -> list[Any]:
    return [
        pytest.param(kind.name, known, id=f"{kind.name} {known.path}")
        for kind in shipped()
        for known in kind.properties
        if known.holds is not None and known.holds.types == ("boolean",)
    ]


def _body(resource_type: str, known: Property, value: Any) -> dict[str, Any]:
    namespace, *names = resource_type.split("/")
    spelled = "/".join(f"{name}/one" for name in names)
    for step in reversed(known.steps):
        value = [value] if step is paths.EACH else {step.name: value}
    return {"id": f"{_GROUP}/providers/{namespace}/{spelled}", "type": resource_type, "name": "one", **value}


@pytest.mark.parametrize(("resource_type", "known"), _holds_flags())
@pytest.mark.parametrize("wrong", [0, 1, 0.5, "yes", "", "1", [], [True], {}, {"value": True}], ids=repr)
def test_a_flag_of_a_known_property_that_is_none_was_not_read(resource_type: str, known: Property, wrong: Any) -> None:
    body, gaps = _read(_body(resource_type, known, wrong))
    assert not reader.values_at(body, known.steps)
    wanted = LIST_OF_ANOTHER_KIND if paths.EACH in known.steps else "true or false belongs"
    assert [gap for gap in gaps if wanted in gap.reason]


@pytest.mark.parametrize(("resource_type", "known"), _holds_flags())
@pytest.mark.parametrize("right", [True, False, None, "true", "False"], ids=repr)
def test_a_flag_may_be_spelled_as_text_and_be_null(resource_type: str, known: Property, right: Any) -> None:
    given_body = _body(resource_type, known, right)
    assert _read(given_body) == (given_body, [])


def _app(**properties: Any) -> dict[str, Any]:
    kind = "Microsoft.Web/sites"
    return {
        "id": f"{_GROUP}/providers/{kind}/app",
        "type": kind,
        "name": "app",
        "kind": "app",
        "location": "westeurope",
        "properties": properties,
    }


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (True, Status.PASS, None),
        ("True", Status.PASS, None),
        (False, Status.FAIL, None),
        (None, Status.FAIL, None),
        (1, Status.UNKNOWN, "the export holds a number where true or false belongs"),
        ("on", Status.UNKNOWN, "the export holds a text where true or false belongs"),
        ([True], Status.UNKNOWN, "the export holds a list where true or false belongs"),
        ({}, Status.UNKNOWN, "the export holds an object where true or false belongs"),
    ],
)
def test_the_finding_says_what_stands_in_the_place_of_a_flag(value: Any, status: Status, reason: str | None) -> None:
    [finding] = those(judged({"resources": [_app(httpsOnly=value)]}, "app-https-only").findings, "app-https-only")
    assert finding.status is status
    assert reason is None or reason in finding.message


@pytest.mark.parametrize("traffic", [["blue"], "blue=100", 100, True])
def test_traffic_that_is_no_object_is_not_known(traffic: Any) -> None:
    workspace = f"{_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    kind = "Microsoft.MachineLearningServices/workspaces"
    endpoint = f"{workspace}/onlineEndpoints/flow"
    bodies = [
        {"id": workspace, "type": kind, "name": "mlw", "properties": {}},
        {"id": endpoint, "type": f"{kind}/onlineEndpoints", "name": "flow", "properties": {"traffic": traffic}},
        {
            "id": f"{endpoint}/deployments/blue",
            "type": f"{kind}/onlineEndpoints/deployments",
            "name": "blue",
            "sku": {"name": "Default", "capacity": 1},
            "properties": {},
        },
    ]
    rules = ("ml-endpoint-takes-traffic", "ml-endpoint-traffic-complete", "ml-deployment-minimum-instances")
    report = judged({"resources": bodies}, *rules)
    assert {one.rule_id: one.status for one in report.findings} == dict.fromkeys(rules, Status.UNKNOWN)


@pytest.mark.parametrize("status", [7, True, {}, []])
def test_of_an_endpoint_whose_connections_are_not_as_azure_writes_them_no_service_is_short(status: Any) -> None:
    document = dict(_sample("chat"))
    bodies = deepcopy(document["resources"])
    for body in bodies:
        if body["type"].lower() == "microsoft.network/privateendpoints":
            for connection in body["properties"].get("privateLinkServiceConnections") or ():
                connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
    before, after = judged(document), judged({**document, "resources": bodies})
    failed = {(one.rule_id, one.resource_id) for one in before.findings if one.status is Status.FAIL}
    more = {(one.rule_id, one.resource_id) for one in after.findings if one.status is Status.FAIL} - failed
    assert not {rule for rule, _ in more if "private-endpoint" in rule}


def test_other_settings_of_the_resource_are_judged_all_the_same() -> None:
    report = judged({"resources": [_app(httpsOnly=1, endToEndEncryptionEnabled=True)]})
    [other] = those(report.findings, "app-end-to-end-encryption")
    assert other.status in _DECIDED | {Status.NOT_APPLICABLE}


def test_a_peering_with_a_flag_that_is_none_is_not_known_alone_nor_in_its_network() -> None:
    network = f"{_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
    peering = {
        "id": f"{network}/virtualNetworkPeerings/hub",
        "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "name": "hub",
        "properties": {"allowVirtualNetworkAccess": "no"},
    }
    held = {
        "id": network,
        "type": "Microsoft.Network/virtualNetworks",
        "name": "vnet",
        "properties": {"virtualNetworkPeerings": [peering]},
    }
    assert [gap.what for gap in _read(peering)[1]] == ["properties"]
    assert {gap.what for gap in _read(held)[1]} == {
        "properties.virtualNetworkPeerings",
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    }
