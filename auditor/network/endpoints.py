"""Turn what somebody calls one end of a connection into subnets and addresses, or say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.azure.reference_data import service_tags
from auditor.errors import InputError
from auditor.estate.lookup import NETWORKS
from auditor.estate.network_relations import LOAD_BALANCERS, PUBLIC_ADDRESSES, SUBNETS
from auditor.model import Resource
from auditor.network.membership import NetworkMember
from auditor.network.security_rules import ALL_PROTOCOLS, WITH_PORTS, Match, Side, is_tag, parse_ports, tag
from auditor.network.subnets import SubnetFilters, Subnets

INTERNET: Final = "internet"
_PROTOCOLS: Final = {"tcp": 0b001, "udp": 0b010, "icmp": 0b100, "any": ALL_PROTOCOLS}
_DEFAULT_TAGS: Final = ("AzureLoadBalancer", "Internet", "VirtualNetwork")
_RESERVED: Final = frozenset(name.lower() for name in _DEFAULT_TAGS)


class Location(Struct, frozen=True):
    """Addresses in one subnet. `with_unused`: those too that nobody has."""

    filters: SubnetFilters
    addresses: Ranges
    with_unused: bool = False


class Endpoint(Struct, frozen=True):
    """One end of a question: locations in known subnets, and what lies outside of all of them.

    `label` is how answers call it. `is_filtered_elsewhere`: what is outside is private, so that somebody else may filter.
    """

    label: str
    locations: tuple[Location, ...] = ()
    outside: Side | None = None
    is_filtered_elsewhere: bool = False


def find(subnets: Subnets, text: str) -> Endpoint:
    """Return the end that a text names: a service tag, an address or prefix, a subnet, or a resource in a subnet.

    Raise InputError where it names nothing, several things, or something without an address.
    """
    name = text.strip()
    if name.lower() in _RESERVED:
        return _of_tag(name)
    if (numbers := _numbers(name)) is not None:
        return _of_addresses(subnets, name, numbers)
    if (resource := _resource(subnets, name)) is not None:
        return _of_resource(subnets, resource)
    if any(name.lower() == known.lower() or _is_regional(name, known) for known in _tags(subnets)):
        return _of_tag(name)
    raise InputError(f"'{text}' is no subnet, resource, address or service tag that is known", _near(subnets, name))


def ports(text: str) -> Ranges:
    """Return a port or a range of ports. Raise InputError where it is neither."""
    span = parse_ports(text)
    if span is None or not text.strip():
        raise InputError(f"'{text}' is no port", "write a number from 0 to 65535, or a range such as 8000-8080")
    return (span,)


def _numbers(text: str) -> Ranges | None:
    looks_like = text[:1].isdigit() and set(text) <= set("0123456789./") and "." in text
    looks_like = looks_like or (":" in text and set(text.lower()) <= set("0123456789abcdef:./"))
    if not looks_like:
        return None
    numbers = addresses.parse(text)
    if numbers is None:
        raise InputError(f"'{text}' is no address or prefix", "write it as 10.0.1.4, 10.0.1.0/24 or 2001:db8::/32")
    return numbers


def _of_tag(text: str) -> Endpoint:
    symbol = tag(text)
    if symbol.key == INTERNET:
        return Endpoint("Internet", outside=Side(addresses.PUBLIC))
    return Endpoint(symbol.label, outside=Side(symbols=(symbol,)), is_filtered_elsewhere=symbol.key == "virtualnetwork")


def _of_addresses(subnets: Subnets, label: str, numbers: Ranges) -> Endpoint:
    inside = [Location(filters, hit) for filters in _all(subnets) if (hit := intersection(numbers, filters.prefixes))]
    for first, second in combinations(sorted(inside, key=lambda location: location.filters.subnet.key), 2):
        if intersection(first.addresses, second.addresses):
            both = ", ".join(location.filters.subnet.id for location in (first, second))
            raise InputError(f"'{label}' lies in several subnets", f"name the subnet by its id: {both}")
    rest = difference(numbers, union(*(location.addresses for location in inside))) if inside else numbers
    is_private = bool(difference(rest, union(addresses.PUBLIC, addresses.PLATFORM))) if rest else False
    return Endpoint(label, tuple(inside), Side(rest) if rest else None, is_private)


def _all(subnets: Subnets) -> Iterator[SubnetFilters]:
    yield from (subnets.at(subnet) for subnet in subnets.estate.of_type(SUBNETS))


def _resource(subnets: Subnets, text: str) -> Resource | None:
    estate = subnets.estate
    if text.startswith("/"):
        resource = estate.get(text)
        if resource is None:
            near = get_close_matches(ids.key(text), [known.key for known in estate.resources], n=1, cutoff=0.8)
            raise InputError(f"'{text}' is not in the estate", f"did you mean {near[0]}?" if near else "")
        return resource
    network, _, subnet = text.rpartition("/")
    named = [known for known in estate.resources if known.name.lower() == (subnet if network else text).lower()]
    if network:
        named = [known for known in named if ids.name_of(ids.parent_of(known.key) or "") == network.lower()]
    located = [known for known in named if _has_location(subnets, known)]
    named = [known for known in located if known.type_key == SUBNETS] or located or named
    if len(named) > 1:
        listed = ", ".join(known.id for known in named[:5])
        raise InputError(f"'{text}' names {len(named)} resources", f"give the id: {listed}")
    return named[0] if named else None


def _has_location(subnets: Subnets, resource: Resource) -> bool:
    try:
        _of_resource(subnets, resource)
    except InputError:
        return False
    return True


def _of_resource(subnets: Subnets, resource: Resource) -> Endpoint:
    estate = subnets.estate
    if resource.type_key == SUBNETS:
        filters = subnets.at(resource)
        return Endpoint(resource.name, (Location(filters, filters.prefixes),))
    if resource.type_key == NETWORKS:
        inside = [estate.get(key) for key in estate.targets(resource.key, "contains")]
        held = [subnets.at(child) for child in inside if child is not None and child.type_key == SUBNETS]
        locations = tuple(Location(filters, filters.prefixes) for filters in held)
    elif resource.type_key == PUBLIC_ADDRESSES and not estate.targets(resource.key, "attached"):
        numbers = addresses.read(resource.body, "properties.ipAddress")
        return Endpoint(resource.name, outside=Side(numbers)) if numbers else _without_address(resource)
    else:
        locations = tuple(_locations(subnets, resource))
    return Endpoint(resource.name, locations) if locations else _without_address(resource)


def located(subnets: Subnets, resource: Resource) -> tuple[Location, ...]:
    """Return where a resource is: its addresses, or the subnets that it is attached to; nothing where neither is known."""
    return tuple(_locations(subnets, resource))


def _without_address(resource: Resource) -> Endpoint:
    raise InputError(f"'{resource.id}' has no address in a subnet that is known", "name its subnet or an address")


def _locations(subnets: Subnets, resource: Resource) -> Iterator[Location]:
    """Yield where a resource is: at its interfaces' addresses, else somewhere in the subnets that it is attached to."""
    estate = subnets.estate
    owners = [resource.key, *estate.sources(resource.key, "private-endpoint-for")]
    if resource.type_key == PUBLIC_ADDRESSES:
        owners += estate.targets(resource.key, "attached")
    members = {member.key: member for owner in owners for member in _members(subnets, owner)}
    at_members = [location for member in members.values() for location in _at_member(subnets, member)]
    if at_members:
        yield from at_members
        return
    for key in sorted({subnet for owner in owners for subnet in estate.targets(owner, "attached")}):
        subnet = estate.get(key)
        if subnet is not None and subnet.type_key == SUBNETS:
            yield Location(subnets.at(subnet), subnets.at(subnet).prefixes)


