"""Estates of which one thing grows and the rest stays: the sample estate, and beside or in it any number of the thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from ipaddress import IPv4Address
from itertools import product
from typing import Any, Final

import orjson

from auditor import shipped
from tests.estates.arm import Body, guid, nested, path, reference, resource

_SUBSCRIPTION: Final = "/subscriptions/c2bcebd9-5f31-496a-a453-37d5bc1c6f9c"
_GROUP: Final = f"{_SUBSCRIPTION}/resourceGroups/rg-assist-prod"
_NETWORK: Final = f"{_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-assist-sdc"
_ENDPOINTS: Final = f"{_NETWORK}/subnets/snet-pe"
_ACCOUNT: Final = f"{_GROUP}/providers/Microsoft.CognitiveServices/accounts/oai-assist-sdc"
_LOGS: Final = f"{_GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-assist-sdc"
_ZONE: Final = f"{_GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
_ROLES: Final = ("b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7",
                 "00482a5a-887f-4fb3-b363-3b7fe8e74483")  # fmt: skip
_GUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_A_WORKLOAD: Final = frozenset(
    {
        "CognitiveServices/accounts", "CognitiveServices/accounts/deployments", "KeyVault/vaults",
        "MachineLearningServices/workspaces", "MachineLearningServices/workspaces/onlineEndpoints",
        "ManagedIdentity/userAssignedIdentities", "Network/applicationGateways",
        "Network/ApplicationGatewayWebApplicationFirewallPolicies", "Network/networkSecurityGroups",
        "Network/privateDnsZones", "Network/privateEndpoints", "Network/publicIPAddresses", "Network/virtualNetworks",
        "Storage/storageAccounts", "Web/serverfarms", "Web/sites", "Web/sites/config/appsettings",
        "CognitiveServices/accounts/raiPolicies", "Insights/metricAlerts",
        "Authorization/roleAssignments", "Authorization/roleDefinitions",
    }
)  # fmt: skip
_ACTIVE: Final = {"provisioningState": "Succeeded"}


@cache
def _sample() -> bytes:
    return (shipped.folder("samples") / "chat.json").read_bytes()


def sample() -> list[Body]:
    """Return fresh bodies of the sample estate."""
    found: list[Body] = orjson.loads(_sample())["resources"]
    return found


def slim_sample() -> list[Body]:
    """Return fresh bodies of the sample estate, but for those that only cost time here."""
    return _slim(sample())


def _slim(bodies: list[Body]) -> list[Body]:
    slim = [body for body in bodies if body["type"].removeprefix("Microsoft.") in _OF_A_WORKLOAD]
    return [
        body for body in slim if body["type"] != "Microsoft.Authorization/roleDefinitions" or body["name"] in _ROLES
    ]


def _at(kind: str, *names: str) -> str:
    return path(kind, *names, below=_GROUP)


def _thing(kind: str, /, *names: str, below: str = _GROUP, **more: Any) -> Body:
    return resource(kind, *names, below=below, location="swedencentral", **more)


def _one(bodies: list[Body], kind: str) -> Body:
    return next(body for body in bodies if body["type"] == f"Microsoft.{kind}")


def _word(number: int) -> str:
    """Return the same number of letters for each number: what depends on the length of names stays the same."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in (2, 1, 0))


def _guid(text: str) -> str:
    """Return a GUID of a short text, in the order of the texts: what stops at the first that fits stops as soon for all."""
    digits = text.encode().hex().ljust(32, "0")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _address(number: int, start: str = "10.64.0.0") -> str:
    return str(IPv4Address(start) + number)


def _renamed(number: int) -> list[Body]:
    """Return the sample estate by other names, all that is its own: only the tenant and roles that are built in stay."""
    text, name = _sample().decode(), _word(number)
    kept = {*re.findall(f"roleDefinitions/({_GUID})", text), *re.findall(f'"tenantId": "({_GUID})"', text)}

    def other(found: re.Match[str]) -> str:
        return found[0] if found[0] in kept else guid(f"{found[0]}{number}")

    text = re.sub(_GUID, other, text).replace("assist", f"assist{name}")
    text = text.replace("10.42.", f"10.{100 + number % 100}.").replace("203.0.113.", f"20.0.{100 + number % 100}.")
    found: list[Body] = orjson.loads(text)["resources"]
    return found


