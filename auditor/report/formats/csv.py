"""Write a report as CSV, one row per finding, for auditors and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.model import Evidence, Finding, Report, RuleInfo
from auditor.report.comparison import comparison
from auditor.report.escapes.csv import CsvRows
from auditor.report.finding_causes import cause_of
from auditor.report.format import Format, View
from auditor.report.selection import streamed
from auditor.report.text import compact, name_cell, observed, reads_as_number, run_id, utc, utc_text, value_text

SCHEMA_VERSION: Final = 2
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
    "operator",
    "witness",
    "cause",
    "tags",
    "first_seen_utc",
    "change",
)
_AS_WRITTEN: Final = frozenset(
    {
        *("schema_version", "exempted", "scanned_at_utc", "collected_at_utc", "first_seen_utc", "exemption_expires_on"),
        *("observed", "expected"),
    }
)
"""Numbers, times and truths, which a spreadsheet may take for what they are; a number in any other cell is a name."""


def write(report: Report, out: CsvRows, view: View) -> None:
    """Write one row per finding, RFC 4180. Open the stream with `newline=""`: the line ends are CR LF."""
    out.start(COLUMNS, view.style.csv)
    run = _run_cells(report)
    for finding in streamed(report, include_passed=view.include_passed):
        rule = report.rules[finding.rule_id]
        cells = run | _rule_cells(rule, finding) | _finding_cells(finding)
        cells |= _place_cells(finding, report) | _evidence_cells(finding, report)
        out.row(cells[column] if column in _AS_WRITTEN else name_cell(cells[column]) for column in COLUMNS)


def _run_cells(report: Report) -> dict[str, str]:
    return {
        "schema_version": str(SCHEMA_VERSION),
        "run_id": run_id(report),
        "snapshot_sha256": report.snapshot.sha256,
        "scanned_at_utc": utc(report.as_of),
        "tool_version": f"auditor {report.tool_version}",
        "baseline": report.baseline_name,
        "baseline_version": f"{report.baseline_name} {report.baseline_version}",
    }


def _rule_cells(rule: RuleInfo, finding: Finding) -> dict[str, str]:
    return {
        "rule_id": rule.id,
        "rule_title": rule.title,
        "controls": "; ".join(f"{name}:{each}" for name in sorted(finding.controls) for each in finding.controls[name]),
        "remediation": " | ".join(part for part in (rule.remediation, finding.remediation_cli) if part),
    }


def _finding_cells(finding: Finding) -> dict[str, str]:
    exemption, cause = finding.exemption, cause_of(finding)
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
        "witness": compact(finding.witness) if finding.witness else "",
        "cause": cause.what if cause else "",
        "first_seen_utc": finding.first_seen,
        "change": finding.change or finding.against_known or "",
        "tags": "; ".join(f"{name}={value_text(finding.tags[name])}" for name in sorted(finding.tags)),
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
        "observed": _each(leaves, _observed),
        "operator": _each(leaves, lambda leaf: comparison(leaf)[0]),
        "expected": _each(leaves, _expected),
        "evidence_path": _each(leaves, lambda leaf: leaf.path),
        "evidence_source": _once(leaves, lambda leaf: leaf.source or ""),
        "evidence_api_version": _once(
            leaves, lambda leaf: f"api-version={leaf.api_version}" if leaf.api_version else ""
        ),
        "collected_at_utc": utc_text(finding.collected_at or report.snapshot.collected_at),
    }


def _observed(leaf: Evidence) -> str:
    is_text = isinstance(leaf.actual, str) and reads_as_number(leaf.actual)
    return compact(leaf.actual) if is_text else observed(leaf)


def _expected(leaf: Evidence) -> str:
    """Return what was asked for; text that reads as a number stands in quotes, so that 1.10 stays 1.10."""
    words = comparison(leaf)[1]
    return compact(words) if isinstance(leaf.expected, str) and reads_as_number(words) else words


def _each(leaves: Sequence[Evidence], text_of: Callable[[Evidence], str]) -> str:
    return "; ".join(map(text_of, leaves))


def _once(leaves: Sequence[Evidence], text_of: Callable[[Evidence], str]) -> str:
    """Return the text that all leaves share, else one per leaf, in the order of the other evidence columns."""
    texts = [text_of(leaf) for leaf in leaves]
    return texts[0] if len(set(texts)) == 1 else "; ".join(texts)


FORMAT: Final = Format("csv", write, CsvRows, lists_passes=True)
