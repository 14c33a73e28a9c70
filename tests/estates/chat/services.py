"""The services of the workload: the model, storage, vault, registry, and where the logs go."""

from __future__ import annotations

from typing import Any

from tests.estates.arm import DEPLOYED, TENANT, Body, log_settings, path, resource
from tests.estates.chat.endpoints import connections

_CREATED = 1_707_220_800
_MADE = {
    "createdAt": DEPLOYED,
    "createdByType": "User",
    "lastModifiedAt": DEPLOYED,
    "lastModifiedByType": "User",
}
_CLOSED = {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
_LOGS = path("Microsoft.OperationalInsights/workspaces", "log-chat01")


def _openai() -> list[Body]:
    kind = "Microsoft.CognitiveServices/accounts"
    account = resource(kind, "oai-chat01", sku={"name": "S0"}, kind="OpenAI", systemData=dict(_MADE))
    account["properties"] = {
        "provisioningState": "Succeeded",
        "customSubDomainName": "oaichat01",
        "endpoint": "https://oaichat01.openai.azure.com/",
        "publicNetworkAccess": "Disabled",
        "networkAcls": dict(_CLOSED),
        "privateEndpointConnections": connections(account, of_managed_network=("OpenAI",)),
    }
    for shown in account["properties"]["privateEndpointConnections"]:
        shown["properties"]["groupIds"] = ["account"]
    harms = ("hate", "sexual", "selfharm", "violence")
    blocked: dict[str, Any] = {"blocking": True, "enabled": True}
    strict = [
        {"name": name, **blocked, "allowedContentLevel": "Low", "source": source}
        for source in ("Prompt", "Completion")
        for name in harms
    ]
    detectors = [("jailbreak", "Prompt"), ("profanity", "Prompt"), ("profanity", "Completion")]
    own = strict + [{"name": name, **blocked, "source": source} for name, source in detectors]
    default = [
        {"name": name.title(), **blocked, "allowedContentLevel": "Medium", "source": source}
        for name in harms
        for source in ("Prompt", "Completion")
    ]
    model = {"format": "OpenAI", "name": "gpt-35-turbo", "version": "0613"}
    return [
        account,
        resource(
            f"{kind}/deployments",
            "oai-chat01",
            "gpt35",
            location=None,
            systemData=dict(_MADE),
            sku={"name": "Standard", "capacity": 25},
            properties={
                "provisioningState": "Succeeded",
                "model": model,
                "raiPolicyName": "blocking-filter",
                "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
            },
        ),
        resource(
            f"{kind}/raiPolicies",
            "oai-chat01",
            "blocking-filter",
            location=None,
            systemData=dict(_MADE),
            properties={
                "type": "UserManaged",
                "basePolicyName": "Microsoft.Default",
                "mode": "Default",
                "contentFilters": own,
            },
        ),
        resource(
            f"{kind}/raiPolicies",
            "oai-chat01",
            "Microsoft.Default",
            location=None,
            properties={"type": "SystemManaged", "mode": "Blocking", "contentFilters": default},
        ),
        log_settings(account),
    ]


def _storage(name: str, *, of_managed_network: tuple[str, ...] = ()) -> Body:
    sku = {"name": "Standard_ZRS", "tier": "Standard"}
    account = resource("Microsoft.Storage/storageAccounts", name, sku=sku, kind="StorageV2")
    account["properties"] = {
        "provisioningState": "Succeeded",
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": True,
        "allowCrossTenantReplication": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
        "networkAcls": {"bypass": "AzureServices", **_CLOSED},
        "encryption": {"keySource": "Microsoft.Storage", "requireInfrastructureEncryption": False},
        "creationTime": DEPLOYED,
        "keyCreationTime": {"key1": DEPLOYED, "key2": DEPLOYED},
        "primaryEndpoints": {
            service: f"https://{name}.{service}.core.windows.net/"
            for service in ("blob", "dfs", "file", "queue", "table")
        },
        "primaryLocation": "eastus2",
        "privateEndpointConnections": connections(account, of_managed_network=of_managed_network),
    }
    return account


def _storages() -> list[Body]:
    kind = "Microsoft.Storage/storageAccounts"
    apps = _storage("stchat01")
    rules = ("__SYS_PE_stmlchat01_blob_e6f8caa2", "__SYS_PE_stmlchat01_file_e6f8caa2")
    workspace = _storage("stmlchat01", of_managed_network=rules)
    services = [
        resource(f"{kind}/{service}", account, "default", location=None, properties={"cors": {"corsRules": []}})
        for account, service in (
            ("stchat01", "blobServices"),
            ("stmlchat01", "blobServices"),
            ("stmlchat01", "fileServices"),
        )
    ]
    container = resource(
        f"{kind}/blobServices/containers",
        "stchat01",
        "default",
        "deploy",
        location=None,
        properties={"publicAccess": "None", "deleted": False, "lastModifiedTime": DEPLOYED},
    )
    return [apps, workspace, *services, container, *map(log_settings, services)]


def _vault() -> list[Body]:
    kind = "Microsoft.KeyVault/vaults"
    vault = resource(kind, "kv-chat01")
    vault["properties"] = {
        "provisioningState": "Succeeded",
        "sku": {"family": "A", "name": "standard"},
        "tenantId": TENANT,
        "vaultUri": "https://kv-chat01.vault.azure.net/",
        "networkAcls": {"bypass": "AzureServices", **_CLOSED},
        "publicNetworkAccess": "Enabled",
        "enableRbacAuthorization": True,
        "enabledForDeployment": True,
        "enabledForTemplateDeployment": True,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 7,
        "accessPolicies": [],
        "privateEndpointConnections": [
            {"id": shown["id"], "properties": shown["properties"]}
            for shown in connections(vault, of_managed_network=("__SYS_PE_kv-chat01_vault_d07fe2eb",))
        ],
    }
    certificate = {"contentType": "application/x-pkcs12"}
    contents = {"apiKey": {}, "chatApiKey": {}, "gateway-public-cert": certificate, "openai-key": {}}
    attributes = {"enabled": True, "created": _CREATED, "updated": _CREATED}
    secrets = [
        resource(
            f"{kind}/secrets",
            "kv-chat01",
            name,
            properties={
                **about,
                "attributes": dict(attributes),
                "secretUri": f"https://kv-chat01.vault.azure.net/secrets/{name}",
            },
        )
        for name, about in contents.items()
    ]
    return [vault, *secrets, log_settings(vault)]


def _registry() -> list[Body]:
    sku = {"name": "Premium", "tier": "Premium"}
    registry = resource("Microsoft.ContainerRegistry/registries", "crchat01", sku=sku)
    registry["properties"] = {
        "provisioningState": "Succeeded",
        "loginServer": "crchat01.azurecr.io",
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Disabled",
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": []},
        "networkRuleBypassOptions": "AzureServices",
        "zoneRedundancy": "Enabled",
        "dataEndpointEnabled": False,
        "policies": {"exportPolicy": {"status": "enabled"}, "azureADAuthenticationAsArmPolicy": {"status": "enabled"}},
        "privateEndpointConnections": connections(
            registry, of_managed_network=("__SYS_PE_crchat01_registry_e6b6aa0a",)
        ),
    }
    return [registry, log_settings(registry)]


def _monitor() -> list[Body]:
    logs = resource(
        "Microsoft.OperationalInsights/workspaces",
        "log-chat01",
        properties={
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "workspaceCapping": {"dailyQuotaGb": -1.0},
        },
    )
    insights = [
        resource(
            "Microsoft.Insights/components",
            name,
            kind="web",
            properties={
                "provisioningState": "Succeeded",
                "Application_Type": "web",
                "WorkspaceResourceId": _LOGS,
                "IngestionMode": "LogAnalytics",
                "RetentionInDays": 90,
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
            },
        )
        for name in ("appi-chat01", "appinsights-app-chat01")
    ]
    return [logs, *insights]


def bodies() -> list[Body]:
    """Return the services with what belongs to each."""
    return [
        *_openai(),
        *_storages(),
        *_vault(),
        *_registry(),
        *_monitor(),
    ]
