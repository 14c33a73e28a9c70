"""Cover a set of packets with few large cubes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from auditor.network.decision_diagram import Cube, DecisionDiagram

_MOST_CUBES: Final = 4000
_MOST_WIDENED: Final = 64
"""Widening every cube costs more than people read of so many lines."""


def cover(diagram: DecisionDiagram, root: int, *, given: int = ~0, free: int = ~0) -> tuple[Cube, ...]:
    """Return cubes that cover the 0/1 function where `given` does not, few and large; they may overlap.

    A cube may also hold what is `free`: combinations that no packet has. Of a function with very many parts only the
    first ones are covered.
    """
    target = diagram.either(root, free)
    done = diagram.either(given, free)
    open_part = diagram.combine(root, done, _without)
    merged = _merge(diagram, islice(diagram.iter_cubes(open_part), _MOST_CUBES))
    if len(merged) > _MOST_WIDENED:
        return tuple(_cube(diagram, masks) for masks in merged)
    widened = dict.fromkeys(_widen(diagram, target, masks) for masks in merged)
    return _irredundant(diagram, sorted(widened, key=lambda cube: (-_volume(diagram, cube), cube)), done)


def merged_cubes(diagram: DecisionDiagram, root: int) -> list[tuple[int, ...]]:
    """Return disjoint cubes whose union is the whole 0/1 function, each as one mask per level, joined as far as they go."""
    return _merge(diagram, diagram.iter_cubes(root))


def _without(left: int, right: int) -> int | None:
    if left == ~0 or right == ~1:
        return ~0
    return left if right == ~0 else None


def _merge(diagram: DecisionDiagram, cubes: Iterable[Cube]) -> list[tuple[int, ...]]:
    """Join cubes, written as one mask per level, that differ in one level only, until none do."""
    full = [diagram.full(level) for level in range(len(diagram.widths))]
    rows = {tuple(dict(cube).get(level, mask) for level, mask in enumerate(full)) for cube in cubes}
    changed = True
    while changed:
        before = len(rows)
        for level in reversed(range(len(full))):
            joined: dict[tuple[int, ...], int] = defaultdict(int)
            for row in sorted(rows):
                joined[row[:level] + row[level + 1 :]] |= row[level]
            rows = {(*key[:level], mask, *key[level:]) for key, mask in joined.items()}
        changed = len(rows) < before
    return sorted(rows)


def _cube(diagram: DecisionDiagram, masks: tuple[int, ...]) -> Cube:
    return tuple((level, mask) for level, mask in enumerate(masks) if mask != diagram.full(level))


def _widen(diagram: DecisionDiagram, root: int, masks: tuple[int, ...]) -> Cube:
    """Return a cube that holds this one and cannot grow in any level without leaving the set."""
    wide = list(masks)
    for level in reversed(range(len(wide))):
        wide[level] = _widest(diagram, root, _cube(diagram, tuple(wide)), level)
    return _cube(diagram, tuple(wide))


def _widest(diagram: DecisionDiagram, root: int, cube: Cube, level: int) -> int:
    """Return all values of a level with which the rest of the cube lies where a 0/1 function is 1."""
    masks = {place: mask for place, mask in cube if place != level}
    full = diagram.full(level)
    memo: dict[int, int] = {}

    def at(node: int) -> int:
        if node < 0:
            return full if node == ~1 else 0
        if node not in memo:
            here = diagram.level(node)
            inside = 0 if here == level else full
            for values, child in diagram.edges(node):
                if here == level:
                    inside |= values if at(child) else 0
                elif values & masks.get(here, -1):
                    inside &= at(child)
            memo[node] = inside
        return memo[node]

    return at(root)


def _irredundant(diagram: DecisionDiagram, order: list[Cube], done: int) -> tuple[Cube, ...]:
    """Drop cubes that the others and `done` cover, the smallest first."""
    kept = list(order)
    for cube in reversed(order):
        rest = done
        for each in kept:
            if each != cube:
                rest = diagram.assign(rest, each, 1)
        if diagram.values_in(rest, cube) == {1}:
            kept.remove(cube)
    return tuple(kept)


def _volume(diagram: DecisionDiagram, cube: Cube) -> int:
    masks = dict(cube)
    volume = 1
    for level in range(len(diagram.widths)):
        volume *= masks.get(level, diagram.full(level)).bit_count()
    return volume
