"""The spokes: orders behind the firewall, a shop with a load balancer and a NAT gateway, an assistant without a way out."""

from __future__ import annotations

from typing import Any

from tests.estates.arm import Body, path, reference
from tests.estates.landing_zone.hub import NETWORK as HUB_NETWORK
from tests.estates.landing_zone.hub import SPOKES
from tests.estates.landing_zone.places import (
    ASSIST,
    FIREWALL_ADDRESS,
    HUB,
    ORDERS,
    SHOP,
    machine,
    made,
    network,
    peering,
    public_address,
    rule,
    security_group,
    subnet_of,
    table,
    to,
)

GROUPS = "Microsoft.Network/networkSecurityGroups"
TABLES = "Microsoft.Network/routeTables"
EVERYTHING = {"everything": ("0.0.0.0/0", FIREWALL_ADDRESS)}


def resources() -> list[Body]:
    """Return the three spokes."""
    return [*_orders(), *_shop(), *_assist()]


def identity(name: str, at: str) -> Body:
    """Return the block of a resource that runs as a user-assigned identity."""
    return {
        "type": "UserAssigned",
        "userAssignedIdentities": {path("Microsoft.ManagedIdentity/userAssignedIdentities", name, below=at): {}},
    }


def _spoke(name: str, subnets: dict[str, Body]) -> Body:
    at, space = SPOKES[name]
    return network(name, space, subnets, [peering(HUB_NETWORK, "10.10.0.0/16", at=HUB)], at=at)


def _subnet(prefix: str, at: str, guard: str, routes: str = "", **more: Any) -> Body:
    routed = {"routeTable": to(TABLES, routes, at=at)} if routes else {}
    return {
        "addressPrefix": prefix,
        "networkSecurityGroup": to(GROUPS, guard, at=at),
        "defaultOutboundAccess": False,
        **routed,
        **more,
    }


def _refuse_rest() -> Body:
    return rule("nothing-else-in", 4000, "*", "*", protocol="*", access="Deny")


def _orders() -> list[Body]:
    subnets = {
        "snet-web": _subnet("10.20.1.0/24", ORDERS, "nsg-orders-web", "rt-orders"),
        "snet-api": _subnet("10.20.2.0/24", ORDERS, "nsg-orders-api", "rt-orders"),
    }
    firewall = "10.10.0.0/26"
    return [
        _spoke("vnet-orders", subnets),
        table("rt-orders", EVERYTHING, at=ORDERS),
        security_group(
            "nsg-orders-web",
            rule("https-from-firewall", 100, firewall, "443"),
            rule("ssh-from-bastion", 110, "10.10.2.0/26", "22"),
            _refuse_rest(),
            rule("spokes-out", 100, "*", "*", direction="Outbound", destinationAddressPrefix="10.0.0.0/8"),
            at=ORDERS,
        ),
        security_group(
            "nsg-orders-api",
            rule("api-from-web-and-shop", 100, ["10.20.1.0/24", "10.30.1.0/24"], "8443"),
            rule("ssh-from-bastion", 110, "10.10.2.0/26", "22"),
            _refuse_rest(),
            at=ORDERS,
        ),
        *machine(
            "vm-orders-web", "10.20.1.10", "vnet-orders", "snet-web", at=ORDERS, identity=identity("id-orders", ORDERS)
        ),
        *machine(
            "vm-orders-api", "10.20.2.10", "vnet-orders", "snet-api", at=ORDERS, identity=identity("id-orders", ORDERS)
        ),
    ]


