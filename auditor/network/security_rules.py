"""Read security rules and groups as ARM spells them; what cannot be read is named, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, normal, union


class Direction(StrEnum):
    """Which way a rule looks, seen from the subnet or interface it guards."""

    INBOUND = "Inbound"
    OUTBOUND = "Outbound"


class Access(StrEnum):
    """What a rule does."""

    ALLOW = "Allow"
    DENY = "Deny"


PROTOCOLS: Final = ("Tcp", "Udp", "Icmp", "Esp", "Ah")
"""The protocols that a rule can tell apart; their indexes in this tuple are their bits."""
ALL_PROTOCOLS: Final = (1 << len(PROTOCOLS)) - 1
WITH_PORTS: Final = 0b00011
_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp", "50": "esp", "51": "ah"}
ALL_PORTS: Final[Ranges] = ((0, 65536),)
_OF_A_MATCH: Final = (
    "protocol",
    *(
        f"{end}{name}"
        for end in ("source", "destination")
        for name in ("addressprefix", "addressprefixes", "applicationsecuritygroups", "portrange", "portranges")
    ),
)
"""The names of the properties that say what a rule matches, in lower case."""
_ANY_WORDS: Final = frozenset({"*", "any"})
_TAG_ALIASES: Final = {
    "virtual_network": "VirtualNetwork",
    "internet": "Internet",
    "azure_loadbalancer": "AzureLoadBalancer",
    "virtualnetwork": "VirtualNetwork",
    "azureloadbalancer": "AzureLoadBalancer",
}


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A name for addresses that a rule does not spell out: a service tag, or an application security group by id.

    `key` compares, `label` is shown.
    """

    key: str
    label: str = field(compare=False)
    is_group: bool = False


class Side(Struct, frozen=True, cache_hash=True):
    """The addresses that one side of a rule names: literal ones, and symbols."""

    ranges: Ranges = ()
    symbols: tuple[Symbol, ...] = ()


ANYWHERE: Final = Side(addresses.ANY)
NOBODY: Final = Side()
NETWORK_SPACE: Final = Symbol("network-space", "virtual network")
"""The virtual network, its peers and what its gateway teaches: VirtualNetwork without prefixes of routes. No rule names it."""


class Match(Struct, frozen=True):
    """A cube of packets: the product of its five sides. `protocols` is a set of bits (`PROTOCOLS`).

    `names_ports`: ports are spelled out at one side, even if they add up to all of them; what that means for protocols
    without ports is not documented.
    """

    source: Side = ANYWHERE
    destination: Side = ANYWHERE
    protocols: int = ALL_PROTOCOLS
    source_ports: Ranges = ALL_PORTS
    destination_ports: Ranges = ALL_PORTS
    names_ports: bool = False


class SecurityRule(Struct, frozen=True):
    """One security rule.

    `unreadable` names the parts of the match that could not be read: it matches some packets then, nobody knows which.
    `is_custom` tells a customer's rule from the service's own default.
    """

    name: str
    priority: int
    direction: Direction
    access: Access
    match: Match
    is_custom: bool = True
    unreadable: tuple[str, ...] = ()


class SecurityGroup(Struct, frozen=True):
    """A security group: its rules by direction, in the order in which they are asked.

    `undecidable` says of a direction why its order or effect cannot be known at all. `id` is that of its resource; empty
    for rules that are none of a group's.
    """

    name: str
    rules: Mapping[Direction, tuple[SecurityRule, ...]]
    undecidable: Mapping[Direction, str] = msgspec.field(default_factory=dict)
    id: str = ""


def parse_match(body: Mapping[str, object]) -> tuple[Match, tuple[str, ...]]:
    """Read the five sides of a rule's properties; the second value names the sides that could not be read.

    A side without any value is unreadable, never "any"; an unreadable side is taken as wide as it can be.
    """
    return match_of({str(key).lower(): value for key, value in body.items()})


def match_of(low: Mapping[str, object]) -> tuple[Match, tuple[str, ...]]:
    """Read the five sides of a rule's properties, as `parse_match` does, by their names in lower case."""
    stated = tuple(map(low.get, _OF_A_MATCH))
    sides = tuple([tuple(value) if type(value) is list else value for value in stated[1:]])
    if isinstance(stated[0], str) and all(map(_is_text, sides)):
        return _match_of_texts((stated[0], *sides))
    source = _side("source", *stated[1:4])
    destination = _side("destination", *stated[6:9])
    ports = _ports("source", *stated[4:6]), _ports("destination", *stated[9:])
    return _joined_match(source, destination, _protocols(stated[0]), ports)


def _is_text(value: object) -> bool:
    return value is None or type(value) is str or (type(value) is tuple and all(type(item) is str for item in value))


@lru_cache(maxsize=4096)
def _match_of_texts(stated: tuple[object, ...]) -> tuple[Match, tuple[str, ...]]:
    """Return what texts and lists of texts mean: rules repeat themselves from group to group, and their sides more often."""
    source = _known_side("source", *stated[1:4])
    destination = _known_side("destination", *stated[6:9])
    ports = _known_ports("source", *stated[4:6]), _known_ports("destination", *stated[9:])
    return _joined_match(source, destination, _known_protocols(stated[0]), ports)


