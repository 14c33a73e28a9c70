"""Decode JSON as exporters really write it: strictly first, and where that fails with the deviations that do no harm.

Tolerated: NaN and infinities (kept as strings, so that no comparison of numbers succeeds), numbers beyond a double
(the largest double, so that their order stays right), halves of surrogate pairs (U+FFFD), nesting beyond what the
decoder takes (a marker in place of the value).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import orjson
from msgspec import Struct

from auditor.errors import InputError

_CUT_OFF: Final = "the file may be cut off or not UTF-8; export it again"
_COLON: Final = b":"
_ESCAPED_COLONS: Final = (b"\\u003a", b"\\u003A")
_BLANK: Final = re.compile(r"\s+")
TOO_DEEP: Final = "(nested too deeply)"
_DEPTH_KEPT: Final = 900
_DEPTH_READ: Final = 100_000
_LARGEST: Final = b"1.7976931348623157e308"

_NESTED: Final = (dict, list)
_LAST: Final = re.compile(rb"\}\s*\]")
_BETWEEN: Final = re.compile(rb"\}\s*,\s*\{")
_MARGIN: Final = 200
_LIST: Final = re.compile(rb'"(?:resources|data)"\s*:\s*\[')
_STANDS_FOR_LIST: Final = "the list of rows"
_HEAD: Final = 1 << 20

_REPAIRABLE: Final = re.compile(rb"NaN|Infinity|\\u[dD][89a-fA-F]|[0-9]{300}|[eE]\+?[0-9]{3}")
_TOKEN: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]|-?Infinity|NaN|-?[0-9][0-9.eE+-]*+',
    re.DOTALL,
)
_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)


def decode(data: bytes | memoryview, where: str) -> object:
    """Return the value of a JSON text in UTF-8; `where` names it in the InputError that anything else raises."""
    try:
        return with_all_members(orjson.loads(data), data)
    except orjson.JSONDecodeError as error:
        problem = error
    depth = "depth limit" in problem.msg
    if depth or _REPAIRABLE.search(data):
        try:
            return orjson.loads(b"".join(_repaired(bytes(data), where)))
        except orjson.JSONDecodeError as error:
            problem = error if depth else problem
    raise InputError(
        f"{where} is not valid JSON: {problem.msg} at line {problem.lineno} column {problem.colno}",
        _CUT_OFF,
    ) from problem


def with_all_members(value: object, text: bytes | memoryview) -> object:
    """Return the value of a text with each member that an object has twice: the second one under another spelling.

    A decoder keeps the last of them. What is written as it was read has lost none. With each that is lost a colon is, so
    that there are more in the text than in the value is quickly seen, unless the text writes colons in another way; which
    they are is not, and is looked for only then.
    """
    text = bytes(text)
    try:
        written = orjson.dumps(value)
    except TypeError:  # nested too deeply to be written
        return value
    if written == text or (text.count(_COLON) <= written.count(_COLON) and not _escapes_colons(text)):
        return value
    return json.loads(text, object_pairs_hook=_with_twins, parse_int=_number)


def _escapes_colons(text: bytes) -> bool:
    return b"\\" in text and any(colon in text for colon in _ESCAPED_COLONS)


def _with_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        spellings = (name, name.swapcase(), name.upper(), name.lower())
        members[next((spelled for spelled in spellings if spelled not in members), name)] = value
    return members


def _number(digits: str) -> int | float:
    """Return a whole number as the other decoder does: beyond 64 bits as a double."""
    number = int(digits)
    return number if -(1 << 63) <= number < 1 << 64 else float(digits)


def is_followed(data: bytes) -> bool:
    """Whether a text is a whole document with something behind it."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return "after document" in error.msg
    return False


def documents_in(data: bytes, where: str) -> Iterator[tuple[str, object]]:
    """Yield the documents of a text one after the other, each with a name: `document 2`. InputError for what is none."""
    text, start, number = data.decode(), 0, 0
    decoder = json.JSONDecoder()
    while start < len(text):
        if (skipped := _BLANK.match(text, start)) is not None:
            start = skipped.end()
            continue
        number += 1
        try:
            _, end = decoder.raw_decode(text, start)
        except RecursionError as error:
            raise InputError(
                f"{where} is nested too deeply", "give each of its documents in a file of its own"
            ) from error
        except json.JSONDecodeError as error:
            hint = (
                _CUT_OFF
                if text[start] in "{["
                else "the messages of commands do not belong into their output: send them elsewhere (2>)"
            )
            raise InputError(
                f"{where}, document {number}, is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}",
                hint,
            ) from error
        yield f"document {number}", decode(text[start:end].encode(), f"{where}, document {number},")
        start = end


class RawValue(Struct, frozen=True):
    """A value as it stands in a text, which is decoded when it is asked for."""

    text: bytes | memoryview

    def decoded(self) -> object:
        """Return the value. ValueError where the text is none."""
        return orjson.loads(self.text)


def decoded_whole(value: object) -> object:
    """Return a value, be it still in its text or not; of what is, with members that an object has twice."""
    return with_all_members(value.decoded(), value.text) if isinstance(value, RawValue) else value


def opened(raw: RawValue) -> tuple[RawValue | None, object]:
    """Return the value in a text, with members that an object has twice, and the text where it decodes to that by itself."""
    plain = raw.decoded()
    whole = with_all_members(plain, raw.text)
    return (raw if whole is plain else None), whole


def decoded(value: object) -> object:
    """Return a value, be it still in its text or not."""
    return value.decoded() if isinstance(value, RawValue) else value


