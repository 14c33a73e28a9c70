"""The template functions that expressions may call: pure, bounded, no regular expressions, no input or output."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.azure import addresses
from auditor.azure.body import as_time
from auditor.azure.paths import ABSENT, kind_of_json
from auditor.azure.ranges import Ranges, is_within
from auditor.language import operators

MAX_RESULT: Final = 131_072  # characters; Azure's own limit on a template expression's result
MAX_COMPARISONS: Final = 1_000_000  # of two lists, element by element: keeps hostile data from stalling a run


class FunctionError(Exception):
    """A function got arguments that it cannot take."""


def _text(value: object) -> str:
    if value is ABSENT or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise FunctionError(f"text was expected, {kind_of_json(value)} is there")


def _whole(value: object) -> int:
    number = operators.as_number(value)
    if number is None or number != int(number):
        raise FunctionError(
            f"a whole number was expected, {value!r} is there" if value is not ABSENT else "nothing is there"
        )
    return int(number)


def _list(value: object) -> list[object]:
    if value is ABSENT or value is None:
        return []
    if not isinstance(value, list):
        raise FunctionError(f"a list was expected, {kind_of_json(value)} is there")
    return value


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise FunctionError("true or false was expected")


def concat(*parts: object) -> object:
    """Join texts, or lists."""
    if parts and isinstance(parts[0], list):
        return [element for part in parts for element in _list(part)]
    return "".join(_text(part) for part in parts)


def split(text: object, separators: object) -> list[str]:
    """Cut a text at each separator (one text, or a list of them)."""
    cut = [_text(text)]
    for separator in separators if isinstance(separators, list) else [separators]:
        if not _text(separator):
            raise FunctionError("split needs a separator")
        cut = [part for piece in cut for part in piece.split(_text(separator))]
    return list(cut)


def first(value: object) -> object:
    """Return the first element or character; nothing of an empty one."""
    items = value if isinstance(value, str | list) else _list(value)
    return items[0] if items else ABSENT


def last(value: object) -> object:
    """Return the last element or character; nothing of an empty one."""
    items = value if isinstance(value, str | list) else _list(value)
    return items[-1] if items else ABSENT


def length(value: object) -> int:
    """Count elements, characters or keys."""
    if value is ABSENT or value is None:
        return 0
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise FunctionError(f"a list, text or object was expected, {kind_of_json(value)} is there")


def empty(value: object) -> bool:
    """Whether there is nothing, or nothing in it."""
    return length(value) == 0


def items(value: object) -> list[object]:
    """Return the members of an object as `{key, value}`, in order of their keys; of nothing it is empty."""
    if value is ABSENT or value is None:
        return []
    if not isinstance(value, Mapping):
        raise FunctionError(f"an object was expected, {kind_of_json(value)} is there")
    return [{"key": key, "value": value[key]} for key in sorted(value, key=str)]


def total(value: object) -> int | float:
    """Add the numbers of a list, or of an object's members; of none it is 0."""
    numbers = [operators.as_number(one) for one in (value.values() if isinstance(value, Mapping) else _list(value))]
    if any(number is None for number in numbers):
        raise FunctionError("numbers were expected")
    return sum(number for number in numbers if number is not None)


def pad_left(value: object, width: object, fill: object = " ") -> str:
    """Lengthen a text on its left."""
    size = _whole(width)
    if size > MAX_RESULT:
        raise FunctionError(f"a result of {size} characters is longer than {MAX_RESULT}")
    return _text(value).rjust(size, (_text(fill) or " ")[0])


def replace(text: object, old: object, new: object) -> str:
    """Replace each occurrence of a part, with case."""
    if not _text(old):
        raise FunctionError("replace needs a text to look for")
    return _text(text).replace(_text(old), _text(new))


def substring(text: object, start: object, count: object = None) -> str:
    """Cut a part out of a text."""
    begin = _whole(start)
    if begin < 0 or begin > len(_text(text)):
        raise FunctionError("substring starts outside the text")
    return _text(text)[begin:] if count is None else _text(text)[begin : begin + max(0, _whole(count))]


def coalesce(*options: object) -> object:
    """Return the first that is there."""
    return next((option for option in options if option is not ABSENT and option is not None), ABSENT)


def add_days(moment: object, days: object) -> str:
    """Return an ISO 8601 time some days later (or, with a negative number, earlier)."""
    when = as_time(_text(moment))
    if when is None:
        raise FunctionError(f"'{_text(moment)[:40]}' is no ISO 8601 time")
    try:
        return (when + timedelta(days=_whole(days))).isoformat().replace("+00:00", "Z")
    except OverflowError as problem:
        raise FunctionError("the time lies outside the calendar") from problem


def from_epoch(seconds: object) -> object:
    """Return the ISO 8601 time that a number of seconds since 1970 means, as Key Vault writes times in ARM.

    Of nothing it is nothing.
    """
    if coalesce(seconds) is ABSENT:
        return ABSENT
    try:
        return datetime.fromtimestamp(_whole(seconds), UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError) as problem:
        raise FunctionError("the time lies outside the calendar") from problem


def _addresses(text: object) -> Ranges:
    words = _text(text)
    numbers = addresses.parse_range(words)
    if numbers is None:
        raise FunctionError(f"'{words.strip()[:60]}' is no address range")
    return numbers


def ip_range_contains(outer: object, inner: object) -> bool:
    """Whether an address range (CIDR, single address or `a-b`) holds another one wholly."""
    return is_within(_addresses(inner), _addresses(outer))


