"""Hold functions from packets to whole numbers as one shared decision diagram: equal functions are the same node.

A packet is given by one small number per level (which class its source is in, …). A node asks one level and leads on by
sets of values, written as bits. A function that does not depend on a level has no node for it. Terminals are the
function's values, written as ~value, so that nodes are ≥ 0 and terminals < 0. A set of packets is a 0/1 function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

Cube = tuple[tuple[int, int], ...]
"""(level, allowed values as bits), by rising level; a level that is not named is free."""

_END = 1 << 30


class DecisionDiagram(Struct):
    """A unique table of nodes over levels of the given widths."""

    widths: Sequence[int]
    _levels: list[int] = field(default_factory=list)
    _edges: list[tuple[tuple[int, int], ...]] = field(default_factory=list)
    _known: dict[tuple[int, tuple[tuple[int, int], ...]], int] = field(default_factory=dict)
    _values: dict[int, frozenset[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self._levels)

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
        node = self._known.get((level, edges))
        if node is None:
            node = self._known[level, edges] = len(self._levels)
            self._levels.append(level)
            self._edges.append(edges)
        return node

    def assign(self, root: int, cube: Cube, value: int) -> int:
        """Return the function that has the value inside the cube and is as before outside of it."""
        return _Assignment(self, cube, ~value).at(root, 0)

    def combine(self, left: int, right: int, join: Callable[[int, int], int | None]) -> int:
        """Return the function that joins two; `join` gets nodes and answers as soon as it can, for terminals always."""
        memo: dict[tuple[int, int], int] = {}

        def at(left: int, right: int) -> int:
            known = memo.get((left, right))
            if known is not None:
                return known
            joined = join(left, right)
            if joined is None:
                joined = self._pairwise(left, right, at)
            memo[left, right] = joined
            return joined

        return at(left, right)

    def _pairwise(self, left: int, right: int, at: Callable[[int, int], int]) -> int:
        first, second = self.level(left), self.level(right)
        children: dict[int, int] = {}
        if first == second:
            for values, child in self._edges[left]:
                for more_values, more in self._edges[right]:
                    if both := values & more_values:
                        node = at(child, more)
                        children[node] = children.get(node, 0) | both
        elif first < second:
            for values, child in self._edges[left]:
                node = at(child, right)
                children[node] = children.get(node, 0) | values
        else:
            for values, child in self._edges[right]:
                node = at(left, child)
                children[node] = children.get(node, 0) | values
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
                    changed = at(child)
                    children[changed] = children.get(changed, 0) | values
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

        def join(node: int, condition: int) -> int | None:
            if condition < 0:
                return node if condition == ~1 else ~otherwise
            return node if node == ~otherwise else None

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
                    joined = results[0][1]
                    for _, result in results[1:]:
                        joined = join(joined, result)
                else:
                    children: dict[int, int] = {}
                    for values, child in results:
                        children[child] = children.get(child, 0) | values
                    joined = self.node(self._levels[node], children)
                memo[node] = joined
            return memo[node]

        return at(root)

    def restrict(self, root: int, cube: Cube) -> int:
        """Return the function at one value of each level of a cube, no longer depending on them."""
        masks = dict(cube)
        memo: dict[int, int] = {}

        def at(node: int) -> int:
            if node < 0:
                return node
            if node not in memo:
                mask = masks.get(self._levels[node])
                if mask is None:
                    children: dict[int, int] = {}
                    for values, child in self._edges[node]:
                        restricted = at(child)
                        children[restricted] = children.get(restricted, 0) | values
                    memo[node] = self.node(self._levels[node], children)
                else:
                    memo[node] = next(at(child) for values, child in self._edges[node] if values & mask)
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

    def values_in(self, root: int, cube: Cube) -> frozenset[int]:
        """Return the values that the function takes inside a cube."""
        taken: set[int] = set()
        seen: set[tuple[int, int]] = set()

        def at(node: int, place: int) -> None:
            if node < 0:
                taken.add(~node)
                return
            if (node, place) in seen or self.values(node) <= taken:
                return
            seen.add((node, place))
            level = self._levels[node]
            while place < len(cube) and cube[place][0] < level:
                place += 1
            inside = cube[place][1] if place < len(cube) and cube[place][0] == level else -1
            for values, child in self._edges[node]:
                if values & inside:
                    at(child, place)

        at(root, 0)
        return frozenset(taken)

    def iter_cubes(self, root: int) -> Iterator[Cube]:
        """Yield disjoint cubes whose union is where a function is not 0."""

        def at(node: int, cube: Cube) -> Iterator[Cube]:
            if node < 0:
                if node != ~0:
                    yield cube
                return
            for values, child in self._edges[node]:
                yield from at(child, (*cube, (self._levels[node], values)))

        return at(root, ())

    def support(self, root: int) -> frozenset[int]:
        """Return the levels that the function depends on."""
        levels: set[int] = set()
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node >= 0 and node not in seen:
                seen.add(node)
                levels.add(self._levels[node])
                waiting.extend(child for _, child in self._edges[node])
        return frozenset(levels)


class _Assignment(Struct):
    """One `assign` under way: a walk down with what it already rebuilt."""

    diagram: DecisionDiagram
    cube: Cube
    terminal: int
    memo: dict[tuple[int, int], int] = field(default_factory=dict)

    def at(self, node: int, place: int) -> int:
        """Return the new node for a node, at whose level the cube has come to its `place`-th entry."""
        if place == len(self.cube) or node == self.terminal:
            return self.terminal
        known = self.memo.get((node, place))
        if known is None:
            known = self.memo[node, place] = self._rebuild(node, place)
        return known

    def _rebuild(self, node: int, place: int) -> int:
        diagram = self.diagram
        cube_level, mask = self.cube[place]
        level = diagram.level(node)
        children: dict[int, int] = {}
        if level < cube_level:
            for values, child in diagram.edges(node):
                rebuilt = self.at(child, place)
                children[rebuilt] = children.get(rebuilt, 0) | values
            return diagram.node(level, children)
        inside = ((diagram.full(cube_level), node),) if level > cube_level else diagram.edges(node)
        for values, child in inside:
            if hit := values & mask:
                rebuilt = self.at(child, place + 1)
                children[rebuilt] = children.get(rebuilt, 0) | hit
            if miss := values & ~mask:
                children[child] = children.get(child, 0) | miss
        return diagram.node(cube_level, children)


def _both(left: int, right: int) -> int | None:
    if ~0 in {left, right}:
        return ~0
    if left == ~1:
        return right
    return left if right in {~1, left} else None


def _either(left: int, right: int) -> int | None:
    if ~1 in {left, right}:
        return ~1
    if left == ~0:
        return right
    return left if right in {~0, left} else None
