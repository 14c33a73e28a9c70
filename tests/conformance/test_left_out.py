"""Both reference estates are judged the same where what no rule in force needs was left out."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from msgspec.structs import replace

from auditor import audit
from auditor.engine.coverage.needs import needs_of
from auditor.inputs import read
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.snapshot.model import Snapshot
from tests.conformance.material import SHARED
from tests.estates.left_out import thinned

ESTATES = {"openai-chat": "2024-02.json", "foundry-chat": "2026-07.json"}
TERMS = audit.Terms(complete=True, as_of=datetime(2026, 7, 16, tzinfo=UTC))


@cache
def judged_from(baseline: str) -> tuple[Snapshot, RuleSet]:
    snapshot = read.read(SHARED / "data" / "reference-estate" / ESTATES[baseline])
    return snapshot, in_force.load(Selection(baseline))


@pytest.mark.parametrize("globs", [("*",), ("storage-*", "keyvault-*"), ("access-*",), ("network-*",), ("openai-*",)])
@pytest.mark.parametrize("baseline", ESTATES)
def test_rules_answer_the_same_without_what_they_do_not_need(baseline: str, globs: tuple[str, ...]) -> None:
    snapshot, everything = judged_from(baseline)
    rules = replace(everything, in_force=in_force.narrowed(everything.in_force, globs, ()))

    thin = thinned(snapshot, needs_of(rules))

    assert audit.audit(thin, rules, TERMS).findings == audit.audit(snapshot, rules, TERMS).findings
