"""Show the kinds of facts that there are, and what rules may read of each, as text or as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from auditor.report.layout import Layout
from auditor.rulebook.fact_kinds import FieldInfo, KindInfo

SCHEMA_VERSION: Final = 1
"""Rises only when a key changes its meaning; keys are added."""
_LEAST_WIDTH: Final = 40
_WORDS: Final = {"boolean": "true or false"}


def write_list(kinds: Sequence[KindInfo], out: TextIO, *, width: int) -> None:
    """Write one line per kind."""
    layout = Layout(max(_LEAST_WIDTH, width), color=False)
    rows = [(kind.name, str(len(kind.fields)), str(len(kind.rules)), kind.meaning) for kind in kinds]
    lines = layout.rows(("kind", "fields", "rules", "what it tells"), rows, indent=0)
    out.write("\n".join([*lines, "", f"{len(kinds)} kinds of facts"]) + "\n")


def write_page(kind: KindInfo, out: TextIO, *, width: int) -> None:
    """Write a kind: what it tells, its fields with what they can hold, and the rules that read them."""
    layout = Layout(max(_LEAST_WIDTH, width), color=False)
    fields = [(info.field.path, _holds(info), info.meaning) for info in kind.fields]
    lines = [
        f"# {kind.name}",
        "",
        *layout.paragraph(kind.meaning, indent=0),
        "",
        *layout.paragraph(f"Findings are filed under {kind.filed_under}. Analysis: {kind.analysis}.", indent=0),
        "",
        *layout.rows(("field", "holds", "meaning"), fields, indent=0),
        "",
        *layout.rows(("rule", "reads"), _reads(kind), indent=0),
        *([] if kind.rules else ["No rule is about it."]),
    ]
    out.write("\n".join(lines) + "\n")


def _holds(info: FieldInfo) -> str:
    """Return what a field can hold, in words: `text: wet, dry; may be unknown`."""
    holds = info.field.holds
    kinds = [_WORDS.get(name, name) for name in holds.types if name != "absent"]
    types = " or ".join(kinds) + (
        f": {', '.join(value or '(empty)' for value in holds.values)}" if holds.values else ""
    )
    doubts = [
        word
        for word, applies in (("absent", "absent" in holds.types), ("unknown", info.field.may_be_unknown))
        if applies
    ]
    return types + (f"; may be {' or '.join(doubts)}" if doubts else "")


def _reads(kind: KindInfo) -> Sequence[tuple[str, str]]:
    reads: dict[str, list[str]] = defaultdict(list)
    for info in kind.fields:
        for rule in info.rules:
            reads[rule].append(info.field.path)
    return [(rule, ", ".join(reads[rule])) for rule in kind.rules]


def write_list_json(kinds: Sequence[KindInfo], out: TextIO) -> None:
    """Write all kinds without their fields as one JSON object."""
    _write({"facts": [_head(kind) for kind in kinds]}, out)


def write_page_json(kind: KindInfo, out: TextIO) -> None:
    """Write a kind with its fields as one JSON object."""
    _write({**_head(kind), "fields": [_field(info) for info in kind.fields]}, out)


def _head(kind: KindInfo) -> Mapping[str, object]:
    return {
        "kind": kind.name,
        "meaning": kind.meaning,
        "subject": kind.filed_under,
        "analysis": kind.analysis,
        "rules": list(kind.rules),
    }


def _field(info: FieldInfo) -> Mapping[str, object]:
    holds = info.field.holds
    return {
        "path": info.field.path,
        "meaning": info.meaning,
        "types": [name for name in holds.types if name != "absent"],
        "values": list(holds.values),
        "may_be_absent": "absent" in holds.types,
        "may_be_unknown": info.field.may_be_unknown,
        "rules": list(info.rules),
    }


def _write(document: Mapping[str, object], out: TextIO) -> None:
    out.write(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2, ensure_ascii=False) + "\n")
