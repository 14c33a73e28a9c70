"""Lay one baseline over another: what it takes away, declares, adds and sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import ContentError, Mistakes
from auditor.language.operators import equals
from auditor.lazy_imports import lazy_imports
from auditor.rulebook import parameters
from auditor.rulebook.control_layer import ControlLayer
from auditor.rulebook.parameters import Parameter
from auditor.yaml_source import Node, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import documents

if TYPE_CHECKING:
    from auditor.rulebook.baseline import Baseline


class _Below(Struct):
    """What is left of the baseline below; `removed` are the names of components that are gone."""

    declared: dict[str, Parameter]
    values: dict[str, object]
    tables: dict[str, object]
    components: dict[str, object]
    removed: set[str] = field(default_factory=set)


def over(base: Baseline, own: Baseline, document: documents.OverlayDocument, node: Node) -> Baseline:
    """Return a baseline as it stands over the one below. ContentError where it takes away or sets what is not there."""
    mistakes = Mistakes()
    below = _Below(dict(base.declared), dict(base.parameters), dict(base.tables), dict(base.components))
    if document.remove is not None:
        _remove(document.remove, node.child("remove"), below, mistakes)
    for name, given in document.declares.items():
        mistakes.of(_declare, below, name, parameters.declared(name, given, node.child("declares", name)), node)
    for name in own.own.keys() & below.declared.keys():
        mistakes.of(assign, below.values, below.declared, name, own.own[name])
    tables = {**below.tables, **own.tables}
    for name in document.rows:
        mistakes.of(_add_rows, tables, name, own.edition.of(node.child("rows", name)), node.child("rows", name))
    mistakes.raise_any()
    gone = document.remove.rules if document.remove is not None else []
    settings = {rule: item.over(base.settings.get(rule)) for rule, item in own.settings.items()}
    return replace(
        own,
        title=own.title or base.title,
        description=own.description or base.description,
        references=[*base.references, *own.references],
        rules=[
            *base.rules,
            *((f"!{glob}", node.child("remove", "rules", number)) for number, glob in enumerate(gone)),
            *own.rules,
        ],
        declared=below.declared,
        parameters=below.values,
        pending=[*base.pending, *((name, given) for name, given in own.own.items() if name not in below.declared)],
        settings={**base.settings, **settings},
        tables=tables,
        components=(components := {**_without_origins(below), **own.components}),
        dropped={name: entry for name, entry in {**base.dropped, **base.components}.items() if name not in components},
        controls=_controls(base, own, document, node),
        attestations=[*base.attestations, *own.attestations],
        places={**base.places, **own.places},
        chain=[*own.chain, *base.chain],
        packages=[*base.packages, *own.packages],
        signs=base.signs if own.signs is None else own.signs,
    )


def _controls(
    base: Baseline, own: Baseline, document: documents.OverlayDocument, node: Node
) -> dict[str, Sequence[ControlLayer]]:
    """Return the layers of controls by framework; those of the baseline below come first, under the name given here."""
    for name in document.controls_as:
        if name not in base.controls:
            place = node.child("controls_as", name)
            place.fail(f"no baseline below brings controls of '{name}'", suggestion(name, base.controls))
    count = len(document.remove.controls) if document.remove is not None else 0
    gone = document.remove.rules if document.remove is not None else ()
    removed = [node.child("remove", "controls", number) for number in range(count)]
    if removed and not base.controls:
        removed[0].fail("no baseline below brings controls")
    carried = {document.controls_as.get(name, name): layers for name, layers in base.controls.items()}
    layers: dict[str, Sequence[ControlLayer]] = {
        name: [*below, ControlLayer(removed=removed, rules_gone=gone)] for name, below in carried.items()
    }
    for name, given in own.controls.items():
        layers[name] = [*layers.get(name, ()), *given]
    return layers


def _remove(document: documents.RemovalDocument, node: Node, below: _Below, mistakes: Mistakes) -> None:
    for number, name in enumerate(document.components):
        if name not in below.components:
            place = node.child("components", number)
            mistakes.of(place.fail, f"no baseline below has a component '{name}'", suggestion(name, below.components))
        below.components.pop(name, None)
        below.removed.add(name)
    for number, path in enumerate(document.parameters):
        mistakes.of(_remove_parameter, below, path, node.child("parameters", number))
    for table in document.rows:
        mistakes.of(_remove_rows, below, table, node.child("rows", table))


def _remove_parameter(below: _Below, path: str, node: Node) -> None:
    name, _, key = path.partition(".")
    parameter = below.declared.get(name)
    default = parameter.default if parameter is not None else None
    if parameter is None or (key and not (isinstance(default, Mapping) and key in default)):
        node.fail(f"no baseline below declares a parameter '{path}'", suggestion(path, below.declared))
    if not key:
        del below.declared[name], below.values[name]
        return
    value = below.values[name]
    below.declared[name] = replace(parameter, default=_without(default, key))
    below.values[name] = _without(value, key)


def _without(value: object, key: str) -> object:
    return {name: each for name, each in value.items() if name != key} if isinstance(value, Mapping) else value


def _remove_rows(below: _Below, name: str, node: Node) -> None:
    if name not in below.tables:
        node.fail(f"no baseline below has a table '{name}'", suggestion(name, below.tables))
    mistakes = Mistakes()
    for each in node.items("rows"):
        table, count = _without_rows(below.tables[name], each.plain())
        if not count:
            mistakes.of(each.fail, f"the table '{name}' of the baseline below has no such row")
        below.tables[name] = table
    mistakes.raise_any()


def _without_rows(table: object, row: object) -> tuple[object, int]:
    """Return a table without the rows that a text names, or that have all values of a mapping, and how many those were.

    A mapping that has no fewer values than it names is a row; what lies in a row is none.
    """
    if isinstance(table, Mapping):
        kept = {key: each for key, each in table.items() if not (isinstance(row, str) and key == row)}
        parts = {key: _without_rows(each, row) for key, each in kept.items()}
        counted = len(table) - len(kept) + sum(count for _, count in parts.values())
        return {key: each for key, (each, _) in parts.items()}, counted
    if isinstance(table, list):
        rows = [each for each in table if not _is_row(each, row)]
        inner = [_without_rows(each, row) for each in rows]
        return [each for each, _ in inner], len(table) - len(rows) + sum(count for _, count in inner)
    return table, 0


def _is_row(entry: object, row: object) -> bool:
    if not isinstance(row, Mapping) or not row or not isinstance(entry, Mapping):
        return isinstance(row, str) and equals(entry, row)
    return all(key in entry and equals(entry[key], value) for key, value in row.items())


def _add_rows(tables: dict[str, object], name: str, rows: object, node: Node) -> None:
    table = tables.get(name)
    if name not in tables:
        node.fail(f"no baseline below has a table '{name}'", suggestion(name, tables))
    listed = table.get("rows") if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping) or not isinstance(listed, list) or not isinstance(rows, list):
        node.fail(f"the table '{name}' has no list of rows", "replace it as a whole under 'tables'")
    tables[name] = {**table, "rows": [*rows, *listed]}


def _declare(below: _Below, name: str, parameter: Parameter, node: Node) -> None:
    """Declare a parameter; one that is an object below gets further keys, each of which it must not have."""
    known = below.declared.get(name)
    place = node.child("declares", name)
    if known is None:
        below.declared[name], below.values[name] = parameter, parameter.default
        return
    if known.type != "object" or parameter.type != "object" or not isinstance(parameter.default, Mapping):
        place.fail(f"a baseline below declares the parameter '{name}' already", "set it under 'parameters'")
    present = known.default if isinstance(known.default, Mapping) else {}
    for key in parameter.default.keys() & present.keys():
        place.child("default", key).fail(f"the parameter '{name}' of the baseline below has '{key}' already")
    value = below.values[name]
    below.declared[name] = replace(known, default={**present, **parameter.default})
    below.values[name] = {**(value if isinstance(value, Mapping) else {}), **parameter.default}


def _without_origins(below: _Below) -> dict[str, object]:
    """Return the components of the baseline below, no more reached from those that are gone."""
    return (
        {name: _pruned(entry, below.removed) for name, entry in below.components.items()}
        if below.removed
        else below.components
    )


def _pruned(entry: object, removed: set[str]) -> object:
    if not isinstance(entry, Mapping):
        return entry
    left = dict(entry)
    for key in ("exclude", "calls"):
        if key in left:
            left[key] = [name for name in _listed(left[key]) if name not in removed]
    for key in ("inside", "tell-apart"):
        if left.get(key) in removed:
            del left[key]
    if "reach" in left:
        steps = [_step(each, removed) for each in _listed(left["reach"])]
        left["reach"] = [each for each in steps if each is not None]
    return left


def _step(step: object, removed: set[str]) -> object:
    """Return a step with the origins that are left, or None where none is, or where it must lie in what is gone."""
    if not isinstance(step, Mapping):
        return step
    origins = [name for name in _listed(step.get("from")) if name not in removed]
    return {**step, "from": origins} if origins and step.get("within") not in removed else None


def _listed(given: object) -> Sequence[object]:
    return given if isinstance(given, list) else [] if given is None else [given]


def assign(values: dict[str, object], known: Mapping[str, Parameter], name: str, node: Node, option: str = "") -> None:
    """Set a parameter among the values. ContentError where nobody declares it, or where the value does not fit."""
    if name not in known:
        place = option or f"{node.mark}: "
        raise ContentError(f"{place}no baseline or rule declares a parameter '{name}'", suggestion(name, known))
    values[name] = parameters.assigned(known[name], values[name], node)


def with_assignments(
    baseline: Baseline, texts: Sequence[str], declared: Mapping[str, Parameter]
) -> tuple[Baseline, Mapping[str, Node]]:
    """Return the baseline with what is left to be set: parameters that rules declare, and `--set PARAMETER=VALUE`.

    With it come the places of all that overlays of the outermost file and the command line set.
    """
    known = {**baseline.declared, **declared}
    values = {**{name: parameter.default for name, parameter in declared.items()}, **baseline.parameters}
    mistakes = Mistakes()
    for name, node in baseline.pending:
        mistakes.of(assign, values, known, name, node)
    places = dict(baseline.own)
    for text in texts:
        name, node = parameters.assignment(text)
        mistakes.of(assign, values, known, name, node, option=f"--set {text}: ")
        places[name] = node
    mistakes.raise_any()
    return replace(baseline, declared=known, parameters=values, pending=()), places
