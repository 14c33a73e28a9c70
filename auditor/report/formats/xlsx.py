"""Write a report as an Excel workbook: findings, causes, controls, coverage and gaps, a sheet each with filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.engine.findings.shared_evidence import deciding
from auditor.errors import AuditorError
from auditor.model import Evidence, Finding, Report
from auditor.report.comparison import comparison
from auditor.report.escapes.binary import BinaryFile
from auditor.report.finding_causes import cause_of, groups_of
from auditor.report.format import Format, View
from auditor.report.pages.coverage_page import rests_on, still_open
from auditor.report.selection import streamed
from auditor.report.text import blanked, compact, cut_cell, observed, utc_text, value_text

try:
    import xlsxwriter
    from xlsxwriter.format import Format as CellFormat
    from xlsxwriter.worksheet import Worksheet
except ImportError as problem:
    raise AuditorError(
        "the format xlsx needs the package XlsxWriter, which is not installed",
        "run: pip install 'estate-auditor[xlsx]'",
    ) from problem

_ROWS: Final = 1_048_575
"""A sheet holds one row more, which is the header's."""
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
FINDINGS: Final = (
    ("Severity", 10),
    ("Status", 14),
    ("Exempted", 10),
    ("Workload", 14),
    ("Component", 18),
    ("Rule", 36),
    ("Title", 48),
    ("Resource", 30),
    ("Part", 20),
    ("Message", 80),
    ("Observed", 30),
    ("Comparison", 16),
    ("Expected", 30),
    ("Path", 36),
    ("Witness", 30),
    ("Cause", 40),
    ("Remedy", 60),
    ("Command", 60),
    ("Why unknown", 30),
    ("Missing permission", 40),
    ("Exemption", 16),
    ("Accepted because", 30),
    ("Accepted by", 24),
    ("Accepted until", 14),
    ("Controls", 40),
    ("Subscription", 36),
    ("Resource group", 24),
    ("Type", 40),
    ("Location", 14),
    ("Tags", 30),
    ("Collected", 22),
    ("Resource id", 80),
    ("Fingerprint", 34),
)
CAUSES: Final = (
    ("What would have to change", 60), ("Status", 12), ("Severity", 12), ("Findings", 10), ("Rules", 60), ("Resource id", 80)
)  # fmt: skip
CONTROLS: Final = (
    ("Framework", 18), ("Control", 20), ("Status", 14), ("Pass", 8), ("Fail", 8), ("Unknown", 10), ("Not applicable", 14),
    ("Rests on", 50), ("Could still change it", 80), ("Rules", 60),
)  # fmt: skip
COVERAGE: Final = (
    ("Type", 50), ("Collected", 12), ("Judged", 10), ("Used as evidence", 18), ("Not looked at", 14), ("Gaps", 8)
)  # fmt: skip
GAPS: Final = (
    ("What", 50), ("Scope", 80), ("Why", 40), ("Permission", 50), ("Settled by", 50), ("Findings unknown for it", 24),
    ("Rules", 60),
)  # fmt: skip

Cell = str | int
Columns = Sequence[tuple[str, int]]


def write(report: Report, out: BinaryFile, view: View) -> None:
    """Write the sheets one after the other; what does not fit one goes on in the next."""
    with xlsxwriter.Workbook(out.bytes, _OPTIONS) as book:
        book.set_properties(
            {
                "title": f"Audit against {report.baseline_name} {report.baseline_version}",
                "comments": f"auditor {report.tool_version}, snapshot {report.snapshot.sha256}",
                "created": report.as_of.replace(tzinfo=None),
            }
        )
        findings = streamed(report, include_passed=view.include_passed)
        _sheet(book, "findings", FINDINGS, (_finding(each, report) for each in findings))
        _sheet(book, "causes", CAUSES, _causes(report))
        _sheet(book, "controls", CONTROLS, _controls(report))
        _sheet(book, "coverage", COVERAGE, _coverage(report))
        _sheet(book, "gaps", GAPS, _gaps(report))


