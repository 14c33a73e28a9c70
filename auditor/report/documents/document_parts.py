"""The parts of the JSON report, in both of its versions, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from auditor import resource_id as ids
from auditor.engine.accepted.finding_sets import as_document
from auditor.model import (
    Evidence,
    Exemption,
    ExemptionState,
    Finding,
    FrameworkReport,
    Gap,
    Report,
    RequirementResult,
    RuleInfo,
    Status,
)
from auditor.report.documents import json_document, report_document
from auditor.report.documents.coverage_document import document_of
from auditor.report.documents.json_document import (
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
from auditor.report.documents.report_document import (
    CauseDocument,
    ExemptionStateDocument,
    ReportedEvidence,
    ReportedFinding,
    ReportedRule,
    ReportHead,
)
from auditor.report.finding_causes import CauseGroup, FindingCause, cause_of
from auditor.report.pages import framework_page
from auditor.report.summary import summarise
from auditor.report.text import ordered, run_id, utc


def head_of(report: Report, beside: Callable[[Finding], None] = lambda _: None) -> ReportHead:
    """Return what a report tells besides its findings, each of which is looked at for it, and `beside`."""
    head: ReportHead = {
        "schema_version": report_document.SCHEMA_VERSION,
        "run_id": run_id(report),
        "as_of": utc(report.as_of),
        "as_of_source": report.as_of_source,
        "tool": {"name": "auditor", "version": report.tool_version},
        "baseline": {"name": report.baseline_name, "version": report.baseline_version},
        "snapshot": _snapshot(report),
        "reference_data": {name: report.reference_data[name] for name in sorted(report.reference_data)},
        "summary": _summary(report, beside),
        "notices": sorted(report.notices),
        "rules": {key: _rule(report.rules[key]) for key in sorted(report.rules)},
        "gaps": gaps_of(report),
        "coverage": document_of(report.coverage),
    }
    if report.framework is not None:
        head["framework"] = _framework(report.framework)
    if report.exemptions:
        head["exemptions"] = [_exemption_state(each) for each in report.exemptions]
    return head


def _exemption_state(state: ExemptionState) -> ExemptionStateDocument:
    exemption = state.exemption
    return {
        "id": exemption.id,
        "rule": exemption.rule,
        "scope": exemption.scope,
        "part": exemption.part,
        "component": exemption.component,
        "fingerprint": exemption.fingerprint,
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "ticket": exemption.ticket,
        "expires_on": exemption.expires_on,
        "fits": state.fits,
        "defects": list(state.defects),
        "outgrown": list(state.outgrown),
    }


def finding_of(finding: Finding, report: Report) -> ReportedFinding:
    """Return a finding; what is the same for all findings of its rule stands at the rule."""
    document: dict[str, object] = {
        "rule_id": finding.rule_id,
        "title": report.rules[finding.rule_id].title,
        "severity": finding.severity,
        "status": finding.status,
        "resource_id": finding.resource_id,
        "resource_type": finding.resource_type,
        "sub_object": finding.sub_object,
        "workload": finding.workload,
        "component": finding.component,
        "location": finding.location,
        "message": finding.message,
        "evidence": [evidence_of(each, finding) for each in finding.evidence],
        "witness": ordered(finding.witness),
        "unknown_reason": finding.unknown_reason,
        "missing_permission": finding.missing_permission,
        "exemption": exemption_of(finding.exemption) if finding.exemption else None,
        "controls": controls_of(finding),
        **last_of(finding, None if finding.rests_on is None else as_document(finding.rests_on)),
    }
    return cast(ReportedFinding, document)


def last_of(finding: Finding, rests_on: Mapping[str, object] | None) -> dict[str, object]:
    """Return what a finding ends with; most of it is left out where it says nothing."""
    document: dict[str, object] = {
        "remediation": {"cli": finding.remediation_cli},
        "fingerprint": finding.fingerprint,
    }
    if finding.collected_at is not None:
        document["collected_at"] = finding.collected_at
    return document | standing_of(finding, rests_on)


def standing_of(finding: Finding, rests_on: Mapping[str, object] | None) -> dict[str, object]:
    """Return what a finding rests on, what it is to others and what is to be done; nothing of most that pass."""
    document: dict[str, object] = {}
    if rests_on is not None:
        document["rests_on"] = rests_on
    if finding.against_known is not None:
        document["against_known"] = finding.against_known
    if finding.claims:
        document["claims"] = list(finding.claims)
    if cause := cause_of(finding):
        document["cause"] = named_cause(cause)
    if finding.first_seen:
        document["first_seen"] = finding.first_seen
    if change := finding.change or finding.against_known:
        document["change"] = change
    return document


def named_cause(cause: FindingCause) -> Mapping[str, str]:
    """Return a cause as a finding refers to it."""
    return {"id": cause.id, "what": cause.what}


def evidence_of(evidence: Evidence, finding: Finding) -> ReportedEvidence:
    """Return a leaf, which says only what does not go without saying in the finding."""
    document = told_of(evidence)
    document["actual"] = ordered(evidence.actual)
    holder, subject = evidence.resource_id, finding.resource_id or ""
    if holder is not None and holder != subject and ids.key(holder) != ids.key(subject):
        document["resource_id"] = holder
    if evidence.source is not None:
        document["source"] = evidence.source
    if evidence.api_version is not None:
        document["api_version"] = evidence.api_version
    if evidence.collected_at is not None and evidence.collected_at != finding.collected_at:
        document["collected_at"] = evidence.collected_at
    return document


def told_of(evidence: Evidence) -> ReportedEvidence:
    """Return what a leaf says, but for the value that was there, and whose it is and how it was read."""
    document: ReportedEvidence = {"path": evidence.path, "operator": evidence.operator, "actual": None}
    if evidence.decides:
        document["expected"] = ordered(evidence.expected)
    if evidence.assumed is not None:
        document["assumed"] = ordered(evidence.assumed)
    if evidence.absent:
        document["absent"] = True
    if evidence.name is not None:
        document["name"] = evidence.name
    return document


def _rule(rule: RuleInfo) -> ReportedRule:
    return {
        "title": rule.title,
        "severity": rule.severity,
        "rationale": rule.rationale,
        "remediation": rule.remediation,
        "references": list(rule.references),
        "controls": {name: list(rule.controls[name]) for name in sorted(rule.controls)},
        "file": rule.file,
        "line": rule.line,
    }


def cause_document(group: CauseGroup) -> CauseDocument:
    """Return what would have to change."""
    return {
        "id": group.cause.id,
        "what": group.cause.what,
        "resource_id": group.cause.resource_id,
        "status": group.status,
        "severity": group.severity,
        "findings": group.findings,
        "rules": sorted(group.rules),
    }


def controls_of(finding: Finding) -> dict[str, list[str]]:
    """Return the controls that a finding is about, by framework."""
    return {name: list(finding.controls[name]) for name in sorted(finding.controls)}


def gaps_of(report: Report) -> list[GapDocument]:
    """Return the gaps that the input declares, in order."""
    return [_gap(gap) for gap in sorted(report.gaps, key=_gap_order)]


def first_head_of(report: Report) -> ReportDocument:
    """Return what version 1 of the report tells; findings and gaps are written one after the other."""
    head: ReportDocument = {
        "schema_version": json_document.SCHEMA_VERSION,
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


def _summary(report: Report, beside: Callable[[Finding], None] = lambda _: None) -> SummaryDocument:
    summary = summarise(report, beside)
    document: SummaryDocument = {
        "by_status": dict(summary.by_status),
        "by_severity": dict(summary.by_severity),
        "exempted": summary.exempted,
        "rules": summary.rules,
        "resources": summary.resources,
    }
    if summary.by_change:
        document["by_change"] = dict(summary.by_change)
    return document


def first_finding_of(finding: Finding, rule: RuleInfo) -> FindingDocument:
    """Return a finding with what version 1 of the report repeats of its rule."""
    document: FindingDocument = {
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
        "evidence": [_first_evidence(each) for each in finding.evidence],
        "witness": ordered(finding.witness),
        "unknown_reason": finding.unknown_reason,
        "missing_permission": finding.missing_permission,
        "exemption": exemption_of(finding.exemption) if finding.exemption else None,
        "controls": controls_of(finding),
        "remediation": {"text": rule.remediation, "cli": finding.remediation_cli},
        "fingerprint": finding.fingerprint,
        "collected_at": finding.collected_at,
    }
    if finding.rests_on is not None:
        document["rests_on"] = as_document(finding.rests_on)
    if finding.first_seen:
        document["first_seen"] = finding.first_seen
    if change := finding.change or finding.against_known:
        document["change"] = change
    return document


def _first_evidence(evidence: Evidence) -> EvidenceDocument:
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


def exemption_of(exemption: Exemption) -> ExemptionDocument:
    """Return an exemption that covers a finding."""
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
