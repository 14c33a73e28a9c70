"""Compare the assignments that exist with a table of those that should, by what they permit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.rbac import permissions as sets
from auditor.rbac.assignments import Assignment, Role
from auditor.rbac.effective import Grants
from auditor.rbac.permissions import Plane
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Excess:
    """An assignment that permits more than the table gives its principal at that scope, with an operation as proof."""

    assignment: Assignment
    plane: Plane
    operation: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`excess` beyond the table, `missing` from it (with the operation), `undecided` rows, and `subsumed` assignments.

    Subsumed is an assignment that permits nothing beyond the principal's other assignments at its scope.
    """

    excess: Sequence[Excess]
    missing: Sequence[Excess]
    undecided: Sequence[Assignment]
    subsumed: Sequence[Assignment]


def compare(actual: Grants, expected: Grants) -> Comparison:
    """Return every difference; both sides inherit along scopes.

    Excess is judged by what an assignment may permit, missing by what is surely permitted.
    """
    excess = [found for a in actual.assignments if (found := _beyond(a, expected)) is not None]
    missing: list[Excess] = []
    undecided: list[Assignment] = []
    for row in expected.assignments:
        available = actual.effective(row.principal, row.scope).permissions
        match sets.covers(available, row.permissions):
            case Truth.NO:
                plane, operation = sets.first_excess(row.permissions, available) or (Plane.CONTROL, "")
                missing.append(Excess(row, plane, operation))
            case Truth.UNKNOWN:
                undecided.append(row)
            case Truth.YES:
                pass
    return Comparison(excess, missing, undecided, [a for a in actual.assignments if _is_subsumed(a, actual)])


def _beyond(assignment: Assignment, expected: Grants) -> Excess | None:
    allowed = expected.effective(assignment.principal, assignment.scope).permissions
    found = sets.first_excess(assignment.permissions, allowed)
    return None if found is None else Excess(assignment, *found)


def _is_subsumed(assignment: Assignment, actual: Grants) -> bool:
    others = [other for other, _ in actual.covering(assignment.scope) if other is not assignment]
    rest = actual.effective_of(assignment.principal, assignment.scope, others).permissions
    return bool(others) and sets.covers(rest, assignment.permissions) is Truth.YES


def granting(roles: Sequence[Role], operations: Sequence[tuple[Plane, str]]) -> Sequence[Role]:
    """Return the roles that surely permit every listed operation, in the order given."""
    return [role for role in roles if all(_grants(role, plane, operation) for plane, operation in operations)]


def _grants(role: Role, plane: Plane, operation: str) -> bool:
    return role.permissions is not None and sets.permits(role.permissions, plane, operation) is Truth.YES


def smallest(roles: Sequence[Role]) -> Sequence[Role]:
    """Return the minimal roles by inclusion: no other of them permits strictly less."""
    return [role for role in roles if not any(_is_smaller(other, role) for other in roles if other is not role)]


def _is_smaller(role: Role, than: Role) -> bool:
    inner, outer = role.at_most, than.at_most
    return sets.covers(outer, inner) is Truth.YES and sets.covers(inner, outer) is not Truth.YES
