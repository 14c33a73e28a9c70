"""Decide whether one end reaches another: over the routes between them, through the filters of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.architecture.workloads import Workload, Workloads
from auditor.azure.ranges import intersection
from auditor.errors import InputError
from auditor.network.describe import AddressNames, Sentence
from auditor.network.endpoints import Endpoint, Location, find
from auditor.network.forwarding import Forwarding, Hop, Path, Via
from auditor.network.search import Search
from auditor.network.security_rules import WITH_PORTS, Match
from auditor.network.trace import DecidingRule
from auditor.network.verdicts import TrafficVerdict
from auditor.network.ways import PacketWay, Ways, ways_between
from auditor.network.ways_out import DoorOut
from auditor.network.witness import Packet
from auditor.truth import Truth, all_of, any_of

_CONNECTIONS: Final = Match(protocols=WITH_PORTS)
_INSPECTORS: Final = frozenset({Via.FIREWALL, Via.APPLIANCE})


class Connection(Struct, frozen=True):
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


def connect(forwarding: Forwarding, source: Endpoint, destination: Endpoint, traffic: Match) -> Connection:
    """Return whether some of the traffic gets from one end to the other. Raise InputError where no end is in a subnet."""
    if not source.locations and not destination.locations:
        raise InputError(
            f"neither {source.label} nor {destination.label} is in a subnet of the estate",
            "no rule decides between them",
        )
    ways = ways_between(forwarding, source, destination)
    return _connection(ways, traffic)


class _WayVerdict(Struct, frozen=True):
    """What the filters of one way do with the traffic, and what a pass depends on besides."""

    truth: Truth
    passing: TrafficVerdict
    denied: TrafficVerdict
    doubts: tuple[str, ...]
    path: Path


def _ask(way: PacketWay, traffic: Match) -> _WayVerdict:
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


def _can_be(way: PacketWay, traffic: Match) -> bool:
    ports = intersection(traffic.destination_ports, way.limit.destination_ports)
    return bool(traffic.protocols & way.limit.protocols and ports)


def _connection(ways: Ways, traffic: Match) -> Connection:
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


def _entry(ways: Ways, traffic: Match, truth: Truth) -> tuple[Truth | None, tuple[Hop, ...]]:
    """Return whether something leads in what comes from the Internet and is let in, and the first hops of what does."""
    if not ways.entered or truth is Truth.NO:
        return None, ()
    asked = [_ask(way, traffic) for way in ways.entering if _can_be(way, traffic)]
    leading = [verdict for verdict in asked if verdict.truth is not Truth.NO]
    entered = any_of(tuple(verdict.truth for verdict in leading)) if leading else Truth.NO
    hops = (hop for verdict in leading if verdict.truth is entered for hop in verdict.path.hops[:1])
    return entered, tuple(dict.fromkeys(hops))


def _not_entered(ways: Ways, entered: Truth | None) -> Iterator[str]:
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


class Cell(Struct, frozen=True):
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