def workloads(bodies: list[Body], numbers: range) -> None:
    """Grow workloads: each is the sample estate by other names, without what of it says little here."""
    bodies += [
        body for each in numbers for body in _slim(_renamed(each)) if not body["type"].endswith("/roleDefinitions")
    ]


def _group(number: int) -> str:
    return f"{_SUBSCRIPTION}/resourceGroups/rg-{_word(number)}"


def anchors(bodies: list[Body], numbers: range) -> None:
    """Grow workloads of nothing but a model account."""
    kind, fields = "Microsoft.CognitiveServices/accounts", {"publicNetworkAccess": "Enabled"}
    bodies += [
        _thing(kind, f"oai-{_word(each)}", below=_group(each), kind="OpenAI", properties=fields) for each in numbers
    ]


def workspaces(bodies: list[Body], numbers: range) -> None:
    """Grow workspaces with a managed network and a rule of their own."""
    kind = "Microsoft.MachineLearningServices/workspaces"
    model = orjson.dumps(_one(sample(), "MachineLearningServices/workspaces")).decode()
    for each in numbers:
        group, name = _group(each), f"mlw-{_word(each)}"
        text = model.replace(_at(kind, "mlw-assist-sdc"), path(kind, name, below=group)).replace("mlw-assist-sdc", name)
        store = _thing(
            "Microsoft.Storage/storageAccounts", f"st{_word(each)}", below=group, kind="StorageV2", properties={}
        )
        fields = {"type": "FQDN", "destination": "pypi.org", "category": "UserDefined", "status": "Active"}
        bodies += [
            orjson.loads(text.replace(_at("Microsoft.Storage/storageAccounts", "stassistmlsdc"), store["id"])),
            store,
            _thing(f"{kind}/outboundRules", name, "own", below=group, properties=fields),
        ]


def _guarded(bodies: list[Body], numbers: range, **more: Any) -> list[Body]:
    network = _one(bodies, "Network/virtualNetworks")
    network["properties"]["addressSpace"]["addressPrefixes"].append("10.64.0.0/10")
    groups = []
    for each in numbers:
        group = _thing("Microsoft.Network/networkSecurityGroups", f"nsg-{_word(each)}")
        own = nested(group, "securityRules", "own", **_rule(each))
        group["properties"] = {**_ACTIVE, "securityRules": [own]}
        fields = {"addressPrefix": f"{_address(each * 16)}/28", "networkSecurityGroup": reference(group["id"]), **more}
        network["properties"]["subnets"].append(nested(network, "subnets", f"snet-{_word(each)}", **fields))
        groups.append(group)
    return groups


def _rule(number: int) -> Body:
    return {
        "access": "Allow",
        "direction": "Inbound",
        "priority": 200 + number % 3_000,
        "protocol": "Tcp",
        "sourceAddressPrefix": f"{_address(number * 256, '10.0.0.0')}/24",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": str(1000 + number),
    }


def subnets(bodies: list[Body], numbers: range) -> None:
    """Grow the subnets of a workload's network, each with a group of its own."""
    bodies += _guarded(bodies, numbers)


def security_rules(bodies: list[Body], numbers: range) -> None:
    """Grow the rules of one security group."""
    group = _one(bodies, "Network/networkSecurityGroups")
    group["properties"]["securityRules"] += [
        nested(group, "securityRules", f"own-{_word(each)}", **_rule(each)) for each in numbers
    ]


def _peering(network: str, other: str) -> Body:
    name = f"to-{other.rpartition('/')[2]}"
    fields = {"peeringState": "Connected", "allowVirtualNetworkAccess": True, "allowForwardedTraffic": True}
    return {
        "id": f"{network}/virtualNetworkPeerings/{name}",
        "name": name,
        "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "properties": {**_ACTIVE, **fields, "remoteVirtualNetwork": reference(other)},
    }


def peerings(bodies: list[Body], numbers: range) -> None:
    """Grow the networks that are peered with the workload's as their hub."""
    hub = _one(bodies, "Network/virtualNetworks")
    made = []
    for each in numbers:
        spoke = _thing("Microsoft.Network/virtualNetworks", f"vnet-{_word(each)}")
        spoke["properties"] = {
            "addressSpace": {"addressPrefixes": [f"{_address(each * 256)}/24"]},
            "subnets": [nested(spoke, "subnets", "one", addressPrefix=f"{_address(each * 256)}/25")],
            "virtualNetworkPeerings": [_peering(spoke["id"], hub["id"])],
        }
        hub["properties"].setdefault("virtualNetworkPeerings", []).append(_peering(hub["id"], spoke["id"]))
        made.append(spoke)
    bodies += made


