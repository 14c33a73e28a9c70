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
        case Leaf():
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
        case Leaf():
            if isinstance(condition.left, Value):
                yield condition.left.expression
            yield condition.right
        case AllOf() | AnyOf():
            for part in condition.conditions:
                yield from expressions(part)
        case Not():
            yield from expressions(condition.condition)
        case Quantifier():
            yield from expressions(condition.where)
        case Count():
            if isinstance(condition.of, Values):
                yield condition.of.expression
            yield condition.right
            if condition.where is not None:
                yield from expressions(condition.where)
        case _:
            assert_never(condition)


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
