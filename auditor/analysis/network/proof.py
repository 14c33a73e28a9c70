"""Decide whether some packet is in a set although parts of the world are unknown: yes, no or maybe, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from auditor.analysis.network import addresses
from auditor.analysis.network.ranges import intersection, is_within
from auditor.analysis.network.reading import at_values
from auditor.analysis.network.scene import Scene
from auditor.analysis.network.surroundings import is_never_empty, parents


class Certainty(StrEnum):
    """Whether a set of packets has a member: whatever the unknowns are, whatever they are not, or it depends."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer; for YES `root` is a part of the set that is inhabited for certain: examples are taken from it."""

    certainty: Certainty
    root: int


def prove(scene: Scene, root: int) -> Proof:
    """Decide whether the 0/1 function is 1 for some packet that exists.

    Someone else chooses the reading of ports, the members of the unknown sets and what unreadable rules match; then we
    choose a packet. Every address has its own say in being a member, so membership is chosen after the addresses.
    """
    if root == ~0:
        return Proof(Certainty.NO, root)
    diagram = scene.diagram
    bits = _unknown_levels(scene)
    guards = range(scene.guard_level, len(diagram.widths))
    certain = diagram.every(root, [0, *bits, *guards])
    if certain != ~0:
        return Proof(Certainty.YES, certain)
    guarded = diagram.every(root, guards)
    rest = diagram.some(guarded, range(scene.protocol_level, scene.guard_level))
    anyhow = diagram.every(rest, bits)
    ends = diagram.some(anyhow, [scene.source_level, scene.destination_level])
    if diagram.every(ends, [0]) == ~1:
        return Proof(Certainty.YES, diagram.both(root, anyhow))
    for wanted, level in _inhabited(scene):
        if _holds_for_member(scene, at_values(diagram, rest, wanted), level):
            return Proof(Certainty.YES, _force(scene, root, wanted))
    return Proof(Certainty.MAYBE, root)


def _unknown_levels(scene: Scene) -> list[int]:
    return [*range(1, scene.source_level), *range(scene.source_level + 1, scene.destination_level)]


def _inhabited(scene: Scene) -> Iterator[tuple[tuple[tuple[int, int], ...], int]]:
    """Yield (literals of a set that has members for certain, level of the end it is on)."""
    for first, level in ((1, scene.source_level), (scene.source_level + 1, scene.destination_level)):
        for place, name in enumerate(scene.unknowns):
            if is_never_empty(name):
                yield _literals(scene, name, first, place), level


def _literals(scene: Scene, name: str, first: int, place: int) -> tuple[tuple[int, int], ...]:
    wanted = {first + place: 0b10}
    for parent in parents(name):
        if parent in scene.unknowns:
            wanted[first + scene.unknowns.index(parent)] = 0b10
    return tuple(sorted(wanted.items()))


def _holds_for_member(scene: Scene, rest: int, level: int) -> bool:
    """Whether every possible IPv4 member at this end, however the others fall, completes to a packet of the set."""
    diagram = scene.diagram
    here, there = (
        (scene.source_level, scene.destination_level)
        if level == scene.source_level
        else (scene.destination_level, scene.source_level)
    )
    many = len(scene.unknowns)
    found = diagram.every(rest, range(there - many, there))
    found = diagram.some(found, [there])
    found = diagram.every(found, range(here - many, here))
    cut = scene.source if here == scene.source_level else scene.destination
    ends = scene.path.sources if here == scene.source_level else scene.path.destinations
    space = intersection(addresses.PUBLIC, addresses.IPV4)
    members = 0
    for place, numbers in enumerate(cut.classes):
        if intersection(numbers, space):
            members |= 1 << place
    if not members or not is_within(space, ends):
        return False
    found = (
        diagram.override(found, ((here, diagram.full(here) & ~members),), 1) if members != diagram.full(here) else found
    )
    return diagram.every(found, [0, here]) == ~1


def _force(scene: Scene, root: int, wanted: tuple[tuple[int, int], ...]) -> int:
    """Return the part of the set in which the literals are true."""
    for level, mask in wanted:
        root = scene.diagram.override(root, ((level, scene.diagram.full(level) & ~mask),), 0)
    return root
