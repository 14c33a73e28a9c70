"""Find what filters the traffic of a subnet: its group, the groups of interfaces in it, and where they do not count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES, PRIVATE_ENDPOINTS
from auditor.estate.network_relations import (
    INSTANCE_INTERFACES,
    INSTANCES,
    MACHINES,
    NAT_GATEWAYS,
    ROUTE_TABLES,
    SCALE_SETS,
    SECURITY_GROUPS,
)
from auditor.estate.service_relations import SITE_CONFIGS, SITES, SLOT_CONFIGS, SLOTS
from auditor.model import Gap, Resource
from auditor.network.address_book import Surroundings, Term
from auditor.network.default_routes import DefaultRoutes
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.firewall import Firewalls
from auditor.network.membership import NetworkMember
from auditor.network.next_hops import NextHops
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import Direction, SecurityGroup
from auditor.network.virtual_networks import Networks

SECURITY_RULES: Final = "microsoft.network/networksecuritygroups/securityrules"
NETWORK_MANAGERS: Final = "microsoft.network/networkmanagers"
_ADMIN_RULES: Final = "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules"
_SITES: Final = frozenset({SITES, SLOTS})
_CONFIGS: Final = (SITE_CONFIGS, SLOT_CONFIGS)
_SWITCHES: Final = (
    "properties.vnetRouteAllEnabled",
    "properties.siteConfig.vnetRouteAllEnabled",
    "properties.outboundVnetRouting.allTraffic",
    "properties.outboundVnetRouting.applicationTraffic",
)
_BESIDE_ENDPOINTS: Final = frozenset({PRIVATE_ENDPOINTS, INTERFACES, SECURITY_GROUPS, ROUTE_TABLES})
# What is attached to a subnet and shows its interfaces, or takes no traffic itself.
_SHOWN: Final = frozenset(
    {
        INTERFACES,
        PRIVATE_ENDPOINTS,
        MACHINES,
        SCALE_SETS,
        INSTANCES,
        INSTANCE_INTERFACES,
        SECURITY_GROUPS,
        ROUTE_TABLES,
        NAT_GATEWAYS,
    }
)
_ENFORCED: Final = frozenset({"enabled", "networksecuritygroupenabled"})


class Interface(Struct, frozen=True):
    """A network interface in a subnet, or those of a scale set's instances, with the group of its own, if any.

    `somewhere` is what is known of its addresses where they are not told.
    """

    resource: Resource
    addresses: Ranges
    group: SecurityGroup | None
    forwards: bool
    is_endpoint: bool
    somewhere: Term | None = None

    @property
    def space(self) -> Ranges:
        """Return where in the subnet its addresses are, or may be."""
        return self.addresses or (self.somewhere.ranges if self.somewhere else ())


class SubnetFilters(Struct, frozen=True, dict=True):
    """A subnet and what filters its traffic.

    `gap` says why nothing can be said about it. `policies` is the private endpoint setting in lower case.
    `by_direction`: the surroundings as far as packets of a direction can tell, where that is less.
    `has_others`: something besides interfaces takes traffic in it. `only`: nothing but this one is asked about.
    """

    subnet: Resource
    prefixes: Ranges
    surroundings: Surroundings
    group_key: str | None
    group: SecurityGroup | None
    interfaces: tuple[Interface, ...]
    policies: str
    has_others: bool = False
    only: Interface | None = None
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = field(default=())
    by_direction: Mapping[Direction, Surroundings] = field(default_factory=dict)

    @cached_property
    def forwards(self) -> bool:
        """Whether packets of others may leave the subnet, since a machine in it forwards."""
        return any(interface.forwards for interface in self.interfaces)

    def endpoint_addresses(self, *, is_only: bool) -> Ranges:
        """Return the addresses of private endpoints; all of the subnet's where it `is_only` for them."""
        if is_only:
            return self.prefixes
        return union((), *(interface.addresses for interface in self.interfaces if interface.is_endpoint))

    @property
    def enforces_on_endpoints(self) -> bool:
        """Whether the subnet's group filters the private endpoints in it."""
        return self.policies in _ENFORCED

    def around(self, direction: Direction) -> Surroundings:
        """Return the surroundings for packets of a direction."""
        return self.by_direction.get(direction, self.surroundings)

    def own_filter(self, direction: Direction) -> Filter:
        """Return the subnet's own filter, the same object each time."""
        return self._own_filters[direction]

    @cached_property
    def _own_filters(self) -> Mapping[Direction, Filter]:
        name = self.group.name if self.group else "no group"
        return {direction: Filter(self.group, direction, self.around(direction), name) for direction in Direction}

    def chains(self, direction: Direction, *, with_unused: bool = False) -> Iterator[FilterChain]:
        """Yield one chain for each interface with a group of its own, and one for the rest of the subnet.

        Addresses that nobody has are in the rest only where somebody else has some, or `with_unused`.
        """
        if self.only is not None:
            yield self.chain_at(self.only, direction)
            return
        special = [each for each in self.interfaces if each.group is not None and each.space and not each.is_endpoint]
        yield from (self.chain_at(interface, direction) for interface in special)
        rest = difference(self.prefixes, union(*(each.addresses for each in special))) if special else self.prefixes
        # With every machine behind a group of its own, what the subnet's lets through to nobody does not matter.
        has_rest = self.has_others or any(not each.is_endpoint for each in self.interfaces if each not in special)
        if has_rest or not special or (with_unused and rest):
            yield self._chain(direction, (self.own_filter(direction),), rest)

    def chain_at(self, interface: Interface, direction: Direction) -> FilterChain:
        """Return the chain of one interface: the subnet's group and, nearer to it, its own."""
        filters = [self.own_filter(direction)]
        if interface.group is not None:
            filters.append(Filter(interface.group, direction, self.around(direction), interface.resource.name))
        if direction is Direction.OUTBOUND:
            filters.reverse()
        chain = self._chain(direction, tuple(filters), interface.space)
        if interface.addresses or interface.somewhere is None or self.forwards:
            return chain
        if direction is Direction.INBOUND:
            return replace(chain, to_among=interface.somewhere)
        return replace(chain, from_among=interface.somewhere)

    def own_chain(self, direction: Direction) -> FilterChain:
        """Return the chain of the subnet's own group only."""
        return self._chain(direction, (self.own_filter(direction),), self.prefixes)

    def _chain(self, direction: Direction, filters: tuple[Filter, ...], local: Ranges) -> FilterChain:
        if self.forwards:
            local = addresses.ANY  # packets of others pass through
        ends = (addresses.ANY, local) if direction is Direction.INBOUND else (local, addresses.ANY)
        return FilterChain(filters, self.around(direction), *ends)


