"""Draw a chain of security groups, and the tables it is compared with, in one diagram."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, NamedTuple

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, union
from auditor.network.address_book import Surroundings, Term
from auditor.network.atomic_sets import AtomicSets, atomic_sets
from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.filter_chain import FilterChain
from auditor.network.security_rules import ALL_PORTS, ALL_PROTOCOLS, PROTOCOLS, WITH_PORTS, Match, Side

READINGS: Final = ("ignored", "never matching", "ICMP type")
"""What Azure may do with a rule's ports when the protocol has none; not documented, so answers must hold in all."""
_IGNORED, _AS_TYPE = 0b001, 0b100
_ICMP: Final = 1 << PROTOCOLS.index("Icmp")
TYPES: Final[Ranges] = ((0, 256),)
_NOT_A_TYPE: Final[Ranges] = ((256, 65536),)
_EVERY: Final = Term(addresses.ANY)


class _ProtocolPorts(NamedTuple):
    """Which protocols and ports a match takes under some readings; None: the port does not matter."""

    readings: int
    protocols: int
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None


_EVERY_WAY: Final = _ProtocolPorts(0b111, ALL_PROTOCOLS)
MOST_UNKNOWN: Final = 16
"""Diagrams grow with the number of unknown sets; beyond this the answer is that it is unknown."""


