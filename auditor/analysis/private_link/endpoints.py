"""Tell in which networks private endpoints count, and whether all of them are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS
from auditor.estate.private_connections import ENDPOINTS, connections
from auditor.model import Gap


class EndpointScope(Struct, frozen=True):
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


def declared_networks(context: Context) -> frozenset[str]:
    """Return the keys of the virtual networks that the baseline names as the workload's, by id or by name.

    What it names and the estate does not hold counts, too: no network of the estate stands in for it.
    """
    stated = {ids.key(name) for name in body.text_or_texts(facts.parameter(context, "workload_vnets", []))}
    called = context.estate.once(_networks_by_name)
    return frozenset(key for name in stated for key in called.get(name, (name,)))


def _networks_by_name(estate: Estate) -> Mapping[str, Sequence[str]]:
    """Return the keys of all virtual networks by name in lower case."""
    found: dict[str, list[str]] = defaultdict(list)
    for network in estate.of_type(NETWORKS):
        found[network.name.lower()].append(network.key)
    return found


def networks_of(context: Context, workload: Workload) -> frozenset[str] | None:
    """Return a workload's virtual networks: those declared, else those bound; None where none is known."""
    return declared_networks(context) or frozenset(vnet.key for vnet in workload.giving(capabilities.NETWORK)) or None


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
