"""Describe sets of addresses, ports and packets in the fewest words a person needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

from msgspec import Struct, field

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, is_within, size
from auditor.network.decision_diagram import Cube
from auditor.network.drawing import NOTHING
from auditor.network.encoding import AtomicSets, Encoding
from auditor.network.meaning import TYPES
from auditor.network.search import SearchResult
from auditor.network.security_rules import ALL_PORTS, ALL_PROTOCOLS, PROTOCOLS, WITH_PORTS
from auditor.network.witness import assumptions

_MOST_TERMS: Final = 8
_MOST_EXCEPTIONS: Final = 3


class Sentence(Struct, frozen=True):
    """One part of an answer: traffic in words, and the rules that decide about it, by filter and name.

    `defaults` are the filters in which one of Azure's default rules decides.
    """

    traffic: str
    rules: tuple[tuple[str, str], ...]
    defaults: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the whole sentence."""
        if len(self.rules) < 2:
            return self.traffic + "".join(f", by {self._kind(filter_name)} {name}" for filter_name, name in self.rules)
        deciders = (f"{self._kind(filter_name)} {name} of {filter_name}" for filter_name, name in self.rules)
        return f"{self.traffic}, by {' and '.join(deciders)}"

    def _kind(self, filter_name: str) -> str:
        return "Azure's default rule" if filter_name in self.defaults else "rule"


class AddressNames(Struct, frozen=True):
    """What address sets are called: `here` is not mentioned, `known` sets go by name, the rest is spelled out.

    `is_pair`: both ends are given, so that an end is mentioned only where it is a part of the whole.
    """

    known: Mapping[str, Ranges] = field(default_factory=dict)
    here: Ranges = ()
    is_pair: bool = False


def sentences(result: SearchResult, names: AddressNames) -> tuple[Sentence, ...]:
    """Return the answering packets in few sentences, grouped by deciding rules; what holds on a condition comes last."""
    if result.decided is None:
        return ()
    decided = result.decided
    drawing, root = decided.drawing, result.root
    answering = drawing.diagram.values(root) - {NOTHING}
    if not answering:
        return ()
    encoding, table = decided.encoding, decided.table
    by_rules: dict[tuple[tuple[tuple[str, str], ...], frozenset[str]], set[int]] = {}
    for value in sorted(answering):
        deciders = table[value].deciders
        rules = tuple((decider.filter, decider.rule.name) for decider in deciders)
        defaults = frozenset(decider.filter for decider in deciders if not decider.rule.is_custom)
        by_rules.setdefault((rules, defaults), set()).add(value)
    listed: list[Sentence] = []
    free = encoding.impossible()
    network = encoding.chain.surroundings.known_network
    ends = (_clip(names, network, encoding.source), _clip(names, network, encoding.destination))
    for (rules, defaults), values in by_rules.items():
        part = drawing.valued(root, frozenset(values))
        listed += (Sentence(traffic(encoding, cube, ends), rules, defaults) for cube in drawing.parts(part, free))
    return tuple(sorted(dict.fromkeys(listed), key=lambda sentence: "[if" in sentence.traffic))


def _clip(names: AddressNames, network: Ranges, atoms: AtomicSets) -> AddressNames:
    """Return the names of what is possible at one end, tags included; the whole of it is `anywhere`."""
    everything = atoms.ranges(atoms.full)
    clipped = dict(_clipped_tags(network, everything))
    for name, numbers in names.known.items():
        clipped[name] = intersection(numbers, everything)
        if not clipped[name]:
            del clipped[name]
    return AddressNames(clipped, everything if names.is_pair else names.here)


@lru_cache(maxsize=256)
def _clipped_tags(network: Ranges, everything: Ranges) -> Mapping[str, Ranges]:
    """Return what is possible at an end, and what of it tags name where VirtualNetwork is this."""
    known = {
        "any IPv4": addresses.IPV4,
        "any IPv6": addresses.IPV6,
        "Internet": difference(addresses.PUBLIC, network),
        "VirtualNetwork": network,
        "non-public addresses": addresses.NOT_PUBLIC,
        "AzureLoadBalancer": addresses.PLATFORM,
    }
    clipped = {name: intersection(numbers, everything) for name, numbers in known.items()}
    return {"anywhere": everything} | {name: numbers for name, numbers in clipped.items() if numbers}


