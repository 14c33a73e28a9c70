"""What a baseline's controls ask: leg by leg, each answered by a rule, or by a person who looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import ContentError, Mistakes
from auditor.language.ast import Condition
from auditor.model import Severity, Status
from auditor.rulebook.documents import ControlsDocument, LegDocument, RequirementsDocument
from auditor.rulebook.load import Words, condition_about
from auditor.rulebook.rule import Rule
from auditor.rulebook.validation import check
from auditor.yaml_source import Node, load_file, suggestion

FRAMEWORKS: Final = "frameworks"
"""The folder beside the shipped baselines with the requirements of public frameworks."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One thing that a control asks: answered by a `rule`, or by a person, whom `manual` tells what to look at.

    `example` names an example of the rule that fails. Where the rule judges subjects of several controls, `when` holds for
    those of this one.
    """

    asks: str
    rule: str | None = None
    example: str = ""
    when: Condition | None = None
    manual: str = ""


@dataclass(frozen=True, slots=True)
class Control:
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


@dataclass(frozen=True, slots=True)
class Framework:
    """Requirements under one name, by id, in the order of their source."""

    name: str
    title: str = ""
    version: str = ""
    link: str = ""
    controls: Mapping[str, Control] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answers:
    """Which controls the findings of a rule answer: those that all of them do, by framework, and those that depend.

    What depends is a framework, a control in it, and conditions on the finding's subject of which one must hold.
    """

    always: Mapping[str, Sequence[str]]
    depending: Sequence[tuple[str, str, Sequence[Condition]]] = ()


def read(files: Mapping[str, Sequence[Node]], rules: Mapping[str, Rule], words: Words) -> dict[str, Framework]:
    """Return the frameworks that a baseline brings, by name. ContentError with all mistakes of their files."""
    mistakes = Mistakes()
    frameworks: dict[str, Framework] = {}
    for name, nodes in files.items():
        controls: dict[str, Control] = {}
        for node in nodes:
            for control in mistakes.of(_controls, node, name, rules, words) or ():
                if control.id in controls:
                    mistakes.add(ContentError(f"{node.mark.file}: the control '{control.id}' stands in {name} twice"))
                controls[control.id] = control
        frameworks[name] = Framework(name, controls=dict(sorted(controls.items())))
    mistakes.raise_any()
    return frameworks


def _controls(node: Node, framework: str, rules: Mapping[str, Rule], words: Words) -> Sequence[Control]:
    document = check(node, ControlsDocument)
    mistakes = Mistakes()
    controls = []
    for number, each in enumerate(document.controls):
        place = node.child("controls", number)
        legs = [
            mistakes.of(_leg, leg, place.child("legs", index), (framework, each.id), rules, words)
            for index, leg in enumerate(each.legs)
        ]
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


def _leg(document: LegDocument, node: Node, control: tuple[str, str], rules: Mapping[str, Rule], words: Words) -> Leg:
    if (document.rule is None) == (not document.manual):
        node.fail(
            "a leg is answered either by a rule or by a person", "give it 'rule', or 'manual' with what to look at"
        )
    if document.rule is None:
        return Leg(_line(document.asks), manual=_line(document.manual))
    rule = rules.get(document.rule)
    if rule is None:
        node.child("rule").fail(f"there is no rule '{document.rule}'", suggestion(document.rule, rules))
    framework, control_id = control
    if control_id not in rule.controls.get(framework, ()):
        node.child("rule").fail(
            f"the rule '{rule.id}' does not name the control {control_id}", f"add it in {rule.file}"
        )
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


def public_frameworks(folder: Path) -> Iterator[Framework]:
    """Yield the frameworks of a folder of baselines, sorted by name. ContentError at the first mistake."""
    for path in sorted((folder / FRAMEWORKS).glob("*.yaml")):
        document = check(load_file(path), RequirementsDocument)
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
