"""What a match means where it stands: the addresses of its ends, and how it treats protocols and ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

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


class Meaning(NamedTuple):
    """The packets of a match: of each pair of terms, in each way."""

    sources: tuple[Term, ...]
    destinations: tuple[Term, ...]
    ways: tuple[ProtocolPorts, ...]


def meaning_of(match: Match, surroundings: Surroundings) -> Meaning:
    """Return what a match means in some surroundings."""
    return Meaning(surroundings.terms(match.source), surroundings.terms(match.destination), tuple(_ways(match)))


def _ways(match: Match) -> Iterator[ProtocolPorts]:
    """Yield how a match treats protocols and ports, once per reading that makes a difference."""
    if not match.names_ports:
        yield ProtocolPorts(EVERY_WAY.readings, match.protocols)
        return
    if with_ports := match.protocols & WITH_PORTS:
        yield ProtocolPorts(EVERY_WAY.readings, with_ports, match.source_ports, match.destination_ports)
    if without := match.protocols & ~WITH_PORTS:
        yield ProtocolPorts(IGNORED, without)
    types = intersection(match.destination_ports, TYPES)
    if types and match.protocols & ICMP:
        yield ProtocolPorts(AS_TYPE, ICMP, None, types)
