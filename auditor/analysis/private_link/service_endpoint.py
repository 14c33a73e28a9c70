"""Tell of each service that the baseline's table names whether it has the private endpoint and names asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.analysis.private_link.dns import Registered, ZoneState
from auditor.analysis.private_link.endpoints import EndpointScope
from auditor.analysis.private_link.expected import EndpointRow
from auditor.analysis.private_link.reach import Candidate, Links, Reach, judge, plan_of, scopes_for
from auditor.architecture.workloads import may_have
from auditor.azure import body
from auditor.estate.private_connections import LISTED
from auditor.model import Gap, Resource


@record
class EndpointOfService(Record, frozen=True, kw_only=True):
    """A private endpoint that points at the service."""

    id: str
    """the private endpoint"""
    name: str
    """its name"""
    status: str | None
    """the connection's status as the endpoint says"""
    provisioning_state: str | None
    """the endpoint's provisioning state"""
    vnet: str | None
    """the virtual network it lies in"""
    in_workload_vnet: bool
    """whether that network counts for the workload"""
    target_status: str | None
    """the connection's status as the target says; absent where it says nothing"""
    target_agrees: bool | None
    """whether the target lists it as approved; absent where it states no connections"""
    wrong_group: bool
    """whether it connects to another sub-resource"""


@record
class RequiredZone(Record, frozen=True, kw_only=True):
    """A private DNS zone that the endpoint's names need."""

    name: str
    """the private DNS zone"""
    registered: bool | None
    """whether such a zone holds its record; absent if that is not known"""
    registration: Registered
    """what the record is kept by"""
    linked: bool | None
    """whether the zone is linked to the network; absent where that is not known"""
    link_state: str | None
    """the state of the link"""
    registration_enabled: bool | None
    """whether the link registers machines by itself"""
    zone_id: str | None
    """the zone"""
    records_match: bool | None
    """whether the records hold the endpoint's addresses; absent where none are listed"""
    addresses: tuple[str, ...]
    """what the names resolve to by the zone's records, where they were read"""


@fact("private_link.endpoint", subject="the service")
class ServiceEndpoint(Fact, frozen=True, kw_only=True):
    """Whether a service has the private endpoint and the names that the baseline asks for."""

    service: str
    """the row of the table that asks for the endpoint"""
    group_id: str
    """the sub-resource that the endpoint must connect to"""
    effective: Known[int]
    """how many endpoints are approved, provisioned, well placed and not denied by the target"""
    endpoint_count: Known[int]
    """how many endpoints connect to this group at all, in any state"""
    endpoints: tuple[EndpointOfService, ...]
    """the endpoints that point at the service, those for other required groups aside"""
    problems: tuple[str, ...]
    """what keeps each endpoint from counting"""
    dns_zones: tuple[RequiredZone, ...]
    """the private DNS zones that the baseline asks for"""
    dns_complete: Known[bool]
    """whether every required zone answers with the endpoint's address"""
    custom_dns: Known[bool]
    """whether the network's own DNS servers decide"""
    network_scope: Literal["workload", "any"]
    """`workload`, or `any` for a service outside every workload: then any network counts"""
    name: Hidden[str]
    lost_names: Hidden[Sequence[str]]

    def sentence(self) -> str:
        """Say whether there is a working endpoint, what keeps others from counting, and which names miss it."""
        if isinstance(self.effective, Gap):
            return f"Whether {self.name} has a working private endpoint for {self.group_id} is not known."
        if not self.effective:
            problems = f": {'; '.join(self.problems)}" if self.problems else ""
            return f"{self.name} has no working private endpoint for {self.group_id}{problems}."
        names = f", but {facts.listed(self.lost_names)} does not resolve to it" if self.lost_names else ""
        count = "a working private endpoint" if self.effective == 1 else f"{self.effective} working private endpoints"
        return f"{self.name} has {count} for {self.group_id}{names}."


class Case(Struct, frozen=True):
    """One requirement of one service in one scope."""

    row: EndpointRow
    resource: Resource
    group: str
    scope: EndpointScope
    sub_object: str


def endpoint_facts(links: Links, rows: Sequence[EndpointRow]) -> Iterator[ServiceEndpoint]:
    """Yield a fact per service that the table has a row for, group of that row, and workload that it serves."""
    roles = _roles(links.context)
    for resource_type in dict.fromkeys(row.type for row in rows):
        for resource in links.context.estate.of_type(resource_type):
            row = next((row for row in rows if row.type == resource_type and _fits(row, resource, roles)), None)
            if row is not None:
                yield from _facts_of(links, row, resource)
            settled = [] if row is None else [group for group, _ in row.groups]
            for possible, gap in _perhaps_fitting(links.context, rows, resource, roles):
                further = replace(possible, groups=tuple(one for one in possible.groups if one[0] not in settled))
                yield from _facts_of(links, further, resource, gap)
                settled += [group for group, _ in further.groups]


