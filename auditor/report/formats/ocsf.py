"""Write a report as OCSF events, one a line: class 2003, Compliance Finding, with the profile `cloud`.

https://schema.ocsf.io/1.6.0/classes/compliance_finding?profiles=cloud
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.model import Finding, Report, RuleInfo, Severity, Status
from auditor.report.documents.document_parts import finding_of
from auditor.report.escapes.json import JsonValues
from auditor.report.format import Format, View
from auditor.report.selection import streamed
from auditor.report.text import run_id, sentence, utc_text, value_text

OCSF_VERSION: Final = "1.6.0"
_SEVERITIES: Final = {
    Severity.CRITICAL: (5, "Critical"),
    Severity.HIGH: (4, "High"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.LOW: (2, "Low"),
    Severity.INFO: (1, "Informational"),
}
_STATUSES: Final = {
    Status.PASS: (1, "Pass"),
    Status.FAIL: (3, "Fail"),
    Status.UNKNOWN: (0, "Unknown"),
    Status.NOT_APPLICABLE: (99, "Not Applicable"),
}

JsonObject = Mapping[str, object]


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write one event a line, in the order of the findings."""
    run = run_id(report)
    for finding in streamed(report, include_passed=view.include_passed):
        out.value(_event(finding, report, run))
        out.layout("\n")


def _event(finding: Finding, report: Report, run: str) -> JsonObject:
    rule = report.rules[finding.rule_id]
    severity_id, severity = _SEVERITIES[finding.severity]
    moment = int(report.as_of.timestamp() * 1000)
    event: dict[str, object] = {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200_301,
        "type_name": "Compliance Finding: Create",
        "time": moment,
        "severity_id": severity_id,
        "severity": severity,
        "message": sentence(finding.message),
        "metadata": _metadata(finding, report, run),
        "cloud": _cloud(finding, report),
        "compliance": _compliance(finding),
        "finding_info": _finding_info(finding, rule, moment),
        "resources": _resources(finding),
        "remediation": _remediation(finding, rule),
        "unmapped": _unmapped(finding, report),
    }
    if finding.status in {Status.FAIL, Status.UNKNOWN}:
        event |= (
            {"status_id": 1, "status": "New"}
            if finding.exemption is None
            else {"status_id": 3, "status": "Suppressed", "comment": sentence(finding.exemption.reason)}
        )
    return event


def _metadata(finding: Finding, report: Report, run: str) -> JsonObject:
    collected = utc_text(finding.collected_at or report.snapshot.collected_at)
    return {
        "version": OCSF_VERSION,
        "profiles": ["cloud"],
        "product": {"name": "auditor", "vendor_name": "auditor", "version": report.tool_version},
        "uid": f"{run}-{finding.fingerprint}",
        "correlation_uid": run,
        "log_version": f"{report.baseline_name} {report.baseline_version}",
        **({"original_time": collected} if collected else {}),
    }


def _cloud(finding: Finding, report: Report) -> JsonObject:
    subscription = ids.subscription_of(finding.resource_id or "")
    cloud: dict[str, object] = {"provider": "Azure"}
    if finding.location:
        cloud["region"] = finding.location
    if subscription:
        name = report.snapshot.subscription_names.get(subscription.lower())
        cloud["account"] = {"uid": subscription, **({"name": name} if name else {})}
    return cloud


def _compliance(finding: Finding) -> JsonObject:
    status_id, status = _STATUSES[finding.status]
    requirements = [f"{name}:{each}" for name in sorted(finding.controls) for each in finding.controls[name]]
    compliance: dict[str, object] = {
        "control": finding.rule_id,
        "standards": sorted(finding.controls),
        "requirements": requirements,
        "status_id": status_id,
        "status": status,
    }
    if finding.unknown_reason:
        compliance["status_detail"] = sentence(finding.unknown_reason)
    return compliance


def _finding_info(finding: Finding, rule: RuleInfo, moment: int) -> JsonObject:
    info: dict[str, object] = {
        "uid": finding.fingerprint,
        "title": sentence(rule.title),
        "desc": sentence(rule.rationale),
        "types": [rule.id],
        "analytic": {"uid": rule.id, "name": sentence(rule.title), "type_id": 1, "type": "Rule"},
        "last_seen_time": moment,
    }
    if rule.references:
        info["src_url"] = rule.references[0]
    return info


def _resources(finding: Finding) -> list[JsonObject]:
    if not finding.resource_id:
        return [{"name": finding.component or finding.sub_object or finding.rule_id}]
    group = ids.resource_group_of(finding.resource_id)
    resource: dict[str, object] = {
        "uid": finding.resource_id,
        "name": ids.name_of(finding.resource_id),
        "cloud_partition": "Azure",
    }
    if finding.resource_type:
        resource["type"] = finding.resource_type
    if finding.location:
        resource["region"] = finding.location
    if group:
        resource["group"] = {"name": group}
    if finding.tags:
        resource["labels"] = [f"{name}: {value_text(finding.tags[name])}" for name in sorted(finding.tags)]
    return [resource]


def _remediation(finding: Finding, rule: RuleInfo) -> JsonObject:
    text = " ".join(part for part in (sentence(rule.remediation), finding.remediation_cli) if part)
    remediation: dict[str, object] = {"desc": text or sentence(rule.title)}
    if rule.references:
        remediation["references"] = list(rule.references)
    return remediation


def _unmapped(finding: Finding, report: Report) -> JsonObject:
    """Return what OCSF has no place for."""
    whole = finding_of(finding, report)
    kept = ("sub_object", "workload", "component", "evidence", "witness", "missing_permission", "exemption", "cause")
    return {key: whole[key] for key in kept if whole.get(key)}  # type: ignore[literal-required]  # keys of the finding


FORMAT: Final = Format("ocsf", write, JsonValues, lists_passes=True)
