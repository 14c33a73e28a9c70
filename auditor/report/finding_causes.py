"""Name what would have to change for a finding to go away: a setting, a security rule, a component, a permission."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.engine.findings.shared_evidence import iter_deciding_places
from auditor.model import Finding, Severity, Status
from auditor.report.selection import assignment_name, short_name

DENYING_RULE: Final = "rule that denies the rest"
"""What a group lacks whose default rules let something through; the rules that ask for one name it so, too."""
_RELATION: Final = re.compile(r"related\((\w+)\)")
_REMEMBERED: Final = 16_384
_SMALL_TO_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class FindingCause(Struct, frozen=True):
    """What one change would mend: `what` it is, in words, and the resource that holds it, where there is one.

    `change` is what is changed without where; empty where the resource is no part of the words.
    """

    what: str
    resource_id: str | None = None
    change: str = ""

    @property
    def title(self) -> str:
        """Return what is changed, without where: the same for all resources on which it is to be changed."""
        return self.change or self.what

    @property
    def id(self) -> str:
        """Return 12 hex digits over it: the same for the same cause in every run, however names are spelled."""
        return _id(self.identity)

    @property
    def identity(self) -> str:
        """Return all that tells it from others."""
        return f"{ids.key(self.resource_id) if self.resource_id else ''}\n{self.title.lower()}"


@lru_cache(maxsize=_REMEMBERED)
def _id(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:12]


class CauseGroup(Struct):
    """A cause with all that it is the cause of."""

    cause: FindingCause
    status: Status
    severity: Severity
    findings: int = 0
    rules: set[str] = field(default_factory=set)


def cause_of(finding: Finding) -> FindingCause | None:
    """Return the cause of a failure or an unknown; None for what passed or does not apply."""
    if finding.status is Status.UNKNOWN:
        return _unread(finding)
    if finding.status is not Status.FAIL:
        return None
    if finding.is_absence:
        missing = finding.component or finding.sub_object or finding.rule_id
        return FindingCause(f"{missing} is missing{f' in {finding.workload}' if finding.workload else ''}")
    return _deciding_rule(finding) or _declared(finding) or _setting(finding)


class CauseGroups:
    """Each cause of the failures and unknowns that were added, once."""

    def __init__(self) -> None:
        self._groups: dict[str, CauseGroup] = {}

    def add(self, finding: Finding) -> None:
        """Add a finding to those of its cause."""
        cause = cause_of(finding)
        if cause is None:
            return
        identity = cause.identity
        group = self._groups.get(identity)
        if group is None:
            group = self._groups[identity] = CauseGroup(cause, finding.status, finding.severity)
        group.findings += 1
        group.rules.add(finding.rule_id)
        group.severity = min(group.severity, finding.severity, key=lambda severity: severity.rank)
        if finding.status is Status.FAIL:
            group.status = Status.FAIL

    def in_order(self) -> Sequence[CauseGroup]:
        """Return them: the worst first, then what is the cause of most."""
        return sorted(self._groups.values(), key=_order)


def groups_of(findings: Iterable[Finding]) -> Sequence[CauseGroup]:
    """Return each cause of failures and unknowns once, in order."""
    groups = CauseGroups()
    for finding in findings:
        groups.add(finding)
    return groups.in_order()


def _order(group: CauseGroup) -> tuple[bool, int, int, str, str]:
    cause = group.cause
    return (group.status is Status.UNKNOWN, group.severity.rank, -group.findings, cause.what.lower(), cause.id)


def _unread(finding: Finding) -> FindingCause:
    if finding.gaps:
        gap = finding.gaps[0]
        where = f" at {short_name(gap.scope)}" if gap.scope not in {"", "/"} else ""
        return FindingCause(f"{gap.what}{where} is not known: {gap.reason}", gap.scope or None)
    return FindingCause(finding.unknown_reason or finding.message, finding.resource_id)


def _deciding_rule(finding: Finding) -> FindingCause | None:
    """Return the security rule that let the witness through; of a default rule, that the group has none that denies."""
    if not finding.witness:
        return None
    path = finding.witness.get("path")
    steps = [step for step in path if isinstance(step, Mapping)] if isinstance(path, list | tuple) else []
    if not steps or any(step.get("access") != "Allow" for step in steps):
        return None
    last = steps[-1]
    holder = str(last.get("holder") or "") or finding.resource_id
    direction, name = last.get("direction"), last.get("rule")
    if last.get("default"):
        return _at(f"{direction} {DENYING_RULE}", holder)
    return _at(f"firewall rule {name}" if direction == "Through" else f"security rule {direction}/{name}", holder)


def _declared(finding: Finding) -> FindingCause | None:
    change = finding.mended_by
    return _at(change.what, change.resource_id, finding) if change else None


def _setting(finding: Finding) -> FindingCause:
    places = (each for each in iter_deciding_places(finding) if not each[1].startswith("["))
    holder, path = next(places, (None, None))
    change = finding.rule_id if path is None else _asked_at(path)
    return _at(
        change + (f" · {finding.sub_object}" if finding.sub_object else ""), holder or finding.resource_id, finding
    )


@lru_cache(maxsize=_REMEMBERED)
def _asked_at(path: str) -> str:
    """Return the relation that a path asks for, in words, or the property there."""
    relation = _RELATION.match(path)
    return _SMALL_TO_CAPITAL.sub(" ", relation[1]).lower() if relation else path.removeprefix("properties.")


def _at(change: str, holder: str | None, finding: Finding | None = None) -> FindingCause:
    place = short_name(holder) if holder else (finding.component if finding else None) or "the estate"
    if assignment := assignment_name(finding) if finding is not None and holder == finding.resource_id else "":
        return FindingCause(f"{change} {assignment}", holder)
    is_setting = finding is not None and finding.mended_by is None
    return FindingCause(f"{change} {'of' if is_setting else 'on'} {place}", holder, change)
