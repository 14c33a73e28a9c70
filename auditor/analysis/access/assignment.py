"""Facts about every role assignment: who gets what where, whether the table sanctions it, and what danger it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import GRAPH_PERMISSION, AccessContext
from auditor.analysis.access.sanctions import ExcessActions, Sanction
from auditor.analysis.contract import Context, Unlisted
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.model import FindingSet, Gap
from auditor.rbac import privileges, service_roles
from auditor.rbac.access_policies import policies_gap
from auditor.rbac.assignments import SERVICE_ROLES, UNREADABLE_PRINCIPAL, Assignment, AssignmentState, DoorKind
from auditor.rbac.delegations import undefined
from auditor.rbac.operation_formulas import permitted_beyond
from auditor.rbac.permissions import NO_PERMISSIONS, Permissions, Plane
from auditor.rbac.principal_types import APPLICATION
from auditor.rbac.principals import is_guests
from auditor.rbac.privileges import PRIVILEGES, HeldPrivilege
from auditor.rbac.role_reach import read_reach
from auditor.rbac.schedules import ASSIGNMENTS
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth

_DANGERS_SHOWN: Final = 5


@record
class Permits(Record, frozen=True, kw_only=True):
    """Which of the privileges that endanger a workload an assignment permits at its scope: one field for each."""

    assign_roles: Known[bool]
    """whether it permits to assign roles, at its scope"""
    define_roles: Known[bool]
    """whether it permits to change role definitions, at its scope"""
    elevate_access: Known[bool]
    """whether it permits to take over the tenant's root scope, at its scope"""
    use_identities: Known[bool]
    """whether it permits to act as a managed identity, at its scope"""
    change_vault_policies: Known[bool]
    """whether it permits to give access to a vault by policy, at its scope"""
    write_everything: Known[bool]
    """whether it permits to write to resources of every type, at its scope"""
    change_guardrails: Known[bool]
    """whether it permits to change locks or policies, at its scope"""
    read_keys: Known[bool]
    """whether it permits to read or replace access keys, at its scope"""
    read_connection_secrets: Known[bool]
    """whether it permits to read the secrets of workspace connections, at its scope"""
    run_code: Known[bool]
    """whether it permits to run code on machines or apps, at its scope"""
    change_network: Known[bool]
    """whether it permits to change network rules or service firewalls, at its scope"""
    change_logging: Known[bool]
    """whether it permits to turn off diagnostic logs, at its scope"""
    read_secrets: Known[bool]
    """whether it permits to read secrets of a vault, at its scope"""
    administer_vault_contents: Known[bool]
    """whether it permits to change secrets, keys or certificates of a vault, at its scope"""
    read_data: Known[bool]
    """whether it permits to read blobs, files or documents, at its scope"""
    write_data: Known[bool]
    """whether it permits to write or delete blobs, files or documents, at its scope"""
    call_models: Known[bool]
    """whether it permits to call models of Azure OpenAI, at its scope"""


