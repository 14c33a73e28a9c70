"""Sets of operation names as formulas over action patterns, and exact answers about them.

A set is never expanded into known operations: emptiness is decided by walking the product of the patterns' automata.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from auditor.rbac import automaton
from auditor.rbac.patterns import matches, normalise


@dataclass(frozen=True, slots=True)
class Pattern:
    """The operations that one action pattern matches. `pattern` is normalised, `spelled` as written in the source."""

    pattern: str
    spelled: str = field(default="", compare=False)


class Union(Struct, frozen=True, cache_hash=True):
    """Union; of nothing: the empty set."""

    parts: tuple[OperationSet, ...]


class Intersection(Struct, frozen=True, cache_hash=True):
    """Intersection; of nothing: every string."""

    parts: tuple[OperationSet, ...]


class Complement(Struct, frozen=True, cache_hash=True):
    """Complement within all strings."""

    part: OperationSet


# Answers about sets are remembered by the whole formula, so that each keeps its hash.
OperationSet: TypeAlias = Pattern | Union | Intersection | Complement

NOTHING: Final[OperationSet] = Union(())
EVERYTHING: Final[OperationSet] = Intersection(())
VERBS: Final = ("read", "write", "delete", "action")


def pattern(text: str) -> OperationSet:
    """Return the operations matched by an action pattern as Azure spells it."""
    return Pattern(normalise(text), text.strip())


WELL_FORMED: Final[OperationSet] = Union(tuple(pattern(f"*/{verb}") for verb in VERBS))
"""Every control-plane operation ends in a verb; a few data actions do not."""


def union(parts: Iterable[OperationSet]) -> OperationSet:
    """Return the union, flattened and without the parts that add nothing."""
    return _joined(parts, Union, EVERYTHING)


def intersection(parts: Iterable[OperationSet]) -> OperationSet:
    """Return the intersection, flattened and without the parts that take nothing away."""
    return _joined(parts, Intersection, NOTHING)


def _joined(parts: Iterable[OperationSet], kind: type[Union | Intersection], absorbing: OperationSet) -> OperationSet:
    flat: dict[OperationSet, None] = {}
    for part in parts:
        if isinstance(part, Union | Intersection):
            if type(part) is kind:
                flat.update(dict.fromkeys(part.parts))
                continue
            if not part.parts:
                return absorbing
        flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else kind(tuple(flat))


def complement(operations: OperationSet) -> OperationSet:
    """Return every string that is not in the set."""
    if operations == NOTHING:
        return EVERYTHING
    if operations == EVERYTHING:
        return NOTHING
    return operations.part if isinstance(operations, Complement) else Complement(operations)


def difference(left: OperationSet, right: OperationSet) -> OperationSet:
    """Return what is in the left set and not in the right one."""
    return intersection((left, complement(right)))


def holds(operations: OperationSet, operation: str) -> bool:
    """Whether an operation, in any case, is in the set."""
    return _is_held(operations, operation.strip().lower())


@lru_cache(maxsize=8192)
def _is_held(operations: OperationSet, operation: str) -> bool:
    return _holds(operations, operation)


def _holds(operations: OperationSet, operation: str) -> bool:
    match operations:
        case Pattern():
            return matches(operations.pattern, operation)
        case Union():
            return any(_holds(part, operation) for part in operations.parts)
        case Intersection():
            return all(_holds(part, operation) for part in operations.parts)
        case Complement():
            return not _holds(operations.part, operation)


@lru_cache(maxsize=4096)
def is_empty(operations: OperationSet) -> bool:
    """Whether no string at all is in the set. Raise `TooComplexError` where the patterns defeat the search."""
    literal = _literals(operations)
    if literal is not None:
        return not any(_holds(operations, operation) for operation in literal)
    return automaton.search(_tree(operations, positive=True)) is None


def is_within(inner: OperationSet, outer: OperationSet) -> bool:
    """Whether every string of the inner set is in the outer one."""
    return inner == outer or is_empty(difference(inner, outer))


def witness(operations: OperationSet) -> str | None:
    """Return a shortest string of the set, one that ends in a verb where there is one; None for the empty set.

    Segments that a pattern spells out are spelled that way; `any` stands for free text.
    """
    literal = _literals(operations)
    if literal is not None and not any(_holds(operations, operation) for operation in literal):
        return None
    spelled = dict(_spellings(operations))
    shortest = automaton.search(_tree(operations, positive=True), spelled)
    if shortest is None or holds(WELL_FORMED, shortest):
        return shortest
    return automaton.search(_tree(intersection((operations, WELL_FORMED)), positive=True), spelled) or shortest


def patterns_of(operations: OperationSet) -> Sequence[Pattern]:
    """Return the patterns that can put an operation into the set (those under a complement excluded), in order."""
    match operations:
        case Pattern():
            return [operations]
        case Complement():
            return []
        case Union() | Intersection():
            return list(dict.fromkeys(each for part in operations.parts for each in patterns_of(part)))


def excluded_from(operations: OperationSet) -> Sequence[Pattern]:
    """Return the patterns that keep an operation out of the set (those under a complement), in order."""
    match operations:
        case Pattern():
            return []
        case Complement():
            return patterns_of(operations.part)
        case Union() | Intersection():
            return list(dict.fromkeys(each for part in operations.parts for each in excluded_from(part)))


def _literals(operations: OperationSet) -> set[str] | None:
    """Return a finite set of candidate operations that holds the whole set, or None where none is at hand."""
    match operations:
        case Pattern():
            return None if "*" in operations.pattern else {operations.pattern}
        case Union():
            literals: set[str] = set()
            for part in operations.parts:
                more = _literals(part)
                if more is None:
                    return None
                literals |= more
            return literals
        case Intersection():
            return next((c for c in map(_literals, operations.parts) if c is not None), None)
        case Complement():
            return None


def _tree(operations: OperationSet, *, positive: bool) -> automaton.Node:
    """Return the formula with complements pushed down to the patterns."""
    match operations:
        case Pattern():
            return automaton.Atom(operations.pattern, positive)
        case Complement():
            return _tree(operations.part, positive=not positive)
        case Union() | Intersection():
            children = tuple(_tree(part, positive=positive) for part in operations.parts)
            return automaton.Connective(isinstance(operations, Union) == positive, children)


def _spellings(operations: OperationSet) -> Iterable[tuple[str, str]]:
    match operations:
        case Pattern():
            for segment in operations.spelled.split("/"):
                yield segment.lower(), segment
        case Complement():
            yield from _spellings(operations.part)
        case Union() | Intersection():
            for part in operations.parts:
                yield from _spellings(part)
