"""What reading a snapshot file may cost: it may come from a stranger, and a small file can ask for endless work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from auditor.errors import SnapshotError

Row = TypeVar("Row")

BODY: Final = 64 << 20
"""Bytes of one unpacked body."""
DEPTH: Final = 254
"""Levels of a body, or of what is said of the whole: more cannot be written either."""
LONGEST: Final = 128 << 20
"""Bytes of one value in the database."""
ROWS: Final = 20_000_000
"""Rows of one table."""
# Real snapshots unpack to 3 to 30 times their size. Below the first figure nobody is hurt whatever the ratio.
_UNPACKED: Final = 64 << 20
_RATIO: Final = 100
# Reading takes about 0.05 steps of SQLite's machine for each byte of a file, checking its pages as many again.
_STEPS: Final = 200_000_000
_STEPS_A_BYTE: Final = 500
_LOOK_EVERY: Final = 1_000_000
_REMEDY: Final = "collect it again, or ask who gave it"


class StepLimit:
    """Ends the work of a connection once it took more steps than a file of that size can need."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self._left = (_STEPS + _STEPS_A_BYTE * size) // _LOOK_EVERY
        connection.set_progress_handler(self._look, _LOOK_EVERY)

    def _look(self) -> bool:
        self._left -= 1
        return self.is_exceeded

    @property
    def is_exceeded(self) -> bool:
        """Whether the work was ended."""
        return self._left < 0


class UnpackedLimit:
    """Counts what the bodies in a file unpack to."""

    def __init__(self, size: int, label: str) -> None:
        self._left = max(_UNPACKED, size * _RATIO)
        self._label = label

    def take(self, size: int) -> None:
        """Count a body; raise SnapshotError once all of them are more than a file of that size can hold."""
        self._left -= size
        if self._left < 0:
            raise SnapshotError(f"{self._label} unpacks to more than {_RATIO} times its size", _REMEDY)


def bounded(rows: Iterable[Row], what: str) -> Iterator[Row]:
    """Yield the rows of a table, up to the limit."""
    for number, row in enumerate(rows):
        if number >= ROWS:
            raise SnapshotError(f"the snapshot holds more than {ROWS:,} {what}", _REMEDY)
        yield row


def check_texts(row: Sequence[object], what: str, *, optional: int = 0) -> None:
    """Raise SnapshotError unless a row's values are texts, the last `optional` of them text or nothing.

    SQLite itself keeps any value in any column.
    """
    needed = len(row) - optional
    if not all(isinstance(value, str if place < needed else str | None) for place, value in enumerate(row)):
        raise SnapshotError(f"the snapshot is damaged: {what} holds a value that is no text", _REMEDY)
