"""Facts about managed identities: who shares one, who has none, and which have roles on both sides of a boundary."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import ClassVar, Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.access.expected import Boundary
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate.lookup import USER_IDENTITIES
from auditor.estate.network_relations import GATEWAYS
from auditor.estate.service_relations import SITES, SLOTS
from auditor.model import Gap, Resource
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import Assignment, AssignmentState
from auditor.rbac.permissions import Plane
from auditor.rbac.principals import ManagedIdentity, Part
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth

_APPS: Final = frozenset({GATEWAYS, SITES, SLOTS})
_MOST_APPS: Final = 20
CAPABLE: Final = frozenset(item.key for item in shipped() if item.calls_others)
_SURE: Final = frozenset({Truth.YES})
_PERHAPS: Final = frozenset({Truth.YES, Truth.UNKNOWN})
READS: Final = CAPABLE | {USER_IDENTITIES}


@record
class HeldRole(Record, frozen=True, kw_only=True):
    """An active role assignment of an identity."""

    id: str
    """an assignment"""
    role: str
    """its role"""
    scope: str
    """its scope"""
    scope_kind: ScopeKind
    """what its scope is"""


@fact("access.identity", subject="the managed identity")
class IdentityRoles(Fact, frozen=True, kw_only=True):
    """Who runs as a managed identity, and what roles it has on both sides of a boundary."""

    grounds: ClassVar[Mapping[str, str]] = {"crossesBoundary": "crosses", "hasDataAccess": "roles"}
    principal_id: str
    """the identity's principal"""
    identity: str
    """the id of the user-assigned identity, or of the resource whose own identity it is"""
    is_user_assigned: bool
    """whether it is a resource of its own"""
    used_by: tuple[str, ...]
    """ids of the resources that run as it"""
    components: Known[tuple[str, ...]]
    """the components that run as it"""
    is_workload_identity: Known[bool]
    """whether any does"""
    runs_workspace: Known[bool]
    """whether the machine learning workspace runs as it"""
    runs_jump_box: Known[bool]
    """whether a jump box runs as it"""
    is_shared: Known[bool]
    """whether different components, through different resources, run as it"""
    roles: Known[tuple[HeldRole, ...]]
    """its active role assignments, and those of groups that it is known to be in"""
    has_roles: Known[bool]
    """whether it has any of them"""
    has_data_access: Known[bool]
    """whether one of them permits any operation on data"""
    crosses: Known[tuple[str, ...]]
    """names of the boundaries that it has roles on both sides of"""
    crosses_boundary: Known[bool]
    """whether there is such a boundary"""

    def sentence(self) -> str:
        """Say who uses the identity, and which boundaries it crosses."""
        components = () if isinstance(self.components, Gap) else self.components
        used = f"is used by {', '.join(components) or f'{len(self.used_by)} resources'}"
        crossed = () if isinstance(self.crosses, Gap) else self.crosses
        beyond = f" and has roles on both sides of {', '.join(crossed)}" if crossed else ""
        idle = " and has no role" if self.has_roles is False else ""
        return f"Identity {ids.name_of(self.identity)} {used}{beyond}{idle}."


@fact("access.managed_identity", subject="the resource that runs as one, or could")
class ResourceIdentity(Fact, frozen=True, kw_only=True):
    """Which managed identities a resource runs as."""

    type: str
    """the resource's type"""
    identity_type: Known[str]
    """the kind of identity, as Azure spells it; `None` without one"""
    has_managed_identity: Known[bool]
    """whether it runs as any managed identity"""
    has_system_assigned: Known[bool]
    """whether it has an identity of its own"""
    has_user_assigned: Known[bool]
    """whether it has a user-assigned identity"""
    has_primary_identity: Known[bool]
    """whether it names one of its user-assigned identities as the primary one"""
    user_assigned: Known[tuple[str, ...]]
    """ids of its user-assigned identities"""
    principals: Known[tuple[str, ...]]
    """the principals that it acts as"""
    vault_reference_identity: str | None
    """the identity that an app reads Key Vault references with"""
    reads_vault_as_user_assigned: Known[bool]
    """whether that is one of its own user-assigned identities"""
    shares_identity_with: Known[tuple[str, ...]]
    """ids of resources of other components that run as one of its identities"""
    shares_identity_with_components: Known[tuple[str, ...]]
    """those components"""
    shares_identity_with_apps: Known[tuple[str, ...]]
    """ids of other web apps and gateways, of a workload or not, that run as one of its identities; of many, the first 20"""
    name: Hidden[str]

    def sentence(self) -> str:
        """Say what the resource runs as, and with whom it shares that."""
        if isinstance(self.identity_type, Gap):
            return f"What {self.name} runs as is not known: {self.identity_type.reason}."
        grant = f"{self.name} runs as {self.identity_type if self.has_managed_identity else 'no managed identity'}"
        sharing = self.shares_identity_with_components
        if not sharing and not isinstance(self.shares_identity_with_apps, Gap):
            sharing = tuple(map(ids.name_of, self.shares_identity_with_apps))
        if isinstance(sharing, Gap) or not sharing:
            return f"{grant}."
        return f"{grant}, and shares an identity with {' and '.join(sharing)}."


