"""Decide whether some packet is in a set although parts of the world are unknown: yes, no, or it depends on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, is_within
from auditor.network.address_book import is_never_empty, parents
from auditor.network.decision_diagram import Cube
from auditor.network.encoding import Encoding
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a set has a member, whatever the unknowns are; UNKNOWN where it depends on them.

    For YES `root` is a part of the set that is inhabited for certain: examples are taken from it.
    """

    truth: Truth
    root: int


def prove(encoding: Encoding, root: int) -> Proof:
    """Decide whether the 0/1 function is 1 for some packet that exists.

    Someone else chooses the reading of ports, the members of the unknown sets and what unreadable rules match; then we
    choose a packet. Every address has its own say in being a member, so membership is chosen after the addresses.
    """
    if root == ~0:
        return Proof(Truth.NO, root)
    diagram = encoding.diagram
    memberships = _unknown_levels(encoding)
    guards = range(encoding.guard_level, len(diagram.widths))
    certain = diagram.forall(root, [0, *memberships, *guards])
    if certain != ~0:
        return Proof(Truth.YES, certain)
    guarded = diagram.forall(root, guards)
    rest = diagram.exists(guarded, range(encoding.protocol_level, encoding.guard_level))
    anyhow = diagram.forall(rest, memberships)
    readings = diagram.exists(anyhow, [encoding.source_level, encoding.destination_level])
    if diagram.forall(readings, [0]) == ~1:
        return Proof(Truth.YES, diagram.both(root, anyhow))
    for members, level, space in _inhabited(encoding):
        if _holds_for_member(encoding, diagram.restrict(rest, members), level, space):
            return Proof(Truth.YES, _within(encoding, root, members))
    for outside, level in _uninhabited(encoding):
        strangers = _holding(encoding, level, addresses.STRANGERS)
        if strangers and _holds_for_some(encoding, diagram.restrict(rest, outside), level, strangers):
            return Proof(Truth.YES, _within(encoding, root, (*outside, (level, strangers))))
    return Proof(Truth.UNKNOWN, root)


def _unknown_levels(encoding: Encoding) -> list[int]:
    return [*range(1, encoding.source_level), *range(encoding.source_level + 1, encoding.destination_level)]


def _inhabited(encoding: Encoding) -> Iterator[tuple[Cube, int, Ranges]]:
    """Yield (the members of a set that has members for certain, level of the end it is on, where its members may be)."""
    for level, _ in encoding.ends:
        for term in encoding.inhabited:
            asked = {encoding.unknown_level(level, encoding.unknowns.index(name)): side for name, side in term.literals}
            yield tuple((at, 0b10 if side else 0b01) for at, side in sorted(asked.items())), level, term.ranges
        for name in encoding.unknowns:
            if is_never_empty(name):
                held = {name, *(parent for parent in parents(name) if parent in encoding.unknowns)}
                levels = sorted(encoding.unknown_level(level, encoding.unknowns.index(each)) for each in held)
                yield tuple((membership, 0b10) for membership in levels), level, addresses.PUBLIC


def _uninhabited(encoding: Encoding) -> Iterator[tuple[Cube, int]]:
    """Yield (no service tag holds the address, level of the end): so it is with addresses of strangers."""
    for level, _ in encoding.ends:
        tags = [index for index, name in enumerate(encoding.unknowns) if ":" not in name]
        if tags:
            yield tuple((encoding.unknown_level(level, index), 0b01) for index in tags), level


def _settled(encoding: Encoding, rest: int, level: int) -> int:
    """Return for which (reading, class at this end) a packet can be completed, however the unknown sets fall."""
    diagram = encoding.diagram
    opposite = encoding.destination_level if level == encoding.source_level else encoding.source_level
    many = len(encoding.unknowns)
    completed = diagram.exists(diagram.forall(rest, range(opposite - many, opposite)), [opposite])
    return diagram.forall(completed, range(level - many, level))


def _holds_for_member(encoding: Encoding, rest: int, level: int, among: Ranges) -> bool:
    """Whether every possible IPv4 member at this end, however the others fall, completes to a packet of the set."""
    diagram = encoding.diagram
    end = encoding.chain.sources if level == encoding.source_level else encoding.chain.destinations
    space = intersection(among, addresses.IPV4)
    members = _holding(encoding, level, space)
    if not members or not is_within(space, end):
        return False
    outside = diagram.full(level) & ~members
    settled = _settled(encoding, rest, level)
    settled = diagram.assign(settled, ((level, outside),), 1) if outside else settled
    return diagram.forall(settled, [0, level]) == ~1


def _holds_for_some(encoding: Encoding, rest: int, level: int, classes: int) -> bool:
    """Whether a member of one of the classes at this end completes to a packet of the set."""
    diagram = encoding.diagram
    settled = _settled(encoding, rest, level)
    outside = diagram.full(level) & ~classes
    settled = diagram.assign(settled, ((level, outside),), 0) if outside else settled
    return diagram.forall(diagram.exists(settled, [level]), [0]) == ~1


def _holding(encoding: Encoding, level: int, numbers: Ranges) -> int:
    """Return the classes at an end that hold some of the addresses, as bits."""
    atoms = encoding.source if level == encoding.source_level else encoding.destination
    return sum(1 << index for index, spans in enumerate(atoms.classes) if intersection(spans, numbers))


def _within(encoding: Encoding, root: int, cube: Cube) -> int:
    """Return the part of the set in a cube."""
    for level, mask in cube:
        root = encoding.diagram.assign(root, ((level, encoding.diagram.full(level) & ~mask),), 0)
    return root
