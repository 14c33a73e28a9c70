"""Tell how people get to the jump box: through Bastion, a tunnel, or straight from the Internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import REACHED, EntryState
from auditor.analysis.exposure.workload_exposure import PlacedEntries
from auditor.analysis.fact import Fact, Known, fact
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import BASTIONS, NETWORK_GATEWAYS
from auditor.model import Gap, Resource

_BASTION_SUBNET: Final = "/azurebastionsubnet"


@fact("exposure.author-access", subject="the jump box")
class AuthorAccess(Fact, frozen=True, kw_only=True):
    """How people get to a jump box."""

    machine: str
    """the jump box's name"""
    public_address: Known[bool]
    """whether one of its interfaces holds a public address"""
    exposed: Known[bool]
    """whether some public address reaches it there"""
    bastion: Known[str | None]
    """the name of a Bastion host in its network or a peered one; absent without one"""
    tunnel: str | None
    """the name of a VPN or ExpressRoute gateway in its network or a peered one; absent without one"""
    private_path: Known[bool]
    """whether there is a Bastion host or a gateway to come through"""

    def sentence(self) -> str:
        """Say what the jump box is reached through."""
        if self.public_address is True:
            return f"Jump box {self.machine} has a public address."
        if self.private_path is not True:
            return f"Jump box {self.machine} has no private way in."
        has_bastion = isinstance(self.bastion, str)
        ways = [way for way, is_there in (("Bastion", has_bastion), ("a gateway", bool(self.tunnel))) if is_there]
        return f"Jump box {self.machine} is reached through {facts.listed(ways)}."


def author_facts(context: Context, entries: PlacedEntries) -> Iterator[AuthorAccess]:
    """Yield one fact for each jump box of each workload."""
    hosts = {kind: _by_network(context, kind) for kind in (BASTIONS, NETWORK_GATEWAYS)}
    for workload in context.workloads.all:
        for machine in workload.giving(capabilities.AUTHORS_WAY_IN):
            yield _author_access(context, workload, machine, entries, hosts)


def _author_access(
    context: Context,
    workload: Workload,
    machine: Resource,
    entries: PlacedEntries,
    hosts: Mapping[str, Mapping[str, Resource]],
) -> AuthorAccess:
    estate = context.estate
    attached = [attached for key in estate.sources(machine.key, "attached") if (attached := estate.get(key))]
    interfaces = [resource for resource in attached if resource.type_key == INTERFACES]
    near = set(estate.targets(machine.key, "in-network"))
    near |= {peer for network in near for peer in estate.targets(network, "peered")}
    bastion, tunnel = (_first(hosts[kind], near) for kind in (BASTIONS, NETWORK_GATEWAYS))
    no_path = None if bastion or tunnel else _unseen_path(context)
    return AuthorAccess(
        about=facts.about(
            context,
            machine.id,
            role=(workload.name, context.workloads.role_of(machine.key)[1]),
            inputs=[(interface.id, "properties.ipConfigurations") for interface in interfaces],
        ),
        machine=machine.name,
        public_address=_has_address(context, interfaces),
        exposed=_is_exposed(context, interfaces, entries),
        bastion=no_path or (bastion.name if bastion else None),
        tunnel=tunnel.name if tunnel else None,
        private_path=no_path or bool(bastion or tunnel),
    )


def _by_network(context: Context, kind: str) -> Mapping[str, Resource]:
    """Return the first host of a type in each network; a Bastion host counts in its own subnet only."""
    found: dict[str, Resource] = {}
    for resource in context.estate.of_type(kind):
        subnets = context.estate.targets(resource.key, "attached")
        if kind != BASTIONS or any(key.endswith(_BASTION_SUBNET) for key in subnets):
            for network in context.estate.targets(resource.key, "in-network"):
                found.setdefault(network, resource)
    return found


def _first(hosts: Mapping[str, Resource], networks: set[str]) -> Resource | None:
    held = (hosts[network] for network in networks if network in hosts)
    return min(held, key=lambda resource: resource.key, default=None)


def _unseen_path(context: Context) -> Gap | None:
    """Return why there may be a private way in that is not seen, or None."""
    return next((gap for kind in (BASTIONS, INTERFACES) if (gap := context.estate.type_gap(kind))), None)


def _has_address(context: Context, interfaces: Sequence[Resource]) -> Known[bool]:
    if not interfaces:
        return _unseen_interfaces(context)
    configurations = [
        entry for interface in interfaces for entry in body.objects(interface.body, "properties.ipConfigurations")
    ]
    return any(body.sub_resource(entry, "properties.publicIPAddress") for entry in configurations)


def _is_exposed(context: Context, interfaces: Sequence[Resource], entries: PlacedEntries) -> Known[bool]:
    """Return whether the Internet reaches one of the interfaces; one that is reached decides."""
    if not interfaces:
        return _unseen_interfaces(context)
    own = [entry for interface in interfaces for entry in entries.at(interface)]
    if any(entry.state in REACHED for entry in own):
        return True
    return next((entry.gap for entry in own if entry.state is EntryState.UNKNOWN and entry.gap), False)


def _unseen_interfaces(context: Context) -> Gap:
    return context.estate.type_gap(INTERFACES) or Gap("/", INTERFACES, "its interfaces are not in the snapshot")
