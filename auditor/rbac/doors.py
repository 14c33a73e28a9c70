"""Find every door by which principals may do an operation on a resource, directly or after a step.

Direct doors: roles, delegations, classic administration, access policies, keys for whoever may list them, and what lets in
anybody. After a step: whoever may delete the locks that stand against it, whoever may deploy a template that is shown
secrets, whoever may give itself access, and whoever may act as an identity that has a door of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import Anonymous, KeyAccess, PrivilegeName, ResourceType
from auditor.estate.accepted_keys import accepts_keys
from auditor.estate.lookup import FEDERATED_CREDENTIALS
from auditor.estate.stated_values import has_values
from auditor.model import Gap, Resource
from auditor.rbac import acting, guards, service_roles
from auditor.rbac.access_graph import NOT_FOUND, AccessGraph
from auditor.rbac.access_policies import governed_at
from auditor.rbac.assignments import ANYBODY, Assignment, AssignmentState, DoorKind
from auditor.rbac.effective import Effective
from auditor.rbac.patterns import matches, normalise
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import ManagedIdentity
from auditor.rbac.read import LOCKS
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import NO, UNKNOWN, YES, Truth, all_of, any_of

ASSIGN_ROLES: Final = "Microsoft.Authorization/roleAssignments/write"
_INDIRECT: Final = frozenset(
    {DoorKind.IDENTITY, DoorKind.FEDERATION, DoorKind.DEPLOYMENT, DoorKind.UNLOCKING, DoorKind.ESCALATION}
)
_KEYED: Final = [kind for kind in shipped() if kind.keys.opens]
_OPEN: Final = [kind for kind in shipped() if kind.anonymous]
_DEPLOYED: Final = [kind for kind in shipped() if kind.deployments is not None]
_LENDERS: Final = [kind for kind in shipped() if kind.keys.lent]
_RANK: Final = {NO: 0, UNKNOWN: 1, YES: 2}
_CODE_HOSTS: Final = [k for k in shipped() if k.calls_others and PrivilegeName.RUN_CODE in k.privileges]


class Door(Struct, frozen=True):
    """A way by which a principal can or may do what is asked; `eligible` if something must be activated first.

    `operation` is what it does `on` a resource to get there: the operation asked about, listing keys, running code, …
    `assignments` let it do that, or the credential with the id `credential` does. `acts_as` is the identity that it then
    is. `reasons` say why the answer is UNKNOWN.
    """

    kind: DoorKind
    principal: str
    answer: Truth
    eligible: bool
    on: str
    operation: str
    assignments: tuple[Assignment, ...] = ()
    credential: str | None = None
    acts_as: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_direct(self) -> bool:
        """Whether the principal needs no step in between."""
        return self.kind not in _INDIRECT

    @property
    def order(self) -> tuple[bool, bool, str, str, str]:
        """Return what doors of one principal are sorted by: the surest and most direct first."""
        return self.answer is not YES, not self.is_direct, self.kind.value, ids.key(self.on), self.operation


class DoorSearch(Struct):
    """The doors of an estate, with what was not read of them so far.

    With `only`, doors of these principals alone are looked for. `groups` are those of which a member may have a door;
    `gaps` say what was not read, by words for it.
    """

    graph: AccessGraph
    only: frozenset[str] | None = None
    groups: set[str] = field(default_factory=set)
    gaps: dict[Gap, str] = field(default_factory=dict)
    _held: dict[tuple[Plane, str, str], Sequence[Door]] = field(default_factory=dict)
    _ways: dict[str, Sequence[Door]] = field(default_factory=dict)
    _lenders: Mapping[str, Sequence[tuple[str, str]]] | None = None

    def all(self, plane: Plane, operation: str, scope: str) -> Sequence[Door]:
        """Return the doors to an operation at a scope; those after a step only of who has no sure direct one."""
        direct = [
            *self._unlocked(self.holders(plane, operation, scope), plane, operation, scope),
            *self.by_key(plane, operation, scope),
            *self._anonymous(plane, operation, scope),
        ]
        stepped = [*self._by_deployment(plane, operation, scope), *self._escalations(plane, operation, scope)]
        sure = {(door.principal, door.eligible) for door in direct if door.answer is YES}
        later = [*stepped, *self._as_identities([*direct, *stepped])]
        return [*direct, *(d for d in later if not sure & {(d.principal, False), (d.principal, d.eligible)})]

    def holders(self, plane: Plane, operation: str, scope: str) -> Sequence[Door]:
        """Return who may do an operation at a scope by what it is assigned, itself or as a known member of a group."""
        asked = (plane, operation.lower(), ids.key(scope))
        if asked not in self._held:
            covering = self.graph.grants.covering(scope)
            relevant = [a for a, _ in covering if permits(a.permissions, plane, operation) is not NO]
            self._held[asked] = list(self._holders(plane, operation, scope, relevant))
        return self._held[asked]

    def _holders(self, plane: Plane, operation: str, scope: str, relevant: Sequence[Assignment]) -> Iterator[Door]:
        grants = self.graph.grants
        by_door: dict[tuple[AssignmentState, DoorKind], list[Assignment]] = defaultdict(list)
        for assignment in relevant:
            by_door[assignment.state, assignment.door].append(assignment)
        for (state, kind), assignments in by_door.items():
            for principal in self._candidates(assignments):
                own = tuple(a for a in assignments if grants.is_held_by(a, principal) is YES)
                effective = grants.effective_of(principal, scope, own)
                answer = permits(effective.permissions, plane, operation)
                if self._is_missing(principal, own):
                    answer = all_of((answer, UNKNOWN))
                # whom a deny excludes may be a member of a group that it takes everything from
                if answer is not NO or any(deny.excluded for deny in effective.denied_by):
                    self.groups.update(a.principal for a in own if a.is_to_group)
                if answer is not NO:
                    reasons = () if answer is YES else tuple(self._reasons(principal, own, effective, scope))
                    eligible = state is AssignmentState.ELIGIBLE
                    yield Door(kind, principal, answer, eligible, scope, operation, own, reasons=reasons)

    def _candidates(self, assignments: Sequence[Assignment]) -> Sequence[str]:
        groups = {assignment.principal for assignment in assignments if assignment.is_to_group}
        known = self.graph.grants.memberships.groups_of
        members = {principal for principal, within in known.items() if groups & within}
        candidates = {assignment.principal for assignment in assignments} | members
        return sorted(candidates if self.only is None else candidates & self.only)

    def _is_missing(self, principal: str, own: Iterable[Assignment]) -> bool:
        """Whether Azure did not find a principal, by what it says of it in one of its own assignments."""
        return any(a.principal == principal and self.graph.missing_gap(a) is not None for a in own)

    def _reasons(self, principal: str, own: Sequence[Assignment], effective: Effective, scope: str) -> Iterator[str]:
        grants = self.graph.grants
        if self._is_missing(principal, own):
            yield NOT_FOUND
        yield from (a.doubt for a in own if a.doubt is not None)
        yield from (f"condition: {a.condition}" for a in own if a.condition)
        yield from (f"role {a.role.name} was not read" for a in own if a.role.permissions is None)
        yield from (f"deny assignment {ids.name_of(deny.id)}" for deny in effective.denied_by)
        for assignment in own:
            if grants.hierarchy.covers(assignment.scope, scope) is UNKNOWN:
                yield f"whether {assignment.scope} lies above is not known"
        if not grants.denies_known:
            yield "deny assignments were not collected"
        if grants.reach.at(ids.key(scope)) is UNKNOWN:
            yield "whether roles have an effect there was not read"

    def by_key(self, plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield who may list a key with which the operation can be done, where the service accepts its keys."""
        for kind in _KEYED:
            opened = [each for each in kind.keys.opens if _opens(kind, each, plane, operation)]
            if opened:
                for place, is_there in self._keyed(kind, scope):
                    yield from self._by_keys_of(kind, opened, place, is_there)

    def _anonymous(self, plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield where anybody may do an operation without signing in: at a scope, above it, or somewhere below."""
        for kind in _OPEN if self.only is None else ():
            for one in kind.anonymous:
                if _fits(kind, one.data if plane is Plane.DATA else one.control, operation):
                    doors = (self._open_to_anybody(one, resource) for resource in self._around(kind.key, scope))
                    yield from (replace(door, operation=operation) for door in doors if door.answer is not NO)
                    self._note_unread(kind, one, scope)

    def _open_to_anybody(self, one: Anonymous, resource: Resource) -> Door:
        estate, answer = self.graph.estate, has_values(self.graph.estate, resource, one.where)
        if one.above:
            top = estate.resource(_top(resource.id))
            answer = all_of((answer, UNKNOWN if top is None else has_values(estate, top, one.above)))
        return Door(
            kind=DoorKind.ANONYMOUS,
            principal=ANYBODY,
            answer=answer,
            eligible=False,
            on=resource.id,
            operation="",
            credential=resource.id,
            reasons=() if answer is YES else (f"whether {resource.name} lets in anybody is not known",),
        )

    def _around(self, kind: str, scope: str) -> Iterator[Resource]:
        """Yield the resource of a type that a scope is or lies in, else those below it."""
        estate, covers = self.graph.estate, self.graph.grants.hierarchy.covers
        place: str | None = scope
        while place is not None and (ids.type_of(place) or "").lower() != kind:
            place = ids.parent_of(place)
        found = None if place is None else estate.resource(place)
        if place is None:
            yield from (resource for resource in estate.judged(kind) if covers(scope, resource.key) is not NO)
        elif found is not None:
            yield found

    def _note_unread(self, kind: ResourceType, one: Anonymous, scope: str) -> None:
        """Note why there may be more that lets in anybody, unless what lies above keeps everybody out."""
        estate = self.graph.estate
        gap = estate.type_gap(kind.key, scope)
        if gap is None:
            return
        tops = self._around("/".join(kind.key.split("/")[:2]), scope) if one.above else ()
        if not one.above or any(has_values(estate, top, one.above) is not NO for top in tops):
            self.gaps.setdefault(gap, f"{kind.name}, which may let in anybody,")

    def deployment_doors(self) -> Iterator[tuple[Resource, ResourceType, Door]]:
        """Yield who may be shown what of which resource by deploying a template, with the resource's type."""
        for kind in _DEPLOYED:
            for resource in self.graph.estate.judged(kind.key):
                yield from ((resource, kind, door) for door in self._shown_to(kind, resource))

    def _by_deployment(self, plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield who may deploy a template to which a resource shows what is asked."""
        for kind in _DEPLOYED:
            if kind.deployments and plane is Plane.DATA and _fits(kind, kind.deployments.data, operation):
                for resource in self._around(kind.key, scope):
                    yield from self._shown_to(kind, resource)

    def _shown_to(self, kind: ResourceType, resource: Resource) -> Iterator[Door]:
        if kind.deployments is None:
            return
        lets_in = has_values(self.graph.estate, resource, kind.deployments.where)
        if lets_in is NO:
            return
        doubts = () if lets_in is YES else (f"whether {resource.name} lets deployments in is not known",)
        names = (f"{kind.name}/{name}" for name in kind.deployments.by)
        for door in surest(door for name in names for door in self.holders(Plane.CONTROL, name, resource.id)):
            answer = all_of((door.answer, lets_in))
            yield replace(door, kind=DoorKind.DEPLOYMENT, answer=answer, reasons=(*door.reasons, *doubts))

    def key_doors(self) -> Iterator[tuple[Resource, ResourceType, KeyAccess, Door]]:
        """Yield who may list which keys of which resource, with its type and what they open there."""
        for kind in _KEYED:
            for resource in self.graph.estate.of_type(kind.key):
                for opened in kind.keys.opens:
                    doors = self._by_keys_of(kind, [opened], resource.id, YES)
                    yield from ((resource, kind, opened, door) for door in doors)

    def _keyed(self, kind: ResourceType, scope: str) -> Iterator[tuple[str, Truth]]:
        """Yield the resources of a type whose keys count at a scope: the one that it is or lies in, else those below."""
        if kind_of(scope) in {ScopeKind.RESOURCE, ScopeKind.CHILD}:
            place: str | None = scope
            while place is not None and (ids.type_of(place) or "").lower() != kind.key:
                place = ids.parent_of(place)
            if place is not None:
                yield place, YES
            return
        if gap := self.graph.estate.type_gap(kind.key, scope):
            self.gaps.setdefault(gap, f"{kind.name}, whose keys open data,")
        for resource in self.graph.estate.judged(kind.key):
            is_below = self.graph.grants.hierarchy.covers(scope, resource.key)
            if is_below is not NO:
                yield resource.id, is_below

    def _by_keys_of(
        self, kind: ResourceType, opened: Sequence[KeyAccess], place: str, is_there: Truth
    ) -> Iterator[Door]:
        resource = self.graph.estate.get(place)
        unread = Gap(place, "properties", "the resource was not read")
        accepted = unread if resource is None else accepts_keys(self.graph.estate, resource, kind)
        if accepted is False:
            return
        doubts = (
            (f"whether {ids.name_of(place)} accepts keys is not known: {accepted.reason}",)
            if accepted is not True
            else ()
        )
        certainty = all_of((is_there, UNKNOWN if doubts else YES))
        lists = dict.fromkeys(f"{kind.name}/{name}" for each in opened for name in each.by)
        asked = [*((place, operation) for operation in lists), *self._lent(place)]
        doors = (door for on, operation in asked for door in self._controllers(operation, on))
        for door in surest(doors):
            answer = all_of((door.answer, certainty))
            kind_of_door = DoorKind.KEY if door.is_direct else door.kind
            yield replace(door, kind=kind_of_door, answer=answer, reasons=(*door.reasons, *doubts))

    def _controllers(self, operation: str, scope: str) -> Sequence[Door]:
        """Return who may do an operation on the control plane at a scope, where locks stand against it after a step."""
        return list(self._unlocked(self.holders(Plane.CONTROL, operation, scope), Plane.CONTROL, operation, scope))

    def _unlocked(self, doors: Iterable[Door], plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield doors as locks leave them: past those that stand against it gets only who may delete each of them."""
        if plane is Plane.DATA:
            yield from doors
            return
        found = list(doors)
        if (
            found
            and operation.rpartition("/")[2].lower() != "read"
            and (gap := self.graph.estate.type_gap(LOCKS, scope))
        ):
            self.gaps.setdefault(gap, "locks, which may stand against it,")
        locks = guards.locks_against(self.graph, operation, scope) if found else ()
        for door in found:
            keys = [self._remover(door, lock) for lock in locks]
            if not locks:
                yield door
            elif all(keys):
                removed = [key for key in keys if key is not None]
                yield replace(
                    door,
                    kind=DoorKind.UNLOCKING,
                    answer=all_of((door.answer, *(key.answer for key in removed))),
                    eligible=door.eligible or any(key.eligible for key in removed),
                    assignments=tuple(
                        dict.fromkeys((*door.assignments, *(a for key in removed for a in key.assignments)))
                    ),
                    reasons=(*door.reasons, *(reason for key in removed for reason in key.reasons)),
                )

    def _remover(self, door: Door, lock: Resource) -> Door | None:
        """Return by what the principal of a door may delete a lock, at best as that door; None where it may not."""
        able = self.holders(Plane.CONTROL, f"{LOCKS}/delete", lock.id)
        own = [one for one in able if one.principal == door.principal]
        return min(own, key=lambda one: (one.answer is not YES, one.eligible), default=None)

    def _lent(self, place: str) -> Sequence[tuple[str, str]]:
        """Return where else the keys of a resource are handed out, and by which operation."""
        if self._lenders is None:
            lenders: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for kind in _LENDERS:
                for resource in self.graph.estate.of_type(kind.key):
                    for path, operations in kind.keys.lent.items():
                        target = ids.key(body.text(resource.body, path) or "")
                        lenders[target].extend((resource.id, f"{kind.name}/{name}") for name in operations)
            self._lenders = lenders
        return self._lenders.get(ids.key(place), ())

    def _escalations(self, plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield who may give itself what is asked: by a role, or by an access policy where those rule."""
        if operation.lower() != ASSIGN_ROLES.lower():
            for door in self._controllers(ASSIGN_ROLES, scope):
                answer = all_of((door.answer, _can_give(door.assignments, plane, operation)))
                if answer is not NO:
                    yield replace(door, kind=DoorKind.ESCALATION, answer=answer)
        yield from self._by_service_roles(plane, operation, scope)
        place = governed_at(ids.key(scope))
        rules = self.graph.grants.reach.at(ids.key(scope))
        if place is None or plane is not Plane.DATA or rules is YES:
            return
        doors = (d for name in _changes_policies(place) for d in self._controllers(name, place))
        for door in surest(doors):
            answer = all_of((door.answer, UNKNOWN if rules is UNKNOWN else YES))
            yield replace(door, kind=DoorKind.ESCALATION, answer=answer)

    def _by_service_roles(self, plane: Plane, operation: str, scope: str) -> Iterator[Door]:
        """Yield who may assign roles that the service keeps itself: each of them is an ordinary operation to Azure."""
        if plane is not Plane.DATA:
            return
        for place, kind, roles in service_roles.assignable(self.graph.estate, scope):
            if any_of(permits(role.at_most, plane, operation) for role in roles) is not NO:
                for door in self._controllers(f"{kind.name}/write", place):
                    yield replace(door, kind=DoorKind.ESCALATION)

    def _as_identities(self, doors: Sequence[Door]) -> Sequence[Door]:
        """Return who may act as an identity that has one of the doors, itself or by acting as another in turn."""
        best: dict[tuple[str, bool], Truth] = {}
        found: dict[tuple[object, ...], Door] = {}
        waiting = list(doors)
        while waiting:
            reached = waiting.pop()
            known = best.get((reached.principal, reached.eligible), NO)
            if reached.principal not in self.graph.principals.identities or _RANK[reached.answer] <= _RANK[known]:
                continue
            best[reached.principal, reached.eligible] = reached.answer
            for way in self.ways_to_be(reached.principal):
                door = replace(
                    way, answer=all_of((way.answer, reached.answer)), eligible=way.eligible or reached.eligible
                )
                if reached.answer is UNKNOWN:
                    door = replace(door, reasons=(*way.reasons, f"whether {reached.principal} itself may is not known"))
                key = (door.kind, door.principal, door.eligible, door.on, door.acts_as)
                if key not in found or _RANK[door.answer] > _RANK[found[key].answer]:
                    found[key] = door
                waiting.append(door)
        return list(found.values())

    def ways_to_be(self, principal: str) -> Sequence[Door]:
        """Return the doors by which others may act as a managed identity."""
        if principal not in self._ways:
            identity = self.graph.principals.identities[principal]
            self._ways[principal] = [door for door in self._ways_into(identity) if door.principal != principal]
        return self._ways[principal]

    def _ways_into(self, identity: ManagedIdentity) -> Iterator[Door]:
        estate = self.graph.estate
        for way in acting.ways(identity):
            doors = (d for name in way.operations for d in self.holders(Plane.CONTROL, name, way.scope))
            doubts = () if way.doubt is None else (way.doubt.reason,)
            for door in surest(doors):
                answer = all_of((door.answer, UNKNOWN if doubts else YES))
                yield replace(
                    door,
                    kind=DoorKind.IDENTITY,
                    answer=answer,
                    acts_as=identity.principal,
                    reasons=(*door.reasons, *doubts),
                )
        if not identity.is_user_assigned:
            return
        for kind in _CODE_HOSTS:
            if gap := estate.type_gap(kind.key):
                self.gaps.setdefault(gap, f"{kind.name}, which may run as {ids.name_of(identity.id)},")
        if gap := estate.type_gap(FEDERATED_CREDENTIALS, identity.id):
            self.gaps.setdefault(gap, f"federated credentials of {ids.name_of(identity.id)}")
        for credential in estate.children(identity.id, FEDERATED_CREDENTIALS):
            yield Door(
                kind=DoorKind.FEDERATION,
                principal=_trusted(credential),
                answer=YES,
                eligible=False,
                on=identity.id,
                operation="",
                credential=credential.id,
                acts_as=identity.principal,
            )


def federated_subjects(graph: AccessGraph) -> Mapping[str, str]:
    """Return what the federated credentials of the estate trust, as issuer and subject, by that in lower case."""
    trusted = [_trusted(credential) for credential in graph.estate.of_type(FEDERATED_CREDENTIALS)]
    return {text.lower(): text for text in trusted}


def _trusted(credential: Resource) -> str:
    claims = body.text(credential.properties, "claimsMatchingExpression.value")
    subject = body.text(credential.properties, "subject") or claims
    return f"{body.text(credential.properties, 'issuer') or '?'} {subject or '?'}"


def _top(resource_id: str) -> str:
    """Return the id of the topmost resource that one is or lies in."""
    while (above := ids.parent_of(resource_id)) is not None:
        resource_id = above
    return resource_id


def surest(doors: Iterable[Door]) -> Sequence[Door]:
    """Return of the doors of a principal on a resource the surest one, of those by which nothing else differs."""
    best: dict[tuple[str, bool, str], Door] = {}
    for door in doors:
        key = (door.principal, door.eligible, door.on)
        if key not in best or _RANK[door.answer] > _RANK[best[key].answer]:
            best[key] = door
    return list(best.values())


def _opens(kind: ResourceType, keys: KeyAccess, plane: Plane, operation: str) -> bool:
    return _fits(kind, keys.data if plane is Plane.DATA else keys.control, operation)


def _fits(kind: ResourceType, patterns: Iterable[str], operation: str) -> bool:
    """Whether an operation is among those of a type that patterns, relative to it, stand for."""
    return any(matches(normalise(f"{kind.name}/{each}"), normalise(operation)) for each in patterns)


def _can_give(assignments: Sequence[Assignment], plane: Plane, operation: str) -> Truth:
    """Whether somebody who may assign roles by these may assign one with an operation.

    Who is delegated the assignment of roles may give only those that the delegation lists, to managed identities.
    https://learn.microsoft.com/azure/lighthouse/how-to/deploy-policy-remediation
    """
    if any(assignment.can_assign is None for assignment in assignments):
        return YES
    roles = [role for assignment in assignments for role in assignment.can_assign or ()]
    return any_of(permits(role.at_most, plane, operation) for role in roles)


def _changes_policies(place: str) -> Sequence[str]:
    kind = shipped().get(ids.type_of(place) or "")
    return [] if kind is None else [f"{kind.name}/{n}" for n in kind.privileges[PrivilegeName.CHANGE_VAULT_POLICIES]]
