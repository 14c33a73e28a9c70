"""The hub: a firewall with its policy and that of the company above it, Bastion, private endpoints and their zones."""

from __future__ import annotations

from typing import Any, Final

from tests.estates.arm import Body, nested, path, reference
from tests.estates.hub import application_rule, collection, network_rule
from tests.estates.landing_zone.places import (
    ASSIST,
    FIREWALL_ADDRESS,
    HUB,
    NETWORKS,
    ORDERS,
    SHOP,
    made,
    network,
    peering,
    public_address,
    security_group,
    subnet_of,
    to,
)

NETWORK: Final = "vnet-hub"
POLICIES: Final = "Microsoft.Network/firewallPolicies"
ENDPOINTS: Final = {
    "pep-kv-orders": ("Microsoft.KeyVault/vaults", "kv-contoso-orders", ORDERS, "vault", "10.10.4.4"),
    "pep-st-assist": ("Microsoft.Storage/storageAccounts", "stcontosoassist", ASSIST, "blob", "10.10.4.5"),
    "pep-oai-assist": ("Microsoft.CognitiveServices/accounts", "oai-contoso-assist", ASSIST, "account", "10.10.4.6"),
}
ZONES: Final = {
    "vault": "privatelink.vaultcore.azure.net",
    "blob": "privatelink.blob.core.windows.net",
    "account": "privatelink.openai.azure.com",
}
SPOKES: Final = {
    "vnet-orders": (ORDERS, "10.20.0.0/16"),
    "vnet-shop": (SHOP, "10.30.0.0/16"),
    "vnet-assist": (ASSIST, "10.40.0.0/16"),
}


def resources() -> list[Body]:
    """Return all of the hub."""
    return [_network(), *_firewall(), *_policies(), *_bastion(), *_private_endpoints(), *_zones()]


def _network() -> Body:
    plain = {
        "AzureFirewallSubnet": "10.10.0.0/26",
        "AzureBastionSubnet": "10.10.2.0/26",
        "snet-endpoints": "10.10.4.0/24",
    }
    subnets: dict[str, Body] = {name: {"addressPrefix": prefix} for name, prefix in plain.items()}
    group = to("Microsoft.Network/networkSecurityGroups", "nsg-endpoints", at=HUB)
    subnets["snet-endpoints"] |= {
        "networkSecurityGroup": group,
        "privateEndpointNetworkPolicies": "NetworkSecurityGroupEnabled",
        "defaultOutboundAccess": False,
    }
    subnets["AzureBastionSubnet"] |= {
        "networkSecurityGroup": to("Microsoft.Network/networkSecurityGroups", "nsg-bastion", at=HUB)
    }
    joined = [peering(name, space, at=place) for name, (place, space) in SPOKES.items()]
    return network(NETWORK, "10.10.0.0/16", subnets, joined, at=HUB)


def _firewall() -> list[Body]:
    holder = path("Microsoft.Network/azureFirewalls/azureFirewallIpConfigurations", "afw-hub", "public", below=HUB)
    firewall = made(
        "Microsoft.Network/azureFirewalls",
        "afw-hub",
        at=HUB,
        zones=["1", "2", "3"],
        sku={"name": "AZFW_VNet", "tier": "Premium"},
        firewallPolicy=to(POLICIES, "afwp-hub", at=HUB),
        threatIntelMode="Alert",
        ipConfigurations=[
            {
                "name": "public",
                "id": holder,
                "properties": {
                    "privateIPAddress": FIREWALL_ADDRESS,
                    "publicIPAddress": to("Microsoft.Network/publicIPAddresses", "pip-afw", at=HUB),
                    "subnet": subnet_of(NETWORK, "AzureFirewallSubnet", at=HUB),
                },
            }
        ],
    )
    firewall["properties"]["sku"] = firewall.pop("sku")
    return [firewall, public_address("pip-afw", "203.0.113.10", holder, at=HUB)]


