"""Compare what passes between two ends in two states: the packets gained and lost, as exact sets.

Both states are written in one diagram over one partition of addresses and ports. What nobody knows (the members of a tag,
what an appliance lets through) is one unknown for both, so that what is equally unknown in both makes no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.network.cover import merged_cubes
from auditor.network.drawing import NOTHING
from auditor.network.encoding import MOST_UNKNOWN, Encoding, Mention, drawn, encode_all
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.meaning import meaning_of
from auditor.network.proof import certainties, prove
from auditor.network.security_rules import PROTOCOLS, Access, Match
from auditor.network.trace import EncodedFilter, encode_filter
from auditor.network.ways import PacketWay
from auditor.network.witness import Packet, example
from auditor.truth import Truth

_MARK: Final = "\0"
"""Ends what is shown of the name of an unknown; what follows tells editions of it apart."""
_DOUBT: Final = "doubt:"

RuleName = tuple[str, str]
"""A filter's name and that of a rule in it."""


class PacketCube(Struct, frozen=True):
    """The packets from each source to each destination with each protocol and ports, as texts.

    Ports do not count for protocols without ports.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    protocols: tuple[str, ...]
    ports: tuple[str, ...]
    source_ports: tuple[str, ...]


class PacketChange(Struct, frozen=True):
    """Packets that one state lets through and the other does not; `boxes` are exactly those.

    Not `is_certain`: each of them may be one, which depends on what `assuming` says. `proof`: whether there is one at all.
    `rules` decided about them in the old state, or do in the new one.
    """

    is_certain: bool
    boxes: tuple[PacketCube, ...]
    witness: Packet | None
    assuming: tuple[str, ...]
    proof: Truth
    rules: frozenset[RuleName] = frozenset()


class PacketChanges(Struct, frozen=True):
    """What changed between two ends: at most one certain and one uncertain change in each way."""

    gained: tuple[PacketChange, ...] = ()
    lost: tuple[PacketChange, ...] = ()


NO_CHANGES: Final = PacketChanges()


class WaySet(Struct, frozen=True):
    """The ways between two ends in one state. `editions` tell what firewalls hold that nobody can read, by their names."""

    ways: Sequence[PacketWay] = ()
    editions: Mapping[str, str] = field(default_factory=dict)


def compare(old: WaySet, new: WaySet) -> PacketChanges:
    """Return the packets gained and lost between two ends."""
    states = [[_prepared(way, state.editions) for way in state.ways] for state in (old, new)]
    ways = [way for state in states for way in state]
    if not ways:
        return NO_CHANGES
    doubts = tuple(dict.fromkeys(_doubt(text) for way in ways for text in way.doubts))
    mentions: list[Mention] = [(_row(way), way.chain.surroundings) for way in ways]
    encoding = encode_all([way.chain for way in ways], mentions, doubts)
    if len(encoding.unknowns) + len(encoding.guards) > MOST_UNKNOWN:
        return _undecided(states, encoding)
    before, after = (_State(encoding, state) for state in states)
    if before.root == after.root:
        return NO_CHANGES
    return PacketChanges(
        gained=tuple(_changes(encoding, after.root, before.root, (before, after))),
        lost=tuple(_changes(encoding, before.root, after.root, (before, after))),
    )


def _prepared(way: PacketWay, editions: Mapping[str, str]) -> PacketWay:
    """Return a way whose filters can be decided: what cannot be is a doubt, and what is unreadable has its edition."""
    filters: list[Filter] = []
    doubts = [_without_route_names(text, way) for text in way.doubts]
    for each in way.chain.filters:
        group = each.group
        if group is None:
            continue
        reason = group.undecidable.get(each.direction)
        edition = _edition(each, editions)
        if reason is not None:
            doubts.append(f"what {group.name} lets through ({reason}){edition}")
        else:
            filters.append(replace(each, edition=edition))
    return replace(way, chain=replace(way.chain, filters=tuple(filters)), doubts=tuple(doubts))


def _without_route_names(text: str, way: PacketWay) -> str:
    """Return a doubt without the names of routes, which may change and decide nothing."""
    for hop in way.path.hops:
        if hop.route:
            text = text.replace(f"route {hop.route} ", "a route ")
    return text


def _edition(each: Filter, editions: Mapping[str, str]) -> str:
    parts = [(rule.access, rule.match, rule.unreadable) for rule in each.rules if rule.unreadable]
    own = editions.get(each.name, "") if each.is_firewall else ""
    is_undecidable = each.group is not None and each.direction in each.group.undecidable
    content = repr([parts, own, [(r.priority, r.access, r.match) for r in each.rules] if is_undecidable else []])
    return f"{_MARK}{hashlib.sha256(content.encode()).hexdigest()}"


def _doubt(text: str) -> str:
    return f"{_DOUBT}{text}"


def _row(way: PacketWay) -> Match:
    return replace(way.limit, source=way.source, destination=way.destination)


class _State:
    """What passes in one state, as a 0/1 function."""

    def __init__(self, encoding: Encoding, ways: Sequence[PacketWay]) -> None:
        self.encoding = encoding
        self.filters: dict[int, tuple[Filter, EncodedFilter, int]] = {}
        self.root = ~0
        for way in ways:
            self.root = encoding.diagram.either(self.root, self._passing(way))

    def _passing(self, way: PacketWay) -> int:
        encoding, diagram = self.encoding, self.encoding.diagram
        row = drawn(diagram, encoding.cubes(meaning_of(_row(way), way.chain.surroundings)))
        root = diagram.both(encoding.within(way.chain), row)
        for each in way.chain.filters:
            root = diagram.both(root, self._allowed(each))
        for text in way.doubts:
            root = diagram.both(root, encoding.guarded(_doubt(text)))
        return root

    def _allowed(self, each: Filter) -> int:
        known = self.filters.get(id(each))
        if known is None:
            encoded = encode_filter(self.encoding, each)
            allows = [int(rule.access is Access.ALLOW) for rule in each.rules]
            root = self.encoding.diagram.map_values(encoded.first, [*allows, 0].__getitem__)
            known = self.filters[id(each)] = (each, encoded, root)
        return known[2]

    def deciding(self, where: int) -> Iterator[RuleName]:
        """Yield the rules that decide about some packets."""
        diagram = self.encoding.diagram
        for each, encoded, _ in self.filters.values():
            for index in diagram.values(diagram.keep(encoded.first, where, NOTHING)):
                if index < len(each.rules):
                    yield each.name, each.rules[index].name


def _changes(encoding: Encoding, holds: int, held: int, states: Iterable[_State]) -> Iterator[PacketChange]:
    """Yield the packets of one function that are not in the other: those that are certain, and those that are not."""
    diagram = encoding.diagram
    change = diagram.combine(holds, held, _without)
    if change == ~0:
        return
    unknown = [*encoding.levels.memberships, *range(encoding.guard_level, len(diagram.widths))]
    impossible = encoding.impossible()
    possible = diagram.exists(change, [0, *unknown])
    certain = diagram.both(diagram.forall(diagram.either(change, impossible), [0, *unknown]), possible)
    open_part = diagram.combine(change, certain, _without)
    for root, shown, is_certain in (
        (certain, certain, True),
        (open_part, diagram.exists(open_part, [0, *unknown]), False),
    ):
        if root == ~0:
            continue
        packet = example(encoding, root)
        yield PacketChange(
            is_certain=is_certain,
            boxes=tuple(_boxes(encoding, shown)),
            witness=packet,
            assuming=() if is_certain or packet is None else tuple(map(_in_words, packet.assuming)),
            proof=Truth.YES if is_certain else prove(diagram, certainties(encoding), root).truth,
            rules=frozenset(name for state in states for name in state.deciding(root)),
        )


def _without(left: int, right: int) -> int | None:
    if left == ~0 or right == ~1:
        return ~0
    return left if right == ~0 else None


def _in_words(text: str) -> str:
    """Return an assumption without our own marks; a doubt is said as such."""
    start, found, rest = text.partition(f"unreadable rule {_DOUBT}")
    if found:
        doubt = rest.partition(_MARK)[0].removesuffix(" matches").removesuffix(" does not match")
        return f"{start}it is not known {doubt}"
    shown, mark, rest = text.partition(_MARK)
    return f"{shown}{rest[64:]}" if mark else text


def _boxes(encoding: Encoding, root: int) -> Iterator[PacketCube]:
    for masks in merged_cubes(encoding.diagram, root):
        source, destination, protocol = (
            masks[encoding.source_level],
            masks[encoding.destination_level],
            masks[encoding.protocol_level],
        )
        yield PacketCube(
            sources=tuple(addresses.prefixes(encoding.source.ranges(source))),
            destinations=tuple(addresses.prefixes(encoding.destination.ranges(destination))),
            protocols=tuple(name for place, name in enumerate(PROTOCOLS) if protocol >> place & 1),
            ports=ports_text(encoding.destination_ports.ranges(masks[encoding.protocol_level + 1])),
            source_ports=ports_text(encoding.source_ports.ranges(masks[encoding.protocol_level + 2])),
        )


def ports_text(numbers: Ranges) -> tuple[str, ...]:
    """Return ports as texts: `443`, `8000-8080`."""
    return tuple(str(low) if high - low == 1 else f"{low}-{high - 1}" for low, high in numbers)


def _undecided(states: Sequence[Sequence[PacketWay]], encoding: Encoding) -> PacketChanges:
    """Return that nobody knows what changed, where so much is unknown that it cannot be decided."""
    contents = [sorted(repr((_content(way.chain), _row(way), way.doubts)) for way in state) for state in states]
    if contents[0] == contents[1]:
        return NO_CHANGES
    many = len(encoding.unknowns) + len(encoding.guards)
    diagram = encoding.diagram
    root = diagram.exists(encoding.universe(), [0])
    packet = example(encoding, root)
    change = PacketChange(
        is_certain=False,
        boxes=tuple(_boxes(encoding, root)),
        witness=packet,
        assuming=(f"{many} unknown tags, groups and rules at once",),
        proof=Truth.UNKNOWN,
    )
    return PacketChanges((change,), (change,))


def _content(chain: FilterChain) -> object:
    ends = (chain.sources, chain.destinations, chain.from_among, chain.to_among)
    return ends, [each.content for each in chain.filters]
