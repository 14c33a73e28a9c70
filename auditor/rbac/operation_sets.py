"""Sets of operation names as formulas over action patterns, and exact answers about them.

A set is never expanded into known operations: emptiness is decided by walking the product of the patterns' automata.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from auditor.rbac import automaton
from auditor.rbac.patterns import matches, normalise


@dataclass(frozen=True, slots=True)
class Pattern:
    """The operations that one action pattern matches. `pattern` is normalised, `spelled` as written in the source."""

    pattern: str
    spelled: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Union:
    """Union; of nothing: the empty set."""

    parts: tuple[OperationSet, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """Intersection; of nothing: every string."""

    parts: tuple[OperationSet, ...]


@dataclass(frozen=True, slots=True)
class Complement:
    """Complement within all strings."""

    part: OperationSet


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
    return _joined(parts, Union, NOTHING, EVERYTHING)


def intersection(parts: Iterable[OperationSet]) -> OperationSet:
    """Return the intersection, flattened and without the parts that take nothing away."""
    return _joined(parts, Intersection, EVERYTHING, NOTHING)


def _joined(
    parts: Iterable[OperationSet], kind: type[Union | Intersection], neutral: OperationSet, absorbing: OperationSet
) -> OperationSet:
    flat: dict[OperationSet, None] = {}
    for part in parts:
        if part == absorbing:
            return absorbing
        if isinstance(part, Union | Intersection) and type(part) is kind:
            flat.update(dict.fromkeys(part.parts))
        elif part != neutral:
            flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else kind(tuple(flat))


def complement(language: OperationSet) -> OperationSet:
    """Return every string that is not in the set."""
    if language == NOTHING:
        return EVERYTHING
    if language == EVERYTHING:
        return NOTHING
    return language.part if isinstance(language, Complement) else Complement(language)


def difference(left: OperationSet, right: OperationSet) -> OperationSet:
    """Return what is in the left set and not in the right one."""
    return intersection((left, complement(right)))


def holds(language: OperationSet, operation: str) -> bool:
    """Whether an operation, in any case, is in the set."""
    return _holds(language, operation.strip().lower())


def _holds(language: OperationSet, operation: str) -> bool:
    match language:
        case Pattern():
            return matches(language.pattern, operation)
        case Union():
            return any(_holds(part, operation) for part in language.parts)
        case Intersection():
            return all(_holds(part, operation) for part in language.parts)
        case Complement():
            return not _holds(language.part, operation)


def is_empty(language: OperationSet) -> bool:
    """Whether no string at all is in the set. Raise `TooComplexError` where the patterns defeat the search."""
    literal = _literals(language)
    if literal is not None:
        return not any(_holds(language, operation) for operation in literal)
    return automaton.search(_tree(language, positive=True)) is None


def is_within(inner: OperationSet, outer: OperationSet) -> bool:
    """Whether every string of the inner set is in the outer one."""
    return inner == outer or is_empty(difference(inner, outer))


def witness(language: OperationSet) -> str | None:
    """Return a shortest string of the set, one that ends in a verb where there is one; None for the empty set.

    Segments that a pattern spells out are spelled that way; `any` stands for free text.
    """
    literal = _literals(language)
    if literal is not None and not any(_holds(language, operation) for operation in literal):
        return None
    spelled = dict(_spellings(language))
    found = automaton.search(_tree(language, positive=True), spelled)
    if found is None or holds(WELL_FORMED, found):
        return found
    return automaton.search(_tree(intersection((language, WELL_FORMED)), positive=True), spelled) or found


def patterns_of(language: OperationSet) -> Sequence[Pattern]:
    """Return the patterns that can put an operation into the set (those under a complement excluded), in order."""
    match language:
        case Pattern():
            return [language]
        case Complement():
            return []
        case Union() | Intersection():
            return list(dict.fromkeys(found for part in language.parts for found in patterns_of(part)))


def excluded_from(language: OperationSet) -> Sequence[Pattern]:
    """Return the patterns that keep an operation out of the set (those under a complement), in order."""
    match language:
        case Pattern():
            return []
        case Complement():
            return patterns_of(language.part)
        case Union() | Intersection():
            return list(dict.fromkeys(found for part in language.parts for found in excluded_from(part)))


def _literals(language: OperationSet) -> set[str] | None:
    """Return a finite set of candidate operations that holds the whole language, or None where none is at hand."""
    match language:
        case Pattern():
            return None if "*" in language.pattern else {language.pattern}
        case Union():
            found: set[str] = set()
            for part in language.parts:
                candidates = _literals(part)
                if candidates is None:
                    return None
                found |= candidates
            return found
        case Intersection():
            return next((c for c in map(_literals, language.parts) if c is not None), None)
        case Complement():
            return None


def _tree(language: OperationSet, *, positive: bool) -> automaton.Node:
    """Return the formula with complements pushed down to the patterns."""
    match language:
        case Pattern():
            return automaton.Atom(language.pattern, positive)
        case Complement():
            return _tree(language.part, positive=not positive)
        case Union() | Intersection():
            children = tuple(_tree(part, positive=positive) for part in language.parts)
            return automaton.Connective(isinstance(language, Union) == positive, children)


def _spellings(language: OperationSet) -> Iterable[tuple[str, str]]:
    match language:
        case Pattern():
            for segment in language.spelled.split("/"):
                yield segment.lower(), segment
        case Complement():
            yield from _spellings(language.part)
        case Union() | Intersection():
            for part in language.parts:
                yield from _spellings(part)
