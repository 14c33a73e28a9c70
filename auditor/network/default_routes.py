"""Tell whether packets from or to the Internet take a subnet's default route at all.

Whether the tag VirtualNetwork contains a user-defined default route is not documented. It matters to public addresses
only where such packets exist: what comes from the Internet needs an entry, and what leaves for it an exit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES, PRIVATE_ENDPOINTS
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import (
    BASTIONS,
    FIREWALLS,
    GATEWAYS,
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
from auditor.model import Gap, Resource
from auditor.network.firewall import Firewalls
from auditor.network.next_hops import NextHop, NextHops, has_public_address, owner_of
from auditor.network.routes import UserRoute, user_routes
from auditor.network.ways_out import Attachment, attachments, frontends

_BASTION_SUBNET: Final = "azurebastionsubnet"
_NO_ENTRY: Final = frozenset(
    {
        LOAD_BALANCERS, MACHINES, NAT_GATEWAYS, PLANS, PRIVATE_ENDPOINTS, ROUTE_TABLES, SECURITY_GROUPS,
        SITES, SLOTS,
    }
)  # fmt: skip
"""What may be attached to a subnet and lets nothing from the Internet in, or does so by its interfaces only."""
_BY_ADDRESS: Final = frozenset({BASTIONS, FIREWALLS, GATEWAYS, NETWORK_GATEWAYS})
"""What lets something from the Internet in by the public addresses that it holds."""


class DefaultRoutes:
    """The default routes of an estate's subnets, and what takes them."""

    def __init__(self, hops: NextHops, firewalls: Firewalls) -> None:
        self.estate: Estate = hops.networks.estate
        self.hops = hops
        self.firewalls = firewalls

    def of(self, subnet: Resource) -> Sequence[UserRoute]:
        """Return the default routes of a subnet, as far as they are known; Bastion's takes none.

        https://learn.microsoft.com/azure/bastion/bastion-faq#udr
        """
        if subnet.name.lower() == _BASTION_SUBNET:
            return ()
        routes = user_routes(self.estate, self.hops.networks.tags, subnet)
        return () if isinstance(routes, Gap) else [route for route in routes if route.is_default]

    def may_enter(self, subnet: Resource, own: Ranges) -> bool:
        """Whether packets with a public source may arrive in a subnet that a default route could make VirtualNetwork.

        Bastion takes them on 443 alone, where rules name the Internet, and no route.
        """
        return subnet.name.lower() != _BASTION_SUBNET and self.has_entry(subnet, own)

    def has_entry(self, subnet: Resource, own: Ranges) -> bool:
        """Whether something may lead packets with a public source into a subnet.

        They do not come by a firewall, which puts its own address in their place when it leads them on:
        https://learn.microsoft.com/azure/architecture/example-scenario/gateway/firewall-application-gateway
        """
        if any(self.estate.type_gap(kind) for kind in (INTERFACES, SCALE_SETS, PUBLIC_ADDRESSES)):
            return True
        if any(self._lets_in(key) for key in self.estate.sources(subnet.key, "attached")):
            return True
        if any(self._is_public(attachment) for attachment in attachments(self.estate, subnet)):
            return True
        return any(self._leads_in(subnet, own, route) for route in self.of(subnet))

    def _lets_in(self, key: str) -> bool:
        kind = (ids.type_of(key) or "").lower()
        if kind in _NO_ENTRY:
            return False
        if kind in {INTERFACES, SCALE_SETS}:
            return self.estate.get(key) is None
        if kind in _BY_ADDRESS and self.estate.get(key) is not None:
            return any(
                (ids.type_of(one) or "").lower() == PUBLIC_ADDRESSES for one in self.estate.sources(key, "attached")
            )
        return True  # nobody knows how this service lets something in

    def _is_public(self, attachment: Attachment) -> bool:
        return attachment.is_public or any(
            frontends(self.estate, pool) is not False for pool in (*attachment.pools, *attachment.translations)
        )

    def _leads_in(self, subnet: Resource, own: Ranges, route: UserRoute) -> bool:
        """Whether the machine at the end of a default route may lead in what comes to its own public addresses."""
        if route.hop != "virtualappliance":
            return False
        hop = self.hops.at(ids.parent_of(subnet.key) or "", own, route.address)
        if hop is None or hop.is_firewall:
            return False
        return hop.resource.type_key == LOAD_BALANCERS or any(map(self._is_public, self._addresses_of(hop)))

    def _addresses_of(self, hop: NextHop) -> Sequence[Attachment]:
        owner = owner_of(self.estate, hop)
        keys = {hop.resource.key, *self.estate.sources(owner.key, "attached")}
        interfaces = (self.estate.get(key) for key in sorted(keys))
        return [
            Attachment.of(owner.id, configuration)
            for interface in interfaces
            if interface is not None and interface.type_key == INTERFACES
            for configuration in body.objects(interface.body, "properties.ipConfigurations")
        ]

    def may_leave(self, subnet: Resource, own: Ranges) -> bool:
        """Whether packets to public addresses may get out of a subnet by a default route."""
        return any(self._leads_out(subnet, own, route) for route in self.of(subnet))

    def _leads_out(self, subnet: Resource, own: Ranges, route: UserRoute) -> bool:
        if route.hop != "virtualappliance":
            return route.hop != "none"
        hop = self.hops.at(ids.parent_of(subnet.key) or "", own, route.address)
        if hop is None:
            return any(self.estate.type_gap(kind) for kind in (FIREWALLS, INTERFACES, LOAD_BALANCERS))
        if not hop.is_firewall:
            return True
        can_leave = has_public_address(hop.resource) or (hop.subnet is not None and bool(self.of(hop.subnet)))
        return can_leave and self.firewalls.rules(hop.resource).may_pass(own, addresses.PUBLIC)
