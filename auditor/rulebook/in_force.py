"""Bring rules and a baseline together: what is in force for one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import shipped
from auditor.analysis.contract import Analysis
from auditor.analysis.registry import kinds
from auditor.architecture.capabilities import CAPABILITIES
from auditor.architecture.declare import Declaration, names_in, parameters_of, read_declarations
from auditor.azure.catalogue import CONSTANTS, Catalogue
from auditor.azure.catalogue import shipped as shipped_types
from auditor.azure.catalogue import shipped_digest as catalogue_digest
from auditor.compiled import store
from auditor.errors import ContentError, Mistakes
from auditor.language.ast import Condition
from auditor.lazy_imports import lazy_imports
from auditor.model import RuleInfo, Severity
from auditor.rulebook import baseline as baselines
from auditor.rulebook import controls, editions, overlay, retired
from auditor.rulebook.baseline import Baseline, Setting
from auditor.rulebook.controls import Answers, Framework, answers_of
from auditor.rulebook.load import RELATIONS, TYPES, Words, load_rules, rule_files
from auditor.rulebook.parameters import Parameter
from auditor.rulebook.rule import Applies, OnComponent, OnFact, Rule
from auditor.yaml_source import Node, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import shipped_rules

RULES: Final = "rules"
"""The folder of a baseline with rules of its own."""


class Selection(Struct, frozen=True):
    """What a user asks to be judged by: `baseline` is a name or path, `assignments` are `--set` texts."""

    baseline: str = "openai-chat"
    rules: Sequence[Path] = ()
    assignments: Sequence[str] = ()
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()


class RuleInForce(Struct, frozen=True):
    """A rule as a baseline applies it: with the severity and the parameters that hold there."""

    rule: Rule
    severity: Severity
    parameters: Mapping[str, Any]
    answers: Answers

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


class RuleSet(Struct, frozen=True):
    """A baseline with its rules, read and checked. `unasked` are the ids that `--select` and `--ignore` leave out."""

    baseline: Baseline
    rules: Mapping[str, Rule]
    in_force: Sequence[RuleInForce]
    analyses: Mapping[str, Analysis]
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=shipped_types)
    frameworks: Mapping[str, Framework] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()

    @property
    def own_rules(self) -> Sequence[Rule]:
        """Return the rules in force that the baseline and those below it bring in their own folders, sorted by id."""
        folders = [folder.resolve() for folder in self.baseline.packages]
        files = {one.id: Path(one.rule.file).resolve() for one in self.in_force}
        return [one.rule for one in self.in_force if any(files[one.id].is_relative_to(folder) for folder in folders)]

    @property
    def own_framework(self) -> str:
        """Return the name of the framework that the baseline brings, the first of several; empty where it brings none."""
        return next(iter(self.frameworks), "")

    def framework(self, name: str) -> Framework:
        """Return a framework of the baseline, a public one, or one that only rules name. AuditorError where there is none."""
        return controls.framework(name, self.frameworks, self.rules.values(), shipped.folder("baselines"))

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
        line=rule.line,
    )


class Brought(Struct, frozen=True):
    """What a baseline and folders of rules bring, read and checked, before anything of it is set or chosen.

    `rules` know the controls that they answer; `own` are the ids of those that are not the tool's.
    """

    baseline: Baseline
    rules: Mapping[str, Rule]
    own: Sequence[str]
    frameworks: Mapping[str, Framework]
    components: Mapping[str, Sequence[str]]


def load(choice: Selection) -> RuleSet:
    """Read the baseline and all rules. ContentError with the mistakes that were met."""
    brought = _kept(choice.baseline) if not choice.rules else _read(choice.baseline, choice.rules)
    types = catalogue((*brought.baseline.packages, *choice.rules))
    declared = declared_by(brought.rules[each] for each in brought.own)
    baseline, places = overlay.with_assignments(brought.baseline, choice.assignments, declared)
    chosen = choose(baseline, brought.rules, brought.frameworks, extra=frozenset(brought.own))
    refuse_unread(baseline, chosen, brought.rules, kinds(), places)
    in_force = narrowed(chosen, choice.select, choice.ignore)
    return RuleSet(
        baseline,
        brought.rules,
        in_force,
        kinds(),
        brought.components,
        types,
        brought.frameworks,
        frozenset(rule.id for rule in chosen) - {rule.id for rule in in_force},
    )


def _kept(reference: str) -> Brought:
    """Return what a baseline brings; of one that comes with the tool, what an earlier start kept of it.

    It is read anew after any change of a file of the tool's own: a baseline, a rule, a type, or a module.
    """
    folder = shipped.folder("baselines")
    if shipped.is_replaced() or editions.split(reference)[0] not in baselines.names(folder):
        return _read(reference, ())

    def made_of() -> bytes:
        files = [*baselines.files(folder), *rule_files(shipped.folder("rules"))]
        return store.digest(files, catalogue_digest(), reference.encode())

    return store.kept(f"baseline-{reference}", made_of, lambda: _read(reference, ()), CONSTANTS)


def _read(reference: str, given: Sequence[Path]) -> Brought:
    base = baselines.load(reference, shipped.folder("baselines"))
    words = words_of(base, catalogue((*base.packages, *given)))
    rules = shipped_rules.shipped_rules(words)
    folders = _own_folders(base, given)
    own = load_rules(folders, words) if folders else {}
    mistakes = Mistakes()
    for rule_id in own.keys() & rules.keys():
        mistakes.of(own[rule_id].source.fail, f"rule id '{rule_id}' is already used by a rule of the tool",
                    "choose another id")  # fmt: skip
    mistakes.raise_any()
    rules |= own
    frameworks = controls.read(base.controls, rules, words)
    controls.refuse_stray(base.attestations, frameworks.values())
    rules = controls.with_controls(rules, frameworks)
    settled = replace(base, controls={}, places={})  # of which all is said that could be said of their places
    return Brought(settled, rules, sorted(own), frameworks, words.components)


def _own_folders(base: Baseline, given: Sequence[Path]) -> list[Path]:
    """Return the folders of rules that baselines bring, the lowest first, and those given besides, each once."""
    folders = [*(folder for package in base.packages if (folder := package / RULES).is_dir()), *given]
    return list({folder.resolve(): folder for folder in folders}.values())


def words_of(base: Baseline, types: Catalogue) -> Words:
    """Return what rules may refer to under a baseline."""
    declared = read_declarations(base.components, base.parameters, types.ways)
    _refuse_dead_paths(base, declared, types)
    dropped = {name: names_in(entry, "types") for name, entry in base.dropped.items()}
    capabilities = {name: [one.name for one in declared if name in one.gives] for name in CAPABILITIES}
    return Words(types, kinds(), {**dropped, **component_types(declared)}, base.declared, capabilities)


def _refuse_dead_paths(base: Baseline, declared: Sequence[Declaration], types: Catalogue) -> None:
    """Refuse what a component names of a resource and what no such resource has: nothing could ever be reached by it."""
    mistakes = Mistakes()
    kinds_of = {one.name: one.types for one in declared}
    for one in declared:
        named = [(list(one.types), condition.path) for condition in one.where if condition.path]
        for step in one.steps:
            named += (
                [([kind for name in step.origins for kind in kinds_of[name]], step.property)] if step.property else []
            )
        for listed, path in named:
            problem = types.refuse_dead_path(listed, path)
            place = base.places.get((one.name, path))
            if problem is not None and place is not None:
                mistakes.of(place.fail, problem)
    mistakes.raise_any()


def catalogue(folders: Iterable[Path] = ()) -> Catalogue:
    """Return what is known of types: the tool's own, and what folders of rules hold under `types` and `relations`."""
    listed = list(folders)
    more = [path for folder in listed if (path := folder / TYPES).is_dir()]
    relations = [path for folder in listed if (path := folder / RELATIONS).is_dir()]
    return shipped_types().with_folders(more, relations) if more or relations else shipped_types()


