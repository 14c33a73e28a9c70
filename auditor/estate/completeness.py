"""Tell which lists an estate is known to hold whole: what it lacks is absent there, and not known anywhere else.

A foreign export states what it holds and never what it left out. So the absence of anything is evidence only where the
input says that it is the whole truth, or where the list stands inside a resource that was read. What Azure always
gives a resource (the configuration of a site) is missing data even in an input that calls itself complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import DIAGNOSED, ResourceType
from auditor.model import Gap, Resource
from auditor.snapshot.children import inline_children

NOT_IN_EXPORT: Final = "not in the export"
ALWAYS_EXISTS: Final = "not in the input, although Azure always has it"


class Missing(Struct, frozen=True):
    """A child that a resource must or may have and that was not seen: its type, its name where that is fixed."""

    parent: Resource
    kind: ResourceType
    name: str | None
    gap: Gap


class Completeness:
    """What an estate's resources, by key and by type in lower case, leave open.

    `unread`: those, by type, of which the properties were not read. `complete`: all of them are the whole truth.
    """

    def __init__(
        self,
        by_key: Mapping[str, Resource],
        by_type: Mapping[str, Sequence[Resource]],
        unread: Mapping[str, Sequence[Resource]],
        catalogue: Catalogue,
        *,
        complete: bool,
    ) -> None:
        self.complete = complete
        self.catalogue = catalogue
        self._by_key = by_key
        self._by_type = by_type
        self._unread = unread
        self._owners: dict[str, frozenset[str]] = {}
        self._missing: dict[str, Sequence[Missing]] = {}
        self._places: dict[str, tuple[Mapping[str, int], Mapping[str, int]]] = {}

    def gap(self, resource_type: str, scope: str = "") -> Gap | None:
        """Return why resources of a type may exist at, below or above a scope that are not here, or None."""
        known = self.catalogue.get(resource_type)
        place = self._by_key.get(ids.key(scope)) if scope else None
        if place is not None and place.type_key == resource_type.lower():
            return None  # what was asked for is here
        if known is not None and known.always_exists:
            missing = self._missing_near(resource_type, ids.key(scope))
            if missing is not None:
                return missing.gap
        if self.complete:
            return None
        if place is not None and self._lists_whole(place, resource_type):
            return None
        permission = permission_to_read(known) if known else f"{resource_type}/read"
        return Gap(place.id if place else "/", resource_type, NOT_IN_EXPORT, permission)

    def _missing_near(self, resource_type: str, scope: str) -> Missing | None:
        """Return the first child that is missing of a resource at, below or above a scope; without scope, of any."""
        listed = self.missing(resource_type)
        if not listed or not scope:
            return next(iter(listed), None)
        key = resource_type.lower()
        if key not in self._places:
            first_below: dict[str, int] = {}
            first_at: dict[str, int] = {}
            for place, missing in enumerate(listed):
                first_at.setdefault(missing.parent.key, place)
                for above in (missing.parent.key, *_above(missing.parent.key)):
                    first_below.setdefault(above, place)
            self._places[key] = first_below, first_at
        below, at = self._places[key]
        places = [place for place in (below.get(scope), *map(at.get, _above(scope))) if place is not None]
        return listed[min(places)] if places else None

    def missing(self, resource_type: str) -> Sequence[Missing]:
        """Return what the resources that must or may have something of a type have besides what is here."""
        key = resource_type.lower()
        if key not in self._missing:
            known = self.catalogue.get(key)
            is_open = known is not None and (known.always_exists or not self.complete)
            self._missing[key] = tuple(self._missing_of(known)) if known is not None and is_open else ()
        return self._missing[key]

    def _missing_of(self, kind: ResourceType) -> Iterator[Missing]:
        for owner_type in owner_types(kind):
            for owner in (*self._by_type.get(owner_type, ()), *self._unread.get(owner_type, ())):
                if can_have(owner, kind):
                    yield from self._missing_below(owner, kind)

    def _missing_below(self, owner: Resource, kind: ResourceType) -> Iterator[Missing]:
        members: Sequence[str | None] = kind.listing.members if kind.listing else ()
        if not members and (owner.key in self._owners_of(kind) or self._lists_whole(owner, kind.key)):
            return
        segment = kind.key.rpartition("/")[2]
        for name in members or (None,):
            if name is None or f"{owner.key}/{segment}/{name.lower()}" not in self._by_key:
                what = kind.name if name is None else f"{kind.name}/{name}"
                reason = ALWAYS_EXISTS if self.complete else NOT_IN_EXPORT
                yield Missing(owner, kind, name, Gap(owner.id, what, reason, permission_to_read(kind)))

    def _owners_of(self, kind: ResourceType) -> frozenset[str]:
        """Return the keys of everything that a resource of a type lies below or hangs on."""
        if kind.key not in self._owners:
            self._owners[kind.key] = frozenset(
                above
                for resource in (*self._by_type.get(kind.key, ()), *self._unread.get(kind.key, ()))
                for above in _above(resource.key)
            )
        return self._owners[kind.key]

    def _lists_whole(self, owner: Resource, resource_type: str) -> bool:
        """Whether a resource's own properties list all that is of a type below it."""
        head, _, segment = resource_type.lower().rpartition("/")
        name = inline_children(owner.type_key).get(segment) if head == owner.type_key else None
        return name is not None and isinstance(body.value(owner.body, f"properties.{name}"), list)


def owner_types(kind: ResourceType) -> Sequence[str]:
    """Return the types, in lower case, below which a type is asked for."""
    listed = [name for name in kind.listing.on if name != DIAGNOSED] if kind.listing else []
    if kind.parent is not None:
        return listed or [kind.parent]
    return []  # what hangs on anything is looked for by whoever needs it


def _above(key: str) -> Iterator[str]:
    while "/" in key[1:]:
        key = key.rpartition("/")[0]
        yield key


def can_have(owner: Resource, kind: ResourceType) -> bool:
    """Whether a resource, by what it says of itself, may have anything of a type below it."""
    stated = str(owner.body.get("kind") or "").lower()
    fits = not kind.kinds or not stated or stated in kind.kinds
    return fits and body.states_values(owner.body, kind.where_parent)


def permission_to_read(kind: ResourceType) -> str:
    """Return the action that settles what there is of a type."""
    return kind.listing.action if kind.listing and kind.listing.action else f"{kind.name}/read"
