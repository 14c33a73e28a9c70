"""Take out of a snapshot what tells one secret from another."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Final

import orjson

from auditor.model import Resource
from auditor.redaction.marks import MARK, MARKS
from auditor.snapshot.hash import assemble, canonical
from auditor.snapshot.model import Snapshot

_KEYED: Final = f"{MARK}:".encode()
_EXPORT: Final = "export"


def without_keyed_marks(*snapshots: Snapshot) -> Sequence[Snapshot]:
    """Return exports as they are read without a key for secrets: the same object where one holds none.

    A resource that is the same object in several of them is so afterwards.
    """
    made: dict[int, Resource] = {}
    return [_without_keyed_marks(snapshot, made) for snapshot in snapshots]


def _without_keyed_marks(snapshot: Snapshot, made: dict[int, Resource]) -> Snapshot:
    if snapshot.metadata.origin != _EXPORT:
        return snapshot
    for resource in snapshot.resources:
        if id(resource) not in made:
            made[id(resource)] = _unkeyed(resource)
    resources = [made[id(resource)] for resource in snapshot.resources]
    if all(map(is_, resources, snapshot.resources)):
        return snapshot
    return assemble(resources, snapshot.gaps, snapshot.metadata, snapshot.facets)


def _unkeyed(resource: Resource) -> Resource:
    content = canonical(resource.body)
    return resource.with_body(orjson.loads(MARKS.sub(MARK, content.decode()))) if _KEYED in content else resource
