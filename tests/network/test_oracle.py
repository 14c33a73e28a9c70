"""The diagrams agree with a naive interpreter, packet by packet, and with Z3 on whole questions."""

from __future__ import annotations

import os
import random
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.ranges import is_within
from auditor.network.address_book import Surroundings
from auditor.network.drawing import NOTHING
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.meaning import READINGS
from auditor.network.search import Search
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import PROTOCOLS, Direction, parse_match
from auditor.network.shadowing import Effect
from auditor.network.witness import PacketNumbers, values_for
from auditor.truth import Truth
from tests.network.cases import (
    ADDRESSES,
    DEFAULT_BODIES,
    PORT_POINTS,
    PREFIXES,
    SPACE,
    SUBNET,
    TAGS,
    groups,
    rules,
)
from tests.network.oracle import Datagram, World, allows, first, matches

AROUND = Surroundings(addresses.must_parse(SPACE))
HERE = [address for address in ADDRESSES if address.startswith("10.0.1.")]
BUDGET = settings(
    max_examples=2 * int(os.environ.get("AUDITOR_ORACLE_EXAMPLES", "12")),
    deadline=None,
    derandomize="AUDITOR_ORACLE_EXAMPLES" not in os.environ,
)
SMALL = settings(
    max_examples=int(os.environ.get("AUDITOR_ORACLE_EXAMPLES", "12")),
    deadline=None,
    derandomize="AUDITOR_ORACLE_EXAMPLES" not in os.environ,
)


def search_of(filters: list[list[dict[str, Any]]], mentions: Any = ()) -> Search:
    found = [parse_group(f"g{place}", {"securityRules": bodies}) for place, bodies in enumerate(filters)]
    chain = tuple(Filter(group, Direction.INBOUND, AROUND, group.name) for group in found)
    return Search(FilterChain(chain, AROUND, addresses.ANY, addresses.must_parse(SUBNET)), mentions)


def probe(packet: Datagram) -> PacketNumbers:
    source, destination = (addresses.must_parse(text)[0][0] for text in (packet.source, packet.destination))
    return PacketNumbers(
        source, destination, PROTOCOLS.index(packet.protocol), packet.source_port, packet.destination_port
    )


def packets(seed: int, count: int) -> list[Datagram]:
    chance = random.Random(seed)  # noqa: S311 - test data
    return [
        Datagram(
            chance.choice(ADDRESSES),
            chance.choice(HERE),
            chance.choice(PROTOCOLS),
            chance.choice((0, 1024, 50000)),
            chance.choice(PORT_POINTS),
        )
        for _ in range(count)
    ]


def exists(packet: Datagram, reading: str) -> bool:
    return not (reading == "ICMP type" and packet.protocol == "Icmp" and packet.destination_port > 255)


def worlds(names: tuple[str, ...]) -> list[World]:
    """Every way in which the unknown can be, for one packet."""
    bits = [(side, name.lower()) for side in ("source", "destination") for name in names]
    return [
        World((SPACE,), reading, dict(zip(bits, values, strict=True)))
        for reading in READINGS
        for values in product((False, True), repeat=len(bits))
    ]


@BUDGET
@given(groups(), groups(most=3), st.integers(0, 1 << 30))
def test_every_packet_has_the_fate_that_the_naive_interpreter_gives_it(
    subnet: list[Any], interface: list[Any], seed: int
) -> None:
    asked = search_of([subnet, interface])
    filters = [[*subnet, *DEFAULT_BODIES], [*interface, *DEFAULT_BODIES]]
    for packet in packets(seed, 25):
        expected = {allows(world, filters, packet) for world in worlds(()) if exists(packet, world.reading)}
        values = values_for(asked.decided.encoding, asked.decided.root, probe(packet))  # type: ignore[arg-type]
        found = {asked.decided.table[value].is_allowed for value in values}
        assert found == expected or (packet.protocol == "Icmp" and packet.destination_port > 255 and expected <= found)


@SMALL
@given(groups(pool=(*PREFIXES, *TAGS, *TAGS), most=4), st.integers(0, 1 << 30))
def test_unknown_tags_give_exactly_the_possible_fates(bodies: list[Any], seed: int) -> None:
    asked = search_of([bodies])
    filters = [[*bodies, *DEFAULT_BODIES]]
    for packet in packets(seed, 4):
        if packet.protocol == "Icmp" and packet.destination_port > 255:
            continue
        expected = {allows(world, filters, packet) for world in worlds(TAGS)}
        values = values_for(asked.decided.encoding, asked.decided.root, probe(packet))  # type: ignore[arg-type]
        assert {asked.decided.table[value].is_allowed for value in values} == expected


