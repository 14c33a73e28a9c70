"""Say what a value was compared with as two parts of a sentence: `at least` `1`, `one of` `Disabled, FtpsOnly`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from auditor.model import Evidence
from auditor.report.text import value_text

_WORDS: Final = {
    "equals": "is",
    "notEquals": "is not",
    "in": "is one of",
    "notIn": "is none of",
    "contains": "contains",
    "notContains": "does not contain",
    "containsKey": "has the key",
    "notContainsKey": "does not have the key",
    "like": "fits",
    "notLike": "does not fit",
    "match": "has the form",
    "notMatch": "does not have the form",
    "matchInsensitively": "has, in any case, the form",
    "notMatchInsensitively": "does not have, in any case, the form",
    "less": "less than",
    "lessOrEquals": "at most",
    "greater": "more than",
    "greaterOrEquals": "at least",
    "olderThan": "older than",
    "notOlderThan": "at most",
    "exists": "is",
    "every": "every element",
    "any": "at least one element",
    "none": "no element",
}
_SIGNS: Final = {"=": "exactly", "!=": "not", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_COUNT: Final = re.compile(r"count (=|!=|<=|>=|<|>) (.+)")


def comparison(leaf: Evidence) -> tuple[str, str]:
    """Return how a leaf compared, and with what; an operator that is not known stands as it is."""
    if leaf.operator == "count" and (match := _COUNT.fullmatch(str(leaf.expected))):
        return _SIGNS[match[1]], f"{match[2]} that match"
    words = _WORDS.get(leaf.operator, leaf.operator)
    if leaf.operator == "exists":
        return words, "present" if leaf.expected in (True, "true") else "absent"
    if leaf.operator in {"every", "any", "none"} and leaf.expected is None:
        return words, "as the rule says"
    if isinstance(leaf.expected, Mapping) and "days" in leaf.expected:
        days = value_text(leaf.expected["days"])
        return words, f"{days} days old" if leaf.operator == "notOlderThan" else f"{days} days"
    return words, value_text(leaf.expected)
