"""Bring rules and a baseline together: what is in force for one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor import shipped
from auditor.analysis.contract import Analysis
from auditor.analysis.registry import kinds
from auditor.architecture.declare import Declaration, read_declarations
from auditor.azure.catalogue import Catalogue
from auditor.azure.catalogue import shipped as shipped_types
from auditor.rulebook import baseline as baselines
from auditor.rulebook import rule
from auditor.rulebook.baseline import Baseline, RuleInForce
from auditor.rulebook.rule import Rule, Words


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks to be judged by: `baseline` is a name or path, `assignments` are `--set` texts."""

    baseline: str = "openai-chat"
    rules: Sequence[Path] = ()
    assignments: Sequence[str] = ()
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A baseline with its rules, read and checked."""

    baseline: Baseline
    rules: Mapping[str, Rule]
    in_force: Sequence[RuleInForce]
    analyses: Mapping[str, Analysis]
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=shipped_types)


def load(choice: Selection) -> RuleSet:
    """Read the baseline and all rules. ContentError at the first mistake."""
    found = baselines.load(choice.baseline, shipped.folder("baselines"))
    declared = read_declarations(found.components, found.parameters)
    components = component_types(declared)
    types = catalogue(choice.rules)
    words = Words(types, kinds(), components)
    rules = rule.load_rules([shipped.folder("rules")], words)
    own = rule.load_rules(choice.rules, words) if choice.rules else {}
    for rule_id in own.keys() & rules.keys():
        own[rule_id].source.fail(f"rule id '{rule_id}' is already used by a rule of the tool", "choose another id")
    rules |= own
    for text in choice.assignments:
        found = baselines.with_assignment(found, text, rules)
    in_force = baselines.in_force(found, rules, extra=frozenset(own), select=choice.select, ignore=choice.ignore)
    return RuleSet(found, rules, in_force, kinds(), components, types)


def catalogue(folders: Iterable[Path] = ()) -> Catalogue:
    """Return what is known of resource types: the tool's own, and what folders of rules hold under `types`."""
    return shipped_types().with_folders(path for folder in folders if (path := folder / rule.TYPES).is_dir())


def component_types(declared: Iterable[Declaration]) -> dict[str, Sequence[str]]:
    """Return the resource types that each component may have."""
    return {one.name: one.types for one in declared if not one.internal}


def all_rules(folders: Sequence[Path] = ()) -> dict[str, Rule]:
    """Read the shipped rules (or those of the folders given) without a baseline's choice."""
    base = baselines.load("openai-chat", shipped.folder("baselines"))
    declared = read_declarations(base.components, base.parameters)
    words = Words(catalogue(folders), kinds(), component_types(declared))
    return rule.load_rules(folders or [shipped.folder("rules")], words)
