"""Index private endpoints by what they connect to, with what the target itself says about each connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS, PRIVATE_ENDPOINTS
from auditor.model import Gap, Resource

ENDPOINTS: Final = spelled(PRIVATE_ENDPOINTS)
_CHILD: Final = "/privateendpointconnections"


@dataclass(frozen=True, slots=True)
class EndpointConnection:
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
        """Whether traffic flows: the connection is approved and the endpoint is provisioned."""
        return body.same_text(self.status, "Approved") and body.same_text(self.state, "Succeeded")


@dataclass(frozen=True, slots=True)
class TargetConnection:
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


@dataclass(frozen=True, slots=True)
class EndpointScope:
    """The virtual networks in which an endpoint counts for one workload; `networks` is None where any counts."""

    workload: Workload | None
    component: str | None
    networks: frozenset[str] | None

    def holds(self, network: str | None) -> bool:
        """Whether an endpoint in this virtual network counts."""
        return network is not None and (self.networks is None or network in self.networks)

    @property
    def role(self) -> tuple[str | None, str | None]:
        """Return (workload, component) for facts."""
        return (self.workload.name if self.workload else None, self.component)


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


def target_connections(context: Context, target: Resource) -> Sequence[TargetConnection] | None:
    """Return the connections that a target lists, inline and as children, each once; None where it says nothing."""
    found: dict[str, TargetConnection] = {}
    for resource in context.estate.children(target.key, target.type_key + _CHILD):
        found[resource.key] = _as_listed(resource.body, resource.id, resource.id, "properties")
    path = "properties.privateEndpointConnections"
    for place, entry in body.enumerate_objects(target.body, path):
        named = body.text(entry, "id") or f"{target.id}/privateEndpointConnections/{body.text(entry, 'name') or place}"
        found.setdefault(ids.key(named), _as_listed(entry, named, target.id, f"{place}.properties"))
    if not found and not isinstance(body.value(target.body, path), list | tuple):
        return None
    return [found[key] for key in sorted(found)]


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


def declared_networks(context: Context) -> frozenset[str]:
    """Return the keys of the virtual networks that the baseline names as the workload's, by id or by name.

    What it names and the estate does not hold counts, too: no network of the estate stands in for it.
    """
    stated = {ids.key(name) for name in body.text_or_texts(facts.parameter(context, "workload_vnets", []))}
    named = {network.key: network.name.lower() for network in context.estate.of_type(NETWORKS)}
    return frozenset((stated - set(named.values())) | {key for key, name in named.items() if name in stated})


def networks_of(context: Context, workload: Workload) -> frozenset[str] | None:
    """Return a workload's virtual networks: those declared, else those bound; None where none is known."""
    return declared_networks(context) or frozenset(vnet.key for vnet in workload.resources("vnet")) or None


def scopes_of(context: Context) -> Mapping[str, Sequence[EndpointScope]]:
    """Return, for each resource that plays a role, the scope it is judged in: one for every workload that it serves."""
    found: dict[str, dict[str, EndpointScope]] = defaultdict(dict)
    for workload in context.workloads.all:
        networks = networks_of(context, workload)
        for component in sorted(workload.bindings):
            for resource in workload.resources(component):
                _, first = context.workloads.role_of(resource.key)
                if workload.name not in found[resource.key] or component == first:
                    found[resource.key][workload.name] = EndpointScope(workload, component, networks)
    return {key: [by_name[name] for name in sorted(by_name)] for key, by_name in found.items()}


def judged_networks(context: Context) -> Sequence[tuple[str, str | None]]:
    """Return (virtual network key, workload name) of every network whose endpoints and zones are judged.

    Without workloads and declared networks these are all networks that hold a private endpoint.
    """
    found: dict[str, str | None] = dict.fromkeys(declared_networks(context))
    for workload in context.workloads.all:
        for network in networks_of(context, workload) or ():
            found[network] = found.get(network) or workload.name
    if not found:
        found = {item.network: None for item in connections(context.estate) if item.network}
    return sorted(found.items())


def endpoints_gap(estate: Estate, scope: EndpointScope) -> Gap | None:
    """Return why the endpoints that could count are not all known.

    An endpoint lies in the subscription of its virtual network, so that other subscriptions don't matter.
    """
    anywhere = estate.type_gap(ENDPOINTS)
    if anywhere is None or scope.networks is None:
        return anywhere
    found = (estate.type_gap(ENDPOINTS, ids.subscription_scope(network)) for network in sorted(scope.networks))
    return next((gap for gap in found if gap is not None), None)


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
