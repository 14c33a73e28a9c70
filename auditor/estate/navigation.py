"""Derive the relations between resources from their properties, and name the ways to follow them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import Catalogue, shipped, ways
from auditor.azure.relation import Inherited, Navigation
from auditor.estate import lookup as lookups
from auditor.estate import monitoring_relations, network_relations, service_relations, stated_relations
from auditor.estate.lookup import (
    FEDERATED_CREDENTIALS,
    INTERFACES,
    MACHINES,
    ML_CONNECTIONS,
    ML_WORKSPACES,
    NETWORKS,
    PRIVATE_ENDPOINTS,
    ROLE_DEFINITIONS,
    ROUTE_TABLES,
    SUBNETS,
    USER_IDENTITIES,
)
from auditor.estate.monitoring_relations import (
    ACTION_GROUPS,
    ACTIVITY_ALERTS,
    BUDGETS,
    COLLECTION_RULE_ASSOCIATIONS,
    COLLECTION_RULES,
    DEFENDER_PLANS,
    METRIC_ALERTS,
    ML_SCHEDULES,
    POLICY_ASSIGNMENTS,
    QUERY_ALERTS,
)
from auditor.estate.network_relations import (
    API_MANAGEMENT,
    DDOS_PLANS,
    GATEWAYS,
    NAT_GATEWAYS,
    PUBLIC_ADDRESSES,
    SECURITY_GROUPS,
    WAF_POLICIES,
    ZONE_GROUPS,
    ZONE_LINKS,
)
from auditor.estate.service_relations import (
    API_BACKENDS,
    APPLICATION_INSIGHTS,
    AUTOSCALE_SETTINGS,
    DIAGNOSTIC_SETTINGS,
    ML_COMPUTES,
    MODEL_DEPLOYMENTS,
    ONLINE_DEPLOYMENTS,
    OUTBOUND_RULES,
    SETTINGS_FROM_VAULTS,
    SITE_CERTIFICATES,
    SITE_CONFIGS,
    SITES,
    SLOT_CONFIGS,
    SLOTS,
)
from auditor.model import Relation, Resource
from auditor.snapshot.rows import ROLE_ASSIGNMENTS

EXTENSIONS: Final = "microsoft.compute/virtualmachines/extensions"
CONTENT_POLICIES: Final = "microsoft.cognitiveservices/accounts/raipolicies"
ONLINE_ENDPOINTS: Final = "microsoft.machinelearningservices/workspaces/onlineendpoints"
PLANS: Final = "microsoft.web/serverfarms"
REGISTRIES: Final = "microsoft.containerregistry/registries"
STORAGE_ACCOUNTS: Final = "microsoft.storage/storageaccounts"
VAULTS: Final = "microsoft.keyvault/vaults"


PRIVATE_DNS_ZONES: Final = "microsoft.network/privatednszones"

NAVIGATION: Final[Mapping[str, Navigation]] = {
    "parent": Navigation("contains", outward=False, own=True),
    "child": Navigation("contains", outward=True, below=True),
    "siteConfig": Navigation("contains", outward=True, types=(SITE_CONFIGS,), below=True),
    "slot": Navigation("contains", outward=True, types=(SLOTS,), below=True),
    "slotConfig": Navigation("contains", outward=True, types=(SLOT_CONFIGS,), below=True),
    "compute": Navigation("contains", outward=True, types=(ML_COMPUTES,), below=True),
    "hub": Navigation("project-of", outward=True, types=(ML_WORKSPACES,), own=True),
    "onlineEndpoint": Navigation("contains", outward=True, types=(ONLINE_ENDPOINTS,), below=True),
    "onlineDeployment": Navigation("contains", outward=True, types=(ONLINE_DEPLOYMENTS,), below=True),
    "modelDeployment": Navigation("contains", outward=True, types=(MODEL_DEPLOYMENTS,), below=True),
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
    "alert": Navigation(
        "watches", outward=False, types=(METRIC_ALERTS, QUERY_ALERTS, ACTIVITY_ALERTS), inherited=Inherited.SCOPES
    ),
    "actionGroup": Navigation("notifies", outward=True, types=(ACTION_GROUPS,), own=True),
    "dataCollectionRule": Navigation(
        "collected-by", outward=True, types=(COLLECTION_RULES,), stated_by=(COLLECTION_RULE_ASSOCIATIONS,)
    ),
    "monitorSchedule": Navigation("monitors", outward=False, types=(ML_SCHEDULES,)),
    "metricSource": Navigation("follows", outward=True, own=True),
    "extension": Navigation("contains", outward=True, types=(EXTENSIONS,), below=True),
    # what applies to all that lies in a scope
    "budget": Navigation("budgets", outward=False, types=(BUDGETS,), inherited=Inherited.SCOPES),
    "defenderPlan": Navigation("defends", outward=False, types=(DEFENDER_PLANS,), inherited=Inherited.SCOPES),
    "policyAssignment": Navigation("governs", outward=False, types=(POLICY_ASSIGNMENTS,), inherited=Inherited.SCOPES),
    "autoscale": Navigation("scales", outward=False, types=(AUTOSCALE_SETTINGS,)),
    "scaled": Navigation("scales", outward=True, own=True),
    # services
    "deployment": Navigation("contains", outward=True, types=(MODEL_DEPLOYMENTS,), below=True),
    "contentFilter": Navigation("content-filter-of", outward=False, types=(CONTENT_POLICIES,), own=True),
    "filteredDeployment": Navigation("content-filter-of", outward=True, types=(MODEL_DEPLOYMENTS,)),
    "storageAccount": Navigation("uses", outward=True, types=(STORAGE_ACCOUNTS,), own=True),
    "keyVault": Navigation("uses", outward=True, types=(VAULTS,), own=True),
    "registry": Navigation("uses", outward=True, types=(REGISTRIES,), own=True),
    # an image names its registry by host name alone, which only the registry itself tells
    "imageRegistry": Navigation("uses", outward=True, types=(REGISTRIES,)),
    "applicationInsights": Navigation("uses", outward=True, types=(APPLICATION_INSIGHTS,), own=True),
    "user": Navigation("uses", outward=False, stated_by=(ML_WORKSPACES, GATEWAYS, SITES)),
    "machineLearningUser": Navigation("uses", outward=False, types=(ML_WORKSPACES,)),
    "secretReader": Navigation(
        "reads-secret",
        outward=False,
        types=(SETTINGS_FROM_VAULTS, GATEWAYS, SITE_CERTIFICATES),
        stated_by=(SITES, VAULTS),
    ),
    "possibleSecretReader": Navigation(
        "may-read-secret", outward=False, types=(ML_WORKSPACES,), stated_by=(ML_CONNECTIONS,)
    ),
    "managedEndpointTarget": Navigation("managed-endpoint-for", outward=True, stated_by=(OUTBOUND_RULES,)),
    "connectionTarget": Navigation("connects-to", outward=True, stated_by=(ML_CONNECTIONS,)),
    "plan": Navigation("hosted-on", outward=True, types=(PLANS,), own=True),
    "site": Navigation("hosted-on", outward=False, types=(SITES,)),
    "backend": Navigation("forwards-to", outward=True, stated_by=(SITES,)),
    "gateway": Navigation("forwards-to", outward=False, types=(GATEWAYS,)),
    "apiManagement": Navigation("fronts", outward=False, types=(API_MANAGEMENT,), stated_by=(API_BACKENDS,)),
    "apiBackend": Navigation("fronts", outward=True, stated_by=(API_BACKENDS,)),
    "wafPolicy": Navigation("waf-policy-of", outward=False, types=(WAF_POLICIES,), own=True),
    **ways(),
}

_READERS: Final = {**network_relations.READERS, **service_relations.READERS, **monitoring_relations.READERS}
NAMING_OTHERS: Final = frozenset(
    {
        *(_READERS.keys() - {ROLE_ASSIGNMENTS, SITE_CONFIGS}),
        *(item.key for item in shipped() if item.calls_others or item.private_link or item.refers),
    }
)
"""Types, in lower case, whose properties are known to name other resources by id; what holds a role stands elsewhere."""


def derive(
    resources: Iterable[Resource], lookup: lookups.Lookup | None = None, catalogue: Catalogue | None = None
) -> Iterator[Relation]:
    """Yield every relation that the resources' own properties state; the same one may come from both of its ends.

    It goes through them twice: an iterator is kept in memory, anything else is asked again. `lookup` is over the same
    resources, and in the end has the host names of which it could not be told whose they are. `catalogue`: what is known
    of types; the tool's own where it is None.
    """
    known = list(resources) if isinstance(resources, Iterator) else resources
    catalogue = catalogue or shipped()
    lookup = lookup or lookups.build(known, catalogue)
    refers = stated_relations.stated_by(catalogue)
    for resource in known:
        yield from service_relations.read_any(resource, lookup)
        if reader := _READERS.get(resource.type_key):
            yield from reader(resource, lookup)
        if stated := refers.get(resource.type_key):
            yield from stated_relations.read(resource, stated, lookup)


def in_doubt(ambiguous: lookups.AmbiguousHost) -> Iterator[tuple[str, str]]:
    """Yield (key, navigation) of each way to follow the relation that a host name of several may be, from both ends."""
    types = {ids.type_of(key) for key in ambiguous.candidates}
    for name, navigation in NAVIGATION.items():
        if navigation.kind == ambiguous.kind and not navigation.outward:
            yield from ((key, name) for key in ambiguous.candidates)
        elif navigation.kind == ambiguous.kind and (not navigation.types or types & set(navigation.types)):
            yield ambiguous.caller, name
