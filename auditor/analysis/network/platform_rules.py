"""Facts about subnets of platform services: whether their groups let through what the services need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.network.decided import StoppedTraffic, stopped, witness_of
from auditor.analysis.network.expected import roles_of
from auditor.architecture.workloads import may_have_any
from auditor.estate.network_relations import SUBNETS
from auditor.model import Gap
from auditor.network.describe import AddressNames
from auditor.network.platform_subnets import Demand, demands
from auditor.network.search import Search
from auditor.network.security_rules import Direction
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, joined
from auditor.truth import Truth


@fact("network.platform-rules", subject="the subnet")
class PlatformRules(Fact, frozen=True, kw_only=True):
    """Whether a subnet's group lets through what a platform service in it does not work without."""

    platform: str
    """the service: `Azure Bastion`, `Application Gateway v2`, `API Management`, …"""
    subnet: str
    """the subnet's name"""
    group: str | None
    """the name of its network security group; absent without one"""
    planned: Known[bool]
    """whether the subnet plays a role in the table of traffic, where the same traffic is asked for"""
    complete: Known[bool]
    """whether all that the service needs is let through"""
    lacking: Known[tuple[StoppedTraffic, ...]]
    """what is stopped of it"""
    unmet: Hidden[Sequence[TrafficVerdict]]

    def sentence(self) -> str:
        """Say what is missing."""
        if isinstance(self.lacking, Gap):
            return f"Whether subnet {self.subnet} lets through what {self.platform} needs is not known ({self.lacking.reason})."
        if self.complete is True:
            return f"Subnet {self.subnet} lets through what {self.platform} needs."
        verb = "stops" if self.complete is False else "may stop"
        missing = joined([f"{row.traffic}, for {row.why}" for row in self.lacking])
        return f"Subnet {self.subnet} {verb} what {self.platform} needs: {missing}."

    def witness(self) -> Mapping[str, object] | None:
        """Return a packet that should pass."""
        return witness_of(self.unmet[:1])


def platform_facts(context: Context, subnets: Subnets) -> Iterator[PlatformRules]:
    """Yield one fact for each service in each subnet that demands rules of its group."""
    roles = roles_of(context.tables)
    open_role = may_have_any(context.estate, context.workloads, None, roles)
    for subnet in context.estate.of_type(SUBNETS):
        required = [demand for demand in demands(context.estate, subnet) if demand.rule.is_required]
        for platform, asked in groupby(required, key=lambda demand: demand.platform):
            planned = context.workloads.role_of(subnet.key)[1] in roles or open_role or False
            yield _fact(context, subnets.at(subnet), platform, list(asked), planned)


def _fact(
    context: Context, filters: SubnetFilters, platform: str, asked: Sequence[Demand], planned: Known[bool]
) -> PlatformRules:
    gap = filters.gap
    verdicts = [] if gap or filters.group is None else _unmet(filters, asked)
    lost = [(demand, verdict) for demand, verdict in verdicts if verdict.truth is not Truth.NO]
    certain = [verdict for _, verdict in lost if verdict.truth is Truth.YES]
    doubt = next((found for _, verdict in lost if (found := verdict.gap(filters.subnet.id))), None)
    return PlatformRules(
        about=facts.about(context, filters.subnet.id, sub_object=platform, inputs=filters.inputs),
        platform=platform,
        subnet=filters.subnet.name,
        group=filters.group.name if filters.group else None,
        planned=planned,
        complete=gap or (False if certain else doubt or True),
        lacking=gap or tuple(line for demand, verdict in lost for line in stopped(verdict.lines, demand.rule.why)),
        unmet=certain,
    )


def _unmet(filters: SubnetFilters, asked: Sequence[Demand]) -> list[tuple[Demand, TrafficVerdict]]:
    """Return what the subnet's group stops of each demand."""
    by_way = {
        way: Search(filters.own_chain(way), [demand.match for demand in asked if demand.direction == way])
        for way in sorted({Direction(demand.direction) for demand in asked})
    }
    names = AddressNames(here=filters.prefixes)
    return [
        (demand, TrafficVerdict((by_way[Direction(demand.direction)].unmet([demand.match]),), names))
        for demand in asked
    ]
