"""Controls, and a report by the requirements of a framework, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import in_process, is_one_line

OVERLAY = """
name: mine
version: "1"
extends: openai-chat
controls: {own: own.yaml}
attestations:
  - {control: OWN-2, by: J. Doe, on: "2024-01-10", valid_until: "UNTIL", link: "https://example.org/r/7"}
"""
OWN = """
controls:
  - id: OWN-1
    title: HTTPS everywhere
    severity: high
    article: Data in transit is encrypted.
    legs:
      - {asks: HTTPS only, rule: own-https-only, example: no HTTPS}
  - id: OWN-2
    title: Somebody reads the alerts
    severity: low
    legs: [{asks: Alerts are read, manual: Ask who had the pager last week.}]
  - id: OWN-3
    title: For registries only
    severity: low
    legs:
      - {asks: HTTPS only, rule: own-https-only, example: no HTTPS, when: {field: name, like: reg*}}
"""
RULE = """
id: own-https-only
title: HTTPS only
severity: high
rationale: A reason.
remediation: {text: A remedy.}
controls: {own: [OWN-1, OWN-3], public-1.0: [P-1]}
applies: {type: Microsoft.Storage/storageAccounts}
require: {field: supportsHttpsTrafficOnly, equals: true}
examples:
  - {name: HTTPS, resource: {properties: {supportsHttpsTrafficOnly: true}}, verdict: pass}
  - {name: no HTTPS, resource: {properties: {supportsHttpsTrafficOnly: false}}, verdict: fail}
"""
ACCOUNT = """
{"id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st1",
 "name": "st1", "type": "Microsoft.Storage/storageAccounts", "properties": {"supportsHttpsTrafficOnly": false}}
"""


@pytest.fixture
def at(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own-https-only.yaml").write_text(RULE)
    (tmp_path / "baseline.yaml").write_text(OVERLAY.replace("UNTIL", "2026-01-10"))
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "estate.json").write_text(ACCOUNT)
    return tmp_path


MINE = ("--baseline", "baseline.yaml", "--rules", "rules")


def test_the_baselines_controls_are_listed_with_their_legs(tmp_path: Path) -> None:
    listed = in_process("control", "list", "-o", "json", at=tmp_path).report["controls"]
    shown = in_process("control", "list", at=tmp_path, env={"COLUMNS": "200"})
    control = next(each for each in listed if each["id"] == "AOAI-NET-001")
    assert control["severity"] == "critical"
    assert [leg["rule"] for leg in control["legs"]] == [
        "openai-public-network-access-off",
        "network-perimeter-lets-nobody-in",
    ]
    assert all(leg.keys() == {"asks", "rule", "example"} and leg["asks"] for leg in control["legs"])
    assert [each["id"] for each in listed] == [line.split()[1] for line in shown.out.splitlines()[2 : len(listed) + 2]]


def test_a_control_is_shown_with_its_sentence_its_legs_and_what_its_rules_read(at: Path) -> None:
    shown = in_process("control", "show", "own-1", "--framework", "own", *MINE, at=at).out
    assert '"Data in transit is encrypted."' in shown
    assert "own-https-only" in shown
    assert "Reads: Microsoft.Storage/storageAccounts" in shown


def test_what_a_person_must_look_at_is_shown_with_who_has(at: Path) -> None:
    (at / "baseline.yaml").write_text(OVERLAY.replace("UNTIL", "2999-01-10"))
    shown = in_process("control", "show", "OWN-2", "--framework", "own", *MINE, at=at, env={"COLUMNS": "200"}).out
    assert "a person: Ask who had the pager last week." in shown
    assert "Attested by J. Doe on 2024-01-10, valid until 2999-01-10, recorded at https://example.org/r/7" in shown


@pytest.mark.parametrize(("as_of", "is_current"), [("2026-01-10T23:00:00Z", True), ("2026-01-11T00:00:00Z", False)])
def test_a_report_is_grouped_by_requirement_and_an_attestation_is_no_pass(
    at: Path, as_of: str, *, is_current: bool
) -> None:
    arguments = ("estate.json", "--complete", "--framework", "own", "--select", "own-*", "--as-of", as_of, *MINE)
    framework = in_process("evaluate", *arguments, "-o", "json", at=at).report["framework"]
    assert {each["id"]: each["state"] for each in framework["requirements"]} == {
        "OWN-1": "fail",
        "OWN-2": "manual",
        "OWN-3": "not_covered",  # the rule judged one account, which is not this requirement's
    }
    assert framework["by_state"]["pass"] == 0
    assert framework["requirements"][1]["manual"][0]["is_current"] is is_current
    shown = in_process("evaluate", *arguments, at=at, env={"COLUMNS": "200"}).out
    assert "own: 0 pass · 1 fail · 0 unknown · 0 not applicable · 1 manual · 1 not covered by any rule" in shown


def test_a_framework_that_only_rules_name_has_their_requirements(at: Path) -> None:
    arguments = ("estate.json", "--complete", "--framework", "public-1.0", "--select", "own-*", *MINE)
    framework = in_process("evaluate", *arguments, "-o", "json", at=at).report["framework"]
    assert [(each["id"], each["state"]) for each in framework["requirements"]] == [("P-1", "fail")]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("control", "show", "AOAI-NET-01"), "openai-chat has no control 'AOAI-NET-01' (did you mean"),
        (("control", "list", "--framework", "openai-chatt"), "there is no framework 'openai-chatt' (did you mean"),
        (("evaluate", "estate.json", "--framework", "nist"), "there is no framework 'nist'"),
    ],
)
def test_a_name_that_does_not_exist_is_one_line(at: Path, arguments: tuple[str, ...], problem: str) -> None:
    shown = in_process(*arguments, at=at)
    assert shown.code == 2
    assert is_one_line(shown.err)
    assert problem in shown.err
