"""Decide about a chain of filters by one bit for each cell: packets that no rule, no row and nothing unknown tells apart.

A set of packets is one whole number then, and what a rule takes of it one operation. The diagrams, which say the same and
more, are for very many cells, and for whoever wants to see the packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from typing import Final

from auditor.network.decision_diagram import Cube
from auditor.network.outline import Outline
from auditor.network.packet_outcomes import Fate, PacketOutcome, Question, in_filter, outcome_of, then
from auditor.network.proof import SetMembers
from auditor.network.shadowing import Effect, OutlinedEffect
from auditor.truth import Truth

_MOST_CELLS: Final = 1 << 18
"""Beyond this a diagram, which cuts only where rules differ, is faster."""
_INSIDE: Final = 0b10
"""That an address is in an unknown set."""


def cells_of(outline: Outline, rows: Iterable[tuple[Cube, ...]]) -> PacketCells | None:
    """Return the cells in which a chain's rules and some rows can be written; None where there would be too many."""
    rules = (rule.cubes for rules in outline.filters for rule in rules)
    cubes = chain(outline.space, outline.nowhere, *rules, *rows)
    asked = {level for cube in cubes for level, _ in cube}
    widths = tuple([width if level in asked else 1 for level, width in enumerate(outline.widths)])
    return PacketCells(outline, widths) if prod(widths) <= _MOST_CELLS else None