@fact("access.assignment", subject="the role assignment")
class RoleAssignment(Fact, frozen=True, kw_only=True):
    """Who gets what where, whether the baseline's table sanctions it, and what danger it is."""

    principal_id: Known[str]
    """who holds the assignment"""
    principal_type: str | None
    """User, Group, ServicePrincipal, ForeignGroup, …, as Azure says"""
    principal_name: str | None
    """the managed identity's name, or the name that came with the assignment"""
    components: Known[tuple[str, ...]]
    """the components that run as the principal"""
    is_workload_identity: Known[bool]
    """whether a component of a workload runs as the principal"""
    runs_table_part: Known[bool]
    """whether a component that the table of roles speaks of runs as the principal"""
    runs_machine_learning: Known[bool]
    """whether the workspace, an online endpoint or a compute instance runs as the principal"""
    runs_user_facing: Known[bool]
    """whether a web app or the gateway runs as the principal"""
    is_human: Known[bool]
    """whether the principal is a user or a group, or any of another tenant"""
    is_application: Known[bool]
    """whether the principal is a service principal or a managed identity"""
    is_guest: Known[bool]
    """whether the principal is a guest user"""
    is_foreign: bool
    """whether the principal is of another tenant, by a delegation or as a group"""
    is_known: bool
    """whether the principal is a managed identity of the estate, or came with a name"""
    is_deleted: Known[bool]
    """whether the principal does not exist any more"""
    door: DoorKind
    """by which door: a role assignment, a Lighthouse delegation, an access policy, or a role inside Cosmos DB"""
    role: str
    """the role's name, or what an access policy permits"""
    role_id: str
    """the role's GUID; of an access policy, a text that is the same for the same permissions"""
    role_is_custom: bool
    """whether the role is a custom one"""
    scope: str
    """the assignment's scope"""
    scope_kind: ScopeKind
    """what its scope is"""
    state: AssignmentState
    """`active`, or `eligible` where it must be activated first"""
    is_standing: bool
    """whether it is in force all the time: active, not activated on demand, without an end"""
    ends_at: str | None
    """when it ends, if it does"""
    condition: str | None
    """the text of its condition"""
    touches: Known[tuple[str, ...]]
    """the components that are at, below or above its scope"""
    touches_workload: Known[bool]
    """whether there is any"""
    sanctioned: Known[bool]
    """whether the baseline's table covers what it permits at its scope"""
    sanctioned_by: tuple[str, ...]
    """the controls of the rows that cover it"""
    advisory: str | None
    """the control under which a sanctioned assignment is reported as broad"""
    excess: ExcessActions | None
    """what it permits beyond the table"""
    permits: Known[Permits]
    """what it permits of that which endangers a workload"""
    dangers: Known[tuple[str, ...]]
    """names of the dangers that it surely permits at its scope"""
    possible_dangers: Known[tuple[str, ...]]
    """names of those that it permits if its condition holds or its role turns out so"""
    dangerous_operations: Known[tuple[str, ...]]
    """the operations behind `dangers`"""
    escalates: Known[bool]
    """whether it surely lets its holder give access or act as others"""
    has_data_access: Known[bool]
    """whether it permits any operation on data"""
    for_people: bool
    """whether its role is one that the baseline lists for people"""
    held: Hidden[Permissions]
    allowed: Hidden[Permissions]
    is_needed: Hidden[bool]
    deletion: Hidden[str | None]

    def sentence(self) -> str:
        """Say who has which role where, and that the table sanctions it or what danger it is."""
        principal = UNREADABLE_PRINCIPAL if isinstance(self.principal_id, Gap) else self.principal_id
        who = self.principal_name or (
            f"{self.principal_type} {principal}"
            if self.principal_type
            else f"Principal {principal} (ask who that is: not even its kind was read)"
        )
        eligible = " (to be activated)" if self.state is AssignmentState.ELIGIBLE else ""
        grant = f"{who} → {self.role}{eligible} on {self.scope_kind.value} {ids.name_of(self.scope) or '/'}"
        if self.door is not DoorKind.ROLE:
            grant += f", by {self.door.value}"
        if self.sanctioned is True:
            return f"{grant}, as the table of roles says."
        dangers = () if isinstance(self.dangers, Gap) else self.dangers
        titles = [privilege.title for privilege in PRIVILEGES if privilege.name in dangers]
        named, more = titles[:_DANGERS_SHOWN], len(titles) - _DANGERS_SHOWN
        what = f"; it permits to {', '.join(named)}{f' and {more} more' if more > 0 else ''}" if named else ""
        return f"{grant}, which the table of roles does not sanction{what}."

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return what it permits beyond the table where that is asked, else all that it permits."""
        allowed = self.allowed if "sanctioned" in fields else NO_PERMISSIONS
        return None if isinstance(self.permits, Gap) else permitted_beyond(self.held, allowed, self.scope)

    def witness(self) -> Mapping[str, object] | None:
        """Return an operation that it permits beyond the table."""
        return self.excess.body() if self.excess else None

    def remedy(self) -> str | None:
        """Return the command that removes it; an eligible assignment is not removed by the role assignment command.

        None for what the table may need, and for a principal of which not even the kind is known: who that is is asked
        before anything is taken away.
        """
        is_stranger = self.principal_type is None and self.principal_name is None
        if self.state is AssignmentState.ELIGIBLE or self.is_needed or is_stranger:
            return None
        if self.door is DoorKind.DELEGATION:
            return f"az managedservices assignment delete --assignment {shlex.quote(self.about.subject)}"
        if self.door is DoorKind.POLICY:
            vault = shlex.quote(ids.name_of(self.scope))
            return f"az keyvault delete-policy --name {vault} --object-id {shlex.quote(str(self.principal_id))}"
        if self.door in SERVICE_ROLES:
            return self.deletion
        is_assignment = (ids.type_of(self.about.subject) or "").lower() == ASSIGNMENTS.lower()
        return f"az role assignment delete --ids {shlex.quote(self.about.subject)}" if is_assignment else None


def derive_facts(access: AccessContext, needed: frozenset[str]) -> Iterator[RoleAssignment]:
    """Yield one fact per assignment, active or eligible, wherever it is; those of other doors that give roles too.

    `needed` are the ids, in lower case, of those by which rows of the table work. Classic administrators are left to the
    fact about their subscription.
    """
    for assignment in access.graph.grants.assignments:
        if assignment.door is not DoorKind.CLASSIC:
            yield _role_assignment(access, assignment, is_needed=ids.key(assignment.id) in needed)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield which vaults may let more principals in than is known, and which delegations may give roles that are not."""
    for delegation, unread in undefined(context.estate):
        fields = {"door": DoorKind.DELEGATION.value, "isForeign": True}
        yield Unlisted(RoleAssignment.fact_kind, replace(unread, scope=delegation.id), fields)
    reach = context.estate.once(read_reach)
    for place in reach.rules:
        if gap := policies_gap(context.estate, reach, place):
            yield Unlisted(RoleAssignment.fact_kind, gap)


