"""Write a report as OSCAL assessment results: an observation for each finding, a finding for each control.

https://pages.nist.gov/OSCAL-Reference/models/v1.1.3/assessment-results/json-reference/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct, field

from auditor.engine.findings.shared_evidence import deciding
from auditor.model import Evidence, Finding, Report, Status
from auditor.report.escapes.json import JsonValues
from auditor.report.format import Format, View
from auditor.report.selection import short_name, streamed
from auditor.report.text import observed, requirement, run_id, sentence, utc

OSCAL_VERSION: Final = "1.1.3"
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:auditor:oscal")
_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]")
_WEIGHT: Final = {Status.FAIL: 3, Status.UNKNOWN: 2, Status.PASS: 1, Status.NOT_APPLICABLE: 0}

JsonObject = Mapping[str, object]


class _Result(Struct):
    """What the findings on a control add up to, and the observations that say so."""

    status: Status = Status.NOT_APPLICABLE
    observations: list[str] = field(default_factory=list)


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write one result; its controls are those of the framework that was asked for, else of the baseline's own."""
    run = run_id(report)
    framework = report.framework.name if report.framework else report.baseline_name
    controls = _controls(framework, streamed(report, include_passed=view.include_passed), run)
    out.layout('{"assessment-results":{\n')
    for key, value in _head(report, run).items():
        out.member(key, value)
        out.layout(",\n")
    out.layout('"results":[{\n')
    separator = ""
    for key, value in _result(report, run, controls).items():
        out.layout(separator)
        out.member(key, value)
        separator = ",\n"
    findings = [_finding(name, each, framework, run) for name, each in sorted(controls.items())]
    judged = [each for each in findings if each is not None]
    if judged:
        out.layout(separator)
        out.member("findings", judged)
    separator = ',\n"observations":[\n'
    for each in _observations(report, view, run):
        out.layout(separator)
        out.value(each)
        separator = ",\n"
    out.layout("\n]}]}}\n" if separator == ",\n" else "\n}]}}\n")


def _head(report: Report, run: str) -> JsonObject:
    plan = _uuid(run, "plan")
    baseline = f"{report.baseline_name} {report.baseline_version}"
    return {
        "uuid": _uuid(run, "results"),
        "metadata": {
            "title": f"Azure resources judged against {baseline}",
            "last-modified": utc(report.as_of),
            "version": run,
            "oscal-version": OSCAL_VERSION,
        },
        "import-ap": {"href": f"#{plan}"},
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": f"Baseline {baseline}",
                    "description": f"The rules of auditor {report.tool_version} that are in force in the baseline.",
                }
            ]
        },
    }


def _result(report: Report, run: str, controls: Mapping[str, _Result]) -> JsonObject:
    selection: JsonObject = {"include-controls": [{"control-id": _token(name)} for name in sorted(controls)]}
    return {
        "uuid": _uuid(run, "result"),
        "title": f"Audit of snapshot {report.snapshot.sha256[:12]}",
        "description": f"{len(report.rules)} rules on {report.resources} resources.",
        "start": utc(report.as_of),
        "props": [{"name": "snapshot-sha256", "value": report.snapshot.sha256 or "unknown"}],
        "reviewed-controls": {"control-selections": [selection if controls else {"include-all": {}}]},
    }


def _controls(framework: str, findings: Iterable[Finding], run: str) -> Mapping[str, _Result]:
    controls: dict[str, _Result] = {}
    for number, finding in enumerate(findings):
        for control in finding.controls.get(framework, ()):
            result = controls.setdefault(control, _Result())
            result.observations.append(_observation_uuid(finding, number, run))
            result.status = max(result.status, finding.status, key=_WEIGHT.__getitem__)
    return controls


def _finding(control: str, result: _Result, framework: str, run: str) -> JsonObject | None:
    """Return the finding on a control; none where nothing applies."""
    if result.status is Status.NOT_APPLICABLE:
        return None
    is_satisfied = result.status is Status.PASS
    reason = {Status.PASS: "pass", Status.FAIL: "fail"}.get(result.status, "other")
    status: dict[str, object] = {"state": "satisfied" if is_satisfied else "not-satisfied", "reason": reason}
    if result.status is Status.UNKNOWN:
        status["remarks"] = "Something that would decide it could not be read: neither a pass nor a failure."
    return {
        "uuid": _uuid(run, f"control {framework} {control}"),
        "title": sentence(f"{framework} {control}"),
        "description": f"{len(result.observations)} observations; the worst is {result.status.value}.",
        "target": {"type": "objective-id", "target-id": _token(control), "status": status},
        "related-observations": [{"observation-uuid": each} for each in result.observations],
    }


def _observations(report: Report, view: View, run: str) -> Iterator[JsonObject]:
    for number, finding in enumerate(streamed(report, include_passed=view.include_passed)):
        rule = report.rules[finding.rule_id]
        subject = finding.resource_id or finding.component or finding.rule_id
        observation: dict[str, object] = {
            "uuid": _observation_uuid(finding, number, run),
            "title": sentence(rule.title) or rule.id,
            "description": sentence(finding.message) or rule.id,
            "props": list(_props(finding)),
            "methods": ["TEST"],
            "types": ["finding"],
            "subjects": [
                {
                    "subject-uuid": str(uuid5(_NAMESPACE, _utf8(subject.lower()))),
                    "type": "resource" if finding.resource_id else "component",
                    "title": sentence(short_name(subject)) or "resource",
                }
            ],
            "collected": utc(report.as_of),
        }
        if deciding(finding):
            observation["relevant-evidence"] = [{"description": _evidence(leaf)} for leaf in deciding(finding)]
        if finding.exemption is not None:
            observation["remarks"] = sentence(
                f"Accepted until {finding.exemption.expires_on} by {finding.exemption.approved_by}: {finding.exemption.reason}"
            )
        yield observation


def _props(finding: Finding) -> Iterator[JsonObject]:
    told: Sequence[tuple[str, str | None]] = [
        ("rule-id", finding.rule_id),
        ("status", finding.status.value),
        ("severity", finding.severity.value),
        ("fingerprint", finding.fingerprint),
        ("resource-id", finding.resource_id),
        ("sub-object", finding.sub_object),
    ]
    for name, value in told:
        if value and (shown := sentence(value)):
            yield {"name": name, "value": shown}


def _evidence(leaf: Evidence) -> str:
    return sentence(f"{requirement(leaf)}: {observed(leaf)}") or "no value"


def _observation_uuid(finding: Finding, number: int, run: str) -> str:
    return _uuid(run, f"observation {finding.fingerprint or number}")


def _uuid(run: str, name: str) -> str:
    """Return an id of version 4 in form, as OSCAL asks, and made of what it names, so that a second run gives the same."""
    return str(UUID(bytes=uuid5(_NAMESPACE, _utf8(f"{run} {name}")).bytes, version=4))


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _token(text: str) -> str:
    """Return a name as OSCAL spells tokens: it begins with a letter or `_`."""
    token = _NO_TOKEN.sub("_", text)
    return token if token[:1].isalpha() or token[:1] == "_" else f"_{token}"


FORMAT: Final = Format("oscal", write, JsonValues, lists_passes=True)
