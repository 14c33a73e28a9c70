"""Read what surrounds a subnet from an estate: address space, peerings, gateways, routes, tags, group members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection, is_within, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS, PEERINGS
from auditor.estate.network_relations import NETWORK_GATEWAYS
from auditor.model import Gap, Resource
from auditor.network.address_book import Route, Surroundings
from auditor.network.membership import Membership
from auditor.network.routes import route_table, user_routes

SERVICE_TAGS: Final = "microsoft.network/servicetags"

_GATEWAY_SUBNET: Final = "gatewaysubnet"
_ROUTE_SERVER_SUBNET: Final = "routeserversubnet"
_HUBS: Final = "microsoft.network/virtualhubs"
_HUB_CONNECTIONS: Final = f"{_HUBS}/hubvirtualnetworkconnections"
# Whether the prefix of a user-defined route counts as VirtualNetwork, by its next hop.
# https://learn.microsoft.com/azure/virtual-network/service-tags-overview; it says nothing of Internet and None.
_IN_NETWORK: Final[Mapping[str, bool]] = {"virtualappliance": True, "virtualnetworkgateway": True, "vnetlocal": True}


class Peering(Struct, frozen=True):
    """A peering of a virtual network. `space` is what it leads to: nothing where it is not connected.

    `prefixes` is the same space, prefix by prefix. `joined` are the addresses of this network that it joins, None for
    all of them. `has_access`: VirtualNetwork takes the space in; without that Azure still leads packets there, and does
    not say whether it lets them through. So it is with `takes_forwarded`, and what others than the remote network's own
    machines send.
    https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
    https://learn.microsoft.com/azure/virtual-network/how-to-configure-subnet-peering
    """

    resource: Resource
    remote: str
    is_connected: bool
    has_access: bool
    prefixes: tuple[Ranges, ...]
    joined: Ranges | None
    takes_forwarded: bool

    @property
    def space(self) -> Ranges:
        """Return all addresses that it leads to."""
        return union((), *self.prefixes)

    def joins(self, numbers: Ranges) -> bool:
        """Whether a subnet with these addresses is joined by the peering."""
        return self.joined is None or is_within(numbers, self.joined)


class HubConnection(Struct, frozen=True):
    """That a network is connected to a hub of Virtual WAN, and whether the hub may teach it a default route."""

    name: str
    teaches_default: bool


class Networks:
    """The virtual networks of an estate, read once each."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._spaces: dict[str, tuple[Ranges, ...]] = {}
        self._peerings: dict[str, Sequence[Peering]] = {}
        self._peers_of_all: dict[str, tuple[Ranges, Ranges | None]] = {}
        """What `_peers` answered of networks whose peerings join all of their subnets."""

    @cached_property
    def tags(self) -> Mapping[str, Ranges]:
        """Return the published prefixes of service tags, as far as the snapshot holds them."""
        return _Tags(self.estate.of_type(SERVICE_TAGS))

    @cached_property
    def members(self) -> Membership:
        """Return who takes part in the networks by an address."""
        return self.estate.once(Membership)

    def space(self, network: str) -> Ranges:
        """Return the address space of a virtual network by key; nothing where it is not known."""
        return union((), *self.prefixes(network))

    def prefixes(self, network: str) -> tuple[Ranges, ...]:
        """Return the address space of a virtual network by key, prefix by prefix."""
        if network not in self._spaces:
            resource = self.estate.get(network)
            self._spaces[network] = _prefixes(resource.body, "properties.addressSpace") if resource else ()
        return self._spaces[network]

    def around(self, subnet: Resource, own: Ranges) -> Surroundings:
        """Return the surroundings of a subnet with these prefixes of its own."""
        network = ids.parent_of(subnet.key) or ""
        peers, gateway = self._peers(network, own)
        table = route_table(self.estate, subnet)
        if gateway is None and table and (resource := self.estate.get(table)):
            # Without propagation the subnet learns nothing from the gateway.
            gateway = () if body.flag(resource.body, "properties.disableBgpRoutePropagation") else None
        return Surroundings(
            space=union(self.space(network), own),
            peers=peers,
            gateway=gateway,
            routes=tuple(self._routes(subnet)),
            tags=self.tags,
            groups=self.members.groups,
            has_unread_peers=self.has_unlisted_peers(network),
        )

    def _peers(self, network: str, own: Ranges) -> tuple[Ranges, Ranges | None]:
        """Return the address space that peerings join to these addresses, and what gateways teach.

        That is nothing, or None for not known.
        """
        whole = self._peers_of_all.get(network)
        if whole is None:
            whole = self._joined_peers(network, own)
            if all(peering.joined is None for peering in self.peerings(network)):
                self._peers_of_all[network] = whole
        return whole

    def _joined_peers(self, network: str, own: Ranges) -> tuple[Ranges, Ranges | None]:
        gateway: Ranges | None = None if self._has_gateway(network) or self._unknown_peers(network) else ()
        peers: list[Ranges] = [()]
        for peering in self.peerings(network):
            if peering.is_connected and peering.joins(own):
                peers.append(peering.space if peering.has_access else ())
                if not peering.prefixes or body.flag(peering.resource.body, "properties.useRemoteGateways"):
                    gateway = None
        return union(*peers), gateway

    def peerings(self, network: str) -> Sequence[Peering]:
        """Return the peerings of a virtual network by key."""
        if network not in self._peerings:
            self._peerings[network] = [self._peering(peering) for peering in self.estate.children(network, PEERINGS)]
        return self._peerings[network]

    def _peering(self, peering: Resource) -> Peering:
        properties = peering.properties
        state = body.text(properties, "peeringState") or "Connected"
        remote = body.sub_resource(properties, "remoteVirtualNetwork") or ""
        is_connected = body.same_text(state, "Connected")
        is_partial = body.flag(properties, "peerCompleteVnets") is False
        prefixes = self._named(remote, properties, "remote") if is_partial else self._whole(remote, properties)
        if body.flag(properties, "enableOnlyIPv6Peering"):
            prefixes = tuple(kept for piece in prefixes if (kept := intersection(piece, addresses.IPV6)))
        near = self._named(ids.parent_of(peering.key) or "", properties, "local") if is_partial else None
        return Peering(
            resource=peering,
            remote=remote,
            is_connected=is_connected,
            has_access=body.flag(properties, "allowVirtualNetworkAccess") is not False,
            prefixes=prefixes if is_connected else (),
            joined=None if near is None else union((), *near),
            takes_forwarded=body.flag(properties, "allowForwardedTraffic") is True,
        )

    def _whole(self, remote: str, properties: Mapping[str, object]) -> tuple[Ranges, ...]:
        """Return the prefixes of a remote network; what it has got since both were synchronised is not peered yet.

        https://learn.microsoft.com/azure/virtual-network/update-virtual-network-peering-address-space
        """
        peered = _prefixes(properties, "remoteAddressSpace")
        level = body.text(properties, "peeringSyncLevel") or "FullyInSync"
        if peered and not body.same_text(level, "FullyInSync"):
            return peered
        current = _prefixes(properties, "remoteVirtualNetworkAddressSpace")
        return tuple(dict.fromkeys((*self.prefixes(remote), *current, *peered)))

    def _named(self, network: str, properties: Mapping[str, object], side: str) -> tuple[Ranges, ...]:
        """Return the prefixes of the subnets that one side of a subnet peering names, else those that it states."""
        named = (
            self.estate.get(f"{network}/subnets/{name.lower()}")
            for name in body.texts(properties, f"{side}SubnetNames")
        )
        read = [
            prefix
            for subnet in named
            if subnet is not None
            for prefix in _each(subnet.properties, "addressPrefix", "addressPrefixes")
        ]
        return tuple(read) or _prefixes(properties, f"{side}AddressSpace")

    def _has_gateway(self, network: str) -> bool:
        """Whether something teaches the network routes, or may for all that is known: a gateway, a hub, a route server."""
        if self._gateways(network) or network in self._hubs or self._has_route_server(network):
            return True
        subnet = f"{network}/subnets/{_GATEWAY_SUBNET}"
        return self.estate.get(subnet) is not None and self.estate.type_gap(NETWORK_GATEWAYS, subnet) is not None

    def _gateways(self, network: str) -> Sequence[str]:
        occupants = self.estate.sources(f"{network}/subnets/{_GATEWAY_SUBNET}", "attached")
        return [key for key in occupants if (ids.type_of(key) or "").lower() == NETWORK_GATEWAYS]

    def _has_route_server(self, network: str) -> bool:
        return self.estate.get(f"{network}/subnets/{_ROUTE_SERVER_SUBNET}") is not None

    @cached_property
    def _hubs(self) -> Mapping[str, HubConnection]:
        """Return the connections to hubs of Virtual WAN by the network that they connect, by key."""
        found: dict[str, HubConnection] = {}
        bodies = [
            (ids.name_of(ids.parent_of(one.key) or ""), one.body) for one in self.estate.of_type(_HUB_CONNECTIONS)
        ]
        for hub in self.estate.of_type(_HUBS):
            bodies += [(hub.name, one) for one in body.objects(hub.body, "properties.virtualNetworkConnections")]
        for name, connection in bodies:
            if (network := body.sub_resource(connection, "properties.remoteVirtualNetwork")) is not None:
                is_kept_out = body.flag(connection, "properties.enableInternetSecurity") is False
                found.setdefault(network, HubConnection(name, teaches_default=not is_kept_out))
        return found

    def default_teacher(self, network: str) -> str | None:
        """Return, in words, what teaches a network a default route, or may for all that is known; None for nothing.

        https://learn.microsoft.com/azure/virtual-wan/how-to-virtual-hub-routing,
        https://learn.microsoft.com/azure/vpn-gateway/about-site-to-site-tunneling
        """
        hub = self._hubs.get(network)
        if hub is not None and hub.teaches_default:
            return f"virtual hub {hub.name}"
        for key in self._gateways(network):
            if self._may_teach_default(key):
                return f"gateway {ids.name_of(key)}"
        if self._has_route_server(network):
            return f"the route server of {ids.name_of(network)}"
        for peering in self.peerings(network):
            if not peering.is_connected or not body.flag(peering.resource.body, "properties.useRemoteGateways"):
                continue
            known = self._gateways(peering.remote)
            if not known or self._has_route_server(peering.remote) or any(map(self._may_teach_default, known)):
                return f"a gateway of {ids.name_of(peering.remote)}"
        return None

    def _may_teach_default(self, key: str) -> bool:
        """Whether a gateway forwards what others announce, or sends everything to a site of its own accord."""
        gateway = self.estate.get(key)
        if gateway is None or body.sub_resource(gateway.body, "properties.gatewayDefaultSite"):
            return True
        is_vpn = body.same_text(body.text(gateway.body, "properties.gatewayType") or "Vpn", "Vpn")
        return not is_vpn or body.flag(gateway.body, "properties.enableBgp") is True

    def _unknown_peers(self, network: str) -> bool:
        """Whether the snapshot itself says that peerings of the network were not collected."""
        gaps = self.estate.gaps_in(PEERINGS)
        return any(ids.is_under(network, gap.scope) or ids.is_under(gap.scope, network) for gap in gaps)

    def has_unlisted_peers(self, network: str) -> bool:
        """Whether the network may have peerings that an export does not show: it always lists all of them itself."""
        return not self.estate.children(network, PEERINGS) and self.estate.type_gap(PEERINGS, network) is not None

    def _routes(self, subnet: Resource) -> Iterator[Route]:
        routes = user_routes(self.estate, self.tags, subnet)
        if isinstance(routes, Gap):
            if (table := route_table(self.estate, subnet)) is not None:
                yield Route(addresses.ANY, f"routes of {ids.name_of(table)}", None)
            return
        for route in routes:
            if addresses.parse(route.prefix) is None:  # a service tag, or nothing readable
                yield Route(route.numbers or addresses.PUBLIC, route.prefix or route.resource.name, None)
            else:
                # That a default route makes everything VirtualNetwork is reported, but not documented.
                is_in = None if route.is_default else _IN_NETWORK.get(route.hop)
                yield Route(route.numbers or (), route.prefix, is_in, route.is_default)

    def gap(self, subnet: Resource) -> Gap | None:
        """Return why the prefixes around a subnet cannot be known, or None."""
        network = ids.parent_of(subnet.key) or ""
        if self.estate.get(network) is None:
            return Gap(network, NETWORKS, "not in the snapshot")
        return None


