"""Encode a chain of filters, and what it is compared with, in one decision diagram.

Addresses and ports are cut into classes first (atomic sets), so that a diagram asks for few values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, normal, union
from auditor.network.address_book import GROUP, Surroundings, Term, set_in_words
from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.security_rules import ALL_PORTS, ALL_PROTOCOLS, PROTOCOLS, WITH_PORTS, Direction, Match, Side

READINGS: Final = ("ignored", "never matching", "ICMP type")
"""What Azure may do with a rule's ports when the protocol has none; not documented, so answers must hold in all."""
_IGNORED, _AS_TYPE = 0b001, 0b100
_ICMP: Final = 1 << PROTOCOLS.index("Icmp")
TYPES: Final[Ranges] = ((0, 256),)
_NOT_A_TYPE: Final[Ranges] = ((256, 65536),)
_EVERY: Final = Term(addresses.ANY)
Mention: TypeAlias = tuple[Match, Surroundings]
"""What rules are compared with, and what gives its names a meaning."""


class _ProtocolPorts(NamedTuple):
    """Which protocols and ports a match takes under some readings; None: the port does not matter."""

    readings: int
    protocols: int
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None


_EVERY_WAY: Final = _ProtocolPorts(0b111, ALL_PROTOCOLS)
MOST_UNKNOWN: Final = 16
"""Diagrams grow with the number of unknown sets; beyond this the answer is that it is unknown."""


@dataclass(frozen=True, slots=True)
class AtomicSets:
    """A universe cut into classes that no given set tells apart, and each given set as bits over the classes.

    Of a set only its part inside the universe counts.
    """

    classes: Sequence[Ranges]
    bits: Mapping[Ranges, int]

    @property
    def full(self) -> int:
        """Return the bits of all classes."""
        return (1 << len(self.classes)) - 1

    def ranges(self, bits: int) -> Ranges:
        """Return the numbers of the classes in a set of bits."""
        return normal(piece for place, pieces in enumerate(self.classes) if bits >> place & 1 for piece in pieces)


def atomic_sets(universe: Ranges, sets: Iterable[Ranges]) -> AtomicSets:
    """Cut the universe by the sets; two numbers share a class exactly if they are in the same sets."""
    order = list(dict.fromkeys(sets))
    toggles: dict[int, int] = defaultdict(int)
    for place, numbers in enumerate(order):
        for start, end in intersection(universe, numbers):
            toggles[start] ^= 1 << place
            toggles[end] ^= 1 << place
    inside = 1 << len(order)
    for start, end in universe:
        toggles[start] ^= inside
        toggles[end] ^= inside
    pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)
    signature, last = 0, 0
    for at in sorted(toggles):
        if toggle := toggles[at]:
            if signature:
                pieces[signature].append((last, at))
            signature ^= toggle
            last = at
    bits = [0] * len(order)
    for place, signature in enumerate(pieces):
        rest = signature ^ inside
        while rest:
            low = rest & -rest
            bits[low.bit_length() - 1] |= 1 << place
            rest ^= low
    return AtomicSets([tuple(spans) for spans in pieces.values()], dict(zip(order, bits, strict=True)))


