"""Know where the keys of a TOML file stand, which Python's own reader does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from auditor.yaml_source import Mark, Node


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
