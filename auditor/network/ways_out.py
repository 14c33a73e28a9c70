"""Find how a subnet gets to the Internet: by routes past everything, by a way that somebody chose, or by Azure's implicit one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, size, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import (
    GATEWAYS,
    LOAD_BALANCERS,
    MACHINES,
    NAT_GATEWAYS,
    PUBLIC_ADDRESSES,
    SCALE_SETS,
)
from auditor.model import Gap, Resource
from auditor.network.routes import Claim, Rank, RoutingTable, UserRoute, is_of_type, user_routes

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


class WayOutKind(StrEnum):
    """By what packets leave for the Internet."""

    NAT = "NAT gateway"
    FIREWALL = "firewall"
    INSTANCE = "instance address"
    BALANCER = "load balancer"
    DEFAULT = "default outbound access"
    SERVICE = "the service's own address"


class DoorOut(Struct, frozen=True):
    """A door of a subnet to the Internet, what it is, and whose packets take it.

    `sources` are the addresses in the subnet whose packets do, None for any of those that take no door of their own.
    `doubt` says why it is not known whether there is such a door.
    """

    kind: WayOutKind
    id: str
    sources: Ranges | None = None
    doubt: str = ""


class InternetRoute(Struct, frozen=True):
    """A user-defined route with next hop Internet, and whether it holds for so much that nobody can know who answers."""

    route: Resource
    prefix: str
    is_broad: bool


class Outbound(Struct, frozen=True):
    """The way out of a subnet; `machines` have none but the implicit one."""

    way: Way
    machines: tuple[str, ...] = ()


class Attachment(Struct, frozen=True):
    """An address of a machine in a subnet: whether it has a public one, and its load balancers' pools."""

    machine: str
    is_public: bool
    pools: tuple[str, ...]
    numbers: Ranges

    @classmethod
    def of(cls, machine: str, configuration: object) -> Attachment:
        """Return what an IP configuration says."""
        public = ("publicIPAddress", "publicIPAddressConfiguration")
        return cls(
            machine,
            any(body.value(configuration, f"properties.{name}") is not None for name in public),
            body.references(configuration, "properties.loadBalancerBackendAddressPools"),
            addresses.read(configuration, "properties.privateIPAddress"),
        )


def internet_routes(estate: Estate, tags: Mapping[str, Ranges], subnet: Resource) -> tuple[InternetRoute, ...] | Gap:
    """Return the routes of a subnet to the Internet that still hold for something, or why they are not known."""
    routes = user_routes(estate, tags, subnet)
    if isinstance(routes, Gap):
        return routes
    table = RoutingTable(Claim(route.numbers, Rank.USER, route) for route in routes if route.numbers)
    held = {id(route): numbers for numbers, route in table.of(addresses.ANY)}
    kept = []
    for route in sorted(routes, key=lambda route: (size(route.numbers or ()), route.resource.key)):
        own = held.get(id(route), ())
        if route.hop == _INTERNET and (
            own or not route.numbers
        ):  # a tag without published prefixes holds for something
            kept.append(InternetRoute(route.resource, route.prefix, _is_broad(route.prefix, own)))
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
    routes = user_routes(estate, {}, subnet)
    if not isinstance(routes, Gap) and _lead_elsewhere(routes):
        return Outbound(Way.ROUTE)
    private = [item for item in attachments(estate, subnet, with_implicit_way=True) if not item.is_public]
    implicit: list[str] = []
    unsure: Gap | None = None
    for attachment in private:
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
    return unsure or open_list or Outbound(Way.BALANCER if private else Way.UNUSED)


def _is_broad(prefix: str, own: Ranges) -> bool:
    if addresses.parse(prefix) is None:
        return prefix.lower().partition(".")[0] in BROAD_TAGS
    return addresses.is_broad(own)


def _lead_elsewhere(routes: Sequence[UserRoute]) -> bool:
    """Whether routes take the Internet to where somebody chose, an appliance, a gateway, nowhere, but for single networks."""
    claims = [Claim(route.numbers, Rank.USER, route.hop == _INTERNET) for route in routes if route.numbers]
    table = RoutingTable([*claims, Claim(addresses.IPV4, Rank.SYSTEM, True)])  # noqa: FBT003 - what the claim says
    direct = [numbers for numbers, is_direct in table.of(addresses.PUBLIC_IPV4) if is_direct]
    return not addresses.is_broad(union((), *direct))


