"""Tell whether packets from or to the Internet take a subnet's default route at all.

Whether the tag VirtualNetwork contains a user-defined default route is not documented. It matters to public addresses
only where such packets exist: what comes from the Internet needs an entry, and what leaves for it an exit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import FIREWALLS, LOAD_BALANCERS
from auditor.model import Gap, Resource
from auditor.network.entries import Entries, Entry
from auditor.network.firewall import Firewalls
from auditor.network.membership import NetworkMember
from auditor.network.next_hops import NextHops, has_public_address
from auditor.network.routes import UserRoute, user_routes

_BASTION_SUBNET: Final = "azurebastionsubnet"


class DefaultRoutes:
    """The default routes of an estate's subnets, and what takes them."""

    def __init__(self, hops: NextHops, firewalls: Firewalls) -> None:
        self.estate: Estate = hops.networks.estate
        self.hops = hops
        self.firewalls = firewalls
        self._entries = Entries(hops)

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
        """Whether something leads packets with a public source into a subnet, or may."""
        return next(iter(self.entries(subnet, own)), None) is not None

    def entries(self, subnet: Resource, own: Ranges) -> Iterator[Entry]:
        """Yield what leads packets with a public source into a subnet, and what may for all that is known."""
        return self._entries.into(subnet, own, self.of(subnet))

    def to_member(self, member: NetworkMember) -> Iterator[Entry]:
        """Yield what leads packets with a public source to a member of a network."""
        return self._entries.to_member(member)

    def serves(self, subnet: Resource) -> bool:
        """Whether a service that Azure manages by its own connections is in a subnet: a gateway, Bastion, a firewall."""
        return self._entries.serves(subnet)

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
