"""Compare what steps cost, as ratios, and how that grows with the estate, with what was recorded.

    python -m benchmarks.regression [--record]

A machine's speed and what else it does weigh on a step and on the floor beside it alike, so that only ratios are
compared: each step's to parsing the same rows, that of a larger estate to that of a smaller one, a start's to a start of
Python. One that is half as high again as recorded fails; what fails is measured once more, and counts at its best.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.evaluate import Costs, measured_apart
from benchmarks.start import starts

RECORDED: Final = Path(__file__).with_name("recorded.json")
SMALL, LARGE = 1_000, 4_000
TOLERATED: Final = 1.5
_COUNTS: Final = 0.05
"""Steps of fewer CPU seconds on the larger estate are too short to be compared."""


def ratios() -> dict[str, float]:
    """Return what is compared, by name."""
    small, large = measured_apart(SMALL, rounds=1), measured_apart(LARGE, rounds=1)
    found = {f"start: {name}": ratio for name, (_, _, ratio) in starts(3).items()}
    for step, cost in large["steps"].items():
        if cost["seconds"] >= _COUNTS:
            found[f"cost: {step}"] = cost["ratio"]
            found[f"growth: {step}"] = cost["ratio"] / small["steps"][step]["ratio"]
    found["growth: memory"] = _memory_each(large) / _memory_each(small)
    return {name: round(ratio, 2) for name, ratio in found.items()}


def _memory_each(costs: Costs) -> float:
    return costs["whole"][1] / costs["resources"]


def worse(found: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """Return, in words, what is half as high again as recorded; what was not recorded cannot be.

    What grew less than its estate may grow with it: in a small one, what is done once for all weighs more.
    """
    limits = {name: max(ratio, 1.0) if name.startswith("growth") else ratio for name, ratio in recorded.items()}
    return [
        f"{name}: {ratio}, recorded {recorded[name]}"
        for name, ratio in found.items()
        if name in limits and ratio > TOLERATED * limits[name]
    ]


def main() -> None:
    """Compare, or record; exit with 1 where something is worse."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--record", action="store_true", help="write down what is measured now, to compare with later")
    chosen = options.parse_args()
    found = ratios()
    if chosen.record:
        RECORDED.write_text(json.dumps(found, indent=2) + "\n")
        print(f"{len(found)} ratios recorded in {RECORDED.name}")
        return
    recorded: dict[str, float] = json.loads(RECORDED.read_text())
    if worse(found, recorded):
        again = ratios()
        found = {name: min(ratio, again.get(name, ratio)) for name, ratio in found.items()}
    for name, ratio in found.items():
        print(f"{name}: {ratio} (recorded {recorded.get(name, 'nothing')})")
    if problems := worse(found, recorded):
        print("\nslower than recorded:", *problems, sep="\n  ")
        print("where that is meant: python -m benchmarks.regression --record")
        sys.exit(1)


if __name__ == "__main__":
    main()
