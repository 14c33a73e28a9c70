"""What holds of every text and estate: what was taken out stays out, what is no secret stays, and no verdict changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor import audit, shipped
from auditor.authoring import examples
from auditor.azure.catalogue import shipped as shipped_types
from auditor.inputs.read import read
from auditor.model import Finding, Report
from auditor.redaction.body import Redactor
from auditor.redaction.text import KNOWN_CLEAN
from auditor.rulebook import in_force
from auditor.rulebook import load as rulebook
from auditor.rulebook.baseline import load
from tests.checkout import SAMPLE
from tests.redaction.planted import PLACES, secrets

_PIECES = [
    *(secret.text for secret in secrets(3)),
    *(
        "password=",
        "redacted",
        "redacted:0123456789abcdef",
        "Password=redacted:0123456789abcdef;",
        "://a:",
        "@",
        "--key ",
        "eyJ",
    ),
    *(
        '"',
        "'",
        "\\",
        '\\"',
        "=",
        ":",
        ";",
        " ",
        "\n",
        "-",
        "/",
        ".",
        "${",
        "$(A)",
        "[concat(",
        "sig=",
        "Basic ",
        "x",
        "9",
        "Bearer ",
    ),
]
TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=8).map("".join)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz .,()\n", max_size=200)


@given(TEXTS, st.sampled_from([None, b"k"]))
@settings(max_examples=600)
def test_what_was_taken_out_is_not_taken_out_again(text: str, key: bytes | None) -> None:
    once = Redactor(key).text(text)

    assert Redactor(key).text(once) == once
    assert Redactor().text(once) == once


@given(WORDS)
def test_words_and_punctuation_come_out_as_they_went_in(text: str) -> None:
    assert Redactor(b"k").text(text) is text


@given(TEXTS)
def test_what_was_seen_before_changes_nothing(text: str) -> None:
    first = Redactor(b"k").text(text)
    KNOWN_CLEAN.clear()

    assert Redactor(b"k").text(text) == first


@given(TEXTS, st.sampled_from(list(PLACES)))
@settings(max_examples=200)
def test_bodies_come_out_the_same_the_second_time(text: str, place: str) -> None:
    once = Redactor(b"k").body(PLACES[place](1, text))

    assert Redactor(b"k").body(once) is once


def test_no_rule_decides_otherwise_on_its_own_examples() -> None:
    words = in_force.words_of(load("openai-chat", shipped.folder("baselines")), shipped_types())
    redactor = Redactor(b"k")
    different = []
    for path in rulebook.rule_files(shipped.folder("rules")):
        rule = rulebook.load_rule(path, words)
        for example in rule.examples:
            clean = replace(example, resource=redactor.body(example.resource))
            if examples.ask(rule, clean).status is not examples.ask(rule, example).status:
                different.append((rule.id, example.name))

    assert different == []


def _report(path: Path, redactor: Redactor | None) -> Report:
    rules = in_force.load(in_force.Selection("openai-chat"))
    return audit.audit(read(path, redactor=redactor), rules, audit.Terms(complete=True))


def _verdicts(findings: list[Finding]) -> list[tuple[object, ...]]:
    return [
        (
            *(one.rule_id, one.resource_id, one.sub_object, one.status, one.fingerprint, one.message),
            *((leaf.path, str(leaf.actual), str(leaf.expected)) for leaf in one.evidence),
        )
        for one in findings
    ]


@pytest.mark.parametrize("estate", ["sample", "chat"])
def test_no_finding_on_a_whole_estate_changes(estate: str, chat_document: dict[str, Any], tmp_path: Path) -> None:
    path = SAMPLE
    if estate == "chat":
        path = tmp_path / "chat.json"
        path.write_text(json.dumps(chat_document), encoding="utf-8")

    raw, clean, keyed = (_report(path, redactor) for redactor in (None, Redactor(), Redactor(b"k")))

    assert _verdicts(list(raw.findings)) == _verdicts(list(clean.findings)) == _verdicts(list(keyed.findings))
