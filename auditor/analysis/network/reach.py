"""Answer who reaches whom in an estate: one question with the deciding rules, or all of them as a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.analysis.network import addresses
from auditor.analysis.network.flow_facts import are_connected
from auditor.analysis.network.packet import Packet
from auditor.analysis.network.path import Path
from auditor.analysis.network.places import Place, Places
from auditor.analysis.network.proof import Certainty
from auditor.analysis.network.questions import Inquiry
from auditor.analysis.network.ranges import Ranges, intersection, is_within, union
from auditor.analysis.network.rules import ALL_PORTS, ANYWHERE, PROTOCOLS, WITH_PORTS, Direction, Match
from auditor.analysis.network.verdicts import Verdict
from auditor.analysis.network.words import Line, Names
from auditor.errors import InputError

INTERNET: Final = "Internet"
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_MACHINES: Final = "microsoft.compute/virtualmachines"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a question: what it is called, its addresses, and the subnet it lies in; none for the outside."""

    name: str
    addresses: Ranges
    place: Place | None = None
    is_endpoint: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether traffic gets from one end to another.

    `passes` and `stops` say what does and what does not, with the rules; `example` is a packet that passes (or may);
    `reason` says why there is no answer, or why no rule is needed for it.
    """

    source: str
    destination: str
    certainty: Certainty
    passes: tuple[Line, ...] = ()
    stops: tuple[Line, ...] = ()
    example: Packet | None = None
    reason: str = ""


def find_end(context: Context, places: Places, text: str) -> End:
    """Return the end that a text names: `Internet`, a subnet, interface or machine by name or id, an address or prefix.

    Raise InputError where nothing, or more than one thing, is meant.
    """
    if text.lower() == INTERNET.lower():
        return End(INTERNET, addresses.PUBLIC)
    numbers = addresses.parse(text)
    if numbers is not None:
        holders = [places.at(one) for one in context.estate.of_type(_SUBNETS)]
        place = next((one for one in holders if is_within(numbers, one.prefixes)), None)
        return End(text, numbers, place)
    found = [
        end
        for end in _named(context, places)
        if text.lower() in {end.name.lower(), end.name.rpartition("/")[2].lower()}
    ]
    found = found or [end for key, end in _by_id(context, places) if ids.key(text) == key]
    if len(found) != 1:
        names = ", ".join(sorted({end.name for end in found or _named(context, places)})[:12])
        problem = "names several things" if found else "is no subnet, interface, machine or address here"
        raise InputError(f"'{text}' {problem}", f"one of {names}, an id, an address or {INTERNET}")
    return found[0]


def _named(context: Context, places: Places) -> list[End]:
    return [end for _, end in _by_id(context, places)]


def _by_id(context: Context, places: Places) -> Iterator[tuple[str, End]]:
    estate = context.estate
    for subnet in estate.of_type(_SUBNETS):
        place = places.at(subnet)
        yield subnet.key, End(subnet.name, place.prefixes, place)
        for interface in place.interfaces:
            end = End(interface.resource.name, interface.addresses, place, interface.is_endpoint)
            yield interface.resource.key, end
            for key in estate.targets(interface.resource.key, "attached"):
                owner = estate.get(key)
                if owner is not None and owner.type_key == _MACHINES:
                    yield owner.key, replace(end, name=owner.name)


def ask(context: Context, source: End, destination: End, *, port: int | None = None, protocol: str = "*") -> Reach:
    """Return whether traffic of a protocol (`*`: TCP and UDP) to a port (None: any) gets from one end to the other."""
    blocked = _blocked(context, source, destination)
    if blocked is not None:
        return Reach(source.name, destination.name, *blocked)
    traffic = _traffic(port, protocol)
    asked = [Inquiry(path, [traffic]) for path in _paths(source, destination)]
    names = Names(is_pair=True)
    passing = Verdict(tuple(one.reach([traffic]) for one in asked), names)
    stopped = Verdict(tuple(one.missing([traffic]) for one in asked), names)
    gap = passing.gap("")
    return Reach(
        source.name,
        destination.name,
        passing.certainty,
        passing.lines(),
        stopped.lines(),
        passing.witness(),
        gap.reason if gap else "",
    )


def _blocked(
    context: Context, source: End, destination: End
) -> tuple[Certainty, tuple[Line, ...], tuple[Line, ...], None, str] | None:
    """Return the answer where rules have no say: nothing is known of an end, or there is no way between the networks."""
    near, far = source.place, destination.place
    gap = next((one.gap for one in (near, far) if one is not None and one.gap is not None), None)
    if gap is not None:
        return Certainty.MAYBE, (), (), None, gap.reason
    if near is None and far is None:
        return Certainty.MAYBE, (), (), None, "neither end lies in a subnet of this estate"
    if near is not None and far is not None and not are_connected(context, near.subnet, far.subnet):
        return Certainty.NO, (), (), None, "the networks of the two ends are not peered"
    if near is None and is_within(source.addresses, addresses.PUBLIC) and _only_endpoints(destination):
        return Certainty.NO, (), (), None, "private endpoints have no public address"
    return None


def _traffic(port: int | None, protocol: str) -> Match:
    kinds = WITH_PORTS
    if protocol != "*":
        names = [name.lower() for name in PROTOCOLS]
        if protocol.lower() not in names:
            raise InputError(f"'{protocol}' is no protocol", f"one of *, {', '.join(PROTOCOLS)}")
        kinds = 1 << names.index(protocol.lower())
    if port is None:
        return Match(ANYWHERE, ANYWHERE, kinds)
    return Match(ANYWHERE, ANYWHERE, kinds, ALL_PORTS, ((port, port + 1),), names_ports=True)


def _paths(source: End, destination: End) -> Iterator[Path]:
    """Yield the ways between two ends: out through the one's filters, in through the other's."""
    leaving = _ways(source, Direction.OUTBOUND)
    entering = _ways(destination, Direction.INBOUND)
    place = source.place or destination.place
    if place is None:
        return
    for out, into in product(leaving, entering):
        sources = intersection(source.addresses, out.sources) if out else source.addresses
        targets = intersection(destination.addresses, into.destinations) if into else destination.addresses
        layers = (*(out.layers if out else ()), *(into.layers if into else ()))
        if sources and targets:
            yield Path(layers, place.surroundings, sources, targets)


def _ways(end: End, direction: Direction) -> Sequence[Path | None]:
    if end.place is None:
        return (None,)
    is_unfiltered = direction is Direction.INBOUND and not end.place.enforces_on_endpoints and _only_endpoints(end)
    return (None,) if is_unfiltered else tuple(end.place.paths(direction))


def _only_endpoints(end: End) -> bool:
    """Whether all that can answer at this end are private endpoints: groups do not filter those unless told to."""
    if end.place is None or end.is_endpoint:
        return end.is_endpoint
    here = [one for one in end.place.interfaces if intersection(one.addresses, end.addresses)]
    held = union(*(one.addresses for one in here)) if here else ()
    return bool(held) and all(one.is_endpoint for one in here)


def matrix(context: Context, places: Places, *, port: int | None = None, protocol: str = "*") -> tuple[Reach, ...]:
    """Return who reaches whom: every ordered pair of subnets, and each subnet with the Internet both ways, by name."""
    subnets = [places.at(one) for one in context.estate.of_type(_SUBNETS)]
    counts: dict[str, int] = {}
    for place in subnets:
        counts[place.subnet.name.lower()] = counts.get(place.subnet.name.lower(), 0) + 1
    ends = [End(_label(place, counts), place.prefixes, place) for place in subnets]
    ends.sort(key=lambda end: end.name.lower())
    ends.append(End(INTERNET, addresses.PUBLIC))
    pairs = ((one, other) for one, other in product(ends, ends) if one is not other)
    return tuple(ask(context, one, other, port=port, protocol=protocol) for one, other in pairs)


def _label(place: Place, counts: dict[str, int]) -> str:
    """Return the subnet's name, with its network's where two share it."""
    name = place.subnet.name
    return name if counts[name.lower()] == 1 else f"{ids.name_of(ids.parent_of(place.subnet.id) or '')}/{name}"
