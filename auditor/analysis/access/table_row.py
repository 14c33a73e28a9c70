"""Facts about the rows of the role table: whether each works and gives no more than needed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access import sanctions
from auditor.analysis.access.access_graph import AccessGraph
from auditor.analysis.access.expected import BoundRow
from auditor.analysis.access.row_verdict import How, RowVerdict, judge
from auditor.azure import body
from auditor.model import Fact, Gap, Json
from auditor.rbac import privileges
from auditor.rbac.assignments import Assignment
from auditor.rbac.permissions import Plane
from auditor.rbac.principals import bound
from auditor.rbac.read import ASSIGNMENTS, DENIES
from auditor.rbac.scopes import kind_of
from auditor.truth import Truth

PRINCIPALS: Final = (
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/computes",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Web/sites",
)
"""Types whose identities the rows of the table are about."""
KIND: Final = "access.row"

FIELDS: Final[Mapping[str, str]] = {
    "control": "The catalogue entry of the row.",
    "row": "A label of the row.",
    "principal": "The component whose identity needs the role.",
    "principalId": "The principal that was judged; absent where the component has no identity.",
    "holder": "The id of the resource that plays the principal.",
    "scopeComponent": "The component that the role is needed on.",
    "scope": "The scope that the role is needed at.",
    "role": "The required role's name.",
    "roleId": "The required role's GUID.",
    "works": "`present` or `missing`: whether the required permissions are held at the scope.",
    "how": "By what: the role itself, an equivalent role, a narrower or wider scope, a stronger role, …",
    "leastPrivilege": "`met`, `exceeded`, or `not granted` where nothing is.",
    "grantedBy": "The assignments that satisfy the row.",
    "grantedBy[*].id": "An assignment's id.",
    "grantedBy[*].role": "Its role.",
    "grantedBy[*].roleId": "Its role's GUID.",
    "grantedBy[*].scope": "Its scope.",
    "grantedBy[*].scopeKind": "What its scope is.",
    "excess": "What those assignments permit beyond the row.",
    "excess.plane": "`control` or `data`.",
    "excess.operation": "An operation as proof.",
    "excess.actions": "The actions of the role that go beyond.",
    "lacking": "What is required and not held.",
    "lacking.plane": "`control` or `data`.",
    "lacking.operation": "An operation as proof.",
    "eligible": "Ids of assignments that the principal may activate and that then satisfy the row.",
    "deniedBy": "Ids of the deny assignments that take the permission away.",
    "proof": "Why another role counts as the required one.",
    "advisory": "The control under which a sanctioned row is reported as broad.",
    "allows": "Names of the dangers that the sanctioned row permits at its scope.",
    "allowsOperations": "The operations behind `allows`.",
    "alsoReaches": "Other components of the workload that the row's scope holds.",
    "alsoReaches[*]": "One of them.",
    "remediation": "The command that creates the right assignment and removes those that give too much.",
}

_REGISTRY: Final = "microsoft.containerregistry/registries"
_REACHED_SHOWN: Final = 12
_LEAST: Final = {Truth.YES: "met", Truth.NO: "exceeded", Truth.UNKNOWN: "not granted"}


def derive_facts(scene: AccessGraph) -> Iterator[Fact]:
    """Yield one fact per row, holder and scope; what several workloads share is told once, of the first of them."""
    told: dict[tuple[str, str], dict[str, BoundRow]] = {}
    for row in scene.rows:
        told.setdefault((row.holder.key, _label(row)), {}).setdefault(ids.key(row.scope), row)
    for (_, label), rows in told.items():
        for key, row in rows.items():
            sub_object = label if len(rows) == 1 else f"{label} ({key})"
            yield _fact(scene, row, judge(row, scene.observed.grants), sub_object)


def _label(row: BoundRow) -> str:
    """Return what a reader knows the row by; two scopes of one name are told apart by their ids besides."""
    return f"{row.row.role.name} on {row.row.scope} {ids.name_of(row.scope)}"


def _fact(scene: AccessGraph, row: BoundRow, verdict: RowVerdict, sub_object: str) -> Fact:
    gap = _gap(scene, row, verdict)
    uncollected = {} if gap is None else dict.fromkeys(("works", "how", "leastPrivilege"), gap)
    advice = _advice(scene, row, verdict)
    fields: dict[str, Any] = {
        "control": row.row.control,
        "row": row.row.name,
        "principal": row.row.principal,
        "principalId": row.principals[0] if row.principals else None,
        "holder": row.holder.id,
        "scopeComponent": row.row.scope,
        "scope": row.scope,
        "role": row.row.role.name,
        "roleId": row.row.role.key,
        "works": "present" if verdict.works is Truth.YES else "missing",
        "how": verdict.how.value,
        "leastPrivilege": _LEAST[verdict.least_privilege],
        "grantedBy": [_granted(a) for a in verdict.assignments] if verdict.works is Truth.YES else [],
        "excess": _excess(row, verdict),
        "lacking": _operation(verdict.lacking),
        "eligible": [a.id for a in verdict.eligible],
        "deniedBy": [deny.id for deny in verdict.denies],
        "proof": _proof(row, verdict),
        "remediation": _remediation(row, verdict),
        **advice,
    }
    return facts.build(
        scene.context,
        KIND,
        row.holder.id,
        fields,
        sub_object=sub_object,
        role=(row.workload, row.row.principal),
        uncollected=uncollected,
        inputs=_inputs(row, verdict),
        summary=_summary(row, verdict, gap) + _warning(row, advice),
        witness=_operation(verdict.lacking) or _operation(verdict.excess),
    )


def _gap(scene: AccessGraph, row: BoundRow, verdict: RowVerdict) -> Gap | None:
    if verdict.works is Truth.NO and verdict.how is not How.NO_IDENTITY:
        return scene.assignment_gap(row.scope)
    if verdict.works is Truth.YES and _ignores_registry_roles(row):
        return Gap(
            row.target.id, "properties.roleAssignmentMode", "the registry decides per repository, by other roles"
        )
    if verdict.works is not Truth.UNKNOWN:
        return None
    if scene.observed.deny_gap is not None and len(verdict.reasons) == 1:
        return scene.observed.deny_gap
    permission = f"{DENIES}/read" if scene.observed.deny_gap else None
    return Gap(row.scope, ASSIGNMENTS, "; ".join(verdict.reasons) or "not known", permission)


def _ignores_registry_roles(row: BoundRow) -> bool:
    """Whether the target is a registry on which AcrPull and AcrPush, and what contains them, may have no effect.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """
    mode = body.text(row.target.properties, "roleAssignmentMode") or ""
    return row.target.type_key == _REGISTRY and mode.lower() == "abacrepositorypermissions" and not row.row.on_group


def _granted(assignment: Assignment) -> Json:
    return {
        "id": assignment.id,
        "role": assignment.role.name,
        "roleId": assignment.role.key,
        "scope": assignment.scope,
        "scopeKind": kind_of(assignment.scope).value,
    }


def _operation(found: tuple[Plane, str] | None) -> Json | None:
    return None if found is None else {"plane": found[0].value, "operation": found[1]}


def _excess(row: BoundRow, verdict: RowVerdict) -> Json | None:
    if verdict.excess is None or not verdict.assignments:
        return None
    plane, operation = verdict.excess
    required = row.row.role.at_most
    actions = sorted(
        {action for a in verdict.assignments for action in sanctions.actions_beyond(a.permissions, required)}
    )
    return {"plane": plane.value, "operation": operation, "actions": actions}


def _proof(row: BoundRow, verdict: RowVerdict) -> str | None:
    if verdict.how is not How.EQUIVALENT:
        return None
    return (
        f"every operation of {row.row.role.name} is permitted by {verdict.assignments[0].role.name} and the other way "
        "round, on the control plane (operations ending in read, write, delete or action) and on the data plane"
    )


def _advice(scene: AccessGraph, row: BoundRow, verdict: RowVerdict) -> Mapping[str, Any]:
    """Return what a sanctioned but broad row permits, where it is in force."""
    if row.row.advisory is None or verdict.works is not Truth.YES:
        return {}
    types = {one.type_key for one in scene.context.estate.resources if ids.is_under(one.key, row.scope)}
    held = [
        (one.danger.name, operation)
        for one in privileges.at_scope(privileges.privileges_in(row.row.role.at_most), row.scope)
        for operation in one.surely
        if privileges.has_subject(operation, types)
    ]
    return {
        "advisory": row.row.advisory,
        "allows": list(dict.fromkeys(name for name, _ in held)),
        "allowsOperations": [operation for _, operation in held],
        "alsoReaches": _also_reached(scene, row),
    }


def _warning(row: BoundRow, advice: Mapping[str, Any]) -> str:
    if not advice:
        return ""
    reached = [name for name in advice["alsoReaches"] if "/" not in name]  # subnets go with their network
    more = f" and {len(reached) - _REACHED_SHOWN} more" if len(reached) > _REACHED_SHOWN else ""
    reach = f", also on {', '.join(reached[:_REACHED_SHOWN])}{more}" if reached else ""
    titles = [danger.title for danger in privileges.PRIVILEGES if danger.name in advice["allows"]]
    told = f"{row.row.role.name} on {ids.name_of(row.scope)} is sanctioned by the architecture, advisory"
    return f" {told}: it allows to {', '.join(titles) or 'do little'}{reach}."


def _also_reached(scene: AccessGraph, row: BoundRow) -> Sequence[str]:
    own = {row.row.principal, row.row.scope}
    workload = next(one for one in scene.context.workloads.all if one.name == row.workload)
    return sorted(
        {name for name, resource in bound(workload) if name not in own and ids.is_under(resource.key, row.scope)}
    )


def _remediation(row: BoundRow, verdict: RowVerdict) -> str | None:
    create = (
        f"az role assignment create --assignee-object-id {shlex.quote(row.principals[0])} "
        f"--assignee-principal-type ServicePrincipal --role {row.row.role.key} --scope {shlex.quote(row.scope)}"
        if row.principals
        else None
    )
    if verdict.works is Truth.NO:
        return create if verdict.how is How.MISSING else None
    if verdict.least_privilege is not Truth.NO or create is None:
        return None
    delete = [f"az role assignment delete --ids {shlex.quote(a.id)}" for a in verdict.assignments]
    return " && ".join([create, *delete])


def _inputs(row: BoundRow, verdict: RowVerdict) -> Sequence[tuple[str, str]]:
    used = [(a.id, path) for a in verdict.assignments for path in ("properties.roleDefinitionId", "properties.scope")]
    return [(row.holder.id, "identity"), *used, *((deny.id, "properties.permissions") for deny in verdict.denies)]


def _summary(row: BoundRow, verdict: RowVerdict, gap: Gap | None) -> str:
    place = f"{row.row.role.name} on {ids.name_of(row.scope)}"
    who = f"the identity of {row.holder.name}"
    if gap is not None:
        return f"Whether {who} has {place} is not known: {gap.reason}."
    if verdict.works is Truth.NO:
        return f"{who.capitalize()} lacks {place}: {verdict.how.value}."
    by = ", ".join(sorted(f"{a.role.name} on {ids.name_of(a.scope) or '/'}" for a in verdict.assignments))
    return f"{who.capitalize()} has {place} by {verdict.how.value} ({by})."
