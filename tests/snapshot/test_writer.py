from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.errors import SnapshotError
from auditor.estate.navigation import derive
from auditor.inputs.read import read
from auditor.model import Gap
from auditor.snapshot import summary
from auditor.snapshot.model import ANY_TYPE, Facet, Metadata
from auditor.snapshot.writer import SnapshotWriter
from tests.checkout import ROOT
from tests.estates.accounts import GROUP, account, resource

METADATA = Metadata(origin="azure", complete=True, collected_at="2026-01-01T00:00:00Z")
NETWORK = resource("Microsoft.Network/virtualNetworks", "vnet", {"subnets": [{"name": "s", "properties": {"x": 1}}]})

CRASH = """
import os, signal, sys
from pathlib import Path
from auditor.snapshot.model import Metadata
from auditor.snapshot.writer import SnapshotWriter
from tests.estates.accounts import account
writer = SnapshotWriter(Path(sys.argv[1]), Metadata(complete=True))
for number in range(10):
    writer.add(account(f"st{number}"), source="arm")
writer.facet_all([("/", "storage", "complete", "")])
writer.add(account("lost"), source="arm")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_turned_out_to_be_gone_is_taken_back_with_what_lies_below(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "estate.sqlite", METADATA, derive)
    below = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1/providers/Microsoft.Authorization"
    role = {"id": f"{below}/roleAssignments/r", "type": "Microsoft.Authorization/roleAssignments", "properties": {}}
    for body in (account(), account("st10"), role):
        writer.add(body, source="arm")
    writer.remove(account()["id"].upper())
    writer.close(finished=True)
    assert [row.name for row in read(tmp_path / "estate.sqlite").resources] == ["st10"]


def test_a_collection_becomes_a_normalised_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "estate.sqlite"
    writer = SnapshotWriter(path, METADATA, derive)
    writer.add(json.dumps(NETWORK).encode(), source="arm", api_version="2024-01-01")
    writer.add(account(state="old"), source="arg")
    writer.add(account(), source="arm")
    writer.gap(Gap(GROUP, "a/b", "forbidden", "a/b/read"))
    writer.facet_all([(GROUP, "network", "complete", "")])
    writer.close(finished=True)
    snapshot = read(path)
    assert [(row.name, row.source, row.api_version) for row in snapshot.resources] == [
        ("vnet", "arm", "2024-01-01"),
        ("s", "arm", "2024-01-01"),
        ("st1", "arm", None),
    ]
    assert snapshot.resources[2].body == account()
    assert snapshot.metadata == METADATA
    assert snapshot.gaps == [Gap(GROUP, "a/b", "forbidden", "a/b/read")]
    assert snapshot.facets == [Facet(GROUP, "network", "complete")]
    assert summary.overview(read(path), path).relations == {"contains": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_collection_resumes_with_all_that_its_facets_promise(tmp_path: Path) -> None:
    path = tmp_path / "estate.sqlite"
    run = subprocess.run([sys.executable, "-c", CRASH, str(path)], cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not path.exists()
    interrupted = read(tmp_path / "estate.sqlite.partial")
    assert len(interrupted.resources) == 10
    assert [(gap.scope, gap.what) for gap in interrupted.gaps] == [("/", ANY_TYPE)]
    writer = SnapshotWriter.resume(path)
    assert writer.facets()["/", "storage"].state == "complete"
    writer.add(account("st10"), source="arm")
    writer.close(finished=True)
    finished = read(path)
    assert (len(finished.resources), finished.gaps) == (11, [])


def test_an_unfinished_collection_is_kept_and_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "estate.sqlite"
    writer = SnapshotWriter(path, METADATA)
    writer.add(account(), source="arm")
    writer.close(finished=False)
    with pytest.raises(SnapshotError, match="earlier collection"):
        SnapshotWriter(path, METADATA)
    assert not path.exists()


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no interrupted collection"):
        SnapshotWriter.resume(tmp_path / "estate.sqlite")
    (tmp_path / "noise.partial").write_bytes(b"noise")
    with pytest.raises(SnapshotError, match="damaged"):
        SnapshotWriter.resume(tmp_path / "noise")


def test_an_id_without_its_first_slash_is_taken(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "estate.sqlite", METADATA)
    writer.add({**account(), "id": account()["id"][1:]}, source="arm")
    writer.close(finished=True)
    assert [row.id for row in read(tmp_path / "estate.sqlite").resources] == [account()["id"]]


def test_what_is_no_resource_is_not_taken(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "estate.sqlite", METADATA)
    with pytest.raises(SnapshotError, match="no ARM resource"):
        writer.add(b'{"error": {}}', source="arm")
    writer.close(finished=False)
