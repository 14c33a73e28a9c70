"""Whatever ends a collection, the snapshot at its path is whole, and the next one is not stopped."""

from __future__ import annotations

import os
import random
import resource as limits
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from auditor.inputs.read import read
from auditor.snapshot import lock, writer
from auditor.snapshot.model import Metadata
from tests.collect.conftest import estate, resource
from tests.collect.test_resume import vaults
from tests.collect.test_scan import scan, signed_in
from tests.e2e.command import Ended, command, environment, in_process, is_one_line
from tests.simulator.client import Simulator

KILLS = 50


def _collect(simulator: Simulator, at: Path, *more: str) -> Ended:
    return in_process("collect", "-q", *more, at=at, env=signed_in(simulator))


def _names(path: Path) -> list[str]:
    """Return the vaults and secrets in a snapshot, by name."""
    return [row.name for row in read(path).resources if row.type_key.startswith("microsoft.keyvault/")]


def _left(path: Path, **more: Any) -> Path:
    """Leave an interrupted collection into a path."""
    begun = writer.SnapshotWriter(path, Metadata(origin="azure", complete=True, **more))
    begun.add(resource("Microsoft.KeyVault/vaults/stale"), source="arm")
    begun.close(finished=False)
    return writer.partial_of(path)


def _in_a_fork(simulator: Simulator, at: Path, *arguments: str, killed_after: float | None = None) -> int:
    """Collect in a copy of this process, which may be killed, and return the code that it ended with."""
    child = os.fork()
    if not child:
        os._exit(_collect(simulator, at, *arguments).code)
    if killed_after is not None:
        time.sleep(killed_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_fifty_kills_at_random_points_cost_no_snapshot_and_stop_no_later_collection(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.serve(vaults())
    path = tmp_path / "estate.snapshot"
    began = time.monotonic()
    assert _in_a_fork(simulator, tmp_path, "-o", str(path)) == 0
    takes = time.monotonic() - began
    whole, names = path.read_bytes(), _names(path)
    moments = random.Random(42)  # noqa: S311 - the same moments in each run
    ways = {"resumed": 0, "anew": 0}

    for _ in range(KILLS):
        way = ("--resume", str(path)) if writer.partial_of(path).exists() and moments.random() < 0.5 else ()
        ways["resumed" if way else "anew"] += 1
        _in_a_fork(
            simulator, tmp_path, *(way or ("-o", str(path), "--force")), killed_after=moments.uniform(0, takes * 1.2)
        )
        if path.read_bytes() != whole:
            assert _names(path) == names
            whole = path.read_bytes()

    assert min(ways.values()) > 3
    assert _in_a_fork(simulator, tmp_path, "-o", str(path), "--force") == 0
    assert _names(path) == names
    assert [left.name for left in tmp_path.iterdir()] == ["estate.snapshot"]


def test_two_cannot_collect_into_one_path(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(vaults())
    path = tmp_path / "estate.snapshot"
    with lock.collecting(path):
        for way in (["collect", "-q", "-o"], ["collect", "-q", "--force", "-o"], ["scan", "-q", "--snapshot"]):
            ended = in_process(*way, path, at=tmp_path, env=signed_in(simulator))
            assert (ended.code, ended.out, is_one_line(ended.err)) == (2, "", True)
            assert f"{path} is being collected by process {os.getpid()} on " in ended.err
    assert simulator.requests() == []
    assert _collect(simulator, tmp_path, "-o", str(path)).code == 0
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_a_snapshot_is_not_replaced_unasked(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(vaults())
    path = tmp_path / "estate.snapshot"
    assert _collect(simulator, tmp_path, "-o", str(path)).code == 0
    before = path.read_bytes()
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/new")))

    refused = _collect(simulator, tmp_path, "-o", str(path))

    assert (refused.code, is_one_line(refused.err), path.read_bytes() == before) == (2, True, True)
    assert "is there already (choose another path, or replace it with --force" in refused.err
    assert simulator.requests() == []
    assert _collect(simulator, tmp_path, "-o", str(path), "--force").code == 0
    assert _names(path) == ["new"]


def test_what_an_interrupted_collection_left_is_named_with_what_to_do(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/new")))
    path = tmp_path / "estate.snapshot"
    partial = _left(path)

    refused = _collect(simulator, tmp_path, "-o", str(path))

    assert (refused.code, is_one_line(refused.err), partial.exists()) == (2, True, True)
    assert f"go on with: auditor collect --resume {path}, or --force starts anew" in refused.err
    assert _collect(simulator, tmp_path, "-o", str(path), "--force").code == 0
    assert _names(path) == ["new"]


def test_a_killed_scan_stops_no_later_one_and_can_be_gone_on_with(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/new")))
    path = tmp_path / "estate.snapshot"
    _left(path)
    told = in_process("scan", "-o", "csv", "--snapshot", path, at=tmp_path, env=signed_in(simulator))
    assert told.code in {1, 2}
    assert f"note: {path}.partial was left by an interrupted collection and is replaced\n" in told.err
    assert (_names(path), told.out[:14]) == (["new"], "schema_version")

    _left(path, scope={})
    assert scan(simulator, tmp_path, "--resume", str(path)).findings
    assert set(_names(path)) == {"new", "stale"} - {"stale"}
    assert [left.name for left in tmp_path.iterdir()] == [path.name]
    both = scan(simulator, tmp_path, "--resume", str(path), "--snapshot", str(path))
    assert (both.code, is_one_line(both.err)) == (2, True)


@pytest.mark.parametrize("kept", [True, False])
def test_a_scan_that_is_told_to_end_says_how_to_go_on(*, kept: bool, simulator: Simulator, tmp_path: Path) -> None:
    held = {"match": "/vaults/kv03/secrets\\?", "status": 429, "headers": {"Retry-After": "100"}}
    simulator.serve(vaults(), faults=[held])
    path = tmp_path / "my estate.snapshot"
    (tmp_path / "tmp").mkdir()
    way = ["--snapshot", path] if kept else []
    process = subprocess.Popen(
        command("scan", "-q", *way),
        cwd=tmp_path,
        env=environment(tmp_path, signed_in(simulator, TMPDIR=str(tmp_path / "tmp"))),
        stderr=subprocess.PIPE,
    )
    give_up = time.monotonic() + 60
    while not any("/vaults/kv03/secrets" in line for line in simulator.paths()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=30)[1].decode()

    assert (process.returncode, is_one_line(err)) == (130, True), err
    assert not list((tmp_path / "tmp").iterdir())
    if kept:
        assert f"which are kept (go on with: auditor scan --resume '{path}')" in err
        assert _names(writer.partial_of(path))
        assert not path.exists()
    else:
        assert "nothing is kept (with --snapshot FILE it can be)" in err
        assert [left.name for left in tmp_path.iterdir()] == ["tmp"]


def test_a_full_disk_is_one_line_and_costs_no_snapshot(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(vaults())
    path = tmp_path / "estate.snapshot"
    assert _collect(simulator, tmp_path, "-o", str(path)).code == 0
    before, most = path.read_bytes(), limits.getrlimit(limits.RLIMIT_FSIZE)
    for size in (0, 1 << 10, 40 << 10, 120 << 10, 200 << 10):
        limits.setrlimit(limits.RLIMIT_FSIZE, (size, most[1]))
        try:
            ended = _collect(simulator, tmp_path, "-o", str(path), "--force")
        finally:
            limits.setrlimit(limits.RLIMIT_FSIZE, most)
        if ended.code == 0:
            break
        assert (ended.code, is_one_line(ended.err)) == (2, True), ended.err
        assert "cannot be written" in ended.err
        assert path.read_bytes() == before
        assert not list(tmp_path.glob(".*"))
    assert size > 1 << 10
    assert _collect(simulator, tmp_path, "-o", str(path), "--force").code == 0
