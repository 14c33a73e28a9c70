"""Decide whether one end reaches another: through the filters of both sides, between networks that are connected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from auditor.analysis.network.flow import are_connected
from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.errors import InputError
from auditor.network.describe import AddressNames, Sentence
from auditor.network.endpoints import Endpoint, Location, is_endpoint_only
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.integration import is_outbound_filtered
from auditor.network.routes import RouteOverride, route_overrides
from auditor.network.search import Search
from auditor.network.security_rules import ANYWHERE, Direction, Match, SecurityRule, Side
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict
from auditor.network.witness import Packet
from auditor.truth import Truth, all_of, any_of


@dataclass(frozen=True, slots=True)
class Decided:
    """A rule that decides, in which filter."""

    side: str
    filter: str
    rule: SecurityRule


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether some of the asked traffic gets from one end to the other, and what decides.

    `passes` and `stopped` are the parts of the traffic in words; `packet` is an example of what passes, or for a NO of
    what is stopped. `unknowns` is empty unless it is not known.
    """

    truth: Truth
    passes: tuple[Sentence, ...] = ()
    stopped: tuple[Sentence, ...] = ()
    rules: tuple[Decided, ...] = ()
    packet: Packet | None = None
    unknowns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether a part of the asked traffic is stopped although some passes."""
        return self.truth is not Truth.NO and bool(self.stopped)


@dataclass(frozen=True, slots=True)
class _FilteredWay:
    """One path to ask, the traffic's ends in it, and why a pass would still not be certain."""

    path: FilterChain
    source: Side
    destination: Side
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _FilteredWays:
    """The paths between two ends, and what was found without asking any rule."""

    asked: list[_FilteredWay] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def connect(places: Subnets, source: Endpoint, destination: Endpoint, traffic: Match) -> Connection:
    """Return whether some of the traffic gets from one end to the other. Raise InputError where no end is in a subnet."""
    if not source.spots and not destination.spots:
        raise InputError(
            f"neither {source.label} nor {destination.label} is in a subnet of the estate",
            "no rule decides between them",
        )
    ways = _FilteredWays()
    for one, other in product([*source.spots, None], [*destination.spots, None]):
        if one is not None and other is not None:
            _between(places, one, other, ways)
        elif one is not None and destination.outside is not None:
            _leaving(places, one, destination, ways)
        elif other is not None and source.outside is not None:
            _entering(places, source, other, ways)
    return _judged(ways, traffic)


def _between(places: Subnets, source: Location, target: Location, ways: _FilteredWays) -> None:
    near, far = source.place, target.place
    if not _is_known(source, ways) or not _is_known(target, ways):
        return
    if _starts_nothing(places, source, ways):
        return
    joined = _joined(places, near, far)
    if joined is Truth.NO:
        ways.notes.append(f"The networks of {near.subnet.name} and {far.subnet.name} are not peered.")
        return
    doubts = () if joined is Truth.YES else (
        f"whether a gateway or a peering connects {near.subnet.name} with {far.subnet.name}",
    )  # fmt: skip
    for leaving in _narrowed(near, source.addresses, Direction.OUTBOUND):
        for layers, numbers in _arrivals(places, target, ways):
            way = FilterChain((*leaving.layers, *layers), near.surroundings, leaving.sources, numbers)
            _routed(places, near, _FilteredWay(way, ANYWHERE, ANYWHERE, doubts), ways)
    _note_integration(places, far, ways)


def _leaving(places: Subnets, source: Location, target: Endpoint, ways: _FilteredWays) -> None:
    near = source.place
    if not _is_known(source, ways) or _starts_nothing(places, source, ways) or target.outside is None:
        return
    doubts = _elsewhere(target)
    wanted = _outside(target, near)
    filtered, gap = is_outbound_filtered(places.context, near.subnet)
    for leaving in _narrowed(near, source.addresses, Direction.OUTBOUND):
        seen = leaving if filtered else replace(leaving, destinations=addresses.RFC_1918)
        _routed(places, near, _FilteredWay(seen, ANYWHERE, wanted, doubts), ways)
        if not filtered:
            why = (
                ()
                if gap is None
                else (f"whether App Service routes all traffic into {near.subnet.name} ({gap.reason})",)
            )
            around = FilterChain((), near.surroundings, leaving.sources, addresses.PUBLIC)
            ways.asked.append(_FilteredWay(around, ANYWHERE, wanted, (*doubts, *why)))
            ways.notes.append(
                f"App Service in {near.subnet.name} may send public traffic past the subnet and its rules."
            )


def _entering(places: Subnets, source: Endpoint, target: Location, ways: _FilteredWays) -> None:
    far = target.place
    if not _is_known(target, ways) or source.outside is None:
        return
    for layers, numbers in _arrivals(places, target, ways):
        way = FilterChain(layers, far.surroundings, addresses.ANY, numbers)
        ways.asked.append(_FilteredWay(way, _outside(source, far), ANYWHERE, _elsewhere(source)))
    _note_integration(places, far, ways)


def _is_known(spot: Location, ways: _FilteredWays) -> bool:
    gap = spot.place.gap
    if gap is not None:
        ways.unknowns.append(f"{spot.place.subnet.name}: {gap.reason}")
    return gap is None


def _starts_nothing(places: Subnets, source: Location, ways: _FilteredWays) -> bool:
    endpoints = _endpoint_addresses(source.place)
    only = is_endpoint_only(places, source.place) or (endpoints and not difference(source.addresses, endpoints))
    if only:
        ways.notes.append(f"Private endpoints in {source.place.subnet.name} start no connection.")
    return bool(only)


