"""Derive how many instances of a scalable resource are sure to run, autoscale included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.azure.reference_data import skus
from auditor.azure.reference_data.skus import Sku
from auditor.estate.service_relations import AUTOSCALE_SETTINGS
from auditor.model import Gap, Resource

AUTOSCALE: Final = spelled(AUTOSCALE_SETTINGS)
_THREE: Final = 3
_AUTOMATIC: Final = "properties.elasticScaleEnabled"
"""With which a plan of a premium tier scales as one of an elastic tier does.

https://learn.microsoft.com/azure/app-service/manage-automatic-scaling
"""


ScalableService: TypeAlias = Literal["plan", "gateway", "search", "online-deployment"]
Sla: TypeAlias = Literal["read-write", "read-only", "none"]


@record
class Profile(Record, frozen=True, kw_only=True):
    """An autoscale profile; numbers that the setting does not give are absent."""

    name: str | None
    """the profile's name"""
    minimum: int | None
    """its minimum"""
    default: int | None
    """its default"""
    maximum: int | None
    """its maximum"""
    scales_out: bool
    """whether a rule of it adds instances"""
    scales_in: bool
    """whether a rule of it removes instances"""


class Scale(Struct, frozen=True):
    """What decides the number of instances.

    `gap` says why the autoscale part is not known, `platform_gap` why the profile is not that stands for the platform's
    own scaling.
    """

    service: ScalableService
    required: int
    capacity: int | None
    capacity_path: str
    profiles: tuple[Profile, ...] = ()
    gap: Gap | None = None
    platform_gap: Gap | None = None
    inputs: Sequence[tuple[str, str]] = ()
    sla: Sla | None = None
    on_demand: Known[bool | None] = None
    traffic: Known[int | None] = None
    is_autoscaled: bool = False

    @property
    def stated(self) -> Sequence[int | None]:
        """Return every number that the instances may fall to."""
        return [self.capacity, *(number for profile in self.profiles for number in (profile.minimum, profile.default))]

    @property
    def leaves_no_room(self) -> bool:
        """Whether no profile lets the number rise above its minimum."""
        return all(profile.maximum is not None and profile.maximum == profile.minimum for profile in self.profiles)


@fact("zones.instances", subject="the resource that scales")
class SureInstances(Fact, frozen=True, kw_only=True):
    """How many instances of a scalable resource are sure to run."""

    service: ScalableService
    """what is scaled; online deployments are those that take traffic"""
    instances: Known[int]
    """the least number that is sure to run: capacity, and each profile's minimum and default"""
    required: int
    """the number that the baseline asks for"""
    capacity: int | None
    """the number now set: SKU capacity, replicas, or a gateway's minimum"""
    autoscaled: Known[bool]
    """whether an autoscale setting that is on targets the resource"""
    autoscale_minimum: Known[int | None]
    """the smallest minimum among its profiles"""
    autoscale_default: Known[int | None]
    """the smallest default among its profiles"""
    autoscale_maximum: Known[int | None]
    """the smallest maximum among its profiles"""
    scales_out: Known[bool]
    """whether a rule adds instances"""
    scales_in: Known[bool]
    """whether a rule removes instances"""
    profiles: Known[tuple[Profile, ...]]
    """the profiles of its autoscale setting, or what the platform does by itself"""
    sla: Sla | None
    """of a search service: `read-write` (3 replicas), `read-only` (2) or `none`"""
    on_demand: Known[bool | None]
    """of a plan: whether the platform starts and stops instances, so that none are kept"""
    traffic: Known[int | None]
    """of an online deployment: its share of the endpoint's traffic in percent"""
    scale: Hidden[Scale]

    def sentence(self) -> str:
        """Say how many instances are sure to run, and how the number changes."""
        what = "replica" if self.service == "search" else "instance"
        name = ids.name_of(self.about.subject)
        if isinstance(self.instances, Gap):
            return f"How many {what}s of {name} are sure to run is not known; the baseline asks for {self.required}."
        count = f"{self.instances} {what}{'' if self.instances == 1 else 's'}"
        falls = self.capacity is not None and self.capacity > self.instances
        keeps = f"{name} runs {self.capacity} but may fall to {count}" if falls else f"{name} keeps at least {count}"
        return f"{keeps}, where the baseline asks for {self.required}{self._how_it_scales()}."

    def _how_it_scales(self) -> str:
        if self.service == "search":
            return ""
        if isinstance(self.autoscaled, Gap):
            return "; whether it scales by itself is not known"
        if not self.autoscaled:
            return "; it does not scale by itself"
        ways = {(True, True): "out and in", (True, False): "out but never in", (False, True): "in but never out"}
        way = ways.get((self.scales_out is True, self.scales_in is True), "neither out nor in")
        scales = self.scales_out is True or self.scales_in is True
        return f"; it scales {way}" + (
            ", but its maximum leaves no room" if scales and self.scale.leaves_no_room else ""
        )


