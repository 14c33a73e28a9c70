"""Pick one packet from a set, as plain an example as there is, and look up what a diagram says of a given packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import difference, holds, intersection
from auditor.network.decision_diagram import Cube
from auditor.network.encoding import AtomicSets, Encoding
from auditor.network.meaning import READINGS
from auditor.network.security_rules import PROTOCOLS, WITH_PORTS
from auditor.network.trace import DecidingRule

_PORTS: Final = (443, 22, 3389, 80, 445, 1433, 8080, 53)
_SOURCE_PORTS: Final = (49152, 1024, 65535)
_MOST_CUBES: Final = 500


class PacketNumbers(NamedTuple):
    """A packet in numbers: addresses by position on the line, the protocol by index in `PROTOCOLS`."""

    source: int
    destination: int
    protocol: int
    source_port: int = 0
    destination_port: int = 0


class Packet(Struct, frozen=True):
    """An example, and what has to be true of the unknown for it to be one. Ports are None for ICMP, ESP and AH.

    `deciders` are the rules that decide about it, in the order in which they are asked.
    """

    source: str
    destination: str
    protocol: str
    source_port: int | None = None
    destination_port: int | None = None
    assuming: tuple[str, ...] = ()
    deciders: tuple[DecidingRule, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the packet as a JSON object."""
        body: dict[str, object] = {"source": self.source, "destination": self.destination, "protocol": self.protocol}
        if self.source_port is not None:
            body["source_port"] = self.source_port
        if self.destination_port is not None:
            body["destination_port"] = self.destination_port
        body |= {"assuming": list(self.assuming)} if self.assuming else {}
        return body | ({"path": [_decider_json(decider) for decider in self.deciders]} if self.deciders else {})


def _decider_json(decider: DecidingRule) -> dict[str, object]:
    held = {"holder": decider.group_id} if decider.group_id else {}
    return held | {
        "access": decider.rule.access.value,
        "default": not decider.rule.is_custom,
        "direction": decider.direction,
        "filter": decider.filter,
        "priority": decider.rule.priority,
        "rule": decider.rule.name,
    }


def example(encoding: Encoding, root: int) -> Packet | None:
    """Return a packet of a 0/1 function; TCP on a known port between likely addresses, if there is one."""
    best: tuple[int, Cube] | None = None
    for count, cube in enumerate(encoding.diagram.iter_cubes(root)):
        score = _score(encoding, dict(cube))
        if best is None or score < best[0]:
            best = (score, cube)
        if score == 0 or count > _MOST_CUBES:
            break
    return None if best is None else _packet(encoding, dict(best[1]))


def _score(encoding: Encoding, masks: Mapping[int, int]) -> int:
    """Return how odd an example from a cube would be: with assumptions, rare addresses or a protocol without ports."""
    score = sum(1 for level, mask in masks.items() if mask == 0b10 and _is_assumption(encoding, level))
    for level, atoms in encoding.ends:
        if not difference(atoms.ranges(masks.get(level, atoms.full)), addresses.RARE):
            score += 8
    if not masks.get(encoding.protocol_level, 1) & WITH_PORTS:
        score += 2
    return score


def _is_assumption(encoding: Encoding, level: int) -> bool:
    is_membership = 0 < level < encoding.destination_level and level != encoding.source_level
    return is_membership or level >= encoding.guard_level


def _packet(encoding: Encoding, masks: Mapping[int, int]) -> Packet:
    many = len(encoding.unknowns)
    ends: list[int] = []
    for level, atoms in encoding.ends:
        is_member = any(masks.get(membership) == 0b10 for membership in range(level - many, level))
        ends.append(_address(atoms, masks.get(level), avoid=ends[0] if ends else -1, is_member=is_member))
    source, destination = ends
    bits = masks.get(encoding.protocol_level, (1 << len(PROTOCOLS)) - 1)
    protocol = (bits & -bits).bit_length() - 1
    ports: tuple[int | None, int | None] = (None, None)
    if 1 << protocol & WITH_PORTS:
        ports = (
            _port(encoding.source_ports, masks.get(encoding.protocol_level + 2), _SOURCE_PORTS),
            _port(encoding.destination_ports, masks.get(encoding.protocol_level + 1), _PORTS),
        )
    assuming = tuple(assumptions(encoding, masks))
    return Packet(addresses.text(source), addresses.text(destination), PROTOCOLS[protocol], *ports, assuming)


def assumptions(encoding: Encoding, masks: Mapping[int, int]) -> list[str]:
    """Return what a cube, given as masks by level, assumes about the unknown, in words."""
    assumed: list[str] = []
    for (level, _), end in zip(encoding.ends, ("source", "destination"), strict=True):
        for index, name in enumerate(encoding.unknowns):
            mask = masks.get(encoding.unknown_level(level, index), 0b11)
            if mask != 0b11:
                assumed.append(f"{end} is {'in' if mask == 0b10 else 'not in'} {encoding.label(name)}")
    for index, name in enumerate(encoding.guards):
        mask = masks.get(encoding.guard_level + index, 0b11)
        if mask != 0b11:
            assumed.append(f"unreadable rule {name} {'matches' if mask == 0b10 else 'does not match'}")
    reading = masks.get(0, 0b111)
    if reading != 0b111:
        ways = [way for index, way in enumerate(READINGS) if reading >> index & 1]
        assumed.append(f"Azure treats ports of protocols without ports as {' or '.join(ways)}")
    return assumed


def _address(atoms: AtomicSets, bits: int | None, *, avoid: int, is_member: bool) -> int:
    """Return a likely address of some classes: one that everybody knows, unless it is to be in an unknown set."""
    numbers = atoms.ranges(atoms.full if bits is None else bits)
    known = intersection(numbers, addresses.STRANGERS)
    if known and not is_member:
        return next((start for start, _ in known if start != avoid), known[0][0])
    numbers = difference(numbers, addresses.RARE) or numbers
    start, end = max(numbers, key=_likelihood)
    if end - start > 8:
        return start + 4 if start + 4 != avoid else start + 5
    return start if start != avoid or end - start == 1 else start + 1


def _likelihood(span: tuple[int, int]) -> tuple[bool, int, int]:
    return holds(addresses.PUBLIC, span[0]), min(span[1] - span[0], 256), -span[0]


def _port(atoms: AtomicSets, bits: int | None, likely: Sequence[int]) -> int:
    numbers = atoms.ranges(atoms.full if bits is None else bits)
    return next((port for port in likely if holds(numbers, port)), numbers[0][0])


def numbers_of(packet: Packet) -> PacketNumbers:
    """Return an example in numbers."""
    source, destination = (addresses.must_parse(text)[0][0] for text in (packet.source, packet.destination))
    return PacketNumbers(
        source, destination, PROTOCOLS.index(packet.protocol), packet.source_port or 0, packet.destination_port or 0
    )


def values_for(encoding: Encoding, root: int, packet: PacketNumbers) -> frozenset[int]:
    """Return the values that a diagram can have for one packet."""
    masks = {encoding.protocol_level: 1 << packet.protocol}
    for level, atoms, number in (
        (encoding.source_level, encoding.source, packet.source),
        (encoding.destination_level, encoding.destination, packet.destination),
        (encoding.protocol_level + 1, encoding.destination_ports, packet.destination_port),
        (encoding.protocol_level + 2, encoding.source_ports, packet.source_port),
    ):
        index = next((index for index, numbers in enumerate(atoms.classes) if holds(numbers, number)), None)
        if index is None:
            return frozenset()
        masks[level] = 1 << index
    return encoding.diagram.values_in(root, tuple(sorted(masks.items())))
