"""A set of operations of which some are certain and others possible."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from auditor.rbac import operation_sets
from auditor.rbac.operation_sets import EVERYTHING, NOTHING, OperationSet


class Bounds(Struct, frozen=True):
    """What is granted for certain (`must`) and what at most (`may`); `must` lies within `may`."""

    must: OperationSet
    may: OperationSet


NOTHING_AT_ALL: Final = Bounds(NOTHING, NOTHING)
ANYTHING_PERHAPS: Final = Bounds(NOTHING, EVERYTHING)


def certain(operations: OperationSet) -> Bounds:
    """Return the bounds of a set of which everything is known."""
    return Bounds(operations, operations)


def perhaps(bounds: Bounds) -> Bounds:
    """Return the bounds with nothing certain about them."""
    return Bounds(NOTHING, bounds.may)


def union(parts: Iterable[Bounds]) -> Bounds:
    """Return the union."""
    known = list(parts)
    return Bounds(operation_sets.union(part.must for part in known), operation_sets.union(part.may for part in known))


def intersection(parts: Iterable[Bounds]) -> Bounds:
    """Return the intersection."""
    known = list(parts)
    return Bounds(
        operation_sets.intersection(part.must for part in known),
        operation_sets.intersection(part.may for part in known),
    )


def outside(bounds: Bounds, operations: OperationSet) -> Bounds:
    """Return the bounds without some operations."""
    return difference(bounds, certain(operations))


def doubtful(bounds: Bounds, operations: OperationSet) -> Bounds:
    """Return the bounds with nothing certain about some operations."""
    return Bounds(operation_sets.difference(bounds.must, operations), bounds.may)


def complement(bounds: Bounds) -> Bounds:
    """Return the complement: certain is what was not even possible."""
    return Bounds(operation_sets.complement(bounds.may), operation_sets.complement(bounds.must))


def difference(left: Bounds, right: Bounds) -> Bounds:
    """Return what the left grants and the right does not take away."""
    return Bounds(operation_sets.difference(left.must, right.may), operation_sets.difference(left.may, right.must))
