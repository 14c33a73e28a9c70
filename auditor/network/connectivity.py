"""Know the network of an estate pair by pair of subnets, and what of it decides about the packets of each subnet.

Two states are compared by this content first: only pairs of subnets of which it differs need be asked for packets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.estate.graph import Estate
from auditor.estate.network_relations import (
    BASTIONS,
    FIREWALLS,
    GATEWAYS,
    LOAD_BALANCERS,
    PUBLIC_ADDRESSES,
    SUBNETS,
)
from auditor.model import Gap, Resource
from auditor.network.address_book import Surroundings
from auditor.network.comparison import WaySet
from auditor.network.endpoints import Endpoint, Location
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.firewall import IP_GROUPS, POLICIES, RULE_GROUPS
from auditor.network.forwarding import Forwarding, Via
from auditor.network.membership import NetworkMember
from auditor.network.next_hops import has_public_address
from auditor.network.routes import UserRoute, user_routes
from auditor.network.security_rules import ANYWHERE, Direction, SecurityGroup, Side
from auditor.network.subnets import SubnetFilters, Subnets, is_outbound_filtered
from auditor.network.ways import PacketWay, ways_between

_BY_NAME: Final = frozenset(
    {"targetfqdns", "fqdntags", "destinationfqdns", "targeturls", "webcategories", "translatedfqdn", "applicationrules"}
)
"""Members of a firewall's rules that go by host name: of those nobody can say which packets they match."""
_INTERNET: Final = Endpoint("Internet", outside=Side(addresses.PUBLIC))


