"""Judge one row of the table: whether the access works and is no more than the row says."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis.access.expected import BoundRow
from auditor.rbac import permissions as sets
from auditor.rbac.assignments import Assignment, AssignmentState, Deny, Role
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.conditions import Likeness, likeness
from auditor.rbac.effective import Effective, Grants
from auditor.rbac.operation_sets import union
from auditor.rbac.permissions import NO_PERMISSIONS, Plane
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth


class How(StrEnum):
    """By what a row is satisfied, from the best to the worst; the last ones say why it is not."""

    EXACT = "the role itself"
    EQUIVALENT = "an equivalent role"
    NARROWER = "a narrower scope"
    TOGETHER = "several roles together"
    STRONGER = "a stronger role"
    WIDER = "a wider scope"
    WIDER_AND_STRONGER = "a stronger role at a wider scope"
    UNCONDITIONAL = "the role without the condition that has to limit it"
    LESS_LIMITED = "the role under a condition that limits it less than it has to"
    OTHER_CONDITION = "the role is held under another condition than the one that has to limit it"
    ELSEWHERE = "assignments that do not reach what it reads there"
    NO_EFFECT = "roles have no effect there: the service lets in by policies of its own or keys"
    DENIED = "taken away by a deny assignment"
    NO_IDENTITY = "no managed identity"
    MISSING = "no assignment"
    UNDECIDED = "not known"


WITHOUT_EXCESS = frozenset({How.EXACT, How.EQUIVALENT, How.NARROWER})


class RowVerdict(Struct, frozen=True):
    """`works`: the required permissions are held. `excess`: operations beyond the row, as (plane, operation).

    `assignments` are those that satisfy the row or leave it open, `reasons` why it is not known, `lacking` an operation
    that is required and not held.
    """

    works: Truth
    how: How
    assignments: Sequence[Assignment] = ()
    excess: tuple[Plane, str] | None = None
    lacking: tuple[Plane, str] | None = None
    denies: Sequence[Deny] = ()
    reasons: Sequence[str] = ()
    eligible: Sequence[Assignment] = ()

    @property
    def least_privilege(self) -> Truth:
        """Whether what satisfies the row gives no more than the row; UNKNOWN where nothing satisfies it for certain."""
        if self.works is not Truth.YES:
            return Truth.UNKNOWN
        return Truth.NO if self.excess or self.how not in {*WITHOUT_EXCESS, How.TOGETHER} else Truth.YES


def judge_best(row: BoundRow, grants: Grants) -> tuple[BoundRow, RowVerdict]:
    """Return the best verdict over the scopes that would do, with the row at that scope."""
    places = [replace(row, scope=scope) for scope in row.preferred] or [row]
    judged = [(place, judge(place, grants)) for place in places]
    if row.preferred_gap is not None and judged[0][1].works is Truth.NO:
        return row, RowVerdict(Truth.UNKNOWN, How.UNDECIDED, reasons=[str(row.preferred_gap)])
    return min(judged, key=lambda pair: (*_rank(pair[1]), ids.key(pair[0].scope)))


def _rank(verdict: RowVerdict) -> tuple[int, int]:
    return _ORDER.index(verdict.works), list(How).index(verdict.how)


_ORDER: Final = [Truth.YES, Truth.UNKNOWN, Truth.NO]


def judge(row: BoundRow, grants: Grants) -> RowVerdict:
    """Return the best verdict over the principals that the row's component acts as."""
    verdicts = [_decided(principal, row, grants) for principal in row.principals]
    if row.unresolved:
        verdicts.append(RowVerdict(Truth.UNKNOWN, How.UNDECIDED, reasons=_unresolved(row)))
    best = min(verdicts, key=_rank, default=None)
    return best or RowVerdict(Truth.NO, How.NO_IDENTITY)