def private_endpoints(bodies: list[Body], numbers: range) -> None:
    """Grow the private endpoints in a workload's network, with what they lead to, their interfaces and zone groups."""
    made = []
    for each in numbers:
        store = _thing("Microsoft.Storage/storageAccounts", f"st{_word(each)}", kind="StorageV2")
        store["properties"] = {"publicNetworkAccess": "Disabled",
                               "primaryEndpoints": {"blob": f"https://st{_word(each)}.blob.core.windows.net/"}}  # fmt: skip
        endpoint, interface = (
            _at("Microsoft.Network/privateEndpoints", f"pe-{_word(each)}"),
            _at("Microsoft.Network/networkInterfaces", f"pe-{_word(each)}.nic"),
        )
        state = {"status": "Approved"}
        link = {"privateLinkServiceId": store["id"], "groupIds": ["blob"], "privateLinkServiceConnectionState": state}
        record = {"recordType": "A", "recordSetName": f"st{_word(each)}", "ipAddresses": [_address(each)],
                  "fqdn": f"st{_word(each)}.privatelink.blob.core.windows.net"}  # fmt: skip
        config = {"name": "blob", "properties": {"privateDnsZoneId": _ZONE, "recordSets": [record]}}
        made += [
            store,
            _thing("Microsoft.Network/privateEndpoints", f"pe-{_word(each)}", properties={
                **_ACTIVE, "subnet": reference(_ENDPOINTS), "networkInterfaces": [reference(interface)],
                "privateLinkServiceConnections": [{"name": "blob", "properties": link}],
            }),
            _thing("Microsoft.Network/networkInterfaces", f"pe-{_word(each)}.nic", properties={
                "privateEndpoint": reference(endpoint),
                "ipConfigurations": [{"name": "config", "properties": {
                    "privateIPAddress": _address(each), "subnet": reference(_ENDPOINTS)}}],
            }),
            _thing("Microsoft.Network/privateEndpoints/privateDnsZoneGroups", f"pe-{_word(each)}", "default",
                   properties={"privateDnsZoneConfigs": [config]}),
        ]  # fmt: skip
    bodies += made


def zones(bodies: list[Body], numbers: range) -> None:
    """Grow private zones with links to a workload's network; every other one has a name that another has, too."""
    made = []
    kind = "Microsoft.Network/privateDnsZones"
    for each in numbers:
        name = "privatelink.blob.core.windows.net" if each % 2 else f"zone-{_word(each)}.contoso.com"
        below = f"{_SUBSCRIPTION}/resourceGroups/rg-{_word(each)}"
        made += [
            _thing(kind, name, below=below, properties={"numberOfRecordSets": 3}),
            _thing(f"{kind}/virtualNetworkLinks", name, "link", below=below, properties={
                "registrationEnabled": False, "virtualNetwork": reference(_NETWORK)}),
            _thing(f"{kind}/A", name, f"st{_word(each)}", below=below, properties={
                "aRecords": [{"ipv4Address": _address(each)}]}),
        ]  # fmt: skip
    bodies += made


def links(bodies: list[Body], numbers: range) -> None:
    """Grow the networks that one private zone is linked to."""
    made = []
    for each in numbers:
        network = _thing("Microsoft.Network/virtualNetworks", f"vnet-{_word(each)}")
        network["properties"] = {"addressSpace": {"addressPrefixes": [f"{_address(each * 256)}/24"]}, "subnets": []}
        link = _thing(
            "Microsoft.Network/privateDnsZones/virtualNetworkLinks", _ZONE.rpartition("/")[2], f"link-{_word(each)}"
        )
        link["properties"] = {"registrationEnabled": False, "virtualNetwork": reference(network["id"])}
        made += [network, link]
    bodies += made


def _assignment(name: str, role: str, principal: str, kind: str, scope: str = _GROUP) -> Body:
    return _thing("Microsoft.Authorization/roleAssignments", _guid(f"a{name}"), below=scope, properties={
        "roleDefinitionId": f"{_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal, "principalType": kind, "scope": scope, "createdOn": "2024-01-22T08:14:37Z",
    })  # fmt: skip


