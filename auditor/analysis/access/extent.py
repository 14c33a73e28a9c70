"""A set of operations of which some are certain and others possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from auditor.analysis.access.language import EVERYTHING, NOTHING, Language, complement, difference, intersection, union


@dataclass(frozen=True, slots=True)
class Extent:
    """What is granted for certain (`must`) and what at most (`may`); `must` lies within `may`."""

    must: Language
    may: Language


NOTHING_AT_ALL: Final = Extent(NOTHING, NOTHING)
ANYTHING_PERHAPS: Final = Extent(NOTHING, EVERYTHING)


def certain(language: Language) -> Extent:
    """Return the extent of which everything is known."""
    return Extent(language, language)


def any_of(parts: Iterable[Extent]) -> Extent:
    """Return the union."""
    known = list(parts)
    return Extent(union(part.must for part in known), union(part.may for part in known))


def all_of(parts: Iterable[Extent]) -> Extent:
    """Return the intersection."""
    known = list(parts)
    return Extent(intersection(part.must for part in known), intersection(part.may for part in known))


def opposite(extent: Extent) -> Extent:
    """Return the complement: certain is what was not even possible."""
    return Extent(complement(extent.may), complement(extent.must))


def minus(left: Extent, right: Extent) -> Extent:
    """Return what the left grants and the right does not take away."""
    return Extent(difference(left.must, right.may), difference(left.may, right.must))


def perhaps(extent: Extent) -> Extent:
    """Return the extent with nothing certain about it."""
    return Extent(NOTHING, extent.may)
