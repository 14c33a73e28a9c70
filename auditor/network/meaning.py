"""What a match means where it stands: the addresses of its ends, and how it treats protocols and ports."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from auditor.azure.ranges import Ranges, intersection
from auditor.network.address_book import Surroundings, Term
from auditor.network.security_rules import ALL_PROTOCOLS, PROTOCOLS, WITH_PORTS, Match

READINGS: Final = ("ignored", "never matching", "ICMP type")
"""What Azure may do with a rule's ports when the protocol has none; not documented, so answers must hold in all."""
IGNORED: Final = 0b001
AS_TYPE: Final = 0b100
ICMP: Final = 1 << PROTOCOLS.index("Icmp")
TYPES: Final[Ranges] = ((0, 256),)


class ProtocolPorts(NamedTuple):
    """Which protocols and ports a match takes under some readings; None: the port does not matter."""

    readings: int
    protocols: int
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None


EVERY_WAY: Final = ProtocolPorts(0b111, ALL_PROTOCOLS)


class MatchMeaning(NamedTuple):
    """The packets of a match: of each pair of terms, in each way."""

    sources: tuple[Term, ...]
    destinations: tuple[Term, ...]
    ways: tuple[ProtocolPorts, ...]


def meaning_of(match: Match, surroundings: Surroundings) -> MatchMeaning:
    """Return what a match means in some surroundings."""
    ways = _ways(match.protocols, match.source_ports, match.destination_ports, match.names_ports)
    return MatchMeaning(surroundings.terms(match.source), surroundings.terms(match.destination), ways)


class MatchShapes:
    """Matches without their numbers, but for how many spans there are; what several have in common is told once.

    `ends` are the ends of all spans of addresses in their order, and `ports` those of ports.
    """

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.ports: list[int] = []
        self._places: dict[int, int] = {}
        self._told: list[tuple[object, object]] = []  # a part is known by its identity, and so must stay

    def add(self, meaning: MatchMeaning) -> tuple[int, int, int]:
        """Return the places of what a match means among the `parts`."""
        return self._side(meaning.sources), self._side(meaning.destinations), self._ways(meaning.ways)

    @property
    def parts(self) -> tuple[object, ...]:
        """Return the sides and ways of all matches without their numbers."""
        return tuple([shape for _, shape in self._told])

    def _side(self, terms: tuple[Term, ...]) -> int:
        place = self._places.get(id(terms))
        if place is None:
            shape = tuple([(len(term.ranges), term.literals, term.is_inhabited) for term in terms])
            place = self._tell(terms, shape)
            for term in terms:
                self.ends.extend(chain.from_iterable(term.ranges))
        return place

    def _ways(self, ways: tuple[ProtocolPorts, ...]) -> int:
        place = self._places.get(id(ways))
        if place is None:
            shapes, ports = _way_shapes(ways)
            place = self._tell(ways, shapes)
            self.ports += ports
        return place

    def _tell(self, part: object, shape: object) -> int:
        place = self._places[id(part)] = len(self._told)
        self._told.append((part, shape))
        return place


_WayShape: TypeAlias = tuple[int, int, int | None, int | None]


@lru_cache(maxsize=4096)
def _way_shapes(ways: tuple[ProtocolPorts, ...]) -> tuple[tuple[_WayShape, ...], tuple[int, ...]]:
    """Return the shapes of ways, and the ends of their spans of ports."""
    shapes: list[_WayShape] = []
    ends: list[int] = []
    for way in ways:
        sides = (way.source_ports, way.destination_ports)
        ends += (end for ports in sides if ports is not None for span in ports for end in span)
        counts = [None if ports is None else len(ports) for ports in sides]
        shapes.append((way.readings, way.protocols, counts[0], counts[1]))
    return tuple(shapes), tuple(ends)


@lru_cache(maxsize=4096)
def _ways(protocols: int, sources: Ranges, destinations: Ranges, names_ports: bool) -> tuple[ProtocolPorts, ...]:  # noqa: FBT001 - a key
    """Return how a match treats protocols and ports, once per reading that makes a difference; equal ones are the same."""
    if not names_ports:
        return (ProtocolPorts(EVERY_WAY.readings, protocols),)
    ways: list[ProtocolPorts] = []
    if with_ports := protocols & WITH_PORTS:
        ways.append(ProtocolPorts(EVERY_WAY.readings, with_ports, sources, destinations))
    if without := protocols & ~WITH_PORTS:
        ways.append(ProtocolPorts(IGNORED, without))
    types = intersection(destinations, TYPES)
    if types and protocols & ICMP:
        ways.append(ProtocolPorts(AS_TYPE, ICMP, None, types))
    return tuple(ways)
