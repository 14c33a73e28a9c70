"""How many processors a process may use: fewer than the machine has, where an administrator or a container says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

AUTO: Final = 0
_RESOURCES: Final = 300  # of an estate, judged in about half a second: below that another process costs what it saves
_MOST: Final = 16  # the longest analysis is done by one, so that more of them wait
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = Path("/proc/self/cgroup")


def processes_for(asked: int, resources: int) -> int:
    """Return how many processes judge an estate: as many as were asked for, or for `AUTO` as many as it gains from."""
    if asked != AUTO:
        return asked
    return max(1, min(usable(), resources // _RESOURCES, _MOST))


def usable() -> int:
    """Return how many processors this process may use at a time, at least one."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # only some systems bind processes to processors
        allowed = os.cpu_count() or 1
    quota = _quota()
    return max(1, allowed if quota is None else min(allowed, int(quota)))


def _quota() -> float | None:
    """Return how many processors' time the control group of the process, or one above it, is given; None: no limit."""
    try:
        entries = [line.split(":", 2) for line in _OWN_GROUP.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    limits: list[float] = []
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        if not controllers:
            limits += _limits(_CONTROL_GROUPS, path, _of_version_2)
        elif "cpu" in controllers.split(","):
            limits += _limits(_CONTROL_GROUPS / "cpu", path, _of_version_1)
    return min(limits, default=None)


def _limits(root: Path, group: str, limit: Callable[[Path], float | None]) -> list[float]:
    """Return the limits of a control group and of all above it. In a container its own may be the root."""
    own = root / group.strip("/")
    folders = [own, *own.parents]
    within = folders[: folders.index(root) + 1] if root in folders else [root]
    return [found for folder in within if (found := limit(folder)) is not None]


def _of_version_2(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _of_version_1(folder: Path) -> float | None:
    quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
