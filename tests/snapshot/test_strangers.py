"""A snapshot file from a stranger costs a bounded time and memory, and is what was written or refused in one line."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import tempfile
from contextlib import closing
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import SnapshotError
from auditor.estate.navigation import derive
from auditor.inputs.read import read
from auditor.model import Gap
from auditor.snapshot import file, limits
from auditor.snapshot.hash import assemble
from auditor.snapshot.model import Facet, Metadata, Snapshot
from auditor.snapshot.normalise import ExportEntry, normalise
from auditor.snapshot.writer import SnapshotWriter, partial_of
from tests.estates.accounts import GROUP, account

PAGE = 8192


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot]:
    """Return a snapshot file whose tables are trees of several pages, and what it holds."""
    bodies = [
        account(f"st{number}", note=hashlib.sha512(str(number).encode()).hexdigest() * 8) for number in range(300)
    ]
    resources, gaps = normalise(ExportEntry(body, "", "arm", "2024-01-01", "2024-02-01T00:00:00Z") for body in bodies)
    gaps = [*gaps, *(Gap(f"{GROUP}/{number}", "a/b", "forbidden", "a/b/read") for number in range(300))]
    snapshot = assemble(resources, gaps, Metadata(complete=True), [Facet(GROUP, "storage", "complete")])
    path = tmp_path_factory.mktemp("good") / "good.snapshot"
    file.write(snapshot, path, derive(snapshot.resources))
    return path, snapshot


def _changed(good: Path, folder: Path, *statements: str) -> Path:
    path = folder / "bad.snapshot"
    path.write_bytes(good.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


_ENDLESS = "WITH RECURSIVE endless(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM endless) SELECT"
_NOT_OURS: dict[str, tuple[list[str], str]] = {
    "a view in a table's place": (
        ["DROP TABLE gap", f"CREATE VIEW gap AS {_ENDLESS} x AS scope, x AS what, x AS reason, x AS permission FROM endless"],
        "view gap",
    ),
    "a trigger": (["CREATE TRIGGER evil AFTER INSERT ON facet BEGIN DELETE FROM gap; END"], "trigger evil"),
    "a virtual table": (["DROP TABLE facet", "CREATE VIRTUAL TABLE facet USING fts5(scope, name, state, detail)"], "table facet"),
    "a computed column": (
        ["DROP TABLE facet", "CREATE TABLE facet (scope, name, state, detail AS (hex(zeroblob(100000000))))"],
        "table facet",
    ),
    "an index on an expression": (["CREATE INDEX evil ON gap (hex(zeroblob(10)))"], "index evil"),
    "a table more": (["CREATE TABLE evil (x)"], "table evil"),
}  # fmt: skip


@pytest.mark.parametrize("name", _NOT_OURS)
def test_only_tables_of_our_own_are_read(name: str, good: tuple[Path, Snapshot], tmp_path: Path) -> None:
    statements, named = _NOT_OURS[name]
    try:
        path = _changed(good[0], tmp_path, *statements)
    except sqlite3.OperationalError as problem:
        pytest.skip(f"this SQLite cannot make one: {problem}")
    with pytest.raises(SnapshotError, match=f"holds what no snapshot does: {named}"):
        read(path)


def test_nor_are_they_written_to(tmp_path: Path) -> None:
    path = tmp_path / "estate.snapshot"
    SnapshotWriter(path, Metadata()).close(finished=False)
    with closing(sqlite3.connect(partial_of(path))) as connection:
        connection.execute("CREATE TRIGGER evil AFTER INSERT ON facet BEGIN DELETE FROM gap; END")
    with pytest.raises(SnapshotError, match="holds what no snapshot does: trigger evil"):
        SnapshotWriter.resume(path)


def test_a_tree_whose_branches_lead_to_one_page_is_refused(good: tuple[Path, Snapshot], tmp_path: Path) -> None:
    """A few dozen such pages above one another would be 10^40 rows."""
    data = bytearray(good[0].read_bytes())
    interior = [start for start in range(0, len(data), PAGE) if data[start] in {0x02, 0x05}]
    assert interior
    for start in interior:
        (cells,) = struct.unpack_from(">H", data, start + 3)
        places = [start + struct.unpack_from(">H", data, start + 12 + 2 * cell)[0] for cell in range(cells)]
        child = data[places[0] : places[0] + 4]
        for place in places:
            data[place : place + 4] = child
        data[start + 8 : start + 12] = child
    path = tmp_path / "bad.snapshot"
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match=r"is damaged: .*(out of order|2nd reference)"):
        read(path)


def test_one_row_is_not_read_twice(good: tuple[Path, Snapshot], tmp_path: Path) -> None:
    """The index says in which order: made by hand, it could name one row a million times."""
    path = _changed(
        good[0], tmp_path, "PRAGMA writable_schema = 1",
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'resource_by_type') "
        "WHERE name = 'sqlite_autoindex_resource_1'",
    )  # fmt: skip
    with pytest.raises(SnapshotError, match="is damaged"):
        read(path)


def _packed(path: Path, size: int, rows: int) -> None:
    """Add resources to a snapshot that take no room and unpack to much."""
    with closing(sqlite3.connect(path)) as connection:
        for number in range(rows):
            body = orjson.dumps(account(f"bomb{number}", note="a" * size), option=orjson.OPT_SORT_KEYS)
            row = (account(f"bomb{number}")["id"].lower(), hashlib.sha256(body).hexdigest(), zstandard.compress(body))
            connection.execute(
                "INSERT INTO resource (id_lc, type_k, source, sha256, packing, body) VALUES (?, 1, 'arm', ?, 0, ?)", row
            )
        connection.commit()


def test_what_unpacks_to_more_than_a_file_of_its_size_can_hold_is_refused(
    good: tuple[Path, Snapshot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_UNPACKED", 1 << 20)
    monkeypatch.setattr(limits, "_RATIO", 20)
    path = _changed(good[0], tmp_path)
    _packed(path, 1 << 20, 40)
    assert path.stat().st_size * 20 < 40 << 20
    with pytest.raises(SnapshotError, match="unpacks to more than 20 times its size"):
        read(path)


def test_one_body_is_bounded_too(good: tuple[Path, Snapshot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY", 1 << 20)
    path = _changed(good[0], tmp_path)
    _packed(path, 1 << 20, 1)
    with pytest.raises(SnapshotError, match="is damaged"):
        read(path)


@pytest.mark.parametrize(
    ("name", "value", "said"), [("ROWS", 299, "more than 299"), ("_STEPS", -(1 << 40), "endless work")]
)
def test_rows_and_steps_are_bounded(
    name: str, value: int, said: str, good: tuple[Path, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, name, value)
    monkeypatch.setattr(limits, "_LOOK_EVERY", 100)
    with pytest.raises(SnapshotError, match=said):
        read(good[0])


@pytest.mark.parametrize("value", ["5", "x'00ff'", "1.5", "NULL", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize(
    "column", ["gap.permission", "gap.what", "facet.detail", "resource.api_version", "resource.body",
               "resource.packing", "resource.sha256", "resource.source", "meta.value"]
)  # fmt: skip
def test_a_value_of_another_type_is_refused(
    column: str, value: str, good: tuple[Path, Snapshot], tmp_path: Path
) -> None:
    """SQLite keeps any value in any column, where its maker wants it to."""
    table, _, name = column.partition(".")
    typeless = "sql"
    for word in (" TEXT", " BLOB", " INTEGER", " NOT NULL"):
        typeless = f"replace({typeless}, '{word}', '')"
    with closing(sqlite3.connect(good[0])) as connection:
        (before,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    path = _changed(
        good[0],
        tmp_path,
        "PRAGMA writable_schema = 1",
        f"UPDATE sqlite_master SET sql = {typeless} WHERE name = '{table}'",  # noqa: S608 - of our own
    )
    change = f"UPDATE {table} SET {name} = {value} WHERE {name} = (SELECT min({name}) FROM {table})"  # noqa: S608 - of our own
    with closing(sqlite3.connect(path)) as connection:
        try:
            connection.execute(change)
        except sqlite3.IntegrityError:
            pytest.skip("SQLite refuses that one itself")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (before, table))
        connection.commit()
    shown = _shown(path)
    assert shown is None or shown.sha256 == good[1].sha256


def _shown(path: Path) -> Snapshot | None:
    """Return what a file holds, or None where it is refused in one line."""
    try:
        return read(path)
    except SnapshotError as problem:
        message = str(problem)
    assert "\n" not in message
    return None


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("levels", "is_read"), [(200, True), (600, False)])
def test_a_body_is_nested_as_deeply_as_can_be_written_and_no_more(
    *, levels: int, is_read: bool, good: tuple[Path, Snapshot], tmp_path: Path
) -> None:
    path = _changed(good[0], tmp_path)
    body = json.dumps(account("st0", note=_nested(levels)), sort_keys=True, separators=(",", ":")).encode()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE resource SET packing = 0, body = ?, sha256 = ? WHERE id_lc = ?",
            (zstandard.compress(body), hashlib.sha256(body).hexdigest(), account("st0")["id"].lower()),
        )
        connection.commit()
    with pytest.raises(SnapshotError, match="its hash differs" if is_read else "was changed after it was written"):
        read(path)


def test_what_is_said_of_the_whole_is_bounded_too(good: tuple[Path, Snapshot], tmp_path: Path) -> None:
    path = _changed(good[0], tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        metadata = json.dumps({"extra": {"x": _nested(600)}}).encode()
        connection.execute("UPDATE meta SET value = ? WHERE name = 'metadata'", (metadata,))
        connection.commit()
    with pytest.raises(SnapshotError, match="nested too deeply"):
        read(path)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)), min_size=1, max_size=4)
)
def test_a_damaged_file_holds_what_was_written_or_is_refused(
    good: tuple[Path, Snapshot], damage: list[tuple[float, bytes]]
) -> None:
    path, snapshot = good
    data = bytearray(path.read_bytes())
    for place, put in damage:
        start = int(place * len(data))
        data[start : start + len(put)] = put[: len(data) - start]
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder, "bad.snapshot")
        bad.write_bytes(data)
        if not file.is_sqlite(bad):
            return
        shown = _shown(bad)
        assert shown is None or (shown.sha256, shown.resources) == (snapshot.sha256, snapshot.resources)
        assert [left.name for left in Path(folder).iterdir()] == ["bad.snapshot"]


def test_reading_leaves_nothing_beside_the_file(good: tuple[Path, Snapshot], tmp_path: Path) -> None:
    data = bytearray(good[0].read_bytes())
    data[18:20] = b"\x02\x02"  # says that there may be a log of it
    path = tmp_path / "bad.snapshot"
    path.write_bytes(data)
    assert read(path).sha256 == good[1].sha256
    assert [left.name for left in tmp_path.iterdir()] == ["bad.snapshot"]
