"""Tell where roles have an effect: a service may let in by policies, keys or other operations in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType, RoleSwitch
from auditor.estate.graph import Estate
from auditor.estate.stated_values import has_values
from auditor.model import Resource
from auditor.rbac import bounds
from auditor.rbac.operation_sets import OperationSet, intersection, is_empty, pattern, union
from auditor.rbac.patterns import normalise
from auditor.rbac.permissions import Permissions
from auditor.truth import Truth, any_of


class _Switched(Struct, frozen=True):
    """The operations on a type that roles permit only where its switch says so; `shuts_data`: all that it has on data."""

    switch: RoleSwitch
    control: OperationSet
    data: OperationSet
    shuts_data: bool


def _switch_of(kind: ResourceType) -> RoleSwitch | None:
    if kind.policies is not None:
        return RoleSwitch(where=[{kind.policies.unless: ["true"]}], data=["*"])
    return kind.roles


def _switched(kind: ResourceType, switch: RoleSwitch) -> _Switched:
    control, data = (
        union(pattern(f"{kind.name}/{each}") for each in listed) for listed in (switch.control, switch.data)
    )
    return _Switched(switch, control, data, shuts_data="*" in switch.data)


_SWITCHED: Final = {kind.key: _switched(kind, switch) for kind in shipped() if (switch := _switch_of(kind))}
"""What roles permit only where a switch says so, by the type in lower case."""


class RoleReach(Struct, frozen=True, dict=True):
    """Whether roles rule what depends on a switch of theirs, by the key of the resource; `unseen` of those not here."""

    rules: Mapping[str, Truth] = field(default_factory=dict)
    unseen: Truth = Truth.YES

    def at(self, scope: str) -> Truth:
        """Whether roles rule all at a scope (in lower case): at, below or above no such resource they do."""
        place = switched_at(scope)
        return Truth.YES if place is None else self.rules.get(place, self.unseen)

    def within(self, scope: str) -> Sequence[str]:
        """Return the keys of the resources that are a scope (in lower case) or lie below it, sorted."""
        if not scope:
            return self._keys
        return [*([scope] if scope in self.rules else []), *ids.below(self._keys, scope, str)]

    @cached_property
    def _keys(self) -> Sequence[str]:
        return sorted(self.rules)

    def in_effect(self, permissions: Permissions, scope: str) -> Permissions:
        """Return what is left at a scope (in lower case) of permissions that a role gives."""
        place = switched_at(scope)
        rules = Truth.YES if place is None else self.rules.get(place, self.unseen)
        if place is None or rules is Truth.YES:
            return permissions
        limit = bounds.doubtful if rules is Truth.UNKNOWN else bounds.outside
        known = _SWITCHED[_kind_of(place)]
        return Permissions(limit(permissions.control, known.control), limit(permissions.data, known.data))

    def shuts_data(self, scope: str) -> bool:
        """Whether roles surely permit nothing on the data at a scope (in lower case)."""
        place = switched_at(scope)
        return place is not None and self.at(scope) is Truth.NO and _SWITCHED[_kind_of(place)].shuts_data

    def ruled_out(self, permissions: Permissions, scope: str) -> Iterator[str]:
        """Yield the keys of what lies at or below a scope and lets no role do what these permissions are about."""
        for key in self.within(ids.key(scope)):
            if self.rules[key] is Truth.NO and _touches(permissions, _SWITCHED[_kind_of(key)]):
                yield key

    def shut_types(self, estate: Estate, scope: str) -> Sequence[str]:
        """Return the types, in lower case, on whose data roles surely permit nothing at or below a scope (in lower case)."""
        at = switched_at(scope)
        below = self.within(scope)
        shut = []
        for kind, known in _SWITCHED.items():
            answers = [self.rules[key] for key in below if _kind_of(key) == kind]
            if not answers and at is not None and _kind_of(at) == kind:
                answers = [self.at(scope)]
            is_whole = at is not None or estate.type_gap(kind, scope) is None
            if known.shuts_data and answers and is_whole and all(rules is Truth.NO for rules in answers):
                shut.append(kind)
        return shut


def _touches(permissions: Permissions, known: _Switched) -> bool:
    """Whether permissions may hold, by name or as part of what they are about, an operation that needs the switch."""
    control = intersection((permissions.control.may, known.control))
    return not is_empty(control) or not is_empty(intersection((permissions.data.may, known.data)))


def switched_at(scope: str) -> str | None:
    """Return the key of the resource with a switch for roles that a scope (in lower case) is or lies in, or None."""
    return ids.enclosing(scope, _SWITCHED)


def _kind_of(place: str) -> str:
    return (ids.type_of(place) or "").lower()


def read_reach(estate: Estate) -> RoleReach:
    """Return where roles rule; of a resource that is not here this is not known, unless nothing is missing."""
    rules = {
        resource.key: _roles_rule(estate, resource, known.switch)
        for kind, known in _SWITCHED.items()
        for resource in estate.of_type(kind)
    }
    unread = {r.key: Truth.UNKNOWN for kind in _SWITCHED for r in estate.judged(kind) if r.key not in rules}
    return RoleReach(rules | unread, Truth.YES if estate.complete else Truth.UNKNOWN)


def _roles_rule(estate: Estate, resource: Resource, switch: RoleSwitch) -> Truth:
    return any_of(has_values(estate, resource, where) for where in switch.where)


def instead(operation: str, scope: str, reach: RoleReach) -> str | None:
    """Return the operation on data that does what another one does where roles permit that one nowhere; None elsewhere."""
    place = switched_at(scope)
    if place is None or reach.at(scope) is Truth.YES:
        return None
    kind = shipped().get(_kind_of(place))
    if kind is None or kind.roles is None:
        return None
    names = {normalise(f"{kind.name}/{own}"): other for own, other in kind.roles.instead.items()}
    other = names.get(normalise(operation))
    return f"{kind.name}/{other}" if other else None
