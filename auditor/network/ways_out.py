"""Find how a subnet gets to the Internet: by routes past everything, by a way that somebody chose, or by Azure's implicit one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, size, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import LOAD_BALANCERS, MACHINES, NAT_GATEWAYS, ROUTE_TABLES, SCALE_SETS
from auditor.model import Gap, Resource
from auditor.network.virtual_networks import ROUTES

BROAD_TAGS: Final = frozenset({"internet", "azurecloud", "storage"})
"""Service tags, in lower case and without their region, behind which anybody's resources answer."""
# Subnets that Azure keeps for one service: https://learn.microsoft.com/azure/virtual-network/virtual-network-for-azure-services
_DEDICATED: Final = frozenset(
    {
        "azurebastionsubnet",
        "azurefirewallmanagementsubnet",
        "azurefirewallsubnet",
        "gatewaysubnet",
        "routeserversubnet",
    }
)
_INTERNET: Final = "internet"
_PRIVATE: Final = "properties.defaultOutboundAccess"
_PROFILE: Final = "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations"


class Way(StrEnum):
    """How the machines in a subnet get to the Internet."""

    PRIVATE = "private subnet"
    NAT = "NAT gateway"
    ROUTE = "route"
    UNUSED = "no machine without an address of its own"
    BALANCER = "load balancer"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class InternetRoute:
    """A user-defined route with next hop Internet, and whether it holds for so much that nobody can know who answers."""

    route: Resource
    prefix: str
    is_broad: bool


@dataclass(frozen=True, slots=True)
class Outbound:
    """The way out of a subnet; `machines` have none but the implicit one."""

    way: Way
    machines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Attachment:
    """An address of a machine in a subnet: whether it has a public one of its own, and its load balancer pools."""

    machine: str
    is_public: bool
    pools: tuple[str, ...]


def internet_routes(estate: Estate, tags: Mapping[str, Ranges], subnet: Resource) -> tuple[InternetRoute, ...] | Gap:
    """Return the routes of a subnet to the Internet that still hold for something, or why they are not known.

    The longest prefix wins: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
    """
    routes = _routes(estate, subnet)
    if isinstance(routes, Gap):
        return routes
    claimed: Ranges = ()
    kept: list[InternetRoute] = []
    prefixes = [(_numbers(prefix, tags), prefix, route) for route in routes for prefix in [_prefix(route)]]
    for numbers, prefix, route in sorted(prefixes, key=lambda claim: (size(claim[0]), claim[2].key)):
        own = difference(numbers, claimed) if numbers else ()
        claimed = union(claimed, numbers)
        is_out = body.same_text(body.text(route.properties, "nextHopType"), _INTERNET)
        if is_out and (own or not numbers):  # a tag without published prefixes holds for something
            kept.append(InternetRoute(route, prefix, _is_broad(prefix, own)))
    return tuple(kept)


def outbound(estate: Estate, subnet: Resource) -> Outbound | Gap:
    """Return how the machines in a subnet get to the Internet, or why that is not known.

    https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access
    """
    if body.flag(subnet.body, _PRIVATE) is False:
        return Outbound(Way.PRIVATE)
    nat = _nat(estate, subnet)
    if nat is True:
        return Outbound(Way.NAT)
    routes = _routes(estate, subnet)
    if not isinstance(routes, Gap) and any(map(_leads_elsewhere, routes)):
        return Outbound(Way.ROUTE)
    attachments = [item for item in _attachments(estate, subnet) if not item.is_public]
    implicit: list[str] = []
    unsure: Gap | None = None
    for attachment in attachments:
        balanced = _is_balanced(estate, attachment)
        if isinstance(balanced, Gap):
            unsure = unsure or balanced
        elif not balanced:
            implicit.append(attachment.machine)
    open_list = _unseen_machines(estate, subnet)
    is_used = bool(implicit or unsure or open_list)
    undecided = (nat, routes if isinstance(routes, Gap) else None, _setting_gap(estate, subnet)) if is_used else ()
    for gap in undecided:
        if isinstance(gap, Gap):
            return gap
    if implicit:
        return Outbound(Way.IMPLICIT, tuple(sorted(set(implicit))))
    return unsure or open_list or Outbound(Way.BALANCER if attachments else Way.UNUSED)


def _prefix(route: Resource) -> str:
    return body.text(route.properties, "addressPrefix") or ""


def _numbers(prefix: str, tags: Mapping[str, Ranges]) -> Ranges:
    return addresses.parse(prefix) or tags.get(prefix.lower()) or ()


def _is_broad(prefix: str, own: Ranges) -> bool:
    if addresses.parse(prefix) is None:
        return prefix.lower().partition(".")[0] in BROAD_TAGS
    return addresses.is_broad(own)


def _leads_elsewhere(route: Resource) -> bool:
    """Whether a route takes all of IPv4 to where somebody chose: an appliance, a gateway, nowhere."""
    is_default = addresses.parse(_prefix(route)) == addresses.IPV4
    return is_default and not body.same_text(body.text(route.properties, "nextHopType"), _INTERNET)


