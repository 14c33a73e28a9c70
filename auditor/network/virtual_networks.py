"""Read what surrounds a subnet from an estate: address space, peerings, gateways, routes, tags, group members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS, PEERINGS
from auditor.estate.network_relations import NETWORK_GATEWAYS
from auditor.model import Gap, Resource
from auditor.network.address_book import Route, Surroundings
from auditor.network.membership import Membership

ROUTES: Final = "microsoft.network/routetables/routes"
SERVICE_TAGS: Final = "microsoft.network/servicetags"

_GATEWAY_SUBNET: Final = "gatewaysubnet"
# Whether the prefix of a user-defined route counts as VirtualNetwork, by its next hop.
# https://learn.microsoft.com/azure/virtual-network/service-tags-overview; it says nothing of Internet and None.
_IN_NETWORK: Final[Mapping[str, bool]] = {"virtualappliance": True, "virtualnetworkgateway": True, "vnetlocal": True}


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering of a virtual network. `space` is what the tag VirtualNetwork takes in by it: nothing where it connects none.

    https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
    """

    resource: Resource
    remote: str
    is_connected: bool
    space: Ranges


class Networks:
    """The virtual networks of an estate, read once each."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._spaces: dict[str, Ranges] = {}

    @cached_property
    def tags(self) -> Mapping[str, Ranges]:
        """Return the published prefixes of service tags, as far as the snapshot holds them."""
        return _Tags(self.estate.of_type(SERVICE_TAGS))

    @cached_property
    def members(self) -> Membership:
        """Return who takes part in the networks by an address."""
        return Membership(self.estate)

    def space(self, network: str) -> Ranges:
        """Return the address space of a virtual network by key; nothing where it is not known."""
        if network not in self._spaces:
            resource = self.estate.get(network)
            self._spaces[network] = (
                addresses.read(resource.body, "properties.addressSpace.addressPrefixes") if resource else ()
            )
        return self._spaces[network]

    def are_connected(self, subnet: Resource, far: Resource) -> bool:
        """Whether two subnets lie in one virtual network or in peered ones."""
        own, remote = ids.parent_of(subnet.key) or "", ids.parent_of(far.key) or ""
        return own == remote or remote in self.estate.targets(own, "peered")

    def around(self, subnet: Resource, own: Ranges) -> Surroundings:
        """Return the surroundings of a subnet with these prefixes of its own."""
        network = ids.parent_of(subnet.key) or ""
        peers, gateway = self._peers(network)
        table = body.sub_resource(subnet.body, "properties.routeTable")
        if gateway is None and table and (resource := self.estate.get(table)):
            # Without propagation the subnet learns nothing from the gateway.
            gateway = () if body.flag(resource.body, "properties.disableBgpRoutePropagation") else None
        return Surroundings(
            union(self.space(network), own), peers, gateway, tuple(self._routes(table)), self.tags, self.members.groups
        )

    def _peers(self, network: str) -> tuple[Ranges, Ranges | None]:
        """Return the address space of peered networks, and what gateways teach: nothing, or None for not known."""
        gateway: Ranges | None = None if self._has_gateway(network) or self._unknown_peers(network) else ()
        peers: list[Ranges] = [()]
        for peering in self.peerings(network):
            if peering.is_connected:
                peers.append(peering.space)
                if not peering.space or body.flag(peering.resource.body, "properties.useRemoteGateways"):
                    gateway = None
        return union(*peers), gateway

    def peerings(self, network: str) -> Iterator[Peering]:
        """Yield the peerings of a virtual network by key."""
        for peering in self.estate.children(network, PEERINGS):
            state = body.text(peering.body, "properties.peeringState") or "Connected"
            has_access = body.flag(peering.body, "properties.allowVirtualNetworkAccess") is not False
            remote = body.sub_resource(peering.body, "properties.remoteVirtualNetwork") or ""
            stated = addresses.read(
                peering.body,
                "properties.remoteVirtualNetworkAddressSpace.addressPrefixes",
                "properties.remoteAddressSpace.addressPrefixes",
            )
            is_connected = has_access and body.same_text(state, "Connected")
            space = union(self.space(remote), stated) if is_connected else ()
            yield Peering(peering, remote, is_connected=is_connected, space=space)

    def _has_gateway(self, network: str) -> bool:
        """Whether there is, or for all that is known may be, a gateway in the network."""
        subnet = f"{network}/subnets/{_GATEWAY_SUBNET}"
        occupants = self.estate.sources(subnet, "attached")
        if any((ids.type_of(key) or "").lower() == NETWORK_GATEWAYS for key in occupants):
            return True
        return self.estate.get(subnet) is not None and self.estate.type_gap(NETWORK_GATEWAYS, subnet) is not None

    def _unknown_peers(self, network: str) -> bool:
        """Whether the snapshot itself says that peerings of the network were not collected."""
        gaps = self.estate.gaps_in(PEERINGS)
        return any(ids.is_under(network, gap.scope) or ids.is_under(gap.scope, network) for gap in gaps)

    def _routes(self, table: str | None) -> Iterator[Route]:
        if table is None:
            return
        if self.estate.get(table) is None:
            yield Route(addresses.ANY, f"routes of {ids.name_of(table)}", None)
            return
        for route in self.estate.children(table, ROUTES):
            hop = (body.text(route.body, "properties.nextHopType") or "").lower()
            text = body.text(route.body, "properties.addressPrefix") or route.name
            prefix = addresses.parse(text)
            if prefix is None:  # a service tag, or nothing readable
                yield Route(self.tags.get(text.lower()) or addresses.PUBLIC, text, None)
            else:
                # That a default route makes everything VirtualNetwork is reported, but not documented.
                is_default = prefix in (addresses.IPV4, addresses.IPV6)
                yield Route(prefix, text, None if is_default else _IN_NETWORK.get(hop))

    def gap(self, subnet: Resource) -> Gap | None:
        """Return why the prefixes around a subnet cannot be known, or None."""
        network = ids.parent_of(subnet.key) or ""
        if self.estate.get(network) is None:
            return Gap(network, NETWORKS, "not in the snapshot")
        return None


class _Tags(Mapping[str, Ranges]):
    """Prefixes by lower-case tag, read from the first answer that names it; parsed on demand."""

    def __init__(self, answers: Sequence[Resource]) -> None:
        self._bodies: dict[str, Mapping[str, object]] = {}
        self._parsed: dict[str, Ranges] = {}
        for answer in answers:
            listed = [*body.objects(answer.body, "values"), *body.objects(answer.body, "properties.values")]
            for value in listed:
                if (name := body.text(value, "name")) is not None:
                    self._bodies.setdefault(name.lower(), value)

    def __getitem__(self, tag: str) -> Ranges:
        if tag not in self._parsed:
            self._parsed[tag] = addresses.read(self._bodies[tag], "properties.addressPrefixes")
        return self._parsed[tag]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)
