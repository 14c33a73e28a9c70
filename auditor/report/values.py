"""Say in text what was observed and what was expected."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from auditor.model import Evidence


def ordered(value: Any) -> Any:
    """Return a value as plain JSON with sorted keys: the same for equal values, whatever they were read from."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): ordered(value[key]) for key in sorted(value, key=str)}
        case AbstractSet():
            return sorted((ordered(inner) for inner in value), key=compact)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [ordered(inner) for inner in value]
        case _:
            return str(value)


def compact(value: Any) -> str:
    """Return JSON on one line, without spaces, keys sorted."""
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":"))


def value_text(value: Any) -> str:
    """Return a string as it is and anything else as compact JSON."""
    return str(value) if isinstance(value, str) else compact(value)


def observed(evidence: Evidence) -> str:
    """Return what was there; an absent value says so, with the default that stood in for it."""
    if evidence.absent:
        return "(absent)" if evidence.assumed is None else f"(absent, assumed {compact(evidence.assumed)})"
    if evidence.actual is None and evidence.assumed is not None:
        return f"(null, assumed {compact(evidence.assumed)})"
    return value_text(evidence.actual)


def requirement(evidence: Evidence) -> str:
    """Return what a leaf asked for: path, operator and expected value; of what was not compared, only what it is."""
    if not evidence.decides:
        return f"{evidence.path} ({evidence.operator})"
    if evidence.operator == "count":
        return f"{evidence.path} {value_text(evidence.expected)}"
    return f"{evidence.path} {evidence.operator} {value_text(evidence.expected)}"
