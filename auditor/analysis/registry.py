"""List the analyses that there are, by name and by the kinds of facts they yield."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.analysis import inventory
from auditor.analysis.contract import Analysis

ANALYSES: Final[tuple[Analysis, ...]] = (inventory.ANALYSIS,)


def kinds() -> Mapping[str, Analysis]:
    """Return which analysis yields each kind of fact."""
    return {kind: analysis for analysis in ANALYSES for kind in analysis.facts}
