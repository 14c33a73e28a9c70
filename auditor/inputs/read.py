"""Read an estate from any input we understand: our snapshot, its exchange format, and foreign exports."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs import exports
from auditor.snapshot import exchange, file
from auditor.snapshot.compression import SQLITE_MAGIC, label_of, load
from auditor.snapshot.hash import assemble
from auditor.snapshot.json_text import decode
from auditor.snapshot.model import Snapshot
from auditor.snapshot.normalise import normalise

_MANY = 20_000


def read(source: str | Path) -> Snapshot:
    """Return the estate in a file, or on standard input for `-`, whatever its shape and compression.

    Raise InputError or SnapshotError, in one line, for everything else.
    """
    with _without_garbage_collection():
        snapshot = _read(source, label_of(source))
        if len(snapshot.resources) > _MANY:
            gc.freeze()  # nothing of it becomes garbage before the process ends
    return snapshot


def _read(source: str | Path, label: str) -> Snapshot:
    if str(source) != "-" and file.is_sqlite(Path(source)):
        return file.read(Path(source))
    data = load(source)
    if not data.startswith(SQLITE_MAGIC):
        return _from_text(data, label)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "snapshot")
        copy.write_bytes(data)
        del data
        return file.read(copy, label)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the collector: decoding makes millions of objects and no garbage, yet collecting costs more than it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _from_text(data: bytes, label: str) -> Snapshot:
    start = _first_character(data, label)
    if start == b"{" and exchange.is_exchange(data):
        return exchange.parse(data, label)
    if start == b"{" and _is_lines(data):
        export = exports.from_lines(data, label)
    else:
        document = decode(data, label)
        del data
        export = exports.from_document(document, label)
    try:
        resources, gaps = normalise(export.entries)
    except InputError as error:
        raise (
            error if error.message.startswith(label) else InputError(f"{label}: {error.message}", error.hint)
        ) from error
    return assemble(resources, [*export.gaps, *gaps], export.metadata)


def _first_character(data: bytes, label: str) -> bytes:
    start = data[:4096].lstrip()[:1] or data.lstrip()[:1]
    if not start:
        raise InputError(f"{label} is empty", "the export wrote nothing: run it again and look at its messages")
    if start == b"<":
        raise InputError(f"{label} is an HTML or XML page, not JSON", "sign in and export again")
    if start not in b"{[" and start not in b'"0123456789-tfnNI':
        raise InputError(f"{label} is not JSON", "give a snapshot or an export as JSON, plain, gzip or zstd")
    return start


def _is_lines(data: bytes) -> bool:
    """Whether a text is one object per line. In a single document no line `{…}` is followed by a line `{…`."""
    first_end = data.find(b"\n", len(data) - len(data.lstrip()) if data[:1].isspace() else 0)
    if first_end < 0 or data[:first_end].rstrip()[-1:] != b"}":
        return False
    following = first_end
    while following < len(data) and data[following : following + 1].isspace():
        following += 1
    return data[following : following + 1] == b"{"
