"""Answer who can do something to a resource, and what a principal can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.model import Gap
from auditor.rbac import privileges
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, AssignmentState, DoorKind, Role
from auditor.rbac.doors import Door, DoorSearch, federated_subjects
from auditor.rbac.operation_sets import excluded_from, patterns_of
from auditor.rbac.permissions import Plane
from auditor.rbac.planes import plane_of
from auditor.rbac.read import DEFINITIONS, DENIES
from auditor.rbac.role_reach import instead
from auditor.rbac.schedules import ASSIGNMENTS, ELIGIBLE
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.rbac.service_roles import as_arm_spells, keepers, service_role_gaps
from auditor.truth import Truth, all_of


class Actor(Struct, frozen=True):
    """A principal that can, or may be able to, do an operation; `eligible` if something must be activated first.

    `is_direct`: some door of the answer's certainty needs no step in between. `doors` are the surest first.
    """

    principal: str
    principal_type: str
    name: str
    answer: Truth
    eligible: bool
    is_direct: bool
    doors: tuple[Door, ...]

    @property
    def assignments(self) -> Sequence[Assignment]:
        """Return the assignments behind the doors, each once."""
        return list(dict.fromkeys(assignment for door in self.doors for assignment in door.assignments))

    @property
    def reasons(self) -> Sequence[str]:
        """Return why the answer is UNKNOWN."""
        doors = self.doors if self.answer is Truth.UNKNOWN else ()
        return list(dict.fromkeys(reason for door in doors for reason in door.reasons))


class WhoCan(Struct, frozen=True):
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


class Grant(Struct, frozen=True):
    """What one door lets a principal do at a scope: action patterns, exclusions, and the privileges among them.

    `by` does it with `assignments` or a credential. `acts_as`: the identity that the principal can be; the privileges
    are then what that one holds. `ruled_out`: ids at or below the scope that let no role at their data.
    """

    answer: Truth
    by: Door
    scope: str
    privileges: tuple[str, ...]
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    denied_by: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()

    @property
    def assignment(self) -> Assignment | None:
        """Return the assignment that lets the principal, or None where a credential does."""
        return next(iter(self.by.assignments), None)


class WhatCan(Struct, frozen=True):
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
    asked = plane or plane_of(operation, [*graph.roles.values(), *more_roles])
    resource_id = as_arm_spells(resource_id, graph.estate.catalogue)
    search = DoorSearch(graph)
    by_actor: dict[tuple[str, bool], list[Door]] = defaultdict(list)
    found = list(search.all(asked, operation, resource_id))
    if other := instead(operation, ids.key(resource_id), graph.grants.reach):
        found += [door for door in search.all(Plane.DATA, other, resource_id) if door not in found]
    for door in found:
        by_actor[door.principal, door.eligible].append(door)
    names = given_names(graph)
    actors = [_actor(principal, names, doors) for (principal, _), doors in by_actor.items()]
    actors.sort(
        key=lambda actor: (
            actor.answer is not Truth.YES,
            not actor.is_direct,
            actor.eligible,
            actor.name.lower(),
            actor.principal,
        )
    )
    own = service_role_gaps(graph.estate, resource_id) if asked is Plane.DATA else ()
    nameless = dict.fromkeys(a.id for one in actors if one.principal == UNREADABLE_PRINCIPAL for a in one.assignments)
    unknowns = [
        *(f"who holds {each} was not read" for each in nameless),
        *_unknowns(graph, resource_id, search.groups),
        *_unread_around(graph, resource_id, search),
        *(f"roles inside {gap.scope} were not all collected: {gap.reason}{_needs(gap)}" for gap in own),
    ]
    return WhoCan(operation, resource_id, asked, actors, list(dict.fromkeys(unknowns)))


def _actor(principal: str, names: Mapping[str, str], found: Sequence[Door]) -> Actor:
    doors = tuple(sorted(found, key=lambda door: door.order))
    listed = (a.principal_type for door in doors for a in door.assignments if a.principal == principal)
    is_outside = doors[0].kind is DoorKind.FEDERATION
    return Actor(
        principal=principal,
        principal_type="federated subject" if is_outside else next(listed, ""),
        name=names.get(principal, principal),
        answer=doors[0].answer,
        eligible=doors[0].eligible,
        is_direct=doors[0].is_direct,
        doors=doors,
    )


def _unread_around(graph: AccessGraph, scope: str, search: DoorSearch) -> Iterator[str]:
    """Yield which doors at a resource, or at what the search met on its way, were not read."""
    if gap := graph.policies_gap(scope):
        yield f"who has access to {gap.scope} by its own policies is not known: {gap.reason}{_needs(gap)}"
    yield from (f"{what} were not all collected: {gap.reason}{_needs(gap)}" for gap, what in search.gaps.items())


def given_names(graph: AccessGraph) -> Mapping[str, str]:
    """Return the names of principals: a managed identity's, else the one that came with an assignment."""
    names: dict[str, str] = {}
    for assignment in graph.grants.assignments:
        if name := graph.given_name(assignment):
            names.setdefault(assignment.principal, name)
    return names | {who: ids.name_of(identity.id) for who, identity in graph.principals.identities.items()}


