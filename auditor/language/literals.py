"""Refuse literals that a property can never be equal to: such a condition would be always true or always false."""

from __future__ import annotations

from typing import Final

from auditor.azure.vocabulary import ValueType
from auditor.language import expressions
from auditor.language.operators import ORDERING, as_number, fold
from auditor.yaml_source import Node, suggestion

_EQUALITY: Final = frozenset(("equals", "notEquals", "in", "notIn"))
_WORDS: Final = {"boolean": "true or false", "number": "a number", "text": "text", "list": "a list"}


def check(text: str, holds: ValueType, operator: str, right: Node) -> None:
    """Check the literals on the right of a property. ContentError at the first that the property can never be or reach."""
    if "object" in holds.types:
        return
    if operator in ORDERING:
        _check_order(text, holds, right)
    elif operator in _EQUALITY:
        is_listed = operator in {"in", "notIn"} and isinstance(right.value, list)
        for node in right.items(operator) if is_listed else [right]:
            _check_equality(text, holds, node)


def _check_order(text: str, holds: ValueType, right: Node) -> None:
    if not {"number", "text"} & {*holds.types}:
        right.fail(f"'{text}' is {_kinds(holds)}, which is neither less nor greater than anything")
    if isinstance(right.value, bool | list):
        right.fail(f"nothing is less or greater than {_shown(right.plain())}", "write a number or a time")


def _check_equality(text: str, holds: ValueType, node: Node) -> None:
    if isinstance(node.value, str) and expressions.is_expression(node.value):
        return
    literal = expressions.unescape(node.value) if isinstance(node.value, str) else node.plain()
    if not _may_equal(holds, literal):
        node.fail(f"'{text}' is {_kinds(holds)}, never {_shown(literal)}")
    if not isinstance(literal, str) or "text" not in holds.types:
        return
    if holds.values and fold(literal) not in map(fold, holds.values):
        node.fail(f"'{text}' is never {_shown(literal)}", suggestion(literal, holds.values))


def _may_equal(holds: ValueType, literal: object) -> bool:
    """Whether a literal is of a type that the property can have, or spells one."""
    match literal:
        case bool():
            return "boolean" in holds.types
        case int() | float():
            return "number" in holds.types or ("text" in holds.types and not holds.values)
        case str():
            spells_truth = "boolean" in holds.types and literal.lower() in {"true", "false"}
            spells_number = "number" in holds.types and as_number(literal) is not None
            return "text" in holds.types or spells_truth or spells_number
        case list():
            return "list" in holds.types
        case _:
            return literal is None


def _kinds(holds: ValueType) -> str:
    return " or ".join(_WORDS[name] for name in holds.types if name in _WORDS)


def _shown(literal: object) -> str:
    match literal:
        case bool():
            return str(literal).lower()
        case str():
            return f"'{literal}'"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return str(literal)
