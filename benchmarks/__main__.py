"""Measure everything and write the page that tells it.

    python -m benchmarks [--sizes 5000,20000] [--with groups,network,access,formats,diff,second] [--page docs/performance.md]

Each estate is measured in a process of its own. What other benchmarks of this folder print is taken over as it is, those
of `--with` and no others: `groups`, `network`, `access`, `formats`, `diff` and `second` take minutes, `memory` a quarter of
an hour, `collect` a stand-in for Azure besides, `million` half an hour and thirty gigabytes of disk.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import evaluate, start
from benchmarks.evaluate import Costs

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
OTHERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "groups": ("Security groups of which no two are alike", ()),
    "network": ("Questions about networks", ("--quick",)),
    "access": ("Questions about access", ()),
    "formats": ("Writing very many findings", ()),
    "diff": ("Comparing two states", ()),
    "second": ("A second run after one change", ()),
    "memory": ("Memory", ()),
    "million": ("A million resources", ()),
    "collect": ("Collecting", ()),
}
_HEAD: Final = """# Performance

What judging costs, how that grows with an estate, and what a start costs.
This page is written by `python -m benchmarks`; `.ci/run` compares its ratios, on smaller estates, with those in
`benchmarks/recorded.json` (`python -m benchmarks.regression`), and fails where one is half as high again.
"""
_METHOD: Final = """## How it is measured

The estates are synthetic (`benchmarks/estate.py`), about 3 KB a resource.
One resource in 160 is the gateway of a workload: a copy of the sample estate with names, host names, addresses and
identities of its own, in which tags, some security rules and roles of groups differ from copy to copy.
Twenty-five workloads share a hub, whose network is peered with theirs and holds forty private endpoints.
The rest are loose resources of the common types, of whose values one in ten is not as it should be.

A ratio is to `orjson.loads` of each resource, one by one, each let go at once: the least that reading JSON can cost in
Python. This floor is measured before and after each round of each step, so that a busy machine weighs on both alike.
Seconds are CPU seconds of one process, and say little on another machine; a ratio says the same on most.

`judge` is what the table needs, which lists no passes; the CSV and JSON reports list them, and so need `judge, passes
explained`. The steps `of it …` are the analyses, each by itself, on an estate of which nothing was read before; what rules
and roles were decided about in an earlier round is remembered. Judging runs them all, reads once what several of them
need, and asks their rules.
"""


def page(sizes: Sequence[int], others: Sequence[str]) -> str:
    """Measure, and return the page."""
    found = [evaluate.measured_apart(size, rounds=1) for size in sizes]
    return "\n".join(
        [_HEAD, *_about(found), "", *_growth(found), "", *_start(), "", *_others(others), _METHOD.rstrip(), ""]
    )


def _about(found: Sequence[Costs]) -> Iterator[str]:
    when, python = time.strftime("%Y-%m-%d", time.gmtime()), platform.python_version()
    yield f"Measured on {when} at commit {_commit()}, with Python {python}, on {os.cpu_count()} cores with a load of"
    yield f"{os.getloadavg()[2]:.1f} in the quarter of an hour before. All rules of the default baseline are in force."
    yield ""
    yield "## What judging costs"
    for costs in found:
        number = sum(costs["statuses"].values())
        told = ", ".join(f"{status.replace('_', ' ')} {many:,}" for status, many in costs["statuses"].items())
        yield ""
        yield f"### {costs['resources']:,} resources"
        yield ""
        yield f"{costs['rules']} rules, {number:,} findings ({told})."
        yield ""
        yield evaluate.table(costs)
        yield ""
        seconds, memory = costs["whole"]
        yield f"`auditor evaluate` with a CSV report, as a process of its own: {seconds:.1f} CPU s, {memory:,.0f} MB at the most."


def _commit() -> str:
    """Return the commit, and whether the tree differs from it."""
    told = [
        subprocess.run(["git", *command], cwd=PAGE.parent, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607
        for command in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", "../auditor", "../rules"))
    ]
    return f"{told[0]} with changes" if told[1] else told[0]


def _growth(found: Sequence[Costs]) -> Iterator[str]:
    """Yield what each step costs a resource: it stays the same where the cost is linear."""
    yield "## How it grows"
    yield ""
    yield "Ratios to parsing, and megabytes for a thousand resources; what grows with its input and no faster keeps its ratio."
    yield ""
    yield "| step | " + " | ".join(f"{costs['resources']:,}" for costs in found) + " |"
    yield "| --- |" + " ---: |" * len(found)
    for step in found[0]["steps"]:
        yield f"| {step} | " + " | ".join(f"{costs['steps'][step]['ratio']:.1f}" for costs in found) + " |"
    yield (
        "| peak memory | "
        + " | ".join(f"{1000 * costs['whole'][1] / costs['resources']:.0f} MB" for costs in found)
        + " |"
    )


def _start() -> Iterator[str]:
    yield "## What a start costs"
    yield ""
    yield "A process of its own with its bytecode made before, which includes the tool's own rules as they were read last."
    yield ""
    yield start.table(start.starts())


def _others(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        title, arguments = OTHERS[name]
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            sys.exit(
                f"{' '.join(command)} ended with {done.returncode}: nothing is written\n{done.stdout}{done.stderr}"
            )
        yield from (f"## {title}", "", f"`{' '.join(('python', *command[1:]))}`:", "", "```text")
        yield from (done.stdout.rstrip(), "```", "")


def main() -> None:
    """Write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", default="5000,20000", help="how many resources the estates have")
    options.add_argument(
        "--with",
        dest="others",
        default="groups,network,access,formats,diff,second",
        help="which other benchmarks to run",
    )
    options.add_argument("--page", type=Path, default=PAGE, help="the file that is written")
    chosen = options.parse_args()
    names = [name for name in chosen.others.split(",") if name]
    if unknown := [name for name in names if name not in OTHERS]:
        options.error(f"there is no benchmark {unknown[0]}; known: {', '.join(OTHERS)}")
    chosen.page.write_text(page([int(size) for size in chosen.sizes.split(",")], names), encoding="utf-8")
    print(f"{chosen.page} is written")


if __name__ == "__main__":
    main()
