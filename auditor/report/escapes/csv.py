"""The escape of spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import NewType

from auditor.report.escapes.output import CsvDialect, EscapedOutput
from auditor.report.text import safe_cell

CsvCell = NewType("CsvCell", str)
"""A cell as it stands in the file."""
CsvText = NewType("CsvText", str)
"""Whole rows as they stand in the file."""


class CsvRows(EscapedOutput):
    """Rows of cells by RFC 4180: one line each, and no cell that a spreadsheet would run."""

    def start(self, columns: Sequence[str], dialect: CsvDialect) -> None:
        """Write the row of the columns' names."""
        if dialect.has_bom:
            self._stream.write("\N{BYTE ORDER MARK}")
        self._delimiter = dialect.delimiter
        self._writer = csv.writer(self._stream, delimiter=dialect.delimiter, lineterminator="\r\n")
        self._writer.writerow(columns)

    def row(self, cells: Iterable[str]) -> None:
        """Write a row."""
        self._writer.writerow([safe_cell(cell) for cell in cells])

    def cell(self, text: str) -> CsvCell:
        """Return a cell, for a row of several."""
        safe = safe_cell(text)
        if '"' in safe or self._delimiter in safe:
            return CsvCell('"' + safe.replace('"', '""') + '"')
        return CsvCell(safe)

    def line(self, cells: Iterable[CsvCell]) -> None:
        """Write a row of cells, several of them."""
        self._stream.write(self._delimiter.join(cells) + "\r\n")

    def lines(self, rows: Iterable[Iterable[CsvCell]]) -> CsvText:
        """Return what `line` would write of several rows."""
        return CsvText("".join([self._delimiter.join(cells) + "\r\n" for cells in rows]))

    def add(self, text: CsvText) -> None:
        """Write rows that `lines` made."""
        self._stream.write(text)
