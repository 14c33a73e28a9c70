"""What no rule in force needs need not be collected: those rules answer the same without it, and others say unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor import audit
from auditor.azure.catalogue import shipped
from auditor.collect.operations import Operations
from auditor.engine.coverage.needs import Needs, needs_of
from auditor.inputs import read
from auditor.inputs.exports import joined_metadata
from auditor.model import Finding, Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.snapshot.left_out import LEFT_OUT, NOT_NEEDED, calls_in
from auditor.snapshot.model import Metadata, Snapshot
from tests.checkout import ROOT
from tests.estates.left_out import thinned, without_calls

AT = datetime(2026, 7, 16, tzinfo=UTC)
ESTATES = {
    "chat": ("openai-chat", ROOT / "samples/chat.json"),
    "landing zone": ("openai-chat", ROOT / "samples/landing-zone.json"),
    "help desk": ("foundry-chat", ROOT / "baselines/foundry-chat/estates/help-desk.json"),
}


@cache
def whole(name: str) -> Snapshot:
    return read.read(ESTATES[name][1])


@cache
def all_rules(baseline: str) -> RuleSet:
    return in_force.load(Selection(baseline))


def narrowed(rules: RuleSet, chosen: Sequence[str]) -> RuleSet:
    return replace(rules, in_force=[one for one in rules.in_force if one.id in chosen])


def findings(snapshot: Snapshot, rules: RuleSet) -> Sequence[Finding]:
    return audit.audit(snapshot, rules, audit.Terms(complete=True, as_of=AT)).findings


@cache
def all_findings(name: str) -> Sequence[Finding]:
    return findings(whole(name), all_rules(ESTATES[name][0]))


@pytest.mark.parametrize("name", ESTATES)
def test_the_rules_of_a_baseline_answer_the_same_without_what_they_do_not_need(name: str) -> None:
    rules = all_rules(ESTATES[name][0])
    thin = thinned(whole(name), needs_of(rules))

    assert findings(thin, rules) == all_findings(name)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(ESTATES)), st.data())
def test_any_rules_answer_the_same_without_what_they_do_not_need(name: str, data: st.DataObject) -> None:
    rules = all_rules(ESTATES[name][0])
    listed = sorted(one.id for one in rules.in_force)
    chosen = narrowed(rules, data.draw(st.lists(st.sampled_from(listed), min_size=1, max_size=4, unique=True)))

    thin = thinned(whole(name), needs_of(chosen))

    assert findings(thin, chosen) == findings(whole(name), chosen)


@settings(max_examples=3, deadline=None)
@given(st.sampled_from(sorted(ESTATES)), st.data())
def test_other_rules_say_unknown_where_they_would_have_needed_what_was_left_out(name: str, data: st.DataObject) -> None:
    rules = all_rules(ESTATES[name][0])
    listed = sorted(one.id for one in rules.in_force)
    few = data.draw(st.lists(st.sampled_from(listed), max_size=2, unique=True))
    thin = thinned(whole(name), needs_of(narrowed(rules, few)))

    before, after = all_findings(name), findings(thin, rules)

    known = {(one.rule_id, (one.resource_id or "").lower(), one.sub_object): one.status for one in before}
    unknown = {one.rule_id for one in after if one.status is Status.UNKNOWN}
    for one in after:
        key = (one.rule_id, (one.resource_id or "").lower(), one.sub_object)
        # A rule that does not apply where something is known to decide in its place applies where that is not known.
        allowed = {known.get(key), Status.UNKNOWN}
        assert one.status in allowed or known.get(key, Status.NOT_APPLICABLE) is Status.NOT_APPLICABLE, one
        assert key in known or one.status is not Status.FAIL or one.rule_id in unknown, one
    for rule_id, resource, part in known:
        there = any((one.rule_id, one.sub_object) == (rule_id, part) for one in after)
        assert there or rule_id in unknown, (rule_id, resource, part)


def test_a_rule_that_needs_what_was_left_out_names_the_reason_and_the_way_to_settle_it() -> None:
    rules = all_rules("openai-chat")
    thin = thinned(whole("chat"), needs_of(narrowed(rules, ["storage-https-only"])))

    report = audit.audit(thin, narrowed(rules, ["keyvault-secret-expiry-set"]), audit.Terms(complete=True))

    assert {one.status for one in report.findings} == {Status.UNKNOWN}
    assert NOT_NEEDED in str(report.findings[0].unknown_reason)
    assert "collect it with --everything" in str(report.coverage)


@pytest.mark.parametrize("rule_id", ["monitor-alert-on-key-resource", "subscription-activity-log-exported"])
def test_settings_of_some_resources_are_known_though_those_of_others_were_left_out(rule_id: str) -> None:
    rules = narrowed(all_rules("openai-chat"), [rule_id])
    calls = [("microsoft.network/loadbalancers", "Microsoft.Insights/diagnosticSettings")]

    assert findings(without_calls(whole("chat"), calls), rules) == findings(whole("chat"), rules)


def test_what_one_of_several_inputs_left_out_is_left_out_of_all() -> None:
    thin = Metadata(complete=True, scope={"subscription_ids": ["s"], LEFT_OUT: ["A/b/c of A/b"]})

    assert calls_in(joined_metadata([thin, Metadata(complete=True)]).scope) == {("a/b", "A/b/c")}
    assert calls_in(joined_metadata([thin, Metadata(complete=True, scope={"subscriptions": ["t"]})]).scope)


def test_types_of_a_users_own_are_always_read() -> None:
    nothing = Operations(shipped(), Needs(frozenset(), frozenset()))

    assert nothing.is_needed("contoso.things/boxes", "Contoso.Things/boxes/lids")
    assert not nothing.is_needed("microsoft.keyvault/vaults", "Microsoft.KeyVault/vaults/keys")
    assert not nothing.by_type
