"""Write a report as log lines of Azure Pipelines: an issue of the task for each open failure and each unknown."""

from __future__ import annotations

from typing import Final

from auditor.model import Finding, Report, Severity, Status
from auditor.report.escapes.commands import AzureDevOpsCommands
from auditor.report.format import Format, View
from auditor.report.outcome import unless, why_not_trusted
from auditor.report.selection import streamed
from auditor.report.summary import summarise, verdict

_ERRORS: Final = frozenset({Severity.CRITICAL, Severity.HIGH})
"""The agent knows errors and warnings only."""


def write(report: Report, out: AzureDevOpsCommands, _: View) -> None:
    """Write the worst first, and the verdict last; the exit code, and no line, decides whether the task fails."""
    for finding in streamed(report, include_passed=False):
        if not finding.is_accepted:
            where = f" [{finding.resource_id}]" if finding.resource_id else ""
            message = f"{finding.severity.value}: {finding.message}{where}"
            out.command("task.logissue", {"type": _kind(finding), "code": finding.rule_id}, message)
    out.line(verdict(summarise(report)))
    if reason := why_not_trusted(report):
        out.line(f"{unless(report)}: {reason}")


def _kind(finding: Finding) -> str:
    return "error" if finding.status is Status.FAIL and finding.severity in _ERRORS else "warning"


FORMAT: Final = Format("azure-devops", write, AzureDevOpsCommands, explains_passes=False, ends_with_outcome=True)
