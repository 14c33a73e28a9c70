"""The escape of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import ClassVar, Final, NewType

import orjson

from auditor.report import pipeline_log
from auditor.report.escapes.output import EscapedOutput, in_blocks
from auditor.report.text import ordered, visible_json

JsonText = NewType("JsonText", str)
"""A value, or some of the members of an object, as they stand in the file."""


_SCALARS: Final = frozenset((bool, int, type(None)))
_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


class NotExactError(Exception):
    """A value of which the quick way writes nothing: the whole that it is in is written another way."""


def members_text(members: Mapping[str, object]) -> JsonText:
    """Return members as they stand between the braces of an object. NotExactError where one is odd."""
    return _exact(members, 1, -1)


def elements_text(elements: Sequence[object]) -> JsonText:
    """Return elements as they stand in a list in an object. NotExactError where one is odd.

    They stand as deep in others as they will in the file: where that is too deep for the quick way, it is odd.
    """
    return _exact([elements], 2, -2)


def element_text(members: Mapping[str, object]) -> JsonText:
    """Return members of an object that is in a list in an object, as they stand between its braces, and as deep."""
    return _exact([[members]], 3, -3)


def element_value_text(value: object) -> JsonText:
    """Return the value of a member of such an object, as deep as it will stand, with sorted keys."""
    if type(value) is str:
        return string_text(value)
    if type(value) in _SCALARS:
        return _exact(value)
    try:
        text = orjson.dumps([[[value]]], option=_SORTED)
    except TypeError:
        return _exact([[[ordered(value)]]], 3, -3)
    if b"null" in text:  # which a number may be that is none
        return _exact([[[ordered(value)]]], 3, -3)
    return JsonText(visible_json(text[3:-3].decode()))


def string_text(text: str) -> JsonText:
    """Return a string. NotExactError where it is odd."""
    try:
        quoted = orjson.dumps(text).decode()
    except TypeError as problem:
        raise NotExactError from problem
    return JsonText(quoted if quoted.isascii() else visible_json(quoted))


def value_text(value: object) -> JsonText:
    """Return any value on one line."""
    return JsonText(_json(value, is_indented=False))


def _exact(value: object, start: int | None = None, end: int | None = None) -> JsonText:
    """Return the text of a value between two places in it."""
    try:
        text = orjson.dumps(value)
    except TypeError as problem:
        raise NotExactError from problem
    return JsonText(visible_json(text[start:end].decode()))


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
        for block in self.blocks(texts, before, between):
            self.add(block)

    def blocks(self, texts: Iterable[JsonText], before: str, between: str) -> Iterator[JsonText]:
        """Go through values with layout before the first and between them, in blocks."""
        separators = chain([before], repeat(between))
        return map(JsonText, in_blocks(chain.from_iterable(zip(separators, texts, strict=False))))

    def add(self, text: JsonText) -> None:
        """Write what `blocks` made."""
        self._stream.write(text)

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
