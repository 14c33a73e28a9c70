"""Write the findings of a report as texts of JSON, one after the other, in as many processes as may write at once."""

from __future__ import annotations

from typing import Final

from auditor.engine.parallel.ordered_parts import in_turn
from auditor.engine.parallel.processes import Bytes
from auditor.inputs.collector import paused
from auditor.model import Report
from auditor.report.documents.finding_texts import FindingTexts
from auditor.report.escapes.json import JsonText, JsonValues
from auditor.report.format import View
from auditor.report.selection import in_sections, streamed

_LONE: Final = "surrogatepass"  # no text that is written holds half a pair, and none that does would be lost
_AS_BYTES: Final[Bytes[JsonText]] = Bytes(
    lambda text: text.encode("utf-8", _LONE), lambda data: JsonText(str(data, "utf-8", _LONE))
)


def write_findings(report: Report, out: JsonValues, view: View, between: str) -> None:
    """Write the findings that a reader wants, each as `FindingTexts` tells it: a new line first, and layout between them."""
    texts = FindingTexts(report)
    if view.processes == 1:
        findings = streamed(report, include_passed=view.include_passed)
        paused(lambda: out.texts(map(texts.of, findings), "\n", between))
        return
    sections = in_sections(report, include_passed=view.include_passed)
    is_first = True

    def text_of(number: int) -> JsonText:
        return JsonText("".join(out.blocks(map(texts.of, sections[number]()), "", between)))

    def add(text: JsonText) -> None:
        nonlocal is_first
        if text:  # else it lists nothing of the section
            out.layout("\n" if is_first else between)
            out.add(text)
            is_first = False

    in_turn(text_of, len(sections), view.processes, _AS_BYTES, add)
