"""The analysis of networks: subnets against the traffic table, idle rules, guarded ports, flows between tiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.network import flow_facts, group_facts, port_facts, rule_facts, subnet_facts
from auditor.analysis.network.places import Places
from auditor.analysis.network.table import TABLE
from auditor.model import Fact


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about networks."""
    places = Places(context)
    yield from subnet_facts.subnet_facts(context, places)
    yield from rule_facts.rule_facts(context, places)
    yield from port_facts.guarded_facts(context, places)
    yield from port_facts.control_plane_facts(context, places)
    yield from flow_facts.flow_facts(context, places)
    yield from group_facts.group_facts(context, places)


ANALYSIS: Final = Analysis(
    name="network",
    facts={
        subnet_facts.KIND: subnet_facts.FIELDS,
        rule_facts.KIND: rule_facts.FIELDS,
        port_facts.GUARDED: port_facts.GUARDED_FIELDS,
        port_facts.CONTROL_PLANE: port_facts.CONTROL_PLANE_FIELDS,
        flow_facts.KIND: flow_facts.FIELDS,
        group_facts.KIND: group_facts.FIELDS,
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
