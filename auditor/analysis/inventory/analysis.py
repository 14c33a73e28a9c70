"""Tell which components of the architecture exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact
from auditor.analysis.inventory.component import ComponentPresence, component_fact, missing_architecture
from auditor.analysis.inventory.profile import DevelopmentProfile, profile_fact
from auditor.analysis.inventory.subnets import SubnetUse, subnet_facts
from auditor.estate.lookup import INTERFACES, NETWORKS, PRIVATE_ENDPOINTS
from auditor.estate.navigation import PLANS
from auditor.estate.network_relations import GATEWAYS, PUBLIC_ADDRESSES, SUBNETS


def derive_facts(context: Context) -> Iterator[Fact]:
    """Yield the facts of every workload, or the one fact that there is none."""
    if not context.workloads.all:
        yield missing_architecture(context)
    filed: set[tuple[str, str]] = set()
    for workload in context.workloads.all:
        for declaration in context.workloads.declared:
            if not declaration.internal and (declaration.required or workload.resources(declaration.name)):
                yield component_fact(context, workload, declaration, filed)
        yield profile_fact(context, workload)
    yield from subnet_facts(context)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield, at the anchor of each workload, which parts that it may do without may be among what was named only."""
    estate = context.estate
    for workload in context.workloads.all:
        for declaration in context.workloads.declared:
            if declaration.internal or declaration.required or workload.resources(declaration.name):
                continue
            named = [gap for kind in declaration.types for gap in (*estate.gaps_in(kind), *estate.named_only(kind))]
            fields = {"component": declaration.name, "required": False}
            for gap in named[:1]:
                yield Unlisted(ComponentPresence.fact_kind, replace(gap, scope=workload.anchor.id), fields)


ANALYSIS: Final = Analysis(
    name="inventory",
    kinds=(ComponentPresence, DevelopmentProfile, SubnetUse),
    run=derive_facts,
    unlisted=unlisted,
    subjects={SubnetUse.fact_kind: {SUBNETS: [{}]}},
    reads=frozenset(
        {
            NETWORKS,
            SUBNETS,
            PRIVATE_ENDPOINTS,
            INTERFACES,
            PUBLIC_ADDRESSES,
            GATEWAYS,
            PLANS,
        }
    ),
)
