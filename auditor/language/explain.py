"""Say why a condition holds, fails or cannot be decided: the leaves that decided it, as evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, assert_never

from msgspec import Struct, field

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
    Value,
    Values,
)
from auditor.language.environment import Environment, Problem, Unknown
from auditor.language.evaluate import (
    BEYOND,
    CountBounds,
    Members,
    bounds,
    compare,
    evaluate,
    left_side,
    members,
    within,
)
from auditor.model import Evidence, Gap
from auditor.truth import NO, UNKNOWN, YES, Truth, negate, truth_of

MEMBERS_SHOWN: Final = 5
LEAVES_SHOWN: Final = 40
_NAMES: Final = ("name", "id", "value", "objectId", "principalId")
_STATES: Final = frozenset({"provisioningstate", "state", "etag"})
_SYMBOLS: Final = {
    "equals": "=",
    "notEquals": "!=",
    "less": "<",
    "lessOrEquals": "<=",
    "greater": ">",
    "greaterOrEquals": ">=",
}
_OPPOSITES: Final = {
    **operators.NEGATIVE,
    **{positive: negative for negative, positive in operators.NEGATIVE.items()},
    "less": "greaterOrEquals",
    "greaterOrEquals": "less",
    "greater": "lessOrEquals",
    "lessOrEquals": "greater",
    "olderThan": "notOlderThan",
    "notOlderThan": "olderThan",
}


_COMPUTED: Final = Field(ResolvedName((paths.PathStep("value", "value"),)), "value")


class Explanation(Struct, frozen=True):
    """The truth of a condition with the leaves that decided it; of an unknown one, the gaps and errors behind it.

    A leaf says what would have made the condition true: each leaf of a true one holds as it stands, and none of a false
    one does; what stood under a negation is shown as its opposite.
    """

    truth: Truth
    evidence: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    errors: Sequence[str] = ()


class _Reasons(Struct):
    """What was met while explaining.

    `is_whole`: all members of a list that are wrong are told, each by what tells it from the others. Where one that is
    right is missing, there may be as many others as there are: that none is right says all.
    """

    goal: Truth
    is_whole: bool = False
    gaps: list[Gap] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, why: Unknown | Problem | operators.ComparisonError) -> None:
        if isinstance(why, Unknown):
            if why.gap not in self.gaps:
                self.gaps.append(why.gap)
        elif str(why) not in self.errors:
            self.errors.append(str(why))

    def shown(self, environments: Sequence[Environment]) -> Sequence[Environment]:
        """Return as many members as are told."""
        return environments if self.is_whole else environments[:MEMBERS_SHOWN]

    def name_of(self, environment: Environment) -> str | None:
        """Return what the member of a list is called."""
        return _identity(environment) if self.is_whole else _member_name(environment)


def explain(condition: Condition, environment: Environment) -> Explanation:
    """Evaluate a condition and return what decided it."""
    return because(condition, environment, evaluate(condition, environment))


def because(condition: Condition, environment: Environment, truth: Truth) -> Explanation:
    """Return what decided a condition whose truth in this environment is known already."""
    reasons = _Reasons(truth)
    evidence = _each_once(islice(_leaves(condition, environment, truth, reasons), LEAVES_SHOWN))
    return Explanation(truth, evidence, tuple(reasons.gaps), tuple(reasons.errors))


def all_that_decided(condition: Condition, environment: Environment, truth: Truth) -> Sequence[Evidence]:
    """Return every leaf that decided a condition, however many there are, each named after the member that it is about."""
    return _each_once(_leaves(condition, environment, truth, _Reasons(truth, is_whole=True)))


def _each_once(leaves: Iterable[Evidence]) -> Sequence[Evidence]:
    by_path: dict[str, list[Evidence]] = {}
    kept = []
    for leaf in leaves:
        same = by_path.setdefault(leaf.path, [])
        if leaf not in same:
            same.append(leaf)
            kept.append(leaf)
    return tuple(kept)


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
            parts = condition.conditions if truth is not UNKNOWN else _not_known(condition.conditions, environment)
            yield from _parts(parts, environment, truth, reasons)
        case AnyOf():
            parts = condition.conditions if truth is not NO else _failed_by_subject(condition.conditions, environment)
            yield from _parts(parts, environment, truth, reasons, enough=1 if truth is YES else None)
        case Not():
            yield from _leaves(condition.condition, environment, negate(truth), reasons)
        case Quantifier():
            yield from _quantifier(condition, environment, truth, reasons)
        case Count():
            yield from _count(condition, environment, reasons)
        case _:
            assert_never(condition)


def _not_known(parts: Sequence[Condition], environment: Environment) -> Sequence[Condition]:
    """Return the parts that leave it open whether all hold.

    What a rule cannot decide counts only where the rest holds: while that is open, what is not known of it is the reason.
    """
    unread = [part for part in parts if not isinstance(part, Undecidable) and evaluate(part, environment) is UNKNOWN]
    return unread or parts


def _failed_by_subject(parts: Sequence[Condition], environment: Environment) -> Sequence[Condition]:
    """Return the alternatives that failed by what is there, all where there are none.

    That an alternative could only have made the answer unknown, or that the baseline does not choose it, explains no failure.
    """
    return [part for part in parts if not _is_ruled_out(part, environment)] or parts


def _is_ruled_out(part: Condition, environment: Environment) -> bool:
    if isinstance(part, AllOf):
        return any(isinstance(inner, Undecidable) or _is_ruled_out(inner, environment) for inner in part.conditions)
    if isinstance(part, Leaf):
        is_chosen = isinstance(part.left, Value) and not any(_reads_anything(part.left.expression))
        return is_chosen and not any(_reads_anything(part.right)) and evaluate(part, environment) is NO
    if isinstance(part, Count) and isinstance(part.of, Values):
        over = members(part.of, environment)
        return not any(_reads_anything(part.of.expression)) and over.why is None and not over.environments
    return False


def _reads_anything(expression: Expression) -> Iterator[bool]:
    """Yield whether each call of an expression reads more than the baseline's parameters."""
    if isinstance(expression, PropertyAccess):
        yield from _reads_anything(expression.of)
    elif isinstance(expression, Call):
        yield expression.function in {"field", "subject", "current"}
        for argument in expression.arguments:
            yield from _reads_anything(argument)


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
    operator, expected = _as_wanted(leaf, left, expected, environment, reasons.goal)
    path = _path(leaf, environment)
    yield Evidence(
        path=path,
        operator=operator,
        expected=_shown(expected),
        actual=_shown(left),
        assumed=_shown(leaf.default) if absent else None,
        absent=absent,
        resource_id=_owner(environment),
        name=reasons.name_of(environment),
    )
    if isinstance(leaf.left, Value) and path == leaf.left.text:
        yield from _raw(leaf.left.expression, environment)


