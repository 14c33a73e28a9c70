"""Controls by legs: what the shipped baseline asks is answered, and findings name only controls of their subject."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor import shipped
from auditor.engine.subjects import ExampleSubject
from auditor.errors import ContentError
from auditor.language.environment import Environment
from auditor.language.evaluate import evaluate
from auditor.model import Status
from auditor.rulebook import controls, in_force
from auditor.rulebook.controls import Control, Framework, Leg
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.truth import Truth

OWN = "openai-chat"
_LATER = datetime(2024, 3, 1, tzinfo=UTC)
# What a person is told to do, so that they know where to look.
_LOOKING = re.compile(r"\b(look|compare|ask|open|see)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return in_force.load(Selection())


def test_every_control_that_a_rule_names_has_a_leg_that_the_rule_answers(rule_set: RuleSet) -> None:
    answered = {(control.id, rule) for control in rule_set.frameworks[OWN].controls.values() for rule in control.rules}
    named = {(control, rule.id) for rule in rule_set.rules.values() for control in rule.controls.get(OWN, ())}
    assert named == answered


def test_every_control_says_what_it_rests_on(rule_set: RuleSet) -> None:
    lacking = [control.id for control in rule_set.frameworks[OWN].controls.values() if not control.article]
    assert lacking == []


def _legs(rule_set: RuleSet) -> Iterator[tuple[Control, Leg]]:
    for control in rule_set.frameworks[OWN].controls.values():
        for leg in control.legs:
            yield control, leg


def test_every_control_has_a_leg(rule_set: RuleSet) -> None:
    assert [control.id for control in rule_set.frameworks[OWN].controls.values() if not control.legs] == []


def test_the_example_of_each_leg_is_one_that_its_rule_fails(rule_set: RuleSet) -> None:
    failing = {
        (rule.id, example.name)
        for rule in rule_set.rules.values()
        for example in rule.examples
        if example.status is Status.FAIL
    }
    named = [(control.id, leg.rule, leg.example) for control, leg in _legs(rule_set) if leg.rule]
    assert [each for each in named if each[1:] not in failing] == []


def test_the_example_of_a_leg_is_about_a_subject_of_the_leg(rule_set: RuleSet) -> None:
    strangers = []
    for control, leg in _legs(rule_set):
        if leg.rule is None or leg.when is None:
            continue
        rule = rule_set.rules[leg.rule]
        subject = ExampleSubject.of(next(example for example in rule.examples if example.name == leg.example))
        defaults = {name: parameter.default for name, parameter in rule.parameters.items()}
        if evaluate(leg.when, Environment(subject, subject, defaults, _LATER)) is not Truth.YES:
            strangers.append((control.id, leg.rule, leg.example))
    assert strangers == []


def test_no_two_legs_of_a_control_ask_or_answer_alike(rule_set: RuleSet) -> None:
    asked = Counter((control.id, leg.asks.lower()) for control, leg in _legs(rule_set))
    answered = Counter((control.id, leg.rule, str(leg.when)) for control, leg in _legs(rule_set) if leg.rule)
    looked_at = Counter((control.id, leg.manual) for control, leg in _legs(rule_set) if leg.manual)
    assert [each for counts in (asked, answered, looked_at) for each, count in counts.items() if count > 1] == []


def test_a_leg_asks_in_words_of_its_own(rule_set: RuleSet) -> None:
    titles = {rule.id: rule.title.lower() for rule in rule_set.rules.values()}
    assert [
        (control.id, leg.rule) for control, leg in _legs(rule_set) if titles.get(leg.rule or "") == leg.asks.lower()
    ] == []


def test_a_leg_for_a_person_says_where_to_look(rule_set: RuleSet) -> None:
    manual = [(control.id, leg.manual) for control, leg in _legs(rule_set) if leg.rule is None]
    assert [each for each in manual if not _LOOKING.search(each[1]) or len(each[1].split()) < 10] == []


@pytest.fixture(scope="module")
def public() -> dict[str, Framework]:
    return {each.name: each for each in controls.public_frameworks(shipped.folder("baselines"))}


def test_every_requirement_that_a_rule_names_is_one_of_its_framework(
    rule_set: RuleSet, public: dict[str, Framework]
) -> None:
    known = {(each.name, control) for each in public.values() for control in each.controls}
    named = {
        (framework, each)
        for rule in rule_set.rules.values()
        for framework, ids in rule.controls.items()
        if framework != OWN
        for each in ids
    }
    assert named - known == set()


def test_no_rule_names_a_requirement_twice(rule_set: RuleSet) -> None:
    lists = [(rule.id, name, ids) for rule in rule_set.rules.values() for name, ids in rule.controls.items()]
    assert [(rule, name) for rule, name, ids in lists if len(set(ids)) < len(ids)] == []


def test_a_public_framework_is_kept_under_its_name() -> None:
    folder = shipped.folder("baselines") / controls.FRAMEWORKS
    names = [each.name for each in controls.public_frameworks(shipped.folder("baselines"))]
    assert names == sorted(path.stem for path in folder.glob("*.yaml"))


def test_public_frameworks_and_their_requirements_have_a_title_and_secure_links(public: dict[str, Framework]) -> None:
    links = [each.link for each in public.values()]
    links += [control.link for each in public.values() for control in each.controls.values() if control.link]
    assert [link for link in links if not link.startswith("https://")] == []
    titles = [each.title for each in public.values()]
    titles += [control.title for each in public.values() for control in each.controls.values()]
    assert [title for title in titles if not title or title != " ".join(title.split())] == []


def test_ids_of_public_requirements_are_unique_in_any_letter_case(public: dict[str, Framework]) -> None:
    for each in public.values():
        assert len({control.lower() for control in each.controls}) == len(each.controls), each.name


LEG = """
name: mine
version: "1"
extends: openai-chat
controls: {openai-chat: own.yaml}
"""


@pytest.mark.parametrize(
    ("leg", "problem"),
    [
        ("{asks: A thing}", "a leg is answered either by a rule or by a person"),
        (
            "{asks: A thing, rule: storage-https-only, manual: Look.}",
            "a leg is answered either by a rule or by a person",
        ),
        ("{asks: A thing, rule: storage-https-onli, example: x}", "there is no rule 'storage-https-onli'"),
        (
            "{asks: A thing, rule: storage-https-only, example: x}",
            "rule 'storage-https-only' has no failing example 'x'",
        ),
    ],
)
def test_a_leg_that_nothing_answers_is_refused_with_its_place(tmp_path: Path, leg: str, problem: str) -> None:
    (tmp_path / "baseline.yaml").write_text(LEG, encoding="utf-8")
    own = f"controls:\n  - id: OWN-1\n    title: Own\n    severity: low\n    legs:\n      - {leg}\n"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    with pytest.raises(ContentError, match=problem) as caught:
        in_force.load(Selection(str(tmp_path / "baseline.yaml")))
    assert "own.yaml:6:" in str(caught.value)


OVERLAY = """
name: mine
version: "1"
extends: openai-chat
controls: {openai-chat: own.yaml}
attestations:
  - {control: CONTROL, by: J. Doe, on: "2025-01-01", valid_until: "2026-01-01"}
