"""Read the user-defined routes of a subnet, and find which of several routes packets take: the one of the longest prefix."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection, is_within, normal, union
from auditor.estate.graph import Estate
from auditor.estate.network_relations import ROUTE_TABLES
from auditor.model import Gap, Resource

ROUTES: Final = "microsoft.network/routetables/routes"
T = TypeVar("T")


class Rank(IntEnum):
    """Which of two routes with the same prefix wins: the lower one.

    https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview#how-azure-selects-a-route
    """

    SERVICE_ENDPOINT = 0
    USER = 1
    SYSTEM = 2


class UserRoute(Struct, frozen=True):
    """A user-defined route. `hop` is its next hop's type in lower case, `address` the next hop's address if stated.

    `numbers` is None for a service tag without published prefixes, and for what is no prefix. `is_default`: it holds for
    everything that no longer route holds for, alone or in pieces with others.
    """

    resource: Resource
    prefix: str
    numbers: Ranges | None
    hop: str
    address: str
    is_default: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its prefix is all of IPv4 or IPv6, by which Azure takes back its own routes for private space."""
        return self.numbers in (addresses.IPV4, addresses.IPV6)


def route_table(estate: Estate, subnet: Resource) -> str | None:
    """Return the key of a subnet's route table: the one that it states, else one that says that it is attached here."""
    stated = body.sub_resource(subnet.body, "properties.routeTable")
    attached = (key for key in estate.sources(subnet.key, "attached") if is_of_type(key, ROUTE_TABLES))
    return stated or next(attached, None)


def user_routes(estate: Estate, tags: Mapping[str, Ranges], subnet: Resource) -> tuple[UserRoute, ...] | Gap:
    """Return the user-defined routes of a subnet, or why they are not known."""
    if gap := estate.gap_at(subnet.key, "properties.routeTable"):
        return gap
    table = route_table(estate, subnet)
    if table is None:
        return ()
    if estate.get(table) is None:
        return estate.unseen(table) or Gap(table, ROUTE_TABLES, "the route table is not in the estate")
    gap = estate.gap_at(table, "properties.routes") or estate.type_gap(ROUTES, table)
    return gap or _with_defaults([_read(route, tags) for route in estate.children(table, ROUTES)])


def _with_defaults(routes: Sequence[UserRoute]) -> tuple[UserRoute, ...]:
    """Return routes with those marked that hold for the whole Internet: the Internet in pieces is the Internet."""
    marked: set[int] = set()
    for family in (addresses.IPV4, addresses.IPV6):
        own = [route for route in routes if intersection(route.numbers or (), family)]
        wide = [route for route in own if route.is_whole] or [
            route for route in own if addresses.is_broad(route.numbers or ())
        ]
        covered = union((), *(route.numbers or () for route in wide))
        if wide and is_within(intersection(family, addresses.PUBLIC), covered):
            marked |= {id(route) for route in wide}
    return tuple(replace(route, is_default=id(route) in marked) for route in routes)


def _read(route: Resource, tags: Mapping[str, Ranges]) -> UserRoute:
    prefix = body.text(route.properties, "addressPrefix") or ""
    return UserRoute(
        resource=route,
        prefix=prefix,
        numbers=addresses.parse(prefix) or tags.get(prefix.lower()) or None,
        hop=(body.text(route.properties, "nextHopType") or "not known").lower(),
        address=body.text(route.properties, "nextHopIpAddress") or "",
    )


def is_of_type(key: str, resource_type: str) -> bool:
    """Whether a key is of a type, given in lower case."""
    return (ids.type_of(key) or "").lower() == resource_type


class Claim(Struct, Generic[T], frozen=True):
    """Addresses that a route holds for, each by the prefix that it stands in, and where the route leads."""

    numbers: Ranges
    rank: Rank
    leads: T


class RoutingTable(Generic[T]):
    """The routes of a subnet by address: of those that hold for an address, the one with the longest prefix."""

    def __init__(self, claims: Iterable[Claim[T]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._leads: list[T] = []
        for start, end, leads in _longest(claims):
            self._starts.append(start)
            self._ends.append(end)
            self._leads.append(leads)

    @property
    def leads(self) -> Sequence[T]:
        """Return where the routes lead, some more than once."""
        return self._leads

    def of(self, numbers: Ranges) -> Sequence[tuple[Ranges, T]]:
        """Return the parts of some addresses by where they are led, what no route holds for left out."""
        parts: dict[int, tuple[list[tuple[int, int]], T]] = {}
        for start, end in numbers:
            place = max(bisect_right(self._starts, start) - 1, 0)
            while place < len(self._starts) and self._starts[place] < end:
                low, high = max(start, self._starts[place]), min(end, self._ends[place])
                if low < high:
                    leads = self._leads[place]
                    parts.setdefault(id(leads), ([], leads))[0].append((low, high))
                place += 1
        return [(normal(pieces), leads) for pieces, leads in parts.values()]


def _longest(claims: Iterable[Claim[T]]) -> Iterator[tuple[int, int, T]]:
    """Yield disjoint spans with their winners. Prefixes are nested or apart, so that the open ones are a stack."""
    spans = [
        (low, -high, -claim.rank, place, claim.leads)
        for place, claim in enumerate(claims)
        for low, high in addresses.blocks(claim.numbers)
    ]
    spans.sort(key=lambda span: span[:4])
    open_spans: list[tuple[int, T]] = []
    at = 0
    for low, minus_high, _, _, leads in spans:
        while open_spans and open_spans[-1][0] <= low:
            end, winner = open_spans.pop()
            if at < end:
                yield at, end, winner
                at = end
        if open_spans and at < low:
            yield at, low, open_spans[-1][1]
        at = max(at, low) if open_spans else low
        open_spans.append((-minus_high, leads))
    while open_spans:
        end, winner = open_spans.pop()
        if at < end:
            yield at, end, winner
            at = end
