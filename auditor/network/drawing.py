"""The diagrams of a chain of filters without its names and addresses, drawn once for all chains that are alike.

Two chains are alike if their rules have the same cubes: then a question that is asked of both in the same cubes has the
same answer, in classes of addresses and ports that each spells in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce
from typing import Final, NamedTuple

from auditor.network.cover import cover
from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.encoding import drawn
from auditor.network.outline import Outline
from auditor.network.packet_cells import PacketCells, cells_of
from auditor.network.packet_outcomes import Fate, PacketOutcome, Question, in_filter, outcome_of, rule_at, then
from auditor.network.proof import Proof, prove
from auditor.network.security_rules import ALL_PROTOCOLS, WITH_PORTS
from auditor.network.shadowing import OutlinedEffect, effects
from auditor.truth import Truth

_BYTES_OF_A_NODE: Final = 400
NOTHING: Final = 1 << 29
"""The value of a packet that does not answer a question."""


class AnsweringPackets(NamedTuple):
    """Where the function `where` is 1, packets were asked about; `picked` holds what becomes of them, or NOTHING.

    `found` is 1 for the packets that answer.
    """

    picked: int
    where: int
    found: int
    proof: Proof


class Drawing:
    """All chains with one outline: decided by cells where they can, drawn as diagrams where they cannot or packets are shown.

    What was asked once is remembered.
    """

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.diagram = DecisionDiagram(outline.widths)
        self._table: list[PacketOutcome] = []
        self._indexes: dict[tuple[bool, tuple[int, ...], bool], int] = {}
        self._rows: list[tuple[Cube, ...]] = []
        self._numbers: dict[tuple[Cube, ...], int] = {}
        self._drawn_rows: dict[tuple[int, ...], int] = {}
        self._outside: dict[int, int] = {}
        self._picked: dict[Fate, tuple[int, int]] = {}
        self._answers: dict[Question, AnsweringPackets] = {}
        self._truths: dict[Question, Truth] = {}
        self._kept: dict[tuple[int, int], int] = {}
        self._parts: dict[tuple[int, int], tuple[Cube, ...]] = {}
        self._joined: dict[tuple[int, ...], int] = {}
        self._valued: dict[tuple[int, frozenset[int]], int] = {}
        self._in_some_reading: dict[tuple[int, int], int] = {}
        self._effects: dict[int, tuple[OutlinedEffect, ...]] = {}

    @property
    def size(self) -> int:
        """Return how many nodes there are, or take as much memory as what there is."""
        cells = self.__dict__.get("_cells")
        return len(self.diagram) + (0 if cells is None else cells.size // _BYTES_OF_A_NODE)

    @cached_property
    def _cells(self) -> PacketCells | None:
        """Return the cells in which the rules, and the rows that are known when they are first asked for, can be written."""
        return cells_of(self.outline, self._rows)

    @cached_property
    def universe(self) -> int:
        """Return where packets can be at all."""
        return drawn(self.diagram, self.outline.space, self.outline.nowhere)

    def row(self, cubes: tuple[Cube, ...]) -> int:
        """Return the number by which questions call a row."""
        number = self._numbers.get(cubes)
        if number is None:
            number = self._numbers[cubes] = len(self._rows)
            self._rows.append(cubes)
        return number

    def truth(self, question: Question) -> Truth:
        """Return whether there are packets that answer a question for certain."""
        known = self._truths.get(question)
        if known is None:
            known = self._truths[question] = self._found_truth(question)
        return known

    def _found_truth(self, question: Question) -> Truth:
        cells = self._cells
        rows = (*question.rows, *(question.among or ()))
        if cells is None or question in self._answers or not all(cells.can_tell(self._rows[row]) for row in rows):
            return self.answer(question).proof.truth
        return cells.truth(question, self._rows)

    def answer(self, question: Question) -> AnsweringPackets:
        """Return the packets that answer a question, and whether there are any for certain."""
        known = self._answers.get(question)
        if known is None:
            known = self._answers[question] = self._find(question)
        return known

    def _find(self, question: Question) -> AnsweringPackets:
        diagram = self.diagram
        rows = self._drawn(question.rows)
        where = diagram.both(self._complement(rows) if question.outside else rows, self.universe)
        where = where if question.among is None else diagram.both(where, self._drawn(question.among))
        picked, inside = self._of_fate(question.fate)
        found = diagram.both(inside, where)
        return AnsweringPackets(picked, where, found, prove(diagram, self.outline.certain, found))

    def kept(self, answer: AnsweringPackets) -> int:
        """Return the function with what becomes of each answering packet, as an index of `table`, and NOTHING elsewhere."""
        key = answer.picked, answer.where
        if key not in self._kept:
            self._kept[key] = self.diagram.keep(answer.picked, answer.where, NOTHING)
        return self._kept[key]

    def joined(self, sets: tuple[int, ...]) -> int:
        """Return the packets that are in any of some sets."""
        if sets not in self._joined:
            self._joined[sets] = reduce(self.diagram.either, sets)
        return self._joined[sets]

    def valued(self, root: int, values: frozenset[int]) -> int:
        """Return where a function has one of some values, as a 0/1 function."""
        key = root, values
        if key not in self._valued:
            self._valued[key] = self.diagram.map_values(root, lambda value: int(value in values))
        return self._valued[key]

    def in_some_reading(self, root: int, impossible: int) -> int:
        """Return the packets of a set under any reading of ports, without what no packet is."""
        key = root, impossible
        if key not in self._in_some_reading:
            inside = root if impossible == ~0 else self.diagram.both(root, self._complement(impossible))
            self._in_some_reading[key] = self.diagram.exists(inside, [0])
        return self._in_some_reading[key]

    def parts(self, root: int, free: int) -> tuple[Cube, ...]:
        """Return cubes of a set: first what holds on all ports, then ports of TCP and UDP, then types of ICMP.

        A cube may also hold what is `free`: combinations that no packet has.
        """
        key = root, free
        if key not in self._parts:
            diagram, level = self.diagram, self.outline.certain.levels.protocol
            anyport = diagram.forall(diagram.either(root, free), [level + 1, level + 2])
            cubes = list(cover(diagram, diagram.both(root, anyport), free=free))
            for kind in (WITH_PORTS, ALL_PROTOCOLS & ~WITH_PORTS):
                rest = diagram.assign(root, ((level, ALL_PROTOCOLS & ~kind),), 0)
                cubes += cover(diagram, rest, given=anyport, free=free)
            self._parts[key] = tuple(cubes)
        return self._parts[key]

    def _drawn(self, rows: tuple[int, ...]) -> int:
        if rows not in self._drawn_rows:
            cubes = (cube for number in rows for cube in self._rows[number])
            self._drawn_rows[rows] = drawn(self.diagram, cubes)
        return self._drawn_rows[rows]

    def _complement(self, root: int) -> int:
        if root not in self._outside:
            self._outside[root] = self.diagram.map_values(root, lambda value: 1 - value)
        return self._outside[root]

    def _of_fate(self, fate: Fate) -> tuple[int, int]:
        """Return what becomes of the packets of a fate, NOTHING elsewhere; and the same as a 0/1 function."""
        if fate not in self._picked:
            diagram, table = self.diagram, self.table
            picked = diagram.map_values(self.root, lambda index: index if fate(table[index]) else NOTHING)
            self._picked[fate] = picked, diagram.map_values(picked, lambda value: int(value != NOTHING))
        return self._picked[fate]

    @cached_property
    def filters(self) -> tuple[tuple[int, ...], ...]:
        """Return the filters in the chain's order, each as `draw_filter` does."""
        return tuple(draw_filter(self.diagram, [rule.cubes for rule in rules]) for rules in self.outline.filters)

    def effects(self, place: int) -> tuple[OutlinedEffect, ...]:
        """Return the effect of each rule of one filter, whatever the unknown tags hold."""
        if place not in self._effects and self._cells is not None:
            self._effects[place] = self._cells.effects(place)
        if place not in self._effects:
            rules, below = self.outline.filters[place], self.filters[place]
            self._effects[place] = effects(self.diagram, rules, below, self.universe)
        return self._effects[place]

    @property
    def root(self) -> int:
        """Return the diagram of the whole chain, with indexes of `table` as its values."""
        return self._decided[0]

    @property
    def table(self) -> Sequence[PacketOutcome]:
        """Return what becomes of packets, by the values of `root`."""
        return self._decided[1]

    @cached_property
    def _decided(self) -> tuple[int, Sequence[PacketOutcome]]:
        root = ~self._index(outcome_of(self.outline, is_allowed=True))
        for place, below in enumerate(self.filters):
            indexes = list(map(self._index, in_filter(self.outline, place)))
            root = self._then(root, self.diagram.map_values(below[0], indexes.__getitem__))
        return root, self._table

    def _then(self, before: int, after: int) -> int:
        """Return what becomes of packets that meet a second filter if the first one lets them on."""
        if before < 0 and self._table[~before].is_allowed and not self._table[~before].deciders:
            return after

        def join(left: int, right: int) -> int | None:
            if left >= 0:
                return None
            first = self._table[~left]
            if first.is_explicit_denial:
                return left
            return None if right >= 0 else ~self._index(then(self.outline, first, self._table[~right]))

        return self.diagram.combine(before, after, join)

    def _index(self, outcome: PacketOutcome) -> int:
        aliases = tuple(rule_at(self.outline, place).alias for place in outcome.deciders)
        key = (outcome.is_allowed, aliases, outcome.also_denied_by is not None)
        index = self._indexes.get(key)
        if index is None:
            index = self._indexes[key] = len(self._table)
            self._table.append(outcome)
        return index


def draw_filter(diagram: DecisionDiagram, rules: Sequence[Sequence[Cube]]) -> tuple[int, ...]:
    """Return diagrams of a filter: the i-th has the index of the deciding rule among those from the i-th on.

    Their number where none matches. The last rule is drawn first, so that earlier rules override later ones.
    """
    root = ~len(rules)
    below = [root]
    for index in range(len(rules) - 1, -1, -1):
        for cube in rules[index]:
            root = diagram.assign(root, cube, index)
        below.append(root)
    return tuple(reversed(below))