def _members(subnets: Subnets, owner: str) -> Iterator[NetworkMember]:
    """Yield who stands for a resource in networks: its interfaces, a group's members, what a load balancer leads to."""
    known, estate = subnets.networks.members, subnets.estate
    for key in sorted({owner, *estate.sources(owner, "attached")}):
        yield from known.of(key)
    yield from known.in_application_group(owner)
    balancer = estate.get(owner)
    if balancer is not None and balancer.type_key == LOAD_BALANCERS:
        yield from known.behind(balancer, {}).members


def _at_member(subnets: Subnets, member: NetworkMember) -> Iterator[Location]:
    subnet = subnets.estate.get(member.subnet or "")
    if subnet is not None and subnet.type_key == SUBNETS:
        filters, interface = subnets.at(subnet), subnets.interface(member)
        if interface.space:
            yield Location(replace(filters, only=interface), interface.space)


def _tags(subnets: Subnets) -> Sequence[str]:
    spelled = {
        symbol.label
        for filters in _all(subnets)
        for group in [filters.group, *(interface.group for interface in filters.interfaces)]
        if group is not None
        for rules in group.rules.values()
        for rule in rules
        for side in (rule.match.source, rule.match.destination)
        for symbol in side.symbols
        if not symbol.is_group
    }
    known = (tag.name for tag in service_tags.known().values())
    return sorted({*spelled, *_DEFAULT_TAGS, *known, *subnets.networks.tags})


def _is_regional(text: str, known: str) -> bool:
    head, dot, region = text.partition(".")
    return bool(dot and region) and is_tag(text) and head.lower() == known.lower()


def _near(subnets: Subnets, text: str) -> str:
    estate = subnets.estate
    names = {filters.subnet.name for filters in _all(subnets)}
    known = names | {resource.name for resource in estate.resources} | {*_tags(subnets)}
    return _suggestion(text, known) or _suggestion("", names)


def _suggestion(text: str, known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in sorted(known)}
    if text:
        near = get_close_matches(text[:100].lower(), list(by_lower), n=3, cutoff=0.6)
        return f"did you mean {' or '.join(by_lower[name] for name in near)}?" if near else ""
    names = sorted(by_lower.values())[:10]
    return f"subnets: {', '.join(names)}" if names else "the estate holds no subnet"


def traffic(protocol: str, port: str | None) -> Match:
    """Return the traffic of a protocol (`tcp`, `udp`, `icmp`, `any`), to some ports if any are given.

    Raise InputError for what is no port, and for a port of ICMP.
    """
    if port is None:
        return Match(protocols=_PROTOCOLS[protocol])
    if protocol == "icmp":
        raise InputError("ICMP has no ports", "leave out --port")
    return Match(protocols=_PROTOCOLS[protocol] & WITH_PORTS, destination_ports=ports(port), names_ports=True)
