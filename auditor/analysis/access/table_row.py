"""Facts about the rows of the role table: whether each works and gives no more than needed."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access import sanctions
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.access.expected import BoundRow, RoleRow, read_table
from auditor.analysis.access.row_verdict import How, RowVerdict, judge_best
from auditor.analysis.access.sanctions import ExcessActions
from auditor.analysis.contract import Context, Unlisted
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture.workloads import may_have
from auditor.azure import body
from auditor.azure.resource_type import ResourceType
from auditor.estate.lookup import ML_WORKSPACES
from auditor.estate.navigation import ONLINE_ENDPOINTS, REGISTRIES
from auditor.estate.network_relations import GATEWAYS
from auditor.estate.service_relations import ML_COMPUTES, SITES
from auditor.model import FindingSet, Gap
from auditor.rbac import privileges, service_roles
from auditor.rbac.assignments import Assignment
from auditor.rbac.operation_formulas import permitted_beyond
from auditor.rbac.permissions import NO_PERMISSIONS, Permissions, Plane, combined
from auditor.rbac.principals import bound
from auditor.rbac.read import DENIES
from auditor.rbac.schedules import ASSIGNMENTS
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth

PRINCIPALS: Final = (
    ML_WORKSPACES,
    ML_COMPUTES,
    ONLINE_ENDPOINTS,
    GATEWAYS,
    SITES,
)
"""Types whose identities the rows of the table are about."""
_REACHED_SHOWN: Final = 12
LeastPrivilege: TypeAlias = Literal["met", "exceeded", "not granted"]
_BY_CONDITION: Final = frozenset({How.UNCONDITIONAL, How.LESS_LIMITED, How.OTHER_CONDITION})
"""Azure takes no second assignment of the same role: the condition is set on the one that is there."""
_LEAST: Final[Mapping[Truth, LeastPrivilege]] = {Truth.YES: "met", Truth.NO: "exceeded", Truth.UNKNOWN: "not granted"}


@record
class GrantingAssignment(Record, frozen=True, kw_only=True):
    """An assignment that satisfies a row."""

    id: str
    """an assignment's id"""
    role: str
    """its role"""
    role_id: str
    """its role's GUID"""
    scope: str
    """its scope"""
    scope_kind: ScopeKind
    """what its scope is"""


@record
class LackingOperation(Record, frozen=True, kw_only=True):
    """An operation that is required and not held."""

    plane: Plane
    """`control` or `data`"""
    operation: str
    """an operation as proof"""


