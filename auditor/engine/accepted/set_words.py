"""Say in words what a failure rests on, and how it has grown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, union
from auditor.model import (
    FailedValue,
    FindingSet,
    ItemSet,
    LevelSets,
    OperationFormula,
    OperationSets,
    PacketSet,
    ValueSet,
)
from auditor.network import packet_sets
from auditor.network.security_rules import PROTOCOLS

_NAMED: Final = 3
_ALL_BUT: Final = "all operations but "
_EVERY_PORT: Final = "0-65535"
_LONGEST: Final = 80
_TELLING: Final = ("name", "resource", "principal", "role", "id")
"""What tells a record from others, the most telling first."""


def how_it_grew(now: FindingSet, before: Sequence[FindingSet], more: FindingSet) -> str:
    """Return in words what a failure rests on beyond what it rested on before: `was TCP 4443, is now every port`."""
    same = [each for each in before if type(each) is type(now)]
    if not same:
        return f"it is about {in_words(more)}, and nothing says how far it went before"
    if isinstance(now, PacketSet):
        return _packets_grew(now, packet_sets.joined(each for each in same if isinstance(each, PacketSet)), more)
    if isinstance(more, ValueSet):
        values = [value for each in same if isinstance(each, ValueSet) for value in each.values]
        return _listed([_value_grew(each, values) for each in more.values], "; ")
    return f"now also {in_words(more)}"


def in_words(of: FindingSet) -> str:
    """Return what is in a set, the first few by name."""
    match of:
        case PacketSet():
            return f"{_traffic(of)} from {_ends(box.sources for box in of.boxes)}"
        case OperationSets():
            return _listed([f"{_formula(each.operations)} on {each.scope}" for each in of.permitted])
        case LevelSets():
            return _listed([f"{name}: {', '.join(levels)}" for name, levels in of.passing if levels])
        case ItemSet():
            return _listed([_item(each) for each in of.items])
        case ValueSet():
            return _listed([f"{each.at}: {_short(each.value)}" for each in of.values])


def _packets_grew(now: PacketSet, before: PacketSet, more: FindingSet) -> str:
    told = (
        (_traffic(before), _traffic(now)),
        *(
            (f"{word} {_ends(old)}", f"{word} {_ends(new)}")
            for word, old, new in (
                ("from", [box.sources for box in before.boxes], [box.sources for box in now.boxes]),
                ("to", [box.destinations for box in before.boxes], [box.destinations for box in now.boxes]),
            )
        ),
    )
    differing = [pair for pair in told if pair[0] != pair[1]]
    if not differing:
        return f"now also {in_words(more)}"
    return f"was {' '.join(old for old, _ in differing)}, is now {' '.join(new for _, new in differing)}"


def _traffic(of: PacketSet) -> str:
    """Return protocols and ports, wherever they come from and go to: `TCP 22, 443`, `every port`."""
    ports: dict[str, set[str]] = {name: set() for name in PROTOCOLS}
    for box in of.boxes:
        for name in box.protocols:
            ports[name].update(box.ports)
    by_protocol = [(_ports(ports[name]), name) for name in PROTOCOLS if ports[name]]
    if len(by_protocol) == len(PROTOCOLS) and all(text == "every port" for text, _ in by_protocol):
        return "every port"
    return " and ".join(
        f"{'/'.join(name.upper() for _, name in same)} {text}"
        for text, same in groupby(by_protocol, key=lambda pair: pair[0])
    )


def _ports(texts: Iterable[str]) -> str:
    """Return ports as few spans: `22, 8000-8080`."""
    spans = (text.partition("-") for text in texts)
    numbers = union(*(((int(first), int(last or first) + 1),) for first, _, last in spans))
    shown = [str(start) if end == start + 1 else f"{start}-{end - 1}" for start, end in numbers]
    return "every port" if shown == [_EVERY_PORT] else _listed(shown)


def _ends(several: Iterable[Sequence[str]]) -> str:
    ranges: Ranges = union(*(addresses.parse_range(text) or () for texts in several for text in texts))
    if addresses.covers_internet(ranges):
        return "anywhere" if ranges == addresses.ANY else "the Internet"
    return _listed(list(addresses.prefixes(ranges)))


def _formula(formula: OperationFormula) -> str:
    match formula.form:
        case "pattern":
            return formula.pattern
        case "any_of":
            return _listed([_formula(part) for part in formula.parts])
        case "all_of":
            kept = [_formula(part) for part in formula.parts if part.form != "none_of" and part.pattern != "*"]
            without = [_formula(part).removeprefix(_ALL_BUT) for part in formula.parts if part.form == "none_of"]
            text = " that are also ".join(kept) or "all operations"
            return f"{text} except {_listed(without)}" if without else text
        case "none_of":
            return f"{_ALL_BUT}{_listed([_formula(part) for part in formula.parts])}"


def _value_grew(more: FailedValue, before: Iterable[FailedValue]) -> str:
    old = [_short(each.value) for each in before if (each.at, each.operator) == (more.at, more.operator)]
    return f"{more.at} {f'was {_listed(old)}, ' if old else ''}is now {_short(more.value)}"


def _item(text: str) -> str:
    try:
        record = json.loads(text)
    except ValueError:
        return _short(text)
    if isinstance(record, Mapping):
        return _short(next((str(record[name]) for name in _TELLING if record.get(name)), text))
    return _short(text)


def _short(text: str) -> str:
    plain = {"null": "absent"}.get(text, text.strip('"'))
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _listed(texts: Sequence[str], glue: str = ", ") -> str:
    more = len(texts) - _NAMED
    return glue.join(texts[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
