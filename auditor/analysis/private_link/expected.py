"""Read the baseline's table of private endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.azure.catalogue import Catalogue

TABLE: Final = "private-endpoints"


class EndpointRow(Struct, frozen=True):
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
                groups=_groups(context.estate.catalogue, entry),
            )
        )
    return found


def _groups(catalogue: Catalogue, row: object) -> Sequence[tuple[str, Sequence[Sequence[str]]]]:
    """Return the groups of a row with the names of their zones: the row's own, else those that Azure gives the type."""
    known = catalogue.get(body.text(row, "type") or "")
    kinds = {text.lower() for text in body.texts(row, "kinds")}
    found = []
    for group in body.items(row, "groups"):
        name = body.text(group) or body.text(group, "group") or ""
        zones = [[text for text in zone.values() if isinstance(text, str)] for zone in body.objects(group, "zones")]
        if not zones and known:
            listed = known.private_link.get(name, ())
            zones = [list(zone.names.values()) for zone in listed if not zone.kinds or zone.kinds & kinds]
        found.append((name, zones))
    return found
