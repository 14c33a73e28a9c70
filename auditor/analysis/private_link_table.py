"""Read the baseline's table of private endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis import arm
from auditor.analysis.contract import Context

TABLE: Final = "private-endpoints"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of service that needs an endpoint; `groups` pairs a group id with the accepted names of each zone."""

    service: str
    type: str
    kinds: Sequence[str] | None
    component: str | None
    plan: str | None
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]]


def rows_of(context: Context) -> Sequence[Row]:
    """Return the rows of the baseline's table of private endpoints."""
    table = context.tables.get(TABLE)
    found = []
    for _, body in arm.members({"rows": arm.value(table, "rows") or table}, "rows"):
        kinds = arm.value(body, "kinds")
        found.append(
            Row(
                service=arm.text(body, "service") or "",
                type=(arm.text(body, "type") or "").lower(),
                kinds=[str(kind or "").lower() for kind in kinds] if isinstance(kinds, list | tuple) else None,
                component=arm.text(body, "component"),
                plan=arm.text(body, "plan"),
                groups=[
                    (arm.text(group, "group") or "", [_names(zone) for _, zone in arm.members(group, "zones")])
                    for _, group in arm.members(body, "groups")
                ],
            )
        )
    return found


def _names(zone: Mapping[str, object]) -> Sequence[str]:
    return [name for name in zone.values() if isinstance(name, str)]
