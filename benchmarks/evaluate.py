"""Measure what each step from a file to a report costs, as a multiple of what parsing the same JSON costs in the same run.

    python -m benchmarks.evaluate [--resources 20000] [--workloads N] [--profile read|estate|bind|judge|json|csv]

The estate is synthetic, about 3 KB a resource: copies of the sample estate, each a workload of its own with all its
relations, and as many loose resources of the common types, of whose values one in ten is not as it should be. All
shipped rules are in force. The commands are run anew each time.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import io
import pstats
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from auditor import audit, shipped
from auditor.architecture.workloads import bind
from auditor.engine.evaluate import Evaluation, findings
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Report
from auditor.report import format as formats
from auditor.rulebook import in_force

T = TypeVar("T")

ROUNDS: Final = 3
COLD_STARTS: Final = 5


def timed(work: Callable[[], T], rounds: int) -> tuple[float, T]:
    """Return the least CPU seconds of a few rounds, and the result."""
    seconds, result = [], None
    for _ in range(rounds):
        result = None
        gc.collect()
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    assert result is not None  # noqa: S101 - there is at least one round
    return min(seconds), result


class Steps:
    """What each step costs; `profiled` names the one whose functions are shown."""

    def __init__(self, profiled: str | None) -> None:
        self.profiled = profiled
        self.seconds: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], T], rounds: int = ROUNDS) -> T:
        """Carry out a step."""
        self.seconds[name], result = timed(work, rounds)
        if self.profiled == name.partition(" ")[0]:
            profile = cProfile.Profile()
            profile.runcall(work)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return result

    def table(self) -> str:
        """Return the steps with their seconds and ratios to the first one, as a Markdown table."""
        parse = next(iter(self.seconds.values()))
        rows = [f"| {name:<28} | {seconds:6.2f} | {seconds / parse:6.1f} |" for name, seconds in self.seconds.items()]
        return "\n".join([f"| {'step':<28} | {'CPU s':>6} | {'ratio':>6} |", "| --- | ---: | ---: |", *rows])


def steps_of(path: Path, profiled: str | None) -> tuple[Steps, list[Report]]:
    """Carry out all steps on an export, without and with passes explained."""
    steps, chosen = Steps(profiled), in_force.load(in_force.Selection())
    texts = [orjson.dumps(body) for body in orjson.loads(path.read_bytes())["resources"]]
    steps.run("parse (orjson.loads)", lambda: sum(1 for text in texts if orjson.loads(text)), 5 * ROUNDS)
    snapshot = steps.run("read", lambda: read.read(path))
    estate = steps.run("estate", lambda: Estate(snapshot))
    steps.run("bind", lambda: bind(estate, chosen.baseline.parameters, chosen.baseline.components))
    reports = []
    for name, explained in (("judge", False), ("judge, passes explained", True)):
        terms = audit.Terms(explain_passes=explained)
        evaluation = Evaluation(audit.context(snapshot, chosen, terms), chosen, explained)
        found = steps.run(name, lambda evaluation=evaluation: findings(evaluation))
        only = replace(chosen, in_force=[])
        reports.append(replace(audit.audit(snapshot, only, terms), findings=found, rules=chosen.infos()))
    for name in ("json", "csv"):
        steps.run(f"{name} report", lambda name=name: _written(name, reports[1]))
    return steps, reports


def _written(name: str, report: Report) -> int:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="")
    formats.named(name).write(report, out, formats.View(include_passed=True))
    return out.tell()


def cold(*arguments: str) -> float:
    """Return the median of the wall seconds that a command takes in a process of its own."""
    seconds = []
    for _ in range(COLD_STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "auditor", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def whole(path: Path) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory in MB of the command that reads and judges an export, by itself."""
    command = [sys.executable, "-m", "auditor", "evaluate", str(path), "-o", "json=/dev/null", "--no-progress"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def main() -> None:
    """Print the table, what the whole command needs, and the cold starts."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=20_000)
    options.add_argument(
        "--workloads", type=int, help="how many there are; without it, half of the resources are in some"
    )
    options.add_argument("--profile", metavar="STEP", help="show where a step spends its time: read, judge, …")
    chosen = options.parse_args()
    text = estate.document(chosen.resources, chosen.workloads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_bytes(text)
        seconds, memory = whole(path)  # the first child, as the peak is that of the greatest of all
        steps, reports = steps_of(path, chosen.profile)
    found = reports[-1].findings
    states = Counter(finding.status.value for finding in found)
    shown = ", ".join(f"{name} {number:,}" for name, number in sorted(states.items()))
    speed = len(found) / steps.seconds["judge"]
    print(
        f"{chosen.resources:,} resources of {len(text) / chosen.resources:,.0f} bytes, {len(reports[-1].rules)} rules"
    )
    print(f"{len(found):,} findings ({shown}), {speed:,.0f} a second")
    print(f"\n{steps.table()}\n")
    print(f"auditor evaluate: {seconds:.1f} CPU s, {memory:,.0f} MB at the most")
    for arguments in (["demo"], ["--help"]):
        print(f"auditor {arguments[0]}: {cold(*arguments):.2f} s, the median of {COLD_STARTS} cold starts")


if __name__ == "__main__":
    main()
