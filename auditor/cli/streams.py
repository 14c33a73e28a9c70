"""Open what reports are written to, and know what a terminal can take."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from auditor.cli.lazy_imports import lazy_imports
from auditor.errors import AuditorError

with lazy_imports(__name__):
    from auditor.redaction import body as redaction

PIPED_WIDTH: Final = 120


def without_secrets(text: str) -> str:
    """Return text for stderr without the secrets in it."""
    return redaction.Redactor().text(text)


def safe(text: str) -> str:
    """Return text for stderr in one line: names come from strangers, so control characters are spelled out."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in without_secrets(text)
    )
    return shown if len(shown) <= 1_500 else shown[:1_499] + "…"


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """Open a file, or stdout, as UTF-8 without changing line ends."""
    if path is None:
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", newline="")
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()
        return
    try:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
    except OSError as problem:
        raise AuditorError(f"{path}: cannot be written: {problem.strerror}", "does the folder exist?") from problem


def check_writable(path: Path) -> None:
    """Refuse early, before the work, a file that could not be written afterwards."""
    if path.is_dir() or not path.parent.is_dir():
        raise AuditorError(
            f"{path}: cannot be written", "it is a folder" if path.is_dir() else "its folder does not exist"
        )


def width() -> int:
    """Return how many cells wide a table may be: COLUMNS, else the terminal's width, else 120."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def wants_color(choice: str) -> bool:
    """Return whether stdout gets colour: the option, else NO_COLOR, FORCE_COLOR, else whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
