"""Write and read the rows of resources: compressed bodies, their hashes, and what is indexed beside them."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from typing import Final

import orjson
import zstandard

from auditor import resource_id as ids
from auditor.errors import SnapshotError
from auditor.model import HeldBody, Resource
from auditor.snapshot import limits
from auditor.snapshot.bodies import Bodies
from auditor.snapshot.hash import canonical
from auditor.snapshot.json_text import is_deeper

COMMIT_EVERY: Final = 2000
TRAIN_AT: Final = 5000
TRAIN_FROM: Final = 500  # with fewer bodies a dictionary costs more than it saves
LARGE: Final = 30_000
"""Rows from which on bodies are held as they are in the file, and decoded when they are asked for."""
_DICTIONARY_SIZE: Final = 110_000
_LEVEL: Final = 3
ROLE_ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"
_NESTED: Final = (dict, list)
FREE_KEYS: Final = frozenset({"tags", "environmentvariables", "userassignedidentities"})
"""Members, in lower case, whose own members users name."""

_PUT: Final = """
INSERT INTO resource (id_lc, type_k, subscription_k, resource_group, location, api_version, source, fetched_at,
    sha256, packing, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id_lc) DO UPDATE SET type_k = excluded.type_k, location = excluded.location,
    api_version = excluded.api_version, source = excluded.source, fetched_at = excluded.fetched_at,
    sha256 = excluded.sha256, packing = excluded.packing, body = excluded.body"""


class RowWriter:
    """Put resources into a snapshot database, a later one of the same id over an earlier; commits every 2,000 rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._labels: dict[str, int] = dict(connection.execute("SELECT text, k FROM label"))
        self._pending: list[tuple[object, ...]] = []
        self._assignments: list[tuple[object, ...]] = []
        self._spelled: dict[int, set[str]] = {}
        self._new_spellings: list[tuple[int, str, str]] = []
        self._samples: list[bytes] = []
        self._packing, self._packer = 0, zstandard.ZstdCompressor(level=_LEVEL)
        if dictionary := read_meta(connection, "dictionary"):
            self._use(dictionary)

    def put(self, resource: Resource) -> None:
        """Add or replace one resource."""
        body = canonical(resource.body)
        type_k = self._label(resource.type_key)
        subscription = ids.subscription_of(resource.key)
        row = (
            *(resource.key, type_k, self._label(subscription) if subscription else None),
            *(ids.resource_group_of(resource.key), resource.location, resource.api_version, resource.source),
            *(resource.collected_at, hashlib.sha256(body).hexdigest(), self._packing, self._packer.compress(body)),
        )
        self._pending.append(row)
        known = self._spelled.setdefault(type_k, set())
        new: list[str] = []
        _note_new_keys(resource.body, known, new)
        self._new_spellings += [(type_k, key.lower(), key) for key in new]
        if resource.type_key == ROLE_ASSIGNMENTS:
            self._assignments.append(_assignment(resource))
        if not self._packing:
            self._samples.append(body)
            if len(self._samples) == TRAIN_AT:
                self.train()
        if len(self._pending) >= COMMIT_EVERY:
            self.flush()

    def remove(self, key: str) -> None:
        """Take back a resource, by its key, and everything below its id."""
        self.flush()
        for table in ("resource", "role_assignment"):
            below = f"DELETE FROM {table} WHERE id_lc = ? OR substr(id_lc, 1, ?) = ?"  # noqa: S608 - names of our own
            self._connection.execute(below, (key, len(key) + 1, f"{key}/"))
        self._connection.commit()

    def flush(self) -> None:
        """Write and commit what is pending."""
        self._connection.executemany(_PUT, self._pending)
        self._connection.executemany("REPLACE INTO role_assignment VALUES (?, ?, ?, ?, ?, ?)", self._assignments)
        new = sorted(self._new_spellings)
        self._connection.executemany("INSERT OR IGNORE INTO spelling VALUES (?, ?, ?)", new)
        self._connection.commit()
        self._new_spellings.clear()
        self._pending.clear()
        self._assignments.clear()

    def train(self) -> None:
        """Learn a dictionary from the bodies so far, where there are enough of them, and pack them again with it."""
        samples: list[bytes | bytearray | memoryview] = list(self._samples)
        self._samples.clear()
        if self._packing or len(samples) < TRAIN_FROM:
            return
        try:
            dictionary = zstandard.train_dictionary(_DICTIONARY_SIZE, samples).as_bytes()
        except zstandard.ZstdError:  # too little to learn from: bodies that are all but empty
            return
        self.flush()
        write_meta(self._connection, "dictionary", dictionary)
        self._use(dictionary)
        plain = zstandard.ZstdDecompressor()
        rows = self._connection.execute("SELECT k, body FROM resource WHERE packing = 0").fetchall()
        packed = ((self._packing, self._packer.compress(plain.decompress(body)), k) for k, body in rows)
        self._connection.executemany("UPDATE resource SET packing = ?, body = ? WHERE k = ?", packed)
        self._connection.commit()

    def _use(self, dictionary: bytes) -> None:
        trained = zstandard.ZstdCompressionDict(dictionary)
        self._packing, self._packer = 1, zstandard.ZstdCompressor(level=_LEVEL, dict_data=trained)

    def _label(self, text: str) -> int:
        if text not in self._labels:
            self._labels[text] = len(self._labels) + 1
            self._connection.execute("INSERT INTO label VALUES (?, ?)", (self._labels[text], text))
        return self._labels[text]


