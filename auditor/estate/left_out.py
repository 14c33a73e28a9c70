"""Tell what an estate lacks because its collection left it out: it is not known, as if it had been refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import DIAGNOSED
from auditor.estate.completeness import can_have
from auditor.estate.declared_gaps import DeclaredGaps
from auditor.model import Gap, Resource
from auditor.snapshot.left_out import NOT_NEEDED, calls_in

_SUBSCRIPTION: Final = 2
"""The segments of a subscription's id."""


class LeftOutGaps:
    """The gaps that calls left out come to, one at each resource that such a call would have been about.

    They are made for a type when it is first asked about, since nothing that the collection was made for asks. `listed`
    are the resources that are here, by type in lower case.
    """

    def __init__(
        self, scope: Mapping[str, object], listed: Sequence[Mapping[str, Sequence[Resource]]], catalogue: Catalogue
    ) -> None:
        self._listed = listed
        self._catalogue = catalogue
        self._scope = scope
        self._starts: dict[str, dict[str, str]] = defaultdict(dict)
        for start, yields in calls_in(scope):
            self._starts[yields.lower()][start] = yields
        self._gaps: dict[str, DeclaredGaps] = {}

    def __bool__(self) -> bool:
        """Whether anything was left out."""
        return bool(self._starts)

    def of_type(self, resource_type: str) -> Sequence[Gap]:
        """Return the gaps in a type, and in those that its resources would be found through."""
        return self._of(resource_type).of_type(resource_type) if self._starts else ()

    def near(self, resource_type: str, scope: str) -> Gap | None:
        """Return the first gap in a type at, below or above a scope, or None; without scope, anywhere.

        Diagnostic settings are asked for of each resource by itself: those of others, above or below, say nothing.
        """
        if not self._starts:
            return None
        starts = self._starts.get(resource_type.lower(), {})
        known = self._catalogue.get(resource_type) if starts and scope else None
        if known is not None and known.listing is not None and DIAGNOSED in known.listing.on:
            owner = ids.scope_of(scope) if _kind_of(scope) == known.key else scope
            yields = starts.get(_kind_of(owner))
            return None if yields is None else Gap(owner, yields, NOT_NEEDED)
        return self._of(resource_type).near(resource_type, scope)

    def _of(self, resource_type: str) -> DeclaredGaps:
        key = resource_type.lower()
        if key not in self._gaps:
            gaps = DeclaredGaps()
            for name in _with_parents(key):
                for start in sorted(self._starts.get(name, ())):
                    yields = self._starts[name][start]
                    for owner in sorted(set(self._owners(start, name, frozenset({name})))):
                        gaps.add(Gap(owner, yields, NOT_NEEDED))
            self._gaps[key] = gaps
        return self._gaps[key]

    def _owners(self, start: str, yields: str, seen: Collection[str]) -> Iterator[str]:
        """Yield the ids of what calls from a type would have been about; where that was left out, too, of its owners."""
        if start == ids.SUBSCRIPTIONS.lower():
            yield from (f"/subscriptions/{name}" for name in self._subscriptions())
        for resources in self._listed:
            yield from (resource.id for resource in resources.get(start, ()) if self._may_have(resource, yields))
        if start not in seen:
            for further in self._starts.get(start, ()):
                yield from self._owners(further, start, {*seen, start})

    def _may_have(self, resource: Resource, yields: str) -> bool:
        known = self._catalogue.get(yields)
        return known is None or known.parent != resource.type_key or can_have(resource, known)

    def _subscriptions(self) -> Iterator[str]:
        named = self._scope.get("subscription_ids")
        if isinstance(named, Sequence) and not isinstance(named, str):
            yield from (str(name) for name in named)


def _kind_of(scope: str) -> str:
    is_subscription = len(ids.segments(scope)) == _SUBSCRIPTION
    return ids.SUBSCRIPTIONS if is_subscription else (ids.type_of(scope) or "").lower()


def _with_parents(key: str) -> Iterator[str]:
    while "/" in key:
        yield key
        key = key.rpartition("/")[0]
