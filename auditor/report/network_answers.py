"""Write answers about networks as a table, as JSON or as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TextIO

from auditor.network.matrix import Cell
from auditor.network.reachability import Connection, Decided
from auditor.report.layout import Layout
from auditor.report.packet_path import path_of, traffic_of
from auditor.report.text import safe_cell

SCHEMA_VERSION: Final = 1
"""Rises only when a key or column changes its meaning; keys and columns are added."""

NOTE: Final = (
    "Decided on security groups, private endpoint policies, peerings and user-defined routes. Whether anything "
    "listens, whether a public address leads to a subnet, and firewalls of services are not looked at."
)
_COLUMNS: Final = (
    "workload", "from", "from_role", "to", "to_role", "protocol", "port", "answer", "partial", "passes", "stopped",
    "rules", "packet", "unknowns", "notes",
)  # fmt: skip

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer laid out: what was asked, one record per pair of ends, what is not known and could change it."""

    title: str
    asked: Mapping[str, str]
    records: Sequence[Record]
    unknowns: Sequence[str]

    @property
    def is_unknown(self) -> bool:
        """Whether some pair has no certain answer."""
        return any(record["answer"] == "unknown" for record in self.records)


Writer = Callable[[Sheet, TextIO, int], None]
"""Write a sheet to a UTF-8 stream opened with `newline=""`; the width is in terminal cells, for the table."""


def of_query(asked: Mapping[str, str], found: Connection) -> Sheet:
    """Lay out the answer to one question."""
    title = f"{asked['from']} to {asked['to']}, {asked['protocol']} port {asked['port']}"
    return Sheet(title, asked, [{**asked, **_record(found)}], found.unknowns)


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
    return Sheet("Who reaches whom, by TCP or UDP", {}, records, unknowns)


def _record(found: Connection) -> dict[str, object]:
    return {
        "answer": found.truth.value,
        "partial": found.is_partial,
        "passes": [_line(one.traffic, one.rules) for one in found.passes],
        "stopped": [_line(one.traffic, one.rules) for one in found.stopped],
        "rules": [_rule(one) for one in found.rules],
        "packet": found.packet.as_json() if found.packet else None,
        "unknowns": list(found.unknowns),
        "notes": list(found.notes),
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


def write_table(sheet: Sheet, out: TextIO, width: int) -> None:
    """Write what a reader needs first: the answer and what decides, then what could change it."""
    layout = Layout(max(40, width), color=False)
    lines = layout.heading(sheet.title)[1:]
    lines += _query(layout, sheet.records[0]) if sheet.asked else _matrix(layout, sheet.records)
    if sheet.unknowns:
        lines += layout.heading("Not known, and could change this")
        lines += layout.rows((), [["-", text] for text in sheet.unknowns])
    out.write("\n".join([*lines, "", *layout.paragraph(NOTE, indent=0)]) + "\n")


def _query(layout: Layout, record: Record) -> list[str]:
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


def _matrix(layout: Layout, records: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    for workload in dict.fromkeys(str(record["workload"]) for record in records):
        own = [record for record in records if record["workload"] == workload]
        cells = [[str(record["from"]), str(record["to"]), str(record["answer"]), _said(record)] for record in own]
        lines += [*layout.heading(workload), *layout.rows(("from", "to", "answer", "what"), cells)]
    notes = sorted({str(note) for record in records for note in _list(record["notes"])})
    return lines + ([*layout.heading("Notes"), *layout.rows((), [["-", one] for one in notes])] if notes else [])


def _said(record: Record) -> str:
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


def write_json(sheet: Sheet, out: TextIO, width: int) -> None:  # noqa: ARG001 - all writers are called alike
    """Write everything, with lists as lists and keys in order."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "asked": sheet.asked,
        "records": sheet.records,
        "unknowns": sheet.unknowns,
        "note": NOTE,
    }
    out.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_csv(sheet: Sheet, out: TextIO, width: int) -> None:  # noqa: ARG001 - all writers are called alike
    """Write one row per pair of ends, RFC 4180, with no cell that a spreadsheet would run."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for record in sheet.records:
        writer.writerow([safe_cell(_flat(name, record.get(name, ""))) for name in _COLUMNS])


def _flat(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{value['source']} → {value['destination']}, {traffic_of(value)}"
    if name == "rules":
        return "; ".join(
            f"{_named(one, 'side')}: {_named(one, 'rule')} ({_named(one, 'filter')})" for one in _list(value)
        )
    if name in {"passes", "stopped"}:
        return "; ".join(_traffic(one) for one in _list(value))
    return "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


WRITERS: Final[Mapping[str, Writer]] = MappingProxyType({"csv": write_csv, "json": write_json, "table": write_table})
"""The formats by the name that `--output` takes."""
