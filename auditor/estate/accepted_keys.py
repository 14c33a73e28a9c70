"""Tell whether a service accepts its keys at all."""

from __future__ import annotations

from auditor.azure import paths
from auditor.azure.resource_type import ResourceType
from auditor.estate.graph import Estate
from auditor.estate.stated_values import stated_or_default
from auditor.model import Gap, Resource


def accepts_keys(estate: Estate, resource: Resource, kind: ResourceType) -> bool | Gap:
    """Return whether a resource of a type accepts keys as its switches stand, or why that is not known.

    An absent switch has Azure's default where the type's file states one.
    """
    for path, values in kind.keys.off.items():
        unread = estate.gap_at(resource.key, path)
        if unread is not None:
            return unread
        stated = stated_or_default(estate, resource, path)
        if stated is paths.ABSENT or stated is None:
            return Gap(resource.id, path, "the resource does not state it")
        if str(stated).lower() in values:
            return False
    return True
