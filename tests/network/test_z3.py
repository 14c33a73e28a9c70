"""Z3 gives the same answers on whole questions, and the same shadowed rules."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.network.address_book import Surroundings
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, parse_match
from auditor.network.shadowing import Effect
from auditor.truth import Truth
from tests.network.cases import DEFAULT_BODIES, SPACE, SUBNET, groups, rules
from tests.network.oracle import NOT_PUBLIC, values

z3 = pytest.importorskip("z3")
BUDGET = settings(max_examples=15, deadline=None, derandomize=True)
SOURCE, DESTINATION = z3.BitVecs("source destination", 32)
PROTOCOL, SOURCE_PORT, DESTINATION_PORT = z3.Ints("protocol source_port destination_port")
KINDS = {"Tcp": 0, "Udp": 1}


def within(address: Any, text: str) -> Any:
    network = ipaddress.ip_network(text, strict=False)
    return z3.And(z3.UGE(address, int(network.network_address)), z3.ULE(address, int(network.broadcast_address)))


def named(address: Any, text: str) -> Any:
    network = z3.Or(within(address, SPACE), within(address, "168.63.129.16"))
    if text == "*":
        return z3.BoolVal(val=True)
    if text == "VirtualNetwork":
        return network
    if text == "Internet":
        private = z3.Or(*(within(address, str(one)) for one in NOT_PUBLIC))
        return z3.And(z3.Not(private), z3.Not(network))
    return within(address, "168.63.129.16" if text == "AzureLoadBalancer" else text)


def in_ports(port: Any, rule: Any, side: str) -> Any:
    spans = [text.partition("-") for text in values(rule, f"{side}PortRange", f"{side}PortRanges") if text != "*"]
    if len(spans) < len(values(rule, f"{side}PortRange", f"{side}PortRanges")):
        return z3.BoolVal(val=True)
    return z3.Or(*(z3.And(port >= int(first), port <= int(last or first)) for first, _, last in spans))


def match(rule: Any) -> Any:
    kind = rule["protocol"]
    return z3.And(
        z3.BoolVal(val=True) if kind == "*" else KINDS.get(kind, 9) == PROTOCOL,
        z3.Or(*(named(SOURCE, text) for text in values(rule, "sourceAddressPrefix", "sourceAddressPrefixes"))),
        z3.Or(
            *(
                named(DESTINATION, text)
                for text in values(rule, "destinationAddressPrefix", "destinationAddressPrefixes")
            )
        ),
        in_ports(SOURCE_PORT, rule, "source"),
        in_ports(DESTINATION_PORT, rule, "destination"),
    )


def packet() -> Any:
    ports = [z3.And(port >= 0, port <= 65535) for port in (SOURCE_PORT, DESTINATION_PORT)]
    return z3.And(within(DESTINATION, SUBNET), PROTOCOL >= 0, PROTOCOL <= 1, *ports)


def allowed(bodies: list[Any]) -> Any:
    answer = z3.BoolVal(val=False)
    for rule in sorted(bodies, key=lambda one: -one["priority"]):
        answer = z3.If(match(rule), z3.BoolVal(val=rule["access"] == "Allow"), answer)
    return answer


def is_possible(*conditions: Any) -> bool:
    solver = z3.Solver()
    solver.add(*conditions)
    result = solver.check()
    assert result != z3.unknown
    return bool(result == z3.sat)


def search_of(bodies: list[Any], rows: Any = ()) -> Search:
    around = Surroundings(addresses.must_parse(SPACE))
    layer = Filter(parse_group("g", {"securityRules": bodies}), Direction.INBOUND, around)
    return Search(FilterChain((layer,), around, addresses.IPV4, addresses.must_parse(SUBNET)), rows)


PORTLESS = [parse_match({**DEFAULT_BODIES[2], "protocol": kind})[0] for kind in ("Icmp", "Esp", "Ah")]


@BUDGET
@given(groups(most=6), st.lists(rules("row"), max_size=3))
def test_the_same_answer_to_a_question(bodies: list[Any], table: list[Any]) -> None:
    rows = [*(parse_match(row)[0] for row in table), *PORTLESS]
    answer = search_of(bodies, rows).excess(rows)
    outside = z3.And(*(z3.Not(match(row)) for row in table))
    expected = is_possible(packet(), allowed([*bodies, *DEFAULT_BODIES]), outside)
    assert answer.truth is (Truth.YES if expected else Truth.NO)


@BUDGET
@given(groups(most=6))
def test_the_same_rules_get_no_packet(bodies: list[Any]) -> None:
    only_ports = [{**body, "protocol": "Tcp" if body["protocol"] in {"*", "Icmp", "Esp"} else "Udp"} for body in bodies]
    asked = search_of(only_ports)
    found = asked.decided.effects()  # type: ignore[arg-type]
    idle = {one.rule.name for one in found if one.effect in {Effect.SHADOWED, Effect.VACUOUS} and one.rule.is_custom}
    order = sorted(only_ports, key=lambda one: one["priority"])
    expected = {
        rule["name"]
        for place, rule in enumerate(order)
        if not is_possible(packet(), match(rule), *(z3.Not(match(other)) for other in order[:place]))
    }
    assert idle == expected
