"""What all escapes are: an output that only escaped text gets into."""

from __future__ import annotations

from typing import ClassVar, TextIO

from msgspec import Struct

from auditor.report import pipeline_log


class EscapedOutput:
    """A stream that only escaped text gets into.

    `hash_sign`: how a `#` is spelled that would begin a command to a pipeline which shows the stream; None where the
    output has commands of its own, or is no text, and answers for itself that it holds no other.
    """

    hash_sign: ClassVar[str | None] = pipeline_log.APART

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream


class CsvDialect(Struct, frozen=True):
    """What a spreadsheet of some country expects: the sign between cells, and whether a byte order mark names UTF-8."""

    delimiter: str = ","
    has_bom: bool = False
