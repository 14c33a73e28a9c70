"""Judge again from a report's evidence alone: what a stranger would do with the rows of a finding.

Nothing of the tool is used: values are compared as Azure Policy's documentation says
(https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule), and ages against the time
of judgement that the report states.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]
COMPARED_WITH_NOTHING = frozenset({"input", "context"})
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def verdict(rows: Iterable[Row], as_of: datetime) -> str | None:
    """Return `pass` where all rows that were compared are met, `fail` where none is, None where they tell neither."""
    told = [is_met(row, as_of) for row in rows if row["operator"] not in COMPARED_WITH_NOTHING]
    if not told or len(set(told)) > 1:
        return None
    return "pass" if told[0] else "fail"


def is_met(row: Row, as_of: datetime) -> bool:
    """Whether what a row says is there is what it says was wanted."""
    operator, expected = row["operator"], row.get("expected")
    if operator in {"every", "any", "none"}:
        return bool(row["actual"] > 0) == (operator == "any")
    if operator == "count":
        return _is_number_met(row["actual"], str(expected))
    value = row.get("assumed") if row["actual"] is None else row["actual"]
    if operator == "exists":
        return (value is not None) == (str(expected).lower() == "true")
    if operator in {"olderThan", "notOlderThan"}:
        return value is not None and _is_older(value, expected["days"], as_of) == (operator == "olderThan")
    if row["path"].rpartition(".")[2].lower() == "location":
        value, expected = _without_blanks(value), _without_blanks(expected)
    positive = operator[3].lower() + operator[4:] if re.match("not[A-Z]", operator) else operator
    return _holds(positive, value, expected) == (positive == operator)


def _is_number_met(number: int, expected: str) -> bool:
    _, sign, limit = expected.split(" ", 2)
    return (
        _SIGNS[sign](number, float(limit)) if sign in _SIGNS else _in(number, ast.literal_eval(limit)) == (sign == "in")
    )


def _is_older(text: str, days: float, as_of: datetime) -> bool:
    return _time(text) < as_of - timedelta(days=float(days))


def _holds(operator: str, value: Any, expected: Any) -> bool:
    if value is None:
        return operator == "equals" and expected is None
    return _OPERATORS[operator](value, expected)


def _folded(text: str) -> str:
    text = text.casefold()
    return text.rstrip("/") if text.startswith(("/subscriptions/", "/providers/")) else text


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return float(value) if re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", str(value)) or isinstance(value, float) else None


def _equal(value: Any, expected: Any) -> bool:
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(_equal, value, expected))
    if isinstance(value, dict) and isinstance(expected, dict):
        mine, other = ({name.lower(): each for name, each in side.items()} for side in (value, expected))
        return mine.keys() == other.keys() and all(_equal(each, other[name]) for name, each in mine.items())
    if isinstance(value, bool) or isinstance(expected, bool):
        return str(value).lower() == str(expected).lower()
    if isinstance(value, str) and isinstance(expected, str):
        return _folded(value) == _folded(expected)
    number = _number(value)
    return number is not None and number == _number(expected)


def _in(value: Any, expected: Any) -> bool:
    return any(
        each is not None and _equal(value, each) for each in (expected if isinstance(expected, list) else [expected])
    )


def _text(value: Any) -> str:
    return (str(value).lower() if isinstance(value, bool) else str(value)).casefold()


def _contains(value: Any, expected: Any) -> bool:
    if isinstance(value, list):
        return any(_equal(each, expected) for each in value)
    if isinstance(value, dict):
        return _has_key(value, expected)
    return _text(expected) in _text(value)


def _has_key(value: Any, expected: Any) -> bool:
    return isinstance(value, dict) and _text(expected) in map(_text, value)


def _like(value: Any, expected: Any) -> bool:
    pattern = "".join({"*": ".*", "?": "."}.get(letter) or re.escape(letter) for letter in _text(expected))
    return re.fullmatch(pattern, _text(value), re.DOTALL) is not None


def _match(value: Any, expected: Any) -> bool:
    fits = {"#": str.isdecimal, "?": str.isalpha, ".": lambda _: True}
    text, pattern = str(value), str(expected)
    return len(text) == len(pattern) and all(
        fits[sign](letter) if sign in fits else letter == sign for letter, sign in zip(text, pattern, strict=True)
    )


def _order(value: Any, expected: Any) -> int:
    mine, other = _number(value), _number(expected)
    if mine is None or other is None:
        try:
            mine, other = _time(value).timestamp(), _time(expected).timestamp()
        except ValueError:
            return (_text(value) > _text(expected)) - (_text(value) < _text(expected))
    return (mine > other) - (mine < other)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    if moment.tzinfo is None:
        return datetime.fromisoformat(f"{moment.isoformat()}+00:00")
    return moment


def _without_blanks(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_blanks(each) for each in value]
    return value.replace(" ", "") if isinstance(value, str) else value


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": _equal,
    "in": _in,
    "contains": _contains,
    "containsKey": _has_key,
    "like": _like,
    "match": _match,
    "matchInsensitively": lambda value, expected: _match(_text(value), _text(expected)),
    "less": lambda value, expected: _order(value, expected) < 0,
    "lessOrEquals": lambda value, expected: _order(value, expected) <= 0,
    "greater": lambda value, expected: _order(value, expected) > 0,
    "greaterOrEquals": lambda value, expected: _order(value, expected) >= 0,
}
