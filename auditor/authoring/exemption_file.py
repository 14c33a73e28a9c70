"""Change a file of exemptions as a person would: what else stands in it stays as it is, comments included."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml
from msgspec.structs import replace

from auditor.engine.accepted import exemptions
from auditor.errors import AuditorError
from auditor.model import Exemption
from auditor.yaml_source import Node, load_text

Entry = Mapping[str, object]
"""An exemption by the keys of its file."""

_DAY: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9-]+")
_NUMBER_LIKE: Final = re.compile(r"[0-9.+-]")
_EMPTY: Final = re.compile(r"\[\s*\]")
_REMARK: Final = re.compile(r"\s*#")
_BLOCKS_ONLY: Final = "write each exemption as a block that begins with '- ', or edit the file by hand"


class _Dumper(yaml.SafeDumper):
    """Writes YAML that each reader takes for the same: what some of them take for a number or a day is quoted (`1e5`)."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if _NUMBER_LIKE.match(text) else None)


_Dumper.add_representer(str, _text)


def added(text: str, entries: Sequence[Entry], path: Path) -> str:
    """Return the text of a file with exemptions at its end. AuditorError where it is not written in blocks."""
    before = exemptions.parse(text, str(path)) if text.strip() else []
    lines = _with_room(text, path) if text.strip() else ["exemptions:"]
    indent = " " * _indent(text, path) if before else ""
    block = yaml.dump(
        list(entries), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    while lines and not lines[-1].strip():
        lines.pop()
    changed = _joined([*lines, *(f"{indent}{line}" for line in block.splitlines())])
    after = _read_again(changed, path)
    if after[: len(before)] != before or len(after) != len(before) + len(entries):
        raise AuditorError(f"{path}: cannot be added to", _BLOCKS_ONLY)
    return changed


def renewed(text: str, names: Collection[str], day: str, path: Path) -> str:
    """Return the text of a file in which exemptions last until a later day."""
    before = exemptions.parse(text, str(path))
    _refuse_unknown(names, before, path)
    lines = text.splitlines()
    for exemption, node in zip(before, _entries(text, path), strict=True):
        if exemption.id not in names:
            continue
        if exemption.expires_on >= day:
            raise AuditorError(f"{exemption.id} lasts until {exemption.expires_on} already", "name a later day")
        mark = node.child("expires_on").mark
        line = lines[mark.line - 1]
        old = _DAY.match(line, mark.column - 1)
        if old is None:
            raise AuditorError(f"{mark}: this day cannot be changed", _BLOCKS_ONLY)
        quote = old[0][0] if old[0][0] in "'\"" else ""
        lines[mark.line - 1] = f"{line[: old.start()]}{quote}{day}{quote}{line[old.end() :]}"
    changed = _joined(lines)
    expected = [replace(each, expires_on=day) if each.id in names else each for each in before]
    if _read_again(changed, path) != expected:
        raise AuditorError(f"{path}: cannot be changed", _BLOCKS_ONLY)
    return changed


def pruned(text: str, names: Collection[str], path: Path) -> str:
    """Return the text of a file without some exemptions, and without the remarks that stand right above them."""
    before = exemptions.parse(text, str(path))
    _refuse_unknown(names, before, path)
    lines = text.splitlines()
    starts = [_dash(lines, node, path)[0] for node in _entries(text, path)]
    left: list[str] = lines[: starts[0]] if starts else lines
    for number, exemption in enumerate(before):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        own, above_next = _split(lines[starts[number] : end])
        if exemption.id in names:
            while number and left and _REMARK.match(left[-1]):
                left.pop()
        else:
            left += own
        left += above_next
    kept = [each for each in before if each.id not in names]
    if not kept:
        left = [re.sub(r"^exemptions:\s*(#.*)?$", r"exemptions: []", line) for line in left]
    changed = _joined(left)
    if _read_again(changed, path) != kept:
        raise AuditorError(f"{path}: cannot be taken from", _BLOCKS_ONLY)
    return changed


def _refuse_unknown(names: Iterable[str], known: Sequence[Exemption], path: Path) -> None:
    ids = [each.id for each in known]
    missing = sorted(set(names) - set(ids))
    if missing:
        raise AuditorError(f"{path}: holds no exemption {', '.join(missing)}", f"it holds: {', '.join(ids) or 'none'}")


def _read_again(text: str, path: Path) -> list[Exemption]:
    return exemptions.parse(text, str(path))


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _entries(text: str, path: Path) -> list[Node]:
    return load_text(text, str(path)).child("exemptions").items("exemptions")


def _with_room(text: str, path: Path) -> list[str]:
    """Return the lines of a file to which a block can be added: an empty list is not written as one."""
    lines = text.splitlines()
    node = load_text(text, str(path)).child("exemptions")
    if not node.items("exemptions"):
        line = lines[node.mark.line - 1]
        lines[node.mark.line - 1] = _EMPTY.sub("", line, count=1).rstrip()
    return lines


def _indent(text: str, path: Path) -> int:
    return _dash(text.splitlines(), _entries(text, path)[-1], path)[1]


def _dash(lines: Sequence[str], node: Node, path: Path) -> tuple[int, int]:
    """Return the line and column, from 0, of the sign that an exemption begins with."""
    line, column = node.mark.line - 1, node.mark.column - 1
    while line >= 0:
        before = lines[line][:column].rstrip()
        if before.lstrip() == "-":
            return line, len(before) - 1
        if before.strip() and not _REMARK.match(before):
            break
        line, column = line - 1, len(lines[line - 1]) if line else 0
    raise AuditorError(f"{path}:{node.mark.line}: this exemption cannot be found again", _BLOCKS_ONLY)


def _split(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what belongs to an exemption, and the remarks and empty lines behind it, which belong to the next."""
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or _REMARK.match(lines[end - 1])):
        end -= 1
    return list(lines[:end]), list(lines[end:])
