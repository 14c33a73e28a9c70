"""Tell which components of the architecture exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact
from auditor.analysis.inventory.component import ComponentPresence, component_fact, missing_architecture
from auditor.analysis.inventory.profile import DevelopmentProfile, profile_fact
from auditor.analysis.inventory.reference import NamedResources, reference_facts
from auditor.analysis.inventory.subnets import SubnetUse, subnet_facts
from auditor.azure.catalogue import shipped
from auditor.estate.lookup import INTERFACES, NETWORKS, PRIVATE_ENDPOINTS
from auditor.estate.navigation import NAMING_OTHERS, PLANS
from auditor.estate.network_relations import GATEWAYS, PUBLIC_ADDRESSES, SUBNETS
from auditor.estate.service_relations import DIAGNOSTIC_SETTINGS
from auditor.rbac.principals import bound


def derive_facts(context: Context) -> Iterator[Fact]:
    """Yield the facts of every workload, or the one fact that there is none."""
    if not context.workloads.all:
        yield missing_architecture(context)
    filed: set[tuple[str, str]] = set()
    for workload in context.workloads.all:
        for declaration in context.workloads.declared:
            if not declaration.internal and (declaration.required or workload.resources(declaration.name)):
                yield component_fact(context, workload, declaration, filed)
    for workload in context.workloads.all:
        yield profile_fact(context, workload)
    yield from subnet_facts(context)
    yield from reference_facts(context)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield what facts there may be besides: on settings of parts of a workload, and on parts that were named only."""
    yield from _unseen_settings(context)
    yield from _unseen_parts(context)


def _unseen_settings(context: Context) -> Iterator[Unlisted]:
    """Yield, at each part of a workload, why it may have diagnostic settings that were not seen and name others."""
    for resource in {one.key: one for workload in context.workloads.all for _, one in bound(workload)}.values():
        known = context.estate.catalogue.get(resource.type)
        gap = context.estate.type_gap(DIAGNOSTIC_SETTINGS, resource.key) if known and known.has_diagnostics else None
        if gap is not None:
            yield Unlisted(NamedResources.fact_kind, replace(gap, scope=resource.id))


def _unseen_parts(context: Context) -> Iterator[Unlisted]:
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


def _logged(_: Mapping[str, object], components: Collection[str]) -> Collection[str]:
    """Return the types of parts of a workload that may have diagnostic settings, and of what lies below such parts."""
    diagnosed = [kind for kind in shipped() if kind.has_diagnostics]
    return {kind.key for kind in diagnosed if any(f"{kind.key}/".startswith(f"{name}/") for name in components)}


ANALYSIS: Final = Analysis(
    name="inventory",
    kinds=(ComponentPresence, DevelopmentProfile, SubnetUse, NamedResources),
    run=derive_facts,
    subjects={
        SubnetUse.fact_kind: {SUBNETS: [{}]},
        NamedResources.fact_kind: {kind: [{}] for kind in sorted(NAMING_OTHERS - {DIAGNOSTIC_SETTINGS})},
    },
    unlisted=unlisted,
    details=NAMING_OTHERS,
    logged=_logged,
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
    is_by_kind=True,
)
