"""Decide whether one end reaches another: over the routes between them, through the filters of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final, TypeAlias

from auditor.architecture.workloads import Workload, Workloads
from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.errors import InputError
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import FIREWALLS, SUBNETS
from auditor.estate.service_relations import SITES
from auditor.model import Resource
from auditor.network.describe import AddressNames, Sentence
from auditor.network.endpoints import Endpoint, Location, find
from auditor.network.entries import Entry
from auditor.network.filter_chain import FilterChain
from auditor.network.firewall import FirewallRules, Translation
from auditor.network.forwarding import Forwarding, Hop, Path, Via
from auditor.network.next_hops import has_public_address
from auditor.network.search import Search
from auditor.network.security_rules import ANYWHERE, WITH_PORTS, Direction, Match, Side
from auditor.network.subnets import SubnetFilters, Subnets, is_outbound_filtered
from auditor.network.trace import DecidingRule
from auditor.network.verdicts import TrafficVerdict
from auditor.network.ways_out import DoorOut
from auditor.network.witness import Packet
from auditor.truth import Truth, all_of, any_of

_CONNECTIONS: Final = Match(protocols=WITH_PORTS)
_TCP: Final = 0b1
_INSPECTORS: Final = frozenset({Via.FIREWALL, Via.APPLIANCE})
_EVERYTHING: Final = Match()
_INSIDE: Final = frozenset({"azureloadbalancer", "virtualnetwork"})
"""Tags, in lower case, of what needs no way in from the Internet."""
Arrivals: TypeAlias = Sequence[FilterChain]
"""The chains before addresses of a subnet."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether some of the asked traffic gets from one end to the other, and what decides.

    `passes` and `denied` are the parts of the traffic in words; `packet` is an example of what passes, or for a NO of
    what is denied. `unknowns` is empty unless it is not known.
    `hops` is the path of the example; `inspected`: whether the traffic is led through a firewall or an appliance, and
    `inspectors` which ones; `doors` is by what it leaves for the Internet.
    `entered`: whether something leads in what comes from the Internet and rules let in, and `ways_in` what does or may;
    None where nothing comes from there, or no rule lets it in.
    """

    truth: Truth
    passes: tuple[Sentence, ...] = ()
    denied: tuple[Sentence, ...] = ()
    rules: tuple[DecidingRule, ...] = ()
    packet: Packet | None = None
    unknowns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    inspected: Truth = Truth.NO
    inspectors: tuple[str, ...] = ()
    doors: tuple[DoorOut, ...] = ()
    entered: Truth | None = None
    ways_in: tuple[Hop, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether a part of the asked traffic is denied although some passes."""
        return self.truth is not Truth.NO and bool(self.denied)


@dataclass(frozen=True, slots=True)
class _Way:
    """One chain of filters to ask, the traffic's ends in it, and how its packets get there.

    `doubts` say why a pass would still not be certain. Only what `limit` matches takes it, whatever its ends.
    """

    chain: FilterChain
    source: Side
    destination: Side
    doubts: tuple[str, ...] = ()
    path: Path = field(default_factory=lambda: Path(()))
    limit: Match = _EVERYTHING


@dataclass(slots=True)
class _Ways:
    """The ways between two ends, those that end on the way, and what is known without asking any rule.

    `entering` are those by what leads in from the Internet, `entered` the names of the subnets that it would lead to.
    """

    asked: list[_Way] = field(default_factory=list)
    stopped: list[Path] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    entering: list[_Way] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)


def connect(forwarding: Forwarding, source: Endpoint, destination: Endpoint, traffic: Match) -> Connection:
    """Return whether some of the traffic gets from one end to the other. Raise InputError where no end is in a subnet."""
    if not source.locations and not destination.locations:
        raise InputError(
            f"neither {source.label} nor {destination.label} is in a subnet of the estate",
            "no rule decides between them",
        )
    ways = _Ways()
    for near, far in product([*source.locations, None], [*destination.locations, None]):
        if near is not None and far is not None:
            _between(forwarding, near, far, ways)
        elif near is not None and destination.outside is not None:
            _leaving(forwarding, near, destination, ways)
        elif far is not None and source.outside is not None:
            _entering(forwarding, source, far, ways)
    return _connection(ways, traffic)


