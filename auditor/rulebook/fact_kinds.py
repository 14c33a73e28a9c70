"""Tell of each kind of fact what rules may read of it, and which rules do."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from auditor.analysis.fact import FactField, Schema
from auditor.azure import paths
from auditor.azure.paths import Steps
from auditor.language.reads import paths_of
from auditor.rulebook.in_force import RuleSet
from auditor.rulebook.rule import OnFact, Rule


class FieldInfo(Struct, frozen=True):
    """A field of a kind, what it means, and the ids of the rules that read it, in conditions or as evidence."""

    field: FactField
    meaning: str
    rules: Sequence[str]


class KindInfo(Struct, frozen=True):
    """A kind of fact: what it tells, what its findings are filed under, and its fields."""

    name: str
    analysis: str
    meaning: str
    filed_under: str
    fields: Sequence[FieldInfo]
    rules: Sequence[str]


def describe_all(rule_set: RuleSet) -> Sequence[KindInfo]:
    """Return what there is to say of every kind, by name."""
    return [describe(name, rule_set) for name in sorted(rule_set.analyses)]


def describe(name: str, rule_set: RuleSet) -> KindInfo:
    """Return what there is to say of a kind, with the rules of the set that are about it, in force or not."""
    analysis = rule_set.analyses[name]
    kind, rules = analysis.kind(name), rule_set.rules.values()
    own = {rule.id: rule for rule in rules if isinstance(rule.applies, OnFact) and rule.applies.kind == name}
    schema = Schema(kind)
    readers = _readers(own, schema)
    return KindInfo(
        name=name,
        analysis=analysis.name,
        meaning=inspect.cleandoc(kind.__doc__ or ""),
        filed_under=kind.filed_under,
        fields=[
            FieldInfo(field, schema.words.get(path, "each of them"), readers.get(path, ()))
            for path, field in schema.fields.items()
        ],
        rules=sorted(own),
    )


def _readers(rules: Mapping[str, Rule], schema: Schema) -> Mapping[str, Sequence[str]]:
    """Return the ids of the rules that read each field, by its path; who goes through a list of objects reads the list."""
    by_steps = {_folded(paths.parse(path)): path for path in schema.fields}
    readers: dict[str, list[str]] = defaultdict(list)
    for rule_id, rule in sorted(rules.items()):
        read = {by_steps.get(steps) or by_steps.get(steps[:-1]) for steps in map(_folded, _paths_read(rule))}
        for path in sorted(filter(None, read)):
            readers[path].append(rule_id)
    return readers


def _paths_read(rule: Rule) -> Iterable[Steps]:
    conditions = [condition for condition in (rule.applies.when, rule.require) if condition is not None]
    read = (path for condition in conditions for path in paths_of(condition))
    return [path.steps for path in (*read, *rule.evidence)]


def _folded(steps: Steps) -> tuple[str, ...]:
    return tuple(step.folded for step in steps)
