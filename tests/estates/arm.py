"""The words of ARM: ids, resources with their children, and what Azure adds to each."""

from __future__ import annotations

import uuid
from typing import Any

Body = dict[str, Any]

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-chat"
TENANT = "00000000-0000-0000-0000-00000000ff01"
LOCATION = "eastus2"
DEPLOYED = "2024-02-06T12:00:00Z"
MICROSOFT = "/subscriptions/00000000-0000-0000-0000-0000000000b2/resourceGroups/managed"
"""Where the private endpoints of Azure's own managed networks are: not in the estate."""


def guid(text: str) -> str:
    """Return a GUID that is the same in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def path(kind: str, *names: str, below: str = GROUP) -> str:
    """Return the id of a resource of a type, its names from the outermost to its own."""
    namespace, *words = kind.split("/")
    pairs = (f"{word}/{name}" for word, name in zip(words, names, strict=True))
    return "/".join([below, "providers", namespace, *pairs])


def resource(kind: str, /, *names: str, below: str = GROUP, location: str | None = LOCATION, **more: Any) -> Body:
    """Return a resource of its own; `properties` and all beside them are keywords."""
    place = {"location": location} if location else {}
    return {"id": path(kind, *names, below=below), "name": names[-1], "type": kind, **place, **more}


def nested(parent: Body, collection: str, name: str, /, **properties: Any) -> Body:
    """Return a child that ARM shows inside its parent."""
    return {
        "name": name,
        "id": f"{parent['id']}/{collection}/{name}",
        "type": f"{parent['type']}/{collection}",
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def reference(resource_id: str) -> Body:
    """Return how ARM points at a resource."""
    return {"id": resource_id}


def log_settings(target: Body, *, name: str = "default", logs: list[Body] | None = None) -> Body:
    """Return the diagnostic setting of a resource: all its logs go to the workspace, unless others are given."""
    return resource(
        "Microsoft.Insights/diagnosticSettings",
        name,
        below=target["id"],
        location=None,
        properties={
            "workspaceId": path("Microsoft.OperationalInsights/workspaces", "log-chat01"),
            "logs": logs or [{"categoryGroup": "allLogs", "enabled": True}],
            "metrics": [],
        },
    )
