"""What all escapes are: an output that only escaped text gets into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, TextIO

from msgspec import Struct

from auditor.report import pipeline_log

_BLOCK: Final = 1 << 16
"""So many characters are written at once: each write of a stream has a price of its own."""


def in_blocks(texts: Iterable[str]) -> Iterator[str]:
    """Go through texts joined to blocks of some length, so that of many no more than a block is held."""
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield "".join(block)
            block, size = [], 0
    yield "".join(block)


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
