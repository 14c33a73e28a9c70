"""Tell who made a change and when: by change records, by the activity log, by what a resource says of itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.activity import DELETION
from auditor.azure.body import as_time
from auditor.azure.regenerations import ACTIVITY_LOG
from auditor.diff.drift import ChangeKind
from auditor.estate.graph import Estate
from auditor.model import Resource

CHANGE_RECORDS: Final = "microsoft.resources/changes"
"""https://learn.microsoft.com/azure/governance/resource-graph/changes/resource-graph-changes"""
_NAMED: Final = 3
"""How many of those who may have made a change are named."""


class _Write(Struct, frozen=True):
    """That somebody wrote or deleted a resource; `when` is as the log has it."""

    at: datetime
    when: str
    who: str
    is_deletion: bool


class Authors:
    """Who changed what, as far as the new state tells; nothing is told of what was before the old one, nor after the new.

    What a log holds is told only where it is known that it was between the two.
    """

    def __init__(self, new: Estate, after: str | None = None, until: str | None = None) -> None:
        self._after = after or ""
        self._recorded: dict[str, tuple[str | None, str]] = {}
        self._written: dict[str, list[_Write]] = defaultdict(list)
        for record in new.of_type(CHANGE_RECORDS):
            attributes = body.value(record.properties, "changeAttributes")
            target = body.text(record.properties, "targetResourceId")
            self._add_record(target, body.text(attributes, "changedBy"), body.text(attributes, "timestamp"))
        start, end = as_time(self._after), as_time(until or "")
        if start is not None:
            for log in new.of_type(ACTIVITY_LOG):
                for written in body.objects(log.properties, "writes"):
                    self._add_write(written, start, end)

    def _add_record(self, target: str | None, who: str | None, when: str | None) -> None:
        if target is None or when is None or when < self._after:
            return
        key = ids.key(target)
        if key not in self._recorded or self._recorded[key][1] <= when:
            self._recorded[key] = (who, when)

    def _add_write(self, written: Mapping[str, object], start: datetime, end: datetime | None) -> None:
        when, who = body.text(written, "eventTimestamp"), body.text(written, "caller")
        target, at = body.text(written, "resourceId"), as_time(when or "")
        if who and when and target and at is not None and start <= at and (end is None or at <= end):
            is_deletion = (body.text(written, "operationName") or "").lower().endswith(DELETION)
            self._written[ids.key(target)].append(_Write(at, when, who, is_deletion))

    def of(self, new: Resource, old: Resource, kind: ChangeKind) -> tuple[str | None, str | None]:
        """Return who made a change of a resource, and when; what it said of itself before tells nothing.

        Where several wrote it between the two states, all of them are told, and no time.
        """
        place: str | None = new.key
        while place is not None:
            if place in self._recorded:
                return self._recorded[place]
            if writes := self._fitting(place, kind, is_own=place == new.key):
                return _told(writes)
            place = ids.parent_of(place)
        told = _of_itself(new)
        is_news = kind is ChangeKind.ADDED or (kind is ChangeKind.CHANGED and told != _of_itself(old))
        return told if is_news else (None, None)

    def _fitting(self, place: str, kind: ChangeKind, *, is_own: bool) -> list[_Write]:
        """Return what may have made a change: a child goes with its parent, or because that was written without it."""
        writes = self._written.get(place, [])
        is_gone = kind is ChangeKind.REMOVED
        return [one for one in writes if (one.is_deletion is is_gone) or (is_gone and not is_own)]


def _told(writes: Sequence[_Write]) -> tuple[str, str | None]:
    in_order = sorted(writes, key=lambda one: (one.at, one.who))
    people = {one.who.lower(): one.who for one in in_order}
    if len(people) == 1:
        return in_order[-1].who, in_order[-1].when
    names = sorted(people.values(), key=str.lower)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"one of {', '.join(names[:_NAMED])}{more}", None


def _of_itself(resource: Resource) -> tuple[str | None, str | None]:
    data = body.value(resource.body, "systemData")
    if isinstance(data, Mapping):
        return body.text(data, "lastModifiedBy"), body.text(data, "lastModifiedAt")
    properties = resource.properties
    return body.text(properties, "updatedBy"), body.text(properties, "updatedOn")
