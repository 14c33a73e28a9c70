"""Facts about each subscription: who owns it, who may give roles away, and which custom roles escalate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct

from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext, directory_gap
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.azure import body
from auditor.model import Gap, Resource
from auditor.rbac import privileges
from auditor.rbac.assignments import Assignment, AssignmentState, DoorKind, Role
from auditor.rbac.permissions import Permissions, Plane, permits
from auditor.rbac.privileges import ANY_WRITE
from auditor.rbac.read import DEFINITIONS, classic_administrators, subscription_key, subscriptions_of
from auditor.rbac.schedules import ASSIGNMENTS, ELIGIBLE
from auditor.resource_id import CLASSIC_ADMINISTRATORS
from auditor.truth import Truth

ASSIGN: Final = "Microsoft.Authorization/roleAssignments/write"


class SeenAccess(Struct, frozen=True):
    """What of a subscription's access was seen, whether or not there may be more."""

    owners: int
    custom_roles: int
    escalating_roles: int
    classic_administrators: tuple[str, ...]


@record
class SubscriptionOwner(Record, frozen=True, kw_only=True):
    """A principal that may do everything and give roles away."""

    principal_id: str
    """a principal"""
    principal_type: str
    """what it is"""
    assignment: str
    """the assignment that makes it an owner"""
    scope: str
    """where that assignment is"""
    role: str
    """its role"""


@fact("access.subscription", subject="the subscription")
class SubscriptionAccess(Fact, frozen=True, kw_only=True):
    """Who owns a subscription, who may give roles away in it, and which custom roles can be assigned there."""

    grounds: ClassVar[Mapping[str, str]] = {"ownerCount": "owners"}
    owner_count: Known[int]
    """how many principals (a group counts as one) may do everything and give roles away, standing"""
    owners: Known[tuple[SubscriptionOwner, ...]]
    """those principals"""
    owner_group_count: Known[int]
    """how many of the owners are groups, whose members are not counted"""
    service_principal_owner_count: Known[int]
    """how many of the owners are service principals or managed identities"""
    eligible_owner_count: Known[int]
    """how many principals may activate an owner's role"""
    role_assigners: Known[tuple[str, ...]]
    """principals that may give roles away at the subscription, standing"""
    standing_humans: Known[tuple[str, ...]]
    """users and groups with a standing role that may do everything or give roles away"""
    classic_administrators: Known[tuple[str, ...]]
    """classic administrators that there are, or may be, as `role: name`: since June 2026 none, whoever is listed"""
    custom_role_count: Known[int]
    """how many custom roles can be assigned in the subscription"""
    escalating_custom_roles: Known[tuple[str, ...]]
    """names of those that let their holder give access or act as others"""
    unlimited_custom_roles: Known[tuple[str, ...]]
    """names of those that permit writes of every type"""
    seen: Hidden[SeenAccess]

    def sentence(self) -> str:
        """Say how many own it, how many custom roles escalate, and who administers it by the classic way."""
        owners = facts.at_least(self.owner_count, self.seen.owners)
        escalating = facts.at_least(self.escalating_custom_roles, self.seen.escalating_roles)
        custom = facts.at_least(self.custom_role_count, self.seen.custom_roles)
        named = ", ".join(self.seen.classic_administrators)
        more = f"{named} and perhaps more" if named else "not known"
        classic = more if isinstance(self.classic_administrators, Gap) else named or "none"
        return (
            f"{owners} principals own the subscription; {escalating} of {custom} custom roles escalate; "
            f"classic administrators: {classic}."
        )


@fact("access.role", subject="the custom role")
class CustomRole(Fact, frozen=True, kw_only=True):
    """What a custom role permits of that which endangers a workload."""

    grounds: ClassVar[Mapping[str, str]] = {"escalates": "dangerousOperations", "isUnlimited": "dangerousOperations"}
    role: str
    """the role's name"""
    role_id: str
    """the role's GUID"""
    assignable_scopes: tuple[str, ...]
    """where it can be assigned"""
    dangers: Known[tuple[str, ...]]
    """names of the dangers that it surely permits"""
    possible_dangers: Known[tuple[str, ...]]
    """names of those that it permits under a condition"""
    dangerous_operations: Known[tuple[str, ...]]
    """the operations behind `dangers`"""
    escalates: Known[bool]
    """whether it lets its holder give access or act as others"""
    is_unlimited: Known[bool]
    """whether it permits writes of every type"""
    assignment_count: int
    """how many assignments of it there are"""

    def sentence(self) -> str:
        """Say what the role permits."""
        if isinstance(self.dangers, Gap):
            return f"What custom role {self.role} permits is not known: {self.dangers.reason}."
        return f"Custom role {self.role} permits {', '.join(self.dangers) or 'nothing dangerous'}."


