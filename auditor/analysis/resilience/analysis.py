"""Derive whether zonal resources are spread over availability zones, and how many instances stay when load is low."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.resilience import regions as zone_regions
from auditor.analysis.resilience.instances import INSTANCE_FIELDS, INSTANCES, instance_facts, plan_sku, unknown_sku
from auditor.analysis.resilience.regions import Regions
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.reference_data import skus
from auditor.model import Fact, Gap, Resource

RESOURCE: Final = "zones.resource"
EXPLICIT: Final = "explicit"
PLATFORM: Final = "platform default"
NONE: Final = "none"
_HOLDERS: Final[Mapping[str, str]] = {
    "microsoft.network/applicationgateways": "gateway-address",
    "microsoft.network/bastionhosts": "bastion-address",
}
_SPREAD_STORAGE: Final = {"lrs": False, "grs": False, "zrs": True}
"""What the ending of a storage SKU says: `Standard_RAGZRS` is spread. https://learn.microsoft.com/azure/storage/common/storage-redundancy"""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a resource is spread: as spelled, over how many zones, by which evidence, read at which path.

    `redundant` is None where the deciding value is missing. `sku_fits` and `on_demand` are None where the SKU, read at
    `sku_path`, is not among those that are known.
    """

    explicit: object
    redundant: bool | None
    grade: str
    path: str
    sku: str | None
    sku_fits: bool | None
    sku_path: str
    zones: int | None = None
    on_demand: bool | None = False


def run(context: Context) -> Iterator[Fact]:
    """Yield the spread of every zonal resource, then the instances of every scalable one."""
    regions = zone_regions.read(context.estate)
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
    sku = plan_sku(plan)
    return Spread(
        explicit=body.value(plan.body, "properties.zoneRedundant"),
        redundant=redundant is True,
        grade=NONE if redundant is None else EXPLICIT,
        path="properties.zoneRedundant",
        sku=tier or body.text(plan.body, "sku.name"),
        sku_fits=None if sku is None else sku.supports_zones,
        sku_path="sku.tier",
        on_demand=None if sku is None else sku.is_on_demand,
    )


def _gateway(gateway: Resource) -> Spread:
    return _by_zones(gateway, "properties.sku.tier")


def _address(address: Resource) -> Spread:
    return _by_zones(address, "sku.name")


def _by_zones(resource: Resource, sku_path: str) -> Spread:
    """Judge a resource with a list of zones. Without one the platform spreads what its SKU lets it spread.

    https://learn.microsoft.com/azure/reliability/reliability-application-gateway-v2
    """
    sku = body.text(resource.body, sku_path)
    fits = _supports_zones(resource, sku)
    zones = sorted(set(body.text_or_texts(resource.body, "zones")))
    by_default = NONE if fits is False else PLATFORM
    return Spread(
        explicit=zones or None,
        redundant=len(zones) > 1 if zones else fits,
        grade=EXPLICIT if zones else by_default,
        path="zones",
        sku=sku,
        sku_fits=fits,
        sku_path=sku_path,
        zones=len(zones),
    )


def _supports_zones(resource: Resource, name: str | None) -> bool | None:
    sku = skus.sku(resource.type, name)
    return None if sku is None else sku.supports_zones


def _registry(registry: Resource) -> Spread:
    """Judge a registry: the platform spreads every one where there are zones, whatever the property says."""
    stated = body.text(registry.body, "properties.zoneRedundancy")
    return Spread(
        explicit=stated,
        redundant=True,
        grade=EXPLICIT if body.same_text(stated, "Enabled") else PLATFORM,
        path="properties.zoneRedundancy",
        sku=body.text(registry.body, "sku.name"),
        sku_fits=True,
        sku_path="sku.name",
    )


def _storage(account: Resource) -> Spread:
    sku = body.text(account.body, "sku.name")
    fits = not body.same_text(body.text(account.body, "kind"), "Storage")
    spread = _SPREAD_STORAGE.get((sku or "")[-3:].lower())
    return Spread(
        explicit=sku,
        redundant=spread if spread is None else spread and fits,
        grade=NONE if sku is None else EXPLICIT,
        path="sku.name",
        sku=sku,
        sku_fits=fits,
        sku_path="sku.name",
    )


def _search(search: Resource) -> Spread:
    """Judge a search service: from two replicas on the platform puts them into several zones; no property says so."""
    replicas = body.number(search.body, "properties.replicaCount") or 1
    sku = body.text(search.body, "sku.name")
    fits = _supports_zones(search, sku)
    return Spread(
        explicit=None,
        redundant=fits if replicas > 1 else False,
        grade=PLATFORM if replicas > 1 else NONE,
        path="properties.replicaCount",
        sku=sku,
        sku_fits=fits,
        sku_path="sku.name",
    )


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
    regions: Regions,
    resource: Resource,
    service: str,
    spread: Spread,
    *,
    holder: tuple[str | None, str | None] = (None, None),
) -> Fact:
    has_zones = regions.have_zones(resource.location)
    if has_zones is None and spread.redundant and spread.grade == EXPLICIT:
        has_zones = True
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
            "onDemand": spread.on_demand,
        },
        summary=_summary(resource, spread, has_zones=has_zones),
        inputs=[(resource.id, spread.path), (resource.id, "location")],
        uncollected=_unknown(context, resource, spread, has_zones=has_zones),
        role=holder if holder[0] else None,
    )


def _unknown(context: Context, resource: Resource, spread: Spread, *, has_zones: bool | None) -> Mapping[str, Gap]:
    """Return what is not known of a resource's spread, and why."""
    by_sku = {"redundant": spread.redundant, "skuSupportsZones": spread.sku_fits, "onDemand": spread.on_demand}
    unlisted = unknown_sku(resource, spread.sku_path, spread.sku)
    found = {name: unlisted for name, answer in by_sku.items() if answer is None}
    if has_zones is None:
        found["regionHasZones"] = Gap(
            ids.subscription_scope(resource.id) or "/",
            "related:locations",
            f"whether {resource.location or 'the region'} has zones is not known",
            "Microsoft.Resources/subscriptions/locations/read",
        )
        if spread.grade == PLATFORM:  # the platform spreads where there is something to spread over
            found.setdefault("redundant", found["regionHasZones"])
    if gap := context.estate.gap_at(resource.key, spread.path):
        found |= dict.fromkeys(("explicit", "zoneCount", "redundant", "evidenceGrade"), gap)
    return found


def _summary(resource: Resource, spread: Spread, *, has_zones: bool | None) -> str:
    if has_zones is False:
        return f"{resource.name} lies in {resource.location}, which has no availability zones."
    if spread.redundant is None or (has_zones is None and spread.grade == PLATFORM):
        return f"Whether {resource.name} is spread over availability zones is not known."
    if spread.zones == 1:
        return f"{resource.name} is pinned to one availability zone."
    grade = {EXPLICIT: "by its own setting", PLATFORM: "by the platform's default", NONE: "and says nothing of zones"}
    verb = "is" if spread.redundant else "is not"
    unfit = "" if spread.sku_fits is not False else f", which its tier {spread.sku or '(not given)'} does not allow"
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
            "onDemand": "whether the platform starts and stops instances, so that none are kept",
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
