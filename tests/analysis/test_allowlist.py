"""What an allow list covers, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, summarize_address_range
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.analysis.allowlist import ANALYSIS
from auditor.analysis.contract import Context
from auditor.azure.addresses import covers_internet, read_ranges, widest_ipv4_prefix
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

RG = "/subscriptions/s/resourceGroups/rg/providers"
ACCOUNT = f"{RG}/Microsoft.CognitiveServices/accounts/x"


def _search(*ranges: str, **more: Any) -> Body:
    rules = {"ipRules": [{"value": text} for text in ranges]}
    return {
        "id": f"{RG}/Microsoft.Search/searchServices/x",
        "name": "x",
        "properties": {"networkRuleSet": rules, **more},
    }


def _account(*ranges: str, default: Any = "Deny", **more: Any) -> Body:
    acls = {"defaultAction": default, "ipRules": [{"value": text} for text in ranges]}
    return {"id": ACCOUNT, "name": "x", "properties": {"networkAcls": acls, **more}}


@pytest.fixture
def judge(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the allow list of one resource."""

    def run(body: Body, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make([body], **options), "firewall.allowlist")
        return fact

    return run


@pytest.mark.parametrize(
    ("body", "exposure"),
    [
        (_account("0.0.0.0/0", default="Allow"), "internet"),  # P16
        (_search("0.0.0.0/1", "128.0.0.0/1"), "internet"),  # P20
        (_search("0.0.0.0/0"), "internet"),  # P22
        (_account("0.0.0.0/0"), "internet"),  # P25
        (_account("::/0"), "internet"),
        (_account("1.0.0.0-223.255.255.255"), "internet"),
        (_account("0.0.0.0-168.63.129.15", "168.63.129.17-255.255.255.255"), "internet"),  # without the Azure host
        (_account("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "internet"),
        (_account("203.0.113.7"), "selected networks"),
        (_search("203.0.113.0/24"), "selected networks"),
        (_search(), "internet"),
        (_account(default=None), "internet"),
        (_account("0.0.0.0/0", publicNetworkAccess="disabled"), "closed"),
        (_account(publicNetworkAccess="SecuredByPerimeter"), "perimeter"),
    ],
)
def test_exposure_follows_the_union_of_the_ranges(judge: Callable[..., Derived], body: Body, exposure: str) -> None:
    assert judge(body).fields["exposure"] == exposure


def test_p20_two_halves_are_the_whole(judge: Callable[..., Derived]) -> None:
    fact = judge(_search("128.0.0.0/1", "0.0.0.0/1"))
    assert (fact.fields["coversInternet"], fact.fields["widestPrefix"]) == (True, 0)


def test_a_range_that_cannot_be_read_is_not_known_to_be_narrow(judge: Callable[..., Derived]) -> None:
    fact = judge(_account("203.0.113.0/24", "everyone"))
    assert {"coversInternet", "exposure"} == set(fact.uncollected)
    assert fact.fields["invalid"] == ["everyone"]


def test_rules_that_were_not_read_leave_the_exposure_unknown(judge: Callable[..., Derived]) -> None:
    gap = Gap(ACCOUNT, "properties.networkAcls", "masked")
    assert judge(_account(), gaps=[gap]).uncollected["exposure"] == gap
    assert judge(_account(publicNetworkAccess="Disabled"), gaps=[gap]).fields["exposure"] == "closed"


def test_a_firewall_behind_a_closed_endpoint_is_said_to_have_no_effect_now(judge: Callable[..., Derived]) -> None:
    fact = judge(_account("203.0.113.7", default="Allow", publicNetworkAccess="Disabled"))
    assert fact.summary.endswith(
        "has no public endpoint, so that its firewall has no effect now; it allows by default; "
        "its allow list is 203.0.113.7."
    )


@given(st.lists(st.integers(1, 2**32 - 1), unique=True, max_size=6))
def test_cutting_all_addresses_into_pieces_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 2**32]
    pieces = [
        str(network)
        for low, high in pairwise(edges)
        for network in summarize_address_range(IPv4Address(low), IPv4Address(high - 1))
    ]
    assert covers_internet(read_ranges(pieces)[0])


@given(st.lists(st.integers(0, 32), max_size=4), st.integers(0, 2**32 - 1))
def test_one_public_address_outside_is_enough_to_be_selective(prefixes: list[int], seed: int) -> None:
    kept_out = IPv4Address("8.8.8.8")
    ranges = [IPv4Network((seed, prefix), strict=False) for prefix in prefixes]
    allowed = [str(network) for network in ranges if kept_out not in network]
    assert not covers_internet(read_ranges(allowed)[0])


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=5))
def test_the_widest_prefix_is_that_of_the_union(networks: list[tuple[int, int]]) -> None:
    ranges = [IPv4Network(network, strict=False) for network in networks]
    widest = min((network.prefixlen for network in collapse_addresses(ranges)), default=None)
    assert widest_ipv4_prefix(read_ranges(map(str, ranges))[0]) == widest
