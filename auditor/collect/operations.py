"""The calls that fetch what Resource Graph does not have: paths, API versions, the actions they need. Data, no logic.

Versions are the newest stable ones whose properties the rules read (checked against Azure's published types); where a
cloud does not know one, the session negotiates an older one and the snapshot records it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DIAGNOSTICS_VERSION: Final = "2021-05-01-preview"
AUTHORIZATION_VERSION: Final = "2022-04-01"
COGNITIVE_VERSION: Final = "2024-10-01"
LEARNING_VERSION: Final = "2025-06-01"
VAULT_VERSION: Final = "2023-07-01"
STORAGE_VERSION: Final = "2023-05-01"
WEB_VERSION: Final = "2024-04-01"
NETWORK_VERSION: Final = "2024-05-01"
DNS_VERSION: Final = "2020-06-01"
SEARCH_VERSION: Final = "2025-05-01"


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET below a resource, a resource group or a subscription.

    `on`: the type it starts from, in lower case; `path`: what is appended to the id; `yields`: the type of what comes
    back; `action`: the permission it needs. `many`: a list, else one object. `empty_if_missing`: 404 means that it is
    not configured. `details`: each item is read once more by its own id, because the list leaves properties out.
    `then`: operations on each item. `kinds`: only resources whose `kind` is one of these, in lower case.
    `empty_codes`: error codes that mean that there can be none.
    """

    name: str
    on: str
    path: str
    api_version: str
    yields: str
    action: str
    many: bool = True
    empty_if_missing: bool = False
    details: bool = False
    then: Sequence[Operation] = ()
    kinds: frozenset[str] = frozenset()
    empty_codes: frozenset[str] = frozenset()


def _child(
    on: str,
    path: str,
    version: str,
    *,
    empty_if_missing: bool = False,
    details: bool = False,
    then: Sequence[Operation] = (),
    kinds: frozenset[str] = frozenset(),
    empty_codes: frozenset[str] = frozenset(),
) -> Operation:
    resource_type = "/".join([on, *path.split("/")[::2]])
    return Operation(
        name=resource_type.partition("/")[2],
        on=on.lower(),
        path=f"/{path}",
        api_version=version,
        yields=resource_type,
        action=f"{resource_type}/read",
        empty_if_missing=empty_if_missing,
        details=details,
        then=then,
        kinds=kinds,
        empty_codes=empty_codes,
    )


_ACCOUNT: Final = "Microsoft.CognitiveServices/accounts"
_WORKSPACE: Final = "Microsoft.MachineLearningServices/workspaces"
_STORAGE: Final = "Microsoft.Storage/storageAccounts"
_SITE: Final = "Microsoft.Web/sites"
_SLOT: Final = "Microsoft.Web/sites/slots"
_AI_SERVICES: Final = frozenset({"aiservices"})

DIAGNOSED: Final = (
    _ACCOUNT,
    _WORKSPACE,
    f"{_WORKSPACE}/onlineEndpoints",
    "Microsoft.ApiManagement/service",
    "Microsoft.App/managedEnvironments",
    "Microsoft.Cdn/profiles",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.Insights/components",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/bastionHosts",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Search/searchServices",
    _STORAGE,
    "Microsoft.Web/serverfarms",
    _SITE,
    _SLOT,
)
"""Types whose diagnostic settings are read."""


def _diagnostics(on: str) -> Operation:
    return Operation(
        name="diagnosticSettings",
        on=on.lower(),
        path="/providers/Microsoft.Insights/diagnosticSettings",
        api_version=DIAGNOSTICS_VERSION,
        yields="Microsoft.Insights/diagnosticSettings",
        action="Microsoft.Insights/diagnosticSettings/read",
        # Types and SKUs without logs refuse the question instead of answering with an empty list.
        empty_codes=frozenset({"resourcetypenotsupported", "resourcenotsupported"}),
    )


_NO_SUCH_SERVICE: Final = frozenset({"featurenotsupportedforaccount"})
"""File-only and page-blob accounts do not have all four services."""


def _storage_service(path: str) -> Operation:
    return _child(
        _STORAGE, path, STORAGE_VERSION, then=(_diagnostics(f"{_STORAGE}/{path}"),), empty_codes=_NO_SUCH_SERVICE
    )


def _site(on: str) -> tuple[Operation, ...]:
    def config(name: str) -> Operation:
        path, action = f"/config/{name}", f"{on}/config/read"
        return Operation(
            path[1:], on.lower(), path, WEB_VERSION, f"{on}/config", action, many=False, empty_if_missing=True
        )

    references = Operation(
        "config/configreferences",
        on.lower(),
        "/config/configreferences/appsettings",
        WEB_VERSION,
        f"{on}/config/appsettings",
        f"{on}/config/read",
        empty_if_missing=True,
    )
    return (
        config("web"),
        # Reading this form needs no list action, because Azure leaves the secrets out of it.
        config("authsettingsV2"),
        references,
        _child(on, "basicPublishingCredentialsPolicies", WEB_VERSION),
        _child(on, "privateEndpointConnections", WEB_VERSION, empty_if_missing=True),
    )


