"""Generated security groups: few addresses and ports, so that rules overlap often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SPACE = "10.0.0.0/16"
SUBNET = "10.0.1.0/24"
PREFIXES = (
    "*",
    "0.0.0.0/0",
    "0.0.0.0/1",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.0/25",
    "10.0.1.7",
    "10.0.2.0/24",
    "20.0.0.0/8",
    "20.30.0.0/16",
    "168.63.129.16",
    "VirtualNetwork",
    "Internet",
    "AzureLoadBalancer",
)
TAGS = ("Storage", "Storage.WestUS", "AzureMonitor")
PORTS = ("*", "22", "3389", "20-25", "0-1023", "443", "1024-65535", "8")
ADDRESSES = (
    "0.0.0.0",  # noqa: S104 - an address to test, nothing binds
    "1.0.0.4",
    "9.9.9.9",
    "10.0.0.9",
    "10.0.1.7",
    "10.0.1.8",
    "10.0.1.200",
    "10.0.2.5",
    "10.9.0.1",
    "20.1.0.1",
    "20.30.0.1",
    "130.0.0.1",
    "168.63.129.16",
    "172.16.0.1",
)
PORT_POINTS = (0, 8, 19, 22, 23, 26, 443, 1023, 1024, 3389, 65535)
DEFAULTS: tuple[tuple[str, int, str, str, str], ...] = (
    ("net", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("probe", 65001, "Allow", "AzureLoadBalancer", "*"),
    ("rest", 65500, "Deny", "*", "*"),
)


def body(name: str, priority: int, access: str, source: str, destination: str) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "sourcePortRange": "*",
        "destinationPortRange": "*",
    }


DEFAULT_BODIES = [body(*row) for row in DEFAULTS]


@st.composite
def sides(draw: st.DrawFn, end: str, pool: tuple[str, ...]) -> dict[str, Any]:
    if draw(st.booleans()):
        return {f"{end}AddressPrefix": draw(st.sampled_from(pool)), f"{end}AddressPrefixes": []}
    return {f"{end}AddressPrefixes": draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True))}


@st.composite
def rules(draw: st.DrawFn, name: str, pool: tuple[str, ...] = PREFIXES) -> dict[str, Any]:
    ports = draw(st.lists(st.sampled_from(PORTS), min_size=1, max_size=2, unique=True))
    return {
        "name": name,
        "direction": "Inbound",
        "access": draw(st.sampled_from(("Allow", "Deny"))),
        "protocol": draw(st.sampled_from(("*", "Tcp", "Udp", "Icmp", "Esp"))),
        **draw(sides("source", pool)),
        **draw(sides("destination", PREFIXES)),
        "sourcePortRange": draw(st.sampled_from(("*", "*", "1024-65535"))),
        "destinationPortRanges": ports,
    }


@st.composite
def groups(draw: st.DrawFn, pool: tuple[str, ...] = PREFIXES, most: int = 6) -> list[dict[str, Any]]:
    """Draw custom rules with distinct priorities."""
    count = draw(st.integers(0, most))
    order = draw(st.permutations(range(count)))
    return [{**draw(rules(f"r{place}", pool)), "priority": 100 + 10 * rank} for place, rank in enumerate(order)]
