"""What the facts about access are made from: the estate's access, and the baseline's table bound to its workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis import facts
from auditor.analysis.access.expected import BoundRow, Table, bind_rows, read_table
from auditor.analysis.access.sanctions import Sanctions
from auditor.analysis.access.unseen_parts import UnseenParts
from auditor.analysis.contract import Context
from auditor.analysis.fact import About
from auditor.architecture.workloads import Workload, may_have
from auditor.azure import body
from auditor.estate.secret_uses import secrets_read
from auditor.model import Gap
from auditor.rbac.access_graph import AccessGraph, read_access_graph
from auditor.rbac.assignments import Assignment, Memberships, memberships_of
from auditor.rbac.principals import ManagedIdentity

MEMBERS_PARAMETER: Final = "group_members"
GRAPH_PERMISSION: Final = "Directory.Read.All (Microsoft Graph)"


class AccessContext(Struct, frozen=True):
    """The access that there is (`graph`) and the access that there should be (`rows` of the table, `sanctions`).

    `unseen` tells what of the workloads may have a part in it and is not known.
    """

    context: Context
    graph: AccessGraph
    table: Table
    rows: Sequence[BoundRow]
    sanctions: Sanctions
    unseen: UnseenParts

    def about_identity(self, identity: ManagedIdentity) -> About:
        """Return what a fact about a managed identity is about: filed under the first part that runs as it."""
        parts = self.graph.parts.get(identity.principal, ())
        return facts.about(
            self.context,
            identity.id,
            role=(parts[0].workload, parts[0].component) if parts else None,
            inputs=[(resource.id, "identity") for resource in identity.users],
        )


def read_access(context: Context) -> AccessContext:
    """Read the estate's access and bind the baseline's table to its workloads."""
    graph = graph_of(context)
    table = read_table(context.tables, catalogue := context.estate.catalogue)
    rows: list[BoundRow] = []
    tolerated: list[BoundRow] = []
    needs = partial(secrets_read, context.estate)
    for workload in context.workloads.all:
        bound = bind_rows(table.rows, workload, graph.principals, graph.roles, needs, catalogue=catalogue)
        rows.extend(_with_unseen_scope(row, context, workload) for row in bound)
        tolerated.extend(
            bind_rows(table.tolerated, workload, graph.principals, graph.roles, needs, catalogue=catalogue)
        )
    sanctions = Sanctions([*rows, *tolerated], graph.grants.hierarchy)
    return AccessContext(context, graph, table, rows, sanctions, UnseenParts(context.estate, context.workloads, graph))


def directory_gap(assignment: Assignment) -> Gap:
    """Return that it is not known who an assignment's principal is: what the assignment says of it does not tell."""
    return Gap(assignment.id, "properties.principalType", "the directory was not read", GRAPH_PERMISSION)


def _with_unseen_scope(row: BoundRow, context: Context, workload: Workload) -> BoundRow:
    """Return a row with why what it prefers as its scope may be there though it is not known."""
    if not row.row.preferred_scope or row.preferred:
        return row
    gap = may_have(context.estate, context.workloads, workload, row.row.preferred_scope)
    return replace(row, preferred_gap=gap)


def graph_of(context: Context) -> AccessGraph:
    """Read the estate's access alone, with the members of groups that the baseline states."""
    return read_access_graph(context.estate, context.workloads, _memberships(context), context.now)


def _memberships(context: Context) -> Memberships:
    """Return the group members that the baseline states (`group_members: {group id: [principal ids]}`)."""
    listed = context.parameters.get(MEMBERS_PARAMETER)
    if not isinstance(listed, Mapping):
        return Memberships()
    return memberships_of({str(group): body.texts(listed[group]) for group in listed})
