"""Repairs of the services, of the machine learning workspace, and of who may do what."""

from __future__ import annotations

import json

from tests.estates.arm import SUBSCRIPTION, Body, log_settings, path, resource
from tests.estates.chat.endpoints import Endpoint, connections, made, zone
from tests.estates.chat.identities import principal
from tests.estates.draft import Draft
from tests.estates.repaired.edit import Edit

VAULT = "vaults/kv-chat01"
ACCOUNTS = ("stchat01", "stmlchat01")
WORKSPACE = "workspaces/mlw-chat01"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/ept-chat01"
_READS = {
    principal("id-app-chat01"): "chatApiKey",
    principal("id-flow-chat01"): "openai-key",
    principal("id-agw-chat01"): "gateway-public-cert",
}
_EXPIRES = 1_722_945_600  # 2024-08-06: half a year after the deployment


def _vault_closed(draft: Draft) -> None:
    draft.put(VAULT, "publicNetworkAccess", "Disabled")


def _purge_protection(draft: Draft) -> None:
    draft.put(VAULT, "enablePurgeProtection", value=True)


def _vault_flags(draft: Draft) -> None:
    draft.put(VAULT, "enabledForDeployment", value=False)
    draft.put(VAULT, "enabledForTemplateDeployment", value=False)


def _secrets_expire(draft: Draft) -> None:
    for secret in draft.of_type("Microsoft.KeyVault/vaults/secrets"):
        secret["properties"]["attributes"]["exp"] = _EXPIRES


def _no_placeholder(draft: Draft) -> None:
    draft.remove(f"{VAULT}/secrets/apiKey")


def _single_secrets(draft: Draft) -> None:
    """Let each reader of the vault read the secret that it needs."""
    for assignment in draft.of_type("Microsoft.Authorization/roleAssignments"):
        about = assignment["properties"]
        if about["scope"] == draft[VAULT]["id"] and about["principalId"] in _READS:
            scope = f"{about['scope']}/secrets/{_READS[about['principalId']]}"
            about["scope"] = scope
            assignment["id"] = path("Microsoft.Authorization/roleAssignments", assignment["name"], below=scope)


def _storage_closed(draft: Draft) -> None:
    for account in ACCOUNTS:
        draft.put(f"storageAccounts/{account}", "publicNetworkAccess", "Disabled")


def _copies_stay(draft: Draft) -> None:
    for account in ACCOUNTS:
        draft.put(f"storageAccounts/{account}", "allowedCopyScope", "AAD")


def _keys_expire(draft: Draft) -> None:
    for account in ACCOUNTS:
        draft.put(f"storageAccounts/{account}", "keyPolicy", {"keyExpirationPeriodInDays": 90})


def _no_export(draft: Draft) -> None:
    draft.put("registries/crchat01", "policies.exportPolicy.status", "disabled")


def _model_calls_nobody(draft: Draft) -> None:
    draft.put("accounts/oai-chat01", "restrictOutboundNetworkAccess", value=True)
    draft.put("accounts/oai-chat01", "allowedFqdnList", [])


def _datastores(draft: Draft) -> None:
    draft.put(WORKSPACE, "systemDatastoresAuthMode", "Identity")


def _no_wikipedia(draft: Draft) -> None:
    draft.drop(WORKSPACE, "managedNetwork.outboundRules.wikipedia")
    draft.remove(f"{WORKSPACE}/outboundRules/wikipedia")


def _deployment_scales(draft: Draft) -> None:
    setting: Body = json.loads(json.dumps(draft["autoscalesettings/asp-app-chat01-autoscale"]))
    name, target = "ept-chat01-autoscale", f"{draft[ENDPOINT]['id']}/deployments/ept-chat01"
    setting |= {"name": name, "id": path("Microsoft.Insights/autoscalesettings", name)}
    [profile] = setting["properties"]["profiles"]
    back: Body = json.loads(json.dumps(profile["rules"][0]))
    back["scaleAction"]["direction"] = "Decrease"
    profile["rules"] = [profile["rules"][0], back]
    for rule in profile["rules"]:
        rule["metricTrigger"] |= {"metricResourceUri": target, "metricName": "CpuUtilizationPercentage"}
    setting["properties"] |= {"name": name, "targetResourceUri": target}
    draft.add(setting)


def _monitor(draft: Draft) -> None:
    definition = {
        "monitoringTarget": {"taskType": "QuestionAnswering", "deploymentId": "azureml:ept-chat01:ept-chat01"}
    }
    action = {"actionType": "CreateMonitor", "monitorDefinition": definition}
    kind = "Microsoft.MachineLearningServices/workspaces/schedules"
    properties = {"provisioningState": "Succeeded", "isEnabled": True, "action": action}
    draft.add(resource(kind, "mlw-chat01", "drift", location=None, properties=properties))