def with_raw_rows(data: bytes, *, begin_alike: bool) -> object:
    """Return a document of one long list, or with one as `resources` or `data`, in which all rows but the first are raw.

    None where that cannot be said without decoding all of it. As JSON can be read in one way only, texts that are
    objects each, with commas between them, are the rows. One that turns out to be none was taken for another: braces in
    names and texts deceive, and where rows are taken to `begin_alike`, which is found out sooner, one that does not.
    """
    is_list = data[:_MARGIN].lstrip()[:1] == b"["
    start = data.find(b"[", 0, _MARGIN) if is_list else _start_of_list(data)
    rows, end = _rows(data, start + 1, begin_alike=begin_alike) if start >= 0 else ([], start)
    if not rows:
        return None
    try:
        document = orjson.loads(b'%s["%s"%s' % (data[:start], _STANDS_FOR_LIST.encode(), data[end:]))
        listed: list[object] = [decoded_whole(rows[0]), *rows[1:]]
    except orjson.JSONDecodeError:
        return None
    if is_list:
        return listed if document == [_STANDS_FOR_LIST] else None
    names = [name for name, value in document.items() if value == [_STANDS_FOR_LIST]]
    return {**document, names[0]: listed} if len(names) == 1 else None


def _start_of_list(data: bytes) -> int:
    found = _LIST.search(data, 0, _HEAD)
    return -1 if found is None else found.end() - 1


def _rows(data: bytes, start: int, *, begin_alike: bool) -> tuple[list[RawValue], int]:
    """Return the objects from there on as texts, and the place of the bracket behind them; none where all is not clear."""
    view, rows = memoryview(data), list[RawValue]()
    begin = data.find(b"{", start, start + _MARGIN)
    if begin < 0 or data[start:begin].strip():
        return [], start
    for end, following in _borders(data, begin) if begin_alike else _all_borders(data, begin):
        if following > begin and _is_whole(data, begin, end):
            rows.append(RawValue(view[begin:end]))
            begin = following
    for last in _LAST.finditer(data, begin):
        if _is_whole(data, begin, last.start() + 1):
            return [*rows, RawValue(view[begin : last.start() + 1])], last.end() - 1
    return [], start


def _borders(data: bytes, begin: int) -> Iterator[tuple[int, int]]:
    """Yield where a row may end, and the next one begin as the first one does."""
    first_name = data.find(b":", begin, begin + _MARGIN)
    opening = data[begin : first_name + 1]
    following = begin
    while opening and (following := data.find(opening, following + 1)) >= 0:
        end = data.rfind(b"}", max(begin, following - _MARGIN), following) + 1
        if end and data[end:following].strip() == b",":
            yield end, following


def _all_borders(data: bytes, begin: int) -> Iterator[tuple[int, int]]:
    """Yield where a row may end, and the next one begin: between braces that leave none open."""
    depth, last = 0, begin
    for border in _BETWEEN.finditer(data, begin):
        end = border.start() + 1
        depth += data.count(b"{", last, end) - data.count(b"}", last, end)
        last = end
        if depth == 0:
            yield end, border.end() - 1


def _is_whole(data: bytes, begin: int, end: int) -> bool:
    """Whether as many braces are opened as closed."""
    return data.count(b"{", begin, end) == data.count(b"}", begin, end)


def is_deeper(value: object, levels: int) -> bool:
    """Whether a value is nested more deeply than that."""
    layer = [value] if isinstance(value, _NESTED) else []
    for _ in range(levels):
        if not layer:
            return False
        layer = [
            each
            for outer in layer
            for each in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(each, _NESTED)
        ]
    return bool(layer)


def iter_lines(data: bytes, start: int = 0) -> Iterator[tuple[int, slice]]:
    """Yield where the lines of JSON Lines stand that are not blank, with their number from 1 at `start`."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        line = data[start:end]
        first = start + len(line) - len(line.lstrip())
        if first < end:
            yield number, slice(first, start + len(line.rstrip()))
        start = end + 1


def _repaired(data: bytes, where: str) -> Iterator[bytes]:
    """Yield the text in pieces, with what the decoder refuses replaced by what it takes."""
    kept = depth = 0
    for token in _TOKEN.finditer(data):
        text = token[0]
        if text in (b"[", b"{"):
            depth += 1
            if depth == _DEPTH_KEPT:
                yield data[kept : token.start()]
            elif depth > _DEPTH_READ:
                raise InputError(
                    f"{where} is nested deeper than {_DEPTH_READ} levels", "give an export of ARM resources"
                )
        elif text in (b"]", b"}"):
            depth -= 1
            if depth == _DEPTH_KEPT - 1:
                yield b'"%s"' % TOO_DEEP.encode()
                kept = token.end()
        elif depth < _DEPTH_KEPT and (better := _replacement(text)) != text:
            yield data[kept : token.start()]
            yield better
            kept = token.end()
    if depth < _DEPTH_KEPT:
        yield data[kept:]


def _replacement(token: bytes) -> bytes:
    if token.startswith(b'"'):
        return _ESCAPE.sub(_whole_character, token) if b"\\u" in token else token
    if token in (b"NaN", b"Infinity", b"-Infinity"):
        return b'"%s"' % token
    try:
        infinite = abs(float(token)) == float("inf")
    except ValueError:
        return token
    if not infinite:
        return token
    return b"-" + _LARGEST if token.startswith(b"-") else _LARGEST


def _whole_character(escape: re.Match[bytes]) -> bytes:
    is_half = len(escape[0]) == len(rb"\ud800")
    return rb"\ufffd" if is_half else escape[0]
