"""Write the coverage of an audit as CSV: what would settle most, types, controls, rules without subject, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor.model import ControlCoverage, OpenGap, Report, Status
from auditor.report.causes import causes_of, shown_places
from auditor.report.escapes.csv import CsvRows
from auditor.report.format import Format, View
from auditor.report.text import run_id

SCHEMA_VERSION: Final = 1
"""Rises only when a column changes its meaning; columns are added at the end."""

COLUMNS: Final = (
    "schema_version",
    "run_id",
    "section",
    "framework",
    "control",
    "rule_id",
    "status",
    *(status.value for status in Status),
    "resource_type",
    "collected",
    "judged",
    "used_as_evidence",
    "not_looked_at",
    "gaps",
    "evidence",
    "facts",
    "what",
    "places",
    "where",
    "reason",
    "permission",
    "settled_by",
    "settles",
)

Cells = Mapping[str, str]


def write(report: Report, out: CsvRows, view: View) -> None:
    """Write one row for each permission, type, control, thing that leaves it open, unmet rule and gap, RFC 4180."""
    out.start(COLUMNS, view.style.csv)
    run = {"schema_version": str(SCHEMA_VERSION), "run_id": run_id(report)}
    for cells in _rows(report):
        row = {**run, **cells}
        out.row(row.get(column, "") for column in COLUMNS)


def _rows(report: Report) -> Iterator[Cells]:
    coverage = report.coverage
    for grant in coverage.grants:
        yield {"section": "permission", "permission": grant.permission, "settles": str(grant.settles)}
    for each in coverage.types:
        yield {
            "section": "type",
            "resource_type": each.name,
            "collected": str(each.collected),
            "judged": str(each.judged),
            "used_as_evidence": str(each.used_as_evidence),
            "not_looked_at": str(each.not_looked_at),
            "gaps": str(each.gaps),
        }
    for control in coverage.controls:
        yield _control(control)
        yield from _open(control)
    for rule in sorted(coverage.unmet):
        yield {"section": "rule", "rule_id": rule, "reason": coverage.unmet[rule]}
    yield from map(_gap, coverage.gaps)


def _control(control: ControlCoverage) -> Cells:
    return {
        "section": "control",
        "framework": control.framework,
        "control": control.id,
        "rule_id": "; ".join(control.rules),
        "status": control.status.value,
        **{status.value: str(count) for status, count in control.by_status.items()},
        "resource_type": "; ".join(control.judged),
        "judged": str(sum(control.judged.values())),
        "gaps": str(len(control.gaps)),
        "evidence": "; ".join(control.evidence),
        "facts": "; ".join(control.facts),
    }


def _open(control: ControlCoverage) -> Iterator[Cells]:
    for cause in causes_of(control.gaps):
        yield {
            "section": "open",
            "framework": control.framework,
            "control": control.id,
            "status": control.status.value,
            "what": cause.what,
            "places": str(len(cause.places)),
            "where": "; ".join(shown_places(cause)),
            "reason": cause.reason,
            "permission": cause.permission or "",
            "settled_by": cause.settled_by,
        }


def _gap(each: OpenGap) -> Cells:
    return {
        "section": "gap",
        "control": "; ".join(f"{framework}:{control}" for framework, control in each.controls),
        "rule_id": "; ".join(each.rules),
        Status.UNKNOWN.value: str(each.findings),
        "what": each.gap.what,
        "places": "1",
        "where": each.gap.scope,
        "reason": each.gap.reason,
        "permission": each.gap.permission or "",
        "settled_by": each.settled_by,
    }


FORMAT: Final = Format("coverage", write, CsvRows, explains_passes=False)
"""It lists no findings; whether passes are explained changes nothing in it."""
