"""Tell whether a workload was deployed with the cheaper profile that is meant for development."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from auditor.analysis.contract import Context
from auditor.architecture.workloads import Workload, unknown_because
from auditor.azure import body
from auditor.model import Fact, Gap, Resource

PROFILE: Final = "inventory.profile"
_TELLING: Final = 2  # marks that together are no coincidence, whatever is not known of the others


@dataclass(frozen=True, slots=True)
class Sign:
    """A mark of the cheaper profile: its field, the component that shows it, the paths read for it, a word on it."""

    field: str
    component: str
    paths: tuple[str, ...]
    words: str


SIGNS: Final = (
    Sign("planWithoutZones", "app-plan", ("sku.name", "properties.zoneRedundant"), "an S1 plan without zones"),
    Sign(
        "gatewayWithoutZones",
        "gateway",
        ("zones", "properties.autoscaleConfiguration.minCapacity"),
        "a gateway of two instances without zones",
    ),
    Sign("publicAddressWithoutZones", "gateway", ("zones",), "a public IP address without zones"),
    Sign("networkWithoutDdosProtection", "vnet", ("properties.enableDdosProtection",), "no DDoS protection"),
)


def _shows(sign: Sign, resource: Resource) -> bool:
    match sign.field:
        case "planWithoutZones":
            is_small = (body.text(resource.body, "sku.name") or "").upper() == "S1"
            return is_small and body.value(resource.properties, "zoneRedundant") is not True
        case "gatewayWithoutZones":
            minimum = body.value(resource.properties, "autoscaleConfiguration.minCapacity")
            return not body.value(resource.body, "zones") and str(minimum) == "2"
        case "publicAddressWithoutZones":
            return not body.value(resource.body, "zones")
        case _:
            return body.value(resource.properties, "enableDdosProtection") is not True


def profile_fact(context: Context, workload: Workload) -> Fact:
    """Return which marks of the development profile a workload shows; two together are no coincidence."""
    fields: dict[str, Any] = {}
    uncollected: dict[str, Gap] = {}
    inputs: list[tuple[str, str]] = []
    for sign in SIGNS:
        judged, gap = _judged(context, workload, sign)
        if gap:
            uncollected[sign.field] = gap
            continue
        fields[sign.field] = any(_shows(sign, resource) for resource in judged)
        inputs += [(resource.id, path) for resource in judged for path in sign.paths]
    count = sum(fields.get(sign.field, False) for sign in SIGNS)
    if uncollected and count < _TELLING:
        uncollected["count"] = min(uncollected.values())
    else:
        fields["count"] = count
    shown = [sign.words for sign in SIGNS if fields.get(sign.field)]
    return Fact(
        kind=PROFILE,
        id=f"{PROFILE}/{workload.name}",
        subject=workload.anchor.id,
        sub_object="profile",
        component=context.workloads.role_of(workload.anchor.key)[1],
        workload=workload.name,
        fields=fields,
        uncollected=uncollected,
        inputs=inputs,
        summary=f"Workload {workload.name} shows {len(shown)} of {len(SIGNS)} marks of the development profile"
        + (f": {', '.join(shown)}." if shown else "."),
    )


def _judged(context: Context, workload: Workload, sign: Sign) -> tuple[Sequence[Resource], Gap | None]:
    """Return the resources that show a sign or not, or why they are not known."""
    bound = workload.resources(sign.component)
    if not bound:
        return (), unknown_because(context.estate, context.workloads, workload, sign.component)
    if sign.field != "publicAddressWithoutZones":
        return bound, None
    gaps = (context.estate.relation_gap(resource.id, "publicIpAddress") for resource in bound)
    if gap := next((gap for gap in gaps if gap), None):
        return (), gap
    return [address for r in bound for address in context.estate.related(r.id, "publicIpAddress")], None