def _joined(places: Subnets, near: SubnetFilters, far: SubnetFilters) -> Truth:
    if are_connected(places.context, near.subnet, far.subnet):
        around = near.surroundings
        return Truth.YES if intersection(far.prefixes, union(around.space, around.peers)) else Truth.NO
    is_known = near.surroundings.gateway is not None and far.surroundings.gateway is not None
    return Truth.NO if is_known else Truth.UNKNOWN


def _narrowed(place: SubnetFilters, numbers: Ranges, direction: Direction) -> Iterator[FilterChain]:
    """Yield the paths of a subnet with only these local addresses."""
    for path in place.paths(direction):
        local = path.sources if direction is Direction.OUTBOUND else path.destinations
        hit = intersection(local, numbers)
        if hit and direction is Direction.OUTBOUND:
            yield replace(path, sources=hit)
        elif hit:
            yield replace(path, destinations=hit)


def _endpoint_addresses(place: SubnetFilters) -> Ranges:
    return union((), *(one.addresses for one in place.interfaces if one.is_endpoint))


def _arrivals(places: Subnets, target: Location, ways: _FilteredWays) -> Iterator[tuple[tuple[Filter, ...], Ranges]]:
    """Yield the filters before addresses of a subnet; private endpoints without network policies have none."""
    place, rest = target.place, target.addresses
    if not place.enforces_on_endpoints:
        free = rest if is_endpoint_only(places, place) else intersection(rest, _endpoint_addresses(place))
        if free:
            ways.notes.append(f"Rules of {place.subnet.name} are not enforced on its private endpoints.")
            yield (), free
            rest = difference(rest, free)
    for path in _narrowed(place, rest, Direction.INBOUND):
        yield path.layers, path.destinations


def _outside(end: Endpoint, place: SubnetFilters) -> Side:
    """Return an outside end as seen from a subnet: what lies in its network is not the Internet."""
    side = end.outside or Side()
    if side.ranges == addresses.PUBLIC:
        return Side(difference(side.ranges, place.surroundings.known_network))
    return side


def _elsewhere(end: Endpoint) -> tuple[str, ...]:
    return (f"what filters {end.label}, which is in no subnet of the estate",) if end.is_filtered_elsewhere else ()


def _routed(places: Subnets, near: SubnetFilters, way: _FilteredWay, ways: _FilteredWays) -> None:
    """Ask a way in the parts in which routes lead its packets."""
    rest = way.path.destinations
    for detour in route_overrides(places, near):
        hit = intersection(rest, detour.numbers)
        if not hit:
            continue
        rest = difference(rest, hit)
        if detour.drops:
            ways.notes.append(f"Route {detour.label} of {near.subnet.name} drops what it matches.")
        else:
            part = replace(way.path, destinations=hit)
            ways.asked.append(replace(way, path=part, doubts=(*way.doubts, _appliance(detour))))
    if rest:
        ways.asked.append(replace(way, path=replace(way.path, destinations=rest)))


def _appliance(detour: RouteOverride) -> str:
    return f"what the next hop of route {detour.label} lets through ({detour.hop})"


def _note_integration(places: Subnets, place: SubnetFilters, ways: _FilteredWays) -> None:
    estate = places.context.estate
    found = (estate.get(key) for key in estate.sources(place.subnet.key, "attached"))
    if any(one is not None and one.type_key in {"microsoft.web/sites", "microsoft.web/serverfarms"} for one in found):
        ways.notes.append(f"App Service integration in {place.subnet.name} takes no inbound connection.")


def _judged(ways: _FilteredWays, traffic: Match) -> Connection:
    """Ask every way; one that passes for certain decides, then one that may pass."""
    names = AddressNames(is_pair=True)
    if not ways.asked and not ways.unknowns and not ways.notes:
        ways.notes.append("No machine that is known has such an address.")
    results: list[tuple[Truth, TrafficVerdict, TrafficVerdict, tuple[str, ...]]] = []
    for way in ways.asked:
        row = replace(traffic, source=way.source, destination=way.destination)
        inquiry = Search(way.path, [row])
        passing, stopped = (
            TrafficVerdict((inquiry.reach([row]),), names),
            TrafficVerdict((inquiry.missing([row]),), names),
        )
        gap = passing.gap("")
        doubts = (gap.reason,) if gap is not None else way.doubts
        truth = all_of((passing.truth, Truth.UNKNOWN if way.doubts else Truth.YES))
        results.append((truth, passing, stopped, doubts if truth is Truth.UNKNOWN else ()))
    unknowns = {*ways.unknowns, *(text for result in results for text in result[3])}
    overall = any_of((*(result[0] for result in results), Truth.UNKNOWN if ways.unknowns else Truth.NO))
    decisive = [result for result in results if result[0] is overall]
    shown = [result[2] if overall is Truth.NO else result[1] for result in decisive]
    return Connection(
        overall,
        _lines(result[1] for result in results),
        _lines(result[2] for result in results),
        tuple(dict.fromkeys(rule for verdict in shown for rule in _rules(verdict))),
        next((packet for verdict in shown if (packet := verdict.witness()) is not None), None),
        tuple(sorted(unknowns)) if overall is Truth.UNKNOWN else (),
        tuple(sorted(set(ways.notes))),
    )


def _lines(verdicts: Iterator[TrafficVerdict]) -> tuple[Sentence, ...]:
    return tuple(dict.fromkeys(line for verdict in verdicts for line in verdict.lines))


def _rules(verdict: TrafficVerdict) -> Iterator[Decided]:
    for decision in verdict.decisions():
        for decider in decision.deciders:
            side = "source" if decider.rule.direction is Direction.OUTBOUND else "destination"
            yield Decided(side, decider.layer, decider.rule)
