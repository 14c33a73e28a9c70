"""Derive whether each service has the private endpoint and the names that its baseline asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.private_link import reach as private_reach
from auditor.analysis.private_link.connection import (
    CONNECTION,
    CONNECTION_FIELDS,
    ZONE,
    ZONE_FIELDS,
    connection_facts,
    zone_facts,
)
from auditor.analysis.private_link.dns import ZoneState
from auditor.analysis.private_link.endpoints import ENDPOINTS, EndpointScope
from auditor.analysis.private_link.expected import TABLE, EndpointRow, rows_of
from auditor.analysis.private_link.reach import ANYWHERE, Candidate, Links, Reach
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.model import Fact, Gap, Json, Resource

ENDPOINT: Final = "private_link.endpoint"
_SERVICES: Final[Mapping[str, Sequence[str]]] = {
    "account": ("openai", "ai-services"),
    "workspace": ("workspace",),
    "search": ("search",),
    "registry": ("registry",),
    "vault": ("vault",),
    "storage": ("workspace-storage", "storage"),
    "site": ("app",),
    "slot": ("app-slot",),
}
"""The services of the table, by the label of their types."""
_SUBJECTS: Final[Mapping[str, Sequence[Json]]] = {
    shipped().labelled(label).name: [{"service": service} for service in services]
    for label, services in _SERVICES.items()
}


def run(context: Context) -> Iterator[Fact]:
    """Yield the endpoint facts of every service that the table names, then connections and zones."""
    links = private_reach.read(context)
    rows = rows_of(context)
    roles = _roles(context)
    for resource_type in dict.fromkeys(row.type for row in rows):
        for resource in context.estate.of_type(resource_type):
            row = next((row for row in rows if row.type == resource_type and _fits(row, resource, roles)), None)
            if row is not None:
                yield from _facts_of(links, row, resource)
    yield from connection_facts(links, [row.type for row in rows])
    yield from zone_facts(links)


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
    return row.plan is None or row.plan in roles.get(_plan_of(resource), ())


def _plan_of(resource: Resource) -> str:
    return ids.key(body.text(resource.body, "properties.serverFarmId") or "")


def scopes_for(links: Links, resource: Resource) -> Sequence[EndpointScope]:
    """Return the scopes a service is judged in: its own, else those of its site or plan, else anywhere."""
    if own := links.scopes.get(resource.key):
        return own
    for owner in (ids.parent_of(resource.key) or "", _plan_of(resource)):
        if found := links.scopes.get(owner):
            return [replace(scope, component=None) for scope in found]
    return [ANYWHERE]


@dataclass(frozen=True, slots=True)
class Case:
    """One requirement of one service in one scope."""

    row: EndpointRow
    resource: Resource
    group: str
    scope: EndpointScope
    sub_object: str


def _facts_of(links: Links, row: EndpointRow, resource: Resource) -> Iterator[Fact]:
    scopes = scopes_for(links, resource)
    for group, zones in row.groups:
        for scope in scopes:
            shared = f"@{scope.role[0]}" if len(scopes) > 1 else ""
            case = Case(row, resource, group, scope, group + shared)
            yield _fact(links, case, private_reach.judge(links, resource, [group], zones, scope))


def _fact(links: Links, case: Case, reach: Reach) -> Fact:
    required = {group.lower() for group, _ in case.row.groups}
    shown = [item for item in reach.candidates if not (item.wrong_group and required & set(item.connection.groups))]
    problems = [f"{item.connection.endpoint.name}: {text}" for item in shown for text in item.problems]
    uncollected: dict[str, Gap] = {}
    if reach.effective_gap:
        uncollected["effective"] = reach.effective_gap
    if gap := reach.dns_gap or (reach.gap if not shown else None):
        uncollected["dnsComplete"] = gap
    if isinstance(reach.custom_dns, Gap) and not _is_own_dns(reach.custom_dns):
        uncollected["customDns"] = reach.custom_dns
    return facts.build(
        links.context,
        ENDPOINT,
        case.resource.id,
        {
            "service": case.row.service,
            "groupId": case.group,
            "effective": reach.effective,
            "endpointCount": sum(not item.wrong_group for item in shown),
            "endpoints": [_endpoint(links, item) for item in shown],
            "problems": problems,
            "dnsZones": [_zone(links, state) for state in reach.zones],
            "dnsComplete": reach.dns_complete,
            "customDns": reach.custom_dns is True or isinstance(reach.custom_dns, Gap),
            "networkScope": "workload" if case.scope.networks is not None else "any",
        },
        sub_object=case.sub_object,
        summary=_summary(case.resource, case.group, reach, problems),
        inputs=_inputs(case.resource, reach),
        uncollected=uncollected,
        role=case.scope.role if case.scope.workload else None,
    )


def _is_own_dns(gap: Gap) -> bool:
    return gap.what == "related:dns"


def _endpoint(links: Links, item: Candidate) -> Mapping[str, object]:
    connection = item.connection
    return {
        "id": connection.endpoint.id,
        "name": connection.endpoint.name,
        "status": connection.status,
        "provisioningState": connection.state,
        "vnet": links.context.estate.spelled(connection.network),
        "inWorkloadVnet": item.in_network,
        "targetStatus": item.target_status,
        "targetAgrees": item.target_agrees,
        "wrongGroup": item.wrong_group,
    }


def _zone(links: Links, state: ZoneState) -> Mapping[str, object]:
    return {
        "name": state.name,
        "registered": state.registered,
        "registration": state.registration,
        "linked": state.linked,
        "linkState": state.link_state,
        "registrationEnabled": state.registration_enabled,
        "zoneId": links.context.estate.spelled(state.zone),
        "recordsMatch": state.records_match,
    }


def _inputs(resource: Resource, reach: Reach) -> Sequence[tuple[str, str]]:
    found = [(item.connection.endpoint.id, item.connection.path) for item in reach.candidates]
    found += [pair for state in reach.zones for pair in state.inputs]
    return [*dict.fromkeys(found), (resource.id, "properties.privateEndpointConnections")]


def _summary(resource: Resource, group: str, reach: Reach, problems: Sequence[str]) -> str:
    if reach.effective_gap:
        return f"Whether {resource.name} has a working private endpoint for {group} is not known."
    if not reach.effective:
        return f"{resource.name} has no working private endpoint for {group}" + (
            f": {'; '.join(problems)}." if problems else "."
        )
    missing = [state.name for state in reach.zones if state.complete is False]
    names = f", but {facts.listed(missing)} does not resolve to it" if missing else ""
    count = "a working private endpoint" if reach.effective == 1 else f"{reach.effective} working private endpoints"
    return f"{resource.name} has {count} for {group}{names}."


ANALYSIS: Final = Analysis(
    name="private_link",
    facts={
        ENDPOINT: {
            "service": "the row of the table that asks for the endpoint",
            "groupId": "the sub-resource that the endpoint must connect to",
            "effective": "how many endpoints are approved, provisioned, well placed and not denied by the target",
            "endpointCount": "how many endpoints connect to this group at all, in any state",
            "endpoints[*].id": "the private endpoint",
            "endpoints[*].name": "its name",
            "endpoints[*].status": "the connection's status as the endpoint says",
            "endpoints[*].provisioningState": "the endpoint's provisioning state",
            "endpoints[*].vnet": "the virtual network it lies in",
            "endpoints[*].inWorkloadVnet": "whether that network counts for the workload",
            "endpoints[*].targetStatus": "the connection's status as the target says, null where it says nothing",
            "endpoints[*].targetAgrees": "whether the target lists it as approved, null where it states no connections",
            "endpoints[*].wrongGroup": "whether it connects to another sub-resource",
            "problems[*]": "what keeps each endpoint from counting",
            "dnsZones[*].name": "the private DNS zone",
            "dnsZones[*].registered": "whether such a zone holds its record, null if unknown",
            "dnsZones[*].registration": "`zone group`, `record kept by hand` or `none`",
            "dnsZones[*].linked": "whether the zone is linked to the network, null where not known",
            "dnsZones[*].linkState": "the state of the link",
            "dnsZones[*].registrationEnabled": "whether the link registers machines by itself",
            "dnsZones[*].zoneId": "the zone",
            "dnsZones[*].recordsMatch": "whether the records hold the endpoint's addresses, null where none are listed",
            "dnsComplete": "whether every required zone answers with the endpoint's address",
            "customDns": "whether the network's own DNS servers decide",
            "networkScope": "`workload`, or `any` for a service outside every workload: then any network counts",
        },
        **CONNECTION_FIELDS,
        **ZONE_FIELDS,
    },
    run=run,
    reads=frozenset(
        {
            "microsoft.network/privateendpoints",
            "microsoft.network/privateendpoints/privatednszonegroups",
            "microsoft.network/privatednszones",
            "microsoft.network/privatednszones/virtualnetworklinks",
            "microsoft.network/privatednszones/a",
            "microsoft.network/networkinterfaces",
            "microsoft.network/virtualnetworks",
            "microsoft.machinelearningservices/workspaces/outboundrules",
            "microsoft.web/sites/privateendpointconnections",
            *map(str.lower, _SUBJECTS),
        }
    ),
    parameters=frozenset({"workload_vnets", "central_private_dns_zones", "foreign_private_endpoints"}),
    tables=frozenset({TABLE}),
    subjects={
        ENDPOINT: _SUBJECTS,
        CONNECTION: {**{name: [{"side": "target"}] for name in _SUBJECTS}, ENDPOINTS: [{"side": "endpoint"}]},
        ZONE: {"Microsoft.Network/privateDnsZones": [{}]},
    },
)
