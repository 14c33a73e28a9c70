"""Show what an audit says of a framework, requirement by requirement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from auditor.model import FrameworkReport, ManualCheck, RequirementResult, Status
from auditor.report.layout import Layout

STATES: Final = (*(status.value for status in Status), "manual", "not_covered")
"""What a requirement may be, in the order in which they are counted."""
HEADER: Final = ("Requirement", "Title", "Status", "Fail", "Unknown", "Pass", "By a person")


def lines(framework: FrameworkReport, layout: Layout) -> Iterator[str]:
    """Yield each requirement with its counts, what a person must look at, and how many there are of each status."""
    yield from layout.heading(f"Requirements of {heading(framework)} ({len(framework.requirements):,})")
    yield from layout.rows(HEADER, [list(row(each)) for each in framework.requirements])
    yield ""
    yield from layout.paragraph(counts(framework), indent=0)


def heading(framework: FrameworkReport) -> str:
    """Return what a framework is called, with its version."""
    return " ".join(part for part in (framework.title or framework.name, framework.version) if part)


def row(requirement: RequirementResult) -> Sequence[str]:
    """Return a requirement as the cells under `HEADER`."""
    counted = requirement.by_status
    return (
        requirement.id,
        requirement.title,
        _word(requirement.state),
        *(f"{counted[status]:,}" if counted[status] else "" for status in (Status.FAIL, Status.UNKNOWN, Status.PASS)),
        "; ".join(map(_check, requirement.manual)),
    )


def counts(framework: FrameworkReport) -> str:
    """Return how many requirements there are of each status."""
    counted = Counter(each.state for each in framework.requirements)
    shown = " · ".join(f"{counted[state]:,} {_word(state)}" for state in STATES)
    return f"{framework.name}: {shown}"


def _word(state: str) -> str:
    return "not covered by any rule" if state == "not_covered" else state.replace("_", " ")


def _check(check: ManualCheck) -> str:
    if not check.attested:
        return check.asks
    return f"{check.asks} ({'attested by' if check.is_current else 'attestation has run out:'} {check.attested})"
