"""Write a report as JSON Lines, for streams: the head in the first line, then one finding a line."""

from __future__ import annotations

from typing import Final

from auditor.model import Report
from auditor.report.documents.document_parts import head_of
from auditor.report.documents.finding_list import write_findings
from auditor.report.escapes.json import JsonValues
from auditor.report.format import Format, View


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write what version 2 of the JSON report holds, a line at a time."""
    out.value(head_of(report))
    write_findings(report, out, view, "\n")
    out.layout("\n")


FORMAT: Final = Format("jsonl", write, JsonValues, lists_passes=True)