def _policies() -> list[Body]:
    company = [
        collection("forbidden", 100, "Deny", _from_to("remote-desktop", "10.0.0.0/8", "*", "3389")),
        collection("platform", 200, "Allow", _from_to("monitoring", "10.0.0.0/8", "AzureMonitor", "443")),
    ]
    between = [
        _from_to("orders-to-assist", "10.20.1.0/24", "10.40.1.0/24", "443"),
        _from_to("shop-to-orders", "10.30.1.0/24", "10.20.2.0/24", "8443"),
        _from_to("assist-to-remote-desktops", "10.40.1.0/24", "10.20.0.0/16", "3389"),
        _from_to("spokes-to-endpoints", "10.0.0.0/8", "10.10.4.0/24", "443"),
    ]
    web = [application_rule("packages.microsoft.com", "*.ubuntu.com", sourceAddresses=["10.20.0.0/16", "10.40.1.0/24"])]
    shared = {"sku": {"tier": "Premium"}, "threatIntelMode": "Alert"}
    parent = _policy("afwp-company", {"rcg-company": (100, company)}, shared)
    child = _policy(
        "afwp-hub",
        {
            "rcg-entries": (200, [_entry()]),
            "rcg-spokes": (300, [collection("between", 100, "Allow", *between), collection("web", 300, "Allow", *web)]),
        },
        {**shared, "basePolicy": to(POLICIES, "afwp-company", at=HUB)},
    )
    parent[0]["properties"]["childPolicies"] = [reference(child[0]["id"])]
    return [*parent, *child]


def _policy(name: str, groups: dict[str, tuple[int, list[Body]]], about: Body) -> list[Body]:
    policy = made(POLICIES, name, at=HUB, **{key: value for key, value in about.items() if key != "sku"})
    policy["properties"]["sku"] = about["sku"]
    held = [
        {
            **nested(policy, "ruleCollectionGroups", group, priority=priority, ruleCollections=collections),
            "type": f"{POLICIES}/ruleCollectionGroups",
        }
        for group, (priority, collections) in groups.items()
    ]
    policy["properties"]["ruleCollectionGroups"] = [reference(group["id"]) for group in held]
    return [policy, *held]


def _from_to(name: str, source: str, target: str, port: str) -> Body:
    return network_rule(
        name, sourceAddresses=[source], destinationAddresses=[target], destinationPorts=[port], ipProtocols=["TCP"]
    )


def _entry() -> Body:
    rule: dict[str, Any] = {
        "name": "orders-web",
        "ruleType": "NatRule",
        "sourceAddresses": ["*"],
        "destinationAddresses": ["203.0.113.10"],
        "destinationPorts": ["443"],
        "ipProtocols": ["TCP"],
        "translatedAddress": "10.20.1.10",
        "translatedPort": "443",
    }
    return collection("entries", 100, "DNAT", rule)


def _bastion() -> list[Body]:
    kind = "Microsoft.Network/bastionHosts"
    holder = path(f"{kind}/bastionHostIpConfigurations", "bas-hub", "public", below=HUB)
    host = made(
        kind,
        "bas-hub",
        at=HUB,
        sku={"name": "Standard"},
        enableShareableLink=False,
        ipConfigurations=[
            {
                "name": "public",
                "id": holder,
                "properties": {
                    "publicIPAddress": to("Microsoft.Network/publicIPAddresses", "pip-bas", at=HUB),
                    "subnet": subnet_of(NETWORK, "AzureBastionSubnet", at=HUB),
                },
            }
        ],
    )
    rules = [
        _bastion_rule("https-in", 100, "Internet", "*", ["443"]),
        _bastion_rule("gateway-manager-in", 110, "GatewayManager", "*", ["443"]),
        _bastion_rule("probes-in", 120, "AzureLoadBalancer", "*", ["443"]),
        _bastion_rule("data-plane-in", 130, "VirtualNetwork", "VirtualNetwork", ["8080", "5701"]),
        _bastion_rule("machines-out", 100, "*", "VirtualNetwork", ["22", "3389"], direction="Outbound"),
        _bastion_rule("azure-out", 110, "*", "AzureCloud", ["443"], direction="Outbound"),
        _bastion_rule(
            "data-plane-out", 120, "VirtualNetwork", "VirtualNetwork", ["8080", "5701"], direction="Outbound"
        ),
        _bastion_rule("sessions-out", 130, "*", "Internet", ["80"], direction="Outbound"),
    ]
    address = public_address("pip-bas", "203.0.113.11", holder, at=HUB)
    return [host, address, security_group("nsg-bastion", *rules, at=HUB)]


