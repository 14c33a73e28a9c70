"""What a role permits, on the control plane and on the data plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor.rbac import bounds
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.bounds import ANYTHING_PERHAPS, NOTHING_AT_ALL, Bounds, certain
from auditor.rbac.conditions import restriction
from auditor.rbac.operation_sets import (
    WELL_FORMED,
    OperationSet,
    difference,
    holds,
    intersection,
    is_empty,
    pattern,
    union,
    witness,
)
from auditor.truth import Truth


class Plane(StrEnum):
    """Which operations a name is about: managing resources, or the data inside them."""

    CONTROL = "control"
    DATA = "data"


class Permissions(Struct, frozen=True):
    """The operations permitted on either plane."""

    control: Bounds
    data: Bounds

    def on(self, plane: Plane) -> Bounds:
        """Return one plane's operations."""
        return self.control if plane is Plane.CONTROL else self.data


NO_PERMISSIONS: Final = Permissions(NOTHING_AT_ALL, NOTHING_AT_ALL)
UNKNOWN_PERMISSIONS: Final = Permissions(ANYTHING_PERHAPS, ANYTHING_PERHAPS)


def permissions_of(blocks: object) -> Permissions | None:
    """Return what the `permissions` array of a role definition or deny assignment holds, or None if it cannot be read.

    Each block is its actions minus its own exclusions, under its own condition; the blocks add up.
    """
    if isinstance(blocks, str) or not isinstance(blocks, Sequence):
        return None
    read = [_block(block) for block in blocks]
    known = [block for block in read if block is not None]
    return combined(known) if len(known) == len(read) else None


def _block(block: object) -> Permissions | None:
    if not isinstance(block, Mapping):
        return None
    fields = {str(name).lower(): value for name, value in block.items()}
    control = _subtraction(fields.get("actions"), fields.get("notactions"))
    data = _subtraction(fields.get("dataactions"), fields.get("notdataactions"))
    condition = fields.get("condition")
    if control is None or data is None or not (condition is None or isinstance(condition, str)):
        return None
    return conditional(Permissions(certain(control), certain(data)), condition)


def _subtraction(included: object, excluded: object) -> OperationSet | None:
    plus, minus = _patterns(included), _patterns(excluded)
    return None if plus is None or minus is None else difference(plus, minus)


def _patterns(values: object) -> OperationSet | None:
    if values is None:
        values = ()
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        return None
    return union(pattern(value) for value in values)


def conditional(permissions: Permissions, condition: str | None) -> Permissions:
    """Return what is left of permissions under a condition; without text, all."""
    if not condition or not condition.strip():
        return permissions
    limit = restriction(condition)
    return Permissions(
        bounds.intersection((permissions.control, limit)),
        bounds.intersection((permissions.data, limit)),
    )


def combined(parts: Iterable[Permissions]) -> Permissions:
    """Return the union, plane by plane."""
    known = list(parts)
    if len(known) == 1:
        return known[0]
    return Permissions(
        bounds.union(part.control for part in known),
        bounds.union(part.data for part in known),
    )


def without(permissions: Permissions, denied: Permissions) -> Permissions:
    """Return permissions after a deny."""
    return Permissions(
        bounds.difference(permissions.control, denied.control), bounds.difference(permissions.data, denied.data)
    )


def perhaps(permissions: Permissions) -> Permissions:
    """Return permissions of which it is not known whether they apply."""
    return Permissions(bounds.perhaps(permissions.control), bounds.perhaps(permissions.data))


def permits(permissions: Permissions, plane: Plane, operation: str) -> Truth:
    """Whether one operation is permitted."""
    granted = permissions.on(plane)
    if holds(granted.must, operation):
        return Truth.YES
    return Truth.UNKNOWN if holds(granted.may, operation) else Truth.NO


def permits_some(permissions: Permissions, plane: Plane, operations: OperationSet) -> Truth:
    """Whether some operation of a set is permitted."""
    granted = permissions.on(plane)
    if not is_empty(intersection((granted.must, operations))):
        return Truth.YES
    return Truth.NO if is_empty(intersection((granted.may, operations))) else Truth.UNKNOWN


def universe(plane: Plane) -> OperationSet | None:
    """Return the operations that can exist on a plane, or None for all strings.

    Control-plane operations end in a verb. One data action does not, so that nothing is assumed of those.
    """
    return WELL_FORMED if plane is Plane.CONTROL else None


def excess(inner: OperationSet, outer: OperationSet, plane: Plane) -> OperationSet:
    """Return the operations of a plane that are in the inner set and not in the outer one."""
    extra = difference(inner, outer)
    limit = universe(plane)
    return extra if limit is None else intersection((extra, limit))


@lru_cache(maxsize=4096)
def covers(outer: Permissions, inner: Permissions) -> Truth:
    """Whether the outer permissions hold all of the inner ones.

    Certain if even what the inner may permit is surely held; impossible if what it surely permits cannot be held.
    Patterns too complex to decide leave it open.
    """
    try:
        return _covers(outer, inner)
    except TooComplexError:
        return Truth.UNKNOWN


def _covers(outer: Permissions, inner: Permissions) -> Truth:
    if _within(inner, outer, certain_only=True):
        return Truth.YES
    return Truth.UNKNOWN if _within(inner, outer, certain_only=False) else Truth.NO


def _within(inner: Permissions, outer: Permissions, *, certain_only: bool) -> bool:
    for plane in Plane:
        needed, held = inner.on(plane), outer.on(plane)
        left, right = (needed.may, held.must) if certain_only else (needed.must, held.may)
        if left != right and not is_empty(excess(left, right, plane)):
            return False
    return True


def first_excess(inner: Permissions, outer: Permissions) -> tuple[Plane, str] | None:
    """Return a plane and an operation that the inner permissions may hold and the outer ones surely do not cover.

    Raise `TooComplexError` where the patterns are too complex to decide.
    """
    for plane in Plane:
        operation = witness(excess(inner.on(plane).may, outer.on(plane).must, plane))
        if operation is not None:
            return plane, operation
    return None