@fact("access.row", subject="the resource whose identity the row is about")
class TableRow(Fact, frozen=True, kw_only=True):
    """Whether a row of the role table works, and gives no more than needed."""

    control: str
    """the catalogue entry of the row"""
    row: str
    """a label of the row"""
    principal: str
    """the component whose identity needs the role"""
    principal_id: str | None
    """the principal that was judged; absent where the component has no identity"""
    holder: str
    """the id of the resource that plays the principal"""
    scope_component: str
    """the component that the role is needed on"""
    scope: str
    """the scope that the role is needed at"""
    role: str
    """the required role's name"""
    role_id: str
    """the required role's GUID"""
    works: Known[Literal["present", "missing"]]
    """`present` or `missing`: whether the required permissions are held at the scope"""
    how: Known[How]
    """by what: the role itself, an equivalent role, a narrower or wider scope, a stronger role, …"""
    least_privilege: Known[LeastPrivilege]
    """`met`, `exceeded`, or `not granted` where nothing is"""
    granted_by: tuple[GrantingAssignment, ...]
    """the assignments that satisfy the row"""
    excess: ExcessActions | None
    """what those assignments permit beyond the row"""
    lacking: LackingOperation | None
    """what is required and not held"""
    eligible: tuple[str, ...]
    """ids of assignments that the principal may activate and that then satisfy the row"""
    denied_by: tuple[str, ...]
    """ids of the deny assignments that take the permission away"""
    proof: str | None
    """why another role counts as the required one"""
    advisory: str | None
    """the control under which a sanctioned row is reported as broad"""
    allows: Known[tuple[str, ...] | None]
    """names of the dangers that the sanctioned row permits at its scope"""
    allows_operations: Known[tuple[str, ...] | None]
    """the operations behind `allows`"""
    also_reaches: Known[tuple[str, ...] | None]
    """other components of the workload that the row's scope is known to hold"""
    may_reach: Known[tuple[str, ...] | None]
    """further components that it may hold, as far as what was read tells"""
    reaches_more: Known[bool | None]
    """whether it holds any of these; never true, and not known where there are any"""
    holder_name: Hidden[str]
    target: Hidden[str]
    system: Hidden[ResourceType | None]
    deletions: Hidden[Mapping[str, str]]
    condition: Hidden[str | None]
    granted: Hidden[Permissions]
    at_most: Hidden[Permissions]
    needed_elsewhere: Hidden[frozenset[str]]

    def sentence(self) -> str:
        """Say whether the row works and by what, and what it allows where it is broad."""
        return self._verdict() + self._warning()

    def _verdict(self) -> str:
        place = f"{self.role} on {ids.name_of(self.scope)}"
        who = f"the identity of {self.holder_name}"
        if isinstance(self.works, Gap):
            return f"Whether {who} has {place} is not known: {self.works.reason}."
        how = "" if isinstance(self.how, Gap) else self.how.value
        if self.works == "missing":
            return f"{who.capitalize()} lacks {place}: {how}."
        by = ", ".join(sorted(f"{grant.role} on {ids.name_of(grant.scope) or '/'}" for grant in self.granted_by))
        return f"{who.capitalize()} has {place} by {how or 'what is known'} ({by})."

    def _warning(self) -> str:
        """Say what a sanctioned but broad row allows; nothing where it is not broad."""
        if self.allows is None or isinstance(self.allows, Gap):
            return ""
        if self.also_reaches is None or isinstance(self.also_reaches, Gap):
            return ""
        reached = [name for name in self.also_reaches if "/" not in name]  # subnets go with their network
        more = f" and {len(reached) - _REACHED_SHOWN} more" if len(reached) > _REACHED_SHOWN else ""
        reach = f", also on {', '.join(reached[:_REACHED_SHOWN])}{more}" if reached else ""
        titles = [privilege.title for privilege in privileges.PRIVILEGES if privilege.name in self.allows]
        place = f"{self.role} on {ids.name_of(self.scope)} is sanctioned by the architecture, advisory"
        return f" {place}: it allows to {', '.join(titles) or 'do little'}{reach}."

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return what is needed and not held, or what is held beyond the row."""
        if "works" in fields:
            return permitted_beyond(self.at_most, self.granted, self.scope)
        if "leastPrivilege" in fields and self.granted_by:
            return permitted_beyond(self.granted, self.at_most, self.scope)
        return super().rests_on(fields)

    def witness(self) -> Mapping[str, object] | None:
        """Return an operation that is lacking, else one that is too much."""
        if self.lacking:
            return self.lacking.body()
        return {"plane": self.excess.plane.value, "operation": self.excess.operation} if self.excess else None

    def remedy(self) -> str | None:
        """Return the commands that create the right assignment and remove those that give too much.

        What another row of the table works by is not removed.
        """
        if self.principal_id is None:
            return None
        create = self._create()
        if create is None or self.how in _BY_CONDITION:
            return None
        if self.works == "missing":
            return create if self.how in {How.MISSING, How.ELSEWHERE} else None
        if self.least_privilege != "exceeded":
            return None
        delete = [
            self.deletions.get(grant.id) or f"az role assignment delete --ids {shlex.quote(grant.id)}"
            for grant in self.granted_by
            if ids.key(grant.id) not in self.needed_elsewhere
        ]
        return " && ".join([create, *delete])

    def _create(self) -> str | None:
        """Return the command that creates the assignment that the row is about; None where none is known."""
        principal = str(self.principal_id)
        if self.system is not None:
            return service_roles.create_command(
                self.system, self.target, guid=self.role_id, principal=principal, scope=self.scope
            )
        condition = f" --condition {shlex.quote(self.condition)} --condition-version 2.0" if self.condition else ""
        return (
            f"az role assignment create --assignee-object-id {shlex.quote(principal)} "
            f"--assignee-principal-type ServicePrincipal --role {self.role_id} --scope {shlex.quote(self.scope)}{condition}"
        )


class JudgedRow(Struct, frozen=True):
    """A row of the table with its verdict. `sub_object` tells it from others of its holder."""

    row: BoundRow
    verdict: RowVerdict
    sub_object: str

    @property
    def granted_by(self) -> frozenset[str]:
        """Return the ids of the assignments by which the row works, in lower case."""
        works = self.verdict.works is Truth.YES
        return frozenset(ids.key(each.id) for each in self.verdict.assignments) if works else frozenset()


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield why rows may be missing: of principals that `PRINCIPALS` has not, and on components bound to nothing."""
    rows = read_table(context.tables, context.estate.catalogue).rows
    yield from _without_scope(context, rows)
    named = {row.principal for row in rows}
    declared = (one.types for one in context.workloads.declared if one.name in named)
    for kind in sorted({name.lower() for types in declared for name in types} - {name.lower() for name in PRINCIPALS}):
        gap = context.estate.type_gap(kind)
        if gap and not any(context.estate.of_type(kind)):
            yield Unlisted(TableRow.fact_kind, gap)


