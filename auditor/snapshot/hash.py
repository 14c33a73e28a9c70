"""Give a snapshot its identity: a hash over its rows, whatever the order or the file they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import orjson
from msgspec.structs import replace

from auditor.errors import SnapshotError
from auditor.model import Gap, Resource
from auditor.snapshot.model import Facet, Metadata, Snapshot

_KIND: Final = b"auditor snapshot 1\n"


def canonical(value: object) -> bytes:
    """Return the one JSON text (UTF-8, sorted keys, no blanks) of a value."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=dict)
    except TypeError as error:
        raise SnapshotError(f"a value cannot be written as JSON: {error}", "report the resource type") from error


def body_hash(body: Mapping[str, object]) -> str:
    """Return the SHA-256 of a resource's canonical body, in hexadecimal."""
    return hashlib.sha256(canonical(body)).hexdigest()


RowIdentity = tuple[str, str, str | None, str, str | None]
"""What a resource adds to the identity: key, hash of its body, API version, source, time of collection."""


def row_identity(row: Resource, sha256: str) -> RowIdentity:
    """Return what a resource, with the hash of its body, adds to the identity of its snapshot."""
    return row.key, sha256, row.api_version, row.source, row.collected_at


def snapshot_hash(rows: Iterable[RowIdentity], gaps: Iterable[Gap], metadata: Metadata) -> str:
    """Return the SHA-256 over rows (sorted by key), gaps and what is said of the whole.

    Who wrote the snapshot, with which version and when it was exported are no part of it.
    """
    total = hashlib.sha256(_KIND)
    for row in rows:
        total.update(canonical(row) + b"\n")
    for gap in each_once(gaps):
        total.update(canonical(["gap", gap.scope, gap.what, gap.reason, gap.permission]) + b"\n")
    said = [
        *(metadata.complete, metadata.collected_at, metadata.judge_at),
        *(metadata.tenant_id, metadata.scope, metadata.subscription_names),
    ]
    total.update(canonical(said))
    return total.hexdigest()


def assemble(
    resources: Iterable[Resource], gaps: Iterable[Gap], metadata: Metadata, facets: Iterable[Facet] = ()
) -> Snapshot:
    """Return a snapshot of normalised resources: sorted, each gap once, and with its identity."""
    return assemble_hashed(((row, body_hash(row.body)) for row in resources), gaps, metadata, facets)


def assemble_hashed(
    resources: Iterable[tuple[Resource, str]], gaps: Iterable[Gap], metadata: Metadata, facets: Iterable[Facet] = ()
) -> Snapshot:
    """Do the same for resources with the hashes of their bodies."""
    hashed = sorted(resources, key=lambda pair: pair[0].key)
    known = each_once(gaps)
    sha256 = snapshot_hash((row_identity(*pair) for pair in hashed), known, metadata)
    return Snapshot([row for row, _ in hashed], known, metadata, sha256, sorted(set(facets)))


def each_once(gaps: Iterable[Gap]) -> list[Gap]:
    """Return the gaps in the order of the file, each once."""
    return sorted(set(gaps), key=_gap_order)


def _gap_order(gap: Gap) -> tuple[str, str, str, str]:
    return gap.scope, gap.what, gap.reason, gap.permission or ""


def as_complete(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot as the whole truth, with the identity that goes with it."""
    metadata = replace(snapshot.metadata, complete=True)
    return assemble(snapshot.resources, snapshot.gaps, metadata, snapshot.facets)
