"""Name the types of the network that code is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.estate import lookup as lookups

ASSOCIATIONS: Final = "microsoft.network/networksecurityperimeters/resourceassociations"
API_MANAGEMENT: Final = "microsoft.apimanagement/service"
BASTIONS: Final = "microsoft.network/bastionhosts"
DDOS_PLANS: Final = "microsoft.network/ddosprotectionplans"
FIREWALLS: Final = "microsoft.network/azurefirewalls"
GATEWAYS: Final = "microsoft.network/applicationgateways"
LOAD_BALANCERS: Final = "microsoft.network/loadbalancers"
MACHINES: Final = lookups.MACHINES
NAT_GATEWAYS: Final = "microsoft.network/natgateways"
NETWORK_GATEWAYS: Final = "microsoft.network/virtualnetworkgateways"
PUBLIC_ADDRESSES: Final = "microsoft.network/publicipaddresses"
ROUTE_TABLES: Final = lookups.ROUTE_TABLES
SCALE_SETS: Final = "microsoft.compute/virtualmachinescalesets"
INSTANCES: Final = f"{SCALE_SETS}/virtualmachines"
INSTANCE_INTERFACES: Final = f"{INSTANCES}/networkinterfaces"
SECURITY_GROUPS: Final = "microsoft.network/networksecuritygroups"
SUBNETS: Final = lookups.SUBNETS
WAF_POLICIES: Final = "microsoft.network/applicationgatewaywebapplicationfirewallpolicies"
ZONE_GROUPS: Final = "microsoft.network/privateendpoints/privatednszonegroups"
ZONE_LINKS: Final = "microsoft.network/privatednszones/virtualnetworklinks"

INTERFACE_PROFILES: Final[Mapping[str, str]] = {
    SCALE_SETS: "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations",
    INSTANCES: "properties.networkProfileConfiguration.networkInterfaceConfigurations",
    MACHINES: "properties.networkProfile.networkInterfaceConfigurations",
}
"""Where the interfaces of what Azure makes from a description are described, by type."""
