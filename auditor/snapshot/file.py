"""Write and read snapshot files: one SQLite database each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson

from auditor.errors import SnapshotError
from auditor.lazy_imports import lazy_imports
from auditor.model import Gap, Relation, Resource
from auditor.snapshot import limits, schema, whole_file
from auditor.snapshot.compression import label_of
from auditor.snapshot.hash import assemble, canonical, row_identity, snapshot_hash
from auditor.snapshot.model import ANY_TYPE, Facet, Metadata, Snapshot
from auditor.snapshot.normalise import ExportEntry, normalise
from auditor.snapshot.rows import RowWriter, read_meta, read_rows, write_meta

with lazy_imports(__name__):
    from auditor.snapshot import records

UNFINISHED = "the collection did not finish"

is_sqlite = schema.is_sqlite


def write(snapshot: Snapshot, path: Path, relations: Iterable[Relation] = ()) -> None:
    """Write a snapshot file in one step: a reader sees the old file or the new one.

    Raise SnapshotError rather than overwrite a file that is no snapshot of ours.
    """
    put_in_place(path, lambda connection: _fill(connection, snapshot, relations))


def put_in_place(path: Path, fill: Callable[[sqlite3.Connection], str]) -> None:
    """Make a snapshot file as `write` does; `fill` puts everything into the empty database and returns its identity."""
    check_target(path)
    try:
        with whole_file.replacing(path, private=True) as beside:
            _make(beside, fill)
    except (OSError, sqlite3.Error) as error:
        raise SnapshotError(
            f"{label_of(path)} cannot be written: {error}", "check the folder and its free space"
        ) from error


def check_target(path: Path) -> None:
    """Raise SnapshotError where a snapshot cannot or must not be written to a path."""
    label = label_of(path)
    if not path.parent.is_dir():
        raise SnapshotError(f"the folder of {label} does not exist", "create it first")
    if path.is_dir():
        raise SnapshotError(f"{label} is a folder", "give the path of a file")
    if path.exists() and path.stat().st_size and not schema.is_own(path):
        raise SnapshotError(f"{label} exists and is no snapshot; it was left alone", "choose another path")


def read(path: Path, label: str | None = None) -> Snapshot:
    """Return what a snapshot file holds, every row checked against its hash.

    The file of an interrupted collection is readable too: a gap says that anything may be missing.
    """
    label = label or label_of(path)
    with schema.opened(path, label) as connection:
        metadata = read_metadata(connection)
        gaps = read_gaps(connection)
        facets = read_facets(connection)
        expected = read_meta(connection, "sha256")
        if expected is None:
            resources, shown = normalise(entries(connection, label))
            return assemble(resources, [*gaps, *shown, Gap("/", ANY_TYPE, UNFINISHED)], metadata, facets)
        rows = list(read_rows(connection, label))
    rows.sort(key=lambda row: row[0].key)
    if snapshot_hash((row_identity(*row) for row in rows), gaps, metadata).encode() != expected:
        raise SnapshotError(f"{label} does not hold what was written: its hash differs", "restore or collect it again")
    return Snapshot([row for row, _ in rows], gaps, metadata, expected.decode(), facets)


def entries(connection: sqlite3.Connection, label: str) -> Iterator[ExportEntry]:
    """Yield the rows of an open snapshot database as they were added, to be normalised."""
    for row, _ in read_rows(connection, label):
        yield entry(row)


def entry(row: Resource) -> ExportEntry:
    """Return a row of a snapshot database to be normalised."""
    return ExportEntry(row.body, f"the row of {row.key!a}", row.source, row.api_version, row.collected_at)


def read_metadata(connection: sqlite3.Connection) -> Metadata:
    """Return the metadata of an open snapshot database."""
    try:
        return records.metadata_of(orjson.loads(read_meta(connection, "metadata") or b""))
    except orjson.JSONDecodeError as error:
        raise SnapshotError("the snapshot is damaged: it has no metadata", "restore or collect it again") from error


def read_gaps(connection: sqlite3.Connection) -> list[Gap]:
    """Return the gaps of an open snapshot database, sorted."""
    rows = connection.execute("SELECT scope, what, reason, permission FROM gap ORDER BY 1, 2, 3, 4")
    gaps = []
    for row in limits.bounded(rows, "gaps"):
        limits.check_texts(row, "a gap", optional=1)
        gaps.append(Gap(*row))
    return gaps


def read_facets(connection: sqlite3.Connection) -> list[Facet]:
    """Return the facets of an open snapshot database, sorted."""
    rows = connection.execute("SELECT scope, name, state, detail FROM facet ORDER BY 1, 2")
    facets = []
    for row in limits.bounded(rows, "facets"):
        limits.check_texts(row, "a facet")
        facets.append(Facet(*row))
    return facets


def _make(path: Path, fill: Callable[[sqlite3.Connection], str]) -> None:
    connection = schema.create(path)
    try:
        write_meta(connection, "sha256", fill(connection).encode())
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()


def _fill(connection: sqlite3.Connection, snapshot: Snapshot, relations: Iterable[Relation]) -> str:
    write_metadata(connection, snapshot.metadata)
    write_gaps(connection, snapshot.gaps)
    write_facets(connection, snapshot.facets)
    write_relations(connection, relations)
    write_resources(connection, snapshot.resources)
    return snapshot.sha256


def write_metadata(connection: sqlite3.Connection, metadata: Metadata) -> None:
    """Set the metadata of an open snapshot database."""
    write_meta(connection, "metadata", canonical(records.as_json(metadata)))


def write_resources(connection: sqlite3.Connection, resources: Iterable[Resource]) -> None:
    """Add normalised resources to an open snapshot database."""
    rows = RowWriter(connection)
    for resource in resources:
        rows.put(resource)
    rows.flush()
    rows.train()


def write_relations(connection: sqlite3.Connection, relations: Iterable[Relation]) -> None:
    """Add relations to an open snapshot database."""
    edges = ((edge.source, edge.kind, edge.target) for edge in relations)
    connection.executemany("INSERT OR IGNORE INTO edge VALUES (?, ?, ?)", edges)


def write_gaps(connection: sqlite3.Connection, gaps: Iterable[Gap]) -> None:
    """Add gaps to an open snapshot database."""
    rows = ((gap.scope, gap.what, gap.reason, gap.permission) for gap in gaps)
    connection.executemany("INSERT INTO gap VALUES (?, ?, ?, ?)", rows)


def write_facets(connection: sqlite3.Connection, facets: Iterable[Facet]) -> None:
    """Set facets of an open snapshot database."""
    rows = ((facet.scope, facet.name, facet.state, facet.detail) for facet in facets)
    connection.executemany("REPLACE INTO facet VALUES (?, ?, ?, ?)", rows)