def _without_scope(context: Context, rows: Sequence[RoleRow]) -> Iterator[Unlisted]:
    """Yield which rows a workload may have on a component that nothing that was seen is known to be."""
    for workload in context.workloads.all:
        for row in rows:
            if workload.resources(row.principal) and not workload.resources(row.scope):
                gap = may_have(context.estate, context.workloads, workload, row.scope)
                if gap is not None:
                    fields = {"control": row.control, "advisory": row.advisory, "principal": row.principal}
                    yield Unlisted(TableRow.fact_kind, gap, {**fields, "scopeComponent": row.scope})


def judged_rows(access: AccessContext) -> Sequence[JudgedRow]:
    """Return each row, holder and scope with its verdict; what several workloads share once, of the first of them."""
    told: dict[tuple[str, str], dict[str, BoundRow]] = {}
    for row in access.rows:
        told.setdefault((row.holder.key, _label(row)), {}).setdefault(ids.key(row.scope), row)
    return [
        JudgedRow(*judge_best(row, access.graph.grants), label if len(rows) == 1 else f"{label} ({key})")
        for (_, label), rows in told.items()
        for key, row in rows.items()
    ]


def derive_facts(access: AccessContext, judged: Sequence[JudgedRow]) -> Iterator[TableRow]:
    """Yield one fact for each judged row."""
    uses = Counter(one for each in judged for one in each.granted_by)
    for each in judged:
        others = frozenset(one for one in each.granted_by if uses[one] > 1)
        yield _table_row(access, each.row, each.verdict, each.sub_object, others)


def _label(row: BoundRow) -> str:
    """Return what a reader knows the row by; two scopes of one name are told apart by their ids besides."""
    return f"{row.row.role.name} on {row.row.scope} {ids.name_of(row.scope)}"


def _doubt(access: AccessContext, row: BoundRow, verdict: RowVerdict) -> Gap | None:
    """Return why what satisfies a row may be more, or no more, than is needed after all, or None."""
    if verdict.least_privilege is Truth.NO:
        return _unlisted_assignments(access, row)  # a better one may not be listed
    if verdict.least_privilege is Truth.YES and verdict.how is not How.NARROWER:
        return row.preferred_gap  # a scope inside may be enough
    return None


def _table_row(
    access: AccessContext, row: BoundRow, verdict: RowVerdict, sub_object: str, needed_elsewhere: frozenset[str]
) -> TableRow:
    gap = _gap(access, row, verdict)
    kept = service_roles.system_of_role(row.row.role, access.context.estate.catalogue)
    doubt = gap or _doubt(access, row, verdict)
    advice = _advice(access, row, verdict)
    unknown_advice = gap if row.row.advisory else None
    return TableRow(
        about=facts.about(
            access.context,
            row.holder.id,
            sub_object=sub_object,
            role=(row.workload, row.row.principal),
            inputs=_inputs(access, row, verdict),
        ),
        control=row.row.control,
        row=row.row.name,
        principal=row.row.principal,
        principal_id=row.principals[0] if row.principals else None,
        holder=row.holder.id,
        scope_component=row.row.scope,
        scope=row.scope,
        role=row.row.role.name,
        role_id=row.row.role.guid,
        works=gap or ("present" if verdict.works is Truth.YES else "missing"),
        how=doubt or verdict.how,
        least_privilege=doubt or _LEAST[verdict.least_privilege],
        granted_by=tuple(map(_granting, verdict.assignments)) if verdict.works is Truth.YES else (),
        excess=_excess(row, verdict),
        lacking=_lacking(verdict),
        eligible=tuple(assignment.id for assignment in verdict.eligible),
        denied_by=tuple(deny.id for deny in verdict.denies),
        proof=_proof(row, verdict),
        advisory=row.row.advisory if advice or gap else None,
        allows=advice.privileges if advice else unknown_advice,
        allows_operations=advice.operations if advice else unknown_advice,
        also_reaches=advice.reached if advice else unknown_advice,
        may_reach=tuple(advice.perhaps_reached) if advice else unknown_advice,
        reaches_more=next(iter(advice.perhaps_reached.values()), False) if advice else unknown_advice,
        holder_name=row.holder.name,
        target=row.target.id,
        system=kept,
        deletions={
            one.id: command
            for one in verdict.assignments
            if (command := service_roles.delete_command(one.id, access.context.estate.catalogue))
        },
        condition=row.condition,
        granted=combined(each.permissions for each in verdict.assignments) if verdict.assignments else NO_PERMISSIONS,
        at_most=row.row.role.at_most,
        needed_elsewhere=needed_elsewhere,
    )


