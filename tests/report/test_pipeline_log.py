"""No name and no message is a command to the pipeline whose log shows it, in any format."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.model import Report
from auditor.report.format import NAMES, View, named
from auditor.report.pipeline_log import APART, IN_JSON, LogSafeStream, harmless
from tests.report.conftest import GROUP

COMMANDS = (
    "##vso[task.setvariable variable=PATH]/tmp",
    "##[error]all is well",
    "###[group]",
    "##teamcity[buildStatus status='SUCCESS']",
    "::error file=a::b",
    "  ::add-mask::x",
    "x\n::stop-commands::t\r::set-output name=a::b\r\n \t::debug::c",
)
_PIECES = [*COMMANDS, "#", "##", "[", ":", "::", "vso", "error", " ", "\n", "\r", "\r\n", '"', "\\", "::1", "é"]
_TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=12).map("".join)


def obeyed(text: str) -> str | None:
    """Return what Azure Pipelines, GitHub's runner or TeamCity would obey in a log, read as they read it."""
    for line in re.split(r"\r\n|\r|\n", text):
        if re.search(r"##([A-Za-z]+)?\[", line) or re.match(r"::[A-Za-z][\w-]*( [^:]*)?::", line.lstrip()):
            return line
    return None


@given(_TEXTS)
def test_no_text_keeps_a_command_and_none_is_changed_without_need(text: str) -> None:
    assert obeyed(harmless(text)) is None
    assert harmless(harmless(text)) == harmless(text)
    if "##" not in text and "::" not in text:
        assert harmless(text) == text


@pytest.mark.parametrize(
    "text", ["::1/128", "::/0", "::ffff:10.0.0.1 is inside", "fe80::1", "a ## heading", "#[x]", "a::b::c"]
)
def test_an_address_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(st.recursive(_TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3)))
def test_json_keeps_its_values(value: object) -> None:
    for indent in (None, 2):
        text = harmless(json.dumps(value, ensure_ascii=False, indent=indent), IN_JSON)
        assert json.loads(text) == value
        assert obeyed(text) is None


@given(st.lists(_TEXTS, max_size=6), st.sampled_from([APART, IN_JSON]))
def test_however_a_text_is_cut_up_it_is_written_alike(parts: list[str], hash_sign: str) -> None:
    target = io.BytesIO()
    stream = LogSafeStream(target, hash_sign)
    for part in parts:
        stream.write(part)
    stream.finish()
    assert target.getvalue().decode() == harmless("".join(parts), hash_sign)


@pytest.mark.parametrize("name", [name for name in NAMES if named(name).hash_sign])
@pytest.mark.parametrize("width", [40, 100])
def test_no_format_lets_one_through(name: str, width: int, report: Report) -> None:
    text = "".join(COMMANDS)
    findings = [
        replace(
            finding, message=text, resource_id=f"{GROUP}/providers/{COMMANDS[number % 7]}", workload=text, location=text,
            unknown_reason=text, component=text, evidence=[replace(each, actual=[text]) for each in finding.evidence],
        )
        for number, finding in enumerate(report.findings)
    ]  # fmt: skip
    hostile = replace(
        report,
        findings=findings,
        notices=list(COMMANDS),
        gaps=[replace(gap, what=text, scope=text) for gap in report.gaps],
    )
    chosen, target = named(name), io.BytesIO()
    stream = LogSafeStream(target, chosen.hash_sign)
    chosen.write(hostile, stream, View(include_passed=True, width=width, verbose=True, color=True))
    stream.finish()
    written = target.getvalue().decode()
    assert obeyed(written) is None
    assert obeyed(re.sub(r"\x1b\[[0-9;]*m", "", written)) is None
    if name == "json":
        assert {finding["message"] for finding in json.loads(written)["findings"]} == {text}
