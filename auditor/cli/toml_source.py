"""Read TOML within bounds, and know where its keys stand, which Python's own reader does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from auditor.errors import ContentError
from auditor.snapshot.json_text import is_deeper
from auditor.yaml_source import MAX_BYTES, MAX_DEPTH, Mark, Node


def parse(text: str, name: str) -> Mapping[str, object]:
    """Return what a TOML text says; whatever is wrong with it is one ContentError."""
    if len(text.encode()) > MAX_BYTES:
        raise ContentError(f"{name}: larger than {MAX_BYTES // 1024} KiB", "check that it is the right file")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ContentError(f"{name}: cannot be read: {problem}") from problem
    except ValueError as problem:  # Python reads no integer of more than 4,300 digits
        raise ContentError(f"{name}: cannot be read: it holds a number of too many digits") from problem
    except RecursionError as problem:
        raise ContentError(f"{name}: nested deeper than {MAX_DEPTH} levels") from problem
    if is_deeper(values, MAX_DEPTH):
        raise ContentError(f"{name}: nested deeper than {MAX_DEPTH} levels")
    return values


def nodes_of(values: Mapping[str, object], text: str, name: str, section: str | None) -> Node:
    """Return a table with the places of its keys; what lies deeper, and what is not found, stands where its table does."""
    lines = text.splitlines()
    first = 0
    if section is not None:
        header = re.compile(r"\s*\[\s*" + r"\s*\.\s*".join(map(re.escape, section.split("."))) + r"\s*\]")
        first = next((number for number, line in enumerate(lines) if header.match(line)), 0)
    start = Mark(name, first + 1, 1)
    places = {key: _place(key, lines, first, start) for key in values}
    entries = {key: _node(value, places[key][1]) for key, value in values.items()}
    return Node(entries, start, {key: mark for key, (mark, _) in places.items()})


def _place(key: str, lines: list[str], first: int, start: Mark) -> tuple[Mark, Mark]:
    """Return where a key stands, and where its value begins."""
    assignment = re.compile(rf"(\s*)[\"']?{re.escape(key)}[\"']?(\s*=\s*)")
    for number, line in enumerate(lines[first:], first + 1):
        if found := assignment.match(line):
            return Mark(start.file, number, len(found[1]) + 1), Mark(start.file, number, found.end() + 1)
    return start, start


def _node(value: Any, mark: Mark) -> Node:
    if isinstance(value, dict):
        return Node({key: _node(inner, mark) for key, inner in value.items()}, mark, dict.fromkeys(value, mark))
    if isinstance(value, list):
        return Node([_node(inner, mark) for inner in value], mark)
    return Node(value.isoformat() if isinstance(value, datetime | date | time) else value, mark)