def principals_named(graph: AccessGraph, name: str) -> Sequence[str]:
    """Return the principals that a name stands for: a principal id, a name, the id of an identity or of a resource.

    A component's name stands for the identities of its resources in every workload; an issuer and a subject, with a blank
    between, for whoever gets such tokens.
    """
    key = ids.key(name.strip())
    known = graph.principals.identities
    if key in known or key in graph.grants.memberships.groups_of or graph.grants.held_by(key):
        return [key]
    resource = graph.estate.resource(key)
    if resource is not None and (attached := graph.principals.of(resource)[0]):
        return sorted(attached)
    if (subject := federated_subjects(graph).get(name.strip().lower())) is not None:
        return [subject]
    by_name = {identity.principal for identity in known.values() if ids.key(identity.id) == key}
    by_name |= {principal for principal, given in given_names(graph).items() if given.lower() == key}
    parts = graph.parts.items()
    return sorted(by_name or {who for who, held in parts if any(part.component == key for part in held)})


def what_can(graph: AccessGraph, name: str) -> WhatCan:
    """Return what each assignment lets the named principals do, the widest scopes first.

    Denies that touch an assignment's scope are named with it. A name that nobody has gives no principals and no grants.
    """
    principals = principals_named(graph, name)
    if not principals:
        return WhatCan([], [], [])
    search = DoorSearch(graph, only=frozenset({*principals, *graph.principals.identities}))
    grants = [grant for principal in principals for grant in _grants_of(graph, principal)]
    grants += [grant for principal in principals for grant in _by_keys(search, principal)]
    grants += [grant for principal in principals for grant in _as_identities(graph, search, principal)]
    unknowns = [
        *_unknowns(graph, "", _groups_of_strangers(graph, principals)),
        *(note for place in graph.grants.reach.rules for note in _unread_around(graph, place, DoorSearch(graph))),
        *_unread_around(graph, "/", search),
        *(
            f"roles inside {place} were not all collected: {gap.reason}{_needs(gap)}"
            for place in keepers(graph.estate)
            for gap in service_role_gaps(graph.estate, place)
        ),
    ]
    return WhatCan(principals, grants, list(dict.fromkeys(unknowns)))


def _by_keys(search: DoorSearch, principal: str) -> Iterator[Grant]:
    """Yield what keys that somebody may list are good for, and what deploying a template shows."""
    for resource, kind, opened, door in search.key_doors():
        if door.principal == principal:
            yield Grant(
                answer=door.answer,
                by=door,
                scope=resource.id,
                privileges=(),
                actions=tuple(f"{kind.name}/{each}" for each in opened.control),
                data_actions=tuple(f"{kind.name}/{each}" for each in opened.data),
            )
    for resource, kind, door in search.deployment_doors():
        if door.principal == principal and kind.deployments is not None:
            shown = tuple(f"{kind.name}/{each}" for each in kind.deployments.data)
            yield Grant(answer=door.answer, by=door, scope=resource.id, privileges=(), data_actions=shown)


