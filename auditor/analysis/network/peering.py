"""Facts about the peerings of a workload's networks: whose the other network is, and what it may do in this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal, TypeAlias

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Known, fact
from auditor.architecture import capabilities
from auditor.architecture.workloads import unseen_anchor
from auditor.azure import addresses, body
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap
from auditor.network.subnets import Subnets
from auditor.network.virtual_networks import Peering

PARAMETER: Final = "peered_networks"
_USES: Final = ("allowForwardedTraffic", "allowGatewayTransit", "useRemoteGateways")
_SHOWN: Final = 5

Explanation: TypeAlias = Literal["workload", "parameter", "none"]


@fact("network.peering", subject="the peering")
class NetworkPeering(Fact, frozen=True, kw_only=True):
    """Whose network a network of a workload is peered with, and what the peering lets it do."""

    grounds: ClassVar[Mapping[str, str]] = {"explainedBy": "adds"}
    remote: str
    """the other network"""
    is_connected: bool
    """whether the peering is up, gives the other network access and joins some subnet; else VirtualNetwork takes in nothing"""
    adds: Known[tuple[str, ...]]
    """the prefixes that the tag VirtualNetwork takes in by the peering"""
    explained_by: Known[Explanation]
    """what explains it: both networks belong to workloads, or the baseline declares the other one"""
    uses: tuple[str, ...]
    """what the peering allows beyond access: `allowForwardedTraffic`, `allowGatewayTransit`, `useRemoteGateways`"""
    undeclared: tuple[str, ...]
    """those of them that the baseline does not declare for the other network"""

    def sentence(self) -> str:
        """Say which network is let in with which addresses, and what of it nothing declares."""
        space = "addresses that are not known" if isinstance(self.adds, Gap) else facts.listed(self.adds, _SHOWN)
        taken_in = space if self.is_connected else "nothing"
        start = f"By the peering with {ids.name_of(self.remote)} VirtualNetwork takes in {taken_in}"
        if self.explained_by == "none":
            return f"{start}; the network is neither the workload's nor declared."
        return f"{start}; it allows {facts.listed(self.undeclared)}, undeclared." if self.undeclared else f"{start}."


def peering_facts(context: Context, subnets: Subnets) -> Iterator[NetworkPeering]:
    """Yield one fact for each peering of the workloads' networks; where no workload is known, of all networks."""
    own = {network.key for _, network in facts.networks(context)}
    unseen = unseen_anchor(context.estate, context.workloads)
    for workload, network in facts.networks(context):
        for peering in subnets.networks.peerings(network.key):
            is_own = (unseen or True) if peering.remote in own else False
            yield _fact(context, workload, is_own, peering)


def _joins(context: Context, peering: Peering) -> bool:
    """Whether a peering joins some subnet of this network; one of subnets may name none that is there."""
    network = ids.parent_of(peering.resource.key) or ""
    listed = context.estate.children(network, SUBNETS)
    if peering.joined is None or not listed or context.estate.type_gap(SUBNETS, network):
        return True
    prefixes = (
        addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes") for subnet in listed
    )
    return any(not own or peering.joins(own) for own in prefixes)


def _fact(context: Context, workload: str | None, is_own: Known[bool], peering: Peering) -> NetworkPeering:
    """Return the fact of a peering; `is_own`: whether it leads to a network of a workload."""
    resource, estate = peering.resource, context.estate
    declared = _declared(context, peering.remote)
    uses = tuple(name for name in _USES if body.flag(resource.body, f"properties.{name}"))
    explained: Known[Explanation] = "workload" if is_own is True else "parameter" if declared is not None else "none"
    if explained == "none" and isinstance(is_own, Gap):
        explained = is_own
    if explained == "none" and estate.get(peering.remote) is None and not estate.is_outside(peering.remote):
        explained = estate.unseen(peering.remote) or explained  # what was not read may be the workload's
    is_connected = peering.is_connected and peering.has_access and _joins(context, peering)
    unread = None if peering.space else Gap(resource.id, "properties.remoteAddressSpace", "no address space is stated")
    return NetworkPeering(
        about=facts.about(
            context,
            resource.id,
            role=(workload, _network_component(context)),
            inputs=[(resource.id, f"properties.{name}") for name in ("remoteVirtualNetwork", "peeringState", *_USES)],
        ),
        remote=estate.spelled(peering.remote) or peering.remote,
        is_connected=is_connected,
        adds=((unread or tuple(addresses.prefixes(peering.space))) if is_connected else ()),
        explained_by=explained,
        uses=uses,
        undeclared=() if declared is None else tuple(name for name in uses if name.lower() not in declared),
    )


def _network_component(context: Context) -> str | None:
    return next(iter(context.workloads.components_giving(capabilities.NETWORK)), None)


def _declared(context: Context, remote: str) -> frozenset[str] | None:
    """Return what the baseline lets a network do beyond access, in lower case, or None where it does not declare it."""
    for entry in body.items(context.parameters, PARAMETER):
        network = body.text(entry, "network") if isinstance(entry, Mapping) else entry
        if isinstance(network, str) and ids.key(network) in {remote, ids.name_of(remote)}:
            return frozenset(name.lower() for name in body.texts(entry, "uses"))
    return None
