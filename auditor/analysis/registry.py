"""List the analyses that there are, by name and by the kinds of facts they yield."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.analysis import (
    access,
    allowlist,
    content_filter,
    diagnostics,
    egress,
    exposure,
    gateway,
    inventory,
    key_rotation,
    managed_network,
    network,
    private_link,
    resilience,
)
from auditor.analysis.contract import Analysis

ANALYSES: Final[tuple[Analysis, ...]] = (
    access.ANALYSIS,
    allowlist.ANALYSIS,
    content_filter.ANALYSIS,
    diagnostics.ANALYSIS,
    egress.ANALYSIS,
    exposure.ANALYSIS,
    gateway.ANALYSIS,
    inventory.ANALYSIS,
    key_rotation.ANALYSIS,
    managed_network.ANALYSIS,
    network.ANALYSIS,
    private_link.ANALYSIS,
    resilience.ANALYSIS,
    # one line per analysis, in the order of their names
)


def kinds() -> Mapping[str, Analysis]:
    """Return which analysis yields each kind of fact."""
    return {kind.fact_kind: analysis for analysis in ANALYSES for kind in analysis.kinds}
