"""Facts about the ways out of a workload's subnets: routes to the Internet, and what stands for no way at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Known, Record, fact, given, record
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap, Resource
from auditor.network import ways_out
from auditor.network.routes import user_routes
from auditor.network.subnets import Subnets
from auditor.network.ways_out import Outbound, Way

_SHOWN: Final = 5


@record
class RouteOut(Record, frozen=True, kw_only=True):
    """A user-defined route whose next hop is the Internet."""

    id: str
    """the route"""
    prefix: str
    """what it holds for"""


@fact("network.way-out", subject="the subnet")
class WayOut(Fact, frozen=True, kw_only=True):
    """How a subnet of a workload gets to the Internet."""

    grounds: ClassVar[Mapping[str, str]] = {"way": "machines"}
    name: str
    """the subnet's name"""
    subnet: str
    """its id"""
    way: Known[Way]
    """how machines in it get out; `implicit` by an address that Azure picks, since nobody chose a way"""
    machines: Known[tuple[str, ...]]
    """the machines and scale sets that get out by the implicit way"""
    broad_routes: Known[tuple[RouteOut, ...]]
    """routes to the Internet for everything, or for so much that anybody's resources may answer, whose packets get there"""
    moot_routes: Known[tuple[RouteOut, ...]]
    """such routes whose packets end in the subnet: nothing in it starts a connection, or no door leads out"""

    def sentence(self) -> str:
        """Say how machines get out, and which routes let everything out."""
        if isinstance(self.way, Gap):
            out = f"How machines in subnet {self.name} get to the Internet is not known: {self.way.reason}"
        elif self.way is Way.IMPLICIT:
            names = [] if isinstance(self.machines, Gap) else [ids.name_of(machine) for machine in self.machines]
            shown = facts.listed(names, _SHOWN)
            out = f"In subnet {self.name} {shown} can reach the Internet by an address that Azure picks"
        else:
            out = f"No machine in subnet {self.name} reaches the Internet by an address that Azure picks ({self.way.value})"
        if not isinstance(self.moot_routes, Gap) and self.moot_routes:
            prefixes = facts.listed([route.prefix for route in self.moot_routes])
            return f"{out}; what its routes send to the Internet ({prefixes}) finds no way out."
        if isinstance(self.broad_routes, Gap) or not self.broad_routes:
            return f"{out}."
        return f"{out}; its routes send {facts.listed([route.prefix for route in self.broad_routes])} to the Internet."


def way_out_facts(context: Context, subnets: Subnets) -> Iterator[WayOut]:
    """Yield one fact for each subnet of the workloads' networks."""
    for workload, network in facts.networks(context):
        for subnet in context.estate.children(network.key, SUBNETS):
            yield _fact(context, subnets, workload, subnet)


def _fact(context: Context, subnets: Subnets, workload: str | None, subnet: Resource) -> WayOut:
    estate = context.estate
    outbound = _outbound(subnets, subnet)
    routes = ways_out.internet_routes(estate, subnets.networks.tags, subnet)
    broad = given(
        routes, lambda listed: tuple(RouteOut(id=one.route.id, prefix=one.prefix) for one in listed if one.is_broad)
    )
    leaves = _leaves(subnets, subnet) if broad else True
    paths = ("defaultOutboundAccess", "natGateway", "routeTable")
    return WayOut(
        about=facts.about(
            context,
            subnet.id,
            role=(workload, context.workloads.role_of(subnet.key)[1]),
            inputs=[(subnet.id, f"properties.{path}") for path in paths],
        ),
        name=subnet.name,
        subnet=subnet.id,
        way=given(outbound, lambda known: known.way),
        machines=given(outbound, lambda known: known.machines),
        broad_routes=given(leaves, lambda is_led: broad if is_led else ()),
        moot_routes=given(leaves, lambda is_led: () if is_led else broad),
    )


def _outbound(subnets: Subnets, subnet: Resource) -> Outbound | Gap:
    """Return how machines in a subnet get out; by Azure's implicit way only where nothing may teach it a route elsewhere."""
    found = ways_out.outbound(subnets.estate, subnet)
    if isinstance(found, Gap) or found.way is not Way.IMPLICIT or subnets.at(subnet).surroundings.gateway is not None:
        return found
    own = user_routes(subnets.estate, subnets.networks.tags, subnet)
    teacher = subnets.networks.default_teacher(ids.parent_of(subnet.key) or "")
    if teacher is None or isinstance(own, Gap) or any(route.is_default for route in own):
        return found
    return Gap(subnet.id, "properties.routeTable", f"{teacher} may teach it a default route")


def _leaves(subnets: Subnets, subnet: Resource) -> Known[bool]:
    """Return whether what routes send from a subnet to the Internet gets there: something starts it, and a door leads out."""
    if subnets.is_endpoint_only(subnets.at(subnet)):
        return False
    doors = ways_out.doors_out(subnets.estate, subnet)
    if any(not door.doubt for door in doors):
        return True
    return Gap(subnet.id, "properties.natGateway", f"not known is {doors[0].doubt}") if doors else False
