"""Derive how many instances of a scalable resource are sure to run, autoscale included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.azure.reference_data import skus
from auditor.azure.reference_data.skus import Sku
from auditor.model import Fact, Gap, Resource

INSTANCES: Final = "zones.instances"
AUTOSCALE: Final = "Microsoft.Insights/autoscalesettings"
_THREE: Final = 3


@dataclass(frozen=True, slots=True)
class Profile:
    """One autoscale profile; numbers are None where the setting does not give one."""

    name: str | None
    minimum: int | None
    default: int | None
    maximum: int | None
    scales_out: bool
    scales_in: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """What decides the number of instances; `gap` says why the autoscale part is not known."""

    service: str
    required: int
    capacity: int | None
    capacity_path: str
    profiles: Sequence[Profile] = ()
    gap: Gap | None = None
    inputs: Sequence[tuple[str, str]] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    unknown: Mapping[str, Gap] = field(default_factory=dict)
    is_autoscaled: bool = False

    @property
    def stated(self) -> Sequence[int | None]:
        """Return every number that the instances may fall to."""
        return [self.capacity, *(number for profile in self.profiles for number in (profile.minimum, profile.default))]


def plan_sku(plan: Resource) -> Sku | None:
    """Return what is known of an App Service plan's tier, by its name or else by its size; None where neither is known."""
    return skus.sku(plan.type, body.text(plan.body, "sku.tier"), body.text(plan.body, "sku.name"))


def unknown_sku(resource: Resource, path: str, name: str | None) -> Gap:
    """Return the gap of a SKU, read at a path, of which nothing is known: it may be newer than the data."""
    reason = "the resource does not state it" if name is None else f"what {name} can do is not known"
    return Gap(resource.id, path, reason)


def instance_facts(context: Context) -> Iterator[Fact]:
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
        share, gap = _traffic(context, deployment)
        if gap is not None or (share or 0) > 0:
            scale = _with_autoscale(context, deployment, settings, "online-deployment", "online_deployment")
            yield _fact(context, deployment, scale, {"traffic": share}, {"traffic": gap} if gap else {})


def _labelled(context: Context, label: str) -> Sequence[Resource]:
    return context.estate.of_type(context.estate.catalogue.labelled(label).name)


def _settings(context: Context) -> Mapping[str, Sequence[Resource]]:
    """Return the autoscale settings that are on, by the resource they scale; absent `enabled` means off."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for setting in context.estate.of_type(AUTOSCALE):
        target = body.text(setting.body, "properties.targetResourceUri")
        if target and body.flag(setting.body, "properties.enabled"):
            found[ids.key(target)].append(setting)
    return found


def _required(context: Context, name: str) -> int:
    found = body.number(facts.parameter(context, f"min_instances.{name}", _THREE))
    return _THREE if found is None else found


def _with_autoscale(
    context: Context, resource: Resource, settings: Mapping[str, Sequence[Resource]], service: str, parameter: str
) -> Scale:
    own = settings.get(resource.key, ())
    profiles = [_profile(entry) for setting in own for entry in body.objects(setting.body, "properties.profiles")]
    gap = None
    if not own:
        gap = context.estate.type_gap(AUTOSCALE, ids.subscription_scope(resource.id))
    return Scale(
        service=service,
        required=_required(context, parameter),
        capacity=body.number(resource.body, "sku.capacity"),
        capacity_path="sku.capacity",
        profiles=profiles,
        gap=gap,
        inputs=[(setting.id, "properties.profiles") for setting in own],
        is_autoscaled=bool(own),
    )


def _plan(context: Context, plan: Resource, scale: Scale) -> Scale:
    """Return a plan's scale with what its tier says: whether it keeps instances, and whether it scales by itself."""
    sku = plan_sku(plan)
    if sku is None:
        name = body.text(plan.body, "sku.tier") or body.text(plan.body, "sku.name")
        return replace(scale, unknown={"onDemand": unknown_sku(plan, "sku.tier", name)})
    extra = {"onDemand": sku.is_on_demand}
    if sku.is_on_demand or not sku.scales_itself:
        return replace(scale, extra=extra)
    path = "properties.maximumElasticWorkerCount"
    maximum = body.number(plan.body, path)
    platform = Profile("platform", scale.capacity, scale.capacity, maximum, scales_out=True, scales_in=True)
    gap = context.estate.gap_at(plan.key, path)
    if maximum is None:
        gap = gap or Gap(plan.id, path, "the resource does not state it")
    return replace(
        scale, extra=extra, profiles=[platform], gap=None, inputs=[(plan.id, path)], is_autoscaled=True,
        unknown={} if gap is None else {"profiles": gap},
    )  # fmt: skip


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
    profile = Profile("autoscale", minimum, minimum, maximum, scales_out=True, scales_in=True)
    return Scale("gateway", required, minimum, f"{path}.minCapacity", [profile], is_autoscaled=True)


def _search(context: Context, search: Resource) -> Scale:
    """Return the replicas, one where none are given; three carry the read-write SLA, two the read-only one."""
    path = "properties.replicaCount"
    replicas = body.number(search.body, path)
    if replicas is None and body.value(search.body, path) is None:
        replicas = 1
    sla = None if replicas is None else "read-write" if replicas > 2 else "read-only" if replicas > 1 else "none"
    return Scale("search", _required(context, "search_replicas"), replicas, path, extra={"sla": sla})


