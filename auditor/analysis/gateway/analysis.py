"""Derive what an Application Gateway lets in, over which encryption, behind which firewall, and where it sends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact
from auditor.analysis.gateway import backend
from auditor.analysis.gateway.backend import APPS, Backend, backend_facts
from auditor.analysis.gateway.certificate import ListenerCertificate, certificate_facts
from auditor.analysis.gateway.listener import Listener, listener_facts
from auditor.analysis.gateway.policy import WafPolicy, policy_facts
from auditor.analysis.gateway.route import BackendRoute, route_facts
from auditor.analysis.gateway.transport import GatewayTls, tls_facts
from auditor.azure.catalogue import spelled
from auditor.estate.coded_relations import ENDPOINT_CONNECTIONS
from auditor.estate.lookup import INTERFACES, NETWORKS, PRIVATE_ENDPOINTS
from auditor.estate.navigation import PRIVATE_DNS_ZONES, VAULTS
from auditor.estate.network_relations import GATEWAYS, MACHINES, SCALE_SETS, WAF_POLICIES, ZONE_GROUPS, ZONE_LINKS
from auditor.estate.service_relations import SECRETS
from auditor.network.membership import Membership
from auditor.network.private_names import RECORD_TYPES
from auditor.rbac.read import READS

_KINDS: Final[tuple[type[Fact], ...]] = (Listener, GatewayTls, Backend, BackendRoute)


def run(context: Context) -> Iterator[Fact]:
    """Yield what every firewall policy stops; of every gateway the certificates, listeners, TLS policies, routes and backends."""
    yield from policy_facts(context)
    gateways, members = context.estate.of_type(GATEWAYS), context.estate.once(Membership)
    yield from certificate_facts(context, gateways)
    backends = backend.read(context) if gateways else None
    for gateway in gateways:
        yield from listener_facts(context, gateway)
        yield from tls_facts(context, gateway)
        yield from route_facts(context, members, gateway)
        if backends is not None:
            yield from backend_facts(backends, gateway)


_READS: Final[Sequence[str]] = (
    GATEWAYS,
    WAF_POLICIES,
    PRIVATE_ENDPOINTS,
    ZONE_GROUPS,
    PRIVATE_DNS_ZONES,
    ZONE_LINKS,
    INTERFACES,
    MACHINES,
    NETWORKS,
    SCALE_SETS,
    VAULTS,
    *READS,
    *APPS,
)

ANALYSIS: Final = Analysis(
    name="gateway",
    kinds=(*_KINDS, WafPolicy, ListenerCertificate),
    run=run,
    reads=frozenset(name.lower() for name in _READS),
    details=frozenset({SECRETS, *ENDPOINT_CONNECTIONS, *RECORD_TYPES}),
    parameters=frozenset({"workload_vnets", "central_private_dns_zones"}),
    tables=frozenset({"private-endpoints"}),
    subjects={
        **{kind.fact_kind: {GATEWAYS: [{}]} for kind in _KINDS},
        ListenerCertificate.fact_kind: {spelled(GATEWAYS): [{}]},
        WafPolicy.fact_kind: {spelled(WAF_POLICIES): [{}]},
    },
)
