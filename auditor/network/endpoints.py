"""Turn what somebody calls one end of a connection into subnets and addresses, or say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.azure.reference_data import service_tags
from auditor.errors import InputError
from auditor.model import Resource
from auditor.network.security_rules import ALL_PROTOCOLS, WITH_PORTS, Match, Side, is_tag, parse_ports, tag
from auditor.network.subnets import SubnetFilters, Subnets

INTERNET: Final = "internet"
_PROTOCOLS: Final = {"tcp": 0b001, "udp": 0b010, "icmp": 0b100, "any": ALL_PROTOCOLS}
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_NETWORKS: Final = "microsoft.network/virtualnetworks"
_INTERFACES: Final = "microsoft.network/networkinterfaces"
_ENDPOINTS: Final = "microsoft.network/privateendpoints"
_PUBLIC_ADDRESSES: Final = "microsoft.network/publicipaddresses"
_DEFAULT_TAGS: Final = ("AzureLoadBalancer", "Internet", "VirtualNetwork")
_RESERVED: Final = frozenset(name.lower() for name in _DEFAULT_TAGS)


@dataclass(frozen=True, slots=True)
class Location:
    """Addresses in one subnet."""

    place: SubnetFilters
    addresses: Ranges


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a question: spots in known subnets, and what lies outside of all of them.

    `label` is how answers call it. `is_filtered_elsewhere`: what is outside is private, so that somebody else may filter.
    """

    label: str
    spots: tuple[Location, ...] = ()
    outside: Side | None = None
    is_filtered_elsewhere: bool = False


def find(places: Subnets, text: str) -> Endpoint:
    """Return the end that a text names: a service tag, an address or prefix, a subnet, or a resource in a subnet.

    Raise InputError where it names nothing, several things, or something without an address.
    """
    wanted = text.strip()
    if wanted.lower() in _RESERVED:
        return _of_tag(wanted)
    if (numbers := _numbers(wanted)) is not None:
        return _of_addresses(places, wanted, numbers)
    if (found := _resource(places, wanted)) is not None:
        return _of_resource(places, found)
    if any(wanted.lower() == known.lower() or _is_regional(wanted, known) for known in _tags(places)):
        return _of_tag(wanted)
    raise InputError(f"'{text}' is no subnet, resource, address or service tag that is known", _near(places, wanted))


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


def _of_addresses(places: Subnets, label: str, numbers: Ranges) -> Endpoint:
    inside = [Location(place, hit) for place in _all(places) if (hit := intersection(numbers, place.prefixes))]
    for one, other in ((a, b) for a in inside for b in inside if a.place.subnet.key < b.place.subnet.key):
        if intersection(one.addresses, other.addresses):
            both = ", ".join(spot.place.subnet.id for spot in (one, other))
            raise InputError(f"'{label}' lies in several subnets", f"name the subnet by its id: {both}")
    rest = difference(numbers, union(*(spot.addresses for spot in inside))) if inside else numbers
    is_private = bool(difference(rest, union(addresses.PUBLIC, addresses.PLATFORM))) if rest else False
    return Endpoint(label, tuple(inside), Side(rest) if rest else None, is_private)


def _all(places: Subnets) -> Iterator[SubnetFilters]:
    yield from (places.at(subnet) for subnet in places.context.estate.of_type(_SUBNETS))


def _resource(places: Subnets, text: str) -> Resource | None:
    estate = places.context.estate
    if text.startswith("/"):
        found = estate.get(text)
        if found is None:
            near = get_close_matches(ids.key(text), [one.key for one in estate.resources], n=1, cutoff=0.8)
            raise InputError(f"'{text}' is not in the estate", f"did you mean {near[0]}?" if near else "")
        return found
    network, _, subnet = text.rpartition("/")
    named = [one for one in estate.resources if one.name.lower() == (subnet if network else text).lower()]
    if network:
        named = [one for one in named if ids.name_of(ids.parent_of(one.key) or "") == network.lower()]
    with_place = [one for one in named if _has_place(places, one)]
    named = [one for one in with_place if one.type_key == _SUBNETS] or with_place or named
    if len(named) > 1:
        listed = ", ".join(one.id for one in named[:5])
        raise InputError(f"'{text}' names {len(named)} resources", f"give the id: {listed}")
    return named[0] if named else None


def _has_place(places: Subnets, resource: Resource) -> bool:
    try:
        _of_resource(places, resource)
    except InputError:
        return False
    return True


