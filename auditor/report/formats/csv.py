"""Write a report as CSV, one row per finding, for auditors and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Evidence, Finding, Report, RuleInfo
from auditor.report.escapes.csv import CsvRows
from auditor.report.format import Format, View
from auditor.report.selection import listed
from auditor.report.text import observed, run_id, utc, utc_text, value_text

SCHEMA_VERSION: Final = 1
"""Rises only when a column changes its meaning; columns are added at the end."""

COLUMNS: Final = (
    "schema_version",
    "run_id",
    "snapshot_sha256",
    "scanned_at_utc",
    "tool_version",
    "baseline",
    "baseline_version",
    "rule_id",
    "rule_title",
    "severity",
    "status",
    "exempted",
    "subscription_id",
    "subscription_name",
    "resource_group",
    "resource_type",
    "resource_id",
    "resource_name",
    "sub_object",
    "workload",
    "component",
    "location",
    "message",
    "observed",
    "expected",
    "evidence_path",
    "evidence_source",
    "evidence_api_version",
    "collected_at_utc",
    "unknown_reason",
    "missing_permission",
    "exemption_id",
    "exemption_reason",
    "exemption_approved_by",
    "exemption_expires_on",
    "controls",
    "remediation",
    "fingerprint",
)


def write(report: Report, out: CsvRows, view: View) -> None:
    """Write one row per finding, RFC 4180. Open the stream with `newline=""`: the line ends are CR LF."""
    out.start(COLUMNS, view.csv)
    run = _run_cells(report)
    for finding in listed(report, include_passed=view.include_passed):
        rule = report.rules[finding.rule_id]
        cells = run | _rule_cells(rule, finding) | _finding_cells(finding)
        cells |= _place_cells(finding, report) | _evidence_cells(finding, report)
        out.row(cells[column] for column in COLUMNS)


def _run_cells(report: Report) -> dict[str, str]:
    return {
        "schema_version": str(SCHEMA_VERSION),
        "run_id": run_id(report),
        "snapshot_sha256": report.snapshot.sha256,
        "scanned_at_utc": utc(report.as_of),
        "tool_version": report.tool_version,
        "baseline": report.baseline_name,
        "baseline_version": report.baseline_version,
    }


def _rule_cells(rule: RuleInfo, finding: Finding) -> dict[str, str]:
    return {
        "rule_id": rule.id,
        "rule_title": rule.title,
        "controls": "; ".join(f"{name}:{each}" for name in sorted(finding.controls) for each in finding.controls[name]),
        "remediation": " | ".join(part for part in (rule.remediation, finding.remediation_cli) if part),
    }


def _finding_cells(finding: Finding) -> dict[str, str]:
    exemption = finding.exemption
    return {
        "severity": finding.severity.value,
        "status": finding.status.value,
        "exempted": "false" if exemption is None else "true",
        "resource_type": finding.resource_type or "",
        "sub_object": finding.sub_object,
        "workload": finding.workload or "",
        "component": finding.component or "",
        "location": finding.location or "",
        "message": finding.message,
        "unknown_reason": finding.unknown_reason or "",
        "missing_permission": finding.missing_permission or "",
        "exemption_id": exemption.id if exemption else "",
        "exemption_reason": exemption.reason if exemption else "",
        "exemption_approved_by": exemption.approved_by if exemption else "",
        "exemption_expires_on": exemption.expires_on if exemption else "",
        "fingerprint": finding.fingerprint,
    }


def _place_cells(finding: Finding, report: Report) -> dict[str, str]:
    resource_id = finding.resource_id or ""
    subscription = ids.subscription_of(resource_id) or ""
    return {
        "subscription_id": subscription,
        "subscription_name": report.snapshot.subscription_names.get(subscription.lower(), ""),
        "resource_group": ids.resource_group_of(resource_id) or "",
        "resource_id": resource_id,
        "resource_name": ids.name_of(resource_id),
    }


def _evidence_cells(finding: Finding, report: Report) -> dict[str, str]:
    leaves = finding.deciding
    return {
        "observed": _each(leaves, observed),
        "expected": _each(leaves, lambda leaf: value_text(leaf.expected)),
        "evidence_path": _each(leaves, lambda leaf: leaf.path),
        "evidence_source": _once(leaves, lambda leaf: leaf.source or ""),
        "evidence_api_version": _once(leaves, lambda leaf: leaf.api_version or ""),
        "collected_at_utc": utc_text(finding.collected_at or report.snapshot.collected_at),
    }


def _each(leaves: Sequence[Evidence], text_of: Callable[[Evidence], str]) -> str:
    return "; ".join(map(text_of, leaves))


def _once(leaves: Sequence[Evidence], text_of: Callable[[Evidence], str]) -> str:
    """Return the text that all leaves share, else one per leaf, in the order of the other evidence columns."""
    texts = [text_of(leaf) for leaf in leaves]
    return texts[0] if len(set(texts)) == 1 else "; ".join(texts)


FORMAT: Final = Format("csv", write, CsvRows, lists_passes=True)
