"""Tell which components of the architecture exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact
from auditor.analysis.inventory.component import ComponentPresence, component_fact, missing_architecture
from auditor.analysis.inventory.profile import DevelopmentProfile, profile_fact
from auditor.analysis.inventory.reference import NamedResources, reference_facts
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
    yield from reference_facts(context)


ANALYSIS: Final = Analysis(
    name="inventory",
    kinds=(ComponentPresence, DevelopmentProfile, SubnetUse, NamedResources),
    run=derive_facts,
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
