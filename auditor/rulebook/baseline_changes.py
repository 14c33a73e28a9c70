"""Compare two baselines: which components, rows of tables, parameters, rules and controls came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor.rulebook.in_force import RuleSet

Part: TypeAlias = Literal["component", "row", "parameter", "rule", "control"]
_IDENTITIES: Final = (("service",), ("principal", "scope", "role"), ("type", "component"), ("name",), ("from", "to"))
"""What tells rows of one list apart, the first that a row has any of."""


class BaselineChange(Struct, frozen=True):
    """One difference. `where` is the table of a row, else empty; `before` and `after` are None where it was not there."""

    part: Part
    where: str
    name: str
    before: object
    after: object

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """Return what happened to it."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


def compare(before: RuleSet, after: RuleSet) -> Sequence[BaselineChange]:
    """Return the differences: components, rows by table, parameters, rules and controls, each sorted by name."""
    old, new = before.baseline, after.baseline
    changes = list(_changed("component", "", old.components, new.components))
    for table in sorted({*old.tables, *new.tables}):
        rows = (dict(_rows(one.tables.get(table), ())) for one in (old, new))
        changes += _changed("row", table, *rows)
    changes += _changed("parameter", "", *(_parameters(one) for one in (before, after)))
    changes += _changed("rule", "", *(_rules(one) for one in (before, after)))
    changes += _changed("control", "", *(_controls(one) for one in (before, after)))
    return changes


def _changed(
    part: Part, where: str, before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[BaselineChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield BaselineChange(part, where, name, before.get(name), after.get(name))


def _parameters(rule_set: RuleSet) -> Mapping[str, object]:
    """Return the value of each parameter, null as a text: it is there, and nobody set it."""
    return {name: "null" if value is None else value for name, value in rule_set.baseline.parameters.items()}


def _rules(rule_set: RuleSet) -> Mapping[str, object]:
    return {each.id: {"title": each.rule.title, "severity": str(each.severity)} for each in rule_set.in_force}


def _controls(rule_set: RuleSet) -> Mapping[str, object]:
    return {
        each.id: {"title": each.title, "severity": str(each.severity), "rules": list(each.rules)}
        for framework in rule_set.frameworks.values()
        for each in framework.controls.values()
    }


def _rows(table: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """Yield the entries of a table by a name: those of lists by what tells them apart, those of mappings by their key."""
    if isinstance(table, Mapping):
        for key, entry in table.items():
            is_deeper = isinstance(entry, list) or (isinstance(entry, Mapping) and not path)
            yield from _rows(entry, (*path, key)) if is_deeper else ((".".join((*path, key)), entry),)
    elif isinstance(table, list):
        shown = [(_identity(entry), entry) for entry in table]
        for number, (name, entry) in enumerate(shown):
            before = sum(1 for other, _ in shown[:number] if other == name)
            told = f"{name} ({before + 1})" if before else name
            yield ": ".join((*(part for part in path if part != "rows"), told)), entry


def _identity(entry: object) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    keys = next((keys for keys in _IDENTITIES if keys[0] in entry), tuple(entry))
    return ", ".join(_text(entry[key]) for key in keys if key in entry)


def _text(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