def _nat(estate: Estate, subnet: Resource) -> bool | Gap:
    """Whether a NAT gateway serves a subnet: its own, or one of the whole network."""
    return next(iter(_nat_gateways(estate, subnet)), None) is not None or (
        estate.gap_at(subnet.key, "properties.natGateway") or False
    )


def _nat_gateways(estate: Estate, subnet: Resource) -> Iterator[str]:
    places = (subnet.key, ids.parent_of(subnet.key) or "")
    return (key for place in places for key in estate.sources(place, "attached") if is_of_type(key, NAT_GATEWAYS))


def _setting_gap(estate: Estate, subnet: Resource) -> Gap | None:
    """Return why it is not known whether a subnet that does not say so is private."""
    if gap := estate.gap_at(subnet.key, _PRIVATE):
        return gap
    since = estate.catalogue.since(subnet.type, _PRIVATE)
    is_stated = body.flag(subnet.body, _PRIVATE) is not None
    if not is_stated and since and subnet.api_version and subnet.api_version[:10] < since:
        return Gap(subnet.id, _PRIVATE, f"API version {subnet.api_version} does not show it")
    return None


def attachments(estate: Estate, subnet: Resource, *, with_implicit_way: bool = False) -> Iterator[Attachment]:
    """Yield the addresses of machines and scale sets in a subnet; an interface may stand for a machine that is not here.

    With the option, only those of machines to which Azure may give an implicit way out.
    """
    attached = [estate.get(key) for key in estate.sources(subnet.key, "attached")]
    for resource in (resource for resource in attached if resource is not None):
        if resource.type_key == INTERFACES:
            machine = _machine_of(estate, resource)
            has_implicit = machine is not None and not _is_flexible(estate.get(machine))
            is_endpoint = body.sub_resource(resource.body, "properties.privateEndpoint") is not None
            if has_implicit if with_implicit_way else not is_endpoint:
                owner = estate.spelled(machine) or resource.id
                yield from _addresses(subnet, owner, resource.body, "properties.ipConfigurations")
        elif resource.type_key == SCALE_SETS and not (with_implicit_way and _is_flexible(resource)):
            for interface in body.objects(resource.body, _PROFILE):
                yield from _addresses(subnet, resource.id, interface, "properties.ipConfigurations")


def _addresses(subnet: Resource, machine: str, of: object, path: str) -> Iterator[Attachment]:
    for configuration in body.objects(of, path):
        if body.sub_resource(configuration, "properties.subnet") in {subnet.key, None}:
            yield Attachment.of(machine, configuration)


def _machine_of(estate: Estate, interface: Resource) -> str | None:
    """Return the machine that an interface belongs to; what a service made for itself belongs to none."""
    owners = (key for key in estate.targets(interface.key, "attached") if is_of_type(key, MACHINES))
    return next(owners, None)


def _is_flexible(machine: Resource | None) -> bool:
    """Whether Azure gives no implicit way out: scale sets in flexible orchestration, and the machines of one."""
    if machine is None:
        return False
    mode = body.text(machine.properties, "orchestrationMode")
    return (
        body.same_text(mode, "Flexible") or body.sub_resource(machine.properties, "virtualMachineScaleSet") is not None
    )


def _is_balanced(estate: Estate, attachment: Attachment) -> bool | Gap:
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
    lost = (estate.unseen(key) for key in named if is_of_type(key, INTERFACES) or is_of_type(key, SCALE_SETS))
    gaps = (estate.type_gap(kind) for kind in (INTERFACES, SCALE_SETS))
    return next((gap for gap in (*lost, *gaps) if gap is not None), None)


def _is_public_front(front: Mapping[str, object]) -> bool:
    return any(body.sub_resource(front, f"properties.{name}") for name in ("publicIPAddress", "publicIPPrefix"))


def doors_out(estate: Estate, subnet: Resource) -> tuple[DoorOut, ...]:
    """Return the doors by which packets that are routed to the Internet leave a subnet; none: they do not.

    A NAT gateway goes before an address of the machine's own, that before a load balancer's outbound rules, and those
    before the address that Azure picks where the subnet is not private:
    https://learn.microsoft.com/azure/nat-gateway/nat-overview,
    https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access
    """
    for key in _nat_gateways(estate, subnet):
        return (_nat_door(estate, key),)
    if gap := estate.gap_at(subnet.key, "properties.natGateway"):
        return (DoorOut(WayOutKind.NAT, "", doubt=f"whether {subnet.name} has a NAT gateway ({gap.reason})"),)
    if _serves_platform(estate, subnet):
        return (DoorOut(WayOutKind.SERVICE, ""),)
    own = [door for attachment in attachments(estate, subnet) if (door := _own_door(estate, attachment)) is not None]
    return (*own, *_default_door(estate, subnet))