def _shop() -> list[Body]:
    gateway = path("Microsoft.Network/natGateways", "ng-shop", below=SHOP)
    subnets = {
        "snet-shop": _subnet("10.30.1.0/24", SHOP, "nsg-shop", "rt-shop", natGateway=reference(gateway)),
        "snet-batch": _subnet("10.30.2.0/24", SHOP, "nsg-batch"),
    }
    nat = made(
        "Microsoft.Network/natGateways",
        "ng-shop",
        at=SHOP,
        sku={"name": "Standard"},
        idleTimeoutInMinutes=4,
        publicIpAddresses=[to("Microsoft.Network/publicIPAddresses", "pip-ng-shop", at=SHOP)],
        subnets=[subnet_of("vnet-shop", "snet-shop", at=SHOP)],
    )
    return [
        _spoke("vnet-shop", subnets),
        table("rt-shop", {"spokes": ("10.0.0.0/8", FIREWALL_ADDRESS)}, at=SHOP),
        security_group(
            "nsg-shop",
            rule("https-from-customers", 100, "Internet", "8443"),
            rule("probes", 110, "AzureLoadBalancer", "8443"),
            rule("ssh-from-bastion", 120, "10.10.2.0/26", "22"),
            _refuse_rest(),
            at=SHOP,
        ),
        security_group("nsg-batch", rule("jobs-from-shop", 100, "10.30.1.0/24", "5671-5672"), _refuse_rest(), at=SHOP),
        nat,
        public_address("pip-ng-shop", "203.0.113.20", gateway, at=SHOP),
        *_balanced(),
        *machine("vm-batch", "10.30.2.10", "vnet-shop", "snet-batch", at=SHOP, identity=identity("id-batch", SHOP)),
    ]


def _balanced() -> list[Body]:
    """Return the load balancer of the shop and the scale set that it leads to."""
    kind = "Microsoft.Network/loadBalancers"
    balancer = path(kind, "lb-shop", below=SHOP)
    front, pool = f"{balancer}/frontendIPConfigurations/public", f"{balancer}/backendAddressPools/shop"
    leads = {
        "frontendIPConfiguration": reference(front),
        "backendAddressPool": reference(pool),
        "probe": reference(f"{balancer}/probes/health"),
        "protocol": "Tcp",
        "frontendPort": 443,
        "backendPort": 8443,
        "disableOutboundSnat": True,
    }
    address = to("Microsoft.Network/publicIPAddresses", "pip-lb-shop", at=SHOP)
    configuration = {
        "name": "primary",
        "properties": {
            "primary": True,
            "subnet": subnet_of("vnet-shop", "snet-shop", at=SHOP),
            "loadBalancerBackendAddressPools": [reference(pool)],
        },
    }
    interface = {"name": "nic", "properties": {"primary": True, "ipConfigurations": [configuration]}}
    return [
        made(
            kind,
            "lb-shop",
            at=SHOP,
            sku={"name": "Standard", "tier": "Regional"},
            frontendIPConfigurations=[{"name": "public", "id": front, "properties": {"publicIPAddress": address}}],
            backendAddressPools=[{"name": "shop", "id": pool, "properties": {}}],
            loadBalancingRules=[{"name": "https", "properties": leads}],
            probes=[{"name": "health", "properties": {"protocol": "Tcp", "port": 8443}}],
            outboundRules=[],
            inboundNatRules=[],
        ),
        public_address("pip-lb-shop", "203.0.113.21", front, at=SHOP),
        made(
            "Microsoft.Compute/virtualMachineScaleSets",
            "vmss-shop",
            at=SHOP,
            zones=["1", "2", "3"],
            sku={"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 3},
            identity=identity("id-shop", SHOP),
            orchestrationMode="Uniform",
            virtualMachineProfile={
                "osProfile": {
                    "computerNamePrefix": "shop",
                    "adminUsername": "opsadmin",
                    "linuxConfiguration": {"disablePasswordAuthentication": True},
                },
                "networkProfile": {"networkInterfaceConfigurations": [interface]},
            },
        ),
    ]


def _assist() -> list[Body]:
    subnets = {
        "snet-app": _subnet("10.40.1.0/24", ASSIST, "nsg-assist-app", "rt-assist"),
        "snet-tools": _subnet("10.40.2.0/24", ASSIST, "nsg-assist-tools"),
    }
    return [
        _spoke("vnet-assist", subnets),
        table("rt-assist", EVERYTHING, at=ASSIST),
        security_group(
            "nsg-assist-app",
            rule("https-from-orders", 100, "10.20.1.0/24", "443"),
            rule("ssh-from-bastion", 110, "10.10.2.0/26", "22"),
            _refuse_rest(),
            at=ASSIST,
        ),
        security_group("nsg-assist-tools", rule("ssh-for-everybody", 100, "*", "22"), _refuse_rest(), at=ASSIST),
        *machine(
            "vm-assist-app", "10.40.1.10", "vnet-assist", "snet-app", at=ASSIST, identity=identity("id-assist", ASSIST)
        ),
        *machine(
            "vm-tools", "10.40.2.10", "vnet-assist", "snet-tools", at=ASSIST, identity=identity("id-tools", ASSIST)
        ),
    ]