def _bastion_rule(
    name: str, priority: int, source: str, target: str, ports: list[str], *, direction: str = "Inbound"
) -> Body:
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": "Allow",
        "protocol": "*" if "8080" in ports else "Tcp",
        "sourceAddressPrefix": source,
        "sourcePortRange": "*",
        "destinationAddressPrefix": target,
        "destinationPortRanges": ports,
    }


def _private_endpoints() -> list[Body]:
    kind = "Microsoft.Network/privateEndpoints"
    found: list[Body] = []
    for name, (target, service, place, part, address) in ENDPOINTS.items():
        endpoint = made(kind, name, at=HUB, subnet=subnet_of(NETWORK, "snet-endpoints", at=HUB))
        interface = f"nic-{name}"
        endpoint["properties"] |= {
            "networkInterfaces": [to("Microsoft.Network/networkInterfaces", interface, at=HUB)],
            "privateLinkServiceConnections": [
                nested(
                    endpoint,
                    "privateLinkServiceConnections",
                    name,
                    privateLinkServiceId=path(target, service, below=place),
                    groupIds=[part],
                    privateLinkServiceConnectionState={
                        "status": "Approved",
                        "description": "",
                        "actionsRequired": "None",
                    },
                )
            ],
            "customDnsConfigs": [],
        }
        found.append(endpoint)
        found.append(
            made(
                "Microsoft.Network/networkInterfaces",
                interface,
                at=HUB,
                privateEndpoint=reference(endpoint["id"]),
                enableIPForwarding=False,
                ipConfigurations=[
                    {
                        "name": "one",
                        "properties": {
                            "privateIPAddress": address,
                            "privateIPAllocationMethod": "Dynamic",
                            "subnet": subnet_of(NETWORK, "snet-endpoints", at=HUB),
                            "primary": True,
                        },
                    }
                ],
            )
        )
        configuration = {
            "name": "one",
            "properties": {"privateDnsZoneId": path("Microsoft.Network/privateDnsZones", ZONES[part], below=HUB)},
        }
        child = nested(endpoint, "privateDnsZoneGroups", "default", privateDnsZoneConfigs=[configuration])
        found.append({**child, "type": f"{kind}/privateDnsZoneGroups"})
    rules = [
        {**_bastion_rule("spokes-in", 100, "10.0.0.0/8", "10.10.4.0/24", ["443"])},
        {**_bastion_rule("nothing-else-in", 4000, "*", "*", ["0-65535"]), "access": "Deny", "protocol": "*"},
    ]
    return [*found, security_group("nsg-endpoints", *rules, at=HUB)]


def _zones() -> list[Body]:
    kind = "Microsoft.Network/privateDnsZones"
    found: list[Body] = []
    for part, name in ZONES.items():
        found.append(made(kind, name, at=HUB, location="global", numberOfRecordSets=2, numberOfVirtualNetworkLinks=4))
        for linked, place in {NETWORK: HUB, **{spoke: at for spoke, (at, _) in SPOKES.items()}}.items():
            link = made(
                f"{kind}/virtualNetworkLinks",
                name,
                f"link-{linked}",
                at=HUB,
                location="global",
                registrationEnabled=False,
                virtualNetwork=to(NETWORKS, linked, at=place),
                virtualNetworkLinkState="Completed",
            )
            found.append(link)
        for _, service, _, own, address in ENDPOINTS.values():
            if own == part:
                record = made(
                    f"{kind}/A",
                    name,
                    service,
                    at=HUB,
                    location=None,
                    fqdn=f"{service}.{name}.",
                    ttl=10,
                    aRecords=[{"ipv4Address": address}],
                    isAutoRegistered=False,
                )
                found.append(record)
    return found
