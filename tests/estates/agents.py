"""A small estate of the edition of 2026: agents in a Foundry project, what keeps their state, and a chat UI in front."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.estates.arm import GROUP, SUBSCRIPTION, TENANT, Body, guid, nested, path, reference, resource
from tests.estates.roles import definition

AS_OF = "2026-07-16T12:00:00Z"
_MADE = "2026-07-02T12:00:00Z"
_PIPELINE = {"createdBy": guid("pipeline"), "createdByType": "Application", "lastModifiedByType": "Application"}
_ZONES = ["1", "2", "3"]

NETWORK = path("Microsoft.Network/virtualNetworks", "vnet-help")
ACCOUNT = path("Microsoft.CognitiveServices/accounts", "aif-help")
PROJECT = path("Microsoft.CognitiveServices/accounts/projects", "aif-help", "desk")
HOST = path("Microsoft.CognitiveServices/accounts/projects/capabilityHosts", "aif-help", "desk", "agents")
MEMORY = path("Microsoft.DocumentDB/databaseAccounts", "cosmos-help")
FILES = path("Microsoft.Storage/storageAccounts", "sthelpagents")
SEARCH = path("Microsoft.Search/searchServices", "srch-help")
CODE = path("Microsoft.Storage/storageAccounts", "sthelpcode")
VAULT = path("Microsoft.KeyVault/vaults", "kv-help-gateway")
KEYS = path("Microsoft.KeyVault/vaults", "kv-help-keys")
SITE = path("Microsoft.Web/sites", "app-help")
PLAN = path("Microsoft.Web/serverfarms", "plan-help")
GATEWAY = path("Microsoft.Network/applicationGateways", "agw-help")
FIREWALL = path("Microsoft.Network/azureFirewalls", "afw-help")
POLICY = path("Microsoft.Network/firewallPolicies", "afwp-help")
ROUTES = path("Microsoft.Network/routeTables", "rt-help")
BASTION = path("Microsoft.Network/bastionHosts", "bas-help")
MACHINE = path("Microsoft.Compute/virtualMachines", "vm-help")
LOGS = path("Microsoft.OperationalInsights/workspaces", "log-help")
INSIGHTS = path("Microsoft.Insights/components", "appi-help")
BING = path("Microsoft.Bing/accounts", "bing-help")
WAF = path("Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies", "waf-help")

# name → prefix, the own security group's name, whether its default route leads to the firewall
SUBNETS: dict[str, tuple[str, str, bool]] = {
    "snet-gateway": ("10.40.0.0/24", "nsg-gateway", False),
    "snet-web": ("10.40.1.0/26", "nsg-web", True),
    "snet-endpoints": ("10.40.2.0/26", "nsg-endpoints", True),
    "snet-calls": ("10.40.3.0/24", "nsg-calls", True),
    "snet-jumpBoxes": ("10.40.4.0/28", "nsg-jump", True),
    "snet-buildAgents": ("10.40.4.32/28", "nsg-build", True),
    "AzureBastionSubnet": ("10.40.5.0/26", "nsg-bastion", False),
    "AzureFirewallSubnet": ("10.40.6.0/26", "", False),
    "AzureFirewallManagementSubnet": ("10.40.6.64/26", "", False),
}
_AT = {name: about[0] for name, about in SUBNETS.items()}
Row = tuple[str, str, str, str, str, str]  # direction, access, protocol, source, destination, ports
_REST: tuple[Row, Row] = (("Inbound", "Deny", "*", "*", "*", "*"), ("Outbound", "Deny", "*", "*", "*", "*"))
_TO_ENDPOINTS: Row = ("Outbound", "Allow", "*", "*", _AT["snet-endpoints"], "*")
_FROM_BASTION: Row = ("Inbound", "Allow", "Tcp", _AT["AzureBastionSubnet"], "*", "22,3389")
_RULES: dict[str, list[Row]] = {
    "nsg-gateway": [
        ("Inbound", "Allow", "*", "GatewayManager", "*", "65200-65535"),
        ("Inbound", "Allow", "Tcp", "Internet", _AT["snet-gateway"], "443"),
        ("Inbound", "Allow", "*", "AzureLoadBalancer", "*", "*"),
        _TO_ENDPOINTS,
        ("Outbound", "Allow", "*", "*", "Internet", "*"),
    ],
    "nsg-web": [_TO_ENDPOINTS, ("Outbound", "Allow", "*", "*", "AzureMonitor", "*")],
    "nsg-endpoints": [("Inbound", "Allow", "*", "VirtualNetwork", "*", "*")],
    "nsg-calls": [_TO_ENDPOINTS, ("Outbound", "Allow", "Tcp", "*", "Internet", "443")],
    "nsg-jump": [_FROM_BASTION, _TO_ENDPOINTS, ("Outbound", "Allow", "*", "*", "Internet", "*")],
    "nsg-build": [_FROM_BASTION, _TO_ENDPOINTS, ("Outbound", "Allow", "*", "*", "Internet", "*")],
    "nsg-bastion": [
        ("Inbound", "Allow", "Tcp", "Internet", "*", "443"),
        ("Inbound", "Allow", "Tcp", "GatewayManager", "*", "443"),
        ("Inbound", "Allow", "Tcp", "AzureLoadBalancer", "*", "443"),
        ("Inbound", "Allow", "*", "VirtualNetwork", "VirtualNetwork", "8080,5701"),
        ("Outbound", "Allow", "Tcp", "*", "VirtualNetwork", "22,3389"),
        ("Outbound", "Allow", "*", "VirtualNetwork", "VirtualNetwork", "8080,5701"),
        ("Outbound", "Allow", "Tcp", "*", "AzureCloud", "443"),
        ("Outbound", "Allow", "*", "*", "Internet", "80"),
    ],
}
# what has a private endpoint: its group, and the zones with the host name that each answers for
_ENDPOINTS: dict[str, tuple[str, dict[str, str]]] = {
    ACCOUNT: (
        "account",
        {
            "cognitiveservices.azure.com": "aif-help",
            "openai.azure.com": "aif-help",
            "services.ai.azure.com": "aif-help",
        },
    ),
    MEMORY: ("Sql", {"documents.azure.com": "cosmos-help"}),
    FILES: ("blob", {"blob.core.windows.net": "sthelpagents"}),
    CODE: ("blob", {"blob.core.windows.net": "sthelpcode"}),
    SEARCH: ("searchService", {"search.windows.net": "srch-help"}),
    VAULT: ("vault", {"vault.azure.net": "kv-help-gateway"}),
    KEYS: ("vault", {"vault.azure.net": "kv-help-keys"}),
    SITE: ("sites", {"azurewebsites.net": "app-help", "scm.azurewebsites.net": "app-help"}),
}
_ZONE_OF = {
    "vault.azure.net": "privatelink.vaultcore.azure.net",
    "scm.azurewebsites.net": "privatelink.azurewebsites.net",
}


def principal(name: str) -> str:
    """Return the object id of an identity."""
    return guid(f"principal {name}")


def identity_id(name: str) -> str:
    return path("Microsoft.ManagedIdentity/userAssignedIdentities", name)


def _runs_as(name: str) -> Body:
    ids = {"principalId": principal(name), "clientId": guid(f"client {name}")}
    return {"type": "UserAssigned", "userAssignedIdentities": {identity_id(name): ids}}


def _zone(suffix: str) -> str:
    return _ZONE_OF.get(suffix, f"privatelink.{suffix}")


def subnet_id(name: str) -> str:
    return f"{NETWORK}/subnets/{name}"


def _of(place: str, **more: Any) -> Body:
    """Return a resource of the group by its id."""
    kind_and_names = place.rpartition("/providers/")[2].split("/")
    kind = "/".join([kind_and_names[0], *kind_and_names[1::2]])
    return resource(kind, *kind_and_names[2::2], **more)


def _logged(place: str, *categories: str) -> Body:
    logs = [{"category": each, "enabled": True} for each in categories] or [
        {"categoryGroup": "allLogs", "enabled": True}
    ]
    kind = "Microsoft.Insights/diagnosticSettings"
    return resource(
        kind, "logs", below=place, location=None, properties={"workspaceId": LOGS, "logs": logs, "metrics": []}
    )


def _connections(place: str) -> list[Body]:
    approved = {"status": "Approved", "description": "", "actionsRequired": "None"}
    if place not in _ENDPOINTS:
        return []
    own = {"id": place, "type": "/".join(place.rpartition("/providers/")[2].split("/")[::2])}
    name = f"pe-{place.rpartition('/')[2]}"
    return [
        nested(
            own,
            "privateEndpointConnections",
            name,
            privateEndpoint=reference(path("Microsoft.Network/privateEndpoints", name)),
            privateLinkServiceConnectionState=approved,
        )
    ]


def _network() -> Iterable[Body]:
    network = _of(NETWORK)
    subnets = []
    for name, (prefix, group, is_led) in SUBNETS.items():
        subnet = nested(network, "subnets", name, addressPrefix=prefix, delegations=[], defaultOutboundAccess=False)
        own = subnet["properties"]
        if group:
            own["networkSecurityGroup"] = reference(path("Microsoft.Network/networkSecurityGroups", group))
        if is_led:
            own["routeTable"] = reference(ROUTES)
        service = {"snet-web": "Microsoft.Web/serverFarms", "snet-calls": "Microsoft.App/environments"}.get(name)
        if service:
            own["delegations"] = [nested(subnet, "delegations", "d", serviceName=service)]
        if name == "snet-endpoints":
            own["privateEndpointNetworkPolicies"] = "Enabled"
        subnets.append(subnet)
    network["properties"] = {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": ["10.40.0.0/16"]},
        "enableDdosProtection": True,
        "ddosProtectionPlan": reference(path("Microsoft.Network/ddosProtectionPlans", "ddos-help")),
        "subnets": subnets,
        "virtualNetworkPeerings": [],
    }
    yield network
    yield resource(
        "Microsoft.Network/ddosProtectionPlans", "ddos-help", properties={"virtualNetworks": [reference(NETWORK)]}
    )
    yield _logged(NETWORK)
    for name, (_, group, _) in SUBNETS.items():
        if group:
            body = resource("Microsoft.Network/networkSecurityGroups", group)
            rows = [*_RULES[group], *_REST]
            body["properties"] = {
                "provisioningState": "Succeeded",
                "securityRules": [_rule(body, number, row) for number, row in enumerate(rows)],
                "subnets": [reference(subnet_id(name))],
            }
            yield body
            yield _logged(body["id"])
    hop = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.40.6.4"}
    table = _of(ROUTES)
    led = [reference(subnet_id(name)) for name, about in SUBNETS.items() if about[2]]
    routes = [nested(table, "routes", "to-firewall", **hop)]
    yield {**table, "properties": {"disableBgpRoutePropagation": True, "routes": routes, "subnets": led}}


def _rule(group: Body, number: int, row: Row) -> Body:
    direction, access, protocol, source, destination, ports = row
    spans = {"destinationPortRanges": ports.split(",")} if "," in ports else {"destinationPortRange": ports}
    return nested(
        group,
        "securityRules",
        f"r{number}",
        priority=100 + 10 * number if access == "Allow" else 4000 + number,
        direction=direction,
        access=access,
        protocol=protocol,
        sourceAddressPrefix=source,
        sourcePortRange="*",
        destinationAddressPrefix=destination,
        **spans,
    )


def _private_link() -> Iterable[Body]:
    zones = sorted({_zone(suffix) for _, names in _ENDPOINTS.values() for suffix in names})
    for name in zones:
        link = {
            "registrationEnabled": False,
            "virtualNetwork": reference(NETWORK),
            "virtualNetworkLinkState": "Completed",
        }
        yield resource("Microsoft.Network/privateDnsZones", name, location="global", properties={})
        kind = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
        yield resource(kind, name, "link", location="global", properties=link | {"provisioningState": "Succeeded"})
    last = 4
    for target, (group, names) in _ENDPOINTS.items():
        name = f"pe-{target.rpartition('/')[2]}"
        interface = resource("Microsoft.Network/networkInterfaces", f"nic-{name}")
        endpoint = resource("Microsoft.Network/privateEndpoints", name)
        records: dict[str, list[Body]] = {}
        configurations = []
        for suffix, host in names.items():
            address, last = f"10.40.2.{last}", last + 1
            link = {"groupId": group, "requiredMemberName": suffix, "fqdns": [f"{host}.{suffix}"]}
            configurations.append(
                nested(
                    interface,
                    "ipConfigurations",
                    suffix,
                    privateIPAddress=address,
                    subnet=reference(subnet_id("snet-endpoints")),
                    privateLinkConnectionProperties=link,
                )
            )
            relative = f"{host}.scm" if suffix.startswith("scm.") else host
            record = {
                "recordType": "A",
                "recordSetName": relative,
                "fqdn": f"{relative}.{_zone(suffix)}",
                "ipAddresses": [address],
            }
            records.setdefault(_zone(suffix), []).append(record)
        state = {"status": "Approved", "description": "", "actionsRequired": "None"}
        own = {"privateLinkServiceId": target, "groupIds": [group], "privateLinkServiceConnectionState": state}
        endpoint["properties"] = {
            "provisioningState": "Succeeded",
            "subnet": reference(subnet_id("snet-endpoints")),
            "privateLinkServiceConnections": [nested(endpoint, "privateLinkServiceConnections", name, **own)],
            "networkInterfaces": [reference(interface["id"])],
        }
        interface["properties"] = {"ipConfigurations": configurations, "privateEndpoint": reference(endpoint["id"])}
        yield from (endpoint, interface)
        places = {zone: path("Microsoft.Network/privateDnsZones", zone) for zone in records}
        entries = [
            {"name": zone, "properties": {"privateDnsZoneId": places[zone], "recordSets": listed}}
            for zone, listed in records.items()
        ]
        kind = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
        yield resource(kind, name, "default", location=None, properties={"privateDnsZoneConfigs": entries})


def _address(name: str, number: int, configuration: str) -> Iterable[Body]:
    body = resource(
        "Microsoft.Network/publicIPAddresses", name, sku={"name": "Standard", "tier": "Regional"}, zones=_ZONES
    )
    body["properties"] = {
        "provisioningState": "Succeeded",
        "ipAddress": f"203.0.113.{number}",
        "publicIPAllocationMethod": "Static",
        "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
        "ipConfiguration": reference(configuration),
    }
    yield body
    yield _logged(body["id"])


def _firewall() -> Iterable[Body]:
    firewall = _of(FIREWALL, zones=_ZONES)
    addresses = {name: path("Microsoft.Network/publicIPAddresses", name) for name in ("pip-out", "pip-manage")}

    def placed(name: str, subnet: str, **more: Any) -> Body:
        public = reference(addresses[name])
        return nested(
            firewall,
            "azureFirewallIpConfigurations",
            name,
            publicIPAddress=public,
            subnet=reference(subnet_id(subnet)),
            **more,
        )

    firewall["properties"] = {
        "provisioningState": "Succeeded",
        "sku": {"name": "AZFW_VNet", "tier": "Basic"},
        "threatIntelMode": "Alert",
        "ipConfigurations": [placed("pip-out", "AzureFirewallSubnet", privateIPAddress="10.40.6.4")],
        "managementIpConfiguration": placed("pip-manage", "AzureFirewallManagementSubnet"),
        "firewallPolicy": reference(POLICY),
    }
    kind = "Microsoft.Network/firewallPolicies/ruleCollectionGroups"
    group = resource(kind, "afwp-help", "calls", location=None, properties={"priority": 300, "ruleCollections": []})
    yield firewall
    yield _logged(FIREWALL)
    policy = {
        "sku": {"tier": "Basic"},
        "threatIntelMode": "Alert",
        "firewalls": [reference(FIREWALL)],
        "childPolicies": [],
    }
    yield _of(POLICY, properties=policy | {"ruleCollectionGroups": [reference(group["id"])]})
    yield group
    for number, name in enumerate(addresses):
        yield from _address(name, 20 + number, f"{FIREWALL}/azureFirewallIpConfigurations/{name}")


def _agents() -> Iterable[Body]:
    deny = {"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []}
    injection = {"scenario": "agent", "subnetArmId": subnet_id("snet-calls"), "useMicrosoftManagedNetwork": False}
    own = {"type": "SystemAssigned", "principalId": principal("aif-help"), "tenantId": TENANT}
    account = _of(ACCOUNT, kind="AIServices", sku={"name": "S0"}, identity=own, systemData=_PIPELINE)
    account["properties"] = {
        "provisioningState": "Succeeded",
        "customSubDomainName": "aif-help",
        "endpoint": "https://aif-help.cognitiveservices.azure.com/",
        "allowProjectManagement": True,
        "disableLocalAuth": True,
        "publicNetworkAccess": "Disabled",
        "networkAcls": deny,
        "restrictOutboundNetworkAccess": True,
        "allowedFqdnList": [],
        "networkInjections": [injection],
        "dateCreated": _MADE,
        "privateEndpointConnections": _connections(ACCOUNT),
    }
    yield account
    yield _logged(ACCOUNT)
    model = {
        "model": {"format": "OpenAI", "name": "gpt-4.1", "version": "2025-04-14"},
        "versionUpgradeOption": "NoAutoUpgrade",
    }
    for name, sku, more in (
        ("steady", "DataZoneProvisionedManaged", {"spilloverDeploymentName": "more"}),
        ("more", "DataZoneStandard", {}),
    ):
        body = resource("Microsoft.CognitiveServices/accounts/deployments", "aif-help", name, location=None)
        properties = {**model, **more, "raiPolicyName": "Microsoft.DefaultV2", "provisioningState": "Succeeded"}
        yield body | {"sku": {"name": sku, "capacity": 50}, "properties": properties}
    project = _of(PROJECT, identity=_runs_as("id-desk"), systemData=_PIPELINE)
    project["properties"] = {
        "isDefault": True,
        "internalId": guid("desk").replace("-", ""),
        "provisioningState": "Succeeded",
    }
    yield project
    names = {"threadStorageConnections": "memory", "storageConnections": "files", "vectorStoreConnections": "vectors"}
    yield _of(HOST, location=None) | {
        "properties": {key: [name] for key, name in names.items()} | {"capabilityHostKind": "Agents"}
    }
    for name, category, target, auth in (
        ("memory", "CosmosDb", MEMORY, "AAD"),
        ("files", "AzureStorageAccount", FILES, "AAD"),
        ("vectors", "CognitiveSearch", SEARCH, "AAD"),
        ("telemetry", "AppInsights", INSIGHTS, "ApiKey"),
        ("web", "GroundingWithBingSearch", BING, "ApiKey"),
    ):
        kind = "Microsoft.CognitiveServices/accounts/projects/connections"
        properties = {
            "category": category,
            "authType": auth,
            "isSharedToAll": False,
            "metadata": {"ResourceId": target},
        }
        yield resource(kind, "aif-help", "desk", name, location=None, properties=properties)
    kind = "Microsoft.CognitiveServices/accounts/connections"
    properties = {"category": "AzureKeyVault", "authType": "AccountManagedIdentity", "metadata": {"ResourceId": KEYS}}
    yield resource(kind, "aif-help", "keys", location=None, properties=properties)
    yield _of(
        BING,
        location="global",
        sku={"name": "G1"},
        kind="Bing.Grounding",
        properties={"provisioningState": "Succeeded"},
    )


def _state() -> Iterable[Body]:
    memory = _of(MEMORY, kind="GlobalDocumentDB", systemData=_PIPELINE)
    memory["properties"] = {
        "provisioningState": "Succeeded",
        "documentEndpoint": "https://cosmos-help.documents.azure.com:443/",
        "disableLocalAuth": True,
        "publicNetworkAccess": "Disabled",
        "networkAclBypass": "None",
        "ipRules": [],
        "locations": [{"locationName": "eastus2", "failoverPriority": 0, "isZoneRedundant": True}],
        "backupPolicy": {"type": "Continuous", "continuousModeProperties": {"tier": "Continuous7Days"}},
        "privateEndpointConnections": _connections(MEMORY),
    }
    yield memory
    search = _of(SEARCH, sku={"name": "standard"}, systemData=_PIPELINE)
    search["properties"] = {
        "provisioningState": "succeeded",
        "status": "running",
        "disableLocalAuth": True,
        "publicNetworkAccess": "disabled",
        "networkRuleSet": {"bypass": "None", "ipRules": []},
        "replicaCount": 3,
        "partitionCount": 1,
        "endpoint": "https://srch-help.search.windows.net",
        "sharedPrivateLinkResources": [],
        "privateEndpointConnections": _connections(SEARCH),
    }
    yield search
    for place, sku in ((FILES, "Standard_GZRS"), (CODE, "Standard_ZRS")):
        name = place.rpartition("/")[2]
        body = _of(place, kind="StorageV2", sku={"name": sku, "tier": "Standard"}, systemData=_PIPELINE)
        body["properties"] = {
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Disabled",
            "allowSharedKeyAccess": False,
            "allowBlobPublicAccess": False,
            "allowedCopyScope": "AAD",
            "allowCrossTenantReplication": False,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
            "keyPolicy": {"keyExpirationPeriodInDays": 90},
            "networkAcls": {"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []},
            "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"},
            "keyCreationTime": {"key1": _MADE, "key2": _MADE},
            "privateEndpointConnections": _connections(place),
        }
        yield body
        service = resource(
            "Microsoft.Storage/storageAccounts/blobServices", name, "default", location=None, properties={}
        )
        yield service
        yield _logged(service["id"])
    yield from (_logged(MEMORY), _logged(SEARCH))
    for place in (MEMORY, FILES, SEARCH):
        kind = "Microsoft.Authorization/locks"
        yield resource(kind, "keep", below=place, location=None, properties={"level": "CanNotDelete"})


def _chat() -> Iterable[Body]:
    site = _of(SITE, kind="app,linux", identity=_runs_as("id-web"), systemData=_PIPELINE)
    site["properties"] = {
        "state": "Running",
        "enabled": True,
        "httpsOnly": True,
        "endToEndEncryptionEnabled": True,
        "publicNetworkAccess": "Disabled",
        "serverFarmId": PLAN,
        "virtualNetworkSubnetId": subnet_id("snet-web"),
        "outboundVnetRouting": {"allTraffic": True, "applicationTraffic": True, "imagePullTraffic": True},
        "defaultHostName": "app-help.azurewebsites.net",
        "hostNames": ["app-help.azurewebsites.net"],
        "enabledHostNames": ["app-help.azurewebsites.net", "app-help.scm.azurewebsites.net"],
        "keyVaultReferenceIdentity": identity_id("id-web"),
        "privateEndpointConnections": _connections(SITE),
    }
    yield site
    web = {
        "publicNetworkAccess": "Disabled",
        "vnetRouteAllEnabled": True,
        "linuxFxVersion": "DOTNETCORE|10.0",
        "minTlsVersion": "1.2",
        "scmMinTlsVersion": "1.2",
        "ftpsState": "Disabled",
        "alwaysOn": True,
        "remoteDebuggingEnabled": False,
        "healthCheckPath": "/healthz",
    }
    signed_in = {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": True,
                "registration": {
                    "clientId": guid("chat"),
                    "openIdIssuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                },
            }
        },
    }
    for name, properties in (("web", web), ("authsettingsV2", signed_in)):
        yield resource("Microsoft.Web/sites/config", "app-help", name, location=None, properties=properties)
    for way in ("ftp", "scm"):
        kind = "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
        yield resource(kind, "app-help", way, location=None, properties={"allow": False})
    kept = ("HTTPLogs", "ConsoleLogs", "AppLogs", "PlatformLogs", "AuthenticationLogs")
    yield _logged(SITE, *(f"AppService{each}" for each in kept))
    size = {"name": "P1V3", "tier": "PremiumV3", "capacity": 3, "size": "P1V3", "family": "Pv3"}
    yield _of(PLAN, kind="linux", sku=size, properties={"zoneRedundant": True, "reserved": True, "numberOfWorkers": 3})
    for place in (VAULT, KEYS):
        vault = _of(place, systemData=_PIPELINE)
        vault["properties"] = {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "vaultUri": f"https://{place.rpartition('/')[2]}.vault.azure.net/",
            "publicNetworkAccess": "Disabled",
            "networkAcls": {
                "defaultAction": "Deny",
                "bypass": "AzureServices",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
            "enableRbacAuthorization": True,
            "enableSoftDelete": True,
            "enablePurgeProtection": True,
            "enabledForDeployment": False,
            "enabledForTemplateDeployment": False,
            "provisioningState": "Succeeded",
            "privateEndpointConnections": _connections(place),
        }
        yield vault
        yield _logged(place)
    about = {"enabled": True, "created": 1_782_993_600, "updated": 1_782_993_600, "exp": 1_814_529_600}
    yield resource(
        "Microsoft.KeyVault/vaults/secrets",
        "kv-help-gateway",
        "certificate",
        properties={
            "contentType": "application/x-pkcs12",
            "attributes": about,
            "secretUri": "https://kv-help-gateway.vault.azure.net/secrets/certificate",
        },
    )


def _gateway() -> Iterable[Body]:
    gateway = _of(GATEWAY, identity=_runs_as("id-gateway"), zones=_ZONES)

    def part(collection: str, name: str, **properties: Any) -> Body:
        return nested(gateway, collection, name, **properties)

    def at(collection: str, name: str) -> Body:
        return reference(f"{GATEWAY}/{collection}/{name}")

    public = path("Microsoft.Network/publicIPAddresses", "pip-gateway")
    gateway["properties"] = {
        "provisioningState": "Succeeded",
        "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
        "autoscaleConfiguration": {"minCapacity": 3, "maxCapacity": 6},
        "sslPolicy": {
            "policyType": "Custom",
            "minProtocolVersion": "TLSv1_2",
            "cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        },
        "gatewayIPConfigurations": [part("gatewayIPConfigurations", "own", subnet=reference(subnet_id("snet-gateway")))],
        "frontendIPConfigurations": [part("frontendIPConfigurations", "public", publicIPAddress=reference(public))],
        "frontendPorts": [part("frontendPorts", "https", port=443)],
        "sslCertificates": [
            part(
                "sslCertificates",
                "certificate",
                keyVaultSecretId="https://kv-help-gateway.vault.azure.net/secrets/certificate",
            )
        ],
        "backendAddressPools": [
            part("backendAddressPools", "web", backendAddresses=[{"fqdn": "app-help.azurewebsites.net"}])
        ],
        "probes": [
            part("probes", "health", protocol="Https", path="/healthz", pickHostNameFromBackendHttpSettings=True,
                 match={"statusCodes": ["200-399"]}),
        ],
        "backendHttpSettingsCollection": [
            part(
                "backendHttpSettingsCollection",
                "https",
                port=443,
                protocol="Https",
                pickHostNameFromBackendAddress=False,
                hostName="app-help.azurewebsites.net",
                probe=at("probes", "health"),
            )
        ],
        "httpListeners": [
            part(
                "httpListeners",
                "users",
                protocol="Https",
                hostName="app-help.azurewebsites.net",
                frontendIPConfiguration=at("frontendIPConfigurations", "public"),
                frontendPort=at("frontendPorts", "https"),
                sslCertificate=at("sslCertificates", "certificate"),
            )
        ],
        "requestRoutingRules": [
            part(
                "requestRoutingRules",
                "chat",
                ruleType="Basic",
                priority=100,
                httpListener=at("httpListeners", "users"),
                backendAddressPool=at("backendAddressPools", "web"),
                backendHttpSettings=at("backendHttpSettingsCollection", "https"),
            )
        ],
        "firewallPolicy": reference(WAF),
    }  # fmt: skip
    yield gateway
    yield _logged(GATEWAY)
    sets = (("Microsoft_DefaultRuleSet", "2.1"), ("Microsoft_BotManagerRuleSet", "1.1"))
    managed = [{"ruleSetType": name, "ruleSetVersion": version, "ruleGroupOverrides": []} for name, version in sets]
    settings = {"state": "Enabled", "mode": "Prevention", "requestBodyCheck": True, "maxRequestBodySizeInKb": 128}
    properties = {
        "policySettings": settings,
        "managedRules": {"managedRuleSets": managed, "exclusions": []},
        "customRules": [],
        "applicationGateways": [reference(GATEWAY)],
    }
    yield _of(WAF, properties=properties)
    yield from _address("pip-gateway", 10, f"{GATEWAY}/frontendIPConfigurations/public")


def _operators() -> Iterable[Body]:
    bastion = _of(BASTION, sku={"name": "Standard"}, zones=_ZONES)
    public = reference(path("Microsoft.Network/publicIPAddresses", "pip-bastion"))
    placed = nested(
        bastion,
        "bastionHostIpConfigurations",
        "own",
        publicIPAddress=public,
        subnet=reference(subnet_id("AzureBastionSubnet")),
    )
    yield bastion | {"properties": {"provisioningState": "Succeeded", "ipConfigurations": [placed], "scaleUnits": 2}}
    yield _logged(BASTION)
    yield from _address("pip-bastion", 11, placed["id"])
    interface = resource("Microsoft.Network/networkInterfaces", "nic-vm-help")
    own = nested(
        interface,
        "ipConfigurations",
        "own",
        privateIPAddress="10.40.4.4",
        subnet=reference(subnet_id("snet-jumpBoxes")),
    )
    interface["properties"] = {"ipConfigurations": [own], "virtualMachine": reference(MACHINE)}
    yield interface
    secure = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    patched = {"enableAutomaticUpdates": True, "patchSettings": {"patchMode": "AutomaticByOS"}}
    yield _of(
        MACHINE,
        identity={"type": "SystemAssigned", "principalId": principal("vm-help"), "tenantId": TENANT},
        properties={
            "provisioningState": "Succeeded",
            "networkProfile": {"networkInterfaces": [reference(interface["id"])]},
            "securityProfile": {**secure, "encryptionAtHost": True},
            "osProfile": {"windowsConfiguration": patched},
            "storageProfile": {"osDisk": {"osType": "Windows", "createOption": "FromImage"}},
        },
    )
    agent = {
        "publisher": "Microsoft.Azure.Monitor",
        "type": "AzureMonitorWindowsAgent",
        "provisioningState": "Succeeded",
    }
    yield resource(
        "Microsoft.Compute/virtualMachines/extensions", "vm-help", "AzureMonitorWindowsAgent", properties=agent
    )
    rule = resource("Microsoft.Insights/dataCollectionRules", "dcr-help", kind="Windows")
    sent = {"logAnalytics": [{"name": "log", "workspaceResourceId": LOGS}]}
    flows = [{"streams": ["Microsoft-Event"], "destinations": ["log"]}]
    yield rule | {"properties": {"destinations": sent, "dataFlows": flows, "provisioningState": "Succeeded"}}
    kind = "Microsoft.Insights/dataCollectionRuleAssociations"
    linked = {"dataCollectionRuleId": rule["id"]}
    yield resource(kind, "dcra", below=MACHINE, location=None, properties=linked)


def _monitoring() -> Iterable[Body]:
    yield _of(
        LOGS,
        properties={"retentionInDays": 90, "workspaceCapping": {"dailyQuotaGb": -1}, "provisioningState": "Succeeded"},
    )
    yield _of(INSIGHTS, kind="web", properties={"WorkspaceResourceId": LOGS, "IngestionMode": "LogAnalytics"})
    for name in ("VirtualMachines", "AppServices", "CosmosDbs", "AI"):
        kind = "Microsoft.Security/pricings"
        yield resource(kind, name, below=SUBSCRIPTION, location=None, properties={"pricingTier": "Standard"})


def condition() -> str:
    """Return what limits the project's ownership of blobs to its own containers."""
    below = "Microsoft.Storage/storageAccounts/blobServices/containers"
    asked = " AND ".join(
        f"!(ActionMatches{{'{below}/blobs/{each}'}})" for each in ("tags/read", "filter/action", "tags/write")
    )
    return f"(({asked}) OR (@Resource[{below}:name] StringStartsWithIgnoreCase '{guid('desk')}'))"


