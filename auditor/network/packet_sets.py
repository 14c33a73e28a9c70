"""Write sets of packets down in one form, whatever diagram they were found in, and subtract one from another.

A set is a decision tree that asks its dimensions in a fixed order and of each only where the answer matters; values that
lead to the same rest are told together. So equal sets are equal trees, and equal boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, normal, union
from auditor.model import Assumption, PacketBox, PacketSet
from auditor.network.encoding import AtomicSets, Encoding
from auditor.network.search import SearchResult
from auditor.network.security_rules import ALL_PORTS, PROTOCOLS
from auditor.network.trace import DecidedPackets

_BOTH: Final[Ranges] = ((0, 2),)
_EVERY_PROTOCOL: Final[Ranges] = ((0, len(PROTOCOLS)),)


class _Dimension(NamedTuple):
    """What a tree asks: by its place in the order; assumptions also by name."""

    place: int
    name: str = ""


_SOURCE, _DESTINATION = _Dimension(1), _Dimension(3)
_PROTOCOL, _PORT, _SOURCE_PORT = _Dimension(4), _Dimension(5), _Dimension(6)
_ASSUMED: Final = {"source": 0, "destination": 2, "rule": 7}
_ASSUMED_OF: Final = {place: of for of, place in _ASSUMED.items()}
_UNIVERSES: Final = {
    _SOURCE: addresses.ANY,
    _DESTINATION: addresses.ANY,
    _PROTOCOL: _EVERY_PROTOCOL,
    _PORT: ALL_PORTS,
    _SOURCE_PORT: ALL_PORTS,
}

_Tree: TypeAlias = "bool | tuple[_Dimension, tuple[tuple[Ranges, _Tree], ...]]"
"""All packets, none, or what the values of a dimension lead to; values that are not told lead to none."""
_by_ranges: Final = itemgetter(0)
_Join = Literal["difference", "intersection", "union"]


def packets_of(results: Iterable[SearchResult]) -> PacketSet:
    """Return all packets that answer a question on any chain, under some reading of what Azure does not document.

    What answers several questions about one chain is joined in its diagrams.
    """
    by_chain: dict[int, tuple[DecidedPackets, list[int]]] = {}
    for result in results:
        if result.decided is not None and result.answer is not None:
            by_chain.setdefault(id(result.decided), (result.decided, []))[1].append(result.answer.found)
    whole: _Tree = False
    for decided, found in by_chain.values():
        whole = _joined(whole, _tree_of(decided, decided.drawing.joined(tuple(dict.fromkeys(found)))), "union")
    return _written(whole)


def joined(sets: Iterable[PacketSet]) -> PacketSet:
    """Return the packets that are in any of the sets."""
    whole: _Tree = False
    for packets in sets:
        whole = _joined(whole, _read(packets), "union")
    return _written(whole)


def subtracted(new: PacketSet, old: PacketSet) -> PacketSet:
    """Return the packets of the new set that are not in the old one. Raise ValueError where a set cannot be read."""
    return _written(_joined(_read(new), _read(old), "difference"))


def of_sources(sources: Ranges) -> PacketSet:
    """Return every packet from some addresses."""
    return _written(_node(_SOURCE, [(sources, True)]))


def _universe(dimension: _Dimension) -> Ranges:
    return _UNIVERSES.get(dimension, _BOTH)


def _node(dimension: _Dimension, parts: Iterable[tuple[Ranges, _Tree]]) -> _Tree:
    """Return the tree in which disjoint values lead to trees; values that lead to the same one are told together."""
    values: dict[_Tree, Ranges] = {}
    for ranges, tree in parts:
        if ranges and tree is not False:
            values[tree] = union(values.get(tree, ()), ranges)
    return _parted(dimension, [(ranges, tree) for tree, ranges in values.items()])


def _parted(dimension: _Dimension, parts: Sequence[tuple[Ranges, _Tree]]) -> _Tree:
    """Return the tree in which disjoint values lead to different trees that are not empty."""
    if not parts:
        return False
    if len(parts) == 1 and parts[0][0] == _universe(dimension):
        return parts[0][1]
    return dimension, tuple(sorted(parts, key=_by_ranges))


def _parts(tree: _Tree, dimension: _Dimension) -> list[tuple[Ranges, _Tree]]:
    """Return what all values of a dimension lead to."""
    if isinstance(tree, bool) or tree[0] != dimension:
        return [(_universe(dimension), tree)]
    rest = difference(_universe(dimension), union((), *(ranges for ranges, _ in tree[1])))
    return [*tree[1], (rest, False)] if rest else list(tree[1])


def _joined(left: _Tree, right: _Tree, how: _Join) -> _Tree:
    memo: dict[tuple[_Tree, _Tree], _Tree] = {}

    def at(left: _Tree, right: _Tree) -> _Tree:
        settled = _SETTLED[how](left, right)
        if settled is not None:
            return settled
        if (left, right) not in memo:
            asked = [tree[0] for tree in (left, right) if not isinstance(tree, bool)]
            dimension = min(asked)
            memo[left, right] = _node(
                dimension,
                [
                    (both, at(one, other))
                    for values, one in _parts(left, dimension)
                    for more, other in _parts(right, dimension)
                    if (both := intersection(values, more))
                ],
            )
        return memo[left, right]

    return at(left, right)


def _less(left: _Tree, right: _Tree) -> _Tree | None:
    if left is False or right is True or left == right:
        return False
    return left if right is False else None


def _common(left: _Tree, right: _Tree) -> _Tree | None:
    if left is False or right is False:
        return False
    if left is True or left == right:
        return right
    return left if right is True else None


def _either(left: _Tree, right: _Tree) -> _Tree | None:
    if left is True or right is True:
        return True
    if left is False or left == right:
        return right
    return left if right is False else None


_SETTLED: Final[dict[_Join, Callable[[_Tree, _Tree], _Tree | None]]] = {
    "difference": _less,
    "intersection": _common,
    "union": _either,
}


def _tree_of(decided: DecidedPackets, found: int) -> _Tree:
    """Return a set of packets of a chain, in which the chain's ends are told also where its diagram does not ask for them."""
    encoding = decided.encoding
    diagram = encoding.diagram
    root = decided.drawing.in_some_reading(found, encoding.impossible())
    asked = dict(_levels(encoding))
    ends = tuple((level, *asked[level]) for level, _ in encoding.ends)
    is_in_order = list(encoding.guards) == sorted(encoding.guards)
    memo: dict[tuple[int, int], _Tree] = {}

    def at(node: int, told: int) -> _Tree:
        """Return the tree of a node, above which so many of the ends are told."""
        if node == ~0 or (node == ~1 and told == len(ends)):
            return node == ~1
        known = memo.get((node, told))
        if known is None:
            known = memo[node, told] = read(node, told)
        return known

    def read(node: int, told: int) -> _Tree:
        level = diagram.level(node)
        if told < len(ends) and level >= ends[told][0]:
            end, dimension, atoms = ends[told]
            edges = diagram.edges(node) if level == end else ((diagram.full(end), node),)
            told += 1
        else:
            dimension, atoms = asked[level]
            edges = diagram.edges(node)
        parts = [(_ranges(values, atoms), tree) for values, child in edges if (tree := at(child, told)) is not False]
        return _parted(dimension, parts) if is_in_order else _ordered(dimension, parts)

    return at(root, 0)


