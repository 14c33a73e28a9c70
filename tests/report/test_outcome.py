"""Why a report cannot be trusted as it is, in one sentence that says what to do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auditor.model import Coverage, Finding, Gap, OpenGap, Report
from auditor.report.outcome import why_not_trusted
from tests.report.conftest import GROUP, OPENAI_PUBLIC, PASSED, SKIPPED, UNREAD, report_of

OPEN = OpenGap(Gap("/", "*/*", "the export does not say that it is complete"), "say --complete", is_of_inventory=True)
FEW = OpenGap(Gap(GROUP, "Microsoft.Search/searchServices", "forbidden"), "grant search/read", findings=1)
MANY = OpenGap(Gap("/", "Microsoft.Web/sites", "throttled"), "collect it again", findings=2)
IDLE = OpenGap(Gap("/", "Microsoft.Web/plans", "forbidden"), "grant plans/read")


def _report(*findings: Finding, gaps: tuple[OpenGap, ...] = ()) -> Report:
    return replace(report_of(*findings), coverage=Coverage(gaps=gaps))


@pytest.mark.parametrize("findings", [(PASSED,), (OPENAI_PUBLIC, SKIPPED)])
def test_an_answer_is_trusted_where_no_rule_depends_on_the_gaps(findings: tuple[Finding, ...]) -> None:
    assert why_not_trusted(_report(*findings, gaps=(IDLE,))) is None


@pytest.mark.parametrize("findings", [(), (SKIPPED,)])
def test_nothing_judged_is_no_answer(findings: tuple[Finding, ...]) -> None:
    assert str(why_not_trusted(_report(*findings))).startswith("nothing was judged")
    assert str(why_not_trusted(_report(*findings, gaps=(OPEN,)))).endswith("complete: say --complete")


def test_an_open_inventory_is_no_answer_whatever_was_judged() -> None:
    assert why_not_trusted(_report(PASSED, gaps=(OPEN,))) == (
        "the export does not say that it is complete: say --complete"
    )
    assert str(why_not_trusted(_report(PASSED, UNREAD, gaps=(OPEN, FEW)))).endswith("; 1 check unknown")


def test_the_gap_that_leaves_the_most_unknown_is_named_with_its_place_and_remedy() -> None:
    one = why_not_trusted(_report(UNREAD, gaps=(FEW, IDLE)))
    assert one == f"1 check unknown for Microsoft.Search/searchServices at {GROUP} (forbidden): grant search/read"
    three = why_not_trusted(_report(UNREAD, UNREAD, UNREAD, gaps=(MANY, FEW, IDLE)))
    assert three == (
        "3 checks unknown, 2 of them for Microsoft.Web/sites (throttled): collect it again; and 1 more gap"
    )
