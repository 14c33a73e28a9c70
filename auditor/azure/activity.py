"""Take out of entries of the activity log who wrote or deleted what, and when.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.azure.regenerations import SPELLINGS, first_text

_CALLER: Final = ("caller", "Caller")
_DONE: Final = frozenset({"", "succeeded", "success"})
DELETION: Final = "/delete"
_CHANGING: Final = ("/write", DELETION)


def write(entry: Mapping[str, object]) -> dict[str, object] | None:
    """Return what an entry tells of a resource that somebody wrote or deleted; None for every other entry.

    A request leaves several entries: that it began, was accepted, and how it ended. Only one that succeeded changed anything.
    """
    kept: dict[str, object] = {
        name: first_text(entry, SPELLINGS[name]) for name in ("operationName", "eventTimestamp", "resourceId")
    }
    kept["caller"] = first_text(entry, _CALLER)
    is_change = str(kept["operationName"] or "").lower().endswith(_CHANGING)
    is_done = (first_text(entry, SPELLINGS["status"]) or "").lower() in _DONE
    return kept if is_change and is_done and all(kept.values()) else None
