"""The escape of spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NewType

from auditor.report.escapes.output import CsvDialect, EscapedOutput, in_blocks
from auditor.report.text import safe_cell

CsvCells = NewType("CsvCells", str)
"""Cells that follow each other as they stand in the file."""
CsvText = NewType("CsvText", str)
"""Whole rows as they stand in the file."""

_SHORT: Final = 64  # letters and digits alone, of which no cell can hold too many


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

    def cells(self, texts: Sequence[str]) -> CsvCells:
        """Return cells that follow each other in a row."""
        if len(texts) == 1:
            return CsvCells(self._cell(texts[0]))
        return CsvCells(self._delimiter.join([self._cell(text) for text in texts]))

    def _cell(self, text: str) -> str:
        if len(text) <= _SHORT and text.isascii() and text.isalnum():
            return text
        safe = safe_cell(text)
        if '"' in safe or self._delimiter in safe:
            return '"' + safe.replace('"', '""') + '"'
        return safe

    def lines(self, rows: Iterable[Iterable[CsvCells]]) -> Iterator[CsvText]:
        """Go through rows of cells, each of several, in blocks."""
        delimiter = self._delimiter
        return map(CsvText, in_blocks(delimiter.join(cells) + "\r\n" for cells in rows))

    def add(self, text: CsvText) -> None:
        """Write rows that `lines` made."""
        self._stream.write(text)
