"""Read the baseline's table of private endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis.contract import Context
from auditor.azure import values

TABLE: Final = "private-endpoints"


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One kind of service that needs an endpoint; `groups` pairs a group id with the accepted names of each zone."""

    service: str
    type: str
    kinds: Sequence[str] | None
    component: str | None
    plan: str | None
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]]


def rows_of(context: Context) -> Sequence[EndpointRow]:
    """Return the rows of the baseline's table of private endpoints."""
    table = context.tables.get(TABLE)
    found = []
    for _, body in values.members({"rows": values.value(table, "rows") or table}, "rows"):
        kinds = values.value(body, "kinds")
        found.append(
            EndpointRow(
                service=values.text(body, "service") or "",
                type=(values.text(body, "type") or "").lower(),
                kinds=[str(kind or "").lower() for kind in kinds] if isinstance(kinds, list | tuple) else None,
                component=values.text(body, "component"),
                plan=values.text(body, "plan"),
                groups=[
                    (values.text(group, "group") or "", [_names(zone) for _, zone in values.members(group, "zones")])
                    for _, group in values.members(body, "groups")
                ],
            )
        )
    return found


def _names(zone: Mapping[str, object]) -> Sequence[str]:
    return [name for name in zone.values() if isinstance(name, str)]
