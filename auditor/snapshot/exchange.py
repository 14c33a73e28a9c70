"""Write and read the exchange format: JSON Lines, usually zstd-compressed, with the same identity as the snapshot.

The first line says what the rest is: `{"format": "auditor-snapshot", "version": 1, "sha256", "counts", "metadata"}`.
Then one line each for resources (`{"resource": {…}, "source", "api_version", "collected_at"}`), gaps and facets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

import zstandard

from auditor import resource_id as ids
from auditor.errors import SnapshotError
from auditor.lazy_imports import lazy_imports
from auditor.model import Gap, Resource
from auditor.snapshot import whole_file
from auditor.snapshot.compression import label_of
from auditor.snapshot.hash import assemble, canonical
from auditor.snapshot.json_text import decode, iter_lines
from auditor.snapshot.model import Facet, Snapshot

with lazy_imports(__name__):
    from auditor.snapshot import records

FORMAT: Final = "auditor-snapshot"
VERSION: Final = 1
_LEVEL: Final = 10
_AGAIN: Final = "export it again"


def export(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot as JSON Lines, plain where the name ends in `.jsonl`, else zstd; same input, same bytes."""
    try:
        if whole_file.is_replaceable(path):
            with whole_file.replacing(path) as beside:
                _export(snapshot, beside, is_plain=path.suffix == ".jsonl")
        else:
            _export(snapshot, path, is_plain=path.suffix == ".jsonl")
    except OSError as error:
        raise SnapshotError(
            f"{label_of(path)} cannot be written: {error.strerror}", "check the folder and its free space"
        ) from error


def _export(snapshot: Snapshot, path: Path, *, is_plain: bool) -> None:
    with path.open("wb") as stream:
        if is_plain:
            write_lines(snapshot, stream)
        else:
            with zstandard.ZstdCompressor(level=_LEVEL).stream_writer(stream, closefd=False) as packed:
                write_lines(snapshot, packed)


def write_lines(snapshot: Snapshot, stream: IO[bytes]) -> None:
    """Write the lines of a snapshot to an open stream."""
    for line in _lines(snapshot):
        stream.write(canonical(line) + b"\n")


def _lines(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    counts = {"resources": len(snapshot.resources), "gaps": len(snapshot.gaps), "facets": len(snapshot.facets)}
    yield {
        "format": FORMAT,
        "version": VERSION,
        "sha256": snapshot.sha256,
        "counts": counts,
        "metadata": records.as_json(snapshot.metadata),
    }
    for row in snapshot.resources:
        line = {"resource": row.body, "source": row.source, "api_version": row.api_version}
        line["collected_at"] = row.collected_at
        yield {name: value for name, value in line.items() if value is not None}
    for gap in snapshot.gaps:
        yield {"gap": records.as_json(gap)}
    for facet in snapshot.facets:
        yield {"facet": records.as_json(facet)}


def is_exchange(data: bytes) -> bool:
    """Whether a text starts with the first line of the exchange format."""
    return (
        b'"%s"' % FORMAT.encode() in data[:1_000_000].lstrip().partition(b"\n")[0] and b'"format":' in data[:1_000_000]
    )


def parse(data: bytes, label: str) -> Snapshot:
    """Return the snapshot that the text holds, or raise SnapshotError where it is cut off or was changed."""
    lines = iter_lines(data)
    header = _object(decode(data[next(lines)[1]], f"{label}, line 1,"), label, 1)
    version = header.get("version")
    if header.get("format") != FORMAT or version != VERSION:
        raise SnapshotError(f"{label} has format {ascii(version)[:40]}, this release knows {VERSION}", "update auditor")
    metadata = records.metadata_of(header.get("metadata"))
    resources: list[Resource] = []
    gaps: list[Gap] = []
    facets: list[Facet] = []
    for number, line in lines:
        record = _object(decode(data[line], f"{label}, line {number},"), label, number)
        if "resource" in record:
            resources.append(_resource(record, label, number))
        elif "gap" in record:
            gaps.append(records.gap_of(record["gap"]))
        elif "facet" in record:
            facets.append(records.facet_of({"detail": "", **_object(record["facet"], label, number)}))
        else:
            raise SnapshotError(f"{label}, line {number}, is neither resource nor gap nor facet", _AGAIN)
    _check_counts(header.get("counts"), (len(resources), len(gaps), len(facets)), label)
    snapshot = assemble(resources, gaps, metadata, facets)
    if snapshot.sha256 != header.get("sha256"):
        raise SnapshotError(f"{label} does not hold what was exported: its hash differs", _AGAIN)
    return snapshot


def _check_counts(counts: object, found: tuple[int, ...], label: str) -> None:
    expected = [counts.get(name) for name in ("resources", "gaps", "facets")] if isinstance(counts, Mapping) else []
    if expected != list(found):
        raise SnapshotError(f"{label} is cut off or was changed: its counts differ from its first line", _AGAIN)


def _resource(record: dict[str, object], label: str, number: int) -> Resource:
    body = _object(record["resource"], label, number)
    stated = [record.get(name) for name in ("source", "api_version", "collected_at")]
    texts = [text for text in stated if isinstance(text, str | None)]
    if not ids.is_resource_id(body.get("id")) or len(texts) < len(stated):
        raise SnapshotError(f"{label}, line {number}, is no resource of a snapshot", _AGAIN)
    source, api_version, collected_at = texts
    return Resource.of(body, source=source or "export", api_version=api_version, collected_at=collected_at)


def _object(value: object, label: str, number: int) -> dict[str, object]:
    if not isinstance(value, dict):
        raise SnapshotError(f"{label}, line {number}, is no JSON object", _AGAIN)
    return value
