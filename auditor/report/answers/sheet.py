"""What an answer is once it is laid out, and the formats that it is written in."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, Final, Self, TextIO

from msgspec import Struct

from auditor.redaction.body import Redactor
from auditor.report import pipeline_log
from auditor.report.layout import Layout
from auditor.report.text import safe_cell, visible_json

SCHEMA_VERSION: Final = 1
"""Rises only when a key or column changes its meaning; keys and columns are added."""
_NARROWEST: Final = 40
_REDACTOR: Final = Redactor()

Record = Mapping[str, object]
"""One line of an answer, JSON-shaped."""


@dataclass(frozen=True, slots=True)
class Sheet(ABC):
    """An answer laid out: what was asked, one record per line, and what is not known and could change it.

    `is_whole`: nothing that is not known could change it. `note` says what is not looked at.
    `records_name` is what JSON calls the records.
    """

    title: str
    asked: Mapping[str, str]
    columns: Sequence[str]
    records: Sequence[Record]
    unknowns: Sequence[str]
    is_whole: bool
    note: ClassVar[str]
    records_name: ClassVar[str] = "records"

    def without_secrets(self) -> Self:
        """Return the answer without the secrets that a name, a tag or a text of the estate may hold."""
        return replace(
            self,
            title=_REDACTOR.text(self.title),
            asked={name: _REDACTOR.text(text) for name, text in self.asked.items()},
            records=[{name: _without_secrets(value) for name, value in record.items()} for record in self.records],
            unknowns=[_REDACTOR.text(text) for text in self.unknowns],
        )

    @abstractmethod
    def body(self, layout: Layout) -> list[str]:
        """Return what stands between title and unknowns where a person reads it, as lines."""

    @abstractmethod
    def cell(self, column: str, value: object) -> str:
        """Return a record's value as one cell of a CSV."""


def _without_secrets(value: object) -> object:
    """Return a value of a record without secrets; our own names of members say nothing about what stands there."""
    match value:
        case str():
            return _REDACTOR.text(value)
        case Mapping():
            return {name: _without_secrets(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_without_secrets(inner) for inner in value]
        case _:
            return value


def _write_table(sheet: Sheet, out: TextIO, width: int) -> None:
    """Write what a reader needs first: the answer, then what could change it."""
    layout = Layout(max(_NARROWEST, width), color=False)
    lines = [*layout.heading(sheet.title)[1:], *sheet.body(layout)]
    if sheet.unknowns:
        lines += layout.heading("Not known, and could change this")
        lines += layout.rows((), [["-", text] for text in sheet.unknowns])
    out.write("\n".join([*lines, "", *layout.paragraph(sheet.note, indent=0)]) + "\n")


def _write_json(sheet: Sheet, out: TextIO, _: int) -> None:
    """Write everything, with lists as lists and keys in order."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "asked": sheet.asked,
        sheet.records_name: sheet.records,
        "unknowns": sheet.unknowns,
        "note": sheet.note,
    }
    out.write(visible_json(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)) + "\n")


def _write_csv(sheet: Sheet, out: TextIO, _: int) -> None:
    """Write one row per record, RFC 4180, with no cell that a spreadsheet would run."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    for record in sheet.records:
        writer.writerow([safe_cell(sheet.cell(column, record.get(column, ""))) for column in sheet.columns])


class SheetFormat(Struct, frozen=True):
    """A way to write an answer to a UTF-8 stream opened with `newline=""`, at a width in terminal cells.

    `shows_unknowns`: a person who reads it meets there what could change the answer.
    `hash_sign`: how it spells a `#` that would begin a command to a pipeline that shows it.
    """

    write: Callable[[Sheet, TextIO, int], None]
    shows_unknowns: bool = False
    hash_sign: str = pipeline_log.APART


FORMATS: Final[Mapping[str, SheetFormat]] = MappingProxyType(
    {
        "csv": SheetFormat(_write_csv),
        "json": SheetFormat(_write_json, hash_sign=pipeline_log.IN_JSON),
        "table": SheetFormat(_write_table, shows_unknowns=True),
    }
)
"""The formats by the name that `--output` takes."""