def grant(holder: str, role: str, scope: str, **more: Any) -> Body:
    """Return the assignment of a built-in role to an identity."""
    return resource(
        "Microsoft.Authorization/roleAssignments",
        guid(f"{holder} {role} {scope}"),
        below=scope,
        location=None,
        properties={
            "principalId": principal(holder),
            "principalType": "ServicePrincipal",
            "roleDefinitionId": definition(role)["id"],
            "scope": scope,
            **more,
        },
    )


GRANTS = (
    ("id-desk", "Cosmos DB Operator", MEMORY),
    ("id-desk", "Storage Blob Data Contributor", FILES),
    ("id-desk", "Search Service Contributor", SEARCH),
    ("id-desk", "Search Index Data Contributor", SEARCH),
    ("id-web", "Foundry User", PROJECT),
    ("id-web", "Storage Blob Data Reader", CODE),
    ("id-gateway", "Key Vault Secrets User", VAULT),
    ("aif-help", "Key Vault Secrets Officer", KEYS),
)


def _access() -> Iterable[Body]:
    for name in ("id-desk", "id-web", "id-gateway"):
        ids = {"tenantId": TENANT, "principalId": principal(name), "clientId": guid(f"client {name}")}
        yield resource("Microsoft.ManagedIdentity/userAssignedIdentities", name, properties=ids)
    roles = {role for _, role, _ in GRANTS} | {"Storage Blob Data Owner"}
    yield from (definition(role) for role in sorted(roles))
    yield from (grant(*row) for row in GRANTS)
    yield grant("id-desk", "Storage Blob Data Owner", FILES, condition=condition(), conditionVersion="2.0")
    kind = "Microsoft.DocumentDB/databaseAccounts"
    built_in = "00000000-0000-0000-0000-000000000002"
    role = resource(f"{kind}/sqlRoleDefinitions", "cosmos-help", built_in, location=None)
    actions = ["readMetadata", "sqlDatabases/containers/*", "sqlDatabases/containers/items/*"]
    permissions = [{"dataActions": [f"{kind}/{each}" for each in actions], "notDataActions": []}]
    name = "Cosmos DB Built-in Data Contributor"
    yield role | {"properties": {"roleName": name, "type": "BuiltInRole", "permissions": permissions}}
    held = {
        "principalId": principal("id-desk"),
        "roleDefinitionId": role["id"],
        "scope": f"{MEMORY}/dbs/enterprise_memory",
    }
    yield resource(f"{kind}/sqlRoleAssignments", "cosmos-help", guid("memory of desk"), location=None, properties=held)


def agent_bodies() -> list[Body]:
    """Return the estate afresh."""
    parts = (_network, _private_link, _firewall, _agents, _state, _chat, _gateway, _operators, _monitoring, _access)
    group = {
        "id": GROUP,
        "name": "rg-chat",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus2",
        "properties": {},
    }
    return json.loads(json.dumps([group, *(body for part in parts for body in part())]))


def agent_document() -> Body:
    """Return the estate as a file for the tool."""
    return {"tenantId": TENANT, "resources": agent_bodies()}
