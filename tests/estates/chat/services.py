"""The services of the workload: the model, the workspace with its dependencies, the web apps, the jump box, the logs."""

from __future__ import annotations

from typing import Any

from tests.estates.arm import DEPLOYED, TENANT, Body, guid, log_settings, nested, path, reference, resource
from tests.estates.chat.endpoints import connections
from tests.estates.chat.identities import assigned, identity_id, principal
from tests.estates.chat.network import subnet_id

_CREATED = 1_707_220_800
_MADE = {"createdAt": DEPLOYED, "lastModifiedAt": DEPLOYED}
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


def _endpoint_rule(target: Body, group: str, *, spark: bool, category: str = "Required") -> Body:
    destination = {"serviceResourceId": target["id"], "subresourceTarget": group, "sparkEnabled": spark}
    return {"type": "PrivateEndpoint", "destination": destination, "status": "Active", "category": category}


def _tag_rule(tag: str, protocol: str = "TCP", ports: str = "443") -> Body:
    destination = {"serviceTag": tag, "protocol": protocol, "portRanges": ports}
    return {"type": "ServiceTag", "destination": destination, "status": "Active", "category": "Required"}


def _outbound_rules(workspace: Body) -> dict[str, Body]:
    """Return the rules of the managed network: two that somebody made, the others Azure's own."""
    storage = reference(path("Microsoft.Storage/storageAccounts", "stmlchat01"))
    vault = reference(path("Microsoft.KeyVault/vaults", "kv-chat01"))
    registry = reference(path("Microsoft.ContainerRegistry/registries", "crchat01"))
    model = reference(path("Microsoft.CognitiveServices/accounts", "oai-chat01"))
    host = {"type": "FQDN", "destination": "en.wikipedia.org", "category": "UserDefined", "status": "Active"}
    return {
        "wikipedia": host,
        "OpenAI": _endpoint_rule(model, "account", spark=False, category="UserDefined"),
        "__SYS_PE_stmlchat01_blob_e6f8caa2": _endpoint_rule(storage, "blob", spark=True),
        "__SYS_PE_stmlchat01_file_e6f8caa2": _endpoint_rule(storage, "file", spark=True),
        "__SYS_PE_kv-chat01_vault_d07fe2eb": _endpoint_rule(vault, "vault", spark=False),
        "__SYS_PE_crchat01_registry_e6b6aa0a": _endpoint_rule(registry, "registry", spark=False),
        "__SYS_PE_mlw-chat01_amlworkspace_a433a220": _endpoint_rule(workspace, "amlworkspace", spark=True),
        "__SYS_ST_AzureActiveDirectory_TCP": _tag_rule("AzureActiveDirectory", ports="80, 443"),
        "__SYS_ST_AzureMachineLearning_TCP": _tag_rule("AzureMachineLearning"),
        "__SYS_ST_AzureMachineLearning_UDP": _tag_rule("AzureMachineLearning", "UDP", "5831"),
        "__SYS_ST_AzureResourceManager_TCP": _tag_rule("AzureResourceManager"),
        "__SYS_ST_BatchNodeManagement_TCP": _tag_rule("BatchNodeManagement"),
        "__SYS_ST_MicrosoftContainerRegistry.eastus2_TCP": _tag_rule("MicrosoftContainerRegistry.eastus2"),
        "__SYS_ST_AzureMonitor_TCP": _tag_rule("AzureMonitor"),
        "__SYS_ST_AzureFrontDoor.FirstParty": _tag_rule("AzureFrontDoor.FirstParty", "*", "*"),
        "__SYS_ST_VirtualNetwork": _tag_rule("VirtualNetwork", "*", "*"),
    }


def _workspace() -> list[Body]:
    kind = "Microsoft.MachineLearningServices/workspaces"
    sku = {"name": "Basic", "tier": "Basic"}
    workspace = resource(kind, "mlw-chat01", sku=sku, kind="Default", identity=assigned("id-amlworkspace"))
    rules = _outbound_rules(workspace)
    workspace["properties"] = {
        "provisioningState": "Succeeded",
        "friendlyName": "mlw-chat01",
        "hbiWorkspace": False,
        "v1LegacyMode": False,
        "publicNetworkAccess": "Disabled",
        "allowPublicAccessWhenBehindVnet": False,
        "primaryUserAssignedIdentity": identity_id("id-amlworkspace"),
        "applicationInsights": path("Microsoft.Insights/components", "appi-chat01"),
        "containerRegistry": path("Microsoft.ContainerRegistry/registries", "crchat01"),
        "keyVault": path("Microsoft.KeyVault/vaults", "kv-chat01"),
        "storageAccount": path("Microsoft.Storage/storageAccounts", "stmlchat01"),
        "managedNetwork": {
            "isolationMode": "AllowOnlyApprovedOutbound",
            "outboundRules": rules,
            "status": {"status": "Active", "sparkReady": False},
        },
        "workspaceId": guid("workspace mlw-chat01"),
        "tenantId": TENANT,
        "privateEndpointConnections": connections(
            workspace, of_managed_network=("__SYS_PE_mlw-chat01_amlworkspace_a433a220",)
        ),
    }
    audit = [{"categoryGroup": "audit", "enabled": True}]
    return [
        workspace,
        *(
            resource(f"{kind}/outboundRules", "mlw-chat01", name, location=None, properties=rule)
            for name, rule in rules.items()
        ),
        *_scoring(),
        log_settings(workspace, logs=audit),
    ]