def derive_facts(access: AccessContext) -> Iterator[Fact]:
    """Yield one fact per managed identity, and one per resource of a type that can have one."""
    held: dict[str, list[Assignment]] = {}
    for assignment in access.graph.grants.assignments:
        if assignment.state is AssignmentState.ACTIVE:
            held.setdefault(assignment.principal, []).append(assignment)
    memberships = access.graph.grants.memberships
    for identity in access.graph.principals.identities.values():
        holders = (identity.principal, *sorted(memberships.groups_of.get(identity.principal, ())))
        yield _identity(access, identity, [one for holder in holders for one in held.get(holder, ())])
    apps = _Apps(access.graph)
    for item in access.context.estate.catalogue:
        for resource in access.context.estate.of_type(item.key) if item.calls_others else ():
            yield _resource(access, resource, apps)


def _identity(access: AccessContext, identity: ManagedIdentity, assignments: Sequence[Assignment]) -> IdentityRoles:
    parts = access.graph.parts.get(identity.principal, ())
    crossed = tuple(b.name for b in access.table.boundaries if len(_reached(access, b, assignments, _SURE)) > 1)
    unseen_user = access.unseen.further_user() if identity.is_user_assigned else None
    # what is found stays found, whatever was not read
    unseen = None if crossed else access.graph.assignment_gap()
    uncertain = None if crossed else (unseen or _uncertain_crossing(access, assignments))
    return IdentityRoles(
        about=access.about_identity(identity),
        principal_id=identity.principal,
        identity=identity.id,
        is_user_assigned=identity.is_user_assigned,
        used_by=tuple(resource.id for resource in identity.users),
        components=unseen_user or tuple(sorted({part.component for part in parts})),
        is_workload_identity=bool(parts) or unseen_user or False,
        # a workload has one of each: where it was seen, no other is to come
        runs_workspace=access.unseen.runs_one_of_a_kind(identity.principal, capabilities.FLOW_HOST, unseen_user),
        runs_jump_box=access.unseen.runs_one_of_a_kind(identity.principal, capabilities.AUTHORS_WAY_IN, unseen_user),
        is_shared=_is_shared(parts) or unseen_user or False,
        roles=unseen or tuple(map(_held, assignments)),
        has_roles=unseen or bool(assignments),
        has_data_access=_has_data_access(access, assignments),
        crosses=uncertain or crossed,
        crosses_boundary=uncertain or bool(crossed),
    )


def _held(assignment: Assignment) -> HeldRole:
    return HeldRole(
        id=assignment.id,
        role=assignment.role.name,
        scope=assignment.scope,
        scope_kind=kind_of(assignment.scope),
    )


def _undefined(access: AccessContext, assignments: Sequence[Assignment]) -> Gap | None:
    return next((gap for assignment in assignments if (gap := access.graph.definition_gap(assignment))), None)


def _uncertain_crossing(access: AccessContext, assignments: Sequence[Assignment]) -> Gap | None:
    """Return why assignments may cross a boundary that they do not surely cross, or None where they cannot."""
    for boundary in access.table.boundaries:
        reached = _reached(access, boundary, assignments, _PERHAPS)
        if len(reached) > 1:
            reason = "the condition or the size of a role decides"
            return _undefined(access, assignments) or Gap(assignments[0].id, "properties.condition", reason)
        unseen = list(_unseen_sides(access, boundary, assignments, reached))
        if unseen and len(reached) + len(unseen) > 1:
            return unseen[0]
    return None


def _unseen_sides(
    access: AccessContext, boundary: Boundary, assignments: Sequence[Assignment], reached: Collection[int]
) -> Iterator[Gap]:
    """Yield why assignments may reach a part that was not seen, once for each side that is not reached and may be."""
    for side in (side for at, side in enumerate(boundary.sides) if at not in reached):
        gaps = (access.unseen.may_act_on(component, one) for component in sorted(side) for one in assignments)
        yield from islice((gap for gap in gaps if gap is not None), 1)


def _has_data_access(access: AccessContext, assignments: Sequence[Assignment]) -> Known[bool]:
    if any(access.graph.acts(a, Plane.DATA) is not Truth.NO for a in assignments if a.role.permissions):
        return True
    return access.graph.assignment_gap() or _undefined(access, assignments) or False


def _is_shared(parts: Sequence[Part]) -> bool:
    """Whether two resources with no component in common are among the parts."""
    roles: dict[str, set[str]] = {}
    for part in parts:
        roles.setdefault(part.resource.key, set()).add(part.component)
    groups = {frozenset(components) for components in roles.values()}  # far fewer than resources
    return any(left.isdisjoint(right) for left, right in combinations(groups, 2))


