"""What leaves the workload's subnets for the Internet: led through a firewall, and no further than is declared."""

from auditor.analysis.egress.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