def port_range_contains(ports: object, port: object) -> bool:
    """Whether `*`, `22` or `20-25` (or a list of such) holds a port or a range wholly."""
    if isinstance(ports, list):
        return any(port_range_contains(part, port) for part in ports)
    if ports is ABSENT or ports is None or not _text(ports).strip():
        return False
    low, high = _ports(ports)
    start, end = _ports(port)
    return low <= start and end <= high


def _ports(value: object) -> tuple[int, int]:
    words = _text(value).strip()
    if words == "*":
        return 0, 65535
    match = re.fullmatch(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?", words)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if low > high or high > 65535:
        raise FunctionError(f"'{words[:40]}' is no port or port range")
    return low, high


def _union(*lists: object) -> list[object]:
    elements: list[object] = []
    _check_size(sum(len(_list(part)) for part in lists) ** 2 // 2)
    for element in (element for part in lists for element in _list(part)):
        if not operators.is_in(element, elements):
            elements.append(element)
    return elements


def _check_size(comparisons: int) -> None:
    if comparisons > MAX_COMPARISONS:
        raise FunctionError(f"the lists are too long to compare: more than {MAX_COMPARISONS} pairs")


def _intersection(left: object, right: object) -> list[object]:
    _check_size(len(_list(left)) * len(_list(right)))
    return [element for element in _list(left) if operators.is_in(element, _list(right))]


def _numbers(parts: tuple[object, ...]) -> list[int | float]:
    items = parts[0] if len(parts) == 1 and isinstance(parts[0], list) else list(parts)
    numbers = [operators.as_number(item) for item in items]
    if not numbers or any(number is None for number in numbers):
        raise FunctionError("numbers were expected")
    return [number for number in numbers if number is not None]


Function = Callable[..., object]

PURE: Final[Mapping[str, tuple[Function, int, int]]] = {
    # name: (function, fewest arguments, most arguments)
    "add": (lambda left, right: sum(_numbers((left, right))), 2, 2),
    "addDays": (add_days, 2, 2),
    "and": (lambda *parts: all(map(_truth, parts)), 1, 16),
    "coalesce": (coalesce, 1, 16),
    "concat": (concat, 1, 64),
    "contains": (lambda left, right: coalesce(left) is not ABSENT and operators.contains(left, right), 2, 2),
    "createArray": (lambda *parts: [None if part is ABSENT else part for part in parts], 0, 64),
    "dateTimeFromEpoch": (from_epoch, 1, 1),
    "empty": (empty, 1, 1),
    "endsWith": (lambda text, end: _text(text).casefold().endswith(_text(end).casefold()), 2, 2),
    "equals": (lambda left, right: operators.compare("equals", left, right), 2, 2),
    "first": (first, 1, 1),
    "greater": (lambda left, right: operators.order(left, right) > 0, 2, 2),
    "greaterOrEquals": (lambda left, right: operators.order(left, right) >= 0, 2, 2),
    "indexOf": (lambda text, part: _text(text).casefold().find(_text(part).casefold()), 2, 2),
    "int": (_whole, 1, 1),
    "intersection": (_intersection, 2, 2),
    "ipRangeContains": (ip_range_contains, 2, 2),
    "items": (items, 1, 1),
    "last": (last, 1, 1),
    "length": (length, 1, 1),
    "less": (lambda left, right: operators.order(left, right) < 0, 2, 2),
    "lessOrEquals": (lambda left, right: operators.order(left, right) <= 0, 2, 2),
    "max": (lambda *parts: max(_numbers(parts)), 1, 64),
    "min": (lambda *parts: min(_numbers(parts)), 1, 64),
    "not": (lambda part: not _truth(part), 1, 1),
    "or": (lambda *parts: any(map(_truth, parts)), 1, 16),
    "padLeft": (pad_left, 2, 3),
    "portRangeContains": (port_range_contains, 2, 2),
    "replace": (replace, 3, 3),
    "split": (split, 2, 2),
    "startsWith": (lambda text, start: _text(text).casefold().startswith(_text(start).casefold()), 2, 2),
    "string": (_text, 1, 1),
    "sub": (lambda left, right: _numbers((left,))[0] - _numbers((right,))[0], 2, 2),
    "substring": (substring, 2, 3),
    "sum": (total, 1, 1),
    "toLower": (lambda text: _text(text).lower(), 1, 1),
    "toUpper": (lambda text: _text(text).upper(), 1, 1),
    "trim": (lambda text: _text(text).strip(), 1, 1),
    "union": (_union, 1, 16),
}
CONTEXTUAL: Final[Mapping[str, tuple[int, int]]] = {
    # evaluated by the evaluator, which knows the subject: name: (fewest, most arguments)
    "current": (1, 1),
    "field": (1, 1),
    "if": (3, 3),
    "parameters": (1, 1),
    "resourceGroup": (0, 0),
    "subject": (1, 1),
    "subscription": (0, 0),
    "unknown": (2, 2),
    "utcNow": (0, 0),
}


def call(name: str, arguments: list[object]) -> object:
    """Call a pure function. FunctionError where its arguments or the size of its result do not fit."""
    try:
        result = PURE[name][0](*arguments)
    except operators.ComparisonError as problem:
        raise FunctionError(str(problem)) from problem
    if isinstance(result, str | list) and len(result) > MAX_RESULT:
        raise FunctionError(f"a result of {name} is longer than {MAX_RESULT}")
    return result
