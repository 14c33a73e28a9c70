"""Derive the relations that the files of resource types state (`refers`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import Catalogue
from auditor.azure.relation import Join, Place, StatedRelation
from auditor.estate.lookup import Lookup
from auditor.model import Relation, Resource

Stated = Mapping[str, Sequence[StatedRelation]]
"""What resources of each type state, by type in lower case."""


def stated_by(catalogue: Catalogue) -> Stated:
    """Return what the types of a catalogue state of others."""
    return {item.key: item.refers for item in catalogue if item.refers}


def read(resource: Resource, refers: Sequence[StatedRelation], lookup: Lookup) -> Iterator[Relation]:
    """Yield what a resource states of others, as its type's file says."""
    for stated in refers:
        own = ids.parent_of(resource.key) if stated.of_parent else resource.key
        if own is None or not body.states_values(resource.body, stated.where):
            continue
        for other in _named(resource, own, stated, lookup):
            yield Relation(other, stated.relation, own) if stated.reverse else Relation(own, stated.relation, other)


def _named(resource: Resource, own: str, stated: StatedRelation, lookup: Lookup) -> Sequence[str]:
    """Return the keys that the first place names which names any."""
    for place in stated.places:
        texts = _texts(resource, place)
        found = [key for text in texts for key in _FINDERS[place.join](text, resource, own, stated, lookup)]
        if found:
            return found
    return ()


def _texts(resource: Resource, place: Place) -> Sequence[str]:
    if not place.at:
        return [ids.scope_of(resource.key)]
    return [value for value in body.values_at(resource.body, place.at) if isinstance(value, str) and value.strip()]


def _by_id(text: str, _: Resource, __: str, stated: StatedRelation, ___: Lookup) -> Sequence[str]:
    if not ids.is_resource_id(text.strip()):
        return ()
    key = ids.key(text.strip())
    if stated.whole:
        return [ids.top_of(key)]
    if not stated.to:
        return [key]
    above: str | None = key
    while above is not None:
        if ids.type_of(above) in stated.to:
            return [above]
        above = ids.parent_of(above)
    return ()


def _by_name(text: str, resource: Resource, _: str, stated: StatedRelation, lookup: Lookup) -> Sequence[str]:
    """Return the resource of that name which is there, nearest first; where none is, all that it could be."""
    if "/" in text:
        return ()
    candidates = []
    for kind in stated.to:
        owner_type, _, segment = kind.rpartition("/")
        owner: str | None = resource.key
        while owner is not None and ids.type_of(owner) != owner_type:
            owner = ids.parent_of(owner)
        if owner is not None:
            candidates.append(f"{owner}/{segment}/{text.strip().lower()}")
    present = [key for key in candidates if key in lookup.named]
    return present[:1] or candidates


def _by_host(text: str, _: Resource, own: str, stated: StatedRelation, lookup: Lookup) -> Sequence[str]:
    found = lookup.called(body.host_of(text.strip()), own, stated.relation)
    return [key for key in found if not stated.to or ids.type_of(key) in stated.to]


def _by_address(text: str, resource: Resource, _: str, __: StatedRelation, lookup: Lookup) -> Sequence[str]:
    """Return what has a private address in the networks where the resource counts, or in those peered with them."""
    home = lookup.routed.get(resource.key, set()) or lookup.routed.get(ids.parent_of(resource.key) or "", set())
    networks = home | {peer for network in home for peer in lookup.peers.get(network, ())}
    holders = lookup.holders.get(text.strip().lower(), ())
    return sorted({lookup.machines.get(key, key) for network, key in holders if network in networks})


def _by_principal(text: str, _: Resource, __: str, ___: StatedRelation, lookup: Lookup) -> Sequence[str]:
    return sorted(lookup.principals.get(text.strip().lower(), ()))


def _by_role(text: str, _: Resource, __: str, ___: StatedRelation, lookup: Lookup) -> Sequence[str]:
    """Return the role of an id; a built-in role has one GUID and an id for each subscription that lists it."""
    if not ids.is_resource_id(text.strip()):
        return ()
    key = ids.key(text.strip())
    known = lookup.definitions.get(ids.name_of(key), ())
    return [key if key in known or not known else min(known)]


def _by_scope(text: str, resource: Resource, own: str, stated: StatedRelation, lookup: Lookup) -> Sequence[str]:
    """Return the key of a scope; of a management group, the keys of the subscriptions known to lie below it."""
    key = ids.key(f"/{text.strip().lstrip('/')}")  # Azure Monitor leaves the slash in front out, in places
    return (_by_id(text, resource, own, stated, lookup) or [key]) if stated.to else [key or "/"]


_FINDERS: Final[Mapping[Join, Callable[[str, Resource, str, StatedRelation, Lookup], Sequence[str]]]] = {
    Join.ID: _by_id,
    Join.NAME: _by_name,
    Join.HOST: _by_host,
    Join.ADDRESS: _by_address,
    Join.PRINCIPAL: _by_principal,
    Join.ROLE: _by_role,
    Join.SCOPE: _by_scope,
}