def _prefixes(of: object, path: str) -> tuple[Ranges, ...]:
    return _each(of, f"{path}.addressPrefixes")


def _each(of: object, *paths: str) -> tuple[Ranges, ...]:
    texts = [text for path in paths for text in body.text_or_texts(of, path)]
    return tuple(numbers for text in texts if (numbers := addresses.parse(text)) is not None)


@dataclass(frozen=True, eq=False)
class _Tags(Mapping[str, Ranges]):
    """Prefixes by lower-case tag, read from the first answer that names it; parsed on demand."""

    answers: Sequence[Resource]

    @cached_property
    def _parsed(self) -> dict[str, Ranges]:
        return {}

    @cached_property
    def _bodies(self) -> Mapping[str, Mapping[str, object]]:
        bodies: dict[str, Mapping[str, object]] = {}
        for answer in self.answers:
            listed = [*body.objects(answer.body, "values"), *body.objects(answer.body, "properties.values")]
            for value in listed:
                if (name := body.text(value, "name")) is not None:
                    bodies.setdefault(name.lower(), value)
        return bodies

    def __getitem__(self, tag: str) -> Ranges:
        if tag not in self._parsed:
            self._parsed[tag] = addresses.read(self._bodies[tag], "properties.addressPrefixes")
        return self._parsed[tag]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)