class Subnets:
    """The subnets of an estate, read once each."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.networks = estate.once(Networks)
        self.firewalls = estate.once(Firewalls)
        self.hops = NextHops(self.networks)
        self.defaults = DefaultRoutes(self.hops, self.firewalls)
        self._known: dict[str, SubnetFilters] = {}
        self._groups: dict[str, SecurityGroup] = {}
        self._only_endpoints: dict[str, bool] = {}

    def at(self, subnet: Resource) -> SubnetFilters:
        """Return what filters the traffic of a subnet."""
        if subnet.key not in self._known:
            self._known[subnet.key] = self._read(subnet)
        return self._known[subnet.key]

    def is_endpoint_only(self, filters: SubnetFilters) -> bool:
        """Whether the subnet holds private endpoints and nothing else that takes traffic."""
        known = self._only_endpoints.get(filters.subnet.key)
        if known is None:
            known = self._only_endpoints[filters.subnet.key] = self._holds_only_endpoints(filters)
        return known

    def _holds_only_endpoints(self, filters: SubnetFilters) -> bool:
        attached = [self.estate.get(key) for key in self.estate.sources(filters.subnet.key, "attached")]
        kinds = {resource.type_key for resource in attached if resource is not None}
        has_machine = any(not interface.is_endpoint for interface in filters.interfaces)
        return PRIVATE_ENDPOINTS in kinds and not kinds - _BESIDE_ENDPOINTS and not has_machine

    def _read(self, subnet: Resource) -> SubnetFilters:
        own = addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
        gap = self._gap(subnet, own)
        reference = self._attached_group(subnet)
        inputs = [(subnet.id, "properties.addressPrefix"), (subnet.id, "properties.networkSecurityGroup.id")]
        inputs += [(rule.id, "properties") for rule in self.estate.children(reference or "", SECURITY_RULES)]
        filters = SubnetFilters(
            subnet=subnet,
            prefixes=own,
            surroundings=self.networks.around(subnet, own),
            group_key=reference,
            group=self.group(reference),
            interfaces=tuple(self._interfaces(subnet)),
            policies=(body.text(subnet.body, "properties.privateEndpointNetworkPolicies") or "Disabled").lower(),
            has_others=any(_kind(key) not in _SHOWN for key in self.estate.sources(subnet.key, "attached")),
            gap=gap,
            inputs=tuple(inputs),
        )
        return replace(filters, by_direction=self._by_direction(filters))

    def _by_direction(self, filters: SubnetFilters) -> Mapping[Direction, Surroundings]:
        if not any(route.is_default for route in filters.surroundings.routes):
            return {}
        subnet, own = filters.subnet, filters.prefixes
        narrow = filters.surroundings.without_internet_by_default_routes()
        found = {} if self.defaults.may_enter(subnet, own) else {Direction.INBOUND: narrow}
        # Private endpoints start no connection.
        may_leave = not self.is_endpoint_only(filters) and self.defaults.may_leave(subnet, own)
        return found if may_leave else {**found, Direction.OUTBOUND: narrow}

    def _attached_group(self, subnet: Resource) -> str | None:
        """Return the subnet's group: the one that it states, else one that says that it is attached here."""
        stated = body.sub_resource(subnet.body, "properties.networkSecurityGroup")
        attached = (key for key in self.estate.sources(subnet.key, "attached") if _is(key, SECURITY_GROUPS))
        return stated or next(attached, None)

    def _gap(self, subnet: Resource, own: Ranges) -> Gap | None:
        for path in ("properties.networkSecurityGroup", "properties.addressPrefix", "properties.routeTable"):
            if gap := self.estate.gap_at(subnet.key, path):
                return gap
        if gap := self._managed(subnet):
            return gap
        if not own:
            return Gap(subnet.id, "properties.addressPrefix", "no readable address prefix")
        return self.networks.gap(subnet) or self._lost_interface(subnet)

    def _lost_interface(self, subnet: Resource) -> Gap | None:
        """Return that an interface was not collected: it may have a group of its own. Private endpoints' have none."""
        if body.objects(subnet.body, "properties.privateEndpoints"):
            return None
        for key in self.estate.sources(subnet.key, "attached"):
            if _is(key, INTERFACES) and self.estate.get(key) is None:
                return self.estate.type_gap(INTERFACES, key) or Gap(key, INTERFACES, "not in the snapshot")
        return None

    def _managed(self, subnet: Resource) -> Gap | None:
        """Return that security-admin rules of a network manager may come before the groups, where there is one."""
        subscription = ids.subscription_scope(subnet.key)
        for manager in self.estate.of_type(NETWORK_MANAGERS):
            scopes = body.text_or_texts(manager.body, "properties.networkManagerScopes.subscriptions")
            groups = body.text_or_texts(manager.body, "properties.networkManagerScopes.managementGroups")
            if groups or not scopes or any(ids.key(scope) == subscription for scope in scopes):
                what = f"{NETWORK_MANAGERS}/securityadminconfigurations"
                return Gap(manager.id, what, "security-admin rules were not collected", f"{_ADMIN_RULES}/read")
        return None

    def group(self, reference: str | None) -> SecurityGroup | None:
        """Return a security group by key; one that cannot be read is undecidable in both directions."""
        if reference is None:
            return None
        if reference not in self._groups:
            self._groups[reference] = self._parse(reference)
        return self._groups[reference]

    def _parse(self, reference: str) -> SecurityGroup:
        resource = self.estate.get(reference)
        if resource is None:
            gap = self.estate.type_gap(SECURITY_GROUPS, reference)
            reason = f"the group was not collected ({gap.reason if gap else 'not in the snapshot'})"
            return SecurityGroup(ids.name_of(reference), dict.fromkeys(Direction, ()), dict.fromkeys(Direction, reason))
        gap = next((gap for gap in self.estate.gaps_in(SECURITY_RULES) if ids.is_under(reference, gap.scope)), None)
        gap = gap or self.estate.gap_at(resource.key, "properties.securityRules")
        if gap is None and not self.estate.children(resource.key, SECURITY_RULES):
            gap = self.estate.type_gap(SECURITY_RULES, resource.key)  # a group always lists its rules
        children = [child.body for child in self.estate.children(resource.key, SECURITY_RULES)]
        group = parse_group(resource.name, resource.body.get("properties"), children, resource.id)
        if gap is not None:
            unread = dict.fromkeys(Direction, f"its rules were not collected ({gap.reason})")
            return replace(group, undecidable=unread)
        return group

    def _interfaces(self, subnet: Resource) -> Iterator[Interface]:
        """Yield who is in a subnet: the told addresses of one holder and group together, each other member by itself."""
        told: dict[tuple[str, str | None], list[NetworkMember]] = {}
        for member in self.networks.members.in_subnet(subnet.key):
            if member.addresses:
                told.setdefault((member.holder.key, member.group), []).append(member)
            else:
                yield self.interface(member)
        for together in told.values():
            yield replace(self.interface(together[0]), addresses=union(*(member.addresses for member in together)))

    def interface(self, member: NetworkMember) -> Interface:
        """Return a member of a network as an interface with its filter."""
        return Interface(
            resource=member.holder,
            addresses=member.addresses,
            group=self.group(member.group),
            forwards=member.forwards,
            is_endpoint=member.is_endpoint,
            somewhere=None if member.addresses else self.networks.members.somewhere(member),
        )


def _is(key: str, resource_type: str) -> bool:
    return _kind(key) == resource_type


def _kind(key: str) -> str:
    return (ids.type_of(key) or "").lower()


def is_outbound_filtered(estate: Estate, subnet: Resource) -> bool | Gap:
    """Return whether all apps integrated with the subnet send all their traffic through it, or why that is not known.

    Otherwise only traffic to private addresses takes that way, where rules see it.
    https://learn.microsoft.com/azure/app-service/overview-vnet-integration
    """
    attached = (estate.get(key) for key in estate.sources(subnet.key, "attached"))
    for app in (app for app in attached if app is not None and app.type_key in _SITES):
        configs = [child for name in _CONFIGS for child in estate.children(app.key, name)]
        bodies = [app.body, *(config.body for config in configs)]
        if any(body.flag(properties, path) is True for properties in bodies for path in _SWITCHES):
            continue
        for path in (*_SWITCHES, "properties.siteConfig"):
            if gap := estate.gap_at(app.key, path):
                return gap
        if configs:
            return False
        return next((gap for name in _CONFIGS if (gap := estate.type_gap(name, app.id))), False)
    return True