def _as_identities(graph: AccessGraph, search: DoorSearch, principal: str) -> Iterator[Grant]:
    """Yield the identities that somebody can act as, those too that only another identity can be."""
    ways = [door for identity in graph.principals.identities for door in search.ways_to_be(identity)]
    reached: set[tuple[str, bool, Truth]] = set()
    frontier = [(principal, False, Truth.YES)]
    while frontier:
        holder, eligible, certainty = frontier.pop(0)
        for way in ways:
            if way.principal != holder or way.acts_as in {None, principal}:
                continue
            answer = all_of((way.answer, certainty))
            door = replace(way, answer=answer, eligible=way.eligible or eligible)
            state = (door.acts_as or "", door.eligible, answer)
            if state not in reached:
                reached.add(state)
                frontier.append(state)
                yield Grant(answer, door, door.on, graph.dangers_of(door.acts_as or ""))


def _privileges_at_scope(graph: AccessGraph, assignment: Assignment) -> Sequence[str]:
    return privileges.names(graph.privileges_at(assignment), Truth.YES)


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
        key = ids.key(assignment.scope)
        denied = grants.effective_of(principal, assignment.scope, [assignment]).denied_by
        is_policy = assignment.is_of_service
        sure = holder is Truth.YES and assignment.role.permissions is not None and not assignment.condition
        undenied = is_policy or (not denied and grants.denies_known)
        given = grants.in_effect(assignment)
        control, data = given.control.may, given.data.may
        is_certain = given.control.must == control and given.data.must == data
        answer = (
            Truth.YES if sure and undenied and (is_certain or assignment.role.permissions is None) else Truth.UNKNOWN
        )
        is_shut = not is_policy and grants.reach.shuts_data(key)
        shut = () if is_policy else grants.reach.ruled_out(assignment.permissions, key)
        yield Grant(
            answer=answer,
            by=Door(
                assignment.door,
                principal,
                answer,
                assignment.state is AssignmentState.ELIGIBLE,
                assignment.scope,
                "",
                (assignment,),
            ),
            scope=assignment.scope,
            privileges=tuple(_privileges_at_scope(graph, assignment)),
            actions=tuple(match.spelled for match in patterns_of(control)),
            not_actions=tuple(match.spelled for match in excluded_from(control)),
            data_actions=() if is_shut else tuple(match.spelled for match in patterns_of(data)),
            not_data_actions=() if is_shut else tuple(match.spelled for match in excluded_from(data)),
            denied_by=tuple(deny.id for deny in denied),
            ruled_out=tuple(graph.estate.spelled(place) or place for place in shut),
        )


def _unknowns(graph: AccessGraph, scope: str, groups: set[str]) -> Sequence[str]:
    """Return what was not collected and could add to or take from an answer."""
    estate = graph.estate
    gaps = [(what, estate.type_gap(kind, scope)) for what, kind in _SOURCES]
    gaps.append(("Lighthouse delegations", graph.delegation_gap(scope)))
    gaps.append(("classic administrators", graph.classic_gap(scope)))
    unread = [f"{what} were not all collected: {gap.reason}{_needs(gap)}" for what, gap in gaps if gap is not None]
    known = graph.grants.memberships
    unresolved = set() if known.all_known else groups - known.resolved
    return [*unread, *(f"the members of group {group} are not known" for group in sorted(unresolved))]


def _needs(gap: Gap) -> str:
    return f", needs {gap.permission}" if gap.permission else ""


_SOURCES = (
    ("role assignments", ASSIGNMENTS),
    ("role definitions", DEFINITIONS),
    ("deny assignments", DENIES),
    ("eligible assignments", ELIGIBLE),
)