@dataclass(slots=True)
class Encoding:
    """The levels of a chain's diagram, and how rules become cubes in it.

    Levels, from the top: how ports are read for protocols without ports; unknown sets of the source; its class; the
    same for the destination; protocol; destination port; source port; one per unreadable rule (whether it matches).
    """

    chain: FilterChain
    source: AtomicSets
    destination: AtomicSets
    source_ports: AtomicSets
    destination_ports: AtomicSets
    unknowns: tuple[str, ...]
    guards: tuple[str, ...]
    possible: Mapping[str, Ranges]
    inhabited: tuple[Term, ...]
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

    @property
    def ends(self) -> tuple[tuple[int, AtomicSets], tuple[int, AtomicSets]]:
        """Return the level of the class, and the classes, of the source and of the destination."""
        return (self.source_level, self.source), (self.destination_level, self.destination)

    def unknown_level(self, end_level: int, index: int) -> int:
        """Return the level that asks whether the address of an end is in the unknown set of an index."""
        return end_level - len(self.unknowns) + index

    def label(self, name: str) -> str:
        """Return an unknown set as the rules spell it, else in words."""
        return self.labels.get(name) or set_in_words(name)

    def universe(self) -> int:
        """Return where packets can be at all, as a 0/1 function: both ends are of one family, and in the chain."""
        root = ~0
        for family in (addresses.IPV4, addresses.IPV6):
            among = (self.chain.from_among, self.chain.to_among)
            source, destination = (Term(family, term.literals if term else ()) for term in among)
            cube = self._cube(source, destination, _EVERY_WAY)
            if cube is not None:
                root = self.diagram.assign(root, cube, 1)
        cube = self._no_type()
        return root if cube is None else self.diagram.assign(root, cube, 0)

    def within(self, chain: FilterChain) -> int:
        """Return where packets of one of several chains can be, as a 0/1 function."""
        source = Term(chain.sources, chain.from_among.literals if chain.from_among else ())
        destination = Term(chain.destinations, chain.to_among.literals if chain.to_among else ())
        cube = self._cube(source, destination, _EVERY_WAY)
        return ~0 if cube is None else self.diagram.both(self.diagram.assign(~0, cube, 1), self.universe())

    def guarded(self, guard: str) -> int:
        """Return where something holds that nobody knows, as a 0/1 function."""
        return self.diagram.assign(~0, ((self.guard_level + self.guards.index(guard), 0b10),), 1)

    def impossible(self) -> int:
        """Return what no packet is: in an unknown set that cannot hold its address, ICMP of a type beyond 255."""
        root = ~0
        if (cube := self._no_type()) is not None:
            root = self.diagram.assign(root, cube, 1)
        for level, atoms in self.ends:
            for index, name in enumerate(self.unknowns):
                possible = self.possible[name]
                outside = [not intersection(numbers, possible) for numbers in atoms.classes]
                mask = sum(1 << number for number, is_outside in enumerate(outside) if is_outside)
                if mask:
                    cube = ((self.unknown_level(level, index), 0b10), (level, mask))
                    root = self.diagram.assign(root, cube, 1)
        return root

    def _no_type(self) -> Cube | None:
        if _NOT_A_TYPE not in self.destination_ports.bits:
            return None
        return self._cube(_EVERY, _EVERY, _ProtocolPorts(_AS_TYPE, _ICMP, None, _NOT_A_TYPE))

    def cubes(self, match: Match, surroundings: Surroundings, guard: str | None = None) -> Iterator[Cube]:
        """Yield the cubes whose union a rule or a row matches."""
        ends = product(self.terms(match.source, surroundings), self.terms(match.destination, surroundings))
        ways = tuple(_ways(match))
        for source, destination in ends:
            for way in ways:
                cube = self._cube(source, destination, way, guard)
                if cube is not None:
                    yield cube

    def terms(self, side: Side, surroundings: Surroundings) -> tuple[Term, ...]:
        """Return the terms whose union is one side, remembered."""
        return terms_of(side, surroundings, self._terms)

    def _cube(self, source: Term, destination: Term, way: _ProtocolPorts, guard: str | None = None) -> Cube | None:
        masks: dict[int, int] = {0: way.readings}
        for term, (level, atoms) in zip((source, destination), self.ends, strict=True):
            masks[level] = atoms.bits[term.ranges]
            for name, inside in term.literals:
                asking = self.unknown_level(level, self.unknowns.index(name))
                masks[asking] = masks.get(asking, 0b11) & (0b10 if inside else 0b01)
        masks[self.protocol_level] = way.protocols
        if way.destination_ports is not None:
            masks[self.protocol_level + 1] = self.destination_ports.bits[way.destination_ports]
        if way.source_ports is not None:
            masks[self.protocol_level + 2] = self.source_ports.bits[way.source_ports]
        if guard is not None:
            masks[self.guard_level + self.guards.index(guard)] = 0b10
        if not all(masks.values()):
            return None
        full = self.diagram.full
        return tuple((level, masks[level]) for level in sorted(masks) if masks[level] != full(level))


def terms_of(
    side: Side, surroundings: Surroundings, memo: dict[tuple[int, Side], tuple[Term, ...]]
) -> tuple[Term, ...]:
    """Return the terms whose union is one side at its surroundings, remembered in `memo`."""
    key = (id(surroundings), side)
    terms = memo.get(key)
    if terms is None:
        terms = memo[key] = tuple(surroundings.terms(side))
    return terms


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