def traffic(encoding: Encoding, cube: Cube, ends: tuple[AddressNames, AddressNames]) -> str:
    """Return one cube in words: `TCP 22, 3389 from Internet except 203.0.113.0/24`."""
    masks = dict(cube)
    kinds = masks.get(encoding.protocol_level, ALL_PROTOCOLS)
    numbers = _numbers(encoding.destination_ports, masks.get(encoding.protocol_level + 1))
    if kinds & WITH_PORTS or numbers == ALL_PORTS:
        parts = [protocols(kinds) + _prefixed(" ", ports(numbers))]
    else:
        parts = [protocols(kinds) + _prefixed(" type ", ports(intersection(numbers, TYPES)))]
    if source_ports := ports(_numbers(encoding.source_ports, masks.get(encoding.protocol_level + 2))):
        parts.append(f"from source port {source_ports}")
    for word, (level, atoms), names in zip(("from", "to"), encoding.ends, ends, strict=True):
        addresses_here = atoms.ranges(masks.get(level, atoms.full))
        doubts = _doubts(encoding, masks, level)
        if doubts or addresses_here != names.here:
            parts.append(f"{word} {_end(encoding, addresses_here, doubts, names)}")
    conditions = [text for text in assumptions(encoding, masks) if text.startswith(("Azure", "unreadable"))]
    return " ".join(parts) + (f" [if {' and '.join(conditions)}]" if conditions else "")


def _prefixed(prefix: str, text: str) -> str:
    return prefix + text if text else ""


def _numbers(atoms: AtomicSets, bits: int | None) -> Ranges:
    return atoms.ranges(atoms.full if bits is None else bits)


def _doubts(encoding: Encoding, masks: Mapping[int, int], level: int) -> list[tuple[str, bool]]:
    """Return the unknown sets that the address of an end is in (True) or outside of (False)."""
    asked = [
        (name, masks.get(encoding.unknown_level(level, index), 0b11)) for index, name in enumerate(encoding.unknowns)
    ]
    return [(name, mask == 0b10) for name, mask in asked if mask != 0b11]


def _end(encoding: Encoding, numbers: Ranges, doubts: Sequence[tuple[str, bool]], names: AddressNames) -> str:
    inside = [name for name, member in doubts if member]
    outside = [encoding.label(name) for name, member in doubts if not member]
    everything = names.known["anywhere"]
    if inside:
        text = " and ".join(encoding.label(name) for name in inside)
        possible = intersection(everything, *(encoding.possible[name] for name in inside))
        if not is_within(possible, numbers):
            text += f" within {address_set(intersection(possible, numbers), names)}"
    else:
        text = address_set(numbers, names)
    return text + (f" outside {', '.join(outside)}" if outside else "")


def protocols(bits: int) -> str:
    """Return a set of protocols: `TCP/UDP`, `any protocol`."""
    if bits == ALL_PROTOCOLS:
        return "any protocol"
    return "/".join(name.upper() for index, name in enumerate(PROTOCOLS) if bits >> index & 1)


def ports(numbers: Ranges) -> str:
    """Return a set of ports: `22, 3389, 8000-8080`; nothing for all of them."""
    if numbers == ALL_PORTS:
        return ""
    return ", ".join(str(start) if end == start + 1 else f"{start}-{end - 1}" for start, end in numbers)


def address_set(numbers: Ranges, names: AddressNames) -> str:
    """Return a set of addresses in the fewest terms: by name, by name with up to three exceptions, or as a list."""
    for name, known in names.known.items():
        if known == numbers:
            return name
    listed = _terms(numbers, names)
    best: tuple[int, int, str] = (len(listed), 0, _joined(listed, " + "))
    for index, (name, known) in enumerate(names.known.items()):
        if is_within(numbers, known):
            rest = difference(known, numbers)
            exceptions = _terms(rest, names)
            if len(exceptions) <= _MOST_EXCEPTIONS:
                text = f"{name} except {', '.join(exceptions)}"
                best = min(best, (1 + len(exceptions), index + 1, text))
    return best[2]


def _terms(numbers: Ranges, names: AddressNames) -> Sequence[str]:
    """Return names of disjoint parts, the largest first, and prefixes for what has no name."""
    plain = _first_prefixes(numbers)
    named: list[str] = []
    for name, known in sorted(names.known.items(), key=lambda item: (-size(item[1]), item[0])):
        if known and is_within(known, numbers):
            named.append(name)
            numbers = difference(numbers, known)
    named += _first_prefixes(numbers)
    return named if len(named) <= len(plain) or len(plain) > _MOST_TERMS else plain


@lru_cache(maxsize=4096)
def _first_prefixes(numbers: Ranges) -> Sequence[str]:
    return tuple(islice(addresses.prefixes(numbers), 64))


def _joined(terms: Sequence[str], glue: str) -> str:
    shown = glue.join(terms[:_MOST_TERMS])
    return shown if len(terms) <= _MOST_TERMS else f"{shown}{glue}… {len(terms) - _MOST_TERMS} more"
