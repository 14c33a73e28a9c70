"""Encode a chain of filters, and what it is compared with, in one decision diagram.

Addresses and ports are cut into classes first (atomic sets), so that a diagram asks for few values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import Final, TypeAlias

from msgspec import Struct, field

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, intersection, normal, overlap, union
from auditor.network.address_book import GROUP, Surroundings, Term, set_in_words
from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.meaning import AS_TYPE, EVERY_WAY, ICMP, MatchMeaning, ProtocolPorts, meaning_of
from auditor.network.security_rules import ALL_PORTS, ALL_PROTOCOLS, PROTOCOLS, Direction, Match

_NOT_A_TYPE: Final[Ranges] = ((256, 65536),)
_EVERY: Final = Term(addresses.ANY)
_Part: TypeAlias = Cube
"""The levels of a cube that say one thing of its packets."""
Mention: TypeAlias = tuple[Match, Surroundings]
"""What rules are compared with, and what gives its names a meaning."""


_ANY_WAY: Final = (EVERY_WAY,)
_BEYOND_TYPES: Final = MatchMeaning((_EVERY,), (_EVERY,), (ProtocolPorts(AS_TYPE, ICMP, None, _NOT_A_TYPE),))
MOST_UNKNOWN: Final = 16
"""Diagrams grow with the number of unknown sets; beyond this the answer is that it is unknown."""


class AtomicSets(Struct, frozen=True, dict=True):
    """A universe cut into classes that no given set tells apart, and each given set as bits over the classes.

    Of a set only its part inside the universe counts.
    """

    classes: Sequence[Ranges]
    bits: Mapping[Ranges, int]
    _told: dict[int, Ranges] = field(default_factory=dict)

    @cached_property
    def full(self) -> int:
        """Return the bits of all classes."""
        return (1 << len(self.classes)) - 1

    def ranges(self, bits: int) -> Ranges:
        """Return the numbers of the classes in a set of bits."""
        told = self._told.get(bits)
        if told is None:
            chosen = (pieces for place, pieces in enumerate(self.classes) if bits >> place & 1)
            told = self._told[bits] = normal(piece for pieces in chosen for piece in pieces)
        return told


def atomic_sets(universe: Ranges, sets: Iterable[Ranges]) -> AtomicSets:
    """Cut the universe by the sets; two numbers share a class exactly if they are in the same sets."""
    order = list(dict.fromkeys(sets))
    toggles: dict[int, int] = defaultdict(int)
    for place, numbers in enumerate(order):
        bit = 1 << place
        for start, end in numbers:
            toggles[start] ^= bit
            toggles[end] ^= bit
    inside = 1 << len(order)
    for start, end in universe:
        toggles[start] ^= inside
        toggles[end] ^= inside
    pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)
    signature, last = 0, 0
    for at in sorted(toggles):
        if toggle := toggles[at]:
            if signature & inside:
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


class Levels(Struct, frozen=True):
    """What a diagram asks, from the top.

    How ports are read for protocols without ports; for each unknown set whether the source is in it; the source's class;
    the same for the destination; protocol; destination port; source port; for each unreadable rule whether it matches.
    """

    unknowns: int

    @property
    def source(self) -> int:
        """Return the level of the source's class; the levels 1 … before it are its unknown sets."""
        return 1 + self.unknowns

    @property
    def destination(self) -> int:
        """Return the level of the destination's class; the levels between source and it are its unknown sets."""
        return 2 + 2 * self.unknowns

    @property
    def protocol(self) -> int:
        """Return the level of the protocol; destination port and source port follow."""
        return 3 + 2 * self.unknowns

    @property
    def guards(self) -> int:
        """Return the first level of unreadable rules."""
        return 6 + 2 * self.unknowns

    @property
    def memberships(self) -> tuple[int, ...]:
        """Return the levels that ask whether an end is in an unknown set."""
        return *range(1, self.source), *range(self.source + 1, self.destination)

    def membership(self, end: int, index: int) -> int:
        """Return the level that asks whether the address of an end is in the unknown set of an index."""
        return end - self.unknowns + index


