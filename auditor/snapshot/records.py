"""Turn what a snapshot says about itself into JSON and back, checked."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import asdict

from auditor.errors import SnapshotError
from auditor.model import Gap
from auditor.snapshot import limits
from auditor.snapshot.json_text import is_deeper
from auditor.snapshot.model import Facet, Metadata

T = TypeVar("T")


def as_json(record: Metadata | Gap | Facet) -> dict[str, object]:
    """Return a record as a JSON object without its empty fields."""
    return {name: value for name, value in asdict(record).items() if value not in (None, "", {})}


def metadata_of(value: object) -> Metadata:
    """Return the metadata that a JSON object holds, or raise SnapshotError."""
    if is_deeper(value, limits.DEPTH):
        raise SnapshotError("the snapshot holds metadata that is nested too deeply", "export it again")
    return _read(Metadata, value, "metadata")


def gap_of(value: object) -> Gap:
    """Return the gap that a JSON object holds, or raise SnapshotError."""
    return _read(Gap, value, "a gap")


def facet_of(value: object) -> Facet:
    """Return the facet that a JSON object holds, or raise SnapshotError."""
    return _read(Facet, value, "a facet")


def _read(kind: type[T], value: object, what: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        where = str(error).rpartition(" - at `$")[2].strip("`.")
        raise SnapshotError(
            f"the snapshot holds {what} that cannot be read, at {where!r}", "export it again"
        ) from error