def assignments(bodies: list[Body], numbers: range) -> None:
    """Grow the roles of groups, users and identities, on the group of a workload, its parts and its subscription."""
    places, kinds = (_GROUP, _SUBSCRIPTION, _ACCOUNT), ("Group", "User", "ServicePrincipal")
    for each in numbers:
        for number, (place, kind) in enumerate(product(places, kinds)):
            name = f"{_word(each)}{number}"
            bodies.append(_assignment(name, _ROLES[number % 3], _guid(f"p{name}"), kind, place))


def unread_roles(bodies: list[Body], numbers: range) -> None:
    """Grow the roles of groups of which the definitions are not in the estate."""
    bodies += [
        _assignment(_word(each), _guid(f"d{_word(each)}"), _guid(f"p{_word(each)}"), "Group") for each in numbers
    ]


def identities(bodies: list[Body], numbers: range) -> None:
    """Grow managed identities with a role on a workload's account and a site that signs in by them."""
    made = []
    for each in numbers:
        identity = _thing("Microsoft.ManagedIdentity/userAssignedIdentities", f"id-{_word(each)}")
        identity["properties"] = {"principalId": _guid(f"i{_word(each)}"), "clientId": _guid(f"c{_word(each)}")}
        held = {
            "type": "UserAssigned",
            "userAssignedIdentities": {identity["id"]: {"principalId": _guid(f"i{_word(each)}")}},
        }
        site = _thing(
            "Microsoft.Web/sites", f"app-{_word(each)}", kind="app", identity=held, properties={"httpsOnly": True}
        )
        made += [
            identity,
            site,
            _assignment(_word(each), _ROLES[0], _guid(f"i{_word(each)}"), "ServicePrincipal", _ACCOUNT),
        ]
    bodies += made


def role_definitions(bodies: list[Body], numbers: range) -> None:
    """Grow roles of the customer's own, each with somebody who has it."""
    made = []
    for each in numbers:
        action = f"Microsoft.Storage/storageAccounts/own{_word(each)}/action"
        definition = _thing("Microsoft.Authorization/roleDefinitions", _guid(f"d{_word(each)}"), below=_SUBSCRIPTION, properties={
            "roleName": f"Own {_word(each)}", "type": "CustomRole", "assignableScopes": [_SUBSCRIPTION],
            "permissions": [{"actions": [action, "Microsoft.Storage/*/read"], "notActions": [], "dataActions": []}],
        })  # fmt: skip
        made += [definition, _assignment(_word(each), _guid(f"d{_word(each)}"), _guid(f"p{_word(each)}"), "User")]
    bodies += made


def vaults(bodies: list[Body], numbers: range) -> None:
    """Grow vaults with a key and a secret."""
    made = []
    for each in numbers:
        attributes = {"enabled": True, "created": 1_700_000_000, "exp": 1_800_000_000}
        made += [
            _thing("Microsoft.KeyVault/vaults", f"kv-{_word(each)}", properties={"enableRbacAuthorization": True}),
            _thing("Microsoft.KeyVault/vaults/keys", f"kv-{_word(each)}", "key", properties={"attributes": attributes}),
            _thing("Microsoft.KeyVault/vaults/secrets", f"kv-{_word(each)}", "secret", properties={
                "attributes": attributes, "secretUri": f"https://kv-{_word(each)}.vault.azure.net/secrets/secret"}),
        ]  # fmt: skip
    bodies += made


def secrets(bodies: list[Body], numbers: range) -> None:
    """Grow the secrets of one vault of a workload, of which a site reads each."""
    vault = next(body for body in bodies if body["name"] == "kv-assist-app-sdc")
    settings = next(body for body in bodies if body["type"] == "Microsoft.Web/sites/config/appsettings")
    for each in numbers:
        address = f"https://{vault['name']}.vault.azure.net/secrets/own-{_word(each)}"
        fields = {"attributes": {"enabled": True, "created": 1_700_000_000}, "secretUri": address}
        bodies.append(
            _thing("Microsoft.KeyVault/vaults/secrets", vault["name"], f"own-{_word(each)}", properties=fields)
        )
        settings["properties"][f"OWN_{_word(each)}"] = f"@Microsoft.KeyVault(SecretUri={address})"


