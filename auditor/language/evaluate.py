"""The reference evaluator: three-valued (Kleene) truth of a condition, and the leaves that decided it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

from auditor.azure.paths import ABSENT
from auditor.language import operators
from auditor.language.ast import (
    AllOf,
    AnyOf,
    Condition,
    Constant,
    Count,
    Elements,
    Field,
    Leaf,
    Not,
    Quantifier,
    Relatives,
    Values,
)
from auditor.language.environment import Environment, Problem, Unknown

Truth = bool | None
"""None is unknown."""

_COUNTED: Final = operators.ORDERING | {"equals", "notEquals", "in", "notIn", "exists"}
BEYOND: Final = 10**9  # stands for "any number of members more" where a list or relation is not wholly known


def evaluate(condition: Condition, scope: Environment) -> Truth:
    """Return whether a condition holds. What is not known, and what cannot be carried out, is None."""
    match condition:
        case Leaf():
            return _leaf(condition, scope)
        case AllOf():
            return _first(condition.conditions, scope, decisive=False)
        case AnyOf():
            return _first(condition.conditions, scope, decisive=True)
        case Not():
            return negate(evaluate(condition.condition, scope))
        case Quantifier():
            return _quantifier(condition, scope)
        case Count():
            return _count(condition, scope)
        case _:
            assert_never(condition)


def negate(truth: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return None if truth is None else not truth


def _first(conditions: Sequence[Condition], scope: Environment, *, decisive: bool) -> Truth:
    """Return the truth that decides where a condition has it, else unknown where one is, else the opposite."""
    result: Truth = not decisive
    for condition in conditions:
        truth = evaluate(condition, scope)
        if truth is decisive:
            return decisive
        if truth is None:
            result = None
    return result


def _all(truths: Iterable[Truth]) -> Truth:
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def left_side(leaf: Leaf, scope: Environment) -> Any:
    """Return a leaf's left value before its default. Raise Unknown or Problem."""
    return scope.read(leaf.left.place) if isinstance(leaf.left, Field) else scope.compute(leaf.left.expression)


def _leaf(leaf: Leaf, scope: Environment) -> Truth:
    try:
        return compare(leaf, left_side(leaf, scope), scope)
    except (Unknown, Problem, operators.ComparisonError):
        return None


def compare(leaf: Leaf, left: Any, scope: Environment) -> bool:
    """Apply a leaf's operator to its left value. Raise Unknown, Problem or ComparisonError."""
    if left is ABSENT or left is None:
        left = leaf.default
    right = leaf.right.value if isinstance(leaf.right, Constant) else scope.compute(leaf.right)
    if isinstance(leaf.left, Field):
        if leaf.left.place.steps[-1].folded == "location":
            left, right = _location(left), _location(right)
    elif left is ABSENT and leaf.operator != "exists":
        return False  # Azure Policy: a value that is missing satisfies no operator, not even a negative one
    return operators.compare(leaf.operator, left, right)


def _location(value: Any) -> Any:
    if isinstance(value, list):
        return [_location(item) for item in value]
    return value.replace(" ", "") if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a list or relation, each with the scope inside it; `why` is set where there may be more of them."""

    scopes: Sequence[Environment]
    why: Unknown | Problem | None = None


def members(of: Elements | Relatives | Values, scope: Environment) -> Members:
    """Return what a quantifier or count goes over."""
    try:
        match of:
            case Relatives():
                found, gap = scope.here.related(of.relation)
                return Members([scope.at_related(one) for one in found], None if gap is None else Unknown(gap))
            case Values():
                listed = _as_list(scope.compute(of.expression))
                return Members([scope.with_counted(of.name, value) for value in listed])
            case Elements():
                return Members([scope.with_member(member) for member in scope.elements(of)])
            case _:
                assert_never(of)
    except (Unknown, Problem) as why:
        return Members((), why)


def _as_list(value: Any) -> list[Any]:
    if value is ABSENT or value is None:
        return []
    return value if isinstance(value, list) else [value]


def _quantifier(condition: Quantifier, scope: Environment) -> Truth:
    over = members(condition.of, scope)
    more: Iterator[Truth] = iter(() if over.why is None else (None,))
    if condition.kind == "every":
        return _all(_chain((evaluate(condition.where, inner) for inner in over.scopes), more))
    none = _all(_chain((negate(evaluate(condition.where, inner)) for inner in over.scopes), more))
    return none if condition.kind == "none" else negate(none)


def _chain(truths: Iterable[Truth], more: Iterable[Truth]) -> Iterator[Truth]:
    yield from truths
    yield from more


@dataclass(frozen=True, slots=True)
class CountBounds:
    """How many members satisfy a count: at least `low`, at most `high` (BEYOND: no limit is known)."""

    low: int
    high: int


def bounds(condition: Count, over: Members) -> CountBounds:
    """Return how many members satisfy the count's `where`."""
    if condition.where is None:
        low = high = len(over.scopes)
    else:
        truths = [evaluate(condition.where, inner) for inner in over.scopes]
        low = truths.count(True)
        high = low + truths.count(None)
    return CountBounds(low, high if over.why is None else BEYOND)


def _count(condition: Count, scope: Environment) -> Truth:
    over = members(condition.of, scope)
    try:
        right = scope.compute(condition.right)
        return within(condition.operator, bounds(condition, over), right)
    except (Unknown, Problem, operators.ComparisonError):
        return None


def within(operator: str, found: CountBounds, right: Any) -> Truth:
    """Compare a number between bounds: true or false where that holds for each number in between, else unknown."""
    if found.low == found.high:
        return operators.compare(operator, found.low, right)
    if operator not in _COUNTED:
        return None  # of a pattern it is not known between which numbers it turns
    wanted = [int(n) for n in map(operators.as_number, right if isinstance(right, list) else [right]) if n is not None]
    turning = [n + step for n in wanted for step in (-1, 0, 1) if found.low <= n + step <= found.high]
    answers = {operators.compare(operator, number, right) for number in {found.low, found.high, *turning}}
    return answers.pop() if len(answers) == 1 else None