def _decided(principal: str, row: BoundRow, grants: Grants) -> RowVerdict:
    try:
        return _judge_for(principal, row, grants) if row.row.condition is None else _under(principal, row, grants)
    except TooComplexError as error:
        return RowVerdict(Truth.UNKNOWN, How.UNDECIDED, reasons=[error.message])


def _unresolved(row: BoundRow) -> list[str]:
    return [f"the principal of identity {ids.name_of(identity)} is not known" for identity in row.unresolved]


def with_role(assignment: Assignment, role: Role) -> Assignment:
    """Return the assignment with its role's permissions, where they were not read and the table knows the role."""
    same = assignment.role.permissions is None and assignment.role.key == role.key
    return replace(assignment, role=role) if same else assignment


def _covering(principal: str, row: BoundRow, grants: Grants) -> Sequence[Assignment]:
    return [
        with_role(a, row.row.role)
        for a in grants.perhaps_held(principal, row.scope)
        if a.state is AssignmentState.ACTIVE and grants.applies(a, principal, row.scope) is not Truth.NO
    ]


def likeness_of(assignment: Assignment, row: BoundRow) -> Likeness:
    """Return how the condition of an assignment compares with the one that a row demands; none at all is wider."""
    if row.condition is None:
        return Likeness.SAME if assignment.condition is None else Likeness.STRICTER
    if assignment.condition is None:
        return Likeness.WIDER
    if row.condition_gap is not None:
        return Likeness.UNKNOWN
    limited = row.row.role.at_most
    operations = union((limited.control.may, limited.data.may))
    return likeness(assignment.condition, row.condition, operations)


def _under(principal: str, row: BoundRow, grants: Grants) -> RowVerdict:
    """Return the verdict on a row whose role must be held under a condition.

    What is held under a condition of the same meaning counts as if neither had one; what is limited less works, and is
    more than the row says.
    """
    covering = _covering(principal, row, grants)
    likenesses = {a.id: likeness_of(a, row) for a in covering}
    exact = [replace(a, condition=None) for a in covering if likenesses[a.id] is Likeness.SAME]
    verdict = _judge_for(principal, row, grants, exact)
    if verdict.works is Truth.YES:
        return verdict
    lax = [replace(a, condition=None) for a in covering if likenesses[a.id] in {Likeness.SAME, Likeness.WIDER}]
    verdict = _judge_for(principal, row, grants, lax)
    if verdict.works is Truth.YES:
        used = {a.id for a in verdict.assignments}
        is_bare = any(a.id in used and a.condition is None for a in covering)
        how = How.UNCONDITIONAL if is_bare else How.LESS_LIMITED
        if verdict.how in {How.EXACT, How.EQUIVALENT, How.TOGETHER}:
            return replace(verdict, how=how)
        return verdict
    rest = [replace(a, condition=None) for a in covering]
    if verdict.works is Truth.UNKNOWN or _judge_for(principal, row, grants, rest).works is not Truth.YES:
        return verdict
    doubtful = [a for a in covering if likenesses[a.id] is Likeness.UNKNOWN]
    if doubtful:
        why = row.condition_gap.reason if row.condition_gap else "whether it means what the row demands is not known"
        reasons = [f"assignment {ids.name_of(a.id)}: condition {a.condition}: {why}" for a in doubtful]
        return RowVerdict(Truth.UNKNOWN, How.UNDECIDED, covering, reasons=reasons)
    return replace(verdict, how=How.OTHER_CONDITION)


def _judge_for(
    principal: str, row: BoundRow, grants: Grants, covering: Sequence[Assignment] | None = None
) -> RowVerdict:
    required = row.row.role.at_most
    covering = _covering(principal, row, grants) if covering is None else covering
    effective = grants.effective_of(principal, row.scope, covering)
    same_role = _by_identity(principal, row, grants, covering)
    if same_role is not None:
        return same_role
    answer = sets.covers(effective.permissions, required) if row.row.role.permissions else _unknown_role(covering)
    if answer is Truth.YES:
        return _satisfied(principal, row, grants, covering)
    if row.row.narrower and (narrower := _narrower(principal, row, grants)):
        return narrower
    if answer is Truth.UNKNOWN:
        return RowVerdict(Truth.UNKNOWN, How.UNDECIDED, covering, reasons=_reasons(row, principal, effective, grants))
    return _unsatisfied(principal, row, grants, effective)


