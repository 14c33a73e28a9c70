"""Write a report as JUnit XML, for test reports of pipelines: a suite for each rule, a case for each of its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from auditor.engine.findings.shared_evidence import deciding
from auditor.model import Finding, Report, RuleInfo, Status
from auditor.report.escapes.xml import XmlElements
from auditor.report.format import Format, View
from auditor.report.selection import streamed
from auditor.report.text import observed, requirement, sentence, utc

_TIME: Final = "0"
"""An audit has no duration that would be the same each time."""


def write(report: Report, out: XmlElements, view: View) -> None:
    """Write suites in the order of the findings: an unknown is an error, what is accepted or does not apply is skipped."""
    total = Counter(map(_outcome, streamed(report, include_passed=view.include_passed)))
    out.start("testsuites", {"name": f"auditor {report.baseline_name} {report.baseline_version}", **_counts(total)})
    findings = streamed(report, include_passed=view.include_passed)
    for (_, rule_id), group in groupby(findings, key=lambda each: (each.severity, each.rule_id)):
        _suite(report, report.rules[rule_id], list(group), out)
    out.end()


def _suite(report: Report, rule: RuleInfo, findings: Sequence[Finding], out: XmlElements) -> None:
    counts = Counter(map(_outcome, findings))
    attributes = {"name": rule.id, **_counts(counts), "skipped": counts["skipped"]}
    out.start("testsuite", {**attributes, "timestamp": utc(report.as_of).removesuffix("Z")})
    out.start("properties")
    out.element("property", {"name": "title", "value": sentence(rule.title)})
    out.element("property", {"name": "severity", "value": findings[0].severity.value})
    out.end()
    for finding in findings:
        _case(finding, rule, out)
    out.end()


def _case(finding: Finding, rule: RuleInfo, out: XmlElements) -> None:
    subject = finding.resource_id or " of ".join(part for part in (finding.component, finding.workload) if part)
    name = " · ".join(part for part in (subject or rule.title, finding.sub_object) if part)
    attributes = {"name": sentence(name), "classname": rule.id, "time": _TIME}
    outcome = _outcome(finding)
    if outcome == "passed":
        out.element("testcase", attributes)
        return
    out.start("testcase", attributes)
    message = sentence(finding.message)
    if outcome == "skipped":
        out.element("skipped", {"message": _why_skipped(finding)})
    else:
        kind = finding.severity.value if outcome == "failure" else "unknown"
        out.element(outcome, {"type": kind, "message": message}, _details(finding, rule))
    out.end()


def _details(finding: Finding, rule: RuleInfo) -> Sequence[str]:
    lines = [sentence(finding.message)]
    lines += [f"{requirement(leaf)}: {observed(leaf)}" for leaf in deciding(finding)]
    if finding.missing_permission:
        lines.append(f"Grant {finding.missing_permission}")
    lines += [f"Remedy: {sentence(rule.remediation)}"] if rule.remediation and finding.status is Status.FAIL else []
    return [*lines, finding.remediation_cli] if finding.remediation_cli else lines


def _why_skipped(finding: Finding) -> str:
    exemption = finding.exemption
    if exemption is None:
        known = " This is known, and no wider than it was." if finding.status is Status.FAIL else ""
        return sentence(f"{finding.message}{known}")
    accepted = f"accepted until {exemption.expires_on} by {exemption.approved_by} ({exemption.id}: {exemption.reason})"
    return sentence(f"{finding.message} This is {accepted}.")


def _outcome(finding: Finding) -> str:
    if finding.status is Status.FAIL:
        return "skipped" if finding.is_accepted else "failure"
    return {Status.UNKNOWN: "error", Status.NOT_APPLICABLE: "skipped"}.get(finding.status, "passed")


def _counts(counts: Counter[str]) -> dict[str, str | int]:
    return {
        "tests": counts.total(),
        "failures": counts["failure"],
        "errors": counts["error"],
        "time": _TIME,
    }


FORMAT: Final = Format("junit", write, XmlElements, lists_passes=True)
