"""The machine learning workspace: its managed network, compute, and the endpoint that scores."""

from __future__ import annotations

from tests.estates.arm import DEPLOYED, TENANT, Body, guid, log_settings, path, reference, resource
from tests.estates.chat.endpoints import connections
from tests.estates.chat.identities import assigned, identity_id

_CREATED = 1_707_220_800
_MADE = {
    "createdAt": DEPLOYED,
    "createdByType": "User",
    "lastModifiedAt": DEPLOYED,
    "lastModifiedByType": "User",
}
_CLOSED = {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
_LOGS = path("Microsoft.OperationalInsights/workspaces", "log-chat01")


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


def bodies() -> list[Body]:
    """Return the workspace with what runs in it."""
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
        systemData=dict(_MADE),
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
        systemData=dict(_MADE),
    )
    return [compute, endpoint, deployment, log_settings(endpoint)]
