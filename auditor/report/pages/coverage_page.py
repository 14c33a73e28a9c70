"""Show at a terminal how complete an audit is: in a few lines, or all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from auditor.model import ControlCoverage, Coverage, Status
from auditor.report.causes import causes_of
from auditor.report.layout import Layout
from auditor.report.selection import short_name
from auditor.report.summary import counted
from auditor.report.text import sentence

_GRANTS_SHOWN: Final = 3


def short(coverage: Coverage, rules: int, layout: Layout) -> Iterator[str]:
    """Yield what would settle the most first, and what became of types, resources, controls and rules."""
    types = coverage.types
    shown = [f"{each.permission} ({counted(each.settles, 'unknown')})" for each in coverage.grants[:_GRANTS_SHOWN]]
    idle = sum(not each.findings and not each.is_of_inventory for each in coverage.gaps)
    rows = [
        *([["settle first", ", ".join(shown)]] if shown else []),
        *([["gaps", f"{len(coverage.gaps):,} · {idle:,} on which no answer depends"]] if coverage.gaps else []),
        [
            "types",
            _parts(
                len([each for each in types if each.collected]),
                sum(each.judged > 0 for each in types),
                sum(not each.judged and each.used_as_evidence > 0 for each in types),
                sum(not each.judged and not each.used_as_evidence and each.not_looked_at > 0 for each in types),
            ),
        ],
        [
            "resources",
            _parts(
                sum(each.collected for each in types),
                sum(each.judged for each in types),
                sum(each.used_as_evidence for each in types),
                sum(each.not_looked_at for each in types),
            ),
        ],
        ["controls", _statuses(coverage.controls)],
        ["rules", f"{rules:,} in force · {len(coverage.unmet):,} met nothing to judge"],
    ]
    yield from layout.heading("Coverage")
    yield from layout.rows((), rows)


def whole(coverage: Coverage, layout: Layout) -> Iterator[str]:
    """Yield everything that is known of the coverage."""
    yield from _table(
        "Coverage: permissions that would settle the most, in this order",
        ("Permission", "Unknowns settled"),
        ([each.permission, f"{each.settles:,}"] for each in coverage.grants),
        layout,
    )
    yield from _table(
        "Coverage: what is not known",
        ("What", "Where", "Why", "Unknown", "Settled by"),
        (
            [cause.what, _places(cause.places), sentence(cause.reason), f"{cause.findings:,}", cause.settled_by]
            for cause in causes_of(coverage.gaps)
        ),
        layout,
    )
    yield from _table(
        "Coverage by type",
        ("Type", "Collected", "Judged", "Evidence", "Not looked at", "Gaps"),
        (
            [each.name, *map(str, (each.collected, each.judged, each.used_as_evidence, each.not_looked_at, each.gaps))]
            for each in coverage.types
        ),
        layout,
    )
    yield from _table(
        "Coverage by control",
        ("Framework", "Control", "Status", "Rests on", "Could still change it"),
        ([each.framework, each.id, _word(each.status), rests_on(each), still_open(each)] for each in coverage.controls),
        layout,
    )
    yield from _table(
        "Rules that met nothing to judge",
        ("Rule", "Why"),
        ([rule, sentence(coverage.unmet[rule])] for rule in sorted(coverage.unmet)),
        layout,
    )


def rests_on(control: ControlCoverage) -> str:
    """Return what the answer to a control rests on: rules, judged resources, derived facts."""
    resources = sum(control.judged.values())
    parts = [counted(len(control.rules), "rule"), counted(resources, "resource"), *control.facts]
    return ", ".join(parts)


def still_open(control: ControlCoverage) -> str:
    """Return what could still change the answer to a control, and what would settle it."""
    return "; ".join(
        f"{cause.what} ({counted(len(cause.places), 'place')}): {cause.settled_by}" for cause in causes_of(control.gaps)
    )


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], layout: Layout) -> Iterator[str]:
    listed = list(rows)
    if listed:
        yield from layout.heading(f"{title} ({len(listed):,})")
        yield from layout.rows(header, listed)


def _parts(collected: int, judged: int, evidence: int, rest: int) -> str:
    return f"{collected:,}: {judged:,} judged · {evidence:,} used as evidence · {rest:,} not looked at"


def _statuses(controls: Sequence[ControlCoverage]) -> str:
    """Return the statuses of the controls of the framework that comes first."""
    if not controls:
        return "none"
    framework = controls[0].framework
    counts = Counter(each.status for each in controls if each.framework == framework)
    return f"{counts.total():,} of {framework}: " + " · ".join(
        f"{counts[status]:,} {_word(status)}" for status in Status
    )


def _word(status: Status) -> str:
    return status.value.replace("_", " ")


def _places(scopes: Sequence[str]) -> str:
    return short_name(scopes[0]) + (f" and {len(scopes) - 1:,} more" if len(scopes) > 1 else "")
