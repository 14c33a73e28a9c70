"""The escape of JSON."""

from __future__ import annotations

import json
from typing import ClassVar

import orjson

from auditor.report import pipeline_log
from auditor.report.escapes.output import EscapedOutput
from auditor.report.text import visible_json


class JsonValues(EscapedOutput):
    """JSON: every text is a string in it and reads back as it was, and is spelled so that it does nothing meanwhile."""

    hash_sign: ClassVar[str | None] = pipeline_log.IN_JSON

    def layout(self, punctuation: str) -> None:
        """Write what stands between values: brackets, commas, white space."""
        self._stream.write(punctuation)

    def value(self, value: object, indent: int | None = None) -> None:
        """Write a value on one line; with `indent` over several, of which all but the first are moved so far in."""
        text = _json(value, is_indented=indent is not None)
        self._stream.write(text.replace("\n", "\n" + " " * indent) if indent else text)

    def member(self, name: str, value: object, indent: int | None = None) -> None:
        """Write a name and its value."""
        self.value(name)
        self._stream.write(":" if indent is None else ": ")
        self.value(value, indent)


def _json(value: object, *, is_indented: bool) -> str:
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_indented else 0).decode()
    except TypeError:  # a lone surrogate or a number beyond 64 bits: valid JSON, but not for orjson
        text = json.dumps(value, indent=2) if is_indented else json.dumps(value, separators=(",", ":"))
    return visible_json(text)