def component_types(declared: Iterable[Declaration]) -> dict[str, Sequence[str]]:
    """Return the resource types that each component may have."""
    return {one.name: one.types for one in declared if not one.internal}


def all_rules(folders: Sequence[Path] = (), baseline: str = "openai-chat") -> dict[str, Rule]:
    """Read the rules of the folders given; without any the tool's and the baseline's own, but for those it has no words for.

    The baseline lends them its parameters and components. ContentError where a rule of the folders lacks one.
    """
    if not folders:
        known = load(Selection(baseline)).rules
        return {rule_id: rule for rule_id, rule in known.items() if not rule.undeclared}
    base = baselines.load(baseline, shipped.folder("baselines"))
    rules = load_rules(folders, words_of(base, catalogue((*base.packages, *folders))))
    mistakes = Mistakes()
    for rule in rules.values():
        mistakes.of(refuse_undeclared, rule, base)
    mistakes.raise_any()
    return rules


def declared_by(rules: Iterable[Rule]) -> dict[str, Parameter]:
    """Return the parameters that rules declare themselves. ContentError where two declare one name differently."""
    declared: dict[str, Parameter] = {}
    for rule in rules:
        for name, parameter in rule.declares.items():
            if declared.setdefault(name, parameter) != parameter:
                rule.source.child("declares", name).fail(
                    f"another rule declares the parameter '{name}' otherwise",
                    "declare it alike, or choose another name",
                )
    return declared


