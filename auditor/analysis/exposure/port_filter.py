"""Ask the groups in front of an address which of its ports the Internet reaches."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryState
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap, Resource
from auditor.network.describe import AddressNames
from auditor.network.filter_chain import FilterChain
from auditor.network.membership import NetworkMember
from auditor.network.search import Search
from auditor.network.security_rules import ALL_PORTS, ANYWHERE, WITH_PORTS, Direction, Match, Side
from auditor.network.subnets import Subnets
from auditor.network.verdicts import TrafficVerdict
from auditor.truth import Truth

_TCP: Final = 0b1


class Filtered(Struct, frozen=True):
    """What groups let through from the Internet: in words, with the ports."""

    state: EntryState
    said: str
    has_group: bool
    lines: tuple[str, ...] = ()
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    ports: str = "see evidence"


def at_member(
    context: Context, subnets: Subnets, member: NetworkMember, ports: Ranges, protocols: int | None = None
) -> Filtered:
    """Return what the groups of a member's subnet, and of its interface, let through to it from public addresses.

    `protocols` are those that get to it (bits); else TCP, and for all ports UDP as well.
    """
    subnet = context.estate.get(member.subnet or "")
    if subnet is None:
        return _unplaced(member.holder)
    filters, interface = subnets.at(subnet), subnets.interface(member)
    if filters.gap is not None:
        return Filtered(EntryState.UNKNOWN, filters.gap.reason, has_group=True, gap=filters.gap, inputs=filters.inputs)
    chain = filters.chain_at(interface, Direction.INBOUND)
    if not interface.space:
        chain = replace(chain, destinations=filters.prefixes)
    return _asked(member.holder, chain, filters.inputs, _traffic(ports, protocols))


def in_subnet(
    context: Context,
    subnets: Subnets,
    resource: Resource,
    key: str | None,
    ports: Ranges,
    *,
    at: Ranges = (),
    protocols: int | None = None,
) -> Filtered:
    """Return what the group of a subnet lets through from public addresses to a service in it, or to an address."""
    subnet = context.estate.get(key) if key else None
    if subnet is None:
        return _unplaced(resource)
    filters = subnets.at(subnet)
    if filters.gap is not None:
        return Filtered(EntryState.UNKNOWN, filters.gap.reason, has_group=True, gap=filters.gap, inputs=filters.inputs)
    own = filters.own_filter(Direction.INBOUND)
    chain = FilterChain((own,), filters.surroundings, addresses.ANY, at or filters.prefixes)
    return _asked(resource, chain, filters.inputs, _traffic(ports, protocols))


def subnet_of(resource: Resource, configurations: str) -> str | None:
    """Return the subnet of the first configuration that names one."""
    found = (body.sub_resource(one, "properties.subnet") for one in body.objects(resource.body, configurations))
    return next((subnet for subnet in found if subnet), None)


def _unplaced(resource: Resource) -> Filtered:
    reason = "its subnet is not in the snapshot"
    return Filtered(EntryState.UNKNOWN, reason, has_group=True, gap=Gap(resource.id, SUBNETS, reason))


def _traffic(ports: Ranges, protocols: int | None) -> Match:
    named = ports != ALL_PORTS
    bits = protocols or (_TCP if named else WITH_PORTS)
    return Match(Side(addresses.PUBLIC), ANYWHERE, bits, ALL_PORTS, ports, names_ports=named)


def _asked(resource: Resource, path: FilterChain, inputs: tuple[tuple[str, str], ...], public: Match) -> Filtered:
    if not path.may_admit(public):
        return _closed(path, inputs)
    strangers = replace(public, source=Side(addresses.STRANGERS))
    asked = Search(path, [public, strangers])
    verdict = TrafficVerdict((asked.permitted([public]),), AddressNames(here=path.destinations))
    groups = _groups(path)
    by = _by(groups)
    lines = tuple(str(line) for line in verdict.lines[:6])
    match verdict.truth:
        case Truth.NO:
            return _closed(path, inputs)
        case Truth.UNKNOWN:
            gap = verdict.gap(resource.id)
            said = f"what {by} let in {gap.reason if gap else 'is not known'}"
            return Filtered(EntryState.UNKNOWN, said, bool(groups), lines, gap, inputs)
        case Truth.YES:
            is_open = asked.permitted([strangers]).truth is Truth.YES
            state = EntryState.OPEN if is_open else EntryState.RESTRICTED
            return Filtered(
                state, f"{by} let in {'everybody' if is_open else 'some'}", bool(groups), lines, None, inputs
            )


def _groups(path: FilterChain) -> list[str]:
    return [layer.group.name for layer in path.filters if layer.group is not None]


def _by(groups: list[str]) -> str:
    return f"network security groups {', '.join(groups)}" if groups else "no network security group"


def _closed(path: FilterChain, inputs: tuple[tuple[str, str], ...]) -> Filtered:
    groups = _groups(path)
    return Filtered(EntryState.CLOSED, f"{_by(groups)} let in no public address", bool(groups), inputs=inputs)
