"""Lay out text where a person reads it: tables with colour and with links, by Rich."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console, OverflowMethod
from rich.style import Style
from rich.table import Table
from rich.text import Text

from auditor.model import Severity, Status
from auditor.report.layout import Cell, Layout, Linked, shown
from auditor.report.text import visible

_STYLES: Final = {
    Severity.CRITICAL.value: "bold red",
    Severity.HIGH.value: "red",
    Severity.MEDIUM.value: "yellow",
    Severity.LOW.value: "cyan",
    Severity.INFO.value: "dim",
    Status.FAIL.value: "red",
    Status.UNKNOWN.value: "yellow",
    Status.PASS.value: "green",
}
"""The styles of cells that hold one of our own words, with or without a count before it."""
_LINK_NUMBER: Final = re.compile("\x1b]8;id=[0-9]+;")
"""What Rich calls a link is drawn by lot, and the same report is to be the same text."""
_COUNTED: Final = re.compile(r"^[\d,]+ ")


class TerminalLayout(Layout, frozen=True):
    """A layout for a terminal: what is one line in a pipe is one here, too, and a name leads to where it is looked at."""

    def one_liners(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: int = 2) -> list[str]:
        """Return a table whose rows are one line each."""
        return self._table(header, rows, indent, is_cut=True) if rows else []

    def rows(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: int = 2) -> list[str]:
        """Return a table whose widest columns are wrapped until it fits."""
        return self._table(header, rows, indent, is_cut=False) if rows else []

    def _table(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: int, *, is_cut: bool) -> list[str]:
        table = Table(
            box=box.SIMPLE_HEAD if header else None,  # which puts a space between columns
            show_header=bool(header),
            show_edge=False,
            pad_edge=False,
            padding=(0, 1 if header else 2, 0, 0),
            header_style="bold",
        )
        names = header or [""] * len(rows[0])
        widths = self.column_widths([names, *([shown(cell) for cell in row] for row in rows)], indent)
        for name, width in zip(names, widths, strict=True):
            overflow: OverflowMethod = "ellipsis" if is_cut else "fold"
            table.add_column(Text(visible(name)), no_wrap=is_cut, overflow=overflow, width=width)
        for row in rows:
            table.add_row(*map(_styled, row))
        room = max(1, self.width - indent + 1)  # the last column has a space after it, which is taken off
        console = Console(
            file=io.StringIO(),
            width=room,
            force_terminal=True,
            color_system="standard" if self.color else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        with console.capture() as captured:
            console.print(table)
        lines = _LINK_NUMBER.sub("\x1b]8;;", captured.get()).splitlines()
        return [(" " * indent + line).rstrip() for line in lines]


def _styled(cell: Cell) -> Text:
    text = visible(shown(cell))
    word = _COUNTED.sub("", text)
    style = Style.parse(_STYLES.get(word, ""))
    if isinstance(cell, Linked) and cell.address:
        style += Style(link=cell.address)
    return Text.assemble((text, style))  # without the room beside it, which leads nowhere
