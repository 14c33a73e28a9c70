"""Follow packets that leave a subnet, hop by hop: by its routes to a network, a peering, a firewall, a gateway, a door.

One function answers for questions, flows and ways out. What an Azure Firewall on the way lets through is a filter of the
path; what a machine does that forwards is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, intersection, overlap, size, union
from auditor.model import Gap, Resource
from auditor.network.filter_chain import Filter
from auditor.network.next_hops import NextHop, has_public_address, owner_of
from auditor.network.routes import Claim, Rank, RoutingTable, UserRoute, user_routes
from auditor.network.security_rules import NOBODY, Direction, Side
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.virtual_networks import Peering
from auditor.network.ways_out import DoorOut, WayOutKind, doors_out

_PRIVATE: Final = union(addresses.RFC_1918, addresses.SHARED)
_PLATFORM: Final = union(addresses.PLATFORM, addresses.METADATA)
_ROUTED_ENDPOINTS: Final = frozenset({"enabled", "routetableenabled"})
_LED_ON: Final = frozenset({"virtualappliance", "virtualnetworkgateway"})
_USER_HOPS: Final = {"internet": "Internet", "none": "nowhere", "virtualnetworkgateway": "gateway"}
_SERVICE_TAGS: Final = {
    "microsoft.azureactivedirectory": "azureactivedirectory",
    "microsoft.azurecosmosdb": "azurecosmosdb",
    "microsoft.cognitiveservices": "cognitiveservicesmanagement",
    "microsoft.containerregistry": "azurecontainerregistry",
    "microsoft.eventhub": "eventhub",
    "microsoft.keyvault": "azurekeyvault",
    "microsoft.servicebus": "servicebus",
    "microsoft.sql": "sql",
    "microsoft.storage": "storage",
    "microsoft.storage.global": "storage",
    "microsoft.web": "appservice",
}
"""https://learn.microsoft.com/azure/virtual-network/virtual-network-service-endpoints-overview"""


class Via(StrEnum):
    """Where a hop leads to."""

    NETWORK = "virtual network"
    PEERING = "peering"
    ENDPOINT = "private endpoint"
    SERVICE = "service endpoint"
    PLATFORM = "platform address"
    FIREWALL = "firewall"
    APPLIANCE = "appliance"
    GATEWAY = "gateway"
    ADDRESS = "public address"
    INTERNET = "Internet"
    NOWHERE = "nowhere"
    NOT_KNOWN = "not known"


_CONFINING: Final = frozenset({Via.NETWORK, Via.PEERING, Via.INTERNET, Via.NOWHERE})
"""Where routes lead from which a packet gets to no other network than its own and those peered with it."""


class Hop(Struct, frozen=True):
    """One step of a packet: from where, by which route if a user's decides, over what, and to which resource or address."""

    at: str
    via: Via
    to: str
    route: str = ""

    @property
    def inspects(self) -> bool:
        """Whether what the packet is led through looks at it, or may for all that is known."""
        return self.via in {Via.FIREWALL, Via.APPLIANCE, Via.GATEWAY, Via.NOT_KNOWN}

    def as_json(self) -> dict[str, str]:
        """Return the hop as a JSON object."""
        return {"at": self.at, "to": self.to, "via": self.via.value} | ({"route": self.route} if self.route else {})


class Path(Struct, frozen=True):
    """How packets to some destinations get there: hops, the firewalls that filter them, and the door to the Internet.

    `sources`: only packets of these addresses take it; None: all. `doubts`: why it is not certain that they arrive.
    `stops` says why they do not; empty: they do.
    """

    destinations: Ranges
    hops: tuple[Hop, ...] = ()
    filters: tuple[Filter, ...] = ()
    doubts: tuple[str, ...] = ()
    stops: str = ""
    notes: tuple[str, ...] = ()
    sources: Ranges | None = None
    door: DoorOut | None = None


