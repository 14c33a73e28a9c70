"""Say in one sentence what a finding found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from auditor.model import Evidence, Gap

CLAUSES: Final = 3
VALUE_LENGTH: Final = 120
_PARAMETER: Final = re.compile(r"^\[parameters\('(\w+)'\)\]$")
_EXPECTED: Final = {
    "equals": "expected {}",
    "notEquals": "must not be {}",
    "in": "expected one of {}",
    "notIn": "must be none of {}",
    "contains": "must contain {}",
    "notContains": "must not contain {}",
    "containsKey": "must have the key {}",
    "notContainsKey": "must not have the key {}",
    "like": "must fit {}",
    "notLike": "must not fit {}",
    "less": "must be less than {}",
    "lessOrEquals": "must be at most {}",
    "greater": "must be greater than {}",
    "greaterOrEquals": "must be at least {}",
    "olderThan": "must be older than {}",
    "notOlderThan": "must not be older than {}",
}


def value(given: object) -> str:
    """Return a JSON value as a reader would write it: texts bare, the rest as compact JSON, long ones cut."""
    if isinstance(given, list) and all(isinstance(item, str | int) for item in given):
        text = ", ".join(map(value, given)) or "nothing"
    elif isinstance(given, str):
        text = given or '""'
    else:
        text = json.dumps(given, sort_keys=True, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"


def clause(leaf: Evidence) -> str:
    """Return what one leaf says: where, what is there, what was expected."""
    path = _PARAMETER.sub(r"the baseline's \1", leaf.path)
    where = f"{path} ({leaf.name})" if leaf.name else path
    if leaf.absent:
        there = "is absent" if leaf.assumed is None else f"is absent, which Azure takes as {value(leaf.assumed)}"
    else:
        there = f"is {value(leaf.actual)}"
    if leaf.operator == "exists":
        return f"{where} {there}"
    if leaf.operator in {"every", "any", "none"} and leaf.path.endswith(("[*]", ")")):  # all of them, not one
        return f"{where} has {leaf.actual} elements" if leaf.actual is not None else f"{where} is not known"
    if leaf.operator == "count":
        expected_count = str(leaf.expected).removeprefix("count ")
        counted = "not known" if leaf.actual is None else f"{leaf.actual} that match"
        return f"{where}: {counted}, expected {expected_count}"
    expectation = _EXPECTED.get(leaf.operator)
    return f"{where} {there}, {expectation.format(_expected(leaf))}" if expectation else f"{where} {there}"


def _expected(leaf: Evidence) -> str:
    if leaf.operator in {"olderThan", "notOlderThan"} and isinstance(leaf.expected, Mapping):
        return f"{value(leaf.expected['days'])} days"
    return value(leaf.expected)


def decided(title: str, evidence: Sequence[Evidence]) -> str:
    """Return the sentence for a pass or failure."""
    if not evidence:
        return f"{title}."
    clauses = [clause(leaf) for leaf in evidence if leaf.decides]
    more = len(clauses) - CLAUSES
    text = "; ".join(clauses[:CLAUSES]) + (f"; and {more} more" if more > 0 else "")
    return f"{title}: {text}." if text else f"{title}."


def undecided(title: str, gaps: Sequence[Gap], errors: Sequence[str]) -> str:
    """Return the sentence for an unknown."""
    reasons = [f"{gap}, needs {gap.permission}" if gap.permission else str(gap) for gap in gaps]
    reasons += [f"this could not be evaluated: {error}" for error in errors]
    return f"Not known whether: {title}: " + ("; ".join(reasons[:CLAUSES]) or "the data does not say") + "."
