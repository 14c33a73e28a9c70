"""One virtual network in ARM JSON: subnets, groups, interfaces, scale sets, private endpoints, load balancers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]

GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-shop"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"


def at(kind: str, name: str) -> str:
    return f"{GROUP}/providers/{kind}/{name}"


def to(kind: str, name: str) -> Body:
    return {"id": at(f"Microsoft.Network/{kind}", name)}


def thing(kind: str, name: str, /, **more: Any) -> Body:
    body = {"id": at(kind, name), "name": name, "type": kind, "location": "westeurope", "properties": {}}
    return body | more


def rule(order: int, effect: str = "Allow", *, groups: Sequence[str] = (), name: str = "", **fields: Any) -> Body:
    """Write an inbound TCP rule for port 22 from everywhere to everywhere, or to application security groups."""
    ends = (
        {"destinationApplicationSecurityGroups": [to("applicationSecurityGroups", one) for one in groups]}
        if groups
        else {"destinationAddressPrefix": "*"}
    )
    inner = {
        "priority": order,
        "direction": "Inbound",
        "access": effect,
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "22",
        **ends,
        **fields,
    }
    return {"name": name or f"r{order}", "properties": inner}


def security_group(name: str, *rules: Body, **more: Any) -> Body:
    kind = "Microsoft.Network/networkSecurityGroups"
    return thing(kind, name, properties={"securityRules": list(rules), **more})


def application_group(name: str) -> Body:
    return thing("Microsoft.Network/applicationSecurityGroups", name)


def subnet(name: str, prefix: str = "10.0.1.0/24", group: str = "", **more: Any) -> Body:
    guard = {"networkSecurityGroup": to("networkSecurityGroups", group)} if group else {}
    return {
        "id": f"{NETWORK}/subnets/{name}",
        "name": name,
        "properties": {"addressPrefix": prefix, **guard, **more},
    }


def network(*subnets: Body) -> Body:
    return {
        "id": NETWORK,
        "name": "vnet",
        "type": "Microsoft.Network/virtualNetworks",
        "location": "westeurope",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": list(subnets)},
    }


def configuration(place: str = "s", groups: Sequence[str] = (), **more: Any) -> Body:
    return {
        "name": "ip",
        "properties": {
            "subnet": {"id": f"{NETWORK}/subnets/{place}"},
            "applicationSecurityGroups": [to("applicationSecurityGroups", one) for one in groups],
            **more,
        },
    }


def _settings(group: str, own: Body) -> Body:
    guard = {"networkSecurityGroup": to("networkSecurityGroups", group)} if group else {}
    return {"ipConfigurations": [own], **guard}


def interface(name: str, own: Body, group: str = "", **more: Any) -> Body:
    return thing("Microsoft.Network/networkInterfaces", name, properties={**_settings(group, own), **more})


def scale_set(name: str, own: Body, group: str = "", capacity: int | None = None) -> Body:
    profile = {"networkInterfaceConfigurations": [{"name": "nic", "properties": _settings(group, own)}]}
    sku = {} if capacity is None else {"sku": {"name": "Standard_D2s_v5", "capacity": capacity}}
    kind = "Microsoft.Compute/virtualMachineScaleSets"
    return thing(kind, name, properties={"virtualMachineProfile": {"networkProfile": profile}}, **sku)


def private_endpoint(name: str, place: str = "s", groups: Sequence[str] = ()) -> Body:
    properties = {
        "subnet": {"id": f"{NETWORK}/subnets/{place}"},
        "applicationSecurityGroups": [to("applicationSecurityGroups", one) for one in groups],
    }
    return thing("Microsoft.Network/privateEndpoints", name, properties=properties)


def public_address(name: str, holder: str = "") -> Body:
    held = {"ipConfiguration": {"id": holder}} if holder else {}
    return thing("Microsoft.Network/publicIPAddresses", name, sku={"name": "Standard"}, properties=held)


def load_balancer(name: str, port: int = 22, **pool: Any) -> Body:
    """Write a Standard load balancer with the public address `pip`, one pool `be` and one rule for a port."""
    kind = "Microsoft.Network/loadBalancers"
    own = at(kind, name)
    return thing(
        kind,
        name,
        sku={"name": "Standard"},
        properties={
            "frontendIPConfigurations": [
                {"name": "fe", "properties": {"publicIPAddress": to("publicIPAddresses", "pip")}}
            ],
            "backendAddressPools": [{"name": "be", "id": f"{own}/backendAddressPools/be", "properties": pool}],
            "loadBalancingRules": [
                {
                    "name": "r",
                    "properties": {
                        "frontendIPConfiguration": {"id": f"{own}/frontendIPConfigurations/fe"},
                        "backendAddressPool": {"id": f"{own}/backendAddressPools/be"},
                        "frontendPort": 8022,
                        "backendPort": port,
                    },
                }
            ],
        },
    )
