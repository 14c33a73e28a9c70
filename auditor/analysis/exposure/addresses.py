"""Find out what public addresses lead to: machines, load balancers, gateways, Bastion, firewalls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState, covered, listed
from auditor.analysis.exposure.port_filter import Filtered, at_member, in_subnet, subnet_of
from auditor.azure import addresses, body
from auditor.azure.resource_type import InternetReach
from auditor.estate.completeness import NOT_IN_EXPORT
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import (
    BASTIONS,
    FIREWALLS,
    GATEWAYS,
    INSTANCE_INTERFACES,
    INSTANCES,
    LOAD_BALANCERS,
    MACHINES,
    NAT_GATEWAYS,
    NETWORK_GATEWAYS,
    PUBLIC_ADDRESSES,
    SCALE_SETS,
)
from auditor.model import Gap, Resource
from auditor.network import gateway_pools
from auditor.network.entries import led_on
from auditor.network.firewall import RULE_GROUPS
from auditor.network.gateway_pools import Layer
from auditor.network.membership import NetworkMember, PooledMembers
from auditor.network.security_rules import ALL_PORTS, WITH_PORTS
from auditor.network.subnets import Subnets

Reader = Callable[[Context, Subnets, Resource], Iterator[EntryPoint]]
_ALLOWED: Final = "properties.networkAcls.ipRules"
_UNSEEN: Final = "connections of TCP and TLS are sent on, and no web application firewall looks at them"
INTERFACE_KINDS: Final[Mapping[str, str]] = {
    INTERFACES: "networkInterface",
    INSTANCE_INTERFACES: "networkInterface",
    SCALE_SETS: "virtualMachineScaleSet",
    INSTANCES: "virtualMachineScaleSet",
    MACHINES: "virtualMachine",
}
"""What holders of private addresses are called, by type."""


def address_entries(context: Context, address: Resource) -> Iterator[EntryPoint]:
    """Yield what a public address leads to; one that nobody holds, or only for traffic that leaves, leads nowhere."""
    holders = sorted(set(context.estate.targets(address.key, "attached")))
    if not holders:
        yield EntryPoint(address, "unattached", "", "", EntryState.CLOSED, "it is not attached", (address.id,))
    for key in holders:
        holder = context.estate.get(key)
        kind = holder.type_key if holder else (ids.type_of(key) or "").lower()
        if kind == NAT_GATEWAYS:
            said = "a NAT gateway lets traffic out only"
            yield EntryPoint(address, "natGateway", "", "", EntryState.CLOSED, said, (address.id, key))
        elif holder is None and kind in HOLDERS:
            gap = context.estate.type_gap(kind, key) or Gap(key, kind, "not in the snapshot")
            yield EntryPoint(
                address, kind, "", "", EntryState.UNKNOWN, "its holder was not collected", (address.id, key), gap=gap
            )
        elif kind not in HOLDERS and not _has_endpoint(context, kind):
            gap = Gap(key, kind, "what this type does with a public address is not known")
            yield EntryPoint(
                address, kind, "", "", EntryState.UNKNOWN, "its holder's type is not known", (address.id, key), gap=gap
            )


def _has_endpoint(context: Context, kind: str) -> bool:
    """Whether a type's own public endpoint is judged, which its address belongs to."""
    known = context.estate.catalogue.get(kind)
    return known is not None and known.way_in is not None and known.way_in.by is InternetReach.ENDPOINT


def _address_of(context: Context, entry: object) -> Resource | None:
    """Return the public address that an IP configuration holds, with or without its resource."""
    reference = body.text(entry, "properties.publicIPAddress.id")
    return None if reference is None else _at(context, reference)


def _at(context: Context, reference: str) -> Resource:
    return context.estate.get(reference) or Resource.of({"id": reference, "type": PUBLIC_ADDRESSES})


def _is_basic(*resources: Resource) -> bool:
    """Whether a Basic address or load balancer is on the way: those are open where no group filters."""
    return any((body.text(one.body, "sku.name") or "Basic").lower() == "basic" for one in resources)


