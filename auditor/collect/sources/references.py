"""Find what the scope's resources point at outside of it: hub networks, central DNS zones, shared plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import Follow

_NESTED: Final = (dict, list)

FOLLOWED: Final = frozenset(item.key for item in shipped() if item.followed)
"""Types that a workload needs and that often belong to somebody else."""

FOLLOWED_FURTHER: Final = frozenset(item.key for item in shipped() if item.followed is Follow.FURTHER)
"""What is followed from a resource outside the scope: what decides about its traffic, not its other neighbours."""


def references(value: object) -> Sequence[str]:
    """Return the ids of top-level resources of followed types in a body, as spelled, repeated as they come."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: object, found: list[str]) -> None:
    if isinstance(value, str):
        if value[:1] == "/" and ids.is_resource_id(value) and (named := top_level(value) or _definition(value)):
            found.append(named)
    elif isinstance(value, _NESTED):
        for item in value.values() if isinstance(value, dict) else value:
            if (isinstance(item, str) and item[:1] == "/") or isinstance(item, _NESTED):
                _gather(item, found)


def _definition(resource_id: str) -> str | None:
    """Return the id itself where it is that of a followed type outside of resource groups: a tenant's or group's own."""
    is_followed = "/resourcegroups/" not in resource_id.lower() and (ids.type_of(resource_id) or "").lower() in FOLLOWED
    return resource_id if is_followed else None


def top_level(resource_id: str) -> str | None:
    """Return the id of the followed resource that an id is or lies below, or None."""
    parts = ids.segments(resource_id)
    if len(parts) < 8 or parts[2].lower() != "resourcegroups" or parts[4].lower() != "providers":
        return None
    return "/" + "/".join(parts[:8]) if f"{parts[5]}/{parts[6]}".lower() in FOLLOWED else None
