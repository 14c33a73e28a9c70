"""Find where user-defined routes lead what leaves a subnet: through an appliance, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, size, union
from auditor.network.subnets import SubnetFilters, Subnets


@dataclass(frozen=True, slots=True)
class RouteOverride:
    """Destinations that a route leads elsewhere. `hop` says where to; `drops`: to nowhere."""

    numbers: Ranges
    label: str
    hop: str
    drops: bool


def route_overrides(places: Subnets, place: SubnetFilters) -> Iterator[RouteOverride]:
    """Yield the routes that take traffic of a subnet off the direct way, each with what no longer prefix claims.

    The longest prefix wins, and a route of one's own before a system route of the same length:
    https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
    """
    table = body.sub_resource(place.subnet.body, "properties.routeTable")
    if table is None:
        return
    estate = places.estate
    if estate.get(table) is None:
        yield RouteOverride(addresses.ANY, "(not collected)", "the route table was not collected", drops=False)
        return
    found: list[tuple[int, bool, Ranges, RouteOverride | None]] = [
        (size(piece), True, piece, None)
        for piece in ((span,) for span in union(place.surroundings.space, place.surroundings.peers))
    ]
    for key in estate.targets(table, "contains"):
        route = estate.get(key)
        if route is None or not route.type_key.endswith("/routes"):
            continue
        hop = body.text(route.body, "properties.nextHopType") or "not known"
        text = body.text(route.body, "properties.addressPrefix") or ""
        exact = addresses.parse(text) or places.networks.tags.get(text.lower())
        numbers = exact or addresses.PUBLIC  # a tag without data: some of it, so that nothing is dropped for certain
        address = body.text(route.body, "properties.nextHopIpAddress") or ""
        is_direct = hop.lower() in {"internet", "vnetlocal"}
        detour = RouteOverride(
            numbers, route.name, f"{hop} {address}".strip(), exact is not None and hop.lower() == "none"
        )
        found.append((size(numbers), False, numbers, None if is_direct else detour))
    claimed: Ranges = ()
    for _, _, numbers, way in sorted(found, key=lambda one: (one[0], one[1], one[2])):
        own = difference(numbers, claimed)
        claimed = union(claimed, numbers)
        if way is not None and own:
            yield RouteOverride(own, way.label, way.hop, way.drops)