def plan_sku(plan: Resource) -> Sku | None:
    """Return what is known of an App Service plan's tier, by its name or else by its size; None where neither is known."""
    return skus.sku(plan.type, body.text(plan.body, "sku.tier"), body.text(plan.body, "sku.name"))


def unknown_sku(resource: Resource, path: str, name: str | None) -> Gap:
    """Return the gap of a SKU, read at a path, of which nothing is known: it may be newer than the data."""
    reason = (
        "the resource does not state it"
        if name is None
        else f"what {name} can do is not known (data of {skus.as_of()})"
    )
    return Gap(resource.id, path, reason)


def instance_facts(context: Context) -> Iterator[SureInstances]:
    """Yield the instances of every plan, gateway, search service and online deployment that takes traffic."""
    settings = _settings(context)
    for plan in _labelled(context, "plan"):
        yield _fact(
            context, plan, _plan(context, plan, _with_autoscale(context, plan, settings, "plan", "app_service"))
        )
    for gateway in _labelled(context, "gateway"):
        yield _fact(context, gateway, _gateway(context, gateway))
    for search in _labelled(context, "search"):
        yield _fact(context, search, _search(context, search))
    for deployment in _labelled(context, "online-deployment"):
        traffic = _traffic(context, deployment)
        if isinstance(traffic, Gap) or (traffic or 0) > 0:
            scale = _with_autoscale(context, deployment, settings, "online-deployment", "online_deployment")
            yield _fact(context, deployment, replace(scale, traffic=traffic))


def _labelled(context: Context, label: str) -> Sequence[Resource]:
    return context.estate.of_type(context.estate.catalogue.labelled(label).name)


class _Autoscale(Struct):
    """The autoscale settings of a resource that are on, and why one may be; absent `enabled` means off."""

    on: list[Resource]
    gap: Gap | None = None


def _settings(context: Context) -> Mapping[str, _Autoscale]:
    """Return the autoscale settings by the resource that they scale."""
    found: dict[str, _Autoscale] = defaultdict(lambda: _Autoscale([]))
    for setting in context.estate.of_type(AUTOSCALE):
        target = body.text(setting.body, "properties.targetResourceUri")
        if not target:
            continue
        if body.flag(setting.body, "properties.enabled"):
            found[ids.key(target)].on.append(setting)
        elif unread := context.estate.gap_at(setting.key, "properties.enabled"):
            found[ids.key(target)].gap = unread
    return found


def _required(context: Context, name: str) -> int:
    found = body.number(facts.parameter(context, f"min_instances.{name}", _THREE))
    return _THREE if found is None else found


def _with_autoscale(
    context: Context,
    resource: Resource,
    settings: Mapping[str, _Autoscale],
    service: ScalableService,
    parameter: str,
) -> Scale:
    found = settings.get(resource.key) or _Autoscale([])
    own = found.on
    profiles = (_profile(entry) for setting in own for entry in body.objects(setting.body, "properties.profiles"))
    gap = found.gap
    if not own and gap is None:
        gap = context.estate.type_gap(AUTOSCALE, ids.subscription_scope(resource.id))
    return Scale(
        service=service,
        required=_required(context, parameter),
        capacity=body.number(resource.body, "sku.capacity"),
        capacity_path="sku.capacity",
        profiles=tuple(profiles),
        gap=gap,
        inputs=[(setting.id, "properties.profiles") for setting in own],
        is_autoscaled=bool(own),
    )


def _plan(context: Context, plan: Resource, scale: Scale) -> Scale:
    """Return a plan's scale with what its tier says: whether it keeps instances, and whether it scales by itself."""
    sku = plan_sku(plan)
    if sku is None:
        name = body.text(plan.body, "sku.tier") or body.text(plan.body, "sku.name")
        return replace(scale, on_demand=unknown_sku(plan, "sku.tier", name))
    if sku.is_on_demand:
        return replace(scale, on_demand=True)
    if not sku.scales_itself and body.flag(plan.body, _AUTOMATIC) is not True:
        return replace(scale, on_demand=False, gap=scale.gap or context.estate.gap_at(plan.key, _AUTOMATIC))
    path = "properties.maximumElasticWorkerCount"
    maximum = body.number(plan.body, path)
    gap = context.estate.gap_at(plan.key, path)
    if maximum is None:
        gap = gap or Gap(plan.id, path, "the resource does not state it")
    return replace(
        scale,
        on_demand=sku.is_on_demand,
        profiles=(_by_platform("platform", scale.capacity, maximum),),
        gap=None,
        platform_gap=gap,
        inputs=[(plan.id, path), *([] if sku.scales_itself else [(plan.id, _AUTOMATIC)])],
        is_autoscaled=True,
    )


