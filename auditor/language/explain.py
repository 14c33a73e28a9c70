"""Say why a condition holds, fails or cannot be decided: the leaves that decided it, as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, assert_never

from auditor.azure import paths
from auditor.azure.paths import ABSENT, EACH, Steps
from auditor.azure.vocabulary import ResolvedName
from auditor.language import operators
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
    Values,
)
from auditor.language.environment import Environment, Problem, Unknown
from auditor.language.evaluate import BEYOND, Members, bounds, compare, evaluate, left_side, members
from auditor.model import Evidence, Gap
from auditor.truth import NO, UNKNOWN, YES, Truth, negate

MEMBERS_SHOWN: Final = 5
LEAVES_SHOWN: Final = 40
_SYMBOLS: Final = {
    "equals": "=",
    "notEquals": "!=",
    "less": "<",
    "lessOrEquals": "<=",
    "greater": ">",
    "greaterOrEquals": ">=",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The truth of a condition with the leaves that decided it; of an unknown one, the gaps and errors behind it."""

    truth: Truth
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()


@dataclass(slots=True)
class _Reasons:
    gaps: list[Gap] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, why: Unknown | Problem | operators.ComparisonError) -> None:
        if isinstance(why, Unknown):
            if why.gap not in self.gaps:
                self.gaps.append(why.gap)
        elif str(why) not in self.errors:
            self.errors.append(str(why))


def explain(condition: Condition, environment: Environment) -> Explanation:
    """Evaluate a condition and return what decided it."""
    return because(condition, environment, evaluate(condition, environment))


def because(condition: Condition, environment: Environment, truth: Truth) -> Explanation:
    """Return what decided a condition whose truth in this environment is known already."""
    reasons = _Reasons()
    evidence: list[Evidence] = []
    for leaf in islice(_leaves(condition, environment, truth, reasons), LEAVES_SHOWN):
        if leaf not in evidence:
            evidence.append(leaf)
    return Explanation(truth, tuple(evidence), tuple(reasons.gaps), tuple(reasons.errors))


def observe(path: ResolvedName, environment: Environment) -> list[Evidence]:
    """Return what stands at a path that a rule adds to each finding as context; unknown paths say nothing."""
    try:
        ends = environment.walk(path)[:MEMBERS_SHOWN]
    except (Unknown, Problem):
        return []
    return [
        Evidence(at, "context", None, _shown(value), absent=value is ABSENT, resource_id=environment.here.id)
        for at, value in ends
    ]


def _leaves(condition: Condition, environment: Environment, truth: Truth, reasons: _Reasons) -> Iterator[Evidence]:
    match condition:
        case Leaf():
            yield from _leaf(condition, environment, reasons)
        case Undecidable():
            reasons.add(_doubt(condition, environment))
        case AllOf():
            yield from _parts(condition.conditions, environment, truth, reasons)
        case AnyOf():
            parts = condition.conditions if truth is not NO else _without_doubts(condition.conditions)
            yield from _parts(parts, environment, truth, reasons, enough=1 if truth is YES else None)
        case Not():
            yield from _leaves(condition.condition, environment, negate(truth), reasons)
        case Quantifier():
            yield from _quantifier(condition, environment, truth, reasons)
        case Count():
            yield from _count(condition, environment, reasons)
        case _:
            assert_never(condition)


def _without_doubts(parts: Sequence[Condition]) -> Sequence[Condition]:
    """Leave out what could only have made the answer unknown: that it did not explains no failure."""
    return [
        part
        for part in parts
        if not (isinstance(part, AllOf) and any(isinstance(inner, Undecidable) for inner in part.conditions))
    ] or parts


def _doubt(condition: Undecidable, environment: Environment) -> Unknown | Problem:
    try:
        what, why = (str(environment.compute(part)) for part in (condition.what, condition.why))
    except (Unknown, Problem) as problem:
        return problem
    return Unknown(Gap(environment.here.id, what, why))


def _parts(
    parts: Sequence[Condition], environment: Environment, truth: Truth, reasons: _Reasons, enough: int | None = None
) -> Iterator[Evidence]:
    deciding = parts if len(parts) == 1 else (part for part in parts if evaluate(part, environment) is truth)
    for part in islice(deciding, enough):
        yield from _leaves(part, environment, truth, reasons)


def _leaf(leaf: Leaf, environment: Environment, reasons: _Reasons) -> Iterator[Evidence]:
    left: object = ABSENT
    expected: object = None
    try:
        left = left_side(leaf, environment)
        expected = _asked(leaf, environment.compute(leaf.right))
        compare(leaf, left, environment)
    except (Unknown, Problem, operators.ComparisonError) as why:
        reasons.add(why)
        if isinstance(why, Unknown):
            yield Evidence(
                _path(leaf, environment),
                leaf.operator,
                _asked(leaf, _right(leaf.right, environment)),
                _shown(left),
                resource_id=_owner(environment),
            )
            return
    absent = left is ABSENT or left is None
    yield Evidence(
        path=_path(leaf, environment),
        operator=leaf.operator,
        expected=_shown(expected),
        actual=_shown(left),
        assumed=_shown(leaf.default) if absent else None,
        absent=absent,
        resource_id=_owner(environment),
        name=_member_name(environment),
    )