class Encoding(Struct, dict=True):
    """The classes of a chain's diagram, and how rules become cubes in it.

    `matches` are all that can be written in it, with what they mean; `terms` those of the sources, and then those of the
    destinations.
    """

    chain: FilterChain
    source: AtomicSets
    destination: AtomicSets
    source_ports: AtomicSets
    destination_ports: AtomicSets
    unknowns: tuple[str, ...]
    guards: tuple[str, ...]
    matches: Sequence[tuple[Match, MatchMeaning]]
    terms: Sequence[Term]
    _of_ends: dict[tuple[int, int], tuple[object, tuple[_Part, ...]]] = field(default_factory=dict)
    _of_ways: dict[int, tuple[object, tuple[tuple[_Part, _Part], ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.levels = Levels(len(self.unknowns))
        self.diagram = DecisionDiagram(self.widths())
        self.ends = (self.levels.source, self.source), (self.levels.destination, self.destination)

    def widths(self) -> tuple[int, ...]:
        """Return how many values each level has."""
        asked = [2] * len(self.unknowns)
        ends = [3, *asked, len(self.source.classes), *asked, len(self.destination.classes)]
        ports = [len(atoms.classes) for atoms in (self.destination_ports, self.source_ports)]
        return *ends, len(PROTOCOLS), *ports, *[2] * len(self.guards)

    @cached_property
    def source_level(self) -> int:
        """Return the level of the source's class."""
        return self.levels.source

    @cached_property
    def destination_level(self) -> int:
        """Return the level of the destination's class."""
        return self.levels.destination

    @cached_property
    def protocol_level(self) -> int:
        """Return the level of the protocol; destination port and source port follow."""
        return self.levels.protocol

    @cached_property
    def guard_level(self) -> int:
        """Return the first level of unreadable rules."""
        return self.levels.guards

    def unknown_level(self, end_level: int, index: int) -> int:
        """Return the level that asks whether the address of an end is in the unknown set of an index."""
        return self.levels.membership(end_level, index)

    @cached_property
    def possible(self) -> Mapping[str, Ranges]:
        """Return, for each unknown set, the addresses that may be in it."""
        pieces: dict[str, set[Ranges]] = {}
        for term in self.terms:
            for name, _ in term.literals:
                pieces.setdefault(name, set()).add(term.ranges)
        return {name: union(*sorted(ranges)) for name, ranges in pieces.items()}

    @cached_property
    def inhabited(self) -> tuple[Term, ...]:
        """Return the terms that hold an address for certain."""
        return tuple(dict.fromkeys(term for term in self.terms if term.is_inhabited))

    def label(self, name: str) -> str:
        """Return an unknown set as the rules spell it, else in words."""
        return self._labels.get(name) or set_in_words(name)

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        sides = (side for match, _ in self.matches for side in (match.source, match.destination))
        symbols = [symbol for side in sides for symbol in side.symbols]
        groups = {f"{GROUP}{symbol.key}": f"ASG:{symbol.label}" for symbol in symbols if symbol.is_group}
        return groups | {symbol.key: symbol.label for symbol in symbols}

    def universe(self) -> int:
        """Return where packets can be at all, as a 0/1 function: both ends are of one family, and in the chain."""
        return drawn(self.diagram, *self.universe_cubes())

    def universe_cubes(self) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
        """Return the cubes in which packets can be, and cubes in which none can be after all."""
        among = (self.chain.from_among, self.chain.to_among)
        cubes: list[Cube] = []
        for family in (addresses.IPV4, addresses.IPV6):
            source, destination = ((Term(family, term.literals if term else ()),) for term in among)
            cubes += self.cubes(MatchMeaning(source, destination, _ANY_WAY))
        return tuple(cubes), self._no_type()

    def within(self, chain: FilterChain) -> int:
        """Return where packets of one of several chains can be, as a 0/1 function."""
        source = Term(chain.sources, chain.from_among.literals if chain.from_among else ())
        destination = Term(chain.destinations, chain.to_among.literals if chain.to_among else ())
        cubes = self.cubes(MatchMeaning((source,), (destination,), _ANY_WAY))
        return self.diagram.both(drawn(self.diagram, cubes), self.universe())

    def guarded(self, guard: str) -> int:
        """Return where something holds that nobody knows, as a 0/1 function."""
        return drawn(self.diagram, [self._guard(guard)])

    def impossible(self) -> int:
        """Return what no packet is: in an unknown set that cannot hold its address, ICMP of a type beyond 255."""
        cubes = list(self._no_type())
        for level, atoms in self.ends:
            for index, name in enumerate(self.unknowns):
                possible = self.possible[name]
                outside = [not overlap(numbers, possible) for numbers in atoms.classes]
                mask = sum(1 << number for number, is_outside in enumerate(outside) if is_outside)
                if mask:
                    cubes.append(((self.unknown_level(level, index), 0b10), (level, mask)))
        return drawn(self.diagram, cubes)

    def _no_type(self) -> tuple[Cube, ...]:
        if _NOT_A_TYPE not in self.destination_ports.bits:
            return ()
        return self.cubes(_BEYOND_TYPES)

    def cubes(self, meaning: MatchMeaning, guard: str | None = None) -> tuple[Cube, ...]:
        """Return the cubes whose union a rule or a row matches."""
        sources = self._end_parts(0, meaning.sources)
        destinations = self._end_parts(1, meaning.destinations)
        guarded = () if guard is None else self._guard(guard)
        return tuple(
            [
                (*reading, *source, *destination, *rest, *guarded)
                for source, destination in product(sources, destinations)
                for reading, rest in self._way_parts(meaning.ways)
            ]
        )

    def _guard(self, guard: str) -> Cube:
        return ((self.guard_level + self.guards.index(guard), 0b10),)

    def _end_parts(self, end: int, terms: tuple[Term, ...]) -> tuple[_Part, ...]:
        """Return what the terms of an end say, without those that hold no address here."""
        key = (end, id(terms))
        known = self._of_ends.get(key)
        if known is None:
            level, atoms = self.ends[end]
            parts = [self._term_part(level, atoms, term) for term in terms]
            known = self._of_ends[key] = terms, tuple(part for part in parts if part is not None)
        return known[1]

    def _term_part(self, level: int, atoms: AtomicSets, term: Term) -> _Part | None:
        classes = atoms.bits[term.ranges]
        if not term.literals:
            return _bits(level, classes, atoms.full) if classes else None
        asked: dict[int, int] = {}
        for name, inside in term.literals:
            asking = self.unknown_level(level, self.unknowns.index(name))
            asked[asking] = asked.get(asking, 0b11) & (0b10 if inside else 0b01)
        if not classes or not all(asked.values()):
            return None
        return *sorted(asked.items()), *_bits(level, classes, atoms.full)

    def _way_parts(self, ways: tuple[ProtocolPorts, ...]) -> tuple[tuple[_Part, _Part], ...]:
        """Return what ways say of the reading, and of protocol and ports."""
        known = self._of_ways.get(id(ways))
        if known is None:
            parts = [(_bits(0, way.readings, EVERY_WAY.readings), self._way_part(way)) for way in ways]
            read = tuple((reading, part) for reading, part in parts if part is not None)
            known = self._of_ways[id(ways)] = ways, read
        return known[1]

    def _way_part(self, way: ProtocolPorts) -> _Part | None:
        level = self.protocol_level
        part = [] if way.protocols == ALL_PROTOCOLS else [(level, way.protocols)]
        ports = ((self.destination_ports, way.destination_ports), (self.source_ports, way.source_ports))
        for atoms, numbers in ports:
            level += 1
            if numbers is not None:
                mask = atoms.bits[numbers]
                if not mask:
                    return None
                if mask != atoms.full:
                    part.append((level, mask))
        return tuple(part) if way.protocols else None


def _bits(level: int, mask: int, full: int) -> _Part:
    return () if mask == full else ((level, mask),)


def drawn(diagram: DecisionDiagram, cubes: Iterable[Cube], without: Iterable[Cube] = ()) -> int:
    """Return the union of cubes, without some others, as a 0/1 function."""
    root = ~0
    for cube in cubes:
        root = diagram.assign(root, cube, 1)
    for cube in without:
        root = diagram.assign(root, cube, 0)
    return root


def encode(chain: FilterChain, mentions: Sequence[Match] = ()) -> Encoding:
    """Return the encoding in which the chain's rules and the mentioned matches can be written."""
    return encode_all([chain], [(match, chain.surroundings) for match in mentions])


def encode_all(chains: Sequence[FilterChain], mentions: Sequence[Mention] = (), guards: Sequence[str] = ()) -> Encoding:
    """Return one encoding in which the rules of several chains can be written, and so be compared.

    Its universe holds that of each chain: `within` says which part that is. Further unknowns, of which nothing depends
    but whether packets pass, are `guards`. Of one chain it is the chain's own.
    """
    filters = _filters(chains)
    matches = [(match, meaning_of(match, where)) for match, where in mentions]
    for each in filters:
        matches += [(rule.match, meaning) for rule, meaning in zip(each.rules, each.meanings, strict=True)]
    meanings = [meaning for _, meaning in matches]
    sources = _distinct([*(meaning.sources for meaning in meanings), *_told(chain.from_among for chain in chains)])
    destinations = _distinct(
        [*(meaning.destinations for meaning in meanings), *_told(chain.to_among for chain in chains)]
    )
    ways = {way for meaning in meanings for way in meaning.ways}
    ports = {way.destination_ports for way in ways if way.destination_ports is not None}
    if any(way.readings == AS_TYPE for way in ways):
        ports.add(_NOT_A_TYPE)
    rules = [each.guard(rule) for each in filters for rule in each.rules]
    whole = _joined(chains)
    return Encoding(
        chain=whole,
        source=atomic_sets(_narrow(whole.sources, whole.destinations), _sets(sources, chains, Direction.OUTBOUND)),
        destination=atomic_sets(
            _narrow(whole.destinations, whole.sources), _sets(destinations, chains, Direction.INBOUND)
        ),
        source_ports=_port_classes(frozenset(way.source_ports for way in ways if way.source_ports is not None)),
        destination_ports=_port_classes(frozenset(ports)),
        unknowns=tuple(sorted({name for term in (*sources, *destinations) for name, _ in term.literals})),
        guards=tuple(dict.fromkeys(guard for guard in (*rules, *guards) if guard is not None)),
        matches=matches,
        terms=(*sources, *destinations),
    )


@lru_cache(maxsize=1024)
def _port_classes(sets: frozenset[Ranges]) -> AtomicSets:
    """Return the classes of ports, which repeat themselves as what rules say of ports does."""
    return atomic_sets(ALL_PORTS, sorted(sets))


def _told(terms: Iterable[Term | None]) -> list[tuple[Term, ...]]:
    return [(term,) for term in terms if term is not None]


def _distinct(named: Sequence[tuple[Term, ...]]) -> list[Term]:
    """Return the terms that are named, those in one and the same tuple once: rules share what they name."""
    return [term for terms in {id(terms): terms for terms in named}.values() for term in terms]


def _filters(chains: Iterable[FilterChain]) -> list[Filter]:
    """Return the filters of chains, each once."""
    return list({id(each): each for chain in chains for each in chain.filters}.values())


def _joined(chains: Sequence[FilterChain]) -> FilterChain:
    if len(chains) == 1:
        return chains[0]
    return FilterChain(
        filters=(),
        surroundings=chains[0].surroundings,
        sources=union((), *(chain.sources for chain in chains)),
        destinations=union((), *(chain.destinations for chain in chains)),
    )


def _sets(terms: Iterable[Term], chains: Sequence[FilterChain], direction: Direction) -> list[Ranges]:
    """Return the sets of addresses that one end of packets is told apart by; the source's is the outbound one."""
    known = [*(term.ranges for term in terms), addresses.IPV4, addresses.IPV6, addresses.ANY]
    return known + [chain.sources if direction is Direction.OUTBOUND else chain.destinations for chain in chains]


def _narrow(own: Ranges, opposite: Ranges) -> Ranges:
    """Return one end without the address family that the opposite end does not have."""
    if not overlap(opposite, addresses.IPV6):
        own = intersection(own, addresses.IPV4)
    if not overlap(opposite, addresses.IPV4):
        own = intersection(own, addresses.IPV6)
    return own
