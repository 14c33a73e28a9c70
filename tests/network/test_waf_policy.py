"""Which attacks a firewall policy stops in effect: pairs just inside and just outside."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.reference_data import waf_rules
from auditor.network.waf_policy import Checked, Protection, of_legacy, protection

Body = dict[str, Any]
SQLI = "REQUEST-942-APPLICATION-ATTACK-SQLI"
FIXATION = "REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION"


def rules_of(group: str) -> list[str]:
    listed = waf_rules.groups("OWASP", "3.2") or {}
    return sorted(listed[group] or ())


def override(group: str, *rules: str, **more: Any) -> Body:
    return {"ruleGroupName": group, "rules": [{"ruleId": rule, "state": "Disabled", **more} for rule in rules]}


def policy(*overrides: Body, **managed: Any) -> Body:
    settings_of = managed.pop("policySettings", {})
    sets = managed.pop(
        "sets",
        [
            {"ruleSetType": "OWASP", "ruleSetVersion": "3.2", "ruleGroupOverrides": list(overrides)},
            {"ruleSetType": "Microsoft_BotManagerRuleSet", "ruleSetVersion": "1.0"},
        ],
    )
    return {
        "properties": {
            "policySettings": {"state": "Enabled", "mode": "Prevention", **settings_of},
            "managedRules": {"managedRuleSets": sets, **managed},
        }
    }


def state(found: Protection, attack: str) -> Checked | None:
    (checked,) = [one.checked for one in found.attacks if one.attack == attack]
    return checked


def unchecked(found: Protection) -> tuple[str, ...]:
    return tuple(one.attack for one in found.attacks if one.checked in {Checked.NO, Checked.NOT_LISTED})


def test_a_policy_without_changes_stops_everything() -> None:
    assert {one.checked for one in protection(policy()).attacks} == {Checked.YES}


def test_what_a_policy_does_is_the_same_wherever_it_is_used_and_in_whatever_mapping_it_comes() -> None:
    body = policy({"ruleGroupName": SQLI})
    used = {"id": "/one", "etag": "W/1", "properties": {**body["properties"], "applicationGateways": [{"id": "/two"}]}}
    assert protection(used) == protection(body)
    assert protection(MappingProxyType({"Properties": MappingProxyType(body["properties"])})) == protection(body)
    odd = MappingProxyType({**body["properties"], "managedRules": MappingProxyType(body["properties"]["managedRules"])})
    assert protection({"properties": odd}) == protection(body) != protection(policy())


def test_a_group_that_is_off_stops_none_of_its_attacks_and_all_others() -> None:
    found = protection(policy({"ruleGroupName": SQLI}))
    assert unchecked(found) == ("SQL injection",)
    assert state(found, "cross-site scripting") is Checked.YES


def test_all_rules_but_one_is_less_than_all_rules() -> None:
    rules = rules_of(FIXATION)
    assert state(protection(policy(override(FIXATION, *rules))), "session fixation") is Checked.NO
    assert state(protection(policy(override(FIXATION, *rules[1:]))), "session fixation") is Checked.IN_PART


def test_a_rule_that_only_logs_stops_as_little_as_one_that_is_off() -> None:
    rules = rules_of(FIXATION)
    logged = protection(policy(override(FIXATION, *rules, state="Enabled", action="Log")))
    scored = protection(policy(override(FIXATION, *rules, state="Enabled", action="AnomalyScoring")))
    assert (state(logged, "session fixation"), state(scored, "session fixation")) == (Checked.NO, Checked.YES)


def test_a_managed_rule_that_lets_in_what_it_matches_lets_in_every_attack() -> None:
    found = protection(policy(override(SQLI, "942100", state="Enabled", action="Allow")))
    assert len(unchecked(found)) == len(found.attacks)


def test_good_bots_may_be_let_in() -> None:
    sets = policy()["properties"]["managedRules"]["managedRuleSets"]
    sets[1]["ruleGroupOverrides"] = [override("GoodBots", "200100", state="Enabled", action="Allow")]
    assert not protection(policy(sets=sets)).off


def test_a_policy_without_settings_is_off_and_only_detects() -> None:
    plain = protection({"properties": {}})
    assert (plain.state, plain.mode, plain.body_check) == ("Disabled", "Detection", True)


@pytest.mark.parametrize("settings_of", [{"state": "Disabled"}, {"mode": "Detection"}])
def test_a_policy_that_is_off_or_only_detects_stops_nothing(settings_of: Body) -> None:
    found = protection(policy(policySettings=settings_of))
    assert len(unchecked(found)) == len(found.attacks)


def exclusion(variable: str, operator: str, selector: str, *scope: Body) -> Body:
    named = {"exclusionManagedRuleSets": list(scope)} if scope else {}
    return {"matchVariable": variable, "selectorMatchOperator": operator, "selector": selector, **named}


def owasp(*groups: Body, version: str = "3.2") -> Body:
    return {"ruleSetType": "OWASP", "ruleSetVersion": version, "ruleGroups": list(groups)}


@pytest.mark.parametrize(
    ("excluded", "sqli", "xss"),
    [
        (exclusion("RequestArgNames", "Equals", "prompt"), Checked.IN_PART, Checked.IN_PART),
        (exclusion("RequestArgNames", "EqualsAny", "*"), Checked.NO, Checked.NO),
        (exclusion("RequestArgNames", "EqualsAny", "*", owasp({"ruleGroupName": SQLI})), Checked.NO, Checked.YES),
        (
            exclusion(
                "RequestArgNames", "EqualsAny", "*", owasp({"ruleGroupName": SQLI, "rules": [{"ruleId": "942100"}]})
            ),
            Checked.IN_PART,
            Checked.YES,
        ),
        (exclusion("RequestArgNames", "EqualsAny", "*", owasp()), Checked.NO, Checked.NO),
        (exclusion("RequestArgNames", "EqualsAny", "*", owasp(version="3.1")), Checked.YES, Checked.YES),
        (exclusion("RequestCookieNames", "EqualsAny", "*"), Checked.IN_PART, Checked.IN_PART),
    ],
    ids=[
        "one argument",
        "all arguments",
        "of a group",
        "of a rule",
        "of a set",
        "of a set that is not used",
        "cookies",
    ],
)
def test_an_exclusion_counts_for_the_rules_and_the_parts_it_names(excluded: Body, sqli: Checked, xss: Checked) -> None:
    found = protection(policy(exclusions=[excluded]))
    assert (state(found, "SQL injection"), state(found, "cross-site scripting")) == (sqli, xss)
    assert len(found.exclusions) == 1


@pytest.mark.parametrize(
    ("values", "operator", "expected"), [(["/"], "StartsWith", Checked.NO), (["/chat"], "StartsWith", Checked.IN_PART)]
)
def test_an_exception_for_all_paths_is_one_for_everything(values: list[str], operator: str, expected: Checked) -> None:
    exceptions = [{"matchVariable": "RequestURI", "values": values, "valueMatchOperator": operator}]
    assert state(protection(policy(exceptions=exceptions)), "SQL injection") is expected


def test_rules_that_microsoft_replaced_may_be_off() -> None:
    def with_default_set(*rules: str) -> Protection:
        sets = [
            {
                "ruleSetType": "Microsoft_DefaultRuleSet",
                "ruleSetVersion": "2.1",
                "ruleGroupOverrides": [override("SQLI", *rules)],
            }
        ]
        return protection(policy(sets=sets))

    assert state(with_default_set("942110", "942430"), "SQL injection") is Checked.YES
    assert state(with_default_set("942100"), "SQL injection") is Checked.IN_PART


def test_whether_all_rules_of_an_unlisted_set_are_off_is_not_known() -> None:
    def with_old_set(*overrides: Body) -> Protection:
        rule_set = {"ruleSetType": "OWASP", "ruleSetVersion": "3.1", "ruleGroupOverrides": list(overrides)}
        return protection(policy(sets=[rule_set]))

    assert state(with_old_set(override(SQLI, "942100")), "SQL injection") is None
    assert state(with_old_set({"ruleGroupName": SQLI}), "SQL injection") is Checked.NO
    assert state(with_old_set(override(SQLI, "942100")), "cross-site scripting") is Checked.YES


def test_an_attack_that_a_set_knows_nothing_of_is_said_to_have_no_rule() -> None:
    rule_set = {"ruleSetType": "OWASP", "ruleSetVersion": "3.0"}
    assert state(protection(policy(sets=[rule_set])), "Java attacks") is Checked.NOT_LISTED


def test_what_a_set_of_another_name_looks_for_is_not_known() -> None:
    rule_set = {"ruleSetType": "Contoso", "ruleSetVersion": "9"}
    assert {one.checked for one in protection(policy(sets=[rule_set])).attacks} == {None}


@pytest.mark.parametrize(
    ("settings_of", "limit"),
    [
        ({}, None),
        ({"requestBodyCheck": False}, 0),
        ({"maxRequestBodySizeInKb": 2000}, 128),
        ({"maxRequestBodySizeInKb": 2000, "requestBodyInspectLimitInKB": 2000}, None),
        ({"requestBodyEnforcement": False}, 128),
    ],
)
def test_bodies_are_let_in_beyond_what_is_inspected(settings_of: Body, limit: int | None) -> None:
    assert protection(policy(policySettings=settings_of)).body_limit == limit


def test_the_configuration_of_old_is_judged_alike() -> None:
    old = {"enabled": True, "firewallMode": "Prevention", "ruleSetType": "OWASP", "ruleSetVersion": "3.2"}
    assert not unchecked(protection(of_legacy(old)))
    off = old | {"disabledRuleGroups": [{"ruleGroupName": SQLI}]}
    assert unchecked(protection(of_legacy(off))) == ("SQL injection",)


_GROUPS = sorted(waf_rules.groups("OWASP", "3.2") or {})


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_attack_is_unchecked_just_when_none_of_its_rules_is_left(data: st.DataObject) -> None:
    """The oracle strikes rules off a list, one by one."""
    left = {group: set(rules_of(group)) for group in _GROUPS}
    bad_bots = True
    overrides = []
    for group in data.draw(st.lists(st.sampled_from(_GROUPS), max_size=4, unique=True)):
        rules = data.draw(
            st.one_of(st.just([]), st.just(rules_of(group)), st.lists(st.sampled_from(rules_of(group)), min_size=1))
        )
        overrides.append(override(group, *rules))
        left[group] -= set(rules or rules_of(group))
    found = protection(policy(*overrides))
    for attack in waf_rules.attacks():
        own = [group for group in _GROUPS if attack in waf_rules.attacks_of(group)]
        remaining = sum(len(left[group]) for group in own) + (bad_bots if attack == "scanners and bots" else 0)
        whole = sum(len(rules_of(group)) for group in own) + (bad_bots if attack == "scanners and bots" else 0)
        expected = Checked.NO if not remaining else Checked.YES if remaining == whole else Checked.IN_PART
        assert state(found, attack) is expected
