from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from auditor.model import Report, Severity, Status
from auditor.report.selection import names_of
from auditor.report.summary import few_alike, summarise, verdict
from auditor.report.text import run_id, utc_text
from tests.report.conftest import ACCOUNTS, EXEMPT, GAP, GROUP, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, VAULT_NETWORK

Maker = Callable[..., Report]


def test_every_status_and_severity_is_counted_even_at_zero(make_report: Maker) -> None:
    summary = summarise(make_report(PASSED))
    assert summary.by_status == {Status.PASS: 1, Status.FAIL: 0, Status.UNKNOWN: 0, Status.NOT_APPLICABLE: 0}
    assert summary.by_severity == dict.fromkeys(Severity, 0)


def test_by_severity_counts_failures_only(make_report: Maker) -> None:
    summary = summarise(make_report(OPENAI_PUBLIC, VAULT_NETWORK, UNREAD, PASSED))
    assert {severity.value: count for severity, count in summary.by_severity.items() if count} == {
        "critical": 1,
        "high": 1,
    }


@pytest.mark.parametrize(
    ("findings", "gaps", "sentence"),
    [
        ((), (), "Nothing was judged: this is not a pass"),
        ((SKIPPED,), (GAP,), "Nothing was judged: this is not a pass"),
        ((PASSED, SKIPPED), (), "No failures · 1 check judged, nothing unknown"),
        ((PASSED,), (GAP,), "No failures · 1 check judged, nothing unknown · 1 gap on which no answer depends"),
        ((UNREAD,), (), "No failures · 1 unknown: this audit is incomplete"),
        ((OPENAI_PUBLIC, UNREAD), (), "1 failure (1 critical) · 1 unknown: this audit is incomplete"),
        (
            (OPENAI_PUBLIC, EXEMPT, VAULT_NETWORK, PASSED),
            (),
            "3 failures (2 critical, 1 high), 1 of them accepted by exemption · 4 checks judged, nothing unknown",
        ),
    ],
)
def test_the_verdict_says_failures_and_what_is_not_known(
    make_report: Maker, findings: tuple[object, ...], gaps: tuple[object, ...], sentence: str
) -> None:
    assert verdict(summarise(make_report(*findings, gaps=gaps))) == sentence


def test_the_run_is_named_after_its_inputs_alone(make_report: Maker) -> None:
    base = make_report(PASSED)
    elsewhere = replace(base, as_of=base.as_of.astimezone(timezone(timedelta(hours=2))), findings=())
    assert run_id(elsewhere) == run_id(base)
    changed = [
        replace(base, as_of=datetime(2025, 1, 1, tzinfo=UTC)),
        replace(base, baseline_name="other"),
        replace(base, baseline_version="2025.1"),
        replace(base, tool_version="9"),
        replace(base, snapshot=replace(base.snapshot, sha256="ff")),
    ]
    assert len({run_id(each) for each in (base, *changed)}) == 6


def test_names_are_short_and_tell_resources_apart() -> None:
    other = ACCOUNTS.replace("rg-chat", "rg-other") + "/OAI"
    twins = names_of((f"{ACCOUNTS}/oai", f"{ACCOUNTS.upper()}/OAI", other, f"{ACCOUNTS}/x/deployments/gpt"), {})
    assert sorted(twins.values()) == [
        "OAI (rg-other, 00000000-0000-4000-8000-0000000000A1)",
        "oai (rg-chat, 00000000-0000-4000-8000-0000000000A1)",
        "x/gpt",
    ]


@pytest.mark.parametrize(
    "odd", [GROUP, "/", "", "fact/inventory.component/chat01/firewall", "/providers", "//providers//"]
)
def test_any_id_has_a_name(odd: str) -> None:
    assert list(names_of((odd,), {})) == [odd.rstrip("/").lower()]


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("2024-02-06T10:00:00+02:00", "2024-02-06T08:00:00Z"),
        ("2024-02-06T10:00:00.1234567Z", "2024-02-06T10:00:00.123456Z"),
        ("yesterday", "yesterday"),
        (None, ""),
    ],
)
def test_recorded_times_are_shown_in_utc(recorded: str | None, shown: str) -> None:
    assert utc_text(recorded) == shown


@pytest.mark.parametrize(("workloads", "lines"), [(1, 1), (4, 4), (5, 4), (140, 4)])
def test_of_what_is_said_of_many_workloads_a_few_are_told_and_the_others_counted(workloads: int, lines: int) -> None:
    said = "subnet/agents is bound to snet-agents by name only"
    notices = [f"chat{number:03}: {said}" for number in range(workloads)]

    told = list(few_alike(["of the run", *notices, "chat000: of this one", "said without a name: twice"]))

    assert told[0] == "of the run"
    assert told[-2:] == ["chat000: of this one", "said without a name: twice"]
    assert told[1:-2][:3] == notices[:3]
    assert len(told[1:-2]) == lines
    if lines < workloads:
        assert told[4] == f"{workloads - 3} more: {said} (-v names them all)"
