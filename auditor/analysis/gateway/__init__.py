"""Derive what an Application Gateway lets in, and where it sends it."""

from auditor.analysis.gateway.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