def choose(
    baseline: Baseline,
    rules: Mapping[str, Rule],
    frameworks: Mapping[str, Framework] = MappingProxyType({}),
    *,
    extra: frozenset[str] = frozenset(),
) -> list[RuleInForce]:
    """Choose the baseline's rules and bind their parameters. ContentError where a glob or setting names no rule.

    `extra` are ids of rules that the user added, in force without the baseline naming them.
    """
    mistakes = Mistakes()
    for rule_id, setting in baseline.settings.items():
        if rule_id not in rules:
            text = f"{setting.place}: settings name the rule '{rule_id}', which does not exist"
            mistakes.add(ContentError(text, retired.hint(rule_id, rules)))
    chosen = set(extra)
    for glob, node in baseline.rules:
        matched = {rule_id for rule_id in rules if fnmatchcase(rule_id, glob.removeprefix("!"))}
        if not matched:
            mistakes.of(node.fail, f"the glob '{glob}' matches no rule", retired.hint(glob.removeprefix("!"), rules))
        chosen = chosen - matched if glob.startswith("!") else chosen | matched
    settings = {rule_id: baseline.settings.get(rule_id, Setting()) for rule_id in sorted(chosen)}
    enabled = [(rules[rule_id], setting) for rule_id, setting in settings.items() if setting.enabled is not False]
    bound = mistakes.each(enabled, lambda pair: bind(pair[0], baseline, pair[1], frameworks))
    mistakes.raise_any()
    return bound


def narrowed(rules: Sequence[RuleInForce], select: Sequence[str], ignore: Sequence[str]) -> list[RuleInForce]:
    """Return the rules that `--select` and `--ignore` leave. ContentError where one of their globs matches none."""
    known = [rule.id for rule in rules]
    for option, globs in (("--select", select), ("--ignore", ignore)):
        for glob in globs:
            if not any(fnmatchcase(rule_id, glob) for rule_id in known):
                raise ContentError(f"{option} {glob}: matches no rule in force", retired.hint(glob, known))
    return [
        rule
        for rule in rules
        if (not select or any(fnmatchcase(rule.id, glob) for glob in select))
        and not any(fnmatchcase(rule.id, glob) for glob in ignore)
    ]