def _role_assignment(access: AccessContext, assignment: Assignment, *, is_needed: bool) -> RoleAssignment:
    sanction = _sanction(access, assignment)
    is_sanctioned = sanction.answer is Truth.YES
    parts = access.graph.parts_within(assignment.principal)
    more = access.unseen.more_users_of(assignment)
    holder, runs = assignment.principal, access.unseen.runs
    in_table = {row.principal for row in (*access.table.rows, *access.table.tolerated)}
    touched = access.graph.touched(assignment.scope)
    principal, powers = _principal(access, assignment), _powers(access, assignment)
    workload = parts[0].workload if parts else (touched[0].workload if touched else None)
    return RoleAssignment(
        about=facts.about(
            access.context,
            assignment.scope if assignment.door is DoorKind.POLICY else assignment.id,
            sub_object=_sub_object(assignment),
            role=(workload, parts[0].component if parts else None),
            inputs=_inputs(assignment),
        ),
        principal_id=principal.id,
        principal_type=principal.type,
        principal_name=principal.name,
        components=more or tuple(sorted({part.component for part in parts})),
        is_workload_identity=bool(parts) or more or False,
        runs_table_part=runs(holder, in_table, more),
        runs_machine_learning=runs(holder, access.unseen.giving(capabilities.MACHINE_LEARNING), more),
        runs_user_facing=runs(holder, access.unseen.giving(capabilities.USER_FACING), more),
        is_human=principal.is_human,
        is_application=principal.is_application,
        is_guest=principal.is_guest,
        is_foreign=assignment.door is DoorKind.DELEGATION or assignment.kind.is_foreign,
        is_known=principal.name is not None,
        is_deleted=principal.is_deleted,
        door=assignment.door,
        role=assignment.role.name,
        role_id=assignment.role.guid,
        role_is_custom=assignment.role.is_custom,
        scope=assignment.scope,
        scope_kind=kind_of(assignment.scope),
        state=assignment.state,
        is_standing=assignment.is_standing,
        ends_at=assignment.ends_at,
        condition=assignment.condition or None,
        touches=access.unseen.more_touched(assignment.scope) or tuple(sorted({part.component for part in touched})),
        touches_workload=bool(touched) or access.unseen.touched(assignment.scope) or False,
        sanctioned=sanctioned(access, assignment, sanction),
        sanctioned_by=tuple(sorted({row.row.control for row in sanction.rows} - {""})) if is_sanctioned else (),
        advisory=next((row.row.advisory for row in sanction.rows if row.row.advisory), None) if is_sanctioned else None,
        excess=sanction.beyond,
        permits=powers.permits,
        dangers=powers.dangers,
        possible_dangers=powers.possible_dangers,
        dangerous_operations=powers.operations,
        escalates=powers.escalates,
        has_data_access=powers.has_data_access,
        for_people=assignment.role.key in access.table.people,
        held=assignment.permissions,
        allowed=sanction.allowed,
        deletion=service_roles.delete_command(assignment.id, access.context.estate.catalogue),
        is_needed=is_needed or sanction.answer is not Truth.NO,
    )


