"""Derive which outbound rules of a workspace's managed network are needed, present and in effect."""

from auditor.analysis.managed_network.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
