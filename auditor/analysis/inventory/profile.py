"""Tell whether a workload was deployed with the cheaper profile that is meant for development."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Known, fact
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload, better_anchor, unknown_because
from auditor.azure import body
from auditor.model import Gap, Resource

_TELLING: Final = 2  # marks that together are no coincidence, whatever is not known of the others


@fact("inventory.profile", subject="the anchor of the workload")
class DevelopmentProfile(Fact, frozen=True, kw_only=True):
    """Which marks of the development profile a workload shows; two together are no coincidence."""

    plan_without_zones: Known[bool]
    """an S1 plan without zones"""
    gateway_without_zones: Known[bool]
    """a gateway of two instances without zones"""
    public_address_without_zones: Known[bool]
    """a public IP address without zones"""
    network_without_ddos_protection: Known[bool]
    """no DDoS protection"""
    count: Known[int]
    """how many of the marks are there; not known while fewer than two are seen and one is not known"""

    def sentence(self) -> str:
        """Say how many marks the workload shows, and which."""
        marks = (
            (self.plan_without_zones, "an S1 plan without zones"),
            (self.gateway_without_zones, "a gateway of two instances without zones"),
            (self.public_address_without_zones, "a public IP address without zones"),
            (self.network_without_ddos_protection, "no DDoS protection"),
        )
        shown = [words for is_shown, words in marks if is_shown is True]
        which = f": {', '.join(shown)}." if shown else "."
        return (
            f"Workload {self.about.workload} shows {len(shown)} of {len(marks)} marks of the development profile{which}"
        )


class MarkReading(Struct, frozen=True):
    """How a mark is read: what shows it, whose related resources (or its own), by which paths."""

    capability: str
    paths: tuple[str, ...]
    shows: Callable[[Resource], bool]
    relation: str = ""


def _is_small_plan(plan: Resource) -> bool:
    is_small = (body.text(plan.body, "sku.name") or "").upper() == "S1"
    return is_small and body.value(plan.properties, "zoneRedundant") is not True


def _is_small_gateway(gateway: Resource) -> bool:
    minimum = body.value(gateway.properties, "autoscaleConfiguration.minCapacity")
    return _has_no_zones(gateway) and str(minimum) == "2"


def _has_no_zones(resource: Resource) -> bool:
    return not body.value(resource.body, "zones")


def _is_unprotected(network: Resource) -> bool:
    return body.value(network.properties, "enableDdosProtection") is not True


_PLAN: Final = MarkReading(capabilities.SCALED_PLAN, ("sku.name", "properties.zoneRedundant"), _is_small_plan)
_GATEWAY: Final = MarkReading(
    capabilities.ENTRY_POINT, ("zones", "properties.autoscaleConfiguration.minCapacity"), _is_small_gateway
)
_ADDRESS: Final = MarkReading(capabilities.ENTRY_POINT, ("zones",), _has_no_zones, relation="publicIpAddress")
_NETWORK: Final = MarkReading(capabilities.NETWORK, ("properties.enableDdosProtection",), _is_unprotected)


def profile_fact(context: Context, workload: Workload) -> DevelopmentProfile:
    """Return which marks of the development profile a workload shows."""
    read = {sign: _judged(context, workload, sign) for sign in (_PLAN, _GATEWAY, _ADDRESS, _NETWORK)}
    marks = {sign: _mark(sign, resources) for sign, resources in read.items()}
    return DevelopmentProfile(
        about=facts.about(
            context,
            workload.anchor.id,
            sub_object="profile",
            role=(workload.name, context.workloads.role_of(workload.anchor.key)[1]),
            inputs=[
                (resource.id, path)
                for sign, resources in read.items()
                for resource in (() if isinstance(resources, Gap) else resources)
                for path in sign.paths
            ],
        ),
        plan_without_zones=marks[_PLAN],
        gateway_without_zones=marks[_GATEWAY],
        public_address_without_zones=marks[_ADDRESS],
        network_without_ddos_protection=marks[_NETWORK],
        count=better_anchor(context.estate, context.workloads, workload) or _count(list(marks.values())),
    )


def _judged(context: Context, workload: Workload, sign: MarkReading) -> Known[Sequence[Resource]]:
    """Return the resources that show a sign or not."""
    bound = workload.giving(sign.capability)
    if not bound:
        lacking = context.workloads.components_giving(sign.capability)
        gaps = (unknown_because(context.estate, context.workloads, workload, name) for name in lacking)
        return next((gap for gap in gaps if gap), None) or ()
    if not sign.relation:
        return bound
    gaps = (context.estate.relation_gap(resource.id, sign.relation) for resource in bound)
    if gap := next((gap for gap in gaps if gap), None):
        return gap
    return [address for resource in bound for address in context.estate.related(resource.id, sign.relation)]


def _mark(sign: MarkReading, resources: Known[Sequence[Resource]]) -> Known[bool]:
    return resources if isinstance(resources, Gap) else any(map(sign.shows, resources))


def _count(marks: Sequence[Known[bool]]) -> Known[int]:
    count = sum(mark is True for mark in marks)
    gaps = [mark for mark in marks if isinstance(mark, Gap)]
    return min(gaps) if gaps and count < _TELLING else count
