"""Know who takes part in networks by an address: interfaces, instances of scale sets, private endpoints, pool entries.

An estate shows them in different places, often without the address that they get. Application security groups, filters
of a subnet, load balancers and names of ends all ask this one index, so that none of them knows somebody the others do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES, PRIVATE_ENDPOINTS
from auditor.estate.network_relations import (
    INSTANCE_INTERFACES,
    INTERFACE_PROFILES,
    LOAD_BALANCERS,
    SCALE_SETS,
    SUBNETS,
)
from auditor.model import Gap, Resource
from auditor.network.address_book import ADDRESSES, GroupMembers, Literals, Term

APPLICATION_SECURITY_GROUPS: Final = "microsoft.network/applicationsecuritygroups"
_HOLDERS: Final = (INTERFACES, SCALE_SETS, PRIVATE_ENDPOINTS)
"""The types of which every resource has to be known before a list of members is whole."""
_POOLS: Final = (
    "loadBalancerBackendAddressPools",
    "loadBalancerInboundNatRules",
    "loadBalancerInboundNatPools",
    "applicationGatewayBackendAddressPools",
)
_BACKEND_POOLS: Final = f"{LOAD_BALANCERS}/backendaddresspools"
_BALANCING: Final = "loadBalancingRules"


class NetworkMember(Struct, frozen=True):
    """An IP configuration: what holds it, where it lies, and what it belongs to.

    `holder` is the interface, scale set, machine or private endpoint that states it, `name` the configuration's, `subnet`
    a key. Without `addresses` nobody knows which it has; `is_template`: it stands for instances, of which there may be
    none. `group` filters its interface, `pools` are back-end pools and NAT rules of load balancers and gateways, by key.
    `public_addresses` are ids of public addresses; `instance_address` is the setting by which each instance gets one.
    """

    holder: Resource
    name: str
    subnet: str | None
    addresses: Ranges
    group: str | None = None
    application_groups: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    public_addresses: tuple[str, ...] = ()
    instance_address: Mapping[str, object] | None = None
    is_ipv6: bool = False
    is_template: bool = False
    is_inhabited: bool = True
    is_endpoint: bool = False
    forwards: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from all others."""
        return self.holder.key, self.name


class PooledMembers(Struct, frozen=True):
    """Who is behind a rule of a load balancer: members, plain addresses in subnets (by key), and why there may be more."""

    members: tuple[NetworkMember, ...] = ()
    addresses: tuple[tuple[str, Ranges], ...] = ()
    gap: Gap | None = None


