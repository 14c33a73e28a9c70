"""Short ways to write a group and a question in tests."""

from __future__ import annotations

from typing import Any

from auditor.azure import addresses
from auditor.network.address_book import Surroundings
from auditor.network.describe import AddressNames, sentences
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search, SearchResult
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, Match, parse_match
from auditor.truth import Truth

SPACE = addresses.must_parse("10.0.0.0/16")
SUBNET = addresses.must_parse("10.0.1.0/24")
AROUND = Surroundings(SPACE)


def rule(name: str, order: int, effect: str = "Allow", **fields: Any) -> dict[str, Any]:
    """Write an ARM security rule; what is not named is `*`. None takes a field away."""
    body = {
        "priority": order,
        "direction": "Inbound",
        "access": effect,
        "protocol": "*",
        "sourcePortRange": "*",
        "sourceAddressPrefix": "*",
        "destinationPortRange": "*",
        "destinationAddressPrefix": "*",
        "sourcePortRanges": [],
        "sourceAddressPrefixes": [],
        "destinationPortRanges": [],
        "destinationAddressPrefixes": [],
    } | fields
    return {"name": name, "properties": {key: value for key, value in body.items() if value is not None}}


def row(protocol: str = "*", source: str = "*", destination: str = "*", ports: str = "*") -> Match:
    match, problems = parse_match(
        {
            "protocol": protocol,
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "sourcePortRange": "*",
            "destinationPortRange": ports,
        }
    )
    assert not problems
    return match


def chain_of(
    *groups: list[Any] | None, direction: Direction = Direction.INBOUND, around: Surroundings = AROUND
) -> FilterChain:
    """Layers of rule lists around the subnet; None is a layer without a group."""
    filters = tuple(
        Filter(
            None if rules is None else parse_group("g", {"securityRules": rules}), direction, around, f"layer {place}"
        )
        for place, rules in enumerate(groups)
    )
    ends = (addresses.ANY, SUBNET) if direction is Direction.INBOUND else (SUBNET, addresses.ANY)
    return FilterChain(filters, around, *ends)


def permitted(chain: FilterChain, *traffic: Match) -> SearchResult:
    return Search(chain, traffic).permitted(traffic)


def is_open(rules: list[Any], port: int = 22, protocol: str = "Tcp", source: str = "Internet") -> Truth:
    """Whether the internet reaches the port."""
    return permitted(chain_of(rules), row(protocol, source, ports=str(port))).truth


def lines_of(answer: SearchResult) -> list[str]:
    return [str(line) for line in sentences(answer, AddressNames(here=SUBNET))]
