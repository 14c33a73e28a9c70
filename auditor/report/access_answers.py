"""Write answers about access as a table, as JSON or as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TextIO

from auditor import resource_id as ids
from auditor.report.access_records import Record, Value
from auditor.report.layout import Layout
from auditor.report.text import safe_cell

SCHEMA_VERSION: Final = 1
"""Rises only when a key or column changes its meaning; keys and columns are added."""

NOTE: Final = "Keys, shared access signatures, vault access policies and Entra roles are not looked at."


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer laid out: what was asked, one record per line, and what is not known and could change it.

    `shown` are the columns that a table has room for; `verbatim` those whose texts are to be copied whole.
    """

    title: str
    asked: Mapping[str, str]
    columns: Sequence[str]
    shown: Sequence[str]
    records: Sequence[Record]
    unknowns: Sequence[str] = ()
    verbatim: Sequence[str] = ()
    nothing: str = "nobody and nothing"


Writer = Callable[[Sheet, TextIO, int], None]
"""Write a sheet to a UTF-8 stream opened with `newline=""`; the width is in terminal cells, for the table."""


def write_table(sheet: Sheet, out: TextIO, width: int) -> None:
    """Write what a reader needs first: the answer, then what could change it."""
    layout = Layout(max(40, width), color=False)
    lines = layout.heading(sheet.title)[1:]
    cells = [[_cell(name, record[name]) for name in sheet.shown] for record in sheet.records]
    lines += ["", *layout.rows([name.replace("_", " ") for name in sheet.shown], cells)]
    lines += layout.paragraph(sheet.nothing) if not sheet.records else []
    for record in sheet.records:
        for name in sheet.verbatim:
            lines += [line for text in _copied(record[name]) for line in layout.verbatim(text)]
    if sheet.unknowns:
        lines += [
            *layout.heading("Not known, and could change this"),
            *layout.rows((), [["-", x] for x in sheet.unknowns]),
        ]
    out.write("\n".join([*lines, "", *layout.paragraph(NOTE, indent=0)]) + "\n")


def _cell(name: str, value: Value) -> str:
    """Return a value for a narrow column: the last part of an id is what tells scopes apart."""
    texts = [value] if isinstance(value, str) else list(value)
    short = [ids.name_of(text) or "/" for text in texts] if name in {"scope", "scopes"} else texts
    return ", ".join(short)


def _copied(value: Value) -> Sequence[str]:
    if isinstance(value, Mapping):
        return [json.dumps(value, sort_keys=True, ensure_ascii=False)] if value else []
    return [value] if isinstance(value, str) else value


def write_json(sheet: Sheet, out: TextIO, width: int) -> None:  # noqa: ARG001 - all writers are called alike
    """Write everything, with lists as lists and keys in order."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "asked": sheet.asked,
        "records": sheet.records,
        "unknowns": sheet.unknowns,
        "note": NOTE,
    }
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    out.write(text + "\n")


def write_csv(sheet: Sheet, out: TextIO, width: int) -> None:  # noqa: ARG001 - all writers are called alike
    """Write one row per record, RFC 4180, with no cell that a spreadsheet would run."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    for record in sheet.records:
        writer.writerow([safe_cell(_flat(record[name])) for name in sheet.columns])


def _flat(value: Value) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""
    return value if isinstance(value, str) else "; ".join(value)


WRITERS: Final[Mapping[str, Writer]] = MappingProxyType({"csv": write_csv, "json": write_json, "table": write_table})
"""The formats by the name that `--output` takes."""