class Connectivity:
    """The network of one estate: the ways between its subnets and the Internet."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.subnets = Subnets(estate)
        self.forwarding = Forwarding(self.subnets)
        self.keys = [subnet.key for subnet in estate.of_type(SUBNETS)]
        self._contents: dict[str, object] = {}
        self._groups: dict[tuple[int, int, Direction], object] = {}

    @cached_property
    def editions(self) -> Mapping[str, str]:
        """Return what tells the rules by host name of each firewall from others, by its name."""
        shared = [_by_name(resource.body) for kind in (POLICIES, RULE_GROUPS) for resource in self.estate.of_type(kind)]
        return {
            firewall.name: hashlib.sha256(repr((shared, _by_name(firewall.body))).encode()).hexdigest()
            for firewall in self.estate.of_type(FIREWALLS)
        }

    def content(self, key: str) -> object:
        """Return all of a subnet that decides about packets from it and to it: equal where it is the same."""
        if key not in self._contents:
            subnet = self.estate.get(key)
            self._contents[key] = None if subnet is None else self._content(self.subnets.at(subnet))
        return self._contents[key]

    def places(self, key: str) -> frozenset[str]:
        """Return the keys of what decides about packets of a subnet: its network, groups, routes, interfaces, services."""
        subnet = self.estate.get(key)
        if subnet is None:
            return frozenset({key})
        filters, estate = self.subnets.at(subnet), self.estate
        network = ids.parent_of(key) or ""
        held = [filters.group_key, body.sub_resource(subnet.body, "properties.routeTable"), key, network]
        for each in filters.interfaces:
            held += [each.resource.key, body.sub_resource(each.resource.body, "properties.networkSecurityGroup")]
        attached = estate.sources(key, "attached")
        return frozenset(ids.key(place) for place in (*held, *attached) if place)

    def places_on(self, ways: WaySet) -> frozenset[str]:
        """Return the keys of the firewalls that packets are led through on some ways, and of their policies."""
        hops = {hop.to for way in ways.ways for hop in way.path.hops if hop.via is Via.FIREWALL}
        if not hops:
            return frozenset()
        shared = {one.key for kind in (POLICIES, IP_GROUPS) for one in self.estate.of_type(kind)}
        return frozenset({*map(ids.key, hops), *shared})

    @cached_property
    def places_of_doors(self) -> frozenset[str]:
        """Return the keys of what holds public addresses, and of these."""
        kinds = (PUBLIC_ADDRESSES, LOAD_BALANCERS, GATEWAYS, BASTIONS, FIREWALLS, POLICIES)
        return frozenset(one.key for kind in kinds for one in self.estate.of_type(kind))

    def may_join(self, source: str, destination: str) -> bool:
        """Whether there may be ways from a subnet to another one, or within one; where not, it need not be asked."""
        near, far = self.estate.get(source), self.estate.get(destination)
        if near is None or far is None:
            return False
        return not self.forwarding.is_cut_off(self.subnets.at(near), self.subnets.at(far))

    def between(self, source: str, destination: str) -> WaySet:
        """Return the ways from a subnet to another one, or within one, unused addresses included."""
        near, far = self._end(source), self._end(destination)
        return WaySet() if near is None or far is None else self._ways(near, far)

    def out_of(self, source: str) -> WaySet:
        """Return the ways from a subnet to the Internet."""
        near = self._end(source)
        return WaySet() if near is None else self._ways(near, _INTERNET)

    def into(self, destination: str) -> WaySet:
        """Return what lets packets from the Internet into a subnet, whether or not something leads them there."""
        far = self._end(destination)
        if far is None:
            return WaySet()
        ways = self._ways(_INTERNET, far)
        return WaySet([way for way in ways.ways if not _is_led(way)], ways.editions)

    def through_doors(self, destination: str) -> WaySet:
        """Return the ways by which packets from the Internet get into a subnet by public addresses."""
        far = self._end(destination)
        return (
            WaySet() if far is None else WaySet(ways_between(self.forwarding, _INTERNET, far).entering, self.editions)
        )

    def _end(self, key: str) -> Endpoint | None:
        subnet = self.estate.get(key)
        if subnet is None:
            return None
        filters = self.subnets.at(subnet)
        return Endpoint(subnet.name, (Location(filters, filters.prefixes, with_unused=True),))

    def _ways(self, source: Endpoint, destination: Endpoint) -> WaySet:
        ways = ways_between(self.forwarding, source, destination)
        return WaySet([*ways.asked, *self._unknown(source, destination, ways.unknowns)], self.editions)

    def _unknown(self, source: Endpoint, destination: Endpoint, unknowns: Sequence[str]) -> Iterator[PacketWay]:
        """Yield a way for what is not known at all of an end: everything may pass, if it does."""
        ends = [
            end.locations[0].filters.prefixes or addresses.ANY if end.locations else addresses.PUBLIC
            for end in (source, destination)
        ]
        for end in (*source.locations, *destination.locations) if unknowns else ():
            chain = FilterChain((), end.filters.surroundings, ends[0], ends[1])
            yield PacketWay(
                chain, ANYWHERE, ANYWHERE, tuple(f"what filters {text}" for text in dict.fromkeys(unknowns))
            )
            return

    def _content(self, filters: SubnetFilters) -> object:
        subnet = filters.subnet
        around = filters.surroundings
        interfaces = [
            (
                *(each.addresses, each.forwards, each.is_endpoint, each.somewhere),
                *(self._filtered(each.group, way, filters.around(way)) for way in Direction),
            )
            for each in filters.interfaces
        ]
        return (
            *(filters.prefixes, filters.policies, None if filters.gap is None else filters.gap.reason),
            self.subnets.is_endpoint_only(filters),
            sorted(map(repr, interfaces)),
            *(self._filtered(filters.group, way, filters.around(way)) for way in Direction),
            *(around.space, around.known_network, around.gateway, around.has_unread_peers),
            is_outbound_filtered(self.estate, subnet),
            self._routing(subnet, ()),
            sorted(
                repr((one.by, one.limit, one.doubt, one.needs_group, one.addresses, _content_of(one.member)))
                for one in self.subnets.defaults.entries(subnet, filters.prefixes)
            ),
            self._translations,
        )

    def _filtered(self, group: SecurityGroup | None, direction: Direction, around: Surroundings) -> object:
        """Return the content of a filter as a short text; a group is read once where it means the same."""
        if group is None:
            return None
        known = self._groups.get((id(group), id(around), direction))
        if known is None:
            text = repr(Filter(group, direction, around).content)
            known = self._groups[id(group), id(around), direction] = hashlib.sha256(text.encode()).hexdigest()
        return known

    @cached_property
    def _translations(self) -> object:
        """Return what firewalls, and machines that forward, lead in from the Internet."""
        found: list[object] = []
        for firewall in self.estate.of_type(FIREWALLS):
            if has_public_address(firewall):
                rules = self.subnets.firewalls.rules(firewall)
                places = (self.estate.get(key) for key in self.estate.targets(firewall.key, "attached"))
                known = [place for place in places if place is not None and place.type_key == SUBNETS]
                routing = [self._routing(place, ()) for place in known] if rules.translations or rules.gap else []
                found.append((firewall.key, rules.translations, rules.gap, routing))
        for member in self.subnets.networks.members.all:
            place = self.estate.get(member.subnet or "") if member.forwards else None
            if place is not None and any(True for _ in self.subnets.defaults.to_member(member)):
                found.append((_content_of(member), self._routing(place, ())))
        return hashlib.sha256(repr(found).encode()).hexdigest()

    def _routing(self, subnet: Resource, passed: tuple[str, ...]) -> object:
        """Return all that decides where packets go from a subnet, that of the firewalls on their way included."""
        filters, networks = self.subnets.at(subnet), self.subnets.networks
        network = ids.parent_of(subnet.key) or ""
        routes = user_routes(self.estate, networks.tags, subnet)
        peerings = [
            (one.remote, one.is_connected, one.has_access, one.prefixes, one.joined, one.takes_forwarded)
            for one in networks.peerings(network)
        ]
        return (
            routes.reason if isinstance(routes, Gap) else [self._led(filters, route, passed) for route in routes],
            *(sorted(map(repr, peerings)), sorted(networks.prefixes(network))),
            sorted(map(repr, self.forwarding.doors(subnet))),
            networks.default_teacher(network) if filters.surroundings.gateway is None else None,
        )

    def _led(self, filters: SubnetFilters, route: UserRoute, passed: tuple[str, ...]) -> object:
        network = ids.parent_of(filters.subnet.key) or ""
        hop = self.subnets.hops.at(network, filters.prefixes, route.address) if route.address else None
        own = (route.numbers or route.prefix, route.hop, route.address)
        if hop is None or not hop.is_firewall or hop.resource.key in passed:
            return (*own, None if hop is None else hop.resource.key)
        rules = self.subnets.firewalls.rules(hop.resource)
        on = None if hop.subnet is None else self._routing(hop.subnet, (*passed, hop.resource.key))
        content = repr((rules.passing.rules, rules.gap, self.editions.get(hop.resource.name)))
        digest = hashlib.sha256(content.encode()).hexdigest()
        return (*own, hop.resource.key, has_public_address(hop.resource), digest, on)


def _is_led(way: PacketWay) -> bool:
    """Whether a way tells what leads packets in from the Internet."""
    return bool(way.path.hops) and way.path.hops[0].at == _INTERNET.label


def _content_of(member: NetworkMember | None) -> object:
    return member and (*member.key, member.subnet, member.addresses, member.group, member.is_inhabited)


def _by_name(of: object) -> object:
    """Return the rules of a firewall that go by host name, without all else."""
    if isinstance(of, Mapping):
        found = {str(name): value for name, value in of.items()}
        if any(name.lower() in _BY_NAME and value for name, value in found.items()):
            return sorted((name.lower(), repr(value)) for name, value in found.items() if name.lower() != "name")
        return [kept for value in found.values() if (kept := _by_name(value))]
    if isinstance(of, list):
        return sorted((kept for item in of if (kept := _by_name(item))), key=repr)
    return []
