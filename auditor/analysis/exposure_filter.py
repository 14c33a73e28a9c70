"""Ask the groups in front of an address which of its ports the Internet reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auditor.analysis import arm
from auditor.analysis.contract import Context
from auditor.analysis.exposure_entry import State
from auditor.analysis.network import addresses
from auditor.analysis.network.networks import items, prefixes
from auditor.analysis.network.path import Layer, Path
from auditor.analysis.network.places import Places
from auditor.analysis.network.proof import Certainty
from auditor.analysis.network.questions import Inquiry
from auditor.analysis.network.ranges import Ranges
from auditor.analysis.network.rules import ALL_PORTS, ANYWHERE, WITH_PORTS, Direction, Match, Side
from auditor.analysis.network.verdicts import Verdict
from auditor.analysis.network.words import Names
from auditor.model import Gap, Resource

_TCP: Final = 0b1


@dataclass(frozen=True, slots=True)
class Target:
    """What lies behind a public address: a configuration that names a subnet and, for interfaces, an address in it."""

    resource: Resource
    configuration: Mapping[str, object]
    ports: Ranges

    @classmethod
    def in_subnet(cls, resource: Resource, configurations: str, ports: Ranges) -> Target:
        """Return a service that lives somewhere in the subnet of its first configuration."""
        found: Sequence[Mapping[str, object]] = items(resource.body, configurations)
        subnets = (one for one in found if arm.reference(one, "properties.subnet"))
        return cls(resource, next(subnets, {}), ports)


@dataclass(frozen=True, slots=True)
class Filtered:
    """What groups let through from the Internet: in words, with the ports."""

    state: State
    said: str
    has_group: bool
    lines: tuple[str, ...] = ()
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    ports: str = "see evidence"


def filtered(context: Context, places: Places, target: Target) -> Filtered:
    """Return what the groups of the subnet, and of the interface itself, let through from public addresses."""
    reference = arm.reference(target.configuration, "properties.subnet")
    subnet = context.estate.get(reference) if reference else None
    own = places.group(arm.reference(target.resource.body, "properties.networkSecurityGroup"))
    if subnet is None:
        reason = "its subnet is not in the snapshot"
        gap = Gap(target.resource.id, "microsoft.network/virtualnetworks/subnets", reason)
        return Filtered(State.UNKNOWN, reason, has_group=True, gap=gap)
    place = places.at(subnet)
    if place.gap is not None:
        return Filtered(State.UNKNOWN, place.gap.reason, has_group=True, gap=place.gap, inputs=place.inputs)
    local = prefixes(target.configuration, "properties.privateIPAddress") or place.prefixes
    layers = [place.layer(Direction.INBOUND)]
    if own is not None:
        layers.append(Layer(own, Direction.INBOUND, place.surroundings, target.resource.name))
    return _asked(target, Path(tuple(layers), place.surroundings, addresses.ANY, local), place.inputs)


def _asked(target: Target, path: Path, inputs: tuple[tuple[str, str], ...]) -> Filtered:
    protocols = WITH_PORTS if target.ports == ALL_PORTS else _TCP
    names_ports = target.ports != ALL_PORTS
    public = Match(Side(addresses.PUBLIC), ANYWHERE, protocols, ALL_PORTS, target.ports, names_ports)
    strangers = replace(public, source=Side(addresses.STRANGERS))
    asked = Inquiry(path, [public, strangers])
    verdict = Verdict((asked.reach([public]),), Names(here=path.destinations))
    groups = [layer.group.name for layer in path.layers if layer.group is not None]
    by = f"network security groups {', '.join(groups)}" if groups else "no network security group"
    lines = tuple(str(line) for line in verdict.lines()[:6])
    match verdict.certainty:
        case Certainty.NO:
            return Filtered(State.CLOSED, f"{by} let in no public address", bool(groups), inputs=inputs)
        case Certainty.MAYBE:
            gap = verdict.gap(target.resource.id)
            said = f"what {by} let in {gap.reason if gap else 'is not known'}"
            return Filtered(State.UNKNOWN, said, bool(groups), lines, gap, inputs)
        case Certainty.YES:
            is_open = asked.reach([strangers]).certainty is Certainty.YES
            state = State.OPEN if is_open else State.RESTRICTED
            return Filtered(
                state, f"{by} let in {'everybody' if is_open else 'some'}", bool(groups), lines, None, inputs
            )
