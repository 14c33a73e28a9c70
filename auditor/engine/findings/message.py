"""Say in one sentence what a finding found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Evidence, Gap

CLAUSES: Final = 3
VALUE_LENGTH: Final = 120
_PARAMETER: Final = re.compile(r"^\[parameters\('(\w+)'\)\]$")
_RELATED: Final = re.compile(r"related:(\w+)")
_WRAPPED: Final = re.compile(r"(\]\.)properties\.")
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

_MUST: Final = {
    **_EXPECTED,
    "equals": "must be {}",
    "notEquals": "must be something else",
    "in": "must be one of {}",
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


def failed(title: str, fault: str, evidence: Sequence[Evidence]) -> str:
    """Return the sentence for a failure: the fault first, then the values that show it and what they must be."""
    deciding = [leaf for leaf in evidence if leaf.decides]
    shown = [leaf for leaf in deciding if _is_setting(leaf)]
    if not shown:
        return fault or f"This does not hold: {title}."
    if len(deciding) == 1 or not fault:
        return _sentence(fault.rstrip("."), _each_once(map(_wanted, shown)))
    return _sentence(fault.rstrip("."), _each_once(map(_there, shown)))


def passed(title: str, evidence: Sequence[Evidence]) -> str:
    """Return the sentence for a pass: what holds, and the values that show it."""
    return _sentence(title, _each_once(_there(leaf) for leaf in evidence if leaf.decides and _is_setting(leaf)))


def not_applicable(evidence: Sequence[Evidence], words: Mapping[str, str]) -> str:
    """Return the sentence for what a rule does not apply to; `words` say what the fields of a fact mean, by path."""
    deciding = [leaf for leaf in evidence if leaf.decides]
    told = [f"{words[leaf.path]}: {_answer(leaf.actual)}" for leaf in deciding if words.get(leaf.path)]
    told += [_there(leaf) for leaf in deciding if leaf.path not in words and _is_setting(leaf)]
    if not told and deciding and all(_PARAMETER.match(leaf.path) for leaf in deciding):
        return "Does not apply: the baseline does not ask for it."
    return _sentence("Does not apply", _each_once(told))


def _sentence(start: str, clauses: Sequence[str]) -> str:
    more = len(clauses) - CLAUSES
    text = "; ".join(clauses[:CLAUSES]) + (f"; and {more} more" if more > 0 else "")
    return f"{start}: {text}." if start and text else f"{start or text}."


def _is_setting(leaf: Evidence) -> bool:
    """Whether a leaf shows a property as Azure spells it: neither computed, nor counted, nor an analysis's."""
    is_computed = leaf.path.startswith(("[", "related(")) or leaf.path.endswith("[*]")
    return not is_computed and leaf.source != "derived" and leaf.operator not in {"count", "every", "any", "none"}


def _where(leaf: Evidence) -> str:
    path = _WRAPPED.sub(r"\1", leaf.path.removeprefix("properties."))
    return f"{path} ({leaf.name})" if leaf.name else path


def _there(leaf: Evidence) -> str:
    if leaf.absent:
        taken = "" if leaf.assumed is None or leaf.assumed == "" else f", which Azure takes as {_plain(leaf.assumed)}"
        return f"{_where(leaf)} is absent{taken}"
    return f"{_where(leaf)} is {_plain(leaf.actual)}"


def _wanted(leaf: Evidence) -> str:
    expectation = _MUST.get(leaf.operator)
    if leaf.operator == "exists":
        return _there(leaf)
    if leaf.operator == "notEquals" and leaf.expected == "":
        return f"{_there(leaf)}; it must be set"
    return f"{_there(leaf)}; it {expectation.format(_plain(_compared(leaf)))}" if expectation else _there(leaf)


def _compared(leaf: Evidence) -> object:
    if leaf.operator in {"olderThan", "notOlderThan"} and isinstance(leaf.expected, Mapping):
        return f"{value(leaf.expected['days'])} days"
    return leaf.expected


def _answer(given: object) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    return _plain(given)


def _plain(given: object) -> str:
    """Return a value for a sentence: resources by name, texts bare, what is empty as such."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, str) and given.lower().startswith("/subscriptions/"):
        return ids.name_of(given)
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return value([_plain(item) for item in given])
    return "empty" if given == "" else value(given)


def undecided(title: str, gaps: Sequence[Gap], errors: Sequence[str]) -> str:
    """Return the sentence for an unknown."""
    reasons = [f"{_unread(gap)}, needs {gap.permission}" if gap.permission else _unread(gap) for gap in gaps]
    reasons += [f"this could not be evaluated: {error}" for error in errors]
    return f"Not known whether: {title}: " + ("; ".join(reasons[:CLAUSES]) or "the data does not say") + "."


def _unread(gap: Gap) -> str:
    """Return what is not known, where and why, for people: resources by name."""
    where = "" if gap.scope in {"", "/"} else f" of {ids.name_of(gap.scope) or gap.scope}"
    relation = _RELATED.fullmatch(gap.what)
    what = f"what it leads to ({_spaced(relation[1])})" if relation else gap.what.removeprefix("properties.")
    return f"{what}{where}{' is ' if gap.reason.startswith('not in ') else ': '}{gap.reason}"


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _each_once(texts: Iterable[str]) -> list[str]:
    """Return texts without those that repeat an earlier one, however it is spelled."""
    kept: dict[str, str] = {}
    for text in texts:
        kept.setdefault(text.lower(), text)
    return list(kept.values())