def _reached(
    access: AccessContext, boundary: Boundary, assignments: Sequence[Assignment], answers: frozenset[Truth]
) -> Collection[int]:
    """Return the sides on whose resources assignments permit something; a resource of several sides counts for none."""
    reached: set[int] = set()
    for assignment in assignments:
        roles: dict[str, set[str]] = {}
        for part in access.graph.touched(assignment.scope):
            if access.graph.acts_on(assignment, part.resource.type_key) in answers:
                roles.setdefault(part.resource.key, set()).add(part.component)
        for components in roles.values():
            sides = {at for at, side in enumerate(boundary.sides) if side & components}
            if len(sides) == 1:
                reached |= sides
    return reached


def _resource(access: AccessContext, resource: Resource, apps_of_identities: _Apps) -> ResourceIdentity:
    attached = access.graph.principals.attached_to(resource)
    reference = body.text(resource.properties, "keyVaultReferenceIdentity")
    primary = body.text(resource.properties, "primaryUserAssignedIdentity")
    own = {ids.key(identity) for identity in attached.user_assigned}
    shared, apps = _shared_with(access, resource), apps_of_identities.beside(resource)
    gap = _identity_gap(access, resource)
    unlisted = Gap(resource.id, "identity.userAssignedIdentities", "the resource does not state which it has")
    unread = gap or (unlisted if attached.is_unlisted else None)
    # an identity of its own is nobody else's
    further_user = access.unseen.further_user() if attached.user_assigned else None
    unseen_user, unseen_app = (None if found else further_user for found in (shared, apps))
    return ResourceIdentity(
        about=facts.about(access.context, resource.id, inputs=[(resource.id, "identity")]),
        type=resource.type,
        identity_type=gap or body.text(resource.body, "identity.type") or "None",
        has_managed_identity=gap or attached.has_any,
        has_system_assigned=gap or attached.has_system,
        has_user_assigned=gap or attached.has_user,
        has_primary_identity=unread or (primary is not None and ids.key(primary) in own),
        user_assigned=unread or tuple(attached.user_assigned),
        principals=unread or tuple(attached.principals),
        vault_reference_identity=reference,
        reads_vault_as_user_assigned=unread or (reference is not None and ids.key(reference) in own),
        shares_identity_with=unread or unseen_user or tuple(sorted({part.resource.id for part in shared})),
        shares_identity_with_components=unread or unseen_user or tuple(sorted({part.component for part in shared})),
        shares_identity_with_apps=unread or unseen_app or tuple(apps),
        name=resource.name,
    )


class _Apps(Struct, frozen=True):
    """The web apps and gateways that run as each identity; found once for all that share one."""

    graph: AccessGraph
    _users: dict[str, Sequence[tuple[Resource, frozenset[str]]]] = field(default_factory=dict)

    def beside(self, resource: Resource) -> Sequence[str]:
        """Return the ids of other apps that run as an identity of a resource, the first few where they are many.

        A slot runs as its app; two apps that play one part are one, such as the same in two regions.
        """
        found: dict[str, None] = {}
        for principal in self.graph.principals.attached_to(resource).principals:
            users = self._of(principal)
            own = next((components for user, components in users if user.key == resource.key), frozenset())
            others = (
                user.id for user, components in users if _app(user) != _app(resource) and own.isdisjoint(components)
            )
            found |= dict.fromkeys(islice(others, _MOST_APPS))
        return sorted(found)

    def _of(self, principal: str) -> Sequence[tuple[Resource, frozenset[str]]]:
        """Return the apps that run as an identity, each with the components that it plays."""
        if principal not in self._users:
            identity = self.graph.principals.identities.get(principal)
            components: dict[str, set[str]] = {}
            for part in self.graph.parts.get(principal, ()):
                components.setdefault(part.resource.key, set()).add(part.component)
            apps = (user for user in (identity.users if identity else ()) if user.type_key in _APPS)
            self._users[principal] = [(user, frozenset(components.get(user.key, ()))) for user in apps]
        return self._users[principal]


def _app(resource: Resource) -> str:
    return (ids.parent_of(resource.key) or resource.key) if resource.type_key == SLOTS else resource.key


def _identity_gap(access: AccessContext, resource: Resource) -> Gap | None:
    gaps = access.context.estate.path_gaps(resource.id)
    return next((gap for gap in gaps if gap.what.lower().split(".")[0] == "identity"), None)


def _shared_with(access: AccessContext, resource: Resource) -> Sequence[Part]:
    """Return the parts of other components that run as an identity of a resource which is itself part of a workload."""
    parts = [
        p for one in access.graph.principals.attached_to(resource).principals for p in access.graph.parts.get(one, ())
    ]
    own = {part.component for part in parts if part.resource.key == resource.key}
    return [p for p in parts if own and p.resource.key != resource.key and p.component not in own]
