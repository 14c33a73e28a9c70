"""What a match means where it stands: the addresses of its ends, and how it treats protocols and ports."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from auditor.azure.ranges import Ranges, intersection
from auditor.network.address_book import Literals, Surroundings, Term
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


_TermShape: TypeAlias = tuple[int, Literals, bool]


class MatchMeaning(NamedTuple):
    """The packets of a match: of each pair of terms, in each way."""

    sources: tuple[Term, ...]
    destinations: tuple[Term, ...]
    ways: tuple[ProtocolPorts, ...]


_WayShape: TypeAlias = tuple[int, int, int | None, int | None]


class MatchShape(NamedTuple):
    """A match without its numbers: how many spans its terms and ways have, and what else they say."""

    sources: tuple[_TermShape, ...]
    destinations: tuple[_TermShape, ...]
    ways: tuple[_WayShape, ...]


def meaning_of(match: Match, surroundings: Surroundings) -> MatchMeaning:
    """Return what a match means in some surroundings."""
    ways = _ways(match.protocols, match.source_ports, match.destination_ports, match.names_ports)
    return MatchMeaning(surroundings.terms(match.source), surroundings.terms(match.destination), ways)


def shape_of(meaning: MatchMeaning) -> tuple[MatchShape, list[int], tuple[int, ...]]:
    """Return the shape of what a match means, and the ends of its spans in their order: of addresses, and of ports."""
    ends = [
        end
        for terms in (meaning.sources, meaning.destinations)
        for term in terms
        for span in term.ranges
        for end in span
    ]
    ways, ports = _way_shapes(meaning.ways)
    return MatchShape(_term_shapes(meaning.sources), _term_shapes(meaning.destinations), ways), ends, ports


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


def _term_shapes(terms: tuple[Term, ...]) -> tuple[_TermShape, ...]:
    return tuple((len(term.ranges), term.literals, term.is_inhabited) for term in terms)


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