def _roles(context: Context) -> Mapping[str, set[str]]:
    """Return every role that each resource plays, in any workload."""
    found: dict[str, set[str]] = defaultdict(set)
    for workload in context.workloads.all:
        for component in workload.bindings:
            for resource in workload.resources(component):
                found[resource.key].add(component)
    return found


def _fits(row: EndpointRow, resource: Resource, roles: Mapping[str, set[str]]) -> bool:
    if row.kinds is not None and (body.text(resource.body, "kind") or "").lower() not in row.kinds:
        return False
    if row.component is not None and row.component not in roles.get(resource.key, ()):
        return False
    return row.plan is None or row.plan in roles.get(plan_of(resource), ())


def _perhaps_fitting(
    context: Context, rows: Sequence[EndpointRow], resource: Resource, roles: Mapping[str, set[str]]
) -> Iterator[tuple[EndpointRow, Gap]]:
    """Yield the rows for a role that a resource may have though it is not known to, up to the first that fits anyway."""
    for row in rows:
        if row.type != resource.type_key:
            continue
        if _fits(row, resource, roles):
            return
        if not _fits(replace(row, component=None, plan=None), resource, roles):
            continue
        lacking = [
            name
            for name, holder in ((row.component, resource.key), (row.plan, plan_of(resource)))
            if name is not None and name not in roles.get(holder, ())
        ]
        gaps = [may_have(context.estate, context.workloads, None, name) for name in lacking]
        gap = gaps[0] if all(gaps) else None  # something is lacking: without its roles the row fits
        if gap is not None:
            yield row, gap


def _facts_of(
    links: Links, row: EndpointRow, resource: Resource, doubt: Gap | None = None
) -> Iterator[ServiceEndpoint]:
    """Yield the facts of a row; `doubt` is why it is not known whether the row is for the resource."""
    scopes = scopes_for(links, resource)
    for group, zones in row.groups:
        for scope in scopes:
            shared = f"@{scope.role[0]}" if len(scopes) > 1 else ""
            case = Case(row, resource, group, scope, group + shared)
            yield _fact(links, case, judge(links, resource, [group], zones, scope), doubt)


def _fact(links: Links, case: Case, reach: Reach, doubt: Gap | None) -> ServiceEndpoint:
    required = {group.lower() for group, _ in case.row.groups}
    shown = [item for item in reach.candidates if not (item.wrong_group and required & set(item.connection.groups))]
    dns_gap = reach.dns_gap or (None if shown else reach.gap)
    return ServiceEndpoint(
        about=facts.about(
            links.context,
            case.resource.id,
            sub_object=case.sub_object,
            inputs=_inputs(case.resource, reach),
            role=case.scope.role if case.scope.workload else None,
        ),
        service=case.row.service,
        group_id=case.group,
        effective=reach.effective_gap or reach.effective or doubt or 0,
        endpoint_count=sum(not item.wrong_group for item in shown) or reach.gap or doubt or 0,
        endpoints=tuple(_endpoint(links, item) for item in shown),
        problems=tuple(f"{item.connection.endpoint.name}: {text}" for item in shown for text in item.problems),
        dns_zones=tuple(_zone(links, state) for state in reach.zones),
        dns_complete=dns_gap or reach.dns_complete or doubt or False,
        custom_dns=_custom_dns(reach),
        network_scope="workload" if case.scope.networks is not None else "any",
        name=case.resource.name,
        lost_names=[_lost(state) for state in reach.zones if state.complete is False],
    )


def _lost(state: ZoneState) -> str:
    """Return a zone whose names do not lead to the endpoint, with where they lead."""
    return f"{state.name} (its record leads to {facts.listed(state.found, 3)})" if state.found else state.name


def _custom_dns(reach: Reach) -> Known[bool]:
    """Return whether the network's own DNS servers decide, also where what they answer is what is not known."""
    if isinstance(reach.custom_dns, Gap) and reach.custom_dns.what != "related:dns":
        return reach.custom_dns
    return reach.custom_dns is not False


def _endpoint(links: Links, item: Candidate) -> EndpointOfService:
    connection = item.connection
    return EndpointOfService(
        id=connection.endpoint.id,
        name=connection.endpoint.name,
        status=connection.status,
        provisioning_state=connection.state,
        vnet=links.context.estate.spelled(connection.network),
        in_workload_vnet=item.in_network,
        target_status=item.target_status,
        target_agrees=item.target_agrees,
        wrong_group=item.wrong_group,
    )


def _zone(links: Links, state: ZoneState) -> RequiredZone:
    return RequiredZone(
        name=state.name,
        registered=state.registered,
        registration=state.registration,
        linked=state.linked,
        link_state=state.link_state,
        registration_enabled=state.registration_enabled,
        zone_id=links.context.estate.spelled(state.zone),
        records_match=state.records_match,
        addresses=state.found,
    )


def _inputs(resource: Resource, reach: Reach) -> Sequence[tuple[str, str]]:
    inputs = [(item.connection.endpoint.id, item.connection.path) for item in reach.candidates]
    inputs += [pair for state in reach.zones for pair in state.inputs]
    return [*dict.fromkeys(inputs), (resource.id, LISTED)]