@dataclass(slots=True)
class Encoding:
    """The levels of a path's diagram and how rules become boxes in it.

    Levels, from the top: how ports are read for protocols without ports; unknown sets of the source; its class; the
    same for the destination; protocol; destination port; source port; one per unreadable rule (whether it matches).
    """

    path: FilterChain
    source: AtomicSets
    destination: AtomicSets
    source_ports: AtomicSets
    destination_ports: AtomicSets
    unknowns: tuple[str, ...]
    guards: tuple[str, ...]
    possible: Mapping[str, Ranges]
    labels: Mapping[str, str]
    diagram: DecisionDiagram = field(init=False)
    _terms: dict[tuple[int, Side], tuple[Term, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        many = len(self.unknowns)
        widths = [3, *[2] * many, len(self.source.classes), *[2] * many, len(self.destination.classes)]
        widths += [len(PROTOCOLS), len(self.destination_ports.classes), len(self.source_ports.classes)]
        self.diagram = DecisionDiagram([*widths, *[2] * len(self.guards)])

    @property
    def source_level(self) -> int:
        """Return the level of the source's class; the levels 1 … before it are its unknown sets."""
        return 1 + len(self.unknowns)

    @property
    def destination_level(self) -> int:
        """Return the level of the destination's class; the levels between source and it are its unknown sets."""
        return 2 + 2 * len(self.unknowns)

    @property
    def protocol_level(self) -> int:
        """Return the level of the protocol; destination port and source port follow."""
        return 3 + 2 * len(self.unknowns)

    @property
    def guard_level(self) -> int:
        """Return the first level of unreadable rules."""
        return 6 + 2 * len(self.unknowns)

    def label(self, name: str) -> str:
        """Return an unknown set's name as the rules spell it."""
        return self.labels.get(name, name)

    def universe(self) -> int:
        """Return where packets can be at all, as a 0/1 function: both ends are of one address family."""
        root = ~0
        for family in (addresses.IPV4, addresses.IPV6):
            box = self._box(Term(family), Term(family), _EVERY_WAY)
            if box is not None:
                root = self.diagram.assign(root, box, 1)
        box = self._no_type()
        return root if box is None else self.diagram.assign(root, box, 0)

    def impossible(self) -> int:
        """Return what no packet is: in an unknown set that cannot hold its address, ICMP of a type beyond 255."""
        root = ~0
        if (box := self._no_type()) is not None:
            root = self.diagram.assign(root, box, 1)
        for level, cut in ((self.source_level, self.source), (self.destination_level, self.destination)):
            for place, name in enumerate(self.unknowns):
                possible = self.possible[name]
                outside = [not intersection(numbers, possible) for numbers in cut.classes]
                mask = sum(1 << number for number, is_outside in enumerate(outside) if is_outside)
                if mask:
                    box = ((level - len(self.unknowns) + place, 0b10), (level, mask))
                    root = self.diagram.assign(root, box, 1)
        return root

    def _no_type(self) -> Cube | None:
        if _NOT_A_TYPE not in self.destination_ports.bits:
            return None
        return self._box(_EVERY, _EVERY, _ProtocolPorts(_AS_TYPE, _ICMP, None, _NOT_A_TYPE))

    def boxes(self, match: Match, surroundings: Surroundings, guard: str | None = None) -> Iterator[Cube]:
        """Yield the boxes whose union a rule or a table's row matches."""
        ends = product(self.terms(match.source, surroundings), self.terms(match.destination, surroundings))
        ways = tuple(_ways(match))
        for source, destination in ends:
            for way in ways:
                box = self._box(source, destination, way, guard)
                if box is not None:
                    yield box

    def terms(self, side: Side, surroundings: Surroundings) -> tuple[Term, ...]:
        """Return the boxes of one side, remembered."""
        return terms_of(side, surroundings, self._terms)

    def _box(self, source: Term, destination: Term, way: _ProtocolPorts, guard: str | None = None) -> Cube | None:
        wanted: dict[int, int] = {0: way.readings}
        for term, level, cut in (
            (source, self.source_level, self.source),
            (destination, self.destination_level, self.destination),
        ):
            wanted[level] = cut.bits[term.ranges]
            first = level - len(self.unknowns)
            for name, inside in term.literals:
                place = first + self.unknowns.index(name)
                wanted[place] = wanted.get(place, 0b11) & (0b10 if inside else 0b01)
        wanted[self.protocol_level] = way.protocols
        if way.destination_ports is not None:
            wanted[self.protocol_level + 1] = self.destination_ports.bits[way.destination_ports]
        if way.source_ports is not None:
            wanted[self.protocol_level + 2] = self.source_ports.bits[way.source_ports]
        if guard is not None:
            wanted[self.guard_level + self.guards.index(guard)] = 0b10
        if not all(wanted.values()):
            return None
        full = self.diagram.full
        return tuple((level, wanted[level]) for level in sorted(wanted) if wanted[level] != full(level))


def terms_of(
    side: Side, surroundings: Surroundings, memo: dict[tuple[int, Side], tuple[Term, ...]]
) -> tuple[Term, ...]:
    """Return the boxes of one side at its surroundings, remembered in `memo`."""
    key = (id(surroundings), side)
    found = memo.get(key)
    if found is None:
        found = memo[key] = tuple(surroundings.terms(side))
    return found


def _ways(match: Match) -> Iterator[_ProtocolPorts]:
    """Yield how a match treats protocols and ports, once per reading that makes a difference."""
    if not match.names_ports:
        yield _ProtocolPorts(_EVERY_WAY.readings, match.protocols)
        return
    if with_ports := match.protocols & WITH_PORTS:
        yield _ProtocolPorts(_EVERY_WAY.readings, with_ports, match.source_ports, match.destination_ports)
    if without := match.protocols & ~WITH_PORTS:
        yield _ProtocolPorts(_IGNORED, without)
    types = intersection(match.destination_ports, TYPES)
    if types and match.protocols & _ICMP:
        yield _ProtocolPorts(_AS_TYPE, _ICMP, None, types)


def encode(path: FilterChain, mentions: Sequence[Match] = ()) -> Encoding:
    """Return the scene in which the path's rules and the mentioned matches can be drawn."""
    named = [(match, path.surroundings) for match in mentions]
    named += [(rule.match, layer.surroundings) for layer in path.all_layers for rule in layer.rules]
    memo: dict[tuple[int, Side], tuple[Term, ...]] = {}
    sources = [term for match, where in named for term in terms_of(match.source, where, memo)]
    destinations = [term for match, where in named for term in terms_of(match.destination, where, memo)]
    ways = {way for match, _ in named for way in _ways(match)}
    ports = [way.destination_ports for way in ways if way.destination_ports is not None]
    if any(way.readings == _AS_TYPE for way in ways):
        ports.append(_NOT_A_TYPE)
    guards = [layer.guard(rule) for layer in path.all_layers for rule in layer.rules]
    symbols = [symbol for match, _ in named for side in (match.source, match.destination) for symbol in side.symbols]
    return Encoding(
        path,
        atomic_sets(_narrow(path.sources, path.destinations), _sets(sources)),
        atomic_sets(_narrow(path.destinations, path.sources), _sets(destinations)),
        atomic_sets(ALL_PORTS, [way.source_ports for way in ways if way.source_ports is not None]),
        atomic_sets(ALL_PORTS, ports),
        tuple(sorted({name for term in (*sources, *destinations) for name, _ in term.literals})),
        tuple(dict.fromkeys(guard for guard in guards if guard is not None)),
        _possible((*sources, *destinations)),
        {symbol.key: symbol.label for symbol in symbols},
        memo,
    )


def _possible(terms: Iterable[Term]) -> dict[str, Ranges]:
    """Return, for each unknown set, the addresses that may be in it."""
    found: dict[str, set[Ranges]] = {}
    for term in terms:
        for name, _ in term.literals:
            found.setdefault(name, set()).add(term.ranges)
    return {name: union(*sorted(pieces)) for name, pieces in found.items()}


def _sets(terms: Iterable[Term]) -> list[Ranges]:
    return [*(term.ranges for term in terms), addresses.IPV4, addresses.IPV6, addresses.ANY]


def _narrow(own: Ranges, other: Ranges) -> Ranges:
    """Return one end without the address family that the other end does not have."""
    if not intersection(other, addresses.IPV6):
        own = intersection(own, addresses.IPV4)
    if not intersection(other, addresses.IPV4):
        own = intersection(own, addresses.IPV6)
    return own