def _traffic(context: Context, deployment: Resource) -> tuple[int | None, Gap | None]:
    """Return the share of traffic that the endpoint gives a deployment, or why it is not known."""
    endpoint = context.estate.get(ids.parent_of(deployment.id) or "/")
    if endpoint is None:
        unseen = context.estate.unseen(ids.parent_of(deployment.id) or "/")
        return None if unseen else 0, unseen
    if gap := context.estate.gap_at(endpoint.key, "properties.traffic"):
        return None, gap
    traffic = body.value(endpoint.body, "properties.traffic")
    shares = traffic if isinstance(traffic, Mapping) else {}
    name = ids.name_of(deployment.key)
    return next((body.number(share) for key, share in shares.items() if str(key).lower() == name), 0), None


def _fact(
    context: Context,
    resource: Resource,
    scale: Scale,
    extra: Mapping[str, object] | None = None,
    unknown: Mapping[str, Gap] | None = None,
) -> Fact:
    known = [number for number in scale.stated if number is not None]
    lowest = min(known, default=None)
    uncollected = {**scale.unknown, **(unknown or {})}
    if gap := _gap(context, resource, scale, lowest):
        uncollected["instances"] = gap
    if scale.gap is not None:
        uncollected |= dict.fromkeys(_AUTOSCALE_FIELDS, scale.gap)
    return facts.build(
        context,
        INSTANCES,
        resource.id,
        {
            "service": scale.service,
            "instances": lowest,
            "required": scale.required,
            "capacity": scale.capacity,
            "autoscaled": scale.is_autoscaled,
            "autoscaleMinimum": _lowest(profile.minimum for profile in scale.profiles),
            "autoscaleDefault": _lowest(profile.default for profile in scale.profiles),
            "autoscaleMaximum": _lowest(profile.maximum for profile in scale.profiles),
            "scalesOut": any(profile.scales_out for profile in scale.profiles),
            "scalesIn": any(profile.scales_in for profile in scale.profiles),
            "profiles": [_shown(profile) for profile in scale.profiles],
            **scale.extra,
            **(extra or {}),
        },
        summary=_summary(resource, scale, None if "instances" in uncollected else lowest),
        inputs=[(resource.id, scale.capacity_path), *scale.inputs],
        uncollected=uncollected,
    )


def _summary(resource: Resource, scale: Scale, lowest: int | None) -> str:
    """Say how many instances are sure to run, and how the number changes."""
    what = "replica" if scale.service == "search" else "instance"
    name = ids.name_of(resource.id)
    if lowest is None:
        return f"How many {what}s of {name} are sure to run is not known; the baseline asks for {scale.required}."
    count = f"{lowest} {what}{'' if lowest == 1 else 's'}"
    falls = scale.capacity is not None and scale.capacity > lowest
    said = f"{name} runs {scale.capacity} but may fall to {count}" if falls else f"{name} keeps at least {count}"
    said += f", where the baseline asks for {scale.required}"
    if scale.service == "search":
        return f"{said}."
    if scale.gap is not None:
        return f"{said}; whether it scales by itself is not known."
    if not scale.is_autoscaled:
        return f"{said}; it does not scale by itself."
    scales_out, scales_in = (any(getattr(one, way) for one in scale.profiles) for way in ("scales_out", "scales_in"))
    ways = {(True, True): "out and in", (True, False): "out but never in", (False, True): "in but never out"}
    fixed = all(one.maximum is not None and one.maximum == one.minimum for one in scale.profiles)
    room = ", but its maximum leaves no room" if fixed and (scales_out or scales_in) else ""
    return f"{said}; it scales {ways.get((scales_out, scales_in), 'neither out nor in')}{room}."


_AUTOSCALE_FIELDS: Final = (
    "autoscaled",
    "autoscaleMinimum",
    "autoscaleDefault",
    "autoscaleMaximum",
    "scalesOut",
    "scalesIn",
    "profiles",
)


def _gap(context: Context, resource: Resource, scale: Scale, lowest: int | None) -> Gap | None:
    """Return why the number is not known; once it is known to be too small, what is missing cannot raise it."""
    if lowest is not None and lowest < scale.required:
        return None
    if gap := context.estate.gap_at(resource.key, scale.capacity_path):
        return gap
    if scale.gap is not None:
        return scale.gap
    if any(number is None for number in scale.stated) or (scale.is_autoscaled and not scale.profiles):
        return Gap(resource.id, scale.capacity_path, "a number of instances is missing or not a number")
    return None


def _lowest(numbers: Iterator[int | None]) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _shown(profile: Profile) -> Mapping[str, object]:
    return {
        "name": profile.name,
        "minimum": profile.minimum,
        "default": profile.default,
        "maximum": profile.maximum,
        "scalesOut": profile.scales_out,
        "scalesIn": profile.scales_in,
    }


INSTANCE_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    INSTANCES: {
        "service": "`plan`, `gateway`, `search` or `online-deployment` (with traffic)",
        "instances": "the least number that is sure to run: capacity, and each profile's minimum and default",
        "required": "the number that the baseline asks for",
        "capacity": "the number now set: SKU capacity, replicas, or a gateway's minimum",
        "autoscaled": "whether an autoscale setting that is on targets the resource",
        "autoscaleMinimum": "the smallest minimum among its profiles",
        "autoscaleDefault": "the smallest default among its profiles",
        "autoscaleMaximum": "the smallest maximum among its profiles",
        "scalesOut": "whether a rule adds instances",
        "scalesIn": "whether a rule removes instances",
        "profiles[*].name": "a profile",
        "profiles[*].minimum": "its minimum",
        "profiles[*].default": "its default",
        "profiles[*].maximum": "its maximum",
        "profiles[*].scalesOut": "whether a rule of it adds instances",
        "profiles[*].scalesIn": "whether a rule of it removes instances",
        "sla": "of a search service: `read-write` (3 replicas), `read-only` (2) or `none`",
        "onDemand": "of a plan: whether the platform starts and stops instances, so that none are kept",
        "traffic": "of an online deployment: its share of the endpoint's traffic in percent",
    }
}
