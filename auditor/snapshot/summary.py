"""Say what is inside a snapshot, without judging it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from auditor.model import Gap
from auditor.snapshot import schema
from auditor.snapshot.compression import label_of
from auditor.snapshot.model import Facet, Metadata, Snapshot


class Overview(Struct, frozen=True):
    """What `snapshot show` prints; `types` and `relations` are counts, the most frequent first."""

    sha256: str
    metadata: Metadata
    resources: int
    types: Mapping[str, int]
    relations: Mapping[str, int]
    gaps: Sequence[Gap]
    facets: Sequence[Facet]


def overview(snapshot: Snapshot, source: str | Path) -> Overview:
    """Return what was read from an input; relations only where that is a snapshot file, which holds them."""
    types = Counter(resource.type for resource in snapshot.resources)
    return Overview(
        snapshot.sha256,
        snapshot.metadata,
        len(snapshot.resources),
        _by_frequency(types),
        _by_frequency(_relations(source)),
        snapshot.gaps,
        snapshot.facets,
    )


def _relations(source: str | Path) -> Mapping[str, int]:
    path = Path(source)
    if str(source) == "-" or not schema.is_sqlite(path):
        return {}
    with schema.opened(path, label_of(path)) as connection:
        return {str(kind): count for kind, count in connection.execute("SELECT kind, count(*) FROM edge GROUP BY kind")}


def _by_frequency(counts: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