def _asked(leaf: Leaf, right: object) -> object:
    return {"days": right} if leaf.operator in operators.AGES else right


def _owner(environment: Environment) -> str:
    return environment.here.id


def _path(leaf: Leaf, environment: Environment) -> str:
    if isinstance(leaf.left, Field):
        return _spelled(leaf.left.path.steps, environment)
    read = {path.steps for path in _reads(leaf.left.expression) if EACH not in path.steps}
    return _spelled(read.pop(), environment) if len(read) == 1 else leaf.left.text


def _reads(expression: Expression) -> Iterator[ResolvedName]:
    """Yield the properties of the resource at hand that an expression is computed from."""
    if isinstance(expression, PropertyAccess):
        yield from _reads(expression.of)
    elif isinstance(expression, Call):
        if expression.function == "field" and expression.reference is not None:
            yield expression.reference
        for argument in expression.arguments:
            yield from _reads(argument)


def _spelled(steps: Steps, environment: Environment) -> str:
    base, rest = "", steps
    value: object = environment.here.body
    for member in environment.members:
        if paths.starts_with(steps, member.steps) and len(steps) - len(member.steps) < len(rest):
            base, rest, value = member.at, steps[len(member.steps) :], member.value
    for step in rest:
        if step.name is None:
            base, value = paths.join(base, None), ABSENT
            continue
        base = paths.join(base, paths.spelling(value, step) or step.name)
        try:
            value = paths.member(value, step)
        except paths.ShapeError:
            value = ABSENT
    return base


def _member_name(environment: Environment) -> str | None:
    if not environment.members or not isinstance(environment.members[-1].value, dict):
        return None
    name = environment.members[-1].value.get("name")
    return name if isinstance(name, str) else None


def _shown(value: object) -> object:
    return None if value is ABSENT else value


def _quantifier(condition: Quantifier, environment: Environment, truth: Truth, reasons: _Reasons) -> Iterator[Evidence]:
    over = members(condition.of, environment)
    if over.why is not None and truth is UNKNOWN:
        reasons.add(over.why)
    decisive = truth if condition.kind != "none" else negate(truth)
    deciding = [inner for inner in over.environments if evaluate(condition.where, inner) is decisive]
    if not deciding:
        yield _total(condition.of, environment, condition.kind, None, None if over.why else len(over.environments))
    for inner in deciding[:MEMBERS_SHOWN]:
        yield from _member(condition, inner, decisive, reasons)


def _member(condition: Quantifier, inner: Environment, truth: Truth, reasons: _Reasons) -> Iterator[Evidence]:
    """Yield why one member decided; the member itself where no leaf lies in it."""
    leaves = list(_leaves(condition.where, inner, truth, reasons))
    if isinstance(condition.of, Elements) and not any(leaf.path.startswith(inner.members[-1].at) for leaf in leaves):
        member = inner.members[-1]
        shown = _shown(member.value)
        yield Evidence(member.at, condition.kind, None, shown, resource_id=_owner(inner), name=_member_name(inner))
    yield from leaves


def _total(
    of: Elements | Relatives | Values, environment: Environment, operator: str, expected: object, actual: object
) -> Evidence:
    match of:
        case Relatives():
            path = f"related({of.relation})"
        case Values():
            path = of.text
        case Elements():
            path = _spelled(of.path.steps, environment)
        case _:
            assert_never(of)
    return Evidence(path, operator, expected, actual, resource_id=_owner(environment))


def _count(condition: Count, environment: Environment, reasons: _Reasons) -> Iterator[Evidence]:
    over = members(condition.of, environment)
    if over.why is not None:
        reasons.add(over.why)
    count = bounds(condition, over)
    is_known = count.low == count.high
    yield _total(condition.of, environment, "count", _expected(condition, environment), count.low if is_known else None)
    if condition.where is not None:
        yield from _counted(condition.where, over, reasons, settled=is_known or count.high >= BEYOND)


def _counted(where: Condition, over: Members, reasons: _Reasons, *, settled: bool) -> Iterator[Evidence]:
    truths = [(evaluate(where, inner), inner) for inner in over.environments]
    shown = UNKNOWN
    if settled:
        shown = YES if any(truth is YES for truth, _ in truths) else NO
    for truth, inner in [pair for pair in truths if pair[0] is shown][:MEMBERS_SHOWN]:
        yield from _leaves(where, inner, truth, reasons)


def _expected(condition: Count, environment: Environment) -> str:
    right = _right(condition.right, environment)
    return f"count {_SYMBOLS.get(condition.operator, condition.operator)} {'?' if right is None else right}"


def _right(right: Expression, environment: Environment) -> object:
    if isinstance(right, Constant):
        return right.value
    try:
        return _shown(environment.compute(right))
    except (Unknown, Problem):
        return None