def in_table(world: World, table: list[Any], packet: Datagram) -> bool:
    return any(matches(world, row, packet) for row in table)


def violates(world: World, bodies: list[Any], table: list[Any], source: str) -> bool:
    """Whether some packet from this source gets in although the table does not allow it."""
    filters = [[*bodies, *DEFAULT_BODIES]]
    return any(
        allows(world, filters, packet) and not in_table(world, table, packet)
        for destination in HERE
        for protocol in PROTOCOLS
        for port in ((0, 8, 22, 23, 443, 1024, 3389) if protocol in {"Tcp", "Udp"} else (0, 8, 22, 23))
        for source_port in ((0, 50000) if protocol in {"Tcp", "Udp"} else (0,))
        for packet in [Datagram(source, destination, protocol, source_port, port)]
    )


def possible_answers(bodies: list[Any], table: list[Any], sources: tuple[str, ...], *, is_inhabited: bool) -> set[bool]:
    """Whether there is a violation, in every world: each source is or is not in the tag, ports are read in each way."""
    found = set()
    for reading in READINGS:
        by_source = {
            (source, member): violates(World((SPACE,), reading, {("source", "storage"): member}), bodies, table, source)
            for source in sources
            for member in (False, True)
        }
        for members in product((False, True), repeat=len(sources)):
            chosen = list(zip(sources, members, strict=True))
            if is_inhabited and not any(member for source, member in chosen if source in PUBLIC):
                continue
            found.add(any(by_source[one] for one in chosen))
    return found


PUBLIC = ("9.9.9.9", "20.1.0.1", "20.30.0.1", "130.0.0.1")
CERTAINTY = {
    frozenset({True}): Truth.YES,
    frozenset({False}): Truth.NO,
    frozenset({True, False}): Truth.UNKNOWN,
}
WITH_TAG = (*PREFIXES, "Storage", "Storage", "Storage")


@SMALL
@given(groups(pool=WITH_TAG, most=4), st.lists(rules("row", WITH_TAG), max_size=2))
def test_certainty_in_a_small_world_is_exact(bodies: list[Any], table: list[Any]) -> None:
    """Of a few sources nobody knows which are in the tag; perhaps none."""
    few = ("9.9.9.9", "20.1.0.1")
    bodies = [{**body, "destinationAddressPrefix": "*"} for body in bodies]
    rows = [parse_match(row)[0] for row in table]
    group = parse_group("g", {"securityRules": bodies})
    ends = addresses.must_parse(*few), addresses.must_parse(*HERE)
    path = FilterChain((Filter(group, Direction.INBOUND, AROUND),), AROUND, *ends)
    expected = possible_answers(bodies, table, few, is_inhabited=False)
    assert Search(path, rows).excess(rows).truth is CERTAINTY[frozenset(expected)]


@SMALL
@given(groups(pool=WITH_TAG, most=3), st.lists(rules("row", WITH_TAG), min_size=1, max_size=2))
def test_certainty_with_an_inhabited_tag_is_sound(bodies: list[Any], table: list[Any]) -> None:
    """A service tag holds some public address; YES and NO must be true wherever it is."""
    closed = [*bodies, {**DEFAULT_BODIES[2], "name": "d", "priority": 4000}]
    rows = [parse_match(row)[0] for row in table]
    truth = search_of([closed], rows).excess(rows).truth
    inner = ("10.0.0.9", "10.0.2.5", "10.9.0.1", "0.0.0.0", "172.16.0.1", "168.63.129.16", *HERE)  # noqa: S104
    anyhow = [
        {violates(World((SPACE,), reading, {("source", "storage"): False}), closed, table, one) for one in inner}
        for reading in READINGS
    ]
    expected = possible_answers(closed, table, PUBLIC, is_inhabited=True)
    if all(True in one for one in anyhow):
        expected = {True}
    elif any(True in one for one in anyhow):
        expected |= {True}
    assert truth is Truth.UNKNOWN or expected == {truth is Truth.YES}


@BUDGET
@given(groups(most=4), st.lists(rules("row"), max_size=2))
def test_without_unknowns_there_is_no_maybe_but_for_portless_protocols(bodies: list[Any], table: list[Any]) -> None:
    rows = [parse_match(row)[0] for row in table]
    answer = search_of([bodies], rows).excess(rows)
    assert answer.truth is not Truth.UNKNOWN or list(answer.unknowns) == ["ports of protocols without ports"]


