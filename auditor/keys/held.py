"""Go through the keys of an estate: which resource has which, whether they open anything, how old each can be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import body
from auditor.azure.resource_type import ResourceType
from auditor.estate.accepted_keys import accepts_keys
from auditor.estate.graph import Estate
from auditor.keys.activity_log import NOT_READ, ActivityLog
from auditor.keys.age import AgeBounds, bounds
from auditor.model import Gap, Resource

_CREATED: Final = ("systemData.createdAt", "properties.creationTime", "properties.dateCreated", "createdTime")
"""Where services say when a resource came to be."""
_DAY: Final = "%Y-%m-%d"
_WHILE_READ: Final = timedelta(days=1)
"""How long after the time of judgement a key may have been replaced while its estate was being read."""


class HeldKey(Struct, frozen=True):
    """A key of a resource. `is_accepted`: whether the service takes keys at all, or why that is not known.

    `created` is when the resource came to be; `path` where the age of the key is stated, None where only the log tells.
    `gap`: why the age is not known exactly, with what is proven all the same; None where it is known.
    """

    resource: Resource
    kind: ResourceType
    name: str
    is_accepted: bool | Gap
    created: datetime | None
    age: AgeBounds
    path: str | None
    gap: Gap | None


def held_keys(estate: Estate, now: datetime) -> Iterator[HeldKey]:
    """Yield every key of every resource in scope, by type, resource and key."""
    log = ActivityLog(estate)
    for kind in estate.catalogue:
        for resource in estate.judged(kind.key) if kind.keys.names else ():
            yield from keys_of(estate, resource, kind, log, now)


def keys_of(
    estate: Estate, resource: Resource, kind: ResourceType, log: ActivityLog, now: datetime
) -> Iterator[HeldKey]:
    """Yield the keys of one resource."""
    created = created_at(resource)
    for name in kind.keys.names:
        age = bounds(
            name,
            kind.keys.names,
            created=created,
            rotations=log.rotations(resource),
            windows=log.windows(resource),
            now=now,
        )
        path = kind.keys.created.get(name)
        stated = body.moment(resource.body, path) if path else None
        if stated is not None and stated <= now + _WHILE_READ:
            age = AgeBounds(stated, stated, now)
        key = HeldKey(resource, kind, name, accepts_keys(estate, resource, kind), created, age, path, None)
        yield key if age.exact else replace(key, gap=_gap(estate, log, key))


def created_at(resource: Resource) -> datetime | None:
    """Return when a resource came to be, or None where it does not say."""
    return next((when for path in _CREATED if (when := body.moment(resource.body, path)) is not None), None)


def _gap(estate: Estate, log: ActivityLog, key: HeldKey) -> Gap:
    """Return why the age of a key is known in bounds only, and what is proven of it."""
    if key.path and (gap := estate.gap_at(key.resource.key, key.path) or _replaced_later(key.resource, key.path)):
        return gap
    age = key.age
    if not key.kind.keys.replace:
        return Gap(key.resource.id, key.path or key.kind.name, "Azure does not log when this key is replaced")
    windows = [window for window in log.windows(key.resource) if window.start <= age.now]
    if age.seen_from is None and windows:
        end = max(window.end for window in windows)
        return log.gap(key.resource, f"the activity log that was read ends on {end.strftime(_DAY)}")
    if age.seen_from is None:
        return log.gap(key.resource, NOT_READ)
    if age.unclear:
        last = max(rotation.at for rotation in age.unclear).strftime(_DAY)
        return log.gap(key.resource, f"a key was regenerated on {last}, and the log does not say whether this one")
    return log.gap(key.resource, f"not rotated in the last {age.at_least.days} days; older is not known")


def _replaced_later(resource: Resource, path: str) -> Gap | None:
    """Return that a key got its present value after the time of judgement, where the service states one all the same."""
    stated = body.moment(resource.body, path)
    if stated is None:
        return None
    return Gap(resource.id, path, f"it was replaced on {stated.strftime(_DAY)}, after the time of judgement")
