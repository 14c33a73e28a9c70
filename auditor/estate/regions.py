"""Know which regions have availability zones: what the input shows wins over what is known worldwide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from auditor.azure import body
from auditor.azure.reference_data import regions
from auditor.estate.graph import Estate
from auditor.model import Resource

LOCATIONS: Final = ("microsoft.resources/subscriptions/locations", "microsoft.resources/locations")
_ZONAL_SKUS: Final = ("_zrs", "_gzrs", "_ragzrs")


def normal(location: str | None) -> str | None:
    """Return a region in comparable form: `East US 2` and `eastus2` are one."""
    return location.replace(" ", "").lower() if location else None


class Regions(Struct, frozen=True):
    """What is known of regions. `shown` is what the input shows, by region in comparable form."""

    shown: Mapping[str, bool]

    def have_zones(self, location: str | None) -> bool | None:
        """Whether a region has zones, as the input shows, else as it is known worldwide; None where neither says."""
        region = normal(location)
        return None if region is None else self.shown.get(region, regions.has_zones(region))


def read(estate: Estate) -> Regions:
    """Return what an estate shows of regions: its list of locations, else resources that lie in zones there."""
    spread: dict[str, bool] = {}
    for item in estate.resources:
        region = normal(item.location)
        if region and region not in spread and _shows_zones(item):
            spread[region] = True
    return Regions({**spread, **_collected(estate)})


def _shows_zones(resource: Resource) -> bool:
    """Whether a resource is of a kind that Azure makes in regions with zones only."""
    return (
        bool(body.text_or_texts(resource.body, "zones"))
        or (body.text(resource.body, "sku.name") or "").lower().endswith(_ZONAL_SKUS)
        or body.flag(resource.body, "properties.zoneRedundant") is True
    )


def _collected(estate: Estate) -> Mapping[str, bool]:
    """Return what the answer to `GET /subscriptions/{id}/locations` says, from resources or the snapshot's metadata."""
    bodies = [resource.body for resource_type in LOCATIONS for resource in estate.of_type(resource_type)]
    bodies += body.objects(estate.metadata.extra, "locations")
    found: dict[str, bool] = {}
    for entry in bodies:
        region = normal(body.text(entry, "name"))
        zones = body.value(entry, "availabilityZoneMappings") or body.value(
            entry, "properties.availabilityZoneMappings"
        )
        if region:
            found[region] = found.get(region, False) or bool(zones)
    return found
