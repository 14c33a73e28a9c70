"""Read the access policies of vaults, and tell where they rule the data in place of roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import AccessPolicies
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.rbac import bounds
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, DoorKind, Role
from auditor.rbac.bounds import NOTHING_AT_ALL, Bounds, certain
from auditor.rbac.operation_sets import intersection, is_empty, pattern, union
from auditor.rbac.permissions import Permissions, perhaps
from auditor.truth import Truth, truth_of

READ_SECRET: Final = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
"""The operation that shows the value of a vault's secret."""
GOVERNED: Final = {kind.key: kind.policies for kind in shipped() if kind.policies is not None}
"""Types, in lower case, whose resources may let access policies rule their data, and how they state them."""
_SPELLED: Final = {kind.key: kind.name for kind in shipped() if kind.policies is not None}


class RoleReach(Struct, frozen=True, dict=True):
    """Whether roles rule the data of resources that may have access policies, by key; `unseen` of those not here.

    https://learn.microsoft.com/azure/key-vault/general/rbac-access-policy
    """

    rules: Mapping[str, Truth] = field(default_factory=dict)
    unseen: Truth = Truth.YES

    def at(self, scope: str) -> Truth:
        """Whether roles rule the data at a scope (in lower case): at, below or above no such resource they do."""
        place = governed_at(scope)
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
        rules = self.at(scope)
        if rules is Truth.YES:
            return permissions
        limit = bounds.doubtful if rules is Truth.UNKNOWN else bounds.outside
        data = permissions.data
        for kind in GOVERNED:
            data = limit(data, pattern(f"{kind}/*"))
        return Permissions(permissions.control, data)


def governed_at(scope: str) -> str | None:
    """Return the key of the resource with access policies that a scope (in lower case) is or lies in, or None."""
    for kind in GOVERNED:
        marker = f"/providers/{kind}/"
        at = scope.find(marker)
        if at >= 0:
            end = scope.find("/", at + len(marker))
            return scope if end < 0 else scope[:end]
    return None


def read_reach(estate: Estate) -> RoleReach:
    """Return where roles rule; of a resource that is not here this is not known, unless nothing is missing."""
    rules = {resource.key: _roles_rule(estate, resource) for kind in GOVERNED for resource in estate.of_type(kind)}
    unread = {r.key: Truth.UNKNOWN for kind in GOVERNED for r in estate.judged(kind) if r.key not in rules}
    return RoleReach(rules | unread, Truth.YES if estate.complete else Truth.UNKNOWN)


def _roles_rule(estate: Estate, resource: Resource) -> Truth:
    path = GOVERNED[resource.type_key].unless
    if estate.gap_at(resource.id, path) is not None:
        return Truth.UNKNOWN
    if body.value(resource.body, path) is None:
        return Truth.NO
    stated = body.flag(resource.body, path)
    return Truth.UNKNOWN if stated is None else truth_of(stated)


def policies_gap(estate: Estate, reach: RoleReach, scope: str) -> Gap | None:
    """Return why the access policies that rule at a scope (in lower case) are not all known, or None where they are."""
    place = governed_at(scope)
    if place is None or reach.at(scope) is Truth.YES:
        return None
    resource = estate.get(place)
    if resource is None:
        return Gap(place, "properties", "the resource was not read")
    model = GOVERNED[resource.type_key]
    gap = estate.gap_at(resource.id, model.unless) or estate.gap_at(resource.id, model.listed)
    if gap is None and not isinstance(body.value(resource.body, model.listed), list):
        gap = Gap(resource.id, model.listed, "the resource does not state it")
    return gap


def ruled_out(reach: RoleReach, scope: str) -> Sequence[str]:
    """Return the keys of what lies at or below a scope and lets no role at its data, sorted."""
    return [key for key in reach.within(ids.key(scope)) if reach.rules[key] is Truth.NO]


def touches_governed(data: Bounds) -> bool:
    """Whether operations on data may be such that access policies can rule."""
    return any(not is_empty(intersection((data.may, pattern(f"{kind}/*")))) for kind in GOVERNED)


def read_policies(estate: Estate, reach: RoleReach, types: Mapping[str, str]) -> Sequence[Assignment]:
    """Return every access policy that has an effect or may, as an assignment; `types` are those of principals.

    A policy names its principal by the object id and does not say of which type it is: a group is possible, unless the
    input is said to be all that there is.
    """
    return [
        _policy(resource, model, entry, types, rules=reach.rules[resource.key], is_closed=estate.complete)
        for kind, model in GOVERNED.items()
        for resource in estate.of_type(kind)
        if reach.rules[resource.key] is not Truth.YES
        for entry in body.objects(resource.body, model.listed)
    ]


def _policy(
    resource: Resource,
    model: AccessPolicies,
    entry: object,
    types: Mapping[str, str],
    *,
    rules: Truth,
    is_closed: bool,
) -> Assignment:
    principal = (body.text(entry, "objectId") or UNREADABLE_PRINCIPAL).lower()
    through = body.text(entry, "applicationId")
    granted, is_doubtful = body.value(entry, "permissions"), rules is Truth.UNKNOWN
    named = sorted(
        f"{kind} {name}"
        for kind in model.permissions
        for name in sorted(set(map(str.lower, body.texts(granted, kind))))
    )
    data = _permitted(resource, model, granted)
    permissions = Permissions(NOTHING_AT_ALL, data)
    label = f"access policy: {', '.join(named) or 'nothing'}" + (f", through application {through}" if through else "")
    key = f"{resource.type_key} {label}{'?' if is_doubtful or data.must != data.may else ''}"
    role = Role(key, label, perhaps(permissions) if is_doubtful else permissions)
    return Assignment(
        id=f"{resource.id}/accessPolicies/{'/'.join(part for part in (principal, through) if part)}",
        principal=principal,
        principal_type=types.get(principal, ""),
        role=role,
        scope=resource.id,
        door=DoorKind.POLICY,
        may_be_group=not is_closed,
    )


def _permitted(resource: Resource, model: AccessPolicies, granted: object) -> Bounds:
    """Return what the permissions of a policy let its principal do; one of an unknown name may be anything of its kind."""
    parts: list[Bounds] = []
    prefix = _SPELLED[resource.type_key]
    for kind, by_name in model.permissions.items():
        for name in body.texts(granted, kind):
            operations = by_name.get(name.lower())
            known = certain(union(pattern(f"{prefix}/{each}") for each in operations or by_name["all"]))
            parts.append(known if operations else bounds.perhaps(known))
    return bounds.union(parts)
