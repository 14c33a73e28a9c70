"""Read what Azure sends without trusting its shape: values at dotted paths, taken as what they mean.

Every reader takes any value and a path of property names in any case (`properties.ipConfigurations`); the empty path is
the value itself. A step that is missing, or into something that is no object, leads to None or to an empty tuple.
Names that may hold dots, as ids do, are no steps: take the object at the path and look the name up in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from auditor import resource_id as ids
from auditor.azure import paths

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LONG_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


def value(of: object, path: str = "") -> object:
    """Return what lies at a path, or None where there is nothing."""
    for name in _names(path):
        if type(of) is not dict and not isinstance(of, Mapping):  # the first answers for JSON, and quickly
            return None
        of = of[name] if name in of else _in_any_case(of, name)
    return of


def text(of: object, path: str = "") -> str | None:
    """Return the text at a path without outer blanks, or None where there is none."""
    content = value(of, path)
    return (content.strip() or None) if isinstance(content, str) else None


def flag(of: object, path: str = "") -> bool | None:
    """Return the truth value at a path (`true` or `"True"`), or None."""
    content = value(of, path)
    if isinstance(content, str) and content.lower() in {"true", "false"}:
        return content.lower() == "true"
    return content if isinstance(content, bool) else None


def number(of: object, path: str = "") -> int | None:
    """Return the whole number at a path (`3`, `3.0` or `"3"`), or None."""
    content = value(of, path)
    if isinstance(content, bool):
        return None
    if isinstance(content, str):
        return int(content) if _WHOLE.fullmatch(content.strip()) else None
    if isinstance(content, float) and content.is_integer():
        return int(content)
    return content if isinstance(content, int) else None


def as_time(content: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names (UTC where it names no zone), or None."""
    if not _DATE.match(content):
        return None
    try:
        # Azure writes up to seven digits of a second; Python reads six
        when = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", content))
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # with its offset it may lie outside the calendar
        return None


def moment(of: object, path: str = "") -> datetime | None:
    """Return the moment at a path, in UTC: an ISO 8601 text, or the seconds since 1970 that Key Vault writes; or None."""
    seconds = number(of, path)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        return as_time(text(of, path) or "")
    except (OverflowError, ValueError, OSError):
        return None


def items(of: object, path: str = "") -> Sequence[object]:
    """Return the elements of the array at a path; anything else has none."""
    content = value(of, path)
    return content if isinstance(content, Sequence) and not isinstance(content, str | bytes) else ()


def objects(of: object, path: str = "") -> tuple[Mapping[str, object], ...]:
    """Return the objects of the array at a path; anything else is no element."""
    return tuple(item for item in items(of, path) if isinstance(item, Mapping))


def values_at(value: object, steps: paths.Steps) -> Sequence[object]:
    """Return what lies at a path, in any case; nothing where the data has another shape.

    `[*]` goes through a list, or through the values of an object.
    """
    found: Sequence[object] = [value]
    for step in steps:
        found = _members(found) if step is paths.EACH else _named(found, step)
        if not found:
            return ()
    return [one for one in found if one is not None]


def _members(values: Iterable[object]) -> Sequence[object]:
    return [one for value in values for one in (value.values() if isinstance(value, Mapping) else items(value))]


def _named(values: Iterable[object], step: paths.PathStep) -> Sequence[object]:
    found = []
    for value in values:
        if type(value) is dict and step.name in value:  # what JSON decodes to, spelled as Azure does
            found.append(value[step.name])
        elif (spelled := paths.spelling(value, step)) is not None and isinstance(value, Mapping):
            found.append(value[spelled])
    return found


def states_values(of: object, wanted: Mapping[paths.Steps, frozenset[str]]) -> bool:
    """Whether each path leads to one of its values, given in lower case, at least once."""
    return all(
        any(isinstance(value, str | bool) and str(value).lower() in values for value in values_at(of, path))
        for path, values in wanted.items()
    )


def enumerate_objects(of: object, path: str) -> tuple[tuple[str, Mapping[str, object]], ...]:
    """Return each object of the array at a path behind its own path (`properties.rules[2]`)."""
    return tuple(
        (f"{path}[{position}]", item) for position, item in enumerate(items(of, path)) if isinstance(item, Mapping)
    )


def texts(of: object, path: str = "") -> tuple[str, ...]:
    """Return the strings of the array at a path; empty ones are left out."""
    return tuple(item for item in items(of, path) if isinstance(item, str) and item)


def text_or_texts(of: object, path: str = "") -> tuple[str, ...]:
    """Return the string at a path as the only one, or the strings of the array there; empty ones are left out."""
    content = value(of, path)
    return ((content,) if content else ()) if isinstance(content, str) else texts(content)


def reference(of: object, path: str = "") -> str | None:
    """Return the resource key that the id at a path spells, or None where there is no id."""
    content = value(of, path)
    return ids.key(content) if isinstance(content, str) and ids.is_resource_id(content) else None


def references(of: object, array: str, inner: str = "id") -> tuple[str, ...]:
    """Return the resource keys at an inner path of every object of an array."""
    return tuple(key for item in objects(of, array) if (key := reference(item, inner)))


def sub_resource(of: object, path: str) -> str | None:
    """Return the key that the `{"id": …}` at a path holds, be it a resource id or not, or None where it has no text.

    For what decides by whether something is linked at all: an id that cannot be read is still a link.
    """
    content = text(of, f"{path}.id")
    return ids.key(content) if content else None


def same_text(left: object, right: str) -> bool:
    """Whether a value is this text, in any case."""
    return isinstance(left, str) and left.lower() == right.lower()


def host_of(address: str) -> str:
    """Return the host of a URL or of `host/path`, in lower case and without a port."""
    host = address.partition("://")[2].partition("/")[0] or address.partition("/")[0]
    return host.partition(":")[0].lower()


@lru_cache(maxsize=4096)
def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _in_any_case(of: Mapping[object, object], name: str) -> object:
    length, folded = len(name), name.lower()
    matches = [key for key in of if isinstance(key, str) and len(key) == length and key.lower() == folded]
    return of[min(matches)] if matches else None