BY_KEY: Final = "FROM resource ORDER BY id_lc"


def read_rows(connection: sqlite3.Connection, label: str, chosen: str = BY_KEY) -> Iterator[tuple[Resource, str]]:
    """Yield the resources with the hashes of their bodies; raise SnapshotError for a row that was changed.

    `chosen` is the rest of the query that says which rows, and in which order.
    """
    stores = _stores(connection, label)
    unpacked = limits.UnpackedLimit(_size(connection), label)
    columns = "id_lc, api_version, source, fetched_at, sha256, packing, body"
    is_large = _number(connection) >= LARGE
    rows = connection.execute(f"SELECT {columns} {chosen}")
    before = ""
    for key, api_version, source, collected_at, sha256, packing, packed in limits.bounded(rows, "resources"):
        try:
            limits.check_texts((source, api_version, collected_at), "a resource", optional=2)
            data = _unpacked(stores[packing], packed)
            unpacked.take(len(data))
            body = _body(data, sha256)
            held = HeldBody(body, stores[packing], packed) if is_large else HeldBody(body)
            origin = (sys.intern(source), api_version and sys.intern(api_version))
            row = Resource.of(held, source=origin[0], api_version=origin[1], collected_at=collected_at)
        except (zstandard.ZstdError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            row = None
        if row is None or row.key != key or (chosen == BY_KEY and key <= before):
            raise SnapshotError(
                f"{label} is damaged: the row of {ascii(key)[:200]} was changed after it was written",
                "restore or collect it again",
            )
        before = key
        yield row, sha256


def _stores(connection: sqlite3.Connection, label: str) -> list[Bodies]:
    """Return what unpacks the bodies of a database, by the number of their packing."""
    stores = [Bodies()]
    if dictionary := read_meta(connection, "dictionary"):
        try:
            stores.append(Bodies(dictionary))
        except (zstandard.ZstdError, ValueError, MemoryError) as error:
            raise SnapshotError(
                f"{label} is damaged: its dictionary cannot be used", "restore or collect it again"
            ) from error
    return stores


def _number(connection: sqlite3.Connection) -> int:
    """Return how many rows there may be."""
    (highest,) = connection.execute("SELECT max(k) FROM resource").fetchone()
    return highest if isinstance(highest, int) else 0


def _size(connection: sqlite3.Connection) -> int:
    """Return how large a database is."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def _unpacked(store: Bodies, packed: bytes) -> bytes:
    """Return the text of the body in a row, or raise ValueError where it is too long to be one."""
    if zstandard.frame_content_size(packed) > limits.BODY:
        raise ValueError(packed[:8])
    return store.text(packed)


def _body(data: bytes, sha256: str) -> dict[str, object]:
    """Return the body in a text, or raise ValueError where it is not the one that was written."""
    body = orjson.loads(data)
    if hashlib.sha256(data).hexdigest() != sha256 or not isinstance(body, dict):
        raise ValueError(sha256)
    if data.count(b"[") + data.count(b"{") > limits.DEPTH and is_deeper(body, limits.DEPTH):
        raise ValueError(sha256)
    return body


def read_meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    """Return a value of the `meta` table."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    value = found[0] if found else None
    if value is not None and not isinstance(value, bytes):
        raise SnapshotError(f"the snapshot is damaged: {name} is no bytes", "restore or collect it again")
    return value


def write_meta(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    """Set a value of the `meta` table."""
    connection.execute("REPLACE INTO meta VALUES (?, ?)", (name, value))


def _assignment(resource: Resource) -> tuple[object, ...]:
    names = ("scope", "roleDefinitionId", "principalId", "principalType", "condition")
    values = (resource.properties.get(name) for name in names)
    return (resource.key, *(value if isinstance(value, str) else None for value in values))


def _note_new_keys(value: object, known: set[str], found: list[str]) -> None:
    """Note the keys, at any depth, that are not known yet; what users name (tags and the like) is left out."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, _NESTED):
                _note_new_keys(item, known, found)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in known and "/" not in key:
                known.add(key)
                found.append(key)
            if isinstance(item, _NESTED) and key.lower() not in FREE_KEYS:
                _note_new_keys(item, known, found)
