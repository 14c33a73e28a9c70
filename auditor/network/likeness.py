"""Recognise chains of filters that are alike before they are encoded: the same rules, with numbers in the same order.

What decides about packets are not the addresses but which of the rules hold each. Where the addresses and ports of two
chains, written one below the other as their rules name them, come in the same order, the chains have the same classes of
them, and with the same protocols and actions the same diagrams.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.network.address_book import Term
from auditor.network.drawing import Drawing
from auditor.network.encoding import MOST_UNKNOWN, Encoding
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.meaning import TYPES, MatchShapes, meaning_of
from auditor.network.outline import Outline, outline_of
from auditor.network.security_rules import ALL_PORTS, Match

_FIXED: Final = (addresses.IPV4, addresses.IPV6, addresses.PUBLIC, addresses.STRANGERS)
_FIXED_ENDS: Final = tuple(end for ranges in _FIXED for span in ranges for end in span)


_FIXED_PORTS: Final = (0, TYPES[0][1], ALL_PORTS[0][1])


class Sketch(Struct, frozen=True):
    """What chains that are alike have in common: their diagrams, and the rows that they are compared with by number.

    `undecidable`: why no question has an answer; there are no diagrams then.
    """

    drawing: Drawing | None
    rows: tuple[int, ...] = ()
    undecidable: str | None = None


def sketch(encoding: Encoding, mentions: int, drawing_of: Callable[[Outline], Drawing]) -> Sketch:
    """Return what an encoding has in common with those that are alike; its first matches are those it is compared with."""
    many = len(encoding.unknowns) + len(encoding.guards)
    if many > MOST_UNKNOWN:
        return Sketch(None, undecidable=f"{many} unknown tags, groups and rules at once")
    drawing = drawing_of(outline_of(encoding))
    return Sketch(drawing, tuple(drawing.row(encoding.cubes(meaning)) for _, meaning in encoding.matches[:mentions]))


def likeness(chain: FilterChain, mentions: Sequence[Match]) -> Hashable:
    """Return what is equal only for chains, and rows that they are compared with, that are alike."""
    ends: list[int] = list(_FIXED_ENDS)
    ports: list[int] = list(_FIXED_PORTS)
    shapes: list[object] = [_end_shape(chain.sources, chain.from_among, ends)]
    shapes.append(_end_shape(chain.destinations, chain.to_among, ends))
    filters = [each for each in chain.filters if each.group]
    for each in filters:
        rules, told, told_ports = each.shape
        shapes.append(rules)
        ends += told
        ports += told_ports
    rows = MatchShapes()
    shapes.append(tuple([rows.add(meaning_of(row, chain.surroundings)) for row in mentions]))
    ends += rows.ends
    ports += rows.ports
    return tuple(shapes), rows.parts, len(filters), _names(filters), _ordered(ends), _ordered(ports)


def _ordered(ends: list[int]) -> tuple[int, ...]:
    """Return the place of each number among all of them."""
    order = {end: place for place, end in enumerate(sorted(set(ends)))}
    return tuple(map(order.__getitem__, ends))


def _end_shape(ranges: Ranges, among: Term | None, ends: list[int]) -> object:
    for numbers in (ranges, among.ranges if among else ()):
        for span in numbers:
            ends += span
    return len(ranges), among and (len(among.ranges), among.literals, among.is_inhabited)


def _names(filters: Sequence[Filter]) -> Hashable:
    """Return what names tell apart, as far as names can matter: rules of filters of one name, and unreadable rules."""
    is_distinct = len({each.name for each in filters}) == len(filters)
    named = (
        () if is_distinct else tuple((each.name, rule.name, rule.priority) for each in filters for rule in each.rules)
    )
    guards = [guard for each in filters for rule in each.rules if rule.unreadable and (guard := each.guard(rule))]
    return named, tuple(map(guards.index, guards))


class Sketches:
    """What chains that were asked about have in common; all is forgotten when the diagrams have more nodes than that."""

    def __init__(self, most_nodes: int) -> None:
        self._most = most_nodes
        self._forget()

    def _forget(self) -> None:
        self._drawings: dict[Outline, Drawing] = {}
        self._sketches: dict[Hashable, Sketch] = {}
        self._latest: Drawing | None = None
        self._nodes = 0

    def of(self, chain: FilterChain, mentions: Sequence[Match], encode: Callable[[], Encoding]) -> Sketch:
        """Return what a chain, and the rows that it is compared with, have in common with those that are alike."""
        key = likeness(chain, mentions)
        known = self._sketches.get(key)
        if known is None:
            if self._nodes > self._most or len(self._sketches) > _MOST:
                self._forget()
            known = self._sketches[key] = sketch(encode(), len(mentions), self._drawing)
        return known

    def _drawing(self, outline: Outline) -> Drawing:
        """Return the drawing of an outline. One is counted when the next is made: it grows as long as it is asked."""
        drawing = self._drawings.get(outline)
        if drawing is None:
            self._nodes += self._latest.size if self._latest is not None else 0
            drawing = self._latest = self._drawings[outline] = Drawing(outline)
        return drawing


_MOST_NODES: Final = 100_000
"""Some 40 MB."""
_MOST: Final = 2_000
KEPT: Final = Sketches(_MOST_NODES)
"""What was asked last in this process: an answer is a function of the question alone."""
