"""Facts about every role assignment: who gets what where, whether the table sanctions it, and what danger it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_graph import GRAPH_PERMISSION, AccessGraph
from auditor.analysis.access.sanctions import Sanction
from auditor.model import Fact, Gap, Resource
from auditor.rbac import privileges
from auditor.rbac.assignments import Assignment, AssignmentState
from auditor.rbac.operation_sets import NOTHING
from auditor.rbac.principals import name_given
from auditor.rbac.privileges import PRIVILEGES, HeldPrivilege
from auditor.rbac.read import UNREADABLE_PRINCIPAL
from auditor.rbac.scopes import kind_of
from auditor.truth import Truth

KIND: Final = "access.assignment"

FIELDS: Final[Mapping[str, str]] = {
    "principalId": "Who holds the assignment.",
    "principalType": "User, Group, ServicePrincipal, ForeignGroup, …, as Azure says.",
    "principalName": "The managed identity's name, or the name that came with the assignment.",
    "components": "The components that run as the principal.",
    "isWorkloadIdentity": "Whether a component of a workload runs as the principal.",
    "isHuman": "Whether the principal is a user or a group.",
    "isGuest": "Whether the principal is a guest user.",
    "isForeign": "Whether the principal is a group of another tenant.",
    "isKnown": "Whether the principal is a managed identity of the estate, or came with a name.",
    "isDeleted": "Whether the principal does not exist any more.",
    "role": "The role's name.",
    "roleId": "The role's GUID.",
    "roleIsCustom": "Whether the role is a custom one.",
    "scope": "The assignment's scope.",
    "scopeKind": "root, management group, subscription, resource group, resource or child resource.",
    "state": "`active`, or `eligible` where it must be activated first.",
    "isStanding": "Whether it is in force all the time: active, not activated on demand, without an end.",
    "endsAt": "When it ends, if it does.",
    "condition": "The text of its condition.",
    "touches": "The components that are at, below or above its scope.",
    "sanctioned": "Whether the baseline's table covers what it permits at its scope.",
    "sanctionedBy": "The controls of the rows that cover it.",
    "advisory": "The control under which a sanctioned assignment is reported as broad.",
    "excess": "What it permits beyond the table.",
    "excess.plane": "`control` or `data`.",
    "excess.operation": "An operation as proof.",
    "excess.actions": "The actions of the role that go beyond.",
    **{f"permits.{danger.field}": f"Whether it permits to {danger.title}, at its scope." for danger in PRIVILEGES},
    "dangers": "Names of the dangers that it surely permits at its scope.",
    "possibleDangers": "Names of those that it permits if its condition holds or its role turns out so.",
    "dangerousOperations": "The operations behind `dangers`.",
    "escalates": "Whether it surely lets its holder give access or act as others.",
    "hasDataAccess": "Whether it permits any operation on data.",
    "forPeople": "Whether its role is one that the baseline lists for people.",
    "remediation": "The command that removes it.",
}

_DANGERS_SHOWN: Final = 5
_HUMAN: Final = {"user", "group", "foreigngroup"}
_BY_PERMISSION: Final = (
    "dangers",
    "dangerousOperations",
    "escalates",
    "hasDataAccess",
    "permits",
    "possibleDangers",
)


def derive_facts(scene: AccessGraph) -> Iterator[Fact]:
    """Yield one fact per assignment, active or eligible, wherever it is."""
    for assignment in scene.observed.grants.assignments:
        yield _fact(scene, assignment, privileges.at_scope(scene.dangers_of(assignment), assignment.scope))


def _fact(scene: AccessGraph, assignment: Assignment, held: Sequence[HeldPrivilege]) -> Fact:
    sanction = scene.sanctions.of(assignment)
    parts = scene.parts.get(assignment.principal, ())
    resource = scene.observed.resources[ids.key(assignment.id)]
    touched = scene.touched(assignment.scope)
    gap = scene.definition_gap(assignment)
    uncollected = _open(assignment, held) if gap is None else dict.fromkeys(_BY_PERMISSION, gap)
    if not parts and (unread := scene.unread_user()) is not None:
        # what could not be read may run as this principal
        uncollected |= dict.fromkeys(("components", "isWorkloadIdentity"), unread)
    if sanction.answer is Truth.UNKNOWN:
        tangled = Gap(assignment.role.id, "properties.permissions", "the action patterns are too complex to decide")
        uncollected["sanctioned"] = gap or tangled
    elif sanction.answer is Truth.NO and (unread := scene.unread(assignment.scope)):
        uncollected["sanctioned"] = unread  # what it is on may be a part of the workload that a row is about
    fields: dict[str, Any] = {
        **_principal_fields(scene, assignment, resource, uncollected),
        **_role_fields(scene, assignment),
        "components": sorted({part.component for part in parts}),
        "isWorkloadIdentity": bool(parts),
        "isStanding": _is_standing(scene, assignment),
        "touches": sorted({found.component for found in touched}),
        **_sanction_fields(sanction),
        **_danger_fields(assignment, held),
        "remediation": _remediation(assignment),
    }
    workload = parts[0].workload if parts else (touched[0].workload if touched else None)
    return facts.build(
        scene.context,
        KIND,
        assignment.id,
        fields,
        role=(workload, parts[0].component if parts else None),
        uncollected=uncollected,
        inputs=_inputs(assignment),
        summary=_summary(assignment, fields),
        witness=fields["excess"],
    )


def _open(assignment: Assignment, held: Sequence[HeldPrivilege]) -> dict[str, Gap]:
    """Return the dangers that its condition decides, with the condition's text."""
    gap = Gap(assignment.id, "properties.condition", f"the condition decides: {assignment.condition or 'in the role'}")
    perhaps = [one.danger for one in held if one.answer is Truth.UNKNOWN]
    sure = any(one.danger.escalates for one in held if one.answer is Truth.YES)
    names = [f"permits.{danger.field}" for danger in perhaps]
    return dict.fromkeys([*names, "escalates"] if not sure and any(d.escalates for d in perhaps) else names, gap)