def _reads(expression: Expression) -> Iterator[ResolvedName]:
    """Yield the properties of the resource at hand that an expression is computed from."""
    if isinstance(expression, PropertyAccess):
        yield from _reads(expression.of)
    elif isinstance(expression, Call):
        if expression.function in {"field", "current"} and expression.reference is not None:
            yield expression.reference
        for argument in expression.arguments:
            yield from _reads(argument)


def _raw(expression: Expression, environment: Environment) -> Iterator[Evidence]:
    """Yield the properties that a value was computed from, as they are."""
    for read in {read.steps: read for read in _reads(expression)}.values():
        try:
            ends = environment.walk(read)
        except (Unknown, Problem):
            continue
        for at, value in ends[:MEMBERS_SHOWN]:
            shown = _shown(value)
            yield Evidence(at, "input", None, shown, absent=value is ABSENT, resource_id=_owner(environment))


def _as_wanted(leaf: Leaf, left: object, expected: object, environment: Environment, goal: Truth) -> tuple[str, object]:
    """Return the comparison that holds of what is there if the whole condition does, and else does not."""
    if goal is UNKNOWN:
        return leaf.operator, expected
    for operator in (leaf.operator, _OPPOSITES.get(leaf.operator, leaf.operator)):
        if _holds(operator, leaf, left, expected, environment) is goal:
            return operator, expected
    counted = leaf.default if left is ABSENT or left is None else left
    return "exists", (counted is not ABSENT and counted is not None) == (goal is YES)


def _holds(operator: str, leaf: Leaf, left: object, expected: object, environment: Environment) -> Truth:
    """Whether a comparison holds as a reader of the evidence takes it: of a value and what it was compared with."""
    place = leaf.left if isinstance(leaf.left, Field) else _COMPUTED
    right = expected["days"] if isinstance(expected, Mapping) and operator in operators.AGES else expected
    try:
        return truth_of(compare(Leaf(place, operator, Constant(right), leaf.default), left, environment))
    except (Unknown, Problem, operators.ComparisonError):
        return UNKNOWN


def _asked(leaf: Leaf, right: object) -> object:
    return {"days": right} if leaf.operator in operators.AGES else right


def _owner(environment: Environment) -> str:
    return environment.here.id


def _path(leaf: Leaf, environment: Environment) -> str:
    """Return where a leaf looked; a computed value goes by its expression, and by a property only where it is that one's."""
    if isinstance(leaf.left, Field):
        return _spelled(leaf.left.path.steps, environment)
    match leaf.left.expression:
        case Call(function="field" | "current", reference=ResolvedName(steps=steps)) if EACH not in steps:
            return _spelled(steps, environment)
        case _:
            return leaf.left.text


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


def _identity(environment: Environment) -> str | None:
    """Return what tells a member from the others: the first of its names, else all that it says but its state."""
    value = environment.members[-1].value if environment.members else None
    if not isinstance(value, dict):
        return None
    named = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
    if named is not None:
        return str(named)
    kept = {key: inner for key, inner in value.items() if key.lower() not in _STATES}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, default=str)


def _shown(value: object) -> object:
    return None if value is ABSENT else value


