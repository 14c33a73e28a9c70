"""Look up, by type and by place, what a snapshot says that it lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Gap
from auditor.resource_id import MANAGEMENT_GROUPS
from auditor.snapshot.model import ANY_TYPE

_OF_A_SCOPE: Final = ("microsoft.authorization/", "microsoft.managedservices/")
"""The namespaces of what is laid on a scope and holds for all that lies below it."""
_MANAGEMENT_GROUPS: Final = f"/providers/{MANAGEMENT_GROUPS}/"
Places = tuple[Mapping[str, int], Mapping[str, int]]
"""Positions in a list of gaps: of the first at a place, and of the first at or below one."""


class DeclaredGaps:
    """The gaps of a snapshot in resource types: an inventory without properties has one for each of its rows."""

    def __init__(self) -> None:
        self._by_type: dict[str, list[Gap]] = defaultdict(list)
        self._places: dict[str, Places] = {}

    def add(self, gap: Gap) -> None:
        """Take in a gap; all are added before the first is asked for."""
        self._by_type[gap.what.lower()].append(gap)

    def of_type(self, resource_type: str) -> Sequence[Gap]:
        """Return the gaps in a type: children are found through their parents, so that a gap in these is one in those."""
        return [gap for name in self._names(resource_type) for gap in self._by_type[name]]

    def all(self) -> list[Gap]:
        """Return the gaps in all types, by type."""
        return [gap for name in sorted(self._by_type) for gap in self._by_type[name]]

    def near(self, resource_type: str, scope: str) -> Gap | None:
        """Return the first gap in a type at, below or above a scope, or None."""
        for name in self._names(resource_type):
            if name not in self._places:
                self._places[name] = _places(self._by_type[name])
            at, below = self._places[name]
            nearby = [at.get(place) for place in _upwards(scope)] + [below.get(ids.key(scope))]
            if positions := [position for position in nearby if position is not None]:
                return self._by_type[name][min(positions)]
        return None

    def _names(self, resource_type: str) -> Sequence[str]:
        """Return what gaps in a type may be filed under: its parents, outermost first, itself, and any type."""
        if not self._by_type:
            return ()
        kind, names = resource_type.lower(), [ANY_TYPE]
        while "/" in kind:
            names.insert(0, kind)
            kind = kind.rpartition("/")[0]
        return [name for name in names if name in self._by_type]


def _places(gaps: Sequence[Gap]) -> Places:
    at: dict[str, int] = {}
    below: dict[str, int] = {}
    for position, gap in enumerate(gaps):
        at.setdefault(ids.key(gap.scope), position)
        if (owner := _concerned(gap)) is not None:
            at.setdefault(owner, position)
        for place in _upwards(gap.scope):
            below.setdefault(place, position)
    return at, below


def _concerned(gap: Gap) -> str | None:
    """Return the key of what an assignment, a denial or a lock that was not read is about, or None for other gaps.

    Its id lies beside what is below the same scope, and it holds for all of that. What lies in a management group is not
    known from ids: what is laid on one may be about everything.
    """
    owner, _, own = ids.key(gap.scope).rpartition("/providers/")
    if not own.startswith(_OF_A_SCOPE):
        return None
    return "" if owner.startswith(_MANAGEMENT_GROUPS) else owner


def _upwards(scope: str) -> Iterator[str]:
    """Yield the key of a scope and of all that it lies below, the empty one last."""
    place = ids.key(scope)
    yield place
    while place:
        place = place.rpartition("/")[0]
        yield place
