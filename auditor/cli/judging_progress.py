"""Say on stderr, at a terminal, how far judging is, how fast it goes and how long it still takes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from auditor.cli import streams
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor.engine import partwise

_PATIENCE: Final = 2.0
"""How many seconds pass before anything is shown."""
_PAUSE: Final = 0.25
_CLEARED: Final = "\r\x1b[2K"


@contextmanager
def shown(*, quiet: bool) -> Iterator[partwise.Watch]:
    """Give what shows a terminal how far judging is, and takes that away at the end.

    Nothing is shown elsewhere.
    """
    if quiet or not streams.takes_progress() or os.environ.get("TERM") == "dumb":
        yield partwise.unwatched
        return
    line = JudgingLine(sys.stderr)
    try:
        yield line
    finally:
        line.clear()


class JudgingLine:
    """One line that is written anew in its place."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._written: float | None = None

    def __call__(self, now: partwise.JudgingProgress) -> None:
        """Write how far it is, unless that was just written, or it may be over before anybody reads it."""
        at = self._clock()
        if at - self._began < _PATIENCE or (self._written is not None and at - self._written < _PAUSE):
            return
        self._written = at
        self._write(_CLEARED + line_of(now, at - self._began))

    def clear(self) -> None:
        """Take the line away."""
        if self._written is not None:
            self._write(_CLEARED)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a terminal that was closed
            self._began = float("inf")


def line_of(now: partwise.JudgingProgress, seconds: float) -> str:
    """Return how far judging is after so many seconds, in one line."""
    left = seconds * (now.total - now.done) / now.done if now.done else None
    parts = [
        f"judging {now.done / max(1, now.total):.0%}",
        f"{now.findings:,} findings",
        f"{now.findings / seconds:,.0f} a second",
        *([] if left is None else [f"{spelled(left)} left"]),
    ]
    return " · ".join(parts)


def spelled(seconds: float) -> str:
    """Return a time in few characters, rounded up to what a person counts in."""
    whole = max(1, round(seconds))
    hours, minutes = divmod(-(-whole // 60), 60)
    return f"{whole} s" if whole < 60 else f"{hours} h {minutes} min" if hours else f"{minutes} min"
