"""What findings quote is shown as it stands, unless it is a secret."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auditor.engine.disclosure import evidence_without_secrets, without_secrets
from auditor.model import Evidence, Finding, Severity, Status
from tests.audit.judging import judged
from tests.estates.chat import chat_document

_RANDOM = "xK9" + "vQ2mLr7TzB4nWc8YpD3sHf"  # in two parts, so that no scanner of repositories takes it for a real one
_FINDING = Finding("a-rule", Severity.LOW, Status.FAIL, None, None, "It fails.")


def _shown(path: str, value: str) -> object:
    leaf = Evidence(path, "equals", None, value)
    return without_secrets([replace(_FINDING, evidence=[leaf])])[0].evidence[0].actual


@pytest.mark.parametrize("path", ["policyName", "endpoints[0].name", "properties.sslPolicy.policyName"])
def test_what_names_something_is_shown(path: str) -> None:
    assert _shown(path, "AppGwSslPolicy20220101S") == "AppGwSslPolicy20220101S"


@pytest.mark.parametrize("path", ["properties.settings.apiKey", "properties.comment", "found"])
def test_what_looks_like_a_key_is_not(path: str) -> None:
    assert _shown(path, _RANDOM) != _RANDOM


def test_nothing_is_hidden_of_an_estate_without_secrets() -> None:
    findings = judged(chat_document()).findings
    hidden = [(each.rule_id, leaf.path) for each in findings for leaf in each.evidence if leaf.actual == "redacted"]
    assert hidden == []


def test_a_member_of_a_list_that_goes_by_all_that_it_says_says_nothing_secret() -> None:
    password = "Correct-Horse-7-Battery"  # noqa: S105 - what must not be shown
    leaf = Evidence(
        "properties.users[*].active", "equals", expected=False, actual=True, name=f'{{"password": "{password}"}}'
    )
    cleaned = evidence_without_secrets(leaf)
    assert cleaned.name == '{"password": "redacted"}'
    assert evidence_without_secrets(replace(leaf, name="admin")).name == "admin"
