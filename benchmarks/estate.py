"""Make synthetic estates of any size, always the same for the same numbers.

An estate is workloads, what they share, and loose resources. A workload is a copy of the sample estate with names, host
names, identities and addresses of its own; copies differ in tags, in some security rules, and in who else has roles on
them. Twenty-five of them share a hub: a network that is peered with theirs, with private endpoints for stores of its own.
One in ten values of a loose resource is not as it should be.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final

import orjson

from auditor import shipped

_GUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
BYTES: Final = 2_900
REPEATED: Final = ("/diagnosticSettings", "/outboundRules", "/roleDefinitions", "/secrets", "/basicPublishingCredentialsPolicies",
                   "/metricAlerts", "/virtualNetworkLinks")  # fmt: skip
OFF: Final = ("Disabled", "Enabled")
DENY: Final = ({"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []},
               {"defaultAction": "Allow", "ipRules": [{"value": "198.51.100.7"}]})  # fmt: skip
# resource type → share, kind, and each property with its value as it should be and as it should not
TYPES: Final[Mapping[str, tuple[int, str | None, Mapping[str, tuple[Any, Any]]]]] = {
    "Microsoft.Storage/storageAccounts": (4, "StorageV2", {
        "publicNetworkAccess": OFF, "minimumTlsVersion": ("TLS1_2", "TLS1_0"), "supportsHttpsTrafficOnly": (True, False),
        "allowBlobPublicAccess": (False, True), "allowSharedKeyAccess": (False, True), "networkAcls": DENY,
        "keyPolicy": ({"keyExpirationPeriodInDays": 90}, None),
        "keyCreationTime": ({"key1": "2024-02-01T00:00:00.0000000Z", "key2": "2024-02-01T00:00:00Z"},
                            {"key1": "2020-01-01T00:00:00Z"}),
    }),
    "Microsoft.CognitiveServices/accounts": (3, "OpenAI", {
        "publicNetworkAccess": OFF, "disableLocalAuth": (True, False), "customSubDomainName": ("name", None),
        "networkAcls": DENY,
    }),
    "Microsoft.KeyVault/vaults": (3, None, {
        "publicNetworkAccess": OFF, "enablePurgeProtection": (True, None), "enableRbacAuthorization": (True, False),
        "enabledForDeployment": (False, True), "enabledForTemplateDeployment": (False, True),
        "enabledForDiskEncryption": (False, True), "networkAcls": DENY,
    }),
    "Microsoft.Web/sites": (3, "app,linux", {
        "publicNetworkAccess": OFF, "httpsOnly": (True, False),
        "siteConfig": ({"minTlsVersion": "1.2", "ftpsState": "Disabled", "remoteDebuggingEnabled": False},
                       {"minTlsVersion": "1.0", "ftpsState": "AllAllowed"}),
    }),
    "Microsoft.MachineLearningServices/workspaces": (2, "Hub", {
        "publicNetworkAccess": OFF, "v1LegacyMode": (False, True),
        "managedNetwork": ({"isolationMode": "AllowOnlyApprovedOutbound", "status": {"status": "Active"}}, None),
        "systemDatastoresAuthMode": ("identity", "accesskey"),
    }),
    "Microsoft.ContainerRegistry/registries": (2, None, {
        "publicNetworkAccess": OFF, "adminUserEnabled": (False, True), "anonymousPullEnabled": (False, True),
        "networkRuleBypassOptions": ("None", "AzureServices"),
    }),
    "Microsoft.Search/searchServices": (2, None, {"publicNetworkAccess": OFF, "disableLocalAuth": (True, False)}),
    "Microsoft.Compute/virtualMachines": (1, None, {
        "securityProfile": ({"encryptionAtHost": True, "securityType": "TrustedLaunch",
                             "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}, {}),
    }),
}  # fmt: skip


_ZONED: Final = {"name": "Standard_ZRS", "tier": "Standard"}
SKUS: Final[Mapping[str, Mapping[str, str]]] = {
    "Microsoft.Storage/storageAccounts": _ZONED,
    "Microsoft.CognitiveServices/accounts": {"name": "S0"},
    "Microsoft.MachineLearningServices/workspaces": {"name": "Basic", "tier": "Basic"},
    "Microsoft.ContainerRegistry/registries": {"name": "Premium", "tier": "Premium"},
    "Microsoft.Search/searchServices": {"name": "standard"},
}
OF_A_HUB: Final = 25
ENDPOINTS: Final = 40
GROUPS: Final = 10
SHARE: Final = 160
"""A workload for so many resources, unless asked for otherwise."""
_TENANT_ROLES: Final = ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c",
                        "4633458b-17de-408a-b874-0445c86b69e6")  # fmt: skip
_NETWORK: Final = "Microsoft.Network/virtualNetworks"
_SECURITY_GROUP: Final = "Microsoft.Network/networkSecurityGroups"
_ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"

Body = dict[str, Any]


def document(number: int, workloads: int | None = None, *, is_whole: bool = True) -> bytes:
    """Return an export of that many resources, of which most are in workloads or their hubs.

    `workloads`: how many of these there are, else one for every 160 resources. Where it is not whole, every tenth resource
    is left out, and the export does not say that it is complete.
    """
    found = list(islice(_connected(number // SHARE if workloads is None else workloads), number))
    found += loose(number - len(found))
    kept = found if is_whole else [body for place, body in enumerate(found) if place % 10 != 9]
    return orjson.dumps({"complete": is_whole, "source": {"snapshotAt": "2024-03-01T00:00:00Z"}, "resources": kept})


def _connected(workloads: int) -> Iterator[Body]:
    """Yield workloads, each with what others may do on it, and a hub for every few of them."""
    for first in range(0, workloads, OF_A_HUB):
        copies = [_differing(copy) for copy in range(first, min(first + OF_A_HUB, workloads))]
        networks = [body for copy in copies for body in copy if body["type"] == _NETWORK]
        yield from map(_filled_up, _hub(first // OF_A_HUB, networks))
        for copy in copies:
            yield from map(_filled_up, copy)


def _differing(number: int) -> list[Body]:
    """Return a copy of the sample, without what each resource may have a dozen of, in which some things are as in no other."""
    chance = random.Random(number)  # noqa: S311 - synthetic data
    copy = [body for body in _copy(number) if not str(body["type"]).endswith(REPEATED)]
    for body in copy:
        if isinstance(body.get("tags"), dict):
            body["tags"] |= {"costCenter": str(number), "team": f"team-{chance.randrange(40)}"}
        if body["type"] == _SECURITY_GROUP and chance.random() < 0.4:
            body["properties"]["securityRules"].append(_rule(body["id"], chance))
    group = next(body["id"] for body in copy if body["type"].endswith("/resourceGroups"))
    return [*copy, *(_assignment(group, number, index) for index in range(GROUPS))]


def _rule(group: str, chance: random.Random) -> Body:
    """Return a rule that no other group may have: one port of some addresses, of the Internet in one group of ten."""
    anybody = chance.random() < 0.1
    return {
        "id": f"{group}/securityRules/own",
        "name": "own",
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "priority": 3900,
            "protocol": "Tcp",
            "sourceAddressPrefix": "Internet"
            if anybody
            else f"10.{chance.randrange(256)}.{chance.randrange(256)}.0/24",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": str(chance.randrange(1, 65536)),
        },
    }


def _assignment(scope: str, copy: int, index: int) -> Body:
    """Return a role of a group, of which every workload has some of its own and some that others have, too."""
    group = copy * GROUPS + index if index % 2 else index
    name = _guid(1, copy * GROUPS + index)
    return {
        "id": f"{scope}/providers/{_ASSIGNMENT}/{name}",
        "name": name,
        "type": _ASSIGNMENT,
        "properties": {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{_TENANT_ROLES[index % 3]}",
            "principalId": _guid(2, group),
            "principalType": "Group",
            "scope": scope,
            "createdOn": "2024-01-22T08:14:37Z",
        },
    }


def _guid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def _hub(number: int, networks: list[Body]) -> Iterator[Body]:
    """Yield a network that others are peered with, and stores that it leads to by private endpoints."""
    group = f"{SUBSCRIPTION}/resourceGroups/rg-hub-{number}"
    hub = f"{group}/providers/{_NETWORK}/vnet-hub-{number}"
    space = f"172.{16 + number % 16}.{number // 16 % 256}"
    for network in networks:
        network["properties"]["virtualNetworkPeerings"] = [_peering(network["id"], hub, [f"{space}.0/24"])]
    yield {
        "id": hub,
        "name": f"vnet-hub-{number}",
        "type": _NETWORK,
        "location": "swedencentral",
        "properties": {
            "addressSpace": {"addressPrefixes": [f"{space}.0/24"]},
            "subnets": [
                {
                    "id": f"{hub}/subnets/snet-pe",
                    "name": "snet-pe",
                    "properties": {"addressPrefix": f"{space}.0/25", "privateEndpointNetworkPolicies": "Enabled"},
                }
            ],
            "virtualNetworkPeerings": [
                _peering(hub, each["id"], each["properties"]["addressSpace"]["addressPrefixes"]) for each in networks
            ],
        },
    }
    for index in range(ENDPOINTS):
        yield from _endpoint(group, f"{hub}/subnets/snet-pe", f"{number}x{index}", f"{space}.{index + 4}")


def _peering(network: str, other: str, prefixes: list[str]) -> Body:
    name = f"to-{other.rpartition('/')[2]}"
    return {
        "id": f"{network}/virtualNetworkPeerings/{name}",
        "name": name,
        "properties": {
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "remoteVirtualNetwork": {"id": other},
            "remoteAddressSpace": {"addressPrefixes": prefixes},
            "peerCompleteVnets": True,
        },
    }


def _endpoint(group: str, subnet: str, name: str, address: str) -> Iterator[Body]:
    """Yield a store, the private endpoint that leads to it, and that one's interface."""
    store = f"{group}/providers/Microsoft.Storage/storageAccounts/sthub{name}"
    endpoint = f"{group}/providers/Microsoft.Network/privateEndpoints/pe-{name}"
    interface = f"{group}/providers/Microsoft.Network/networkInterfaces/pe-{name}.nic"
    yield {
        "id": store,
        "name": f"sthub{name}",
        "type": "Microsoft.Storage/storageAccounts",
        "kind": "StorageV2",
        "sku": _ZONED,
        "location": "swedencentral",
        "properties": {
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Disabled",
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
            "primaryEndpoints": {"blob": f"https://sthub{name}.blob.core.windows.net/"},
        },
    }
    yield {
        "id": endpoint,
        "name": f"pe-{name}",
        "type": "Microsoft.Network/privateEndpoints",
        "location": "swedencentral",
        "properties": {
            "provisioningState": "Succeeded",
            "subnet": {"id": subnet},
            "networkInterfaces": [{"id": interface}],
            "privateLinkServiceConnections": [
                {
                    "name": "blob",
                    "properties": {
                        "privateLinkServiceId": store,
                        "groupIds": ["blob"],
                        "privateLinkServiceConnectionState": {"status": "Approved"},
                    },
                }
            ],
        },
    }
    yield {
        "id": interface,
        "name": f"pe-{name}.nic",
        "type": "Microsoft.Network/networkInterfaces",
        "location": "swedencentral",
        "properties": {
            "privateEndpoint": {"id": endpoint},
            "ipConfigurations": [
                {"name": "config", "properties": {"privateIPAddress": address, "subnet": {"id": subnet}}}
            ],
        },
    }