def _sanction(access: AccessContext, assignment: Assignment) -> Sanction:
    """Return whether the table covers an assignment: one to a group, too, where it would to each of its known members."""
    own = access.sanctions.of(assignment)
    group = assignment.principal
    members = access.graph.grants.memberships.members_of(group)
    if own.answer is Truth.YES or not members or set(members) != set(access.graph.members_with_parts(group)):
        return own
    each = [access.sanctions.of(replace(assignment, principal=member)) for member in members]
    return each[0] if all(one.answer is Truth.YES for one in each) else own


class _Principal(Struct, frozen=True):
    """Who holds an assignment, as far as the directory tells."""

    id: Known[str]
    type: str | None
    name: str | None
    is_human: Known[bool]
    is_application: Known[bool]
    is_guest: Known[bool]
    is_deleted: Known[bool]


def _principal(access: AccessContext, assignment: Assignment) -> _Principal:
    identity = access.graph.principals.identities.get(assignment.principal)
    kind = access.graph.kind_of(assignment)
    name = access.graph.given_name(assignment)
    unread = Gap(assignment.id, "principal", "the directory was not read", GRAPH_PERMISSION)
    broken = None
    if assignment.principal == UNREADABLE_PRINCIPAL:
        broken = Gap(assignment.id, "properties.principalId", "malformed")
    is_outside = assignment.door is DoorKind.DELEGATION
    is_deleted = kind.is_missing
    is_nameless = identity is None and not is_deleted and name is None
    return _Principal(
        id=broken or assignment.principal,
        type=assignment.principal_type or (APPLICATION if identity else None),
        name=ids.name_of(identity.id) if identity else name,
        is_human=broken or is_outside or _known(kind.is_person, unread),
        is_application=broken or _known(kind.is_application, unread),
        is_guest=broken or _is_guest(access, assignment, unread),
        is_deleted=broken or (unread if is_nameless else is_deleted),
    )


def _known(holds: Truth, unread: Gap) -> Known[bool]:
    return unread if holds is Truth.UNKNOWN else holds is Truth.YES


def _is_guest(access: AccessContext, assignment: Assignment, unread: Gap) -> Known[bool]:
    """Return whether the principal is a guest: what is no user is none, and only the name to sign in with tells."""
    if access.graph.kind_of(assignment).is_user is Truth.NO or assignment.door is DoorKind.DELEGATION:
        return False
    name = access.graph.sign_in_name(assignment)
    return unread if name is None else is_guests(name)