def interface_entries(context: Context, subnets: Subnets, interface: Resource) -> Iterator[EntryPoint]:
    """Yield the public addresses of an interface, or those of a scale set's or machine's profile."""
    for member in subnets.networks.members.of(interface.key):
        for reference in member.public_addresses:
            address = _at(context, reference)
            path = (address.id, interface.id)
            label = (INTERFACE_KINDS[interface.type_key], address.name)
            is_basic = _is_basic(address) if context.estate.get(reference) is not None else None
            yield _member_entry(context, subnets, member, label, path, is_basic=is_basic)
        setting = member.instance_address
        if setting is not None:
            is_basic = body.same_text(body.text(setting, "sku.name") or "Basic", "Basic")
            label = (INTERFACE_KINDS[interface.type_key], f"machines, {member.name}")
            yield _member_entry(context, subnets, member, label, (interface.id,), is_basic=is_basic)


def _member_entry(
    context: Context,
    subnets: Subnets,
    member: NetworkMember,
    label: tuple[str, str],
    path: tuple[str, ...],
    *,
    is_basic: bool | None,
) -> EntryPoint:
    """Return a member's way in. `is_basic` is None where its public address was not read: then no group says nothing."""
    found = at_member(context, subnets, member, ALL_PORTS)
    if found.has_group or found.gap is not None:
        return _entry((*label, found.ports), member.holder, path, found)
    if is_basic is None:
        gap = context.estate.unseen(path[0]) or Gap(path[0], PUBLIC_ADDRESSES, "not in the snapshot")
        said = "no network security group stands before its public address, which was not collected"
        return EntryPoint(member.holder, *label, "all", EntryState.UNKNOWN, said, path, gap=gap)
    said = f"a {'Basic' if is_basic else 'Standard'} public address without network security group"
    state = EntryState.OPEN if is_basic else EntryState.CLOSED
    return EntryPoint(member.holder, *label, "all", state, said, path)


def balancer_entries(context: Context, subnets: Subnets, balancer: Resource) -> Iterator[EntryPoint]:
    """Yield the rules of a load balancer with a public front end; groups see the port of the back end."""
    fronts = {
        (body.text(front, "name") or ids.name_of(body.text(front, "id") or "")).lower(): address
        for front in body.objects(balancer.body, "properties.frontendIPConfigurations")
        if (address := _address_of(context, front)) is not None
    }
    for kind in ("loadBalancingRules", "inboundNatRules", "inboundNatPools"):
        for rule in body.objects(balancer.body, f"properties.{kind}"):
            reference = body.text(rule, "properties.frontendIPConfiguration.id")
            address = fronts.get(ids.name_of(reference).lower()) if reference else next(iter(fronts.values()), None)
            if address is not None:
                backends = subnets.networks.members.behind(balancer, rule, kind)
                yield from _balanced(context, subnets, rule, (balancer, address), backends)


def _balanced(
    context: Context,
    subnets: Subnets,
    rule: Mapping[str, object],
    front: tuple[Resource, Resource],
    backends: PooledMembers,
) -> Iterator[EntryPoint]:
    """Yield who is reached through a rule: each member and plain address behind it, and that there may be others."""
    balancer, address = front
    led = led_on(rule)
    ports, bits = led.destination_ports, led.protocols & WITH_PORTS
    shown = str(
        body.number(rule, "properties.frontendPort") or body.text(rule, "properties.frontendPortRangeStart") or "all"
    )
    label = ("loadBalancer", body.text(rule, "name") or shown, shown)
    reached = [(member.holder.id, at_member(context, subnets, member, ports, bits)) for member in backends.members] + [
        (key, in_subnet(context, subnets, balancer, key, ports, at=numbers, protocols=bits))
        for key, numbers in backends.addresses
    ]
    for backend, found in reached:
        path = (address.id, balancer.id, backend)
        if found.has_group or found.gap is not None:
            yield _entry(label, balancer, path, found)
        else:
            basic = _is_basic(balancer)
            said = f"a {'Basic' if basic else 'Standard'} load balancer without network security group behind it"
            yield EntryPoint(balancer, *label, EntryState.OPEN if basic else EntryState.CLOSED, said, path)
    if backends.gap is not None:
        said = "not all of its back ends are known" if reached else "its back ends are not known"
        gap = Gap(balancer.id, "properties.backendAddressPools", f"{said}: {backends.gap.reason}")
        yield EntryPoint(balancer, *label, EntryState.UNKNOWN, said, (address.id,), gap=gap)
    elif not reached:
        said = "nothing is behind it"
        yield EntryPoint(balancer, *label, EntryState.CLOSED, said, (address.id, balancer.id))


