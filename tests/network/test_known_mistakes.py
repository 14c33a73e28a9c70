"""Inputs on which other scanners answer wrongly, by the id of the mistake."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import addresses
from auditor.network.address_book import GroupMembers, Surroundings
from auditor.network.search import Search
from auditor.network.security_rules import Direction
from auditor.network.shadowing import Effect
from auditor.truth import NO, UNKNOWN, YES, Truth
from tests.network.ask import SPACE, chain_of, is_open, lines_of, permitted, row, rule

TWO_PORTS = {"destinationPortRange": "", "destinationPortRanges": ["22", "3389"]}


def only(source: str, **fields: Any) -> list[dict[str, Any]]:
    return [rule("a", 100, protocol=fields.pop("protocol", "Tcp"), sourceAddressPrefix=source, **fields)]


@pytest.mark.parametrize(
    ("rules", "port", "protocol", "expected"),
    [
        pytest.param(only("Internet"), 22, "Tcp", YES, id="N1 any port is port 22"),
        pytest.param(only("Internet", **TWO_PORTS), 3389, "Tcp", YES, id="N2 plural ports"),
        pytest.param(only("", sourceAddressPrefixes=["0.0.0.0/0"]), 22, "Tcp", YES, id="N3 plural prefixes"),
        pytest.param(only("0.0.0.0/1"), 22, "Tcp", YES, id="N4 half of the internet"),
        pytest.param(only("internet"), 22, "Tcp", YES, id="N4 tag in lower case"),
        pytest.param(only("AzureCloud"), 22, "Tcp", YES, id="N4 every Azure customer"),
        pytest.param(only("*", protocol="*", destinationPortRange="53"), 53, "Udp", YES, id="N5 any protocol is UDP"),
        pytest.param(
            [rule("d", 100, "Deny"), rule("a", 200, sourceAddressPrefix="Internet", destinationPortRange="22")],
            22,
            "Tcp",
            NO,
            id="N6 shadowed by a Deny",
        ),
        pytest.param(only("Internet", protocol="TCP"), 22, "Tcp", YES, id="N7 protocol in other case"),
        pytest.param(only("0.0.0.0/0"), 22, "Tcp", YES, id="N8 a prefix for everything"),
        pytest.param(only("*", protocol="*", destinationPortRange="443"), 443, "Tcp", YES, id="N11 any protocol"),
        pytest.param(only("Internet", destinationPortRange="443"), 443, "Tcp", YES, id="N12 only one of two ports"),
        pytest.param(only("INTERNET"), 443, "Tcp", YES, id="N14 tag in upper case"),
        pytest.param(
            [
                rule("d", 100, "Deny", sourceAddressPrefix="203.0.113.7/32", destinationPortRange="22"),
                rule("a", 200, destinationPortRange="22"),
            ],
            22,
            "Tcp",
            YES,
            id="N15 everyone but one address",
        ),
        pytest.param(
            [
                rule("d", 100, "Deny", protocol="Udp", destinationPortRange="22"),
                rule("a", 200, protocol="Tcp", destinationPortRange="22"),
            ],
            22,
            "Tcp",
            YES,
            id="N16 a Deny of another protocol",
        ),
        pytest.param(
            [rule("d", 100, "Deny"), rule("a", 200, sourceAddressPrefix="Internet")], 22, "Tcp", NO, id="N17 shadowed"
        ),
        pytest.param(only("0.0.0.0/0"), 3389, "Tcp", YES, id="N18 a prefix is a star"),
        pytest.param(
            only("Internet", sourceAddressPrefixes=None, destinationPortRanges=None),
            22,
            "Tcp",
            YES,
            id="N19 absent lists",
        ),
        pytest.param(
            [rule("d", 100, "Deny"), rule("a", 200, sourceAddressPrefix="::/0")],
            22,
            "Tcp",
            NO,
            id="N20 a Deny before it",
        ),
        pytest.param(only("0.0.0.0/0"), 3389, "Tcp", YES, id="N21 as Terraform writes it"),
        pytest.param(only("Internet"), 3389, "Tcp", YES, id="N22 as ARM writes it"),
        pytest.param(
            [rule("a", 100, protocol="Tcp"), rule("b", 110, protocol="Udp", sourceAddressPrefix="Internet")],
            53,
            "Udp",
            YES,
            id="N23 UDP in the second rule",
        ),
        pytest.param(only("", sourceAddressPrefixes=["*"]), 22, "Tcp", YES, id="N24 a star in the list"),
        pytest.param(
            only("Internet", destinationPortRange="", destinationPortRanges=["80", "20-25"]),
            22,
            "Tcp",
            YES,
            id="N26 not the first port of the list",
        ),
        pytest.param(only("*", protocol="tcp"), 22, "Tcp", YES, id="N27 protocol in lower case"),
        pytest.param(only("Internet"), 22, "Tcp", YES, id="N28 the tag Internet"),
    ],
)
def test_is_the_port_open_to_the_internet(rules: list[Any], port: int, protocol: str, expected: Truth) -> None:
    assert is_open(rules, port, protocol) is expected


def test_n4_ipv6() -> None:
    subnet = addresses.must_parse("10.0.1.0/24", "fd00:1::/64")
    chain = chain_of([rule("a", 100, sourceAddressPrefix="::/0", protocol="Tcp")])
    chain = type(chain)(chain.filters, chain.surroundings, addresses.ANY, subnet)
    assert permitted(chain, row("Tcp", "2a00::1", ports="22")).truth is YES
    assert permitted(chain, row("Tcp", "8.8.8.8", ports="22")).truth is NO


def test_n6_the_shadowed_rule_is_named() -> None:
    asked = Search(chain_of([rule("d", 100, "Deny"), rule("a", 200, destinationPortRange="22")]))
    assert asked.decided is not None
    found = {one.rule.name: one for one in asked.decided.effects()}
    assert found["a"].effect is Effect.SHADOWED
    assert [one.name for one in found["a"].by] == ["d"]


MEMBERS = {"a": "10.0.2.4", "b": "10.0.2.5"}


@pytest.mark.parametrize(("member", "expected"), [("10.0.2.4", YES), ("10.0.2.5", YES), ("10.0.2.6", NO)])
def test_n9_all_application_security_groups_count(member: str, expected: Truth) -> None:
    groups = {f"/x/asg-{name}": GroupMembers(addresses.must_parse(text)) for name, text in MEMBERS.items()}
    references = [{"id": "/x/asg-A"}, {"id": "/X/asg-b"}]
    rules = [
        rule("a", 100, sourceAddressPrefix=None, sourceApplicationSecurityGroups=references),
        rule("d", 200, "Deny"),
    ]
    assert permitted(chain_of(rules, around=Surroundings(SPACE, groups=groups)), row("Tcp", member)).truth is expected


def test_n10_groups_of_one_name_are_judged_each() -> None:
    closed, opened = [rule("a", 100, "Deny")], [rule("a", 100, sourceAddressPrefix="Internet")]
    assert [is_open(closed), is_open(opened)] == [NO, YES]


def test_n13_a_default_rule_counts_unless_it_is_shadowed() -> None:
    out = Direction.OUTBOUND
    internet = row("Tcp", destination="Internet")
    answer = permitted(chain_of([], direction=out), internet)
    assert answer.truth is YES
    assert lines_of(answer) == ["TCP to Internet, by Azure's default rule AllowInternetOutBound"]
    assert permitted(chain_of([rule("d", 100, "Deny", direction="Outbound")], direction=out), internet).truth is NO


def test_n15_the_remaining_set_is_exact() -> None:
    rules = [
        rule("d", 100, "Deny", sourceAddressPrefix="203.0.113.7/32", destinationPortRange="22"),
        rule("a", 200, destinationPortRange="22"),
    ]
    answer = permitted(chain_of(rules), row("Tcp", "Internet", ports="22"))
    assert lines_of(answer) == ["TCP 22 from Internet except 203.0.113.7, by rule a"]


def test_n20_ipv6_is_its_own_question() -> None:
    chain = chain_of([rule("a", 100, sourceAddressPrefix="::/0")])
    assert permitted(chain, row("Tcp", "8.8.8.8", ports="22")).truth is NO


def test_n25_denying_rdp_is_not_denying_ssh() -> None:
    out = Direction.OUTBOUND
    chain = chain_of([rule("d", 100, "Deny", direction="Outbound", destinationPortRange="3389")], direction=out)
    ports = [row("Tcp", destination="VirtualNetwork", ports=port) for port in ("3389", "22")]
    assert [permitted(chain, one).truth for one in ports] == [NO, YES]


class TestN29:
    """Unknown tags, group sources, ports beside any protocol, and 172.16.0.0/12."""

    @pytest.mark.parametrize(("access", "expected"), [("Allow", UNKNOWN), ("Deny", UNKNOWN)])
    def test_an_unknown_tag_is_neither_empty_nor_everything(self, access: str, expected: Truth) -> None:
        rules = [
            rule("t", 100, access, sourceAddressPrefix="AzureMonitor"),
            rule("rest", 200, "Deny" if access == "Allow" else "Allow"),
        ]
        answer = permitted(chain_of(rules), row("Tcp", "20.1.1.1"))
        assert answer.truth is expected
        assert list(answer.unknowns.values()) == ["AzureMonitor"]

    def test_a_group_source_is_not_any(self) -> None:
        rules = [
            rule("g", 100, sourceAddressPrefix=None, sourceApplicationSecurityGroups=[{"id": "/x/asg"}]),
            rule("d", 200, "Deny"),
        ]
        assert permitted(chain_of(rules), row("Tcp", "8.8.8.8")).truth is NO
        assert permitted(chain_of(rules), row("Tcp", "10.0.2.2")).truth is UNKNOWN

    def test_any_protocol_keeps_its_ports(self) -> None:
        rules = [rule("a", 100, destinationPortRange="443"), rule("d", 200, "Deny")]
        assert [is_open(rules, port) for port in (443, 22)] == [YES, NO]

    def test_private_space_has_its_real_size(self) -> None:
        out = Direction.OUTBOUND
        destinations = ("172.16.0.1", "172.31.255.1", "172.32.0.1")
        found = [permitted(chain_of([], direction=out), row("Tcp", destination=one)).truth for one in destinations]
        assert found == [NO, NO, YES]


def test_subnet_and_interface_must_both_allow() -> None:
    opened = [rule("a", 100, sourceAddressPrefix="Internet", destinationPortRange="22")]
    internet = row("Tcp", "Internet", ports="22")
    assert permitted(chain_of(opened, []), internet).truth is NO
    assert permitted(chain_of(opened, None), internet).truth is YES
    assert permitted(chain_of(opened, opened), internet).truth is YES


def test_a_peered_network_is_in_virtual_network() -> None:
    around = Surroundings(SPACE, peers=addresses.must_parse("10.8.0.0/16"))
    assert permitted(chain_of([], around=around), row("Tcp", "10.8.0.4")).truth is YES
    assert permitted(chain_of([]), row("Tcp", "10.8.0.4")).truth is NO
