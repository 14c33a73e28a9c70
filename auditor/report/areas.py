"""Count failures by workload and by area, which is the folder that their rules stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from auditor.model import Finding, RuleInfo, Severity

OTHERS: Final = "others"
_NO_WORKLOAD: Final = "no workload"


class AreaCount(Struct):
    """How many failures there are, and how bad the worst of them is."""

    failures: int = 0
    worst: Severity = Severity.INFO

    def add(self, severity: Severity) -> None:
        """Count one more."""
        self.failures += 1
        self.worst = min(self.worst, severity, key=lambda each: each.rank)


class AreaTable(Struct, frozen=True):
    """Failures by area (rows, the worst first) and workload (columns, those with most failures first)."""

    workloads: Sequence[str]
    areas: Sequence[str]
    cells: Mapping[tuple[str, str], AreaCount]


def area_of(rule: RuleInfo) -> str:
    """Return the area that a rule is about, in a word or two."""
    return PurePosixPath(rule.file.replace("\\", "/")).parent.name.replace("-", " ") or "other"


def areas_of(failures: Iterable[Finding], rules: Mapping[str, RuleInfo], columns: int) -> AreaTable:
    """Count failures; workloads beyond so many `columns` are counted together as `others`."""
    found = [(area_of(rules[each.rule_id]), each.workload or _NO_WORKLOAD, each.severity) for each in failures]
    by_workload: defaultdict[str, AreaCount] = defaultdict(AreaCount)
    by_area: defaultdict[str, AreaCount] = defaultdict(AreaCount)
    for area, workload, severity in found:
        by_workload[workload].add(severity)
        by_area[area].add(severity)
    ranked = sorted(by_workload, key=lambda name: (-by_workload[name].failures, name))
    shown = ranked if len(ranked) <= columns else ranked[: max(0, columns - 1)]
    cells: defaultdict[tuple[str, str], AreaCount] = defaultdict(AreaCount)
    for area, workload, severity in found:
        cells[area, workload if workload in shown else OTHERS].add(severity)
    areas = sorted(by_area, key=lambda name: (by_area[name].worst.rank, -by_area[name].failures, name))
    return AreaTable([*shown, *([OTHERS] if len(shown) < len(ranked) else [])], areas, cells)
