"""The virtual network: subnets, their security groups rule by rule, public addresses, and the way of administrators."""

from __future__ import annotations

from tests.estates.arm import Body, guid, nested, path, reference, resource

NETWORK = path("Microsoft.Network/virtualNetworks", "vnet-chat01")
AGENTS, GATEWAY, APPS = "10.0.2.32/27", "10.0.1.0/24", "10.0.0.0/24"
ENDPOINTS, BASTION, JUMP_BOX = "10.0.2.0/27", "10.0.2.64/26", "10.0.2.128/28"
TRAINING, SCORING = "10.0.3.0/24", "10.0.4.0/24"
_SUBNETS = {
    "snet-appServicePlan": (APPS, "nsg-appServicesSubnet"),
    "snet-appGateway": (GATEWAY, "nsg-appGatewaySubnet"),
    "snet-privateEndpoints": (ENDPOINTS, "nsg-privateEndpointsSubnet"),
    "snet-agents": (AGENTS, "nsg-agentsSubnet"),
    "AzureBastionSubnet": (BASTION, "nsg-bastionSubnet"),
    "snet-jumpbox": (JUMP_BOX, "nsg-jumpboxSubnet"),
    "snet-training": (TRAINING, "nsg-trainingSubnet"),
    "snet-scoring": (SCORING, "nsg-scoringSubnet"),
}
_SHELLS = ("22", "3389")
_BASTION_OWN = ("8080", "5701")
# name, priority, access, protocol, source, destination, destination ports
Row = tuple[str, int, str, str, str, str, str | tuple[str, ...]]
_INBOUND: dict[str, list[Row]] = {
    "nsg-appGatewaySubnet": [
        ("AppGw.In.Allow.ControlPlane", 100, "Allow", "*", "*", "*", "65200-65535"),
        ("AppGw.In.Allow443.Internet", 110, "Allow", "Tcp", "Internet", GATEWAY, "443"),
        ("AppGw.In.Allow.LoadBalancer", 120, "Allow", "*", "AzureLoadBalancer", "*", "*"),
        ("DenyAllInBound", 1000, "Deny", "*", "*", "*", "*"),
    ],
    "nsg-bastionSubnet": [
        ("Bastion.In.Allow.Https", 100, "Allow", "Tcp", "Internet", "*", "443"),
        ("Bastion.In.Allow.GatewayManager", 110, "Allow", "Tcp", "GatewayManager", "*", ("443", "4443")),
        ("Bastion.In.Allow.LoadBalancer", 120, "Allow", "Tcp", "AzureLoadBalancer", "*", "443"),
        ("Bastion.In.Allow.BastionHostCommunication", 130, "Allow", "*", *("VirtualNetwork",) * 2, _BASTION_OWN),
        ("DenyAllInBound", 1000, "Deny", "*", "*", "*", "*"),
    ],
    "nsg-jumpboxSubnet": [("Jumpbox.In.Allow.SshRdp", 100, "Allow", "Tcp", BASTION, JUMP_BOX, _SHELLS)],
}
_OUTBOUND: dict[str, list[Row]] = {
    # the agents' rule names the gateway's prefix: it never matches
    "nsg-agentsSubnet": [("DenyAllOutBound", 1000, "Deny", "*", GATEWAY, "*", "*")],
    "nsg-appGatewaySubnet": [
        ("AppGw.Out.Allow.PrivateEndpoints", 100, "Allow", "*", GATEWAY, ENDPOINTS, "*"),
        ("AppPlan.Out.Allow.AzureMonitor", 110, "Allow", "*", GATEWAY, "AzureMonitor", "*"),
    ],
    "nsg-appServicesSubnet": [
        ("AppPlan.Out.Allow.PrivateEndpoints", 100, "Allow", "Tcp", APPS, ENDPOINTS, "443"),
        ("AppPlan.Out.Allow.AzureMonitor", 110, "Allow", "*", APPS, "AzureMonitor", "*"),
    ],
    "nsg-bastionSubnet": [
        ("Bastion.Out.Allow.SshRdp", 100, "Allow", "Tcp", "*", "VirtualNetwork", _SHELLS),
        ("Bastion.Out.Allow.AzureMonitor", 110, "Allow", "*", BASTION, "AzureMonitor", "*"),
        ("Bastion.Out.Allow.AzureCloudCommunication", 120, "Allow", "Tcp", "*", "AzureCloud", "443"),
        ("Bastion.Out.Allow.BastionHostCommunication", 130, "Allow", "*", *("VirtualNetwork",) * 2, _BASTION_OWN),
        ("Bastion.Out.Allow.GetSessionInformation", 140, "Allow", "*", "*", "Internet", ("80", "443")),
        ("DenyAllOutBound", 1000, "Deny", "*", "*", "*", "*"),
    ],
    "nsg-jumpboxSubnet": [
        ("Jumpbox.Out.Allow.PrivateEndpoints", 100, "Allow", "*", JUMP_BOX, ENDPOINTS, "*"),
        ("Jumpbox.Out.Allow.Internet", 130, "Allow", "*", JUMP_BOX, "Internet", "*"),
        ("DenyAllOutBound", 1000, "Deny", "*", JUMP_BOX, "*", "*"),
    ],
    "nsg-privateEndpointsSubnet": [("DenyAllOutBound", 1000, "Deny", "*", ENDPOINTS, "*", "*")],
    "nsg-trainingSubnet": [("DenyAllOutBound", 1000, "Deny", "*", TRAINING, "*", "*")],
    "nsg-scoringSubnet": [("DenyAllOutBound", 1000, "Deny", "*", SCORING, "*", "*")],
}
_DEFAULT_INBOUND: list[Row] = [
    ("AllowVnetInBound", 65000, "Allow", "*", "VirtualNetwork", "VirtualNetwork", "*"),
    ("AllowAzureLoadBalancerInBound", 65001, "Allow", "*", "AzureLoadBalancer", "*", "*"),
    ("DenyAllInBound", 65500, "Deny", "*", "*", "*", "*"),
]
_DEFAULT_OUTBOUND: list[Row] = [
    ("AllowVnetOutBound", 65000, "Allow", "*", "VirtualNetwork", "VirtualNetwork", "*"),
    ("AllowInternetOutBound", 65001, "Allow", "*", "*", "Internet", "*"),
    ("DenyAllOutBound", 65500, "Deny", "*", "*", "*", "*"),
]