def _by_platform(name: str, minimum: int | None, maximum: int | None) -> Profile:
    """Return the profile that stands for what the platform does without an autoscale setting."""
    return Profile(name=name, minimum=minimum, default=minimum, maximum=maximum, scales_out=True, scales_in=True)


def _profile(entry: object) -> Profile:
    directions = [(body.text(rule, "scaleAction.direction") or "").lower() for rule in body.objects(entry, "rules")]
    return Profile(
        name=body.text(entry, "name"),
        minimum=body.number(entry, "capacity.minimum"),
        default=body.number(entry, "capacity.default"),
        maximum=body.number(entry, "capacity.maximum"),
        scales_out="increase" in directions,
        scales_in="decrease" in directions,
    )


def _gateway(context: Context, gateway: Resource) -> Scale:
    path = "properties.autoscaleConfiguration"
    required = _required(context, "app_gateway")
    if body.value(gateway.body, path) is None:
        capacity = body.number(gateway.body, "properties.sku.capacity")
        return Scale("gateway", required, capacity, "properties.sku.capacity")
    minimum = body.number(gateway.body, f"{path}.minCapacity")
    maximum = body.number(gateway.body, f"{path}.maxCapacity")
    profile = _by_platform("autoscale", minimum, maximum)
    return Scale("gateway", required, minimum, f"{path}.minCapacity", (profile,), is_autoscaled=True)


def _search(context: Context, search: Resource) -> Scale:
    """Return the replicas, one where none are given; three carry the read-write SLA, two the read-only one."""
    path = "properties.replicaCount"
    replicas = body.number(search.body, path)
    if replicas is None and body.value(search.body, path) is None:
        replicas = 1
    return Scale("search", _required(context, "search_replicas"), replicas, path, sla=_sla(replicas))


def _sla(replicas: int | None) -> Sla | None:
    if replicas is None:
        return None
    return "read-write" if replicas > 2 else "read-only" if replicas > 1 else "none"


def _traffic(context: Context, deployment: Resource) -> Known[int | None]:
    """Return the share of traffic that the endpoint gives a deployment, None where it is no number."""
    parent = ids.parent_of(deployment.id) or "/"
    endpoint = context.estate.get(parent)
    if endpoint is None:
        return context.estate.unseen(parent) or 0
    if gap := context.estate.gap_at(endpoint.key, "properties.traffic"):
        return gap
    traffic = body.value(endpoint.body, "properties.traffic")
    shares = traffic if isinstance(traffic, Mapping) else {}
    name = ids.name_of(deployment.key)
    return next((body.number(share) for key, share in shares.items() if str(key).lower() == name), 0)


def _fact(context: Context, resource: Resource, scale: Scale) -> SureInstances:
    return SureInstances(
        about=facts.about(context, resource.id, inputs=[(resource.id, scale.capacity_path), *scale.inputs]),
        service=scale.service,
        instances=_instances(context, resource, scale),
        required=scale.required,
        capacity=scale.capacity,
        autoscaled=scale.gap or scale.is_autoscaled,
        autoscale_minimum=scale.gap or _lowest(profile.minimum for profile in scale.profiles),
        autoscale_default=scale.gap or _lowest(profile.default for profile in scale.profiles),
        autoscale_maximum=scale.gap or _lowest(profile.maximum for profile in scale.profiles),
        scales_out=scale.gap or any(profile.scales_out for profile in scale.profiles),
        scales_in=scale.gap or any(profile.scales_in for profile in scale.profiles),
        profiles=scale.gap or scale.platform_gap or scale.profiles,
        sla=scale.sla,
        on_demand=scale.on_demand,
        traffic=scale.traffic,
        scale=scale,
    )


def _instances(context: Context, resource: Resource, scale: Scale) -> Known[int]:
    """Return the least number; once it is known to be too small, what is missing cannot raise it."""
    lowest = _lowest(iter(scale.stated))
    if lowest is not None and lowest < scale.required:
        return lowest
    if gap := context.estate.gap_at(resource.key, scale.capacity_path) or scale.gap:
        return gap
    if lowest is None or None in scale.stated or (scale.is_autoscaled and not scale.profiles):
        return Gap(resource.id, scale.capacity_path, "a number of instances is missing or not a number")
    return lowest


def _lowest(numbers: Iterator[int | None]) -> int | None:
    return min((number for number in numbers if number is not None), default=None)
