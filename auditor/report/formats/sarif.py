"""Write a report as SARIF 2.1.0, as GitHub code scanning and Azure DevOps take it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/ ;
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final
from urllib.parse import quote

from auditor import resource_id as ids
from auditor.engine.findings.shared_evidence import deciding
from auditor.model import Exemption, Finding, Report, RuleInfo, Severity, Status
from auditor.report.escapes.gfm import gfm_text
from auditor.report.escapes.json import JsonValues
from auditor.report.finding_causes import cause_of
from auditor.report.format import Format, View
from auditor.report.selection import streamed
from auditor.report.text import observed, requirement, run_id, sentence, utc

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RESULTS_PER_RUN: Final = 25_000
"""GitHub takes no more results in a run, and shows the first 5,000; the worst come first."""
_TAGS: Final = 10
"""GitHub shows no more tags of a rule."""
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub reads the number: above 9 is critical, from 7 high, from 4 medium, from 0.1 low.
_SECURITY_SEVERITY: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "1.0",
}
_KINDS: Final = {
    Status.FAIL: "fail",
    Status.UNKNOWN: "open",
    Status.PASS: "pass",
    Status.NOT_APPLICABLE: "notApplicable",
}

JsonObject = Mapping[str, object]


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write a log; where there are more results than a run may have, several runs, each with a category of its own."""
    rules = [report.rules[key] for key in sorted(report.rules)]
    numbers = {rule.id: number for number, rule in enumerate(rules)}
    described = [_rule(rule) for rule in rules]
    out.layout("{\n")
    out.member("$schema", _SCHEMA)
    out.layout(',\n"version":"2.1.0",\n"runs":[')
    for number, results in enumerate(_runs(streamed(report, include_passed=view.include_passed))):
        out.layout(",\n{" if number else "\n{")
        for key, value in _run(report, described, number).items():
            out.member(key, value)
            out.layout(",\n")
        out.layout('"results":[')
        for index, finding in enumerate(results):
            out.layout(",\n" if index else "\n")
            out.value(_result(finding, report.rules[finding.rule_id], numbers[finding.rule_id]))
        out.layout("\n]}")
    out.layout("\n]\n}\n")


def _runs(findings: Iterator[Finding]) -> Iterator[Iterable[Finding]]:
    """Cut a stream of findings into parts that fit a run; there is one run at least. Each part is read before the next."""
    yield islice(findings, _RESULTS_PER_RUN)
    for first in findings:
        yield chain([first], islice(findings, _RESULTS_PER_RUN - 1))


def _run(report: Report, rules: Sequence[JsonObject], number: int) -> JsonObject:
    baseline = f"{report.baseline_name} {report.baseline_version}"
    return {
        "tool": {
            "driver": {
                "name": "auditor",
                "fullName": f"auditor {report.tool_version}, baseline {baseline}",
                "version": report.tool_version,
                "semanticVersion": report.tool_version,
                "rules": rules,
            }
        },
        "automationDetails": {
            "id": "/".join(
                ["auditor", report.baseline_name, *_subscription(report), *([str(number + 1)] * (number > 0)), ""]
            ),
            "description": {"text": f"Azure resources judged against the baseline {baseline}."},
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": utc(report.as_of),
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": sentence(notice)}} for notice in sorted(report.notices)
                ],
            }
        ],
        "columnKind": "utf16CodeUnits",
        "properties": {"run_id": run_id(report), "snapshot_sha256": report.snapshot.sha256},
    }


def _subscription(report: Report) -> Sequence[str]:
    """Return the subscription where all is in one, so that scans of several do not replace each other."""
    subscriptions = report.snapshot.scope.get("subscriptions")
    one = isinstance(subscriptions, list | tuple) and len(subscriptions) == 1
    return [str(subscriptions[0])] if isinstance(subscriptions, list | tuple) and one else []


def _rule(rule: RuleInfo) -> JsonObject:
    why = sentence(rule.rationale) or f"{sentence(rule.title)}."
    remedy = sentence(rule.remediation)
    controls = [f"{name}:{each}" for name in sorted(rule.controls) for each in rule.controls[name]]
    links = [each for each in rule.references if each.startswith("https://")]
    descriptor: dict[str, object] = {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": sentence(rule.title)},
        "fullDescription": {"text": why},
        "help": {
            "text": "\n".join([why, *([f"Remedy: {remedy}"] if remedy else []), *map(sentence, links)]),
            "markdown": "\n\n".join(
                [
                    gfm_text(why),
                    *([f"**Remedy:** {gfm_text(remedy)}"] if remedy else []),
                    *(f"- <{_url(link)}>" for link in links),
                ]
            ),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "security-severity": _SECURITY_SEVERITY[rule.severity],
            "precision": "very-high",
            "tags": ["security", "azure", *map(sentence, controls)][:_TAGS],
        },
    }
    if links:
        descriptor["helpUri"] = _url(links[0])
    return descriptor


def _url(text: str) -> str:
    """Return an address in which everything that has no place in one is encoded."""
    return quote(text, safe=":/?#[]@!$&'()*+,;=%-._~", errors="replace")


def _result(finding: Finding, rule: RuleInfo, index: int) -> JsonObject:
    kind = _KINDS[finding.status]
    result: dict[str, object] = {
        "ruleId": rule.id,
        "ruleIndex": index,
        "kind": kind,
        "level": _LEVELS[finding.severity] if kind == "fail" else "none",
        "message": {"text": sentence(finding.message) or sentence(rule.title)},
        "locations": [_location(finding, rule)],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding.fingerprint}:1",
            "auditorFinding/v1": finding.fingerprint,
        },
        "properties": _properties(finding),
    }
    if finding.exemption is not None:
        result["suppressions"] = [_suppression(finding.exemption)]
    elif finding.is_accepted:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": "It is known, and no wider than it was."}
        ]
    return result


def _location(finding: Finding, rule: RuleInfo) -> JsonObject:
    """Return where a result stands: a deployed resource is in no file, so it is the line where its rule starts."""
    line = max(1, rule.line)
    path = rule.file.replace("\\", "/")
    subject = finding.resource_id or finding.component or finding.rule_id
    part = f"#{finding.sub_object}" if finding.sub_object else ""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path.lstrip("/"), safe="/", errors="replace") or "rules"},
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2},
        },
        "logicalLocations": [
            {
                "name": sentence(ids.name_of(finding.resource_id) if finding.resource_id else subject),
                "fullyQualifiedName": f"{subject}{part}",
                "kind": "resource",
            }
        ],
    }


def _properties(finding: Finding) -> JsonObject:
    cause = cause_of(finding)
    told = {
        "status": finding.status.value,
        "severity": finding.severity.value,
        "resource_type": finding.resource_type,
        "workload": finding.workload,
        "component": finding.component,
        "cause": cause.what if cause else None,
        "evidence": [f"{requirement(leaf)}: {observed(leaf)}" for leaf in deciding(finding)] or None,
        "remediation": finding.remediation_cli or None,
        "unknown_reason": finding.unknown_reason,
        "missing_permission": finding.missing_permission,
    }
    return {key: value for key, value in told.items() if value is not None}


def _suppression(exemption: Exemption) -> JsonObject:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": sentence(f"{exemption.id}: {exemption.reason}, approved by {exemption.approved_by}"),
        "properties": {"ticket": exemption.ticket, "expires_on": exemption.expires_on},
    }


FORMAT: Final = Format("sarif", write, JsonValues)
