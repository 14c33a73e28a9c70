"""Derive which content filters stand in front of each model deployment."""

from auditor.analysis.content_filter.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