"""
OWN_CONTROLS = """
controls:
  - {id: OWN-1, title: Own, severity: low, legs: [{asks: A, manual: Look at A.}, {asks: B, manual: Look at B.}]}
"""


@pytest.mark.parametrize(
    ("control", "problem"),
    [
        ("OWN-3", "names the control 'OWN-3', which does not exist"),
        ("OWN-1", "does not say which leg of OWN-1 it is about (give it as 'asks', one of: A; B)"),
    ],
)
def test_an_attestation_of_nothing_is_refused(tmp_path: Path, control: str, problem: str) -> None:
    (tmp_path / "baseline.yaml").write_text(OVERLAY.replace("CONTROL", control), encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN_CONTROLS, encoding="utf-8")
    with pytest.raises(ContentError, match=re.escape(problem)):
        in_force.load(Selection(str(tmp_path / "baseline.yaml")))


@pytest.mark.parametrize("named", [r'"a\0b"', "a" * 5_000, "missing", "empty"])
def test_controls_that_are_not_there_are_refused_in_one_line(tmp_path: Path, named: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "baseline.yaml").write_text(LEG.replace("own.yaml", named), encoding="utf-8")
    with pytest.raises(ContentError, match="there is no file") as caught:
        in_force.load(Selection(str(tmp_path / "baseline.yaml")))
    assert "baseline.yaml:5:" in str(caught.value)
