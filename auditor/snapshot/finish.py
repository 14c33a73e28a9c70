"""Turn what was collected into the finished snapshot, one family of resources in memory at a time.

A family is a resource with everything below its id: children stand inside their parents, so they are normalised
together. What lies under no provider (subscriptions, resource groups) is one family, and so is whatever an odd
answer ties together across families.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.model import Gap, Relation, Resource
from auditor.snapshot import file, schema
from auditor.snapshot.children import CHILD_SEGMENTS
from auditor.snapshot.compression import label_of
from auditor.snapshot.hash import each_once, snapshot_hash
from auditor.snapshot.normalise import gap_of_reference, keys_in, normalise_part
from auditor.snapshot.rows import read_rows

Relate = Callable[[Iterable[Resource]], Iterable[Relation]]
"""Derives the relations that are stored beside the resources, going through these as often as it likes."""

_TOGETHER: Final = ""
"""The family of what belongs to none of its own."""


def finish(partial: Path, path: Path, relate: Relate) -> None:
    """Write the snapshot at `path` from the collection at `partial`, as if it had been normalised as a whole."""
    label = label_of(partial)
    with schema.opened(partial, label) as source:
        _note_families(source, label)
        file.put_in_place(path, lambda target: _fill(target, source, label, relate))


def _fill(target: sqlite3.Connection, source: sqlite3.Connection, label: str, relate: Relate) -> str:
    metadata, gaps = file.read_metadata(source), file.read_gaps(source)
    file.write_metadata(target, metadata)
    file.write_facets(target, file.read_facets(source))
    references: set[str] = set()
    file.write_resources(target, _normalised(source, label, references, gaps))
    gaps += [gap_of_reference(one) for one in references if not _has(target, ids.key(one))]
    gaps = each_once(gaps)
    file.write_gaps(target, gaps)
    file.write_relations(target, relate(_Resources(target, label)))
    rows = target.execute("SELECT id_lc, sha256, api_version, source, fetched_at FROM resource ORDER BY id_lc")
    return snapshot_hash(rows, gaps, metadata)


def _normalised(source: sqlite3.Connection, label: str, references: set[str], gaps: list[Gap]) -> Iterator[Resource]:
    """Yield the normalised resources, and note what is known of by id only, and the gaps that the rows show."""
    rows = read_rows(source, label, "FROM resource JOIN family USING (id_lc) ORDER BY family.name, id_lc")
    together = {str(key) for (key,) in source.execute("SELECT id_lc FROM family WHERE name = ?", (_TOGETHER,))}
    for _, family in groupby(rows, key=lambda row: _TOGETHER if row[0].key in together else _family_of(row[0].key)):
        resources, shown = normalise_part((file.entry(row) for row, _ in family), references)
        gaps += shown
        yield from resources


def _note_families(source: sqlite3.Connection, label: str) -> None:
    """Note the family of each row in a table that lives as long as the connection."""
    tied: set[str] = set()

    def families() -> Iterator[tuple[str, str]]:
        for row, _ in read_rows(source, label):
            own = _family_of(row.key)
            reached = {_family_of(key) for inner in keys_in(file.entry(row)) for key in (inner, _listed_in(inner))}
            if reached != {own}:
                tied.update(reached, {own})
            yield row.key, own

    source.execute("CREATE TEMP TABLE family (id_lc TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID")
    source.executemany("INSERT INTO family VALUES (?, ?)", families())
    source.executemany("UPDATE family SET name = ? WHERE name = ?", [(_TOGETHER, name) for name in sorted(tied)])
    source.execute("CREATE INDEX temp.family_by_name ON family (name, id_lc)")


def _listed_in(key: str) -> str:
    """Return the key of the parent that lists a resource as a child, else its own."""
    parent, _, segment = key.rpartition("/")[0].rpartition("/")
    return parent if segment in CHILD_SEGMENTS else key


def _family_of(key: str) -> str:
    """Return the key of the resource under the first provider that an id names."""
    parts = key.split("/")
    place = parts.index("providers") if "providers" in parts else len(parts)
    return "/".join(parts[: place + 4]) if len(parts) >= place + 4 else _TOGETHER


class _Resources(Struct, frozen=True):
    """The resources of an open database, read anew each time that they are gone through."""

    connection: sqlite3.Connection
    label: str

    def __iter__(self) -> Iterator[Resource]:
        return (row for row, _ in read_rows(self.connection, self.label))


def _has(connection: sqlite3.Connection, key: str) -> bool:
    return connection.execute("SELECT 1 FROM resource WHERE id_lc = ?", (key,)).fetchone() is not None