def subnet_id(name: str) -> str:
    return f"{NETWORK}/subnets/{name}"


def rule(group: Body, direction: str, row: Row, *, collection: str = "securityRules") -> Body:
    """Return a rule of a security group."""
    name, priority, access, protocol, source, destination, ports = row
    one, several = (ports, []) if isinstance(ports, str) else (None, list(ports))
    return nested(
        group,
        collection,
        name,
        protocol=protocol,
        sourcePortRange="*",
        sourcePortRanges=[],
        **({"destinationPortRange": one} if one else {}),
        destinationPortRanges=several,
        sourceAddressPrefix=source,
        sourceAddressPrefixes=[],
        destinationAddressPrefix=destination,
        destinationAddressPrefixes=[],
        access=access,
        priority=priority,
        direction=direction,
    )


def _security_group(name: str, subnet: str) -> Body:
    group = resource("Microsoft.Network/networkSecurityGroups", name)
    group["properties"] = {
        "provisioningState": "Succeeded",
        "resourceGuid": guid(group["id"]),
        "securityRules": [
            *(rule(group, "Inbound", row) for row in _INBOUND.get(name, ())),
            *(rule(group, "Outbound", row) for row in _OUTBOUND.get(name, ())),
        ],
        "defaultSecurityRules": [
            *(rule(group, "Inbound", row, collection="defaultSecurityRules") for row in _DEFAULT_INBOUND),
            *(rule(group, "Outbound", row, collection="defaultSecurityRules") for row in _DEFAULT_OUTBOUND),
        ],
        "subnets": [reference(subnet_id(subnet))],
    }
    return group


