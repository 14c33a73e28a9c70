"""The analysis of networks: subnets against the traffic table, idle rules, guarded ports, flows between tiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact
from auditor.analysis.network.application_group import ApplicationGroupUse, group_facts
from auditor.analysis.network.expected import TABLE, roles_of
from auditor.analysis.network.flow import Flow, flow_facts
from auditor.analysis.network.idle_rule import RuleUse, rule_facts, unread_groups
from auditor.analysis.network.peering import PARAMETER as PEERED_NETWORKS
from auditor.analysis.network.peering import NetworkPeering, peering_facts
from auditor.analysis.network.platform_rules import PlatformRules, platform_facts
from auditor.analysis.network.port import ControlPlanePorts, GuardedPorts, control_plane_facts, guarded_facts
from auditor.analysis.network.rule_effects import EffectsAtSubnets
from auditor.analysis.network.subnet_traffic import SubnetTraffic, subnet_facts
from auditor.analysis.network.way_out import WayOut, way_out_facts
from auditor.architecture import capabilities
from auditor.architecture.workloads import may_have_any
from auditor.estate.lookup import INTERFACES, NETWORKS, PEERINGS, PRIVATE_ENDPOINTS
from auditor.estate.network_relations import (
    FIREWALLS,
    GATEWAYS,
    LOAD_BALANCERS,
    MACHINES,
    NAT_GATEWAYS,
    PUBLIC_ADDRESSES,
    ROUTE_TABLES,
    SCALE_SETS,
    SECURITY_GROUPS,
    SUBNETS,
)
from auditor.estate.service_relations import SITE_CONFIGS, SITES, SLOT_CONFIGS
from auditor.network.firewall import IP_GROUPS, POLICIES, RULE_GROUPS
from auditor.network.membership import APPLICATION_SECURITY_GROUPS
from auditor.network.routes import ROUTES
from auditor.network.subnets import NETWORK_MANAGERS, SECURITY_RULES, Subnets
from auditor.network.virtual_networks import SERVICE_TAGS


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about networks."""
    subnets, effects = context.estate.once(Subnets), EffectsAtSubnets()
    yield from subnet_facts(context, subnets, effects)
    yield from rule_facts(context, subnets, effects)
    yield from platform_facts(context, subnets)
    yield from guarded_facts(context, subnets)
    yield from control_plane_facts(context, subnets)
    yield from flow_facts(context, subnets)
    yield from group_facts(context, subnets)
    yield from way_out_facts(context, subnets)
    yield from peering_facts(context, subnets)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield which groups name subnets that were not read; and why a subnet may play a role that none is known to play.

    The latter at each network of a workload, else at its anchor.
    """
    yield from unread_groups(context)
    for workload in context.workloads.all:
        gap = may_have_any(context.estate, context.workloads, workload, roles_of(context.tables))
        for place in workload.giving(capabilities.NETWORK) or [workload.anchor]:
            if gap is None:
                break
            placed = replace(gap, scope=place.id)
            yield from (Unlisted(kind.fact_kind, placed) for kind in (SubnetTraffic, Flow))


ANALYSIS: Final = Analysis(
    name="network",
    kinds=(
        SubnetTraffic,
        RuleUse,
        PlatformRules,
        GuardedPorts,
        ControlPlanePorts,
        Flow,
        ApplicationGroupUse,
        WayOut,
        NetworkPeering,
    ),
    run=run,
    reads=frozenset(
        {
            NETWORKS,
            SUBNETS,
            PEERINGS,
            SECURITY_GROUPS,
            SECURITY_RULES,
            INTERFACES,
            ROUTE_TABLES,
            ROUTES,
            NAT_GATEWAYS,
            LOAD_BALANCERS,
            MACHINES,
            SCALE_SETS,
            APPLICATION_SECURITY_GROUPS,
            GATEWAYS,
            PRIVATE_ENDPOINTS,
            NETWORK_MANAGERS,
            SERVICE_TAGS,
            FIREWALLS,
            POLICIES,
            RULE_GROUPS,
            IP_GROUPS,
            PUBLIC_ADDRESSES,
            SITES,
            SITE_CONFIGS,
        }
    ),
    details=frozenset({SLOT_CONFIGS}),
    parameters=frozenset({"chat_ui_source_prefixes", "jumpbox_egress_allow", "agents_egress_allow", PEERED_NETWORKS}),
    tables=frozenset({TABLE}),
    subjects={
        RuleUse.fact_kind: {SECURITY_GROUPS: [{}], SECURITY_RULES: [{}]},
        WayOut.fact_kind: {SUBNETS: [{}]},
        NetworkPeering.fact_kind: {PEERINGS: [{}]},
    },
    unlisted=unlisted,
    is_by_kind=True,
)
