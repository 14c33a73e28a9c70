"""Chains of filters that differ in names and addresses alone have one answer, spelled in the names and addresses of each."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.network.address_book import Surroundings
from auditor.network.describe import AddressNames
from auditor.network.drawing import NOTHING, Drawing
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.likeness import KEPT, Sketches
from auditor.network.search import Search, SearchResult
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, parse_match
from auditor.network.verdicts import TrafficVerdict
from auditor.network.witness import values_for
from auditor.truth import Truth
from tests.network.cases import PREFIXES, SPACE, SUBNET, TAGS, groups, rules
from tests.network.test_oracle import packets, probe

BUDGET = settings(max_examples=int(os.environ.get("AUDITOR_ORACLE_EXAMPLES", "12")), deadline=None)
MOVES = (("10.0.", "10.77."), ("20.0.0.0/8", "21.0.0.0/8"), ("20.30.", "21.30."), ("20.1.", "21.1."))
"""Addresses and where they go, in their order."""
POOL = (*PREFIXES, *TAGS, "NoSuchTag")


PORT_MOVES = {"8": "9", "22": "23", "23": "24", "443": "444", "3389": "3390"}


def moved(text: str) -> str:
    for here, there in MOVES:
        text = text.replace(here, there)
    return text


def moved_port(port: int) -> int:
    return int(PORT_MOVES.get(str(port), port))


def placed(bodies: list[dict[str, Any]], *, is_moved: bool) -> list[dict[str, Any]]:
    if not is_moved:
        return bodies
    ports = "destinationPortRanges"
    renumbered = [{**each, ports: [PORT_MOVES.get(text, text) for text in each[ports]]} for each in bodies]
    moved_bodies: list[dict[str, Any]] = json.loads(moved(json.dumps(renumbered)))
    return moved_bodies


def asked(
    filters: list[list[dict[str, Any]]],
    rows: list[dict[str, Any]],
    name: str,
    *,
    is_moved: bool,
    gateway: Any = None,
    kept: Sketches = KEPT,
) -> Search:
    """Return a search over groups of some name, with their rules' names after it."""
    place = moved if is_moved else str
    parsed = []
    for number, bodies in enumerate(filters):
        named = [{**each, "name": f"{name}{each['name']}"} for each in placed(bodies, is_moved=is_moved)]
        parsed.append(parse_group(f"{name}-group{number}", {"securityRules": named}))
    around = Surroundings(addresses.must_parse(place(SPACE)), gateway=gateway)
    chain = tuple(Filter(group, Direction.INBOUND, around, group.name) for group in parsed)
    matches = [parse_match(row)[0] for row in placed(rows, is_moved=is_moved)]
    return Search(FilterChain(chain, around, addresses.ANY, addresses.must_parse(place(SUBNET))), matches, kept)


def results(found: Search, rows: list[dict[str, Any]], *, is_moved: bool) -> list[SearchResult]:
    """Return what is answered to all questions."""
    matches = [parse_match(row)[0] for row in placed(rows, is_moved=is_moved)]
    return [
        found.excess(matches),
        found.excess(matches, matches[:1]),
        found.denied(matches),
        found.unmet(matches),
        found.undenied(matches),
        found.permitted_by_default(matches),
    ]


def in_words(found: Search, rows: list[dict[str, Any]]) -> list[object]:
    """Return all that is said of all answers."""
    told: list[object] = []
    for result in results(found, rows, is_moved=False):
        verdict = TrafficVerdict((result,), AddressNames())
        ways = [[decider.rule.name for decider in each.deciders] for each in verdict.dispositions()]
        told += [result.truth, ways, verdict.lines, verdict.gap(""), verdict.witness(), verdict.packets()]
    return [*told, None if found.decided is None else found.decided.effects()]


def fates(found: Search, rows: list[dict[str, Any]], seed: int, name: str, *, is_moved: bool) -> list[object]:
    """Return which answers there are, the rules that decide about some packets, and what rules are for."""
    place = moved if is_moved else str
    told: list[object] = []
    for result in results(found, rows, is_moved=is_moved):
        told.append(result.truth)
        for packet in packets(seed, 10):
            here = replace(packet, source=place(packet.source), destination=place(packet.destination))
            if is_moved:
                here = replace(here, destination_port=moved_port(packet.destination_port))
            decided = result.decided
            values = set() if decided is None else values_for(decided.encoding, result.root, probe(here)) - {NOTHING}
            deciders = [decided.table[value].deciders for value in sorted(values)] if decided is not None else []
            told.append([[each.rule.name.removeprefix(name) for each in rules] for rules in deciders])
    effects = () if found.decided is None else found.decided.effects()
    return [*told, *((each.effect, [by.name.removeprefix(name) for by in each.by]) for each in effects)]


def drawing(found: Search) -> Drawing | None:
    return None if found.decided is None else found.decided.drawing


two_groups = st.tuples(groups(pool=POOL, most=4), groups(pool=POOL, most=2)).map(list)
some_rows = st.lists(rules("row", pool=POOL), min_size=1, max_size=2)


@BUDGET
@given(two_groups, some_rows, st.integers(0, 1 << 30))
def test_law_renaming_and_moving_commutes_with_asking(filters: list[Any], rows: list[Any], seed: int) -> None:
    here, there = (asked(filters, rows, name, is_moved=is_moved) for name, is_moved in (("aa", False), ("zz", True)))
    assert drawing(here) is drawing(there)
    assert fates(here, rows, seed, "aa", is_moved=False) == fates(there, rows, seed, "zz", is_moved=True)


@BUDGET
@given(two_groups, some_rows)
def test_law_what_was_asked_before_changes_no_answer(filters: list[Any], rows: list[Any]) -> None:
    shared = asked(filters, rows, "aa", is_moved=False)
    alone = asked(filters, rows, "aa", is_moved=False, kept=Sketches(0))
    assert in_words(shared, rows) == in_words(alone, rows)
    assert drawing(shared) is not drawing(alone) or shared.undecidable is not None


def test_chains_are_told_apart_by_the_order_of_addresses_by_ports_and_by_what_rules_do() -> None:
    rule = {
        "name": "r",
        "priority": 100,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "20.0.2.0/24",
        "destinationAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationPortRanges": ["22"],
    }
    asked_for = {**rule, "sourceAddressPrefix": "20.0.3.0/24"}
    changes = (
        ({}, Truth.NO),
        ({"sourceAddressPrefix": "20.0.3.128/25"}, Truth.YES),
        ({"sourceAddressPrefix": "20.0.3.128/25", "destinationPortRanges": ["23"]}, Truth.NO),
        ({"sourceAddressPrefix": "20.0.3.128/25", "access": "Deny"}, Truth.NO),
        ({"sourceAddressPrefix": "20.0.3.128/25", "protocol": "Udp"}, Truth.NO),
        ({"sourceAddressPrefix": "20.0.1.0/24"}, Truth.NO),
    )
    for change, passes in (*changes, *reversed(changes)):
        found = asked([[{**rule, **change}]], [asked_for], "", is_moved=False, gateway=())
        assert found.permitted([parse_match(asked_for)[0]]).truth is passes, change
