"""Collect 100 subscriptions with 50,000 resources from the stand-in, with Azure's quotas enforced.

Run from the root of the source tree: `python -m benchmarks.collect [SUBSCRIPTIONS RESOURCES THREADS LATENCY]`; 0 threads
are as many as the command takes.
The stand-in runs in a process of its own; time and memory are those of the collecting process.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from auditor.collect.options import Auth, CollectOptions
from auditor.collect.progress import Progress
from auditor.collect.run import collect
from auditor.collect.scope import CollectScope
from auditor.snapshot.writer import SnapshotWriter
from tests.simulator.client import Simulator

_QUERIES_A_SECOND: Final = 3.0
_AT_ONCE, _A_SECOND = 250, 25
_DEFAULTS: Final[tuple[float, ...]] = (100, 50_000, 0, 0.1)


def estate(subscriptions: int, resources: int) -> dict[str, Any]:
    """Return an estate of network resources, with a fifth of services whose settings are read one by one."""
    found: dict[str, Any] = {"subscriptions": [], "resources": []}
    for number in range(subscriptions):
        subscription = f"00000000-0000-0000-0000-{number:012d}"
        found["subscriptions"].append({"subscriptionId": subscription, "displayName": f"sub-{number}"})
        for index in range(resources // subscriptions):
            found["resources"] += _resource(subscription, index)
    return found


def _resource(subscription: str, index: int) -> list[dict[str, Any]]:
    """Of 100 resources 17 are security groups (one call each), 3 are vaults (three calls) and 80 need no call."""
    place = index % 100
    kinds = ("Network/routeTables", "Compute/disks", "Network/networkInterfaces", "Compute/availabilitySets")
    name = f"Microsoft.{kinds[index % 4]}"
    if place < 20:
        name = "Microsoft.KeyVault/vaults" if place < 3 else "Microsoft.Network/networkSecurityGroups"
    own = f"/subscriptions/{subscription}/resourceGroups/rg-{index % 3}/providers/{name}/r{index}"
    rules = [{"name": f"rule-{number}", "properties": {"priority": number, "access": "Deny"}} for number in range(12)]
    body = {"id": own, "name": f"r{index}", "type": name, "location": "eastus2", "properties": {"items": rules}}
    if not name.endswith("vaults"):
        return [body]
    secret = {"id": f"{own}/secrets/s", "name": "s", "type": f"{name}/secrets", "properties": {"attributes": {}}}
    return [body, secret]


def main() -> None:
    """Serve the estate, collect it in a process of its own, check that nothing is missing, and print the numbers."""
    if sys.argv[1:2] == ["--collect"]:
        _collect(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    given = [float(text) for text in sys.argv[1:]]
    subscriptions, resources, threads, latency = (*given, *_DEFAULTS[len(given) :])
    served = estate(int(subscriptions), int(resources))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "estate.sqlite"
        simulator = Simulator(Path(folder) / "requests.jsonl")
        try:
            simulator.serve(served, quota_scale=1.0, latency=latency, page_size=1000)
            identity = {"IDENTITY_ENDPOINT": f"{simulator.url}/msi/token", "IDENTITY_HEADER": "simulated"}
            command = [
                sys.executable,
                "-m",
                "benchmarks.collect",
                "--collect",
                simulator.url,
                str(path),
                str(int(threads)),
            ]
            ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **identity})  # noqa: S603
            expected = {body["id"].lower() for body in served["resources"]}
            _print(json.loads(ended.stdout), _floor(simulator), _missing(path, expected))
        finally:
            simulator.stop()


def _collect(url: str, path: Path, threads: int) -> None:
    options = CollectOptions(auth=Auth.MANAGED_IDENTITY, arm_endpoint=url, threads=threads or None, quota_share=1.0)
    began, spent = time.monotonic(), time.process_time()
    summary = collect(CollectScope(), options, lambda metadata: _Timed(path, metadata), _tell)
    numbers = {
        "resources": summary.resources,
        "gaps": len(summary.gaps),
        "calls": summary.attempts,
        "retries": summary.retries,
        "throttled": summary.throttled,
        "seconds": _Timed.collected - began,
        "seconds_to_file": time.monotonic() - began,
        "cpu": time.process_time() - spent,
        "waited": summary.waited,
        "memory_collecting": _Timed.memory,
        "memory": _peak(),
    }
    sys.stdout.write(json.dumps(numbers))


class _Timed(SnapshotWriter):
    """Notes when the collection has ended and the finishing of the file begins."""

    collected = 0.0
    memory = 0.0

    def close(self, *, finished: bool, **rest: Any) -> None:
        """Note time and memory, then close."""
        _Timed.collected, _Timed.memory = time.monotonic(), _peak()
        super().close(finished=finished, **rest)


def _peak() -> float:
    """Return the most memory that this process has had, in MB; `ru_maxrss` would count what its parent had, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def _floor(simulator: Simulator) -> tuple[int, int, float]:
    """Return queries, the most reads of one subscription, and the seconds that the quotas cost at least."""
    paths = [one["path"].partition("?")[0] for one in simulator.requests()]
    queries = sum(path.endswith("/Microsoft.ResourceGraph/resources") for path in paths)
    reads = Counter(path.split("/")[2] for path in paths if path.startswith("/subscriptions/"))
    most = max(reads.values())
    return queries, most, max(queries / _QUERIES_A_SECOND, (most - _AT_ONCE) / _A_SECOND)


def _missing(path: Path, expected: set[str]) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return len(expected - {row[0] for row in connection.execute("SELECT id_lc FROM resource")})


def _print(numbers: dict[str, Any], floor: tuple[int, int, float], missing: int) -> None:
    queries, most, seconds = floor
    sys.stdout.write(
        f"resources {numbers['resources']}, missing {missing}, gaps {numbers['gaps']}\n"
        f"calls {numbers['calls']}, queries {queries}, most reads of a subscription {most}, "
        f"retries {numbers['retries']}, throttled {numbers['throttled']}\n"
        f"seconds {numbers['seconds']:.1f}, floor by quota {seconds:.1f}, ratio {numbers['seconds'] / seconds:.2f}, "
        f"with the file {numbers['seconds_to_file']:.1f}, cpu {numbers['cpu']:.1f}\n"
        f"peak memory {numbers['memory_collecting']:.0f} MB collecting, {numbers['memory']:.0f} MB with the file\n"
    )


def _tell(progress: Progress) -> None:
    line = f"{progress.phase:24} {progress.resources:7} {progress.calls:7} calls {progress.waiting_for}"
    sys.stderr.write(f"\r{line:100}")


if __name__ == "__main__":
    main()