def _between(forwarding: Forwarding, source: Location, target: Location, ways: _Ways) -> None:
    """Add the ways from a subnet to another one."""
    subnets, near, far = forwarding.subnets, source.filters, target.filters
    if not _is_known(source, ways) or not _is_known(target, ways):
        return
    if _starts_nothing(subnets, source, ways):
        return
    paths = _open(forwarding.to_subnet(near, far, target.addresses), ways)
    arrivals = list(_arrivals(subnets, target, ways)) if paths else []
    for path, leaving in product(paths, list(_narrowed(near, source.addresses, Direction.OUTBOUND))):
        limit = _with_replies(forwarding, near, far, path, ways)
        for arriving in arrivals:
            if hit := intersection(arriving.destinations, path.destinations):
                filters = (*leaving.filters, *path.filters, *arriving.filters)
                chain = replace(leaving, filters=filters, destinations=hit, to_among=arriving.to_among)
                ways.asked.append(_Way(chain, ANYWHERE, ANYWHERE, path.doubts, path, limit))
    if paths:
        _note_integration(subnets, far, ways)


def _open(paths: Iterable[Path], ways: _Ways) -> list[Path]:
    """Return the paths that lead on, and note why the others do not."""
    found = []
    for path in paths:
        if path.stops:
            ways.notes.append(path.stops)
            ways.stopped.append(path)
        else:
            found.append(path)
    return found


def _with_replies(forwarding: Forwarding, near: SubnetFilters, far: SubnetFilters, path: Path, ways: _Ways) -> Match:
    """Return what gets over a path through a firewall: without a way back for replies no TCP connection comes about."""
    if not path.filters or near.subnet.key == far.subnet.key or forwarding.are_joined(far, near):
        return _EVERYTHING
    ways.notes.append(f"Replies from {far.subnet.name} find no way back to {near.subnet.name}.")
    return Match(protocols=_EVERYTHING.protocols & ~_TCP)


def _leaving(forwarding: Forwarding, source: Location, target: Endpoint, ways: _Ways) -> None:
    """Add the ways from a subnet to what is in no subnet."""
    subnets, near = forwarding.subnets, source.filters
    if not _is_known(source, ways) or _starts_nothing(subnets, source, ways) or target.outside is None:
        return
    elsewhere = _elsewhere(target)
    destination = _outside(target, near)
    filtered = is_outbound_filtered(subnets.estate, near.subnet)
    seen = addresses.ANY if filtered is True else addresses.RFC_1918
    paths = _open(forwarding.to_outside(near, destination), ways)
    for path, leaving in product(paths, list(_narrowed(near, source.addresses, Direction.OUTBOUND))):
        hit = intersection(path.destinations, seen)
        sources = leaving.sources if path.sources is None else intersection(leaving.sources, path.sources)
        if hit and sources:
            chain = replace(leaving, filters=(*leaving.filters, *path.filters), sources=sources, destinations=hit)
            ways.asked.append(_Way(chain, ANYWHERE, destination, (*elsewhere, *path.doubts), path))
    if filtered is not True:
        why = () if filtered is False else (
            f"whether App Service routes all traffic into {near.subnet.name} ({filtered.reason})",
        )  # fmt: skip
        around = FilterChain((), near.surroundings, source.addresses, addresses.PUBLIC)
        ways.asked.append(_Way(around, ANYWHERE, destination, (*elsewhere, *why)))
        ways.notes.append(f"App Service in {near.subnet.name} may send public traffic past the subnet and its rules.")


