"""Network and exposure rules on the chat estate, on the sample, and on the same rule sets written otherwise."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import audit, shipped
from auditor.inputs import read
from auditor.model import Finding, Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from tests.audit.judging import fact_of
from tests.estates.chat import chat_bodies

Body = dict[str, Any]
_KINDS = ("network.", "exposure.", "inventory.subnet")
_GROUPS = "microsoft.network/networksecuritygroups"
# What the architecture's table does not plan and the groups let pass on TCP 443.
_EXTRA = {
    ("snet-appServicePlan", "snet-agents"),
    ("snet-appServicePlan", "snet-jumpbox"),
    ("snet-appServicePlan", "snet-training"),
    ("snet-appServicePlan", "snet-scoring"),
    ("snet-appGateway", "snet-appServicePlan"),
    ("snet-appGateway", "snet-agents"),
    ("snet-appGateway", "snet-jumpbox"),
    ("snet-appGateway", "snet-training"),
    ("snet-appGateway", "snet-scoring"),
    ("snet-agents", "snet-jumpbox"),
}
# The same on a few other ports: the gateway's control plane, and Bastion's hosts among each other.
_ON_FEW_PORTS = {
    ("snet-agents", "snet-appGateway"): "65200-65535",
    ("snet-appServicePlan", "snet-appGateway"): "65200-65535",
    ("snet-appServicePlan", "AzureBastionSubnet"): "5701, 8080",
    ("snet-appGateway", "AzureBastionSubnet"): "5701, 8080",
    ("AzureBastionSubnet", "snet-jumpbox"): "5701, 8080",
}


@cache
def _content() -> RuleSet:
    rules = in_force.all_rules()
    return in_force.load(Selection(select=[n for n, rule in rules.items() if fact_of(rule).startswith(_KINDS)]))


def _judged(path: Path) -> list[Finding]:
    return list(audit.audit(read.read(str(path)), _content(), audit.Terms(complete=True)).findings)


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[list[Body]], list[Finding]]:
    """Return how to judge an estate by the rules on networks."""

    def judged(bodies: list[Body]) -> list[Finding]:
        path = tmp_path / "estate.json"
        path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
        return _judged(path)

    return judged


def _name(finding: Finding) -> str:
    return (finding.resource_id or "").rpartition("/")[2]


def _of(findings: list[Finding], rule_id: str, status: Status = Status.FAIL) -> dict[tuple[str, str], Finding]:
    return {(_name(one), one.sub_object): one for one in findings if (one.rule_id, one.status) == (rule_id, status)}


Judge = Callable[[list[Body]], list[Finding]]


@pytest.mark.parametrize(
    ("rule_id", "where", "said"),
    [
        (
            "subnet-agents-restricted",
            ("snet-agents", "Outbound"),
            ["any protocol to Internet", "default rule AllowInternetOutBound", "10.0.1.0/24 (snet-appGateway)"],
        ),
        (
            "security-rule-only-deny-takes-effect",
            ("nsg-agentsSubnet", "Outbound/DenyAllOutBound"),
            ["matches no packet of subnet snet-agents", "its source is 10.0.1.0/24 (snet-appGateway)"],
        ),
        (
            "subnet-app-service-outbound-restricted",
            ("snet-appServicePlan", "Outbound"),
            ["to VirtualNetwork except snet-privateEndpoints", "to Internet outside AzureMonitor"],
        ),
        (
            "subnet-jump-box-inbound-restricted",
            ("snet-jumpbox", "Inbound"),
            ["any protocol from VirtualNetwork except AzureBastionSubnet", "Azure's default rule AllowVnetInBound"],
        ),
        (
            "subnet-jump-box-outbound-restricted",
            ("snet-jumpbox", "Outbound"),
            ["any protocol to Internet, by rule Jumpbox.Out.Allow.Internet"],
        ),
        (
            "subnet-gateway-control-plane-restricted",
            ("snet-appGateway", ""),
            ["65200-65535 from Internet", "by rule AppGw.In.Allow.ControlPlane"],
        ),
        ("subnet-gateway-outbound-restricted", ("snet-appGateway", "Outbound"), ["AllowVnetOutBound"]),
        ("subnet-private-endpoints-filtered", ("snet-privateEndpoints", ""), ["network policies are Disabled"]),
        ("subnet-bastion-rule-set", ("AzureBastionSubnet", "Inbound"), ["TCP 4443 from GatewayManager"]),
        ("subnet-bastion-rule-set", ("AzureBastionSubnet", "Outbound"), ["Bastion.Out.Allow.AzureMonitor"]),
    ],
)
def test_a_failure_of_the_chat_estate_names_its_cause(
    rule_id: str, where: tuple[str, str], said: list[str], judge: Judge
) -> None:
    found = _of(judge(chat_bodies()), rule_id)[where]
    assert [text for text in said if text not in found.message] == []


def test_tiers_of_the_chat_estate_reach_each_other_beyond_the_plan(judge: Judge) -> None:
    found = _of(judge(chat_bodies()), "subnet-reaches-planned-subnets-only")
    pairs = {(source, sub.removeprefix("to ")): one.message for (source, sub), one in found.items()}

    assert {pair for pair, message in pairs.items() if ": TCP/UDP, by " in message} == _EXTRA
    assert all(pairs[pair].count("AllowVnet") == 2 for pair in _EXTRA)
    assert pairs.keys() - _EXTRA == _ON_FEW_PORTS.keys()
    assert all(f": TCP/UDP {ports}, by " in pairs[pair] for pair, ports in _ON_FEW_PORTS.items())


def test_the_rest_is_denied_explicitly_in_some_directions_of_the_chat_estate_only(judge: Judge) -> None:
    findings = judge(chat_bodies())
    rule_id = "subnet-rest-denied-explicitly"

    assert _of(findings, rule_id).keys() == {
        *{(name, "Inbound") for name in ("snet-agents", "snet-jumpbox", "snet-privateEndpoints", "snet-scoring")},
        ("snet-training", "Inbound"),
        ("snet-agents", "Outbound"),
        ("snet-appServicePlan", "Outbound"),
    }
    assert all("no rule of its group denies" in one.message for one in _of(findings, rule_id).values())
    assert _of(findings, rule_id, Status.NOT_APPLICABLE).keys() == {
        ("snet-appGateway", "Outbound"),
        ("snet-appServicePlan", "Inbound"),
    }


def test_rules_without_effect_on_private_endpoints_are_not_judged_but_pointed_to(judge: Judge) -> None:
    found = _of(judge(chat_bodies()), "subnet-private-endpoints-inbound-restricted", Status.NOT_APPLICABLE)
    assert "network policies of the subnet for private endpoints" in found["snet-privateEndpoints", "Inbound"].message


def test_the_internet_reaches_the_chat_estate_through_its_gateway_and_bastion_only(judge: Judge) -> None:
    findings = judge(chat_bodies())

    assert len(_of(findings, "subnet-guarded-ports-closed", Status.PASS)) == 8
    for rule_id in ("workload-gateway-only-entry", "jump-box-private-path", "jump-box-no-public-address"):
        assert len(_of(findings, rule_id, Status.PASS)) == 1
    assert not [one.rule_id for one in findings if one.status is Status.UNKNOWN]


def _network_denied(bodies: list[Body]) -> list[Body]:
    """Return the estate with the virtual network closed to the App Service subnet, and the Internet open."""
    rules = next(one for one in bodies if one["name"] == "nsg-appServicesSubnet")["properties"]["securityRules"]
    denied = {"protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": "*",
              "destinationAddressPrefix": "VirtualNetwork", "access": "Deny", "direction": "Outbound",
              "priority": 4000}  # fmt: skip
    rules.append({"name": "DenyNetwork", "properties": denied})
    return bodies


def test_the_way_of_the_app_service_to_the_internet_counts_where_its_traffic_takes_it(judge: Judge) -> None:
    rule_id, where = "subnet-app-service-outbound-restricted", ("snet-appServicePlan", "Outbound")
    found = _of(judge(_network_denied(chat_bodies())), rule_id)[where]
    assert (
        "more than the traffic table (row app-service) allows: any protocol to Internet outside AzureMonitor"
        in found.message
    )

    kept_out = _network_denied(chat_bodies())
    for site in (one for one in kept_out if one["type"].lower().startswith("microsoft.web/sites")):
        _route_nothing(site)
    assert where in _of(judge(kept_out), rule_id, Status.PASS)


def _route_nothing(body: Any) -> None:
    if isinstance(body, dict):
        for name in [name for name in body if name.lower() in {"vnetrouteallenabled", "outboundvnetrouting"}]:
            body[name] = False
        for value in body.values():
            _route_nothing(value)


def test_routing_that_was_not_collected_leaves_it_unknown(tmp_path: Path) -> None:
    bodies = [one for one in _network_denied(chat_bodies()) if one["type"].lower() != "microsoft.web/sites/config"]
    for site in (one for one in bodies if one["type"].lower() == "microsoft.web/sites"):
        _drop_routing(site)
    path = tmp_path / "estate.json"
    path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
    findings = list(audit.audit(read.read(str(path)), _content(), audit.Terms()).findings)
    where = ("snet-appServicePlan", "Outbound")
    assert where in _of(findings, "subnet-app-service-outbound-restricted", Status.UNKNOWN)


def _drop_routing(body: Any) -> None:
    if isinstance(body, dict):
        for name in [name for name in body if name.lower() in {"vnetrouteallenabled", "outboundvnetrouting"}]:
            del body[name]
        for value in body.values():
            _drop_routing(value)


def test_a_public_address_of_the_jump_box_is_a_way_in(judge: Judge) -> None:
    bodies = chat_bodies()
    address = next(one for one in bodies if one["type"].lower() == "microsoft.network/publicipaddresses")
    interface = next(one for one in bodies if (one.get("properties") or {}).get("virtualMachine"))
    interface["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": address["id"] + "-2"}
    findings = judge(bodies)

    assert len(_of(findings, "jump-box-no-public-address")) == 1


def _tag_free(prefix: str) -> bool:
    try:
        return ipaddress.ip_network(prefix).prefixlen < 32
    except ValueError:
        return False


def _rules(bodies: list[Body]) -> list[Body]:
    groups = [one for one in bodies if one["type"].lower() == _GROUPS]
    return [rule["properties"] for group in groups for rule in group["properties"]["securityRules"]]


def _split_prefixes(rule: Body) -> None:
    for side in ("source", "destination"):
        prefix = rule.get(f"{side}AddressPrefix")
        if isinstance(prefix, str) and _tag_free(prefix):
            del rule[f"{side}AddressPrefix"]
            rule[f"{side}AddressPrefixes"] = [str(half) for half in ipaddress.ip_network(prefix).subnets()]
        elif prefix == "*":
            del rule[f"{side}AddressPrefix"]
            rule[f"{side}AddressPrefixes"] = ["0.0.0.0/1", "128.0.0.0/1", "::/0"]


def _split_ports(rule: Body) -> None:
    port = rule.get("destinationPortRange")
    if isinstance(port, str) and "-" in port:
        first, _, last = port.partition("-")
        rule["destinationPortRange"] = ""
        rule["destinationPortRanges"] = [first, f"{int(first) + 1}-{last}"]


def _spell_plural(rule: Body) -> None:
    for name in ("sourceAddressPrefix", "destinationAddressPrefix", "destinationPortRange", "sourcePortRange"):
        value = rule.get(name)
        if isinstance(value, str) and value and value != "*":
            del rule[name]
            rule[f"{name}es" if name.endswith("x") else f"{name}s"] = [value]


def _spell_loudly(rule: Body) -> None:
    for name in ("sourceAddressPrefix", "destinationAddressPrefix", "access", "direction", "protocol"):
        if isinstance(rule.get(name), str):
            rule[name] = rule[name].upper()


def _swap_disjoint(bodies: list[Body]) -> None:
    """Give the two ways in that meet no common packet each other's priority."""
    rules = {one["name"]: one["properties"] for group in bodies if group["type"].lower() == _GROUPS
             for one in group["properties"]["securityRules"]}  # fmt: skip
    one, other = rules["AppGw.In.Allow.ControlPlane"], rules["AppGw.In.Allow443.Internet"]
    one["priority"], other["priority"] = other["priority"], one["priority"]


