"""Take the regenerations of keys out of entries of the activity log, in any of the shapes in which Azure gives them.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from auditor.azure import body
from auditor.azure.resource_type import ResourceType

ACTIVITY_LOG: Final = "Microsoft.Insights/eventtypes/management"
SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "operationName": ("operationName", "OperationNameValue", "OperationName"),
    "status": ("status", "ActivityStatusValue", "ActivityStatus"),
    "eventTimestamp": ("eventTimestamp", "TimeGenerated", "EventSubmissionTimestamp"),
    "resourceId": ("resourceId", "_ResourceId", "ResourceId"),
    "eventDataId": ("eventDataId", "EventDataId"),
    "correlationId": ("correlationId", "CorrelationId"),
}
"""What is kept of an entry: its name in the log's own interface, then in the table AzureActivity."""
_MARKS: Final = (
    frozenset({"operationName", "eventTimestamp"}),
    frozenset({"OperationNameValue", "TimeGenerated"}),
)
_DETAILS: Final = ("properties", "Properties", "Properties_d")
_REQUESTS: Final = ("requestbody", "requestBody", "RequestBody")
_KEY_NAMES: Final = ("keyName", "keyType", "keyKind", "name")
"""How the services call the key in the body of the request: Azure OpenAI and storage, endpoints, others, registries."""


def operations(types: Iterable[ResourceType]) -> Mapping[str, ResourceType]:
    """Return the operations that put a new key in place, in lower case (the log's spelling varies), by their type."""
    return {f"{item.key}/{name.lower()}": item for item in types for name in item.keys.replace}


def is_event(entry: object) -> bool:
    """Whether an object is an entry of an activity log, from its own interface or from the table AzureActivity."""
    return isinstance(entry, Mapping) and any(marks <= entry.keys() for marks in _MARKS)


def regeneration(entry: Mapping[str, object], known: Mapping[str, ResourceType]) -> dict[str, object] | None:
    """Return what an entry tells of a regeneration, and nothing of who asked for it; None for every other entry.

    `keyName` is the key that was regenerated, None where the entry does not say so.
    """
    kept: dict[str, object] = {name: first_text(entry, spellings) for name, spellings in SPELLINGS.items()}
    operation = str(kept["operationName"] or "").lower()
    kind = known.get(operation)
    if kind is None:
        return None
    return {**kept, "keyName": _key_name(entry, kind)}


def first_text(entry: Mapping[str, object], names: Iterable[str]) -> str | None:
    """Return the text under the first of several names; of a text that is localised the form that never changes."""
    for name in names:
        stated = entry.get(name)
        content = body.text(stated, "value") if isinstance(stated, Mapping) else body.text(stated)
        if content is not None:
            return content
    return None


def _key_name(entry: Mapping[str, object], kind: ResourceType) -> str | None:
    names = {name.lower(): name for name in kind.keys.names}
    for details in (_object(entry.get(name)) for name in _DETAILS):
        requests = [_object(details.get(name)) for name in _REQUESTS]
        for source in (details, *requests):
            for stated in (body.text(source, name) for name in _KEY_NAMES):
                if stated is not None and stated.lower() in names:
                    return names[stated.lower()]
    return None


def _object(content: object) -> Mapping[str, object]:
    """Return an object, also where it stands as JSON in a text."""
    if isinstance(content, str):
        try:
            content = orjson.loads(content)
        except orjson.JSONDecodeError:
            return {}
    return content if isinstance(content, Mapping) else {}
