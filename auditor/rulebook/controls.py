"""What a baseline's controls ask: leg by leg, each answered by a rule, or by a person who looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import AuditorError, ContentError, Mistakes
from auditor.language.ast import Condition
from auditor.lazy_imports import lazy_imports
from auditor.model import Severity, Status
from auditor.rulebook.baseline import Attestation
from auditor.rulebook.control_layer import ControlLayer
from auditor.rulebook.load import Words, condition_about
from auditor.rulebook.rule import Rule
from auditor.yaml_source import Node, load_file, suggestion

with lazy_imports(__name__):
    from auditor.rulebook import documents, validation

FRAMEWORKS: Final = "frameworks"
"""The folder beside the shipped baselines with the requirements of public frameworks."""


class Leg(Struct, frozen=True):
    """One thing that a control asks: answered by a `rule`, or by a person, whom `manual` tells what to look at.

    `example` names an example of the rule that fails. Where the rule judges subjects of several controls, `when` holds for
    those of this one.
    """

    asks: str
    rule: str | None = None
    example: str = ""
    when: Condition | None = None
    manual: str = ""


class Control(Struct, frozen=True):
    """A requirement of a framework. `article` is the sentence that it rests on, `link` the page that says more.

    A public framework's requirements have no legs: rules name them.
    """

    id: str
    title: str
    severity: Severity | None = None
    article: str = ""
    link: str = ""
    legs: Sequence[Leg] = ()

    @property
    def rules(self) -> Sequence[str]:
        """Return the rules that answer its legs, in the order of the legs."""
        return list(dict.fromkeys(leg.rule for leg in self.legs if leg.rule))


class Framework(Struct, frozen=True):
    """Requirements under one name, by id, in the order of their source."""

    name: str
    title: str = ""
    version: str = ""
    link: str = ""
    controls: Mapping[str, Control] = field(default_factory=dict)


class Answers(Struct, frozen=True):
    """Which controls the findings of a rule answer: those that all of them do, by framework, and those that depend.

    What depends is a framework, a control in it, and conditions on the finding's subject of which one must hold.
    """

    always: Mapping[str, Sequence[str]]
    depending: Sequence[tuple[str, str, Sequence[Condition]]] = ()


def read(layers: Mapping[str, Sequence[ControlLayer]], rules: Mapping[str, Rule], words: Words) -> dict[str, Framework]:
    """Return the frameworks that a baseline brings, by name; a control of an overlay stands in for the one below it.

    ContentError with all mistakes of their files.
    """
    mistakes = Mistakes()
    frameworks: dict[str, Framework] = {}
    unmatched: dict[int, Node] = {}
    matched: set[int] = set()
    for name, several in layers.items():
        controls: dict[str, Control] = {}
        for layer in several:
            for glob in layer.removed:
                gone = [each for each in controls if fnmatchcase(each, str(glob.value))]
                matched |= {id(glob)} if gone else set()
                unmatched[id(glob)] = glob
                for each in gone:
                    del controls[each]
            controls = _without_rules(controls, layer.rules_gone)
            controls |= _layer(layer.files, name, rules, words, mistakes)
        frameworks[name] = Framework(name, controls=dict(sorted(controls.items())))
    for key, glob in unmatched.items():
        if key not in matched:
            mistakes.of(glob.fail, f"no control of a baseline below matches '{glob.value}'")
    mistakes.raise_any()
    return frameworks


def _without_rules(controls: Mapping[str, Control], globs: Sequence[str]) -> dict[str, Control]:
    """Return the controls without the legs of rules that are gone, and without those that have no other leg."""
    if not globs:
        return dict(controls)
    left: dict[str, Control] = {}
    for name, control in controls.items():
        legs = [leg for leg in control.legs if not any(fnmatchcase(leg.rule or "", glob) for glob in globs)]
        if legs:
            left[name] = replace(control, legs=legs)
    return left


def with_controls(rules: Mapping[str, Rule], frameworks: Mapping[str, Framework]) -> dict[str, Rule]:
    """Return the rules with the controls that they answer: those that the legs of a baseline say, besides their own."""
    answered: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for framework in frameworks.values():
        for control in framework.controls.values():
            for rule in control.rules:
                answered[rule].setdefault(framework.name, set()).add(control.id)
    return {rule.id: _with_controls(rule, answered.get(rule.id, {})) for rule in rules.values()}


def _with_controls(rule: Rule, answered: Mapping[str, set[str]]) -> Rule:
    if not answered:
        return rule
    controls = {
        name: list(dict.fromkeys([*rule.controls.get(name, ()), *sorted(ids)])) for name, ids in answered.items()
    }
    return replace(rule, controls=dict(sorted({**rule.controls, **controls}.items())))


def _layer(
    nodes: Sequence[Node], framework: str, rules: Mapping[str, Rule], words: Words, mistakes: Mistakes
) -> dict[str, Control]:
    controls: dict[str, Control] = {}
    for node in nodes:
        for control in mistakes.of(_controls, node, rules, words) or ():
            if control.id in controls:
                mistakes.add(ContentError(f"{node.mark.file}: the control '{control.id}' stands in {framework} twice"))
            controls[control.id] = control
    return controls


def _controls(node: Node, rules: Mapping[str, Rule], words: Words) -> Sequence[Control]:
    document = validation.check(node, documents.ControlsDocument)
    mistakes = Mistakes()
    controls = []
    for number, each in enumerate(document.controls):
        place = node.child("controls", number)
        legs = [mistakes.of(_leg, leg, place.child("legs", index), rules, words) for index, leg in enumerate(each.legs)]
        controls.append(
            Control(
                each.id,
                each.title,
                each.severity,
                _line(each.article),
                each.link,
                [leg for leg in legs if leg is not None],
            )
        )
    mistakes.raise_any()
    return controls


def _leg(document: documents.LegDocument, node: Node, rules: Mapping[str, Rule], words: Words) -> Leg:
    if (document.rule is None) == (not document.manual):
        node.fail(
            "a leg is answered either by a rule or by a person", "give it 'rule', or 'manual' with what to look at"
        )
    if document.rule is None:
        return Leg(_line(document.asks), manual=_line(document.manual))
    rule = rules.get(document.rule)
    if rule is None:
        node.child("rule").fail(f"there is no rule '{document.rule}'", suggestion(document.rule, rules))
    failing = [example.name for example in rule.examples if example.status is Status.FAIL]
    if document.example not in failing:
        place = node.child("example")
        place.fail(
            f"rule '{rule.id}' has no failing example '{document.example}'", suggestion(document.example, failing)
        )
    when = None if document.when is None else condition_about(rule, node.child("when"), words)
    return Leg(_line(document.asks), rule.id, document.example, when)


def _line(text: str) -> str:
    return " ".join(text.split())


def refuse_stray(attestations: Iterable[Attestation], frameworks: Iterable[Framework]) -> None:
    """Raise ContentError where an attestation names no control, or none of its legs that a person must look at."""
    controls = {control.id: control for framework in frameworks for control in framework.controls.values()}
    mistakes = Mistakes()
    for each in attestations:
        if each.control not in controls:
            text = f"{each.place}: an attestation names the control '{each.control}', which does not exist"
            mistakes.add(ContentError(text, suggestion(each.control, controls)))
            continue
        manual = [leg.asks for leg in controls[each.control].legs if leg.rule is None]
        if not manual:
            mistakes.add(ContentError(f"{each.place}: rules alone answer {each.control}: there is nothing to attest"))
        elif each.asks not in manual and (each.asks or len(manual) > 1):
            text = f"{each.place}: an attestation does not say which leg of {each.control} it is about"
            mistakes.add(ContentError(text, "give it as 'asks', one of: " + "; ".join(manual)))
    mistakes.raise_any()


def public_frameworks(folder: Path) -> Iterator[Framework]:
    """Yield the frameworks of a folder of baselines, sorted by name. ContentError at the first mistake."""
    for path in sorted((folder / FRAMEWORKS).glob("*.yaml")):
        document = validation.check(load_file(path), documents.RequirementsDocument)
        yield Framework(
            document.name,
            document.title,
            document.version,
            document.link,
            {key: Control(key, each.title, link=each.link) for key, each in document.requirements.items()},
        )


def answers_of(rule: Rule, frameworks: Mapping[str, Framework]) -> Answers:
    """Return which controls a rule's findings answer: what it names, narrowed by the legs that say of which subjects."""
    always: dict[str, Sequence[str]] = {}
    depending: list[tuple[str, str, Sequence[Condition]]] = []
    for name, ids in rule.controls.items():
        narrowed = {control: _conditions(rule.id, frameworks, name, control) for control in ids}
        always[name] = [control for control in ids if not narrowed[control]]
        depending += [(name, control, conditions) for control, conditions in narrowed.items() if conditions]
    return Answers({name: ids for name, ids in always.items() if ids}, depending)


def _conditions(rule: str, frameworks: Mapping[str, Framework], framework: str, control: str) -> Sequence[Condition]:
    known = frameworks[framework].controls.get(control) if framework in frameworks else None
    conditions = [leg.when for leg in known.legs if leg.rule == rule] if known else []
    return [] if None in conditions else [condition for condition in conditions if condition is not None]


def framework(name: str, own: Mapping[str, Framework], rules: Iterable[Rule], folder: Path) -> Framework:
    """Return a framework by name: of the baseline, a public one, else one whose requirements only rules name.

    AuditorError where there is none of that name.
    """
    known = {**{each.name: each for each in public_frameworks(folder)}, **own}
    if name in known:
        return known[name]
    named = {each: ids for each, ids in _named(rules).items() if each not in known}
    if name not in named:
        raise AuditorError(f"there is no framework '{name}'", suggestion(name, {*known, *named}))
    return Framework(name, controls={each: Control(each, "") for each in sorted(named[name])})


def _named(rules: Iterable[Rule]) -> Mapping[str, set[str]]:
    named: defaultdict[str, set[str]] = defaultdict(set)
    for rule in rules:
        for name, ids in rule.controls.items():
            named[name].update(ids)
    return named