def _entering(forwarding: Forwarding, source: Endpoint, target: Location, ways: _Ways) -> None:
    """Add the ways from what is in no subnet to a subnet.

    What rules let in from the Internet counts as getting in; whether anything leads it there is told beside.
    """
    subnets, far = forwarding.subnets, target.filters
    if not _is_known(target, ways) or source.outside is None:
        return
    arrivals = list(_arrivals(subnets, target, ways))
    ways.asked += [_Way(arriving, _outside(source, far), ANYWHERE, _elsewhere(source)) for arriving in arrivals]
    if public := _from_internet(subnets, source.outside, far):
        led = [*_relayed(forwarding, target)]
        for firewall in subnets.estate.of_type(FIREWALLS):
            if has_public_address(firewall) and public.ranges:
                led += _translated(forwarding, firewall, public, target, arrivals)
        ways.asked += led
        ways.entering += [*led, *_led_in(subnets, public, target)]
        ways.entered.append(far.subnet.name)
    _note_integration(subnets, far, ways)


def _from_internet(subnets: Subnets, side: Side, far: SubnetFilters) -> Side | None:
    """Return what of a source comes from the Internet, and so needs something that leads it in.

    What Azure's own services send to those that they run in a subnet needs nothing.
    """
    numbers = difference(intersection(side.ranges, addresses.PUBLIC), far.surroundings.known_network)
    is_platform = subnets.defaults.serves(far.subnet)
    symbols = tuple(symbol for symbol in side.symbols if not is_platform and symbol.key not in _INSIDE)
    return Side(numbers, symbols) if numbers or symbols else None


def _led_in(subnets: Subnets, source: Side, target: Location) -> Iterable[_Way]:
    """Return the ways by what leads packets in with the source that they were sent with, those of one filter together."""
    far = target.filters
    found: dict[object, _Way] = {}
    for entry in subnets.defaults.entries(far.subnet, far.prefixes):
        location = _entered(subnets, entry, target)
        path = Path((), (Hop("Internet", Via.ADDRESS, entry.by),) if entry.by else ())
        for arriving in _arrivals(subnets, location, _Ways()) if location is not None else ():
            groups = tuple(id(one.group) for one in arriving.filters if one.group is not None)
            if entry.needs_group and not groups:
                continue
            alike = (groups, arriving.to_among, entry.limit, entry.doubt)
            known = found.get(alike)
            if known is not None:
                local = union(known.chain.destinations, arriving.destinations)
                found[alike] = replace(known, chain=replace(known.chain, destinations=local))
            else:
                doubts = (entry.doubt,) if entry.doubt else ()
                found[alike] = _Way(arriving, source, ANYWHERE, doubts, path, entry.limit)
    return found.values()


def _entered(subnets: Subnets, entry: Entry, target: Location) -> Location | None:
    """Return what of a target an entry leads to, or None for nothing."""
    only = target.filters.only
    if entry.member is None:
        numbers = intersection(target.addresses, entry.addresses)
        return Location(target.filters, numbers) if numbers else None
    interface = subnets.interface(entry.member)
    if only is not None and only.resource.key != interface.resource.key:
        return None
    space = intersection(interface.space, target.addresses)
    return Location(replace(target.filters, only=interface), space) if space else None


def _relayed(forwarding: Forwarding, target: Location) -> Iterator[_Way]:
    """Yield the ways by machines that forward and have an entry: what they lead on, under their own address, is not known."""
    subnets, relayed = forwarding.subnets, _Ways()
    for member in subnets.networks.members.all:
        place = subnets.estate.get(member.subnet or "") if member.forwards else None
        if place is not None and any(True for _ in subnets.defaults.to_member(member)):
            interface, at = subnets.interface(member), subnets.at(place)
            if at.gap is None and interface.space:
                near = Location(replace(at, only=interface), interface.space)
                known = len(relayed.asked)
                _between(forwarding, near, target, relayed)
                doubt = f"what appliance {member.holder.name} leads in from the Internet"
                hop = Hop("Internet", Via.APPLIANCE, member.holder.id)
                yield from (_doubtful(way, doubt, hop) for way in relayed.asked[known:])