def _copy(number: int) -> Iterator[Body]:
    """Yield the sample estate with names, host names, addresses and identities of its own.

    Only the tenant and the roles that are built in are the same in each.
    """
    text = _sample()
    kept = {*re.findall(f"roleDefinitions/({_GUID})", text), *re.findall(f'"tenantId": "({_GUID})"', text)}
    text = re.sub(f"assist|{_GUID}", lambda found: found[0] if found[0] in kept else _name(found[0], number), text)
    text = text.replace("10.42.", f"10.{number % 250}.").replace("203.0.113.", f"20.{number // 250}.{number % 250}.")
    yield from orjson.loads(text)["resources"]


def _name(name: str, copy: int) -> str:
    return f"{name}{copy:x}" if name == "assist" else f"{copy:08x}{name[8:]}"


@cache
def _sample() -> str:
    return (shipped.folder("samples") / "chat.json").read_text()


def loose(number: int, without: Container[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield resources that are tied to no others, of all types but some."""
    chance = random.Random(number)  # noqa: S311 - synthetic data
    kinds = [name for name, (share, _, _) in TYPES.items() for _ in range(share) if name not in without]
    for index in range(number):
        yield _body(kinds[index % len(kinds)], index, chance)


def _body(resource_type: str, index: int, chance: random.Random) -> dict[str, Any]:
    _, kind, properties = TYPES[resource_type]
    name = f"{resource_type.rpartition('/')[2].lower()}-{index:06}"
    group = f"{SUBSCRIPTION}/resourceGroups/rg-{index % 97:02}"
    body: dict[str, Any] = {
        "id": f"{group}/providers/{resource_type}/{name}",
        "name": name,
        "type": resource_type,
        "location": chance.choice(("eastus2", "East US 2", "westeurope")),
        "tags": {"env": chance.choice(("prod", "test")), "owner": f"team-{index % 31}", "costCenter": str(index % 977)},
        "properties": {path: wrong if chance.random() < 0.1 else right for path, (right, wrong) in properties.items()},
    }
    if kind is not None:
        body["kind"] = kind
    if resource_type in SKUS:
        body["sku"] = SKUS[resource_type]
    body["properties"]["provisioningState"] = "Succeeded"
    return _filled_up(body)


def _filled_up(body: dict[str, Any]) -> dict[str, Any]:
    """Add what else Azure returns, endpoints, states and times, until a body has its size."""
    name = body["name"]
    rest = body.setdefault("properties", {}).setdefault("endpointsList", [])
    while (size := len(orjson.dumps(body))) < BYTES:
        rest.append({"address": f"https://{name}-{size}.example.net/", "state": "Ready", "isPrimary": size % 2 == 0,
                     "changedAt": "2024-02-28T10:11:12.1234567Z", "weights": [size, size / 7, None]})  # fmt: skip
    return body