class _Goal(Struct, frozen=True):
    """Where packets are to get: a subnet, or (None) what lies in no subnet, be it a service tag's."""

    subnet: SubnetFilters | None = None
    outside: Side = NOBODY

    @property
    def name(self) -> str:
        return self.subnet.subnet.name if self.subnet else "it"


class _Lead(Struct, frozen=True):
    """Where the route of the longest prefix leads: a user's route, or one of Azure's own."""

    via: Via
    route: UserRoute | None = None
    peering: Peering | None = None
    reason: str = ""


class _Trip(Struct, frozen=True):
    """A packet on its way: where it comes from, what it has passed, and at which subnet it is."""

    origin: SubnetFilters
    at: SubnetFilters
    path: Path

    @property
    def is_forwarded(self) -> bool:
        return self.at is not self.origin

    def over(self, numbers: Ranges, hop: Hop, *, doubts: Sequence[str] = ()) -> Path:
        path = self.path
        return replace(path, destinations=numbers, hops=(*path.hops, hop), doubts=(*path.doubts, *doubts))

    def stopped(self, numbers: Ranges, hop: Hop, why: str) -> Path:
        return replace(self.over(numbers, hop), stops=why)


class _Routes(Struct, frozen=True):
    """The routing table of a subnet; `tagged` are routes for service tags without published prefixes."""

    table: RoutingTable[_Lead]
    tagged: tuple[UserRoute, ...]


