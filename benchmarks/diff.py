"""Measure what comparing two states costs, as a multiple of what judging one of them costs in the same run.

    python -m benchmarks.diff [--resources 20000] [--changes 50] [--rounds 1] [--profile]

The estate is that of `benchmarks.evaluate`. In the new state some security rules, routes, role assignments and properties
of it are other ones. Both commands are run anew each time; what counts is the CPU that they take.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from auditor import audit
from auditor.rulebook import in_force
from benchmarks.estate import document

_OUTPUT: Final = ("-o", "table=/dev/null")
MOST: Final = 2.0
"""How many times as much as judging one state comparing two may cost."""


def changed(text: bytes, number: int) -> bytes:
    """Return an estate with so many changes of each kind; always the same for the same estate."""
    estate = orjson.loads(text)
    chance = random.Random(number)  # noqa: S311 - synthetic data
    kinds: dict[str, list[dict[str, Any]]] = {"rules": [], "assignments": [], "routes": [], "others": []}
    for body in estate["resources"]:
        for kind, part in _parts(body):
            kinds[kind].append(part)
    for rule in chance.sample(kinds["rules"], min(number, len(kinds["rules"]))):
        rule["destinationPortRange"] = chance.choice(["*", "22", "8443"])
    for route in chance.sample(kinds["routes"], min(number, len(kinds["routes"]))):
        route["nextHopType"] = "Internet"
    roles = sorted({each["roleDefinitionId"] for each in kinds["assignments"]})
    for assignment in chance.sample(kinds["assignments"], min(number, len(kinds["assignments"]))):
        assignment["roleDefinitionId"] = chance.choice(roles)
    for properties in chance.sample(kinds["others"], min(number, len(kinds["others"]))):
        properties["publicNetworkAccess"] = "Enabled"
    return orjson.dumps(estate)


def _parts(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    properties, name = body.get("properties", {}), str(body["type"]).lower()
    if name == "microsoft.network/networksecuritygroups":
        yield from (("rules", each["properties"]) for each in properties.get("securityRules", ()))
    elif name == "microsoft.network/routetables":
        yield from (("routes", each["properties"]) for each in properties.get("routes", ()))
    elif name == "microsoft.authorization/roleassignments":
        yield "assignments", properties
    elif "publicNetworkAccess" in properties:
        yield "others", properties


def cpu_of(*arguments: str | Path) -> float:
    """Return the CPU seconds of a command."""
    command = [sys.executable, "-m", "auditor", *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
    if ended.returncode not in {0, 1, 2} or b"bug in auditor" in ended.stderr:
        sys.exit(ended.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the CPU of both commands, and how many times one is the other; exit 1 where that is too much."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=20_000)
    options.add_argument("--changes", type=int, default=50)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--profile", action="store_true", help="show where comparing spends its time")
    chosen = options.parse_args()
    text = document(chosen.resources)
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old.json"), Path(folder, "new.json")
        old.write_bytes(text)
        new.write_bytes(changed(text, chosen.changes))
        if chosen.profile:
            profile, rules = cProfile.Profile(), in_force.load(in_force.Selection())
            profile.runcall(audit.drift, str(old), str(new), rules, audit.Terms())
            pstats.Stats(profile).sort_stats("cumtime").print_stats(60)
            return
        judging = min(cpu_of("evaluate", new, *_OUTPUT) for _ in range(chosen.rounds))
        comparing = min(cpu_of("diff", old, new, *_OUTPUT) for _ in range(chosen.rounds))
    print(f"{chosen.resources:,} resources, {chosen.changes} changes of each of four kinds")
    print(f"evaluate: {judging:.1f} CPU s; diff: {comparing:.1f} CPU s, {comparing / judging:.2f} times as much")
    sys.exit(comparing / judging > MOST)


if __name__ == "__main__":
    main()
