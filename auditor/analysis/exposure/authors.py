"""Tell how people get to the jump box: through Bastion, a tunnel, or straight from the Internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.model import Fact, Gap, Resource

AUTHORS: Final = "exposure.author-access"
AUTHORS_FIELDS: Final[Mapping[str, str]] = {
    "machine": "the jump box's name",
    "publicAddress": "whether one of its interfaces holds a public address",
    "exposed": "whether some public address reaches it there",
    "bastion": "the name of a Bastion host in its network or a peered one; null without one",
    "tunnel": "the name of a VPN or ExpressRoute gateway in its network or a peered one; null without one",
    "privatePath": "whether there is a Bastion host or a gateway to come through",
}
_INTERFACES: Final = "microsoft.network/networkinterfaces"
_BASTIONS: Final = "microsoft.network/bastionhosts"
_TUNNELS: Final = "microsoft.network/virtualnetworkgateways"
_BASTION_SUBNET: Final = "/azurebastionsubnet"


def author_facts(context: Context, found: Sequence[EntryPoint]) -> Iterator[Fact]:
    """Yield one fact for each jump box of each workload."""
    for workload in context.workloads.all:
        for machine in workload.resources("jump-box"):
            yield _fact(context, workload, machine, found)


def _fact(context: Context, workload: Workload, machine: Resource, found: Sequence[EntryPoint]) -> Fact:
    estate = context.estate
    interfaces = [one for key in estate.sources(machine.key, "attached") if (one := estate.get(key)) is not None]
    interfaces = [one for one in interfaces if one.type_key == _INTERFACES]
    keys = {one.key for one in interfaces}
    configurations = [one for nic in interfaces for one in body.objects(nic.body, "properties.ipConfigurations")]
    has_address = any(body.sub_resource(one, "properties.publicIPAddress") for one in configurations)
    exposed = [one for one in found if one.resource.key in keys and one.state is not EntryState.CLOSED]
    near = set(estate.targets(machine.key, "in-network"))
    near |= {peer for network in near for peer in estate.targets(network, "peered")}
    bastion = _neighbour(context, near, _BASTIONS)
    tunnel = _neighbour(context, near, _TUNNELS)
    ways = [word for word, one in (("Bastion", bastion), ("a gateway", tunnel)) if one]
    if has_address:
        said = "has a public address"
    else:
        said = f"is reached through {facts.listed(ways)}" if ways else "has no private way in"
    return facts.build(
        context,
        AUTHORS,
        machine.id,
        {
            "machine": machine.name,
            "publicAddress": has_address,
            "exposed": any(one.state in {EntryState.OPEN, EntryState.RESTRICTED} for one in exposed),
            "bastion": bastion.name if bastion else None,
            "tunnel": tunnel.name if tunnel else None,
            "privatePath": bool(ways),
        },
        summary=f"Jump box {machine.name} {said}.",
        inputs=[(one.id, "properties.ipConfigurations") for one in interfaces],
        uncollected=_unknown(context, exposed, has_interface=bool(interfaces), has_path=bool(ways)),
        role=(workload.name, "jump-box"),
    )


def _neighbour(context: Context, networks: set[str], kind: str) -> Resource | None:
    """Return a host of a type in one of the networks; a Bastion host counts in its own subnet only."""
    for resource in context.estate.of_type(kind):
        subnets = context.estate.targets(resource.key, "attached")
        is_placed = kind != _BASTIONS or any(key.endswith(_BASTION_SUBNET) for key in subnets)
        if is_placed and networks & set(context.estate.targets(resource.key, "in-network")):
            return resource
    return None


def _unknown(context: Context, exposed: Sequence[EntryPoint], *, has_interface: bool, has_path: bool) -> dict[str, Gap]:
    gaps: dict[str, Gap] = {}
    if not has_interface:
        lost = context.estate.type_gap(_INTERFACES) or Gap("/", _INTERFACES, "its interfaces are not in the snapshot")
        gaps = dict.fromkeys(("publicAddress", "exposed"), lost)
    doubt = next((one.gap for one in exposed if one.state is EntryState.UNKNOWN and one.gap), None)
    if doubt is not None and not any(one.state in {EntryState.OPEN, EntryState.RESTRICTED} for one in exposed):
        gaps["exposed"] = doubt
    lacking = next((gap for kind in (_BASTIONS, _INTERFACES) if (gap := context.estate.type_gap(kind))), None)
    if not has_path and (gap := lacking) is not None:
        gaps |= dict.fromkeys(("privatePath", "bastion"), gap)
    return gaps
