"""Take out of a snapshot what tells one secret from another."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from auditor.model import Resource
from auditor.redaction.marks import MARK, MARKS
from auditor.snapshot.hash import assemble, canonical
from auditor.snapshot.model import Snapshot

_KEYED: Final = f"{MARK}:".encode()
_EXPORT: Final = "export"


def without_keyed_marks(snapshot: Snapshot) -> Snapshot:
    """Return an export as it is read without a key for secrets: the same object where it holds none."""
    if snapshot.metadata.origin != _EXPORT:
        return snapshot
    changed = False
    resources: list[Resource] = []
    for resource in snapshot.resources:
        content = canonical(resource.body)
        if _KEYED in content:
            changed = True
            body = orjson.loads(MARKS.sub(MARK, content.decode()))
            resources.append(replace(resource, body=body))
        else:
            resources.append(resource)
    return assemble(resources, snapshot.gaps, snapshot.metadata, snapshot.facets) if changed else snapshot
