"""The parts of the JSON report, in both of its versions, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.engine.finding_sets import as_document
from auditor.engine.shared_evidence import SharedEvidence, SharedLeaves, ValueOrigin
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
from auditor.report import framework_page, json_document, report_document
from auditor.report.coverage_document import document_of
from auditor.report.finding_causes import CauseGroup, cause_of, groups_of
from auditor.report.json_document import (
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
from auditor.report.report_document import (
    CauseDocument,
    ExemptionStateDocument,
    ReportedEvidence,
    ReportedFinding,
    ReportedRule,
    ReportHead,
)
from auditor.report.summary import summarise
from auditor.report.text import ordered, run_id, utc

_REMEMBERED: Final = 4_096  # facts of which the inputs are kept as documents, which are large


def head_of(report: Report) -> ReportHead:
    """Return what a report tells besides its findings."""
    head: ReportHead = {
        "schema_version": report_document.SCHEMA_VERSION,
        "run_id": run_id(report),
        "as_of": utc(report.as_of),
        "as_of_source": report.as_of_source,
        "tool": {"name": "auditor", "version": report.tool_version},
        "baseline": {"name": report.baseline_name, "version": report.baseline_version},
        "snapshot": _snapshot(report),
        "reference_data": {name: report.reference_data[name] for name in sorted(report.reference_data)},
        "summary": _summary(report),
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


class FindingDocuments:
    """The findings of a report, one after the other; what many of them share is written down once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._shared: dict[tuple[SharedLeaves, str | None, str | None], list[ReportedEvidence]] = {}
        self._inputs: dict[int, tuple[Sequence[Evidence], list[ReportedEvidence]]] = {}

    def of(self, finding: Finding) -> ReportedFinding:
        """Return a finding; what is the same for all findings of its rule stands at the rule."""
        return _finding(finding, self._report, self._evidence(finding))

    def _evidence(self, finding: Finding) -> list[ReportedEvidence]:
        evidence = finding.evidence
        if not isinstance(evidence, SharedEvidence):
            return [_evidence(each, finding) for each in evidence]
        leaves, origin = evidence.shared, evidence.origins[0]
        key = (leaves, origin.source, origin.api_version)
        documents = self._shared.get(key)
        if documents is None or not _is_of(origin, finding):
            documents = [_evidence(each, finding) for each in evidence.without_inputs()]
            if leaves.is_kept and leaves.are_of_subject and _is_of(origin, finding):
                self._shared[key] = documents
        return [*documents, *self._of_inputs(evidence.inputs, finding)] if evidence.inputs else documents

    def _of_inputs(self, inputs: Sequence[Evidence], finding: Finding) -> list[ReportedEvidence]:
        """Return what a fact was derived from: all findings on it have the same list."""
        known = self._inputs.get(id(inputs))
        if known is None:
            if len(self._inputs) >= _REMEMBERED:
                self._inputs.clear()
            known = self._inputs[id(inputs)] = (inputs, [_evidence(each, finding) for each in inputs])
        return known[1]


def _is_of(origin: ValueOrigin, finding: Finding) -> bool:
    """Whether values are those of what a finding is about, read when that was."""
    is_same_time = origin.collected_at is None or origin.collected_at == finding.collected_at
    return is_same_time and ids.key(origin.resource_id) == ids.key(finding.resource_id or "")


def finding_of(finding: Finding, report: Report) -> ReportedFinding:
    """Return a single finding."""
    return FindingDocuments(report).of(finding)


def _finding(finding: Finding, report: Report, evidence: list[ReportedEvidence]) -> ReportedFinding:
    document: ReportedFinding = {
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
        "evidence": evidence,
        "witness": ordered(finding.witness),
        "unknown_reason": finding.unknown_reason,
        "missing_permission": finding.missing_permission,
        "exemption": _exemption(finding.exemption),
        "controls": _controls(finding),
        "remediation": {"cli": finding.remediation_cli},
        "fingerprint": finding.fingerprint,
    }
    if finding.collected_at is not None:
        document["collected_at"] = finding.collected_at
    if finding.rests_on is not None:
        document["rests_on"] = as_document(finding.rests_on)
    if finding.against_known is not None:
        document["against_known"] = finding.against_known
    if finding.claims:
        document["claims"] = list(finding.claims)
    if cause := cause_of(finding):
        document["cause"] = {"id": cause.id, "what": cause.what}
    if finding.first_seen:
        document["first_seen"] = finding.first_seen
    if change := finding.change or finding.against_known:
        document["change"] = change
    return document


def _evidence(evidence: Evidence, finding: Finding) -> ReportedEvidence:
    document: ReportedEvidence = {
        "path": evidence.path,
        "operator": evidence.operator,
        "actual": ordered(evidence.actual),
    }
    if evidence.decides:
        document["expected"] = ordered(evidence.expected)
    if evidence.assumed is not None:
        document["assumed"] = ordered(evidence.assumed)
    if evidence.absent:
        document["absent"] = True
    if evidence.name is not None:
        document["name"] = evidence.name
    if evidence.resource_id is not None and ids.key(evidence.resource_id) != ids.key(finding.resource_id or ""):
        document["resource_id"] = evidence.resource_id
    if evidence.source is not None:
        document["source"] = evidence.source
    if evidence.api_version is not None:
        document["api_version"] = evidence.api_version
    if evidence.collected_at is not None and evidence.collected_at != finding.collected_at:
        document["collected_at"] = evidence.collected_at
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


def causes_of(report: Report) -> list[CauseDocument]:
    """Return what would have to change, each once."""
    return [_cause(group) for group in groups_of(report.findings)]


def _cause(group: CauseGroup) -> CauseDocument:
    return {
        "id": group.cause.id,
        "what": group.cause.what,
        "resource_id": group.cause.resource_id,
        "status": group.status,
        "severity": group.severity,
        "findings": group.findings,
        "rules": sorted(group.rules),
    }


def _controls(finding: Finding) -> dict[str, list[str]]:
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


def _summary(report: Report) -> SummaryDocument:
    summary = summarise(report)
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
        "exemption": _exemption(finding.exemption),
        "controls": _controls(finding),
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
