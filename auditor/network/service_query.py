"""Decide by which of its doors a service is reached from one end: the public one, or private endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection
from auditor.estate.graph import Estate
from auditor.estate.network_relations import ZONE_LINKS
from auditor.estate.private_connections import (
    ENDPOINTS,
    EndpointConnection,
    addresses_of,
    connections_of,
    missing_need,
    target_connections,
)
from auditor.model import Gap, Resource
from auditor.network import endpoints, private_names, service_doors
from auditor.network.endpoints import Endpoint
from auditor.network.forwarding import Forwarding
from auditor.network.perimeters import Decider
from auditor.network.private_names import Resolution
from auditor.network.reachability import Connection, connect
from auditor.network.security_rules import Match, parse_ports
from auditor.network.service_doors import PublicDoor
from auditor.network.subnets import Subnets
from auditor.truth import Truth, all_of, any_of, truth_of

_MOST: Final = 3
_ENDPOINT_SERVICES: Final = {
    "microsoft.dbformysql": "microsoft.sql",
    "microsoft.dbforpostgresql": "microsoft.sql",
    "microsoft.documentdb": "microsoft.azurecosmosdb",
}
"""What service endpoints are for, by the namespace of a service, where both are not the same, in lower case."""


class DoorAnswer(Struct, frozen=True):
    """Whether a door lets in some of the asked traffic, and why.

    `name` tells several doors of one kind apart: the private endpoint, or the part of the service. `resolves` says
    whether the service's name leads to the private endpoint where the source is; None where that was not asked.
    """

    door: Literal["public", "private"]
    name: str
    truth: Truth
    why: str
    resolves: Truth | None = None
    unknowns: tuple[str, ...] = ()
    connection: Connection | None = None


class ServiceAnswer(Struct, frozen=True):
    """Whether a service is reached, over all of its doors; `connection` holds packets and rules of those that decide."""

    connection: Connection
    doors: tuple[DoorAnswer, ...]


def service_named(subnets: Subnets, text: str) -> Resource | None:
    """Return the service with a public door or private endpoints that a name or id means, or None for anything else."""
    estate = subnets.estate
    wanted = text.strip().lower()
    found = [one for one in estate.resources if wanted in {one.key, one.name.lower()} and _is_service(estate, one)]
    return found[0] if len(found) == 1 else None


def _is_service(estate: Estate, resource: Resource) -> bool:
    known = estate.catalogue.get(resource.type_key)
    return known is not None and known.way_in is not None and service_doors.are_read(known.way_in)


def ask(subnets: Subnets, source: Endpoint, service: Resource, traffic: Match) -> ServiceAnswer:
    """Return whether some of the traffic gets from an end to a service, door by door."""
    doors = (*_public(subnets, source, service, traffic), *_private(subnets, source, service, traffic))
    truth = any_of(tuple(door.truth for door in doors))
    shown = [one.connection for one in doors if one.connection is not None and one.truth is truth]
    first = next(iter(shown), None) or next((one.connection for one in doors if one.connection is not None), None)
    known = first or Connection(truth)
    unknowns = tuple(sorted({text for one in doors if one.truth is Truth.UNKNOWN for text in one.unknowns}))
    connection = Connection(
        truth=truth,
        passes=known.passes if truth is not Truth.NO else (),
        denied=known.denied,
        rules=known.rules,
        packet=known.packet,
        unknowns=unknowns if truth is Truth.UNKNOWN else (),
        notes=known.notes,
    )
    return ServiceAnswer(connection, doors)


def _public(subnets: Subnets, source: Endpoint, service: Resource, traffic: Match) -> Iterator[DoorAnswer]:
    for door in service_doors.public_doors(subnets.estate, service) or ():
        if not _is_port_asked(door, traffic):
            yield DoorAnswer("public", door.name, Truth.NO, f"it listens on port {door.port} only")
        else:
            yield _by_public_door(subnets, source, (service, door), traffic)


def _is_port_asked(door: PublicDoor, traffic: Match) -> bool:
    spans = [parse_ports(text) for text in door.port.split(",")]
    listened = [span for span in spans if span is not None]
    is_told = bool(listened) and len(listened) == len(spans) and traffic.names_ports
    return not is_told or any(intersection(traffic.destination_ports, (span,)) for span in listened)


def _by_public_door(subnets: Subnets, source: Endpoint, at: tuple[Resource, PublicDoor], traffic: Match) -> DoorAnswer:
    """Return what a service's public door lets in from outside, and what leaves a subnet for it and is let in there."""
    _, door = at
    answers: list[DoorAnswer] = []
    if source.outside is not None:
        numbers = intersection(source.outside.ranges, addresses.PUBLIC)
        answers.append(_from_addresses(door, numbers, is_known=not source.outside.symbols))
    if source.locations:
        answers.append(_from_subnets(subnets, source, at, traffic))
    truth = any_of(tuple(one.truth for one in answers)) if answers else Truth.NO
    decisive = next((one for one in answers if one.truth is truth), None)
    return _past_groups(subnets, source, door, decisive or DoorAnswer("public", door.name, Truth.NO, door.by))


