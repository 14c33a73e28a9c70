"""Sets of packets that answer several questions are written as each of them says, and hold the packets that the rules say."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.model import PacketSet
from auditor.network import packet_sets
from auditor.network.drawing import NOTHING
from auditor.network.search import SearchResult
from auditor.network.witness import values_for
from tests.network.cases import PREFIXES, body, groups, rules
from tests.network.oracle import Datagram
from tests.network.test_likeness import asked, results, some_rows, two_groups
from tests.network.test_oracle import packets, probe

BUDGET = settings(max_examples=12, deadline=None)


@st.composite
def with_unreadable(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Return groups of which some rules cannot be read, by names in another order than theirs."""
    found: list[list[dict[str, Any]]] = draw(two_groups)
    for bodies in found:
        for place, rule in enumerate(bodies):
            if draw(st.booleans()):
                rule.update(destinationPortRanges=["ssh"], name=f"{9 - place}-{rule['name']}")
    return found


@BUDGET
@given(with_unreadable(), some_rows, two_groups)
def test_law_sets_are_joined_in_diagrams_as_they_are_in_writing(
    filters: list[Any], rows: list[Any], others: list[Any]
) -> None:
    """Of one chain and of several: what is not known keeps its name, in whatever order it is asked for."""
    found = asked(filters, rows, "one", is_moved=False)
    more = asked(others, rows, "other", is_moved=True)
    answers = [*results(found, rows, is_moved=False), *results(more, rows, is_moved=True)[:2]]
    each = [packet_sets.packets_of([answer]) for answer in answers]
    assert packet_sets.packets_of(answers) == packet_sets.joined(each)
    for place, other in combinations(range(len(answers)), 2):
        together = packet_sets.packets_of([answers[place], answers[other]])
        assert together == packet_sets.joined([each[place], each[other]])
        assert packet_sets.subtracted(each[place], together) == PacketSet(())


@BUDGET
@given(groups(PREFIXES, most=5), st.lists(rules("row", PREFIXES), min_size=1, max_size=2), st.integers(0, 1 << 30))
def test_law_a_written_set_holds_the_packets_that_answer(bodies: list[Any], rows: list[Any], seed: int) -> None:
    for answer in results(asked([bodies], rows, "one", is_moved=False), rows, is_moved=False):
        written = packet_sets.packets_of([answer])
        for packet in packets(seed, 25):
            if packet.protocol in {"Tcp", "Udp"}:
                assert _is_in(packet, written) == _answers(packet, answer)


def _answers(packet: Datagram, answer: SearchResult) -> bool:
    assert answer.decided is not None
    return bool(values_for(answer.decided.encoding, answer.root, probe(packet)) - {NOTHING})


def _is_in(packet: Datagram, among: PacketSet) -> bool:
    return any(
        _covers(box.sources, packet.source)
        and _covers(box.destinations, packet.destination)
        and packet.protocol in box.protocols
        and _spans(box.ports, packet.destination_port)
        and _spans(box.source_ports, packet.source_port)
        for box in among.boxes
    )


def _covers(texts: tuple[str, ...], address: str) -> bool:
    number = addresses.must_parse(address)[0][0]
    return any(start <= number < end for text in texts for start, end in addresses.parse_range(text) or ())


def _spans(texts: tuple[str, ...], port: int) -> bool:
    spans = (text.partition("-") for text in texts)
    return any(int(first) <= port <= int(last or first) for first, _, last in spans)


def test_rules_that_cannot_be_read_are_told_by_name_in_whatever_order_they_stand() -> None:
    unreadable = {"sourceAddressPrefix": "20.0.0.0/8", "destinationPortRange": "ssh"}
    bodies = [
        {**body(name, 100 + place, access, "*", "*"), **unreadable}
        for place, (name, access) in enumerate((("z", "Allow"), ("a", "Deny"), ("m", "Allow")))
    ]
    rows = [body("row", 100, "Allow", "10.0.0.0/16", "*")]
    found = asked([bodies], rows, "one", is_moved=False)
    passing = packet_sets.packets_of([found.excess([])])
    names = [[each.name for each in box.assuming if each.of == "rule"] for box in passing.boxes]
    assert max(map(len, names)) == 3
    assert all(listed == sorted(listed) for listed in names)
    assert packet_sets.joined([passing]) == passing