def bind(
    rule: Rule, baseline: Baseline, setting: Setting, frameworks: Mapping[str, Framework] = MappingProxyType({})
) -> RuleInForce:
    """Give a rule its parameters: what the baseline sets for this rule, else the parameter's value."""
    refuse_undeclared(rule, baseline)
    for name in rule.applies.components if isinstance(rule.applies, OnComponent) else ():
        if name in baseline.dropped:
            text = f"{baseline.file}: the component '{name}' is taken away, and rule '{rule.id}' is about it"
            raise ContentError(text, "take the rule away too")
    for name in setting.parameters:
        if name not in rule.parameters:
            raise ContentError(f"{setting.place}: rule '{rule.id}' reads no parameter '{name}'",
                               suggestion(name, rule.parameters))  # fmt: skip
    bound: dict[str, Any] = {}
    for name, parameter in rule.parameters.items():
        value = setting.parameters.get(name, baseline.parameters.get(name, parameter.default))
        if value is None:
            raise ContentError(
                f"{rule.file}: parameter '{name}' has no default, and baseline {baseline.name} does not set it"
            )
        if problem := parameter.problem_with(value):
            place = setting.place if name in setting.parameters else baseline.file
            raise ContentError(f"{place}: rule '{rule.id}': {problem}")
        bound[name] = value
    return RuleInForce(rule, setting.severity or rule.severity, bound, answers_of(rule, frameworks))


def refuse_undeclared(rule: Rule, baseline: Baseline) -> None:
    """Raise ContentError where a rule reads a parameter that neither the baseline nor the rule declares."""
    listed = [node.value for node in rule.source.child("parameters").items("parameters")] if rule.undeclared else []
    for name in rule.undeclared:
        hint = suggestion(name, baseline.declared) or "declare it in the baseline, or in the rule under 'declares'"
        place = rule.source.child("parameters", listed.index(name))
        place.fail(f"baseline {baseline.name} declares no parameter '{name}'", hint)


def refuse_unread(
    baseline: Baseline,
    chosen: Sequence[RuleInForce],
    rules: Mapping[str, Rule],
    analyses: Mapping[str, Analysis],
    places: Mapping[str, Node],
) -> None:
    """Raise ContentError where a parameter was set that nothing in force reads: the setting would change nothing.

    It is asked of what the outermost baseline and the command line set, whatever `--select` narrows the run to.
    """
    read = parameters_read(baseline, [rule.rule for rule in chosen], analyses)
    mistakes = Mistakes()
    for name, node in places.items():
        if name not in read:
            readers = sorted(rule.id for rule in rules.values() if name in rule.parameters)
            hint = f"not in force: {', '.join(readers)}, which would" if readers else ""
            mistakes.of(node.fail, f"nothing that is in force reads the parameter '{name}'", hint)
    mistakes.raise_any()


def parameters_read(baseline: Baseline, rules: Sequence[Rule], analyses: Mapping[str, Analysis]) -> frozenset[str]:
    """Return the parameters that rules read, the analyses behind them, their tables, and the components."""
    asked = {rule.applies.kind for rule in rules if isinstance(rule.applies, OnFact)}
    behind = [analyses[kind] for kind in sorted(asked) if kind in analyses]
    tables = {name: baseline.tables[name] for analysis in behind for name in analysis.tables & baseline.tables.keys()}
    return frozenset(
        {name for rule in rules for name in rule.parameters}
        | {name for analysis in behind for name in analysis.parameters}
        | set(_named_in(tables))
        | set(parameters_of(baseline.components))
    )


def _named_in(table: object) -> Iterator[str]:
    """Yield the parameters that a table takes values from: `{parameter: NAME}`, however deep."""
    if isinstance(table, Mapping):
        if isinstance(name := table.get("parameter"), str):
            yield name.partition(".")[0]
        for value in table.values():
            yield from _named_in(value)
    elif isinstance(table, list):
        for value in table:
            yield from _named_in(value)
