"""Take out of an estate's activity logs the regenerations of keys, and the times over which they are all known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body, regenerations
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import ResourceType
from auditor.estate.graph import Estate
from auditor.keys.age import Rotation, Window
from auditor.model import Gap, Resource

_SUCCEEDED: Final = frozenset({"succeeded", "success"})
NOT_READ: Final = "the activity log was not read"


class ActivityLog:
    """What the activity logs of an estate tell of keys: all that were collected or exported, of every subscription."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._operations = regenerations.operations(estate.catalogue)
        self._windows: dict[tuple[str, str], list[Window]] = defaultdict(list)
        self._events: dict[str, list[tuple[str | None, Rotation]]] = defaultdict(list)
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for log in estate.of_type(regenerations.ACTIVITY_LOG):
            self._add_window(log, estate.catalogue)
            for event in body.objects(log.properties, "events"):
                self._add_event(event)

    def windows(self, resource: Resource) -> Sequence[Window]:
        """Return the times over which every regeneration of a resource's keys is known."""
        namespace = resource.type_key.partition("/")[0]
        return self._windows.get((_subscription(resource.key), namespace), ())

    def rotations(self, resource: Resource) -> Sequence[Rotation]:
        """Return the regenerations of a resource's keys, by time.

        Azure writes several entries for one request, and the name of the key into the first of them at best.
        """
        found: set[Rotation] = set()
        for request, event in self._events.get(resource.key, ()):
            names = self._names.get((resource.key, request), set()) if request else set()
            named = next(iter(names)) if event.key is None and len(names) == 1 else event.key
            found.add(Rotation(event.at, named, event.is_sure))
        return sorted(found, key=lambda event: (event.at, event.key or "", event.is_sure))

    def gap(self, resource: Resource, reason: str = NOT_READ) -> Gap:
        """Return what would have to be read to know more, with the reason of the collection where it has one."""
        scope = ids.subscription_scope(resource.id) or "/"
        kind = self._estate.catalogue.get(regenerations.ACTIVITY_LOG)
        permission = kind.listing.action if kind and kind.listing else None
        declared = self._estate.gaps_in(regenerations.ACTIVITY_LOG)
        stated = next((gap.reason for gap in declared if ids.is_under(scope, gap.scope)), None)
        return Gap(
            scope, regenerations.ACTIVITY_LOG, stated if stated and reason == NOT_READ else reason, permission or None
        )

    def _add_window(self, log: Resource, catalogue: Catalogue) -> None:
        start, end = body.moment(log.properties, "from"), body.moment(log.properties, "to")
        if start is None or end is None:
            return  # the earliest event of a list says nothing of what the list leaves out
        stated = body.value(log.properties, "providers")
        known = {kind.namespace for kind in catalogue if kind.keys.replace}
        for namespace in known if stated is None else body.texts(stated):
            self._windows[_subscription(log.key), namespace.lower()].append(Window(start, end))

    def _add_event(self, event: Mapping[str, object]) -> None:
        kind = self._operations.get((body.text(event, "operationName") or "").lower())
        target, at = body.text(event, "resourceId"), body.moment(event, "eventTimestamp")
        if kind is None or target is None:
            return
        resource, ending = _resource_and_ending(ids.key(target), kind)
        named = body.text(event, "keyName") or (
            ending if ending in {name.lower() for name in kind.keys.names} else None
        )
        request = body.text(event, "correlationId")
        if request and named:
            self._names[resource, request].add(named.lower())
        status = (body.text(event, "status") or "").lower()
        if at is not None and (not status or status in _SUCCEEDED):
            self._events[resource].append((request, Rotation(at, named and named.lower(), bool(status))))


def _resource_and_ending(target: str, kind: ResourceType) -> tuple[str, str | None]:
    """Return the resource that an operation was done to, and what the id of the event says after it, if anything.

    Some services log an operation at an address of its own: `…/searchServices/s/regenerateAdminKey/primary`.
    """
    parts = target.split("/")
    place = len(parts) - parts[::-1].index("providers") if "providers" in parts else len(parts)
    length = place + 1 + 2 * kind.name.count("/")
    return "/".join(parts[:length]), parts[-1] if len(parts) > length else None


def _subscription(key: str) -> str:
    return ids.subscription_of(key) or ""
