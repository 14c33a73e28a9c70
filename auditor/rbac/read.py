"""Read roles, assignments, denies and the hierarchy of scopes out of an estate, and say what of them is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.graph import Estate
from auditor.estate.lookup import ROLE_DEFINITIONS
from auditor.model import Resource
from auditor.rbac import schedules, service_roles
from auditor.rbac.access_policies import read_policies
from auditor.rbac.assignments import (
    EVERYONE,
    UNREADABLE_PRINCIPAL,
    Assignment,
    AssignmentState,
    Deny,
    DoorKind,
    Memberships,
    Role,
)
from auditor.rbac.built_in_roles import built_in_role
from auditor.rbac.delegations import DELEGATIONS, OFFERS, read_delegations
from auditor.rbac.effective import Grants
from auditor.rbac.permissions import UNKNOWN_PERMISSIONS, conditional, perhaps, permissions_of
from auditor.rbac.principal_types import APPLICATION, GROUP, principal_type
from auditor.rbac.role_reach import read_reach
from auditor.rbac.schedules import OF_ELIGIBLE, Timed, read_timed
from auditor.rbac.scopes import ROOT, Hierarchy, ScopeKind, kind_of, stated_scope
from auditor.resource_id import CLASSIC_ADMINISTRATORS, MANAGEMENT_GROUPS, SUBSCRIPTIONS
from auditor.truth import Truth

_NOT_TOLD: Final = "whether it is in force at that time cannot be told from its status and its times"
DEFINITIONS: Final = spelled(ROLE_DEFINITIONS)
DENIES: Final = "Microsoft.Authorization/denyAssignments"
LOCKS: Final = "Microsoft.Authorization/locks"
_ENFORCED: Final = "enforced"
_AUDITED: Final = "audit"
_CUSTOM: Final = "customrole"
_BUILT_IN: Final = "builtinrole"
_OWNER: Final = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CLASSIC_ENDED: Final = datetime(2024, 9, 1, tzinfo=UTC)
"""Since then Azure supports no classic administrators: that none were listed says nothing is missing."""
CLASSIC_GONE: Final = datetime(2026, 6, 1, tzinfo=UTC)
"""Since then there surely are none: those left over had become owners by role assignments before."""
_PAYER: Final = "accountadministrator"
_RETIRED: Final = (
    "Azure retired classic administrators in August 2024; whether one that was left could still act is not known"
)

READS: Final = frozenset(
    {
        DEFINITIONS,
        DENIES,
        CLASSIC_ADMINISTRATORS,
        MANAGEMENT_GROUPS,
        SUBSCRIPTIONS,
        DELEGATIONS,
        OFFERS,
        *schedules.READS,
        *service_roles.TYPES,
    }
)


def read_grants(
    estate: Estate,
    roles: Mapping[str, Role],
    *,
    memberships: Memberships | None,
    identities: Collection[str],
    as_of: datetime | None = None,
) -> Grants:
    """Return all assignments and denies; what is malformed stays in as something of which anything may be true.

    Delegations, access policies and classic administrators are assignments, too, by doors of their own.
    `identities` are the principals known to be managed identities, in lower case: older exports give no principal type.
    What ended before `as_of`, or begins after it, is no grant.
    """
    assigned = [_assignment(timed, roles, identities) for timed in read_timed(estate, as_of)]
    types = {a.principal: a.principal_type for a in assigned if a.principal_type}
    types |= dict.fromkeys(identities, APPLICATION) | dict.fromkeys(memberships.resolved if memberships else (), GROUP)
    reach = estate.once(read_reach)
    delegated = read_delegations(estate, lambda definition: _role(definition, roles))
    policies = read_policies(estate, reach, types)
    denies = (_deny(resource) for resource in estate.of_type(DENIES))
    return Grants(
        [
            *assigned,
            *delegated,
            *policies,
            *service_roles.read_service_roles(estate, types),
            *_classic_administrators(estate, as_of),
        ],
        [deny for deny in denies if deny is not None],
        hierarchy=estate.once(hierarchy_of),
        memberships=memberships,
        denies_known=estate.type_gap(DENIES) is None,
        reach=reach,
    )


def role_of(definition: object, definition_id: str) -> Role:
    """Return a role from an ARM role definition; its permissions are None where they cannot be read."""
    properties = body.value(definition, "properties")
    kind, scopes = (body.text(properties, "type") or "").lower(), body.texts(properties, "assignableScopes")
    # only built-in roles can be assigned at the root
    # https://learn.microsoft.com/azure/role-based-access-control/role-definitions#assignablescopes
    is_custom = kind == _CUSTOM or (kind != _BUILT_IN and bool(scopes) and ROOT not in map(ids.key, scopes))
    return Role(
        key=ids.name_of(definition_id).lower(),
        name=body.text(properties, "roleName") or ids.name_of(definition_id),
        permissions=permissions_of(body.value(properties, "permissions")),
        is_custom=is_custom,
        assignable_scopes=scopes,
        id=definition_id,
    )


def read_roles(estate: Estate) -> Mapping[str, Role]:
    """Return the definitions by GUID in lower case; of copies (a built-in is listed per subscription) a readable one."""
    roles = [role_of(resource.body, resource.id) for resource in estate.of_type(DEFINITIONS)]
    roles.sort(key=lambda role: (role.permissions is not None, ids.key(role.id)))
    return {role.key: _best_known(role) for role in roles}


def _best_known(role: Role) -> Role:
    """Return a role as the input defines it, or as every tenant does where the input does not say what it permits."""
    if role.permissions is not None or role.is_custom:
        return role
    return built_in_role(role.key, role.id) or role


def _assignment(timed: Timed, roles: Mapping[str, Role], identities: Collection[str]) -> Assignment:
    resource, properties = timed.resource, timed.resource.properties
    definition_id = body.text(properties, "roleDefinitionId") or ""
    condition = body.value(properties, "condition")
    if not (condition is None or isinstance(condition, str)):
        condition = "unreadable"
    eligible = resource.type_key in OF_ELIGIBLE
    role, is_doubtful = _role(definition_id, roles), timed.in_force is Truth.UNKNOWN
    principal = (body.text(properties, "principalId") or UNREADABLE_PRINCIPAL).lower()
    known_type = body.text(properties, "expandedProperties.principal.type") or (
        APPLICATION if principal in identities else ""
    )
    return Assignment(
        id=resource.id,
        principal=principal,
        principal_type=body.text(properties, "principalType") or known_type,
        role=replace(role, key=f"{role.key}?", permissions=perhaps(role.at_most)) if is_doubtful else role,
        scope=stated_scope(resource),
        condition=condition,
        state=AssignmentState.ELIGIBLE if eligible else AssignmentState.ACTIVE,
        ends_at=timed.ends_at,
        is_activated=timed.is_activated,
        doubt=_NOT_TOLD if is_doubtful else None,
    )


def _role(definition_id: str, roles: Mapping[str, Role]) -> Role:
    """Return the role that an id or a GUID names; its permissions are None where nobody knows them."""
    guid = ids.name_of(definition_id).lower()
    return roles.get(guid) or _best_known(Role(guid, guid or "unreadable", None, id=definition_id))


def classic_administrators(estate: Estate, as_of: datetime | None) -> Sequence[Resource]:
    """Return the classic administrators that there are, or may be, at a time, without those who only pay."""
    if as_of is not None and as_of >= CLASSIC_GONE:
        return ()
    return [resource for resource in estate.of_type(CLASSIC_ADMINISTRATORS) if not _only_pays(resource)]


def _only_pays(administrator: Resource) -> bool:
    return (body.text(administrator.properties, "role") or "").strip().lower() == _PAYER


def _classic_administrators(estate: Estate, as_of: datetime | None) -> Iterator[Assignment]:
    """Yield service and co-administrators: each has what an owner of the subscription has.

    They were retired in August 2024. Who was left then became an owner by a role assignment from December 2025 on, and
    since May 2026 there are none; what they could do in between Azure does not say.
    https://learn.microsoft.com/azure/role-based-access-control/classic-administrators
    """
    owner = built_in_role(_OWNER)
    role = Role("classic", "classic administrator", None if owner is None else owner.permissions)
    doubt = _RETIRED if as_of is not None and as_of >= CLASSIC_ENDED else None
    if doubt is not None:
        role = replace(role, key="classic?", permissions=perhaps(role.at_most))
    for resource in classic_administrators(estate, as_of):
        address = body.text(resource.properties, "emailAddress") or resource.name
        yield Assignment(
            id=resource.id,
            principal=address.lower(),
            principal_type="User",
            role=role,
            scope=subscription_key(resource.id),
            door=DoorKind.CLASSIC,
            principal_name=address,
            doubt=doubt,
        )


def _deny(resource: Resource) -> Deny | None:
    """Return a deny assignment as far as it surely denies; None where it only records what it would deny.

    Preview versions of the API have an effect, and any may have a condition, which is as good as one of an assignment.
    https://learn.microsoft.com/rest/api/authorization/deny-assignments/get
    """
    properties = resource.properties
    effect = (body.text(properties, "denyAssignmentEffect") or _ENFORCED).lower()
    if effect == _AUDITED:
        return None
    principals, excluded = body.objects(properties, "principals"), body.objects(properties, "excludePrincipals")
    permissions = permissions_of(body.value(properties, "permissions")) or UNKNOWN_PERMISSIONS
    condition = body.value(properties, "condition")
    if condition is not None:
        permissions = conditional(permissions, condition if isinstance(condition, str) else "unreadable")
    names_principals = isinstance(body.value(properties, "principals"), list)
    if effect != _ENFORCED or not names_principals:
        permissions = perhaps(permissions)
    return Deny(
        id=resource.id,
        scope=stated_scope(resource),
        permissions=permissions,
        principals=_ids(principals) if names_principals else frozenset({EVERYONE}),
        excluded=_ids(excluded),
        groups=_ids(who for who in [*principals, *excluded] if _may_have_members(who)),
        applies_to_children=body.value(properties, "doNotApplyToChildScopes") is not True,
    )


def _may_have_members(principal: object) -> bool:
    return principal_type(body.text(principal, "type") or "").has_members is not Truth.NO


def _ids(principals: Iterable[object]) -> frozenset[str]:
    return frozenset(who.lower() for principal in principals if (who := body.text(principal, "id")))


def hierarchy_of(estate: Estate) -> Hierarchy:
    """Return which management groups lie above which subscriptions, as far as the estate says."""
    parents: dict[str, str] = {}
    for resource in estate.of_type(SUBSCRIPTIONS):
        chain = [
            _management_group(body.text(link, "name"))
            for link in body.objects(resource.properties, "managementGroupAncestorsChain")
        ]
        if chain:
            parents.update(zip([subscription_key(resource.id), *chain], [*chain, ROOT], strict=True))
    for resource in estate.of_type(MANAGEMENT_GROUPS):
        _add_parents(resource, parents)
    return Hierarchy(parents, _sole_subscription(estate))


def _add_parents(group: Resource, parents: dict[str, str]) -> None:
    details = body.value(group.properties, "details")
    above = body.text(details, "parent.id")
    if above is not None:
        parents.setdefault(group.key, ids.key(above))
    elif details is not None:
        parents.setdefault(group.key, ROOT)
    for child in body.objects(group.properties, "children"):
        inner = body.text(child, "id")
        if inner is not None:
            parents.setdefault(ids.key(inner), group.key)


def _management_group(name: str | None) -> str:
    return f"/providers/microsoft.management/managementgroups/{(name or '').lower()}"


def subscription_key(resource_id: str) -> str:
    """Return the key of the subscription that an id lies in, or the empty text."""
    subscription = ids.subscription_of(resource_id)
    return f"/subscriptions/{subscription.lower()}" if subscription else ""


def subscriptions_of(estate: Estate) -> Sequence[str]:
    """Return the keys of the subscriptions that the estate holds something of, sorted."""
    keys = (subscription_key(f"/subscriptions/{name}") for name in estate.subscriptions if name)
    return sorted(key for key in keys if kind_of(key) is ScopeKind.SUBSCRIPTION)


def _sole_subscription(estate: Estate) -> str | None:
    keys = subscriptions_of(estate)
    return keys[0] if len(keys) == 1 else None
