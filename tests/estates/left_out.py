"""Snapshots of which the collection left out what some rules do not need, made from whole ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.operations import Operations
from auditor.engine.coverage.needs import Needs
from auditor.model import Resource
from auditor.snapshot import hash as hashes
from auditor.snapshot.left_out import LEFT_OUT, Call, named
from auditor.snapshot.model import Snapshot

_NOTHING = Needs(frozenset(), frozenset())
_SCOPES = {2: ids.SUBSCRIPTIONS, 4: ids.RESOURCE_GROUPS}


def optional_types() -> frozenset[str]:
    """Return the types, in lower case, that a collection may leave out."""
    return frozenset(yields.lower() for _, yields in Operations(shipped(), _NOTHING).left_out)


def thinned(snapshot: Snapshot, needs: Needs) -> Snapshot:
    """Return a snapshot as its collection would have left it, had it been made for what is needed."""
    return without_calls(snapshot, Operations(shipped(), needs).left_out)


def without_calls(snapshot: Snapshot, calls: Iterable[Call]) -> Snapshot:
    """Return a snapshot without what some calls would have brought; it says so."""
    left_out = frozenset(calls)
    subscriptions = sorted({ids.subscription_of(one.key) or "" for one in snapshot.resources} - {""})
    scope = {"subscription_ids": subscriptions, LEFT_OUT: named(left_out)}
    starts = defaultdict(set)
    for start, yields in left_out:
        starts[yields.lower()].add(start)
    kept = [one for one in snapshot.resources if not _is_left_out(one, starts.get(one.type_key, set()))]
    return hashes.assemble(kept, snapshot.gaps, replace(snapshot.metadata, scope=scope), snapshot.facets)


def _is_left_out(resource: Resource, starts: set[str]) -> bool:
    """Whether what the call would have started from is what a resource hangs on or lies below.

    What hangs on many scopes and is listed for a subscription as a whole (locks, assignments) is left out wherever it is.
    """
    known = shipped().get(resource.type_key)
    listed = set(known.listing.on) if known and known.listing else set()
    if listed == {ids.SUBSCRIPTIONS}:
        return bool(starts)
    owners = [ids.scope_of(resource.key)]
    while (above := ids.parent_of(owners[-1] if len(owners) > 1 else resource.key)) is not None:
        owners.append(above)
    return any(_kind_of(owner) in starts for owner in owners)


def _kind_of(owner: str) -> str:
    return _SCOPES.get(len(ids.segments(owner)), (ids.type_of(owner) or "").lower())
