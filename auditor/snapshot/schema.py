"""The tables of a snapshot file, and opening one safely."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from auditor.errors import SnapshotError
from auditor.snapshot import limits
from auditor.snapshot.compression import SQLITE_MAGIC

APPLICATION_ID: Final = 0x41554454  # "AUDT"
FORMAT_VERSION: Final = 1
PARTIAL_SUFFIX: Final = ".partial"

_TABLES: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE label (k INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE resource (
    k INTEGER PRIMARY KEY, id_lc TEXT NOT NULL UNIQUE, type_k INTEGER NOT NULL, subscription_k INTEGER,
    resource_group TEXT, location TEXT, api_version TEXT, source TEXT NOT NULL, fetched_at TEXT,
    sha256 TEXT NOT NULL, packing INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX resource_by_type ON resource (type_k);
CREATE TABLE edge (source TEXT, kind TEXT, target TEXT, PRIMARY KEY (source, kind, target)) WITHOUT ROWID;
CREATE TABLE gap (scope TEXT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, permission TEXT);
CREATE TABLE facet (
    scope TEXT, name TEXT, state TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (scope, name)) WITHOUT ROWID;
CREATE TABLE role_assignment (
    id_lc TEXT PRIMARY KEY, scope TEXT, role_definition_id TEXT, principal_id TEXT, principal_type TEXT,
    condition TEXT) WITHOUT ROWID;
CREATE TABLE spelling (
    type_k INTEGER, key_lc TEXT, spelled TEXT, PRIMARY KEY (type_k, key_lc, spelled)) WITHOUT ROWID;
"""

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master"


def is_sqlite(path: Path) -> bool:
    """Whether a file starts like an SQLite database; False where it cannot be read."""
    if not path.is_file():  # reading a pipe here would take the bytes from the reader proper
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except (OSError, ValueError):
        return False


def is_own(path: Path) -> bool:
    """Whether a file says, at offset 68 of the SQLite header, that it is a snapshot of ours of any version."""
    with path.open("rb") as stream:
        head = stream.read(72)
    return head.startswith(SQLITE_MAGIC) and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def create(path: Path) -> sqlite3.Connection:
    """Return a new, empty snapshot database, opened for writing: a file that nobody else knows of yet."""
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?nolock=1", uri=True)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(_TABLES)
    return connection


def reopen(path: Path) -> sqlite3.Connection:
    """Return an existing snapshot database, opened for writing so that a crash loses nothing that was committed."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def opened(path: Path, label: str) -> Iterator[sqlite3.Connection]:
    """Give a snapshot database for reading; whatever is wrong with the file comes out as one SnapshotError."""
    if not path.is_file():
        raise SnapshotError(f"{label} does not exist", "give the path of a snapshot")
    has_log = path.with_name(f"{path.name}-wal").exists()  # of a collection at work: pages may still be in its log
    way = "mode=ro" if has_log else "immutable=1"  # which writes nothing beside the file either
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?{way}", uri=True)
    limit = limits.StepLimit(connection, path.stat().st_size)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.LONGEST)
        connection.execute("PRAGMA trusted_schema = OFF")
        check_version(connection, label)
        _check_length(connection, path, label, has_log=has_log)
        _check_tables(connection, label)
        _check_pages(connection, label)
        yield connection
    except (sqlite3.Error, UnicodeError) as error:
        reason = "reading it takes endless work" if limit.is_exceeded else str(error).partition("\n")[0][:120]
        raise SnapshotError(f"{label} is damaged: {reason}", "restore or collect it again") from error
    finally:
        connection.close()


@cache
def _own_tables() -> frozenset[tuple[object, ...]]:
    """Return what SQLite says of the tables and indexes of a new snapshot."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return frozenset(connection.execute(_OBJECTS))


def _check_tables(connection: sqlite3.Connection, label: str) -> None:
    """Raise SnapshotError for whatever no snapshot has: views, triggers and virtual tables are code of a stranger's."""
    for row in connection.execute(_OBJECTS):
        if row not in _own_tables():
            kind, name = (ascii(text)[:40].strip("'") for text in row[:2])
            raise SnapshotError(
                f"{label} holds what no snapshot does: {kind} {name}", "collect it again, or ask who gave it"
            )


def _check_pages(connection: sqlite3.Connection, label: str) -> None:
    """Raise SnapshotError where a page is used twice: few of them could be gone through without an end."""
    (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        reason = str(result).replace("*** in database main ***", "").strip().partition("\n")[0][:120]
        raise SnapshotError(f"{label} is damaged: {reason}", "restore or collect it again")


def _check_length(connection: sqlite3.Connection, path: Path, label: str, *, has_log: bool) -> None:
    """Raise SnapshotError where the file is shorter than it says: SQLite notices only when it needs the missing pages."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if not has_log and path.stat().st_size < pages * size:
        raise SnapshotError(f"{label} is truncated", "restore or collect it again")


def check_version(connection: sqlite3.Connection, label: str) -> None:
    """Raise SnapshotError where the database is not ours or newer than this release."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if mark != APPLICATION_ID:
        raise SnapshotError(
            f"{label} is an SQLite database, but no snapshot", "give a file that `auditor collect` wrote"
        )
    if version > FORMAT_VERSION:
        raise SnapshotError(f"{label} has format {version}, this release knows {FORMAT_VERSION}", "update auditor")
    if version < 1:
        raise SnapshotError(f"{label} has an impossible format version: {version}", "restore or collect it again")
