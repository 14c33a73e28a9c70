"""Write a condition as a list that is read without knowing the rule language."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from auditor.azure.paths import ABSENT
from auditor.language.ast import (
    AllOf,
    AnyOf,
    Call,
    Condition,
    Constant,
    Count,
    Elements,
    Expression,
    Field,
    Leaf,
    Not,
    PropertyAccess,
    Quantifier,
    Relatives,
    Undecidable,
    Value,
    Values,
)

_WORDS: Final = {
    "equals": "is {}",
    "notEquals": "is not {}",
    "in": "is one of {}",
    "notIn": "is none of {}",
    "contains": "contains {}",
    "notContains": "does not contain {}",
    "containsKey": "has the key {}",
    "notContainsKey": "does not have the key {}",
    "like": "fits {}",
    "notLike": "does not fit {}",
    "match": "fits {} letter by letter",
    "notMatch": "does not fit {} letter by letter",
    "matchInsensitively": "fits {} letter by letter, without case",
    "notMatchInsensitively": "does not fit {} letter by letter, without case",
    "less": "is less than {}",
    "lessOrEquals": "is at most {}",
    "greater": "is greater than {}",
    "greaterOrEquals": "is at least {}",
    "olderThan": "is older than {} days",
    "notOlderThan": "is not older than {} days",
}
_QUANTIFIED: Final = {"every": "for every {}", "any": "for at least one {}", "none": "for no {}"}


def lines(condition: Condition, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a Markdown list that says what a condition asks for."""
    heading, parts = _in_words(condition)
    yield "  " * depth + f"- {heading}" + (":" if parts else "")
    for part in parts:
        yield from lines(part, depth + 1)


def _in_words(condition: Condition) -> tuple[str, Sequence[Condition]]:  # noqa: PLR0911 - one line per form
    """Return a condition in words, and the conditions that stand below it."""
    match condition:
        case Leaf():
            return _leaf(condition), ()
        case Undecidable():
            return f"then it is not known: {_plain(condition.what)}, because {_plain(condition.why)}", ()
        case AllOf():
            return "all of these", condition.conditions
        case AnyOf():
            return "one of these", condition.conditions
        case Not():
            return "not", (condition.condition,)
        case Quantifier():
            return _QUANTIFIED[condition.kind].format(_members(condition.of)), (condition.where,)
        case Count():
            number = _compared(condition.operator, condition.right)
            where = () if condition.where is None else (condition.where,)
            return f"the number of {_members(condition.of, plural='s')} {number}" + (
                ", counting where" if where else ""
            ), where
        case _:
            assert_never(condition)


def _leaf(leaf: Leaf) -> str:
    left = f"`{leaf.left.text}`" if isinstance(leaf.left, Field) else _expression(leaf.left.expression)
    assumed = "" if leaf.default is ABSENT else f" (where it is absent, it counts as {_code(leaf.default)})"
    if isinstance(leaf.left, Value) and isinstance(leaf.right, Constant) and leaf.operator == "equals":
        if leaf.right.value is True:
            return f"{left} holds{assumed}"
        if leaf.right.value is False:
            return f"{left} does not hold{assumed}"
    return f"{left} {_compared(leaf.operator, leaf.right)}{assumed}"


def _compared(operator: str, right: Expression) -> str:
    if operator == "exists":
        is_there = str(right.value).lower() != "false" if isinstance(right, Constant) else True
        return "is there" if is_there else "is absent"
    return _WORDS[operator].format(_expression(right))


def _members(of: Elements | Relatives | Values, plural: str = "") -> str:
    match of:
        case Elements():
            return f"element{plural} of `{of.text}`"
        case Relatives():
            return f"related resource{plural} (`{of.relation}`)"
        case Values():
            return f"`{of.name}` of {_expression(of.expression)}"
        case _:
            assert_never(of)


def _expression(expression: Expression) -> str:
    """Return an expression in words where it is a value or a parameter, else as it is written."""
    if isinstance(expression, Constant):
        if isinstance(expression.value, list):
            return ", ".join(map(_code, expression.value)) or "nothing"
        return _code(expression.value)
    if name := _parameter(expression):
        return f"the baseline's `{name}`"
    return f"`{_written(expression)}`"


def _parameter(expression: Expression) -> str:
    """Return the dotted name of a parameter, or of a part of one; no text for anything else."""
    if isinstance(expression, Call) and expression.function == "parameters":
        return _plain(expression.arguments[0])
    if isinstance(expression, PropertyAccess) and isinstance(expression.part, Constant):
        inner = _parameter(expression.of)
        return f"{inner}.{expression.part.value}" if inner else ""
    return ""


def _written(expression: Expression) -> str:
    match expression:
        case Constant():
            return f"'{expression.value}'" if isinstance(expression.value, str) else json.dumps(expression.value)
        case PropertyAccess(of=of, part=Constant(value=str(name))):
            return f"{_written(of)}.{name}"
        case PropertyAccess():
            return f"{_written(expression.of)}[{_written(expression.part)}]"
        case Call():
            return f"{expression.function}({', '.join(map(_written, expression.arguments))})"
        case _:
            assert_never(expression)


def _plain(expression: Expression) -> str:
    return str(expression.value) if isinstance(expression, Constant) else f"`{_written(expression)}`"


def _code(value: object) -> str:
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value, ensure_ascii=False)}`"