def _doubtful(way: _Way, doubt: str, hop: Hop) -> _Way:
    path = replace(way.path, hops=(hop, *way.path.hops))
    return replace(way, doubts=(doubt, *way.doubts), path=path)


def _translated(
    forwarding: Forwarding, firewall: Resource, source: Side, target: Location, arrivals: Arrivals
) -> Iterator[_Way]:
    """Yield the ways by a firewall that leads what comes to its public address to addresses in a subnet.

    It puts an address of its own subnet in the place of the client's.
    """
    subnets = forwarding.subnets
    rules = subnets.firewalls.rules(firewall)
    places = [subnets.estate.get(key) for key in subnets.estate.targets(firewall.key, "attached")]
    if not places:
        yield from _translated_in_hub(firewall, _translations(rules, source), arrivals)
    for at in (subnets.at(place) for place in places if place is not None and place.type_key == SUBNETS):
        paths = [path for path in forwarding.to_subnet(at, target.filters, target.addresses) if not path.stops]
        for translation, path in product(_translations(rules, source), paths):
            hop = Hop("Internet", Via.FIREWALL, firewall.id, translation.name)
            whole = replace(path, hops=(hop, *path.hops))
            limit = Match(protocols=translation.protocols, destination_ports=translation.ports, names_ports=True)
            doubts = list(path.doubts)
            if rules.gap is not None:
                doubts.append(f"what firewall {firewall.name} lets in ({rules.gap.reason})")
            elif translation.target is None or not translation.is_readable:
                doubts.append(f"what rule {translation.name} of firewall {firewall.name} lets in")
            for arriving in arrivals:
                local = intersection(arriving.destinations, path.destinations, translation.target or addresses.ANY)
                if local:
                    chain = replace(arriving, surroundings=at.surroundings, sources=at.prefixes, destinations=local)
                    yield _Way(chain, ANYWHERE, ANYWHERE, tuple(doubts), whole, limit)


def _translated_in_hub(firewall: Resource, rules: Sequence[Translation], arrivals: Arrivals) -> Iterator[_Way]:
    """Yield the ways by a firewall of Virtual WAN: how its hub leads on what it lets in is not in the estate."""
    for rule in rules:
        limit = Match(protocols=rule.protocols, destination_ports=rule.ports, names_ports=True)
        path = Path((), (Hop("Internet", Via.FIREWALL, firewall.id, rule.name),))
        doubt = f"where the hub leads what firewall {firewall.name} lets in"
        for arriving in arrivals:
            if local := intersection(arriving.destinations, rule.target or addresses.ANY):
                chain = replace(arriving, sources=addresses.RFC_1918, destinations=local)
                yield _Way(chain, ANYWHERE, ANYWHERE, (doubt,), path, limit)


def _translations(rules: FirewallRules, source: Side) -> Sequence[Translation]:
    """Return the rules that may lead in what comes from a source; of rules that were not read, one for everything."""
    if rules.gap is not None:
        return [Translation("(not collected)", ANYWHERE, _EVERYTHING.protocols, None, _EVERYTHING.destination_ports)]
    return [
        rule for rule in rules.translations if rule.source.symbols or intersection(rule.source.ranges, source.ranges)
    ]


def _is_known(location: Location, ways: _Ways) -> bool:
    gap = location.filters.gap
    if gap is not None:
        ways.unknowns.append(f"{location.filters.subnet.name}: {gap.reason}")
    return gap is None


