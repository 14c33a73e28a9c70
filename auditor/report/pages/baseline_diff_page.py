"""Write how two baselines differ: as a table, as Markdown, as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO, TypeAlias

from tabulate import tabulate

from auditor.rulebook.baseline import Baseline
from auditor.rulebook.baseline_changes import BaselineChange

Pair: TypeAlias = tuple[Baseline, Baseline]
_PLURALS: Final = {
    "component": "components",
    "row": "rows",
    "parameter": "parameters",
    "rule": "rules",
    "control": "controls",
}


def _write_table(pair: Pair, changes: Sequence[BaselineChange], out: TextIO, width: int) -> None:
    rows = [(each.kind, each.part, _name(each)) for each in changes]
    used = sum(max((len(row[column]) for row in rows), default=0) + 2 for column in range(3))
    room = max(30, width - used)
    shown = [
        (*row, textwrap.shorten(_told(each), room, placeholder=" …")) for row, each in zip(rows, changes, strict=True)
    ]
    out.write(tabulate(shown, headers=("change", "part", "name", "what"), tablefmt="simple") + "\n")
    out.write(f"\n{_called(pair[0])} → {_called(pair[1])}: {_counts(changes)}\n")


def _write_markdown(pair: Pair, changes: Sequence[BaselineChange], out: TextIO, _: int) -> None:
    out.write(f"# {_called(pair[0])} → {_called(pair[1])}\n\n{_counts(changes)}\n")
    for part, title in _PLURALS.items():
        listed = [each for each in changes if each.part == part]
        if not listed:
            continue
        rows = [(each.kind, f"`{_name(each)}`", _escaped(_told(each))) for each in listed]
        out.write(f"\n## {title.capitalize()}\n\n")
        out.write(tabulate(rows, headers=("change", part, "what"), tablefmt="github") + "\n")


def _write_json(pair: Pair, changes: Sequence[BaselineChange], out: TextIO, _: int) -> None:
    document = {
        "before": _identity(pair[0]),
        "after": _identity(pair[1]),
        "changes": [
            {
                "change": each.kind,
                "part": each.part,
                "table": each.where or None,
                "name": each.name,
                "before": each.before,
                "after": each.after,
            }
            for each in changes
        ],
    }
    out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


FORMATS: Final[Mapping[str, Callable[[Pair, Sequence[BaselineChange], TextIO, int], None]]] = {
    "table": _write_table,
    "markdown": _write_markdown,
    "json": _write_json,
}


def _identity(baseline: Baseline) -> Mapping[str, str | None]:
    return {"name": baseline.name, "version": baseline.version, "edition": baseline.edition.name or None}


def _called(baseline: Baseline) -> str:
    return (
        f"{baseline.name}@{baseline.edition.name}" if baseline.edition.name else f"{baseline.name} {baseline.version}"
    )


def _name(change: BaselineChange) -> str:
    return f"{change.where}: {change.name}" if change.where else change.name


def _counts(changes: Sequence[BaselineChange]) -> str:
    kinds = [(kind, sum(1 for each in changes if each.kind == kind)) for kind in ("added", "removed", "changed")]
    return ", ".join(f"{count} {kind}" for kind, count in kinds)


def _told(change: BaselineChange) -> str:
    """Return what came or went, or of what changed the parts that differ."""
    before, after = change.before, change.after
    if before is None or after is None:
        return _short(after if before is None else before)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        return "; ".join(f"{key}: {_short(before.get(key))} → {_short(after.get(key))}" for key in keys)
    return f"{_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("title"), str):
        return str(value["title"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
