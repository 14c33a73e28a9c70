"""Answer who is related to whom in a snapshot, and what of it is not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from auditor import resource_id as ids
from auditor.estate.relations import NAVIGATION, derive
from auditor.model import Gap, Relation, Resource
from auditor.snapshot.contents import ANY_TYPE, Metadata, Snapshot

NOT_IN_EXPORT = "not in the export"


class Estate:
    """Resources with their relations; read-only.

    A snapshot that is not complete says nothing about types of which it holds no resource: those count as gaps.
    """

    def __init__(self, snapshot: Snapshot, *, complete: bool = False) -> None:
        self.metadata: Metadata = snapshot.metadata
        self.sha256 = snapshot.sha256
        self.complete = complete or snapshot.metadata.complete
        self.resources: Sequence[Resource] = snapshot.resources
        self.gaps: Sequence[Gap] = snapshot.gaps
        self._by_key: dict[str, Resource] = {resource.key: resource for resource in snapshot.resources}
        self._by_type: dict[str, list[Resource]] = defaultdict(list)
        for resource in snapshot.resources:
            self._by_type[resource.type_key].append(resource)
        self.relations: Sequence[Relation] = sorted(set(derive(snapshot.resources)), key=_order)
        self._out = _index((relation.source, relation.kind, relation.target) for relation in self.relations)
        self._in = _index((relation.target, relation.kind, relation.source) for relation in self.relations)
        self._type_gaps: dict[str, list[Gap]] = defaultdict(list)
        self._own_gaps: dict[str, list[Gap]] = defaultdict(list)
        for gap in snapshot.gaps:
            if "/" in gap.what:
                self._type_gaps[gap.what.lower()].append(gap)
            else:
                self._own_gaps[ids.key(gap.scope)].append(gap)

    def get(self, resource_id: str) -> Resource | None:
        """Return the resource with this id, in any case."""
        return self._by_key.get(ids.key(resource_id))

    def of_type(self, resource_type: str) -> Sequence[Resource]:
        """Return all resources of a type (any case), sorted by key."""
        return self._by_type.get(resource_type.lower(), ())

    def types(self) -> Sequence[str]:
        """Return the types present, in lower case, sorted."""
        return sorted(self._by_type)

    def targets(self, resource_id: str, kind: str) -> Sequence[str]:
        """Return keys that the resource points at by a relation of this kind, whether or not they exist here."""
        return self._out.get((ids.key(resource_id), kind), ())

    def sources(self, resource_id: str, kind: str) -> Sequence[str]:
        """Return keys of resources that point at this one by a relation of this kind."""
        return self._in.get((ids.key(resource_id), kind), ())

    def related(self, resource_id: str, name: str) -> Sequence[Resource]:
        """Return the resources reached by a named navigation (`privateEndpoint`, `child`; `relations.NAVIGATION`)."""
        navigation = NAVIGATION[name]
        find = self.targets if navigation.outward else self.sources
        found = (self._by_key.get(key) for key in find(resource_id, navigation.kind))
        return [r for r in found if r is not None and (not navigation.types or r.type_key in navigation.types)]

    def type_gap(self, resource_type: str, scope: str = "") -> Gap | None:
        """Return why resources of a type are not (all) known at, below or above a scope, or None where they are.

        Without scope: anywhere. Of an incomplete export, a type without any resource is a gap.
        """
        for gap in self.gaps_in(resource_type):
            if not scope or ids.is_under(scope, gap.scope) or ids.is_under(gap.scope, scope):
                return gap
        if not self.complete and resource_type.lower() not in self._by_type:
            return Gap("/", resource_type, NOT_IN_EXPORT)
        return None

    def gaps_in(self, resource_type: str) -> Sequence[Gap]:
        """Return the gaps that the snapshot itself declares in a type."""
        if not self._type_gaps:
            return ()
        return [*self._type_gaps.get(resource_type.lower(), ()), *self._type_gaps.get(ANY_TYPE, ())]

    def relation_gap(self, resource_id: str, name: str) -> Gap | None:
        """Return why a named navigation from this resource is not (all) known, or None where it is.

        Children and extensions are known unless their type is missing below the resource; other sources may lie
        anywhere, so that a gap in their type anywhere makes the relation unknown.
        """
        for gap in self._own_gaps.get(ids.key(resource_id), ()):
            if gap.what == f"related:{name}":
                return gap
        navigation = NAVIGATION[name]
        for resource_type in (*navigation.types, *navigation.stated_by):
            gap_found = self.type_gap(resource_type, resource_id if navigation.below else "")
            if gap_found is not None:
                return gap_found
        return None

    def path_gaps(self, resource_id: str) -> Sequence[Gap]:
        """Return the gaps in the resource's own properties (`what` is a property path)."""
        return [gap for gap in self._own_gaps.get(ids.key(resource_id), ()) if not gap.what.startswith("related:")]


def _order(relation: Relation) -> tuple[str, str, str]:
    return relation.source, relation.kind, relation.target


def _index(edges: Iterable[tuple[str, str, str]]) -> Mapping[tuple[str, str], Sequence[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for near, kind, far in edges:
        found[near, kind].append(far)
    return found