def _past_groups(subnets: Subnets, source: Endpoint, door: PublicDoor, answer: DoorAnswer) -> DoorAnswer:
    """Return what is left of an answer behind the groups of the subnets that a door lies in: any of them may let in."""
    if not door.behind or answer.truth is Truth.NO:
        return answer
    # Who comes from a subnet of Azure comes with a public address that is not known here.
    is_outer = source.outside is not None
    outer = Endpoint(source.label, (), source.outside) if is_outer else endpoints.find(subnets, endpoints.INTERNET)
    asked, names, doubts = endpoints.traffic("tcp", door.port), [], []
    truths = []
    for key in door.behind:
        if subnets.estate.get(key) is None:
            doubts.append("what the groups of its subnet let in, which was not read")
            truths.append(Truth.UNKNOWN)
            continue
        way = connect(Forwarding(subnets), outer, endpoints.find(subnets, key), asked)
        names.append(ids.name_of(key))
        truths.append(way.truth if is_outer or way.truth is Truth.NO or not way.is_partial else Truth.UNKNOWN)
        doubts += way.unknowns if is_outer else [f"which addresses the groups of {names[-1]} let in"]
    truth = all_of((answer.truth, any_of(truths)))
    if truth is answer.truth:
        return answer
    why = f"{answer.why}; the groups of {', '.join(names) or 'its subnet'} decide, too"
    unknowns = (*answer.unknowns, *doubts) if truth is Truth.UNKNOWN else ()
    return DoorAnswer("public", door.name, truth, why, None, unknowns, answer.connection)


def _from_addresses(door: PublicDoor, numbers: Ranges, *, is_known: bool) -> DoorAnswer:
    truth = service_doors.lets_in(door, numbers) if is_known else Truth.UNKNOWN
    if not is_known and (door.admits_everybody or door.decider is Decider.NOBODY):
        truth = Truth.YES if door.admits_everybody else Truth.NO
    return DoorAnswer("public", door.name, truth, _who(door), None, _doubts(door, truth))


def _from_subnets(subnets: Subnets, source: Endpoint, at: tuple[Resource, PublicDoor], traffic: Match) -> DoorAnswer:
    """Return whether a subnet gets in: as one that the firewall names, else by the address that it leaves Azure with."""
    service, door = at
    outer = Endpoint(source.label, source.locations)
    if not traffic.names_ports and parse_ports(door.port) is not None:
        traffic = endpoints.traffic("tcp", door.port)
    leaving = connect(Forwarding(subnets), outer, endpoints.find(subnets, "Internet"), traffic)
    named = [one.filters.subnet for one in source.locations if one.filters.subnet.key in door.subnets]
    doubts: tuple[str, ...] = ()
    why = _who(door)
    if door.admits_everybody:
        entering = Truth.YES
    elif named and door.decider in {Decider.SERVICE, Decider.EITHER}:
        has = all(_has_service_endpoint(subnet, service) for subnet in named)
        entering = Truth.YES if has else Truth.NO
        why = f"a rule for {named[0].name} lets it in" + ("" if has else ", but it has no service endpoint for it")
    elif door.gap is not None or door.odd or door.others:
        entering, doubts = Truth.UNKNOWN, _doubts(door, Truth.UNKNOWN)
    elif intersection(door.admits, addresses.PUBLIC):
        entering = Truth.UNKNOWN
        doubts = (f"with which public address {source.label} leaves",)
    else:
        entering = Truth.NO
    leaves = leaving.truth
    if leaving.is_partial and leaves is Truth.YES:
        # Which of Azure's addresses the service has is not read, so that it may be one that is stopped.
        leaves, doubts = (
            Truth.UNKNOWN,
            (*doubts, f"whether the service's address is one that {source.label} may leave for"),
        )
    truth = all_of((entering, leaves))
    if entering is not Truth.NO and leaving.truth is Truth.NO:
        why = f"nothing leaves {source.label} for the Internet on the asked port"
    unknowns = (*doubts, *leaving.unknowns) if truth is Truth.UNKNOWN else ()
    return DoorAnswer("public", door.name, truth, why, None, unknowns, leaving if entering is not Truth.NO else None)


