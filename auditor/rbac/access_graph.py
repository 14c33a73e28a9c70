"""Who holds which role where in an estate, who is who, and what of it is not known; read once per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.architecture.workloads import Workloads
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.rbac.access_policies import policies_gap
from auditor.rbac.assignments import Assignment, AssignmentState, Memberships, Role
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.delegations import delegations_gap
from auditor.rbac.effective import Grants
from auditor.rbac.operation_sets import EVERYTHING, pattern
from auditor.rbac.permissions import Plane, permits_some
from auditor.rbac.principal_types import APPLICATION, PrincipalType, principal_type
from auditor.rbac.principals import Part, Principals, bound, name_given, parts_of, principals_of, sign_in_name
from auditor.rbac.privileges import PRIVILEGES, HeldPrivilege, at_scope, privileges_in, without_data_of
from auditor.rbac.read import CLASSIC_ENDED, DEFINITIONS, DENIES, read_grants, read_roles
from auditor.rbac.role_reach import switched_at
from auditor.rbac.schedules import ASSIGNMENTS
from auditor.rbac.scopes import Hierarchy, ScopeKind, kind_of
from auditor.resource_id import CLASSIC_ADMINISTRATORS, MANAGEMENT_GROUPS
from auditor.truth import Truth, any_of

NOT_FOUND: Final = "Azure did not find the principal: it was deleted, and may be restored, or was made a moment ago"


class AccessGraph(Struct, frozen=True, dict=True):
    """An estate's access. `roles` are by GUID in lower case, `parts` by principal in lower case.

    `as_of` is the time of judgement, where there is one.
    """

    estate: Estate
    grants: Grants
    roles: Mapping[str, Role]
    principals: Principals
    parts: Mapping[str, Sequence[Part]]
    as_of: datetime | None
    _below: Mapping[str, Sequence[Part]]
    _at: Mapping[str, Sequence[Part]]
    _touched: dict[str, Sequence[Part]] = field(default_factory=dict)
    _privileges: dict[tuple[str, str | None], Sequence[HeldPrivilege]] = field(default_factory=dict)
    _operations: dict[tuple[str, str | None], frozenset[str]] = field(default_factory=dict)
    _shut: dict[str, Sequence[str]] = field(default_factory=dict)
    _effects: dict[tuple[str, str | None, str], Truth] = field(default_factory=dict)

    def privileges_of(self, assignment: Assignment) -> Sequence[HeldPrivilege]:
        """Return the privileges that an assignment's role holds under its condition."""
        key = (assignment.role.key, assignment.condition)
        if key not in self._privileges:
            self._privileges[key] = privileges_in(assignment.permissions)
        return self._privileges[key]

    def operations_of(self, assignment: Assignment) -> frozenset[str]:
        """Return the operations of privileges that an assignment's role holds under its condition, or may hold."""
        key = (assignment.role.key, assignment.condition)
        if key not in self._operations:
            held = self.privileges_of(assignment)
            self._operations[key] = frozenset(name for one in held for name in (*one.surely, *one.perhaps))
        return self._operations[key]

    def kind_of(self, assignment: Assignment) -> PrincipalType:
        """Return what is known of an assignment's principal by its type, or because it is an identity of the estate."""
        return principal_type(APPLICATION) if assignment.principal in self.principals.identities else assignment.kind

    def privileges_in_role(self, role: Role) -> Sequence[HeldPrivilege]:
        """Return the privileges that a role holds."""
        return self.privileges_of(Assignment("", "", "", role, "/"))

    def privileges_at(self, assignment: Assignment) -> Sequence[HeldPrivilege]:
        """Return the privileges of an assignment that take effect at its scope: where roles do not rule, they have none."""
        held = at_scope(self.privileges_of(assignment), assignment.scope)
        shut = () if assignment.is_of_service else self._shut_types(ids.key(assignment.scope))
        return without_data_of(held, shut) if shut else held

    def _shut_types(self, scope: str) -> Sequence[str]:
        """Return the types on whose data roles surely permit nothing at or below a scope."""
        if scope not in self._shut:
            self._shut[scope] = self.grants.reach.shut_types(self.estate, scope)
        return self._shut[scope]

    def dangers_of(self, principal: str) -> tuple[str, ...]:
        """Return the names of the privileges that a principal surely holds somewhere by active assignments of its own."""
        held = {
            privilege.privilege.name
            for assignment in self.grants.held_by(principal)
            if assignment.state is AssignmentState.ACTIVE
            for privilege in self.privileges_at(assignment)
            if privilege.answer is Truth.YES
        }
        return tuple(privilege.name for privilege in PRIVILEGES if privilege.name in held)

    def acts_on(self, assignment: Assignment, kind: str) -> Truth:
        """Whether an assignment permits anything on resources of a type; UNKNOWN where it is too complex to decide."""
        key = (assignment.role.key, assignment.condition, kind)
        if key not in self._effects:
            operations = pattern(f"{kind}/*")
            try:
                self._effects[key] = any_of(permits_some(assignment.permissions, plane, operations) for plane in Plane)
            except TooComplexError:
                self._effects[key] = Truth.UNKNOWN
        return self._effects[key]

    def parts_within(self, principal: str) -> Sequence[Part]:
        """Return the parts of workloads that run as a principal, or as a known member of the group that it is."""
        return [part for who in (principal, *self._members.get(principal, ())) for part in self.parts.get(who, ())]

    def members_with_parts(self, principal: str) -> Sequence[str]:
        """Return the known members of a group as which some part of a workload runs, sorted; none of other principals."""
        return self._members.get(principal, ())

    @cached_property
    def _members(self) -> Mapping[str, Sequence[str]]:
        members: dict[str, list[str]] = {}
        for who, groups in sorted(self.grants.memberships.groups_of.items()):
            for group in groups if who in self.parts else ():
                members.setdefault(group, []).append(who)
        return members

    def touched(self, scope: str) -> Sequence[Part]:
        """Return the parts of workloads whose resource is at, below or above a scope."""
        key = ids.key(scope)
        if key not in self._touched:
            self._touched[key] = self._touching(key)
        return self._touched[key]

    def around(self, scope: str) -> Sequence[Part]:
        """Return the parts of workloads whose resource is at or above a scope."""
        found = self._at
        return [part for key in self.grants.hierarchy.above(scope) for part in found.get(key, ())]

    def _touching(self, scope: str) -> Sequence[Part]:
        hierarchy = self.grants.hierarchy
        parts = [*self._below.get(scope, ()), *(p for key in hierarchy.above(scope)[1:] for p in self._at.get(key, ()))]
        if not parts and kind_of(scope) is ScopeKind.MANAGEMENT_GROUP:
            everywhere = [part for parts in self._at.values() for part in parts]
            parts = [part for part in everywhere if hierarchy.covers(scope, part.resource.key) is not Truth.NO]
        return parts

    def given_name(self, assignment: Assignment) -> str | None:
        """Return the name of an assignment's principal where the source added it."""
        if assignment.principal_name is not None:
            return assignment.principal_name
        resource = self.estate.get(assignment.id)
        return None if resource is None else name_given(resource)

    def sign_in_name(self, assignment: Assignment) -> str | None:
        """Return the name with which an assignment's principal signs in, where the source added it."""
        resource = self.estate.get(assignment.id)
        return None if resource is None else sign_in_name(resource)

    def definition_gap(self, assignment: Assignment) -> Gap | None:
        """Return why an assignment's permissions are not known, or whether it is in force, or None where they are."""
        if assignment.doubt is not None:
            return Gap(assignment.id, "properties", assignment.doubt)
        if assignment.role.permissions is not None:
            return None
        gap = self.estate.type_gap(DEFINITIONS, assignment.scope)
        reason = gap.reason if gap else "the role definition is not among the collected ones or cannot be read"
        return Gap(assignment.role.id or assignment.id, "properties.permissions", reason, f"{DEFINITIONS}/read")

    def missing_gap(self, assignment: Assignment) -> Gap | None:
        """Return that Azure did not find an assignment's principal, of which nobody knows whether it is there, or None."""
        is_missing = self.kind_of(assignment).is_missing
        return Gap(assignment.id, "properties.principalType", NOT_FOUND) if is_missing else None

    def place_gap(self, assignment: Assignment, scope: str) -> Gap | None:
        """Return why it is not known whether an assignment's scope lies above another one, or None where it is."""
        if self.grants.hierarchy.covers(assignment.scope, scope) is not Truth.UNKNOWN:
            return None
        reason = "whether the management group lies above is not known"
        return Gap(assignment.scope, "properties.details.parent", reason, f"{MANAGEMENT_GROUPS}/read")

    def assignment_gap(self, scope: str = "") -> Gap | None:
        """Return why assignments at, above or below a scope are not all known, or None where they are."""
        return self.estate.type_gap(ASSIGNMENTS, scope)

    def delegation_gap(self, scope: str = "") -> Gap | None:
        """Return why delegations to other tenants at, above or below a scope are not all known, or None."""
        return delegations_gap(self.estate, scope)

    def power(self, principal: str) -> Truth:
        """Whether a principal has any permission anywhere, by a role or an access policy, once activated too."""
        grants, known = self.grants, self.grants.memberships
        within = known.groups_of.get(principal, frozenset()) & grants.groups
        held = [a for holder in (principal, *sorted(within)) for a in grants.held_by(holder)]
        answers = [self.acts(assignment, plane) for assignment in held for plane in Plane]
        others = len(grants.unresolved_groups) - (principal in grants.unresolved_groups)
        may_be_member = not known.all_known and others > 0
        unread = self.assignment_gap() or self._unread_policies
        return any_of([*answers, Truth.UNKNOWN if unread or may_be_member else Truth.NO])

    @cached_property
    def _unread_policies(self) -> Gap | None:
        """Return why the access policies of some resource are not all known, or None where all are."""
        return next((gap for scope in self.grants.reach.rules if (gap := self.policies_gap(scope))), None)

    def acts(self, assignment: Assignment, plane: Plane) -> Truth:
        """Whether an assignment permits anything at all on a plane."""
        scope = ids.key(assignment.scope)
        kind = ids.type_of(switched_at(scope) or "") or ""
        effect = f"{plane} {kind.lower()} {self.grants.reach.at(scope)} {assignment.is_of_service}"
        key = (assignment.role.key, assignment.condition, effect)
        if key not in self._effects:
            try:
                self._effects[key] = permits_some(self.grants.in_effect(assignment), plane, EVERYTHING)
            except TooComplexError:
                self._effects[key] = Truth.UNKNOWN
        return self._effects[key]

    def policies_gap(self, scope: str) -> Gap | None:
        """Return why the access policies that rule at a scope are not all known, or None where they are."""
        return policies_gap(self.estate, self.grants.reach, ids.key(scope))

    def classic_gap(self, scope: str) -> Gap | None:
        """Return why classic administrators are not all known where there still may be some, or None.

        https://learn.microsoft.com/azure/role-based-access-control/classic-administrators
        """
        is_over = self.as_of is not None and self.as_of >= CLASSIC_ENDED
        return None if is_over else self.estate.type_gap(CLASSIC_ADMINISTRATORS, scope)

    def deny_gap(self) -> Gap | None:
        """Return why deny assignments are not all known, or None where they are."""
        return self.estate.type_gap(DENIES)

    def unread(self, scope: str) -> Gap | None:
        """Return why the resource that a scope names is not here, or None where it is, or where it names none."""
        kind = ids.type_of(scope)
        return None if kind is None or self.estate.resource(scope) is not None else self.estate.type_gap(kind, scope)


