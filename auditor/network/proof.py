"""Decide whether some packet is in a set although parts of the world are unknown: yes, no, or it depends on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, is_within, overlap
from auditor.network.address_book import is_never_empty, parents
from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.encoding import Encoding, Levels
from auditor.truth import Truth


class Proof(Struct, frozen=True):
    """Whether a set has a member, whatever the unknowns are; UNKNOWN where it depends on them.

    For YES `root` is a part of the set that is inhabited for certain: examples are taken from it.
    """

    truth: Truth
    root: int


class SetMembers(NamedTuple):
    """Addresses at one end that are in some unknown sets, and outside of others: as a cube, the end's level and its classes."""

    sets: Cube
    level: int
    classes: int


class Certainties(NamedTuple):
    """What is certain although sets are unknown.

    `members`: of these some address is there for certain, in one of the classes. `strangers`: every address of these
    classes is in no service tag.
    """

    levels: Levels
    members: tuple[SetMembers, ...]
    strangers: tuple[SetMembers, ...]


def certainties(encoding: Encoding) -> Certainties:
    """Return what is certain in an encoding."""
    return Certainties(encoding.levels, tuple(_members(encoding)), tuple(_strangers(encoding)))


def prove(diagram: DecisionDiagram, certain: Certainties, root: int) -> Proof:
    """Decide whether the 0/1 function is 1 for some packet that exists.

    Someone else chooses the reading of ports, the members of the unknown sets and what unreadable rules match; then we
    choose a packet. Every address has its own say in being a member, so membership is chosen after the addresses.
    """
    if root == ~0:
        return Proof(Truth.NO, root)
    levels = certain.levels
    guards = range(levels.guards, len(diagram.widths))
    always = diagram.forall(root, [0, *levels.memberships, *guards])
    if always != ~0:
        return Proof(Truth.YES, always)
    guarded = diagram.forall(root, guards)
    rest = diagram.exists(guarded, range(levels.protocol, levels.guards))
    anyhow = diagram.forall(rest, levels.memberships)
    readings = diagram.exists(anyhow, [levels.source, levels.destination])
    if diagram.forall(readings, [0]) == ~1:
        return Proof(Truth.YES, diagram.both(root, anyhow))
    for member in certain.members:
        if member.classes and _holds_for_member(diagram, levels, diagram.restrict(rest, member.sets), member):
            return Proof(Truth.YES, _within(diagram, root, member.sets))
    for stranger in certain.strangers:
        if _holds_for_some(diagram, levels, diagram.restrict(rest, stranger.sets), stranger):
            return Proof(Truth.YES, _within(diagram, root, (*stranger.sets, (stranger.level, stranger.classes))))
    return Proof(Truth.UNKNOWN, root)


def _members(encoding: Encoding) -> Iterator[SetMembers]:
    """Yield the members of each set that has some for certain; without classes where they may be beyond the end."""
    for level, _ in encoding.ends:
        for term in encoding.inhabited:
            asked = {encoding.unknown_level(level, encoding.unknowns.index(name)): side for name, side in term.literals}
            sets = tuple((at, 0b10 if side else 0b01) for at, side in sorted(asked.items()))
            yield SetMembers(sets, level, _possible_members(encoding, level, term.ranges))
        for name in encoding.unknowns:
            if is_never_empty(name):
                held = {name, *(parent for parent in parents(name) if parent in encoding.unknowns)}
                at = sorted(encoding.unknown_level(level, encoding.unknowns.index(each)) for each in held)
                sets = tuple((membership, 0b10) for membership in at)
                yield SetMembers(sets, level, _possible_members(encoding, level, addresses.PUBLIC))


def _strangers(encoding: Encoding) -> Iterator[SetMembers]:
    """Yield addresses of strangers, at each end: no service tag holds them."""
    for level, _ in encoding.ends:
        tags = [index for index, name in enumerate(encoding.unknowns) if ":" not in name]
        classes = _holding(encoding, level, addresses.STRANGERS) if tags else 0
        if classes:
            yield SetMembers(tuple((encoding.unknown_level(level, index), 0b01) for index in tags), level, classes)


def _possible_members(encoding: Encoding, level: int, among: Ranges) -> int:
    """Return the classes of the IPv4 addresses at an end that may be members; none where the end does not have them all."""
    end = encoding.chain.sources if level == encoding.source_level else encoding.chain.destinations
    space = intersection(among, addresses.IPV4)
    return _holding(encoding, level, space) if is_within(space, end) else 0


def _settled(diagram: DecisionDiagram, levels: Levels, rest: int, level: int) -> int:
    """Return for which (reading, class at this end) a packet can be completed, however the unknown sets fall."""
    opposite = levels.destination if level == levels.source else levels.source
    many = levels.unknowns
    completed = diagram.exists(diagram.forall(rest, range(opposite - many, opposite)), [opposite])
    return diagram.forall(completed, range(level - many, level))


def _holds_for_member(diagram: DecisionDiagram, levels: Levels, rest: int, member: SetMembers) -> bool:
    """Whether every possible member at an end, however the other sets fall, completes to a packet of the set."""
    level = member.level
    outside = diagram.full(level) & ~member.classes
    settled = _settled(diagram, levels, rest, level)
    settled = diagram.assign(settled, ((level, outside),), 1) if outside else settled
    return diagram.forall(settled, [0, level]) == ~1


def _holds_for_some(diagram: DecisionDiagram, levels: Levels, rest: int, stranger: SetMembers) -> bool:
    """Whether an address of one of the classes at an end completes to a packet of the set."""
    level = stranger.level
    settled = _settled(diagram, levels, rest, level)
    outside = diagram.full(level) & ~stranger.classes
    settled = diagram.assign(settled, ((level, outside),), 0) if outside else settled
    return diagram.forall(diagram.exists(settled, [level]), [0]) == ~1


def _holding(encoding: Encoding, level: int, numbers: Ranges) -> int:
    """Return the classes at an end that hold some of the addresses, as bits."""
    atoms = encoding.source if level == encoding.source_level else encoding.destination
    return sum(1 << index for index, spans in enumerate(atoms.classes) if overlap(spans, numbers))


def _within(diagram: DecisionDiagram, root: int, cube: Cube) -> int:
    """Return the part of the set in a cube."""
    for level, mask in cube:
        root = diagram.assign(root, ((level, diagram.full(level) & ~mask),), 0)
    return root
