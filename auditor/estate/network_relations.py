"""Derive the relations that network resources state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate import lookup as lookups
from auditor.estate.lookup import (
    INTERFACES,
    NETWORKS,
    PRIVATE_ENDPOINTS,
    Lookup,
    endpoint_targets,
    network_of,
    secret_at,
)
from auditor.model import Relation, Resource

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

Reader = Callable[[Resource, Lookup], Iterator[Relation]]

_SUBNET: Final = "properties.subnet.id"
_PUBLIC_ADDRESS: Final = "properties.publicIPAddress.id"


def placed(source: str, subnet: str) -> Iterator[Relation]:
    """Yield that a resource sits in a subnet, and so in its virtual network."""
    yield Relation(source, "attached", subnet)
    if network := network_of(subnet):
        yield Relation(source, "in-network", network)


def _api_management(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for of in (resource.properties, *body.objects(resource.properties, "additionalLocations")):
        if subnet := body.reference(of, "virtualNetworkConfiguration.subnetResourceId"):
            yield from placed(resource.key, subnet)
        if address := body.reference(of, "publicIpAddressId"):
            yield Relation(address, "attached", resource.key)


def placed_at(path: str) -> Reader:
    """Return a reader of the subnet id at a property path."""

    def read(resource: Resource, _: Lookup) -> Iterator[Relation]:
        if subnet := body.reference(resource.properties, path):
            yield from placed(resource.key, subnet)

    return read


def owner_of(child_key: str) -> str:
    """Return the top-level resource that a nested id (an IP configuration) belongs to."""
    head, found, tail = child_key.rpartition("/providers/")
    parts = tail.split("/")
    return "/".join([head + found + parts[0], *parts[1:3]]) if found and len(parts) >= 3 else child_key


def _configurations(*arrays: str) -> Reader:
    """Return a reader of IP configurations: their subnets and their public addresses."""

    def read(resource: Resource, _: Lookup) -> Iterator[Relation]:
        for array in arrays:
            for configuration in body.objects(resource.properties, array):
                if subnet := body.reference(configuration, _SUBNET):
                    yield from placed(resource.key, subnet)
                if address := body.reference(configuration, _PUBLIC_ADDRESS):
                    yield Relation(address, "attached", resource.key)

    return read


_read_configurations: Final = _configurations("ipConfigurations")


def _interface(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    yield from _read_configurations(resource, lookup)
    properties = resource.properties
    if group := body.reference(properties, "networkSecurityGroup.id"):
        yield Relation(group, "attached", resource.key)
    if endpoint := body.reference(properties, "privateEndpoint.id"):
        yield Relation(resource.key, "attached", endpoint)
    if machine := body.reference(properties, "virtualMachine.id"):
        yield from _machine_interface(machine, resource.key, lookup)


def _machine_interface(machine: str, interface: str, lookup: Lookup) -> Iterator[Relation]:
    yield Relation(interface, "attached", machine)
    for subnet in lookup.subnets.get(interface, ()):
        yield from placed(machine, subnet)


def _machine(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    for interface in body.references(resource.properties, "networkProfile.networkInterfaces"):
        yield from _machine_interface(resource.key, interface, lookup)
    yield from _profile(resource, lookup)


def _profile(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for interface in body.objects(resource.body, INTERFACE_PROFILES[resource.type_key]):
        for subnet in body.references(interface, "properties.ipConfigurations", _SUBNET):
            yield from placed(resource.key, subnet)
        if group := body.reference(interface, "properties.networkSecurityGroup.id"):
            yield Relation(group, "attached", resource.key)


def _subnet(resource: Resource, _: Lookup) -> Iterator[Relation]:
    properties = resource.properties
    for name in ("networkSecurityGroup", "routeTable", "natGateway"):
        if guard := body.reference(properties, f"{name}.id"):
            yield Relation(guard, "attached", resource.key)
    for array in ("ipConfigurations", "applicationGatewayIPConfigurations"):
        for configuration in body.references(properties, array):
            yield from placed(owner_of(configuration), resource.key)
    for endpoint in body.references(properties, "privateEndpoints"):
        yield from placed(endpoint, resource.key)
    for array in ("serviceAssociationLinks", "resourceNavigationLinks"):
        for link in body.references(properties, array, "properties.link"):
            yield from placed(link, resource.key)


def _attached_to(*arrays: str) -> Reader:
    """Return a reader of back references: the resource is attached to each of them."""

    def read(resource: Resource, _: Lookup) -> Iterator[Relation]:
        for array in arrays:
            for target in body.references(resource.properties, array):
                yield Relation(resource.key, "attached", target)

    return read


def _nat_gateway(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    yield from _attached_to("subnets")(resource, lookup)
    if network := body.reference(resource.properties, "sourceVirtualNetwork.id"):
        yield Relation(resource.key, "attached", network)
    for address in body.references(resource.properties, "publicIpAddresses"):
        yield Relation(address, "attached", resource.key)


def _public_address(resource: Resource, _: Lookup) -> Iterator[Relation]:
    if configuration := body.reference(resource.properties, "ipConfiguration.id"):
        yield Relation(resource.key, "attached", owner_of(configuration))
    if gateway := body.reference(resource.properties, "natGateway.id"):
        yield Relation(resource.key, "attached", gateway)
    if plan := body.reference(resource.properties, "ddosSettings.ddosProtectionPlan.id"):
        yield Relation(plan, "protects", resource.key)


def _network(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    if plan := body.reference(resource.properties, "ddosProtectionPlan.id"):
        yield Relation(plan, "protects", resource.key)
    for remote in lookup.peers.get(resource.key, ()):
        yield Relation(resource.key, "peered", remote)


def _ddos_plan(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for network in body.references(resource.properties, "virtualNetworks"):
        yield Relation(resource.key, "protects", network)


def _private_endpoint(resource: Resource, _: Lookup) -> Iterator[Relation]:
    if subnet := body.reference(resource.properties, "subnet.id"):
        yield from placed(resource.key, subnet)
    for target, _properties in endpoint_targets(resource):
        yield Relation(resource.key, "private-endpoint-for", target)
    for interface in body.references(resource.properties, "networkInterfaces"):
        yield Relation(interface, "attached", resource.key)


def _zone_group(resource: Resource, _: Lookup) -> Iterator[Relation]:
    endpoint = ids.parent_of(resource.key)
    for zone in body.references(resource.properties, "privateDnsZoneConfigs", "properties.privateDnsZoneId"):
        yield Relation(resource.key, "registered-in", zone)
        if endpoint:
            yield Relation(endpoint, "registered-in", zone)


def _zone_link(resource: Resource, _: Lookup) -> Iterator[Relation]:
    zone, network = ids.parent_of(resource.key), body.reference(resource.properties, "virtualNetwork.id")
    if network:
        yield Relation(resource.key, "dns-zone-linked", network)
        if zone:
            yield Relation(zone, "dns-zone-linked", network)


_read_gateway_configurations: Final = _configurations("gatewayIPConfigurations", "frontendIPConfigurations")


def _gateway(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    yield from _read_gateway_configurations(resource, lookup)
    properties = resource.properties
    if policy := body.reference(properties, "firewallPolicy.id"):
        yield Relation(policy, "waf-policy-of", resource.key)
    for policy in body.references(properties, "httpListeners", "properties.firewallPolicy.id"):
        yield Relation(policy, "waf-policy-of", resource.key)
    for path_map in body.objects(properties, "urlPathMaps"):
        for policy in body.references(path_map, "properties.pathRules", "properties.firewallPolicy.id"):
            yield Relation(policy, "waf-policy-of", resource.key)
    for array in ("sslCertificates", "trustedRootCertificates"):
        for certificate in body.objects(properties, array):
            if secret := body.text(certificate, "properties.keyVaultSecretId"):
                for vault in lookup.called(body.host_of(secret), resource.key, "uses"):
                    yield Relation(resource.key, "uses", vault)
                for key in secret_at(secret, resource.key, lookup):
                    yield Relation(resource.key, "reads-secret", key)
    yield from _backends(resource, lookup)


def _backends(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield what the gateway forwards to: a site by host name, or what a private endpoint at that address leads to.

    Addresses mean something within a network and its peers only.
    """
    subnets = body.references(resource.properties, "gatewayIPConfigurations", _SUBNET)
    networks = {network for network in map(network_of, subnets) if network}
    networks |= {peer for network in networks for peer in lookup.peers.get(network, ())}
    for pool in body.objects(resource.properties, "backendAddressPools"):
        for address in body.objects(pool, "properties.backendAddresses"):
            for site in lookup.called(body.text(address, "fqdn") or "", resource.key, "forwards-to", networks):
                yield Relation(resource.key, "forwards-to", site)
            for network, endpoint in lookup.addresses.get(body.text(address, "ipAddress") or "", ()):
                if network in networks:
                    for target in lookup.targets.get(endpoint, ()):
                        yield Relation(resource.key, "forwards-to", target)


