"""Find what an object states twice: names that are one to Azure, which does not tell case apart, and two to JSON.

Tools that join several answers, and hands that edit one, leave both behind. Where they say the same, one is enough; where
they do not, neither may be taken for what is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from auditor.model import Gap
from auditor.snapshot.model import STATED_TWICE
from auditor.snapshot.rows import FREE_KEYS

_DEEPEST: Final = 100
_IN_LIST: Final = "[]"


@lru_cache(maxsize=8192)  # resources of a type have the same few sets of names
def _twins(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the names that stand in more than one spelling, by their name in lower case."""
    by_folded: dict[str, list[str]] = {}
    for name in names:
        by_folded.setdefault(name.lower(), []).append(name)
    return {folded: tuple(same) for folded, same in by_folded.items() if len(same) > 1}


def are_among(names: tuple[str, ...]) -> bool:
    """Whether any of the names of an object's members stands among them in more than one spelling."""
    return bool(_twins(names))


def each_once(body: dict[str, object]) -> tuple[dict[str, object], Sequence[str]]:
    """Return an object that states everything once, and the paths of what it stated twice and differently.

    That is out of it, with the whole list that it stood in; such a path ends in `[]`.
    """
    places: list[str] = []
    return dict(_members(body, "", places, _DEEPEST)), places


def _members(value: dict[str, object], at: str, places: list[str], depth: int) -> Iterator[tuple[str, object]]:
    twins = _twins(tuple(value))
    for name, inner in value.items():
        folded, path = name.lower(), f"{at}.{name}" if at else name
        same = twins.get(folded, (name,))
        if name != same[0]:
            continue
        if any(value[other] != inner for other in same[1:]):
            places.append(path)
        elif depth == 0 or folded in FREE_KEYS:
            yield name, inner
        elif isinstance(inner, dict):
            yield name, dict(_members(inner, path, places, depth - 1))
        elif isinstance(inner, list):
            differing: list[str] = []
            items = [_item(item, differing, depth - 1) for item in inner]
            if differing:
                places.append(f"{path}{_IN_LIST}")
            else:
                yield name, items
        else:
            yield name, inner


def _item(value: object, differing: list[str], depth: int) -> object:
    """Return an item of a list that states everything once, and note what it stated twice and differently."""
    if depth > 0 and isinstance(value, list):
        return [_item(item, differing, depth - 1) for item in value]
    return dict(_members(value, "", differing, depth)) if isinstance(value, dict) else value


def gaps_of(places: Sequence[str], resource_id: str, type_name: str) -> Iterator[Gap]:
    """Yield the gaps that what was stated twice leaves in a resource; of a list nothing is known, nor what hangs on it."""
    for path in places:
        listed = path.removesuffix(_IN_LIST)
        yield Gap(resource_id, listed, STATED_TWICE)
        if listed != path:
            yield Gap(resource_id, f"{type_name}/{listed.rpartition('.')[2]}", STATED_TWICE)
