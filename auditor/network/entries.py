"""Find what leads packets from the Internet into a subnet with the source that they were sent with.

A public address of a machine, a load balancer with a public front end, a service that holds a public address, and for all
that is known a machine that a default route leads to. A firewall is none: it puts its own address in the place of the
client's when it leads something on:
https://learn.microsoft.com/azure/architecture/example-scenario/gateway/firewall-application-gateway
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges
from auditor.estate.lookup import INTERFACES, PRIVATE_ENDPOINTS
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import (
    BASTIONS,
    FIREWALLS,
    GATEWAYS,
    INSTANCE_INTERFACES,
    INSTANCES,
    LOAD_BALANCERS,
    MACHINES,
    NAT_GATEWAYS,
    NETWORK_GATEWAYS,
    PUBLIC_ADDRESSES,
    ROUTE_TABLES,
    SCALE_SETS,
    SECURITY_GROUPS,
)
from auditor.estate.service_relations import SITES, SLOTS
from auditor.model import Resource
from auditor.network.membership import NetworkMember
from auditor.network.next_hops import NextHops, owner_of
from auditor.network.routes import UserRoute
from auditor.network.security_rules import ALL_PORTS, ALL_PROTOCOLS, Match

_MEMBERS: Final = frozenset({INSTANCE_INTERFACES, INSTANCES, INTERFACES, MACHINES, SCALE_SETS})
_NO_ENTRY: Final = frozenset(
    {LOAD_BALANCERS, NAT_GATEWAYS, PLANS, PRIVATE_ENDPOINTS, ROUTE_TABLES, SECURITY_GROUPS, SITES, SLOTS}
)
"""What may be attached to a subnet and lets nothing from the Internet in, or does so by its members only."""
_BY_ADDRESS: Final = frozenset({BASTIONS, FIREWALLS, GATEWAYS, NETWORK_GATEWAYS})
"""What lets something from the Internet in by the public addresses that it holds, and by nothing else."""
_READ: Final = (INTERFACES, SCALE_SETS, PUBLIC_ADDRESSES, LOAD_BALANCERS)
"""The types of which every resource has to be known before nothing else leads in."""
_BALANCED: Final = ("loadBalancingRules", "inboundNatRules", "inboundNatPools")
_ANYTHING: Final = Match()
_PROTOCOLS: Final = {"tcp": 0b001, "udp": 0b010}


class Entry(Struct, frozen=True):
    """What leads packets from the Internet to a member of a subnet, or to addresses in it.

    `by` is the id of what holds the public address. Only what `limit` matches comes by it. `doubt` says why it is not
    known that it leads in; empty: it does. `needs_group`: it is closed where no security group lets something in.
    """

    by: str
    member: NetworkMember | None = None
    addresses: Ranges = addresses.ANY
    limit: Match = _ANYTHING
    doubt: str = ""
    needs_group: bool = False


class Entries:
    """The entries of an estate's subnets."""

    def __init__(self, hops: NextHops) -> None:
        self.estate = hops.networks.estate
        self.members = hops.networks.members
        self.hops = hops

    def into(self, subnet: Resource, own: Ranges, routes: Sequence[UserRoute]) -> Iterator[Entry]:
        """Yield what leads into a subnet with these addresses and default routes, and what may for all that is known."""
        for member in self.members.in_subnet(subnet.key):
            yield from self.to_member(member)
        yield from self._balanced_addresses.get(subnet.key, ())
        for key in self.estate.sources(subnet.key, "attached"):
            yield from self._by_service(key)
        for route in routes:
            yield from self._by_appliance(subnet, own, route)
        gaps = (self.estate.type_gap(kind) for kind in (*_READ, *_delegates(subnet)))
        if gap := next((gap for gap in gaps if gap is not None), None):
            yield Entry("", doubt=f"whether something leads from the Internet to {subnet.name} ({gap.reason})")

    def to_member(self, member: NetworkMember) -> Iterator[Entry]:
        """Yield what leads to a member: addresses of its own, and load balancers."""
        if member.is_endpoint:
            return
        for key in dict.fromkeys((*map(ids.key, member.public_addresses), *self._addresses_of(member))):
            address = self.estate.get(key)
            doubt = "" if address else f"which public address {ids.name_of(key)} is, which was not collected"
            yield Entry(
                member.holder.id, member, doubt=doubt, needs_group=address is not None and not _is_basic(address)
            )
        setting = member.instance_address
        if setting is not None:
            is_basic = body.same_text(body.text(setting, "sku.name") or "Basic", "Basic")
            yield Entry(member.holder.id, member, needs_group=not is_basic)
        yield from self._balanced_members.get(member.key, ())
        for balancer in sorted({ids.parent_of(pool) or pool for pool in member.pools}):
            if self.estate.get(balancer) is None and _kind(balancer) == LOAD_BALANCERS:
                doubt = f"whether load balancer {ids.name_of(balancer)}, which was not collected, leads in"
                yield Entry(balancer, member, doubt=doubt)

    def serves(self, subnet: Resource) -> bool:
        """Whether a gateway, Bastion or firewall is in a subnet, which Azure reaches without a public address."""
        return any(_kind(key) in _BY_ADDRESS for key in self.estate.sources(subnet.key, "attached"))

    def _addresses_of(self, member: NetworkMember) -> Sequence[str]:
        """Return the public addresses that say themselves that they belong to a member's configuration."""
        return self._by_configuration.get(f"{member.holder.key}/ipconfigurations/{member.name.lower()}", ())

    @cached_property
    def _by_configuration(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for address in self.estate.of_type(PUBLIC_ADDRESSES):
            if configuration := body.sub_resource(address.body, "properties.ipConfiguration"):
                found[configuration].append(address.key)
        return found

    @cached_property
    def _balanced(self) -> Sequence[tuple[tuple[str, str] | str, Entry]]:
        """Return the entries by load balancers, each with the member (by key) or the subnet that it leads to."""
        found: list[tuple[tuple[str, str] | str, Entry]] = []
        for balancer in self.estate.of_type(LOAD_BALANCERS):
            fronts = public_fronts(balancer)
            rules = [(kind, rule) for kind in _BALANCED for rule in body.objects(balancer.properties, kind)]
            for kind, rule in rules if fronts else ():
                front = body.sub_resource(rule, "properties.frontendIPConfiguration")
                if front is None or ids.name_of(front).lower() in fronts:
                    found += self._behind(balancer, kind, rule)
        return found

    def _behind(
        self, balancer: Resource, kind: str, rule: Mapping[str, object]
    ) -> Iterator[tuple[tuple[str, str] | str, Entry]]:
        limit, needs_group = led_on(rule), not _is_basic(balancer)
        behind = self.members.behind(balancer, rule, kind)
        for member in behind.members:
            yield member.key, Entry(balancer.id, member, limit=limit, needs_group=needs_group)
        for key, numbers in behind.addresses:
            yield ids.key(key), Entry(balancer.id, addresses=numbers, limit=limit, needs_group=needs_group)

    @cached_property
    def _balanced_members(self) -> Mapping[tuple[str, str], Sequence[Entry]]:
        found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for key, entry in self._balanced:
            if isinstance(key, tuple):
                found[key].append(entry)
        return found

    @cached_property
    def _balanced_addresses(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for key, entry in self._balanced:
            if isinstance(key, str):
                found[key].append(entry)
        return found

    def _by_service(self, key: str) -> Iterator[Entry]:
        kind, resource = _kind(key), self.estate.get(key)
        if kind in _NO_ENTRY or (kind in _MEMBERS and resource is not None):
            return
        shown = resource.id if resource else key
        if resource is not None and any(_kind(one) == PUBLIC_ADDRESSES for one in self.estate.sources(key, "attached")):
            yield Entry(shown)
        elif resource is None:
            yield Entry(shown, doubt=f"what {ids.name_of(shown)}, which was not collected, lets in")
        elif kind not in _BY_ADDRESS:
            yield Entry(shown, doubt=f"what {resource.name} lets in from the Internet ({resource.type})")

    def _by_appliance(self, subnet: Resource, own: Ranges, route: UserRoute) -> Iterator[Entry]:
        """Yield that the machine at the end of a default route may lead in what comes to its own public addresses."""
        if route.hop != "virtualappliance":
            return
        hop = self.hops.at(ids.parent_of(subnet.key) or "", own, route.address)
        if hop is None or hop.is_firewall:
            return
        owner = owner_of(self.estate, hop)
        holders = {hop.resource.key, owner.key, *self.estate.sources(owner.key, "attached")}
        members = [member for key in sorted(holders) for member in self.members.of(key)]
        if hop.resource.type_key == LOAD_BALANCERS or any(True for one in members for _ in self.to_member(one)):
            yield Entry(owner.id, doubt=f"what appliance {owner.name} leads in from the Internet")


def public_fronts(balancer: Resource) -> frozenset[str]:
    """Return the names, in lower case, of a load balancer's front ends with a public address."""
    return frozenset(
        (body.text(front, "name") or ids.name_of(body.text(front, "id") or "")).lower()
        for front in body.objects(balancer.properties, "frontendIPConfigurations")
        if any(body.sub_resource(front, f"properties.{name}") for name in ("publicIPAddress", "publicIPPrefix"))
    )


def led_on(rule: Mapping[str, object]) -> Match:
    """Return what a rule of a load balancer leads on, as the back end sees it."""
    protocols = _PROTOCOLS.get((body.text(rule, "properties.protocol") or "").lower(), ALL_PROTOCOLS)
    port = body.number(rule, "properties.backendPort") or 0
    return Match(
        protocols=protocols, destination_ports=((port, port + 1),) if port else ALL_PORTS, names_ports=bool(port)
    )


def _is_basic(resource: Resource) -> bool:
    """Whether an address or load balancer is Basic: those are open where no group filters.

    https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses
    """
    return body.same_text(body.text(resource.body, "sku.name") or "Basic", "Basic")


def _delegates(subnet: Resource) -> Iterator[str]:
    """Yield the types, in lower case, that a subnet is delegated to, but for those that let nothing in."""
    for delegation in body.objects(subnet.properties, "delegations"):
        kind = (body.text(delegation, "properties.serviceName") or "").lower()
        if kind and kind not in _NO_ENTRY:
            yield kind


def _kind(key: str) -> str:
    return (ids.type_of(key) or "").lower()
