from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from auditor.model import Report, Severity
from auditor.report.format import View
from auditor.report.formats.table import FORMAT
from tests.report.conftest import (
    ACCOUNTS,
    GROUP,
    MISSING,
    OPENAI_PUBLIC,
    PASSED,
    SKIPPED,
    VAULT_NETWORK,
    VAULT_RULE,
    VAULTS,
    named,
    report_of,
)


def text_of(
    report: Report, *, width: int = 100, verbose: bool = False, color: bool = False, include_passed: bool = False
) -> str:
    out = io.StringIO()
    FORMAT.write(report, out, View(include_passed, width, verbose, color))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    *lines, last = text_of(report, width=width, include_passed=True).splitlines()
    assert max(wcswidth(line) for line in lines) <= width
    assert last.startswith("Exit code 2")


@given(name=st.text(max_size=300), width=st.integers(1, 120))
def test_no_name_is_wider_than_the_terminal_or_steers_it(name: str, width: int) -> None:
    text = text_of(report_of(named(name), OPENAI_PUBLIC), width=width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert max(wcswidth(line) for line in text.split("\n")) <= max(width, 40)


def test_control_characters_in_names_are_spelled_out(report: Report) -> None:
    text = text_of(report, width=200)
    assert "\x1b" not in text
    assert "esc\\x1b[31mred" in text


def test_names_stay_whole_where_half_the_line_holds_them() -> None:
    name = "oai-chat-production-eastus2"
    assert name in text_of(report_of(replace(OPENAI_PUBLIC, resource_id=f"{ACCOUNTS}/{name}")), width=80)


def test_verbose_shows_whole_ids_on_lines_of_their_own() -> None:
    lines = text_of(report_of(OPENAI_PUBLIC), width=60, verbose=True).splitlines()
    assert OPENAI_PUBLIC.resource_id in [line.strip() for line in lines]
    whole = {OPENAI_PUBLIC.resource_id, OPENAI_PUBLIC.remediation_cli}
    assert all(len(line) <= 60 or line.strip() in whole for line in lines)


def test_missing_components_come_first_then_failures_by_severity_and_the_verdict_last(report: Report) -> None:
    text = text_of(report, width=200)
    places = [
        text.index(mark)
        for mark in ("Missing components (1)", "Failures (", "CRITICAL", "HIGH", "LOW", "Failures accepted", "Unknown:",
                     "Gaps:", "Notices", "Summary", "this audit is incomplete")
    ]  # fmt: skip
    assert places == sorted(places)
    verdict, last = text.splitlines()[-2:]
    assert verdict.endswith("this audit is incomplete")
    assert last == (
        "Exit code 2 unless --allow-incomplete: 1 check unknown for Microsoft.CognitiveServices/accounts/raiPolicies"
        f" at {GROUP} (forbidden): grant Microsoft.CognitiveServices/accounts/raiPolicies/read"
    )


def test_a_missing_component_is_not_listed_twice() -> None:
    assert text_of(report_of(MISSING), width=200).count("deploy Azure Firewall") == 1


def test_a_rule_is_told_once_and_its_resources_below() -> None:
    vaults = [replace(VAULT_NETWORK, resource_id=f"{VAULTS}/kv-{number:03}") for number in range(50)]
    text = text_of(report_of(*vaults), width=100)
    assert text.count(VAULT_RULE.title) == text.count(VAULT_NETWORK.message) == 1
    assert "kv-019" in text
    assert "kv-020" not in text
    assert "… and 30 more" in text
    assert "kv-049" in text_of(report_of(*vaults), width=100, verbose=True)


def test_an_unknown_names_the_permission_that_would_settle_it(report: Report) -> None:
    assert "forbidden: grant Microsoft.CognitiveServices/accounts/raiPolicies/read" in text_of(report, width=100)


def test_passes_are_hidden_and_counted() -> None:
    report = report_of(PASSED, SKIPPED)
    assert "oai-good" not in text_of(report)
    assert "1 pass · 0 fail · 0 unknown · 1 not applicable" in text_of(report)
    assert "oai-good" in text_of(report, include_passed=True)
    assert "speech" not in text_of(report, include_passed=True)


def test_color_is_used_on_demand_and_adds_nothing_else(report: Report) -> None:
    plain, colored = text_of(report), text_of(report, color=True)
    assert "\x1b[1;31mCRITICAL\x1b[0m" in colored
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == plain


def test_every_severity_has_its_label() -> None:
    findings = [replace(OPENAI_PUBLIC, severity=severity) for severity in Severity]
    text = text_of(report_of(*findings), color=True)
    assert all(severity.value.upper() in text for severity in Severity)
