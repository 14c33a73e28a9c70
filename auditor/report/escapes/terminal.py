"""The escape of terminals and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible


class TerminalLines(EscapedOutput):
    """Lines for a terminal or a log: what would steer it is spelled out, but for the colours of our own layout."""

    _OURS: Final = re.compile(r"(\x1b\[[0-9;]*m)")

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines that a layout made."""
        for line in lines:
            parts = self._OURS.split(line)
            self._stream.write("".join(part if part.startswith("\x1b") else visible(part) for part in parts) + "\n")
