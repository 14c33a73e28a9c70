"""Derive whether zonal resources are spread over availability zones, and how many instances stay when load is low."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.resilience.instances import SureInstances, instance_facts, plan_sku, unknown_sku
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.reference_data import regions as region_data
from auditor.azure.reference_data import skus
from auditor.estate import regions as zone_regions
from auditor.estate.navigation import ONLINE_ENDPOINTS
from auditor.estate.network_relations import BASTIONS, GATEWAYS, PUBLIC_ADDRESSES
from auditor.estate.regions import Regions
from auditor.estate.service_relations import AUTOSCALE_SETTINGS
from auditor.model import Gap, Resource

ZonalService: TypeAlias = Literal[
    "plan",
    "gateway",
    "gateway-address",
    "bastion",
    "bastion-address",
    "search",
    "registry",
    "registry-replica",
    "storage",
    "database",
]
_TWO: Final = 2
_HOLDERS: Final[Mapping[str, ZonalService]] = {
    GATEWAYS: "gateway-address",
    BASTIONS: "bastion-address",
}
_SPREAD_STORAGE: Final = {"lrs": False, "grs": False, "zrs": True}
"""What the ending of a storage SKU says: `Standard_RAGZRS` is spread. https://learn.microsoft.com/azure/storage/common/storage-redundancy"""


class Grade(StrEnum):
    """What shows how a resource is spread: its own setting, the platform's default, or nothing."""

    EXPLICIT = "explicit"
    PLATFORM = "platform default"
    NONE = "none"


_BY: Final = {
    Grade.EXPLICIT: "by its own setting",
    Grade.PLATFORM: "by the platform's default",
    Grade.NONE: "and says nothing of zones",
}
Spelled: TypeAlias = bool | str | tuple[str, ...] | None


class Spread(Struct, frozen=True):
    """How a resource is spread: as spelled, over how many zones, by which evidence, read at which path.

    `redundant` is None where the deciding value is missing; `gap` says which, where it is not the SKU. `sku_fits` and
    `on_demand` are None where the SKU, read at `sku_path`, is not among those that are known.
    """

    explicit: Spelled
    redundant: bool | None
    grade: Grade
    path: str
    sku: str | None
    sku_fits: bool | None
    sku_path: str
    zones: int | None = None
    on_demand: bool | None = False
    gap: Gap | None = None


@fact("zones.resource", subject="the resource")
class ZoneSpread(Fact, frozen=True, kw_only=True):
    """How a zonal resource is spread over availability zones."""

    service: ZonalService
    """what the resource is"""
    explicit: Known[Spelled]
    """what the resource itself says, as spelled"""
    zone_count: Known[int | None]
    """how many zones it lists; absent for resources without such a list"""
    redundant: Known[bool]
    """whether it survives the loss of a zone"""
    evidence_grade: Known[Grade]
    """what shows it: its own setting, the platform's default, or nothing"""
    region: str | None
    """its region, as spelled"""
    region_has_zones: Known[bool]
    """whether the region has availability zones"""
    sku: str | None
    """the tier or SKU that decides"""
    sku_supports_zones: Known[bool]
    """whether that tier or SKU can be spread"""
    on_demand: Known[bool]
    """whether the platform starts and stops instances, so that none are kept"""
    name: Hidden[str]
    spread: Hidden[Spread]

    def sentence(self) -> str:
        """Say whether the resource is spread, and what shows it."""
        spread = self.spread
        if self.region_has_zones is False:
            return f"{self.name} lies in {self.region}, which has no availability zones."
        is_open = isinstance(self.region_has_zones, Gap) and spread.grade is Grade.PLATFORM
        if spread.redundant is None or is_open:
            return f"Whether {self.name} is spread over availability zones is not known."
        if spread.zones == 1:
            return f"{self.name} is pinned to one availability zone."
        verb = "is" if spread.redundant else "is not"
        unfit = "" if spread.sku_fits is not False else f", which its tier {self.sku or '(not given)'} does not allow"
        return f"{self.name} {verb} spread over availability zones {_BY[spread.grade]}{unfit}."


