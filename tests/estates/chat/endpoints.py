"""Private endpoints, each with its interface and its DNS zone, and how the services show them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.estates.arm import MICROSOFT, Body, guid, nested, path, reference, resource
from tests.estates.chat.network import NETWORK, subnet_id

_APPROVED = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}
_ZONES = {
    "sites": ("privatelink.azurewebsites.net",),
    "blob": ("privatelink.blob.core.windows.net",),
    "file": ("privatelink.file.core.windows.net",),
    "registry": ("privatelink.azurecr.io",),
    "vault": ("privatelink.vaultcore.azure.net",),
    "account": ("privatelink.openai.azure.com",),
    "amlworkspace": ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
    "searchService": ("privatelink.search.windows.net",),
}
_SHOWN_AS = {  # the DNS suffix of a service, and its zone for private endpoints
    ".azurewebsites.net": ".privatelink.azurewebsites.net",
    ".blob.core.windows.net": ".privatelink.blob.core.windows.net",
    ".file.core.windows.net": ".privatelink.file.core.windows.net",
    ".azurecr.io": ".privatelink.azurecr.io",
    ".vault.azure.net": ".privatelink.vaultcore.azure.net",
    ".openai.azure.com": ".privatelink.openai.azure.com",
    ".search.windows.net": ".privatelink.search.windows.net",
}


@dataclass(frozen=True)
class Endpoint:
    """A private endpoint: its name, what it leads to, and an address with host names for each member of the group."""

    name: str
    target: str
    group: str
    members: tuple[tuple[str, str, tuple[str, ...]], ...]


def _at(last: int, member: str, *hosts: str) -> tuple[str, str, tuple[str, ...]]:
    return f"10.0.2.{last}", member, hosts


def _site(name: str, last: int) -> Endpoint:
    hosts = (f"{name}.azurewebsites.net", f"{name}.scm.azurewebsites.net")
    return Endpoint(f"pep-{name}", path("Microsoft.Web/sites", name), "sites", (_at(last, "sites", *hosts),))


def _storage(name: str, account: str, group: str, last: int) -> Endpoint:
    target = path("Microsoft.Storage/storageAccounts", account)
    return Endpoint(name, target, group, (_at(last, group, f"{account}.{group}.core.windows.net"),))


ENDPOINTS = (
    _storage("pep-stchat01", "stchat01", "blob", 4),
    _storage("pep-blob-stmlchat01", "stmlchat01", "blob", 5),
    _storage("pep-file-stmlchat01", "stmlchat01", "file", 6),
    Endpoint(
        "pep-kv-chat01",
        path("Microsoft.KeyVault/vaults", "kv-chat01"),
        "vault",
        (_at(7, "default", "kv-chat01.vault.azure.net"),),
    ),
    Endpoint(
        "pep-crchat01",
        path("Microsoft.ContainerRegistry/registries", "crchat01"),
        "registry",
        (
            _at(8, "registry_data_eastus2", "crchat01.eastus2.data.azurecr.io"),
            _at(9, "registry", "crchat01.azurecr.io"),
        ),
    ),
    Endpoint(
        "pep-oai-chat01",
        path("Microsoft.CognitiveServices/accounts", "oai-chat01"),
        "account",
        (_at(10, "default", "oaichat01.openai.azure.com"),),
    ),
    Endpoint(
        "pep-mlw-chat01",
        path("Microsoft.MachineLearningServices/workspaces", "mlw-chat01"),
        "amlworkspace",
        (_at(11, "default"), _at(12, "notebook"), _at(13, "inference")),
    ),
    _site("app-chat01", 14),
    _site("app-chat01-pf", 15),
)


def _endpoint_id(name: str) -> str:
    return path("Microsoft.Network/privateEndpoints", name)


def connections(
    target: Body, *, of_managed_network: tuple[str, ...] = (), endpoints: tuple[Endpoint, ...] = ENDPOINTS
) -> list[Body]:
    """Return the connections that a service shows: of the estate's endpoints, and of rules of the managed network."""
    own = [(each.name, _endpoint_id(each.name)) for each in endpoints if each.target == target["id"]]
    theirs = [(rule, path("Microsoft.Network/privateEndpoints", rule, below=MICROSOFT)) for rule in of_managed_network]
    return [
        nested(
            target,
            "privateEndpointConnections",
            f"{name}.{guid(target['id'] + endpoint)}",
            privateEndpoint=reference(endpoint),
            privateLinkServiceConnectionState=dict(_APPROVED),
        )
        for name, endpoint in [*own, *theirs]
    ]


