"""Controls by legs: what the shipped baseline asks is answered, and findings name only controls of their subject."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor import shipped
from auditor.errors import ContentError
from auditor.rulebook import controls, in_force
from auditor.rulebook.in_force import RuleSet, Selection

OWN = "openai-chat"


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


def test_every_requirement_of_a_public_framework_that_a_rule_names_is_one(rule_set: RuleSet) -> None:
    known = {each.name: each.controls for each in controls.public_frameworks(shipped.folder("baselines"))}
    named = {(name, each) for rule in rule_set.rules.values() for name, ids in rule.controls.items() for each in ids}
    assert [(name, each) for name, each in sorted(named) if name in known and each not in known[name]] == []


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
            "the rule 'storage-https-only' does not name the control",
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
