from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import SnapshotError
from auditor.inputs.read import read
from auditor.model import Gap, Relation, Resource
from auditor.snapshot import file, summary
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Facet, Metadata, Snapshot
from tests.conftest import ReadDocument
from tests.estates.accounts import GROUP, account, child, resource

SNAPSHOT = assemble(
    [Resource.of(account(f"st{number}"), source="arm", api_version="2023-01-01") for number in range(5)],
    [Gap(GROUP, "a/b", "forbidden", "a/b/read"), Gap("/", "c/d", "failed")],
    Metadata(complete=True, collected_at="2026-01-01T00:00:00Z", scope={"subscriptions": ["a"]}),
    [Facet(GROUP, "diagnostics", "partial", "403")],
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "estate.sqlite"
    file.write(SNAPSHOT, path, [Relation("a", "contains", "b"), Relation("a", "contains", "c")])
    return path


def test_what_was_written_is_read(stored: Path) -> None:
    assert read(stored) == SNAPSHOT
    assert [path.name for path in stored.parent.iterdir()] == ["estate.sqlite"]


def test_the_chat_estate_survives(chat_document: dict[str, Any], read_document: ReadDocument, tmp_path: Path) -> None:
    snapshot = read_document(chat_document)
    file.write(snapshot, tmp_path / "s")
    assert read(tmp_path / "s") == snapshot


def test_many_bodies_are_packed_with_a_dictionary(tmp_path: Path) -> None:
    rows = [Resource.of(account(f"st{number}", allowBlobPublicAccess=False)) for number in range(5500)]
    snapshot = assemble(rows, [], Metadata())
    file.write(snapshot, tmp_path / "s")
    assert read(tmp_path / "s") == snapshot
    with sqlite3.connect(tmp_path / "s") as connection:
        assert connection.execute("SELECT DISTINCT packing FROM resource").fetchall() == [(1,)]


def test_an_older_snapshot_is_replaced(stored: Path) -> None:
    newer = assemble([Resource.of(account())], [], Metadata())
    file.write(newer, stored)
    assert read(stored) == newer


def test_tables_beside_the_bodies_can_be_queried(read_document: ReadDocument, tmp_path: Path) -> None:
    assigned = {"principalId": "p", "roleDefinitionId": "r", "scope": GROUP}
    assignment = resource("Microsoft.Authorization/roleAssignments", "a", assigned)
    file.write(read_document([assignment, account(tags={"Mine": 1})]), tmp_path / "s")
    with sqlite3.connect(tmp_path / "s") as connection:
        assert connection.execute("SELECT principal_id, scope FROM role_assignment").fetchall() == [("p", GROUP)]
        spelled = connection.execute("SELECT spelled FROM spelling WHERE key_lc = 'publicnetworkaccess'").fetchall()
        free = connection.execute("SELECT count(*) FROM spelling WHERE key_lc = 'mine'").fetchone()
    assert spelled == [("publicNetworkAccess",)]
    assert free == (0,)


def test_show_says_what_is_inside(stored: Path) -> None:
    shown = summary.overview(read(stored), stored)
    assert (shown.sha256, shown.resources, shown.metadata) == (SNAPSHOT.sha256, 5, SNAPSHOT.metadata)
    assert shown.types == {"Microsoft.Storage/storageAccounts": 5}
    assert shown.relations == {"contains": 2}
    assert (shown.gaps, shown.facets) == (SNAPSHOT.gaps, SNAPSHOT.facets)


def execute(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return change


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


CHANGES: dict[str, Callable[[Path], None]] = {
    "damaged": cut,
    "was changed after": execute("UPDATE resource SET body = (SELECT body FROM resource WHERE k = 2) WHERE k = 1"),
    "was changed after ": execute("UPDATE resource SET body = 'text' WHERE k = 1"),
    "was changed after  ": execute("UPDATE resource SET packing = 7 WHERE k = 1"),
    "its hash differs": execute("DELETE FROM resource WHERE k = 1"),
    "its hash differs ": execute("DELETE FROM gap"),
    "its hash differs  ": execute("UPDATE resource SET api_version = '1999-01-01' WHERE k = 1"),
    "its hash differs   ": execute("UPDATE resource SET fetched_at = 5 WHERE k = 1"),
    "metadata": execute("DELETE FROM meta WHERE name = 'metadata'"),
    "metadata ": execute("UPDATE meta SET value = CAST('{\"complete\": []}' AS BLOB) WHERE name = 'metadata'"),
    "no such table": execute("DROP TABLE gap"),
    "no snapshot": execute("PRAGMA application_id = 5"),
    "format 99": execute("PRAGMA user_version = 99"),
}


@pytest.mark.parametrize("problem", CHANGES)
def test_a_changed_file_is_refused_in_one_line_and_left_alone(problem: str, stored: Path) -> None:
    CHANGES[problem](stored)
    before = stored.read_bytes()
    with pytest.raises(SnapshotError, match=problem.strip()) as caught:
        read(stored)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert stored.read_bytes() == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_noticed_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    whole = tmp_path / "whole.sqlite"
    if not whole.exists():
        file.write(SNAPSHOT, whole)
    content = bytearray(whole.read_bytes())
    position = data.draw(st.integers(16, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    (tmp_path / "damaged").write_bytes(content)
    assert outcome(tmp_path / "damaged") in ("refused", SNAPSHOT.sha256)


def outcome(path: Path) -> str:
    try:
        return read(path).sha256
    except SnapshotError:
        return "refused"


@pytest.mark.parametrize("content", [b"my thesis", b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_not_ours_is_not_overwritten(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="left alone"):
        file.write(SNAPSHOT, path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_snapshot_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        file.read(tmp_path / "nowhere")


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        file.write(SNAPSHOT, tmp_path / "no" / "file")


def test_children_are_listed_once_after_a_round_trip(read_document: ReadDocument, tmp_path: Path) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet")
    snapshot: Snapshot = read_document([network, child(network, "subnets", "s", x=1)])
    file.write(snapshot, tmp_path / "s")
    assert len(read(tmp_path / "s").resources) == 2
