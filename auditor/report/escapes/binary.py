"""Files that are no text."""

from __future__ import annotations

from typing import BinaryIO, ClassVar

from auditor.report.escapes.output import EscapedOutput


class BinaryFile(EscapedOutput):
    """A file of bytes, whose library escapes what it is given."""

    hash_sign: ClassVar[str | None] = None

    @property
    def bytes(self) -> BinaryIO:
        """Return the stream that bytes go to."""
        return self._stream.buffer
