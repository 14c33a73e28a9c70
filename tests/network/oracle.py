"""A second, naive reading of security rules: one packet at a time, straight from the ARM properties."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Body = Mapping[str, Any]
_network = lru_cache(maxsize=4096)(ipaddress.ip_network)
_address = lru_cache(maxsize=4096)(ipaddress.ip_address)
PORTLESS = {"Icmp", "Esp", "Ah"}
NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "168.63.129.16/32",
    )
]
GLOBAL_V6 = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class World:
    """A complete world: the network's prefixes, which unknown tags hold an address (by side), how ports are read."""

    network: tuple[str, ...]
    reading: str = "ignored"
    tags: Mapping[tuple[str, str], bool] | None = None
    members: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Datagram:
    source: str
    destination: str
    protocol: str
    source_port: int
    destination_port: int


def is_public(address: Any) -> bool:
    if address.version == 6:
        return address in GLOBAL_V6
    return not any(address in network for network in NOT_PUBLIC)


def holds(world: World, text: str, address: Any, side: str) -> bool:
    low = text.lower()
    in_network = any(
        address in _network(prefix)
        for prefix in (*world.network, "168.63.129.16/32")
        if _network(prefix).version == address.version
    )
    named = {
        "*": True,
        "virtualnetwork": in_network,
        "internet": is_public(address) and not in_network,
        "azureloadbalancer": str(address) == "168.63.129.16",
    }
    if low in named:
        return named[low]
    try:
        network = _network(text, strict=False)
    except ValueError:
        if not is_public(address):
            return False
        parent = low.rpartition(".")[0]
        own = (world.tags or {})[side, low]
        return own and (not parent or (world.tags or {})[side, parent])
    return address.version == network.version and address in network


def values(rule: Body, name: str, plural: str) -> list[str]:
    return [text for text in [rule.get(name), *rule.get(plural, [])] if text]


def in_ports(rule: Body, side: str, port: int) -> bool:
    for text in values(rule, f"{side}PortRange", f"{side}PortRanges"):
        first, _, last = text.partition("-")
        if text == "*" or int(first) <= port <= int(last or first):
            return True
    return False


def is_any_port(rule: Body) -> bool:
    found = [values(rule, f"{side}PortRange", f"{side}PortRanges") for side in ("source", "destination")]
    return all("*" in one or "0-65535" in one for one in found)


def matches(world: World, rule: Body, packet: Datagram) -> bool:
    if rule["protocol"].lower() not in {"*", packet.protocol.lower()}:
        return False
    for side, text in (("source", packet.source), ("destination", packet.destination)):
        address = _address(text)
        named = values(rule, f"{side}AddressPrefix", f"{side}AddressPrefixes")
        groups = [(world.members or {})[one["id"]] for one in rule.get(f"{side}ApplicationSecurityGroups", [])]
        if not any(holds(world, name, address, side) for name in named) and not any(text in one for one in groups):
            return False
    if packet.protocol not in PORTLESS or is_any_port(rule):
        return in_ports(rule, "source", packet.source_port) and in_ports(rule, "destination", packet.destination_port)
    if world.reading == "ignored":
        return True
    is_type = world.reading == "ICMP type" and packet.protocol == "Icmp"
    return is_type and packet.destination_port < 256 and in_ports(rule, "destination", packet.destination_port)


def first(world: World, rules: Sequence[Body], packet: Datagram) -> Body | None:
    """Return the first rule that matches, by priority; rules are flat ARM properties with a name."""
    for rule in sorted(rules, key=lambda one: one["priority"]):
        if matches(world, rule, packet):
            return rule
    return None


def allows(world: World, filters: Sequence[Sequence[Body]], packet: Datagram) -> bool:
    found = [first(world, rules, packet) for rules in filters]
    return all(rule is not None and rule["access"] == "Allow" for rule in found)