_ReadSide: TypeAlias = tuple[Side, tuple[str, ...]]
_ReadPorts: TypeAlias = tuple[Ranges, bool, tuple[str, ...]]


def _joined_match(
    source: _ReadSide,
    destination: _ReadSide,
    protocols: tuple[int, tuple[str, ...]],
    ports: tuple[_ReadPorts, _ReadPorts],
) -> tuple[Match, tuple[str, ...]]:
    (source_ports, names_source, lost), (destination_ports, names_destination, also_lost) = ports
    problems = (*source[1], *destination[1], *protocols[1], *lost, *also_lost)
    names_ports = names_source or names_destination
    return Match(source[0], destination[0], protocols[0], source_ports, destination_ports, names_ports), problems


def _values(name: str, singular: object, plural: object, problems: list[str]) -> list[str]:
    """Return the texts of a singular field and its plural; empty and absent mean nothing, numbers count as texts."""
    texts: list[str] = []
    for is_plural, value in enumerate((singular, plural)):
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
                texts.append(str(item).strip())
            elif item is not None:
                problems.append(f"{_plural(name) if is_plural else name}: {_short(item)}")
    return [text for text in texts if text]


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith("x") else f"{name}s"


def _side(end: str, prefix: object, prefixes: object, groups: object) -> _ReadSide:
    """Return the addresses of one side, and what of it could not be read."""
    problems: list[str] = []
    ranges: list[Ranges] = []
    symbols: list[Symbol] = []
    for text in _values(f"{end}addressprefix", prefix, prefixes, problems):
        known = addresses.ANY if text.lower() in _ANY_WORDS else addresses.parse(text)
        if known is not None:
            ranges.append(known)
        elif is_tag(text):
            symbols.append(tag(text))
        else:
            problems.append(f"{end} address {_short(text)}")
    for group in groups if isinstance(groups, list | tuple) else [groups]:
        own = group.items() if isinstance(group, Mapping) else ()
        reference = next((value for name, value in own if str(name).lower() == "id"), None)
        if isinstance(reference, str) and reference:
            symbols.append(application_group(reference))
        elif group is not None:
            problems.append(f"{end} application security group {_short(group)}")
    if not ranges and not symbols and not problems:
        problems.append(f"no {end} address")
    if problems:
        return ANYWHERE, tuple(problems)
    return Side(union(*ranges) if ranges else (), tuple(sorted(set(symbols)))), ()


_known_side: Final = lru_cache(maxsize=4096)(_side)


@lru_cache(maxsize=4096)
def tag(text: str) -> Symbol:
    """Return a service tag by name, in any case and in its old spellings."""
    name = _TAG_ALIASES.get(text.lower(), text)
    return Symbol(name.lower(), name)


def application_group(reference: str) -> Symbol:
    """Return an application security group by id."""
    return Symbol(reference.rstrip("/").lower(), reference.rstrip("/").rpartition("/")[2], is_group=True)


def is_tag(text: str) -> bool:
    """Whether a text reads as a service tag: a word, with parts after dots or underscores."""
    return text[:1].isalpha() and text.replace(".", "").replace("_", "").isalnum() and text.isascii()


def _protocols(value: object) -> tuple[int, tuple[str, ...]]:
    """Return the protocols that a text or number names, and what of it could not be read."""
    text = str(value).strip().lower() if isinstance(value, str | int) and not isinstance(value, bool) else None
    if text in _ANY_WORDS:
        return ALL_PROTOCOLS, ()
    name = _NUMBERS.get(text or "", text)
    for index, known in enumerate(PROTOCOLS):
        if name == known.lower():
            return 1 << index, ()
    return ALL_PROTOCOLS, ("no protocol" if value in (None, "") else f"protocol {_short(value)}",)


_known_protocols: Final = lru_cache(maxsize=256)(_protocols)


def _ports(end: str, singular: object, plural: object) -> _ReadPorts:
    """Return the ports of one side, whether they are spelled out, and what of them could not be read."""
    problems: list[str] = []
    spans: list[tuple[int, int]] = []
    for text in _values(f"{end}portrange", singular, plural, problems):
        span = parse_ports(text)
        if span is None:
            problems.append(f"{end} port {_short(text)}")
        else:
            spans.append(span)
    if not spans and not problems:
        problems.append(f"no {end} port")
    if problems:
        return ALL_PORTS, False, tuple(problems)
    return normal(spans), ALL_PORTS[0] not in spans, ()


_known_ports: Final = lru_cache(maxsize=4096)(_ports)


@lru_cache(maxsize=4096)
def parse_ports(text: str) -> tuple[int, int] | None:
    """Return a port, range or `*` as (first, last + 1), or None where it is none of them."""
    if text.strip() == "*":
        return ALL_PORTS[0]
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
        return None
    low, high = int(first), int(last) if dash else int(first)
    return (low, high + 1) if low <= high <= 65535 else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def spelled(rules: Iterable[SecurityRule]) -> Iterator[Side]:
    """Yield every side that the rules name."""
    for rule in rules:
        yield rule.match.source
        yield rule.match.destination


def by_priority(rules: Sequence[SecurityRule]) -> tuple[SecurityRule, ...]:
    """Return the rules in the order in which they are asked."""
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.is_custom is False, rule.name.lower())))
