"""Lay out answers about networks: whether one end reaches another, and who reaches whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor.network.matrix import Cell
from auditor.network.reachability import Connection, Decided
from auditor.report.answers.sheet import Record, Sheet
from auditor.report.layout import Layout
from auditor.report.packet_path import path_of, traffic_of

_COLUMNS: Final = (
    "workload", "from", "from_role", "to", "to_role", "protocol", "port", "answer", "partial", "passes", "stopped",
    "rules", "packet", "unknowns", "notes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NetworkSheet(Sheet):
    """An answer whose records are pairs of ends, with what passes and what decides."""

    note: ClassVar[str] = (
        "Decided on security groups, private endpoint policies, peerings and user-defined routes. Whether anything "
        "listens, whether a public address leads to a subnet, and firewalls of services are not looked at."
    )

    def body(self, layout: Layout) -> list[str]:
        """Return one pair in full, or all pairs as a table for each workload."""
        return _one_pair(layout, self.records[0]) if self.asked else _all_pairs(layout, self.records)

    def cell(self, column: str, value: object) -> str:
        """Return rules, traffic and packets in words."""
        if column == "rules":
            rules = _list(value)
            return "; ".join(
                f"{_named(rule, 'side')}: {_named(rule, 'rule')} ({_named(rule, 'filter')})" for rule in rules
            )
        if column in {"passes", "stopped"}:
            return "; ".join(map(_traffic, _list(value)))
        match value:
            case bool():
                return str(value).lower()
            case Mapping():
                return f"{value['source']} → {value['destination']}, {traffic_of(value)}"
            case list():
                return "; ".join(map(str, value))
            case _:
                return "" if value is None else str(value)


def of_query(asked: Mapping[str, str], connection: Connection) -> Sheet:
    """Lay out the answer to one question."""
    title = f"{asked['from']} to {asked['to']}, {asked['protocol']} port {asked['port']}"
    return _sheet(title, asked, [{**asked, **_record(connection)}], connection.unknowns)


def of_matrix(cells: Sequence[Cell]) -> Sheet:
    """Lay out who reaches whom by TCP or UDP."""
    records = [
        {
            "workload": cell.workload,
            "from": cell.source,
            "from_role": cell.source_role,
            "to": cell.destination,
            "to_role": cell.destination_role,
            "protocol": "tcp/udp",
            "port": "any",
            **_record(cell.connection),
        }
        for cell in cells
    ]
    unknowns = sorted({text for cell in cells for text in cell.connection.unknowns})
    return _sheet("Who reaches whom, by TCP or UDP", {}, records, unknowns)


def _sheet(title: str, asked: Mapping[str, str], records: Sequence[Record], unknowns: Sequence[str]) -> Sheet:
    return NetworkSheet(
        title=title,
        asked=asked,
        columns=_COLUMNS,
        records=records,
        unknowns=unknowns,
        is_whole=all(record["answer"] != "unknown" for record in records),
    )


def _record(connection: Connection) -> dict[str, object]:
    return {
        "answer": connection.truth.value,
        "partial": connection.is_partial,
        "passes": [_line(one.traffic, one.rules) for one in connection.passes],
        "stopped": [_line(one.traffic, one.rules) for one in connection.stopped],
        "rules": [_rule(one) for one in connection.rules],
        "packet": connection.packet.as_json() if connection.packet else None,
        "unknowns": list(connection.unknowns),
        "notes": list(connection.notes),
    }


def _line(traffic: str, rules: Sequence[tuple[str, str]]) -> dict[str, object]:
    return {"traffic": traffic, "rules": [{"filter": layer, "rule": name} for layer, name in rules]}


def _rule(one: Decided) -> dict[str, object]:
    return {
        "access": one.rule.access.value,
        "default": not one.rule.is_custom,
        "direction": one.rule.direction.value,
        "filter": one.filter,
        "priority": one.rule.priority,
        "rule": one.rule.name,
        "side": one.side,
    }


def _one_pair(layout: Layout, record: Record) -> list[str]:
    answer = f"{record['answer']}" + (", in part" if record["partial"] else "")
    lines = ["", *layout.paragraph(answer.upper(), indent=0)]
    for title, name in (("Passes", "passes"), ("Stopped", "stopped")):
        found = _list(record[name])
        if found:
            lines += [*layout.heading(title), *layout.rows((), [["-", _traffic(one)] for one in found])]
    if rules := _list(record["rules"]):
        header = ("side", "filter", "rule", "priority", "access")
        cells = [[_named(one, name) for name in header] for one in rules]
        lines += [*layout.heading("Deciding rules"), *layout.rows(header, cells)]
    if isinstance(packet := record["packet"], Mapping):
        title = "Example of what is stopped" if record["answer"] == "no" else "Example"
        drawn = path_of(packet) or [f"{packet['source']} → {packet['destination']}, {traffic_of(packet)}"]
        lines += [*layout.heading(title), *(f"  {line}" for line in drawn)]
        lines += layout.rows((), [["if", str(one)] for one in _list(packet.get("assuming"))])
    if notes := _list(record["notes"]):
        lines += [*layout.heading("Notes"), *layout.rows((), [["-", str(one)] for one in notes])]
    return lines


def _all_pairs(layout: Layout, records: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    for workload in dict.fromkeys(str(record["workload"]) for record in records):
        own = [record for record in records if record["workload"] == workload]
        cells = [[str(record["from"]), str(record["to"]), str(record["answer"]), _in_short(record)] for record in own]
        lines += [*layout.heading(workload), *layout.rows(("from", "to", "answer", "what"), cells)]
    notes = sorted({str(note) for record in records for note in _list(record["notes"])})
    return lines + ([*layout.heading("Notes"), *layout.rows((), [["-", one] for one in notes])] if notes else [])


def _in_short(record: Record) -> str:
    """Return what passes, or for a no the rules that stop it, briefly."""
    if record["answer"] != "no":
        return "; ".join(str(one["traffic"]) for one in _list(record["passes"]) if isinstance(one, Mapping))
    stops = [one for one in _list(record["rules"]) if isinstance(one, Mapping) and one["access"] == "Deny"]
    return (
        "stopped by " + ", ".join(dict.fromkeys(f"{one['rule']} ({one['filter']})" for one in stops)) if stops else ""
    )


def _traffic(one: object) -> str:
    if not isinstance(one, Mapping):
        return ""
    rules = [f"{_named(rule, 'rule')} ({_named(rule, 'filter')})" for rule in _list(one["rules"])]
    return str(one["traffic"]) + (f", by {', '.join(rules)}" if rules else ", no rule asked")


def _named(one: object, name: str) -> str:
    if not isinstance(one, Mapping):
        return ""
    default = " (default)" if name == "rule" and one.get("default") else ""
    return f"{one[name]}{default}"


def _list(found: object) -> Sequence[object]:
    return found if isinstance(found, list | tuple) else ()