def sites(bodies: list[Body], numbers: range) -> None:
    """Grow sites, each with a plan."""
    made = []
    for each in numbers:
        plan = _thing(
            "Microsoft.Web/serverfarms", f"asp-{_word(each)}", sku={"name": "P1v3", "tier": "PremiumV3", "capacity": 1}
        )
        plan["properties"] = {"zoneRedundant": False, "numberOfSites": 1}
        site = _thing("Microsoft.Web/sites", f"app-{_word(each)}", kind="app,linux", properties={
            "serverFarmId": plan["id"], "defaultHostName": f"app-{_word(each)}.azurewebsites.net",
            "virtualNetworkSubnetId": f"{_NETWORK}/subnets/snet-web", "httpsOnly": bool(each % 2),
        })  # fmt: skip
        made += [plan, site]
    bodies += made


def machines(bodies: list[Body], numbers: range) -> None:
    """Grow machines with a public address each, in a subnet of a workload."""
    made = []
    for each in numbers:
        names = ("Compute/virtualMachines", "Network/networkInterfaces", "Network/publicIPAddresses")
        machine, interface, address = (_at(f"Microsoft.{kind}", f"own-{_word(each)}") for kind in names)
        configuration = {"privateIPAddress": _address(each, "10.42.4.4"), "publicIPAddress": reference(address),
                         "subnet": reference(f"{_NETWORK}/subnets/snet-jump"), "primary": True}  # fmt: skip
        made += [
            _thing("Microsoft.Compute/virtualMachines", f"own-{_word(each)}", properties={
                "networkProfile": {"networkInterfaces": [reference(interface)]}}),
            _thing("Microsoft.Network/networkInterfaces", f"own-{_word(each)}", properties={
                "virtualMachine": reference(machine),
                "ipConfigurations": [{"id": f"{interface}/ipConfigurations/ip", "name": "ip", "properties": configuration}]}),
            _thing("Microsoft.Network/publicIPAddresses", f"own-{_word(each)}", sku={"name": "Standard"}, properties={
                "ipAddress": _address(each, "20.0.0.0"), "ipConfiguration": reference(f"{interface}/ipConfigurations/ip")}),
        ]  # fmt: skip
    bodies += made


def route_tables(bodies: list[Body], numbers: range) -> None:
    """Grow subnets of a workload's network with a route table each."""
    tables = []
    network = _one(bodies, "Network/virtualNetworks")
    network["properties"]["addressSpace"]["addressPrefixes"].append("10.64.0.0/10")
    for each in numbers:
        table = _thing("Microsoft.Network/routeTables", f"rt-{_word(each)}")
        route = {"addressPrefix": f"{_address(each * 256, '172.16.0.0')}/24", "nextHopType": "VirtualAppliance",
                 "nextHopIpAddress": "10.42.1.4"}  # fmt: skip
        table["properties"] = {"routes": [nested(table, "routes", "one", **route)]}
        fields = {"addressPrefix": f"{_address(each * 16)}/28", "routeTable": reference(table["id"])}
        network["properties"]["subnets"].append(nested(network, "subnets", f"snet-{_word(each)}", **fields))
        tables.append(table)
    bodies += tables


def firewall_rules(bodies: list[Body], numbers: range) -> None:
    """Grow the rule collections of a firewall that a workload's network is peered with."""
    hub = _thing("Microsoft.Network/virtualNetworks", "vnet-hub")
    spoke = _one(bodies, "Network/virtualNetworks")
    hub["properties"] = {
        "addressSpace": {"addressPrefixes": ["10.200.0.0/24"]},
        "subnets": [nested(hub, "subnets", "AzureFirewallSubnet", addressPrefix="10.200.0.0/26")],
        "virtualNetworkPeerings": [_peering(hub["id"], spoke["id"])],
    }
    spoke["properties"].setdefault("virtualNetworkPeerings", []).append(_peering(spoke["id"], hub["id"]))
    table = _thing("Microsoft.Network/routeTables", "rt-hub")
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.200.0.4"}
    table["properties"] = {"routes": [nested(table, "routes", "out", **route)]}
    for subnet in spoke["properties"]["subnets"][:3]:
        subnet["properties"]["routeTable"] = reference(table["id"])
    policy = _at("Microsoft.Network/firewallPolicies", "fp")
    groups = [_collections(each) for each in numbers]
    configuration = {"privateIPAddress": "10.200.0.4", "subnet": reference(f"{hub['id']}/subnets/AzureFirewallSubnet")}
    firewall = _thing("Microsoft.Network/azureFirewalls", "afw", properties={
        "firewallPolicy": reference(policy), "ipConfigurations": [{"name": "one", "properties": configuration}]})  # fmt: skip
    listed = {"ruleCollectionGroups": [reference(group["id"]) for group in groups]}
    bodies += [hub, table, firewall, _thing("Microsoft.Network/firewallPolicies", "fp", properties=listed), *groups]


