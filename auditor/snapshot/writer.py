"""Write a snapshot while it is being collected, so that a crash loses next to nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from auditor import resource_id as ids
from auditor.errors import SnapshotError
from auditor.model import Gap, Resource
from auditor.snapshot import file, schema, whole_file
from auditor.snapshot.compression import label_of
from auditor.snapshot.finish import Relate, finish
from auditor.snapshot.json_text import decode
from auditor.snapshot.model import Facet, Metadata
from auditor.snapshot.normalise import with_whole_id
from auditor.snapshot.rows import RowWriter


class SnapshotWriter:
    """Collects into `PATH.partial`; `close(finished=True)` turns that into the snapshot at `PATH`.

    One writer and one thread at a time. Rows are committed every 2,000, and before each gap and facet: what a facet
    calls complete is on disk. A disk that is full, or gone, is a SnapshotError; what was committed stays.
    """

    def __init__(self, path: Path, metadata: Metadata, relate: Relate = lambda _: ()) -> None:
        file.check_target(path)
        partial = partial_of(path)
        if partial.exists():
            raise SnapshotError(
                f"{label_of(partial)} is left from an earlier collection", "resume that collection, or delete the file"
            )
        self._path, self._relate = path, relate
        with _written(partial):
            discard(path)  # the log of a database that is gone would be taken for the new one's
            with whole_file.replacing(partial, private=True) as beside:
                _begin(beside, metadata)
            self._open()

    @classmethod
    def resume(cls, path: Path, relate: Relate = lambda _: ()) -> SnapshotWriter:
        """Return a writer that goes on where an interrupted collection into `path` stopped."""
        partial = partial_of(path)
        if not partial.is_file():
            raise SnapshotError(f"there is no interrupted collection of {label_of(path)}", "start a new one")
        with schema.opened(partial, label_of(partial)) as connection:
            file.read_metadata(connection)
        writer = cls.__new__(cls)
        writer._path, writer._relate = path, relate  # noqa: SLF001 - our own object
        with _written(partial):
            writer._open()  # noqa: SLF001
        return writer

    def _open(self) -> None:
        self._connection = schema.reopen(partial_of(self._path))
        self._rows = RowWriter(self._connection)

    def add(
        self,
        body: bytes | Mapping[str, object],
        *,
        source: str,
        api_version: str | None = None,
        collected_at: str | None = None,
    ) -> None:
        """Add one ARM object as Azure sent it; a later one of the same id replaces it."""
        value = decode(body, "an answer of Azure") if isinstance(body, bytes) else dict(body)
        value = with_whole_id(value) if isinstance(value, dict) else {}
        if not ids.is_resource_id(value.get("id")):
            raise SnapshotError("an answer of Azure is no ARM resource", "report the operation that gave it")
        row = Resource.of(value, source=source, api_version=api_version, collected_at=collected_at)
        with self._written():
            self._rows.put(row)

    def remove(self, resource_id: str) -> None:
        """Take back an object that turned out to be gone, with everything below its id."""
        with self._written():
            self._rows.remove(ids.key(resource_id))

    def gap(self, gap: Gap) -> None:
        """Say that something in scope was not collected."""
        with self._written():
            file.write_gaps(self._connection, [gap])
            self._rows.flush()

    def facet_all(self, facets: Iterable[tuple[str, str, str, str]]) -> None:
        """Say how far several kinds of data are collected: scope, name, state and detail of each."""
        with self._written():
            self._rows.flush()
            file.write_facets(self._connection, [Facet(*facet) for facet in facets])
            self._connection.commit()

    def facets(self) -> Mapping[tuple[str, str], Facet]:
        """Return what was said so far, by scope and name."""
        return {(facet.scope, facet.name): facet for facet in file.read_facets(self._connection)}

    def keys(self) -> Iterator[str]:
        """Yield the keys of what was added and not taken back, sorted."""
        with self._written():
            self._rows.flush()
        return (str(key) for (key,) in self._connection.execute("SELECT id_lc FROM resource ORDER BY id_lc"))

    @property
    def metadata(self) -> Metadata:
        """Return what the snapshot says of itself."""
        return file.read_metadata(self._connection)

    def close(self, *, finished: bool) -> None:
        """End the collection. Unfinished, it can be resumed; finished, it is normalised and put in its place."""
        try:
            with self._written() if finished else suppress(sqlite3.Error):  # why it ends early was said already
                self._rows.flush()
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()
        if finished:
            finish(partial_of(self._path), self._path, self._relate)
            discard(self._path)

    def _written(self) -> AbstractContextManager[None]:
        return _written(partial_of(self._path))


def partial_of(path: Path) -> Path:
    """Return the file in which a collection into a path grows."""
    return path.with_name(path.name + schema.PARTIAL_SUFFIX)


def discard(path: Path) -> None:
    """Remove what an interrupted collection into a path left; its log first, which means nothing without it."""
    partial = partial_of(path)
    for ending in ("-shm", "-wal", ""):
        partial.with_name(partial.name + ending).unlink(missing_ok=True)


def _begin(path: Path, metadata: Metadata) -> None:
    connection = schema.create(path)
    try:
        file.write_metadata(connection, metadata)
        connection.commit()
    finally:
        connection.close()


@contextmanager
def _written(partial: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as problem:
        raise SnapshotError(
            f"{label_of(partial)} cannot be written: {problem}", "check the folder and its free space"
        ) from problem
