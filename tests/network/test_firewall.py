"""What a firewall lets through against a second, naive reading of its policies: one packet at a time, in the stated order."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.model import Gap
from auditor.network.address_book import Surroundings
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.firewall import FirewallRules, Firewalls
from auditor.network.search import Search
from auditor.network.security_rules import ALL_PORTS, Direction, Match, Side
from auditor.truth import Truth
from tests.estates.arm import Body, path, reference, resource
from tests.estates.graph import estate_of
from tests.estates.hub import (
    GROUPS,
    POLICIES,
    application_rule,
    classic,
    collection,
    firewall,
    network_rule,
    policy,
)

SOURCES = ("10.1.1.4", "10.1.1.200", "10.2.1.4")
DESTINATIONS = ("10.2.1.4", "10.3.0.9", "20.1.1.1")
PORTS = (22, 443, 8080)
SOURCE_PREFIXES = ("*", "10.1.0.0/16", "10.1.1.0/25", "10.2.1.4", "10.1.1.100-10.1.1.255")
DESTINATION_PREFIXES = ("*", "10.2.0.0/16", "10.3.0.0/24", "20.0.0.0/8", "10.2.1.4")
PORT_TEXTS = ("*", "22", "443", "400-500", "8080")
IP_GROUPS = {"near": ["10.1.1.0/24"], "far": ["20.1.0.0/16", "10.3.0.9"]}
AROUND = Surroundings(addresses.must_parse("10.0.0.0/16"))
_IP_GROUP = "Microsoft.Network/ipGroups"

Packet = tuple[str, str, str, int]


@st.composite
def network_rules(draw: st.DrawFn) -> Body:
    fields: Body = {
        "sourceAddresses": draw(st.lists(st.sampled_from(SOURCE_PREFIXES), min_size=1, max_size=2)),
        "destinationAddresses": draw(st.lists(st.sampled_from(DESTINATION_PREFIXES), min_size=1, max_size=2)),
        "destinationPorts": draw(st.lists(st.sampled_from(PORT_TEXTS), min_size=1, max_size=2)),
        "ipProtocols": draw(st.sampled_from((["Any"], ["TCP"], ["UDP"], ["TCP", "UDP"]))),
    }
    if draw(st.integers(0, 3)) == 0:
        fields |= {"sourceAddresses": [], "sourceIpGroups": [path(_IP_GROUP, "near")]}
    if draw(st.integers(0, 3)) == 0:
        fields |= {"destinationIpGroups": [path(_IP_GROUP, "far")]}
    return network_rule(**fields)


@st.composite
def collections(draw: st.DrawFn) -> list[Body]:
    """Draw the collections of a group, with priorities of their own; their order in the list says nothing."""
    made = []
    priorities = draw(st.lists(st.integers(100, 400), max_size=3, unique=True))
    for place, priority in enumerate(priorities):
        action = draw(st.sampled_from(("Allow", "Deny")))
        if draw(st.integers(0, 2)) == 0:
            web = {"sourceAddresses": [draw(st.sampled_from(SOURCE_PREFIXES))]}
            rules = [application_rule("example.org", **web)]
        else:
            rules = draw(st.lists(network_rules(), min_size=1, max_size=2))
        made.append(collection(f"c{place}", priority, action, *rules))
    return made


@st.composite
def policies(draw: st.DrawFn) -> list[list[tuple[int, list[Body]]]]:
    """Draw the groups of a parent policy and of its child, each with priorities of their own."""
    return [
        [(priority, draw(collections())) for priority in draw(st.lists(st.integers(100, 300), max_size=2, unique=True))]
        for _ in ("parent", "child")
    ]


def verdict(of: Sequence[Sequence[tuple[int, Sequence[Body]]]], packet: Packet) -> Truth:
    """Return what the naive reading says: network rules first, parent before child, lower priorities first."""
    ordered = [
        one
        for groups in of
        for _, own in sorted(groups, key=lambda group: group[0])
        for one in sorted(own, key=lambda one: int(one["priority"]))
    ]
    for one in ordered:
        if any(rule["ruleType"] == "NetworkRule" and matches(rule, packet) for rule in one["rules"]):
            return Truth.YES if one["action"]["type"] == "Allow" else Truth.NO
    source, _, protocol, port = packet
    for one in ordered:
        for rule in one["rules"]:
            is_web = rule["ruleType"] == "ApplicationRule" and protocol == "TCP" and port == 443
            if is_web and one["action"]["type"] == "Allow" and in_any(source, rule["sourceAddresses"]):
                return Truth.UNKNOWN
    return Truth.NO


def matches(rule: Mapping[str, Any], packet: Packet) -> bool:
    source, destination, protocol, port = packet
    groups = {path(_IP_GROUP, name): members for name, members in IP_GROUPS.items()}
    ends = [
        [*rule.get(f"{end}Addresses", []), *(text for name in rule.get(f"{end}IpGroups", []) for text in groups[name])]
        for end in ("source", "destination")
    ]
    spans = [
        (0, 65535) if text == "*" else tuple(map(int, (text.split("-") * 2)[:2])) for text in rule["destinationPorts"]
    ]
    return (
        in_any(source, ends[0])
        and in_any(destination, ends[1])
        and bool({"Any", protocol} & set(rule["ipProtocols"]))
        and any(first <= port <= last for first, last in spans)
    )


def in_any(address: str, texts: Sequence[str]) -> bool:
    number = ipaddress.ip_address(address)
    for text in texts:
        first, dash, last = text.partition("-")
        if text == "*" or (dash and ipaddress.ip_address(first) <= number <= ipaddress.ip_address(last)):
            return True
        if not dash and number in ipaddress.ip_network(text):
            return True
    return False


def groups_of_addresses() -> list[Body]:
    return [resource(_IP_GROUP, name, properties={"ipAddresses": texts}) for name, texts in IP_GROUPS.items()]


def rules_of(*bodies: Body, **options: Any) -> FirewallRules:
    estate = estate_of(bodies, **options)
    [found] = estate.of_type("microsoft.network/azurefirewalls")
    return Firewalls(estate).rules(found)


def asked(rules: FirewallRules, packet: Packet) -> Truth:
    source, destination, protocol, port = packet
    ends = addresses.must_parse(source), addresses.must_parse(destination)
    through = Filter(rules.between(*ends), Direction.OUTBOUND, AROUND, "afw", is_firewall=True)
    traffic = Match(
        Side(ends[0]), Side(ends[1]), {"TCP": 1, "UDP": 2}[protocol], ALL_PORTS, ((port, port + 1),), names_ports=True
    )
    return Search(FilterChain((through,), AROUND, *ends), [traffic]).permitted([traffic]).truth


PACKETS: list[Packet] = list(product(SOURCES, DESTINATIONS, ("TCP", "UDP"), PORTS))


@settings(max_examples=60, deadline=None)
@given(policies())
def test_a_policy_lets_through_what_the_naive_reading_lets_through(of: list[list[tuple[int, list[Body]]]]) -> None:
    parent, child = of
    made = [*policy("parent", *parent), *policy("child", *child, parent="parent"), *groups_of_addresses()]
    rules = rules_of(firewall(firewallPolicy=reference(path(POLICIES, "child"))), *made)
    assert rules.gap is None
    for packet in PACKETS:
        assert asked(rules, packet) is verdict(of, packet), packet


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(100, 400), st.sampled_from(("Allow", "Deny")), network_rules()),
        max_size=3,
        unique_by=lambda one: one[0],
    )
)
def test_rules_of_the_firewall_itself_read_alike(of: list[tuple[int, str, Body]]) -> None:
    own = {"networkRuleCollections": [classic(priority, action, rule) for priority, action, rule in of]}
    rules = rules_of(firewall(**own), *groups_of_addresses())
    listed = [[(100, [collection("c", priority, action, rule) for priority, action, rule in of])]]
    for packet in PACKETS:
        assert asked(rules, packet) is verdict(listed, packet), packet


OPEN = [(100, [collection("all", 100, "Allow", network_rule())])]
WEB: Packet = ("10.1.1.4", "20.1.1.1", "TCP", 443)
UNREAD: dict[str, tuple[list[Body], dict[str, Any]]] = {
    "a policy that is not there": ([], {}),
    "a parent that is not there": (policy("p", *OPEN, parent="gone"), {}),
    "a group that the policy names and that is not there": (policy("p", *OPEN)[:1], {}),
    "a policy that names no groups, and none is there": ([resource(POLICIES, "p", properties={})], {}),
    "groups that were not collected": (policy("p", *OPEN), {"gaps": [Gap("/", GROUPS, "forbidden")]}),
    "policies that were not collected": ([], {"gaps": [Gap("/", POLICIES, "forbidden")]}),
    "parents in a circle": (policy("p", *OPEN, parent="p"), {}),
    "a collection without priority": (policy("p", (100, [collection("c", None, "Allow", network_rule())])), {}),  # type: ignore[arg-type]
    "a collection that does nobody knows what": (policy("p", (100, [collection("c", 100, "?", network_rule())])), {}),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_was_not_read_of_a_policy_is_not_decided(name: str) -> None:
    bodies, options = UNREAD[name]
    rules = rules_of(firewall(firewallPolicy=reference(path(POLICIES, "p"))), *bodies, **options)
    assert rules.gap is not None
    assert asked(rules, WEB) is Truth.UNKNOWN


UNSURE: dict[str, Body] = {
    "a host name": {"destinationAddresses": [], "destinationFqdns": ["example.org"]},
    "a group of addresses that is not there": {"sourceAddresses": [], "sourceIpGroups": [path(_IP_GROUP, "gone")]},
    "a service tag without data": {"destinationAddresses": ["AzureMonitor"]},
    "an address that is none": {"destinationAddresses": ["10.1.1"]},
}


@pytest.mark.parametrize("name", UNSURE)
@pytest.mark.parametrize("action", ["Allow", "Deny"])
def test_a_rule_that_matches_nobody_knows_what_is_neither_yes_nor_no(name: str, action: str) -> None:
    first = collection("first", 100, action, network_rule(**UNSURE[name]))
    last = collection("last", 200, "Deny" if action == "Allow" else "Allow", network_rule())
    rules = rules_of(firewall(firewallPolicy=reference(path(POLICIES, "p"))), *policy("p", (100, [first, last])))
    assert asked(rules, WEB) is Truth.UNKNOWN


def test_a_firewall_without_rules_denies_everything() -> None:
    assert asked(rules_of(firewall()), WEB) is Truth.NO
