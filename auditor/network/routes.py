"""Find where user-defined routes lead what leaves a subnet: through an appliance, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, size, union
from auditor.model import Resource
from auditor.network.subnets import SubnetFilters, Subnets


@dataclass(frozen=True, slots=True)
class RouteOverride:
    """Destinations that a route leads elsewhere. `hop` says where to; `drops`: to nowhere."""

    numbers: Ranges
    label: str
    hop: str
    drops: bool


def route_overrides(subnets: Subnets, filters: SubnetFilters) -> Iterator[RouteOverride]:
    """Yield the routes that take traffic of a subnet off the direct way, each with what no longer prefix claims.

    The longest prefix wins, and a route of one's own before a system route of the same length:
    https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
    """
    table = body.sub_resource(filters.subnet.body, "properties.routeTable")
    if table is None:
        return
    estate = subnets.estate
    if estate.get(table) is None:
        yield RouteOverride(addresses.ANY, "(not collected)", "the route table was not collected", drops=False)
        return
    claims: list[tuple[int, bool, Ranges, RouteOverride | None]] = [
        (size(piece), True, piece, None)
        for piece in ((span,) for span in union(filters.surroundings.space, filters.surroundings.peers))
    ]
    for key in estate.targets(table, "contains"):
        route = estate.get(key)
        if route is not None and route.type_key.endswith("/routes"):
            override = _override(subnets, route)
            is_direct = override.hop.lower().split(" ")[0] in {"internet", "vnetlocal"}
            claims.append((size(override.numbers), False, override.numbers, None if is_direct else override))
    claimed: Ranges = ()
    for _, _, numbers, claim in sorted(claims, key=lambda claim: claim[:3]):
        own = difference(numbers, claimed)
        claimed = union(claimed, numbers)
        if claim is not None and own:
            yield replace(claim, numbers=own)


def _override(subnets: Subnets, route: Resource) -> RouteOverride:
    hop = body.text(route.body, "properties.nextHopType") or "not known"
    address = body.text(route.body, "properties.nextHopIpAddress") or ""
    text = body.text(route.body, "properties.addressPrefix") or ""
    exact = addresses.parse(text) or subnets.networks.tags.get(text.lower())
    return RouteOverride(
        numbers=exact or addresses.PUBLIC,  # a tag without data: some of it, so that nothing is dropped for certain
        label=route.name,
        hop=f"{hop} {address}".strip(),
        drops=exact is not None and hop.lower() == "none",
    )
