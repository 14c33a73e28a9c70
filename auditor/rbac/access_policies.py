"""Read the access policies of vaults, which rule the data in place of roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import AccessPolicies
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.rbac import bounds
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, DoorKind, Role
from auditor.rbac.bounds import NOTHING_AT_ALL, Bounds, certain
from auditor.rbac.operation_sets import pattern, union
from auditor.rbac.permissions import Permissions, perhaps
from auditor.rbac.role_reach import RoleReach
from auditor.truth import Truth

READ_SECRET: Final = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
"""The operation that shows the value of a vault's secret."""
GOVERNED: Final = {kind.key: kind.policies for kind in shipped() if kind.policies is not None}
"""Types, in lower case, whose resources may let access policies rule their data, and how they state them."""
_SPELLED: Final = {kind.key: kind.name for kind in shipped() if kind.policies is not None}


def governed_at(scope: str) -> str | None:
    """Return the key of the resource with access policies that a scope (in lower case) is or lies in, or None."""
    return ids.enclosing(scope, GOVERNED)


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
    """Return what the permissions of a policy let its principal do; one of an unknown name may be anything of its kind.

    So may what stands there as a text: PowerShell writes lists so that lie deeper than it was told to go.
    """
    parts: list[Bounds] = []
    prefix = _SPELLED[resource.type_key]
    for kind, by_name in model.permissions.items():
        is_cut = isinstance(granted, str) or isinstance(body.value(granted, kind), str)
        for name in ("",) if is_cut else body.texts(granted, kind):
            operations = by_name.get(name.lower())
            known = certain(union(pattern(f"{prefix}/{each}") for each in operations or by_name["all"]))
            parts.append(known if operations else bounds.perhaps(known))
    return bounds.union(parts)