def is_owner(permissions: Permissions) -> bool:
    """Whether permissions surely hold both writes of every type and the giving of roles."""
    return all(permits(permissions, Plane.CONTROL, operation) is Truth.YES for operation in (ANY_WRITE, ASSIGN))


def assigns_roles(permissions: Permissions) -> bool:
    """Whether permissions surely hold the giving of roles."""
    return permits(permissions, Plane.CONTROL, ASSIGN) is Truth.YES


def derive_facts(access: AccessContext) -> Iterator[Fact]:
    """Yield one fact per subscription of the estate, and one per custom role."""
    powers = {key: (is_owner(role.at_most), assigns_roles(role.at_most)) for key, role in _roles(access).items()}
    assignable = _AssignableRoles(access)
    for key in subscriptions_of(access.context.estate):
        yield _subscription(access, key, powers, assignable)
    yield from _custom_roles(access)


def _roles(access: AccessContext) -> Mapping[int, Role]:
    """Return every role that an assignment gives, by its identity as an object: assignments share them."""
    return {id(assignment.role): assignment.role for assignment in access.graph.grants.assignments}


def _powers(assignment: Assignment, powers: Mapping[int, tuple[bool, bool]]) -> tuple[bool, bool]:
    if assignment.condition:
        return is_owner(assignment.permissions), assigns_roles(assignment.permissions)
    return powers[id(assignment.role)]


def _subscription(
    access: AccessContext, key: str, powers: Mapping[int, tuple[bool, bool]], assignable: _AssignableRoles
) -> SubscriptionAccess:
    estate = access.context.estate
    assigned = [a for a, answer in access.graph.grants.covering(key) if answer is Truth.YES]
    covering = [a for a in assigned if a.door is not DoorKind.CLASSIC]  # they are a finding of their own
    active = [a for a in covering if a.state is AssignmentState.ACTIVE]
    owners = _distinct(a for a in active if _powers(a, powers)[0])
    kinds = [access.graph.kind_of(owner) for owner in owners]
    eligible = _distinct(a for a in covering if a.state is AssignmentState.ELIGIBLE and _powers(a, powers)[0])
    assigners = _distinct(a for a in active if _powers(a, powers)[1])
    strong = [a for a in active if any(_powers(a, powers)) and a.is_standing]
    custom = assignable.within(key)
    escalating = tuple(role.name for role in custom if _escalates(access, role))
    classic = _classic(access, key)
    spelled = estate.get(key)
    undefined = _definitions_gap(access, key, custom)
    unassigned = _assignments_gap(access, key, powers)
    ineligible = estate.type_gap(ELIGIBLE, key) or _unsure(access, key, powers, AssignmentState.ELIGIBLE)
    return SubscriptionAccess(
        about=facts.about(
            access.context,
            spelled.id if spelled else key,
            inputs=[
                *((owner.id, "properties") for owner in owners),
                *((key, kind) for kind in (ASSIGNMENTS, CLASSIC_ADMINISTRATORS, DEFINITIONS)),
            ],
        ),
        owner_count=unassigned or len(owners),
        owners=unassigned or tuple(map(_owner, owners)),
        owner_group_count=unassigned or _count(owners, [kind.has_members for kind in kinds]),
        service_principal_owner_count=unassigned or _count(owners, [kind.is_application for kind in kinds]),
        eligible_owner_count=ineligible or len(eligible),
        role_assigners=unassigned or tuple(sorted(a.principal for a in assigners)),
        standing_humans=unassigned or _standing_humans(access, strong),
        classic_administrators=access.graph.classic_gap(key) or classic,
        custom_role_count=undefined or len(custom),
        escalating_custom_roles=undefined or escalating,
        unlimited_custom_roles=undefined or tuple(role.name for role in custom if _is_unlimited(role)),
        seen=SeenAccess(len(owners), len(custom), len(escalating), classic),
    )


def _assignments_gap(access: AccessContext, key: str, powers: Mapping[int, tuple[bool, bool]]) -> Gap | None:
    """Return why it is not known who holds which role at a subscription, or None where it is."""
    unread = access.graph.assignment_gap(key) or access.graph.delegation_gap(key)
    return unread or _unsure(access, key, powers, AssignmentState.ACTIVE)


def _unsure(
    access: AccessContext, key: str, powers: Mapping[int, tuple[bool, bool]], state: AssignmentState
) -> Gap | None:
    """Return why what is assigned may make somebody an owner and may not: its role, or where its scope lies; or None."""
    for assignment, _ in access.graph.grants.covering(key):
        if assignment.state is not state or assignment.door is DoorKind.CLASSIC:
            continue
        if gap := access.graph.definition_gap(assignment):
            return gap
        if any(_powers(assignment, powers)) and (gap := access.graph.place_gap(assignment, key)):
            return gap
    return None


def _definitions_gap(access: AccessContext, key: str, custom: Sequence[Role]) -> Gap | None:
    """Return why it is not known which custom roles there are and what they permit, or None where it is."""
    if gap := access.context.estate.type_gap(DEFINITIONS, key):
        return gap
    return next((_malformed(role) for role in custom if role.permissions is None), None)