def _quantifier(condition: Quantifier, environment: Environment, truth: Truth, reasons: _Reasons) -> Iterator[Evidence]:
    over = members(condition.of, environment)
    if over.why is not None and truth is UNKNOWN:
        reasons.add(over.why)
    decisive = truth if condition.kind != "none" else negate(truth)
    deciding = [inner for inner in over.environments if evaluate(condition.where, inner) is decisive]
    if not deciding:
        number = None if over.why else len(over.environments)
        yield _total(condition.of, environment, _as_total(condition.kind, reasons.goal), None, number)
    elif reasons.is_whole and condition.kind == "any" and decisive is NO:
        yield _total(condition.of, environment, _as_total(condition.kind, reasons.goal), None, 0)
        return
    for inner in reasons.shown(deciding):
        yield from _member(condition, inner, decisive, reasons)


def _as_total(kind: str, goal: Truth) -> str:
    """Return what holds of an empty list if the whole condition does, and else does not."""
    if goal is YES:
        return "none" if kind == "any" else kind
    return "any" if goal is NO else kind


def _member(condition: Quantifier, inner: Environment, truth: Truth, reasons: _Reasons) -> Iterator[Evidence]:
    """Yield why one member decided, and where no leaf lies in it the member itself."""
    leaves = list(_leaves(condition.where, inner, truth, reasons))
    if isinstance(condition.of, Elements) and not any(leaf.path.startswith(inner.members[-1].at) for leaf in leaves):
        member = inner.members[-1]
        shown = _shown(member.value)
        yield Evidence(member.at, "context", None, shown, resource_id=_owner(inner), name=reasons.name_of(inner))
    yield from leaves


def _total(
    of: Elements | Relatives | Values, environment: Environment, operator: str, expected: object, actual: object
) -> Evidence:
    path = _place_of(of, environment)
    return Evidence(path, operator, expected, actual, resource_id=_owner(environment))


def _place_of(of: Elements | Relatives | Values, environment: Environment) -> str:
    match of:
        case Relatives():
            return f"related({of.relation})"
        case Values():
            return of.text
        case Elements():
            return _spelled(of.path.steps, environment)
        case _:
            assert_never(of)


def _count(condition: Count, environment: Environment, reasons: _Reasons) -> Iterator[Evidence]:
    over = members(condition.of, environment)
    if over.why is not None:
        reasons.add(over.why)
    count = bounds(condition, over)
    is_known = count.low == count.high
    own = _count_holds(condition, count, environment)
    expected = _expected(condition, environment, opposite=reasons.goal is not UNKNOWN and own is negate(reasons.goal))
    # where there may be more, those that were seen have decided
    number = count.low if is_known or own is not UNKNOWN else None
    yield _total(condition.of, environment, "count", expected, number)
    if isinstance(condition.of, Values):
        yield from _raw(condition.of.expression, environment)
    if isinstance(condition.of, Values) and over.environments:
        listed = [inner.counted[condition.of.name] for inner in over.environments][:MEMBERS_SHOWN]
        yield Evidence(condition.of.text, "context", None, listed, resource_id=_owner(environment))
    if condition.where is not None:
        shown = UNKNOWN
        if own is not UNKNOWN or count.high >= BEYOND:
            shown = YES if _are_wanted(condition, count, environment) is (own is YES) else NO
        if shown is YES or not reasons.is_whole:
            yield from _counted(condition.where, over, reasons, shown)


def _count_holds(condition: Count, count: CountBounds, environment: Environment) -> Truth:
    try:
        return within(condition.operator, count, environment.compute(condition.right))
    except (Unknown, Problem, operators.ComparisonError):
        return UNKNOWN


def _are_wanted(condition: Count, count: CountBounds, environment: Environment) -> bool:
    """Whether it takes more members to satisfy a count than there are; of a satisfied one, whether members satisfy it."""
    own = _count_holds(condition, count, environment)
    if own is YES:
        return _count_holds(condition, CountBounds(0, 0), environment) is not YES
    return any(
        _count_holds(condition, CountBounds(count.low + more, count.low + more), environment) is YES
        for more in (1, 2, 10, BEYOND)
    )


def _counted(where: Condition, over: Members, reasons: _Reasons, shown: Truth) -> Iterator[Evidence]:
    truths = ((evaluate(where, inner), inner) for inner in over.environments)
    for inner in reasons.shown([inner for truth, inner in truths if truth is shown]):
        yield from _leaves(where, inner, shown, reasons)


def _expected(condition: Count, environment: Environment, *, opposite: bool) -> str:
    right = _right(condition.right, environment)
    operator = _OPPOSITES.get(condition.operator, condition.operator) if opposite else condition.operator
    return f"count {_SYMBOLS.get(operator, operator)} {'?' if right is None else right}"


def _right(right: Expression, environment: Environment) -> object:
    if isinstance(right, Constant):
        return right.value
    try:
        return _shown(environment.compute(right))
    except (Unknown, Problem):
        return None
