"""Read accepted deviations, and find the one that covers a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from auditor import resource_id as ids
from auditor.errors import Mistakes
from auditor.model import Exemption, Finding, Status
from auditor.rulebook import retired
from auditor.rulebook.documents import ExemptionsDocument
from auditor.rulebook.validation import check
from auditor.yaml_source import load_file


def load(path: Path, rules: Collection[str]) -> list[Exemption]:
    """Read an exemption file. ContentError with all that is wrong: every exemption ends some day, and names a rule."""
    node = load_file(path)
    document = check(node, ExemptionsDocument)
    mistakes = Mistakes()
    for number, entry in enumerate(document.exemptions):
        if not any(fnmatchcase(rule, entry.rule) for rule in rules):
            place = node.child("exemptions", number, "rule")
            mistakes.of(place.fail, f"there is no rule '{entry.rule}'", retired.hint(entry.rule, rules))
    mistakes.raise_any()
    return [
        Exemption(
            id=entry.id or f"exemption-{number}",
            rule=entry.rule,
            scope=entry.scope,
            reason=entry.reason,
            approved_by=entry.approved_by,
            ticket=entry.ticket,
            expires_on=entry.expires_on,
        )
        for number, entry in enumerate(document.exemptions, 1)
    ]


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
