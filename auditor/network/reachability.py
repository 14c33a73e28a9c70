"""Decide whether one end reaches another: through the filters of both sides, between networks that are connected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from auditor.architecture.workloads import Workload, Workloads
from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.errors import InputError
from auditor.estate.navigation import PLANS
from auditor.estate.service_relations import SITES
from auditor.network.describe import AddressNames, Sentence
from auditor.network.endpoints import Endpoint, Location, find, is_endpoint_only
from auditor.network.filter_chain import FilterChain
from auditor.network.routes import RouteOverride, route_overrides
from auditor.network.search import Search
from auditor.network.security_rules import ANYWHERE, WITH_PORTS, Direction, Match, Side
from auditor.network.subnets import SubnetFilters, Subnets, is_outbound_filtered
from auditor.network.trace import DecidingRule
from auditor.network.verdicts import TrafficVerdict
from auditor.network.witness import Packet
from auditor.truth import Truth, all_of, any_of, truth_of

_CONNECTIONS: Final = Match(protocols=WITH_PORTS)


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether some of the asked traffic gets from one end to the other, and what decides.

    `passes` and `denied` are the parts of the traffic in words; `packet` is an example of what passes, or for a NO of
    what is denied. `unknowns` is empty unless it is not known.
    """

    truth: Truth
    passes: tuple[Sentence, ...] = ()
    denied: tuple[Sentence, ...] = ()
    rules: tuple[DecidingRule, ...] = ()
    packet: Packet | None = None
    unknowns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether a part of the asked traffic is denied although some passes."""
        return self.truth is not Truth.NO and bool(self.denied)


@dataclass(frozen=True, slots=True)
class _Way:
    """One chain of filters to ask, the traffic's ends in it, and why a pass would still not be certain."""

    chain: FilterChain
    source: Side
    destination: Side
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Ways:
    """The ways between two ends, and what is known without asking any rule."""

    asked: list[_Way] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def connect(subnets: Subnets, source: Endpoint, destination: Endpoint, traffic: Match) -> Connection:
    """Return whether some of the traffic gets from one end to the other. Raise InputError where no end is in a subnet."""
    if not source.locations and not destination.locations:
        raise InputError(
            f"neither {source.label} nor {destination.label} is in a subnet of the estate",
            "no rule decides between them",
        )
    ways = _Ways()
    for near, far in product([*source.locations, None], [*destination.locations, None]):
        if near is not None and far is not None:
            _between(subnets, near, far, ways)
        elif near is not None and destination.outside is not None:
            _leaving(subnets, near, destination, ways)
        elif far is not None and source.outside is not None:
            _entering(subnets, source, far, ways)
    return _connection(ways, traffic)


def _between(subnets: Subnets, source: Location, target: Location, ways: _Ways) -> None:
    """Add the ways from a subnet to another one."""
    near, far = source.filters, target.filters
    if not _is_known(source, ways) or not _is_known(target, ways):
        return
    if _starts_nothing(subnets, source, ways):
        return
    joined = _are_joined(subnets, near, far)
    if joined is Truth.NO:
        ways.notes.append(f"The networks of {near.subnet.name} and {far.subnet.name} are not peered.")
        return
    doubts = () if joined is Truth.YES else (
        f"whether a gateway or a peering connects {near.subnet.name} with {far.subnet.name}",
    )  # fmt: skip
    for leaving in _narrowed(near, source.addresses, Direction.OUTBOUND):
        for arriving in _arrivals(subnets, target, ways):
            chain = replace(arriving, filters=(*leaving.filters, *arriving.filters), surroundings=near.surroundings)
            chain = replace(chain, sources=leaving.sources, from_among=leaving.from_among)
            _add_routed(subnets, near, _Way(chain, ANYWHERE, ANYWHERE, doubts), ways)
    _note_integration(subnets, far, ways)


def _leaving(subnets: Subnets, source: Location, target: Endpoint, ways: _Ways) -> None:
    """Add the ways from a subnet to what is in no subnet."""
    near = source.filters
    if not _is_known(source, ways) or _starts_nothing(subnets, source, ways) or target.outside is None:
        return
    doubts = _elsewhere(target)
    destination = _outside(target, near)
    filtered = is_outbound_filtered(subnets.estate, near.subnet)
    for leaving in _narrowed(near, source.addresses, Direction.OUTBOUND):
        seen = leaving if filtered is True else replace(leaving, destinations=addresses.RFC_1918)
        _add_routed(subnets, near, _Way(seen, ANYWHERE, destination, doubts), ways)
        if filtered is not True:
            why = () if filtered is False else (
                f"whether App Service routes all traffic into {near.subnet.name} ({filtered.reason})",
            )  # fmt: skip
            around = FilterChain((), near.surroundings, leaving.sources, addresses.PUBLIC)
            ways.asked.append(_Way(around, ANYWHERE, destination, (*doubts, *why)))
            ways.notes.append(
                f"App Service in {near.subnet.name} may send public traffic past the subnet and its rules."
            )


