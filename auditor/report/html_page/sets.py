"""Say what set a failure rests on, a line for each of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from auditor.model import (
    FindingSet,
    ItemSet,
    LevelSets,
    OperationFormula,
    OperationSets,
    PacketBox,
    PacketSet,
    ValueSet,
)

_SHOWN: Final = 40
"""A person reads no more lines than this; the JSON report holds the whole set."""


def set_lines(of: FindingSet | None) -> list[str]:
    """Return the parts of a set in words, and a last line where there are more than are shown."""
    if of is None:
        return []
    lines = list(islice(_lines(of), _SHOWN + 1))
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], "… and more, all of it in the JSON report"]


def _lines(of: FindingSet) -> Iterator[str]:
    match of:
        case PacketSet():
            yield from map(_box, of.boxes)
        case OperationSets():
            yield from (f"{each.plane} plane, {each.scope}: {_formula(each.operations)}" for each in of.permitted)
        case LevelSets():
            yield from (f"{name}: {', '.join(levels) or 'nothing'} gets through" for name, levels in of.passing)
        case ItemSet():
            yield from (f"{of.of}: {item}" for item in of.items)
        case ValueSet():
            for each in of.values:
                yield f"{each.at}: {each.value}" + (f", {each.times:,} times" if each.times > 1 else "")


def _box(box: PacketBox) -> str:
    assumed = (f"{each.of} is {'' if each.holds else 'not '}{each.name}" for each in box.assuming)
    ports = f" {', '.join(box.ports)}" if box.ports else ""
    start, end = ", ".join(box.sources), ", ".join(box.destinations)
    from_ports = f" port {', '.join(box.source_ports)}" if box.source_ports else ""
    conditions = "; ".join(assumed)
    text = f"{'/'.join(box.protocols)}{ports}, from {start}{from_ports} to {end}"
    return f"{text}, if {conditions}" if conditions else text


def _formula(formula: OperationFormula) -> str:
    if formula.form == "pattern":
        return formula.pattern
    parts = ", ".join(map(_formula, formula.parts))
    match formula.form:
        case "any_of":
            return f"({parts})" if parts else "nothing"
        case "all_of":
            return f"all of ({parts})" if parts else "everything"
        case "none_of":
            return f"not ({parts})"