def _starts_nothing(subnets: Subnets, source: Location, ways: _Ways) -> bool:
    is_only = subnets.is_endpoint_only(source.filters)
    endpoints = source.filters.endpoint_addresses(is_only=is_only)
    only = is_only or (endpoints and not difference(source.addresses, endpoints))
    if only:
        ways.notes.append(f"Private endpoints in {source.filters.subnet.name} start no connection.")
    return bool(only)


def _narrowed(filters: SubnetFilters, numbers: Ranges, direction: Direction) -> Iterator[FilterChain]:
    """Yield the chains of a subnet with only these local addresses."""
    for chain in filters.chains(direction):
        local = chain.sources if direction is Direction.OUTBOUND else chain.destinations
        hit = intersection(local, numbers)
        if hit and direction is Direction.OUTBOUND:
            yield replace(chain, sources=hit)
        elif hit:
            yield replace(chain, destinations=hit)


def _arrivals(subnets: Subnets, target: Location, ways: _Ways) -> Iterator[FilterChain]:
    """Yield the chains before addresses of a subnet; private endpoints without network policies have none."""
    filters, rest = target.filters, target.addresses
    if not filters.enforces_on_endpoints:
        free = intersection(rest, filters.endpoint_addresses(is_only=subnets.is_endpoint_only(filters)))
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
    path: Path


def _ask(way: _Way, traffic: Match) -> _WayVerdict:
    row = replace(
        traffic,
        source=way.source,
        destination=way.destination,
        protocols=traffic.protocols & way.limit.protocols,
        destination_ports=intersection(traffic.destination_ports, way.limit.destination_ports),
        names_ports=traffic.names_ports or way.limit.names_ports,
    )
    search, names = Search(way.chain, [row]), AddressNames(is_pair=True)
    passing = TrafficVerdict((search.permitted([row]),), names)
    denied = TrafficVerdict((search.unmet([row]),), names)
    truth = all_of((passing.truth, Truth.UNKNOWN if way.doubts else Truth.YES))
    gap = passing.gap("")
    doubts = (gap.reason,) if gap is not None else way.doubts
    return _WayVerdict(truth, passing, denied, doubts if truth is Truth.UNKNOWN else (), way.path)


def _can_be(way: _Way, traffic: Match) -> bool:
    ports = intersection(traffic.destination_ports, way.limit.destination_ports)
    return bool(traffic.protocols & way.limit.protocols and ports)


def _connection(ways: _Ways, traffic: Match) -> Connection:
    """Ask every way; one that passes for certain decides, then one that may pass."""
    if not ways.asked and not ways.unknowns and not ways.notes:
        ways.notes.append("No machine that is known has such an address.")
    verdicts = [_ask(way, traffic) for way in ways.asked if _can_be(way, traffic)]
    unknowns = {*ways.unknowns, *(doubt for verdict in verdicts for doubt in verdict.doubts)}
    truth = any_of((*(verdict.truth for verdict in verdicts), Truth.UNKNOWN if ways.unknowns else Truth.NO))
    decisive = [verdict for verdict in verdicts if verdict.truth is truth]
    shown = [verdict.denied if truth is Truth.NO else verdict.passing for verdict in decisive]
    deciders = (rule for verdict in shown for disposition in verdict.dispositions() for rule in disposition.deciders)
    witnessed = [
        (verdict.path, packet) for verdict, part in zip(decisive, shown, strict=True) if (packet := part.witness())
    ]
    taken = [verdict.path for verdict in verdicts if verdict.truth is not Truth.NO]
    paths = taken or [verdict.path for verdict in verdicts] or ways.stopped
    inspected, inspectors = _inspection(paths)
    first = next((path for path, _ in witnessed), next(iter(paths), None))
    entered, ways_in = _entry(ways, traffic, truth)
    return Connection(
        truth=truth,
        passes=_lines(verdict.passing for verdict in verdicts),
        denied=_lines(verdict.denied for verdict in verdicts),
        rules=tuple(dict.fromkeys(deciders)),
        packet=next((packet for _, packet in witnessed), None),
        unknowns=tuple(sorted(unknowns)) if truth is Truth.UNKNOWN else (),
        notes=tuple(
            sorted(
                {
                    *ways.notes,
                    *_mixture(paths),
                    *_told(taken or [path for path in paths if path.hops]),
                    *_not_entered(ways, entered),
                }
            )
        ),
        hops=first.hops if first is not None else (),
        inspected=inspected,
        inspectors=inspectors,
        doors=tuple(dict.fromkeys(path.door for path in taken if path.door is not None)),
        entered=entered,
        ways_in=ways_in,
    )


