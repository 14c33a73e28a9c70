"""Where the landing zone's resources are, and the forms that its parts share."""

from __future__ import annotations

from typing import Any, Final

from tests.estates.arm import Body, guid, nested, path, reference, resource

TENANT: Final = guid("contoso/tenant")
SUBSCRIPTIONS: Final = {
    name: guid(f"contoso/{name}")
    for name in ("contoso-connectivity", "contoso-orders", "contoso-shop", "contoso-assist")
}
REGION: Final = "swedencentral"
NETWORKS: Final = "Microsoft.Network/virtualNetworks"
FIREWALL_ADDRESS: Final = "10.10.0.4"
SUCCEEDED: Final = {"provisioningState": "Succeeded"}


def group(name: str) -> str:
    """Return a resource group's id by the short name of its subscription."""
    return f"/subscriptions/{SUBSCRIPTIONS[f'contoso-{name}']}/resourceGroups/rg-{name}"


HUB, ORDERS, SHOP, ASSIST = (group(name) for name in ("connectivity", "orders", "shop", "assist"))


def made(kind: str, /, *names: str, at: str, location: str | None = REGION, **more: Any) -> Body:
    """Return a resource that stands; keywords are its properties, but for `sku`, `identity`, `kind` and `zones`."""
    beside = {name: more.pop(name) for name in ("sku", "identity", "kind", "zones") if name in more}
    return resource(kind, *names, below=at, location=location, **beside, properties={**SUCCEEDED, **more})


def to(kind: str, *names: str, at: str) -> Body:
    """Return a reference."""
    return reference(path(kind, *names, below=at))


def subnet_of(network: str, name: str, *, at: str) -> Body:
    """Return a reference to a subnet."""
    return to(f"{NETWORKS}/subnets", network, name, at=at)


def network(name: str, space: str, subnets: dict[str, Body], peerings: list[Body], *, at: str) -> Body:
    """Return a virtual network with its subnets (properties by name) and peerings."""
    whole = made(NETWORKS, name, at=at, addressSpace={"addressPrefixes": [space]}, enableDdosProtection=False)
    whole["properties"]["subnets"] = [nested(whole, "subnets", one, **about) for one, about in subnets.items()]
    whole["properties"]["virtualNetworkPeerings"] = [
        nested(whole, "virtualNetworkPeerings", peering.pop("name"), **peering) for peering in peerings
    ]
    return whole


def peering(remote: str, space: str, *, at: str) -> Body:
    """Return a peering that is up and takes in what the firewall forwards."""
    return {
        "name": f"to-{remote}",
        "peeringState": "Connected",
        "peeringSyncLevel": "FullyInSync",
        "allowVirtualNetworkAccess": True,
        "allowForwardedTraffic": True,
        "allowGatewayTransit": False,
        "useRemoteGateways": False,
        "remoteVirtualNetwork": to(NETWORKS, remote, at=at),
        "remoteAddressSpace": {"addressPrefixes": [space]},
        "peerCompleteVnets": True,
    }


def public_address(name: str, address: str, holder: str, *, at: str) -> Body:
    """Return a public address and what holds it."""
    return made(
        "Microsoft.Network/publicIPAddresses",
        name,
        at=at,
        sku={"name": "Standard", "tier": "Regional"},
        zones=["1", "2", "3"],
        ipAddress=address,
        publicIPAddressVersion="IPv4",
        publicIPAllocationMethod="Static",
        **({"natGateway": reference(holder)} if "/natGateways/" in holder else {"ipConfiguration": reference(holder)}),
    )


def table(name: str, routes: dict[str, tuple[str, str]], *, at: str) -> Body:
    """Return a route table of (prefix, address of the appliance, or a type of next hop) by the route's name."""
    whole = made("Microsoft.Network/routeTables", name, at=at, disableBgpRoutePropagation=True)
    whole["properties"]["routes"] = [
        nested(whole, "routes", one, addressPrefix=prefix, **_next(hop)) for one, (prefix, hop) in routes.items()
    ]
    return whole


def _next(hop: str) -> Body:
    is_address = hop[:1].isdigit()
    return {"nextHopType": "VirtualAppliance", "nextHopIpAddress": hop} if is_address else {"nextHopType": hop}


def rule(name: str, priority: int, source: str | list[str], port: str, **more: Any) -> Body:
    """Return an inbound TCP rule of a security group; a source that begins with `asg-` is named by `more`."""
    sources = {"sourceAddressPrefix": source} if isinstance(source, str) else {"sourceAddressPrefixes": source}
    own = {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourcePortRange": "*",
        "destinationPortRange": port,
        "destinationAddressPrefix": "*",
    }
    return {"name": name, **(own | sources | more)}


def security_group(name: str, *rules: Body, at: str) -> Body:
    """Return a security group."""
    whole = made("Microsoft.Network/networkSecurityGroups", name, at=at)
    whole["properties"]["securityRules"] = [nested(whole, "securityRules", one.pop("name"), **one) for one in rules]
    return whole


def machine(name: str, address: str, network_name: str, subnet: str, *, at: str, identity: Body) -> list[Body]:
    """Return a Linux machine and its interface."""
    interface = made(
        "Microsoft.Network/networkInterfaces",
        f"nic-{name}",
        at=at,
        enableIPForwarding=False,
        virtualMachine=to("Microsoft.Compute/virtualMachines", name, at=at),
        ipConfigurations=[
            {
                "name": "primary",
                "properties": {
                    "privateIPAddress": address,
                    "privateIPAllocationMethod": "Static",
                    "subnet": subnet_of(network_name, subnet, at=at),
                    "primary": True,
                },
            }
        ],
    )
    return [
        made(
            "Microsoft.Compute/virtualMachines",
            name,
            at=at,
            zones=["1"],
            identity=identity,
            hardwareProfile={"vmSize": "Standard_D2s_v5"},
            osProfile={
                "computerName": name,
                "adminUsername": "opsadmin",
                "linuxConfiguration": {"disablePasswordAuthentication": True},
            },
            securityProfile={"securityType": "TrustedLaunch", "encryptionAtHost": True},
            networkProfile={"networkInterfaces": [reference(interface["id"])]},
        ),
        interface,
    ]