def _waf_policy(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for array in ("applicationGateways", "httpListeners", "pathBasedRules"):
        for bound in body.references(resource.properties, array):
            yield Relation(resource.key, "waf-policy-of", owner_of(bound))


def _association(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield which service an association puts into its perimeter."""
    if target := body.reference(resource.properties, "privateLinkResource.id"):
        yield Relation(resource.key, "secured-by", target)


READERS: Final[Mapping[str, Reader]] = {
    INTERFACES: _interface,
    NETWORKS: _network,
    SUBNETS: _subnet,
    SECURITY_GROUPS: _attached_to("subnets", "networkInterfaces"),
    ROUTE_TABLES: _attached_to("subnets"),
    NAT_GATEWAYS: _nat_gateway,
    PUBLIC_ADDRESSES: _public_address,
    DDOS_PLANS: _ddos_plan,
    PRIVATE_ENDPOINTS: _private_endpoint,
    ZONE_GROUPS: _zone_group,
    ZONE_LINKS: _zone_link,
    GATEWAYS: _gateway,
    WAF_POLICIES: _waf_policy,
    BASTIONS: _read_configurations,
    FIREWALLS: _read_configurations,
    NETWORK_GATEWAYS: _read_configurations,
    LOAD_BALANCERS: _configurations("frontendIPConfigurations"),
    "microsoft.network/privatelinkservices": _read_configurations,
    ASSOCIATIONS: _association,
    MACHINES: _machine,
    SCALE_SETS: _profile,
    INSTANCES: _profile,
    INSTANCE_INTERFACES: _interface,
    API_MANAGEMENT: _api_management,
    "microsoft.app/managedenvironments": placed_at("vnetConfiguration.infrastructureSubnetId"),
}