def _malformed(role: Role) -> Gap:
    return Gap(role.id, "properties.permissions", "malformed")


def _distinct(assignments: Iterator[Assignment]) -> Sequence[Assignment]:
    """Return the first assignment of each principal, by principal."""
    found: dict[str, Assignment] = {}
    for assignment in assignments:
        found.setdefault(assignment.principal, assignment)
    return [found[principal] for principal in sorted(found)]


def _owner(assignment: Assignment) -> SubscriptionOwner:
    return SubscriptionOwner(
        principal_id=assignment.principal,
        principal_type=assignment.principal_type,
        assignment=assignment.id,
        scope=assignment.scope,
        role=assignment.role.name,
    )


def _standing_humans(access: AccessContext, standing: Sequence[Assignment]) -> Known[tuple[str, ...]]:
    """Return who of those with a standing role is a user or a group; not known where the type of one is not."""
    kinds = [(assignment, access.graph.kind_of(assignment)) for assignment in standing]
    stranger = next((assignment for assignment, kind in kinds if kind.is_person is Truth.UNKNOWN), None)
    if stranger is not None:
        return directory_gap(stranger)
    return tuple(sorted({assignment.principal for assignment, kind in kinds if kind.is_person is Truth.YES}))


def _count(owners: Sequence[Assignment], answers: Sequence[Truth]) -> Known[int]:
    """Return for how many of the owners the answer is yes; not known where one is not."""
    if Truth.UNKNOWN in answers:
        return directory_gap(owners[answers.index(Truth.UNKNOWN)])
    return answers.count(Truth.YES)


def _classic(access: AccessContext, key: str) -> tuple[str, ...]:
    listed = [
        resource
        for resource in classic_administrators(access.context.estate, access.graph.as_of)
        if subscription_key(resource.id) == key
    ]
    return tuple(sorted(map(_classic_label, listed)))


def _classic_label(administrator: Resource) -> str:
    role = body.text(administrator.properties, "role") or "unknown role"
    return f"{role}: {body.text(administrator.properties, 'emailAddress') or administrator.name}"


class _AssignableRoles:
    """Custom roles by the subscription that they can be assigned in; of those with other scopes, that is asked."""

    def __init__(self, access: AccessContext) -> None:
        self._access = access
        self._roles = _custom(access)
        self._own: dict[str, list[int]] = defaultdict(list)
        self._others: list[int] = []
        for place, role in enumerate(self._roles):
            keys = {subscription_key(scope) for scope in role.assignable_scopes}
            if not keys or "" in keys:
                self._others.append(place)
            else:
                for key in keys:
                    self._own[key].append(place)

    def within(self, subscription: str) -> Sequence[Role]:
        """Return the custom roles that can, as far as is known, be assigned in a subscription, by key."""
        others = (place for place in self._others if _assignable_in(self._access, self._roles[place], subscription))
        return [self._roles[place] for place in sorted((*self._own.get(subscription, ()), *others))]


def _custom(access: AccessContext) -> Sequence[Role]:
    return sorted((role for role in access.graph.roles.values() if role.is_custom), key=lambda role: role.key)


def _assignable_in(access: AccessContext, role: Role, subscription: str) -> bool:
    """Whether a custom role can, as far as is known, be assigned in a subscription; one without scopes counts."""
    covers = access.graph.grants.hierarchy.covers
    return not role.assignable_scopes or any(
        subscription_key(scope) == subscription or covers(scope, subscription) is not Truth.NO
        for scope in role.assignable_scopes
    )


def _escalates(access: AccessContext, role: Role) -> bool:
    return any(one.privilege.escalates and one.surely for one in access.graph.privileges_in_role(role))


def _is_unlimited(role: Role) -> bool:
    return permits(role.at_most, Plane.CONTROL, ANY_WRITE) is Truth.YES


def _custom_roles(access: AccessContext) -> Iterator[CustomRole]:
    counts = Counter(assignment.role.key for assignment in access.graph.grants.assignments)
    for role in _custom(access):
        held = access.graph.privileges_in_role(role)
        gap = None if role.permissions else _malformed(role)
        operations = tuple(operation for privilege in held for operation in privilege.surely)
        yield CustomRole(
            about=facts.about(access.context, role.id, inputs=[(role.id, "properties.permissions")]),
            role=role.name,
            role_id=role.key,
            assignable_scopes=tuple(role.assignable_scopes),
            dangers=gap or tuple(privileges.names(held, Truth.YES)),
            possible_dangers=gap or tuple(privileges.names(held, Truth.UNKNOWN)),
            dangerous_operations=gap or operations,
            escalates=gap or _escalates(access, role),
            is_unlimited=gap or ANY_WRITE in operations,
            assignment_count=counts[role.key],
        )
