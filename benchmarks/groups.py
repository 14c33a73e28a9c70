"""Judge an estate in which no two security groups are alike, beside the same one, whose groups mostly are.

    python -m benchmarks.groups [--resources 5000]

What is asked of groups that are alike is answered once, so that an estate made of copies shows little of what an answer
costs. Here each group has three to twenty more rules, of addresses and ports of its own.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any, Final

import orjson

from auditor import audit
from auditor.engine.evaluate import Evaluation
from auditor.engine.partwise import findings
from auditor.inputs import read
from auditor.rulebook import in_force
from benchmarks import estate
from benchmarks.evaluate import Stopwatch

_GROUP: Final = "Microsoft.Network/networkSecurityGroups"
_NETWORK: Final = "network"
_JUDGE: Final = "judge, passes explained"
_SMALL: Final = 320  # two workloads

Body = dict[str, Any]


def differing(document: Body) -> Body:
    """Return an export in which each group has rules that no other has."""
    chance = random.Random(1)  # noqa: S311 - synthetic data, the same in each run
    for body in document["resources"]:
        if body["type"] == _GROUP:
            more = [_rule(chance, place) for place in range(chance.randint(3, 20))]
            body["properties"]["securityRules"] = [*body["properties"]["securityRules"], *more]
    return document


def _rule(chance: random.Random, place: int) -> Body:
    port = chance.randint(1, 65_000)
    properties = {
        "access": chance.choice(("Allow", "Deny", "Deny")),
        "direction": chance.choice(("Inbound", "Outbound")),
        "priority": 1_000 + 7 * place,
        "protocol": chance.choice(("Tcp", "Udp", "*")),
        "sourceAddressPrefix": _prefix(chance),
        "sourcePortRange": "*",
        "destinationAddressPrefix": _prefix(chance),
        "destinationPortRange": chance.choice(("*", str(port), f"{port}-{port + chance.randint(1, 500)}", "22", "443")),
    }
    return {"name": f"own-{place}", "properties": properties}


def _prefix(chance: random.Random) -> str:
    low, high = chance.randrange(256), chance.randrange(256)
    return chance.choice(
        ("*", "Internet", "VirtualNetwork", "AzureLoadBalancer", f"10.{low}.{high}.0/24", f"203.0.{low}.{high}/32")
    )


def _measured(document: Body) -> Stopwatch:
    watch = Stopwatch([orjson.dumps(body) for body in document["resources"]], rounds=1)
    chosen = in_force.load(in_force.Selection())
    analysis = next(each for each in chosen.analyses.values() if each.name == _NETWORK)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estate.json")
        path.write_bytes(orjson.dumps(document))
        snapshot = read.read(path)
    alone = audit.context(snapshot, chosen, audit.Terms())
    watch.run(_NETWORK, lambda: sum(1 for _ in analysis.run(alone)))
    context = audit.context(snapshot, chosen, audit.Terms())
    watch.run(_JUDGE, lambda: findings(Evaluation(context, chosen)))
    return watch


def main() -> None:
    """Print what both cost."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=5_000)
    size = options.parse_args().resources
    document = orjson.loads(estate.document(size))
    groups = sum(body["type"] == _GROUP for body in document["resources"])
    print(f"{size:,} resources, {groups:,} security groups")
    _measured(orjson.loads(estate.document(_SMALL)))  # what is made once a process is made by now
    for title, change in (("mostly alike", lambda same: same), ("no two alike", differing)):
        steps = _measured(change(document)).steps
        for name, step in steps.items():
            share = f", {1000 * step['seconds'] / groups:.1f} ms a group" if name == _NETWORK else ""
            print(f"{title}: {name} {step['seconds']:.2f} CPU s, {step['ratio']:.1f} times parsing{share}")


if __name__ == "__main__":
    main()