@BUDGET
@given(groups(most=5), st.integers(0, 1 << 30))
def test_rules_without_effect_have_none(bodies: list[Any], seed: int) -> None:
    asked = search_of([bodies])
    full = [*bodies, *DEFAULT_BODIES]
    found = {one.rule.name: one for one in asked.decided.effects()}  # type: ignore[arg-type]
    for packet, reading in product(packets(seed, 20), READINGS):
        if not exists(packet, reading):
            continue
        world = World((SPACE,), reading)
        decider = first(world, full, packet)
        assert decider is not None
        if not decider["name"].startswith("r") or decider["name"] == "rest":
            continue
        effect = found[decider["name"]]
        assert effect.effect in {Effect.NEEDED, Effect.REDUNDANT}
        if effect.effect is Effect.REDUNDANT:
            rest = [rule for rule in full if rule is not decider]
            assert allows(world, [rest], packet) == allows(world, [full], packet)


@BUDGET
@given(groups(most=4), st.lists(rules("row"), max_size=2), st.integers(0, 1 << 30))
def test_the_excess_is_exactly_what_is_allowed_and_not_in_the_table(
    bodies: list[Any], table: list[Any], seed: int
) -> None:
    rows = [parse_match(row)[0] for row in table]
    answer = search_of([bodies], rows).excess(rows)
    for packet in packets(seed, 25):
        if packet.protocol not in {"Tcp", "Udp"}:
            continue
        world = World((SPACE,))
        expected = allows(world, [[*bodies, *DEFAULT_BODIES]], packet) and not in_table(world, table, packet)
        values = values_for(answer.decided.encoding, answer.root, probe(packet))  # type: ignore[union-attr]
        assert {value != NOTHING for value in values} == {expected}


ANYTHING = parse_match(
    {"protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
     "destinationPortRange": "*"}
)[0]  # fmt: skip
DENIAL = {"name": "none", "access": "Deny", "direction": "Inbound", "protocol": "*", "sourcePortRange": "*",
          "destinationAddressPrefix": "*", "destinationPortRange": "*"}  # fmt: skip


@BUDGET
@given(
    groups(pool=(*PREFIXES, *TAGS), most=3),
    st.sampled_from([*PREFIXES, "0.0.0.0/0", "203.0.113.0/24"]),
    st.sampled_from(["*", "0.0.0.0/0", "VirtualNetwork", "Internet", *PREFIXES, *TAGS]),
    st.integers(100, 4096),
    st.integers(0, 1 << 30),
)
def test_where_a_cheap_look_says_that_nothing_passes_nothing_does(
    bodies: list[Any], sources: str, denied: str, priority: int, seed: int
) -> None:
    own = [body for body in bodies if body["priority"] != priority]
    own.append({**DENIAL, "sourceAddressPrefix": denied, "priority": priority})
    numbers = addresses.must_parse(sources)
    filters = (Filter(parse_group("g", {"securityRules": own}), Direction.INBOUND, AROUND),)
    chain = FilterChain(filters, AROUND, numbers, addresses.must_parse(SUBNET))

    if chain.lets_nothing_pass():
        assert Search(chain, [ANYTHING]).permitted([ANYTHING]).truth is Truth.NO
        for packet, world in product(packets(seed, 3), worlds(TAGS)):
            if is_within(addresses.must_parse(packet.source), numbers) and exists(packet, world.reading):
                assert not allows(world, [[*own, *DEFAULT_BODIES]], packet)


@pytest.mark.parametrize(
    ("rules_of_group", "is_closed"),
    [
        ([], False),  # the default rules let the virtual network in
        ([("Deny", 100, "*")], True),
        ([("Allow", 90, "203.0.113.7"), ("Deny", 100, "*")], True),
        ([("Allow", 90, "10.0.2.8"), ("Deny", 100, "*")], False),
        ([("Allow", 110, "10.0.2.8"), ("Deny", 100, "*")], True),
        ([("Allow", 90, "Storage"), ("Deny", 100, "*")], True),  # whatever the tag holds is public
        ([("Deny", 100, "Internet")], False),
        ([("Deny", 100, "VirtualNetwork")], True),
        ([("Deny", 100, "Storage")], False),
    ],
)
def test_a_cheap_look_goes_by_priority_and_by_what_is_certain(
    rules_of_group: list[tuple[str, int, str]], *, is_closed: bool
) -> None:
    bodies = [
        {**DENIAL, "name": f"r{priority}", "access": access, "priority": priority, "sourceAddressPrefix": source}
        for access, priority, source in rules_of_group
    ]
    around = Surroundings(addresses.must_parse("10.0.0.0/16"))
    group = parse_group("g", {"securityRules": bodies})
    chain = FilterChain(
        (Filter(group, Direction.INBOUND, around),),
        around,
        addresses.must_parse("10.0.2.0/24"),
        addresses.must_parse("10.0.1.0/24"),
    )

    assert chain.lets_nothing_pass() is is_closed
    assert (Search(chain, [ANYTHING]).permitted([ANYTHING]).truth is Truth.NO) is is_closed
