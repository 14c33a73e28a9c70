"""Follow the steps of a declaration from bound resources to candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from auditor import resource_id as ids
from auditor.architecture.declare import Declaration, ReferenceStep
from auditor.azure import body, paths
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource

Bound = Mapping[str, Sequence[Resource]]


class FittingResources:
    """What in an estate fits declarations, of one set of them, whatever leads there: the same for all workloads."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._fitting: dict[str, Sequence[Resource]] = {}
        self._named: dict[tuple[str, frozenset[str]], Sequence[Resource]] = {}
        self._has_named: dict[tuple[tuple[str, ...], frozenset[str]], bool] = {}

    def of(self, declaration: Declaration) -> Sequence[Resource]:
        """Return the resources that fit a declaration, type by type."""
        if declaration.name not in self._fitting:
            typed = (resource for name in sorted(declaration.types) for resource in self.estate.of_type(name))
            self._fitting[declaration.name] = [one for one in typed if declaration.fits(one, self.estate)]
        return self._fitting[declaration.name]

    def named(self, declaration: Declaration, names: frozenset[str]) -> Sequence[Resource]:
        """Return those that fit a declaration and have one of these names or ids, given as keys."""
        asked = (declaration.name, names)
        if asked not in self._named:
            self._named[asked] = [one for one in self.of(declaration) if is_named(one, names)]
        return self._named[asked]

    def has_named(self, kinds: Sequence[str], names: AbstractSet[str]) -> bool:
        """Whether the estate has a resource of one of these types with one of these names or ids, given as keys."""
        asked = (tuple(kinds), frozenset(names))
        if asked not in self._has_named:
            self._has_named[asked] = any(is_named(one, names) for kind in kinds for one in self.estate.of_type(kind))
        return self._has_named[asked]


