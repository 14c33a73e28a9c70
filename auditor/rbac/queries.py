"""Answer who can do something to a resource, and what a principal can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import resource_id as ids
from auditor.rbac import privileges
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import Assignment, AssignmentState, Role
from auditor.rbac.effective import Grants
from auditor.rbac.operation_sets import excluded_from, patterns_of
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.planes import plane_of
from auditor.rbac.read import ASSIGNMENTS, DEFINITIONS, DENIES, ELIGIBLE
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal that can, or may be able to, do an operation; `eligible` if it must activate the role first."""

    principal: str
    principal_type: str
    name: str
    answer: Truth
    eligible: bool
    assignments: tuple[Assignment, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhoCan:
    """The actors, the plane that was asked about, and what could change the answer."""

    operation: str
    resource_id: str
    plane: Plane
    actors: Sequence[Actor]
    unknowns: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is not known could change the answer."""
        return not self.unknowns and all(actor.answer is Truth.YES for actor in self.actors)


@dataclass(frozen=True, slots=True)
class Grant:
    """What one assignment lets a principal do at its scope: action patterns, exclusions, and the privileges among them."""

    answer: Truth
    assignment: Assignment
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]
    privileges: tuple[str, ...]
    denied_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhatCan:
    """The grants of the principals that a name stands for, and what could change the answer."""

    principals: Sequence[str]
    grants: Sequence[Grant]
    unknowns: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is not known could change the answer."""
        return not self.unknowns and all(grant.answer is Truth.YES for grant in self.grants)


def who_can(
    graph: AccessGraph, operation: str, resource_id: str, plane: Plane | None = None, more_roles: Iterable[Role] = ()
) -> WhoCan:
    """Return every principal that can or may do an operation on a resource, those that surely can first.

    Groups stand for themselves and, where their members are known, for these too. Without a plane the one on which
    roles, the estate's and `more_roles`, spell the operation is asked about.
    """
    grants = graph.grants
    asked = plane or plane_of(operation, [*graph.roles.values(), *more_roles])
    covering = grants.covering(resource_id)
    names = given_names(graph)
    actors: list[Actor] = []
    for state in AssignmentState:
        relevant = [a for a, _ in covering if a.state is state and _may(a, asked, operation)]
        for principal in _candidates(grants, relevant):
            actor = _actor(graph, principal, relevant, (asked, operation, resource_id))
            if actor is not None:
                actors.append(replace(actor, name=names.get(principal, principal)))
    actors.sort(key=lambda actor: (actor.answer is not Truth.YES, actor.eligible, actor.name.lower(), actor.principal))
    groups = {a.principal for actor in actors for a in actor.assignments if a.is_to_group}
    return WhoCan(operation, resource_id, asked, actors, _unknowns(graph, resource_id, groups))


def _may(assignment: Assignment, plane: Plane, operation: str) -> bool:
    return permits(assignment.permissions, plane, operation) is not Truth.NO


def _candidates(grants: Grants, assignments: Sequence[Assignment]) -> Sequence[str]:
    holders = {assignment.principal for assignment in assignments}
    members = {
        principal
        for principal, groups in grants.memberships.groups_of.items()
        if any(assignment.principal in groups for assignment in assignments)
    }
    return sorted(holders | members)


def _actor(
    graph: AccessGraph, principal: str, relevant: Sequence[Assignment], question: tuple[Plane, str, str]
) -> Actor | None:
    plane, operation, resource_id = question
    grants = graph.grants
    sure = [a for a in relevant if grants.is_held_by(a, principal) is Truth.YES]
    effective = grants.effective_of(principal, resource_id, sure)
    answer = permits(effective.permissions, plane, operation)
    if answer is Truth.NO or not sure:
        return None
    reasons: list[str] = []
    if answer is Truth.UNKNOWN:
        reasons.extend(f"condition: {a.condition}" for a in sure if a.condition)
        reasons.extend(f"role {a.role.name} was not read" for a in sure if a.role.permissions is None)
        reasons.extend(f"deny assignment {ids.name_of(deny.id)}" for deny in effective.denied_by)
        reasons.extend(
            f"whether {a.scope} lies above is not known"
            for a in sure
            if grants.hierarchy.covers(a.scope, resource_id) is Truth.UNKNOWN
        )
        if not grants.denies_known:
            reasons.append("deny assignments were not collected")
    held = next((a for a in sure if a.principal == principal), None)
    return Actor(
        principal,
        held.principal_type if held else "",
        principal,
        answer,
        sure[0].state is AssignmentState.ELIGIBLE,
        tuple(sure),
        tuple(reasons),
    )


def given_names(graph: AccessGraph) -> Mapping[str, str]:
    """Return the names of principals: a managed identity's, else the one that came with an assignment."""
    names: dict[str, str] = {}
    for assignment in graph.grants.assignments:
        if name := graph.given_name(assignment):
            names.setdefault(assignment.principal, name)
    return names | {who: ids.name_of(identity.id) for who, identity in graph.principals.identities.items()}


def principals_named(graph: AccessGraph, name: str) -> Sequence[str]:
    """Return the principals that a name stands for: a principal id, a name, the id of an identity or of a resource.

    A component's name stands for the identities of its resources in every workload.
    """
    key = ids.key(name.strip())
    known = graph.principals.identities
    if key in known or any(a.principal == key for a in graph.grants.assignments):
        return [key]
    resource = graph.estate.resource(key)
    if resource is not None and (attached := graph.principals.of(resource)[0]):
        return sorted(attached)
    by_name = {identity.principal for identity in known.values() if ids.key(identity.id) == key}
    by_name |= {principal for principal, given in given_names(graph).items() if given.lower() == key}
    parts = graph.parts.items()
    return sorted(by_name or {who for who, held in parts if any(part.component == key for part in held)})


def what_can(graph: AccessGraph, name: str) -> WhatCan:
    """Return what each assignment lets the named principals do, the widest scopes first.

    Denies that touch an assignment's scope are named with it. A name that nobody has gives no principals and no grants.
    """
    principals = principals_named(graph, name)
    grants = [grant for principal in principals for grant in _grants_of(graph, principal)]
    return WhatCan(
        principals, grants, _unknowns(graph, "", _groups_of_strangers(graph, principals)) if principals else []
    )


def _groups_of_strangers(graph: AccessGraph, principals: Sequence[str]) -> set[str]:
    """Return the groups with assignments that principals may be members of, where the members are not known."""
    listed = [a for a in graph.grants.assignments if a.is_to_group and a.principal not in principals]
    held = graph.grants.memberships
    return {a.principal for a in listed if any(held.is_member(who, a.principal) is Truth.UNKNOWN for who in principals)}


def _grants_of(graph: AccessGraph, principal: str) -> Iterator[Grant]:
    grants = graph.grants
    order = list(ScopeKind)
    ranked = sorted(
        grants.assignments,
        key=lambda a: (a.state.value, order.index(kind_of(a.scope)), ids.key(a.scope), ids.key(a.id)),
    )
    for assignment in ranked:
        holder = grants.is_held_by(assignment, principal)
        if holder is Truth.NO:
            continue
        denied = grants.effective_of(principal, assignment.scope, [assignment]).denied_by
        sure = holder is Truth.YES and assignment.role.permissions is not None and not assignment.condition
        control, data = assignment.permissions.control.may, assignment.permissions.data.may
        yield Grant(
            answer=Truth.YES if sure and not denied and grants.denies_known else Truth.UNKNOWN,
            assignment=assignment,
            actions=tuple(match.spelled for match in patterns_of(control)),
            not_actions=tuple(match.spelled for match in excluded_from(control)),
            data_actions=tuple(match.spelled for match in patterns_of(data)),
            not_data_actions=tuple(match.spelled for match in excluded_from(data)),
            privileges=tuple(
                privileges.names(privileges.at_scope(graph.privileges_of(assignment), assignment.scope), Truth.YES)
            ),
            denied_by=tuple(deny.id for deny in denied),
        )


def _unknowns(graph: AccessGraph, scope: str, groups: set[str]) -> Sequence[str]:
    """Return what was not collected and could add to or take from an answer."""
    estate = graph.estate
    unread = [
        f"{what} were not all collected: {gap.reason}" + (f", needs {gap.permission}" if gap.permission else "")
        for what, kind in _SOURCES
        if (gap := estate.type_gap(kind, scope)) is not None
    ]
    known = graph.grants.memberships
    unresolved = set() if known.all_known else groups - known.resolved
    return [*unread, *(f"the members of group {group} are not known" for group in sorted(unresolved))]


_SOURCES = (
    ("role assignments", ASSIGNMENTS),
    ("role definitions", DEFINITIONS),
    ("deny assignments", DENIES),
    ("eligible assignments", ELIGIBLE),
)
