"""Measure how much memory judging takes at the most, and how much processor time, for each report and number of processes.

    python -m benchmarks.memory [--resources 60000] [--workloads 500] [--reports csv,json] [--processes 1,2]

What several processes share is counted once. The estate is that of `benchmarks.estate`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import estate
from benchmarks.million import memory

_EVERY: Final = 0.2


def measured(export: Path, report: str, processes: str) -> tuple[float, float, int]:
    """Return the seconds, CPU seconds and peak memory in MB of the command, with all processes that it starts."""
    judging = ["evaluate", str(export), "--no-progress", "--exit-zero", "--processes", processes]
    command = [sys.executable, "-m", "auditor", *judging, "-o", f"{report}=/dev/null"]
    before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:  # noqa: S603
        while running.poll() is None:
            peak = max(peak, memory(running.pid))
            time.sleep(_EVERY)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu, peak


def main() -> None:
    """Print what was measured."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=60_000)
    options.add_argument("--workloads", type=int, default=500)
    options.add_argument("--reports", default="csv,json", help="which reports are written, each by a run of its own")
    options.add_argument("--processes", default="1,2", help="in how many processes it is judged and written")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder, "estate.json")
        export.write_bytes(estate.document(chosen.resources, chosen.workloads))
        size = export.stat().st_size / 1e6
        print(f"{chosen.resources:,} resources in {chosen.workloads:,} workloads, {size:,.0f} MB")
        for report in chosen.reports.split(","):
            for processes in chosen.processes.split(","):
                wall, cpu, peak = measured(export, report, processes)
                shown = "1 process" if processes == "1" else f"{processes} processes"
                print(f"{report:8} {shown:12} {wall:6.0f} s {cpu:6.0f} CPU s {peak:6,} MB at the most", flush=True)


if __name__ == "__main__":
    main()