def _sheet(book: xlsxwriter.Workbook, name: str, columns: Columns, rows: Iterable[Sequence[Cell]]) -> None:
    """Write a sheet with a header that stays in sight, and a filter on each column."""
    sheet, bold = None, book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    row_number, part = _ROWS, 0
    for row in rows:
        if sheet is None or row_number == _ROWS:
            part += 1
            _filter(sheet, columns, row_number)
            sheet = _begun(book, name if part == 1 else f"{name} {part}", columns, bold)
            row_number = 0
        row_number += 1
        for column, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(row_number, column, cell)
            elif cell:
                sheet.write_string(row_number, column, cut_cell(blanked(cell)))
    if sheet is None:
        sheet, row_number = _begun(book, name, columns, bold), 0
    _filter(sheet, columns, row_number)


def _begun(book: xlsxwriter.Workbook, name: str, columns: Columns, bold: CellFormat) -> Worksheet:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for column, (title, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)
    return sheet


def _filter(sheet: Worksheet | None, columns: Columns, last: int) -> None:
    if sheet is not None:
        sheet.autofilter(0, 0, last, len(columns) - 1)


def _finding(finding: Finding, report: Report) -> Sequence[Cell]:
    rule, exemption, cause = report.rules[finding.rule_id], finding.exemption, cause_of(finding)
    resource_id = finding.resource_id or ""
    subscription = ids.subscription_of(resource_id) or ""
    accepted = (exemption.id, exemption.reason, exemption.approved_by, exemption.expires_on) if exemption else ("",) * 4
    return (
        finding.severity.value,
        finding.status.value,
        "yes" if exemption else "no",
        finding.workload or "",
        finding.component or "",
        rule.id,
        rule.title,
        ids.name_of(resource_id),
        finding.sub_object,
        finding.message,
        *_evidence(deciding(finding)),
        compact(finding.witness) if finding.witness else "",
        cause.what if cause else "",
        rule.remediation,
        finding.remediation_cli,
        finding.unknown_reason or "",
        finding.missing_permission or "",
        *accepted,
        "; ".join(f"{name}:{each}" for name in sorted(finding.controls) for each in finding.controls[name]),
        report.snapshot.subscription_names.get(subscription.lower()) or subscription,
        ids.resource_group_of(resource_id) or "",
        finding.resource_type or "",
        finding.location or "",
        "; ".join(f"{name}={value_text(finding.tags[name])}" for name in sorted(finding.tags)),
        utc_text(finding.collected_at or report.snapshot.collected_at),
        resource_id,
        finding.fingerprint,
    )


def _evidence(leaves: Sequence[Evidence]) -> Iterator[str]:
    yield "; ".join(map(observed, leaves))
    yield "; ".join(comparison(leaf)[0] for leaf in leaves)
    yield "; ".join(comparison(leaf)[1] for leaf in leaves)
    yield "; ".join(leaf.path for leaf in leaves)


def _causes(report: Report) -> Iterator[Sequence[Cell]]:
    for group in groups_of(report.findings):
        cause = group.cause
        rules = "; ".join(sorted(group.rules))
        yield (cause.what, group.status.value, group.severity.value, group.findings, rules, cause.resource_id or "")


def _controls(report: Report) -> Iterator[Sequence[Cell]]:
    for each in report.coverage.controls:
        counts = tuple(each.by_status.values())
        yield (
            each.framework,
            each.id,
            each.status.value,
            *counts,
            rests_on(each),
            still_open(each),
            "; ".join(each.rules),
        )


def _coverage(report: Report) -> Iterator[Sequence[Cell]]:
    for each in report.coverage.types:
        yield (each.name, each.collected, each.judged, each.used_as_evidence, each.not_looked_at, each.gaps)


def _gaps(report: Report) -> Iterator[Sequence[Cell]]:
    for each in report.coverage.gaps:
        gap = each.gap
        rules = "; ".join(each.rules)
        yield (gap.what, gap.scope, gap.reason, gap.permission or "", each.settled_by, each.findings, rules)


FORMAT: Final = Format("xlsx", write, BinaryFile, lists_passes=True, is_binary=True)
