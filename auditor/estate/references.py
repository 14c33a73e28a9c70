"""Find every id that a resource's own properties name, and tell which of the named resources do not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import Catalogue
from auditor.estate.graph import Estate
from auditor.estate.lookup import PRIVATE_ENDPOINTS
from auditor.model import Gap, Resource

_FROM: Final = ("properties", "identity", "managedBy")
_INVENTORY: Final = "resources"
_SCALAR: Final = frozenset({int, float, bool, type(None)})
_CONNECTIONS: Final = "privateendpointconnections"


class Reference(Struct, frozen=True):
    """An id that a resource names at a path; `target` is the resource that must exist for it, as spelled."""

    path: str
    target: str


class References(Struct, frozen=True):
    """What a resource names: how much of it was looked up, what does not exist, why more may not."""

    checked: int
    dangling: tuple[Reference, ...]
    gap: Gap | None


def references_of(estate: Estate, resource: Resource) -> References:
    """Return what a resource names of the types that are read, and what of that does not exist."""
    targets = list(_targets(estate, resource))
    absent = [reference for reference in targets if estate.resource(reference.target) is None]
    gaps = [(reference, estate.unseen(reference.target)) for reference in absent]
    own = estate.gap_at(resource.key, "properties")
    return References(
        checked=len(targets),
        dangling=tuple(reference for reference, gap in gaps if gap is None),
        gap=next((gap for _, gap in gaps if gap is not None), own),
    )


def _targets(estate: Estate, resource: Resource) -> Iterator[Reference]:
    seen: set[str] = set()
    for name in _FROM:
        for path, text in _ids_in(body.value(resource.body, name), name):
            target = _that_must_exist(estate.catalogue, text)
            if target is None or ids.key(target) in seen or ids.is_under(target, resource.key):
                continue
            seen.add(ids.key(target))
            if not _is_of_somebody_else(estate, f"{resource.type_key}.{path}", target):
                yield Reference(path, target)


def _ids_in(value: object, path: str) -> list[tuple[str, str]]:
    """Return every id of something in a resource group that stands in a value, as a text or as a name, with its path."""
    found: list[tuple[str, str]] = []
    _gather(value, path, found)
    return found


def _gather(value: object, path: str, found: list[tuple[str, str]]) -> None:
    if isinstance(value, str):
        if ids.is_resource_id(value) and _is_in_a_group(value):
            found.append((path, value))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(name, str):
                _gather_named(name, inner, path, found)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            if _may_hold_ids(inner):
                _gather(inner, f"{path}[{position}]", found)


def _gather_named(name: str, inner: object, path: str, found: list[tuple[str, str]]) -> None:
    if _may_hold_ids(name):
        _gather(name, f"{path}['{name}']", found)
    if _may_hold_ids(inner):
        _gather(inner, f"{path}.{name}" if "/" not in name else f"{path}['{name}']", found)


def _may_hold_ids(value: object) -> bool:
    """Whether to look at a value at all: most are no ids at the first letter."""
    return value[:1] == "/" if type(value) is str else type(value) not in _SCALAR


def _is_in_a_group(text: str) -> bool:
    """Whether an id names one thing in a resource group, with a name behind each type."""
    behind = ids.segments(text.lower().rpartition("/providers/")[2])
    return "*" not in text and bool(ids.resource_group_of(text)) and len(behind) >= 3 and len(behind) % 2 == 1


def _that_must_exist(catalogue: Catalogue, text: str) -> str | None:
    """Return the named resource, or the one above it, that is of a type which is read; None where none is.

    An id may name a part that is no resource in any list: `…/networkInterfaces/nic/ipConfigurations/ipconfig1`.
    """
    target: str | None = text
    while target is not None:
        known = catalogue.get(ids.type_of(target) or "")
        if known is not None and (known.resource_graph == _INVENTORY or known.listing or known.inline):
            return target
        target = ids.parent_of(target)
    return None


def _is_of_somebody_else(estate: Estate, place: str, target: str) -> bool:
    """Whether a connection, inline or a resource of its own, names an endpoint where the estate holds nothing.

    Such are the endpoints that services of Microsoft manage in subscriptions of their own, which nobody else can read:
    https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
    """
    is_endpoint = (ids.type_of(target) or "").lower() == PRIVATE_ENDPOINTS
    subscription = (ids.subscription_of(target) or "").lower()
    return is_endpoint and _CONNECTIONS in place.lower() and subscription not in estate.subscriptions
