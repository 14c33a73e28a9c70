"""Tell which components of the architecture exist."""

from auditor.analysis.inventory.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