OPERATIONS: Final[Sequence[Operation]] = (
    _child(_ACCOUNT, "deployments", COGNITIVE_VERSION),
    _child(_ACCOUNT, "raiPolicies", COGNITIVE_VERSION),
    _child(_ACCOUNT, "raiBlocklists", COGNITIVE_VERSION),
    _child(_ACCOUNT, "projects", "2025-06-01", kinds=_AI_SERVICES),
    _child(_ACCOUNT, "connections", "2025-06-01", kinds=_AI_SERVICES),
    _child(_WORKSPACE, "computes", LEARNING_VERSION),
    _child(_WORKSPACE, "connections", LEARNING_VERSION),
    _child(_WORKSPACE, "outboundRules", LEARNING_VERSION),
    _child("Microsoft.Search/searchServices", "sharedPrivateLinkResources", SEARCH_VERSION),
    _child("Microsoft.KeyVault/vaults", "keys", VAULT_VERSION, details=True),
    _child("Microsoft.KeyVault/vaults", "secrets", VAULT_VERSION),
    _storage_service("blobServices"),
    _child(_STORAGE, "blobServices/default/containers", STORAGE_VERSION, empty_codes=_NO_SUCH_SERVICE),
    _storage_service("fileServices"),
    _storage_service("queueServices"),
    _storage_service("tableServices"),
    *_site(_SITE),
    *_site(_SLOT),
    _child("Microsoft.Network/privateEndpoints", "privateDnsZoneGroups", NETWORK_VERSION),
    _child("Microsoft.Network/privateDnsZones", "A", DNS_VERSION),
    _child("Microsoft.Network/firewallPolicies", "ruleCollectionGroups", NETWORK_VERSION),
    Operation(
        "dataCollectionRuleAssociations",
        "microsoft.compute/virtualmachines",
        "/providers/Microsoft.Insights/dataCollectionRuleAssociations",
        "2022-06-01",
        "Microsoft.Insights/dataCollectionRuleAssociations",
        "Microsoft.Insights/dataCollectionRuleAssociations/read",
    ),
    Operation(
        "budgets",
        "microsoft.resources/resourcegroups",
        "/providers/Microsoft.Consumption/budgets",
        "2023-05-01",
        "Microsoft.Consumption/budgets",
        "Microsoft.Consumption/budgets/read",
    ),
    *(_diagnostics(resource_type) for resource_type in DIAGNOSED),
)
"""What is read below each resource of the inventory."""

OUTSIDE: Final[Sequence[Operation]] = (_child("Microsoft.Network/privateDnsZones", "virtualNetworkLinks", DNS_VERSION),)
"""What is read besides below a resource outside the scope; inside, Resource Graph has it."""

CATEGORIES: Final = Operation(
    "diagnosticSettingsCategories",
    "",
    "/providers/Microsoft.Insights/diagnosticSettingsCategories",
    DIAGNOSTICS_VERSION,
    "Microsoft.Insights/diagnosticSettingsCategories",
    "Microsoft.Insights/diagnosticSettingsCategories/read",
    empty_codes=frozenset({"resourcetypenotsupported", "resourcenotsupported"}),
)
"""Read once for each type, kind and SKU: Azure offers the same categories to all of them."""


def _authorization(name: str, version: str = AUTHORIZATION_VERSION) -> Operation:
    return Operation(
        name,
        "",
        f"/providers/Microsoft.Authorization/{name}",
        version,
        f"Microsoft.Authorization/{name}",
        f"Microsoft.Authorization/{name}/read",
    )


ROLE_ASSIGNMENTS: Final = _authorization("roleAssignments")
ROLE_DEFINITIONS: Final = _authorization("roleDefinitions")
DENY_ASSIGNMENTS: Final = _authorization("denyAssignments")
ELIGIBILITY: Final = _authorization("roleEligibilityScheduleInstances", "2020-10-01")
SCHEDULES: Final = _authorization("roleAssignmentScheduleInstances", "2020-10-01")
ACCESS: Final = (ROLE_ASSIGNMENTS, ELIGIBILITY, SCHEDULES, DENY_ASSIGNMENTS, ROLE_DEFINITIONS)
"""Who may do what in a subscription; the answers include what is inherited from management groups."""

SUBSCRIPTION_OPERATIONS: Final[Sequence[Operation]] = (
    Operation(
        "locations",
        "",
        "/locations",
        "2022-12-01",
        "Microsoft.Resources/subscriptions/locations",
        "Microsoft.Resources/subscriptions/locations/read",
    ),
    Operation(
        "locks",
        "",
        "/providers/Microsoft.Authorization/locks",
        "2020-05-01",
        "Microsoft.Authorization/locks",
        "Microsoft.Authorization/locks/read",
    ),
    _authorization("policyAssignments", "2022-06-01"),
    _authorization("policyExemptions", "2022-07-01-preview"),
    Operation(
        "diagnosticSettings",
        "",
        "/providers/Microsoft.Insights/diagnosticSettings",
        DIAGNOSTICS_VERSION,
        "Microsoft.Insights/diagnosticSettings",
        "Microsoft.Insights/diagnosticSettings/read",
    ),
    Operation(
        "pricings",
        "",
        "/providers/Microsoft.Security/pricings",
        "2024-01-01",
        "Microsoft.Security/pricings",
        "Microsoft.Security/pricings/read",
    ),
    Operation(
        "budgets",
        "",
        "/providers/Microsoft.Consumption/budgets",
        "2023-05-01",
        "Microsoft.Consumption/budgets",
        "Microsoft.Consumption/budgets/read",
    ),
)
"""What is read once for each subscription."""

