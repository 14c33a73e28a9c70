"""Find every way from the Internet into an estate."""

from auditor.analysis.exposure.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
