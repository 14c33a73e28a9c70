"""Networks around a hub, in the shapes in which ARM returns them: peerings, route tables, a firewall with its policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.estates.arm import Body, nested, path, reference, resource

NETWORKS, TABLES = "Microsoft.Network/virtualNetworks", "Microsoft.Network/routeTables"
FIREWALLS, POLICIES = "Microsoft.Network/azureFirewalls", "Microsoft.Network/firewallPolicies"
GROUPS = f"{POLICIES}/ruleCollectionGroups"
FIREWALL_ADDRESS = "10.0.1.4"


def network_id(name: str) -> str:
    return path(NETWORKS, name)


def subnet_id(network: str, name: str) -> str:
    return f"{network_id(network)}/subnets/{name}"


def network(name: str, space: str | Sequence[str], *peerings: Body, **subnets: str | Body) -> Body:
    """Return a network; a subnet is its prefix, or its properties."""
    made = resource(NETWORKS, name)
    spaces = [space] if isinstance(space, str) else list(space)
    children = []
    for subnet, about in subnets.items():
        own = {"addressPrefix": about} if isinstance(about, str) else about
        children.append(nested(made, "subnets", subnet, **own))
    for peering in peerings:
        peering["id"] = f"{made['id']}/virtualNetworkPeerings/{peering['name']}"
    made["properties"] = {
        "addressSpace": {"addressPrefixes": spaces},
        "subnets": children,
        "virtualNetworkPeerings": list(peerings),
    }
    return made


def peering(remote: str, **properties: Any) -> Body:
    """Return a peering that is up and takes in forwarded traffic."""
    own = {
        "peeringState": "Connected",
        "allowVirtualNetworkAccess": True,
        "allowForwardedTraffic": True,
        "remoteVirtualNetwork": reference(network_id(remote)),
    }
    return {"name": f"to-{remote}", "type": f"{NETWORKS}/virtualNetworkPeerings", "properties": {**own, **properties}}


def routed(prefix: str, table: str, **more: Any) -> Body:
    """Return the properties of a subnet with a route table."""
    return {"addressPrefix": prefix, "routeTable": reference(path(TABLES, table)), **more}


def table(name: str, *routes: tuple[str, str, str] | tuple[str, str]) -> Body:
    """Return a route table of (prefix, next hop's type, next hop's address)."""
    made = resource(TABLES, name)
    children = []
    for place, (prefix, hop, *address) in enumerate(routes):
        at = {"nextHopIpAddress": address[0]} if address else {}
        children.append(nested(made, "routes", f"r{place}", addressPrefix=prefix, nextHopType=hop, **at))
    made["properties"] = {"routes": children}
    return made


def to_firewall(name: str, prefix: str = "0.0.0.0/0") -> Body:
    """Return a route table with one route to the firewall."""
    return table(name, (prefix, "VirtualAppliance", FIREWALL_ADDRESS))


def firewall(**properties: Any) -> Body:
    """Return a firewall in the hub with a public address."""
    configuration = {
        "name": "one",
        "properties": {
            "privateIPAddress": FIREWALL_ADDRESS,
            "publicIPAddress": reference(path("Microsoft.Network/publicIPAddresses", "pip-afw")),
            "subnet": reference(subnet_id("hub", "AzureFirewallSubnet")),
        },
    }
    return resource(FIREWALLS, "afw", properties={"ipConfigurations": [configuration], **properties})


def network_rule(name: str = "rule", **fields: Any) -> Body:
    """Return a network rule that matches everything but for what is given."""
    every = {"sourceAddresses": ["*"], "destinationAddresses": ["*"], "destinationPorts": ["*"], "ipProtocols": ["Any"]}
    return {"name": name, "ruleType": "NetworkRule", **every, **fields}


def application_rule(*hosts: str, **fields: Any) -> Body:
    """Return an application rule for HTTPS."""
    protocols = [{"protocolType": "Https", "port": 443}]
    own = {"sourceAddresses": ["*"], "targetFqdns": list(hosts), "protocols": protocols}
    return {"name": "web", "ruleType": "ApplicationRule", **own, **fields}


def collection(name: str, priority: int, action: str, *rules: Body) -> Body:
    kind = "Nat" if action.lower() == "dnat" else "Filter"
    return {
        "name": name,
        "priority": priority,
        "ruleCollectionType": f"FirewallPolicy{kind}RuleCollection",
        "action": {"type": action},
        "rules": list(rules),
    }


def policy(name: str, *groups: tuple[int, Sequence[Body]], parent: str | None = None) -> list[Body]:
    """Return a firewall policy and its rule collection groups, by priority."""
    made = [
        resource(
            GROUPS, name, f"g{place}", location=None, properties={"priority": priority, "ruleCollections": list(own)}
        )
        for place, (priority, own) in enumerate(groups)
    ]
    above = {"basePolicy": reference(path(POLICIES, parent))} if parent else {}
    listed = {"ruleCollectionGroups": [reference(group["id"]) for group in made]}
    return [resource(POLICIES, name, properties={**listed, **above}), *made]


def classic(priority: int, action: str, *rules: Body) -> Body:
    """Return a network rule collection as a firewall without policy holds it."""
    own = [{**rule, "protocols": rule["ipProtocols"]} for rule in rules]
    return {"name": "classic", "properties": {"priority": priority, "action": {"type": action}, "rules": own}}


ANY_TO_ANY = {"networkRuleCollections": [classic(200, "Allow", network_rule())]}


def hub_and_spokes(*more: Body, **red: Any) -> list[Body]:
    """Return two spokes whose subnets send everything to the firewall's address in the hub; `more` stands beside."""
    hub = network("hub", "10.0.0.0/16", peering("red"), peering("blue"), AzureFirewallSubnet="10.0.1.0/24")
    return [
        hub,
        network("red", "10.1.0.0/16", peering("hub"), one=routed("10.1.1.0/24", "rt-red", **red)),
        network("blue", "10.2.0.0/16", peering("hub"), two=routed("10.2.1.0/24", "rt-blue")),
        to_firewall("rt-red"),
        to_firewall("rt-blue"),
        *more,
    ]
