"""Measure what a command costs as a process of its own, as a multiple of a start of Python with some of its library.

python -m benchmarks.start
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Final

from auditor import shipped

FLOOR: Final = (
    "-c",
    "import asyncio, email.mime.text, http.client, json, sqlite3, typing, unittest.mock, xml.dom.minidom",
)
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "auditor --help": ("-m", "auditor", "--help"),
    "auditor demo": ("-m", "auditor", "demo"),
    "auditor evaluate, a landing zone": (
        *("-m", "auditor", "evaluate", str(shipped.folder("samples") / "landing-zone.json"), "--complete"),
    ),
}  # fmt: skip
TIMES: Final = 7


def starts(times: int = TIMES) -> dict[str, tuple[float, float, float]]:
    """Return of each command the wall and CPU seconds, and the ratio of the latter to the floor, each the median.

    Bytecode, and what the tool keeps beside it, is made before; the floor is measured anew before each command.
    """
    found: dict[str, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as kept:
        for name, command in COMMANDS.items():
            for each in (FLOOR, command):
                _run(each, kept)
            rounds = [(_run(FLOOR, kept), _run(command, kept)) for _ in range(times)]
            found[name] = (
                statistics.median(own[0] for _, own in rounds),
                statistics.median(own[1] for _, own in rounds),
                statistics.median(own[1] / floor[1] for floor, own in rounds),
            )
    return found


def _run(command: tuple[str, ...], kept: str) -> tuple[float, float]:
    """Return the wall and the CPU seconds of a process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(  # noqa: S603
        [sys.executable, *command],
        env={**environment, "PYTHONPYCACHEPREFIX": kept},
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(found: dict[str, tuple[float, float, float]]) -> str:
    """Return the commands as a Markdown table."""
    rows = [f"| `{name}` | {wall:.2f} | {cpu:.2f} | {ratio:.1f} |" for name, (wall, cpu, ratio) in found.items()]
    return "\n".join(["| command | wall s | CPU s | times a start of Python |", "| --- | ---: | ---: | ---: |", *rows])


if __name__ == "__main__":
    print(table(starts()))
