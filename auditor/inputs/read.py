"""Read an estate from any input we understand: our snapshot, its exchange format, and foreign exports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson
from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import InputError
from auditor.inputs import collector, exports, foreign
from auditor.inputs.exports import Export
from auditor.inputs.shared_rows import SharedRows
from auditor.model import Gap, HeldBody, Resource
from auditor.redaction.body import Redactor
from auditor.snapshot import exchange, file, whole_file
from auditor.snapshot.bodies import Bodies, PackedRow
from auditor.snapshot.compression import SQLITE_MAGIC, label_of, load
from auditor.snapshot.hash import assemble, assemble_hashed, body_hash
from auditor.snapshot.json_text import decode, documents_in, is_followed, with_raw_rows
from auditor.snapshot.model import Facet, Snapshot
from auditor.snapshot.normalise import ExportEntry, as_it_is, normalise

_SAMPLES: Final = 300
_LOCATION: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_UNKEYED = Redactor()
"""Without a key: what is judged and not stored says the same each time."""


def read(*sources: str | Path, redactor: Redactor | None = _UNKEYED, shared: SharedRows | None = None) -> Snapshot:
    """Return the estate in files and folders, or on standard input for `-`, whatever their shape and compression.

    Several sources are one estate, in any order: what one shows of a resource another may add to. A folder stands for
    all files below it. Secrets in exports are taken out by `redactor`; without one, they stay. Of estates that are read
    with the same redactor and the same `shared` rows, resources that are alike are the same objects. Raise InputError or
    SnapshotError, in one line, for what holds no estate.
    """
    files = [path for source in sources for path in _files_of(source)]
    clean = _Cleaning(redactor, shared)
    if len(files) == 1:
        return collector.paused(lambda: _read(files[0], label_of(files[0]), clean))
    return collector.paused(lambda: _joined(files, clean))


def is_location(source: str | Path) -> bool:
    """Whether an input is named by a scheme (`s3://…`), and lies where only what knows the scheme can read it."""
    return isinstance(source, str) and _LOCATION.match(source) is not None


def imported(*sources: str | Path, redactor: Redactor | None) -> Snapshot:
    """Do the same for a snapshot that is to be stored: what stands in snapshots among the sources is looked at again."""
    snapshot = read(*sources, redactor=None)
    if redactor is not None:
        facets = [replace(facet, detail=redactor.text(facet.detail)) for facet in snapshot.facets]
        rows, gaps = _Cleaning(redactor).of(snapshot.resources, snapshot.gaps)
        snapshot = assemble(rows, gaps, snapshot.metadata, facets)
    extra = {**snapshot.metadata.extra, "secrets": "redacted" if redactor else "kept"}
    return replace(snapshot, metadata=replace(snapshot.metadata, extra=extra))


class _Cleaning(Struct, frozen=True):
    """How secrets are taken out of what exports hold: not at all without a `redactor`. `shared`: what was read before."""

    redactor: Redactor | None
    shared: SharedRows | None = None

    def of(self, resources: Sequence[Resource], gaps: Sequence[Gap]) -> tuple[Sequence[Resource], Sequence[Gap]]:
        if self.redactor is None:
            return self.as_they_are(resources), gaps
        redactor = self.redactor
        rows = self._each(resources, lambda row: _without_secrets(row, redactor))
        return rows, self.gaps(gaps)

    def gaps(self, gaps: Sequence[Gap]) -> Sequence[Gap]:
        """Return gaps without the secrets in their reasons."""
        text = None if self.redactor is None else self.redactor.text
        return gaps if text is None else [replace(gap, reason=text(gap.reason)) for gap in gaps]

    def as_they_are(self, resources: Sequence[Resource]) -> Sequence[Resource]:
        return self._each(resources, lambda row: row)

    def _each(self, rows: Sequence[Resource], clean: Callable[[Resource], Resource]) -> Sequence[Resource]:
        return [clean(row) for row in rows] if self.shared is None else self.shared.each(rows, clean)


def _without_secrets(row: Resource, redactor: Redactor) -> Resource:
    body = row.body
    clean = redactor.body(body)
    return row if clean is body else row.with_body(clean)


class _Keeper:
    """Holds the bodies of entries, in a store where there is one, and looks for secrets in them while they are at hand.

    Of those in which a redactor finds none, the hash is known then, and they need not be read again.
    """

    def __init__(self, redactor: Redactor, bodies: Bodies | None) -> None:
        self._redactor, self._bodies = redactor, bodies
        self._hashes: dict[HeldBody, bytes] = {}

    def hold(self, body: dict[str, object], is_harmless: bool) -> HeldBody:  # noqa: FBT001 - as it is called
        """Return a body as it is held."""
        held = HeldBody(body, self._bodies)
        if self._redactor.body(body, is_harmless=is_harmless) is body:
            self._hashes[held] = bytes.fromhex(body_hash(body))  # half as long: there are many
        return held

    def clean(self, row: Resource) -> tuple[Resource, str]:
        """Return a resource without its secrets, with the hash of its body."""
        known = self._hashes.pop(row.held, None)
        if known is None:
            row = _without_secrets(row, self._redactor)
            return row, body_hash(row.body)
        return row, known.hex()


def _files_of(source: str | Path) -> Sequence[str | Path]:
    if str(source) == "-" or not Path(source).is_dir():
        return [source]
    files = sorted(path for path in Path(source).rglob("*") if path.is_file() and not _is_hidden(path, Path(source)))
    if not files:
        raise InputError(f"{label_of(source)} is a folder without files", "give a snapshot or an export")
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _joined(files: Sequence[str | Path], clean: _Cleaning) -> Snapshot:
    """Return several inputs as one estate."""
    parts = [_part(path, label_of(path)) for path in files]
    whole = exports.joined([part for part, _ in parts])
    if whole.is_log:
        raise foreign.refusal("the inputs", foreign.ACTIVITY_LOG)
    facets = [facet for _, snapshot in parts if snapshot for facet in snapshot.facets]
    return _assembled(whole, "the inputs", clean, facets)


def _part(source: str | Path, label: str) -> tuple[Export, Snapshot | None]:
    """Return one of several inputs as entries, and the snapshot that it is, if it is one of ours."""
    content = _content(source, label)
    if isinstance(content, Snapshot):
        entries = [
            ExportEntry(row.body, f"{label}, {row.id}", row.source, row.api_version, row.collected_at)
            for row in content.resources
        ]
        return Export(entries, content.metadata, content.gaps), content
    return replace(content, entries=[replace(one, place=f"{label}, {one.place}") for one in content.entries]), None


def _read(source: str | Path, label: str, clean: _Cleaning) -> Snapshot:
    content = _content(source, label)
    if isinstance(content, Snapshot):
        return replace(content, resources=clean.as_they_are(content.resources))
    if content.is_log:
        raise foreign.refusal(label, foreign.ACTIVITY_LOG)
    if not content.entries:
        raise InputError(
            f"{label} holds no resources: nothing is in scope", "check the scope and the access of the export"
        )
    return _assembled(content, label, clean)


def _assembled(export: Export, label: str, clean: _Cleaning, facets: Sequence[Facet] = ()) -> Snapshot:
    keeper = None
    if clean.redactor is not None and clean.shared is None:
        keeper = _Keeper(clean.redactor, _store_for(export.entries))
    try:
        resources, gaps = normalise(_given_away(export.entries), as_it_is if keeper is None else keeper.hold)
    except InputError as error:
        is_told = error.message.startswith(label) or label == "the inputs"
        raise (error if is_told else InputError(f"{label}: {error.message}", error.hint)) from error
    known = [*export.gaps, *gaps]
    if keeper is None:
        return assemble(*clean.of(resources, known), export.metadata, facets)
    return assemble_hashed(map(keeper.clean, resources), clean.gaps(known), export.metadata, facets)


def _given_away(entries: list[ExportEntry]) -> Iterator[ExportEntry]:
    """Yield entries in their order, and hold none of them any longer."""
    entries.reverse()
    while entries:
        yield entries.pop()


def _store_for(entries: Sequence[ExportEntry]) -> Bodies | None:
    """Return what keeps the bodies of entries that are held as text, learning from some of them; None for others."""
    if not any(isinstance(entry.body, PackedRow) for entry in entries):
        return None
    samples = (entry.decoded() for entry in entries[:: max(1, len(entries) // _SAMPLES)])
    return Bodies.like([orjson.dumps(body) for body in samples if isinstance(body, dict)])


def _content(source: str | Path, label: str) -> Snapshot | Export:
    if str(source) != "-":
        if file.is_sqlite(Path(source)):
            return file.read(Path(source))
        _refuse_binary(Path(source), label)
    data = load(source)
    if not data.startswith(SQLITE_MAGIC):
        return _from_text(data, label)
    with whole_file.scratch_folder() as folder:
        copy = folder / "snapshot"
        copy.write_bytes(data)
        del data
        return file.read(copy, label)


def _refuse_binary(path: Path, label: str) -> None:
    """Name what begins like no text, before its bytes are taken for a text that was cut off."""
    if not path.is_file():
        return  # what comes out of a pipe can be read only once
    try:
        with path.open("rb") as stream:
            known = foreign.binary(stream.read(8))
    except OSError:
        return  # reading it says what is wrong
    if known is not None:
        raise foreign.refusal(label, known)


def _from_text(data: bytes, label: str) -> Snapshot | Export:
    start = _first_character(data, label)
    if start == b"{" and exchange.is_exchange(data):
        return exchange.parse(data, label)
    if start in b"{[" and _is_lines(data):
        return exports.from_lines(data, label)
    for begin_alike in (True, False) if len(data) >= exports.LONG else ():
        rows = with_raw_rows(data, begin_alike=begin_alike)
        with suppress(orjson.JSONDecodeError):  # then what was taken for rows is something else
            if rows is not None:
                return exports.from_document(rows, label)
    try:
        document = decode(data, label)
    except InputError:
        if not is_followed(data):
            raise
        return exports.from_documents(documents_in(data, label), label)
    del data
    return exports.from_document(document, label)


def _first_character(data: bytes, label: str) -> bytes:
    start = data[:4096].lstrip()[:1] or data.lstrip()[:1]
    if not start:
        raise InputError(f"{label} is empty", "the export wrote nothing: run it again and look at its messages")
    if start not in b"{[" and (known := foreign.in_text(data)) is not None:
        raise foreign.refusal(label, known)
    if start not in b"{[" and start not in b'"0123456789-tfnNI':
        raise InputError(f"{label} is not JSON", "give a snapshot or an export as JSON, plain, gzip or zstd")
    return start


def _is_lines(data: bytes) -> bool:
    """Whether a text is one value per line. In a single document no line `{…}` or `[…]` is followed by such a line.

    Only the last line may be cut off: a value that goes on in the line after next is a document of several lines.
    """
    first_end = data.find(b"\n", len(data) - len(data.lstrip()) if data[:1].isspace() else 0)
    first = data[: max(first_end, 0)].strip()
    if first_end < 0 or (first[:1], first[-1:]) not in {(b"{", b"}"), (b"[", b"]")}:
        return False
    following = first_end
    while following < len(data) and data[following : following + 1].isspace():
        following += 1
    if data[following : following + 1] != first[:1]:
        return False
    end = data.find(b"\n", following)
    second = data[following : end if end >= 0 else len(data)].strip()
    return second.endswith(first[-1:]) or end < 0 or not data[end:].strip()
