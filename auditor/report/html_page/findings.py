"""Lay out findings as the data from which the page's script makes rows, and as a plain table for readers without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.model import Evidence, Finding, Report, RuleInfo, Status
from auditor.report.comparison import comparison
from auditor.report.escapes.html import Html, html, html_text
from auditor.report.finding_causes import cause_of
from auditor.report.html_page.sets import set_lines
from auditor.report.html_page.states import pill, state_of
from auditor.report.packet_path import path_of
from auditor.report.portal import resource_link
from auditor.report.selection import short_name
from auditor.report.text import compact, observed, utc_text, value_text

Row = dict[str, object]


class FindingRows(Struct):
    """Makes rows of findings; what many have in common stands once, in `controls`."""

    report: Report
    controls: list[Mapping[str, Sequence[str]]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def row(self, finding: Finding, subject: str) -> Row:
        """Return a finding as a row; members that say nothing are left out."""
        cause, exemption = cause_of(finding), finding.exemption
        row: Row = {
            "rule": finding.rule_id,
            "severity": finding.severity.value,
            "status": finding.status.value,
            "state": state_of(finding),
            "subject": subject,
            "message": finding.message,
            "id": finding.fingerprint,
            "controls": self._place(finding.controls),
            "resource": finding.resource_id,
            "type": finding.resource_type,
            "part": finding.sub_object,
            "workload": finding.workload,
            "component": finding.component,
            "location": finding.location,
            "group": ids.resource_group_of(finding.resource_id or ""),
            "subscription": self._subscription(finding),
            "read": utc_text(finding.collected_at),
            "evidence": [_evidence(each, finding) for each in finding.evidence],
            "path": path_of(finding.witness),
            "witness": "" if path_of(finding.witness) else _facts(finding.witness),
            "set": set_lines(finding.rests_on),
            "link": resource_link(finding.resource_id or "", self.report.snapshot.scope),
            "reason": finding.unknown_reason,
            "permission": finding.missing_permission,
            "command": finding.remediation_cli,
            "cause": [cause.id, cause.what] if cause else None,
            "tags": [f"{name}={value_text(value)}" for name, value in sorted(finding.tags.items(), key=str)],
            "exemption": None
            if exemption is None
            else [exemption.id, exemption.reason, exemption.approved_by, exemption.ticket, exemption.expires_on],
        }
        return {name: value for name, value in row.items() if value not in (None, "", [])}

    def _place(self, controls: Mapping[str, Sequence[str]]) -> int:
        listed = {name: list(controls[name]) for name in sorted(controls)}
        key = compact(listed)
        if key not in self._places:
            self._places[key] = len(self.controls)
            self.controls.append(listed)
        return self._places[key]

    def _subscription(self, finding: Finding) -> str:
        subscription = ids.subscription_of(finding.resource_id or "") or ""
        return self.report.snapshot.subscription_names.get(subscription.lower()) or subscription


def _evidence(leaf: Evidence, finding: Finding) -> list[str]:
    """Return path, value, what was wanted of it, where else it stands, and how it was read."""
    wanted = " ".join(comparison(leaf)) if leaf.decides else ""
    elsewhere = leaf.resource_id if leaf.resource_id and leaf.resource_id != finding.resource_id else ""
    when = leaf.collected_at if leaf.collected_at != finding.collected_at else None
    read = " ".join(part for part in (leaf.source, leaf.api_version, utc_text(when)) if part)
    return [leaf.path, observed(leaf), wanted, short_name(elsewhere), read, leaf.name or ""]


def _facts(witness: Mapping[str, object] | None) -> list[str]:
    return [f"{name}: {value_text(value)}" for name, value in sorted((witness or {}).items())]


def rule_row(rule: RuleInfo) -> Row:
    """Return what a finding tells of its rule."""
    return {
        "title": rule.title,
        "why": rule.rationale,
        "remedy": rule.remediation,
        "references": list(rule.references),
        "file": f"{rule.file}:{rule.line}",
    }


def plain_rows(report: Report, findings: Sequence[Finding], subjects: Sequence[str]) -> Iterator[Html]:
    """Yield a table row for each failure and unknown."""
    for finding, subject in zip(findings, subjects, strict=True):
        if finding.status not in {Status.FAIL, Status.UNKNOWN}:
            continue
        rule = report.rules[finding.rule_id]
        remedy = finding.remediation_cli or rule.remediation
        yield html(
            "tr",
            None,
            html("td", None, pill(finding.severity.value)),
            html("td", None, pill(state_of(finding))),
            html("td", None, html("bdi", None, html_text(subject))),
            html("td", None, html_text(finding.message)),
            html("td", None, html_text(rule.title)),
            html("td", None, html("code", None, html_text(remedy))),
        )
