"""Facts about each subscription: who owns it, who may give roles away, and which custom roles escalate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_graph import AccessGraph
from auditor.azure import body
from auditor.model import Fact, Gap, Json
from auditor.rbac import privileges
from auditor.rbac.assignments import Assignment, AssignmentState, Role
from auditor.rbac.permissions import Permissions, Plane, permits
from auditor.rbac.privileges import ANY_WRITE
from auditor.rbac.read import CLASSIC, DEFINITIONS, ELIGIBLE, subscription_key, subscriptions_of
from auditor.truth import Truth

KIND: Final = "access.subscription"
ROLE_KIND: Final = "access.role"

FIELDS: Final[Mapping[str, str]] = {
    "ownerCount": "How many principals (a group counts as one) may do everything and give roles away, standing.",
    "owners": "Those principals.",
    "owners[*].principalId": "A principal.",
    "owners[*].principalType": "What it is.",
    "owners[*].assignment": "The assignment that makes it an owner.",
    "owners[*].scope": "Where that assignment is.",
    "owners[*].role": "Its role.",
    "ownerGroupCount": "How many of the owners are groups, whose members are not counted.",
    "servicePrincipalOwnerCount": "How many of the owners are service principals or managed identities.",
    "eligibleOwnerCount": "How many principals may activate an owner's role.",
    "roleAssigners": "Principals that may give roles away at the subscription, standing.",
    "standingHumans": "Users and groups with a standing role that may do everything or give roles away.",
    "classicAdministrators": "Classic administrators, as `role: name`.",
    "customRoleCount": "How many custom roles can be assigned in the subscription.",
    "escalatingCustomRoles": "Names of those that let their holder give access or act as others.",
    "unlimitedCustomRoles": "Names of those that permit writes of every type.",
}

ROLE_FIELDS: Final[Mapping[str, str]] = {
    "role": "The role's name.",
    "roleId": "The role's GUID.",
    "assignableScopes": "Where it can be assigned.",
    "dangers": "Names of the dangers that it surely permits.",
    "possibleDangers": "Names of those that it permits under a condition.",
    "dangerousOperations": "The operations behind `dangers`.",
    "escalates": "Whether it lets its holder give access or act as others.",
    "isUnlimited": "Whether it permits writes of every type.",
    "assignmentCount": "How many assignments of it there are.",
}

ASSIGN: Final = "Microsoft.Authorization/roleAssignments/write"


def is_owner(permissions: Permissions) -> bool:
    """Whether permissions surely hold both writes of every type and the giving of roles."""
    return all(permits(permissions, Plane.CONTROL, operation) is Truth.YES for operation in (ANY_WRITE, ASSIGN))


def assigns_roles(permissions: Permissions) -> bool:
    """Whether permissions surely hold the giving of roles."""
    return permits(permissions, Plane.CONTROL, ASSIGN) is Truth.YES


def derive_facts(scene: AccessGraph) -> Iterator[Fact]:
    """Yield one fact per subscription of the estate, and one per custom role."""
    powers = {key: (is_owner(role.at_most), assigns_roles(role.at_most)) for key, role in _roles(scene).items()}
    for key in subscriptions_of(scene.context.estate):
        yield _subscription(scene, key, powers)
    yield from _role_facts(scene)


def _roles(scene: AccessGraph) -> Mapping[int, Role]:
    """Return every role that an assignment gives, by its identity as an object: assignments share them."""
    return {id(assignment.role): assignment.role for assignment in scene.observed.grants.assignments}


def _powers(assignment: Assignment, powers: Mapping[int, tuple[bool, bool]]) -> tuple[bool, bool]:
    if assignment.condition:
        return is_owner(assignment.permissions), assigns_roles(assignment.permissions)
    return powers[id(assignment.role)]


def _subscription(scene: AccessGraph, key: str, powers: Mapping[int, tuple[bool, bool]]) -> Fact:
    estate = scene.context.estate
    covering = [a for a, answer in scene.observed.grants.covering(key) if answer is Truth.YES]
    active = [a for a in covering if a.state is AssignmentState.ACTIVE]
    owners = _distinct(a for a in active if _powers(a, powers)[0])
    eligible = _distinct(a for a in covering if a.state is AssignmentState.ELIGIBLE and _powers(a, powers)[0])
    strong = _distinct(a for a in active if any(_powers(a, powers)))
    custom = [role for role in _custom(scene) if _assignable_in(scene, role, key)]
    spelled = estate.get(key)
    fields: dict[str, Any] = {
        "ownerCount": len(owners),
        "owners": [_owner(assignment) for assignment in owners],
        "ownerGroupCount": sum(a.is_to_group for a in owners),
        "servicePrincipalOwnerCount": sum(a.principal_type.lower() == "serviceprincipal" for a in owners),
        "eligibleOwnerCount": len(eligible),
        "roleAssigners": sorted(a.principal for a in _distinct(a for a in active if _powers(a, powers)[1])),
        "standingHumans": sorted(a.principal for a in strong if _is_standing_human(scene, a)),
        "classicAdministrators": _classic(scene, key),
        "customRoleCount": len(custom),
        "escalatingCustomRoles": [role.name for role in custom if _escalates(scene, role)],
        "unlimitedCustomRoles": [role.name for role in custom if _is_unlimited(role)],
    }
    return facts.build(
        scene.context,
        KIND,
        spelled.id if spelled else key,
        fields,
        uncollected=_unknown(scene, key, active, custom),
        inputs=[(a.id, "properties.roleDefinitionId") for a in owners],
        summary=f"{len(owners)} principals own the subscription; "
        f"{len(fields['escalatingCustomRoles'])} of {len(custom)} custom roles escalate; "
        f"classic administrators: {', '.join(fields['classicAdministrators']) or 'none'}.",
    )


def _unknown(scene: AccessGraph, key: str, active: Sequence[Assignment], custom: Sequence[Role]) -> Mapping[str, Gap]:
    estate = scene.context.estate
    by_assignment = ("ownerCount", "owners", "ownerGroupCount", "servicePrincipalOwnerCount", "roleAssigners")
    found: dict[str, Gap] = {}
    undefined = next((gap for a in active if (gap := scene.definition_gap(a))), None)
    for gap in (undefined, scene.assignment_gap(key)):
        if gap is not None:
            found.update(dict.fromkeys((*by_assignment, "standingHumans"), gap))
    for name, kind in (("eligibleOwnerCount", ELIGIBLE), ("classicAdministrators", CLASSIC)):
        if (gap := estate.type_gap(kind, key)) is not None:
            found[name] = gap
    unreadable = next((role for role in custom if role.permissions is None), None)
    gap = estate.type_gap(DEFINITIONS, key)
    if gap is None and unreadable is not None:
        gap = Gap(unreadable.id, "properties.permissions", "malformed")
    if gap is not None:
        found.update(dict.fromkeys(("customRoleCount", "escalatingCustomRoles", "unlimitedCustomRoles"), gap))
    return found


def _distinct(assignments: Iterator[Assignment]) -> Sequence[Assignment]:
    """Return the first assignment of each principal, by principal."""
    found: dict[str, Assignment] = {}
    for assignment in assignments:
        found.setdefault(assignment.principal, assignment)
    return [found[principal] for principal in sorted(found)]


def _owner(assignment: Assignment) -> Json:
    return {
        "principalId": assignment.principal,
        "principalType": assignment.principal_type,
        "assignment": assignment.id,
        "scope": assignment.scope,
        "role": assignment.role.name,
    }


def _is_standing_human(scene: AccessGraph, assignment: Assignment) -> bool:
    human = assignment.principal_type.lower() == "user" or assignment.is_to_group
    on_demand = ids.key(assignment.id) in scene.observed.activated
    return human and not on_demand and assignment.ends_at is None


def _classic(scene: AccessGraph, key: str) -> Sequence[str]:
    listed = [one for one in scene.context.estate.of_type(CLASSIC) if subscription_key(one.id) == key]
    return sorted(
        f"{body.text(one.properties, 'role') or 'unknown role'}: {body.text(one.properties, 'emailAddress') or one.name}"
        for one in listed
    )


def _custom(scene: AccessGraph) -> Sequence[Role]:
    return sorted((role for role in scene.observed.roles.values() if role.is_custom), key=lambda role: role.key)


def _assignable_in(scene: AccessGraph, role: Role, subscription: str) -> bool:
    """Whether a custom role can, as far as is known, be assigned in a subscription; one without scopes counts."""
    covers = scene.observed.grants.hierarchy.covers
    return not role.assignable_scopes or any(
        subscription_key(scope) == subscription or covers(scope, subscription) is not Truth.NO
        for scope in role.assignable_scopes
    )


def _escalates(scene: AccessGraph, role: Role) -> bool:
    return any(one.danger.escalates and one.surely for one in scene.dangers_in_role(role))


def _is_unlimited(role: Role) -> bool:
    return permits(role.at_most, Plane.CONTROL, ANY_WRITE) is Truth.YES


def _role_facts(scene: AccessGraph) -> Iterator[Fact]:
    counts: dict[str, int] = {}
    for assignment in scene.observed.grants.assignments:
        counts[assignment.role.key] = counts.get(assignment.role.key, 0) + 1
    for role in _custom(scene):
        held = scene.dangers_in_role(role)
        gap = None if role.permissions else Gap(role.id, "properties.permissions", "malformed")
        names = privileges.names(held, Truth.YES)
        unknown = ("dangers", "possibleDangers", "dangerousOperations", "escalates", "isUnlimited")
        fields = {
            "role": role.name,
            "roleId": role.key,
            "assignableScopes": list(role.assignable_scopes),
            "dangers": names,
            "possibleDangers": privileges.names(held, Truth.UNKNOWN),
            "dangerousOperations": [operation for one in held for operation in one.surely],
            "escalates": _escalates(scene, role),
            "isUnlimited": ANY_WRITE in {operation for one in held for operation in one.surely},
            "assignmentCount": counts.get(role.key, 0),
        }
        yield facts.build(
            scene.context,
            ROLE_KIND,
            role.id,
            fields,
            uncollected=dict.fromkeys(unknown, gap) if gap else None,
            inputs=[(role.id, "properties.permissions")],
            summary=f"Custom role {role.name} permits {', '.join(names) or 'nothing dangerous'}.",
        )