def _of_resource(places: Subnets, resource: Resource) -> Endpoint:
    estate = places.context.estate
    if resource.type_key == _SUBNETS:
        place = places.at(resource)
        return Endpoint(resource.name, (Location(place, place.prefixes),))
    if resource.type_key == _NETWORKS:
        inside = [estate.get(key) for key in estate.targets(resource.key, "contains")]
        subnets = [places.at(one) for one in inside if one is not None and one.type_key == _SUBNETS]
        spots = tuple(Location(place, place.prefixes) for place in subnets)
    elif resource.type_key == _PUBLIC_ADDRESSES and not estate.targets(resource.key, "attached"):
        numbers = addresses.read(resource.body, "properties.ipAddress")
        return Endpoint(resource.name, outside=Side(numbers)) if numbers else _without_address(resource)
    else:
        spots = tuple(_spots(places, resource))
    return Endpoint(resource.name, spots) if spots else _without_address(resource)


def _without_address(resource: Resource) -> Endpoint:
    raise InputError(f"'{resource.id}' has no address in a subnet that is known", "name its subnet or an address")


def _spots(places: Subnets, resource: Resource) -> Iterator[Location]:
    """Yield where a resource is: at its interfaces' addresses, else somewhere in the subnets that it is attached to."""
    estate = places.context.estate
    owners = [resource.key, *estate.sources(resource.key, "private-endpoint-for")]
    if resource.type_key == _PUBLIC_ADDRESSES:
        owners += estate.targets(resource.key, "attached")
    at_interfaces = [spot for owner in owners for spot in _interface_spots(places, owner)]
    if at_interfaces:
        yield from at_interfaces
        return
    for key in sorted({subnet for owner in owners for subnet in estate.targets(owner, "attached")}):
        subnet = estate.get(key)
        if subnet is not None and subnet.type_key == _SUBNETS:
            yield Location(places.at(subnet), places.at(subnet).prefixes)


def _interface_spots(places: Subnets, owner: str) -> Iterator[Location]:
    estate = places.context.estate
    for key in sorted({owner, *estate.sources(owner, "attached")}):
        interface = estate.get(key)
        if interface is None or interface.type_key != _INTERFACES:
            continue
        for configuration in body.objects(interface.body, "properties.ipConfigurations"):
            subnet = estate.get(body.sub_resource(configuration, "properties.subnet") or "")
            numbers = addresses.read(configuration, "properties.privateIPAddress")
            if subnet is not None and subnet.type_key == _SUBNETS and numbers:
                yield Location(places.at(subnet), numbers)


def _tags(places: Subnets) -> Sequence[str]:
    spelled = {
        symbol.label
        for place in _all(places)
        for group in [place.group, *(one.group for one in place.interfaces)]
        if group is not None
        for rules in group.rules.values()
        for rule in rules
        for side in (rule.match.source, rule.match.destination)
        for symbol in side.symbols
        if not symbol.is_group
    }
    known = (tag.name for tag in service_tags.known().values())
    return sorted({*spelled, *_DEFAULT_TAGS, *known, *places.networks.tags})


def _is_regional(text: str, known: str) -> bool:
    head, dot, region = text.partition(".")
    return bool(dot and region) and is_tag(text) and head.lower() == known.lower()


def _near(places: Subnets, text: str) -> str:
    estate = places.context.estate
    known = {place.subnet.name for place in _all(places)} | {one.name for one in estate.resources} | {*_tags(places)}
    return _suggestion(text, known) or _suggestion("", (place.subnet.name for place in _all(places)))


def _suggestion(text: str, known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in sorted(known)}
    if text:
        near = get_close_matches(text[:100].lower(), list(by_lower), n=3, cutoff=0.6)
        return f"did you mean {' or '.join(by_lower[name] for name in near)}?" if near else ""
    names = sorted(by_lower.values())[:10]
    return f"subnets: {', '.join(names)}" if names else "the estate holds no subnet"


def is_endpoint_only(places: Subnets, place: SubnetFilters) -> bool:
    """Whether the subnet holds private endpoints and nothing else that takes traffic."""
    estate = places.context.estate
    found = [estate.get(key) for key in estate.sources(place.subnet.key, "attached")]
    kinds = {one.type_key for one in found if one is not None}
    own = {one.resource.key for one in place.interfaces if not one.is_endpoint}
    others = kinds - {
        _ENDPOINTS,
        _INTERFACES,
        "microsoft.network/networksecuritygroups",
        "microsoft.network/routetables",
    }
    return _ENDPOINTS in kinds and not others and not own


def traffic(protocol: str, port: str | None) -> Match:
    """Return the traffic of a protocol (`tcp`, `udp`, `icmp`, `any`), to some ports if any are given.

    Raise InputError for what is no port, and for a port of ICMP.
    """
    if port is None:
        return Match(protocols=_PROTOCOLS[protocol])
    if protocol == "icmp":
        raise InputError("ICMP has no ports", "leave out --port")
    return Match(protocols=_PROTOCOLS[protocol] & WITH_PORTS, destination_ports=ports(port), names_ports=True)