def _nat_door(estate: Estate, key: str) -> DoorOut:
    gateway = estate.get(key)
    if gateway is None:
        return DoorOut(WayOutKind.NAT, key)
    lists = ("publicIpAddresses", "publicIpPrefixes", "publicIpAddressesV6", "publicIpPrefixesV6")
    has_address = any(body.items(gateway.properties, name) for name in lists)
    # An address may say that it is the gateway's, too.
    has_address = has_address or any(is_of_type(one, PUBLIC_ADDRESSES) for one in estate.sources(key, "attached"))
    return DoorOut(WayOutKind.NAT, gateway.id, doubt="" if has_address else f"which public address {gateway.name} has")


def _serves_platform(estate: Estate, subnet: Resource) -> bool:
    """Whether a service of Azure's lives in a subnet, which gets out by itself: private subnets do not apply to it."""
    if subnet.name.lower() in _DEDICATED or body.objects(subnet.properties, "delegations"):
        return True
    return any(is_of_type(key, GATEWAYS) for key in estate.sources(subnet.key, "attached"))


def _own_door(estate: Estate, attachment: Attachment) -> DoorOut | None:
    """Return the door that an address of a machine has besides the subnet's."""
    if attachment.is_public:
        return DoorOut(WayOutKind.INSTANCE, attachment.machine, attachment.numbers or None)
    for pool in attachment.pools:
        key = ids.parent_of(pool) or pool
        balancer = estate.get(key)
        if balancer is None:
            doubt = f"whether load balancer {ids.name_of(key)}, which was not collected, leads out"
            return DoorOut(WayOutKind.BALANCER, key, attachment.numbers or None, doubt)
        if _lets_out(balancer, pool):
            return DoorOut(WayOutKind.BALANCER, balancer.id, attachment.numbers or None)
    return None


def _lets_out(balancer: Resource, pool: str) -> bool:
    """Whether a load balancer gives the members of a pool its public address for what they send.

    It does by an outbound rule, or by a rule that does not say that it does not.
    https://learn.microsoft.com/azure/load-balancer/load-balancer-outbound-connections
    """
    fronts = body.objects(balancer.properties, "frontendIPConfigurations")
    public = {
        name
        for front in fronts
        if _is_public_front(front)
        for name in (body.reference(front, "id"), (body.text(front, "name") or "").lower())
    }
    for rule in body.objects(balancer.properties, "outboundRules"):
        if body.sub_resource(rule, "properties.backendAddressPool") == pool:
            return bool(public)
    for rule in body.objects(balancer.properties, "loadBalancingRules"):
        pools = {body.sub_resource(rule, "properties.backendAddressPool")}
        pools |= set(body.references(rule, "properties.backendAddressPools"))
        front = body.sub_resource(rule, "properties.frontendIPConfiguration") or ""
        is_public = front in public or ids.name_of(front).lower() in public
        if pool in pools and is_public and body.flag(rule, "properties.disableOutboundSnat") is not True:
            return True
    is_basic = body.same_text(body.text(balancer.body, "sku.name") or "Basic", "Basic")
    return is_basic and bool(public)


def _default_door(estate: Estate, subnet: Resource) -> Sequence[DoorOut]:
    """Return the door that Azure gives where nobody chose one; a private subnet has it only as far as is not seen."""
    if body.flag(subnet.body, _PRIVATE) is False:
        gap = _unseen_machines(estate, subnet)
        if gap is None:
            return ()
        doubt = f"whether a machine in {subnet.name} has a public address or a load balancer ({gap.reason})"
        return (DoorOut(WayOutKind.INSTANCE, "", doubt=doubt),)
    gap = _setting_gap(estate, subnet)
    doubt = "" if gap is None else f"whether {subnet.name} is private ({gap.reason})"
    holders = list(attachments(estate, subnet))
    without = [attachment for attachment in holders if _has_default(estate, attachment)]
    if holders and not without and _unseen_machines(estate, subnet) is None:
        return ()
    return (DoorOut(WayOutKind.DEFAULT, "", doubt=doubt),)


def _has_default(estate: Estate, attachment: Attachment) -> bool:
    """Whether a machine's address may get the default way: no door of its own, and none taken away by a load balancer."""
    machine = estate.get(attachment.machine)
    if attachment.is_public or _is_flexible(machine):
        return False
    return _is_balanced(estate, attachment) is not True