def _routes(estate: Estate, subnet: Resource) -> tuple[Resource, ...] | Gap:
    if gap := estate.gap_at(subnet.key, "properties.routeTable"):
        return gap
    stated = body.sub_resource(subnet.body, "properties.routeTable")
    attached = (key for key in estate.sources(subnet.key, "attached") if _is(key, ROUTE_TABLES))
    table = stated or next(attached, None)
    if table is None:
        return ()
    if estate.get(table) is None:
        return estate.unseen(table) or Gap(table, ROUTE_TABLES, "the route table is not in the estate")
    gap = estate.gap_at(table, "properties.routes") or estate.type_gap(ROUTES, table)
    return gap or tuple(estate.children(table, ROUTES))


def _nat(estate: Estate, subnet: Resource) -> bool | Gap:
    """Whether a NAT gateway serves a subnet: its own, or one of the whole network."""
    places = (subnet.key, ids.parent_of(subnet.key) or "")
    if any(_is(key, NAT_GATEWAYS) for place in places for key in estate.sources(place, "attached")):
        return True
    return estate.gap_at(subnet.key, "properties.natGateway") or False


def _setting_gap(estate: Estate, subnet: Resource) -> Gap | None:
    """Return why it is not known whether a subnet that does not say so is private."""
    if gap := estate.gap_at(subnet.key, _PRIVATE):
        return gap
    since = estate.catalogue.since(subnet.type, _PRIVATE)
    is_stated = body.flag(subnet.body, _PRIVATE) is not None
    if not is_stated and since and subnet.api_version and subnet.api_version[:10] < since:
        return Gap(subnet.id, _PRIVATE, f"API version {subnet.api_version} does not show it")
    return None


def _attachments(estate: Estate, subnet: Resource) -> Iterator[_Attachment]:
    """Yield the addresses of machines and scale sets in a subnet, but for those that Azure never gives a way out."""
    attached = [estate.get(key) for key in estate.sources(subnet.key, "attached")]
    for resource in (resource for resource in attached if resource is not None):
        if resource.type_key == INTERFACES:
            machine = _machine_of(estate, resource)
            if machine and not _is_flexible(estate.get(machine)):
                yield from _addresses(
                    subnet, estate.spelled(machine) or machine, resource.body, "properties.ipConfigurations"
                )
        elif resource.type_key == SCALE_SETS and not _is_flexible(resource):
            for interface in body.objects(resource.body, _PROFILE):
                yield from _addresses(subnet, resource.id, interface, "properties.ipConfigurations")


def _addresses(subnet: Resource, machine: str, of: object, path: str) -> Iterator[_Attachment]:
    for configuration in body.objects(of, path):
        if body.sub_resource(configuration, "properties.subnet") in {subnet.key, None}:
            public = ("publicIPAddress", "publicIPAddressConfiguration")
            yield _Attachment(
                machine,
                any(body.value(configuration, f"properties.{name}") is not None for name in public),
                body.references(configuration, "properties.loadBalancerBackendAddressPools"),
            )


def _machine_of(estate: Estate, interface: Resource) -> str | None:
    """Return the machine that an interface belongs to; what a service made for itself belongs to none."""
    owners = (key for key in estate.targets(interface.key, "attached") if _is(key, MACHINES))
    return next(owners, None)


def _is_flexible(machine: Resource | None) -> bool:
    """Whether Azure gives no implicit way out: scale sets in flexible orchestration, and the machines of one."""
    if machine is None:
        return False
    mode = body.text(machine.properties, "orchestrationMode")
    return (
        body.same_text(mode, "Flexible") or body.sub_resource(machine.properties, "virtualMachineScaleSet") is not None
    )


def _is_balanced(estate: Estate, attachment: _Attachment) -> bool | Gap:
    """Whether a load balancer takes away the implicit way: any standard one does, a basic one with a public address.

    https://learn.microsoft.com/azure/load-balancer/load-balancer-outbound-connections
    """
    gap: Gap | None = None
    for pool in attachment.pools:
        key = ids.parent_of(pool) or pool
        balancer = estate.get(key)
        if balancer is None:
            gap = estate.unseen(key) or Gap(key, LOAD_BALANCERS, "the load balancer is not in the estate")
            continue
        is_basic = body.same_text(body.text(balancer.body, "sku.name") or "Basic", "Basic")
        frontends = body.objects(balancer.properties, "frontendIPConfigurations")
        if not is_basic or any(body.sub_resource(one, "properties.publicIPAddress") for one in frontends):
            return True
    return gap or False


def _unseen_machines(estate: Estate, subnet: Resource) -> Gap | None:
    """Return why there may be machines in a subnet that were not seen."""
    named = (key for key in estate.sources(subnet.key, "attached") if estate.get(key) is None)
    is_dedicated = subnet.name.lower() in _DEDICATED or body.objects(subnet.properties, "delegations")
    if is_dedicated:
        return None
    lost = (estate.unseen(key) for key in named if _is(key, INTERFACES) or _is(key, SCALE_SETS))
    gaps = (estate.type_gap(kind) for kind in (INTERFACES, SCALE_SETS))
    return next((gap for gap in (*lost, *gaps) if gap is not None), None)


def _is(key: str, resource_type: str) -> bool:
    return (ids.type_of(key) or "").lower() == resource_type
