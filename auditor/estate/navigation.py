"""Derive the relations between resources from their properties, and name the ways to follow them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditor.azure.catalogue import Catalogue, shipped
from auditor.estate import lookup as lookups
from auditor.estate import network_relations, service_relations
from auditor.model import Relation, Resource


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


_ENDPOINTS: Final = "microsoft.network/privateendpoints"
_ML: Final = "microsoft.machinelearningservices/workspaces"
_ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"
_ZONES: Final = "microsoft.network/privatednszones"
_LINKS: Final = "microsoft.network/privatednszones/virtualnetworklinks"
_ZONE_GROUPS: Final = "microsoft.network/privateendpoints/privatednszonegroups"
_NETWORKS: Final = "microsoft.network/virtualnetworks"
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_SITES: Final = "microsoft.web/sites"
_GATEWAYS: Final = "microsoft.network/applicationgateways"
_WAF_POLICIES: Final = "microsoft.network/applicationgatewaywebapplicationfirewallpolicies"

NAVIGATION: Final[Mapping[str, Navigation]] = {
    "parent": Navigation("contains", outward=False),
    "child": Navigation("contains", outward=True, below=True),
    "siteConfig": Navigation("contains", outward=True, types=("microsoft.web/sites/config",), below=True),
    "compute": Navigation("contains", outward=True, types=(f"{_ML}/computes",), below=True),
    "onlineEndpoint": Navigation("contains", outward=True, types=(f"{_ML}/onlineendpoints",), below=True),
    # private link: what endpoints say, and what their targets say
    "privateEndpoint": Navigation("private-endpoint-for", outward=False, types=(_ENDPOINTS,)),
    "privateEndpointTarget": Navigation("private-endpoint-for", outward=True, own=True),
    "connectedEndpoint": Navigation("private-endpoint-connection", outward=True, types=(_ENDPOINTS,)),
    "connectedTarget": Navigation("private-endpoint-connection", outward=False),
    "privateDnsZone": Navigation("registered-in", outward=True, types=(_ZONES,), stated_by=(_ZONE_GROUPS,)),
    "registeredEndpoint": Navigation("registered-in", outward=False, types=(_ENDPOINTS,), stated_by=(_ZONE_GROUPS,)),
    "linkedNetwork": Navigation("dns-zone-linked", outward=True, types=(_NETWORKS,), stated_by=(_LINKS,)),
    "linkedZone": Navigation("dns-zone-linked", outward=False, types=(_ZONES,), stated_by=(_LINKS,)),
    # network placement
    "subnet": Navigation("attached", outward=True, types=(_SUBNETS,), own=True),
    "network": Navigation("in-network", outward=True, types=(_NETWORKS,)),
    "networkOccupant": Navigation("in-network", outward=False),
    "networkEndpoint": Navigation("in-network", outward=False, types=(_ENDPOINTS,)),
    "networkGateway": Navigation("in-network", outward=False, types=(_GATEWAYS,)),
    "networkInterface": Navigation("attached", outward=False, types=("microsoft.network/networkinterfaces",)),
    "networkSecurityGroup": Navigation(
        "attached", outward=False, types=("microsoft.network/networksecuritygroups",), own=True
    ),
    "routeTable": Navigation("attached", outward=False, types=("microsoft.network/routetables",), own=True),
    "natGateway": Navigation("attached", outward=False, types=("microsoft.network/natgateways",), own=True),
    "publicIpAddress": Navigation("attached", outward=False, types=("microsoft.network/publicipaddresses",)),
    "owner": Navigation("attached", outward=True),
    "virtualMachine": Navigation("attached", outward=True, types=("microsoft.compute/virtualmachines",), own=True),
    "peer": Navigation("peered", outward=True, types=(_NETWORKS,), own=True),
    "ddosProtectionPlan": Navigation(
        "protects", outward=False, types=("microsoft.network/ddosprotectionplans",), own=True
    ),
    # identities and roles
    "identity": Navigation(
        "identity-of", outward=False, types=("microsoft.managedidentity/userassignedidentities",), own=True
    ),
    "principal": Navigation("identity-of", outward=False),
    "identityUser": Navigation("identity-of", outward=True),
    "roleAssignment": Navigation("assigned-on", outward=False, types=(_ASSIGNMENTS,)),
    "grant": Navigation("assigned-to", outward=False, types=(_ASSIGNMENTS,)),
    "grantee": Navigation("assigned-to", outward=True),
    "roleScope": Navigation("assigned-on", outward=True, own=True),
    "roleDefinition": Navigation(
        "role-of", outward=False, types=("microsoft.authorization/roledefinitions",), own=True
    ),
    # monitoring
    "diagnosticSetting": Navigation(
        "diagnostics-of", outward=False, types=("microsoft.insights/diagnosticsettings",), below=True
    ),
    "logDestination": Navigation("sends-to", outward=True, own=True),
    "logAnalytics": Navigation("sends-to", outward=True, types=("microsoft.operationalinsights/workspaces",), own=True),
    "autoscale": Navigation("scales", outward=False, types=("microsoft.insights/autoscalesettings",)),
    # services
    "contentFilter": Navigation(
        "content-filter-of", outward=False, types=("microsoft.cognitiveservices/accounts/raipolicies",), own=True
    ),
    "filteredDeployment": Navigation(
        "content-filter-of", outward=True, types=("microsoft.cognitiveservices/accounts/deployments",)
    ),
    "storageAccount": Navigation("uses", outward=True, types=("microsoft.storage/storageaccounts",), own=True),
    "keyVault": Navigation("uses", outward=True, types=("microsoft.keyvault/vaults",), own=True),
    "registry": Navigation("uses", outward=True, types=("microsoft.containerregistry/registries",), own=True),
    "applicationInsights": Navigation("uses", outward=True, types=("microsoft.insights/components",), own=True),
    "user": Navigation("uses", outward=False),
    "managedEndpointTarget": Navigation(
        "managed-endpoint-for", outward=True, stated_by=("microsoft.machinelearningservices/workspaces/outboundrules",)
    ),
    "connectionTarget": Navigation(
        "connects-to", outward=True, stated_by=("microsoft.machinelearningservices/workspaces/connections",)
    ),
    "plan": Navigation("hosted-on", outward=True, types=("microsoft.web/serverfarms",), own=True),
    "site": Navigation("hosted-on", outward=False, types=(_SITES,)),
    "backend": Navigation("forwards-to", outward=True, stated_by=(_SITES,)),
    "gateway": Navigation("forwards-to", outward=False, types=(_GATEWAYS,)),
    "wafPolicy": Navigation("waf-policy-of", outward=False, types=(_WAF_POLICIES,), own=True),
}

_READERS: Final = {**network_relations.READERS, **service_relations.READERS}


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