def _has_service_endpoint(subnet: Resource, service: Resource) -> bool:
    """Whether a subnet has a service endpoint for what a service is of, by which its firewall knows the subnet.

    https://learn.microsoft.com/azure/virtual-network/virtual-network-service-endpoints-overview
    """
    namespace = service.type_key.partition("/")[0]
    needed = _ENDPOINT_SERVICES.get(namespace, namespace)
    return any(
        (body.text(entry, "service") or "").lower().removesuffix(".global") == needed
        and (body.text(entry, "provisioningState") or "Succeeded").lower() == "succeeded"
        for entry in body.objects(subnet.properties, "serviceEndpoints")
    )


def _doubts(door: PublicDoor, truth: Truth) -> tuple[str, ...]:
    if truth is not Truth.UNKNOWN:
        return ()
    if door.gap is not None:
        return (f"whom the public endpoint lets in ({door.gap.reason})",)
    return (f"which addresses are meant by {', '.join((*door.odd, *door.others)[:_MOST]) or 'the source'}",)


def _who(door: PublicDoor) -> str:
    """Return what decides about a public door, with the addresses that it lets in."""
    beside = f", but trusted Azure services pass ({door.trusted})" if door.trusted and not door.admits_everybody else ""
    if door.is_told or door.gap is not None:
        return f"{door.by or 'it lets in nobody'}{beside}"
    shown = ", ".join(door.texts[:_MOST]) + (" …" if len(door.texts) > _MOST else "") if door.texts else "no address"
    who = "the perimeter" if door.decider is Decider.PERIMETER else "its firewall"
    return f"{door.by}; {who} lets in {shown}{beside}" if door.by else f"{who} lets in {shown}{beside}"


def _private(subnets: Subnets, source: Endpoint, service: Resource, traffic: Match) -> Iterator[DoorAnswer]:
    estate = subnets.estate
    known = (estate.get(key) for key in estate.sources(service.key, "private-endpoint-for"))
    found = [
        connection
        for endpoint in known
        if endpoint is not None
        for connection in connections_of(endpoint)
        if connection.target == service.key
    ]
    for connection in found:
        yield _by_endpoint(subnets, source, connection, traffic)
    gap = estate.type_gap(ENDPOINTS)
    if gap is not None:
        doubt = f"whether {service.name} has further private endpoints ({gap.reason})"
        yield DoorAnswer("private", "", Truth.UNKNOWN, "private endpoints were not all read", None, (doubt,))
    elif not found:
        yield DoorAnswer("private", "", Truth.NO, f"{service.name} has no private endpoint")