def _principal_fields(
    scene: AccessGraph, assignment: Assignment, resource: Resource, uncollected: dict[str, Gap]
) -> Mapping[str, Any]:
    kind = assignment.principal_type.lower()
    identity = scene.principals.identities.get(assignment.principal)
    named = name_given(resource)
    graph_gap = Gap(assignment.id, "principal", "the directory was not read", GRAPH_PERMISSION)
    if assignment.principal == UNREADABLE_PRINCIPAL:
        broken = Gap(assignment.id, "properties.principalId", "malformed")
        uncollected.update(dict.fromkeys(("principalId", "isHuman", "isDeleted", "isGuest"), broken))
    deleted = kind == "unknown"
    if identity is None and not deleted and named is None:
        uncollected.setdefault("isDeleted", graph_gap)
    if kind == "user" and named is None:
        uncollected.setdefault("isGuest", graph_gap)
    if not kind and identity is None:
        uncollected.setdefault("isHuman", graph_gap)
    return {
        "principalId": assignment.principal,
        "principalType": assignment.principal_type or ("ServicePrincipal" if identity else None),
        "principalName": ids.name_of(identity.id) if identity else named,
        "isHuman": kind in _HUMAN,
        "isGuest": kind == "user" and "#ext#" in (named or "").lower(),
        "isForeign": kind == "foreigngroup",
        "isKnown": identity is not None or named is not None,
        "isDeleted": deleted,
    }


def _role_fields(scene: AccessGraph, assignment: Assignment) -> Mapping[str, Any]:
    return {
        "role": assignment.role.name,
        "roleId": assignment.role.key,
        "roleIsCustom": assignment.role.is_custom,
        "scope": assignment.scope,
        "scopeKind": kind_of(assignment.scope).value,
        "state": assignment.state.value,
        "endsAt": assignment.ends_at,
        "condition": assignment.condition or None,
        "forPeople": assignment.role.key in scene.table.people,
    }


def _is_standing(scene: AccessGraph, assignment: Assignment) -> bool:
    on_demand = ids.key(assignment.id) in scene.observed.activated
    return assignment.state is AssignmentState.ACTIVE and not on_demand and assignment.ends_at is None


def _sanction_fields(sanction: Sanction) -> Mapping[str, Any]:
    beyond = sanction.beyond
    return {
        "sanctioned": sanction.answer is Truth.YES,
        "sanctionedBy": sorted({row.row.control for row in sanction.rows} - {""})
        if sanction.answer is Truth.YES
        else [],
        "advisory": next((row.row.advisory for row in sanction.rows if row.row.advisory), None)
        if sanction.answer is Truth.YES
        else None,
        "excess": None
        if beyond is None
        else {"plane": beyond.plane.value, "operation": beyond.operation, "actions": list(beyond.actions)},
    }


def _danger_fields(assignment: Assignment, held: Sequence[HeldPrivilege]) -> Mapping[str, Any]:
    answers = {one.danger.field: one.answer for one in held}
    return {
        "permits": {
            danger.field: answers.get(danger.field) is Truth.YES
            for danger in PRIVILEGES
            if answers.get(danger.field) is not Truth.UNKNOWN
        },
        "dangers": privileges.names(held, Truth.YES),
        "possibleDangers": privileges.names(held, Truth.UNKNOWN),
        "dangerousOperations": [operation for one in held for operation in one.surely],
        "escalates": any(one.danger.escalates and one.answer is Truth.YES for one in held),
        "hasDataAccess": assignment.permissions.data.may != NOTHING,
    }


def _remediation(assignment: Assignment) -> str | None:
    """Return the command; an eligible assignment is not removed by the role assignment command."""
    if assignment.state is AssignmentState.ELIGIBLE:
        return None
    return f"az role assignment delete --ids {shlex.quote(assignment.id)}"


def _inputs(assignment: Assignment) -> Sequence[tuple[str, str]]:
    paths = ("properties.principalId", "properties.roleDefinitionId", "properties.scope", "properties.condition")
    role = [(assignment.role.id, "properties.permissions")] if assignment.role.permissions is not None else []
    return [*((assignment.id, path) for path in paths), *role]


def _summary(assignment: Assignment, fields: Mapping[str, Any]) -> str:
    who = fields["principalName"] or f"{assignment.principal_type or 'principal'} {assignment.principal}"
    place = ids.name_of(assignment.scope) or "/"
    verb = "may activate" if assignment.state is AssignmentState.ELIGIBLE else "has"
    told = f"{who} {verb} {assignment.role.name} on {kind_of(assignment.scope).value} {place}"
    if fields["sanctioned"]:
        return f"{told}, as the table of roles says."
    named, more = fields["dangers"][:_DANGERS_SHOWN], len(fields["dangers"]) - _DANGERS_SHOWN
    what = f"; it permits {', '.join(named)}{f' and {more} more' if more > 0 else ''}" if named else ""
    return f"{told}, which the table of roles does not sanction{what}."
