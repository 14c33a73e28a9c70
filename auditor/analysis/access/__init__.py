"""Who may do what, decided exactly on sets of permissions at scopes."""

from auditor.analysis.access.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
