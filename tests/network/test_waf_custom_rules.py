"""What custom rules let past the managed ones, against a model that sends every request there is."""

from __future__ import annotations

import ipaddress
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import addresses
from auditor.azure.ranges import holds
from auditor.network.waf_custom_rules import Bypass, bypass, read

Body = dict[str, Any]
SENDERS = ("10.0.0.1", "203.0.113.5", "203.0.113.200", "198.51.100.9", "2001:db8::1")
PREFIXES = ("203.0.113.0/24", "203.0.113.128/25", "0.0.0.0/0", "::/0", "198.51.100.9", "0.0.0.0/1")
HEADERS = {"x-a": "RequestHeaders", "x-b": "RequestUri"}


def condition(variable: str, operator: str, *values: str, selector: str | None = None, negated: bool = False) -> Body:
    named = {"variableName": variable} | ({"selector": selector} if selector else {})
    return {
        "matchVariables": [named],
        "operator": operator,
        "matchValues": list(values),
        "negationConditon": negated,
    }


def custom(action: str, *conditions: Body, priority: int = 1, **more: Any) -> Body:
    return {
        "name": f"rule{priority}",
        "priority": priority,
        "ruleType": "MatchRule",
        "action": action,
        "matchConditions": list(conditions),
        **more,
    }


def policy(*rules: Body) -> Body:
    return {"properties": {"customRules": list(rules)}}


def from_anywhere(*prefixes: str) -> Body:
    return condition("RemoteAddr", "IPMatch", *(prefixes or ("0.0.0.0/0", "::/0")))


def of(*rules: Body) -> Bypass:
    return bypass(read(policy(*rules)))


def test_an_allow_for_every_address_ends_the_evaluation() -> None:
    assert of(custom("Allow", from_anywhere())).is_for_all


def test_an_office_is_let_in_and_nobody_else() -> None:
    found = of(custom("Allow", from_anywhere("203.0.113.0/24")))
    assert not found.is_for_all
    assert list(addresses.prefixes(found.open_to)) == ["203.0.113.0/24"]


@pytest.mark.parametrize(
    ("first", "second", "is_open"),
    [
        (custom("Block", from_anywhere(), priority=1), custom("Allow", from_anywhere(), priority=2), False),
        (custom("Block", from_anywhere(), priority=2), custom("Allow", from_anywhere(), priority=1), True),
        (custom("Log", from_anywhere(), priority=1), custom("Allow", from_anywhere(), priority=2), True),
        (
            custom("Block", from_anywhere(), priority=1, state="Disabled"),
            custom("Allow", from_anywhere(), priority=2),
            True,
        ),
        (
            custom("Block", from_anywhere(), priority=1, ruleType="RateLimitRule"),
            custom("Allow", from_anywhere(), priority=2),
            True,
        ),
    ],
    ids=["blocked before", "blocked too late", "only logged", "blocked by a rule that is off", "blocked above a rate"],
)
def test_the_first_match_by_priority_decides(first: Body, second: Body, *, is_open: bool) -> None:
    assert of(first, second).is_for_all is is_open
    assert of(second, first).is_for_all is is_open


@pytest.mark.parametrize(
    "allowed",
    [
        [condition("RemoteAddr", "IPMatch", "203.0.113.0/24", negated=True)],
        [condition("RemoteAddr", "IPMatch", "0.0.0.0/1")],
        [condition("RemoteAddr", "GeoMatch", "DE", "FR")],
        [condition("RequestUri", "BeginsWith", "/")],
        [condition("RequestUri", "BeginsWith", "/api")],
        [condition("RequestMethod", "Equal", "POST")],
        [condition("RequestUri", "Regex", ".*")],
        [condition("RequestUri", "Any")],
        [condition("RequestHeaders", "IPMatch", "203.0.113.0/24", selector="X-Forwarded-For")],
        [],
    ],
    ids=[
        "all but some",
        "half",
        "countries",
        "root",
        "path",
        "method",
        "regex",
        "any",
        "forged address",
        "no condition",
    ],
)
def test_what_anybody_can_send_is_open_to_everybody(allowed: list[Body]) -> None:
    assert of(custom("Allow", *allowed)).is_for_all