def _entry(ways: _Ways, traffic: Match, truth: Truth) -> tuple[Truth | None, tuple[Hop, ...]]:
    """Return whether something leads in what comes from the Internet and is let in, and the first hops of what does."""
    if not ways.entered or truth is Truth.NO:
        return None, ()
    asked = [_ask(way, traffic) for way in ways.entering if _can_be(way, traffic)]
    leading = [verdict for verdict in asked if verdict.truth is not Truth.NO]
    entered = any_of(tuple(verdict.truth for verdict in leading)) if leading else Truth.NO
    hops = (hop for verdict in leading if verdict.truth is entered for hop in verdict.path.hops[:1])
    return entered, tuple(dict.fromkeys(hops))


def _not_entered(ways: _Ways, entered: Truth | None) -> Iterator[str]:
    names = ", ".join(dict.fromkeys(ways.entered))
    if entered is Truth.NO and ways.entering:
        yield f"Only the rules of {names} let it in: what leads there from the Internet takes no such traffic."
    elif entered is Truth.NO:
        yield f"Only the rules of {names} let it in: no public address, load balancer, NAT rule or gateway leads there."
    elif entered is Truth.UNKNOWN:
        doubts = "; ".join(dict.fromkeys(doubt for way in ways.entering for doubt in way.doubts))
        yield f"The rules of {names} let it in; not known is {doubts or 'whether something leads there'}."


def _told(paths: Sequence[Path]) -> Sequence[str]:
    return [note for path in paths for note in path.notes]


def _inspection(paths: Sequence[Path]) -> tuple[Truth, tuple[str, ...]]:
    """Return whether traffic over these paths is led through something that may look at it, and what that is.

    UNKNOWN where on some path a next hop is not known. YES where at least a part is.
    """
    through = [hop for path in paths for hop in path.hops if hop.inspects]
    known = tuple(dict.fromkeys(hop.to for hop in through if hop.via in _INSPECTORS))
    if any(hop.via not in _INSPECTORS for hop in through):
        return Truth.UNKNOWN, known
    return (Truth.YES, known) if known else (Truth.NO, ())


def _mixture(paths: Sequence[Path]) -> Sequence[str]:
    """Return that only a part is inspected, where it is so."""
    if len({any(hop.inspects for hop in path.hops) for path in paths}) < 2:
        return ()
    past = sorted(
        {hop.via.value for path in paths for hop in path.hops[-1:] if not any(one.inspects for one in path.hops)}
    )
    by = f" ({', '.join(past)})" if past else ""
    return [f"A part of it goes past every firewall and appliance{by}."]


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


def matrix(forwarding: Forwarding, workload: Workload, roles: Sequence[str]) -> Iterator[Cell]:
    """Yield a cell for each ordered pair of ends: the workload's subnets that play one of the roles, the Internet last."""
    subnets = forwarding.subnets
    ends = [
        (role, Endpoint(subnet.name, (Location(filters, filters.prefixes),)))
        for role in roles
        for subnet in workload.resources(role)
        for filters in (subnets.at(subnet),)
    ]
    ends.append(("", find(subnets, "Internet")))
    for (source_role, source), (role, destination) in product(ends, ends):
        if _are_apart(source, destination):
            connection = connect(forwarding, source, destination, _CONNECTIONS)
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