def _ordered(dimension: _Dimension, parts: Sequence[tuple[Ranges, _Tree]]) -> _Tree:
    """Return the tree of some parts, which may ask before the dimension does: names may be sorted in another order."""
    whole: _Tree = False
    for ranges, tree in parts:
        whole = _joined(whole, _joined(_node(dimension, [(ranges, True)]), tree, "intersection"), "union")
    return whole


def _levels(encoding: Encoding) -> Iterator[tuple[int, tuple[_Dimension, AtomicSets | None]]]:
    for (level, atoms), dimension, of in zip(
        encoding.ends, (_SOURCE, _DESTINATION), ("source", "destination"), strict=True
    ):
        yield level, (dimension, atoms)
        for index, name in enumerate(encoding.unknowns):
            yield encoding.unknown_level(level, index), (_Dimension(_ASSUMED[of], name), None)
    yield encoding.protocol_level, (_PROTOCOL, None)
    yield encoding.protocol_level + 1, (_PORT, encoding.destination_ports)
    yield encoding.protocol_level + 2, (_SOURCE_PORT, encoding.source_ports)
    for index, name in enumerate(encoding.guards):
        yield encoding.guard_level + index, (_Dimension(_ASSUMED["rule"], name), None)


def _ranges(values: int, atoms: AtomicSets | None) -> Ranges:
    if atoms is not None:
        return atoms.ranges(values)
    return normal((bit, bit + 1) for bit in range(values.bit_length()) if values >> bit & 1)


