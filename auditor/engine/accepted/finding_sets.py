"""Subtract what an earlier failure rested on from what a later one rests on: what grew is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from auditor.engine.findings import value_sets
from auditor.model import (
    Assumption,
    FailedValue,
    FindingSet,
    ItemSet,
    LevelSets,
    OperationFormula,
    OperationSets,
    PacketBox,
    PacketSet,
    PermittedOperations,
    ValueSet,
)
from auditor.network import packet_sets
from auditor.rbac import operation_formulas


def grown(new: FindingSet, old: FindingSet) -> FindingSet | None:
    """Return what is in the new set and not in the old one, None where nothing is.

    Sets of different kinds have nothing in common. Raise ValueError where a set of packets cannot be read.
    """
    match new, old:
        case PacketSet(), PacketSet():
            packets = packet_sets.subtracted(new, old)
            return packets if packets.boxes else None
        case OperationSets(), OperationSets():
            operations = operation_formulas.subtracted(new, old)
            return operations if operations.permitted else None
        case LevelSets(), LevelSets():
            before = dict(old.passing)
            more = ((name, _less(levels, before.get(name, ()))) for name, levels in new.passing)
            passing = tuple((name, levels) for name, levels in more if levels)
            return LevelSets(passing) if passing else None
        case ItemSet(), ItemSet() if new.of == old.of:
            items = _less(new.items, old.items)
            return ItemSet(new.of, items) if items else None
        case ValueSet(), ValueSet():
            values = value_sets.subtracted(new, old)
            return values if values.values else None
        case _:
            return new if _holds_anything(new) else None


def beyond(new: FindingSet | None, old: Iterable[FindingSet]) -> FindingSet | None:
    """Return what is in the new set and in none of the old ones, None where nothing is."""
    rest = new if new is not None and _holds_anything(new) else None
    for each in old:
        rest = rest and grown(rest, each)
    return rest


def _less(new: tuple[str, ...], old: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in new if each not in old)


def _holds_anything(of: FindingSet) -> bool:
    match of:
        case PacketSet():
            return bool(of.boxes)
        case OperationSets():
            return bool(of.permitted)
        case LevelSets():
            return bool(of.passing)
        case ItemSet():
            return bool(of.items)
        case ValueSet():
            return bool(of.values)


def as_document(of: FindingSet) -> dict[str, object]:
    """Return a set as the JSON report holds it."""
    match of:
        case PacketSet():
            return {"kind": of.kind, "boxes": [_box_document(box) for box in of.boxes]}
        case OperationSets():
            permitted = [
                {"plane": each.plane, "scope": each.scope, "operations": _formula_document(each.operations)}
                for each in of.permitted
            ]
            return {"kind": of.kind, "permitted": permitted}
        case LevelSets():
            return {"kind": of.kind, "passing": {name: list(levels) for name, levels in of.passing}}
        case ItemSet():
            return {"kind": of.kind, "of": of.of, "items": list(of.items)}
        case ValueSet():
            return {"kind": of.kind, "values": [_value_document(each) for each in of.values]}


def _value_document(each: FailedValue) -> dict[str, object]:
    document: dict[str, object] = {"at": each.at, "operator": each.operator, "value": json.loads(each.value)}
    return document | ({"times": each.times} if each.times > 1 else {})


def _box_document(box: PacketBox) -> dict[str, object]:
    document: dict[str, object] = {
        "sources": list(box.sources),
        "destinations": list(box.destinations),
        "protocols": list(box.protocols),
        "ports": list(box.ports),
        "source_ports": list(box.source_ports),
    }
    if box.assuming:
        document["assuming"] = [{"of": each.of, "name": each.name, "holds": each.holds} for each in box.assuming]
    return document


def _formula_document(formula: OperationFormula) -> object:
    if formula.form == "pattern":
        return formula.pattern
    return {formula.form: [_formula_document(part) for part in formula.parts]}


def from_document(document: Mapping[str, object]) -> FindingSet:
    """Return a set that a JSON report holds. Raise ValueError where it is none."""
    reader = _READERS.get(str(document.get("kind")))
    if reader is None:
        raise ValueError(f"{document.get('kind')} is no kind of set; kinds are {', '.join(sorted(_READERS))}")
    return reader(document)


def _packets(document: Mapping[str, object]) -> FindingSet:
    return PacketSet(
        tuple(
            PacketBox(
                sources=_texts(box, "sources"),
                destinations=_texts(box, "destinations"),
                protocols=_texts(box, "protocols"),
                ports=_texts(box, "ports"),
                source_ports=_texts(box, "source_ports"),
                assuming=tuple(
                    Assumption(_text(each, "of"), _text(each, "name"), each.get("holds") is True)
                    for each in _objects(box, "assuming")
                ),
            )
            for box in _objects(document, "boxes")
        )
    )


def _operations(document: Mapping[str, object]) -> FindingSet:
    return OperationSets(
        tuple(
            PermittedOperations(_text(each, "plane"), _text(each, "scope"), _formula(each.get("operations")))
            for each in _objects(document, "permitted")
        )
    )


def _formula(document: object) -> OperationFormula:
    if isinstance(document, str):
        return OperationFormula("pattern", document)
    if isinstance(document, Mapping) and len(document) == 1:
        form, parts = next(iter(document.items()))
        if isinstance(parts, list):
            read = tuple(map(_formula, parts))
            match form:
                case "any_of" | "all_of" | "none_of":
                    return OperationFormula(form, parts=read)
                case _:
                    pass
    raise ValueError(f"{document} is no set of operations")


def _levels(document: Mapping[str, object]) -> FindingSet:
    passing = document.get("passing")
    if not isinstance(passing, Mapping):
        raise ValueError("'passing' is not an object")  # noqa: TRY004 - what is wrong is a document, not a call
    return LevelSets(tuple((str(name), _texts(passing, name)) for name in passing))


def _items(document: Mapping[str, object]) -> FindingSet:
    return ItemSet(_text(document, "of"), _texts(document, "items"))


def _values(document: Mapping[str, object]) -> FindingSet:
    return ValueSet(
        tuple(
            FailedValue(
                _text(each, "at"),
                _text(each, "operator"),
                value_sets.as_text(each.get("value")),
                _times(each.get("times", 1)),
            )
            for each in _objects(document, "values")
        )
    )


def _times(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("'times' is not a number of times")
    return value


_READERS: Mapping[str, Callable[[Mapping[str, object]], FindingSet]] = {
    PacketSet.kind: _packets,
    OperationSets.kind: _operations,
    LevelSets.kind: _levels,
    ItemSet.kind: _items,
    ValueSet.kind: _values,
}


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ValueError(f"'{name}' is not a text")  # noqa: TRY004 - what is wrong is a document, not a call
    return value


def _texts(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = document.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"'{name}' is not a list of texts")
    return tuple(values)


def _objects(document: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    values = document.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        raise ValueError(f"'{name}' is not a list of objects")
    return values