def _by_endpoint(subnets: Subnets, source: Endpoint, connection: EndpointConnection, traffic: Match) -> DoorAnswer:
    name = connection.endpoint.name
    if (unread := connection.unread) is not None:
        return DoorAnswer(
            "private", name, Truth.UNKNOWN, unread.reason, None, (f"whether {name} works ({unread.reason})",)
        )
    target = subnets.estate.get(connection.target)
    lacking = missing_need(subnets.estate, target) if target is not None else None
    if isinstance(lacking, Gap):
        doubt = f"whether {name} works ({lacking.what}: {lacking.reason})"
        return DoorAnswer("private", name, Truth.UNKNOWN, lacking.reason, None, (doubt,))
    if (why_not := _ineffective(subnets.estate, connection) or lacking) is not None:
        return DoorAnswer("private", name, Truth.NO, f"{why_not}, and so it lets nothing in")
    locations = endpoints.located(subnets, connection.endpoint)
    if not locations:
        doubt = f"where the private endpoint {name} is (its subnet was not read)"
        return DoorAnswer("private", name, Truth.UNKNOWN, doubt, None, (doubt,))
    if not source.locations and source.outside is not None and not source.is_filtered_elsewhere:
        return DoorAnswer("private", name, Truth.NO, "a private endpoint takes nothing from the Internet")
    way = connect(Forwarding(subnets), source, Endpoint(name, locations), traffic)
    resolves = _resolves(subnets.estate, source, connection)
    why = {
        Truth.YES: "the packets get to the private endpoint",
        Truth.NO: "no packet gets to the private endpoint",
        Truth.UNKNOWN: "it depends whether packets get to the private endpoint",
    }[way.truth]
    if resolves is Truth.NO:
        why += ", but the service's name does not resolve to it there"
    return DoorAnswer("private", name, way.truth, why, resolves, way.unknowns, way)


def _ineffective(estate: Estate, connection: EndpointConnection) -> str | None:
    """Return why no traffic flows over a connection, by what either of its ends says, or None."""
    if not body.same_text(connection.status, "Approved"):
        return f"its connection is {connection.status}"
    if not connection.is_effective:
        return f"its provisioning state is {connection.state}"
    target = estate.get(connection.target)
    listed = (target_connections(estate, target) if target is not None else None) or ()
    said = [one.status for one in listed if one.endpoint == connection.endpoint.key and one.status is not None]
    refusals = [status for status in said if not body.same_text(status, "Approved")]
    return f"{ids.name_of(connection.target)} says that the connection is {refusals[0]}" if refusals else None


def _resolves(estate: Estate, source: Endpoint, connection: EndpointConnection) -> Truth | None:
    """Return whether the service's names lead to an endpoint in the networks where the source is."""
    networks = {ids.parent_of(location.filters.subnet.key) or "" for location in source.locations}
    found = [_resolves_in(estate, network, connection) for network in sorted(networks)]
    return all_of(tuple(found)) if found else None


def _resolves_in(estate: Estate, network: str, connection: EndpointConnection) -> Truth:
    resource = estate.get(network)
    if resource is None or private_names.has_own_servers(resource):
        return Truth.UNKNOWN
    zones = private_names.zones_seen_from(estate, network)
    registered = private_names.registered(estate, connection.endpoint)
    ends = addresses_of(estate, connection.endpoint)
    answers: list[Truth] = []
    for name in private_names.zones_needed(estate, connection):
        is_linked = any(zone.name == name for zone in zones)
        if not is_linked and estate.type_gap(ZONE_LINKS) is not None:
            answers.append(Truth.UNKNOWN)  # its zone may be linked by what was not read
            continue
        if private_names.forwarder(estate, network, name, is_linked=is_linked) is not None:
            answers.append(Truth.UNKNOWN)
            continue
        own = [zone for zone in zones if zone.name == name and zone.key in registered]
        names = [relative for zone in own for relative in registered[zone.key] if relative]
        needed = private_names.names_of(estate, connection, name, names)
        for relative in needed.names:
            found = private_names.resolve(zones, f"{relative}.{name}")
            answers.append(leads(found, ends, is_registered=bool(own), is_guess=needed.is_guess))
    return all_of(tuple(answers)) if answers else Truth.UNKNOWN


def leads(found: Resolution, ends: frozenset[str], *, is_registered: bool, is_guess: bool) -> Truth:
    """Return whether a name leads to an endpoint; where no record was read, what the zone group registers counts."""
    leads = private_names.leads_to(found, ends)
    if leads is None:
        is_unread = found.gap is not None and found.gap.what != private_names.CONFLICT
        return Truth.YES if is_registered and is_unread else Truth.UNKNOWN
    if is_guess and not found.addresses:
        return Truth.UNKNOWN
    return truth_of(leads)
