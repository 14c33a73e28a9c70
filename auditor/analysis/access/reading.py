"""Read known paths of ARM objects without trusting their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def value(of: object, *path: str) -> object:
    """Return what lies at a path of property names (any case), or None where a step is missing or not an object."""
    for name in path:
        if not isinstance(of, Mapping):
            return None
        of = of[name] if name in of else _any_case(of, name)
    return of


def _any_case(of: Mapping[Any, Any], name: str) -> object:
    wanted = name.lower()
    matches = [key for key in of if isinstance(key, str) and key.lower() == wanted]
    return of[min(matches)] if matches else None


def text(of: object, *path: str) -> str | None:
    """Return the text at a path without outer blanks, or None where there is none."""
    found = value(of, *path)
    return (found.strip() or None) if isinstance(found, str) else None


def items(of: object, *path: str) -> Sequence[object]:
    """Return the list at a path; anything else has no items."""
    found = value(of, *path)
    return found if isinstance(found, Sequence) and not isinstance(found, str | bytes) else ()


def objects(of: object, *path: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects of the list at a path."""
    return [item for item in items(of, *path) if isinstance(item, Mapping)]


def texts(of: object, *path: str) -> Sequence[str]:
    """Return the texts of the list at a path."""
    return [item for item in items(of, *path) if isinstance(item, str)]
