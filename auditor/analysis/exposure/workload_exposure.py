"""Tell whether a workload is reached from the Internet past what is allowed to face it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import REACHED, EntryPoint, EntryState
from auditor.analysis.exposure.services import TELEMETRY
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture.workloads import Workload, better_anchor
from auditor.model import Gap


@record
class UnexpectedWay(Record):
    """A way in that belongs to no allowed kind of holder."""

    resource: str
    """the id of what is reached by an unexpected way"""
    name: str
    """its name, with the part that is reached"""
    port: str
    """the port"""
    state: Literal[EntryState.OPEN, EntryState.RESTRICTED]
    """`open` or `restricted`"""
    by: str
    """what decides"""


@fact("exposure.workload", subject="the anchor of the workload")
class WorkloadExposure(Fact):
    """Which ways lead from the Internet into a workload."""

    entries: int
    """how many ways in there are that are not closed"""
    unexpected: Known[int]
    """how many of them belong to no allowed kind of holder, monitoring endpoints not counted"""
    telemetry: int
    """how many of them take or show monitoring data"""
    ways: tuple[UnexpectedWay, ...]
    """the unexpected ways"""
    gateway_open: bool
    """whether the Application Gateway is reached at all"""
    past_gateway: Hidden[tuple[EntryPoint, ...]]
    doubtful: Hidden[tuple[EntryPoint, ...]]

    def sentence(self) -> str:
        """Say what is reached past the gateway, or may be."""
        if self.past_gateway:
            names = sorted({entry.resource.name for entry in self.past_gateway})
            reached = f"is reached from the Internet past its gateway: {facts.listed(names)}"
        elif self.doubtful:
            doubt = self.doubtful[0]
            reached = f"may be reached from the Internet past its gateway: {doubt.resource.name}, {doubt.by}"
        elif isinstance(self.unexpected, Gap):
            reached = "may be reached from the Internet by ways that were not seen"
        else:
            reached = "is reached from the Internet through allowed ways only"
        return f"Workload {self.about.workload} {reached}."


def workload_fact(
    context: Context,
    workload: Workload,
    entries: Sequence[EntryPoint],
    allowed: AbstractSet[str],
    unseen: Gap | None = None,
) -> WorkloadExposure:
    """Return which of the estate's ways in lead into a workload; `allowed` are kinds of holders in lower case.

    `unseen` is why there may be ways in that are not among the entries.
    """
    own = [entry for entry in entries if _belongs(context, workload, entry)]
    ways = [entry for entry in own if entry.state in REACHED]
    unexpected = [entry for entry in ways if _is_unexpected(entry, allowed)]
    doubtful = [entry for entry in own if entry.state is EntryState.UNKNOWN and _is_unexpected(entry, allowed)]
    return WorkloadExposure(
        about=facts.about(
            context,
            workload.anchor.id,
            sub_object=workload.name,
            role=(workload.name, None),
            inputs=[(entry.resource.id, "properties") for entry in unexpected or ways],
        ),
        entries=len(ways),
        unexpected=better_anchor(context.estate, context.workloads, workload)
        or len(unexpected)
        or (doubtful[0].why_unknown if doubtful else unseen)
        or 0,
        telemetry=sum(entry.kind == TELEMETRY for entry in ways),
        ways=tuple(map(_way, unexpected)),
        gateway_open=any(entry.kind == "applicationGateway" for entry in ways),
        past_gateway=tuple(unexpected),
        doubtful=tuple(doubtful),
    )


def _belongs(context: Context, workload: Workload, entry: EntryPoint) -> bool:
    """Whether a way in leads into a workload: to its resources, its networks, or into the resource group of its anchor."""
    if context.workloads.role_of(entry.resource.key)[0] == workload.name:
        return True
    networks = {network.key for network in workload.resources("vnet")}
    if networks & set(context.estate.targets(entry.resource.key, "in-network")):
        return True
    group, own = ids.resource_group_of(entry.resource.id), ids.resource_group_of(workload.anchor.id)
    same = ids.subscription_of(entry.resource.key) == ids.subscription_of(workload.anchor.key)
    return same and group is not None and own is not None and group.lower() == own.lower()


def _is_unexpected(entry: EntryPoint, allowed: AbstractSet[str]) -> bool:
    return entry.kind != TELEMETRY and entry.kind.lower() not in allowed


def _way(entry: EntryPoint) -> UnexpectedWay:
    return UnexpectedWay(
        resource=entry.resource.id,
        name=entry.title,
        port=entry.port,
        state=EntryState.OPEN if entry.state is EntryState.OPEN else EntryState.RESTRICTED,
        by=entry.by,
    )
