"""Write a report as one JSON object, for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from auditor.model import (
    Evidence,
    Exemption,
    Finding,
    FrameworkReport,
    Gap,
    Report,
    RequirementResult,
    RuleInfo,
    Status,
)
from auditor.report import framework_page
from auditor.report.coverage_document import document_of
from auditor.report.escapes.json import JsonValues
from auditor.report.format import Format, View
from auditor.report.json_document import (
    SCHEMA_VERSION,
    EvidenceDocument,
    ExemptionDocument,
    FindingDocument,
    FrameworkDocument,
    GapDocument,
    ReportDocument,
    RequirementResultDocument,
    SnapshotDocument,
    SummaryDocument,
)
from auditor.report.selection import listed
from auditor.report.summary import summarise
from auditor.report.text import ordered, run_id, utc

_AFTER_HEAD: Final = ("findings", "gaps", "coverage")


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write the report as JSON, schema version 1, two spaces of indent; findings are written one after the other."""
    head = _head(report)
    out.layout("{\n")
    for key, value in head.items():
        if key not in _AFTER_HEAD:
            out.layout("  ")
            out.member(key, value, 2)
            out.layout(",\n")
    findings = listed(report, include_passed=view.include_passed)
    _write_list(out, "findings", (_finding(each, report.rules[each.rule_id]) for each in findings))
    out.layout(",\n")
    _write_list(out, "gaps", (_gap(gap) for gap in sorted(report.gaps, key=_gap_order)))
    out.layout(",\n  ")
    out.member("coverage", head["coverage"], 2)
    out.layout("\n}\n")


def _write_list(out: JsonValues, key: str, items: Iterable[object]) -> None:
    out.layout(f'  "{key}": [')
    empty = True
    for item in items:
        out.layout("\n    " if empty else ",\n    ")
        out.value(item, 4)
        empty = False
    out.layout("]" if empty else "\n  ]")


def _head(report: Report) -> ReportDocument:
    head: ReportDocument = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id(report),
        "as_of": utc(report.as_of),
        "as_of_source": report.as_of_source,
        "tool": {"name": "auditor", "version": report.tool_version},
        "baseline": {"name": report.baseline_name, "version": report.baseline_version},
        "snapshot": _snapshot(report),
        "reference_data": {name: report.reference_data[name] for name in sorted(report.reference_data)},
        "summary": _summary(report),
        "notices": sorted(report.notices),
        "findings": [],
        "gaps": [],
        "coverage": document_of(report.coverage),
    }
    if report.framework is not None:
        head["framework"] = _framework(report.framework)
    return head


def _framework(framework: FrameworkReport) -> FrameworkDocument:
    by_state = Counter(each.state for each in framework.requirements)
    return {
        "name": framework.name,
        "title": framework.title,
        "version": framework.version,
        "by_state": {state: by_state[state] for state in framework_page.STATES},
        "requirements": [_requirement(each) for each in framework.requirements],
    }


def _requirement(each: RequirementResult) -> RequirementResultDocument:
    return {
        "id": each.id,
        "title": each.title,
        "link": each.link,
        "state": each.state,
        "by_status": {status: each.by_status[status] for status in Status},
        "rules": list(each.rules),
        "manual": [
            {
                "asks": check.asks,
                "look_at": check.look_at,
                "attested": check.attested,
                "is_current": check.is_current,
            }
            for check in each.manual
        ],
    }


def _snapshot(report: Report) -> SnapshotDocument:
    snapshot = report.snapshot
    return {
        "sha256": snapshot.sha256,
        "collected_at": snapshot.collected_at,
        "scope": dict(_sorted_items(snapshot.scope)),
        "subscription_names": dict(sorted(snapshot.subscription_names.items())),
    }


def _sorted_items(scope: object) -> Iterator[tuple[str, object]]:
    value = ordered(scope)
    return iter(value.items()) if isinstance(value, dict) else iter(())


def _summary(report: Report) -> SummaryDocument:
    summary = summarise(report)
    return {
        "by_status": dict(summary.by_status),
        "by_severity": dict(summary.by_severity),
        "exempted": summary.exempted,
        "rules": summary.rules,
        "resources": summary.resources,
    }


def _finding(finding: Finding, rule: RuleInfo) -> FindingDocument:
    """Return a finding with what version 1 of the report repeats of its rule."""
    return {
        "rule_id": finding.rule_id,
        "title": rule.title,
        "severity": finding.severity,
        "status": finding.status,
        "resource_id": finding.resource_id,
        "resource_type": finding.resource_type,
        "sub_object": finding.sub_object,
        "workload": finding.workload,
        "component": finding.component,
        "location": finding.location,
        "message": finding.message,
        "evidence": [_evidence(each) for each in finding.evidence],
        "witness": ordered(finding.witness),
        "unknown_reason": finding.unknown_reason,
        "missing_permission": finding.missing_permission,
        "exemption": _exemption(finding.exemption),
        "controls": {name: list(finding.controls[name]) for name in sorted(finding.controls)},
        "remediation": {"text": rule.remediation, "cli": finding.remediation_cli},
        "fingerprint": finding.fingerprint,
        "collected_at": finding.collected_at,
    }


def _evidence(evidence: Evidence) -> EvidenceDocument:
    """Return one deciding leaf in the report's shape; `absent` and `name` only where they say something."""
    document: EvidenceDocument = {
        "path": evidence.path,
        "operator": evidence.operator,
        "expected": ordered(evidence.expected),
        "actual": ordered(evidence.actual),
        "assumed": ordered(evidence.assumed),
        "resource_id": evidence.resource_id,
        "source": evidence.source,
        "api_version": evidence.api_version,
    }
    if evidence.absent:
        document["absent"] = True
    if evidence.name is not None:
        document["name"] = evidence.name
    return document


def _exemption(exemption: Exemption | None) -> ExemptionDocument | None:
    if exemption is None:
        return None
    return {
        "id": exemption.id,
        "rule": exemption.rule,
        "scope": exemption.scope,
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "ticket": exemption.ticket,
        "expires_on": exemption.expires_on,
    }


def _gap_order(gap: Gap) -> tuple[str, str, str, str]:
    return (gap.scope, gap.what, gap.reason, gap.permission or "")


def _gap(gap: Gap) -> GapDocument:
    """Return a gap in the report's shape."""
    return {"scope": gap.scope, "what": gap.what, "reason": gap.reason, "permission": gap.permission}


FORMAT: Final = Format("json", write, JsonValues, lists_passes=True)
