"""Bring rules and a baseline together: what is in force for one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from auditor import shipped
from auditor.analysis.contract import Analysis
from auditor.analysis.registry import kinds
from auditor.architecture.declare import Declaration, read_declarations
from auditor.azure.catalogue import Catalogue
from auditor.azure.catalogue import shipped as shipped_types
from auditor.errors import ContentError
from auditor.language.ast import Condition
from auditor.model import RuleInfo, Severity
from auditor.rulebook import baseline as baselines
from auditor.rulebook.baseline import Baseline, Setting
from auditor.rulebook.load import TYPES, Words, load_rules
from auditor.rulebook.rule import Applies, Rule
from auditor.yaml_source import suggestion


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks to be judged by: `baseline` is a name or path, `assignments` are `--set` texts."""

    baseline: str = "openai-chat"
    rules: Sequence[Path] = ()
    assignments: Sequence[str] = ()
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A rule as a baseline applies it: with the severity and the parameters that hold there."""

    rule: Rule
    severity: Severity
    parameters: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Return the rule's id."""
        return self.rule.id

    @property
    def applies(self) -> Applies:
        """Return whom the rule is asked of."""
        return self.rule.applies

    @property
    def require(self) -> Condition:
        """Return what must hold."""
        return self.rule.require


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A baseline with its rules, read and checked."""

    baseline: Baseline
    rules: Mapping[str, Rule]
    in_force: Sequence[RuleInForce]
    analyses: Mapping[str, Analysis]
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=shipped_types)

    def infos(self) -> Mapping[str, RuleInfo]:
        """Return what reports tell of the rules in force, by id."""
        own_folder = shipped.folder("rules").parent
        return {rule.id: _info_of(rule, own_folder) for rule in self.in_force}


def _info_of(in_force: RuleInForce, own_folder: Path) -> RuleInfo:
    rule, path = in_force.rule, Path(in_force.rule.file)
    return RuleInfo(
        id=rule.id,
        title=rule.title,
        severity=in_force.severity,
        rationale=rule.rationale,
        remediation=rule.remediation_text,
        references=rule.references,
        controls=rule.controls,
        file=path.relative_to(own_folder).as_posix() if path.is_relative_to(own_folder) else rule.file,
        line=rule.source.mark.line,
    )


def load(choice: Selection) -> RuleSet:
    """Read the baseline and all rules. ContentError at the first mistake."""
    found = baselines.load(choice.baseline, shipped.folder("baselines"))
    declared = read_declarations(found.components, found.parameters)
    components = component_types(declared)
    types = catalogue(choice.rules)
    words = Words(types, kinds(), components)
    rules = load_rules([shipped.folder("rules")], words)
    own = load_rules(choice.rules, words) if choice.rules else {}
    for rule_id in own.keys() & rules.keys():
        own[rule_id].source.fail(f"rule id '{rule_id}' is already used by a rule of the tool", "choose another id")
    rules |= own
    for text in choice.assignments:
        found = baselines.with_assignment(found, text, rules)
    in_force = choose(found, rules, extra=frozenset(own), select=choice.select, ignore=choice.ignore)
    return RuleSet(found, rules, in_force, kinds(), components, types)


def catalogue(folders: Iterable[Path] = ()) -> Catalogue:
    """Return what is known of resource types: the tool's own, and what folders of rules hold under `types`."""
    return shipped_types().with_folders(path for folder in folders if (path := folder / TYPES).is_dir())


def component_types(declared: Iterable[Declaration]) -> dict[str, Sequence[str]]:
    """Return the resource types that each component may have."""
    return {one.name: one.types for one in declared if not one.internal}


def all_rules(folders: Sequence[Path] = ()) -> dict[str, Rule]:
    """Read the shipped rules (or those of the folders given) without a baseline's choice."""
    base = baselines.load("openai-chat", shipped.folder("baselines"))
    declared = read_declarations(base.components, base.parameters)
    words = Words(catalogue(folders), kinds(), component_types(declared))
    return load_rules(folders or [shipped.folder("rules")], words)


def choose(
    baseline: Baseline,
    rules: Mapping[str, Rule],
    *,
    extra: frozenset[str] = frozenset(),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> list[RuleInForce]:
    """Choose the baseline's rules and bind their parameters. ContentError where a glob or setting names no rule.

    `extra` are ids of rules that the user added, in force without the baseline naming them; `select` and `ignore` narrow.
    """
    for rule_id, setting in baseline.settings.items():
        if rule_id not in rules:
            raise ContentError(f"{setting.place}: settings name the rule '{rule_id}', which does not exist",
                               suggestion(rule_id, rules))  # fmt: skip
    chosen = set(extra)
    for glob, node in baseline.rules:
        matched = {rule_id for rule_id in rules if fnmatchcase(rule_id, glob.removeprefix("!"))}
        if not matched:
            node.fail(f"the glob '{glob}' matches no rule", suggestion(glob.strip("!*-"), rules))
        chosen = chosen - matched if glob.startswith("!") else chosen | matched
    for option, globs in (("--select", select), ("--ignore", ignore)):
        for glob in globs:
            if not any(fnmatchcase(rule_id, glob) for rule_id in chosen):
                raise ContentError(f"{option} {glob}: matches no rule in force", suggestion(glob.strip("*-"), chosen))
    found = []
    for rule_id in sorted(chosen):
        setting = baseline.settings.get(rule_id, Setting())
        wanted = not select or any(fnmatchcase(rule_id, glob) for glob in select)
        if setting.enabled is not False and wanted and not any(fnmatchcase(rule_id, glob) for glob in ignore):
            found.append(bind(rules[rule_id], baseline, setting))
    return found


def bind(rule: Rule, baseline: Baseline, setting: Setting) -> RuleInForce:
    """Give a rule its parameters: the baseline's setting for the rule, else its parameter of that name, else the default."""
    bound: dict[str, Any] = {}
    for name in setting.parameters:
        if name not in rule.parameters:
            raise ContentError(f"{setting.place}: rule '{rule.id}' has no parameter '{name}'",
                               suggestion(name, rule.parameters))  # fmt: skip
    for name, parameter in rule.parameters.items():
        if name in setting.parameters:
            value = setting.parameters[name]
        elif name in baseline.parameters and baseline.parameters[name] is not None:
            value = baseline.parameters[name]
        elif parameter.has_default:
            value = parameter.default
        else:
            raise ContentError(f"{rule.file}: parameter '{name}' has no default and baseline {baseline.name} sets none")
        if problem := parameter.problem_with(value):
            place = setting.place if name in setting.parameters else baseline.file
            raise ContentError(f"{place}: rule '{rule.id}': {problem}")
        bound[name] = value
    return RuleInForce(rule, setting.severity or rule.severity, bound)