def test_a_header_of_a_certain_value_is_for_those_who_know_it() -> None:
    found = of(custom("Allow", condition("RequestHeaders", "Equal", "s3cret", selector="x-key")))
    assert (found.is_for_all, found.is_for_initiates) == (False, True)
    assert "s3cret" not in " ".join(found.needs)


def test_who_has_to_know_a_value_and_sits_elsewhere_is_not_let_in() -> None:
    keyed = condition("RequestHeaders", "Equal", "s3cret", selector="x-key")
    found = of(custom("Allow", keyed, from_anywhere("203.0.113.0/24")))
    assert (found.is_for_all, found.is_for_initiates) == (False, False)


def test_a_block_for_all_without_the_value_closes_what_follows() -> None:
    keyed = condition("RequestHeaders", "Equal", "s3cret", selector="x-key", negated=True)
    found = of(custom("Block", keyed, priority=1), custom("Allow", from_anywhere(), priority=2))
    assert (found.is_for_all, found.is_for_initiates) == (False, True)


_CONDITIONS = st.one_of(
    st.builds(
        lambda prefixes, negated: condition("RemoteAddr", "IPMatch", *prefixes, negated=negated),
        st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=2),
        st.booleans(),
    ),
    st.builds(
        lambda name, negated: condition(HEADERS[name], "Contains", name, selector=name, negated=negated),
        st.sampled_from(sorted(HEADERS)),
        st.booleans(),
    ),
)
_RULES = st.lists(
    st.builds(
        lambda action, conditions, priority, state: custom(action, *conditions, priority=priority, state=state),
        st.sampled_from(["Allow", "Block", "Log"]),
        st.lists(_CONDITIONS, min_size=1, max_size=3),
        st.integers(1, 100),
        st.sampled_from(["Enabled", "Enabled", "Disabled"]),
    ),
    max_size=5,
    unique_by=lambda rule: rule["priority"],
)


def _meets(request: tuple[str, frozenset[str]], stated: Body) -> bool:
    sender, has = request
    (variable,) = stated["matchVariables"]
    if variable["variableName"] == "RemoteAddr":
        address = ipaddress.ip_address(sender)
        met = any(address in ipaddress.ip_network(prefix) for prefix in stated["matchValues"])
    else:
        met = variable["selector"] in has
    return bool(met != stated["negationConditon"])


def _is_let_past(request: tuple[str, frozenset[str]], rules: list[Body]) -> bool:
    for rule in sorted(rules, key=lambda one: int(one["priority"])):
        matches = all(_meets(request, one) for one in rule["matchConditions"])
        if rule["state"] == "Enabled" and rule["action"] != "Log" and matches:
            return bool(rule["action"] == "Allow")
    return False


@settings(max_examples=200, deadline=None)
@given(_RULES)
def test_the_addresses_let_past_are_those_of_the_requests_that_a_first_match_lets_past(rules: list[Body]) -> None:
    found = of(*rules)
    kinds = [
        frozenset(name for name, has in zip(HEADERS, flags, strict=True) if has) for flags in product((0, 1), (0, 1))
    ]
    for sender in SENDERS:
        number = (addresses.parse(sender) or ())[0][0]
        expected = any(_is_let_past((sender, kind), rules) for kind in kinds)
        assert holds(found.open_to, number) is expected
        assert holds(found.known_to, number) is expected


@settings(max_examples=100, deadline=None)
@given(_RULES)
def test_many_traits_are_never_taken_for_less_than_they_let_past(rules: list[Body]) -> None:
    others = [condition("RequestUri", "Contains", f"other{number}") for number in range(9)]
    unused = custom("Allow", *others, from_anywhere("192.0.2.1"), priority=101)
    more, fewer = of(*rules, unused), of(*rules)
    for sender in SENDERS:
        number = (addresses.parse(sender) or ())[0][0]
        assert holds(more.open_to, number) or not holds(fewer.open_to, number)
