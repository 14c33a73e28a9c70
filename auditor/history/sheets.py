"""Lay out what a history answers: findings, its trend, one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.history.questions import StoredFinding, TrendPoint
from auditor.model import Severity
from auditor.report.answers.sheet import Record, Sheet
from auditor.report.layout import Layout
from auditor.report.text import compact

_FINDING_COLUMNS: Final = (
    *("fingerprint", "state", "severity", "rule_id", "title", "resource_id", "resource_type", "sub_object", "workload"),
    *("owner", "status", "exempted", "first_seen", "last_seen", "open_since", "resolved_at", "how_resolved"),
    *("age_days", "open_days", "reopened", "baseline", "message", "widened", "widened_at"),
)
_TREND_COLUMNS: Final = (
    "at",
    "run_id",
    "baseline",
    "open",
    *Severity,
    "new",
    "reopened",
    "resolved",
    "unknown",
    "widened",
)
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class FindingHistorySheet(Sheet):
    """An answer whose records are findings over time."""

    note: ClassVar[str] = (
        "A finding is as old as the first run that this history knows it from. It stays open until a run sees that it "
        "passes or that its subject is gone; what a run could not see ends nothing."
    )
    records_name: ClassVar[str] = "findings"

    def body(self, layout: Layout) -> list[str]:
        """Return one line for each finding."""
        if not self.records:
            return ["", *layout.paragraph("no findings")]
        head = (
            "fingerprint",
            "state",
            "severity",
            "rule",
            "resource",
            "owner",
            "first seen",
            "last seen",
            "days",
            "back",
            "wider",
        )
        return ["", *layout.rows(head, [_line(record) for record in self.records])]

    def cell(self, column: str, value: object) -> str:  # noqa: ARG002 - each column holds one value
        """Return a value as text."""
        return _cell(value)


@dataclass(frozen=True, slots=True)
class TrendSheet(Sheet):
    """An answer whose records are runs, with how many findings were open after each."""

    note: ClassVar[str] = (
        "Open: what failed once the run had been, of all scopes that the history knows, exempted or not."
    )
    records_name: ClassVar[str] = "runs"

    def body(self, layout: Layout) -> list[str]:
        """Return one line for each run."""
        if not self.records:
            return ["", *layout.paragraph("no runs")]
        shown = ("at", "open", *Severity, "new", "reopened", "widened", "resolved")
        return ["", *layout.rows(shown, [[_cell(record[name]) for name in shown] for record in self.records])]

    def cell(self, column: str, value: object) -> str:  # noqa: ARG002 - each column holds one value
        """Return a value as text."""
        return _cell(value)


def of_findings(stored: Sequence[StoredFinding], at: str, asked: dict[str, str], place: str) -> Sheet:
    """Lay out findings with their ages at a time."""
    open_ones = sum(each.is_open for each in stored)
    title = f"{len(stored)} findings in {place}, {open_ones} of them open"
    records = [_record(each, at) for each in stored]
    return FindingHistorySheet(title, asked, _FINDING_COLUMNS, records, (), is_whole=True)


def of_trend(points: Sequence[TrendPoint], asked: dict[str, str], place: str) -> Sheet:
    """Lay out how many findings were open after each run."""
    records = [
        {
            "at": point.run.at,
            "run_id": point.run.run_id,
            "baseline": point.run.baseline,
            "open": point.open,
            **{severity.value: point.by_severity[severity] for severity in Severity},
            "by_owner": dict(sorted(point.by_owner.items())),
            "new": point.new,
            "reopened": point.reopened,
            "widened": point.widened,
            "resolved": point.resolved,
            "unknown": point.run.unknown,
            "resources": point.run.resources,
        }
        for point in points
    ]
    title = f"{len(records)} runs in {place}"
    return TrendSheet(title, asked, _TREND_COLUMNS, records, (), is_whole=True)


@dataclass(frozen=True, slots=True)
class EpisodeSheet(Sheet):
    """An answer whose records are the times in which one finding failed."""

    note: ClassVar[str] = FindingHistorySheet.note
    records_name: ClassVar[str] = "episodes"

    def body(self, layout: Layout) -> list[str]:
        """Return what the finding is, then one line for each time that it failed."""
        lines = [[f"{name}:", text] for name, text in self.asked.items()]
        shown = [[self.cell(name, record[name]) for name in self.columns] for record in self.records]
        return ["", *layout.rows((), lines), "", *layout.rows([name.replace("_", " ") for name in self.columns], shown)]

    def cell(self, column: str, value: object) -> str:
        """Return a value as text."""
        if column == "widened" and isinstance(value, list):
            return "; ".join(f"{each['at']}: {each['how']}" for each in value)
        return _cell(value)


def of_finding(stored: StoredFinding, at: str) -> Sheet:
    """Lay out one finding: what it is, and each time that it failed."""
    told = {name: _cell(value) for name, value in _record(stored, at).items() if value not in {None, ""}}
    columns = ("opened_at", "closed_at", "how_closed", "days", "widened")
    records = [
        {
            "opened_at": each.opened_at,
            "closed_at": each.closed_at,
            "how_closed": each.how_closed,
            "days": each.days(at),
            "widened": [{"at": one.at, "how": one.how} for one in stored.widenings if each.covers(one.at)],
        }
        for each in stored.episodes
    ]
    return EpisodeSheet(stored.title, told, columns, records, (), is_whole=True)


def _record(each: StoredFinding, at: str) -> Record:
    return {
        "fingerprint": each.fingerprint,
        "state": "open" if each.is_open else "resolved",
        "severity": each.severity.value,
        "rule_id": each.rule_id,
        "title": each.title,
        "resource_id": each.resource_id,
        "resource_type": each.resource_type,
        "sub_object": each.sub_object,
        "workload": each.workload,
        "owner": each.owner,
        "status": each.status,
        "exempted": each.is_exempt,
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
        "open_since": each.open_since,
        "resolved_at": each.resolved_at,
        "how_resolved": "" if each.is_open else each.episodes[-1].how_closed,
        "age_days": each.age(at),
        "open_days": each.open_days(at),
        "reopened": each.reopened,
        "baseline": each.baseline,
        "message": each.message,
        "widened": len(each.widenings),
        "widened_at": each.widenings[-1].at if each.widenings else None,
    }


def _line(record: Record) -> list[str]:
    resource = ids.name_of(str(record["resource_id"]))
    part = f" {record['sub_object']}" if record["sub_object"] else ""
    return [
        str(record["fingerprint"])[:_SHORT],
        str(record["state"]),
        str(record["severity"]),
        str(record["rule_id"]),
        f"{resource}{part}",
        str(record["owner"]),
        str(record["first_seen"])[:10],
        str(record["last_seen"])[:10],
        str(record["age_days"]),
        str(record["reopened"] or ""),
        str(record["widened"] or ""),
    ]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return value
        case _:
            return compact(value)
