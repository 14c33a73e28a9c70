"""Say whom changes let in at the public doors of services, and whom they keep out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, holds, intersection, union
from auditor.diff.attribution import Attribution
from auditor.diff.drift import NetworkEffect, Witness
from auditor.diff.network_effect import INTERNET, NetworkEffects
from auditor.estate.graph import Estate
from auditor.estate.network_relations import ASSOCIATIONS
from auditor.model import Resource
from auditor.network.comparison import PacketCube, ports_text
from auditor.network.security_rules import ALL_PORTS, parse_ports
from auditor.network.service_doors import PublicDoor, public_doors

_PERIMETERS: Final = f"/{ASSOCIATIONS.rpartition('/')[0]}/"
_EVERY_PORT: Final = ports_text(ALL_PORTS)


class _Admitted(Struct, frozen=True):
    """Whom a door lets in: `numbers` for certain, others too where there are `doubts`; `subnets` by their keys."""

    numbers: Ranges = ()
    doubts: tuple[str, ...] = ()
    subnets: frozenset[str] = frozenset()
    port: str = ""

    @property
    def is_open(self) -> bool:
        return addresses.covers_internet(self.numbers)


_NOBODY: Final = _Admitted()


def service_effects(old: Estate, new: Estate, attribution: Attribution) -> NetworkEffects:
    """Return whom the public doors of services let in in one state only. Only services that changed are looked at."""
    gained: list[NetworkEffect] = []
    lost: list[NetworkEffect] = []
    for service in _changed(old, new, attribution):
        before, after = _doors(old, service), _doors(new, service)
        for found, more, less, estate in ((gained, after, before, new), (lost, before, after, old)):
            found.extend(_of_service(service, more, less, estate, attribution))
    return NetworkEffects(gained, lost)


def _changed(old: Estate, new: Estate, attribution: Attribution) -> Iterator[Resource]:
    """Yield the services that something changed of, or of the perimeter that decides about them."""
    by_perimeter = any(_PERIMETERS in key for key in attribution.keys)
    seen: set[str] = set()
    for estate in (new, old):
        for resource in estate.resources:
            known = estate.catalogue.get(resource.type_key)
            if known is None or known.way_in is None or resource.key in seen:
                continue
            seen.add(resource.key)
            if by_perimeter or next(attribution.below(resource.key), None) is not None:
                yield resource


def _doors(estate: Estate, service: Resource) -> Mapping[str, _Admitted]:
    resource = estate.get(service.key)
    doors = (public_doors(estate, resource) or ()) if resource is not None else ()
    return {door.name: _admitted(door) for door in doors}


def _admitted(door: PublicDoor) -> _Admitted:
    doubts = [f"it is not known whom the public endpoint lets in ({door.gap.reason})"] if door.gap is not None else []
    doubts += [f"source is among {text}" for text in (*door.odd, *door.others)]
    numbers = intersection(door.admits, addresses.PUBLIC)
    return _Admitted(numbers, tuple(doubts), frozenset(map(ids.key, door.subnets)), door.port)


def _of_service(
    service: Resource,
    more: Mapping[str, _Admitted],
    less: Mapping[str, _Admitted],
    estate: Estate,
    attribution: Attribution,
) -> Iterator[NetworkEffect]:
    """Yield what the doors of a service let in besides: from the Internet, certain and not, and from each subnet."""
    by = attribution.made_by([service.key]) or attribution.made_by(
        key for key in attribution.keys if _PERIMETERS in key
    )
    sure: list[PacketCube] = []
    unsure: list[PacketCube] = []
    assuming: list[str] = []
    by_subnet: dict[str, list[PacketCube]] = {}
    for name, door in more.items():
        other = less.get(name, _NOBODY)
        besides = difference(door.numbers, other.numbers)
        (unsure if other.doubts else sure).extend(_cubes(service, door, besides))
        assuming += other.doubts if besides else ()
        if door.doubts and door.doubts != other.doubts and not other.is_open:
            unsure += _cubes(service, door, difference(addresses.PUBLIC, union(door.numbers, other.numbers)))
            assuming += door.doubts
        for key in sorted(door.subnets - other.subnets) if not other.is_open else ():
            subnet = estate.get(key)
            if subnet is not None and body.objects(subnet.properties, "serviceEndpoints"):
                numbers = addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
                by_subnet.setdefault(subnet.id, []).extend(_cubes(service, door, numbers))
    for source, cubes, is_certain in (
        (INTERNET, sure, True),
        (INTERNET, unsure, False),
        *((subnet, cubes, True) for subnet, cubes in by_subnet.items()),
    ):
        if cubes:
            yield NetworkEffect(
                source=source,
                destination=service.id,
                door="service",
                is_certain=is_certain,
                assuming=() if is_certain else tuple(dict.fromkeys(assuming)),
                witness=_witness(cubes[0]),
                packets=tuple(dict.fromkeys(cubes)),
                by=by,
                is_decided=is_certain,
            )


def _cubes(service: Resource, door: _Admitted, numbers: Ranges) -> list[PacketCube]:
    if not numbers:
        return []
    span = parse_ports(door.port)
    ports = ports_text((span,)) if span else _EVERY_PORT
    return [PacketCube(tuple(addresses.prefixes(numbers)), (service.id,), ("Tcp",), ports, _EVERY_PORT)]


def _witness(cube: PacketCube) -> Witness:
    numbers = addresses.must_parse(*cube.sources)
    known = intersection(numbers, addresses.STRANGERS) or intersection(numbers, addresses.PUBLIC_IPV4) or numbers
    start, end = known[0]
    source = start + 4 if holds(known, start + 4) and end - start > 4 else start
    port = int(cube.ports[0].partition("-")[0])
    return Witness(addresses.text(source), cube.destinations[0], cube.protocols[0], port or 443)
