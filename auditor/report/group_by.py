"""By what a table puts findings together."""

from __future__ import annotations

from enum import StrEnum


class GroupBy(StrEnum):
    """What findings are put together by."""

    CAUSE = "cause"
    RULE = "rule"
    RESOURCE = "resource"
    SUBSCRIPTION = "subscription"
    WORKLOAD = "workload"
    CONTROL = "control"

    @property
    def noun(self) -> str:
        """Return what one group is called; several have an s."""
        return "change" if self is GroupBy.CAUSE else self.value
