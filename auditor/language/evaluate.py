"""The reference evaluator: three-valued (Kleene) truth of a condition, and the leaves that decided it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final, assert_never

from msgspec import Struct

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
    Undecidable,
    Values,
)
from auditor.language.environment import Environment, Problem, Unknown
from auditor.truth import NO, UNKNOWN, YES, Truth, all_of, any_of, negate, truth_of

_COUNTED: Final = operators.ORDERING | {"equals", "notEquals", "in", "notIn", "exists"}
BEYOND: Final = 10**9  # stands for "any number of members more" where a list or relation is not wholly known


def evaluate(condition: Condition, environment: Environment) -> Truth:  # noqa: PLR0911 - one line per form of condition
    """Return whether a condition holds. What is not known, and what cannot be carried out, is UNKNOWN."""
    match condition:
        case Leaf():
            return _leaf(condition, environment)
        case Undecidable():
            return UNKNOWN
        case AllOf():
            return all_of(map(evaluate, condition.conditions, repeat(environment)))
        case AnyOf():
            return any_of(map(evaluate, condition.conditions, repeat(environment)))
        case Not():
            return negate(evaluate(condition.condition, environment))
        case Quantifier():
            return _quantifier(condition, environment)
        case Count():
            return _count(condition, environment)
        case _:
            assert_never(condition)


def left_side(leaf: Leaf, environment: Environment) -> object:
    """Return a leaf's left value before its default. Raise Unknown or Problem."""
    return (
        environment.read(leaf.left.path) if isinstance(leaf.left, Field) else environment.compute(leaf.left.expression)
    )


def _leaf(leaf: Leaf, environment: Environment) -> Truth:
    try:
        return YES if compare(leaf, left_side(leaf, environment), environment) else NO
    except (Unknown, Problem, operators.ComparisonError):
        return UNKNOWN


def compare(leaf: Leaf, left: object, environment: Environment) -> bool:
    """Apply a leaf's operator to its left value. Raise Unknown, Problem or ComparisonError."""
    if left is ABSENT or left is None:
        left = leaf.default
    right = leaf.right.value if isinstance(leaf.right, Constant) else environment.compute(leaf.right)
    if leaf.operator in operators.AGES:
        return left is not ABSENT and operators.is_older(left, right, environment.now) == (leaf.operator == "olderThan")
    if isinstance(leaf.left, Field):
        if leaf.left.path.steps[-1].folded == "location":
            left, right = _location(left), _location(right)
    elif left is ABSENT and leaf.operator != "exists":
        return False  # Azure Policy: a value that is missing satisfies no operator, not even a negative one
    return operators.compare(leaf.operator, left, right)


def _location(value: object) -> object:
    if isinstance(value, list):
        return [_location(item) for item in value]
    return value.replace(" ", "") if isinstance(value, str) else value


class Members(Struct, frozen=True):
    """The members of a list or relation, each with the environment inside it; `why` is set where there may be more of them."""

    environments: Sequence[Environment]
    why: Unknown | Problem | None = None


def members(of: Elements | Relatives | Values, environment: Environment) -> Members:
    """Return what a quantifier or count goes over."""
    try:
        match of:
            case Relatives():
                related, gap = environment.here.related(of.relation)
                return Members([environment.at_related(one) for one in related], None if gap is None else Unknown(gap))
            case Values():
                listed = _as_list(environment.compute(of.expression))
                return Members([environment.with_counted(of.name, value) for value in listed])
            case Elements():
                return Members([environment.with_member(member) for member in environment.elements(of)])
            case _:
                assert_never(of)
    except (Unknown, Problem) as why:
        return Members((), why)


def _as_list(value: object) -> list[object]:
    if value is ABSENT or value is None:
        return []
    return value if isinstance(value, list) else [value]


def _quantifier(condition: Quantifier, environment: Environment) -> Truth:
    over = members(condition.of, environment)
    truths = _with_more((evaluate(condition.where, inner) for inner in over.environments), over)
    if condition.kind == "every":
        return all_of(truths)
    some = any_of(truths)
    return negate(some) if condition.kind == "none" else some


def _with_more(truths: Iterable[Truth], over: Members) -> Iterator[Truth]:
    """Yield the members' truths, and one that is not known where there may be more members."""
    yield from truths
    if over.why is not None:
        yield UNKNOWN


class CountBounds(Struct, frozen=True):
    """How many members satisfy a count: at least `low`, at most `high` (BEYOND: no limit is known)."""

    low: int
    high: int


def bounds(condition: Count, over: Members) -> CountBounds:
    """Return how many members satisfy the count's `where`."""
    if condition.where is None:
        low = high = len(over.environments)
    else:
        truths = [evaluate(condition.where, inner) for inner in over.environments]
        low = truths.count(YES)
        high = low + truths.count(UNKNOWN)
    return CountBounds(low, high if over.why is None else BEYOND)


def _count(condition: Count, environment: Environment) -> Truth:
    over = members(condition.of, environment)
    try:
        right = environment.compute(condition.right)
        return within(condition.operator, bounds(condition, over), right)
    except (Unknown, Problem, operators.ComparisonError):
        return UNKNOWN


def within(operator: str, count: CountBounds, right: object) -> Truth:
    """Compare a number between bounds: yes or no where that holds for each number in between, else unknown."""
    if count.low == count.high:
        return truth_of(operators.compare(operator, count.low, right))
    if operator not in _COUNTED:
        return UNKNOWN  # of a pattern it is not known between which numbers it turns
    limits = [int(n) for n in map(operators.as_number, right if isinstance(right, list) else [right]) if n is not None]
    turning = [n + step for n in limits for step in (-1, 0, 1) if count.low <= n + step <= count.high]
    outcomes = {operators.compare(operator, number, right) for number in {count.low, count.high, *turning}}
    return truth_of(outcomes.pop()) if len(outcomes) == 1 else UNKNOWN