def _scoring() -> list[Body]:
    kind = "Microsoft.MachineLearningServices/workspaces"
    machine = {
        "enableNodePublicIp": False,
        "computeInstanceAuthorizationType": "personal",
        "applicationSharingPolicy": "Personal",
        "schedules": {"computeStartStop": []},
        "sshSettings": {"sshPublicAccess": "Disabled"},
        "vmSize": "STANDARD_DS3_V2",
        "state": "Running",
    }
    compute = resource(
        f"{kind}/computes",
        "mlw-chat01",
        "amli-chat01",
        identity=assigned("id-amlinstancecompute"),
        properties={
            "provisioningState": "Succeeded",
            "computeType": "ComputeInstance",
            "computeLocation": "eastus2",
            "disableLocalAuth": True,
            "isAttachedCompute": False,
            "properties": machine,
        },
    )
    endpoint = resource(
        f"{kind}/onlineEndpoints",
        "mlw-chat01",
        "ept-chat01",
        kind="Managed",
        identity=assigned("id-amlonlineendpoint"),
        properties={
            "provisioningState": "Succeeded",
            "authMode": "Key",
            "publicNetworkAccess": "Disabled",
            "scoringUri": "https://ept-chat01.eastus2.inference.ml.azure.com/score",
            "traffic": {"ept-chat01": 100},
        },
    )
    deployment = resource(
        f"{kind}/onlineEndpoints/deployments",
        "mlw-chat01",
        "ept-chat01",
        "ept-chat01",
        kind="Managed",
        sku={"name": "Default", "capacity": 3},
        properties={
            "provisioningState": "Succeeded",
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS2_v2",
            "scaleSettings": {"scaleType": "Default"},
        },
    )
    return [compute, endpoint, deployment, log_settings(endpoint)]


def _site(name: str, image: str) -> list[Body]:
    kind = "Microsoft.Web/sites"
    hosts = [f"{name}.azurewebsites.net", f"{name}.scm.azurewebsites.net"]
    site = resource(kind, name, location="East US 2", kind="app,linux", identity=assigned("id-app-chat01"))
    site["properties"] = {
        "state": "Running",
        "enabled": True,
        "httpsOnly": False,
        "reserved": True,
        "clientCertEnabled": False,
        "defaultHostName": hosts[0],
        "hostNames": hosts[:1],
        "enabledHostNames": hosts,
        "hostNameSslStates": [
            {"name": host, "sslState": "Disabled", "hostType": role}
            for host, role in zip(hosts, ("Standard", "Repository"), strict=True)
        ],
        "serverFarmId": path("Microsoft.Web/serverfarms", "asp-app-chat01"),
        "virtualNetworkSubnetId": subnet_id("snet-appServicePlan"),
        "keyVaultReferenceIdentity": identity_id("id-app-chat01"),
        "siteConfig": {"numberOfWorkers": 1, "linuxFxVersion": image, "alwaysOn": True, "http20Enabled": True},
    }
    everybody = {"ipAddress": "Any", "action": "Allow", "priority": 2_147_483_647, "name": "Allow all"}
    web = {
        "publicNetworkAccess": "Disabled",
        "vnetRouteAllEnabled": True,
        "linuxFxVersion": image,
        "minTlsVersion": "1.2",
        "scmMinTlsVersion": "1.2",
        "ftpsState": "FtpsOnly",
        "http20Enabled": True,
        "alwaysOn": True,
        "remoteDebuggingEnabled": False,
        "ipSecurityRestrictions": [dict(everybody)],
        "scmIpSecurityRestrictions": [dict(everybody)],
        "scmIpSecurityRestrictionsUseMain": False,
    }
    ways = [
        resource(f"{kind}/basicPublishingCredentialsPolicies", name, way, location=None, properties={"allow": True})
        for way in ("ftp", "scm")
    ]
    kept = ("HTTPLogs", "ConsoleLogs", "AppLogs", "PlatformLogs")
    logs = [{"category": f"AppService{category}", "enabled": True} for category in kept]
    return [
        site,
        resource(f"{kind}/config", name, "web", location=None, properties=web),
        *ways,
        *connections(site),
        log_settings(site, logs=logs),
    ]


