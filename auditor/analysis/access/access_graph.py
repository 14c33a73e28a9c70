"""Everything that the facts about access are made from, read once per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.access.expected import BoundRow, Table, bind_rows, read_table
from auditor.analysis.access.sanctions import Sanctions
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.model import Gap
from auditor.rbac.assignments import Assignment, Memberships, Role
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.operation_sets import pattern
from auditor.rbac.permissions import Plane, permits_some
from auditor.rbac.principals import Part, Principals, bound, parts_of, principals_of
from auditor.rbac.privileges import HeldPrivilege, privileges_in
from auditor.rbac.read import ASSIGNMENTS, DEFINITIONS, AccessData, read_access_data
from auditor.rbac.scopes import Hierarchy, ScopeKind, kind_of
from auditor.truth import Truth, any_of

MEMBERS_PARAMETER: Final = "group_members"
GRAPH_PERMISSION: Final = "Directory.Read.All (Microsoft Graph)"

IDENTITY_USERS: Final = (
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/computes",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Web/serverfarms",
    "Microsoft.Web/sites",
)
"""Types whose resources play a role in the workload as somebody, or lead to those that do."""


@dataclass(frozen=True, slots=True)
class AccessGraph:
    """An estate's access, the table bound to its workloads, and who is who."""

    context: Context
    observed: AccessData
    principals: Principals
    parts: Mapping[str, Sequence[Part]]
    table: Table
    rows: Sequence[BoundRow]
    sanctions: Sanctions
    _below: Mapping[str, Sequence[Part]]
    _at: Mapping[str, Sequence[Part]]
    _touched: dict[str, Sequence[Part]] = field(default_factory=dict)
    _dangers: dict[tuple[str, str | None], Sequence[HeldPrivilege]] = field(default_factory=dict)
    _effects: dict[tuple[str, str | None, str], Truth] = field(default_factory=dict)

    def dangers_of(self, assignment: Assignment) -> Sequence[HeldPrivilege]:
        """Return the dangers that an assignment's role holds under its condition."""
        key = (assignment.role.key, assignment.condition)
        if key not in self._dangers:
            self._dangers[key] = privileges_in(assignment.permissions)
        return self._dangers[key]

    def dangers_in_role(self, role: Role) -> Sequence[HeldPrivilege]:
        """Return the dangers that a role holds."""
        return self.dangers_of(Assignment("", "", "", role, "/"))

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

    def touched(self, scope: str) -> Sequence[Part]:
        """Return the parts of workloads whose resource is at, below or above a scope."""
        key = ids.key(scope)
        if key not in self._touched:
            self._touched[key] = self._touching(key)
        return self._touched[key]

    def _touching(self, scope: str) -> Sequence[Part]:
        hierarchy = self.observed.grants.hierarchy
        found = [*self._below.get(scope, ()), *(p for key in hierarchy.above(scope)[1:] for p in self._at.get(key, ()))]
        if not found and kind_of(scope) is ScopeKind.MANAGEMENT_GROUP:
            everywhere = [part for parts in self._at.values() for part in parts]
            found = [part for part in everywhere if hierarchy.covers(scope, part.resource.key) is not Truth.NO]
        return found

    def definition_gap(self, assignment: Assignment) -> Gap | None:
        """Return why an assignment's permissions are not known, or None where they are."""
        if assignment.role.permissions is not None:
            return None
        gap = self.context.estate.type_gap(DEFINITIONS, assignment.scope)
        reason = gap.reason if gap else "the role definition is not among the collected ones or cannot be read"
        return Gap(assignment.role.id or assignment.id, "properties.permissions", reason, f"{DEFINITIONS}/read")

    def assignment_gap(self, scope: str = "") -> Gap | None:
        """Return why assignments at, above or below a scope are not all known, or None where they are."""
        return self.context.estate.type_gap(ASSIGNMENTS, scope)

    def unread_user(self) -> Gap | None:
        """Return a gap in a type whose resources run as identities, or lead to such, or None."""
        gaps = (gap for kind in IDENTITY_USERS for gap in self.context.estate.gaps_in(kind))
        return next(gaps, None)

    def unread(self, scope: str) -> Gap | None:
        """Return why the resource that a scope names is not here, or None where it is, or where it names none."""
        kind = ids.type_of(scope)
        estate = self.context.estate
        return None if kind is None or estate.get(scope) is not None else estate.type_gap(kind, scope)


def read_access_graph(context: Context) -> AccessGraph:
    """Read the estate and bind the baseline's table to its workloads."""
    principals = principals_of(context.estate)
    observed = read_access_data(context.estate, memberships=_memberships(context), identities=principals.identities)
    table = read_table(context.tables)
    rows: list[BoundRow] = []
    tolerated: list[BoundRow] = []
    for workload in context.workloads.all:
        rows.extend(bind_rows(table.rows, workload, principals, observed.roles))
        tolerated.extend(bind_rows(table.tolerated, workload, principals, observed.roles))
    below, at = _places(context, observed.grants.hierarchy)
    return AccessGraph(
        context,
        observed,
        principals,
        parts_of(context.workloads, principals),
        table,
        rows,
        Sanctions([*rows, *tolerated], observed.grants.hierarchy),
        below,
        at,
    )


def _places(
    context: Context, hierarchy: Hierarchy
) -> tuple[Mapping[str, Sequence[Part]], Mapping[str, Sequence[Part]]]:
    """Return the parts of workloads at or below each scope, and those at each."""
    below: dict[str, list[Part]] = {}
    at: dict[str, list[Part]] = {}
    for workload in context.workloads.all:
        for component, resource in bound(workload):
            part = Part(workload.name, component, resource)
            at.setdefault(resource.key, []).append(part)
            for key in hierarchy.above(resource.key):
                below.setdefault(key, []).append(part)
    return below, at


def _memberships(context: Context) -> Memberships:
    """Return the group members that the baseline states (`group_members: {group id: [principal ids]}`)."""
    listed = context.parameters.get(MEMBERS_PARAMETER)
    if not isinstance(listed, Mapping):
        return Memberships()
    members = {str(group).lower(): {one.lower() for one in body.texts(listed[group])} for group in listed}
    return Memberships(_closed(members), frozenset(members))


def _closed(members: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    """Return for each principal all groups it is in, through groups in groups too."""
    direct: dict[str, set[str]] = {}
    for group, principals in members.items():
        for principal in principals:
            direct.setdefault(principal, set()).add(group)
    closed: dict[str, frozenset[str]] = {}
    for principal in direct:
        found: set[str] = set()
        waiting = [principal]
        while waiting:
            for group in direct.get(waiting.pop(), ()):
                if group not in found:
                    found.add(group)
                    waiting.append(group)
        closed[principal] = frozenset(found)
    return closed
