"""What findings say of an estate that they did not say of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.model import Finding, Report, Status
from tests.audit.judging import judged

BASELINE = "openai-chat"
_SUMS = frozenset({"IAM-MI-001", "COST-CLIENT-001"})
"""Controls that add up others: they are named besides by what those fail."""
_Key = tuple[str, str, str]


def _findings(report: Report, status: Status) -> dict[_Key, Finding]:
    return {
        (each.rule_id, (each.resource_id or "").lower(), each.sub_object): each
        for each in report.findings
        if each.status is status
    }


def newly(status: Status, before: Report, after: Report) -> list[Finding]:
    """Return the findings of a status that the first report does not have."""
    known = _findings(before, status)
    return [finding for key, finding in _findings(after, status).items() if key not in known]


def controls(findings: list[Finding]) -> set[str]:
    """Return the controls that findings name, sums of others only where nothing else; of one that names none, its rule."""
    return {control for each in findings for control in _named(each)}


def _named(finding: Finding) -> set[str]:
    named = set(finding.controls.get(BASELINE) or [finding.rule_id])
    return named - _SUMS or named


def flagged(document: Mapping[str, Any], before: Report) -> dict[str, list[str]]:
    """Return the controls that fail, and those that cannot be told, by what is different."""
    after = judged(document)
    shown = {"fail": Status.FAIL, "unknown": Status.UNKNOWN}
    return {name: sorted(controls(newly(status, before, after))) for name, status in shown.items()}
