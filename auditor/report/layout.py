"""Fit text into the width of a terminal: headings, paragraphs and small tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib import import_module
from itertools import zip_longest
from textwrap import wrap
from typing import Final

from msgspec import Struct

from auditor.lazy_imports import lazy_imports
from auditor.model import Severity
from auditor.report.text import visible

with lazy_imports(__name__):
    import tabulate

_GAP: Final = 2
EVERYDAY: Final = re.compile("[ -~\xa1-\xac\xae-\u02af\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2200-\u22ff]*")
"""Texts of which each character takes one cell, and the blank is the only space: laid out here, as tabulate would.

Importing it, and its tables of widths, takes longer than all else that is done for a small report.
"""
_NUMBER: Final = re.compile(r"[-+]?[\d,.]+")
_NARROWEST: Final = 40
_BOLD: Final = "1"
_COLORS: Final = {
    Severity.CRITICAL: "1;31",
    Severity.HIGH: "31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
    Severity.INFO: "2",
}


class Linked(Struct, frozen=True):
    """A text that leads somewhere, where what shows it has links. `address` is one of ours; empty: nowhere."""

    text: str
    address: str


Cell = str | Linked


class Layout(Struct, frozen=True):
    """Lines of text for a width in terminal cells; every text passes `visible`, so no name can steer a terminal."""

    width: int
    color: bool

    def heading(self, text: str) -> list[str]:
        """Return a block's heading after an empty line."""
        return ["", *(self._painted(line, _BOLD) for line in self._wrapped(text, 0))]

    def labelled(self, severity: Severity, text: str) -> list[str]:
        """Return text behind its severity, after an empty line."""
        label = severity.value.upper()
        first, *more = self._wrapped(text, len(label) + _GAP)
        indent = " " * (len(label) + _GAP)
        return ["", f"{self._painted(label, _COLORS[severity])}  {first}", *(indent + line for line in more)]

    def paragraph(self, text: str, indent: int = 2) -> list[str]:
        """Return text wrapped on word borders."""
        return [" " * indent + line for line in self._wrapped(text, indent)]

    def verbatim(self, text: str, indent: int = 2) -> list[str]:
        """Return text on one line however long it is, so that it can be copied whole."""
        return [" " * indent + visible(text)]

    def one_liners(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: int = 2) -> list[str]:
        """Return a table whose widest columns are cut until each row is one line that fits; links are left out."""
        if not rows:
            return []
        texts = [[visible(shown(cell)) for cell in row] for row in rows]
        widths = self.column_widths([header, *texts] if header else texts, indent)
        return self.rows(header, [list(map(cut, row, widths)) for row in texts], indent)

    def rows(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: int = 2) -> list[str]:
        """Return a table whose widest columns are wrapped until it fits; without header, bare columns."""
        if not rows:
            return []
        cells = [[visible(shown(cell)) for cell in row] for row in ([header, *rows] if header else rows)]
        widths = self.column_widths(cells, indent)
        if header:  # not tabulate's own header, which is two cells wider than its text
            cells.insert(1, ["-" * width for width in widths])
        wrapped = [[_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)] for row in cells]
        lines = _lines(wrapped) if all(map(_is_everyday, wrapped)) else _any_lines(wrapped)
        return [(" " * indent + line).rstrip() for line in lines]

    def column_widths(self, cells: Sequence[Sequence[str]], indent: int) -> Sequence[int]:
        """Return how wide each column is, so that a row fits: what it needs, or its share."""
        natural = [max(1, *(cell_width(visible(cell)) for cell in column)) for column in zip(*cells, strict=True)]
        return shared_widths(natural, self._room(indent) - _GAP * (len(natural) - 1))

    def _room(self, indent: int) -> int:
        return max(1, self.width - indent)

    def _wrapped(self, text: str, indent: int) -> list[str]:
        return self.__class__(self._room(indent), color=False).rows((), [[text]], indent=0) or [""]

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


def of(width: int, *, color: bool, is_for_person: bool) -> Layout:
    """Return a layout, at least 40 cells wide; that for a person's terminal has a library that is imported for it alone."""
    width = max(width, _NARROWEST)
    if not is_for_person:
        return Layout(width, color)
    layout: Layout = import_module("auditor.report.terminal_layout").TerminalLayout(width, color)
    return layout


def shown(cell: Cell) -> str:
    """Return the text of a cell."""
    return cell.text if isinstance(cell, Linked) else cell


def cut(text: str, width: int) -> str:
    """Return text that takes no more cells than that, with an ellipsis in place of what is left out."""
    if cell_width(text) <= width:
        return text
    kept, room = [], width - 1
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def cell_width(text: str) -> int:
    """Return how many terminal cells a line takes: wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shared_widths(natural: Sequence[int], room: int) -> Sequence[int]:
    """Share room among columns: narrow ones get what they need, wide ones an equal part of the rest."""
    widths = [0] * len(natural)
    for done, index in enumerate(sorted(range(len(natural)), key=natural.__getitem__)):
        widths[index] = max(1, min(natural[index], room // (len(natural) - done)))
        room -= widths[index]
    return widths


def _wrapped(cell: str, width: int) -> str:
    """Return a cell on as many lines as it needs; tabulate takes a text such as `1,000` for a number that it cannot read."""
    if cell_width(cell) <= width or _NUMBER.fullmatch(cell):
        return cell
    if EVERYDAY.fullmatch(cell):
        return "\n".join(line.strip() for line in wrap(cell, width, break_on_hyphens=False))
    return tabulate.tabulate(
        [[cell]], tablefmt="plain", disable_numparse=True, maxcolwidths=[width], break_on_hyphens=False
    )


def _is_everyday(row: Sequence[str]) -> bool:
    return all(EVERYDAY.fullmatch(line) for cell in row for line in cell.split("\n"))


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells, of one or several lines each, as lines; blanks around a cell are left out."""
    split = [[cell.strip().split("\n") for cell in row] for row in rows]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*split, strict=True)]
    has_several = any(len(cell) > 1 for row in split for cell in row)
    if has_several:  # then tabulate leaves out what has no text at all
        split = [row for row in split if any(map(any, row))]
    lines = [
        (" " * _GAP).join(map(str.ljust, line, widths)).rstrip()
        for row in split
        for line in zip_longest(*row, fillvalue="")
    ]
    return lines if not lines or lines[-1] else lines[:-1]


def _any_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the same of texts in any script."""
    return tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True).splitlines()
