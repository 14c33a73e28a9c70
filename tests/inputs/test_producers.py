"""What each producer prints of one storage account is read as the account that Azure Resource Manager returns."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.graph import Estate
from tests.conftest import ReadDocument

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-chat/providers/Microsoft.Storage/storageAccounts/stchat01"
_SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-chat/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
)
_IDENTITY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-chat/providers/Microsoft.ManagedIdentity/ids/i"

ARM: dict[str, Any] = {
    "id": _ID,
    "name": "stchat01",
    "type": "Microsoft.Storage/storageAccounts",
    "kind": "StorageV2",
    "location": "eastus2",
    "sku": {"name": "Standard_ZRS", "tier": "Standard"},
    "tags": {"Owner": "team-chat"},
    "properties": {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "encryption": {"keySource": "Microsoft.Keyvault", "identity": {"userAssignedIdentity": _IDENTITY}},
        "isHnsEnabled": True,
        "isNfsV3Enabled": False,
        "minimumTlsVersion": "TLS1_2",
        "networkAcls": {
            "bypass": "None",
            "defaultAction": "Deny",
            "ipRules": [{"action": "Allow", "value": "198.51.100.7"}],
            "virtualNetworkRules": [{"action": "Allow", "id": _SUBNET, "state": "Succeeded"}],
        },
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
        "supportsHttpsTrafficOnly": True,
    },
}

# Names as the models of azure-mgmt-storage have them, which the command line prints.
# https://learn.microsoft.com/python/api/azure-mgmt-storage/azure.mgmt.storage.models.storageaccount
AZ_STORAGE_ACCOUNT = {
    **{name: value for name, value in ARM.items() if name != "properties"},
    "accessTier": None,
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": False,
    "azureFilesIdentityBasedAuthentication": None,
    "enableHttpsTrafficOnly": True,
    "enableNfsV3": False,
    "encryption": {
        "encryptionIdentity": {
            "encryptionFederatedIdentityClientId": None,
            "encryptionUserAssignedIdentity": _IDENTITY,
        },
        "keySource": "Microsoft.Keyvault",
        "keyVaultProperties": None,
    },
    "extendedLocation": None,
    "identity": None,
    "isHnsEnabled": True,
    "keyPolicy": None,
    "minimumTlsVersion": "TLS1_2",
    "networkRuleSet": {
        "bypass": "None",
        "defaultAction": "Deny",
        "ipRules": [{"action": "Allow", "ipAddressOrRange": "198.51.100.7"}],
        "resourceAccessRules": None,
        "virtualNetworkRules": [{"action": "Allow", "state": "Succeeded", "virtualNetworkResourceId": _SUBNET}],
    },
    "provisioningState": "Succeeded",
    "publicNetworkAccess": "Enabled",
    "resourceGroup": "rg-chat",
}

AZ_RESOURCE = {
    **ARM,
    "changedTime": None,
    "createdTime": None,
    "extendedLocation": None,
    "identity": None,
    "managedBy": None,
    "plan": None,
    "resourceGroup": "rg-chat",
}

RESOURCE_GRAPH = {
    **ARM,
    "type": "microsoft.storage/storageaccounts",
    "extendedLocation": None,
    "identity": None,
    "managedBy": "",
    "plan": None,
    "resourceGroup": "rg-chat",
    "subscriptionId": SUBSCRIPTION,
    "tenantId": "00000000-0000-0000-0000-0000000000ff",
    "zones": None,
}

_ANSWER = {"count": 1, "resultTruncated": "false", "totalRecords": 1}
_COLUMNS = [
    {"name": name, "type": "object" if isinstance(value, dict) else "string"} for name, value in RESOURCE_GRAPH.items()
]

GET_AZ_RESOURCE = {
    "ResourceId": _ID,
    "Id": _ID,
    "Identity": None,
    "Kind": "StorageV2",
    "Location": "eastus2",
    "ManagedBy": None,
    "ResourceName": "stchat01",
    "Name": "stchat01",
    "ExtensionResourceName": None,
    "ParentResource": None,
    "Plan": None,
    "Properties": ARM["properties"],
    "ResourceGroupName": "rg-chat",
    "Type": "Microsoft.Storage/storageAccounts",
    "ResourceType": "Microsoft.Storage/storageAccounts",
    "ExtensionResourceType": None,
    "Sku": {"Name": "Standard_ZRS", "Tier": "Standard", "Size": None, "Family": None, "Model": None, "Capacity": None},
    "Tags": {"Owner": "team-chat"},
    "TagsTable": "\nName   Value\n=====  =========\nOwner  team-chat\n",
    "SubscriptionId": SUBSCRIPTION,
    "CreatedTime": None,
    "ChangedTime": None,
    "ETag": None,
}

PRINTED: dict[str, Any] = {
    "GET of Azure Resource Manager": ARM,
    "list of Azure Resource Manager": {"value": [ARM], "nextLink": None},
    "az resource show": AZ_RESOURCE,
    "az storage account show": AZ_STORAGE_ACCOUNT,
    "az storage account list": [AZ_STORAGE_ACCOUNT],
    "az graph query": {"count": 1, "data": [RESOURCE_GRAPH], "skip_token": None, "total_records": 1},
    "Resource Graph, objects": {**_ANSWER, "data": [RESOURCE_GRAPH], "facets": []},
    "Resource Graph, table": {
        **_ANSWER,
        "data": {"columns": _COLUMNS, "rows": [list(RESOURCE_GRAPH.values())]},
        "facets": [],
    },
    "Search-AzGraph, its rows": [{**RESOURCE_GRAPH, "ResourceId": _ID}],
    "Search-AzGraph, whole": {"SkipToken": None, "Data": [{**RESOURCE_GRAPH, "ResourceId": _ID}]},
    "Get-AzResource -ExpandProperties, one": GET_AZ_RESOURCE,
    "Get-AzResource -ExpandProperties, several": [GET_AZ_RESOURCE],
}


def _stated(value: Any) -> Any:
    """Return a value without what is null in it: the command line prints all that a type has."""
    if isinstance(value, list):
        return list(map(_stated, value))
    return (
        {name: _stated(item) for name, item in value.items() if item is not None} if isinstance(value, dict) else value
    )


@pytest.mark.parametrize("producer", PRINTED)
def test_a_producer_s_account_is_the_account(producer: str, read_document: ReadDocument) -> None:
    [expected] = read_document(ARM).resources
    [account] = read_document(PRINTED[producer]).resources

    assert account.key == expected.key
    assert _stated(account.properties) == expected.properties
    for name in ("name", "kind", "location", "tags"):
        assert account.body.get(name) == expected.body[name]
    assert account.type_key == expected.type_key
    assert _stated(account.body["sku"]) == expected.body["sku"]


@pytest.mark.parametrize(
    ("producer", "row"),
    [
        ("az resource list", {**AZ_RESOURCE, "properties": None, "provisioningState": "Succeeded"}),
        ("Get-AzResource", {**GET_AZ_RESOURCE, "Properties": None}),
        ("Resource Graph, projected", {name: RESOURCE_GRAPH[name] for name in ("id", "name", "type", "location")}),
    ],
)
def test_a_producer_s_row_without_properties_is_known_by_its_id_only(
    producer: str, row: dict[str, Any], read_document: ReadDocument
) -> None:
    estate = Estate(read_document([row]))

    assert producer
    assert estate.get(_ID) is None
    assert estate.resource(_ID) is not None
    assert estate.type_gap("Microsoft.Storage/storageAccounts", _ID) is not None


@pytest.mark.parametrize(
    ("resource_type", "printed", "properties"),
    [
        (
            "Microsoft.Network/applicationGateways",
            {"sku": {"capacity": 2, "name": "WAF_v2", "tier": "WAF_v2"}, "zones": ["1"], "probes": []},
            {"sku": {"capacity": 2, "name": "WAF_v2", "tier": "WAF_v2"}, "probes": []},
        ),
        (
            "Microsoft.OperationalInsights/workspaces",
            {"sku": {"name": "PerGB2018"}, "retentionInDays": 30},
            {"sku": {"name": "PerGB2018"}, "retentionInDays": 30},
        ),
        (
            "Microsoft.Network/applicationSecurityGroups",
            {"etag": 'W/"1"', "provisioningState": "Succeeded"},
            {"provisioningState": "Succeeded"},
        ),
        (
            "Microsoft.Network/publicIPAddresses",
            {"sku": {"name": "Standard"}, "idleTimeoutInMinutes": 4},
            {"idleTimeoutInMinutes": 4},
        ),
    ],
)
def test_what_az_lifts_into_the_envelope_is_put_back(
    resource_type: str, printed: dict[str, Any], properties: dict[str, Any], read_document: ReadDocument
) -> None:
    common = {"name": "x", "type": resource_type, "location": "eastus2", "resourceGroup": "rg-chat"}
    row = {**common, "id": _ID.replace("Microsoft.Storage/storageAccounts", resource_type), **printed}
    [resource] = read_document([row]).resources

    assert _stated(resource.properties) == properties
    assert resource.body.get("zones") == printed.get("zones")
