from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from wcwidth import wcswidth

from auditor.model import MendingChange, Report, Severity
from auditor.report.format import Grouping, View
from auditor.report.formats.table import FORMAT
from auditor.report.group_by import GroupBy
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
    report: Report,
    *,
    width: int = 100,
    verbose: bool = False,
    color: bool = False,
    include_passed: bool = False,
    is_for_person: bool = False,
    grouping: Grouping | None = None,
) -> str:
    out = io.StringIO()
    view = View(include_passed, width, verbose, color, is_for_person=is_for_person, grouping=grouping or Grouping())
    FORMAT.write(report, out, view)
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
    text = text_of(report, width=200, verbose=True)
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
        for mark in ("Failures by area", "Missing components (1)", "Failures (", "CRITICAL", "Failures accepted", "Unknown:",
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
    text = text_of(report_of(*vaults), width=100, grouping=Grouping(GroupBy.RULE))
    assert text.count(VAULT_RULE.title) == 1
    assert "kv-004" in text
    assert "kv-005" not in text
    assert "… and 45 more" in text
    assert "kv-049" in text_of(report_of(*vaults), width=100, verbose=True)


def test_an_unknown_names_the_permission_that_would_settle_it(report: Report) -> None:
    assert "forbidden: grant Microsoft.CognitiveServices/accounts/raiPolicies/read" in " ".join(
        text_of(report, width=200).split()
    )


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
    findings = [replace(OPENAI_PUBLIC, severity=each, workload=each.value) for each in Severity]
    text = text_of(report_of(*findings), color=True, grouping=Grouping(GroupBy.WORKLOAD))
    assert all(severity.value.upper() in text for severity in Severity)


@given(name=st.text(max_size=200), width=st.integers(1, 120), color=st.booleans())
def test_no_name_steers_a_persons_terminal_or_is_wider_than_it(*, name: str, width: int, color: bool) -> None:
    grouping = Grouping(GroupBy.RESOURCE)
    text = text_of(
        report_of(named(name), OPENAI_PUBLIC), width=width, color=color, is_for_person=True, grouping=grouping
    )
    plain = re.sub("\x1b\\[[0-9;]*m|\x1b]8;;[!-~]*\x1b\\\\", "", text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", plain)
    assert max(wcswidth(line) for line in plain.split("\n")[:-2]) <= max(width, 40)


def test_a_person_reads_the_worst_last_and_the_verdict_after_it(report: Report) -> None:
    text = text_of(report, width=200, is_for_person=True)
    marks = ("Coverage", "Notices", "Gaps:", "Unknown:", "Failures (", "CRITICAL", "Missing components", "Failures by area",
             "Summary", "this audit is incomplete")  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


@given(by=st.sampled_from(GroupBy), top=st.integers(0, 4), is_for_person=st.booleans())
def test_no_group_is_lost_without_a_word(*, by: GroupBy, top: int, is_for_person: bool) -> None:
    names = [f"kv-{number:03}" for number in range(7)]
    findings = [
        replace(
            VAULT_NETWORK,
            resource_id=f"{VAULTS}/{name}",
            workload=name,
            controls={"own": [name]},
            mended_by=MendingChange(f"the lock of {name}", f"{VAULTS}/{name}"),
        )
        for name in names
    ]
    text = text_of(report_of(*findings), grouping=Grouping(by, top), is_for_person=is_for_person)
    listed = len(
        set(re.findall(r"kv-00\d", text.split("Failures (")[1].split("Summary")[0].split("Failures by area")[0]))
    )
    groups = 1 if by in {GroupBy.RULE, GroupBy.SUBSCRIPTION} else 7
    hidden = re.search(r"… and (\d) more (?:kinds? of change|\w+) with", text)
    assert int(hidden[1] if hidden else 0) == (groups - top if 0 < top < groups else 0)
    assert listed == (5 if groups == 1 else min(top or 7, 7))


def test_compact_has_one_line_for_each_change_and_says_how_much_it_mends() -> None:
    vaults = [replace(VAULT_NETWORK, resource_id=f"{VAULTS}/kv-{number:03}") for number in range(50)]
    text = text_of(report_of(*vaults), grouping=Grouping(compact=True))
    (line,) = [line for line in text.splitlines() if "and 49 more" in line]
    assert line.split()[:2] == ["high", "50"]
    assert "kv-001" not in text


def test_a_link_leads_to_the_portal_and_only_a_terminal_has_it() -> None:
    text = text_of(report_of(VAULT_NETWORK), color=True, is_for_person=True, width=120)
    assert f"\x1b]8;;https://portal.azure.com/#resource{VAULT_NETWORK.resource_id}\x1b\\" in text
    assert text == text_of(report_of(VAULT_NETWORK), color=True, is_for_person=True, width=120)
    assert "\x1b]8" not in text_of(report_of(VAULT_NETWORK), color=True) + text_of(
        report_of(VAULT_NETWORK), is_for_person=True
    )
