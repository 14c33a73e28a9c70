"""Sets that failures rest on: one form for equal sets, and a subtraction that brute force agrees with."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.engine.accepted.finding_sets import as_document, from_document, grown
from auditor.model import (
    Assumption,
    FindingSet,
    ItemSet,
    LevelSets,
    OperationFormula,
    OperationSets,
    PacketBox,
    PacketSet,
    PermittedOperations,
)
from auditor.network import packet_sets
from auditor.rbac.operation_formulas import read
from auditor.rbac.operation_sets import holds

ADDRESSES = [f"10.0.0.{n}" for n in range(4)] + ["2001:db8::1"]
PROTOCOLS = ["Tcp", "Udp", "Icmp"]
PORTS = [0, 22, 443, 65535]
TAGS = ["azuremonitor", "sql"]

spans = st.one_of(
    st.sampled_from(ADDRESSES),
    st.sampled_from(["10.0.0.0/31", "10.0.0.0/30", "10.0.0.1-10.0.0.2", "0.0.0.0/0", "2001:db8::/32"]),
)
port_spans = st.sampled_from(["0", "22", "443", "0-21", "22-443", "0-65535", "444-65535"])
assumptions = st.builds(
    Assumption, of=st.sampled_from(["source", "destination", "rule"]), name=st.sampled_from(TAGS), holds=st.booleans()
)


def _some(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, min_size=1, max_size=3, unique=True).map(tuple)


boxes = st.builds(
    PacketBox,
    sources=_some(spans),
    destinations=_some(spans),
    protocols=_some(st.sampled_from(PROTOCOLS)),
    ports=_some(port_spans),
    source_ports=st.just(("0-65535",)),
    assuming=st.lists(assumptions, max_size=2, unique_by=lambda each: (each.of, each.name)).map(tuple),
)
packets = st.lists(boxes, max_size=3).map(lambda each: PacketSet(tuple(each)))

Packet = tuple[str, str, str, int, frozenset[tuple[str, str]]]
WORLDS = [frozenset(zip(("source", "destination", "rule"), tags, strict=True)) for tags in product(TAGS, repeat=3)]
UNIVERSE: list[Packet] = list(product(ADDRESSES[1:], ADDRESSES[2:], PROTOCOLS[:2], PORTS, WORLDS))


def _covers(text: str, address: str) -> bool:
    inside, number = addresses.parse_range(text) or (), (addresses.parse(address) or ())[0][0]
    return any(start <= number < end for start, end in inside)


def _spans_port(text: str, port: int) -> bool:
    first, _, last = text.partition("-")
    return int(first) <= port <= int(last or first)


def _is_in(packet: Packet, among: PacketSet) -> bool:
    source, destination, protocol, port, world = packet
    return any(
        any(_covers(text, source) for text in box.sources)
        and any(_covers(text, destination) for text in box.destinations)
        and protocol in box.protocols
        and any(_spans_port(text, port) for text in box.ports)
        and all(((each.of, each.name) in world) == each.holds for each in box.assuming)
        for box in among.boxes
    )


@settings(max_examples=60)
@given(new=packets, old=packets)
def test_subtracting_packets_leaves_what_is_in_the_new_set_only(new: PacketSet, old: PacketSet) -> None:
    rest = packet_sets.subtracted(new, old)
    for packet in UNIVERSE:
        assert _is_in(packet, rest) == (_is_in(packet, new) and not _is_in(packet, old))


@settings(max_examples=60)
@given(one=packets, other=packets)
def test_equal_sets_of_packets_are_written_alike_and_in_disjoint_boxes(one: PacketSet, other: PacketSet) -> None:
    both = packet_sets.joined([one, other])
    assert packet_sets.joined([other, one, both]) == both
    again = packet_sets.joined([packet_sets.subtracted(both, one), packet_sets.subtracted(one, PacketSet(()))])
    assert again == both
    for packet in UNIVERSE[::7]:
        assert sum(_is_in(packet, PacketSet((box,))) for box in both.boxes) <= 1


def test_a_box_within_another_one_adds_nothing() -> None:
    wide = PacketBox(("10.0.0.0/8",), ("0.0.0.0/0",), ("Tcp",), ("0-65535",), ("0-65535",))
    narrow = PacketBox(("10.0.0.4",), ("192.0.2.1",), ("Tcp",), ("22",), ("0-65535",))
    assert grown(PacketSet((narrow,)), PacketSet((wide,))) is None
    rest = grown(PacketSet((wide,)), PacketSet((narrow,)))
    assert isinstance(rest, PacketSet)
    assert grown(rest, PacketSet((wide,))) is None


@pytest.mark.parametrize("text", ["10.0.0.0/40", "somewhere", ""])
def test_a_set_of_packets_that_cannot_be_read_is_refused(text: str) -> None:
    box = PacketBox((text,), ("0.0.0.0/0",), ("Tcp",), ("22",), ("0-65535",))
    with pytest.raises(ValueError, match="is not an address range"):
        grown(PacketSet((box,)), PacketSet(()))


OPERATIONS = [f"microsoft.{a}/{b}/{verb}" for a in "xy" for b in ("s", "t/u") for verb in ("read", "write", "action")]
patterns = st.sampled_from(
    ["*", "*/read", "microsoft.x/*", "microsoft.x/s/write", "microsoft.*/t/*", "microsoft.y/*/read"]
)
formulas = st.recursive(
    patterns.map(lambda text: OperationFormula("pattern", text)),
    lambda inner: st.builds(
        OperationFormula,
        form=st.sampled_from(["any_of", "all_of", "none_of"]),
        pattern=st.just(""),
        parts=st.lists(inner, min_size=1, max_size=2).map(tuple),
    ),
    max_leaves=4,
)
SCOPES = ["/", "/subscriptions/a", "/subscriptions/a/resourcegroups/b"]
operation_sets = st.lists(
    st.builds(
        PermittedOperations,
        plane=st.sampled_from(["control", "data"]),
        scope=st.sampled_from(SCOPES),
        operations=formulas,
    ),
    max_size=2,
).map(lambda each: OperationSets(tuple(each)))


def _permits(among: OperationSets, plane: str, scope: str, operation: str) -> bool:
    return any(
        each.plane == plane and (each.scope == "/" or f"{scope}/".startswith(f"{each.scope}/"))
        and holds(read(each.operations), operation)
        for each in among.permitted
    )  # fmt: skip


@settings(max_examples=80)
@given(new=operation_sets, old=operation_sets)
def test_subtracting_operations_leaves_all_that_is_new(new: OperationSets, old: OperationSets) -> None:
    rest = grown(new, old) or OperationSets(())
    assert isinstance(rest, OperationSets)
    for plane, scope, operation in product(("control", "data"), SCOPES, OPERATIONS):
        is_left = _permits(rest, plane, scope, operation)
        is_new = _permits(new, plane, scope, operation) and not _permits(old, plane, scope, operation)
        assert is_left or not is_new  # nothing new is lost
        assert not is_left or _permits(new, plane, scope, operation)  # nothing is made up
    assert grown(new, new) is None


names = st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(lambda each: tuple(sorted(each)))


@given(new=st.dictionaries(st.sampled_from("xyz"), names), old=st.dictionaries(st.sampled_from("xyz"), names))
def test_subtracting_levels_leaves_those_that_got_through_nowhere_before(
    new: dict[str, tuple[str, ...]], old: dict[str, tuple[str, ...]]
) -> None:
    rest = grown(LevelSets(tuple(sorted(new.items()))), LevelSets(tuple(sorted(old.items()))))
    left = {(name, level) for name, levels in (rest.passing if isinstance(rest, LevelSets) else ()) for level in levels}
    before = {(name, level) for name, levels in old.items() for level in levels}
    assert left == {(name, level) for name, levels in new.items() for level in levels} - before


@given(new=names, old=names)
def test_subtracting_items_is_that_of_sets_and_other_things_have_nothing_in_common(
    new: tuple[str, ...], old: tuple[str, ...]
) -> None:
    rest = grown(ItemSet("keys", new), ItemSet("keys", old))
    assert set(rest.items if isinstance(rest, ItemSet) else ()) == set(new) - set(old)
    assert grown(ItemSet("keys", new), ItemSet("roles", old)) == (ItemSet("keys", new) if new else None)


every_set = st.one_of(
    packets, operation_sets, st.dictionaries(st.sampled_from("xyz"), names).map(lambda each: LevelSets(tuple(each.items()))),
    names.map(lambda each: ItemSet("keys", each)),
)  # fmt: skip


@given(every_set)
def test_a_set_is_read_back_from_a_report_as_it_was(of: FindingSet) -> None:
    assert from_document(as_document(of)) == of


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "stars"},
        {"kind": "items", "of": "keys", "items": [1]},
        {"kind": "items", "items": []},
        {"kind": "levels", "passing": []},
        {"kind": "packets", "boxes": ["x"]},
        {"kind": "operations", "permitted": [{"plane": "data", "scope": "/", "operations": {"some": []}}]},
    ],
)
def test_what_is_no_set_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is no"):
        from_document(document)
