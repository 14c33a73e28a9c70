"""Find what holds the address that a route names as its next hop: an Azure Firewall, a machine, a load balancer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, is_within
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import FIREWALLS, LOAD_BALANCERS, MACHINES
from auditor.model import Resource
from auditor.network.virtual_networks import Networks

_FIREWALL_SUBNET: Final = "azurefirewallsubnet"
_HOLDERS: Final[Mapping[str, str]] = {
    FIREWALLS: "properties.ipConfigurations",
    INTERFACES: "properties.ipConfigurations",
    LOAD_BALANCERS: "properties.frontendIPConfigurations",
}


class NextHop(Struct, frozen=True):
    """What a route leads to. `subnet` is None for a firewall in a hub of Virtual WAN."""

    resource: Resource
    subnet: Resource | None

    @property
    def is_firewall(self) -> bool:
        """Whether it is an Azure Firewall."""
        return self.resource.type_key == FIREWALLS


class NextHops:
    """The holders of private addresses in an estate, by address."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    @property
    def _estate(self) -> Estate:
        return self.networks.estate

    @cached_property
    def _by_address(self) -> Mapping[Ranges, Sequence[NextHop]]:
        found: dict[Ranges, list[NextHop]] = defaultdict(list)
        for kind, path in _HOLDERS.items():
            for resource in self._estate.of_type(kind):
                for numbers, subnet in self._held(resource, path):
                    found[numbers].append(NextHop(resource, subnet))
        return found

    def _held(self, resource: Resource, path: str) -> Iterator[tuple[Ranges, Resource | None]]:
        for configuration in body.objects(resource.body, path):
            subnet = self._estate.get(body.sub_resource(configuration, "properties.subnet") or "")
            numbers = addresses.read(configuration, "properties.privateIPAddress")
            if subnet is not None and numbers:
                yield numbers, subnet
        if resource.type_key == FIREWALLS:
            numbers = addresses.read(resource.body, "properties.hubIPAddresses.privateIPAddress")
            if numbers:
                yield numbers, None

    def at(self, network: str, own: Ranges, address: str) -> NextHop | None:
        """Return what holds an address as seen from a subnet of a network: in it, in a peered one, or in a hub."""
        numbers = addresses.parse(address)
        if numbers is None:
            return None
        near = self._near(network, own)
        held = self._by_address.get(numbers, ())
        placed = [hop for hop in held if hop.subnet is None or ids.parent_of(hop.subnet.key) in near]
        return (
            next((hop for hop in placed if hop.is_firewall), None)
            or next(iter(placed), None)
            or self._silent(near, numbers)
        )

    def _near(self, network: str, own: Ranges) -> dict[str, None]:
        peers = (
            peering.remote
            for peering in self.networks.peerings(network)
            if peering.is_connected and peering.has_access and peering.joins(own)
        )
        return dict.fromkeys((network, *peers))

    def _silent(self, near: Mapping[str, None], numbers: Ranges) -> NextHop | None:
        """Return the only firewall of a subnet for firewalls that holds the address, where it does not state its own."""
        for network in near:
            subnet = self._estate.get(f"{network}/subnets/{_FIREWALL_SUBNET}")
            if subnet is None:
                continue
            space = addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
            attached = (self._estate.get(key) for key in self._estate.sources(subnet.key, "attached"))
            firewalls = [one for one in attached if one is not None and one.type_key == FIREWALLS]
            if space and is_within(numbers, space) and len(firewalls) == 1:
                stated = list(self._held(firewalls[0], _HOLDERS[FIREWALLS]))
                return None if stated else NextHop(firewalls[0], subnet)
        return None


def owner_of(estate: Estate, hop: NextHop) -> Resource:
    """Return the machine that an interface belongs to, or what holds the address itself."""
    owners = (estate.get(key) for key in estate.targets(hop.resource.key, "attached"))
    return next((owner for owner in owners if owner is not None and owner.type_key == MACHINES), hop.resource)


def has_public_address(firewall: Resource) -> bool:
    """Whether a firewall holds a public address of its own."""
    own = body.objects(firewall.body, "properties.ipConfigurations")
    if any(body.sub_resource(one, "properties.publicIPAddress") for one in own):
        return True
    of_hub = "properties.hubIPAddresses.publicIPs"
    return bool(body.items(firewall.body, f"{of_hub}.addresses")) or bool(body.number(firewall.body, f"{of_hub}.count"))
