"""A collection into a real snapshot file: the same findings as the estate it shows, and nothing lost to a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.collect.options import Auth, CollectOptions
from auditor.collect.run import collect
from auditor.collect.scope import CollectScope
from auditor.collect.sink import Sink
from auditor.inputs.read import read
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE, Metadata, Snapshot
from auditor.snapshot.writer import SnapshotWriter
from tests.checkout import ROOT
from tests.collect.conftest import AMPLE, QUICK
from tests.collect.test_resume import VAULTS, vaults
from tests.simulator.client import Simulator


def collected(simulator: Simulator, path: Path, *, resume: bool = False) -> Snapshot:
    def open_sink(metadata: Metadata) -> Sink:
        return SnapshotWriter.resume(path) if resume else SnapshotWriter(path, metadata)

    options = CollectOptions(Auth.MANAGED_IDENTITY, arm_endpoint=simulator.url, retry=QUICK, quotas=AMPLE)
    collect(CollectScope(), options, open_sink)
    return read(path)


def findings(estate: Path, out: Path) -> list[dict[str, Any]]:
    """Return the findings of an estate as the command reports them, without where and when they were read."""
    command = [
        sys.executable,
        "-m",
        "auditor",
        "evaluate",
        str(estate),
        "--complete",
        "--no-progress",
        "--allow-incomplete",
    ]
    command += ["--as-of", "2024-02-20T12:00:00Z", "-o", f"json={out}"]
    ended = subprocess.run(
        command, check=False, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert ended.returncode in {0, 1}, ended.stderr.decode()
    found = json.loads(out.read_bytes())["findings"]
    for finding in found:
        finding.pop("collected_at", None)
        for evidence in finding["evidence"]:
            evidence.pop("source", None)
            evidence.pop("api_version", None)
            evidence.pop("collected_at", None)
    return list(found)


def test_the_chat_estate_gives_the_findings_of_its_file(
    simulator: Simulator, chat_document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "estate.json").write_text(json.dumps(chat_document))
    simulator.serve(chat_document, page_size=5)

    snapshot = collected(simulator, tmp_path / "estate.sqlite")

    expected = findings(tmp_path / "estate.json", tmp_path / "expected.json")
    assert len(expected) > 50
    assert snapshot.gaps == []
    assert findings(tmp_path / "estate.sqlite", tmp_path / "got.json") == expected


_KILLED = """
import os, signal, sys
from pathlib import Path
from auditor.collect.options import Auth, CollectOptions
from auditor.collect.run import collect
from auditor.collect.scope import CollectScope
from auditor.snapshot.writer import SnapshotWriter

class Doomed(SnapshotWriter):
    left = int(sys.argv[3])
    def facet_all(self, facets):
        for facet in list(facets):
            super().facet_all([facet])
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

options = CollectOptions(auth=Auth.MANAGED_IDENTITY, arm_endpoint=sys.argv[1], threads=2)
collect(CollectScope(), options, lambda metadata: Doomed(Path(sys.argv[2]), metadata))
"""


@pytest.mark.parametrize("after", [1, 9, 30])
def test_a_killed_collection_is_resumed_to_the_same_snapshot(simulator: Simulator, tmp_path: Path, after: int) -> None:
    simulator.serve(vaults())
    whole = collected(simulator, tmp_path / "whole.sqlite")
    path = tmp_path / "estate.sqlite"
    command = [sys.executable, "-c", _KILLED, simulator.url, str(path), str(after)]
    ended = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ended.returncode == -9
    assert Gap("/", ANY_TYPE, "the collection did not finish") in read(path.with_name("estate.sqlite.partial")).gaps

    snapshot = collected(simulator, path, resume=True)

    def shown(of: Snapshot) -> list[Any]:
        return [row.body for row in of.resources if "eventtypes" not in row.key]

    assert shown(snapshot) == shown(whole)
    assert len([row for row in snapshot.resources if row.type_key == "microsoft.keyvault/vaults/secrets"]) == VAULTS
    assert snapshot.gaps == []
