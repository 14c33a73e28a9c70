"""Ways of writing the same rules differently change no verdict, no answer and no word."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.network.address_book import Surroundings
from auditor.network.describe import AddressNames, sentences
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, parse_match
from tests.network.cases import PREFIXES, SPACE, SUBNET, TAGS, groups, rules
from tests.network.oracle import values

BUDGET = settings(max_examples=25, deadline=None, derandomize=True)
WITH_TAGS = (*PREFIXES, *TAGS)


def answer(bodies: list[Any], table: list[Any]) -> tuple[str, list[str]]:
    around = Surroundings(addresses.must_parse(SPACE))
    rows = [parse_match(row)[0] for row in table]
    layer = Filter(parse_group("g", {"securityRules": bodies}), Direction.INBOUND, around)
    found = Search(FilterChain((layer,), around, addresses.ANY, addresses.must_parse(SUBNET)), rows).excess(rows)
    return found.truth, sorted(str(line) for line in sentences(found, AddressNames(here=addresses.must_parse(SUBNET))))


def halves(text: str) -> list[str]:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return [text]
    return [str(half) for half in network.subnets()] if network.prefixlen < 32 else [text]


def port_pieces(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    return [first, f"{int(first) + 1}-{last}"] if dash else [text]


def split(rule: Any) -> Any:
    """Spell prefixes in halves and port ranges in two pieces, all in the plural fields."""
    found = dict(rule)
    for side in ("source", "destination"):
        prefixes = values(rule, f"{side}AddressPrefix", f"{side}AddressPrefixes")
        found[f"{side}AddressPrefix"] = ""
        found[f"{side}AddressPrefixes"] = [half for text in prefixes for half in halves(text)]
        ports = values(rule, f"{side}PortRange", f"{side}PortRanges")
        found[f"{side}PortRange"] = None
        found[f"{side}PortRanges"] = [piece for text in ports for piece in port_pieces(text)]
    return found


def respelled(rule: Any) -> Any:
    """Use other case for names of tags, protocols, directions and properties, and numbers for protocols."""
    numbers = {"Tcp": "6", "Udp": "17", "Icmp": "1", "Esp": "50"}
    found = {}
    for key, value in rule.items():
        if key == "protocol":
            found["PROTOCOL"] = numbers.get(value, value)
        elif key in {"access", "direction"} or "Address" in key:
            found[key.upper()] = [one.upper() for one in value] if isinstance(value, list) else value.upper()
        else:
            found[key] = value
    return found


@BUDGET
@given(groups(WITH_TAGS, most=5), st.lists(rules("row", WITH_TAGS), max_size=2))
def test_split_prefixes_and_ports(bodies: list[Any], table: list[Any]) -> None:
    assert answer([split(body) for body in bodies], table) == answer(bodies, table)


@BUDGET
@given(groups(PREFIXES, most=5), st.lists(rules("row"), max_size=2))
def test_other_case_and_protocol_numbers(bodies: list[Any], table: list[Any]) -> None:
    assert answer([respelled(body) for body in bodies], table) == answer(bodies, table)


@BUDGET
@given(groups(WITH_TAGS, most=5), st.randoms(use_true_random=False))
def test_order_in_the_file_and_gaps_between_priorities(bodies: list[Any], chance: Any) -> None:
    moved = [{**body, "priority": body["priority"] * 3 + 7} for body in bodies]
    chance.shuffle(moved)
    assert answer(moved, []) == answer(bodies, [])


@BUDGET
@given(groups(most=5))
def test_priorities_of_disjoint_rules_can_be_swapped(bodies: list[Any]) -> None:
    """TCP and UDP rules never meet."""
    found = [{**body, "protocol": "Tcp" if place % 2 else "Udp"} for place, body in enumerate(bodies)]
    order = sorted(found, key=lambda body: (body["protocol"], body["priority"]))
    moved = [{**body, "priority": 100 + place} for place, body in enumerate(order)]
    assert answer(moved, []) == answer(found, [])


@BUDGET
@given(groups(WITH_TAGS, most=5))
def test_nested_and_flat_rules(bodies: list[Any]) -> None:
    nested = [
        {"name": body["name"], "properties": {key: body[key] for key in body if key != "name"}} for body in bodies
    ]
    assert answer(nested, []) == answer(bodies, [])
