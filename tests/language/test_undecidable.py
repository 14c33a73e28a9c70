"""A rule can say that the data cannot answer, and why; it is then neither pass nor fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.authoring import examples
from auditor.azure import paths
from auditor.azure.catalogue import Catalogue
from auditor.azure.paths import ABSENT
from auditor.azure.resource_type import ResourceType
from auditor.azure.vocabulary import Property
from auditor.engine.evaluate import Verdict
from auditor.language.functions import FunctionError, call
from auditor.model import Status
from auditor.rulebook import load as rulebook
from auditor.rulebook.load import Words

_RULE = """
id: vault-access-off
title: Vaults are closed
severity: high
rationale: Test.
remediation: {text: Close it.}
applies: {type: Test.Vault/vaults}
require:
  anyOf:
    - {field: access, equals: Off, default: On}
    - allOf:
        - {field: access, equals: Perimeter}
        - {unknown: {what: the perimeter, why: the vault does not show it}}
examples:
  - {name: closed, resource: {properties: {access: Off}}, verdict: pass}
  - {name: open, resource: {properties: {access: On}}, verdict: fail}
  - {name: guarded, resource: {properties: {access: Perimeter}}, verdict: unknown}
  - {name: too old, resource: {apiVersion: 2019-01-01, properties: {}}, verdict: unknown}
  - {name: shown by a preview, resource: {apiVersion: 2019-06-01-preview, properties: {access: Off}}, verdict: pass}
"""


@pytest.fixture
def verdicts(tmp_path: Path) -> dict[str, Verdict]:
    file = tmp_path / "vault-access-off.yaml"
    file.write_text(_RULE, encoding="utf-8")
    steps = paths.parse("properties.access")
    words = Words(
        Catalogue(
            [ResourceType("Test.Vault/vaults", properties=[Property("properties.access", steps, since="2020-01-01")])]
        ),
        {},
    )
    rule = rulebook.load_rule(file, words)
    assert [outcome.problems for outcome in examples.run(rule)] == [[]] * 5
    return {example.name: examples.ask(rule, example) for example in rule.examples}


def test_what_cannot_be_known_is_named_with_its_reason(verdicts: dict[str, Verdict]) -> None:
    guarded = verdicts["guarded"]
    assert guarded.status is Status.UNKNOWN
    assert ("the perimeter", "the vault does not show it") in [(gap.what, gap.reason) for gap in guarded.gaps]


def test_a_failure_is_not_explained_by_what_could_have_been_unknown(verdicts: dict[str, Verdict]) -> None:
    assert [(leaf.path, leaf.expected) for leaf in verdicts["open"].evidence] == [("properties.access", "Off")]


def test_what_cannot_be_known_is_no_reason_while_the_rest_was_not_read(verdicts: dict[str, Verdict]) -> None:
    """That a perimeter could not be seen matters once it is known that there is one."""
    assert [gap.what for gap in verdicts["too old"].gaps] == ["properties.access"]


@pytest.mark.parametrize(("seconds", "moment"), [(0, "1970-01-01T00:00:00Z"), ("1709251200", "2024-03-01T00:00:00Z")])
def test_seconds_since_1970_become_a_time(seconds: object, moment: str) -> None:
    assert call("dateTimeFromEpoch", [seconds]) == moment


@pytest.mark.parametrize("nothing", [ABSENT, None])
def test_no_number_of_seconds_is_no_time(nothing: object) -> None:
    assert call("dateTimeFromEpoch", [nothing]) is ABSENT


@pytest.mark.parametrize("hostile", ["soon", 1.5, True, [], {}, 10**17, -(10**17)])
def test_what_is_no_number_of_seconds_has_no_time(hostile: object) -> None:
    with pytest.raises(FunctionError):
        call("dateTimeFromEpoch", [hostile])
