"""Know which Azure regions have availability zones; a region that is not listed is not known to be without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Resource

# https://learn.microsoft.com/azure/reliability/regions-list (a collected list of locations takes precedence)
WITH_ZONES: Final = frozenset(
    """
    australiaeast austriaeast belgiumcentral brazilsouth canadacentral centralindia centralus chilecentral
    chinanorth3 denmarkeast eastasia eastus eastus2 francecentral germanywestcentral indonesiacentral israelcentral
    italynorth japaneast japanwest koreacentral malaysiawest mexicocentral newzealandnorth northeurope norwayeast
    polandcentral qatarcentral southafricanorth southcentralus southeastasia spaincentral swedencentral
    switzerlandnorth uaenorth uksouth usgovvirginia westeurope westus2 westus3
    """.split()  # noqa: SIM905 - forty names read better as text
)
_LOCATIONS: Final = ("microsoft.resources/subscriptions/locations", "microsoft.resources/locations")
_ZONAL_SKUS: Final = ("_zrs", "_gzrs", "_ragzrs")


def normal(location: str | None) -> str | None:
    """Return a region in comparable form: `East US 2` and `eastus2` are one."""
    return location.replace(" ", "").lower() if location else None


def known(context: Context) -> Mapping[str, bool]:
    """Return what is known of regions: as collected, else as resources that lie in zones there show, else as listed."""
    found = dict.fromkeys(WITH_ZONES, True)
    for resource in context.estate.resources:
        region = normal(resource.location)
        if region and _shows_zones(resource):
            found[region] = True
    found.update(_collected(context.estate))
    return found


def _shows_zones(resource: Resource) -> bool:
    return bool(body.text_or_texts(resource.body, "zones")) or (
        body.text(resource.body, "sku.name") or ""
    ).lower().endswith(_ZONAL_SKUS)


def _collected(estate: Estate) -> Mapping[str, bool]:
    """Return what the answer to `GET /subscriptions/{id}/locations` says, from resources or the snapshot's metadata."""
    bodies = [resource.body for resource_type in _LOCATIONS for resource in estate.of_type(resource_type)]
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
