"""Derive how old keys are, whether their copies in vaults still work, and which policies watch them."""

from auditor.analysis.key_rotation.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
