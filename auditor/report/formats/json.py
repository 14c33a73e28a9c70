"""Write a report as one JSON object, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from auditor.model import Report
from auditor.report.documents import json_document
from auditor.report.documents.document_parts import cause_document, first_finding_of, first_head_of, gaps_of, head_of
from auditor.report.documents.finding_list import write_findings
from auditor.report.escapes.json import JsonValues
from auditor.report.finding_causes import CauseGroups
from auditor.report.format import Format, View
from auditor.report.selection import streamed

_AFTER_HEAD: Final = ("findings", "gaps", "coverage")


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write the report as JSON; findings are written one after the other."""
    if view.style.json_version == json_document.SCHEMA_VERSION:
        _write_first_version(report, out, view)
        return
    separator = "{\n"
    causes = CauseGroups()
    for key, value in head_of(report, causes.add).items():
        out.layout(separator)
        out.member(key, value)
        separator = ",\n"
    out.layout(separator)
    out.member("causes", list(map(cause_document, causes.in_order())))
    out.layout(',\n"findings":[')
    write_findings(report, out, view, ",\n")
    out.layout("\n]\n}\n")


def _write_first_version(report: Report, out: JsonValues, view: View) -> None:
    """Write version 1, two spaces of indent."""
    head = first_head_of(report)
    out.layout("{\n")
    for key, value in head.items():
        if key not in _AFTER_HEAD:
            out.layout("  ")
            out.member(key, value, 2)
            out.layout(",\n")
    findings = streamed(report, include_passed=view.include_passed)
    _write_list(out, "findings", (first_finding_of(each, report.rules[each.rule_id]) for each in findings))
    out.layout(",\n")
    _write_list(out, "gaps", gaps_of(report))
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


FORMAT: Final = Format("json", write, JsonValues, lists_passes=True)