def _each(change: Callable[[Body], None]) -> Callable[[list[Body]], None]:
    def apply(bodies: list[Body]) -> None:
        for rule in _rules(bodies):
            change(rule)

    return apply


@pytest.mark.parametrize(
    "rewrite",
    [_each(_split_prefixes), _each(_split_ports), _each(_spell_plural), _each(_spell_loudly), _swap_disjoint],
    ids=["split prefixes", "split ports", "plural for singular", "other case", "disjoint rules reordered"],
)
def test_the_same_rules_written_otherwise_get_the_same_verdicts(
    rewrite: Callable[[list[Body]], None], judge: Judge
) -> None:
    bodies = chat_bodies()
    before = json.dumps(bodies)
    rewrite(bodies)
    assert json.dumps(bodies) != before

    def said(findings: list[Finding]) -> list[tuple[str, str, str, Status, str]]:
        return [(one.rule_id, _name(one), one.sub_object, one.status, one.message.lower()) for one in findings]

    assert said(judge(bodies)) == said(judge(chat_bodies()))


def test_the_sample_shows_what_was_planted_in_it() -> None:
    findings = _judged(shipped.folder("samples") / "chat.json")

    (ssh,) = _of(findings, "subnet-guarded-ports-closed").values()
    assert "SSH: TCP 22 from Internet, by rule tmp-ssh-vendor" in ssh.message
    (dead,) = _of(findings, "security-rule-only-deny-takes-effect").values()
    assert "deny-internet-out" in dead.message
    assert "its source is 10.24.3.0/24" in dead.message
    (web,) = _of(findings, "subnet-gateway-inbound-restricted").values()
    assert "TCP 80 from Internet, by rule allow-users-in" in web.message
    (entry,) = _of(findings, "workload-gateway-only-entry").values()
    assert "assist-flow-test and srch-assist-sdc" in entry.message
    assert not _of(findings, "subnet-reaches-planned-subnets-only")
    assert not [one.rule_id for one in findings if one.status is Status.UNKNOWN]
