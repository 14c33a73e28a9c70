"""Read a drawn diagram: its values in a box, its boxes, the levels it depends on."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.network.decision_diagram import Cube, DecisionDiagram


def at_values(diagram: DecisionDiagram, root: int, box: Cube) -> int:
    """Return the function as it is at one value of each of some levels, no longer depending on them."""
    wanted = dict(box)
    memo: dict[int, int] = {}

    def at(node: int) -> int:
        if node < 0:
            return node
        if node not in memo:
            level = diagram.level(node)
            mask = wanted.get(level)
            if mask is None:
                children: dict[int, int] = {}
                for values, child in diagram.edges(node):
                    got = at(child)
                    children[got] = children.get(got, 0) | values
                memo[node] = diagram.node(level, children)
            else:
                memo[node] = next(at(child) for values, child in diagram.edges(node) if values & mask)
        return memo[node]

    return at(root)


def values_in(diagram: DecisionDiagram, root: int, box: Cube) -> frozenset[int]:
    """Return the values that the function takes inside a box."""
    found: set[int] = set()
    seen: set[tuple[int, int]] = set()

    def at(node: int, place: int) -> None:
        if node < 0:
            found.add(~node)
            return
        if (node, place) in seen or diagram.values(node) <= found:
            return
        seen.add((node, place))
        level = diagram.level(node)
        while place < len(box) and box[place][0] < level:
            place += 1
        inside = box[place][1] if place < len(box) and box[place][0] == level else -1
        for values, child in diagram.edges(node):
            if values & inside:
                at(child, place)

    at(root, 0)
    return frozenset(found)


def widest(diagram: DecisionDiagram, root: int, box: Cube, level: int) -> int:
    """Return all values of a level with which the rest of the box lies where a 0/1 function is 1."""
    wanted = {place: mask for place, mask in box if place != level}
    full = diagram.full(level)
    memo: dict[int, int] = {}

    def at(node: int) -> int:
        if node < 0:
            return full if node == ~1 else 0
        if node not in memo:
            here = diagram.level(node)
            answer = 0 if here == level else full
            for values, child in diagram.edges(node):
                if here == level:
                    answer |= values if at(child) else 0
                elif values & wanted.get(here, -1):
                    answer &= at(child)
            memo[node] = answer
        return memo[node]

    return at(root)


def paths(diagram: DecisionDiagram, root: int, skip: int) -> Iterator[tuple[Cube, int]]:
    """Yield (box, value) for every path but those to the value `skip`; the boxes are disjoint."""

    def at(node: int, box: Cube) -> Iterator[tuple[Cube, int]]:
        if node < 0:
            if node != ~skip:
                yield box, ~node
            return
        for values, child in diagram.edges(node):
            yield from at(child, (*box, (diagram.level(node), values)))

    return at(root, ())


def support(diagram: DecisionDiagram, root: int) -> frozenset[int]:
    """Return the levels that the function depends on."""
    found: set[int] = set()
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if node >= 0 and node not in seen:
            seen.add(node)
            found.add(diagram.level(node))
            todo.extend(child for _, child in diagram.edges(node))
    return frozenset(found)
