"""Judge very many resources with the command, write CSV, and print a log of how that goes.

    python -m benchmarks.million [--resources 1000000] [--processes auto] [--rules-on-resources]

The resources are those of `benchmarks.estate` that belong to no workload, one a line. What a start of Python and the least
that reading JSON can cost (`orjson.loads` of each line, let go at once) is measured before. With `--rules-on-resources` no
other rules are in force, so that no analysis is run.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from auditor.rulebook import in_force
from auditor.rulebook.rule import OnType
from benchmarks.estate import loose

ANCHORS: Final = frozenset({"Microsoft.CognitiveServices/accounts"})
"""Each would be a workload."""
_EVERY: Final = 60
_MB: Final = 2**20


def write(path: Path, number: int) -> float:
    """Write an estate, and return the CPU seconds that reading each of its lines takes at the least."""
    floor = 0.0
    with path.open("wb") as file:
        for body in loose(number, without=ANCHORS):
            line = orjson.dumps(body)
            file.write(line + b"\n")
            start = time.process_time()
            orjson.loads(line)
            floor += time.process_time() - start
    return floor


def memory(pid: int) -> int:
    """Return how many MB a process and those that it started hold together; what they share is counted once."""
    total = 0
    for each in [pid, *_children(pid)]:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _others() -> Iterator[str]:
    """Yield what leaves out the rules that are not on resources alone."""
    for rule in in_force.load(in_force.Selection()).in_force:
        if not isinstance(rule.applies, OnType):
            yield from ("--ignore", rule.id)


def main() -> None:
    """Print what the run took, minute by minute and as a whole."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=1_000_000)
    options.add_argument("--processes", default="auto")
    options.add_argument(
        "--rules-on-resources", action="store_true", help="leave out the rules on facts and components"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        estate, report = Path(folder, "estate.jsonl"), Path(folder, "report.csv")
        floor = write(estate, chosen.resources)
        print(
            f"{chosen.resources:,} resources, {estate.stat().st_size // _MB:,} MB; parsing them takes {floor:.1f} CPU s"
        )
        judging = ["evaluate", str(estate), "--complete", "--processes", chosen.processes, "-o", f"csv={report}"]
        judging += ["--as-of", "2024-03-01T00:00:00Z", "--exit-zero", "--allow-incomplete"]
        shown = " ".join(judging).replace(folder, ".")
        print(f"auditor {shown}{', by the rules on resources alone' if chosen.rules_on_resources else ''}", flush=True)
        judging += _others() if chosen.rules_on_resources else ()
        began, peak, told = time.monotonic(), 0, 0.0
        with subprocess.Popen([sys.executable, "-m", "auditor", *judging], stdout=subprocess.DEVNULL) as running:  # noqa: S603
            while running.poll() is None:
                now = memory(running.pid)
                peak = max(peak, now)
                if time.monotonic() - began >= told:
                    print(f"{told:6.0f} s  {now:6,} MB  {_children_told(running.pid)}", flush=True)
                    told += _EVERY
                time.sleep(1)
        wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
        rows = _rows(report)
        size = report.stat().st_size // _MB
    print(f"{rows:,} rows, {size:,} MB; exit code {running.returncode}")
    print(f"{wall:.0f} s, {cpu:.0f} CPU s on {os.cpu_count()} cores, {peak:,} MB at the most")
    print(f"{cpu / floor:.0f} times parsing, {1e6 * cpu / rows:.0f} µs a finding with its row")
    sys.exit(running.returncode)


def _children_told(pid: int) -> str:
    number = 1 + len(_children(pid))
    return "1 process" if number == 1 else f"{number} processes"


def _rows(report: Path) -> int:
    """Return how many rows a CSV has: a row ends with CR LF, a line within a cell with LF."""
    with report.open("rb") as file:
        return sum(line.endswith(b"\r\n") for line in file) - 1


if __name__ == "__main__":
    main()
