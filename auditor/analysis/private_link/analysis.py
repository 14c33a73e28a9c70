"""Derive whether each service has the private endpoint and the names that its baseline asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact
from auditor.analysis.private_link import reach
from auditor.analysis.private_link.connection import PrivateConnection, connection_facts
from auditor.analysis.private_link.endpoints import judged_networks
from auditor.analysis.private_link.expected import TABLE, rows_of
from auditor.analysis.private_link.outgoing import PARAMETER as TARGETS
from auditor.analysis.private_link.outgoing import OutgoingLink, outgoing_facts
from auditor.analysis.private_link.service_endpoint import ServiceEndpoint, endpoint_facts
from auditor.analysis.private_link.zone import ZoneUse, zone_facts
from auditor.azure.catalogue import shipped, spelled
from auditor.estate.coded_relations import ENDPOINT_CONNECTIONS
from auditor.estate.lookup import INTERFACES, NETWORKS, PRIVATE_ENDPOINTS
from auditor.estate.navigation import PRIVATE_DNS_ZONES
from auditor.estate.network_relations import ZONE_GROUPS, ZONE_LINKS
from auditor.estate.private_connections import ENDPOINTS
from auditor.estate.service_relations import OUTBOUND_RULES, SHARED_LINKS
from auditor.network.private_names import RECORD_TYPES

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
_SUBJECTS: Final[Mapping[str, Sequence[Mapping[str, object]]]] = {
    shipped().labelled(label).name: [{"service": service} for service in services]
    for label, services in _SERVICES.items()
}


def run(context: Context) -> Iterator[Fact]:
    """Yield the endpoint facts of every service that the table names, then connections and zones."""
    links, rows = reach.read(context), rows_of(context)
    yield from endpoint_facts(links, rows)
    yield from connection_facts(links, [row.type for row in rows])
    yield from zone_facts(links)
    yield from outgoing_facts(context)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield, at each judged network, why more zones than are known may be asked from there."""
    for network, _ in judged_networks(context):
        gap = context.estate.type_gap(ENDPOINTS) or context.estate.type_gap(ZONE_GROUPS)
        if gap is not None:
            yield Unlisted(ZoneUse.fact_kind, replace(gap, scope=context.estate.spelled(network) or network))


ANALYSIS: Final = Analysis(
    name="private_link",
    kinds=(ServiceEndpoint, PrivateConnection, ZoneUse, OutgoingLink),
    run=run,
    reads=frozenset(
        {
            PRIVATE_ENDPOINTS,
            ZONE_GROUPS,
            PRIVATE_DNS_ZONES,
            ZONE_LINKS,
            *RECORD_TYPES,
            INTERFACES,
            NETWORKS,
            OUTBOUND_RULES,
            SHARED_LINKS,
            "microsoft.web/sites/privateendpointconnections",
            *map(str.lower, _SUBJECTS),
        }
    ),
    details=ENDPOINT_CONNECTIONS,
    parameters=frozenset({"workload_vnets", "central_private_dns_zones", "foreign_private_endpoints", TARGETS}),
    tables=frozenset({TABLE}),
    subjects={
        ServiceEndpoint.fact_kind: _SUBJECTS,
        PrivateConnection.fact_kind: {
            **{name: [{"side": "target"}] for name in _SUBJECTS},
            ENDPOINTS: [{"side": "endpoint"}],
        },
        ZoneUse.fact_kind: {PRIVATE_DNS_ZONES: [{}]},
        OutgoingLink.fact_kind: {
            spelled(OUTBOUND_RULES): [{"openedBy": "workspace"}],
            spelled(SHARED_LINKS): [{"openedBy": "search"}],
        },
    },
    unlisted=unlisted,
    is_by_kind=True,
)