def _written(tree: _Tree) -> PacketSet:
    return PacketSet(tuple(_box(box) for box in _iter_boxes(tree, {})))


def _iter_boxes(tree: _Tree, asked: dict[_Dimension, Ranges]) -> Iterator[dict[_Dimension, Ranges]]:
    if isinstance(tree, bool):
        if tree:
            yield asked
        return
    dimension, parts = tree
    for ranges, rest in parts:
        yield from _iter_boxes(rest, asked | {dimension: ranges})


def _box(asked: dict[_Dimension, Ranges]) -> PacketBox:
    assumed = [
        Assumption(_ASSUMED_OF[dimension.place], dimension.name, ranges == ((1, 2),))
        for dimension, ranges in asked.items()
        if dimension.place in _ASSUMED_OF
    ]
    protocols = asked.get(_PROTOCOL, _EVERY_PROTOCOL)
    return PacketBox(
        sources=_address_texts(asked.get(_SOURCE, addresses.ANY)),
        destinations=_address_texts(asked.get(_DESTINATION, addresses.ANY)),
        protocols=tuple(PROTOCOLS[index] for start, end in protocols for index in range(start, end)),
        ports=_port_texts(asked.get(_PORT, ALL_PORTS)),
        source_ports=_port_texts(asked.get(_SOURCE_PORT, ALL_PORTS)),
        assuming=tuple(sorted(assumed)),
    )


def _address_texts(ranges: Ranges) -> tuple[str, ...]:
    """Return each run of addresses of one family as a prefix where it is one, else as its first and last address."""
    runs = (run for family in (addresses.IPV4, addresses.IPV6) for run in intersection(ranges, family))
    return tuple(_run_text(run) for run in runs)


def _run_text(run: tuple[int, int]) -> str:
    blocks = list(addresses.prefixes((run,))) if run[1] - run[0] & (run[1] - run[0] - 1) == 0 else []
    return blocks[0] if len(blocks) == 1 else f"{addresses.text(run[0])}-{addresses.text(run[1] - 1)}"


def _port_texts(ranges: Ranges) -> tuple[str, ...]:
    return tuple(str(start) if end == start + 1 else f"{start}-{end - 1}" for start, end in ranges)


def _read(packets: PacketSet) -> _Tree:
    whole: _Tree = False
    for box in packets.boxes:
        tree: _Tree = True
        for dimension, ranges in sorted(_asked(box), reverse=True):
            tree = _node(dimension, [(ranges, tree)])
        whole = _joined(whole, tree, "union")
    return whole


def _asked(box: PacketBox) -> Iterator[tuple[_Dimension, Ranges]]:
    yield _SOURCE, union((), *map(_address_range, box.sources))
    yield _DESTINATION, union((), *map(_address_range, box.destinations))
    yield _PROTOCOL, normal((PROTOCOLS.index(name), PROTOCOLS.index(name) + 1) for name in box.protocols)
    yield _PORT, normal(map(_port_range, box.ports))
    yield _SOURCE_PORT, normal(map(_port_range, box.source_ports))
    for assumed in box.assuming:
        yield _Dimension(_ASSUMED[assumed.of], assumed.name), ((1, 2),) if assumed.holds else ((0, 1),)


def _address_range(text: str) -> Ranges:
    ranges = addresses.parse_range(text)
    if ranges is None:
        raise ValueError(f"{text} is not an address range")
    return ranges


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first) + 1
