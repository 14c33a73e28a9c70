"""Derive whether services have the private endpoints and names that the baseline asks for."""

from auditor.analysis.private_link.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
