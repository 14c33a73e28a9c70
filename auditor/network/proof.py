"""Decide whether some packet is in a set although parts of the world are unknown: yes, no or unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, is_within
from auditor.network.address_book import is_never_empty, parents
from auditor.network.decision_diagram import Cube
from auditor.network.diagram_reading import at_values
from auditor.network.encoding import Encoding
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer; for YES `root` is a part of the set that is inhabited for certain: examples are taken from it."""

    truth: Truth
    root: int


def prove(scene: Encoding, root: int) -> Proof:
    """Decide whether the 0/1 function is 1 for some packet that exists.

    Someone else chooses the reading of ports, the members of the unknown sets and what unreadable rules match; then we
    choose a packet. Every address has its own say in being a member, so membership is chosen after the addresses.
    """
    if root == ~0:
        return Proof(Truth.NO, root)
    diagram = scene.diagram
    bits = _unknown_levels(scene)
    guards = range(scene.guard_level, len(diagram.widths))
    certain = diagram.forall(root, [0, *bits, *guards])
    if certain != ~0:
        return Proof(Truth.YES, certain)
    guarded = diagram.forall(root, guards)
    rest = diagram.exists(guarded, range(scene.protocol_level, scene.guard_level))
    anyhow = diagram.forall(rest, bits)
    ends = diagram.exists(anyhow, [scene.source_level, scene.destination_level])
    if diagram.forall(ends, [0]) == ~1:
        return Proof(Truth.YES, diagram.both(root, anyhow))
    for wanted, level in _inhabited(scene):
        if _holds_for_member(scene, at_values(diagram, rest, wanted), level):
            return Proof(Truth.YES, _force(scene, root, wanted))
    for wanted, level in _uninhabited(scene):
        strangers = _holding(scene, level, addresses.STRANGERS)
        if strangers and _holds_for_some(scene, at_values(diagram, rest, wanted), level, strangers):
            return Proof(Truth.YES, _force(scene, root, (*wanted, (level, strangers))))
    return Proof(Truth.UNKNOWN, root)


def _unknown_levels(scene: Encoding) -> list[int]:
    return [*range(1, scene.source_level), *range(scene.source_level + 1, scene.destination_level)]


def _ends(scene: Encoding) -> Iterator[tuple[int, int]]:
    """Yield the first level of the unknown sets and the level of the class, for source and destination."""
    yield 1, scene.source_level
    yield scene.source_level + 1, scene.destination_level


def _inhabited(scene: Encoding) -> Iterator[tuple[Cube, int]]:
    """Yield (literals of a set that has members for certain, level of the end it is on)."""
    for first, level in _ends(scene):
        for place, name in enumerate(scene.unknowns):
            if is_never_empty(name):
                yield _literals(scene, name, first, place), level


def _literals(scene: Encoding, name: str, first: int, place: int) -> Cube:
    wanted = {first + place: 0b10}
    for parent in parents(name):
        if parent in scene.unknowns:
            wanted[first + scene.unknowns.index(parent)] = 0b10
    return tuple(sorted(wanted.items()))


def _uninhabited(scene: Encoding) -> Iterator[tuple[Cube, int]]:
    """Yield (no service tag holds the address, level of the end): so it is with addresses of strangers."""
    for first, level in _ends(scene):
        tags = [place for place, name in enumerate(scene.unknowns) if ":" not in name]
        if tags:
            yield tuple((first + place, 0b01) for place in tags), level


def _settled(scene: Encoding, rest: int, level: int) -> int:
    """Return for which (reading, class at this end) a packet can be completed, however the unknown sets fall."""
    diagram = scene.diagram
    other = scene.destination_level if level == scene.source_level else scene.source_level
    many = len(scene.unknowns)
    found = diagram.exists(diagram.forall(rest, range(other - many, other)), [other])
    return diagram.forall(found, range(level - many, level))


def _holds_for_member(scene: Encoding, rest: int, level: int) -> bool:
    """Whether every possible IPv4 member at this end, however the others fall, completes to a packet of the set."""
    diagram = scene.diagram
    end = scene.path.sources if level == scene.source_level else scene.path.destinations
    space = intersection(addresses.PUBLIC, addresses.IPV4)
    members = _holding(scene, level, space)
    if not members or not is_within(space, end):
        return False
    outside = diagram.full(level) & ~members
    found = _settled(scene, rest, level)
    found = diagram.assign(found, ((level, outside),), 1) if outside else found
    return diagram.forall(found, [0, level]) == ~1


def _holds_for_some(scene: Encoding, rest: int, level: int, classes: int) -> bool:
    """Whether a member of one of the classes at this end completes to a packet of the set."""
    diagram = scene.diagram
    found = _settled(scene, rest, level)
    outside = diagram.full(level) & ~classes
    found = diagram.assign(found, ((level, outside),), 0) if outside else found
    return diagram.forall(diagram.exists(found, [level]), [0]) == ~1


def _holding(scene: Encoding, level: int, numbers: Ranges) -> int:
    """Return the classes at an end that hold some of the addresses, as bits."""
    cut = scene.source if level == scene.source_level else scene.destination
    return sum(1 << place for place, one in enumerate(cut.classes) if intersection(one, numbers))


def _force(scene: Encoding, root: int, wanted: Cube) -> int:
    """Return the part of the set in a box."""
    for level, mask in wanted:
        root = scene.diagram.assign(root, ((level, scene.diagram.full(level) & ~mask),), 0)
    return root