def _interface(endpoint: Endpoint) -> Body:
    interface = resource(
        "Microsoft.Network/networkInterfaces", f"{endpoint.name}.nic.{guid(f'interface of {endpoint.name}')}"
    )
    configurations = []
    for number, (address, member, hosts) in enumerate(endpoint.members):
        link = {"groupId": endpoint.group, "requiredMemberName": member, **({"fqdns": list(hosts)} if hosts else {})}
        about = {"privateIPAddress": address, "privateIPAllocationMethod": "Dynamic", "primary": number == 0}
        entry = nested(
            interface,
            "ipConfigurations",
            f"privateEndpointIpConfig.{guid(f'{endpoint.name} at {address}')}",
            **about,
            subnet=reference(subnet_id("snet-privateEndpoints")),
            privateIPAddressVersion="IPv4",
            privateLinkConnectionProperties=link,
        )
        configurations.append(entry)
    interface["properties"] = {
        "provisioningState": "Succeeded",
        "enableIPForwarding": False,
        "ipConfigurations": configurations,
        "privateEndpoint": reference(_endpoint_id(endpoint.name)),
    }
    return interface


def _records(endpoint: Endpoint, zone: str) -> list[Body]:
    records = []
    for address, _, hosts in endpoint.members:
        for host in hosts:
            suffix = next(suffix for suffix in _SHOWN_AS if host.endswith(suffix))
            name = host.removesuffix(suffix)
            record = {"recordType": "A", "recordSetName": name, "fqdn": f"{name}{_SHOWN_AS[suffix]}"}
            assert record["fqdn"].endswith(zone)
            records.append({**record, "provisioningState": "Succeeded", "ttl": 10, "ipAddresses": [address]})
    return records


def _zone_group(endpoint: Endpoint) -> Body:
    entries = []
    for zone in _ZONES[endpoint.group.partition("-")[0]]:
        records = _records(endpoint, zone)
        settings = {"privateDnsZoneId": path("Microsoft.Network/privateDnsZones", zone)}
        entries.append({"name": zone, "properties": settings | ({"recordSets": records} if records else {})})
    kind = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
    properties = {"provisioningState": "Succeeded", "privateDnsZoneConfigs": entries}
    return resource(kind, endpoint.name, "default", location=None, properties=properties)


def _endpoint(endpoint: Endpoint, interface: Body) -> Body:
    body = resource("Microsoft.Network/privateEndpoints", endpoint.name)
    link = {"privateLinkServiceId": endpoint.target, "groupIds": [endpoint.group]}
    link["privateLinkServiceConnectionState"] = {"status": "Approved", "description": "", "actionsRequired": "None"}
    body["properties"] = {
        "provisioningState": "Succeeded",
        "subnet": reference(subnet_id("snet-privateEndpoints")),
        "privateLinkServiceConnections": [nested(body, "privateLinkServiceConnections", endpoint.name, **link)],
        "manualPrivateLinkServiceConnections": [],
        "customDnsConfigs": [],
        "networkInterfaces": [reference(interface["id"])],
    }
    return body


def made(endpoint: Endpoint) -> list[Body]:
    """Return an endpoint with its interface and its zone group."""
    interface = _interface(endpoint)
    return [_endpoint(endpoint, interface), interface, _zone_group(endpoint)]


def zone(name: str) -> list[Body]:
    """Return a zone with its link to the network."""
    kind, place = "Microsoft.Network/privateDnsZones", "global"
    counts = {"provisioningState": "Succeeded", "numberOfVirtualNetworkLinks": 1}
    link = {"registrationEnabled": False, "virtualNetwork": reference(NETWORK), "virtualNetworkLinkState": "Completed"}
    link["provisioningState"] = "Succeeded"
    return [
        resource(kind, name, location=place, properties=counts),
        resource(f"{kind}/virtualNetworkLinks", name, f"{name}-link", location=place, properties=link),
    ]


def bodies() -> list[Body]:
    """Return endpoints, interfaces, zone groups, zones and the zones' links to the network."""
    zones = sorted({name for endpoint in ENDPOINTS for name in _ZONES[endpoint.group]})
    return [body for name in zones for body in zone(name)] + [body for each in ENDPOINTS for body in made(each)]
