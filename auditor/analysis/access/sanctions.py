"""Decide for any assignment whether the baseline's table sanctions it, and what it permits beyond that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from auditor.analysis.access.expected import BoundRow
from auditor.analysis.access.row_verdict import likeness_of, with_role
from auditor.analysis.fact import Record, record
from auditor.rbac import permissions as sets
from auditor.rbac.assignments import Assignment
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.conditions import Likeness
from auditor.rbac.operation_sets import OperationSet, Pattern, holds, intersection, is_empty, patterns_of
from auditor.rbac.patterns import WILDCARD
from auditor.rbac.permissions import NO_PERMISSIONS, Permissions, Plane
from auditor.rbac.scopes import Hierarchy
from auditor.truth import Truth

MAX_NAMED: Final = 25


@record
class ExcessActions(Record, frozen=True, kw_only=True):
    """What permissions hold beyond others."""

    plane: Plane
    """`control` or `data`"""
    operation: str
    """an operation as proof"""
    actions: tuple[str, ...]
    """the actions of the role that go beyond"""


class Sanction(Struct, frozen=True):
    """Whether the table covers an assignment, by which rows, what those allow, and what goes beyond them."""

    answer: Truth
    rows: Sequence[BoundRow] = ()
    beyond: ExcessActions | None = None
    allowed: Permissions = NO_PERMISSIONS


class Sanctions:
    """The table's bound rows as grants, with every comparison done once per role and set of rows."""

    def __init__(self, rows: Iterable[BoundRow], hierarchy: Hierarchy) -> None:
        self._rows: dict[str, list[tuple[Assignment, BoundRow]]] = {}
        for row in rows:
            for assignment in row.assignments():
                self._rows.setdefault(assignment.principal, []).append((assignment, row))
        self._hierarchy = hierarchy
        self._known: dict[tuple[str, str | None, tuple[tuple[str, str | None], ...]], ExcessActions | None] = {}

    def of(self, assignment: Assignment) -> Sanction:
        """Return whether the table sanctions an assignment: nothing it may permit goes beyond the rows at its scope."""
        rows = [
            (expected, row)
            for expected, row in self._rows.get(assignment.principal, ())
            if self._hierarchy.covers(expected.scope, assignment.scope) is Truth.YES
        ]
        for expected, _ in rows:
            assignment = with_role(assignment, expected.role)
        named = [row for _, row in rows]
        same = [row for expected, row in rows if expected.role.key == assignment.role.key]
        likenesses = [Likeness.SAME if row.condition is None else likeness_of(assignment, row) for row in same]
        if any(likeness in {Likeness.SAME, Likeness.STRICTER} for likeness in likenesses):
            return Sanction(Truth.YES, same)
        if Likeness.UNKNOWN in likenesses:
            return Sanction(Truth.UNKNOWN, same)
        if assignment.role.permissions is None:
            return Sanction(Truth.UNKNOWN, named)
        try:
            beyond = self._beyond(assignment, [expected for expected, _ in rows])
        except TooComplexError:
            return Sanction(Truth.UNKNOWN, named)
        allowed = sets.combined(expected.permissions for expected, _ in rows) if rows else NO_PERMISSIONS
        return Sanction(Truth.YES if beyond is None else Truth.NO, named, beyond, allowed)

    def would_cover(self, assignment: Assignment, further: Sequence[Assignment]) -> bool:
        """Whether the table would sanction an assignment that it does not, were `further` ones among what it expects."""
        covers = self._hierarchy.covers
        near = [one for one in further if covers(one.scope, assignment.scope) is Truth.YES]
        own = [
            one
            for one, _ in self._rows.get(assignment.principal, ())
            if covers(one.scope, assignment.scope) is Truth.YES
        ]
        if any(one.role.key == assignment.role.key for one in near):
            return True
        try:
            return bool(near) and self._beyond(assignment, [*own, *near]) is None
        except TooComplexError:
            return True

    def _beyond(self, assignment: Assignment, expected: Sequence[Assignment]) -> ExcessActions | None:
        key = (assignment.role.key, assignment.condition, tuple((one.role.key, one.condition) for one in expected))
        if key not in self._known:
            allowed = sets.combined(one.permissions for one in expected) if expected else NO_PERMISSIONS
            self._known[key] = beyond(assignment.permissions, allowed)
        return self._known[key]


def beyond(inner: Permissions, outer: Permissions) -> ExcessActions | None:
    """Return what the inner permissions may hold that the outer ones do not surely hold, or None where nothing."""
    excess = sets.first_excess(inner, outer)
    if excess is None:
        return None
    plane, operation = excess
    return ExcessActions(plane=plane, operation=operation, actions=tuple(actions_beyond(inner, outer)))


def actions_beyond(inner: Permissions, outer: Permissions) -> Sequence[str]:
    """Return the action patterns, as spelled and at most `MAX_NAMED`, that go beyond the outer permissions.

    A pattern too complex to decide is left out: the list illustrates, the operation is the proof.
    """
    named: list[str] = []
    for plane in Plane:
        granted = inner.on(plane).may
        for match in patterns_of(granted):
            if len(named) == MAX_NAMED:
                return named
            with suppress(TooComplexError):
                if _goes_beyond(match, granted, outer.on(plane).must, plane):
                    named.append(match.spelled)
    return named


def _goes_beyond(match: Pattern, granted: OperationSet, covered: OperationSet, plane: Plane) -> bool:
    """Whether some operation of a pattern is granted and not covered; most often a single example settles it."""
    limit = sets.universe(plane)
    example = _example(match.pattern)
    inside = limit is None or holds(limit, example)
    if inside and holds(granted, example) and not holds(covered, example):
        return True
    return WILDCARD in match.pattern and not is_empty(sets.excess(intersection((match, granted)), covered, plane))


def _example(pattern: str) -> str:
    """Return one operation that a pattern matches, ending in a verb where the pattern leaves its end open."""
    closed = f"{pattern[:-1]}any/read" if pattern.endswith(WILDCARD) else pattern
    return closed.replace(WILDCARD, "any")
