"""Derive the relations between resources from their properties, and name the ways to follow them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditor.azure.catalogue import Catalogue, shipped
from auditor.estate import lookup as lookups
from auditor.estate import network_relations, service_relations
from auditor.estate.lookup import (
    FEDERATED_CREDENTIALS,
    INTERFACES,
    NETWORKS,
    PRIVATE_ENDPOINTS,
    ROLE_DEFINITIONS,
    USER_IDENTITIES,
)
from auditor.estate.network_relations import (
    DDOS_PLANS,
    GATEWAYS,
    MACHINES,
    NAT_GATEWAYS,
    PUBLIC_ADDRESSES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    WAF_POLICIES,
    ZONE_GROUPS,
    ZONE_LINKS,
)
from auditor.estate.service_relations import (
    APPLICATION_INSIGHTS,
    AUTOSCALE_SETTINGS,
    DIAGNOSTIC_SETTINGS,
    ML_COMPUTES,
    ML_CONNECTIONS,
    MODEL_DEPLOYMENTS,
    OUTBOUND_RULES,
    SITE_CONFIGS,
    SITES,
)
from auditor.model import Relation, Resource
from auditor.snapshot.rows import ROLE_ASSIGNMENTS

CONTENT_POLICIES: Final = "microsoft.cognitiveservices/accounts/raipolicies"
ONLINE_ENDPOINTS: Final = "microsoft.machinelearningservices/workspaces/onlineendpoints"
PLANS: Final = "microsoft.web/serverfarms"
REGISTRIES: Final = "microsoft.containerregistry/registries"
STORAGE_ACCOUNTS: Final = "microsoft.storage/storageaccounts"
VAULTS: Final = "microsoft.keyvault/vaults"


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to go from a resource to related ones, by the name that rules use.

    `outward`: along the relation, else against it. `types`: lower-case types of what is found (empty: any); those types
    must have been collected for the answer to be known. `below`: what is found lies below the resource's own id.
    `stated_by`: further types that state the relation, and so must have been collected too. `own`: the resource itself
    states all of it, so that only what it names and is not here is missing.
    """

    kind: str
    outward: bool
    types: tuple[str, ...] = ()
    below: bool = False
    stated_by: tuple[str, ...] = ()
    own: bool = False


PRIVATE_DNS_ZONES: Final = "microsoft.network/privatednszones"

