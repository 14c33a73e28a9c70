"""Look up what rows of the table may sanction whose holder, or whose scope, may be something that was not seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis.access.expected import RoleRow, best_known
from auditor.model import Gap
from auditor.rbac.assignments import Assignment, Role

Holder = tuple[str, str]
"""A workload and a component of it, by name."""


class DoubtfulRow(Struct, frozen=True):
    """A row of the table in a workload, and the ids of what it is known to be about.

    `unheld`: why somebody else than is known may hold it there; `unplaced`: why it may be about something else.
    """

    holder: Holder
    row: RoleRow
    targets: Sequence[str]
    unheld: Gap | None
    unplaced: Gap | None


class DoubtfulRows:
    """Doubtful rows by who holds them and by what they are about: an estate may have some in every workload."""

    def __init__(self, rows: Iterable[DoubtfulRow]) -> None:
        self._held: dict[Holder, list[tuple[int, DoubtfulRow]]] = defaultdict(list)
        self._open: list[tuple[int, DoubtfulRow]] = []
        self._at: dict[str, list[DoubtfulRow]] = defaultdict(list)
        self._anywhere: dict[int, list[DoubtfulRow]] = defaultdict(list)
        for place, one in enumerate(rows):
            if one.unplaced:
                self._held[one.holder].append((place, one))
            if one.unheld and (one.targets or one.unplaced):
                self._open.append((place, one))
                for target in one.targets:
                    self._at[ids.key(target)].append(one)
                if not one.targets:
                    self._anywhere[id(one.row)].append(one)

    def doubt(self, own: Collection[Holder]) -> Gap | None:
        """Return why a row may sanction something of somebody who plays these parts, the first reason there is."""
        held = [each for holder in own for each in self._held.get(holder, ())]
        whoever = next((each for each in self._open if each[1].holder not in own), None)
        found = [*held, *([whoever] if whoever else [])]
        if not found:
            return None
        _, first = min(found, key=lambda each: each[0])
        return first.unplaced if first.holder in own else first.unheld

    def expected(
        self, assignment: Assignment, own: Collection[Holder], roles: Mapping[str, Role]
    ) -> Iterator[Assignment]:
        """Yield what the rows may sanction at the scope of an assignment or above it, each role and scope once."""
        seen: set[tuple[str, str]] = set()
        for row, scope in self._reaching(assignment.scope, own):
            role = best_known(row.role, roles)
            if (role.key, scope) not in seen:
                seen.add((role.key, scope))
                yield Assignment(row.name, assignment.principal, assignment.principal_type, role, scope)

    def _reaching(self, scope: str, own: Collection[Holder]) -> Iterator[tuple[RoleRow, str]]:
        above = dict.fromkeys(_above(ids.key(scope)))
        for holder in sorted(own):
            for _, one in self._held.get(holder, ()):
                yield from ((one.row, target) for target in one.targets or [scope] if ids.key(target) in above)
        for key in above:
            yield from ((one.row, key) for one in self._at.get(key, ()) if one.holder not in own)
        for alike in self._anywhere.values():
            yield from ((one.row, scope) for one in alike[: len(own) + 1] if one.holder not in own)


def _above(key: str) -> Iterator[str]:
    """Yield an id and all that it lies below, in comparable form."""
    while key:
        yield key
        key = key.rpartition("/")[0]
    yield key