def _pipelines(draft: Draft) -> None:
    for body in draft.bodies:
        for name in ("createdByType", "lastModifiedByType"):
            if name in body.get("systemData", {}):
                body["systemData"][name] = "Application"


def _host_encryption(draft: Draft) -> None:
    draft.put("virtualMachines/vm-jmp-chat01", "securityProfile.encryptionAtHost", value=True)


def _search(draft: Draft) -> None:
    """Add AI Search with all that the architecture asks of it: way in, way from the managed network, logs."""
    kind, managed = "Microsoft.Search/searchServices", "Search"
    service = resource(kind, "srch-chat01", sku={"name": "standard"})
    hosts = ("srch-chat01.search.windows.net",)
    endpoint = Endpoint("pep-srch-chat01", service["id"], "searchService", (("10.0.2.16", "default", hosts),))
    shown = connections(service, of_managed_network=(managed,), endpoints=(endpoint,))
    for connection in shown:
        connection["properties"]["groupId"] = "searchService"
    service["properties"] = {
        "provisioningState": "succeeded",
        "status": "running",
        "replicaCount": 3,
        "partitionCount": 1,
        "hostingMode": "default",
        "publicNetworkAccess": "disabled",
        "networkRuleSet": {"ipRules": [], "bypass": "None"},
        "disableLocalAuth": True,
        "privateEndpointConnections": shown,
        "sharedPrivateLinkResources": [],
    }
    destination = {"serviceResourceId": service["id"], "subresourceTarget": "searchService", "sparkEnabled": False}
    rule = {"type": "PrivateEndpoint", "destination": destination, "status": "Active", "category": "UserDefined"}
    draft.put(WORKSPACE, f"managedNetwork.outboundRules.{managed}", rule)
    rules = "Microsoft.MachineLearningServices/workspaces/outboundRules"
    draft.add(service, log_settings(service), *made(endpoint), *zone("privatelink.search.windows.net"))
    draft.add(resource(rules, "mlw-chat01", managed, location=None, properties=rule))


def _activity_log(draft: Draft) -> None:
    """Add the log of ninety days, in which nobody regenerated a key."""
    kind = "Microsoft.Insights/eventtypes/management"
    window = {"from": "2023-11-22T12:05:00Z", "to": "2024-02-20T12:00:00Z", "events": []}
    providers = [
        "Microsoft.CognitiveServices",
        "Microsoft.MachineLearningServices",
        "Microsoft.Search",
        "Microsoft.Storage",
    ]
    log = {"id": f"{SUBSCRIPTION}/providers/{kind}", "name": "management", "type": kind}
    draft.add({**log, "properties": {**window, "providers": providers}})


EDITS = (
    Edit("the vault is closed", ("KV-NET-001",), _vault_closed),
    Edit("the vault cannot be purged", ("KV-SEC-001",), _purge_protection),
    Edit("deployments read no secrets", ("KV-SEC-005",), _vault_flags),
    Edit("the vault holds no placeholder", ("KV-SEC-004",), _no_placeholder),
    Edit("secrets expire", ("KV-SEC-002",), _secrets_expire),
    Edit("each reads its own secret", ("KV-SEC-003",), _single_secrets),
    Edit("storage is closed", ("STOR-NET-001",), _storage_closed),
    Edit("copies of storage stay in the tenant", ("NET-EXF-003",), _copies_stay),
    Edit("storage keys expire", ("KEY-ROT-005",), _keys_expire),
    Edit("the registry refuses export", ("NET-EXF-004",), _no_export),
    Edit("the model calls nobody", ("NET-EXF-002",), _model_calls_nobody),
    Edit("datastores use an identity", ("AML-IAM-005",), _datastores),
    Edit("the managed network lets out to no host", ("AML-NET-007",), _no_wikipedia),
    Edit("the deployment scales by itself", ("AML-REL-002",), _deployment_scales),
    Edit("the endpoint is monitored for drift", ("AML-MON-001",), _monitor),
    Edit("pipelines change production", ("OPS-CICD-001",), _pipelines),
    Edit("the jump box is encrypted at its host", ("JMP-SEC-002",), _host_encryption),
    Edit("there is AI Search", ("GOV-INV-001",), _search),
    Edit("the activity log was read", (), _activity_log, unknown=("KEY-ROT-003",)),
)