def _gap(access: AccessContext, row: BoundRow, verdict: RowVerdict) -> Gap | None:
    if (verdict.works is Truth.YES or verdict.how is How.NO_EFFECT) and _ignores_registry_roles(row):
        return Gap(
            row.target.id, "properties.roleAssignmentMode", "the registry decides per repository, by other roles"
        )
    if verdict.works is Truth.NO and verdict.how is not How.NO_IDENTITY:
        return _unlisted_assignments(access, row)
    if verdict.works is not Truth.UNKNOWN:
        return None
    if access.graph.deny_gap() is not None and len(verdict.reasons) == 1:
        return access.graph.deny_gap()
    permission = f"{DENIES}/read" if access.graph.deny_gap() else None
    return Gap(row.scope, ASSIGNMENTS, "; ".join(verdict.reasons) or "not known", permission)


def _unlisted_assignments(access: AccessContext, row: BoundRow) -> Gap | None:
    """Return why the assignments that may satisfy a row are not all known: Azure's, or those that the service keeps."""
    kept = service_roles.system_of_role(row.row.role, access.context.estate.catalogue)
    if kept is None:
        return access.graph.assignment_gap(row.scope)
    return service_roles.gap(access.context.estate, row.target.id, kept)


def _ignores_registry_roles(row: BoundRow) -> bool:
    """Whether the target is a registry on which AcrPull and AcrPush, and what contains them, may have no effect.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """
    mode = body.text(row.target.properties, "roleAssignmentMode") or ""
    return row.target.type_key == REGISTRIES and mode.lower() == "abacrepositorypermissions" and not row.row.on_group


def _granting(assignment: Assignment) -> GrantingAssignment:
    return GrantingAssignment(
        id=assignment.id,
        role=assignment.role.name,
        role_id=assignment.role.guid,
        scope=assignment.scope,
        scope_kind=kind_of(assignment.scope),
    )


def _lacking(verdict: RowVerdict) -> LackingOperation | None:
    if verdict.lacking is None:
        return None
    plane, operation = verdict.lacking
    return LackingOperation(plane=plane, operation=operation)


def _excess(row: BoundRow, verdict: RowVerdict) -> ExcessActions | None:
    if verdict.excess is None or not verdict.assignments:
        return None
    plane, operation = verdict.excess
    required = row.row.role.at_most
    actions = sorted(
        {action for a in verdict.assignments for action in sanctions.actions_beyond(a.permissions, required)}
    )
    return ExcessActions(plane=plane, operation=operation, actions=tuple(actions))


def _proof(row: BoundRow, verdict: RowVerdict) -> str | None:
    if verdict.how is not How.EQUIVALENT:
        return None
    return (
        f"every operation of {row.row.role.name} is permitted by {verdict.assignments[0].role.name} and the other way "
        "round, on the control plane (operations ending in read, write, delete or action) and on the data plane"
    )


class _Advice(Struct, frozen=True):
    """What a sanctioned but broad row permits at its scope: privileges by name, operations, other components there."""

    privileges: tuple[str, ...]
    operations: tuple[str, ...]
    reached: tuple[str, ...]
    perhaps_reached: Mapping[str, Gap]


def _advice(access: AccessContext, row: BoundRow, verdict: RowVerdict) -> _Advice | None:
    """Return what a sanctioned but broad row permits, where it is in force."""
    if row.row.advisory is None or verdict.works is not Truth.YES:
        return None
    types = {resource.type_key for resource in access.context.estate.below(row.scope)}
    held = [
        (privilege.privilege.name, operation)
        for privilege in privileges.at_scope(privileges.privileges_in(row.row.role.at_most), row.scope)
        for operation in privilege.surely
        if privileges.has_subject(operation, types)
    ]
    own = {row.row.principal, row.row.scope}
    workload = access.context.workloads.named[row.workload]
    there = {name for name, resource in bound(workload) if ids.is_under(resource.key, row.scope)}
    return _Advice(
        privileges=tuple(dict.fromkeys(name for name, _ in held)),
        operations=tuple(operation for _, operation in held),
        reached=tuple(sorted(there - own)),
        perhaps_reached=dict(access.unseen.below(workload, row.scope, there | own)),
    )


def _inputs(access: AccessContext, row: BoundRow, verdict: RowVerdict) -> Sequence[tuple[str, str]]:
    used = [(a.id, path) for a in verdict.assignments for path in ("properties.roleDefinitionId", "properties.scope")]
    roles = [(a.role.id, "properties") for a in verdict.assignments if a.role.permissions is not None]
    denies = [(deny.id, "properties.permissions") for deny in verdict.denies]
    kept = service_roles.system_of_role(row.row.role, access.context.estate.catalogue)
    missing = [] if used or denies else [(row.scope, ASSIGNMENTS if kept is None else kept.name)]
    return [*used, *roles, *denies, (row.holder.id, "identity"), *missing]
