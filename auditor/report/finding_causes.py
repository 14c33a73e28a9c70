"""Name what would have to change for a finding to go away: a setting, a security rule, a component, a permission."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from auditor import resource_id as ids
from auditor.model import Finding, Severity, Status
from auditor.report.selection import short_name


@dataclass(frozen=True, slots=True)
class FindingCause:
    """What one change would mend: `what` it is, in words, and the resource that holds it, where there is one."""

    what: str
    resource_id: str | None = None

    @property
    def id(self) -> str:
        """Return 12 hex digits over it: the same for the same cause in every run, however names are spelled."""
        identity = f"{ids.key(self.resource_id) if self.resource_id else ''}\n{self.what.lower()}"
        return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:12]


@dataclass(slots=True)
class CauseGroup:
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
    return _deciding_rule(finding) or _setting(finding)


def groups_of(findings: Iterable[Finding]) -> Sequence[CauseGroup]:
    """Return each cause of failures and unknowns once: the worst first, then what is the cause of most."""
    groups: dict[str, CauseGroup] = {}
    for finding in findings:
        cause = cause_of(finding)
        if cause is None:
            continue
        group = groups.setdefault(cause.id, CauseGroup(cause, finding.status, finding.severity))
        group.findings += 1
        group.rules.add(finding.rule_id)
        group.severity = min(group.severity, finding.severity, key=lambda severity: severity.rank)
        if finding.status is Status.FAIL:
            group.status = Status.FAIL
    return sorted(groups.values(), key=_order)


def _order(group: CauseGroup) -> tuple[bool, int, int, str, str]:
    cause = group.cause
    return (group.status is Status.UNKNOWN, group.severity.rank, -group.findings, cause.what, cause.id)


def _unread(finding: Finding) -> FindingCause:
    if finding.gaps:
        gap = finding.gaps[0]
        where = f" at {short_name(gap.scope)}" if gap.scope not in {"", "/"} else ""
        return FindingCause(f"{gap.what}{where} is not known: {gap.reason}", gap.scope or None)
    return FindingCause(finding.unknown_reason or finding.message, finding.resource_id)


def _deciding_rule(finding: Finding) -> FindingCause | None:
    """Return the security rule that let the witness through; of a default rule, the group that lacks a rule of its own."""
    path = (finding.witness or {}).get("path")
    steps = [step for step in path if isinstance(step, Mapping)] if isinstance(path, list | tuple) else []
    allowing = [step for step in steps if step.get("access") == "Allow" and step.get("filter")]
    if not allowing:
        return None
    last = allowing[-1]
    group = str(last["filter"])
    holders = (leaf.resource_id for leaf in finding.evidence if leaf.resource_id)
    holder = next((each for each in holders if ids.name_of(each).lower() == group.lower()), finding.resource_id)
    if last.get("default"):
        return FindingCause(f"{group} has no rule that denies the rest ({last.get('direction')})", holder)
    return FindingCause(f"rule {last.get('rule')} of {group}", holder)


def _setting(finding: Finding) -> FindingCause:
    leaf = next(iter(finding.deciding), None)
    holder = (leaf.resource_id if leaf else None) or finding.resource_id
    name = short_name(holder) if holder else finding.component or "the estate"
    part = f" · {finding.sub_object}" if finding.sub_object else ""
    return FindingCause(f"{leaf.path if leaf else finding.rule_id} of {name}{part}", holder)
