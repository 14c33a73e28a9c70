"""Read the baseline's table of private endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis.contract import Context
from auditor.azure import body

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
    for entry in body.objects({"rows": body.value(table, "rows") or table}, "rows"):
        kinds = body.value(entry, "kinds")
        found.append(
            EndpointRow(
                service=body.text(entry, "service") or "",
                type=(body.text(entry, "type") or "").lower(),
                kinds=[str(kind or "").lower() for kind in kinds] if isinstance(kinds, list | tuple) else None,
                component=body.text(entry, "component"),
                plan=body.text(entry, "plan"),
                groups=[
                    (body.text(group, "group") or "", [_names(zone) for zone in body.objects(group, "zones")])
                    for group in body.objects(entry, "groups")
                ],
            )
        )
    return found


def _names(zone: Mapping[str, object]) -> Sequence[str]:
    return [name for name in zone.values() if isinstance(name, str)]