NAVIGATION: Final[Mapping[str, Navigation]] = {
    "parent": Navigation("contains", outward=False),
    "child": Navigation("contains", outward=True, below=True),
    "siteConfig": Navigation("contains", outward=True, types=(SITE_CONFIGS,), below=True),
    "compute": Navigation("contains", outward=True, types=(ML_COMPUTES,), below=True),
    "onlineEndpoint": Navigation("contains", outward=True, types=(ONLINE_ENDPOINTS,), below=True),
    "federatedCredential": Navigation("contains", outward=True, types=(FEDERATED_CREDENTIALS,), below=True),
    # private link: what endpoints say, and what their targets say
    "privateEndpoint": Navigation("private-endpoint-for", outward=False, types=(PRIVATE_ENDPOINTS,)),
    "privateEndpointTarget": Navigation("private-endpoint-for", outward=True, own=True),
    "connectedEndpoint": Navigation("private-endpoint-connection", outward=True, types=(PRIVATE_ENDPOINTS,)),
    "connectedTarget": Navigation("private-endpoint-connection", outward=False),
    "privateDnsZone": Navigation("registered-in", outward=True, types=(PRIVATE_DNS_ZONES,), stated_by=(ZONE_GROUPS,)),
    "registeredEndpoint": Navigation(
        "registered-in", outward=False, types=(PRIVATE_ENDPOINTS,), stated_by=(ZONE_GROUPS,)
    ),
    "linkedNetwork": Navigation("dns-zone-linked", outward=True, types=(NETWORKS,), stated_by=(ZONE_LINKS,)),
    "linkedZone": Navigation("dns-zone-linked", outward=False, types=(PRIVATE_DNS_ZONES,), stated_by=(ZONE_LINKS,)),
    # network placement
    "subnet": Navigation("attached", outward=True, types=(SUBNETS,), own=True),
    "network": Navigation("in-network", outward=True, types=(NETWORKS,)),
    "networkOccupant": Navigation("in-network", outward=False),
    "networkEndpoint": Navigation("in-network", outward=False, types=(PRIVATE_ENDPOINTS,)),
    "networkGateway": Navigation("in-network", outward=False, types=(GATEWAYS,)),
    "networkInterface": Navigation("attached", outward=False, types=(INTERFACES,)),
    "networkSecurityGroup": Navigation("attached", outward=False, types=(SECURITY_GROUPS,), own=True),
    "routeTable": Navigation("attached", outward=False, types=(ROUTE_TABLES,), own=True),
    "natGateway": Navigation("attached", outward=False, types=(NAT_GATEWAYS,), own=True),
    "publicIpAddress": Navigation("attached", outward=False, types=(PUBLIC_ADDRESSES,)),
    "owner": Navigation("attached", outward=True),
    "virtualMachine": Navigation("attached", outward=True, types=(MACHINES,), own=True),
    "peer": Navigation("peered", outward=True, types=(NETWORKS,), own=True),
    "ddosProtectionPlan": Navigation("protects", outward=False, types=(DDOS_PLANS,), own=True),
    # identities and roles
    "identity": Navigation("identity-of", outward=False, types=(USER_IDENTITIES,), own=True),
    "principal": Navigation("identity-of", outward=False),
    "identityUser": Navigation("identity-of", outward=True),
    "roleAssignment": Navigation("assigned-on", outward=False, types=(ROLE_ASSIGNMENTS,)),
    "grant": Navigation("assigned-to", outward=False, types=(ROLE_ASSIGNMENTS,)),
    "grantee": Navigation("assigned-to", outward=True),
    "roleScope": Navigation("assigned-on", outward=True, own=True),
    "roleDefinition": Navigation("role-of", outward=False, types=(ROLE_DEFINITIONS,), own=True),
    # monitoring
    "diagnosticSetting": Navigation("diagnostics-of", outward=False, types=(DIAGNOSTIC_SETTINGS,), below=True),
    "logDestination": Navigation("sends-to", outward=True, own=True),
    "logAnalytics": Navigation("sends-to", outward=True, types=("microsoft.operationalinsights/workspaces",), own=True),
    "autoscale": Navigation("scales", outward=False, types=(AUTOSCALE_SETTINGS,)),
    # services
    "contentFilter": Navigation("content-filter-of", outward=False, types=(CONTENT_POLICIES,), own=True),
    "filteredDeployment": Navigation("content-filter-of", outward=True, types=(MODEL_DEPLOYMENTS,)),
    "storageAccount": Navigation("uses", outward=True, types=(STORAGE_ACCOUNTS,), own=True),
    "keyVault": Navigation("uses", outward=True, types=(VAULTS,), own=True),
    "registry": Navigation("uses", outward=True, types=(REGISTRIES,), own=True),
    "applicationInsights": Navigation("uses", outward=True, types=(APPLICATION_INSIGHTS,), own=True),
    "user": Navigation("uses", outward=False),
    "managedEndpointTarget": Navigation("managed-endpoint-for", outward=True, stated_by=(OUTBOUND_RULES,)),
    "connectionTarget": Navigation("connects-to", outward=True, stated_by=(ML_CONNECTIONS,)),
    "plan": Navigation("hosted-on", outward=True, types=(PLANS,), own=True),
    "site": Navigation("hosted-on", outward=False, types=(SITES,)),
    "backend": Navigation("forwards-to", outward=True, stated_by=(SITES,)),
    "gateway": Navigation("forwards-to", outward=False, types=(GATEWAYS,)),
    "wafPolicy": Navigation("waf-policy-of", outward=False, types=(WAF_POLICIES,), own=True),
}

_READERS: Final = {**network_relations.READERS, **service_relations.READERS}
NAMING_OTHERS: Final = frozenset(
    {
        *(_READERS.keys() - {ROLE_ASSIGNMENTS, SITE_CONFIGS}),
        *(item.key for item in shipped() if item.calls_others or item.private_link),
    }
)
"""Types, in lower case, whose properties are known to name other resources by id; what holds a role stands elsewhere."""


def derive(resources: Iterable[Resource], catalogue: Catalogue | None = None) -> Iterator[Relation]:
    """Yield every relation that the resources' own properties state; the same one may come from both of its ends.

    It goes through them twice: an iterator is kept in memory, anything else is asked again. The catalogue (the tool's
    own where it is None) says which types have host names.
    """
    known = list(resources) if isinstance(resources, Iterator) else resources
    lookup = lookups.build(known, catalogue or shipped())
    for resource in known:
        yield from service_relations.read_any(resource, lookup)
        if reader := _READERS.get(resource.type_key):
            yield from reader(resource, lookup)
