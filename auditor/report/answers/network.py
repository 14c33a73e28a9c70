"""Lay out answers about networks: whether one end reaches another, and who reaches whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor.network.reachability import Cell, Connection
from auditor.network.service_query import DoorAnswer, ServiceAnswer
from auditor.network.trace import DecidingRule
from auditor.report.answers.sheet import Record, Sheet
from auditor.report.layout import Layout
from auditor.report.packet_path import path_of, traffic_of
from auditor.truth import Truth

_COLUMNS: Final = (
    "workload", "from", "from_role", "to", "to_role", "protocol", "port", "answer", "partial", "passes", "stopped",
    "rules", "packet", "hops", "inspected_by", "entered", "ways_in", "ways_out",
    "unknowns", "notes", "doors",
)  # fmt: skip
_BY_RULES: Final = {"no": ", by the rules alone: nothing leads it there", "unknown": ", by the rules alone"}
"""What stands behind a yes to what comes from the Internet, by whether something leads it in."""


@dataclass(frozen=True, slots=True)
class NetworkSheet(Sheet):
    """An answer whose records are pairs of ends, with what passes and what decides."""

    note: ClassVar[str] = (
        "Decided on security groups, private endpoint policies, peerings, routes, Azure Firewall, ways in from the Internet "
        "and out to it; of a service on its firewall and perimeter. Whether anything listens, and what a gateway that ends "
        "connections sends on, is not looked at."
    )

    def body(self, layout: Layout) -> list[str]:
        """Return one pair in full, or all pairs as a table for each workload."""
        return _one_pair(layout, self.records[0]) if self.asked else _all_pairs(layout, self.records)

    def cell(self, column: str, value: object) -> str:
        """Return rules, traffic, doors and packets in words."""
        if column in _CELLS:
            return "; ".join(_CELLS[column](part) for part in _list(value))
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


def of_service(asked: Mapping[str, str], answer: ServiceAnswer) -> Sheet:
    """Lay out whether a service is reached, and by which of its doors."""
    title = f"{asked['from']} to {asked['to']}, {asked['protocol']} port {asked['port']}"
    record = {**asked, **_record(answer.connection), "doors": [_door(door) for door in answer.doors]}
    return _sheet(title, asked, [record], answer.connection.unknowns)


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
        "passes": [_line(part.traffic, part.rules) for part in connection.passes],
        "stopped": [_line(part.traffic, part.rules) for part in connection.denied],
        "rules": [_rule(decider) for decider in connection.rules],
        "packet": connection.packet.as_json() if connection.packet else None,
        "hops": [hop.as_json() for hop in connection.hops],
        "inspected_by": _inspected(connection),
        "entered": connection.entered.value if connection.entered is not None else None,
        "ways_in": [{"by": hop.via.value, "id": hop.to, "rule": hop.route or None} for hop in connection.ways_in],
        "ways_out": [{"by": door.kind.value, "id": door.id} for door in connection.doors],
        "unknowns": list(connection.unknowns),
        "notes": list(connection.notes),
        "doors": [],
    }


def _door(door: DoorAnswer) -> dict[str, object]:
    packet = door.connection.packet if door.connection is not None else None
    return {
        "door": door.door,
        "name": door.name,
        "answer": door.truth.value,
        "why": door.why,
        "resolves": door.resolves.value if door.resolves is not None else None,
        "unknowns": list(door.unknowns),
        "packet": packet.as_json() if packet is not None else None,
    }


def _inspected(connection: Connection) -> str | list[str]:
    """Return the firewalls and appliances that the traffic is led through, `no`, or `unknown`."""
    return list(connection.inspectors) if connection.inspected is Truth.YES else connection.inspected.value


def _line(traffic: str, rules: Sequence[tuple[str, str]]) -> dict[str, object]:
    return {"traffic": traffic, "rules": [{"filter": place, "rule": name} for place, name in rules]}


def _rule(decider: DecidingRule) -> dict[str, object]:
    return {
        "access": decider.rule.access.value,
        "default": not decider.rule.is_custom,
        "direction": decider.direction,
        "filter": decider.filter,
        "priority": decider.rule.priority,
        "rule": decider.rule.name,
        "side": decider.side,
    }


def _one_pair(layout: Layout, record: Record) -> list[str]:
    lines = ["", *layout.paragraph(_answer(record).upper(), indent=0)]
    if doors := _list(record["doors"]):
        header = ("door", "name", "answer", "name resolves", "why")
        names = ("door", "name", "answer", "resolves", "why")
        cells = [["" if _field(door, name) is None else str(_field(door, name)) for name in names] for door in doors]
        lines += [*layout.heading("Doors"), *layout.rows(header, cells)]
    for title, name in (("Passes", "passes"), ("Stopped", "stopped")):
        if parts := _list(record[name]):
            lines += [*layout.heading(title), *layout.rows((), [["-", _traffic(part)] for part in parts])]
    if rules := _list(record["rules"]):
        header = ("side", "filter", "rule", "priority", "access")
        cells = [[_named(rule, name) for name in header] for rule in rules]
        lines += [*layout.heading("Deciding rules"), *layout.rows(header, cells)]
    if isinstance(packet := record["packet"], Mapping):
        title = "Example of what is stopped" if record["answer"] == "no" else "Example"
        drawn = path_of(packet) or [f"{packet['source']} → {packet['destination']}, {traffic_of(packet)}"]
        lines += [*layout.heading(title), *(f"  {line}" for line in drawn)]
        lines += layout.rows((), [["if", str(condition)] for condition in _list(packet.get("assuming"))])
    if hops := _list(record["hops"]):
        lines += [*layout.heading("Hops"), *layout.rows((), [["-", _hop(hop)] for hop in hops])]
        inspectors = record["inspected_by"]
        shown = inspectors if isinstance(inspectors, str) else ", ".join(map(_name, _list(inspectors)))
        lines += layout.rows((), [["inspected by a firewall:", shown]])
    for title, name in (("Ways in from the Internet", "ways_in"), ("Ways to the Internet", "ways_out")):
        if ways := _list(record[name]):
            lines += [*layout.heading(title), *layout.rows((), [["-", _way(way)] for way in ways])]
    if notes := _list(record["notes"]):
        lines += [*layout.heading("Notes"), *layout.rows((), [["-", str(note)] for note in notes])]
    return lines


def _answer(record: Record) -> str:
    answer = f"{record['answer']}" + (", in part" if record["partial"] else "")
    return answer + (_BY_RULES.get(str(record["entered"]), "") if record["answer"] == "yes" else "")


def _hop(hop: object) -> str:
    """Return one hop in words: `snet-web → firewall afw, by route default`."""
    if not isinstance(hop, Mapping):
        return ""
    to, via, route = str(hop["to"]), str(hop["via"]), hop.get("route")
    link = " by " if via == "Internet" else " of " if via == "public address" else " "
    where = via if to in {"", via} else f"{via}{link}{_name(to)}"
    by = "rule" if hop["at"] == "Internet" else "route"  # a firewall's own rule leads in
    return f"{hop['at']} → {where}" + (f", by {by} {route}" if route else "")


def _way(way: object) -> str:
    """Return what leads in or out in words: `public address of lb-shop`, `firewall afw, by rule entry`."""
    if not isinstance(way, Mapping):
        return ""
    link = " of " if way["by"] == "public address" else " "
    rule = f", by rule {way['rule']}" if way.get("rule") else ""
    return str(way["by"]) + (f"{link}{_name(way['id'])}" if way["id"] else "") + rule


def _name(resource: object) -> str:
    return str(resource).rstrip("/").rpartition("/")[2]


def _all_pairs(layout: Layout, records: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    for workload in dict.fromkeys(str(record["workload"]) for record in records):
        own = [record for record in records if record["workload"] == workload]
        cells = [[str(record["from"]), str(record["to"]), str(record["answer"]), _in_short(record)] for record in own]
        lines += [*layout.heading(workload), *_grid(layout, own), ""]
        lines += layout.rows(("from", "to", "answer", "what"), cells)
    notes = sorted({str(note) for record in records for note in _list(record["notes"])})
    return lines + ([*layout.heading("Notes"), *layout.rows((), [["-", note] for note in notes])] if notes else [])


def _grid(layout: Layout, records: Sequence[Record]) -> list[str]:
    """Return a row for each end that traffic leaves and a column for each that it enters, by number where names are long."""
    ends = list(dict.fromkeys([*(str(each["from"]) for each in records), *(str(each["to"]) for each in records)]))
    answers = {(str(each["from"]), str(each["to"])): _mark(each) for each in records}
    starts = [end for end in ends if any(start == end for start, _ in answers)]
    goals = [end for end in ends if any(goal == end for _, goal in answers)]
    numbers = {end: str(position) for position, end in enumerate(ends, 1)}
    rows = [[f"{numbers[start]} {start}", *(answers.get((start, goal), "") for goal in goals)] for start in starts]
    outside = [f"{numbers[end]} {end}" for end in goals if end not in starts]
    names = f" ({', '.join(outside)})" if outside else ""
    legend = f"From each row to each column{names}: yes, part of it, no, or ? where it is not known."
    return [*layout.rows(("from", *(numbers[goal] for goal in goals)), rows), *layout.paragraph(legend)]


def _mark(record: Record) -> str:
    if record["answer"] == "unknown":
        return "?"
    return "part" if record["answer"] == "yes" and record["partial"] else str(record["answer"])


def _in_short(record: Record) -> str:
    """Return what passes, or for a no the rules that stop it, briefly."""
    if record["answer"] != "no":
        passes = "; ".join(str(part["traffic"]) for part in _list(record["passes"]) if isinstance(part, Mapping))
        return f"{passes} (nothing leads it there)" if record["entered"] == "no" else passes
    stops = [rule for rule in _list(record["rules"]) if isinstance(rule, Mapping) and rule["access"] == "Deny"]
    return (
        "stopped by " + ", ".join(dict.fromkeys(f"{rule['rule']} ({rule['filter']})" for rule in stops))
        if stops
        else ""
    )


def _traffic(part: object) -> str:
    if not isinstance(part, Mapping):
        return ""
    rules = [f"{_named(rule, 'rule')} ({_named(rule, 'filter')})" for rule in _list(part["rules"])]
    return str(part["traffic"]) + (f", by {', '.join(rules)}" if rules else ", no rule asked")


def _decided(rule: object) -> str:
    return f"{_named(rule, 'side')}: {_named(rule, 'rule')} ({_named(rule, 'filter')})"


def _at_door(door: object) -> str:
    return f"{_field(door, 'door')}: {_field(door, 'answer')} ({_field(door, 'why')})"


def _named(rule: object, name: str) -> str:
    if not isinstance(rule, Mapping):
        return ""
    default = " (default)" if name == "rule" and rule.get("default") else ""
    return f"{rule[name]}{default}"


def _field(of: object, name: str) -> object:
    return of[name] if isinstance(of, Mapping) else None


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


_CELLS: Final[Mapping[str, Callable[[object], str]]] = {
    "rules": _decided,
    "doors": _at_door,
    "passes": _traffic,
    "stopped": _traffic,
    "hops": _hop,
    "ways_in": _way,
    "ways_out": _way,
}
"""How the elements of a list are put into one cell."""
