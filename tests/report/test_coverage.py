"""The coverage as CSV is documented, safe to open, and holds what the JSON holds."""

from __future__ import annotations

import csv
import io
import re

from auditor.model import Report
from auditor.report.documents.coverage_document import document_of
from auditor.report.format import View
from auditor.report.formats.coverage import COLUMNS, FORMAT
from tests.checkout import ROOT


def _rows(report: Report) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    FORMAT.write(report, out, View(include_passed=True))
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_the_documentation_tells_every_column_in_order() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]*) \|", text.partition("## Coverage as CSV")[2], re.MULTILINE)
    assert tuple(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == COLUMNS


def test_no_cell_is_a_formula_or_breaks_a_line(report: Report) -> None:
    cells = [cell for row in _rows(report) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert not [cell for cell in cells if re.search(r"[\x00-\x1f\x7f\u2028\u2029]", cell)]


def test_it_has_a_row_for_all_that_the_json_report_lists(report: Report) -> None:
    document, rows = document_of(report.coverage), _rows(report)
    counts = {name: sum(row["section"] == name for row in rows) for name in {row["section"] for row in rows}}
    assert counts == {
        "permission": len(document["permissions"]),
        "type": len(document["types"]),
        "control": len(document["controls"]),
        "open": sum(len(control["open"]) for control in document["controls"]),
        "rule": len(document["unmet_rules"]),
        "gap": len(document["gaps"]),
    }
