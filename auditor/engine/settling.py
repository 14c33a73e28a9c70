"""Say what would settle a gap: a permission, a command, or a word on the export."""

from __future__ import annotations

from typing import Final

from auditor import resource_id as ids
from auditor.estate.graph import NOT_IN_EXPORT, OUTSIDE
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

OPEN_EXPORT: Final = Gap("/", ANY_TYPE, "the export does not say that it is complete")
"""The gap that every export has that could have left anything out."""


def settled_by(gap: Gap, *, is_declared: bool) -> str:
    """Return a phrase that says what to do about a gap; `is_declared` where the snapshot names it itself."""
    if gap == OPEN_EXPORT:
        return "say --complete if it holds all there is; `auditor collect` reads all there is"
    if gap.reason == NOT_IN_EXPORT:
        needs = f" with {gap.permission}" if gap.permission else ""
        return f"add it to the export, or use `auditor collect`{needs}; say --complete if there is none"
    if gap.reason == OUTSIDE:
        return f"collect it, too: `auditor collect --subscription {ids.subscription_of(gap.scope) or 'ID'}`"
    if gap.permission:
        return f"grant {gap.permission}"
    return _without_permission(gap, is_declared=is_declared)


def _without_permission(gap: Gap, *, is_declared: bool) -> str:
    if gap.what == ANY_TYPE:
        return "export or collect again, to the end"
    if is_declared:
        return "collect it again"
    return "`auditor explain` shows what is not known; what decides it cannot be collected"
