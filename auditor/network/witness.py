"""Pick one packet from a set, as plain an example as there is, and ask what happens to a given packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, holds, intersection
from auditor.network.atomic_sets import AtomicSets
from auditor.network.decision_diagram import Cube
from auditor.network.diagram_reading import paths, values_in
from auditor.network.encoding import READINGS, Encoding
from auditor.network.security_rules import PROTOCOLS, WITH_PORTS
from auditor.network.trace import DecidedPackets, DecidingRule, Disposition

_PORTS: Final = (443, 22, 3389, 80, 445, 1433, 8080, 53)
_SOURCE_PORTS: Final = (49152, 1024, 65535)


class Probe(NamedTuple):
    """A packet in numbers: addresses by place on the line, the protocol by place in `PROTOCOLS`."""

    source: int
    destination: int
    protocol: int
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """An example, and what has to be true of the unknown for it to be one. Ports are None for ICMP, ESP and AH.

    `path` names the rules that decide about it, in the order in which they are asked.
    """

    source: str
    destination: str
    protocol: str
    source_port: int | None = None
    destination_port: int | None = None
    assuming: tuple[str, ...] = ()
    path: tuple[DecidingRule, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the packet as a JSON object."""
        found: dict[str, object] = {"source": self.source, "destination": self.destination, "protocol": self.protocol}
        if self.source_port is not None:
            found["source_port"] = self.source_port
        if self.destination_port is not None:
            found["destination_port"] = self.destination_port
        found |= {"assuming": list(self.assuming)} if self.assuming else {}
        return found | ({"path": [_step(one) for one in self.path]} if self.path else {})


def _step(one: DecidingRule) -> dict[str, object]:
    return {
        "access": one.rule.access.value,
        "default": not one.rule.is_custom,
        "direction": one.rule.direction.value,
        "filter": one.layer,
        "priority": one.rule.priority,
        "rule": one.rule.name,
    }


def example(scene: Encoding, root: int) -> Packet | None:
    """Return a packet of a 0/1 function; TCP on a known port between likely addresses, if there is one."""
    best: tuple[int, Cube] | None = None
    for count, (box, _) in enumerate(paths(scene.diagram, root, 0)):
        score = _score(scene, dict(box))
        if best is None or score < best[0]:
            best = (score, box)
        if score == 0 or count > 500:
            break
    return None if best is None else _packet(scene, dict(best[1]))


def _score(scene: Encoding, wanted: dict[int, int]) -> int:
    score = sum(1 for level, mask in wanted.items() if mask == 0b10 and _is_assumption(scene, level))
    for level, cut in ((scene.source_level, scene.source), (scene.destination_level, scene.destination)):
        if not _likely(cut, wanted.get(level, cut.full)):
            score += 8
    if not wanted.get(scene.protocol_level, 1) & WITH_PORTS:
        score += 2
    return score


def _is_assumption(scene: Encoding, level: int) -> bool:
    return (0 < level < scene.destination_level and level != scene.source_level) or level >= scene.guard_level


def _likely(cut: AtomicSets, bits: int) -> Ranges:
    return difference(cut.ranges(bits), addresses.RARE)


def _packet(scene: Encoding, wanted: dict[int, int]) -> Packet:
    many = len(scene.unknowns)
    ends: list[int] = []
    for level, cut in ((scene.source_level, scene.source), (scene.destination_level, scene.destination)):
        is_member = any(wanted.get(place) == 0b10 for place in range(level - many, level))
        ends.append(_address(cut, wanted.get(level), avoid=ends[0] if ends else -1, is_member=is_member))
    source, destination = ends
    bits = wanted.get(scene.protocol_level, (1 << len(PROTOCOLS)) - 1)
    protocol = (bits & -bits).bit_length() - 1
    ports: tuple[int | None, int | None] = (None, None)
    if 1 << protocol & WITH_PORTS:
        ports = (
            _port(scene.source_ports, wanted.get(scene.protocol_level + 2), _SOURCE_PORTS),
            _port(scene.destination_ports, wanted.get(scene.protocol_level + 1), _PORTS),
        )
    assuming = tuple(assumptions(scene, wanted))
    return Packet(addresses.text(source), addresses.text(destination), PROTOCOLS[protocol], *ports, assuming)


def assumptions(scene: Encoding, wanted: dict[int, int]) -> list[str]:
    """Return what a box assumes about the unknown, in words."""
    found: list[str] = []
    for first, end in ((1, "source"), (scene.source_level + 1, "destination")):
        for place, name in enumerate(scene.unknowns):
            mask = wanted.get(first + place, 0b11)
            if mask != 0b11:
                found.append(f"{end} is {'in' if mask == 0b10 else 'not in'} {scene.label(name)}")
    for place, name in enumerate(scene.guards):
        mask = wanted.get(scene.guard_level + place, 0b11)
        if mask != 0b11:
            found.append(f"unreadable rule {name} {'matches' if mask == 0b10 else 'does not match'}")
    reading = wanted.get(0, 0b111)
    if reading != 0b111:
        ways = [way for place, way in enumerate(READINGS) if reading >> place & 1]
        found.append(f"Azure treats ports of protocols without ports as {' or '.join(ways)}")
    return found


def _address(cut: AtomicSets, bits: int | None, *, avoid: int, is_member: bool) -> int:
    """Return a likely address of some classes: one that everybody knows, unless it is to be in an unknown set."""
    numbers = cut.ranges(cut.full if bits is None else bits)
    known = intersection(numbers, addresses.STRANGERS)
    if known and not is_member:
        return next((start for start, _ in known if start != avoid), known[0][0])
    numbers = difference(numbers, addresses.RARE) or numbers
    start, end = max(numbers, key=_likelihood)
    if end - start > 8:
        return start + 4 if start + 4 != avoid else start + 5
    return start if start != avoid or end - start == 1 else start + 1


def _likelihood(piece: tuple[int, int]) -> tuple[bool, int, int]:
    return holds(addresses.PUBLIC, piece[0]), min(piece[1] - piece[0], 256), -piece[0]


def _port(cut: AtomicSets, bits: int | None, wanted: Sequence[int]) -> int:
    numbers = cut.ranges(cut.full if bits is None else bits)
    return next((port for port in wanted if holds(numbers, port)), numbers[0][0])


def probe(packet: Packet) -> Probe:
    """Return an example in numbers."""
    ends = [addresses.must_parse(text)[0][0] for text in (packet.source, packet.destination)]
    return Probe(
        ends[0], ends[1], PROTOCOLS.index(packet.protocol), packet.source_port or 0, packet.destination_port or 0
    )


def fates(decided: DecidedPackets, packet: Probe) -> list[Disposition]:
    """Return what can happen to one packet: one fate if it is certain, none if the packet is not on this path."""
    return [decided.table[place] for place in sorted(values_for(decided.scene, decided.root, packet))]


def values_for(scene: Encoding, root: int, packet: Probe) -> frozenset[int]:
    """Return the values that a diagram can have for one packet."""
    wanted = {scene.protocol_level: 1 << packet.protocol}
    for level, cut, number in (
        (scene.source_level, scene.source, packet.source),
        (scene.destination_level, scene.destination, packet.destination),
        (scene.protocol_level + 1, scene.destination_ports, packet.destination_port),
        (scene.protocol_level + 2, scene.source_ports, packet.source_port),
    ):
        place = next((place for place, numbers in enumerate(cut.classes) if holds(numbers, number)), None)
        if place is None:
            return frozenset()
        wanted[level] = 1 << place
    return values_in(scene.diagram, root, tuple(sorted(wanted.items())))
