"""The escape of terminals and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible


class TerminalLines(EscapedOutput):
    """Lines for a terminal or a log: what would steer it is spelled out, but for colours and links of our own layout.

    A link (OSC 8, https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda) leads to `https` and holds nothing
    but printable ASCII, so that it ends where it seems to.
    """

    _OURS: Final = re.compile(r"(\x1b\[[0-9;]*m|\x1b\]8;;(?:https://[!-~]+)?\x1b\\)")

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines that a layout made."""
        for line in lines:
            parts = self._OURS.split(line)
            self._stream.write("".join(part if part.startswith("\x1b") else visible(part) for part in parts) + "\n")