def run(context: Context) -> Iterator[Fact]:
    """Yield the spread of every zonal resource, then the instances of every scalable one."""
    regions = zone_regions.read(context.estate)
    for service, spread_of in _SPREADS.items():
        for resource in context.estate.of_type(shipped().labelled(service).name):
            yield _fact(context, regions, resource, service, spread_of(resource))
    for address in context.estate.of_type(PUBLIC_ADDRESSES):
        holder = ids.parent_of(body.sub_resource(address.body, "properties.ipConfiguration") or "") or ""
        if role := _HOLDERS.get((ids.type_of(holder) or "").lower()):
            yield _fact(context, regions, address, role, _address(address), holder=context.workloads.role_of(holder))
    yield from instance_facts(context)


def _plan(plan: Resource) -> Spread:
    redundant = body.flag(plan.body, "properties.zoneRedundant")
    tier = body.text(plan.body, "sku.tier")
    sku = plan_sku(plan)
    enough = True if sku is None or sku.is_on_demand else _fills_zones(plan)
    return Spread(
        explicit=_spelled(body.value(plan.body, "properties.zoneRedundant")),
        redundant=redundant is True and (None if isinstance(enough, Gap) else enough),
        gap=enough if isinstance(enough, Gap) else None,
        grade=Grade.NONE if redundant is None else Grade.EXPLICIT,
        path="properties.zoneRedundant",
        sku=tier or body.text(plan.body, "sku.name"),
        sku_fits=None if sku is None else sku.supports_zones,
        sku_path="sku.tier",
        on_demand=None if sku is None else sku.is_on_demand,
    )


def _fills_zones(plan: Resource) -> Known[bool]:
    """Return whether a plan that says that it is spread has instances in more than one zone.

    Two do where the platform says how many zones it can use, and three do anywhere. Where it can use but one, none do.
    https://learn.microsoft.com/azure/reliability/reliability-app-service
    """
    path = "properties.maximumNumberOfZones"
    most, capacity = body.number(plan.body, path), body.number(plan.body, "sku.capacity")
    if most == 1 or (capacity is not None and capacity < _TWO):
        return False
    if capacity == _TWO and most is None:
        return Gap(plan.id, path, "whether two instances suffice is not stated")
    return True


def _spelled(stated: object) -> Spelled:
    return stated if stated is None or isinstance(stated, bool) else str(stated)


def _gateway(gateway: Resource) -> Spread:
    return _by_zones(gateway, "properties.sku.tier")


def _bastion(host: Resource) -> Spread:
    """Judge a Bastion host: only the zones that it names count.

    https://learn.microsoft.com/azure/reliability/reliability-bastion
    """
    spread = _by_zones(host, "sku.name")
    return replace(spread, redundant=(spread.zones or 0) > 1, grade=spread.grade if spread.zones else Grade.NONE)


def _address(address: Resource) -> Spread:
    return _by_zones(address, "sku.name")


def _by_zones(resource: Resource, sku_path: str) -> Spread:
    """Judge a resource with a list of zones. Without one the platform spreads what its SKU lets it spread.

    https://learn.microsoft.com/azure/reliability/reliability-application-gateway-v2
    """
    sku = body.text(resource.body, sku_path)
    fits = _supports_zones(resource, sku)
    zones = tuple(sorted(set(body.text_or_texts(resource.body, "zones"))))
    by_default = Grade.NONE if fits is False else Grade.PLATFORM
    return Spread(
        explicit=zones or None,
        redundant=len(zones) > 1 if zones else fits,
        grade=Grade.EXPLICIT if zones else by_default,
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
        grade=Grade.EXPLICIT if body.same_text(stated, "Enabled") else Grade.PLATFORM,
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
        grade=Grade.NONE if sku is None else Grade.EXPLICIT,
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
        grade=Grade.PLATFORM if replicas > 1 else Grade.NONE,
        path="properties.replicaCount",
        sku=sku,
        sku_fits=fits,
        sku_path="sku.name",
    )


