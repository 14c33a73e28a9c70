"""Compare values as Azure Policy does: text without case, numbers and booleans also as text, ids without a last slash."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from typing import Final

from auditor.azure.body import as_time
from auditor.azure.paths import ABSENT, kind_of_json

Scalar = str | int | float | bool


class ComparisonError(Exception):
    """Two values that no rule of the language compares, such as a number and a list."""


def fold(text: str) -> str:
    """Return the form of a text that is equal for equal texts: no case, no slash at the end of an ARM id."""
    folded = text.casefold()
    return folded.rstrip("/") if folded.startswith(("/subscriptions/", "/providers/")) else folded


def as_number(value: object) -> float | int | None:
    """Return a number, or the number that a text spells, or None. Booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if isinstance(value, int) or math.isfinite(value) else None
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]{1,30}(\.[0-9]{1,30})?\s*", value):
        return float(value) if "." in value else int(value)
    return None


def equals(left: object, right: object) -> bool:
    """Whether two present values are the same: text without case, `"80"` = 80, `"true"` = true, 1 ≠ true."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right or fold(left) == fold(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right or (_boolean(left) is not None and _boolean(left) == _boolean(right))
    if isinstance(left, int | float | str) and isinstance(right, int | float | str):
        number = as_number(left)
        return number is not None and number == as_number(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equals(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return _same_object(left, right)
    return left is None and right is None


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _same_object(left: Mapping[str, object], right: Mapping[str, object]) -> bool:
    ours, theirs = ({name.lower(): value for name, value in side.items()} for side in (left, right))
    return ours.keys() == theirs.keys() and all(equals(value, theirs[name]) for name, value in ours.items())


def is_in(left: object, right: object) -> bool:
    """Whether one of the elements equals; a scalar on the right is a list of one; null elements are skipped."""
    candidates = right if isinstance(right, list) else [right]
    return any(candidate is not None and equals(left, candidate) for candidate in candidates)


def contains(left: object, right: object) -> bool:
    """Whether a text holds a part, a list an element, an object a key."""
    if isinstance(left, list):
        return any(equals(element, right) for element in left)
    if isinstance(left, Mapping):
        return contains_key(left, right)
    return _text(right) in _text(left)


def contains_key(left: object, right: object) -> bool:
    """Whether an object has a key, without case."""
    return isinstance(left, Mapping) and any(name.casefold() == _text(right) for name in left)


def like(left: object, right: object) -> bool:
    """Whether the whole text fits a pattern with `*` and `?`, without case."""
    return _pattern(_text(right)).fullmatch(_text(left)) is not None


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    # only * and ? are special: brackets are literal in Azure Policy, so they are escaped for fnmatch
    return re.compile(translate(text.replace("[", "[[]")))


def match(left: object, right: object) -> bool:
    """Whether a text fits letter by letter: `#` a digit, `?` a letter, `.` any character; with case."""
    text, pattern = _plain_text(left), _plain_text(right)
    return len(text) == len(pattern) and all(_fits(a, b) for a, b in zip(text, pattern, strict=True))


def _fits(letter: str, expected: str) -> bool:
    match expected:
        case "#":
            return letter.isdecimal()
        case "?":
            return letter.isalpha()
        case ".":
            return True
        case _:
            return letter == expected


def _text(value: object) -> str:
    return _plain_text(value).casefold()


def _plain_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ComparisonError(f"text was expected, {kind_of_json(value)} is there")


def order(left: object, right: object) -> int:
    """Return -1, 0 or 1: numbers (also spelled as text), else two ISO 8601 times, else two texts without case."""
    ours, theirs = as_number(left), as_number(right)
    if ours is not None and theirs is not None:
        return (ours > theirs) - (ours < theirs)
    if isinstance(left, str) and isinstance(right, str):
        first, second = as_time(left), as_time(right)
        if first is not None and second is not None:
            return (first > second) - (first < second)
        if ours is None and theirs is None:
            return (left.casefold() > right.casefold()) - (left.casefold() < right.casefold())
    raise ComparisonError(f"{kind_of_json(left)} and {kind_of_json(right)} have no order")


def match_insensitively(left: object, right: object) -> bool:
    """As `match`, without case."""
    return match(_text(left), _text(right))


Comparison = Callable[[object, object], bool]

POSITIVE: Final[Mapping[str, Comparison]] = {
    "equals": equals,
    "in": is_in,
    "contains": contains,
    "containsKey": contains_key,
    "like": like,
    "match": match,
    "matchInsensitively": match_insensitively,
    "less": lambda left, right: order(left, right) < 0,
    "lessOrEquals": lambda left, right: order(left, right) <= 0,
    "greater": lambda left, right: order(left, right) > 0,
    "greaterOrEquals": lambda left, right: order(left, right) >= 0,
}
NEGATIVE: Final[Mapping[str, str]] = {
    "notEquals": "equals",
    "notIn": "in",
    "notContains": "contains",
    "notContainsKey": "containsKey",
    "notLike": "like",
    "notMatch": "match",
    "notMatchInsensitively": "matchInsensitively",
}
AGES: Final = frozenset(("olderThan", "notOlderThan"))
"""Operators that compare a time with the time of judgement; of a time that is not there neither holds."""
ORDERING: Final = frozenset(("less", "lessOrEquals", "greater", "greaterOrEquals"))
OPERATORS: Final = frozenset((*POSITIVE, *NEGATIVE, *AGES, "exists"))


def compare(operator: str, left: object, right: object) -> bool:
    """Apply an operator to the left side, which may be ABSENT. ComparisonError where the two have nothing in common."""
    if operator == "exists":
        return (left is not ABSENT) == _exists_as(right)
    if operator in POSITIVE:
        return _holds(operator, left, right)
    return not _holds(NEGATIVE[operator], left, right)


def is_older(value: object, days: object, now: datetime) -> bool:
    """Whether a time lies more than some days before now. ComparisonError where the one is no time or the other no number."""
    when = as_time(value) if isinstance(value, str) else None
    number = as_number(days)
    if when is None:
        raise ComparisonError(f"{str(value)[:40]} is no ISO 8601 time")
    if number is None:
        raise ComparisonError("olderThan takes a number of days")
    try:
        return when < now - timedelta(days=number)
    except OverflowError as problem:
        raise ComparisonError("the time lies outside the calendar") from problem


def _exists_as(right: object) -> bool:
    exists = _boolean(right)
    if exists is None:
        raise ComparisonError("'exists' takes true or false")
    return exists


def _holds(operator: str, left: object, right: object) -> bool:
    if left is ABSENT:
        return operator == "equals" and (right is None or right is ABSENT)
    if right is ABSENT:
        right = None
    return POSITIVE[operator](left, right)
