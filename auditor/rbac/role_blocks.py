"""Write a set of operations in the shape of a role: blocks of patterns, each without patterns of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from msgspec import Struct

from auditor.rbac.automaton import TooComplexError
from auditor.rbac.operation_sets import (
    Complement,
    Intersection,
    OperationSet,
    Pattern,
    Union,
    complement,
    intersection,
    is_empty,
    union,
)
from auditor.rbac.patterns import WILDCARD, matches

_MOST_BLOCKS: Final = 2_000
_EVERYTHING: Final = Pattern(WILDCARD, WILDCARD)
_T = TypeVar("_T")


class RoleBlock(Struct, frozen=True):
    """The operations that some pattern of `actions` matches and none of `excluded`."""

    actions: tuple[Pattern, ...]
    excluded: tuple[Pattern, ...] = ()


def blocks_of(operations: OperationSet, universe: OperationSet | None = None) -> Sequence[RoleBlock]:
    """Return blocks whose union is the set, as far as it lies in the universe.

    Raise `TooComplexError` for a set that takes too many.
    """
    found = _blocks(operations, positive=True)
    simple = [block for one in found if (block := _simplified(one, universe)) is not None]
    return _joined(simple, universe)


def _blocks(operations: OperationSet, *, positive: bool) -> Sequence[RoleBlock]:
    match operations:
        case Pattern():
            return [RoleBlock((operations,)) if positive else RoleBlock((_EVERYTHING,), (operations,))]
        case Complement():
            return _blocks(operations.part, positive=not positive)
        case Union() | Intersection():
            parts = [_blocks(part, positive=positive) for part in _patterns_last(operations.parts)]
            if isinstance(operations, Union) == positive:
                return _each_once(block for part in parts for block in part)
            return _common(parts)


def _patterns_last(parts: Sequence[OperationSet]) -> Sequence[OperationSet]:
    return sorted(parts, key=lambda part: isinstance(part, Pattern))


def _common(parts: Sequence[Sequence[RoleBlock]]) -> Sequence[RoleBlock]:
    """Return the intersection of several sets, each as blocks."""
    left: Sequence[RoleBlock] = [RoleBlock((_EVERYTHING,))]
    for right in sorted(parts, key=len):
        left = _each_once(kept for one in left for other in right if (kept := _pruned(one, other)) is not None)
        if len(left) > _MOST_BLOCKS:
            raise TooComplexError("A set of operations is too complex to be written as a role.")
    return left


def _pruned(left: RoleBlock, right: RoleBlock) -> RoleBlock | None:
    actions = _each_once(
        both for one in left.actions for other in right.actions for both in pattern_intersection(one, other)
    )
    excluded = _each_once((*left.excluded, *right.excluded))
    kept = tuple(one for one in actions if not any(_is_inside(one, other) for other in excluded))
    return RoleBlock(kept, tuple(excluded)) if kept else None


def _each_once(items: Iterable[_T]) -> Sequence[_T]:
    return list(dict.fromkeys(items))


def _is_inside(inner: Pattern, outer: Pattern) -> bool:
    """Whether a pattern matches nothing that another one does not; a quick answer, with too many noes."""
    if outer.pattern in {WILDCARD, inner.pattern}:
        return True
    head, star, tail = outer.pattern.partition(WILDCARD)
    if not star or WILDCARD in tail:
        return WILDCARD not in inner.pattern and matches(outer.pattern, inner.pattern)
    own_head, own_star, _ = inner.pattern.partition(WILDCARD)
    if not own_star:
        return matches(outer.pattern, inner.pattern)
    own_tail = inner.pattern.rpartition(WILDCARD)[2]
    return own_head.startswith(head) and own_tail.endswith(tail)


@lru_cache(maxsize=65_536)
def pattern_intersection(left: Pattern, right: Pattern) -> tuple[Pattern, ...]:
    """Return patterns that match exactly what both match. TooComplexError where a pattern has two `*`, which Azure refuses."""
    if _is_inside(left, right):
        return (left,)
    if _is_inside(right, left):
        return (right,)
    if WILDCARD not in left.pattern or WILDCARD not in right.pattern:
        text, other = (left, right) if WILDCARD not in left.pattern else (right, left)
        return (text,) if matches(other.pattern, text.pattern) else ()
    if left.pattern.count(WILDCARD) > 1 or right.pattern.count(WILDCARD) > 1:
        raise TooComplexError("A pattern has several `*`.", "Use one `*` per action.")
    return tuple(_both(left, right))


def _both(left: Pattern, right: Pattern) -> Iterator[Pattern]:
    """Yield what two patterns with one `*` each have in common: the longer head and tail, and texts in which they overlap."""
    (head, tail), (other_head, other_tail) = (_ends(one) for one in (left, right))
    long_head, short_head = sorted((head, other_head), key=lambda end: len(end[0]), reverse=True)
    long_tail, short_tail = sorted((tail, other_tail), key=lambda end: len(end[0]), reverse=True)
    if not long_head[0].startswith(short_head[0]) or not long_tail[0].endswith(short_tail[0]):
        return
    yield Pattern(f"{long_head[0]}{WILDCARD}{long_tail[0]}", f"{long_head[1]}{WILDCARD}{long_tail[1]}")
    least = max(len(head[0]) + len(tail[0]), len(other_head[0]) + len(other_tail[0]))
    whole = len(long_head[0]) + len(long_tail[0])
    for length in range(least, whole):
        overlap = whole - length
        if overlap <= min(len(long_head[0]), len(long_tail[0])) and long_head[0].endswith(long_tail[0][:overlap]):
            yield Pattern(f"{long_head[0]}{long_tail[0][overlap:]}", f"{long_head[1]}{long_tail[1][overlap:]}")


def _ends(one: Pattern) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return what stands before and behind the `*` of a pattern, each in lower case and as spelled."""
    head, _, tail = one.pattern.partition(WILDCARD)
    shown = one.spelled if one.spelled.lower() == one.pattern else one.pattern
    return (head, shown[: len(head)]), (tail, shown[len(head) + 1 :])


