"""Read private connections from both of their ends: what endpoints connect to, and what targets say of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.azure.resource_type import ANY_VALUE
from auditor.estate.graph import Estate
from auditor.estate.lookup import PRIVATE_ENDPOINTS
from auditor.estate.stated_values import has_value
from auditor.model import Gap, Resource
from auditor.truth import Truth

ENDPOINTS: Final = spelled(PRIVATE_ENDPOINTS)
LISTED: Final = "properties.privateEndpointConnections"
"""Where a target lists its connections, if not as children of its own."""
_CHILD: Final = "/privateendpointconnections"


class EndpointConnection(Struct, frozen=True):
    """One private link service connection of a private endpoint; ids in comparable form, `path` is where it stands."""

    endpoint: Resource
    target: str
    groups: tuple[str, ...]
    status: str | None
    state: str | None
    network: str | None
    path: str

    @property
    def is_effective(self) -> bool:
        """Whether traffic flows, as far as is known: the connection is approved and the endpoint is provisioned."""
        return body.same_text(self.status, "Approved") and body.same_text(self.state, "Succeeded")

    @property
    def unread(self) -> Gap | None:
        """Return why it is not known whether traffic flows: Azure always states both, so what is absent was not read."""
        if any(
            said is not None and not body.same_text(said, good)
            for said, good in ((self.status, "Approved"), (self.state, "Succeeded"))
        ):
            return None
        if self.status is None:
            return Gap(self.endpoint.id, self.path, "the endpoint does not state the connection's status")
        if self.state is None:
            return Gap(self.endpoint.id, "properties.provisioningState", "the endpoint does not state it")
        return None


class TargetConnection(Struct, frozen=True):
    """One connection as its target lists it; `endpoint` is the private endpoint's id in comparable form.

    `source` is the resource that says so (the target, or a child of it) and `path` where.
    """

    id: str
    source: str
    name: str
    endpoint: str | None
    groups: tuple[str, ...]
    status: str | None
    state: str | None
    path: str


def connections(estate: Estate) -> Iterator[EndpointConnection]:
    """Yield every connection of every private endpoint, automatic and manual, in the order of the endpoints."""
    for endpoint in estate.of_type(ENDPOINTS):
        yield from connections_of(endpoint)


def connections_of(endpoint: Resource) -> Iterator[EndpointConnection]:
    """Yield the connections of a private endpoint, automatic and manual."""
    subnet = body.sub_resource(endpoint.properties, "subnet")
    network = ids.parent_of(subnet) if subnet else None
    for name in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
        for path, entry in body.enumerate_objects(endpoint.body, f"properties.{name}"):
            yield EndpointConnection(
                endpoint=endpoint,
                target=ids.key(body.text(entry, "properties.privateLinkServiceId") or ""),
                groups=tuple(group.lower() for group in body.text_or_texts(entry, "properties.groupIds")),
                status=body.text(entry, "properties.privateLinkServiceConnectionState.status"),
                state=body.text(endpoint.body, "properties.provisioningState"),
                network=network,
                path=path,
            )


def by_target(estate: Estate) -> Mapping[str, Sequence[EndpointConnection]]:
    """Return the connections of every target, by the target's key."""
    found: dict[str, list[EndpointConnection]] = defaultdict(list)
    for connection in connections(estate):
        found[connection.target].append(connection)
    return found


def target_connections(estate: Estate, target: Resource) -> Sequence[TargetConnection] | None:
    """Return the connections that a target lists, inline and as children, each once; None where it says nothing."""
    found: dict[str, TargetConnection] = {}
    for resource in estate.children(target.key, target.type_key + _CHILD):
        found[resource.key] = _as_listed(resource.body, resource.id, resource.id, "properties")
    for place, entry in body.enumerate_objects(target.body, LISTED):
        named = body.text(entry, "id") or f"{target.id}/privateEndpointConnections/{body.text(entry, 'name') or place}"
        if (key := ids.key(named)) not in found:
            found[key] = _as_listed(entry, named, target.id, f"{place}.properties")
    if not found and not isinstance(body.value(target.body, LISTED), list | tuple):
        return None
    return [found[key] for key in sorted(found)]


def hidden_connections(estate: Estate, target: Resource) -> Gap | None:
    """Return why connections that a target lists were not read, or None where none are known to be hidden."""
    return estate.gap_at(target.key, LISTED) or estate.declared_gap(target.type_key + _CHILD, target.key)


def missing_need(estate: Estate, target: Resource) -> str | Gap | None:
    """Return what a target lacks without which no private endpoint of it works, or why that is not known, or None."""
    known = estate.catalogue.get(target.type_key)
    for path in known.private_link_needs if known else ():
        match has_value(estate, target, path, (ANY_VALUE,)):
            case Truth.NO:
                return f"{target.name} has no {path.rpartition('.')[2]}, which private endpoints of it need"
            case Truth.UNKNOWN:
                return estate.gap_at(target.key, path) or Gap(target.id, path, "it was not read")
            case Truth.YES:
                pass
    return None


def approved_connection(estate: Estate, target: Resource) -> bool | Gap:
    """Return whether a private endpoint is connected to a target and approved, by what both ends say; or why not known.

    The target lists the connections from wherever they come, so that one which lists none has none.
    """
    listed = target_connections(estate, target)
    endpoints = (estate.get(key) for key in estate.sources(target.key, "private-endpoint-for"))
    own = [one for endpoint in endpoints if endpoint is not None for one in connections_of(endpoint)]
    states = [*(one.status for one in listed or ()), *(one.status for one in own if one.target == target.key)]
    if any(body.same_text(state, "Approved") for state in states):
        return True
    unread = hidden_connections(estate, target)
    if unread is None and None in states:
        unread = Gap(target.id, LISTED, "a connection does not state whether it is approved")
    return unread or False


def _as_listed(entry: object, named: str, source: str, path: str) -> TargetConnection:
    groups = body.text_or_texts(entry, "properties.groupIds") or body.text_or_texts(entry, "properties.groupId")
    return TargetConnection(
        id=named,
        source=source,
        name=ids.name_of(named),
        endpoint=body.sub_resource(entry, "properties.privateEndpoint"),
        groups=tuple(group.lower() for group in groups),
        status=body.text(entry, "properties.privateLinkServiceConnectionState.status"),
        state=body.text(entry, "properties.provisioningState"),
        path=path,
    )


def addresses_of(estate: Estate, endpoint: Resource) -> frozenset[str]:
    """Return the private addresses of an endpoint, from its interfaces and its own copies of them."""
    found = {
        address
        for config in body.objects(endpoint.body, "properties.customDnsConfigs")
        for address in body.text_or_texts(config, "ipAddresses")
    }
    for reference in body.objects(endpoint.body, "properties.networkInterfaces"):
        interface = estate.get(body.text(reference, "id") or "/")
        for config in body.objects(interface.body if interface else {}, "properties.ipConfigurations"):
            if address := body.text(config, "properties.privateIPAddress"):
                found.add(address)
    return frozenset(found)
