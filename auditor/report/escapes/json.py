"""The escape of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import ClassVar, NewType

import orjson

from auditor.report import pipeline_log
from auditor.report.escapes.output import EscapedOutput, in_blocks
from auditor.report.text import visible_json

JsonText = NewType("JsonText", str)
"""A value, or some of the members of an object, as they stand in the file."""


class NotExactError(Exception):
    """A value of which the quick way writes nothing: the whole that it is in is written another way."""


def members_text(members: Mapping[str, object]) -> JsonText:
    """Return members as they stand between the braces of an object. NotExactError where one is odd."""
    return _exact(members, 1, -1)


def elements_text(of: str, elements: Sequence[object]) -> JsonText:
    """Return elements as they stand in the list of that name in an object. NotExactError where one is odd.

    They stand as deep in others as they will in the file: where that is too deep for the quick way, it is odd.
    """
    return _exact({of: elements}, len(of) + 5, -2)


def value_text(value: object) -> JsonText:
    """Return any value on one line."""
    return JsonText(_json(value, is_indented=False))


def _exact(value: Mapping[str, object], start: int, end: int) -> JsonText:
    try:
        text = orjson.dumps(value).decode()
    except TypeError as problem:
        raise NotExactError from problem
    return JsonText(visible_json(text[start:end]))


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

    def texts(self, texts: Iterable[JsonText], before: str, between: str) -> None:
        """Write values, with layout before the first and between them."""
        separators = chain([before], repeat(between))
        for block in in_blocks(chain.from_iterable(zip(separators, texts, strict=False))):
            self._stream.write(block)

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
