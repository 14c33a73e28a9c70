"""Count a report and say its outcome in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor.engine.findings.held_findings import SETTLED, settled_apart
from auditor.model import AgainstKnown, Finding, Report, Severity, Status

_ALIKE: Final = 3
"""So many notices that say the same are told one by one."""


class Summary(Struct, frozen=True):
    """Counts over all findings of a report.

    `by_severity` counts failures, `exempted` those of them that an exemption covers. `is_open`: nobody knows what else
    there is to judge. `by_change` counts failures where they were compared with known ones, else it is empty.
    """

    by_status: Mapping[Status, int]
    by_severity: Mapping[Severity, int]
    exempted: int
    rules: int
    resources: int
    gaps: int
    is_open: bool
    by_change: Mapping[AgainstKnown, int] = field(default_factory=dict)


def summarise(report: Report, beside: Callable[[Finding], None] = lambda _: None) -> Summary:
    """Count every finding of a report, listed or not; every status and severity is there, zero included.

    Whoever wants to see those that fail or are unknown as well can do so `beside`: to go through them twice makes many of
    them twice.
    """
    statuses, others = settled_apart(report.findings)
    severities: Counter[Severity] = Counter()
    changes: Counter[AgainstKnown] = Counter()
    exempted = 0
    for each in others:
        statuses[each.status] += 1
        if each.status not in SETTLED:
            beside(each)
        if each.status is Status.FAIL:
            severities[each.severity] += 1
            exempted += each.exemption is not None
            if each.against_known is not None:
                changes[each.against_known] += 1
    return Summary(
        by_status={status: statuses[status] for status in Status},
        by_severity={severity: severities[severity] for severity in Severity},
        exempted=exempted,
        rules=len(report.rules),
        resources=report.resources,
        gaps=len(report.gaps),
        is_open=bool(report.coverage.inventory),
        by_change={change: changes[change] for change in AgainstKnown} if changes else {},
    )


def workloads_of(report: Report) -> Sequence[str]:
    """Return the names of the workloads that findings are in, sorted."""
    return sorted({each.workload for each in report.findings if each.workload})


def few_alike(notices: Sequence[str]) -> Iterator[str]:
    """Yield notices in their order; where many say the same of different workloads, the first of them and how many more."""
    alike, told = Counter(map(_behind_name, notices)), Counter[str]()
    for notice in notices:
        said = _behind_name(notice)
        told[said] += 1
        if told[said] <= _ALIKE or alike[said] <= _ALIKE + 1:
            yield notice
        elif told[said] == _ALIKE + 1:
            yield f"{alike[said] - _ALIKE:,} more: {said} (-v names them all)"


def _behind_name(notice: str) -> str:
    name, _, said = notice.partition(": ")
    return said or name


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def verdict(summary: Summary) -> str:
    """Return the outcome as one plain sentence; what is not known is part of it."""
    unknown, failed = summary.by_status[Status.UNKNOWN], summary.by_status[Status.FAIL]
    judged = summary.by_status[Status.PASS] + failed + unknown
    if not judged:
        return "Nothing was judged: this is not a pass"
    parts = [_failures(summary)]
    if unknown:
        parts.append(f"{unknown:,} unknown")
    if summary.gaps:
        parts.append(counted(summary.gaps, "gap"))
    if summary.is_open:
        parts.append("the inventory is open")
    if unknown or summary.is_open:
        return f"{' · '.join(parts)}: this audit is incomplete"
    idle = f" · {counted(summary.gaps, 'gap')} on which no answer depends" if summary.gaps else ""
    return f"{parts[0]} · {counted(judged, 'check')} judged, nothing unknown{idle}"


def _failures(summary: Summary) -> str:
    failed = summary.by_status[Status.FAIL]
    if not failed:
        return "No failures"
    by_severity = ", ".join(f"{count:,} {severity}" for severity, count in summary.by_severity.items() if count)
    exempted = f", {summary.exempted:,} of them accepted by exemption" if summary.exempted else ""
    changes = "".join(f", {count:,} {change}" for change, count in summary.by_change.items())
    return f"{counted(failed, 'failure')} ({by_severity}){exempted}{changes}"
