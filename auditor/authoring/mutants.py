"""Change a rule's requirement in small ways, and find the changes that none of its examples notices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from auditor.authoring import examples
from auditor.azure.paths import ABSENT
from auditor.engine.subjects import ExampleSubject
from auditor.language import operators
from auditor.language.ast import (
    AllOf,
    AnyOf,
    Call,
    Condition,
    Constant,
    Count,
    Expression,
    Field,
    Leaf,
    Not,
    Quantifier,
    Undecidable,
)
from auditor.language.environment import Environment, Problem, Unknown
from auditor.rulebook.rule import Applies, OnFact, Rule

_OTHERS: Final[tuple[object, ...]] = ("another value", True, False, 0, 10**6)
_SWAPPED: Final[Mapping[str, Literal["every", "any"]]] = {"every": "any", "any": "every"}


class Mutant(Struct, frozen=True):
    """A rule with one small change, and what was changed."""

    change: str
    rule: Rule


def survivors(rule: Rule) -> list[str]:
    """Return the changes that leave every example's status as it was; a well-tested rule has none."""
    return [mutant.change for mutant in mutants_of(rule) if not _killed(mutant.rule)]


def _killed(rule: Rule) -> bool:
    return any(examples.ask(rule, example).status is not example.status for example in rule.examples)


def mutants_of(rule: Rule) -> Iterator[Mutant]:
    """Yield the rule with each small change of its requirement, and without its `when`."""
    environment = _default_environment(rule)
    for change, condition in _changed(rule.require, environment):
        yield Mutant(change, replace(rule, require=condition))
    if rule.applies.when is not None:
        yield Mutant("drop 'when'", replace(rule, applies=_unconditional(rule.applies)))


def _unconditional(applies: Applies) -> Applies:
    if isinstance(applies, OnFact):
        return replace(applies, where=None, besides=None)
    return replace(applies, when=None)


def _default_environment(rule: Rule) -> Environment:
    nothing = ExampleSubject({}, {}, ())
    parameters = {name: item.default for name, item in rule.parameters.items()}
    return Environment(nothing, nothing, parameters, examples.EXAMPLE_NOW)


def _changed(condition: Condition, environment: Environment) -> Iterator[tuple[str, Condition]]:
    match condition:
        case AllOf() | AnyOf():
            yield from _parts(condition, environment)
        case Not():
            yield "drop 'not'", condition.condition
            for change, inner in _changed(condition.condition, environment):
                yield change, Not(inner)
        case Undecidable():
            return  # stays unknown however it is changed; dropping it is a mutant of what holds it
        case Leaf():
            yield from _leaf(condition, environment)
        case Quantifier():
            if condition.kind in _SWAPPED:
                kind = _SWAPPED[condition.kind]
                yield f"'{condition.kind}' becomes '{kind}' of {_over(condition)}", replace(condition, kind=kind)
            for change, inner in _changed(condition.where, environment):
                yield change, replace(condition, where=inner)
        case Count():
            yield from _count(condition, environment)
        case _:
            assert_never(condition)


def _over(condition: Quantifier) -> str:
    return getattr(condition.of, "text", None) or f"related {getattr(condition.of, 'relation', '')}"


def _parts(condition: AllOf | AnyOf, environment: Environment) -> Iterator[tuple[str, Condition]]:
    word = "allOf" if isinstance(condition, AllOf) else "anyOf"
    parts = list(condition.conditions)
    for number, part in enumerate(parts):
        if len(parts) > 1:
            yield f"drop part {number + 1} of {word}", replace(condition, conditions=_without(parts, number))
        for change, inner in _changed(part, environment):
            yield change, replace(condition, conditions=(*parts[:number], inner, *parts[number + 1 :]))


def _without(parts: Sequence[Condition], number: int) -> tuple[Condition, ...]:
    return (*parts[:number], *parts[number + 1 :])


def _name(leaf: Leaf) -> str:
    return leaf.left.text if isinstance(leaf.left, Field) else leaf.left.text[:60]


def _leaf(leaf: Leaf, environment: Environment) -> Iterator[tuple[str, Condition]]:
    yield f"negate {_name(leaf)} {leaf.operator}", Not(leaf)
    if leaf.operator == "in":
        accepts_any = replace(leaf, operator="exists", right=Constant(value=True))
        yield f"widen the list of {_name(leaf)}", accepts_any
    if leaf.operator in operators.ORDERING | operators.AGES:
        yield from ((f"{change} of {_name(leaf)}", replace(leaf, right=right)) for change, right in _shifts(leaf.right))
    if leaf.default is not ABSENT and (other := _other_default(leaf, environment)) is not ABSENT:
        yield f"change the default of {_name(leaf)}", replace(leaf, default=other)


def _shifts(right: Expression) -> Iterator[tuple[str, Expression]]:
    if isinstance(right, Constant):
        if isinstance(right.value, int | float) and not isinstance(right.value, bool):
            yield "raise the threshold", Constant(right.value + 1)
            yield "lower the threshold", Constant(right.value - 1)
    elif isinstance(right, Call) and right.function == "addDays":
        for change, days in (("a day later", 1), ("a day earlier", -1)):
            yield change, Call("addDays", (right, Constant(days)))
    else:
        yield "raise the threshold", Call("add", (right, Constant(1)))
        yield "lower the threshold", Call("add", (right, Constant(-1)))


def _other_default(leaf: Leaf, environment: Environment) -> object:
    """Return a default under which an absent value is judged the other way."""
    try:
        right = environment.compute(leaf.right)
        holds = operators.compare(leaf.operator, leaf.default, right)
    except (Unknown, Problem, operators.ComparisonError):
        return ABSENT
    likely = right if isinstance(right, list) else [right]
    return next((other for other in (*likely, *_OTHERS) if _differs(leaf, other, right, holds=holds)), ABSENT)


def _differs(leaf: Leaf, other: object, right: object, *, holds: bool) -> bool:
    try:
        return operators.compare(leaf.operator, other, right) is not holds
    except operators.ComparisonError:
        return False


def _count(condition: Count, environment: Environment) -> Iterator[tuple[str, Condition]]:
    for change, right in _shifts(condition.right):
        yield f"{change} of a count", replace(condition, right=right)
    if condition.where is not None:
        yield "count without 'where'", replace(condition, where=None)
        for change, inner in _changed(condition.where, environment):
            yield change, replace(condition, where=inner)
