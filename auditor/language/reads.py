"""Find what a condition refers to, without evaluating it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from msgspec import Struct, field

from auditor.azure.paths import Steps, parse
from auditor.azure.vocabulary import ResolvedName
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
from auditor.language.operators import AGES


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


def reads_clock(condition: Condition) -> bool:
    """Whether the answer to a condition depends on the time of judgement."""
    calls = _calls(expressions(condition))
    return any(call.function == "utcNow" for call in calls) or any(leaf.operator in AGES for leaf in _leaves(condition))


def _leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case Leaf():
            yield condition
        case AllOf() | AnyOf():
            yield from (leaf for part in condition.conditions for leaf in _leaves(part))
        case Not():
            yield from _leaves(condition.condition)
        case Quantifier() | Count():
            yield from _leaves(condition.where) if condition.where is not None else ()
        case Undecidable():
            return
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


def paths_of(condition: Condition) -> Iterator[ResolvedName]:
    """Yield the properties of the judged subject that a condition reads; those of related resources are left out."""
    yield from _paths(condition, is_subject=True)


def _paths(condition: Condition, *, is_subject: bool) -> Iterator[ResolvedName]:
    """Yield what is read of the subject; where `is_subject` is not, names mean a related resource."""
    match condition:
        case AllOf() | AnyOf():
            yield from (path for part in condition.conditions for path in _paths(part, is_subject=is_subject))
        case Not():
            yield from _paths(condition.condition, is_subject=is_subject)
        case Leaf():
            if is_subject and isinstance(condition.left, Field):
                yield condition.left.path
            yield from _references(expressions(condition), is_subject=is_subject)
        case Undecidable():
            yield from _references(expressions(condition), is_subject=is_subject)
        case Quantifier() | Count():
            yield from _paths_of_members(condition, is_subject=is_subject)
        case _:
            assert_never(condition)


def _paths_of_members(condition: Quantifier | Count, *, is_subject: bool) -> Iterator[ResolvedName]:
    if isinstance(condition.of, Elements) and is_subject:
        yield condition.of.path
    if isinstance(condition.of, Values):
        yield from _references([condition.of.expression], is_subject=is_subject)
    if isinstance(condition, Count):
        yield from _references([condition.right], is_subject=is_subject)
    if condition.where is not None:
        yield from _paths(condition.where, is_subject=is_subject and not isinstance(condition.of, Relatives))


def _references(within: Iterable[Expression], *, is_subject: bool) -> Iterator[ResolvedName]:
    calls = _calls(within)
    return (call.reference for call in calls if call.reference and (is_subject or call.function == "subject"))


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


_OF_ID: Final = {"resourceGroup": parse("resourceGroup"), "subscription": parse("subscriptionId")}
"""Functions that read the subject's id: what they read of it, as a path."""
_OF_SUBJECT: Final = frozenset(("current", "field", "subject", "unknown", *_OF_ID))
_NAMES: Final = frozenset({("id",), ("name",)})


class Reads(Struct, frozen=True):
    """What conditions read of a subject: the paths in it, and the same of the resources that each relation leads to.

    `of_subject` are paths in the subject that is judged, read only where there is a resource that the relation leads to.
    `tested` are paths to names and ids, which are nearly never alike, with the comparisons that alone read them: with what is
    fixed, so that it does not matter what they are, but only what the comparisons say.
    """

    paths: dict[Steps, None] = field(default_factory=dict)
    tested: dict[Steps, list[Leaf]] = field(default_factory=dict)
    relations: dict[str, Reads] = field(default_factory=dict)
    of_subject: dict[Steps, None] = field(default_factory=dict)


def reads_of(conditions: Iterable[Condition]) -> Reads:
    """Return all that the answers to conditions depend on besides parameters, time and what is not known."""
    reads = Reads()
    for condition in conditions:
        _add_reads(condition, reads)
    reads.paths.update(reads.of_subject)
    reads.of_subject.clear()
    _untest(reads)
    return reads


def _untest(reads: Reads) -> None:
    """Take a path that something else reads as well for one that is simply read."""
    for steps in reads.tested.keys() & reads.paths.keys():
        del reads.tested[steps]
    for inner in reads.relations.values():
        _untest(inner)


def _is_test(leaf: Leaf) -> bool:
    """Whether a leaf compares a name or an id with what is the same for all subjects."""
    is_name = isinstance(leaf.left, Field) and tuple(step.folded for step in leaf.left.path.steps) in _NAMES
    return is_name and not any(call.function in _OF_SUBJECT for call in _calls([leaf.right]))


def _add_reads(condition: Condition, here: Reads) -> None:
    """Add what a condition reads; names mean `here`, which is the subject or a resource related to it."""
    for call in _calls(_own_expressions(condition)):
        if call.reference is not None:
            (here.of_subject if call.function == "subject" else here.paths)[call.reference.steps] = None
        elif call.function in _OF_ID:
            here.of_subject[_OF_ID[call.function]] = None
    match condition:
        case Leaf():
            _add_left_side(condition, here)
        case Undecidable():
            pass
        case AllOf() | AnyOf():
            for part in condition.conditions:
                _add_reads(part, here)
        case Not():
            _add_reads(condition.condition, here)
        case Quantifier() | Count():
            _add_reads_of_members(condition, here)
        case _:
            assert_never(condition)


def _add_left_side(leaf: Leaf, here: Reads) -> None:
    if not isinstance(leaf.left, Field):
        return
    if _is_test(leaf):
        here.tested.setdefault(leaf.left.path.steps, []).append(leaf)
    else:
        here.paths[leaf.left.path.steps] = None


def _add_reads_of_members(condition: Quantifier | Count, here: Reads) -> None:
    within = here
    if isinstance(condition.of, Elements):
        here.paths[condition.of.path.steps] = None
    elif isinstance(condition.of, Relatives):
        within = here.relations.setdefault(condition.of.relation, Reads())
    if condition.where is not None:
        _add_reads(condition.where, within)


def _own_expressions(condition: Condition) -> Iterator[Expression]:
    """Yield the expressions of a condition itself, without those of the conditions in it."""
    match condition:
        case AllOf() | AnyOf() | Not() | Quantifier():
            return
        case Count():
            yield condition.right
            if isinstance(condition.of, Values):
                yield condition.of.expression
        case _:
            yield from expressions(condition)


def _calls(within: Iterable[Expression]) -> Iterator[Call]:
    return (part for expression in within for part in parts(expression) if isinstance(part, Call))
