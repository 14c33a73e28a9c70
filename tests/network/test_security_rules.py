"""Security rules are read as ARM spells them, and what cannot be read is never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search
from auditor.network.security_groups import parse_group, parse_rule
from auditor.network.security_rules import Direction, SecurityGroup, parse_match, parse_ports
from auditor.truth import Truth
from tests.network.ask import AROUND, SUBNET, chain_of, is_open, permitted, row, rule

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "name",
    "priority",
    "direction",
    "access",
    "protocol",
    "sourcePortRange",
    "sourcePortRanges",
    "destinationPortRange",
    "destinationPortRanges",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "sourceApplicationSecurityGroups",
    "properties",
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, st.sampled_from(FIELDS), JSON)
def test_hostile_rules_never_crash_and_never_pass(body: Any, field: str, value: Any) -> None:
    spoiled = rule("r", 100)
    spoiled["properties"] = spoiled["properties"] | {field: value}
    for rules in ([body], [spoiled], body, [rule("d", 200, "Deny"), body]):
        group = parse_group("g", {"securityRules": rules})
        layer = Filter(group, Direction.INBOUND, AROUND)
        answer = Search(FilterChain((layer,), AROUND, addresses.ANY, SUBNET), [row()]).excess([])
        assert answer.truth in Truth


class Text(str):
    """A text of which nothing is remembered, as it is of another type than the texts of JSON."""

    __slots__ = ()


WORDS = st.sampled_from(["*", "Tcp", "10.0.0.0/8", "Storage", "443", "1-9", "", "no such thing", "::/0", "Internet"])
STATED = st.one_of(
    st.none(), WORDS, st.lists(WORDS, max_size=2), st.integers(0, 99), st.booleans(), st.just({"id": "/a"})
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(FIELDS[4:-1]), STATED))
def test_what_is_remembered_of_texts_is_what_they_mean(body: dict[str, Any]) -> None:
    unknown = {
        name: [Text(each) for each in value]
        if isinstance(value, list)
        else Text(value)
        if isinstance(value, str)
        else value
        for name, value in body.items()
    }

    assert parse_match(body) == parse_match(unknown)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destinationPortRange", "abc"),
        ("destinationPortRange", "30-20"),
        ("destinationPortRange", "70000"),
        ("destinationPortRange", {}),
        ("sourceAddressPrefix", "300.1.2.3"),
        ("sourceAddressPrefix", ""),
        ("sourceAddressPrefix", None),
        ("sourceAddressPrefixes", ["10.0.0.0/33"]),
        ("sourceApplicationSecurityGroups", ["x"]),
        ("protocol", "carrier pigeon"),
        ("protocol", None),
    ],
)
@pytest.mark.parametrize("access", ["Allow", "Deny"])
def test_an_unreadable_side_makes_the_answer_unknown(field: str, value: Any, access: str) -> None:
    rest = "Deny" if access == "Allow" else "Allow"
    assert is_open([rule("odd", 100, access, **{field: value}), rule("rest", 200, rest)]) is Truth.UNKNOWN


def test_an_unreadable_rule_that_is_shadowed_does_not_matter() -> None:
    assert is_open([rule("d", 100, "Deny"), rule("odd", 200, destinationPortRange="abc")]) is Truth.NO
    assert is_open([rule("a", 100), rule("odd", 200, "Deny", destinationPortRange="abc")]) is Truth.YES


@pytest.mark.parametrize(
    "rules",
    [
        "text",
        {"a": 1},
        [None],
        ["text"],
        [{"name": "x", "properties": "text"}],
        [rule("x", 100, direction="Sideways")],
        [rule("x", 100, "Perhaps")],
        [rule("x", 100, priority="first")],
        [rule("x", 100, priority=True)],
        [rule("x", 100), rule("y", 100, "Deny")],
    ],
)
def test_a_group_whose_order_is_unknown_answers_nothing(rules: Any) -> None:
    answer = permitted(chain_of(rules), row("Tcp", "Internet", ports="22"))
    assert answer.truth is Truth.UNKNOWN
    assert answer.undecidable


def test_rules_of_the_other_direction_do_no_harm() -> None:
    assert is_open([rule("x", 100, "Perhaps", direction="Outbound")]) is Truth.NO


def test_a_group_without_readable_properties_answers_nothing() -> None:
    assert set(parse_group("g", "text").undecidable) == set(Direction)


def test_rules_that_are_entries_of_their_own_count_once() -> None:
    nested = rule("a", 100)
    group = parse_group("g", {"securityRules": [nested]}, [nested, rule("b", 110)])
    assert [one.name for one in group.rules[Direction.INBOUND] if one.is_custom] == ["a", "b"]


def test_default_rules_are_there_even_when_not_returned() -> None:
    group = parse_group("g", {})
    names = [one.name for direction in Direction for one in group.rules[direction]]
    assert names == [
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
        "AllowVnetOutBound",
        "AllowInternetOutBound",
        "DenyAllOutBound",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("*", (0, 65536)), ("22", (22, 23)), (" 20 - 25 ", (20, 26)), ("0-65535", (0, 65536)), ("-", None), ("", None)],
)
def test_ports(text: str, expected: tuple[int, int] | None) -> None:
    assert parse_ports(text) == expected


def test_numbers_are_read_as_texts() -> None:
    match, problems = parse_match(rule("a", 100, destinationPortRange=22, protocol=6)["properties"])
    assert (match.destination_ports, match.protocols, problems) == (((22, 23),), 1, ())


def test_flat_and_nested_rules_are_the_same() -> None:
    nested = rule("a", 100)
    assert parse_rule(nested) == parse_rule({"name": "a", **nested["properties"]})


def test_a_group_can_have_thousands_of_tags_and_still_say_that_it_does_not_know() -> None:
    rules = [rule(f"r{place}", 100 + place, sourceAddressPrefix=f"Tag{place}") for place in range(40)]
    assert isinstance(parse_group("g", {"securityRules": rules}), SecurityGroup)
    answer = permitted(chain_of(rules), row("Tcp", "20.1.1.1"))
    assert answer.truth is Truth.UNKNOWN
    assert answer.undecidable == "40 unknown tags, groups and rules at once"


def _open_behind(named: bool, spelled: str) -> list[dict[str, Any]]:  # noqa: FBT001 - a way to spell
    rules = [(100, "Deny", "80"), (200, "Allow", "22")]
    bodies = []
    for priority, access, port in rules:
        fields = {"access": access, "direction": "Inbound", "priority": priority, "protocol": "Tcp"}
        ends = {"sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "sourcePortRange": "*"}
        inner = {**fields, **ends, "destinationPortRange": port}
        name = {"name": f"r{priority}"} if named else {}
        body = {**name, "properties": inner} if spelled == "arm" else {**name, **inner}
        bodies.append({key.capitalize() if spelled == "powershell" else key: value for key, value in body.items()})
    return bodies


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("spelled", ["arm", "flat", "powershell"])
def test_no_rule_is_lost_whose_name_is_spelled_otherwise_or_not_shown(*, named: bool, spelled: str) -> None:
    listed = "securityRules" if spelled == "arm" else "securityrules"
    group = parse_group("nsg", {listed: _open_behind(named, spelled)})
    own = [rule for rule in group.rules[Direction.INBOUND] if rule.is_custom]
    assert [rule.priority for rule in own] == [100, 200]
    assert all(named is (rule.name == f"r{rule.priority}") for rule in own)