NOT_INVENTORIED: Final = frozenset(
    one.yields.lower()
    for one in (*OPERATIONS, *ACCESS, *SUBSCRIPTION_OPERATIONS)
    if one.on in ("", "microsoft.resources/resourcegroups")
)
"""Types that stand below a resource group without being resources of their own."""

RESOURCE_GROUPS: Final = Operation(
    "resourceGroups",
    "",
    "/resourcegroups",
    "2021-04-01",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)

LISTED: Final = Operation(
    "resources",
    "",
    "/resources",
    "2021-04-01",
    "Microsoft.Resources/resources",
    "Microsoft.Resources/subscriptions/resources/read",
)
"""The inventory of a subscription without properties, for where Resource Graph does not answer."""

SERVICE_TAGS: Final = Operation(
    "serviceTags",
    "",
    "/providers/Microsoft.Network/locations/{location}/serviceTags",
    NETWORK_VERSION,
    "Microsoft.Network/serviceTags",
    "Microsoft.Network/locations/serviceTags/read",
    many=False,
)

ACTIVITY_LOG: Final = Operation(
    "activityLog",
    "",
    "/providers/Microsoft.Insights/eventtypes/management/values",
    "2015-04-01",
    "Microsoft.Insights/eventtypes/management",
    "Microsoft.Insights/eventtypes/values/read",
)

REGENERATIONS: Final[Mapping[str, str]] = {
    "microsoft.cognitiveservices/accounts/regeneratekey/action": "Microsoft.CognitiveServices",
    "microsoft.containerregistry/registries/regeneratecredential/action": "Microsoft.ContainerRegistry",
    "microsoft.machinelearningservices/workspaces/onlineendpoints/regeneratekeys/action": (
        "Microsoft.MachineLearningServices"
    ),
    "microsoft.search/searchservices/regenerateadminkey/action": "Microsoft.Search",
    "microsoft.storage/storageaccounts/regeneratekey/action": "Microsoft.Storage",
}
"""Operations that put a new key in place (in lower case; the log's spelling varies), and their provider."""

INVENTORY_ACTIONS: Final = (
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resources/read",
    "Microsoft.Resources/subscriptions/providers/read",
    "Microsoft.ResourceGraph/resources/read",
    "Microsoft.Management/managementGroups/read",
)
"""What reading the scope and the inventory needs; Resource Graph shows the types on which `…/read` is held."""

READ_VERSIONS: Final[Mapping[str, str]] = {
    "microsoft.cognitiveservices/accounts": COGNITIVE_VERSION,
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.containerregistry/registries": "2025-11-01",
    "microsoft.insights/autoscalesettings": "2022-10-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.keyvault/vaults": VAULT_VERSION,
    "microsoft.machinelearningservices/workspaces": LEARNING_VERSION,
    "microsoft.machinelearningservices/workspaces/onlineendpoints": LEARNING_VERSION,
    "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments": LEARNING_VERSION,
    "microsoft.managedidentity/userassignedidentities": "2023-01-31",
    "microsoft.network/privatednszones": DNS_VERSION,
    "microsoft.network/privatednszones/virtualnetworklinks": DNS_VERSION,
    "microsoft.operationalinsights/workspaces": "2022-10-01",
    "microsoft.search/searchservices": SEARCH_VERSION,
    "microsoft.storage/storageaccounts": STORAGE_VERSION,
    "microsoft.web/serverfarms": WEB_VERSION,
    "microsoft.web/sites": WEB_VERSION,
    "microsoft.web/sites/slots": WEB_VERSION,
}
"""Versions for reading one resource by its id; types of Microsoft.Network that are not named use `NETWORK_VERSION`."""


def read_version(type_key: str) -> str | None:
    """Return the version for reading a resource of a type by its id, or None where none is pinned."""
    if type_key in READ_VERSIONS:
        return READ_VERSIONS[type_key]
    return NETWORK_VERSION if type_key.startswith("microsoft.network/") else None


def all_operations() -> Sequence[Operation]:
    """Return every operation that a collection may call, those on items of lists included."""
    found: list[Operation] = []
    for operation in (
        *OPERATIONS,
        CATEGORIES,
        *ACCESS,
        *SUBSCRIPTION_OPERATIONS,
        RESOURCE_GROUPS,
        SERVICE_TAGS,
        ACTIVITY_LOG,
    ):
        found += [operation, *operation.then]
    return found
