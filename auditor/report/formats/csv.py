"""Write a report as CSV, one row per finding, for auditors and spreadsheets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from auditor import resource_id as ids
from auditor.engine.processes import Bytes, in_processes
from auditor.engine.shared_evidence import SharedEvidence, SharedLeaves
from auditor.model import Evidence, Finding, Report, RuleInfo
from auditor.report.comparison import comparison
from auditor.report.escapes.csv import CsvCell, CsvRows, CsvText
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
_ROWS: Final = 1_000  # in a part that one process writes
_AT_ONCE: Final = 50_000  # findings whose rows are held before they are written
_AS_BYTES: Final[Bytes[CsvText]] = Bytes(pickle.dumps, pickle.loads)
_REMEMBERED: Final = 65_536
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
    rows, in_order = FindingCells(report, out.cell, name_cell), itemgetter(*COLUMNS)
    findings = streamed(report, include_passed=view.include_passed)
    if view.processes == 1:
        for finding in findings:
            out.line(in_order(rows.cells(finding)))
        return
    while some := list(islice(findings, _AT_ONCE)):

        def text_of(number: int, some: Sequence[Finding] = some) -> CsvText:
            return out.lines(in_order(rows.cells(each)) for each in some[number * _ROWS : (number + 1) * _ROWS])

        for text in in_processes(text_of, range(-(-len(some) // _ROWS)), view.processes, _AS_BYTES):
            out.add(text)


class FindingCells:
    """The cells of findings, as `cell` writes them; what many share is made once. A name is first made one by `as_name`."""

    def __init__(self, report: Report, cell: Callable[[str], CsvCell], as_name: Callable[[str], str]) -> None:
        self._report = report
        self._cell = cell
        self._as_name = as_name
        self._names: dict[str, CsvCell] = {}
        self._rules: dict[tuple[str, int], tuple[dict[str, CsvCell], object]] = {}
        self._places: dict[str, dict[str, CsvCell]] = {}
        self._shared: dict[tuple[SharedLeaves, str | None, str | None], dict[str, CsvCell]] = {}
        self._run = self._escaped(_run_cells(report))

    def cells(self, finding: Finding) -> dict[str, CsvCell]:
        """Return the cells of a finding by column."""
        resource_id = finding.resource_id or ""
        place = self._places.get(resource_id)
        if place is None:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            place = self._places[resource_id] = self._escaped(_place_cells(resource_id, self._report))
        return (
            self._run | self._rule_cells(finding) | place | self._evidence_cells(finding.evidence) | self._own(finding)
        )

    def _rule_cells(self, finding: Finding) -> dict[str, CsvCell]:
        key = (finding.rule_id, id(finding.controls))
        known = self._rules.get(key)
        if known is None:
            if len(self._rules) >= _REMEMBERED:
                self._rules.clear()
            cells = self._escaped(_rule_cells(self._report.rules[finding.rule_id], finding.controls))
            known = self._rules[key] = (cells, finding.controls)  # held, so that no other gets its identity
        return known[0]

    def _evidence_cells(self, evidence: Sequence[Evidence]) -> dict[str, CsvCell]:
        if not isinstance(evidence, SharedEvidence) or not evidence.shared.is_kept:
            return self._escaped(_evidence_cells(evidence))
        origin = evidence.origins[0]
        key = (evidence.shared, origin.source, origin.api_version)
        cells = self._shared.get(key)
        if cells is None:
            cells = self._escaped(_evidence_cells(evidence))
            if evidence.shared.are_of_subject:
                self._shared[key] = cells
        return cells

    def _own(self, finding: Finding) -> dict[str, CsvCell]:
        """Return what only this finding tells."""
        rule, cell, name = self._report.rules[finding.rule_id], self._cell, self._name
        exemption, cause = finding.exemption, cause_of(finding)
        mends = (part for part in (rule.remediation, finding.remediation_cli) if part)
        collected = utc_text(finding.collected_at or self._report.snapshot.collected_at)
        return {
            "severity": name(finding.severity.value),
            "status": name(finding.status.value),
            "exempted": cell("false" if exemption is None else "true"),
            "resource_type": name(finding.resource_type or ""),
            "sub_object": name(finding.sub_object),
            "workload": name(finding.workload or ""),
            "component": name(finding.component or ""),
            "location": name(finding.location or ""),
            "message": name(finding.message),
            "collected_at_utc": cell(collected),
            "unknown_reason": name(finding.unknown_reason or ""),
            "missing_permission": name(finding.missing_permission or ""),
            "exemption_id": name(exemption.id if exemption else ""),
            "exemption_reason": name(exemption.reason if exemption else ""),
            "exemption_approved_by": name(exemption.approved_by if exemption else ""),
            "exemption_expires_on": cell(exemption.expires_on if exemption else ""),
            "remediation": name(" | ".join(mends)),
            "fingerprint": cell(self._as_name(finding.fingerprint)),
            "witness": name(compact(finding.witness)) if finding.witness else name(""),
            "cause": name(cause.what if cause else ""),
            "first_seen_utc": cell(finding.first_seen),
            "change": name(finding.change or finding.against_known or ""),
            "tags": name("; ".join(f"{key}={value_text(finding.tags[key])}" for key in sorted(finding.tags))),
        }

    def _escaped(self, cells: Mapping[str, str]) -> dict[str, CsvCell]:
        return {
            column: self._cell(text) if column in _AS_WRITTEN else self._name(text) for column, text in cells.items()
        }

    def _name(self, text: str) -> CsvCell:
        """Return the cell of a name or a sentence: a number in it stays text."""
        cell = self._names.get(text)
        if cell is None:
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            cell = self._names[text] = self._cell(self._as_name(text))
        return cell


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


def _rule_cells(rule: RuleInfo, controls: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {
        "rule_id": rule.id,
        "rule_title": rule.title,
        "controls": "; ".join(f"{name}:{each}" for name in sorted(controls) for each in controls[name]),
    }


def _place_cells(resource_id: str, report: Report) -> dict[str, str]:
    subscription = ids.subscription_of(resource_id) or ""
    return {
        "subscription_id": subscription,
        "subscription_name": report.snapshot.subscription_names.get(subscription.lower(), ""),
        "resource_group": ids.resource_group_of(resource_id) or "",
        "resource_id": resource_id,
        "resource_name": ids.name_of(resource_id),
    }


def _evidence_cells(evidence: Sequence[Evidence]) -> dict[str, str]:
    shown = evidence.without_inputs() if isinstance(evidence, SharedEvidence) else evidence  # inputs decide nothing
    leaves = [leaf for leaf in shown if leaf.decides]
    return {
        "observed": _each(leaves, _observed),
        "operator": _each(leaves, lambda leaf: comparison(leaf)[0]),
        "expected": _each(leaves, _expected),
        "evidence_path": _each(leaves, lambda leaf: leaf.path),
        "evidence_source": _once(leaves, lambda leaf: leaf.source or ""),
        "evidence_api_version": _once(
            leaves, lambda leaf: f"api-version={leaf.api_version}" if leaf.api_version else ""
        ),
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