def read_access_graph(
    estate: Estate,
    workloads: Workloads | None = None,
    memberships: Memberships | None = None,
    as_of: datetime | None = None,
) -> AccessGraph:
    """Read everything about access; what is malformed stays in as something of which anything may be true.

    Without `memberships` nothing is known of who is in which group.
    """
    workloads = workloads or Workloads()
    principals = estate.once(principals_of)
    roles = estate.once(read_roles)
    grants = read_grants(estate, roles, memberships=memberships, identities=principals.identities, as_of=as_of)
    below, at = _parts_by_scope(workloads, grants.hierarchy)
    return AccessGraph(
        estate=estate,
        grants=grants,
        roles=roles,
        principals=principals,
        parts=parts_of(workloads, principals),
        as_of=as_of,
        _below=below,
        _at=at,
    )


def _parts_by_scope(
    workloads: Workloads, hierarchy: Hierarchy
) -> tuple[Mapping[str, Sequence[Part]], Mapping[str, Sequence[Part]]]:
    """Return the parts of workloads at or below each scope, and those at each."""
    below: dict[str, list[Part]] = {}
    at: dict[str, list[Part]] = {}
    for workload in workloads.all:
        for component, resource in bound(workload):
            part = Part(workload.name, component, resource)
            at.setdefault(resource.key, []).append(part)
            for key in hierarchy.above(resource.key):
                below.setdefault(key, []).append(part)
    return below, at