class Membership:
    """Everybody who takes part in the networks of an estate, read once."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    @cached_property
    def all(self) -> Sequence[NetworkMember]:
        """Return all members, by holder and configuration."""
        readers = {
            INTERFACES: _of_interface,
            INSTANCE_INTERFACES: _of_interface,
            PRIVATE_ENDPOINTS: _of_private_endpoint,
            **dict.fromkeys(INTERFACE_PROFILES, _of_profile),
        }
        listed = [
            member
            for kind, read in readers.items()
            for resource in self.estate.of_type(kind)
            for member in read(self.estate, resource)
        ]
        seen = self._with_instances
        listed = [
            replace(one, is_inhabited=False) if one.is_template and one.holder.key in seen else one for one in listed
        ]
        return sorted(listed, key=lambda member: member.key)

    @cached_property
    def _with_instances(self) -> frozenset[str]:
        """Return the scale sets and machines of which interfaces were read: there may be no other instance."""
        interfaces = self.estate.of_type(INSTANCE_INTERFACES)
        owners = {ids.top_of(interface.key) for interface in interfaces} | {
            ids.parent_of(interface.key) or "" for interface in interfaces
        }
        for interface in self.estate.of_type(INTERFACES):
            for key in self.estate.targets(interface.key, "attached"):
                machine = self.estate.get(key)
                if machine is not None:
                    owners |= {key, body.sub_resource(machine.body, "properties.virtualMachineScaleSet") or ""}
        return frozenset(owners)

    @cached_property
    def _by_subnet(self) -> Mapping[str | None, Sequence[NetworkMember]]:
        return _index((member.subnet, member) for member in self.all)

    @cached_property
    def _by_holder(self) -> Mapping[str | None, Sequence[NetworkMember]]:
        return _index((member.holder.key, member) for member in self.all)

    @cached_property
    def _by_pool(self) -> Mapping[str | None, Sequence[NetworkMember]]:
        return _index((pool, member) for member in self.all for pool in member.pools)

    @cached_property
    def _pools_of(self) -> Mapping[str, Sequence[str]]:
        """Return the pools and NAT rules that members name, by their load balancer or gateway."""
        found: dict[str, list[str]] = defaultdict(list)
        for pool in self._by_pool:
            found[ids.top_of(pool or "")].append(pool or "")
        return found

    @cached_property
    def _by_application_group(self) -> Mapping[str | None, Sequence[NetworkMember]]:
        return _index((group, member) for member in self.all for group in sorted(member.application_groups))

    def in_subnet(self, subnet: str) -> Sequence[NetworkMember]:
        """Return the members in a subnet, by key."""
        return self._by_subnet.get(subnet, ())

    def of(self, holder: str) -> Sequence[NetworkMember]:
        """Return the members that an interface, scale set, machine or private endpoint states itself, by key."""
        return self._by_holder.get(holder, ())

    def in_application_group(self, group: str) -> Sequence[NetworkMember]:
        """Return the members that are known of an application security group, by key."""
        return self._by_application_group.get(group, ())

    def in_pool(self, pool: str) -> Sequence[NetworkMember]:
        """Return the members that name a pool of a load balancer or gateway, by key."""
        return self._by_pool.get(pool, ())

    @cached_property
    def gap(self) -> Gap | None:
        """Return why there may be members that were not seen, or None."""
        return next((gap for kind in _HOLDERS if (gap := self.estate.type_gap(kind)) is not None), None)

    @cached_property
    def groups(self) -> Mapping[str, GroupMembers]:
        """Return the members of application security groups by key; a group that nothing names has none."""
        named = {key for key in self._by_application_group if key is not None}
        known = {group.key for group in self.estate.of_type(APPLICATION_SECURITY_GROUPS)}
        return {key: self._members_of(key) for key in sorted(named | known)}

    @cached_property
    def _networks_with_lost(self) -> frozenset[str | None]:
        """Return the networks with a subnet that names an interface or scale set which exists and was not read."""
        kinds = {INTERFACES, SCALE_SETS}
        named = (
            (subnet, key)
            for subnet in self.estate.of_type(SUBNETS)
            for key in self.estate.sources(subnet.key, "attached")
            if _kind(key) in kinds and self.estate.get(key) is None
        )
        return frozenset(ids.parent_of(subnet.key) for subnet, key in named if self.estate.unseen(key) is not None)

    def _members_of(self, group: str) -> GroupMembers:
        members = self.in_application_group(group)
        networks = {ids.parent_of(member.subnet) for member in members if member.subnet is not None}
        has_lost = bool(self._networks_with_lost & networks if networks else self._networks_with_lost)
        terms = [self.somewhere(member) for member in members if not member.addresses]
        return GroupMembers(
            addresses=union((), *(member.addresses for member in members)),
            somewhere=tuple(dict.fromkeys(term for term in terms if term is not None)),
            is_whole=self.gap is None and None not in terms and not has_lost,
        )

    def somewhere(self, member: NetworkMember) -> Term | None:
        """Return what is known of the addresses of a member that does not show any; None: nothing at all."""
        return None if member.subnet is None else self._unplaced(member.subnet).get(_alike(member))

    @cached_property
    def _unplaced_in(self) -> dict[str, Mapping[object, Term]]:
        return {}

    def _unplaced(self, subnet: str) -> Mapping[object, Term]:
        """Return, by what filters and groups them, the members of a subnet of which no address is known.

        Those that are filtered and grouped alike count as one set. An address belongs to one set only: each term says
        that it is in none of those before.
        """
        if subnet not in self._unplaced_in:
            resource = self.estate.get(subnet)
            members = self.in_subnet(subnet) if resource is not None else ()
            taken = union((), *(member.addresses for member in members))
            prefixes = (
                addresses.read(resource.body, "properties.addressPrefix", "properties.addressPrefixes")
                if resource is not None
                else ()
            )
            self._unplaced_in[subnet] = _terms(difference(prefixes, taken), members)
        return self._unplaced_in[subnet]

    def behind(
        self, balancer: Resource, rule: Mapping[str, object], collection: str = "", passed: frozenset[str] = frozenset()
    ) -> PooledMembers:
        """Return who gets the traffic of a rule from a collection of a load balancer (`inboundNatRules`, …).

        A load-balancing rule that names no pool stands for all pools, and no rule at all for everybody. `passed` are the
        load balancers, by key, over which it gets there.
        """
        passed |= {balancer.key}
        keys = set(body.references(rule, "properties.backendAddressPools"))
        keys |= {one} if (one := body.sub_resource(rule, "properties.backendAddressPool")) else set()
        named = body.sub_resource(rule, "properties.backendIPConfiguration")
        if collection and collection != _BALANCING:
            name = body.text(rule, "name") or ""
            keys.add(ids.key(body.text(rule, "id") or f"{balancer.key}/{collection}/{name}"))
        elif not keys and named is None:
            keys |= {*self._pools(balancer), *self._pools_of.get(balancer.key, ())}
        found = {member.key: member for key in keys for member in self._by_pool.get(key, ())}
        stated = [named] if named else []
        plain: list[tuple[str, Ranges]] = []
        gap: Gap | None = None
        for pool in (body_of for key, body_of in self._pools(balancer).items() if key in keys):
            stated += body.references(pool, "properties.backendIPConfigurations")
            entries, missing = self._entries(pool, passed)
            for entry in entries:
                if isinstance(entry, NetworkMember):
                    found[entry.key] = entry
                else:
                    plain.append(entry)
            gap = gap or missing
        for configuration in stated:
            members = self._configured(configuration)
            found |= {member.key: member for member in members}
            gap = gap or (None if members else self._lost(configuration))
        return PooledMembers(tuple(found[key] for key in sorted(found)), tuple(plain), gap or self.gap)

    def _pools(self, balancer: Resource) -> Mapping[str, Mapping[str, object]]:
        """Return the back-end pools of a load balancer by key, also where they are resources of their own."""
        pools: dict[str, Mapping[str, object]] = {}
        for pool in body.objects(balancer.body, "properties.backendAddressPools"):
            name = body.text(pool, "name") or ids.name_of(body.text(pool, "id") or "")
            pools[ids.key(body.text(pool, "id") or f"{balancer.key}/backendaddresspools/{name}")] = pool
        pools |= {child.key: child.body for child in self.estate.children(balancer.key, _BACKEND_POOLS)}
        return pools

    def _entries(
        self, pool: Mapping[str, object], passed: frozenset[str]
    ) -> tuple[list[NetworkMember | tuple[str, Ranges]], Gap | None]:
        """Return what a pool lists by address: the members that have them, else the addresses with their subnets."""
        found: list[NetworkMember | tuple[str, Ranges]] = []
        gap: Gap | None = None
        for entry in body.objects(pool, "properties.loadBalancerBackendAddresses"):
            if front := body.sub_resource(entry, "properties.loadBalancerFrontendIPConfiguration"):
                members, missing = self._behind_front(front, passed)
                found += members
                gap = gap or missing
                continue
            configuration = body.sub_resource(entry, "properties.networkInterfaceIPConfiguration")
            numbers = addresses.read(entry, "properties.ipAddress")
            members = self._configured(configuration) if configuration else ()
            if members or not numbers:
                found += members
                gap = gap or (self._lost(configuration) if configuration and not members else None)
                continue
            subnet = self._subnet_at(entry, numbers)
            here = [member for member in self.in_subnet(subnet or "") if intersection(member.addresses, numbers)]
            found += here or ([(subnet, numbers)] if subnet else [])
            if subnet is None:
                text = body.text(entry, "properties.ipAddress") or ""
                gap = gap or Gap(text, SUBNETS, f"the network of the pool's address {text} is not in the estate")
        return found, gap

    def _behind_front(
        self, front: str, passed: frozenset[str]
    ) -> tuple[Sequence[NetworkMember | tuple[str, Ranges]], Gap | None]:
        """Return who is behind the load balancer of a region that one of all regions leads to, by its front end.

        https://learn.microsoft.com/azure/load-balancer/cross-region-overview
        """
        regional = self.estate.get(ids.top_of(ids.key(front)))
        if regional is None:
            return (), self._lost(front)
        if regional.key in passed:
            return (), None
        behind = self.behind(regional, {}, passed=passed)
        return (*behind.members, *behind.addresses), behind.gap

    def _subnet_at(self, entry: Mapping[str, object], numbers: Ranges) -> str | None:
        """Return the subnet that an entry of a pool names, or the one of its network that holds its address."""
        if (stated := body.sub_resource(entry, "properties.subnet")) and self.estate.get(stated):
            return ids.key(stated)
        network = body.sub_resource(entry, "properties.virtualNetwork") or ""
        for subnet in self.estate.children(network, SUBNETS):
            prefixes = addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
            if intersection(prefixes, numbers):
                return subnet.key
        return None

    def _configured(self, configuration: str) -> Sequence[NetworkMember]:
        """Return the members that an IP configuration's id stands for: an interface's own, or all of a scale set."""
        key = ids.key(configuration)
        interface, _, name = key.partition("/ipconfigurations/")
        exact = [member for member in self.of(interface) if member.name.lower() == name]
        return exact or self.of(interface) or self.of(ids.top_of(key))

    def _lost(self, configuration: str) -> Gap:
        """Return that what a pool names was not seen."""
        owner = ids.top_of(ids.key(configuration))
        return self.estate.unseen(owner) or Gap(owner, ids.type_of(owner) or "", "it is not in the estate")


def _index(pairs: Iterator[tuple[str | None, NetworkMember]]) -> Mapping[str | None, Sequence[NetworkMember]]:
    found: dict[str | None, list[NetworkMember]] = defaultdict(list)
    for key, member in pairs:
        found[key].append(member)
    return found


def _alike(member: NetworkMember) -> object:
    """Return what tells members apart to filters and groups."""
    return tuple(sorted(member.application_groups)), member.group or "", member.is_ipv6, member.is_endpoint


def _terms(free: Ranges, members: Sequence[NetworkMember]) -> Mapping[object, Term]:
    sets: dict[object, list[NetworkMember]] = defaultdict(list)
    for member in members:
        if not member.addresses:
            sets[_alike(member)].append(member)
    found: dict[object, Term] = {}
    before: Literals = ()
    for alike, held in sets.items():
        first = held[0]
        name = f"{ADDRESSES}{first.holder.name}/{first.name}" + (f" and {len(held) - 1} more" if len(held) > 1 else "")
        taken = {known for known, _ in before}
        name = name if name not in taken else f"{name} ({ids.resource_group_of(first.holder.id)}, {len(before)})"
        ranges = intersection(free, addresses.IPV6 if first.is_ipv6 else addresses.IPV4)
        is_inhabited = not first.is_ipv6 and any(member.is_inhabited for member in held)
        found[alike] = Term(ranges, (*before, (name, True)), is_inhabited)
        before = (*before, (name, False))
    return found


def _kind(key: str) -> str:
    return (ids.type_of(key) or "").lower()


def _of_interface(estate: Estate, interface: Resource) -> Iterator[NetworkMember]:
    """Yield an interface's configurations; a private endpoint's are in its groups, too."""
    endpoint = body.sub_resource(interface.body, "properties.privateEndpoint")
    endpoint = endpoint or next(
        (key for key in estate.targets(interface.key, "attached") if _kind(key) == PRIVATE_ENDPOINTS), None
    )
    owner = estate.get(endpoint) if endpoint else None
    inherited = body.references(owner.body, "properties.applicationSecurityGroups") if owner else ()
    yield from _configurations(estate, interface, interface.body, inherited, endpoint)


def _of_profile(estate: Estate, holder: Resource) -> Iterator[NetworkMember]:
    """Yield the configurations in the profile of a scale set or machine: each stands for instances, seen or not."""
    is_empty = body.number(holder.body, "sku.capacity") == 0
    for interface in body.objects(holder.body, INTERFACE_PROFILES[holder.type_key]):
        name = body.text(interface, "name") or ""
        for member in _configurations(estate, holder, interface, ()):
            full = f"{name}/{member.name}"
            yield replace(member, name=full, addresses=(), is_template=True, is_inhabited=not is_empty)


def _of_private_endpoint(estate: Estate, endpoint: Resource) -> Iterator[NetworkMember]:
    """Yield a private endpoint whose interface was not read, by the addresses that it states itself."""
    interfaces = body.references(endpoint.body, "properties.networkInterfaces")
    held = [key for key in estate.sources(endpoint.key, "attached") if _kind(key) == INTERFACES]
    if any(estate.get(key) is not None for key in (*interfaces, *held)):
        return
    stated = [
        addresses.read(one, "ipAddresses", "properties.privateIPAddress")
        for path in ("properties.customDnsConfigs", "properties.ipConfigurations")
        for one in body.objects(endpoint.body, path)
    ]
    yield NetworkMember(
        holder=endpoint,
        name="endpoint",
        subnet=body.sub_resource(endpoint.body, "properties.subnet"),
        addresses=union((), *stated),
        application_groups=frozenset(
            map(ids.key, body.references(endpoint.body, "properties.applicationSecurityGroups"))
        ),
        is_endpoint=True,
    )


def _configurations(
    estate: Estate,
    holder: Resource,
    interface: Mapping[str, object],
    groups: Sequence[str],
    endpoint: str | None = None,
) -> Iterator[NetworkMember]:
    """Yield the IP configurations of an interface, or of one in a profile; `groups` are those that it inherits."""
    listed = body.objects(interface, "properties.ipConfigurations")
    stated = [subnet for one in listed if (subnet := body.sub_resource(one, "properties.subnet"))]
    attached = (key for key in estate.targets(holder.key, "attached") if _kind(key) == SUBNETS)
    fallback = stated[0] if stated else next(attached, None)
    for place, one in enumerate(listed):
        setting = body.value(one, "properties.publicIPAddressConfiguration")
        public = body.sub_resource(one, "properties.publicIPAddress")
        yield NetworkMember(
            holder=holder,
            name=body.text(one, "name") or str(place),
            subnet=body.sub_resource(one, "properties.subnet") or fallback,
            addresses=addresses.read(one, "properties.privateIPAddress"),
            group=body.sub_resource(interface, "properties.networkSecurityGroup"),
            application_groups=frozenset(
                map(ids.key, (*groups, *body.references(one, "properties.applicationSecurityGroups")))
            ),
            pools=frozenset(ids.key(pool) for name in _POOLS for pool in body.references(one, f"properties.{name}")),
            public_addresses=(public,) if public else (),
            instance_address=setting if isinstance(setting, Mapping) else None,
            is_ipv6=body.same_text(body.text(one, "properties.privateIPAddressVersion"), "IPv6"),
            is_endpoint=endpoint is not None,
            forwards=body.flag(interface, "properties.enableIPForwarding") is True,
        )
