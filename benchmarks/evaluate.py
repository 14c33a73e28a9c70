"""Measure what each step from a file to a report costs, as a multiple of what parsing the same JSON costs beside it.

    python -m benchmarks.evaluate [--resources 20000] [--workloads N] [--rounds 3] [--profile STEP] [--json]

The estate is synthetic (`benchmarks.estate`), about 3 KB a resource. All shipped rules are in force. The floor, which is
parsing each resource with `orjson.loads` and letting it go, is measured anew before each round of each step: what slows
one slows the other. A ratio is the median of the rounds.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import io
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict, TypeVar

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from auditor import audit
from auditor.analysis.contract import Context
from auditor.engine.evaluate import Evaluation
from auditor.engine.partwise import findings
from auditor.estate.graph import Estate
from auditor.inputs import read
from auditor.model import Report
from auditor.report import format as formats
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet
from auditor.snapshot.model import Snapshot
from benchmarks import estate

T = TypeVar("T")

ROUNDS: Final = 3
_LEAST: Final = 0.1
"""So many CPU seconds a floor is measured for at least."""


class StepCost(TypedDict):
    """What a step costs: CPU seconds at the best, and the median of its ratios to the floor beside it."""

    seconds: float
    ratio: float


class Costs(TypedDict):
    """What was measured of one estate. `whole` is the command itself, by CPU seconds and peak megabytes."""

    resources: int
    bytes: int
    rules: int
    statuses: dict[str, int]
    steps: dict[str, StepCost]
    whole: tuple[float, float]


class Stopwatch(Struct, dict=True):
    """Times steps, each round beside a floor of its own; of the step that is `profiled`, functions are shown."""

    texts: list[bytes]
    rounds: int
    profiled: str | None = None
    steps: dict[str, StepCost] = field(default_factory=dict)

    def floor(self) -> float:
        """Return the CPU seconds of parsing all resources once."""
        start, passes = time.process_time(), 0
        while (spent := time.process_time() - start) < _LEAST or not passes:
            for text in self.texts:
                orjson.loads(text)
            passes += 1
        return spent / passes

    def run(self, name: str, work: Callable[[], T], prepare: Callable[[], None] = lambda: None) -> T:
        """Carry out a step, and return its result; what is to be made ready before each round does not count."""
        seconds, ratios = [], []
        for _ in range(self.rounds):
            result = None
            prepare()
            gc.collect()
            floor = self.floor()
            start = time.process_time()
            result = work()
            seconds.append(time.process_time() - start)
            ratios.append(seconds[-1] / ((floor + self.floor()) / 2))
        self.steps[name] = StepCost(seconds=min(seconds), ratio=statistics.median(ratios))
        if self.profiled == name:
            prepare()
            profile = cProfile.Profile()
            profile.runcall(work)
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(40)
        assert result is not None  # noqa: S101 - there is at least one round
        return result


def costs(resources: int, workloads: int | None, rounds: int, profiled: str | None = None) -> Costs:
    """Return what each step costs on an estate, and what the command costs as a whole."""
    text = estate.document(resources, workloads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_bytes(text)
        whole = _whole(path)  # the first child, as the peak is that of the greatest of all
        watch = Stopwatch([orjson.dumps(body) for body in orjson.loads(text)["resources"]], rounds, profiled)
        size = len(text)
        del text
        report = _steps(path, watch)
    statuses = Counter(finding.status.value for finding in report.findings)
    return Costs(
        resources=len(watch.texts),
        bytes=size,
        rules=len(report.rules),
        statuses=dict(sorted(statuses.items())),
        steps=watch.steps,
        whole=whole,
    )


def _steps(path: Path, watch: Stopwatch) -> Report:
    chosen = in_force.load(in_force.Selection())
    snapshot = watch.run("read", lambda: read.read(path))
    watch.run("estate", lambda: Estate(snapshot))
    context = watch.run("estate, with workloads", lambda: audit.context(snapshot, chosen, audit.Terms()))
    _analyses(snapshot, chosen, watch)
    for name, is_explained in (("judge", False), ("judge, passes explained", True)):
        evaluation = Evaluation(context, chosen, is_explained)
        found = watch.run(name, lambda evaluation=evaluation: findings(evaluation))
    only = replace(chosen, in_force=[])
    report = replace(audit.audit(snapshot, only, audit.Terms()), findings=found, rules=chosen.infos())
    for name in ("json", "csv"):
        watch.run(f"{name} report", lambda name=name: _written(name, report))
    return report


def _analyses(snapshot: Snapshot, chosen: RuleSet, watch: Stopwatch) -> None:
    """Time each analysis by itself, as part of what judging costs: of an estate of which nothing was read before."""
    contexts: list[Context] = []

    def prepare() -> None:
        contexts[:] = [audit.context(snapshot, chosen, audit.Terms())]

    for analysis in {each.name: each for each in chosen.analyses.values()}.values():
        watch.run(
            f"of it {analysis.name}", lambda analysis=analysis: sum(1 for _ in analysis.run(contexts[0])), prepare
        )


def _written(name: str, report: Report) -> int:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="")
    formats.named(name).write(report, out, formats.View(include_passed=True))
    return out.tell()


def _whole(path: Path) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory in MB of the command that judges an export and writes CSV, by itself."""
    command = [sys.executable, "-m", "auditor", "evaluate", str(path), "-o", "csv=/dev/null", "--no-progress"]
    _quietly([sys.executable, "-m", "auditor", "demo"])  # it keeps what a start would make anew
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _quietly(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def measured_apart(resources: int, workloads: int | None = None, rounds: int = ROUNDS) -> Costs:
    """Return the costs of an estate, measured in a process of its own, so that no other estate weighs on it."""
    command = [sys.executable, "-m", "benchmarks.evaluate", "--json", "--resources", str(resources)]
    command += ["--rounds", str(rounds), *([] if workloads is None else ["--workloads", str(workloads)])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
    found: Costs = json.loads(done.stdout)
    return found


def table(found: Costs) -> str:
    """Return the steps with their seconds and ratios as a Markdown table."""
    rows = [f"| {name} | {step['seconds']:.2f} | {step['ratio']:.1f} |" for name, step in found["steps"].items()]
    return "\n".join(["| step | CPU s | times parsing |", "| --- | ---: | ---: |", *rows])


def main() -> None:
    """Print what was measured."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=20_000)
    options.add_argument("--workloads", type=int, help="how many there are; without it, one for every 160 resources")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--profile", metavar="STEP", help="show where a step spends its time: read, judge, …")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    chosen = options.parse_args()
    found = costs(chosen.resources, chosen.workloads, chosen.rounds, chosen.profile)
    if chosen.json:
        print(json.dumps(found))
        return
    number = sum(found["statuses"].values())
    print(
        f"{found['resources']:,} resources of {found['bytes'] / found['resources']:,.0f} bytes, {found['rules']} rules"
    )
    print(f"{number:,} findings: {', '.join(f'{name} {many:,}' for name, many in found['statuses'].items())}\n")
    print(table(found))
    print(f"\nauditor evaluate: {found['whole'][0]:.1f} CPU s, {found['whole'][1]:,.0f} MB at the most")


if __name__ == "__main__":
    main()
