"""Hold functions from packets to whole numbers as one shared decision diagram: equal functions are the same node.

A packet is given by one small number per level (which class its source is in, …). A node asks one level and leads on by
sets of values, written as bits. A function that does not depend on a level has no node for it. Terminals are the
function's values, written as ~value, so that nodes are ≥ 0 and terminals < 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Cube = tuple[tuple[int, int], ...]
"""(level, allowed values as bits), by rising level; a level that is not named is free."""

_END = 1 << 30


@dataclass(slots=True)
class DecisionDiagram:
    """A unique table of nodes over levels of the given widths."""

    widths: Sequence[int]
    _levels: list[int] = field(default_factory=list)
    _edges: list[tuple[tuple[int, int], ...]] = field(default_factory=list)
    _known: dict[tuple[int, tuple[tuple[int, int], ...]], int] = field(default_factory=dict)
    _values: dict[int, frozenset[int]] = field(default_factory=dict)

    def full(self, level: int) -> int:
        """Return the bits of all values of a level."""
        return (1 << self.widths[level]) - 1

    def level(self, node: int) -> int:
        """Return the level that a node asks; terminals ask none and answer last."""
        return self._levels[node] if node >= 0 else _END

    def edges(self, node: int) -> tuple[tuple[int, int], ...]:
        """Return (values, child) pairs of a node; the values are disjoint and cover the level."""
        return self._edges[node]

    def node(self, level: int, children: Mapping[int, int]) -> int:
        """Return the node that leads to each child by its values; a node with one child is that child."""
        if len(children) == 1:
            return next(iter(children))
        edges = tuple(sorted(zip(children.values(), children, strict=True)))
        found = self._known.get((level, edges))
        if found is None:
            found = self._known[level, edges] = len(self._levels)
            self._levels.append(level)
            self._edges.append(edges)
        return found

    def assign(self, root: int, box: Cube, value: int) -> int:
        """Return the function that has the value inside the box and is as before outside of it."""
        return _Override(self, box, ~value).at(root, 0)

    def combine(self, left: int, right: int, join: Callable[[int, int], int | None]) -> int:
        """Return the function that joins two; `join` gets nodes and answers as soon as it can, for terminals always."""
        memo: dict[tuple[int, int], int] = {}

        def at(one: int, two: int) -> int:
            known = memo.get((one, two))
            if known is not None:
                return known
            answer = join(one, two)
            if answer is None:
                answer = self._pairwise(one, two, at)
            memo[one, two] = answer
            return answer

        return at(left, right)

    def _pairwise(self, one: int, two: int, at: Callable[[int, int], int]) -> int:
        first, second = self.level(one), self.level(two)
        children: dict[int, int] = {}
        if first == second:
            for values, child in self._edges[one]:
                for others, other in self._edges[two]:
                    if both := values & others:
                        got = at(child, other)
                        children[got] = children.get(got, 0) | both
        elif first < second:
            for values, child in self._edges[one]:
                got = at(child, two)
                children[got] = children.get(got, 0) | values
        else:
            for values, child in self._edges[two]:
                got = at(one, child)
                children[got] = children.get(got, 0) | values
        return self.node(min(first, second), children)

    def map_values(self, root: int, change: Callable[[int], int]) -> int:
        """Return the function with each value changed."""
        memo: dict[int, int] = {}

        def at(node: int) -> int:
            if node < 0:
                return ~change(~node)
            if node not in memo:
                children: dict[int, int] = {}
                for values, child in self._edges[node]:
                    got = at(child)
                    children[got] = children.get(got, 0) | values
                memo[node] = self.node(self._levels[node], children)
            return memo[node]

        return at(root)

    def both(self, left: int, right: int) -> int:
        """Return the conjunction of two 0/1 functions."""
        return self.combine(left, right, _both)

    def either(self, left: int, right: int) -> int:
        """Return the disjunction of two 0/1 functions."""
        return self.combine(left, right, _either)

    def keep(self, root: int, where: int, otherwise: int) -> int:
        """Return the function where the 0/1 function `where` is 1, and the value `otherwise` elsewhere."""

        def join(one: int, two: int) -> int | None:
            if two < 0:
                return one if two == ~1 else ~otherwise
            return one if one == ~otherwise else None

        return self.combine(root, where, join)

    def exists(self, root: int, levels: Iterable[int]) -> int:
        """Return where some value of the levels makes a 0/1 function 1."""
        return self._quantify(root, frozenset(levels), self.either)

    def forall(self, root: int, levels: Iterable[int]) -> int:
        """Return where every value of the levels makes a 0/1 function 1."""
        return self._quantify(root, frozenset(levels), self.both)

    def _quantify(self, root: int, levels: frozenset[int], join: Callable[[int, int], int]) -> int:
        memo: dict[int, int] = {}

        def at(node: int) -> int:
            if node < 0:
                return node
            if node not in memo:
                results = [(values, at(child)) for values, child in self._edges[node]]
                if self._levels[node] in levels:
                    answer = results[0][1]
                    for _, other in results[1:]:
                        answer = join(answer, other)
                else:
                    children: dict[int, int] = {}
                    for values, child in results:
                        children[child] = children.get(child, 0) | values
                    answer = self.node(self._levels[node], children)
                memo[node] = answer
            return memo[node]

        return at(root)

    def values(self, node: int) -> frozenset[int]:
        """Return the values that the function takes anywhere."""
        if node < 0:
            return frozenset((~node,))
        known = self._values.get(node)
        if known is None:
            known = frozenset().union(*(self.values(child) for _, child in self._edges[node]))
            self._values[node] = known
        return known


@dataclass(slots=True)
class _Override:
    """One `Diagram.override` under way: a walk down with what it already rebuilt."""

    diagram: DecisionDiagram
    box: Cube
    terminal: int
    memo: dict[tuple[int, int], int] = field(default_factory=dict)

    def at(self, node: int, place: int) -> int:
        if place == len(self.box) or node == self.terminal:
            return self.terminal
        known = self.memo.get((node, place))
        if known is None:
            known = self.memo[node, place] = self._rebuild(node, place)
        return known

    def _rebuild(self, node: int, place: int) -> int:
        diagram = self.diagram
        wanted, mask = self.box[place]
        level = diagram.level(node)
        children: dict[int, int] = {}
        if level < wanted:
            for values, child in diagram.edges(node):
                got = self.at(child, place)
                children[got] = children.get(got, 0) | values
            return diagram.node(level, children)
        inside = ((diagram.full(wanted), node),) if level > wanted else diagram.edges(node)
        for values, child in inside:
            if hit := values & mask:
                got = self.at(child, place + 1)
                children[got] = children.get(got, 0) | hit
            if miss := values & ~mask:
                children[child] = children.get(child, 0) | miss
        return diagram.node(wanted, children)


def _both(one: int, two: int) -> int | None:
    if ~0 in {one, two}:
        return ~0
    if one == ~1:
        return two
    return one if two in {~1, one} else None


def _either(one: int, two: int) -> int | None:
    if ~1 in {one, two}:
        return ~1
    if one == ~0:
        return two
    return one if two in {~0, one} else None