def _database(account: Resource) -> Spread:
    """Judge a Cosmos DB account, which has a setting for each of its regions; what it says are those without zones.

    https://learn.microsoft.com/azure/reliability/reliability-cosmos-db-nosql
    """
    regions = body.objects(account.properties, "locations")
    left_out = [entry for entry in regions if body.flag(entry, "isZoneRedundant") is not True]
    return Spread(
        explicit=tuple(body.text(entry, "locationName") or "a region" for entry in left_out) or None,
        redundant=bool(regions) and not left_out,
        grade=Grade.EXPLICIT if regions else Grade.NONE,
        path="properties.locations",
        sku=None,
        sku_fits=True,
        sku_path="properties.databaseAccountOfferType",
    )


_SPREADS: Final[Mapping[ZonalService, Callable[[Resource], Spread]]] = {
    "plan": _plan,
    "gateway": _gateway,
    "bastion": _bastion,
    "search": _search,
    "registry": _registry,
    "registry-replica": _registry,
    "storage": _storage,
    "database": _database,
}
"""How each kind of service shows its zones, by the label of its type."""


def _fact(
    context: Context,
    regions: Regions,
    resource: Resource,
    service: ZonalService,
    spread: Spread,
    *,
    holder: tuple[str | None, str | None] = (None, None),
) -> ZoneSpread:
    unlisted = unknown_sku(resource, spread.sku_path, spread.sku)
    unread = context.estate.gap_at(resource.key, spread.path)
    has_zones = _has_zones(regions, resource, spread)
    redundant: Known[bool] = (spread.gap or unlisted) if spread.redundant is None else spread.redundant
    if isinstance(has_zones, Gap) and spread.redundant is not None and spread.grade is Grade.PLATFORM:
        redundant = has_zones  # the platform spreads where there is something to spread over
    return ZoneSpread(
        about=facts.about(
            context,
            resource.id,
            inputs=[(resource.id, spread.path), (resource.id, "location")],
            role=holder if holder[0] else None,
        ),
        service=service,
        explicit=unread or spread.explicit,
        zone_count=unread or spread.zones,
        redundant=unread or redundant,
        evidence_grade=unread or spread.grade,
        region=resource.location,
        region_has_zones=has_zones,
        sku=spread.sku,
        sku_supports_zones=unlisted if spread.sku_fits is None else spread.sku_fits,
        on_demand=unlisted if spread.on_demand is None else spread.on_demand,
        name=resource.name,
        spread=spread,
    )


def _has_zones(regions: Regions, resource: Resource, spread: Spread) -> Known[bool]:
    """Return whether a region has zones; that the resource is spread there shows it."""
    known = regions.have_zones(resource.location)
    if known is not None:
        return known
    if spread.redundant and spread.grade is Grade.EXPLICIT:
        return True
    return Gap(
        ids.subscription_scope(resource.id) or "/",
        "related:locations",
        f"whether {resource.location or 'the region'} has zones is not known (data of {region_data.as_of()})",
        "Microsoft.Resources/subscriptions/locations/read",
    )


_READS: Final[Sequence[str]] = (
    *(shipped().labelled(service).name for service in _SPREADS),
    PUBLIC_ADDRESSES,
    AUTOSCALE_SETTINGS,
    ONLINE_ENDPOINTS,
    shipped().labelled("online-deployment").name,
)

ANALYSIS: Final = Analysis(
    name="zones",
    kinds=(ZoneSpread, SureInstances),
    run=run,
    reads=frozenset(name.lower() for name in _READS),
    details=frozenset(zone_regions.LOCATIONS),
    parameters=frozenset({"min_instances"}),
    subjects={
        ZoneSpread.fact_kind: {
            **{shipped().labelled(service).name: [{"service": service}] for service in _SPREADS},
            PUBLIC_ADDRESSES: [{"service": role} for role in _HOLDERS.values()],
        },
        SureInstances.fact_kind: {
            shipped().labelled(service).name: [{"service": service}]
            for service in ("plan", "gateway", "search", "online-deployment")
        },
    },
)
