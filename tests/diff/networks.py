"""Random networks with random edits, and a naive reading of them: one packet at a time, straight from the ARM bodies."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any

from tests.estates import networks
from tests.network.oracle import Datagram, World, allows

Body = dict[str, Any]
_network = lru_cache(maxsize=4096)(ipaddress.ip_network)
_address = lru_cache(maxsize=4096)(ipaddress.ip_address)
PREFIXES = {"a": "10.0.1.0/24", "b": "10.0.2.0/24", "c": "10.0.3.0/25"}
READINGS = ("ignored", "never matching", "ICMP type")
_SIDES = ("*", "VirtualNetwork", "Internet", "10.0.1.0/24", "10.0.2.0/25", "10.0.3.7", "10.0.0.0/16", "9.0.0.0/8")
_PORTS = ("*", "22", "80-90", "443", "1000-2000", "0-65535")
_ROUTES = ("10.0.2.0/24", "10.0.2.128/25", "10.0.3.0/25", "0.0.0.0/0", "10.0.1.0/24")
_ADDRESSES = {
    "a": ("10.0.1.4", "10.0.1.200"),
    "b": ("10.0.2.5", "10.0.2.130"),
    "c": ("10.0.3.7", "10.0.3.100"),
    "Internet": ("8.8.8.8", "9.1.2.3"),
}
_DEFAULTS = {
    "Inbound": [
        ("VirtualNetwork", "VirtualNetwork", "Allow"),
        ("AzureLoadBalancer", "*", "Allow"),
        ("*", "*", "Deny"),
    ],
    "Outbound": [("VirtualNetwork", "VirtualNetwork", "Allow"), ("*", "Internet", "Allow"), ("*", "*", "Deny")],
}


@dataclass
class Net:
    """Rules by subnet, and routes by subnet, as ARM has them."""

    rules: dict[str, list[Body]]
    routes: dict[str, list[Body]]
    seen: dict[tuple[str, str, Datagram, str], bool] = field(default_factory=dict)

    def bodies(self) -> list[Body]:
        groups = [networks.security_group(f"nsg-{name}", *rules) for name, rules in self.rules.items()]
        kind = "Microsoft.Network/routeTables"
        tables = [
            networks.thing(kind, f"rt-{name}", properties={"routes": routes}) for name, routes in self.routes.items()
        ]
        subnets = [
            networks.subnet(name, prefix, f"nsg-{name}", routeTable=networks.to("routeTables", f"rt-{name}"))
            for name, prefix in PREFIXES.items()
        ]
        return copy.deepcopy([networks.network(*subnets), *groups, *tables])

    def passes(self, source: str, destination: str, packet: Datagram, reading: str) -> bool:
        """Whether a packet gets from one end to the other: by the groups of both ends, and by the routes of the first."""
        known = self.seen.get((source, destination, packet, reading))
        if known is None:
            known = self.seen[source, destination, packet, reading] = self._passes(source, destination, packet, reading)
        return known

    def _passes(self, source: str, destination: str, packet: Datagram, reading: str) -> bool:
        world = World(("10.0.0.0/16",), reading)
        filters = [_flat(self.rules[source], "Outbound")] if source != "Internet" else []
        filters += [_flat(self.rules[destination], "Inbound")] if destination != "Internet" else []
        if source != "Internet" and not self._is_led(source, packet.destination):
            return False
        return allows(world, filters, packet)

    def _is_led(self, source: str, address: str) -> bool:
        number = _address(address)
        fitting = [
            (_network(one["properties"]["addressPrefix"]).prefixlen, 1, one["properties"]["nextHopType"])
            for one in self.routes[source]
            if number in _network(one["properties"]["addressPrefix"])
        ]
        system = [("10.0.0.0/16", "VnetLocal"), ("0.0.0.0/0", "Internet"), (PREFIXES[source], "VnetLocal")]
        fitting += [(_network(prefix).prefixlen, 0, hop) for prefix, hop in system if number in _network(prefix)]
        return max(fitting)[2] != "None"


def _flat(rules: Sequence[Body], direction: str) -> list[Body]:
    own = [one["properties"] for one in rules if one["properties"]["direction"] == direction]
    defaults = [
        {
            "priority": 65000 + place,
            "access": access,
            "protocol": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "sourcePortRange": "*",
            "destinationPortRange": "*",
        }
        for place, (source, destination, access) in enumerate(_DEFAULTS[direction])
    ]
    return [*own, *defaults]


def random_net(rng: Random) -> Net:
    rules = {name: [_rule(rng, place) for place in range(rng.randint(1, 5))] for name in PREFIXES}
    routes = {name: [_route(rng, prefix) for prefix in _ROUTES if rng.random() < 0.2] for name in PREFIXES}
    return Net(rules, routes)


def _rule(rng: Random, place: int) -> Body:
    return networks.rule(
        100 + 10 * place,
        rng.choice(("Allow", "Deny")),
        name=f"r{place}",
        direction=rng.choice(("Inbound", "Outbound")),
        protocol=rng.choice(("Tcp", "Udp", "Icmp", "*")),
        sourceAddressPrefix=rng.choice(_SIDES),
        destinationAddressPrefix=rng.choice(_SIDES),
        sourcePortRange=rng.choice(("*", "*", "1024-65535")),
        destinationPortRange=rng.choice(_PORTS),
    )


def _route(rng: Random, prefix: str) -> Body:
    hop = rng.choice(("None", "VnetLocal")) if prefix != "0.0.0.0/0" else "None"
    name = prefix.replace("/", "-")
    return {"name": name, "properties": {"addressPrefix": prefix, "nextHopType": hop}}


def edited(rng: Random, net: Net) -> Net:
    """Return the network with one to three edits."""
    after = Net(copy.deepcopy(net.rules), copy.deepcopy(net.routes))
    for _ in range(rng.randint(1, 3)):
        rng.choice((_add_rule, _drop_rule, _change_rule, _move_rule, _edit_routes))(rng, after)
    return after


def _add_rule(rng: Random, net: Net) -> None:
    rules = net.rules[rng.choice(sorted(net.rules))]
    used = {one["properties"]["priority"] for one in rules}
    new = _rule(rng, 0)
    new["properties"]["priority"] = rng.choice([number for number in range(100, 160) if number not in used])
    new["name"] = f"new{len(rules)}-{rng.randint(0, 999)}"
    rules.append(new)


def _drop_rule(rng: Random, net: Net) -> None:
    rules = net.rules[rng.choice(sorted(net.rules))]
    if rules:
        rules.remove(rng.choice(rules))


def _change_rule(rng: Random, net: Net) -> None:
    rules = net.rules[rng.choice(sorted(net.rules))]
    if rules:
        own, other = rng.choice(rules)["properties"], _rule(rng, 0)["properties"]
        field = rng.choice([name for name in own if name not in {"priority", "direction"}])
        own[field] = other[field]


def _move_rule(rng: Random, net: Net) -> None:
    rules = net.rules[rng.choice(sorted(net.rules))]
    if len(rules) > 1:
        one, other = (each["properties"] for each in rng.sample(rules, 2))
        one["priority"], other["priority"] = other["priority"], one["priority"]


def _edit_routes(rng: Random, net: Net) -> None:
    routes = net.routes[rng.choice(sorted(net.routes))]
    prefix = rng.choice(_ROUTES)
    kept = [one for one in routes if one["properties"]["addressPrefix"] != prefix]
    routes[:] = kept if len(kept) < len(routes) else [*routes, _route(rng, prefix)]


def pairs() -> Iterator[tuple[str, str]]:
    for source, destination in product(_ADDRESSES, _ADDRESSES):
        if (source, destination) != ("Internet", "Internet"):
            yield source, destination


def packets(source: str, destination: str) -> Iterator[Datagram]:
    """Yield a packet for each class that the rules can tell apart; of ICMP the port is its type."""
    for near, far in product(_ADDRESSES[source], _ADDRESSES[destination]):
        yield from (Datagram(near, far, "Tcp", 50000, port) for port in (22, 79, 80, 90, 443, 1500, 40000))
        yield from (Datagram(near, far, "Tcp", 500, port) for port in (22, 2000))
        yield from (Datagram(near, far, "Udp", 50000, port) for port in (22, 85, 999))
        yield from (Datagram(near, far, "Icmp", 0, kind) for kind in (8, 22, 85))
        yield Datagram(near, far, "Esp", 0, 300)


def is_in(boxes: Sequence[Mapping[str, Any]], packet: Datagram) -> bool:
    """Whether a packet is in the union of what diff states."""
    return any(
        packet.protocol in box["protocols"]
        and _holds(box["sources"], packet.source)
        and _holds(box["destinations"], packet.destination)
        and (packet.protocol == "Esp" or _in_ports(box["ports"], packet.destination_port))
        and (packet.protocol not in {"Tcp", "Udp"} or _in_ports(box["source_ports"], packet.source_port))
        for box in boxes
    )


def _holds(prefixes: Sequence[str], address: str) -> bool:
    number = _address(address)
    return any(number in _network(prefix) for prefix in prefixes if (":" in prefix) == (number.version == 6))


def _in_ports(ports: Sequence[str], port: int) -> bool:
    spans = (text.partition("-") for text in ports)
    return any(int(first) <= port <= int(last or first) for first, _, last in spans)
