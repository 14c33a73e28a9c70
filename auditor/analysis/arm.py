"""Read values out of ARM JSON whose shape, spelling and case cannot be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Json

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


def value(body: object, path: str) -> object:
    """Return what lies at a dotted path, its names in any case, or None where there is nothing."""
    found: object = body
    for name in path.split("."):
        if type(found) is not dict and not isinstance(found, Mapping):  # the first answers for JSON, and quickly
            return None
        found = found[name] if name in found else _any_case(found, name)
    return found


def _any_case(body: Json, name: str) -> object:
    length, wanted = len(name), name.lower()  # comparing lengths is what most names end at
    for key in body:
        if len(key) == length and key.lower() == wanted:
            return body[key]
    return None


def text(body: object, path: str) -> str | None:
    """Return the non-empty text at a path, or None."""
    found = value(body, path)
    return found if isinstance(found, str) and found else None


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


def members(body: object, path: str) -> Iterator[tuple[str, Json]]:
    """Yield (concrete path, object) for each object in the list at a path."""
    found = value(body, path)
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        for position, member in enumerate(found):
            if isinstance(member, Mapping):
                yield f"{path}[{position}]", member


def texts(body: object, path: str) -> list[str]:
    """Return the texts in the list at a path; a lone text counts as a list of one."""
    found = value(body, path)
    if isinstance(found, str):
        return [found] if found else []
    if isinstance(found, Sequence):
        return [member for member in found if isinstance(member, str) and member]
    return []


def reference(body: object, path: str) -> str | None:
    """Return the comparable form of the resource id in `path.id`, or None."""
    found = text(body, f"{path}.id")
    return ids.key(found) if found else None


def same(left: object, right: str) -> bool:
    """Whether a value is this text, in any case."""
    return isinstance(left, str) and left.lower() == right.lower()
