"""Ask the groups in front of an address which of its ports the Internet reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryState
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap, Resource
from auditor.network.describe import AddressNames
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search
from auditor.network.security_rules import ALL_PORTS, ANYWHERE, WITH_PORTS, Direction, Match, Side
from auditor.network.subnets import Subnets
from auditor.network.verdicts import TrafficVerdict
from auditor.truth import Truth

_TCP: Final = 0b1


@dataclass(frozen=True, slots=True)
class FilteredTarget:
    """What lies behind a public address: a configuration that names a subnet and, for interfaces, an address in it."""

    resource: Resource
    configuration: Mapping[str, object]
    ports: Ranges

    @classmethod
    def in_subnet(cls, resource: Resource, configurations: str, ports: Ranges) -> FilteredTarget:
        """Return a service that lives somewhere in the subnet of its first configuration."""
        found: Sequence[Mapping[str, object]] = body.objects(resource.body, configurations)
        subnets = (one for one in found if body.sub_resource(one, "properties.subnet"))
        return cls(resource, next(subnets, {}), ports)


@dataclass(frozen=True, slots=True)
class Filtered:
    """What groups let through from the Internet: in words, with the ports."""

    state: EntryState
    said: str
    has_group: bool
    lines: tuple[str, ...] = ()
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    ports: str = "see evidence"


def filtered(context: Context, subnets: Subnets, target: FilteredTarget) -> Filtered:
    """Return what the groups of the subnet, and of the interface itself, let through from public addresses."""
    reference = body.sub_resource(target.configuration, "properties.subnet")
    subnet = context.estate.get(reference) if reference else None
    own = subnets.group(body.sub_resource(target.resource.body, "properties.networkSecurityGroup"))
    if subnet is None:
        reason = "its subnet is not in the snapshot"
        gap = Gap(target.resource.id, SUBNETS, reason)
        return Filtered(EntryState.UNKNOWN, reason, has_group=True, gap=gap)
    filters = subnets.at(subnet)
    if filters.gap is not None:
        return Filtered(EntryState.UNKNOWN, filters.gap.reason, has_group=True, gap=filters.gap, inputs=filters.inputs)
    local = addresses.read(target.configuration, "properties.privateIPAddress") or filters.prefixes
    layers = [filters.own_filter(Direction.INBOUND)]
    if own is not None:
        layers.append(Filter(own, Direction.INBOUND, filters.surroundings, target.resource.name))
    return _asked(target, FilterChain(tuple(layers), filters.surroundings, addresses.ANY, local), filters.inputs)


def _asked(target: FilteredTarget, path: FilterChain, inputs: tuple[tuple[str, str], ...]) -> Filtered:
    protocols = WITH_PORTS if target.ports == ALL_PORTS else _TCP
    names_ports = target.ports != ALL_PORTS
    public = Match(Side(addresses.PUBLIC), ANYWHERE, protocols, ALL_PORTS, target.ports, names_ports)
    strangers = replace(public, source=Side(addresses.STRANGERS))
    asked = Search(path, [public, strangers])
    verdict = TrafficVerdict((asked.permitted([public]),), AddressNames(here=path.destinations))
    groups = [layer.group.name for layer in path.filters if layer.group is not None]
    by = f"network security groups {', '.join(groups)}" if groups else "no network security group"
    lines = tuple(str(line) for line in verdict.lines[:6])
    match verdict.truth:
        case Truth.NO:
            return Filtered(EntryState.CLOSED, f"{by} let in no public address", bool(groups), inputs=inputs)
        case Truth.UNKNOWN:
            gap = verdict.gap(target.resource.id)
            said = f"what {by} let in {gap.reason if gap else 'is not known'}"
            return Filtered(EntryState.UNKNOWN, said, bool(groups), lines, gap, inputs)
        case Truth.YES:
            is_open = asked.permitted([strangers]).truth is Truth.YES
            state = EntryState.OPEN if is_open else EntryState.RESTRICTED
            return Filtered(
                state, f"{by} let in {'everybody' if is_open else 'some'}", bool(groups), lines, None, inputs
            )
