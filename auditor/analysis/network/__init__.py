"""Facts about networks: subnets against the traffic table, idle rules, guarded ports, flows between tiers."""

from auditor.analysis.network.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
