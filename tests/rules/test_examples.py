"""Each rule that ships is right about its own examples, and its examples notice every small change of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from auditor import shipped
from auditor.authoring import examples, mutants
from auditor.azure import paths
from auditor.azure.catalogue import shipped as shipped_types
from auditor.azure.paths import ABSENT
from auditor.azure.vocabulary import ResolvedName
from auditor.language.ast import AllOf, AnyOf, Condition, Count, Elements, Field, Leaf, Not, Quantifier
from auditor.model import Status
from auditor.rulebook import in_force
from auditor.rulebook import load as rulebook
from auditor.rulebook.baseline import load
from auditor.rulebook.in_force import words_of
from auditor.rulebook.load import Words
from auditor.rulebook.rule import Example, OnFact, OnType, Rule
from tests.evidence import verdict

_PACKAGES = ("openai-chat", "foundry-chat")
_FILES = [
    *rulebook.rule_files(shipped.folder("rules")),
    *(path for name in _PACKAGES for path in rulebook.rule_files(shipped.folder("baselines") / name / "rules")),
]


def _baseline(path: Path) -> str:
    """Return the baseline whose rule it is; the one that has all of the tool's own."""
    return next((name for name in _PACKAGES if name in path.parts), _PACKAGES[0])


@cache
def _words(baseline: str) -> Words:
    return words_of(load(baseline, shipped.folder("baselines")), shipped_types())


@cache
def _answered(baseline: str) -> dict[str, Rule]:
    return dict(in_force.load(in_force.Selection(baseline)).rules)


@cache
def _rule(path: Path) -> Rule:
    return rulebook.load_rule(path, _words(_baseline(path)))


def rules_on_types() -> list[Rule]:
    """Return the rules that judge each resource of a type, but for those of other editions."""
    own = (path for path in _FILES if _baseline(path) == _PACKAGES[0])
    return [rule for rule in map(_rule, own) if isinstance(rule.applies, OnType)]


@pytest.fixture(params=_FILES, ids=lambda path: str(path.stem))
def rule(request: pytest.FixtureRequest) -> Rule:
    path: Path = request.param
    return _rule(path)


def _read_by(condition: Condition) -> Iterator[ResolvedName]:
    """Yield the properties of the judged resource that a condition compares."""
    match condition:
        case Leaf(left=Field(path=place)):
            yield place
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            for part in parts:
                yield from _read_by(part)
        case Not(condition=inner):
            yield from _read_by(inner)
        case Quantifier(of=Elements(path=place)) | Count(of=Elements(path=place)):
            yield place
        case Leaf() | Quantifier() | Count():
            return  # computed values and related resources


def _leaves_absent(example: Example, place: ResolvedName) -> bool:
    spots = [value for _, value in paths.walk(example.resource, place.steps)]
    return not example.uncollected and (not spots or any(value is ABSENT for value in spots))


def test_examples_get_the_status_and_evidence_that_they_expect(rule: Rule) -> None:
    wrong = {outcome.example.name: outcome.problems for outcome in examples.run(rule) if outcome.problems}
    assert wrong == {}


def test_a_stranger_reaches_the_verdict_of_each_example_from_its_evidence(rule: Rule) -> None:
    wrong = {}
    for outcome in examples.run(rule):
        rows = [json.loads(json.dumps(asdict(leaf))) for leaf in outcome.verdict.evidence]
        if outcome.verdict.status in {Status.PASS, Status.FAIL}:
            reached = verdict(rows, examples.EXAMPLE_NOW)
            if reached != outcome.verdict.status.value:
                wrong[outcome.example.name] = (reached, rows)
    assert wrong == {}


def test_no_small_change_of_a_rule_goes_unnoticed(rule: Rule) -> None:
    assert mutants.survivors(rule) == []


def test_examples_show_each_status_that_the_rule_can_give(rule: Rule) -> None:
    wanted = {Status.PASS, Status.FAIL, Status.UNKNOWN}
    if rule.applies.when is not None:
        wanted.add(Status.NOT_APPLICABLE)
    assert wanted <= {example.status for example in rule.examples}


def test_examples_show_what_each_absent_property_means(rule: Rule) -> None:
    if isinstance(rule.applies, OnFact):
        return  # an analysis fills every field of its facts
    silent = [
        paths.show(place.steps)
        for place in _read_by(rule.require)
        if not any(_leaves_absent(example, place) for example in rule.examples)
    ]
    assert silent == []


@pytest.mark.parametrize("wrong", ["text", [1], 7, True], ids=repr)
def test_properties_of_a_wrong_shape_are_not_judged(rule: Rule, wrong: object) -> None:
    if isinstance(rule.applies, OnFact):
        return  # facts come from our own analyses
    for example in rule.examples:
        spoiled = {**example.resource, "properties": wrong}
        status = examples.ask(rule, replace(example, resource=spoiled)).status
        known = examples.ask(
            rule, replace(example, resource=spoiled, uncollected=[*example.uncollected, "properties"])
        ).status
        assert status is known


_NEGATION = re.compile(r"\b(no|not|nobody|nothing|none|never|without|cannot|refuse|forbid)\b", re.IGNORECASE)


def test_titles_are_short_positive_and_each_its_own() -> None:
    titles = [_rule(path).title for path in _FILES]

    assert [title for title in titles if len(title) > 60 or _NEGATION.search(title)] == []
    assert len(set(titles)) == len(titles)


_ABSENT = re.compile(r"\b(absent|null|never|nothing|without|none|nobody|no|neither|not)\b", re.IGNORECASE)
_CASE = re.compile(r"\b(letter|lower|any) (case|letters)|other letters", re.IGNORECASE)


def test_examples_show_every_kind_of_answer(rule: Rule) -> None:
    shown = {example.status for example in rule.examples}
    is_narrow = rule.applies.when is not None or getattr(rule.applies, "where", None) is not None
    assert shown >= {Status.PASS, Status.FAIL, Status.UNKNOWN, *([Status.NOT_APPLICABLE] if is_narrow else [])}


def test_examples_of_resources_show_what_absence_and_letter_case_mean(rule: Rule) -> None:
    if isinstance(rule.applies, OnFact):
        return  # facts have every field, spelled in one way
    names = [example.name for example in rule.examples]
    assert [name for name in names if _ABSENT.search(name)], "no example shows what an absent value means"
    assert [name for name in names if _CASE.search(name)], "no example shows that letter case does not matter"


def test_examples_say_what_they_show_each_in_its_own_words(rule: Rule) -> None:
    names = [example.name for example in rule.examples]

    assert [name for name in names if re.match(r"[A-Z]+[0-9]+\b.*:", name)] == []
    assert len(set(names)) == len(names)


def test_rules_cite_the_catalogue_and_explain_themselves(rule: Rule) -> None:
    baseline = _baseline(Path(rule.file))
    assert _answered(baseline)[rule.id].controls.get(baseline)
    assert rule.references
    assert all(reference.startswith("https://learn.microsoft.com/") for reference in rule.references)
    assert not rule.declares
    assert not rule.undeclared
