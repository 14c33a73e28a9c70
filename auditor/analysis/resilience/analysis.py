"""Derive whether zonal resources are spread over availability zones, and how many instances stay when load is low."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.resilience import regions as zone_regions
from auditor.analysis.resilience.instances import INSTANCE_FIELDS, INSTANCES, instance_facts
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.model import Fact, Gap, Resource

RESOURCE: Final = "zones.resource"
EXPLICIT: Final = "explicit"
PLATFORM: Final = "platform default"
NONE: Final = "none"
_SEARCH_TIERS: Final = {"standard", "standard2", "standard3", "storage_optimized_l1", "storage_optimized_l2"}
_HOLDERS: Final[Mapping[str, str]] = {
    "microsoft.network/applicationgateways": "gateway-address",
    "microsoft.network/bastionhosts": "bastion-address",
}
_PLAN_TIERS: Final = {"premiumv2", "premiumv3", "premiumv4", "premiumv2v3", "isolatedv2"}


@dataclass(frozen=True, slots=True)
class Spread:
    """How a resource is spread: as spelled, over how many zones, by which evidence, read at which path.

    `redundant` is None where the deciding value is missing.
    """

    explicit: object
    redundant: bool | None
    grade: str
    path: str
    sku: str | None
    sku_fits: bool
    zones: int | None = None


def run(context: Context) -> Iterator[Fact]:
    """Yield the spread of every zonal resource, then the instances of every scalable one."""
    regions = zone_regions.known(context)
    for service, spread_of in _SPREADS.items():
        for resource in context.estate.of_type(shipped().labelled(service).name):
            yield _fact(context, regions, resource, service, spread_of(resource))
    for address in context.estate.of_type("Microsoft.Network/publicIPAddresses"):
        holder = ids.parent_of(body.sub_resource(address.body, "properties.ipConfiguration") or "") or ""
        if role := _HOLDERS.get((ids.type_of(holder) or "").lower()):
            yield _fact(context, regions, address, role, _address(address), holder=context.workloads.role_of(holder))
    yield from instance_facts(context)


def _plan(plan: Resource) -> Spread:
    redundant = body.flag(plan.body, "properties.zoneRedundant")
    tier = body.text(plan.body, "sku.tier")
    return Spread(
        explicit=body.value(plan.body, "properties.zoneRedundant"),
        redundant=redundant is True,
        grade=NONE if redundant is None else EXPLICIT,
        path="properties.zoneRedundant",
        sku=tier,
        sku_fits=(tier or "").lower() in _PLAN_TIERS,
    )


def _gateway(gateway: Resource) -> Spread:
    tier = body.text(gateway.body, "properties.sku.tier")
    return _by_zones(gateway, tier, fits=(tier or "").lower().endswith("_v2"))


def _address(address: Resource) -> Spread:
    name = body.text(address.body, "sku.name")
    return _by_zones(address, name, fits=(name or "").lower().startswith("standard"))


def _by_zones(resource: Resource, sku: str | None, *, fits: bool) -> Spread:
    """Judge a resource with a list of zones. Without one the platform spreads what its SKU lets it spread.

    https://learn.microsoft.com/azure/reliability/reliability-application-gateway-v2
    """
    zones = sorted(set(body.text_or_texts(resource.body, "zones")))
    if zones:
        return Spread(zones, len(zones) > 1, EXPLICIT, "zones", sku, fits, len(zones))
    return Spread(None, fits, PLATFORM if fits else NONE, "zones", sku, fits, 0)


def _registry(registry: Resource) -> Spread:
    """Judge a registry: the platform spreads every one where there are zones, whatever the property says."""
    stated = body.text(registry.body, "properties.zoneRedundancy")
    enabled = body.same_text(stated, "Enabled")
    sku = body.text(registry.body, "sku.name")
    path = "properties.zoneRedundancy"
    return Spread(stated, redundant=True, grade=EXPLICIT if enabled else PLATFORM, path=path, sku=sku, sku_fits=True)


def _storage(account: Resource) -> Spread:
    sku = body.text(account.body, "sku.name")
    fits = not body.same_text(body.text(account.body, "kind"), "Storage")
    redundant = None if sku is None else sku.lower().endswith("zrs") and fits
    return Spread(sku, redundant, NONE if sku is None else EXPLICIT, "sku.name", sku, fits)


def _search(search: Resource) -> Spread:
    """Judge a search service: from two replicas on the platform puts them into several zones; no property says so."""
    replicas = body.number(search.body, "properties.replicaCount") or 1
    sku = body.text(search.body, "sku.name")
    fits = (sku or "").lower() in _SEARCH_TIERS
    grade = PLATFORM if replicas > 1 else NONE
    return Spread(None, replicas > 1 and fits, grade, "properties.replicaCount", sku, fits)


_SPREADS: Final[Mapping[str, Callable[[Resource], Spread]]] = {
    "plan": _plan,
    "gateway": _gateway,
    "search": _search,
    "registry": _registry,
    "registry-replica": _registry,
    "storage": _storage,
}
"""How each kind of service shows its zones, by the label of its type."""


def _fact(
    context: Context,
    regions: Mapping[str, bool],
    resource: Resource,
    service: str,
    spread: Spread,
    *,
    holder: tuple[str | None, str | None] = (None, None),
) -> Fact:
    uncollected: dict[str, Gap] = {}
    if gap := context.estate.gap_at(resource.key, spread.path):
        uncollected = dict.fromkeys(("explicit", "zoneCount", "redundant", "evidenceGrade"), gap)
    elif spread.redundant is None:
        uncollected["redundant"] = Gap(resource.id, spread.path, "the resource does not state it")
    region = zone_regions.normal(resource.location)
    has_zones = regions.get(region or "")
    if has_zones is None and spread.redundant and spread.grade == EXPLICIT:
        has_zones = True
    if has_zones is None:
        uncollected["regionHasZones"] = Gap(
            ids.subscription_scope(resource.id) or "/",
            "related:locations",
            f"whether {resource.location or 'the region'} has zones is not known",
            "Microsoft.Resources/subscriptions/locations/read",
        )
    return facts.build(
        context,
        RESOURCE,
        resource.id,
        {
            "service": service,
            "explicit": spread.explicit,
            "zoneCount": spread.zones,
            "redundant": spread.redundant,
            "evidenceGrade": spread.grade,
            "region": resource.location,
            "regionHasZones": has_zones,
            "sku": spread.sku,
            "skuSupportsZones": spread.sku_fits,
        },
        summary=_summary(resource, spread, has_zones=has_zones),
        inputs=[(resource.id, spread.path), (resource.id, "location")],
        uncollected=uncollected,
        role=holder if holder[0] else None,
    )


def _summary(resource: Resource, spread: Spread, *, has_zones: bool | None) -> str:
    if has_zones is False:
        return f"{resource.name} lies in {resource.location}, which has no availability zones."
    if spread.redundant is None:
        return f"Whether {resource.name} is spread over availability zones is not known."
    if spread.zones == 1:
        return f"{resource.name} is pinned to one availability zone."
    grade = {EXPLICIT: "by its own setting", PLATFORM: "by the platform's default", NONE: "and says nothing of zones"}
    verb = "is" if spread.redundant else "is not"
    unfit = "" if spread.sku_fits else f", which its tier {spread.sku or '(not given)'} does not allow"
    return f"{resource.name} {verb} spread over availability zones {grade[spread.grade]}{unfit}."


_READS: Final[Sequence[str]] = (
    *(shipped().labelled(service).name for service in _SPREADS),
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Insights/autoscalesettings",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    shipped().labelled("online-deployment").name,
)

ANALYSIS: Final = Analysis(
    name="zones",
    facts={
        RESOURCE: {
            "service": "`plan`, `gateway`, `gateway-address`, `bastion-address`, `search`, `registry`, … , `storage`",
            "explicit": "what the resource itself says, as spelled",
            "zoneCount": "how many zones it lists; null for resources without such a list",
            "redundant": "whether it survives the loss of a zone",
            "evidenceGrade": "`explicit` (its own setting), `platform default` or `none`",
            "region": "its region, as spelled",
            "regionHasZones": "whether the region has availability zones",
            "sku": "the tier or SKU that decides",
            "skuSupportsZones": "whether that tier or SKU can be spread",
        },
        **INSTANCE_FIELDS,
    },
    run=run,
    reads=frozenset(name.lower() for name in _READS),
    parameters=frozenset({"min_instances"}),
    subjects={
        RESOURCE: {
            **{shipped().labelled(service).name: [{"service": service}] for service in _SPREADS},
            "Microsoft.Network/publicIPAddresses": [{"service": role} for role in _HOLDERS.values()],
        },
        INSTANCES: {
            shipped().labelled(service).name: [{"service": service}]
            for service in ("plan", "gateway", "search", "online-deployment")
        },
    },
)

__all__ = ["ANALYSIS", "INSTANCES", "RESOURCE", "run"]
