"""The machine that administrators come through, and how its logs leave it."""

from __future__ import annotations

from tests.estates.arm import DEPLOYED, TENANT, Body, nested, path, reference, resource
from tests.estates.chat.identities import principal
from tests.estates.chat.network import subnet_id

_CREATED = 1_707_220_800
_MADE = {"createdAt": DEPLOYED, "lastModifiedAt": DEPLOYED}
_CLOSED = {"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
_LOGS = path("Microsoft.OperationalInsights/workspaces", "log-chat01")


def bodies() -> list[Body]:
    """Return the machine with its disk, interface and agent."""
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
            "osProfile": {
                "computerName": "jmp-chat01",
                "adminUsername": "vmadmin",
                "windowsConfiguration": {
                    "enableAutomaticUpdates": True,
                    "patchSettings": {"patchMode": "AutomaticByOS"},
                },
            },
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
