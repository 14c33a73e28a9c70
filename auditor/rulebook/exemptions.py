"""Read accepted deviations, and find the one that covers a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from auditor import resource_id as ids
from auditor.errors import ContentError
from auditor.model import Exemption, Finding, Status
from auditor.yaml_source import Node, load_file

_KEYS: Final = ("id", "rule", "scope", "reason", "approved_by", "ticket", "expires_on")


def load(path: Path) -> list[Exemption]:
    """Read an exemption file. ContentError where something is missing; every exemption must end some day."""
    node = load_file(path)
    entries = node.check_keys(("exemptions",), "an exemption file")
    if "exemptions" not in entries:
        node.fail("an exemption file needs 'exemptions'")
    return [_exemption(item, number) for number, item in enumerate(entries["exemptions"].items("exemptions"), 1)]


def _exemption(node: Node, number: int) -> Exemption:
    entries = node.check_keys(_KEYS, "an exemption")
    for key in _KEYS[1:]:
        if key not in entries:
            hint = "an exemption ends on a date, such as '2025-12-31'" if key == "expires_on" else ""
            node.fail(f"an exemption needs '{key}'", hint)
    texts = {key: _text(key, item) for key, item in entries.items()}
    try:
        _day(texts["expires_on"])
    except ValueError:
        entries["expires_on"].fail(f"'{texts['expires_on']}' is no date", "write YYYY-MM-DD")
    return Exemption(id=texts.get("id", f"exemption-{number}"), **{key: texts[key] for key in _KEYS[1:]})


def _text(key: str, node: Node) -> str:
    is_number = isinstance(node.value, int) and not isinstance(node.value, bool)
    return str(node.value) if key in {"id", "ticket"} and is_number else node.text(key)


def _day(text: str) -> date:
    if not re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text
    ):  # Python takes week dates and more, which nobody else does
        raise ValueError(text)
    return date.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Matched:
    """Findings with their exemptions beside them, and remarks on exemptions without effect."""

    exempted: Sequence[Exemption | None]
    notices: Sequence[str]


def match(findings: Sequence[Finding], exemptions: Iterable[Exemption], today: date) -> Matched:
    """Give each failure the first exemption that covers it on that day; say which exemptions are expired or cover nothing."""
    found: list[Exemption | None] = [None] * len(findings)
    notices: list[str] = []
    for exemption in exemptions:
        covered = [
            number
            for number, finding in enumerate(findings)
            if finding.status is Status.FAIL
            and fnmatchcase(finding.rule_id, exemption.rule)
            and ids.is_under(finding.resource_id or "/", exemption.scope)
        ]
        if not covered:
            notices.append(f"Exemption {exemption.id} ({exemption.ticket}) matches no failure.")
        elif date.fromisoformat(exemption.expires_on) < today:
            notices.append(f"Exemption {exemption.id} ({exemption.ticket}) expired on {exemption.expires_on}.")
        else:
            for number in covered:
                found[number] = found[number] or exemption
    return Matched(found, notices)


def check_rules(exemptions: Iterable[Exemption], rules: Iterable[str], path: Path) -> None:
    """Refuse an exemption whose rule glob names no rule at all: a misspelt one would silently accept nothing."""
    known = list(rules)
    for exemption in exemptions:
        if not any(fnmatchcase(rule, exemption.rule) for rule in known):
            raise ContentError(
                f"{path}: exemption {exemption.id} names the rule '{exemption.rule}', which does not exist"
            )
