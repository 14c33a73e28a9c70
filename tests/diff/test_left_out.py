"""What one collection left out is not told as if it had been created or deleted."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec.structs import replace

from auditor import audit
from auditor.diff import states
from auditor.diff.drift import ChangeKind
from auditor.diff.states import AuditedState
from auditor.history.inspections import Inspection
from auditor.inputs import read
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.snapshot.left_out import NOT_NEEDED
from auditor.snapshot.model import Snapshot
from tests.checkout import ROOT
from tests.estates.left_out import without_calls

TERMS = audit.Terms(complete=True, as_of=datetime(2026, 7, 16, tzinfo=UTC))
CALLS = [
    ("microsoft.keyvault/vaults", "Microsoft.KeyVault/vaults/secrets"),
    ("microsoft.search/searchservices", "Microsoft.Insights/diagnosticSettings"),
]


_NUMBER = re.compile(r"whether (\d+) resources")


def audited(snapshot: Snapshot, rules: RuleSet, *, complete: bool = True) -> AuditedState:
    terms = replace(TERMS, complete=complete)
    return AuditedState(audit.context(snapshot, rules, terms), audit.audit(snapshot, rules, terms), snapshot.resources)


def test_what_one_state_left_out_may_be_in_it() -> None:
    rules = in_force.load(Selection(select=["storage-https-only"]))
    whole = read.read(ROOT / "samples/chat.json")
    full, thin = audited(without_calls(whole, []), rules), audited(without_calls(whole, CALLS), rules)

    for before, after, kind in ((full, thin, ChangeKind.REMOVED), (thin, full, ChangeKind.ADDED)):
        drift = states.compare(before, after)

        changed = {one.resource_id for one in drift.changes}
        assert changed
        assert {one.kind for one in drift.changes} == {kind}
        assert all(NOT_NEEDED in line for line in drift.unseen)
        told = [int(number[1]) if (number := _NUMBER.search(line)) else 1 for line in drift.unseen]
        assert sum(told) == len(changed)


def test_scans_by_other_rules_are_of_the_same_scope() -> None:
    rules = in_force.load(Selection(select=["storage-https-only"]))
    whole = read.read(ROOT / "samples/chat.json")
    reports = [audited(without_calls(whole, calls), rules).report for calls in ([], CALLS)]

    assert Inspection.of(reports[0]).scope == Inspection.of(reports[1]).scope
