"""The analysis of ways out through a firewall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.egress.expected import rows_of
from auditor.analysis.egress.firewall_rules import READS, FirewallEgress, FirewallEntry, firewall_facts
from auditor.analysis.egress.route import ForcedEgress, route_facts
from auditor.analysis.fact import Fact
from auditor.analysis.network.expected import TABLE
from auditor.architecture import capabilities
from auditor.architecture.workloads import may_have
from auditor.estate.network_relations import ROUTE_TABLES, SUBNETS
from auditor.network.firewall import POLICIES
from auditor.network.next_hops import NextHops
from auditor.network.routes import ROUTES
from auditor.network.virtual_networks import SERVICE_TAGS, Networks


def run(context: Context) -> Iterator[Fact]:
    """Yield the facts about routes, then those about firewalls."""
    hops = NextHops(context.estate.once(Networks))
    yield from route_facts(context, hops)
    yield from firewall_facts(context, hops)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield, at the anchor of each workload, why it may have a subnet of the table, or a firewall, that was not seen."""
    for workload in context.workloads.all:
        for row in rows_of(context):
            if gap := may_have(context.estate, context.workloads, workload, row.role):
                yield Unlisted(ForcedEgress.fact_kind, replace(gap, scope=workload.anchor.id), {"role": row.role})
        for component in context.workloads.components_giving(capabilities.WAY_OUT):
            if gap := may_have(context.estate, context.workloads, workload, component):
                yield Unlisted(FirewallEntry.fact_kind, replace(gap, scope=workload.anchor.id))
                yield Unlisted(FirewallEgress.fact_kind, replace(gap, scope=workload.anchor.id))


ANALYSIS: Final = Analysis(
    name="egress",
    kinds=(ForcedEgress, FirewallEgress, FirewallEntry),
    run=run,
    reads=READS | {POLICIES, ROUTE_TABLES, ROUTES, SUBNETS},
    details=frozenset({SERVICE_TAGS}),
    tables=frozenset({TABLE}),
    unlisted=unlisted,
)
