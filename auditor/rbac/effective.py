"""Decide what a principal may do at a scope, and which assignments give it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.rbac import permissions as sets
from auditor.rbac.assignments import EVERYONE, Assignment, AssignmentState, Deny, Memberships, held
from auditor.rbac.permissions import Permissions, Plane
from auditor.rbac.role_reach import RoleReach
from auditor.rbac.scopes import Hierarchy, ScopeKind, kind_of
from auditor.truth import Truth, all_of, any_of, negate

_Scoped = TypeVar("_Scoped", Assignment, Deny)
_Placed: TypeAlias = tuple[int, Assignment]


class Effective(Struct, frozen=True):
    """What a principal may do at a scope, the active assignments that contribute, and the denies that take away."""

    permissions: Permissions
    given_by: Sequence[Assignment]
    denied_by: Sequence[Deny] = ()


class Grants:
    """All assignments and denies of an estate, indexed for questions about one scope."""

    def __init__(
        self,
        assignments: Iterable[Assignment],
        denies: Iterable[Deny] = (),
        *,
        hierarchy: Hierarchy | None = None,
        memberships: Memberships | None = None,
        denies_known: bool = True,
        reach: RoleReach | None = None,
    ) -> None:
        """Index by scope; with `denies_known` false an unseen deny may take anything away.

        `reach` says where roles rule; without it they do everywhere.
        """
        self.assignments: Sequence[Assignment] = sorted(assignments, key=lambda a: (ids.key(a.id), a.principal))
        self.denies: Sequence[Deny] = sorted(denies, key=lambda deny: ids.key(deny.id))
        self.hierarchy = hierarchy or Hierarchy()
        self.memberships = memberships or Memberships()
        self.denies_known = denies_known
        self.reach = reach or RoleReach()
        self._by_principal: dict[str, list[Assignment]] = defaultdict(list)
        for assignment in self.assignments:
            self._by_principal[assignment.principal.lower()].append(assignment)
        self.groups = frozenset(a.principal.lower() for a in self.assignments if a.is_to_group)
        self.unresolved_groups = self.groups - self.memberships.resolved
        self._at: Mapping[str, list[Assignment]] = _by_scope(self.assignments)
        self._denies_at: Mapping[str, list[Deny]] = _by_scope(self.denies)
        self._stated_at = {*self._at, *self._denies_at}
        self._over: dict[str, Mapping[str, Truth]] = {}
        self._scopes = sorted(self._at)
        self._management_groups = sorted(key for key in self._stated_at if kind_of(key) is ScopeKind.MANAGEMENT_GROUP)

    def covering(self, scope: str) -> Sequence[tuple[Assignment, Truth]]:
        """Return the assignments that apply at a scope, or may, with which of the two it is."""
        return [(a, answer) for key, answer in self._scopes_over(scope).items() for a in self._at.get(key, ())]

    def perhaps_held(self, principal: str, scope: str) -> Sequence[Assignment]:
        """Return the assignments of `covering` that are a principal's own, or a group's that it may be a member of."""
        own = principal.lower()
        places = (places for key in self._scopes_over(scope) if (places := self._places.get(key)))
        return [a for by_holder, groups in places for a in _merged(by_holder.get(own, ()), groups)]

    @cached_property
    def _places(self) -> Mapping[str, tuple[Mapping[str, list[_Placed]], list[_Placed]]]:
        """Return, by scope, the assignments of each principal but groups, and those to groups, with their place there."""
        found: dict[str, tuple[Mapping[str, list[_Placed]], list[_Placed]]] = {}
        for key, assignments in self._at.items():
            by_holder: dict[str, list[_Placed]] = defaultdict(list)
            groups: list[_Placed] = []
            for placed in enumerate(assignments):
                holder = placed[1]
                (groups if holder.is_to_group else by_holder[holder.principal.lower()]).append(placed)
            found[key] = by_holder, groups
        return found

    def held_by(self, principal: str) -> Sequence[Assignment]:
        """Return the assignments of a principal itself, not those of its groups, by id."""
        return self._by_principal.get(principal.lower(), ())

    def below(self, scope: str) -> Sequence[Assignment]:
        """Return the assignments at scopes below a scope, by id: a management group's subscriptions don't count."""
        prefix = f"{ids.key(scope)}/"
        listed: list[Assignment] = []
        for key in self._scopes[bisect_left(self._scopes, prefix) :]:
            if not key.startswith(prefix):
                break
            listed.extend(self._at[key])
        return listed

    def _scopes_over(self, scope: str) -> Mapping[str, Truth]:
        """Return the scopes with assignments or denies that apply at a scope, or may: management groups it may lie in too."""
        known = self._over.get(scope)
        if known is None:
            above = self.hierarchy.above(scope)
            others = [(key, self.hierarchy.covers(key, scope)) for key in self._management_groups if key not in above]
            pairs = [*((key, Truth.YES) for key in above), *(pair for pair in others if pair[1] is not Truth.NO)]
            known = self._over[scope] = {key: covers for key, covers in pairs if key in self._stated_at}
        return known

    def effective(self, principal: str, scope: str, *, state: AssignmentState = AssignmentState.ACTIVE) -> Effective:
        """Return what a principal may do at a scope, denies applied. Eligible assignments count only when asked for."""
        return self.effective_of(principal, scope, [a for a in self.perhaps_held(principal, scope) if a.state is state])

    def effective_of(self, principal: str, scope: str, assignments: Iterable[Assignment]) -> Effective:
        """Return what only these assignments let a principal do at a scope, denies applied.

        Where the service lets in by other ways alone, roles have no effect, and denies have none on what a service keeps.
        """
        parts: list[Permissions] = []
        by_service: list[Permissions] = []
        given_by: list[Assignment] = []
        for assignment in assignments:
            part = held(assignment, self.applies(assignment, principal, scope))
            if part is not None:
                (by_service if assignment.is_of_service else parts).append(part)
                given_by.append(assignment)
        granted = self.reach.in_effect(sets.combined(parts), ids.key(scope))
        effective = self._after_denies(principal, scope, granted, given_by)
        if not by_service:
            return effective
        return replace(effective, permissions=sets.combined([effective.permissions, *by_service]))

    def in_effect(self, assignment: Assignment, scope: str = "") -> Permissions:
        """Return what an assignment permits at a scope below its own, or at its own, where roles may have no effect."""
        if assignment.is_of_service:
            return assignment.permissions
        return self.reach.in_effect(assignment.permissions, ids.key(scope or assignment.scope))

    def applies(self, assignment: Assignment, principal: str, scope: str) -> Truth:
        """Whether an assignment gives a principal its role at a scope."""
        is_held = self.is_held_by(assignment, principal)
        return is_held if is_held is Truth.NO else all_of((is_held, self._covers(assignment.scope, scope)))

    def _covers(self, outer: str, inner: str) -> Truth:
        """Whether an assignment at the outer scope applies at the inner one; what states something was found before."""
        answer = self._scopes_over(inner).get(ids.key(outer))
        return self.hierarchy.covers(outer, inner) if answer is None else answer

    def is_held_by(self, assignment: Assignment, principal: str) -> Truth:
        """Whether a principal holds an assignment, itself or as a member of the group that does."""
        if assignment.principal.lower() == principal.lower():
            return Truth.YES
        return self.memberships.is_member(principal, assignment.principal) if assignment.is_to_group else Truth.NO

    def _after_denies(
        self, principal: str, scope: str, granted: Permissions, given_by: Sequence[Assignment]
    ) -> Effective:
        denied_by: list[Deny] = []
        for key, answer in self._scopes_over(scope).items():
            for deny in self._denies_at.get(key, ()):
                hit = all_of((answer, self._is_denied(deny, principal, scope)))
                if hit is Truth.NO:
                    continue
                taken = sets.perhaps(deny.permissions) if hit is Truth.UNKNOWN else deny.permissions
                granted = sets.without(granted, taken)
                denied_by.append(deny)
        if not self.denies_known:
            granted = sets.perhaps(granted)
        return Effective(granted, given_by, denied_by)

    def _is_denied(self, deny: Deny, principal: str, scope: str) -> Truth:
        if not deny.applies_to_children and ids.key(deny.scope) != ids.key(scope):
            return Truth.NO
        named = self._is_among(deny.principals, deny.groups, principal)
        excluded = self._is_among(deny.excluded, deny.groups, principal)
        return all_of((named, negate(excluded)))

    def _is_among(self, named: frozenset[str], groups: frozenset[str], principal: str) -> Truth:
        if EVERYONE in named or principal.lower() in named:
            return Truth.YES
        return any_of(self.memberships.is_member(principal, group) for group in named & groups)

    def may(self, principal: str, plane: Plane, operation: str, scope: str) -> Truth:
        """Whether a principal may do one operation at a scope now."""
        return sets.permits(self.effective(principal, scope).permissions, plane, operation)


def _merged(own: Sequence[_Placed], others: Sequence[_Placed]) -> Iterable[Assignment]:
    return (assignment for _, assignment in sorted((*own, *others), key=itemgetter(0)))


def _by_scope(items: Iterable[_Scoped]) -> Mapping[str, list[_Scoped]]:
    by_scope: dict[str, list[_Scoped]] = defaultdict(list)
    for item in items:
        by_scope[ids.key(item.scope)].append(item)
    return dict(by_scope)
