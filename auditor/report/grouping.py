"""Put findings into groups as a reader wants them: by what would mend them, by rule, by resource and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.model import Finding, Report, Severity
from auditor.report.finding_causes import FindingCause, cause_of
from auditor.report.group_by import GroupBy
from auditor.report.selection import short_name


class FindingGroup(Struct):
    """Findings that belong together under a `title`.

    `resource_id` is the resource that they are all about, or on which all are mended, if there is one; `places` are the
    resources on which something would have to be changed. `is_named_whole`: the title says where, too.
    """

    title: str
    findings: list[Finding] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    resource_id: str | None = None
    is_named_whole: bool = False

    @property
    def severity(self) -> Severity:
        """Return the worst severity."""
        return min((each.severity for each in self.findings), key=lambda severity: severity.rank)


class _Key(Struct, frozen=True):
    """What a group is known by: comparable, and as it is shown."""

    identity: str
    title: str
    resource_id: str | None = None
    is_named_whole: bool = False


def grouped(findings: Iterable[Finding], by: GroupBy, report: Report) -> Sequence[FindingGroup]:
    """Return groups, the worst first, then the largest; a finding of several controls is in the group of each."""
    keys_of = _KEYS[by]
    groups: dict[str, FindingGroup] = {}
    for finding in findings:
        for key in keys_of(finding, report):
            group = groups.setdefault(
                key.identity, FindingGroup(key.title, [], {}, key.resource_id, key.is_named_whole)
            )
            group.findings.append(finding)
            place = place_of(finding)
            if place:
                group.places.setdefault(ids.key(place), place)
    for group in groups.values():
        if group.resource_id is None and by is GroupBy.CAUSE and len(group.places) == 1:
            group.resource_id = next(iter(group.places.values()))
    return sorted(groups.values(), key=lambda group: (group.severity.rank, -len(group.findings), group.title))


def place_of(finding: Finding) -> str | None:
    """Return the resource on which a change would mend a finding; its own where nothing says otherwise."""
    cause = cause_of(finding)
    return (cause.resource_id if cause else None) or finding.resource_id


def _by_cause(finding: Finding, _: Report) -> Iterator[_Key]:
    """Yield the change without where: on several resources it is one group, as whoever makes it there makes it here."""
    cause = cause_of(finding) or FindingCause(finding.message, finding.resource_id)
    yield _Key(cause.title.lower(), cause.title, is_named_whole=not cause.change)


def _by_rule(finding: Finding, report: Report) -> Iterator[_Key]:
    yield _Key(finding.rule_id, f"{report.rules[finding.rule_id].title} ({finding.rule_id})")


def _by_resource(finding: Finding, _: Report) -> Iterator[_Key]:
    named = finding.resource_id
    yield _Key(ids.key(named or ""), short_name(named) if named else "no resource", named)


def _by_subscription(finding: Finding, report: Report) -> Iterator[_Key]:
    own = ids.subscription_of(finding.resource_id or "") or ""
    yield _Key(own.lower(), report.snapshot.subscription_names.get(own.lower()) or own or "no subscription")


def _by_workload(finding: Finding, _: Report) -> Iterator[_Key]:
    yield _Key((finding.workload or "").lower(), finding.workload or "no workload")


def _by_control(finding: Finding, _: Report) -> Iterator[_Key]:
    named = [f"{framework} {each}" for framework, own in sorted(finding.controls.items()) for each in own]
    yield from (_Key(name, name) for name in named or ["no control"])


_KEYS: Final[Mapping[GroupBy, Callable[[Finding, Report], Iterator[_Key]]]] = {
    GroupBy.CAUSE: _by_cause,
    GroupBy.RULE: _by_rule,
    GroupBy.RESOURCE: _by_resource,
    GroupBy.SUBSCRIPTION: _by_subscription,
    GroupBy.WORKLOAD: _by_workload,
    GroupBy.CONTROL: _by_control,
}
