"""Read known paths of ARM objects without trusting their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor import resource_id as ids


def value(of: object, *path: str) -> object:
    """Return what lies at a path of property names (any case), or None where a step is missing or not an object."""
    for name in path:
        if type(of) is not dict and not isinstance(of, Mapping):  # the first answers for JSON, and quickly
            return None
        of = of[name] if name in of else _any_case(of, name)
    return of


def text(of: object, *path: str) -> str | None:
    """Return the text at a path without outer blanks, or None where there is none."""
    found = value(of, *path)
    return (found.strip() or None) if isinstance(found, str) else None


def reference(of: object, *path: str) -> str | None:
    """Return the resource key that the id at a path spells, or None where there is no id."""
    found = value(of, *path)
    return ids.key(found) if isinstance(found, str) and ids.is_resource_id(found) else None


def items(of: object, *path: str) -> Sequence[object]:
    """Return the elements of the array at a path; anything else has none."""
    found = value(of, *path)
    return found if isinstance(found, Sequence) and not isinstance(found, str | bytes) else ()


def objects(of: object, *path: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of the array at a path; anything else is no element."""
    return tuple(item for item in items(of, *path) if isinstance(item, Mapping))


def references(of: object, array: Sequence[str], inner: Sequence[str] = ("id",)) -> tuple[str, ...]:
    """Return the resource keys at an inner path of every object of an array."""
    return tuple(key for item in objects(of, *array) if (key := reference(item, *inner)))


def texts(of: object, *path: str) -> tuple[str, ...]:
    """Return the strings of the array at a path."""
    return tuple(item for item in items(of, *path) if isinstance(item, str) and item)


def host_of(address: str) -> str:
    """Return the host of a URL or of `host/path`, in lower case."""
    return address.partition("://")[2].partition("/")[0].lower() or address.partition("/")[0].lower()


def _any_case(of: Mapping[Any, Any], name: str) -> object:
    length, wanted = len(name), name.lower()
    matches = [key for key in of if isinstance(key, str) and len(key) == length and key.lower() == wanted]
    return of[min(matches)] if matches else None