def _simplified(block: RoleBlock, universe: OperationSet | None) -> RoleBlock | None:
    """Return a block without what adds nothing; None for an empty one."""
    limit = () if universe is None else (universe,)
    shut = complement(union(block.excluded))
    actions = [one for one in block.actions if not is_empty(intersection((one, shut, *limit)))]
    kept: list[Pattern] = []
    for place, one in enumerate(actions):
        others = [other for at, other in enumerate(actions) if at != place and (other in kept or at > place)]
        if not any(_is_inside(one, other) for other in others):
            kept.append(one)
    if not kept:
        return None
    whole = union(kept)
    excluded: list[Pattern] = []
    for one in sorted(block.excluded, key=lambda each: (len(each.pattern), each.pattern)):
        if not any(_is_inside(one, other) for other in excluded) and not is_empty(intersection((one, whole, *limit))):
            excluded.append(one)
    return RoleBlock(tuple(kept), tuple(excluded))


def _joined(blocks: Sequence[RoleBlock], universe: OperationSet | None) -> Sequence[RoleBlock]:
    """Return blocks of the same exclusions as one, and none that lies within the others."""
    together: dict[tuple[Pattern, ...], dict[Pattern, None]] = {}
    for block in blocks:
        together.setdefault(block.excluded, {}).update(dict.fromkeys(block.actions))
    joined = [RoleBlock(tuple(actions), excluded) for excluded, actions in together.items()]
    limit = () if universe is None else (universe,)
    kept = list(joined)
    for block in sorted(joined, key=lambda each: (len(each.actions), -len(each.excluded))):
        rest = [set_of(other) for other in kept if other != block]
        if rest and is_empty(intersection((set_of(block), complement(union(rest)), *limit))):
            kept.remove(block)
    return kept


def set_of(block: RoleBlock) -> OperationSet:
    """Return the operations of a block."""
    return intersection((union(block.actions), complement(union(block.excluded))))
