"""Cover a set of packets with few large boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from auditor.network.decision_diagram import Cube, DecisionDiagram
from auditor.network.diagram_reading import paths, values_in, widest

_MOST_PATHS: Final = 4000
_MOST_WIDENED: Final = 64
"""Widening every box costs more than people read of so many lines."""


def boxes(diagram: DecisionDiagram, root: int, *, given: int = ~0, free: int = ~0) -> tuple[Cube, ...]:
    """Return boxes that cover the 0/1 function where `given` does not, few and large; they may overlap.

    A box may also hold what is `free`: combinations that no packet has. Of a function with very many parts only the
    first ones are covered.
    """
    target = diagram.either(root, free)
    done = diagram.either(given, free)
    open_part = diagram.combine(root, done, _without)
    merged = _merge(diagram, (box for box, _ in islice(paths(diagram, open_part, 0), _MOST_PATHS)))
    if len(merged) > _MOST_WIDENED:
        return tuple(_plain(diagram, box) for box in merged)
    widened = dict.fromkeys(_widen(diagram, target, box) for box in merged)
    return _irredundant(diagram, sorted(widened, key=lambda box: (-_volume(diagram, box), box)), done)


def _without(one: int, two: int) -> int | None:
    if one == ~0 or two == ~1:
        return ~0
    return one if two == ~0 else None


def _merge(diagram: DecisionDiagram, found: Iterable[Cube]) -> list[tuple[int, ...]]:
    """Join boxes that differ in one level only, until none do."""
    full = [diagram.full(level) for level in range(len(diagram.widths))]
    rows = {tuple(dict(box).get(level, mask) for level, mask in enumerate(full)) for box in found}
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


def _plain(diagram: DecisionDiagram, row: tuple[int, ...]) -> Cube:
    return tuple((level, mask) for level, mask in enumerate(row) if mask != diagram.full(level))


def _widen(diagram: DecisionDiagram, root: int, row: tuple[int, ...]) -> Cube:
    """Return a box that holds this one and cannot grow in any level without leaving the set."""
    wanted = list(row)
    for level in reversed(range(len(wanted))):
        wanted[level] = widest(diagram, root, _plain(diagram, tuple(wanted)), level)
    return _plain(diagram, tuple(wanted))


def _irredundant(diagram: DecisionDiagram, order: list[Cube], done: int) -> tuple[Cube, ...]:
    """Drop boxes that the others and `done` cover, the smallest first."""
    kept = list(order)
    for box in reversed(order):
        rest = done
        for other in kept:
            if other != box:
                rest = diagram.assign(rest, other, 1)
        if values_in(diagram, rest, box) == {1}:
            kept.remove(box)
    return tuple(kept)


def _volume(diagram: DecisionDiagram, box: Cube) -> int:
    wanted = dict(box)
    volume = 1
    for level in range(len(diagram.widths)):
        volume *= wanted.get(level, diagram.full(level)).bit_count()
    return volume