def _collections(number: int) -> Body:
    rule = {"name": "own", "ruleType": "NetworkRule", "sourceAddresses": [f"{_address(number * 256, '10.42.0.0')}/24"],
            "destinationAddresses": [f"20.0.{number % 256}.0/24"], "destinationPorts": ["443"],
            "ipProtocols": ["TCP"]}  # fmt: skip
    collection = {"name": "own", "priority": 100, "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
                  "action": {"type": "Allow"}, "rules": [rule]}  # fmt: skip
    fields = {"priority": 200 + number % 3_000, "ruleCollections": [collection]}
    return _thing(
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups", "fp", f"g{_word(number)}", properties=fields
    )


def gateways(bodies: list[Body], numbers: range) -> None:
    """Grow application gateways with a policy and a public address each."""
    kinds = ("applicationGateways", "ApplicationGatewayWebApplicationFirewallPolicies", "publicIPAddresses")
    models = [_one(sample(), f"Network/{kind}") for kind in kinds]
    made = []
    for each in numbers:
        text = orjson.dumps(models).decode()
        for name in ("agw-assist-sdc", "waf-assist-sdc", "pip-agw-assist"):
            text = text.replace(name, f"{name}-{_word(each)}")
        made += orjson.loads(text.replace("203.0.113.41", _address(each, "20.0.0.0")))
    bodies += made


def listeners(bodies: list[Body], numbers: range) -> None:
    """Grow the listeners of one application gateway, each with a pool, settings and a rule."""
    gateway = _one(bodies, "Network/applicationGateways")
    kept = ("httpListeners", "requestRoutingRules", "backendAddressPools", "backendHttpSettingsCollection", "probes")
    models = {name: gateway["properties"][name][-1] for name in kept}
    for each in numbers:
        for name, model in models.items():
            copy = deepcopy(model)
            copy["name"] = f"{model['name']}-{_word(each)}"
            text = orjson.dumps(copy).decode()
            for other in kept:
                own = models[other]["name"]
                text = text.replace(f"/{other}/{own}", f"/{other}/{own}-{_word(each)}")
            gateway["properties"][name].append(orjson.loads(text))


def _setting(target: str, name: str) -> Body:
    return _thing("Microsoft.Insights/diagnosticSettings", name, below=target, properties={
        "workspaceId": _LOGS, "logs": [{"categoryGroup": "allLogs", "enabled": True}], "metrics": []})  # fmt: skip


def diagnostic_settings(bodies: list[Body], numbers: range) -> None:
    """Grow stores with a diagnostic setting each, and the settings of one account."""
    made = []
    for each in numbers:
        store = _thing("Microsoft.KeyVault/vaults", f"kv-{_word(each)}", properties={"enableRbacAuthorization": True})
        made += [store, _setting(store["id"], "default"), _setting(_ACCOUNT, f"own-{_word(each)}")]
    bodies += made


def policies(bodies: list[Body], numbers: range) -> None:
    """Grow assignments of policies, and exemptions from them."""
    made = []
    for each in numbers:
        assigned = _thing("Microsoft.Authorization/policyAssignments", f"pa-{_word(each)}", below=_GROUP, properties={
            "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{_guid(f'pd{_word(each)}')}",
            "scope": _GROUP, "enforcementMode": "Default"})  # fmt: skip
        exempt = _thing("Microsoft.Authorization/policyExemptions", f"pe-{_word(each)}", below=_GROUP, properties={
            "policyAssignmentId": assigned["id"], "exemptionCategory": "Waiver"})  # fmt: skip
        made += [assigned, exempt]
    bodies += made


