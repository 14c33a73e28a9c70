"""Find what a condition refers to, without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from auditor.language.ast import (
    AllOf,
    AnyOf,
    Call,
    Condition,
    Constant,
    Count,
    Expression,
    Leaf,
    Not,
    PropertyAccess,
    Quantifier,
    Relatives,
    Undecidable,
    Value,
    Values,
)


def parameters_of(condition: Condition) -> frozenset[str]:
    """Return the names of the parameters that a condition reads."""
    calls = (inner for expression in expressions(condition) for inner in parts(expression))
    return frozenset(
        str(call.arguments[0].value)
        for call in calls
        if isinstance(call, Call) and call.function == "parameters" and isinstance(call.arguments[0], Constant)
    )


def relations_of(condition: Condition) -> frozenset[str]:
    """Return the names of the relations that a condition follows."""
    match condition:
        case Leaf() | Undecidable():
            return frozenset()
        case AllOf() | AnyOf():
            return frozenset().union(*map(relations_of, condition.conditions))
        case Not():
            return relations_of(condition.condition)
        case Quantifier() | Count():
            followed = {condition.of.relation} if isinstance(condition.of, Relatives) else set()
            return relations_of(condition.where).union(followed) if condition.where else frozenset(followed)
        case _:
            assert_never(condition)


def expressions(condition: Condition) -> Iterator[Expression]:
    """Yield the expressions that stand in a condition."""
    match condition:
        case Leaf(left=Value(expression=left)):
            yield from (left, condition.right)
        case Leaf():
            yield condition.right
        case Undecidable():
            yield from (condition.what, condition.why)
        case AllOf() | AnyOf():
            yield from (inner for part in condition.conditions for inner in expressions(part))
        case Not():
            yield from expressions(condition.condition)
        case Quantifier():
            yield from expressions(condition.where)
        case Count():
            yield from _of_count(condition)
        case _:
            assert_never(condition)


def _of_count(condition: Count) -> Iterator[Expression]:
    if isinstance(condition.of, Values):
        yield condition.of.expression
    yield condition.right
    if condition.where is not None:
        yield from expressions(condition.where)


def parts(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that it is made of."""
    yield expression
    match expression:
        case Constant():
            return
        case PropertyAccess():
            yield from parts(expression.of)
            yield from parts(expression.part)
        case Call():
            for argument in expression.arguments:
                yield from parts(argument)
        case _:
            assert_never(expression)
