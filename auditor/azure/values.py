"""Read values at dotted paths of ARM objects, by the rules of `estate.reading`, and take them as what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body as reading
from auditor.model import Json

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


def value(body: object, path: str) -> object:
    """Return what lies at a dotted path, its names in any case, or None where there is nothing."""
    return reading.value(body, *path.split("."))


def text(body: object, path: str) -> str | None:
    """Return the text at a path without outer blanks, or None where there is none."""
    return reading.text(body, *path.split("."))


def flag(body: object, path: str) -> bool | None:
    """Return the truth value at a path (`true` or `"True"`), or None."""
    found = value(body, path)
    if isinstance(found, str) and found.lower() in {"true", "false"}:
        return found.lower() == "true"
    return found if isinstance(found, bool) else None


def number(body: object, path: str) -> int | None:
    """Return the whole number at a path (`3`, `3.0` or `"3"`), or None."""
    return as_number(value(body, path))


def as_number(found: object) -> int | None:
    """Return a value as a whole number, or None."""
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        return int(found) if _WHOLE.fullmatch(found.strip()) else None
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return found if isinstance(found, int) else None


def members(body: object, path: str) -> tuple[tuple[str, Json], ...]:
    """Return (concrete path, object) for each object in the list at a path."""
    return tuple(
        (f"{path}[{position}]", member)
        for position, member in enumerate(reading.items(body, *path.split(".")))
        if isinstance(member, Mapping)
    )


def texts(body: object, path: str) -> list[str]:
    """Return the texts in the list at a path; a lone text counts as a list of one."""
    found = value(body, path)
    if isinstance(found, str):
        return [found] if found else []
    return list(reading.texts(body, *path.split(".")))


def reference(body: object, path: str) -> str | None:
    """Return the comparable form of the resource id in `path.id`, or None."""
    found = text(body, f"{path}.id")
    return ids.key(found) if found else None


def same(left: object, right: str) -> bool:
    """Whether a value is this text, in any case."""
    return isinstance(left, str) and left.lower() == right.lower()
