"""Lay out who reaches whom: every ordered pair of a workload's subnets, and the Internet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis.network.expected import RowBinder
from auditor.architecture.workloads import Workload
from auditor.errors import InputError
from auditor.network.endpoints import Endpoint, Location, find
from auditor.network.reachability import Connection, connect
from auditor.network.security_rules import WITH_PORTS, Match
from auditor.network.subnets import Subnets

_CONNECTIONS: Final = Match(protocols=WITH_PORTS)


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether TCP or UDP gets from one end to the other; a role is empty for the Internet."""

    workload: str
    source: str
    source_role: str
    destination: str
    destination_role: str
    connection: Connection


def matrix(places: Subnets, workload: Workload) -> Iterator[Cell]:
    """Yield a cell for each ordered pair of ends: the subnets of the workload by role, then the Internet."""
    ends = [("", find(places, "Internet"))]
    for role in RowBinder(places.context, places, workload).roles():
        for subnet in workload.resources(role):
            place = places.at(subnet)
            ends.append((role, Endpoint(subnet.name, (Location(place, place.prefixes),))))
    for source_role, source in [*ends[1:], ends[0]]:
        for role, destination in [*ends[1:], ends[0]]:
            if _is_other(source, destination):
                found = connect(places, source, destination, _CONNECTIONS)
                yield Cell(workload.name, source.label, source_role, destination.label, role, found)


def _is_other(one: Endpoint, other: Endpoint) -> bool:
    return {spot.place.subnet.key for spot in one.spots} != {spot.place.subnet.key for spot in other.spots}


def workloads_named(places: Subnets, name: str | None) -> Sequence[Workload]:
    """Return the workload of a name (any case), or all of them. Raise InputError where there is none."""
    known = places.context.workloads.all
    found = [one for one in known if name is None or one.name.lower() == name.lower()]
    if not found and name is not None:
        raise InputError(f"there is no workload '{name}'", f"known: {', '.join(one.name for one in known) or 'none'}")
    if not found:
        raise InputError("the estate holds no workload of the baseline", "ask about its subnets with: network query")
    return found
