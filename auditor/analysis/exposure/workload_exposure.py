"""Tell whether a workload is reached from the Internet past what is allowed to face it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import ClassVar, Literal

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import REACHED, EntryPoint, EntryState
from auditor.analysis.exposure.services import TELEMETRY
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload, better_anchor, may_have_any
from auditor.model import Gap, Resource


@record
class UnexpectedWay(Record, frozen=True, kw_only=True):
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
class WorkloadExposure(Fact, frozen=True, kw_only=True):
    """Which ways lead from the Internet into a workload."""

    grounds: ClassVar[Mapping[str, str]] = {"unexpected": "ways"}
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
            names = sorted({entry.resource.name for entry in self.past_gateway}, key=str.lower)
            reached = f"is reached from the Internet past its gateway: {facts.listed(names)}"
        elif self.doubtful:
            doubt = self.doubtful[0]
            reached = f"may be reached from the Internet past its gateway: {doubt.resource.name}, {doubt.by}"
        elif isinstance(self.unexpected, Gap):
            reached = "may be reached from the Internet by ways that were not seen"
        else:
            reached = "is reached from the Internet through allowed ways only"
        return f"Workload {self.about.workload} {reached}."


class PlacedEntries:
    """Ways in, found by where they lead: the workload that a resource belongs to, its networks, its resource group."""

    def __init__(self, context: Context, entries: Sequence[EntryPoint]) -> None:
        self._context = context
        self._entries = entries
        self._by_workload: dict[str | None, list[int]] = defaultdict(list)
        self._by_network: dict[str, list[int]] = defaultdict(list)
        self._by_group: dict[str | None, list[int]] = defaultdict(list)
        self._by_resource: dict[str, list[int]] = defaultdict(list)
        for place, entry in enumerate(entries):
            self._by_workload[context.workloads.role_of(entry.resource.key)[0]].append(place)
            self._by_group[_group_of(entry.resource.key)].append(place)
            self._by_resource[entry.resource.key].append(place)
            for network in context.estate.targets(entry.resource.key, "in-network"):
                self._by_network[network].append(place)

    def at(self, resource: Resource) -> Sequence[EntryPoint]:
        """Return the ways in at a resource itself."""
        return [self._entries[place] for place in self._by_resource.get(resource.key, ())]

    def of(self, workload: Workload) -> Sequence[EntryPoint]:
        """Return the ways into a workload: to its resources, its networks, or the resource group of its anchor."""
        group = _group_of(workload.anchor.key)
        places = {*self._by_workload.get(workload.name, ()), *(self._by_group.get(group, ()) if group else ())}
        for network in workload.giving(capabilities.NETWORK):
            places |= set(self._by_network.get(network.key, ()))
        return [self._entries[place] for place in sorted(places)]

    def unplaced(self, workload: Workload) -> Gap | None:
        """Return why ways into some network may be ways into a workload that no network is known of, or None."""
        if workload.giving(capabilities.NETWORK) or not self._by_network:
            return None
        context = self._context
        roles = context.workloads.components_giving(capabilities.NETWORK)
        return may_have_any(context.estate, context.workloads, workload, roles)


def _group_of(key: str) -> str | None:
    """Return the scope of the resource group that a resource lies in, None where it lies in none."""
    group = ids.resource_group_of(key)
    return None if group is None else f"{ids.subscription_scope(key)}/{group}".lower()


def workload_fact(
    context: Context,
    workload: Workload,
    entries: PlacedEntries,
    allowed: AbstractSet[str],
    unseen: Gap | None = None,
) -> WorkloadExposure:
    """Return which of the estate's ways in lead into a workload; `allowed` are kinds of holders in lower case.

    `unseen` is why there may be ways in that are not among the entries.
    """
    own = entries.of(workload)
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
        or (doubtful[0].why_unknown if doubtful else unseen or entries.unplaced(workload))
        or 0,
        telemetry=sum(entry.kind == TELEMETRY for entry in ways),
        ways=tuple(map(_way, unexpected)),
        gateway_open=any(entry.kind == "applicationGateway" for entry in ways),
        past_gateway=tuple(unexpected),
        doubtful=tuple(doubtful),
    )


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