def _entering(subnets: Subnets, source: Endpoint, target: Location, ways: _Ways) -> None:
    """Add the ways from what is in no subnet to a subnet."""
    far = target.filters
    if not _is_known(target, ways) or source.outside is None:
        return
    for arriving in _arrivals(subnets, target, ways):
        ways.asked.append(_Way(arriving, _outside(source, far), ANYWHERE, _elsewhere(source)))
    _note_integration(subnets, far, ways)


def _is_known(location: Location, ways: _Ways) -> bool:
    gap = location.filters.gap
    if gap is not None:
        ways.unknowns.append(f"{location.filters.subnet.name}: {gap.reason}")
    return gap is None


def _starts_nothing(subnets: Subnets, source: Location, ways: _Ways) -> bool:
    endpoints = _endpoint_addresses(source.filters)
    only = is_endpoint_only(subnets, source.filters) or (endpoints and not difference(source.addresses, endpoints))
    if only:
        ways.notes.append(f"Private endpoints in {source.filters.subnet.name} start no connection.")
    return bool(only)


def _are_joined(subnets: Subnets, near: SubnetFilters, far: SubnetFilters) -> Truth:
    if subnets.networks.are_connected(near.subnet, far.subnet):
        around = near.surroundings
        return truth_of(bool(intersection(far.prefixes, union(around.space, around.peers))))
    is_known = near.surroundings.gateway is not None and far.surroundings.gateway is not None
    return Truth.NO if is_known else Truth.UNKNOWN


def _narrowed(filters: SubnetFilters, numbers: Ranges, direction: Direction) -> Iterator[FilterChain]:
    """Yield the chains of a subnet with only these local addresses."""
    for chain in filters.chains(direction):
        local = chain.sources if direction is Direction.OUTBOUND else chain.destinations
        hit = intersection(local, numbers)
        if hit and direction is Direction.OUTBOUND:
            yield replace(chain, sources=hit)
        elif hit:
            yield replace(chain, destinations=hit)


def _endpoint_addresses(filters: SubnetFilters) -> Ranges:
    return union((), *(interface.addresses for interface in filters.interfaces if interface.is_endpoint))


def _arrivals(subnets: Subnets, target: Location, ways: _Ways) -> Iterator[FilterChain]:
    """Yield the chains before addresses of a subnet; private endpoints without network policies have none."""
    filters, rest = target.filters, target.addresses
    if not filters.enforces_on_endpoints:
        free = rest if is_endpoint_only(subnets, filters) else intersection(rest, _endpoint_addresses(filters))
        if free:
            ways.notes.append(f"Rules of {filters.subnet.name} are not enforced on its private endpoints.")
            yield FilterChain((), filters.surroundings, addresses.ANY, free)
            rest = difference(rest, free)
    yield from _narrowed(filters, rest, Direction.INBOUND)


def _outside(end: Endpoint, filters: SubnetFilters) -> Side:
    """Return an outside end as seen from a subnet: what lies in its network is not the Internet."""
    side = end.outside or Side()
    if side.ranges == addresses.PUBLIC:
        return Side(difference(side.ranges, filters.surroundings.known_network))
    return side


def _elsewhere(end: Endpoint) -> tuple[str, ...]:
    return (f"what filters {end.label}, which is in no subnet of the estate",) if end.is_filtered_elsewhere else ()


def _add_routed(subnets: Subnets, near: SubnetFilters, way: _Way, ways: _Ways) -> None:
    """Add a way in the parts in which routes lead its packets."""
    rest = way.chain.destinations
    for override in route_overrides(subnets, near):
        hit = intersection(rest, override.numbers)
        if not hit:
            continue
        rest = difference(rest, hit)
        if override.drops:
            ways.notes.append(f"Route {override.label} of {near.subnet.name} drops what it matches.")
        else:
            part = replace(way.chain, destinations=hit)
            ways.asked.append(replace(way, chain=part, doubts=(*way.doubts, _appliance(override))))
    if rest:
        ways.asked.append(replace(way, chain=replace(way.chain, destinations=rest)))


def _appliance(override: RouteOverride) -> str:
    return f"what the next hop of route {override.label} lets through ({override.hop})"


