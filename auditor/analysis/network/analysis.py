"""The analysis of networks: subnets against the traffic table, idle rules, guarded ports, flows between tiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.network import application_group, flow, idle_rule, port, subnet_traffic
from auditor.analysis.network.expected import TABLE
from auditor.model import Fact
from auditor.network.subnets import Subnets


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about networks."""
    places = Subnets(context.estate)
    yield from subnet_traffic.subnet_facts(context, places)
    yield from idle_rule.rule_facts(context, places)
    yield from port.guarded_facts(context, places)
    yield from port.control_plane_facts(context, places)
    yield from flow.flow_facts(context, places)
    yield from application_group.group_facts(context, places)


ANALYSIS: Final = Analysis(
    name="network",
    facts={
        subnet_traffic.KIND: subnet_traffic.FIELDS,
        idle_rule.KIND: idle_rule.FIELDS,
        port.GUARDED: port.GUARDED_FIELDS,
        port.CONTROL_PLANE: port.CONTROL_PLANE_FIELDS,
        flow.KIND: flow.FIELDS,
        application_group.KIND: application_group.FIELDS,
    },
    run=run,
    reads=frozenset(
        {
            "microsoft.network/virtualnetworks",
            "microsoft.network/virtualnetworks/subnets",
            "microsoft.network/virtualnetworks/virtualnetworkpeerings",
            "microsoft.network/networksecuritygroups",
            "microsoft.network/networksecuritygroups/securityrules",
            "microsoft.network/networkinterfaces",
            "microsoft.network/routetables",
            "microsoft.network/routetables/routes",
            "microsoft.network/applicationsecuritygroups",
            "microsoft.network/applicationgateways",
            "microsoft.network/privateendpoints",
            "microsoft.network/networkmanagers",
            "microsoft.network/servicetags",
            "microsoft.web/sites",
            "microsoft.web/sites/config",
        }
    ),
    parameters=frozenset({"chat_ui_source_prefixes", "jumpbox_egress_allow", "agents_egress_allow"}),
    tables=frozenset({TABLE}),
)
