"""Tell who made a change and when: by change records, by the activity log, by what a resource says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.regenerations import ACTIVITY_LOG
from auditor.diff.drift import ChangeKind
from auditor.estate.graph import Estate
from auditor.model import Resource

CHANGE_RECORDS: Final = "microsoft.resources/changes"
"""https://learn.microsoft.com/azure/governance/resource-graph/changes/resource-graph-changes"""


class Authors:
    """Who changed what last, as far as the new state tells; nothing is told of what was before the old one."""

    def __init__(self, new: Estate, after: str | None = None) -> None:
        self._after = after or ""
        self._known: dict[str, tuple[str | None, str]] = {}
        for log in new.of_type(ACTIVITY_LOG):
            for event in body.objects(log.properties, "events"):
                self._add(
                    body.text(event, "resourceId"), body.text(event, "caller"), body.text(event, "eventTimestamp")
                )
        for record in new.of_type(CHANGE_RECORDS):
            attributes = body.value(record.properties, "changeAttributes")
            target = body.text(record.properties, "targetResourceId")
            self._add(target, body.text(attributes, "changedBy"), body.text(attributes, "timestamp"))

    def _add(self, target: str | None, who: str | None, when: str | None) -> None:
        if target is None or when is None or when < self._after:
            return
        key = ids.key(target)
        if key not in self._known or self._known[key][1] <= when:
            self._known[key] = (who, when)

    def of(self, new: Resource, old: Resource, kind: ChangeKind) -> tuple[str | None, str | None]:
        """Return who made a change of a resource last, and when; what it said of itself before tells nothing."""
        place: str | None = new.key
        while place is not None:
            if place in self._known:
                return self._known[place]
            place = ids.parent_of(place)
        told = _of_itself(new)
        is_news = kind is ChangeKind.ADDED or (kind is ChangeKind.CHANGED and told != _of_itself(old))
        return told if is_news else (None, None)


def _of_itself(resource: Resource) -> tuple[str | None, str | None]:
    data = body.value(resource.body, "systemData")
    if isinstance(data, Mapping):
        return body.text(data, "lastModifiedBy"), body.text(data, "lastModifiedAt")
    properties = resource.properties
    return body.text(properties, "updatedBy"), body.text(properties, "updatedOn")