class Forwarding:
    """How packets are forwarded in an estate, the routing table of each subnet made once."""

    def __init__(self, subnets: Subnets) -> None:
        self.subnets = subnets
        self._known: dict[str, _Routes] = {}
        self._doors: dict[str, tuple[DoorOut, ...]] = {}
        self._confinements: dict[str, frozenset[str] | None] = {}

    def to_subnet(self, near: SubnetFilters, far: SubnetFilters, numbers: Ranges) -> Sequence[Path]:
        """Return how packets from a subnet get to addresses in another one, or in the same."""
        straight = intersection(numbers, self._past_routes(near, far))
        rest = difference(numbers, straight)
        hop = Hop(near.subnet.name, Via.ENDPOINT, far.subnet.id)
        paths = [Path(straight, (hop,))] if straight else []
        return [*paths, *self._follow(_Trip(near, near, Path(rest)), _Goal(far), rest)]

    def to_outside(self, near: SubnetFilters, side: Side) -> Sequence[Path]:
        """Return how packets from a subnet get to addresses, or to those of a service tag, in no known subnet."""
        spoken = [family for family in (addresses.IPV4, addresses.IPV6) if intersection(family, near.prefixes)]
        asked = union((), *(term.ranges for term in near.surroundings.terms(side)))
        numbers = intersection(asked, union((), *spoken))
        platform = intersection(numbers, _PLATFORM)
        paths = [Path(platform, (Hop(near.subnet.name, Via.PLATFORM, "Azure's host"),))] if platform else []
        rest = difference(numbers, _PLATFORM)
        if (service := self._service_endpoint(near, side)) is not None:
            return [*paths, replace(service, destinations=rest)]
        return [*paths, *self._follow(_Trip(near, near, Path(rest)), _Goal(outside=side), rest)]

    def is_cut_off(self, near: SubnetFilters, far: SubnetFilters) -> bool:
        """Whether nothing leads from a subnet to one of another network, as their networks alone tell; cheap to ask.

        No peering leads there, all that the subnet's routes lead to is known, and no gateway may teach another one.
        """
        confined = self._confined(near)
        is_known = far.gap is None and not _may_learn(far)
        return confined is not None and is_known and _network(far) not in confined

    def _confined(self, near: SubnetFilters) -> frozenset[str] | None:
        """Return the networks that packets of a subnet can get to; None where more than its peerings decides about that."""
        key = near.subnet.key
        if key not in self._confinements:
            routes = self._routes(near)
            leads = {lead.via for lead in (*routes.table.leads, *map(_lead, routes.tagged))}
            is_known = near.gap is None and not _may_learn(near) and leads <= _CONFINING
            peers = (peering.remote for peering in self.subnets.networks.peerings(_network(near)))
            self._confinements[key] = frozenset((_network(near), *peers)) if is_known else None
        return self._confinements[key]

    def are_joined(self, near: SubnetFilters, far: SubnetFilters) -> bool:
        """Whether some packet may get from one subnet to the other, as far as routes decide."""
        return any(not path.stops for path in self.to_subnet(near, far, far.prefixes))

    def _past_routes(self, near: SubnetFilters, far: SubnetFilters) -> Ranges:
        """Return the addresses of private endpoints in a subnet to which packets go past every route of the user's.

        Each has a route of its own in its network and in those peered with it. A user's route wins over it only where
        the endpoints' subnet has network policies for routes, and with a prefix at least as long as the network's:
        https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
        """
        endpoints = far.endpoint_addresses(is_only=self.subnets.is_endpoint_only(far))
        is_near = _network(near) == _network(far) or self._peering_to(near, far) is not None
        if not endpoints or not is_near:
            return ()
        if far.policies not in _ROUTED_ENDPOINTS:
            return endpoints
        kept: list[Ranges] = [()]
        for numbers, lead in self._routes(near).table.of(endpoints):
            if lead.route is None:
                continue
            holding = [
                prefix for prefix in self.subnets.networks.prefixes(_network(far)) if intersection(prefix, numbers)
            ]
            widest = max((size(prefix) for prefix in holding), default=0)
            if lead.route.numbers is None or size(lead.route.numbers) > widest:
                kept.append(numbers)
        return union(*kept)

    def _peering_to(self, near: SubnetFilters, far: SubnetFilters) -> Peering | None:
        """Return the peering by which a subnet's packets get straight into another network's subnet."""
        for peering in self.subnets.networks.peerings(_network(near)):
            is_open = peering.is_connected and peering.has_access
            leads = peering.remote == _network(far) and is_open and peering.joins(near.prefixes)
            if leads and overlap(peering.space, far.prefixes):
                return peering
        return None

    def _service_endpoint(self, near: SubnetFilters, side: Side) -> Path | None:
        """Return the path by a service endpoint of the subnet, which goes before every other route, to a service's tag."""
        asked = {symbol.key.partition(".")[0] for symbol in side.symbols}
        for entry in body.objects(near.subnet.body, "properties.serviceEndpoints"):
            service = body.text(entry, "service") or ""
            if side.ranges or asked != {_SERVICE_TAGS.get(service.lower())} or not _serves(entry, side):
                continue
            hop = Hop(near.subnet.name, Via.SERVICE, service)
            doubts, notes = self._endpoint_policies(near, service)
            return Path((), (hop,), doubts=doubts, notes=notes)
        return None

    def _endpoint_policies(self, near: SubnetFilters, service: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        doubts, notes = [], []
        for key in body.references(near.subnet.body, "properties.serviceEndpointPolicies"):
            policy = self.subnets.estate.get(key)
            if policy is None:
                doubts.append(f"what service endpoint policy {ids.name_of(key)}, which was not collected, lets through")
                continue
            for definition in body.objects(policy.body, "properties.serviceEndpointPolicyDefinitions"):
                if body.same_text(body.text(definition, "properties.service"), service):
                    names = ", ".join(body.texts(definition, "properties.serviceResources"))
                    notes.append(f"Service endpoint policy {policy.name} lets through only to {names}.")
        return tuple(doubts), tuple(notes)

    def _routes(self, near: SubnetFilters) -> _Routes:
        if near.subnet.key not in self._known:
            self._known[near.subnet.key] = self._read(near)
        return self._known[near.subnet.key]

    def _read(self, near: SubnetFilters) -> _Routes:
        networks = self.subnets.networks
        routes = user_routes(self.subnets.estate, networks.tags, near.subnet)
        if isinstance(routes, Gap):
            lead = _Lead(Via.NOT_KNOWN, reason=f"where the routes of {near.subnet.name} lead ({routes.reason})")
            return _Routes(RoutingTable([Claim(addresses.ANY, Rank.USER, lead)]), ())
        inside = _Lead(Via.NETWORK)
        claims = [Claim(piece, Rank.SYSTEM, inside) for piece in (*networks.prefixes(_network(near)), near.prefixes)]
        for peering in networks.peerings(_network(near)):
            if peering.is_connected and peering.joins(near.prefixes):
                lead = _Lead(Via.PEERING, peering=peering)
                claims += [Claim(piece, Rank.SYSTEM, lead) for piece in peering.prefixes]
        is_overridden = any(route.is_whole and route.hop in _LED_ON for route in routes)
        if not is_overridden:
            # Azure drops what is for private space of no network, unless a default route leads it on.
            claims.append(Claim(_PRIVATE, Rank.SYSTEM, _Lead(Via.NOWHERE)))
        outward = _Lead(Via.INTERNET)
        claims += [Claim(family, Rank.SYSTEM, outward) for family in (addresses.IPV4, addresses.IPV6)]
        claims += [Claim(route.numbers, Rank.USER, _lead(route)) for route in routes if route.numbers]
        return _Routes(RoutingTable(claims), tuple(route for route in routes if not route.numbers))

    def _follow(self, trip: _Trip, goal: _Goal, numbers: Ranges) -> Iterator[Path]:
        """Yield the paths from where a packet is to parts of its destinations."""
        routes = self._routes(trip.at)
        for part, lead in routes.table.of(numbers):
            yield from self._tagged(trip, goal, part, lead, routes.tagged)

    def _tagged(
        self, trip: _Trip, goal: _Goal, part: Ranges, lead: _Lead, tagged: Sequence[UserRoute]
    ) -> Iterator[Path]:
        """Yield the paths by a route, and by routes for service tags that may hold for some of the addresses instead.

        Such a route's prefixes are longer than a default route's, and which addresses they are is not known.
        """
        public = intersection(part, addresses.PUBLIC)
        rivals = [route for route in tagged if public and _differs(route, lead)]
        yes = [f"which addresses the route for {route.prefix or route.resource.name} holds for" for route in rivals]
        # Some addresses of strangers are in no service tag: for them the other routes hold.
        is_sure = not goal.outside.symbols and overlap(part, addresses.STRANGERS)
        doubts = () if is_sure else tuple(yes)
        yield from self._lead_on(_doubting(trip, doubts), goal, part, lead)
        for route, doubt in zip(rivals, yes, strict=True):
            yield from self._lead_on(_doubting(trip, (doubt,)), goal, public, _lead(route))

    def _lead_on(self, trip: _Trip, goal: _Goal, part: Ranges, lead: _Lead) -> Iterator[Path]:
        name = trip.at.subnet.name
        label = lead.route.resource.name if lead.route else ""
        match lead.via:
            case Via.NETWORK:
                yield from self._inside(trip, goal, part, label)
            case Via.PEERING:
                yield self._peered(trip, goal, part, lead)
            case Via.INTERNET:
                taught = None if lead.route else self._taught_default(trip, goal, part)
                if taught is not None:
                    yield taught
                yield from self._internet(_doubting(trip, taught.doubts if taught else ()), goal, part, label)
            case Via.NOWHERE if lead.route is not None:
                hop = Hop(name, Via.NOWHERE, "", label)
                yield trip.stopped(part, hop, f"Route {label} of {name} drops what it matches.")
            case Via.NOWHERE:
                yield self._unrouted(trip, goal, part)
            case Via.APPLIANCE if lead.route is not None:
                yield from self._through(trip, goal, part, lead.route)
            case Via.GATEWAY:
                doubt = f"what the next hop of route {label} lets through (VirtualNetworkGateway)"
                yield trip.over(part, Hop(name, Via.GATEWAY, "", label), doubts=[doubt])
            case _:
                doubt = lead.reason or f"where route {label} of {name} leads"
                yield trip.over(part, Hop(name, Via.NOT_KNOWN, "", label), doubts=[doubt])

    def _inside(self, trip: _Trip, goal: _Goal, part: Ranges, label: str) -> Iterator[Path]:
        name = trip.at.subnet.name
        hop = Hop(name, Via.NETWORK, _network_name(trip.at), label)
        space = intersection(part, trip.at.surroundings.space)
        if goal.subnet is not None and _network(goal.subnet) != _network(trip.at):
            yield trip.stopped(part, hop, _not_peered(trip, goal))
            return
        if space:
            yield trip.over(space, hop)
        if beyond := difference(part, space):
            yield trip.stopped(beyond, hop, f"Route {label} of {name} keeps in the network what is not in it.")

    def _peered(self, trip: _Trip, goal: _Goal, part: Ranges, lead: _Lead) -> Path:
        peering = lead.peering
        if peering is None:
            return self._unrouted(trip, goal, part)
        hop = Hop(trip.at.subnet.name, Via.PEERING, self.subnets.estate.spelled(peering.remote) or peering.remote)
        if goal.subnet is not None and _network(goal.subnet) != peering.remote:
            return trip.stopped(part, hop, _not_peered(trip, goal))
        backward = [one for one in self.subnets.networks.peerings(peering.remote) if one.remote == _network(trip.at)]
        path = trip.over(part, hop, doubts=[_without_access(one) for one in (peering, *backward) if not one.has_access])
        return _taken_in(peering, backward, path) if trip.is_forwarded else path

    def _unrouted(self, trip: _Trip, goal: _Goal, part: Ranges) -> Path:
        """Return that nothing leads to private addresses of another network, unless a gateway teaches a route."""
        ends = [trip.at, *([goal.subnet] if goal.subnet else [])]
        hop = Hop(trip.at.subnet.name, Via.NOWHERE, "")
        if any(map(_may_learn, ends)):
            doubt = f"whether a gateway or a peering connects {trip.at.subnet.name} with {goal.name}"
            return trip.over(part, Hop(trip.at.subnet.name, Via.NOT_KNOWN, ""), doubts=[doubt])
        return trip.stopped(part, hop, _not_peered(trip, goal))

    def _internet(self, trip: _Trip, goal: _Goal, part: Ranges, label: str) -> Iterator[Path]:
        public = intersection(part, addresses.PUBLIC)
        name = trip.at.subnet.name
        if goal.subnet is not None:
            yield self._unrouted(trip, goal, part)
            return
        if private := difference(part, public):
            yield trip.stopped(
                private, Hop(name, Via.NOWHERE, "", label), f"No route of {name} leads to private space."
            )
        if not public:
            return
        doors = self.doors(trip.at.subnet)
        own = union((), *(door.sources for door in doors if door.sources))
        for door in doors:
            sources = door.sources or (
                difference(trip.origin.prefixes, own) if door.kind is WayOutKind.DEFAULT else None
            )
            path = trip.over(
                public, Hop(name, Via.INTERNET, door.id or door.kind.value, label), doubts=_listed(door.doubt)
            )
            if sources != ():
                yield replace(path, sources=sources, door=door)
        if not doors:
            yield trip.stopped(public, Hop(name, Via.NOWHERE, "", label), _no_door(trip.at.subnet))

    def _taught_default(self, trip: _Trip, goal: _Goal, part: Ranges) -> Path | None:
        """Return the path by a default route that a gateway, hub or route server may have taught a subnet, or None.

        Such a route goes before Azure's own to the Internet.
        """
        public = intersection(part, addresses.PUBLIC)
        if goal.subnet is not None or not public or trip.at.surroundings.gateway is not None:
            return None
        teacher = self.subnets.networks.default_teacher(_network(trip.at))
        if teacher is None:
            return None
        hop = Hop(trip.at.subnet.name, Via.NOT_KNOWN, "")
        return trip.over(public, hop, doubts=[f"whether {teacher} teaches {trip.at.subnet.name} a default route"])

    def doors(self, subnet: Resource) -> tuple[DoorOut, ...]:
        """Return by what packets leave a subnet that are routed to the Internet."""
        if subnet.key not in self._doors:
            self._doors[subnet.key] = doors_out(self.subnets.estate, subnet)
        return self._doors[subnet.key]

    def _through(self, trip: _Trip, goal: _Goal, part: Ranges, route: UserRoute) -> Iterator[Path]:
        name, label = trip.at.subnet.name, route.resource.name
        found = self.subnets.hops.at(_network(trip.at), trip.at.prefixes, route.address)
        doubt = f"what the next hop of route {label} lets through (VirtualAppliance {route.address})".replace(" )", ")")
        if found is None:
            yield trip.over(part, Hop(name, Via.NOT_KNOWN, route.address, label), doubts=[doubt])
        elif not found.is_firewall:
            holder = owner_of(self.subnets.estate, found)
            yield trip.over(part, Hop(name, Via.APPLIANCE, holder.id, label), doubts=[doubt])
        elif any(found.resource.id == hop.to for hop in trip.path.hops):
            hop = Hop(name, Via.FIREWALL, found.resource.id, label)
            yield trip.stopped(part, hop, f"Routes lead back to firewall {found.resource.name} in a circle.")
        else:
            yield from self._behind(self._filtered(trip, found, part, label), found, goal, part)

    def _filtered(self, trip: _Trip, found: NextHop, part: Ranges, label: str) -> _Trip:
        """Return the trip of what a firewall lets pass."""
        firewall = found.resource
        rules = self.subnets.firewalls.rules(firewall)
        path = trip.over(part, Hop(trip.at.subnet.name, Via.FIREWALL, firewall.id, label))
        if rules.gap is not None:
            doubt = f"what firewall {firewall.name} lets through ({rules.gap.reason})"
            return replace(trip, path=replace(path, doubts=(*path.doubts, doubt)))
        around = self.subnets.at(found.subnet).surroundings if found.subnet else trip.origin.surroundings
        sources = addresses.ANY if trip.origin.forwards else trip.origin.prefixes
        own = Filter(rules.between(sources, part), Direction.OUTBOUND, around, firewall.name, is_firewall=True)
        return replace(trip, path=replace(path, filters=(*path.filters, own)))

    def _behind(self, trip: _Trip, found: NextHop, goal: _Goal, part: Ranges) -> Iterator[Path]:
        """Yield the paths from a firewall on."""
        firewall = found.resource
        if goal.subnet is not None and found.subnet is None:
            doubt = f"how the hub of firewall {firewall.name} routes"
            yield trip.over(part, Hop(firewall.name, Via.NOT_KNOWN, ""), doubts=[doubt])
            return
        at = self.subnets.at(found.subnet) if found.subnet is not None else None
        public = intersection(part, addresses.PUBLIC) if goal.subnet is None else ()
        leaving = self._leaving(at, public)
        if leaving and has_public_address(firewall):
            door = DoorOut(WayOutKind.FIREWALL, firewall.id)
            yield replace(trip.over(leaving, Hop(firewall.name, Via.INTERNET, firewall.id)), door=door)
        elif leaving:
            why = f"Firewall {firewall.name} has no public address."
            yield trip.stopped(leaving, Hop(firewall.name, Via.NOWHERE, ""), why)
        rest = difference(part, leaving)
        if at is not None and rest:
            yield from self._follow(replace(trip, at=at), goal, rest)
        elif rest:
            doubt = f"how the hub of firewall {firewall.name} routes"
            yield trip.over(rest, Hop(firewall.name, Via.NOT_KNOWN, ""), doubts=[doubt])

    def _leaving(self, at: SubnetFilters | None, public: Ranges) -> Ranges:
        """Return which public addresses are led to the Internet from a firewall's subnet, and not elsewhere (tunnelled)."""
        if at is None:
            return public
        return union((), *(part for part, lead in self._routes(at).table.of(public) if lead.via is Via.INTERNET))


def _network(filters: SubnetFilters) -> str:
    return ids.parent_of(filters.subnet.key) or ""


def _network_name(filters: SubnetFilters) -> str:
    return ids.parent_of(filters.subnet.id) or ""


def _serves(entry: object, side: Side) -> bool:
    """Whether a service endpoint is made, and leads to some region that tags name; those without a region are everywhere."""
    state = body.text(entry, "provisioningState") or "Succeeded"
    regions = {region.lower() for region in body.texts(entry, "locations")}
    asked = {symbol.key.partition(".")[2] for symbol in side.symbols}
    is_there = not regions or "*" in regions or "" in asked or bool(asked & regions)
    return body.same_text(state, "Succeeded") and is_there


def _may_learn(filters: SubnetFilters) -> bool:
    """Whether a subnet may have routes of Azure's to other networks that are not known."""
    return filters.surroundings.gateway is None or filters.surroundings.has_unread_peers


def _lead(route: UserRoute) -> _Lead:
    kinds = {"virtualappliance": Via.APPLIANCE, "vnetlocal": Via.NETWORK}
    via = kinds.get(route.hop) or Via(_USER_HOPS.get(route.hop, Via.NOT_KNOWN.value))
    return _Lead(via, route)


def _differs(route: UserRoute, lead: _Lead) -> bool:
    """Whether a route leads elsewhere than another one."""
    other = _lead(route)
    is_same_hop = lead.route is None or lead.route.address == route.address
    return other.via is not lead.via or not is_same_hop


def _doubting(trip: _Trip, doubts: Sequence[str]) -> _Trip:
    return replace(trip, path=replace(trip.path, doubts=(*trip.path.doubts, *doubts))) if doubts else trip


def _not_peered(trip: _Trip, goal: _Goal) -> str:
    if goal.subnet is None:
        return f"No route of {trip.at.subnet.name} leads to private space."
    return f"The networks of {trip.at.subnet.name} and {goal.subnet.subnet.name} are not peered."


def _no_door(subnet: Resource) -> str:
    private = body.flag(subnet.body, "properties.defaultOutboundAccess") is False
    start = f"{subnet.name} is private (defaultOutboundAccess is false)" if private else f"{subnet.name} has no way out"
    return f"{start}: no NAT gateway, public address or load balancer with outbound rules leads to the Internet."


def _taken_in(peering: Peering, backward: Sequence[Peering], path: Path) -> Path:
    """Return the path as far as the far network takes in what is not from its peer's own machines.

    Where it says that it does not, its tag VirtualNetwork lacks such senders; whether more than that stops them
    Azure does not say: https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
    """
    if not backward:
        doubt = f"whether {ids.name_of(peering.remote)} takes in forwarded traffic, since its peering is not known"
        return replace(path, doubts=(*path.doubts, doubt))
    if backward[0].takes_forwarded:
        return path
    name = f"Peering {backward[0].resource.name} of {ids.name_of(peering.remote)}"
    doubt = f"whether what is forwarded gets through: {name} does not take in forwarded traffic (allowForwardedTraffic)"
    return replace(path, doubts=(*path.doubts, doubt))


def _without_access(peering: Peering) -> str:
    network = ids.name_of(ids.parent_of(peering.resource.key) or "")
    return f"whether peering {peering.resource.name} of {network} still lets it through (allowVirtualNetworkAccess is false)"


def _listed(text: str) -> Sequence[str]:
    return [text] if text else []