def subscriptions(bodies: list[Body], numbers: range) -> None:
    """Grow subscriptions with a group and a store each."""
    made = []
    for each in numbers:
        below = f"/subscriptions/{_guid(f's{_word(each)}')}"
        group = f"{below}/resourceGroups/rg"
        named = {"subscriptionId": _guid(f"s{_word(each)}"), "displayName": f"sub {_word(each)}"}
        made += [
            {
                "id": below,
                "name": _guid(f"s{_word(each)}"),
                "type": "Microsoft.Resources/subscriptions",
                "properties": named,
            },
            {"id": group, "name": "rg", "type": "Microsoft.Resources/resourceGroups", "properties": {}},
            _thing(
                "Microsoft.Storage/storageAccounts", f"st{_word(each)}", below=group, kind="StorageV2", properties={}
            ),
        ]
    bodies += made


def stores(bodies: list[Body], numbers: range) -> None:
    """Grow loose storage accounts with services."""
    made = []
    for each in numbers:
        made += [
            _thing("Microsoft.Storage/storageAccounts", f"st{_word(each)}", kind="StorageV2", properties={
                "publicNetworkAccess": "Enabled", "supportsHttpsTrafficOnly": bool(each % 2),
                "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": _address(each, "20.0.0.0")}]},
                "primaryEndpoints": {"blob": f"https://st{_word(each)}.blob.core.windows.net/"}}),
            _thing("Microsoft.Storage/storageAccounts/blobServices", f"st{_word(each)}", "default", properties={}),
        ]  # fmt: skip
    bodies += made


def dangling(bodies: list[Body], numbers: range) -> None:
    """Grow references to what is not in the estate."""
    made = []
    for each in numbers:
        gone = f"{_SUBSCRIPTION}/resourceGroups/rg-gone-{_word(each)}"
        link = {
            "privateLinkServiceId": f"{gone}/providers/Microsoft.Storage/storageAccounts/st{_word(each)}",
            "groupIds": ["blob"],
        }
        made += [
            _thing("Microsoft.Network/privateEndpoints", f"pe-{_word(each)}", properties={
                "subnet": reference(f"{gone}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"),
                "networkInterfaces": [reference(f"{gone}/providers/Microsoft.Network/networkInterfaces/n{_word(each)}")],
                "privateLinkServiceConnections": [{"name": "blob", "properties": link}]}),
            _thing("Microsoft.Web/sites", f"app-{_word(each)}", kind="app", properties={
                "serverFarmId": f"{gone}/providers/Microsoft.Web/serverfarms/asp"}),
            _setting(f"{gone}/providers/Microsoft.KeyVault/vaults/kv{_word(each)}", "default"),
        ]  # fmt: skip
    bodies += made


def deployments(bodies: list[Body], numbers: range) -> None:
    """Grow the deployments of models of one account, each with a content filter of its own."""
    model = _one(bodies, "CognitiveServices/accounts/deployments")
    policy = _one(bodies, "CognitiveServices/accounts/raiPolicies")
    for each in numbers:
        for one, name in ((model, f"own-{_word(each)}"), (policy, f"filter-{_word(each)}")):
            copy = deepcopy(one)
            copy["id"], copy["name"] = f"{copy['id'].rpartition('/')[0]}/{name}", name
            if one is model:
                copy["properties"]["raiPolicyName"] = f"filter-{_word(each)}"
            bodies.append(copy)


def alerts(bodies: list[Body], numbers: range) -> None:
    """Grow alerts, each on a part of a workload."""
    model = _one(bodies, "Insights/metricAlerts")
    bodies += [{**model, "id": f"{model['id']}-{_word(each)}", "name": f"own-{_word(each)}"} for each in numbers]


def hosts(bodies: list[Body], numbers: range) -> None:
    """Grow the host names that one gateway's pool holds, and the sites that have them."""
    sites(bodies, numbers)
    pools = _one(bodies, "Network/applicationGateways")["properties"]["backendAddressPools"]
    pools[0]["properties"]["backendAddresses"] += [{"fqdn": f"app-{_word(each)}.azurewebsites.net"} for each in numbers]


Growth = Callable[[list[Body], range], None]
PARTS: Final[Sequence[Growth]] = (
    subnets, peerings, private_endpoints, zones, links, vaults, secrets, sites, machines, route_tables, firewall_rules,
    diagnostic_settings, subscriptions, stores, dangling, deployments, alerts, hosts, assignments, unread_roles,
    identities, role_definitions,
)  # fmt: skip
"""Each grows something of one workload, or beside it."""
WORKLOADS: Final[Sequence[Growth]] = (workloads, anchors, workspaces, gateways)
"""Each grows the workloads."""