def gateway_entries(context: Context, subnets: Subnets, gateway: Resource) -> Iterator[EntryPoint]:
    """Yield the listeners of an Application Gateway on a public front end."""
    fronts = {
        (body.text(front, "name") or ids.name_of(body.text(front, "id") or "")).lower(): address
        for front in body.objects(gateway.body, "properties.frontendIPConfigurations")
        if (address := _address_of(context, front)) is not None
    }
    ports = {
        (body.text(one, "name") or ids.name_of(body.text(one, "id") or "")).lower(): body.number(one, "properties.port")
        for one in body.objects(gateway.body, "properties.frontendPorts")
    }
    for layer, _, listener in gateway_pools.listeners(gateway):
        front = ids.name_of(body.text(listener, "properties.frontendIPConfiguration.id") or "").lower()
        number = ports.get(ids.name_of(body.text(listener, "properties.frontendPort.id") or "").lower())
        if front in fronts:
            span = ((number, number + 1),) if number else ALL_PORTS
            found = in_subnet(context, subnets, gateway, subnet_of(gateway, "properties.gatewayIPConfigurations"), span)
            path = (fronts[front].id, gateway.id)
            name = body.text(listener, "name") or ""
            notes = _behind(subnets, gateway, layer, listener)
            yield _entry(("applicationGateway", name, str(number or "all")), gateway, path, found, *notes)


def _behind(subnets: Subnets, gateway: Resource, layer: Layer, listener: object) -> Iterator[str]:
    """Yield what a listener leads to: it gets what the gateway lets through."""
    pools = dict.fromkeys(gateway_pools.pools_behind(gateway, layer, listener))
    names = [name for pool in pools for name in gateway_pools.in_pool(subnets.networks.members, gateway, pool)]
    if layer is gateway_pools.CONNECTIONS:
        yield _UNSEEN
    if names:
        what = "requests" if layer is gateway_pools.REQUESTS else "connections"
        yield f"{what} are sent on to {', '.join(dict.fromkeys(names))}"


def bastion_entries(context: Context, subnets: Subnets, bastion: Resource) -> Iterator[EntryPoint]:
    """Yield the public front of a Bastion host; a developer's has none of its own, and is reached by one that all share.

    https://learn.microsoft.com/azure/bastion/quickstart-developer
    """
    if _is_shared(bastion):
        texts = [body.text(one, "addressPrefix") or "" for one in body.objects(bastion.body, _ALLOWED)]
        state = covered(*addresses.read_ranges(texts)) if texts else EntryState.OPEN
        said = listed(state, texts) if texts else "it is reached by the front end that developers' hosts share"
        yield EntryPoint(bastion, "bastion", "", "443", state, said, (bastion.id,))
        return
    configurations = list(body.objects(bastion.body, "properties.ipConfigurations"))
    address = next((found for one in configurations if (found := _address_of(context, one)) is not None), None)
    if body.flag(bastion.body, "properties.enablePrivateOnlyBastion") or address is None:
        said = "it has no public address" if address is None else "properties.enablePrivateOnlyBastion=true"
        yield EntryPoint(bastion, "bastion", "", "443", EntryState.CLOSED, said, (bastion.id,))
        return
    answer = in_subnet(context, subnets, bastion, subnet_of(bastion, "properties.ipConfigurations"), ((443, 444),))
    links = body.flag(bastion.body, "properties.enableShareableLink") is True
    notes = ("shareable links are on",) if links else ()
    yield _entry(("bastion", "", "443"), bastion, (address.id, bastion.id), answer, *notes)


def _is_shared(bastion: Resource) -> bool:
    return body.same_text(body.text(bastion.body, "sku.name"), "Developer")