def _unknown_role(covering: Sequence[Assignment]) -> Truth:
    """Decide for a required role whose permissions nobody knows: another role may or may not do."""
    return Truth.UNKNOWN if covering else Truth.NO


def _by_identity(principal: str, row: BoundRow, grants: Grants, covering: Sequence[Assignment]) -> RowVerdict | None:
    """Return a verdict for a role that is the required one by its GUID, though its permissions are not known."""
    if row.row.role.permissions is not None:
        return None
    for assignment in covering:
        plain = assignment.role.key == row.row.role.key and not assignment.condition
        untouched = grants.denies_known and not grants.effective_of(principal, row.scope, [assignment]).denied_by
        if plain and untouched and grants.applies(assignment, principal, row.scope) is Truth.YES:
            here = ids.key(assignment.scope) == ids.key(row.scope)
            return RowVerdict(Truth.YES, How.EXACT if here else How.WIDER, [assignment])
    return None


def _satisfied(principal: str, row: BoundRow, grants: Grants, covering: Sequence[Assignment]) -> RowVerdict:
    alone = [a for a in covering if _covers(principal, row, grants, [a])]
    if alone:
        verdicts = [_by_one(assignment, row) for assignment in alone]
        return min(verdicts, key=lambda one: (list(How).index(one.how), one.assignments[0].id))
    here = [a for a in covering if ids.key(a.scope) == ids.key(row.scope)]
    chosen = _needed(principal, row, grants, here if _covers(principal, row, grants, here) else covering)
    excess = sets.first_excess(sets.combined(a.permissions for a in chosen), row.row.role.at_most)
    wider = any(ids.key(a.scope) != ids.key(row.scope) for a in chosen)
    how = How.TOGETHER if not wider else How.WIDER
    return RowVerdict(Truth.YES, how, chosen, excess=excess)


def _needed(principal: str, row: BoundRow, grants: Grants, assignments: Sequence[Assignment]) -> Sequence[Assignment]:
    """Return assignments without those that the rest can do without, tried from the last to the first."""
    kept = list(assignments)
    for candidate in reversed(assignments):
        rest = [a for a in kept if a is not candidate]
        if _covers(principal, row, grants, rest):
            kept = rest
    return kept


def _covers(principal: str, row: BoundRow, grants: Grants, assignments: Sequence[Assignment]) -> bool:
    required = row.row.role.at_most
    if not any(grants.applies(assignment, principal, row.scope) is Truth.YES for assignment in assignments):
        return (
            sets.covers(NO_PERMISSIONS, required) is Truth.YES
        )  # what is not certain covers no more than nothing does
    held = grants.effective_of(principal, row.scope, assignments).permissions
    return sets.covers(held, required) is Truth.YES


def _by_one(assignment: Assignment, row: BoundRow) -> RowVerdict:
    required = row.row.role
    excess = None
    if assignment.role.key != required.key:
        excess = sets.first_excess(assignment.permissions, required.at_most)
    if ids.key(assignment.scope) != ids.key(row.scope):
        how = How.WIDER_AND_STRONGER if excess else How.WIDER
    elif excess:
        how = How.STRONGER
    else:
        how = How.EXACT if assignment.role.key == required.key else How.EQUIVALENT
    return RowVerdict(Truth.YES, how, [assignment], excess=excess)


