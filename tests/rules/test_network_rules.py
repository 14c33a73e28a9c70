"""What the rules on traffic say of the reference estate: what is open is found, by its effect and not by names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor import audit, content
from auditor.content import Choice
from auditor.model import Finding, Status
from auditor.snapshot import readers
from tests.estate.estates import reference_bodies
from tests.estates import NOW

Bodies = list[dict[str, Any]]
NETWORK = content.load(Choice(select=["nsg-*", "subnet-*", "gateway-control-*", "jump-box-*", "workload-gateway-*"]))


def judged(bodies: Bodies, tmp_path: Any) -> list[Finding]:
    path = tmp_path / "estate.json"
    path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
    return list(audit.judge(readers.read(path), NETWORK, audit.Terms(complete=True, as_of=NOW)).findings)


def failures(found: list[Finding]) -> set[tuple[str, str]]:
    return {
        (one.rule_id, f"{(one.resource_id or '').rpartition('/')[2]} {one.sub_object}".strip())
        for one in found
        if one.status is Status.FAIL and one.severity.value != "info" and one.rule_id != "subnet-flows-planned"
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    return judged(reference_bodies(), tmp_path_factory.mktemp("reference"))


EXPECTED = {
    ("gateway-control-ports-restricted", "snet-appGateway"),
    ("nsg-deny-has-effect", "nsg-agentsSubnet Outbound/DenyAllOutBound"),
    ("subnet-agents-limited", "snet-agents Outbound"),
    ("subnet-app-service-outbound-limited", "snet-appServicePlan Outbound"),
    ("subnet-bastion-limited", "AzureBastionSubnet Inbound"),
    ("subnet-bastion-limited", "AzureBastionSubnet Outbound"),
    ("subnet-denies-the-rest", "snet-agents Outbound"),
    ("subnet-denies-the-rest", "snet-appServicePlan Outbound"),
    ("subnet-denies-the-rest", "snet-jumpbox Inbound"),
    ("subnet-gateway-outbound-least", "snet-appGateway Outbound"),
    ("subnet-jump-box-inbound-closed", "snet-jumpbox Inbound"),
    ("subnet-jump-box-outbound-limited", "snet-jumpbox Outbound"),
    ("subnet-private-endpoints-filtered", "snet-privateEndpoints"),
}


def test_the_reference_estate_is_open_exactly_here(reference: list[Finding]) -> None:
    assert failures(reference) == EXPECTED
    assert not [one for one in reference if one.status is Status.UNKNOWN]


def test_the_agents_are_open_to_the_internet_and_the_cause_is_named(reference: list[Finding]) -> None:
    [finding] = [one for one in reference if one.rule_id == "subnet-agents-limited" and one.status is Status.FAIL]

    assert "Internet" in finding.message
    assert "DenyAllOutBound" in finding.message
    assert "10.0.1.0/24 (snet-appGateway)" in finding.message


def test_the_ten_pairs_that_reach_each_other_on_every_port_are_flows_that_nobody_planned(
    reference: list[Finding],
) -> None:
    flows = [one for one in reference if one.rule_id == "subnet-flows-planned" and one.status is Status.FAIL]
    whole = {
        ((one.resource_id or "").rpartition("/")[2], one.sub_object.removeprefix("to "))
        for one in flows
        if "than planned: TCP/UDP, by rules" in one.message
    }

    assert whole == {
        *(("snet-appServicePlan", to) for to in ("snet-agents", "snet-jumpbox", "snet-training", "snet-scoring")),
        *(("snet-appGateway", to) for to in ("snet-appServicePlan", "snet-agents", "snet-jumpbox")),
        *(("snet-appGateway", to) for to in ("snet-training", "snet-scoring")),
        ("snet-agents", "snet-jumpbox"),
    }


def _rules(bodies: Bodies) -> list[dict[str, Any]]:
    groups = [one for one in bodies if one["type"] == "Microsoft.Network/networkSecurityGroups"]
    return [rule for group in groups for rule in group["properties"]["securityRules"]]


def _plural(properties: dict[str, Any]) -> None:
    for name in ("sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange"):
        if properties.get(name):
            properties[name + "es" if name.endswith("x") else name + "s"] = [properties.pop(name)]


def _split_ports(properties: dict[str, Any]) -> None:
    # only where ports are named: `*` also means protocols that have none, and two halves of it may not
    if properties.get("destinationPortRange") == "65200-65535":
        properties["destinationPortRange"] = ""
        properties["destinationPortRanges"] = ["65200-65300", "65301-65535"]
    if properties.get("protocol") == "Tcp" and properties.get("sourcePortRange") == "*":
        properties["sourcePortRange"] = ""
        properties["sourcePortRanges"] = ["0-1023", "1024-65535"]


def _split_prefixes(properties: dict[str, Any]) -> None:
    if properties.get("sourceAddressPrefix") == "10.0.1.0/24":
        properties["sourceAddressPrefix"] = ""
        properties["sourceAddressPrefixes"] = ["10.0.1.0/25", "10.0.1.128/25"]


def _other_case(properties: dict[str, Any]) -> None:
    for name in ("sourceAddressPrefix", "destinationAddressPrefix", "access", "direction", "protocol"):
        if isinstance(properties.get(name), str):
            properties[name] = properties[name].upper()


@pytest.mark.parametrize("rewrite", [_plural, _split_ports, _split_prefixes, _other_case])
def test_the_same_rules_written_otherwise_give_the_same_verdicts(
    rewrite: Any, tmp_path: Any, reference: list[Finding]
) -> None:
    bodies = json.loads(json.dumps(reference_bodies()))
    for rule in _rules(bodies):
        rewrite(rule["properties"])

    found = judged(bodies, tmp_path)

    assert {(one.fingerprint, one.status) for one in found} == {(one.fingerprint, one.status) for one in reference}
