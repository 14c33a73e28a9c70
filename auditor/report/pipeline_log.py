"""Let no name or message be a command to the pipeline whose log shows it.

Azure Pipelines obeys `##vso[…]` anywhere in a line (https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands),
GitHub's runner `##[…]` anywhere and `::command::` where a line begins
(https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands), TeamCity `##teamcity[…]`.
"""

from __future__ import annotations

import io
import re
from typing import IO, Final

APART: Final = "# "
"""How a `#` that would begin a command is written in text: apart from the next."""
IN_JSON: Final = r"\u0023"
"""How it is written in JSON, where the value stays what it is."""

_HASHES: Final = re.compile(r"#(?=#[A-Za-z]{0,20}\[)")
# An address such as `::1` or `::ffff:10.0.0.1` begins like a command; no command is called like a group of its digits.
_COLONS: Final = re.compile(r"::(?![0-9A-Fa-f]{1,4}(?![\w-]))(?=[A-Za-z_])")


def harmless(text: str, hash_sign: str = APART) -> str:
    """Return whole lines without commands; `hash_sign` spells a `#` that would begin one."""
    if (
        "#" in text
    ):  # one character is searched for a hundred times as fast as two, and two by an expression twice as fast
        text = _HASHES.sub(lambda _: hash_sign, text)
    if hash_sign == IN_JSON:
        return text  # no line of JSON begins with a colon
    return _COLONS.sub(_apart_where_a_line_begins, text)


def _apart_where_a_line_begins(match: re.Match[str]) -> str:
    """Return colons apart where nothing but blanks stands before them in their line."""
    text, end = match.string, match.start()
    start = max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1
    return ": :" if start == end or text[start:end].isspace() else "::"


class LogSafeStream(io.TextIOWrapper):
    """A text file in UTF-8 that is written line by line, each without commands but where `hash_sign` is None."""

    def __init__(self, buffer: IO[bytes], hash_sign: str | None) -> None:
        super().__init__(buffer, encoding="utf-8", errors="backslashreplace", newline="")
        self._hash_sign = hash_sign
        self._waiting: list[str] = []

    def write(self, text: str) -> int:
        """Write the lines that are whole; the rest waits for its end."""
        lines, end, rest = text.rpartition("\n")
        if end:
            super().write(self._harmless("".join([*self._waiting, lines, end])))
            self._waiting = [rest]
        else:
            self._waiting.append(text)
        return len(text)

    def finish(self) -> None:
        """Write the last line, which may have no end, and pass everything on."""
        text, self._waiting = "".join(self._waiting), []
        super().write(self._harmless(text))
        self.flush()

    def _harmless(self, text: str) -> str:
        return text if self._hash_sign is None else harmless(text, self._hash_sign)

    def close(self) -> None:
        """Write the last line and close the file."""
        try:
            if not self.closed:
                self.finish()
        finally:
            super().close()
