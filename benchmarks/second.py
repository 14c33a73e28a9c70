"""Measure what a second run costs after one change, as a part of what a run costs that keeps nothing.

    python -m benchmarks.second [--resources 20000]

The estate is that of `benchmarks.evaluate`. Each command is a process of its own that judges it whole and writes a CSV
report; what counts is the CPU that it takes, start, reading and writing included.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.diff import cpu_of
from benchmarks.estate import document

Body = dict[str, Any]


def _loose(resources: list[Body]) -> Body:
    """Return a storage account of no workload."""
    return [each for each in resources if each["type"] == "Microsoft.Storage/storageAccounts"][-1]


def _nothing(_: list[Body]) -> None:
    """Change nothing."""


def _property(resources: list[Body]) -> None:
    properties = _loose(resources)["properties"]
    properties["minimumTlsVersion"] = "TLS1_1"


def _access(resources: list[Body]) -> None:
    properties = _loose(resources)["properties"]
    properties["publicNetworkAccess"] = "Disabled" if properties.get("publicNetworkAccess") == "Enabled" else "Enabled"


def _rule(resources: list[Body]) -> None:
    groups = [each for each in resources if each["type"].lower() == "microsoft.network/networksecuritygroups"]
    rules = next(each["properties"]["securityRules"] for each in groups if each["properties"].get("securityRules"))
    rules[0]["properties"]["destinationPortRange"] = "8443"


def _assignment(resources: list[Body]) -> None:
    listed = [each for each in resources if each["type"].lower() == "microsoft.authorization/roleassignments"]
    listed[0]["properties"]["roleDefinitionId"] = listed[-1]["properties"]["roleDefinitionId"]


def _resource(resources: list[Body]) -> None:
    added = copy.deepcopy(_loose(resources))
    resources.append({**added, "id": f"{added['id']}2", "name": f"{added['name']}2"})


CHANGES: Final[Mapping[str, Callable[[list[Body]], None]]] = {
    "nothing": _nothing,
    "a storage account's oldest version of TLS": _property,
    "whether a storage account is open": _access,
    "a security rule": _rule,
    "a role assignment": _assignment,
    "a storage account more": _resource,
}


def measured(size: int) -> Mapping[str, float]:
    """Return the CPU seconds of a run that keeps nothing, of one that keeps all, and of one after each change."""
    text, found = document(size, None), {}
    with tempfile.TemporaryDirectory() as folder:
        given, kept, answers = (Path(folder, name) for name in ("estate.json", "kept", "answers"))

        def cpu(content: bytes, *more: str | Path) -> float:
            given.write_bytes(content)
            terms = ("--as-of", "2024-03-01", "--processes", "1", "--no-progress", "-o", "csv=/dev/null")
            return cpu_of("evaluate", given, *terms, *more)

        cpu(document(1_000, None))  # which keeps what a start would make anew
        found["without answers"] = cpu(text)
        found["the first with answers"] = cpu(text, "--answers", kept)
        for name, change in CHANGES.items():
            estate = orjson.loads(text)
            change(estate["resources"])
            shutil.copy(kept, answers)
            found[f"after a change: {name}"] = cpu(orjson.dumps(estate), "--answers", answers)
    return found


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resources", type=int, default=20_000)
    chosen = options.parse_args()
    found = measured(chosen.resources)
    whole = found["without answers"]
    print(f"{chosen.resources:,} resources")
    for name, seconds in found.items():
        print(f"{name:<60}{seconds:6.1f} CPU s {seconds / whole:6.2f}")


if __name__ == "__main__":
    main()