class Paths:
    """Follows navigations through one estate, and remembers where they led: many workloads may share a network."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._ends: dict[tuple[str, tuple[str, ...] | str, str], tuple[Resource, ...]] = {}

    def candidates(self, declaration: Declaration, step: ReferenceStep, bound: Bound) -> list[Resource]:
        """Return the resources that a step reaches and that fit the declaration, sorted by key."""
        found: dict[str, Resource] = {}
        for origin in step.origins:
            for resource in bound.get(origin, ()):
                for end in self._ends_of(resource, declaration, step):
                    found[end.key] = end
        return [found[key] for key in sorted(found) if self._passes(found[key], step, bound)]

    def _ends_of(self, start: Resource, declaration: Declaration, step: ReferenceStep) -> Iterable[Resource]:
        key = (start.key, step.related or step.property, declaration.name)
        if key not in self._ends:
            reached = self._follow(start, step.related) if step.related else self._at(start, step.property)
            fitting = {end.key: end for item in reached if (end := self._climb(item, declaration))}
            self._ends[key] = tuple(fitting.values())
        return self._ends[key]

    def _follow(self, start: Resource, related: Sequence[str]) -> Iterable[Resource]:
        frontier = {start.key: start}
        for name in related:
            frontier = {
                end.key: end for resource in frontier.values() for end in self.estate.related(resource.key, name)
            }
        return frontier.values()

    def _at(self, start: Resource, path: str) -> Iterable[Resource]:
        found = (self.estate.get(text) for text in _ids_at(start, path))
        return [one for one in found if one is not None]

    def _climb(self, resource: Resource, declaration: Declaration) -> Resource | None:
        """Return the resource, or the nearest one above it, that fits: a role may sit on a blob container."""
        current: Resource | None = resource
        while current is not None:
            if declaration.fits(current, self.estate):
                return current
            parent = ids.parent_of(current.key)
            current = self.estate.get(parent) if parent else None
        return None

    def _passes(self, candidate: Resource, step: ReferenceStep, bound: Bound) -> bool:
        if step.named and candidate.name.lower() not in {name.lower() for name in step.named}:
            return False
        if step.delegated and not _is_delegated(candidate, step.delegated):
            return False
        if any(
            bool(self.estate.related(candidate.key, name)) != (name in step.has) for name in (*step.has, *step.lacks)
        ):
            return False
        if step.group and not self._has_endpoint_group(candidate, step.group):
            return False
        if step.within is None:
            return True
        inside = {resource.key for resource in bound.get(step.within, ())}
        return bool(inside & self.places_of(candidate))

    def places_of(self, resource: Resource) -> set[str]:
        """Return the keys of what a resource lies in: its parent, its networks, and those of its private endpoints."""
        places = set(self.estate.targets(resource.key, "in-network"))
        places.update(self.estate.sources(resource.key, "contains"))
        for endpoint in self.estate.sources(resource.key, "private-endpoint-for"):
            places.update(self.estate.targets(endpoint, "in-network"))
        return places

    def _has_endpoint_group(self, target: Resource, group: str) -> bool:
        for endpoint in self.estate.related(target.key, "privateEndpoint"):
            for array in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
                for connection in body.objects(endpoint.properties, array):
                    is_ours = body.reference(connection, "properties.privateLinkServiceId") == target.key
                    groups = body.texts(connection, "properties.groupIds")
                    if is_ours and group.lower() in {name.lower() for name in groups}:
                        return True
        return False


def is_named(resource: Resource, keys: AbstractSet[str]) -> bool:
    """Whether a resource has one of the names, or one of the ids, given as keys."""
    return bool(keys) and (resource.key in keys or resource.name.lower() in keys)


def _is_delegated(subnet: Resource, service: str) -> bool:
    names = (body.text(item, "properties.serviceName") for item in body.objects(subnet.properties, "delegations"))
    return any(body.same_text(name, service) for name in names)


def _ids_at(resource: Resource, path: str) -> Sequence[str]:
    """Return the ids at a path, of which `[*]` goes through lists."""
    return [value for value in body.values_at(resource.body, paths.parse(path)) if ids.is_resource_id(value)]


def dangling(estate: Estate, declaration: Declaration, bound: Bound) -> Sequence[tuple[str, str, str]]:
    """Return (resource id, property path, target id) of every id that a property step reads and the estate lacks."""
    found = {
        (resource.id, step.property, target)
        for step in declaration.steps
        if step.property
        for origin in step.origins
        for resource in bound.get(origin, ())
        for target in _ids_at(resource, step.property)
        if not estate.get(target)
    }
    return sorted(found)


def leads_to_unseen(estate: Estate, declaration: Declaration, step: ReferenceStep, bound: Bound) -> bool:
    """Whether a step leads to something that is named and was not seen, or starts at what has no readable property."""
    if not step.property:
        return any(estate.named_only(kind) or estate.has_unread(kind) for kind in declaration.types)
    starts = [resource for origin in step.origins for resource in bound.get(origin, ())]
    for start in starts:
        targets = _ids_at(start, step.property)
        if any(estate.unseen(target) is not None for target in targets if not estate.get(target)):
            return True
        if not targets and estate.gap_at(start.id, step.property) is not None:
            return True
    return False


def relation_gap_of(estate: Estate, step: ReferenceStep, bound: Bound) -> Gap | None:
    """Return why what a step follows is not (all) known, or None where it is."""
    for origin in step.origins:
        for resource in bound.get(origin, ()):
            if step.related and (gap := estate.relation_gap(resource.id, step.related[0])):
                return gap
    for name in step.related[1:]:
        navigation = estate.catalogue.ways[name]
        for resource_type in (*navigation.types, *navigation.stated_by):
            if gap := estate.type_gap(resource_type):
                return gap
    return None


def provisioning_state(resource: Resource) -> str | None:
    """Return the provisioning state of a resource as spelled."""
    found = body.value(resource.properties, "provisioningState")
    return found if isinstance(found, str) else None
