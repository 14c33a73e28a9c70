"""The escape of XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TextIO
from xml.sax.saxutils import escape

from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible


class XmlElements(EscapedOutput):
    """XML 1.0: text and attributes in which no character is markup, and none does not show."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._open: list[str] = []
        self._stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')

    def start(self, name: str, attributes: Mapping[str, str | int] | None = None) -> None:
        """Begin an element on a line of its own."""
        self._stream.write(f"{'  ' * len(self._open)}<{name}{self._attributes(attributes or {})}>\n")
        self._open.append(name)

    def end(self) -> None:
        """End the element that was begun last."""
        name = self._open.pop()
        self._stream.write(f"{'  ' * len(self._open)}</{name}>\n")

    def element(self, name: str, attributes: Mapping[str, str | int] | None = None, lines: Sequence[str] = ()) -> None:
        """Write a whole element; each of the lines that it holds is one."""
        start = f"{'  ' * len(self._open)}<{name}{self._attributes(attributes or {})}"
        text = "\n".join(escape(visible(line)) for line in lines)
        self._stream.write(f"{start}>{text}</{name}>\n" if lines else f"{start}/>\n")

    @staticmethod
    def _attributes(attributes: Mapping[str, str | int]) -> str:
        return "".join(
            f' {name}="{escape(visible(str(value)), {chr(34): "&quot;"})}"' for name, value in attributes.items()
        )