def _narrower(principal: str, row: BoundRow, grants: Grants) -> RowVerdict | None:
    """Return a verdict on assignments below the row's scope, or None where there are none that give what it asks.

    They are enough where they reach all that the holder reads there.
    """
    below = _below(principal, row, grants)
    if not below:
        return None
    required = row.row.role.at_most
    reasons: list[str] = []
    for needed in row.needed:
        effective = grants.effective(principal, needed)
        answer = sets.covers(effective.permissions, required)
        if answer is Truth.NO:
            lacking = sets.first_excess(required, effective.permissions)
            return RowVerdict(Truth.NO, How.ELSEWHERE, lacking=lacking)
        if answer is Truth.UNKNOWN:
            reasons += [f"{ids.name_of(needed)}: {why}" for why in _reasons(row, principal, effective, grants)]
    if row.needed_gap is not None:
        reasons.append(f"which secrets {row.holder.name} reads is not known: {row.needed_gap.reason}")
    if reasons:
        return RowVerdict(Truth.UNKNOWN, How.UNDECIDED, below, reasons=reasons)
    return RowVerdict(Truth.YES, How.NARROWER, below)


def _below(principal: str, row: BoundRow, grants: Grants) -> Sequence[Assignment]:
    """Return assignments on children of the row's scope that give the required permissions there."""
    found = []
    for assignment in grants.below(row.scope):
        if assignment.state is not AssignmentState.ACTIVE or kind_of(assignment.scope) is not ScopeKind.CHILD:
            continue
        known = with_role(assignment, row.row.role)
        held = grants.effective_of(principal, assignment.scope, [known]).permissions
        if sets.covers(held, row.row.role.at_most) is Truth.YES:
            found.append(known)
    return found


def _unsatisfied(principal: str, row: BoundRow, grants: Grants, effective: Effective) -> RowVerdict:
    required = row.row.role.at_most
    lacking = sets.first_excess(required, effective.permissions)
    granted = [a for a in effective.given_by if grants.applies(a, principal, row.scope) is Truth.YES]
    undenied = sets.combined(a.permissions for a in granted)
    if effective.denied_by and sets.covers(undenied, required) is Truth.YES:
        return RowVerdict(Truth.NO, How.DENIED, granted, lacking=lacking, denies=effective.denied_by)
    if grants.reach.at(ids.key(row.scope)) is Truth.NO and sets.covers(undenied, required) is Truth.YES:
        return RowVerdict(Truth.NO, How.NO_EFFECT, granted, lacking=lacking)
    return RowVerdict(Truth.NO, How.MISSING, lacking=lacking, eligible=_activatable(principal, row, grants))


def _activatable(principal: str, row: BoundRow, grants: Grants) -> Sequence[Assignment]:
    """Return the eligible assignments that would satisfy the row once activated."""
    eligible = [
        with_role(a, row.row.role) for a, _ in grants.covering(row.scope) if a.state is AssignmentState.ELIGIBLE
    ]
    return [assignment for assignment in eligible if _covers(principal, row, grants, [assignment])]


def _reasons(row: BoundRow, principal: str, effective: Effective, grants: Grants) -> Sequence[str]:
    found: list[str] = []
    for assignment in effective.given_by:
        label = f"assignment {ids.name_of(assignment.id)}"
        if grants.is_held_by(assignment, principal) is Truth.UNKNOWN:
            found.append(f"{label}: the members of group {assignment.principal} are not known")
        if grants.hierarchy.covers(assignment.scope, row.scope) is Truth.UNKNOWN:
            found.append(f"{label}: whether {assignment.scope} is above the scope is not known")
        if assignment.role.permissions is None:
            found.append(f"{label}: the permissions of role {assignment.role.name} are not known")
        if assignment.doubt is not None:
            found.append(f"{label}: {assignment.doubt}")
        if assignment.condition:
            found.append(f"{label}: depends on the condition {assignment.condition}")
    found.extend(f"deny assignment {ids.name_of(deny.id)} may apply" for deny in effective.denied_by)
    if grants.reach.at(ids.key(row.scope)) is Truth.UNKNOWN:
        found.append("whether roles have an effect there was not read")
    if not grants.denies_known:
        found.append("deny assignments were not collected")
    return found
