"""Find the ways by which packets get from one end to another: over routes, through the filters of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import FIREWALLS, SUBNETS
from auditor.estate.service_relations import SITES
from auditor.model import Resource
from auditor.network.endpoints import Endpoint, Location
from auditor.network.entries import Entry
from auditor.network.filter_chain import FilterChain
from auditor.network.firewall import FirewallRules, Translation
from auditor.network.forwarding import Forwarding, Hop, Path, Via
from auditor.network.next_hops import has_public_address
from auditor.network.security_rules import ANYWHERE, Direction, Match, Side
from auditor.network.subnets import SubnetFilters, Subnets, is_outbound_filtered

_TCP: Final = 0b1
EVERYTHING: Final = Match()
_INSIDE: Final = frozenset({"azureloadbalancer", "virtualnetwork"})
"""Tags, in lower case, of what needs no way in from the Internet."""
Arrivals: TypeAlias = Sequence[FilterChain]
"""The chains before addresses of a subnet."""


class PacketWay(Struct, frozen=True):
    """One chain of filters to ask, the traffic's ends in it, and how its packets get there.

    `doubts` say why a pass would still not be certain. Only what `limit` matches takes it, whatever its ends.
    """

    chain: FilterChain
    source: Side
    destination: Side
    doubts: tuple[str, ...] = ()
    path: Path = field(default_factory=lambda: Path(()))
    limit: Match = EVERYTHING


class Ways(Struct):
    """The ways between two ends, those that end on the way, and what is known without asking any rule.

    `entering` are those by what leads in from the Internet, `entered` the names of the subnets that it would lead to.
    """

    asked: list[PacketWay] = field(default_factory=list)
    stopped: list[Path] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    entering: list[PacketWay] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)


def ways_between(forwarding: Forwarding, source: Endpoint, destination: Endpoint) -> Ways:
    """Return the ways from one end to another; there are none where no end is in a subnet."""
    ways = Ways()
    for near, far in product([*source.locations, None], [*destination.locations, None]):
        if near is not None and far is not None:
            _between(forwarding, near, far, ways)
        elif near is not None and destination.outside is not None:
            _leaving(forwarding, near, destination, ways)
        elif far is not None and source.outside is not None:
            _entering(forwarding, source, far, ways)
    return ways


def _between(forwarding: Forwarding, source: Location, target: Location, ways: Ways) -> None:
    """Add the ways from a subnet to another one."""
    subnets, near, far = forwarding.subnets, source.filters, target.filters
    if not _is_known(source, ways) or not _is_known(target, ways):
        return
    if _starts_nothing(subnets, source, ways):
        return
    paths = _open(forwarding.to_subnet(near, far, target.addresses), ways)
    arrivals = list(_arrivals(subnets, target, ways)) if paths else []
    for path, leaving in product(paths, list(_narrowed(source, source.addresses, Direction.OUTBOUND))):
        limit = _with_replies(forwarding, near, far, path, ways)
        for arriving in arrivals:
            if hit := intersection(arriving.destinations, path.destinations):
                filters = (*leaving.filters, *path.filters, *arriving.filters)
                chain = replace(leaving, filters=filters, destinations=hit, to_among=arriving.to_among)
                ways.asked.append(PacketWay(chain, ANYWHERE, ANYWHERE, path.doubts, path, limit))
    if paths:
        _note_integration(subnets, far, ways)


def _open(paths: Iterable[Path], ways: Ways) -> list[Path]:
    """Return the paths that lead on, and note why the others do not."""
    found = []
    for path in paths:
        if path.stops:
            ways.notes.append(path.stops)
            ways.stopped.append(path)
        else:
            found.append(path)
    return found


def _with_replies(forwarding: Forwarding, near: SubnetFilters, far: SubnetFilters, path: Path, ways: Ways) -> Match:
    """Return what gets over a path through a firewall: without a way back for replies no TCP connection comes about."""
    if not path.filters or near.subnet.key == far.subnet.key or forwarding.are_joined(far, near):
        return EVERYTHING
    ways.notes.append(f"Replies from {far.subnet.name} find no way back to {near.subnet.name}.")
    return Match(protocols=EVERYTHING.protocols & ~_TCP)


def _leaving(forwarding: Forwarding, source: Location, target: Endpoint, ways: Ways) -> None:
    """Add the ways from a subnet to what is in no subnet."""
    subnets, near = forwarding.subnets, source.filters
    if not _is_known(source, ways) or _starts_nothing(subnets, source, ways) or target.outside is None:
        return
    elsewhere = _elsewhere(target)
    destination = _outside(target, near)
    filtered = is_outbound_filtered(subnets.estate, near.subnet)
    seen = addresses.ANY if filtered is True else addresses.RFC_1918
    paths = _open(forwarding.to_outside(near, destination), ways)
    for path, leaving in product(paths, list(_narrowed(source, source.addresses, Direction.OUTBOUND))):
        hit = intersection(path.destinations, seen)
        sources = leaving.sources if path.sources is None else intersection(leaving.sources, path.sources)
        if hit and sources:
            chain = replace(leaving, filters=(*leaving.filters, *path.filters), sources=sources, destinations=hit)
            ways.asked.append(PacketWay(chain, ANYWHERE, destination, (*elsewhere, *path.doubts), path))
    if filtered is not True:
        why = () if filtered is False else (
            f"whether App Service routes all traffic into {near.subnet.name} ({filtered.reason})",
        )  # fmt: skip
        around = FilterChain((), near.surroundings, source.addresses, addresses.PUBLIC)
        ways.asked.append(PacketWay(around, ANYWHERE, destination, (*elsewhere, *why)))
        ways.notes.append(f"App Service in {near.subnet.name} may send public traffic past the subnet and its rules.")


def _entering(forwarding: Forwarding, source: Endpoint, target: Location, ways: Ways) -> None:
    """Add the ways from what is in no subnet to a subnet.

    What rules let in from the Internet counts as getting in; whether anything leads it there is told beside.
    """
    subnets, far = forwarding.subnets, target.filters
    if not _is_known(target, ways) or source.outside is None:
        return
    arrivals = list(_arrivals(subnets, target, ways))
    ways.asked += [PacketWay(arriving, _outside(source, far), ANYWHERE, _elsewhere(source)) for arriving in arrivals]
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
    numbers = difference(intersection(side.ranges, addresses.PUBLIC), far.surroundings.network_ranges)
    is_platform = subnets.defaults.serves(far.subnet)
    symbols = tuple(symbol for symbol in side.symbols if not is_platform and symbol.key not in _INSIDE)
    return Side(numbers, symbols) if numbers or symbols else None


def _led_in(subnets: Subnets, source: Side, target: Location) -> Iterable[PacketWay]:
    """Return the ways by what leads packets in with the source that they were sent with, those of one filter together."""
    far = target.filters
    found: dict[object, PacketWay] = {}
    for entry in subnets.defaults.entries(far.subnet, far.prefixes):
        location = _entered(subnets, entry, target)
        path = Path((), (Hop("Internet", Via.ADDRESS, entry.by),) if entry.by else ())
        for arriving in _arrivals(subnets, location, Ways()) if location is not None else ():
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
                found[alike] = PacketWay(arriving, source, ANYWHERE, doubts, path, entry.limit)
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


def _relayed(forwarding: Forwarding, target: Location) -> Iterator[PacketWay]:
    """Yield the ways by machines that forward and have an entry: what they lead on, under their own address, is not known."""
    subnets, relayed = forwarding.subnets, Ways()
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


def _doubtful(way: PacketWay, doubt: str, hop: Hop) -> PacketWay:
    path = replace(way.path, hops=(hop, *way.path.hops))
    return replace(way, doubts=(doubt, *way.doubts), path=path)


def _translated(
    forwarding: Forwarding, firewall: Resource, source: Side, target: Location, arrivals: Arrivals
) -> Iterator[PacketWay]:
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
                    yield PacketWay(chain, ANYWHERE, ANYWHERE, tuple(doubts), whole, limit)


def _translated_in_hub(firewall: Resource, rules: Sequence[Translation], arrivals: Arrivals) -> Iterator[PacketWay]:
    """Yield the ways by a firewall of Virtual WAN: how its hub leads on what it lets in is not in the estate."""
    for rule in rules:
        limit = Match(protocols=rule.protocols, destination_ports=rule.ports, names_ports=True)
        path = Path((), (Hop("Internet", Via.FIREWALL, firewall.id, rule.name),))
        doubt = f"where the hub leads what firewall {firewall.name} lets in"
        for arriving in arrivals:
            if local := intersection(arriving.destinations, rule.target or addresses.ANY):
                chain = replace(arriving, sources=addresses.RFC_1918, destinations=local)
                yield PacketWay(chain, ANYWHERE, ANYWHERE, (doubt,), path, limit)


def _translations(rules: FirewallRules, source: Side) -> Sequence[Translation]:
    """Return the rules that may lead in what comes from a source; of rules that were not read, one for everything."""
    if rules.gap is not None:
        return [Translation("(not collected)", ANYWHERE, EVERYTHING.protocols, None, EVERYTHING.destination_ports)]
    return [
        rule for rule in rules.translations if rule.source.symbols or intersection(rule.source.ranges, source.ranges)
    ]


def _is_known(location: Location, ways: Ways) -> bool:
    gap = location.filters.gap
    if gap is not None:
        ways.unknowns.append(f"{location.filters.subnet.name}: {gap.reason}")
    return gap is None


def _starts_nothing(subnets: Subnets, source: Location, ways: Ways) -> bool:
    is_only = subnets.is_endpoint_only(source.filters)
    endpoints = source.filters.endpoint_addresses(is_only=is_only)
    only = is_only or (endpoints and not difference(source.addresses, endpoints))
    if only:
        ways.notes.append(f"Private endpoints in {source.filters.subnet.name} start no connection.")
    return bool(only)


def _narrowed(location: Location, numbers: Ranges, direction: Direction) -> Iterator[FilterChain]:
    """Yield the chains of a subnet with only these local addresses."""
    for chain in location.filters.chains(direction, with_unused=location.with_unused):
        local = chain.sources if direction is Direction.OUTBOUND else chain.destinations
        hit = intersection(local, numbers)
        if hit and direction is Direction.OUTBOUND:
            yield replace(chain, sources=hit)
        elif hit:
            yield replace(chain, destinations=hit)


def _arrivals(subnets: Subnets, target: Location, ways: Ways) -> Iterator[FilterChain]:
    """Yield the chains before addresses of a subnet; private endpoints without network policies have none."""
    filters, rest = target.filters, target.addresses
    if not filters.enforces_on_endpoints:
        free = intersection(rest, filters.endpoint_addresses(is_only=subnets.is_endpoint_only(filters)))
        if free:
            ways.notes.append(f"Rules of {filters.subnet.name} are not enforced on its private endpoints.")
            yield FilterChain((), filters.surroundings, addresses.ANY, free)
            rest = difference(rest, free)
    yield from _narrowed(target, rest, Direction.INBOUND)


def _outside(end: Endpoint, filters: SubnetFilters) -> Side:
    """Return an outside end as seen from a subnet: what lies in its network is not the Internet."""
    side = end.outside or Side()
    if side.ranges == addresses.PUBLIC:
        return Side(difference(side.ranges, filters.surroundings.network_ranges))
    return side


def _elsewhere(end: Endpoint) -> tuple[str, ...]:
    return (f"what filters {end.label}, which is in no subnet of the estate",) if end.is_filtered_elsewhere else ()


def _note_integration(subnets: Subnets, filters: SubnetFilters, ways: Ways) -> None:
    estate = subnets.estate
    attached = (estate.get(key) for key in estate.sources(filters.subnet.key, "attached"))
    kinds = {resource.type_key for resource in attached if resource is not None}
    if kinds & {SITES, PLANS}:
        ways.notes.append(f"App Service integration in {filters.subnet.name} takes no inbound connection.")
