"""Derive how resources are spread over zones, and how many instances stay."""

from auditor.analysis.resilience.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
