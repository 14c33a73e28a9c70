"""Decode JSON as exporters really write it: strictly first, and where that fails with the deviations that do no harm.

Tolerated: NaN and infinities (kept as strings, so that no comparison of numbers succeeds), numbers beyond a double
(the largest double, so that their order stays right), halves of surrogate pairs (U+FFFD), nesting beyond what the
decoder takes (a marker in place of the value).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import orjson

from auditor.errors import InputError

TOO_DEEP: Final = "(nested too deeply)"
_DEPTH_KEPT: Final = 900
_DEPTH_READ: Final = 100_000
_LARGEST: Final = b"1.7976931348623157e308"

_NESTED: Final = (dict, list)
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
        return orjson.loads(data)
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
        "the file may be cut off or not UTF-8; export it again",
    ) from problem


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


def iter_lines(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of JSON Lines that are not blank, with their number from 1 at `start`."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        line = data[start:end].strip()
        if line:
            yield number, line
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