class PacketCells:
    """The cells of all chains with one outline. Levels that nobody asks for are of one value."""

    def __init__(self, outline: Outline, widths: Sequence[int]) -> None:
        self._outline, self._widths = outline, widths
        self._size = prod(widths)
        self._all = (1 << self._size) - 1
        self._masks: dict[tuple[int, int], int] = {}
        self._unions: dict[tuple[Cube, ...], int] = {}
        self._of_fates: dict[Fate, int] = {}

    @property
    def size(self) -> int:
        """Return how many bytes what is remembered takes, about."""
        return (len(self._masks) + len(self._unions) + len(self._of_fates)) * self._size // 8

    def can_tell(self, row: tuple[Cube, ...]) -> bool:
        """Whether a row can be written in the cells."""
        return all(self._widths[level] > 1 for cube in row for level, _ in cube)

    def truth(self, question: Question, rows: Sequence[tuple[Cube, ...]]) -> Truth:
        """Return whether some packet answers a question about rows for certain."""
        told = self._union_of_rows(rows[number] for number in question.rows)
        where = self._universe & (self._all ^ told if question.outside else told)
        if question.among is not None:
            where &= self._union_of_rows(rows[number] for number in question.among)
        return self._proven(where & self._of_fate(question.fate))

    def _proven(self, found: int) -> Truth:
        """Return whether a set has a member whatever the unknown is: `proof.prove`, in cells."""
        if not found:
            return Truth.NO
        certain = self._outline.certain
        levels = certain.levels
        guards = range(levels.guards, len(self._widths))
        always = self._folded(found, (0, *levels.memberships, *guards), every=True)
        if always:
            return Truth.YES
        guarded = self._folded(found, guards, every=True)
        rest = self._folded(guarded, range(levels.protocol, levels.guards), every=False)
        anyhow = self._folded(rest, levels.memberships, every=True)
        readings = self._folded(anyhow, (levels.source, levels.destination), every=False)
        if self._folded(readings, (0,), every=True):
            return Truth.YES
        if any(member.classes and self._holds(rest, member, every=True) for member in certain.members):
            return Truth.YES
        if any(self._holds(rest, stranger, every=False) for stranger in certain.strangers):
            return Truth.YES
        return Truth.UNKNOWN

    def _holds(self, rest: int, member: SetMembers, *, every: bool) -> bool:
        """Whether every address of some classes that is in some sets completes to a packet, or one of them does."""
        levels, level = self._outline.certain.levels, member.level
        opposite = levels.destination if level == levels.source else levels.source
        many = levels.unknowns
        told = {asked for asked, _ in member.sets}
        for asked, values in member.sets:
            if self._widths[asked] > 1:
                first, width = self._firsts[asked]
                rest = rest >> (width if values == _INSIDE else 0) & first
        others = [asked for asked in range(opposite - many, opposite) if asked not in told]
        own = [asked for asked in range(level - many, level) if asked not in told]
        completed = self._folded(self._folded(rest, others, every=True), (opposite,), every=False)
        settled = self._folded(completed, own, every=True)
        classes = member.classes if self._widths[level] > 1 else 1
        here = self._mask(level, classes)
        if every:
            for asked in range(1, len(self._widths)):
                here &= self._all if asked == level else self._firsts[asked][0]
            return here & ~settled == 0
        return bool(self._folded(self._folded(settled & here, (level,), every=False), (0,), every=True))

    def _folded(self, cells: int, levels: Iterable[int], *, every: bool) -> int:
        """Return where every value of some levels is in a set, or some value, told by their first value."""
        for level in levels:
            values = self._widths[level]
            if values > 1:
                first, width = self._firsts[level]
                found = cells
                for value in range(1, values):
                    found = found & cells >> value * width if every else found | cells >> value * width
                cells = found & first
        return cells

    def effects(self, place: int) -> tuple[OutlinedEffect, ...]:
        """Return the effect of each rule of one filter, as `shadowing.effects` does."""
        rules, taken = self._outline.filters[place], self._taken[place]
        listed: list[OutlinedEffect] = []
        below = 0  # what the rules below let pass
        for index in range(len(rules) - 1, -1, -1):
            rule, own = rules[index], taken[index]
            cells = self._union(rule.cubes)
            if own:
                same = own & (below if rule.allows else self._all ^ below)
                is_redundant = rule.is_custom and same == own
                listed.append(OutlinedEffect(Effect.REDUNDANT if is_redundant else Effect.NEEDED))
            else:
                by = tuple(earlier for earlier in range(index) if taken[earlier] & cells)
                listed.append(OutlinedEffect(Effect.SHADOWED if by else Effect.VACUOUS, by))
            below = below | cells if rule.allows else below & ~cells
        return tuple(reversed(listed))

    @cached_property
    def _universe(self) -> int:
        return self._union(self._outline.space) & (self._all ^ self._union(self._outline.nowhere))

    @cached_property
    def _taken(self) -> Sequence[Sequence[int]]:
        """Return of each filter the cells that each rule decides, and those that none does."""
        filters = []
        for rules in self._outline.filters:
            rest = self._universe
            taken = []
            for rule in rules:
                own = self._union(rule.cubes) & rest
                rest ^= own
                taken.append(own)
            filters.append((*taken, rest))
        return filters

    @cached_property
    def _outcomes(self) -> Sequence[tuple[PacketOutcome, int]]:
        """Return what becomes of packets in the whole chain, with their cells."""
        known = [(outcome_of(self._outline, is_allowed=True), self._universe)]
        for place, taken in enumerate(self._taken):
            here = list(zip(in_filter(self._outline, place), taken, strict=True))
            known = [pair for before in known for pair in self._meeting(before, here)]
        return known

    def _meeting(
        self, before: tuple[PacketOutcome, int], here: Iterable[tuple[PacketOutcome, int]]
    ) -> Iterable[tuple[PacketOutcome, int]]:
        first, cells = before
        if first.is_explicit_denial:
            return [before]
        return [(then(self._outline, first, second), both) for second, others in here if (both := cells & others)]

    def _of_fate(self, fate: Fate) -> int:
        known = self._of_fates.get(fate)
        if known is None:
            known = 0
            for outcome, cells in self._outcomes:
                if fate(outcome):
                    known |= cells
            self._of_fates[fate] = known
        return known

    def _union_of_rows(self, rows: Iterable[tuple[Cube, ...]]) -> int:
        cells = 0
        for row in rows:
            cells |= self._union(row)
        return cells

    def _union(self, cubes: tuple[Cube, ...]) -> int:
        known = self._unions.get(cubes)
        if known is None:
            known = 0
            for cube in cubes:
                cells = self._all
                for level, values in cube:
                    cells &= self._mask(level, values)
                known |= cells
            self._unions[cubes] = known
        return known

    def _mask(self, level: int, values: int) -> int:
        """Return the cells that have some values at a level."""
        known = self._masks.get((level, values))
        if known is None:
            full = (1 << self._widths[level]) - 1
            first, width = self._firsts[level]
            is_many = values.bit_count() * 2 > full.bit_count()
            rest, known = full ^ values if is_many else values, 0
            while rest:
                low = rest & -rest
                known |= first << (low.bit_length() - 1) * width
                rest ^= low
            known = self._masks[level, values] = self._all ^ known if is_many else known
        return known

    @cached_property
    def _firsts(self) -> Sequence[tuple[int, int]]:
        """Return of each level the cells with its first value, and how many cells with one value lie side by side."""
        firsts: list[tuple[int, int]] = []
        width = 1
        for values in reversed(self._widths):
            firsts.append((_repeated((1 << width) - 1, width * values, self._size), width))
            width *= values
        return firsts[::-1]


def _repeated(bits: int, period: int, size: int) -> int:
    """Return bits again and again, at each period until a size."""
    while period < size:
        bits |= bits << period
        period *= 2
    return bits & (1 << size) - 1
