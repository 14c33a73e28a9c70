"""Inputs from practice on names, public and private doors of services, and firewalls of gateways."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.material import SHARED, reference_file
from tests.e2e.command import in_process

FIELD = SHARED / "data" / "field"
Body = dict[str, Any]
Findings = Sequence[Mapping[str, Any]]


def case(name: str) -> Body:
    found: Body = json.loads((FIELD / "network-and-access" / f"{name}.json").read_text())
    return found


def laid_over_reference(*resources: Body) -> Body:
    """Return the reference estate with resources put over it, by id."""
    estate: Body = json.loads(reference_file().read_text())
    by_id = {resource["id"].lower(): resource for resource in estate["resources"]}
    estate["resources"] = list((by_id | {resource["id"].lower(): resource for resource in resources}).values())
    return estate


def judged(estate: object, folder: Path, *options: str) -> Findings:
    """Return the findings on an estate that is complete."""
    source = folder / "input.json"
    source.write_text(json.dumps(estate))
    given = ("evaluate", source, "--include-passed", "--no-progress", "-o", "json", "--as-of", "2024-02-20T12:00:00Z")
    ended = in_process(*given, *(options or ("--complete",)), at=folder)
    findings: Findings = json.loads(ended.out)["findings"]
    return findings


def service(name: str) -> object:
    (path,) = (FIELD / "services").glob(f"{name}-*")
    return json.loads(path.read_text())


def found(findings: Findings, rule: str, about: str) -> Mapping[str, Any]:
    """Return the finding of a rule on the resource of a name."""
    (one,) = [f for f in findings if f["rule_id"] == rule and str(f["resource_id"]).rpartition("/")[2] == about]
    return one


def test_a_custom_rule_that_lets_everybody_in_fails_the_policy(tmp_path: Path) -> None:
    findings = judged(laid_over_reference(*case("H12")["input"]["put"]), tmp_path)
    failed = found(findings, "waf-policy-attacks-checked", "waf-chat01")
    assert (failed["status"], failed["severity"]) == ("fail", "high")
    assert "letin" in failed["message"]
    assert failed["controls"]["openai-chat"] == ["AGW-SEC-002"]
    passed = {
        each["rule_id"]
        for each in findings
        if each["status"] == "pass" and each["resource_id"] == failed["resource_id"]
    }
    assert not passed & SWITCHES


SWITCHES = {"waf-policy-prevents", "waf-policy-managed-rules"}


def _office(policy: Body) -> None:
    policy["properties"]["customRules"][0]["matchConditions"][0]["matchValues"] = ["203.0.113.0/24"]


def _off(policy: Body) -> None:
    policy["properties"]["customRules"][0]["state"] = "Disabled"


def _blocked_before(policy: Body) -> None:
    rules = policy["properties"]["customRules"]
    rules.append(rules[0] | {"name": "nobody", "priority": 0, "action": "Block"})


@pytest.mark.parametrize("change", [_office, _off, _blocked_before])
def test_a_custom_rule_that_lets_in_less_does_not(change: Callable[[Body], None], tmp_path: Path) -> None:
    (policy,) = case("H12")["input"]["put"]
    change(policy)
    findings = judged(laid_over_reference(policy), tmp_path)
    assert found(findings, "waf-policy-attacks-checked", "waf-chat01")["status"] == "pass"


def test_rules_that_are_off_are_named(tmp_path: Path) -> None:
    failed = found(judged(service("h08"), tmp_path), "waf-policy-rules-enabled", "w-a")
    assert failed["status"] == "fail"
    assert all(rule in failed["message"] for rule in ("942100", "942110", "942120", "SQL injection"))


def _hollow(policy: Body) -> None:
    managed = policy["properties"]["managedRules"]
    override = {"ruleGroupName": "REQUEST-942-APPLICATION-ATTACK-SQLI"}
    managed["managedRuleSets"][0]["ruleGroupOverrides"] = [override]


def test_of_a_hollow_policy_no_switch_is_a_pass(tmp_path: Path) -> None:
    """Its rule sets are current and its switches on, and a whole group of its rules is off."""
    (policy,) = case("H12")["input"]["put"]
    policy["properties"]["customRules"] = []
    for change, shown in ((lambda _: None, SWITCHES), (_hollow, set())):
        change(policy)
        findings = judged(laid_over_reference(policy), tmp_path)
        about = [each for each in findings if str(each["resource_id"]).endswith("/waf-chat01")]
        assert {each["rule_id"] for each in about if each["status"] == "pass"} & SWITCHES == shown
        assert [each["status"] for each in about if each["rule_id"] == "waf-policy-attacks-checked"] == [
            "pass" if shown else "fail"
        ]


def test_a_record_that_points_elsewhere_decides_against_the_zone_group(tmp_path: Path) -> None:
    (record,) = case("H11")["input"]["put"]
    address = record["properties"]["aRecords"][0]
    for text, status in (("10.88.0.9", "fail"), ("10.0.2.7", "pass")):
        address["ipv4Address"] = text
        findings = judged(laid_over_reference(record), tmp_path)
        assert found(findings, "private-endpoint-name-resolves", "kv-chat01")["status"] == status


def test_a_known_perimeter_decides_over_its_services(tmp_path: Path) -> None:
    findings = judged(laid_over_reference(*case("H13")["input"]["put"]), tmp_path)
    own = {f["rule_id"]: f["status"] for f in findings if str(f["resource_id"]).endswith("/stchat01")}
    assert own["network-perimeter-lets-nobody-in"] == "pass"
    assert own["network-firewall-closed-behind-private-access"] == "fail"
    assert not [f for f in findings if f["status"] == "unknown" and "stchat01" in str(f["resource_id"])]
    assert found(findings, "workload-gateway-only-entry", "mlw-chat01")["status"] == "pass"


@pytest.mark.parametrize(("mode", "rules", "status"), [("Enforced", True, "fail"), ("Audit", False, "unknown")])
def test_a_perimeter_that_lets_in_more_does_not_pass(mode: str, rules: bool, status: str, tmp_path: Path) -> None:  # noqa: FBT001
    put = case("H13")["input"]["put"]
    association, profile = put[-1], next(one for one in put if one["type"].endswith("/profiles"))
    association["properties"]["accessMode"] = mode
    rule = {
        "id": f"{profile['id']}/accessRules/all",
        "name": "all",
        "type": f"{profile['type']}/accessRules",
        "properties": {"direction": "Inbound", "addressPrefixes": ["0.0.0.0/0"]},
    }
    findings = judged(laid_over_reference(*put, *([rule] if rules else [])), tmp_path)
    assert found(findings, "network-perimeter-lets-nobody-in", "stchat01")["status"] == status


@pytest.mark.parametrize(
    ("name", "about", "passes"),
    [
        ("h05", "s-a", "search-public-network-access-off"),
        ("h06", "sta", "storage-public-network-access-off"),
        ("h07", "kva", "keyvault-public-network-access-off"),
    ],
)
def test_what_a_closed_firewall_lets_in_is_a_leftover(name: str, about: str, passes: str, tmp_path: Path) -> None:
    findings = [f for f in judged(service(name), tmp_path) if str(f["resource_id"]).endswith(f"/{about}")]
    assert found(findings, passes, about)["status"] == "pass"
    leftover = found(findings, "network-firewall-closed-behind-private-access", about)
    assert (leftover["status"], leftover["severity"]) == ("fail", "info")
    assert "no effect now" in leftover["message"]
    said = " ".join(f["message"] for f in findings)
    assert "accepts traffic" not in said
    assert not [f for f in findings if f["status"] == "fail" and f["severity"] != "info" and "irewall" in f["title"]]
