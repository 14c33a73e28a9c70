"""Compare what principals may do in two states of an estate: the operations gained and lost, as exact sets.

A scope is asked where something at it changed: an assignment, what its role permits, a deny, a vault's switch for roles.
What is gained or lost there holds below it, too; only what differs besides is told of lower scopes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import Assignment, AssignmentState, Deny
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.bounds import Bounds
from auditor.rbac.effective import Grants
from auditor.rbac.operation_sets import (
    NOTHING,
    OperationSet,
    difference,
    holds,
    intersection,
    is_empty,
    union,
    witness,
)
from auditor.rbac.permissions import Plane, universe
from auditor.rbac.privileges import PRIVILEGES
from auditor.rbac.role_blocks import RoleBlock, blocks_of
from auditor.truth import Truth

Place = tuple[str, str]
"""A principal and the key of a scope."""


class AccessChange(Struct, frozen=True):
    """Operations that a principal may do at a scope, and below it, in one state only.

    `action` is one of them. Not `is_certain`: it depends on what is not known, such as a condition, whether it may do
    them. `via` is the group through which it has or had them. `by` are ids of assignments, roles, denies and vaults that
    changed. `is_eligible`: an assignment has to be activated first. `is_undecided`: the patterns are too complex.
    """

    principal: str
    scope: str
    plane: Plane
    action: str
    blocks: tuple[RoleBlock, ...]
    is_certain: bool
    via: str | None = None
    by: tuple[str, ...] = ()
    is_eligible: bool = False
    is_undecided: bool = False


class AccessChanges(Struct, frozen=True):
    """What principals gained and lost."""

    gained: tuple[AccessChange, ...] = ()
    lost: tuple[AccessChange, ...] = ()


class _Side(Struct, frozen=True):
    """One state: its grants, and what of them the other state does not have."""

    grants: Grants
    assignments: Sequence[Assignment]
    denies: Sequence[Deny]


class _Held(Struct, frozen=True):
    """What a principal may do at a scope: surely held, and with what groups may give of which it may be a member."""

    known: Bounds
    with_doubtful: Bounds


def compare(old: AccessGraph, new: AccessGraph) -> AccessChanges:
    """Return what each principal gained and lost, by scope from the highest on."""
    before, after = _sides(old, new)
    places = sorted(set(_places(before, after)), key=lambda place: (place[0], _depth(after.grants, place[1]), place[1]))
    gained: list[AccessChange] = []
    lost: list[AccessChange] = []
    for found, more, less in ((gained, after, before), (lost, before, after)):
        told: dict[tuple[str, Plane], list[tuple[str, OperationSet]]] = defaultdict(list)
        for principal, scope in places:
            for plane in Plane:
                found.extend(_at(_Question(principal, scope, plane, more, less), told[principal, plane]))
    return AccessChanges(tuple(gained), tuple(lost))


def _sides(old: AccessGraph, new: AccessGraph) -> tuple[_Side, _Side]:
    """Return both states; denies of which neither knows anything are the same for all that is known."""
    pair = [copy(old.grants), copy(new.grants)]
    if not any(grants.denies_known for grants in pair):
        for grants in pair:
            grants.denies_known = True
    contents = [{_content(each) for each in grants.assignments} for grants in pair]
    denies = [{_deny_content(each) for each in grants.denies} for grants in pair]
    sides = [
        _Side(
            grants,
            [each for each in grants.assignments if _content(each) not in contents[1 - place]],
            [each for each in grants.denies if _deny_content(each) not in denies[1 - place]],
        )
        for place, grants in enumerate(pair)
    ]
    return sides[0], sides[1]


def _content(each: Assignment) -> object:
    """Return all of an assignment that decides what it gives, without its id and names."""
    role: object = each.role.key if each.role.permissions is None else each.role.permissions
    can_assign = tuple((may.permissions, may.key) for may in each.can_assign or ()) or each.can_assign
    held = (each.principal.lower(), each.is_to_group, ids.key(each.scope), role, each.condition)
    return *held, each.state, each.is_of_service, can_assign


def _deny_content(each: Deny) -> object:
    who = (each.principals, each.excluded, each.groups)
    return ids.key(each.scope), each.permissions, *who, each.applies_to_children


def _depth(grants: Grants, scope: str) -> int:
    return len(grants.hierarchy.above(scope))


def _places(before: _Side, after: _Side) -> Iterator[Place]:
    """Yield where what principals may do may have changed."""
    for side in (before, after):
        for each in side.assignments:
            for principal in _holders(each, (before, after)):
                yield principal, ids.key(each.scope)
        for deny in side.denies:
            yield from _touched(ids.key(deny.scope), (before, after))
    for scope in _moved(before.grants, after.grants):
        yield from _touched(scope, (before, after))


def _holders(each: Assignment, sides: Sequence[_Side]) -> set[str]:
    """Return who has an assignment: its principal, and the members of the group that it is, as far as they are known."""
    group = each.principal.lower()
    known = [side.grants.memberships.groups_of.items() for side in sides] if each.is_to_group else []
    return {group, *(member for listed in known for member, groups in listed if group in groups)}


def _touched(scope: str, sides: Sequence[_Side]) -> Iterator[Place]:
    """Yield a scope for everybody who has an assignment that applies there, and the scopes below it for those there."""
    for side in sides:
        for each, _ in side.grants.covering(scope):
            yield from ((principal, scope) for principal in _holders(each, sides))
        for each in side.grants.below(scope):
            yield from ((principal, ids.key(each.scope)) for principal in _holders(each, sides))


def _moved(old: Grants, new: Grants) -> Iterator[str]:
    """Yield the scopes that lie elsewhere in the hierarchy than before, and those where roles rule in one state only."""
    for key in sorted({*old.hierarchy.parents, *new.hierarchy.parents}):
        if old.hierarchy.above(key) != new.hierarchy.above(key):
            yield key
    for key in sorted(old.reach.rules.keys() & new.reach.rules.keys()):
        if old.reach.rules[key] is not new.reach.rules[key]:
            yield key


class _Question(Struct, frozen=True):
    """What a principal may do at a scope on a plane in one state, `more`, and may not in the other."""

    principal: str
    scope: str
    plane: Plane
    more: _Side
    less: _Side
    states: frozenset[AssignmentState] = field(default=frozenset({AssignmentState.ACTIVE}))

    def held(self, side: _Side) -> _Held:
        """Return what it may do in a state."""
        grants = side.grants
        covering = [each for each, _ in grants.covering(self.scope) if each.state in self.states]
        sure = [each for each in covering if grants.is_held_by(each, self.principal) is Truth.YES]
        known = grants.effective_of(self.principal, self.scope, sure).permissions.on(self.plane)
        if len(sure) == sum(grants.is_held_by(each, self.principal) is not Truth.NO for each in covering):
            return _Held(known, known)
        return _Held(known, grants.effective_of(self.principal, self.scope, covering).permissions.on(self.plane))

    def changed(self, side: _Side) -> Sequence[Assignment]:
        """Return the assignments that only one state has, and that apply."""
        return [
            each
            for each in side.assignments
            if each.state in self.states and side.grants.applies(each, self.principal, self.scope) is not Truth.NO
        ]


def _at(question: _Question, told: list[tuple[str, OperationSet]]) -> Iterator[AccessChange]:
    """Yield what is gained at a scope besides what was told of those above it."""
    try:
        yield from _changes(question, told)
        if any(each.state is AssignmentState.ELIGIBLE for each in question.more.assignments):
            both = replace(question, states=frozenset(AssignmentState))
            yield from (replace(each, is_certain=False, is_eligible=True) for each in _changes(both, told))
    except TooComplexError:
        yield AccessChange(
            principal=question.principal,
            scope=question.scope,
            plane=question.plane,
            action="",
            blocks=(),
            is_certain=False,
            by=tuple(dict.fromkeys(_sources(question, None))),
            is_undecided=True,
        )


def _changes(question: _Question, told: list[tuple[str, OperationSet]]) -> Iterator[AccessChange]:
    more, less = question.held(question.more), question.held(question.less)
    if more == less and not question.changed(question.more):
        return
    above = question.more.grants.hierarchy.above(question.scope)
    known = union(operations for scope, operations in told if scope in above)
    certain = difference(difference(more.known.must, less.with_doubtful.may), known)
    perhaps = union(
        (
            difference(more.known.may, less.known.may),
            difference(more.known.must, less.known.must),
            _conditional(question, more.known, less.known),
        )
    )
    for operations, is_certain in ((certain, True), (difference(difference(perhaps, certain), known), False)):
        if _is_none(operations, question.plane):
            continue
        told.append((question.scope, operations))
        yield _change(question, operations, is_certain=is_certain)


def _conditional(question: _Question, more: Bounds, less: Bounds) -> OperationSet:
    """Return what hangs on unknowns in both states, but not on the same ones: on other conditions, on other roles."""
    found: list[OperationSet] = []
    for each in question.changed(question.more):
        own = question.more.grants.in_effect(each, question.scope).on(question.plane)
        found.append(difference(own.may, own.must))
    sure = union((more.must, less.must))
    return intersection((difference(union(found), sure), more.may, less.may)) if found else NOTHING


def _is_none(operations: OperationSet, plane: Plane) -> bool:
    limit = universe(plane)
    return is_empty(operations if limit is None else intersection((operations, limit)))


def _change(question: _Question, operations: OperationSet, *, is_certain: bool) -> AccessChange:
    blocks = tuple(blocks_of(operations, universe(question.plane)))
    return AccessChange(
        principal=question.principal,
        scope=question.scope,
        plane=question.plane,
        action=_example(operations, question.plane, blocks),
        blocks=blocks,
        is_certain=is_certain,
        via=_group(question, operations),
        by=tuple(dict.fromkeys(_sources(question, operations))),
    )


_TELLING: Final = {
    plane: tuple(
        name
        for each in PRIVILEGES
        if each.plane is plane
        for name in each.operations
        if "*" not in name and not name.startswith("Any.")
    )
    for plane in Plane
}
"""Operations that say most about a set: the dangerous ones."""


def _example(operations: OperationSet, plane: Plane, blocks: Sequence[RoleBlock]) -> str:
    """Return one operation: a dangerous one, else one that is spelled out, else the shortest."""
    spelled = (each.spelled for block in blocks for each in block.actions if "*" not in each.pattern)
    for name in (*_TELLING[plane], *spelled):
        if holds(operations, name):
            return name
    limit = universe(plane)
    return witness(operations if limit is None else intersection((operations, limit))) or ""


def _overlaps(each: Assignment, side: _Side, question: _Question, operations: OperationSet | None) -> bool:
    own = side.grants.in_effect(each, question.scope).on(question.plane).may
    return operations is None or not _is_none(intersection((own, operations)), question.plane)


def _group(question: _Question, operations: OperationSet) -> str | None:
    """Return the group through which a principal has operations; None where it has some of them itself."""
    grants = question.more.grants
    groups: list[str] = []
    for each, _ in grants.covering(question.scope):
        if each.state in question.states and _overlaps(each, question.more, question, operations):
            if each.principal.lower() == question.principal:
                return None
            if grants.is_held_by(each, question.principal) is Truth.YES:
                groups.append(each.principal)
    return next(iter(groups), None)


def _sources(question: _Question, operations: OperationSet | None) -> Iterator[str]:
    """Yield the ids of what changed so that operations are there in one state only."""
    for each in question.changed(question.more):
        if _overlaps(each, question.more, question, operations):
            yield from _ids_of(each, question.less.grants)
    for deny in question.less.denies:
        if question.less.grants.hierarchy.covers(deny.scope, question.scope) is not Truth.NO:
            yield deny.id
    for key in _moved(question.more.grants, question.less.grants):
        if question.scope == key or ids.is_under(question.scope, key):
            yield key


def _ids_of(each: Assignment, other: Grants) -> Iterator[str]:
    """Yield an assignment, or its role where it is there in the other state, too, and only the role differs."""
    twin = next((one for one in other.held_by(each.principal) if ids.key(one.id) == ids.key(each.id)), None)
    is_role = twin is not None and _content(replace(twin, role=each.role)) == _content(each)
    yield each.role.id if is_role and twin is not None and twin.role.key == each.role.key and each.role.id else each.id
