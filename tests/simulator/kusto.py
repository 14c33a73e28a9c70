"""Evaluate the few forms of Resource Graph queries that the collector sends."""

from __future__ import annotations

import re
import zlib
from typing import Any

Row = dict[str, Any]


class QueryError(Exception):
    """A query that this stand-in, or Resource Graph, does not understand."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def evaluate(query: str, tables: dict[str, list[Row]], columns: set[str]) -> list[Row]:
    """Return the rows of a query; `columns` are those that exist."""
    table, *stages = [part.strip() for part in re.split(r"(?m)^\s*\|", query)]
    if table.lower() not in tables:
        raise QueryError("DisallowedLogicalTableName", f"Table {table} is invalid, unsupported or disallowed.")
    rows = tables[table.lower()]
    for stage in stages:
        rows = _stage(stage, rows, columns)
    return rows


def _stage(stage: str, rows: list[Row], columns: set[str]) -> list[Row]:
    word, _, rest = stage.partition(" ")
    if word == "where" and (found := re.fullmatch(r"hash\(tolower\(id\)\) % (\d+) == (\d+)", rest.strip())):
        of, index = int(found.group(1)), int(found.group(2))
        return [row for row in rows if zlib.crc32(row["id"].lower().encode()) % of == index]
    if word == "where":
        return [row for row in rows if _condition(rest.strip(), row)]
    if word == "project":
        names = [name.strip() for name in rest.split(",")]
        unknown = [name for name in names if name not in columns]
        if unknown:
            raise QueryError("InvalidQuery", f"Column {unknown[0]} does not exist.")
        return [{name: row.get(name) for name in names} for row in rows]
    if stage == "summarize rows = count() by type":
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["type"]] = counts.get(row["type"], 0) + 1
        return [{"type": name, "rows": number} for name, number in counts.items()]
    if found := re.fullmatch(r"order by (\w+) asc", stage):
        column = found.group(1)
        return sorted(rows, key=lambda row: str(row.get(column)).lower())
    raise QueryError("InvalidQuery", f"not understood: {stage}")


def _condition(text: str, row: Row) -> bool:
    for word, join in ((" or ", any), (" and ", all)):
        parts = _split(text, word)
        if len(parts) > 1:
            return join(_condition(part, row) for part in parts)
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        return _condition(text[1:-1], row)
    if found := re.fullmatch(r"(\w+) in~ \((.*)\)", text):
        wanted = [_unquote(part).lower() for part in re.findall(r"'(?:[^'\\]|\\.)*'", found.group(2))]
        return str(row.get(found.group(1)) or "").lower() in wanted
    if found := re.fullmatch(r"tags\[('(?:[^'\\]|\\.)*')\] =~ ('(?:[^'\\]|\\.)*')", text):
        tags = row.get("tags") or {}
        return str(tags.get(_unquote(found.group(1)), "")).lower() == _unquote(found.group(2)).lower()
    raise QueryError("InvalidQuery", f"not understood: {text}")


def _split(text: str, word: str) -> list[str]:
    """Split at a word outside parentheses and quotes."""
    parts, depth, quoted, start, index = [], 0, False, 0, 0
    while index < len(text):
        char = text[index]
        if quoted:
            index += char == "\\"
            quoted = char != "'"
        elif char == "'":
            quoted = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif depth == 0 and text.startswith(word, index):
            parts.append(text[start:index])
            index += len(word) - 1
            start = index + 1
        index += 1
    return [*parts, text[start:]]


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
