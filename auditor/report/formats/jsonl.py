"""Write a report as JSON Lines, for streams: the head in the first line, then one finding a line."""

from __future__ import annotations

from typing import Final

from auditor.inputs.collector import paused
from auditor.model import Report
from auditor.report.document_parts import head_of
from auditor.report.escapes.json import JsonValues
from auditor.report.finding_texts import FindingTexts
from auditor.report.format import Format, View
from auditor.report.selection import streamed


def write(report: Report, out: JsonValues, view: View) -> None:
    """Write what version 2 of the JSON report holds, a line at a time."""
    out.value(head_of(report))
    findings = streamed(report, include_passed=view.include_passed)
    paused(lambda: out.texts(map(FindingTexts(report).of, findings), "\n", "\n"))
    out.layout("\n")


FORMAT: Final = Format("jsonl", write, JsonValues, lists_passes=True)
