"""Tell what kind of subnet it is: a platform's, whose traffic no group guards, or one in which a service demands rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import intersection
from auditor.azure.reference_data.platform_subnets import DemandedRule, PlatformSubnet, known
from auditor.estate.graph import Estate
from auditor.estate.lookup import INTERFACES
from auditor.estate.network_relations import INSTANCE_INTERFACES, INSTANCES, MACHINES, SCALE_SETS
from auditor.model import Resource
from auditor.network.security_rules import Access, Direction, Match, SecurityRule, Side, parse_match

_MACHINES: Final = frozenset({INTERFACES, INSTANCE_INTERFACES, INSTANCES, MACHINES, SCALE_SETS})


class Demand(Struct, frozen=True):
    """A rule that a service demands in a subnet, as packets."""

    platform: str
    direction: Direction
    match: Match
    rule: DemandedRule

    def asks_for(self, rule: SecurityRule) -> bool:
        """Whether a security rule is one that answers the demand: the same peer, and some of the traffic."""
        if rule.access is not Access.ALLOW or rule.direction is not self.direction or rule.unreadable:
            return False
        is_traffic = rule.match.protocols & self.match.protocols and intersection(
            rule.match.destination_ports, self.match.destination_ports
        )
        side = rule.match.source if self.direction is Direction.INBOUND else rule.match.destination
        return bool(is_traffic) and _names(side, self.rule.peer.lower())


def platforms(estate: Estate, subnet: Resource) -> tuple[PlatformSubnet, ...]:
    """Return the platforms that a subnet belongs to; one whose holder was not read counts."""
    attached = [(key, _kind(key)) for key in estate.sources(subnet.key, "attached")]
    return tuple(platform for platform in known() if _is_of(estate, subnet, attached, platform))


def unguarded(estate: Estate, subnet: Resource) -> str | None:
    """Return the platform because of which no security group decides what comes into a subnet, or None.

    A machine in it, which Azure would refuse there, is guarded all the same.
    """
    if any(_kind(key) in _MACHINES for key in estate.sources(subnet.key, "attached")):
        return None
    found = (one for one in platforms(estate, subnet) if one.refuses_groups or one.takes_nothing_in)
    return next((one.name for one in found), None)


def demands(estate: Estate, subnet: Resource) -> tuple[Demand, ...]:
    """Return the rules that the services in a subnet demand."""
    return tuple(_demand(platform.name, rule) for platform in platforms(estate, subnet) for rule in platform.demands)


@lru_cache(maxsize=256)
def _demand(platform: str, rule: DemandedRule) -> Demand:
    ends = (rule.peer, "*") if rule.is_inbound else ("*", rule.peer)
    match, _ = parse_match(
        {
            "protocol": rule.protocol,
            "sourceAddressPrefix": ends[0],
            "destinationAddressPrefix": ends[1],
            "sourcePortRange": "*",
            "destinationPortRanges": list(rule.ports),
        }
    )
    return Demand(platform, Direction.INBOUND if rule.is_inbound else Direction.OUTBOUND, match, rule)


def _is_of(estate: Estate, subnet: Resource, attached: Sequence[tuple[str, str]], platform: PlatformSubnet) -> bool:
    if platform.subnet is not None:
        return subnet.name.lower() == platform.subnet
    if platform.delegation is not None:
        listed = body.objects(subnet.body, "properties.delegations")
        return any(body.same_text(body.text(one, "properties.serviceName"), platform.delegation) for one in listed)
    return any(_fits(estate.get(key), platform) for key, kind in attached if kind == platform.holds)


def _fits(holder: Resource | None, platform: PlatformSubnet) -> bool:
    if holder is None:
        return True
    if any((body.text(holder.body, path) or "").lower() not in values for path, values in platform.where.items()):
        return False
    fronts = body.objects(holder.body, "properties.frontendIPConfigurations")
    return not platform.needs_public_front or any(
        body.value(front, "properties.publicIPAddress") is not None for front in fronts
    )


def _names(side: Side, peer: str) -> bool:
    """Whether a side of a rule means a peer: its tag or a region of it, or prefixes where the peer is a place."""
    if any(symbol.key == peer or symbol.key.startswith(f"{peer}.") for symbol in side.symbols):
        return True
    if peer == "internet":
        return bool(intersection(side.ranges, addresses.PUBLIC))
    return peer == "virtualnetwork" and bool(side.ranges) and side.ranges != addresses.ANY


def _kind(key: str) -> str:
    return (ids.type_of(key) or "").lower()