def _subnet(network: Body, name: str, prefix: str, group: str) -> Body:
    subnet = nested(network, "subnets", name, addressPrefix=prefix, delegations=[])
    own = subnet["properties"]
    own["networkSecurityGroup"] = reference(path("Microsoft.Network/networkSecurityGroups", group))
    if name == "snet-appServicePlan":
        own["delegations"] = [nested(subnet, "delegations", "delegation", serviceName="Microsoft.Web/serverFarms")]
        plan = path("Microsoft.Web/serverfarms", "asp-app-chat01")
        link = {"linkedResourceType": "Microsoft.Web/serverfarms", "link": plan}
        own["serviceAssociationLinks"] = [nested(subnet, "serviceAssociationLinks", "AppServiceLink", **link)]
    if name == "snet-appGateway":
        gateway = path("Microsoft.Network/applicationGateways", "agw-chat01")
        own["applicationGatewayIPConfigurations"] = [reference(f"{gateway}/gatewayIPConfigurations/appGatewayIpConfig")]
    if name == "AzureBastionSubnet":
        bastion = path("Microsoft.Network/bastionHosts", "ab-chat01")
        own["ipConfigurations"] = [reference(f"{bastion}/bastionHostIpConfigurations/default")]
    if name == "snet-jumpbox":
        interface = path("Microsoft.Network/networkInterfaces", "nic-jmp-chat01")
        own["ipConfigurations"] = [reference(f"{interface}/ipConfigurations/primary")]
    return subnet


def _network() -> Body:
    network = resource("Microsoft.Network/virtualNetworks", "vnet-chat01")
    network["properties"] = {
        "provisioningState": "Succeeded",
        "resourceGuid": guid(NETWORK),
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "enableDdosProtection": True,
        "ddosProtectionPlan": reference(path("Microsoft.Network/ddosProtectionPlans", "ddos-chat01")),
        "subnets": [_subnet(network, name, *about) for name, about in _SUBNETS.items()],
        "virtualNetworkPeerings": [],
    }
    return network


def _public_address(name: str, address: str, label: str, user: str) -> Body:
    return resource(
        "Microsoft.Network/publicIPAddresses",
        name,
        sku={"name": "Standard", "tier": "Regional"},
        zones=["1", "2", "3"],
        properties={
            "provisioningState": "Succeeded",
            "ipAddress": address,
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": "Static",
            "idleTimeoutInMinutes": 4,
            "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
            "dnsSettings": {"domainNameLabel": label, "fqdn": f"{label}.eastus2.cloudapp.azure.com"},
            "ipTags": [],
            "ipConfiguration": reference(user),
        },
    )


def _bastion() -> Body:
    bastion = resource("Microsoft.Network/bastionHosts", "ab-chat01", sku={"name": "Basic"})
    address = path("Microsoft.Network/publicIPAddresses", "pip-ab-chat01")
    settings = {"privateIPAllocationMethod": "Dynamic", "publicIPAddress": reference(address)}
    entry = nested(bastion, "bastionHostIpConfigurations", "default", **settings)
    entry["properties"]["subnet"] = reference(subnet_id("AzureBastionSubnet"))
    switches = ("enableFileCopy", "enableIpConnect", "enableKerberos", "enableShareableLink", "enableTunneling")
    bastion["properties"] = {
        "provisioningState": "Succeeded",
        "scaleUnits": 2,
        "disableCopyPaste": False,
        **dict.fromkeys(switches, False),
        "ipConfigurations": [entry],
    }
    return bastion


def bodies() -> list[Body]:
    """Return the network's own resources."""
    gateway = path("Microsoft.Network/applicationGateways", "agw-chat01")
    bastion = _bastion()
    plan = {"provisioningState": "Succeeded", "virtualNetworks": [reference(NETWORK)]}
    return [
        _network(),
        *(_security_group(group, subnet) for subnet, (_, group) in _SUBNETS.items()),
        _public_address(
            "pip-ab-chat01", "203.0.113.10", "ab-chat01", f"{bastion['id']}/bastionHostIpConfigurations/default"
        ),
        _public_address(
            "pip-chat01", "203.0.113.11", "fe-chat01", f"{gateway}/frontendIPConfigurations/appGwPublicFrontendIp"
        ),
        bastion,
        resource("Microsoft.Network/ddosProtectionPlans", "ddos-chat01", properties=plan),
    ]
