"""Tell whether the routes of a subnet lead all that leaves through a firewall that runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.egress.expected import led_subnets
from auditor.analysis.fact import Fact, Known, fact, given
from auditor.architecture.follow import provisioning_state
from auditor.architecture.workloads import Workload
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, union
from auditor.estate.network_relations import FIREWALLS
from auditor.model import Gap, Resource
from auditor.network.next_hops import NextHop, NextHops
from auditor.network.routes import UserRoute, route_table, user_routes

_APPLIANCE: Final = "virtualappliance"
_PAST: Final = frozenset({"internet", _APPLIANCE, "virtualnetworkgateway"})
_PRIVATE: Final = union(addresses.RFC_1918, addresses.SHARED)
_SPELLED: Final = {"internet": "the Internet", "none": "nowhere", "virtualnetworkgateway": "a network gateway"}


@fact("network.egress", subject="the subnet")
class ForcedEgress(Fact, frozen=True, kw_only=True):
    """Whether what leaves a subnet for the Internet is led through a firewall."""

    grounds: ClassVar = {"forced": "past"}
    role: str
    """the component that the subnet is"""
    name: str
    """its name"""
    firewall: str | None
    """id of the firewall that the default route leads to"""
    fault: Known[str]
    """why the default route does not lead to a firewall that runs; empty where it does"""
    past: Known[tuple[str, ...]]
    """routes and service endpoints by which something leaves past the firewall"""
    forced: Known[bool]
    """whether all that leaves goes through the firewall"""

    def sentence(self) -> str:
        """Say where the routes of the subnet lead."""
        if isinstance(self.fault, Gap) or isinstance(self.past, Gap):
            return f"Whether what leaves subnet {self.name} goes through a firewall is not known."
        if self.fault:
            return f"What leaves subnet {self.name} does not go through the firewall: {self.fault}."
        if self.past:
            return f"Of what leaves subnet {self.name} some goes past the firewall: {facts.listed(self.past, 5)}."
        return f"What leaves subnet {self.name} goes through {ids.name_of(self.firewall or '')}."


def route_facts(context: Context, hops: NextHops) -> Iterator[ForcedEgress]:
    """Yield one fact for each subnet that the table leads through a firewall."""
    for workload, row, subnet in led_subnets(context):
        yield _fact(context, hops, (workload, row.role), subnet)


def _fact(context: Context, hops: NextHops, role: tuple[Workload, str], subnet: Resource) -> ForcedEgress:
    estate = context.estate
    routes = user_routes(estate, hops.networks.tags, subnet)
    hop = routes if isinstance(routes, Gap) else firewall_of(context, hops, subnet, routes)
    fault = _fault(hop) if route_table(estate, subnet) else "it has no route table"
    firewall = hop.resource if isinstance(hop, NextHop) else None
    past = given(routes, lambda known: tuple(_past(hops, subnet, known, hop)))
    return ForcedEgress(
        about=facts.about(
            context,
            subnet.id,
            role=(role[0].name, role[1]),
            inputs=[
                (subnet.id, "properties.routeTable"),
                *((route.resource.id, "properties") for route in (() if isinstance(routes, Gap) else routes)),
            ],
        ),
        role=role[1],
        name=subnet.name,
        firewall=firewall.id if firewall is not None and firewall.type_key == FIREWALLS else None,
        fault=fault,
        past=past,
        forced=given(fault, lambda text: False if text else given(past, lambda listed: not listed)),
    )


def defaults(routes: Sequence[UserRoute]) -> Sequence[UserRoute]:
    """Return the routes that hold for all of IPv4 that no longer route holds for: one, else the pieces of it."""
    whole = [route for route in routes if route.numbers == addresses.IPV4]
    return whole or [route for route in routes if route.is_default and _ipv4(route.numbers or ())]


def firewall_of(context: Context, hops: NextHops, subnet: Resource, routes: Sequence[UserRoute]) -> NextHop | str | Gap:
    """Return what a subnet's default route leads to, why that is nothing of the kind, or why it is not known."""
    default = next(iter(defaults(routes)), None)
    if default is None:
        return "there is no default route"
    if len({(route.hop, route.address) for route in defaults(routes)}) > 1:
        return f"the routes that are its default route together lead to several next hops ({_listed(defaults(routes))})"
    if default.hop != _APPLIANCE:
        return f"its default route leads to {_SPELLED.get(default.hop, default.hop)}"
    network = ids.parent_of(subnet.key) or ""
    found = hops.at(network, _addresses(subnet), default.address)
    if found is not None:
        return found
    if gap := context.estate.type_gap(FIREWALLS):
        return gap
    return f"its next hop {default.address or 'without an address'} is no address that anything has there"


def _fault(hop: NextHop | str | Gap) -> Known[str]:
    if isinstance(hop, Gap | str):
        return hop
    name, state = hop.resource.name, provisioning_state(hop.resource)
    if not hop.is_firewall:
        return f"its default route leads to {name}, which is no firewall"
    return f"the firewall {name} does not run: its state is {state}" if state and state.lower() != "succeeded" else ""


def _past(hops: NextHops, subnet: Resource, routes: Sequence[UserRoute], hop: NextHop | str | Gap) -> Iterator[str]:
    """Yield what leads some public addresses elsewhere than the default route does."""
    through = {route.address for route in defaults(routes)} if isinstance(hop, NextHop) else set()
    own = union(_PRIVATE, hops.networks.space(ids.parent_of(subnet.key) or ""))
    for route in routes:
        if route.hop not in _PAST or route.numbers == addresses.IPV4 or route.address in through:
            continue
        if route.numbers is None or difference(_ipv4(route.numbers), own):
            yield f"{route.prefix} to {route.address or _SPELLED.get(route.hop, route.hop)} ({route.resource.name})"
    for entry in body.objects(subnet.properties, "serviceEndpoints"):
        yield f"{body.text(entry, 'service') or 'a service'} by a service endpoint"


def _listed(routes: Sequence[UserRoute]) -> str:
    return ", ".join(f"{route.prefix} to {route.address or _SPELLED.get(route.hop, route.hop)}" for route in routes)


def _ipv4(numbers: Ranges) -> Ranges:
    return difference(numbers, addresses.IPV6)


def _addresses(subnet: Resource) -> Ranges:
    return addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