def _note_integration(subnets: Subnets, filters: SubnetFilters, ways: _Ways) -> None:
    estate = subnets.estate
    attached = (estate.get(key) for key in estate.sources(filters.subnet.key, "attached"))
    kinds = {resource.type_key for resource in attached if resource is not None}
    if kinds & {SITES, PLANS}:
        ways.notes.append(f"App Service integration in {filters.subnet.name} takes no inbound connection.")


@dataclass(frozen=True, slots=True)
class _WayVerdict:
    """What the filters of one way do with the traffic, and what a pass depends on besides."""

    truth: Truth
    passing: TrafficVerdict
    denied: TrafficVerdict
    doubts: tuple[str, ...]


def _ask(way: _Way, traffic: Match) -> _WayVerdict:
    row = replace(traffic, source=way.source, destination=way.destination)
    search, names = Search(way.chain, [row]), AddressNames(is_pair=True)
    passing = TrafficVerdict((search.permitted([row]),), names)
    denied = TrafficVerdict((search.unmet([row]),), names)
    truth = all_of((passing.truth, Truth.UNKNOWN if way.doubts else Truth.YES))
    gap = passing.gap("")
    doubts = (gap.reason,) if gap is not None else way.doubts
    return _WayVerdict(truth, passing, denied, doubts if truth is Truth.UNKNOWN else ())


def _connection(ways: _Ways, traffic: Match) -> Connection:
    """Ask every way; one that passes for certain decides, then one that may pass."""
    if not ways.asked and not ways.unknowns and not ways.notes:
        ways.notes.append("No machine that is known has such an address.")
    verdicts = [_ask(way, traffic) for way in ways.asked]
    unknowns = {*ways.unknowns, *(doubt for verdict in verdicts for doubt in verdict.doubts)}
    truth = any_of((*(verdict.truth for verdict in verdicts), Truth.UNKNOWN if ways.unknowns else Truth.NO))
    decisive = [verdict for verdict in verdicts if verdict.truth is truth]
    shown = [verdict.denied if truth is Truth.NO else verdict.passing for verdict in decisive]
    deciders = (rule for verdict in shown for disposition in verdict.dispositions() for rule in disposition.deciders)
    return Connection(
        truth=truth,
        passes=_lines(verdict.passing for verdict in verdicts),
        denied=_lines(verdict.denied for verdict in verdicts),
        rules=tuple(dict.fromkeys(deciders)),
        packet=next((packet for verdict in shown if (packet := verdict.witness()) is not None), None),
        unknowns=tuple(sorted(unknowns)) if truth is Truth.UNKNOWN else (),
        notes=tuple(sorted(set(ways.notes))),
    )


def _lines(verdicts: Iterable[TrafficVerdict]) -> tuple[Sentence, ...]:
    return tuple(dict.fromkeys(line for verdict in verdicts for line in verdict.lines))


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether TCP or UDP gets from one end to the other; a role is empty for the Internet."""

    workload: str
    source: str
    source_role: str
    destination: str
    destination_role: str
    connection: Connection


def matrix(subnets: Subnets, workload: Workload, roles: Sequence[str]) -> Iterator[Cell]:
    """Yield a cell for each ordered pair of ends: the workload's subnets that play one of the roles, the Internet last."""
    ends = [
        (role, Endpoint(subnet.name, (Location(filters, filters.prefixes),)))
        for role in roles
        for subnet in workload.resources(role)
        for filters in (subnets.at(subnet),)
    ]
    ends.append(("", find(subnets, "Internet")))
    for (source_role, source), (role, destination) in product(ends, ends):
        if _are_apart(source, destination):
            connection = connect(subnets, source, destination, _CONNECTIONS)
            yield Cell(workload.name, source.label, source_role, destination.label, role, connection)


def _are_apart(source: Endpoint, destination: Endpoint) -> bool:
    near, far = ({location.filters.subnet.key for location in end.locations} for end in (source, destination))
    return near != far


def workloads_named(workloads: Workloads, name: str | None) -> Sequence[Workload]:
    """Return the workload of a name (any case), or all of them. Raise InputError where there is none."""
    known = [workload.name for workload in workloads.all]
    chosen = [workload for workload in workloads.all if name is None or workload.name.lower() == name.lower()]
    if not chosen and name is not None:
        raise InputError(f"there is no workload '{name}'", f"known: {', '.join(known) or 'none'}")
    if not chosen:
        raise InputError("the estate holds no workload of the baseline", "ask about its subnets with: network query")
    return chosen
