"""Say why an audit gives no trustworthy answer, and what would settle it."""

from __future__ import annotations

from auditor.engine.findings.held_findings import statuses_of
from auditor.model import Gap, OpenGap, Report, Status
from auditor.report.summary import counted


def judged_nothing(report: Report) -> bool:
    """Whether no rule in force met anything that it is about: then there is no answer that anybody could allow."""
    statuses = statuses_of(report.findings)
    return statuses.total() == statuses[Status.NOT_APPLICABLE]


def unless(report: Report) -> str:
    """Return how a report that cannot be trusted as it is begins to say so: only some of it can be allowed."""
    return "Exit code 2" if judged_nothing(report) else "Exit code 2 unless --allow-incomplete"


def why_not_trusted(report: Report) -> str | None:
    """Return in one sentence why nobody may rely on a report as it is, with what would settle it; None where one may.

    That is where nothing was judged, where nobody knows what else there is to judge, and where a rule has no answer.
    """
    unknown = statuses_of(report.findings)[Status.UNKNOWN]
    inventory = report.coverage.inventory
    if judged_nothing(report):
        hint = f"; {_reason(inventory[0])}" if inventory else "; look at what is in scope, and at --select"
        return f"nothing was judged: no rule in force met anything that it is about{hint}"
    if inventory:
        more = f"; {counted(unknown, 'check')} unknown" if unknown else ""
        return f"{_reason(inventory[0])}{more}"
    return _unanswered(unknown, report) if unknown else None


def _reason(each: OpenGap) -> str:
    return f"{each.gap.reason}{_place(each.gap)}: {each.settled_by}"


def _unanswered(unknown: int, report: Report) -> str:
    """Say which gap leaves most checks unknown, and how many others there are."""
    text = f"{counted(unknown, 'check')} unknown"
    weighty = [each for each in report.coverage.gaps if each.findings]
    if not weighty:
        return text
    first = weighty[0]
    part = "" if first.findings == unknown else f", {first.findings:,} of them"
    more = f"; and {counted(len(weighty) - 1, 'more gap')}" if len(weighty) > 1 else ""
    return f"{text}{part} for {first.gap.what}{_place(first.gap)} ({first.gap.reason}): {first.settled_by}{more}"


def _place(gap: Gap) -> str:
    return "" if gap.scope == "/" else f" at {gap.scope}"
