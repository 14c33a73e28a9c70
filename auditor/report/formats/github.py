"""Write a report as annotations of a GitHub workflow; the step's summary, in Markdown, holds the rest."""

from __future__ import annotations

from collections import Counter
from typing import Final

from auditor.model import Finding, Report, Severity, Status
from auditor.report.escapes.commands import GitHubCommands
from auditor.report.format import Format, View
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.selection import streamed
from auditor.report.summary import summarise, verdict

_SHOWN: Final = 10
"""GitHub shows ten annotations of a kind for a step, and drops the others silently."""
_KINDS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}


def write(report: Report, out: GitHubCommands, _: View) -> None:
    """Write one annotation for each open failure and each unknown, the worst first, then what was left out and the verdict."""
    told: Counter[str] = Counter()
    for finding in streamed(report, include_passed=False):
        if finding.is_accepted:
            continue
        kind = _kind(finding)
        told[kind] += 1
        if told[kind] <= _SHOWN:
            rule = report.rules[finding.rule_id]
            title = f"{finding.severity.value}: {rule.title} ({rule.id})"
            out.command(kind, {"title": title}, f"{finding.message} {finding.resource_id or ''}")
    for kind in ("error", "warning", "notice"):
        if told[kind] > _SHOWN:
            out.line(f"{told[kind] - _SHOWN:,} more of kind {kind} in the step's summary: GitHub shows {_SHOWN}.")
    out.line(verdict(summarise(report)))
    if reason := why_not_trusted(report):
        out.line(f"{unless(report)}: {reason}")


def _kind(finding: Finding) -> str:
    return "warning" if finding.status is Status.UNKNOWN else _KINDS[finding.severity]


FORMAT: Final = Format(
    "github",
    write,
    GitHubCommands,
    explains_passes=False,
    ends_with_outcome=True,
    summary_variable="GITHUB_STEP_SUMMARY",
)