def firewall_entries(context: Context, subnets: Subnets, firewall: Resource) -> Iterator[EntryPoint]:
    """Yield what a firewall translates inwards; a public address alone is no entry."""
    collections = _nat_collections(context, firewall)
    rules = subnets.firewalls.rules(firewall)
    if collections:
        said = f"{len(collections)} rule collection{'s' * (len(collections) > 1)} translate addresses inwards"
        yield EntryPoint(firewall, "azureFirewall", "", "see rules", EntryState.OPEN, said, (firewall.id,))
    elif rules.gap is not None:
        said = "its rules were not collected"
        yield EntryPoint(firewall, "azureFirewall", "", "", EntryState.UNKNOWN, said, gap=rules.gap)
    elif rules.translations:
        said = "its policy's parent translates addresses inwards, and whether a policy inherits that is not certain"
        yield EntryPoint(firewall, "azureFirewall", "", "", EntryState.UNKNOWN, said)
    else:
        yield EntryPoint(firewall, "azureFirewall", "", "", EntryState.CLOSED, "no rule translates addresses inwards")


def _nat_collections(context: Context, firewall: Resource) -> Sequence[object]:
    """Return the firewall's own collections that translate: they lead inwards whatever else of its rules is not known."""
    policy = body.sub_resource(firewall.body, "properties.firewallPolicy")
    below = context.estate.below(policy) if policy else ()
    return [
        *body.objects(firewall.body, "properties.natRuleCollections"),
        *(
            collection
            for group in below
            if group.type_key == RULE_GROUPS
            for collection in body.objects(group.body, "properties.ruleCollections")
            if "nat" in (body.text(collection, "ruleCollectionType") or "").lower()
        ),
    ]


def tunnel_entries(_: Context, __: Subnets, gateway: Resource) -> Iterator[EntryPoint]:
    """Yield a virtual network gateway: tunnels end there, nothing else."""
    if body.same_text(body.text(gateway.body, "properties.gatewayType"), "ExpressRoute"):
        said = "ExpressRoute does not use the Internet"
        yield EntryPoint(gateway, "virtualNetworkGateway", "", "", EntryState.CLOSED, said, (gateway.id,))
    else:
        said = "tunnels end at its public address"
        yield EntryPoint(gateway, "virtualNetworkGateway", "", "500, 4500", EntryState.RESTRICTED, said, (gateway.id,))


def _entry(
    label: tuple[str, str, str], resource: Resource, path: tuple[str, ...], found: Filtered, *notes: str
) -> EntryPoint:
    """Return an entry that groups decide about; `label` is its kind, name and port."""
    lines = (*found.lines, *notes)
    return EntryPoint(resource, *label, found.state, found.said, path, lines, found.gap, found.inputs)


_FRONTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    INTERFACES: (INTERFACE_KINDS[INTERFACES], ("ipConfigurations",)),
    LOAD_BALANCERS: ("loadBalancer", ("frontendIPConfigurations", "loadBalancingRules", "inboundNatRules")),
    GATEWAYS: ("applicationGateway", ("frontendIPConfigurations", "httpListeners")),
    BASTIONS: ("bastion", ("ipConfigurations",)),
}
"""What holders are called, and where they always state their addresses and what they do with them."""


def unread_front(context: Context, holder: Resource) -> EntryPoint | None:
    """Return that it is not known what leads to a holder of which the input does not show the addresses, or None."""
    kind, names = _FRONTS.get(holder.type_key, ("", ()))
    unread = [name for name in names if body.value(holder.body, f"properties.{name}") is None]
    if not unread or context.estate.complete or (kind == "bastion" and _is_shared(holder)):
        return None
    gap = Gap(holder.id, f"properties.{unread[0]}", NOT_IN_EXPORT)
    said = f"its {unread[0]} were not read"
    return EntryPoint(holder, kind, "", "", EntryState.UNKNOWN, said, (holder.id,), gap=gap)


HOLDERS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(INTERFACE_KINDS, interface_entries),
    LOAD_BALANCERS: balancer_entries,
    GATEWAYS: gateway_entries,
    BASTIONS: bastion_entries,
    FIREWALLS: firewall_entries,
    NETWORK_GATEWAYS: tunnel_entries,
}
