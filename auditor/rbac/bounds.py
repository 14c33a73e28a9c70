"""A set of operations of which some are certain and others possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from auditor.rbac.operation_sets import EVERYTHING, NOTHING, OperationSet, complement, difference, intersection, union


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is granted for certain (`must`) and what at most (`may`); `must` lies within `may`."""

    must: OperationSet
    may: OperationSet


NOTHING_AT_ALL: Final = Bounds(NOTHING, NOTHING)
ANYTHING_PERHAPS: Final = Bounds(NOTHING, EVERYTHING)


def certain(language: OperationSet) -> Bounds:
    """Return the extent of which everything is known."""
    return Bounds(language, language)


def any_of(parts: Iterable[Bounds]) -> Bounds:
    """Return the union."""
    known = list(parts)
    return Bounds(union(part.must for part in known), union(part.may for part in known))


def all_of(parts: Iterable[Bounds]) -> Bounds:
    """Return the intersection."""
    known = list(parts)
    return Bounds(intersection(part.must for part in known), intersection(part.may for part in known))


def opposite(extent: Bounds) -> Bounds:
    """Return the complement: certain is what was not even possible."""
    return Bounds(complement(extent.may), complement(extent.must))


def minus(left: Bounds, right: Bounds) -> Bounds:
    """Return what the left grants and the right does not take away."""
    return Bounds(difference(left.must, right.may), difference(left.may, right.must))


def perhaps(extent: Bounds) -> Bounds:
    """Return the extent with nothing certain about it."""
    return Bounds(NOTHING, extent.may)
