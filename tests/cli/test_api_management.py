"""Who gets in to API Management in a network: its own switch decides, and the groups of the subnets that it lies in."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.command import GROUP, estate, in_process

Body = dict[str, Any]
NETWORK, OTHER = (f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{name}" for name in ("v", "w"))
NSG = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups"
EVERYBODY = ("Allow", "Internet", "443")


def subnet(network: str, group: str | None) -> Body:
    held = {} if group is None else {"networkSecurityGroup": {"id": f"{NSG}/{group}"}}
    return {
        "id": network,
        "name": network[-1],
        "type": "Microsoft.Network/virtualNetworks",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [
                {"id": f"{network}/subnets/s", "name": "s", "properties": {"addressPrefix": "10.0.1.0/24", **held}}
            ],
        },
    }


def group(name: str, *rules: tuple[str, str, str]) -> Body:
    listed = [
        {
            "name": f"r{place}",
            "properties": {
                "priority": 100 + place,
                "direction": "Inbound",
                "access": access,
                "protocol": "Tcp",
                "sourceAddressPrefix": source,
                "sourcePortRange": "*",
                "destinationAddressPrefix": "*",
                "destinationPortRange": ports,
            },
        }
        for place, (access, source, ports) in enumerate(rules)
    ]
    return {
        "id": f"{NSG}/{name}",
        "name": name,
        "type": "Microsoft.Network/networkSecurityGroups",
        "properties": {"securityRules": listed},
    }


def service(kind: str = "External", tier: str = "Premium", at: str | None = NETWORK, **properties: Any) -> Body:
    placed = {} if at is None else {"virtualNetworkConfiguration": {"subnetResourceId": f"{at}/subnets/s"}}
    return {
        "id": f"{GROUP}/providers/Microsoft.ApiManagement/service/apim",
        "name": "apim",
        "type": "Microsoft.ApiManagement/service",
        "sku": {"name": tier, "capacity": 1},
        "properties": {"virtualNetworkType": kind, "publicNetworkAccess": "Enabled", **placed, **properties},
    }


def elsewhere(at: str) -> list[Body]:
    return [{"location": "East US", "virtualNetworkConfiguration": {"subnetResourceId": f"{at}/subnets/s"}}]


def answer(folder: Path, to: str, *bodies: Body, complete: bool = True) -> str:
    words = ("network", "query", estate(folder, *bodies), "--from", "Internet", "--to", to, "--port", "443")
    options = ("--complete",) if complete else ()
    (record,) = in_process(*words, *options, "-o", "json", "--allow-incomplete", at=folder).report["records"]
    return next((door["answer"] for door in record.get("doors") or () if door["door"] == "public"), record["answer"])


HELD = subnet(NETWORK, "g")
CASES: dict[str, tuple[list[Body], str]] = {
    "the group lets everybody in": ([service(), HELD, group("g", EVERYBODY)], "yes"),
    "the group says nothing": ([service(), HELD, group("g")], "no"),
    "the group lets in who manages it": ([service(), HELD, group("g", ("Allow", "ApiManagement", "3443"))], "no"),
    "the group refuses": ([service(), HELD, group("g", ("Deny", "Internet", "*"), EVERYBODY)], "no"),
    "no group": ([service(), subnet(NETWORK, None)], "yes"),
    "the network was not read": ([service()], "unknown"),
    "the subnet is not stated": ([service(at=None)], "unknown"),
    "in letters of another case": ([service("external", "premium"), HELD, group("g")], "no"),
    "for developers": ([service(tier="Developer"), HELD, group("g")], "no"),
    "a tier that only sends from the network": ([service(tier="StandardV2"), HELD, group("g")], "yes"),
    "not in a network": ([service("None", at=None)], "yes"),
    "inside": ([service("Internal"), HELD, group("g", EVERYBODY)], "no"),
    "switched off": ([service(publicNetworkAccess="Disabled"), HELD, group("g", EVERYBODY)], "no"),
    "open in another region": (
        [service(additionalLocations=elsewhere(OTHER)), HELD, group("g"), subnet(OTHER, "h"), group("h", EVERYBODY)],
        "yes",
    ),
    "closed in both regions": (
        [service(additionalLocations=elsewhere(OTHER)), HELD, group("g"), subnet(OTHER, "h"), group("h")],
        "no",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_its_switch_and_its_groups_decide(name: str, tmp_path: Path) -> None:
    bodies, right = CASES[name]
    assert answer(tmp_path, "apim", *bodies) == right


_RULES = st.lists(
    st.tuples(
        st.sampled_from(["Allow", "Deny"]),
        st.sampled_from(["Internet", "*", "VirtualNetwork", "52.1.0.0/16", "10.0.0.0/8"]),
        st.sampled_from(["443", "80", "*", "400-500"]),
    ),
    max_size=4,
)


@pytest.mark.parametrize(("rules", "right"), [((), "unknown"), ((EVERYBODY,), "yes")])
def test_whether_its_tier_lies_in_the_network_is_not_known_where_no_tier_is_stated(
    rules: tuple[tuple[str, str, str], ...], right: str, tmp_path: Path
) -> None:
    bare = {name: value for name, value in service().items() if name != "sku"}
    assert answer(tmp_path, "apim", bare, HELD, group("g", *rules), complete=False) == right


@settings(max_examples=8)
@given(rules=_RULES)
def test_who_gets_into_its_subnet_gets_in(rules: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bodies = [service(), HELD, group("g", *rules)]
        assert answer(Path(folder), "apim", *bodies) == answer(Path(folder), f"{NETWORK}/subnets/s", *bodies)


@pytest.mark.parametrize(
    ("bodies", "state"),
    [
        (CASES["the group lets everybody in"][0], "open"),
        (CASES["the group says nothing"][0], "closed"),
        ([service(), HELD, group("g", ("Allow", "52.1.0.0/16", "443"))], "restricted"),
        (CASES["the network was not read"][0], None),
        (CASES["open in another region"][0], "open"),
    ],
)
def test_the_fact_about_its_door_says_what_the_groups_leave(
    bodies: list[Body], state: str | None, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "service-doors.yaml").write_text(_RULE, encoding="utf-8")
    words = ("evaluate", estate(tmp_path, *bodies), "--complete", "--rules", str(rules), "--select", "service-doors")
    report = in_process(*words, "--include-passed", "-o", "json", at=tmp_path).report
    [found] = [one for one in report["findings"] if (one["resource_id"] or "").endswith("/apim")]
    if state is None:
        assert found["status"] == "unknown"
        return
    assert {row["actual"] for row in found["evidence"] if row["path"] == "publicDoor"} == {state}, json.dumps(found)


_RULE = """
id: service-doors
title: Doors are closed
severity: low
rationale: It shows who gets in.
remediation: {text: None.}
controls: {own: [OWN-1]}
applies: {fact: exposure.doors}
require: {field: publicDoor, equals: closed}
examples:
  - name: closed
    resource: {publicDoor: closed}
    verdict: pass
  - name: open
    resource: {publicDoor: open}
    verdict: fail
"""