def encode(chain: FilterChain, mentions: Sequence[Match] = ()) -> Encoding:
    """Return the encoding in which the chain's rules and the mentioned matches can be written."""
    return encode_all([chain], [(match, chain.surroundings) for match in mentions])


def encode_all(chains: Sequence[FilterChain], mentions: Sequence[Mention] = (), guards: Sequence[str] = ()) -> Encoding:
    """Return one encoding in which the rules of several chains can be written, and so be compared.

    Its universe holds that of each chain: `within` says which part that is. Further unknowns, of which nothing depends
    but whether packets pass, are `guards`. Of one chain it is the chain's own.
    """
    named = [*mentions, *((rule.match, each.surroundings) for each in _filters(chains) for rule in each.rules)]
    memo: dict[tuple[int, Side], tuple[Term, ...]] = {}
    sources = [term for match, where in named for term in terms_of(match.source, where, memo)]
    destinations = [term for match, where in named for term in terms_of(match.destination, where, memo)]
    sources += [chain.from_among for chain in chains if chain.from_among]
    destinations += [chain.to_among for chain in chains if chain.to_among]
    ways = {way for match, _ in named for way in _ways(match)}
    ports = [way.destination_ports for way in ways if way.destination_ports is not None]
    if any(way.readings == _AS_TYPE for way in ways):
        ports.append(_NOT_A_TYPE)
    rules = [each.guard(rule) for each in _filters(chains) for rule in each.rules]
    symbols = [symbol for match, _ in named for side in (match.source, match.destination) for symbol in side.symbols]
    whole = _joined(chains)
    return Encoding(
        chain=whole,
        source=atomic_sets(_narrow(whole.sources, whole.destinations), _sets(sources, chains, Direction.OUTBOUND)),
        destination=atomic_sets(
            _narrow(whole.destinations, whole.sources), _sets(destinations, chains, Direction.INBOUND)
        ),
        source_ports=atomic_sets(ALL_PORTS, [way.source_ports for way in ways if way.source_ports is not None]),
        destination_ports=atomic_sets(ALL_PORTS, ports),
        unknowns=tuple(sorted({name for term in (*sources, *destinations) for name, _ in term.literals})),
        guards=tuple(dict.fromkeys(guard for guard in (*rules, *guards) if guard is not None)),
        possible=_possible((*sources, *destinations)),
        inhabited=tuple(dict.fromkeys(term for term in (*sources, *destinations) if term.is_inhabited)),
        labels={
            **{f"{GROUP}{symbol.key}": f"ASG:{symbol.label}" for symbol in symbols if symbol.is_group},
            **{symbol.key: symbol.label for symbol in symbols},
        },
        _terms=memo,
    )


def _filters(chains: Iterable[FilterChain]) -> Iterator[Filter]:
    """Yield the filters of chains, each once."""
    yield from {id(each): each for chain in chains for each in chain.filters}.values()


def _joined(chains: Sequence[FilterChain]) -> FilterChain:
    if len(chains) == 1:
        return chains[0]
    return FilterChain(
        filters=(),
        surroundings=chains[0].surroundings,
        sources=union((), *(chain.sources for chain in chains)),
        destinations=union((), *(chain.destinations for chain in chains)),
    )


def _possible(terms: Iterable[Term]) -> dict[str, Ranges]:
    """Return, for each unknown set, the addresses that may be in it."""
    pieces: dict[str, set[Ranges]] = {}
    for term in terms:
        for name, _ in term.literals:
            pieces.setdefault(name, set()).add(term.ranges)
    return {name: union(*sorted(ranges)) for name, ranges in pieces.items()}


def _sets(terms: Iterable[Term], chains: Sequence[FilterChain], direction: Direction) -> list[Ranges]:
    """Return the sets of addresses that one end of packets is told apart by; the source's is the outbound one."""
    known = [*(term.ranges for term in terms), addresses.IPV4, addresses.IPV6, addresses.ANY]
    return known + [chain.sources if direction is Direction.OUTBOUND else chain.destinations for chain in chains]


def _narrow(own: Ranges, opposite: Ranges) -> Ranges:
    """Return one end without the address family that the opposite end does not have."""
    if not intersection(opposite, addresses.IPV6):
        own = intersection(own, addresses.IPV4)
    if not intersection(opposite, addresses.IPV4):
        own = intersection(own, addresses.IPV6)
    return own
