"""Take a resource apart into itself and the children inside it, and put children back in one canonical form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.errors import InputError

_CONNECTIONS: Final = {"privateendpointconnections": "privateEndpointConnections"}


def _inline() -> Mapping[str, Mapping[str, str]]:
    """Return the properties of parents that list whole children: parent → name in lower case → name as spelled."""
    found: dict[str, dict[str, str]] = {}
    for item in shipped():
        if item.inline and item.parent:
            found.setdefault(item.parent, {})[item.inline.lower()] = item.inline
    return found


_INLINE: Final = _inline()

INLINE_CHILD_TYPES: Final = frozenset(f"{parent}/{child}" for parent, all_ in _INLINE.items() for child in all_)
"""Types whose id is trusted over `type`: lists of back references (an NSG's `subnets`) get exported as children too."""
CHILD_SEGMENTS: Final = frozenset(child for all_ in (*_INLINE.values(), _CONNECTIONS) for child in all_)

_REFERENCE: Final = frozenset({"id", "name", "type"})


@lru_cache(maxsize=4096)
def inline_children(type_key: str) -> Mapping[str, str]:
    """Return the properties that list children of a type: lower-case name → name and id segment as Azure spells it."""
    known = shipped().get(type_key)
    barred = known.not_inline if known else frozenset()
    found = {**_INLINE.get(type_key, {}), **_CONNECTIONS}
    return {name: spelled for name, spelled in found.items() if name not in barred}


class Parts(Struct):
    """A resource without its children. `references` are children that only their ids are known of."""

    body: dict[str, object]
    children: list[dict[str, object]]
    references: list[str]


def take_apart(body: dict[str, object], type_key: str, place: str) -> Parts:
    """Split the children off a resource with a valid `id`; the arrays they stood in go, but for what is no child."""
    parts = Parts(body, [], [])
    properties = body.get("properties")
    if isinstance(properties, dict):
        _take_inline(parts, properties, type_key)
    nested = body.get("resources")
    if isinstance(nested, list):
        parts.body = {key: value for key, value in parts.body.items() if key != "resources"}
        for child in nested:
            _take_nested(parts, child, place)
    return parts


def _take_inline(parts: Parts, properties: Mapping[str, object], type_key: str) -> None:
    found = _inline_names(tuple(properties), type_key)
    lists = [(key, segment, value) for key, segment in found if isinstance(value := properties[key], list)]
    if not lists:
        return
    kept = dict(properties)
    for key, segment, items in lists:
        rest = []
        for item in items:
            child = _inline_child(item, str(parts.body["id"]), segment)
            if child is not None and not _REFERENCE.issuperset(child):
                parts.children.append(child)
                continue
            rest.append(item)
            if child is not None:
                parts.references.append(str(child["id"]))
        if items and key in kept:
            del kept[key]
        if rest:
            kept[segment] = rest
    parts.body = {**parts.body, "properties": kept}


@lru_cache(maxsize=4096)  # resources of a type have the same few sets of properties
def _inline_names(properties: tuple[str, ...], type_key: str) -> Sequence[tuple[str, str]]:
    """Return (name as spelled, name as Azure spells it) of the properties that list children."""
    known = inline_children(type_key)
    return [(name, known[name.lower()]) for name in properties if name.lower() in known]


def _inline_child(item: object, parent_id: str, segment: str) -> dict[str, object] | None:
    """Return an item of an inline list with its full id, or None where it is no child but something else, or no object."""
    if not isinstance(item, dict):
        return None
    own_id, name = item.get("id"), item.get("name")
    if isinstance(own_id, str) and ids.is_resource_id(own_id):
        return item if ids.key(own_id).rpartition("/")[0] == f"{ids.key(parent_id)}/{segment.lower()}" else None
    if own_id is not None or not isinstance(name, str) or not name or "/" in name:
        return None
    return {**item, "id": f"{parent_id.rstrip('/')}/{segment}/{name}"}


def _take_nested(parts: Parts, child: object, place: str) -> None:
    if not isinstance(child, dict):
        raise InputError(f"{place} holds something under `resources` that is no object", "give ARM resources")
    child_id = child.get("id")
    if not ids.is_resource_id(child_id):
        child_id = _id_in_template(child, str(parts.body["id"]))
        child = {key: value for key, value in child.items() if key not in ("name", "type")}  # relative; the id is not
    if child_id is None:
        raise InputError(
            f"{place} holds a resource under `resources` that has neither an id nor a type and name below its parent",
            "export resources with their full ids",
        )
    if set(child) <= _REFERENCE and ids.key(child_id) != ids.key(str(parts.body["id"])):
        parts.references.append(str(child_id))
    else:
        parts.children.append({**child, "id": child_id})


def _id_in_template(child: Mapping[str, object], parent_id: str) -> str | None:
    """Return the id of a child as ARM templates write it: `type` and `name` in full or relative to the parent."""
    own_type, name = child.get("type"), child.get("name")
    if child.get("id") is not None or not isinstance(own_type, str) or not isinstance(name, str) or not name:
        return None
    parent_id = parent_id.rstrip("/")
    parent_type = ids.type_of(parent_id) or ""
    if own_type.lower().startswith(parent_type.lower() + "/"):
        own_type = own_type[len(parent_type) + 1 :]
    elif "." in own_type.partition("/")[0]:
        return f"{parent_id}/providers/{own_type}/{name}" if own_type.count("/") == 1 and "/" not in name else None
    types = own_type.split("/")
    names = name.split("/")[-len(types) :]
    if len(names) != len(types):
        return None
    return "/".join([parent_id, *(part for pair in zip(types, names, strict=True) for part in pair)])


def put_back(body: dict[str, object], name: str, children: Sequence[dict[str, object]]) -> dict[str, object]:
    """Return the parent with its children (sorted by key) under a property; what was no child stays behind them."""
    properties = body.get("properties")
    if not isinstance(properties, dict):  # a listing without properties stays one: nothing is known of them
        return body
    known = {ids.key(str(child["id"])) for child in children}
    rest = properties.get(name)
    others = [item for item in rest if not _refers_to(item, known)] if isinstance(rest, list) else []
    kept = {key: value for key, value in properties.items() if key.lower() != name.lower()}
    return {**body, "properties": {**kept, name: [*children, *others]}}


def _refers_to(item: object, known: set[str]) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str) and ids.key(item["id"]) in known