def _apps() -> list[Body]:
    size = {"name": "P2v2", "capacity": 3, "tier": "PremiumV2", "size": "P2v2", "family": "Pv2"}
    plan = resource(
        "Microsoft.Web/serverfarms",
        "asp-app-chat01",
        location="East US 2",
        sku=size,
        kind="linux",
        properties={
            "provisioningState": "Succeeded",
            "status": "Ready",
            "zoneRedundant": True,
            "reserved": True,
            "numberOfWorkers": 3,
            "numberOfSites": 2,
        },
    )
    trigger = {
        "metricName": "CpuPercentage",
        "metricResourceUri": plan["id"],
        "operator": "GreaterThan",
        "threshold": 70,
        "statistic": "Average",
        "timeAggregation": "Average",
        "timeGrain": "PT1M",
        "timeWindow": "PT10M",
    }
    out = {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT5M"}
    scale = resource(
        "Microsoft.Insights/autoscalesettings",
        "asp-app-chat01-autoscale",
        properties={
            "enabled": True,
            "name": "asp-app-chat01-autoscale",
            "targetResourceUri": plan["id"],
            "profiles": [
                {
                    "name": "Scale out condition",
                    "capacity": {"minimum": "3", "default": "3", "maximum": "5"},
                    "rules": [{"metricTrigger": trigger, "scaleAction": out}],
                }
            ],
        },
    )
    page = "DOCKER|mcr.microsoft.com/appsvc/staticsite:latest"
    return [plan, scale, *_site("app-chat01", "DOTNETCORE|7.0"), *_site("app-chat01-pf", page)]


def _jump_box() -> list[Body]:
    disk_name = "vm-jmp-chat01_OsDisk_1"
    machine_id = path("Microsoft.Compute/virtualMachines", "vm-jmp-chat01")
    interface = resource("Microsoft.Network/networkInterfaces", "nic-jmp-chat01")
    about = {"primary": True, "privateIPAddress": "10.0.2.132", "privateIPAllocationMethod": "Dynamic"}
    address = nested(interface, "ipConfigurations", "primary", **about, privateIPAddressVersion="IPv4")
    address["properties"]["subnet"] = reference(subnet_id("snet-jumpbox"))
    interface["properties"] = {
        "provisioningState": "Succeeded",
        "enableIPForwarding": False,
        "ipConfigurations": [address],
        "virtualMachine": reference(machine_id),
        "primary": True,
    }
    disk = resource(
        "Microsoft.Compute/disks",
        disk_name,
        managedBy=machine_id,
        sku={"name": "Premium_LRS", "tier": "Premium"},
        zones=["1"],
        properties={
            "provisioningState": "Succeeded",
            "osType": "Windows",
            "diskState": "Attached",
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
        },
    )
    secure = {"secureBootEnabled": True, "vTpmEnabled": True}
    own_identity = {"type": "SystemAssigned", "principalId": principal("vm-jmp-chat01"), "tenantId": TENANT}
    machine = resource(
        "Microsoft.Compute/virtualMachines",
        "vm-jmp-chat01",
        identity=own_identity,
        zones=["1"],
        properties={
            "provisioningState": "Succeeded",
            "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
            "osProfile": {"computerName": "jmp-chat01", "adminUsername": "vmadmin"},
            "networkProfile": {"networkInterfaces": [reference(interface["id"])]},
            "securityProfile": {"securityType": "TrustedLaunch", "uefiSettings": secure},
            "storageProfile": {
                "dataDisks": [],
                "osDisk": {
                    "name": disk_name,
                    "osType": "Windows",
                    "createOption": "FromImage",
                    "managedDisk": {"id": disk["id"], "storageAccountType": "Premium_LRS"},
                },
            },
        },
    )
    agent = resource(
        "Microsoft.Compute/virtualMachines/extensions",
        "vm-jmp-chat01",
        "AzureMonitorWindowsAgent",
        properties={
            "provisioningState": "Succeeded",
            "publisher": "Microsoft.Azure.Monitor",
            "type": "AzureMonitorWindowsAgent",
        },
    )
    return [machine, interface, disk, agent, *_collected_from(machine)]


def _collected_from(machine: Body) -> list[Body]:
    """Return how the machine's own logs come to the workspace."""
    rule = resource(
        "Microsoft.Insights/dataCollectionRules",
        "dcr-jmp-chat01",
        kind="Windows",
        properties={
            "provisioningState": "Succeeded",
            "destinations": {"logAnalytics": [{"name": "log-chat01", "workspaceResourceId": _LOGS}]},
            "dataFlows": [{"streams": ["Microsoft-InsightsMetrics"], "destinations": ["log-chat01"]}],
        },
    )
    link = resource(
        "Microsoft.Insights/dataCollectionRuleAssociations",
        "dcra-vminsights",
        below=machine["id"],
        location=None,
        properties={"dataCollectionRuleId": rule["id"]},
    )
    return [rule, link]


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
        *_workspace(),
        *_storages(),
        *_vault(),
        *_registry(),
        *_apps(),
        *_jump_box(),
        *_monitor(),
    ]