class _Powers(Struct, frozen=True):
    """What an assignment permits of that which endangers a workload."""

    permits: Known[Permits]
    dangers: Known[tuple[str, ...]]
    possible_dangers: Known[tuple[str, ...]]
    operations: Known[tuple[str, ...]]
    escalates: Known[bool]
    has_data_access: Known[bool]


def _powers(access: AccessContext, assignment: Assignment) -> _Powers:
    if gap := access.graph.definition_gap(assignment):
        return _Powers(gap, gap, gap, gap, gap, gap)
    held = access.graph.privileges_at(assignment)
    return _Powers(
        permits=_permits(assignment, held),
        dangers=tuple(privileges.names(held, Truth.YES)),
        possible_dangers=tuple(privileges.names(held, Truth.UNKNOWN)),
        operations=tuple(operation for privilege in held for operation in privilege.surely),
        escalates=_escalates(assignment, held),
        has_data_access=access.graph.acts(assignment, Plane.DATA) is not Truth.NO,
    )


def _undecided(assignment: Assignment) -> Gap:
    """Return why it is not known whether a privilege is held: the condition decides."""
    condition = assignment.condition or "in the role"
    return Gap(assignment.id, "properties.condition", f"the condition decides: {condition}")


def _permits(assignment: Assignment, held: Sequence[HeldPrivilege]) -> Permits:
    answers = {privilege.privilege.name: privilege.answer for privilege in held}
    undecided = _undecided(assignment)
    permitted: dict[str, Known[bool]] = {}
    for privilege in PRIVILEGES:
        answer = answers.get(privilege.name, Truth.NO)
        permitted[privilege.name.replace("-", "_")] = undecided if answer is Truth.UNKNOWN else answer is Truth.YES
    return Permits(**permitted)


def _escalates(assignment: Assignment, held: Sequence[HeldPrivilege]) -> Known[bool]:
    answers = {privilege.answer for privilege in held if privilege.privilege.escalates}
    return _undecided(assignment) if answers == {Truth.UNKNOWN} else Truth.YES in answers


def sanctioned(access: AccessContext, assignment: Assignment, sanction: Sanction) -> Known[bool]:
    """Return whether the table sanctions an assignment, or why a part that is not known may make it so."""
    match sanction.answer:
        case Truth.YES:
            return True
        case Truth.NO:
            # what could not be read may be a part of the workload that a row is about
            return access.graph.unread(assignment.scope) or _unsettled(access, assignment) or False
        case Truth.UNKNOWN:
            tangled = Gap(assignment.role.id, "properties.permissions", "the action patterns are too complex to decide")
            return access.graph.definition_gap(assignment) or tangled


def _unsettled(access: AccessContext, assignment: Assignment) -> Gap | None:
    """Return why rows on parts that are not known may cover an assignment that no row covers, or None."""
    if gap := access.unseen.user_of(assignment):
        return gap
    rows = access.unseen.doubtful([*access.table.rows, *access.table.tolerated])
    own = {(part.workload, part.component) for part in access.graph.parts.get(assignment.principal, ())}
    doubt = rows.doubt(own)
    if doubt is None:
        return None
    further = list(rows.expected(assignment, own, access.graph.roles))
    return doubt if access.sanctions.would_cover(assignment, further) else None


def _sub_object(assignment: Assignment) -> str:
    """Return what tells an assignment from others that one resource states."""
    if assignment.door is DoorKind.ROLE:
        return ""
    return f"{assignment.role.name} for {assignment.principal}"


def _inputs(assignment: Assignment) -> Sequence[tuple[str, str]]:
    if assignment.door is DoorKind.POLICY:
        return [(assignment.scope, "properties.accessPolicies")]
    if assignment.door is DoorKind.DELEGATION:
        return [(assignment.id, "properties.registrationDefinitionId")]
    stated = ("principalId", "principalType", "roleDefinitionId", "scope", "condition")
    role = [(assignment.role.id, "properties.permissions")] if assignment.role.permissions is not None else []
    return [*((assignment.id, f"properties.{name}") for name in stated), *role]
