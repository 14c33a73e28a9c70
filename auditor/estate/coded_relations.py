"""Derive the relations that no file of a type can say; each reader says why.

What a resource states at a path stands in its type's file (`refers`, `placed`): https://learn.microsoft.com/azure/templates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate import stated_relations
from auditor.estate.lookup import (
    INTERFACES,
    MACHINES,
    ML_CONNECTIONS,
    NETWORKS,
    Lookup,
    network_of,
    secret_at,
)
from auditor.estate.monitoring_relations import ML_SCHEDULES, POLICY_ASSIGNMENTS
from auditor.estate.network_relations import GATEWAYS, INSTANCE_INTERFACES, INSTANCES, INTERFACE_PROFILES
from auditor.estate.service_relations import (
    SECRETS,
    SETTINGS_FROM_VAULTS,
    SITE_CERTIFICATES,
    SITE_CONFIGS,
    SITES,
    SLOT_CONFIGS,
    SLOTS,
)
from auditor.model import Relation, Resource

Reader = Callable[[Resource, Lookup], Iterator[Relation]]

_CONNECTIONS: Final = "/privateendpointconnections"
ENDPOINT_CONNECTIONS: Final = frozenset(kind.key for kind in shipped() if kind.key.endswith(_CONNECTIONS))
"""Types of what a service keeps of each private endpoint that leads to it, where it is a child of the service."""
_MANAGEMENT_GROUPS: Final = "/providers/microsoft.management/managementgroups/"
_IMAGE_PREFIXES: Final = ("docker|", "compose|", "kube|")
_OF_INTERFACES: Final = next(kind.refers for kind in shipped() if kind.key == INTERFACES)


def read_any(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield what a resource of any type may state: its parent, its identities, its private endpoint connections."""
    if parent := ids.parent_of(resource.key):
        yield Relation(parent, "contains", resource.key)
        if resource.type_key.endswith(_CONNECTIONS) and (
            endpoint := body.reference(resource.properties, "privateEndpoint.id")
        ):
            yield Relation(parent, "private-endpoint-connection", endpoint)
    if "identity" in resource.stated:
        yield from _identities(resource)
    for connection in body.objects(resource.properties, "privateEndpointConnections"):
        if endpoint := body.reference(connection, "properties.privateEndpoint.id"):
            yield Relation(resource.key, "private-endpoint-connection", endpoint)


def _identities(resource: Resource) -> Iterator[Relation]:
    """Yield the identities of a resource, whose ids are names of properties; a system-assigned one points at itself."""
    identity = body.value(resource.body, "identity")
    if body.text(identity, "principalId"):
        yield Relation(resource.key, "identity-of", resource.key)
    assigned = body.value(identity, "userAssignedIdentities")
    if isinstance(assigned, Mapping):
        for identity_id in assigned:
            if ids.is_resource_id(identity_id):
                yield Relation(ids.key(identity_id), "identity-of", resource.key)


def _placed(source: str, subnet: str) -> Iterator[Relation]:
    yield Relation(source, "attached", subnet)
    if network := network_of(subnet):
        yield Relation(source, "in-network", network)


def _machine_interface(machine: str, interface: str, lookup: Lookup) -> Iterator[Relation]:
    """Yield that a machine has an interface, and so sits where that does: two steps, by what the interface states."""
    yield Relation(interface, "attached", machine)
    for subnet in lookup.subnets.get(interface, ()):
        yield from _placed(machine, subnet)


def _interface(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    if machine := body.reference(resource.properties, "virtualMachine.id"):
        yield from _machine_interface(machine, resource.key, lookup)


def _machine(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    for interface in body.references(resource.properties, "networkProfile.networkInterfaces"):
        yield from _machine_interface(resource.key, interface, lookup)


def _instance(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield where a machine of a scale set sits. No list holds such machines, so that they are no type of the catalogue."""
    for interface in body.objects(resource.body, INTERFACE_PROFILES[resource.type_key]):
        for subnet in body.references(interface, "properties.ipConfigurations", "properties.subnet.id"):
            yield from _placed(resource.key, subnet)
        if group := body.reference(interface, "properties.networkSecurityGroup.id"):
            yield Relation(group, "attached", resource.key)


def _instance_interface(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    yield from stated_relations.read(resource, _OF_INTERFACES, lookup)
    yield from _interface(resource, lookup)


def _network(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the peers of a network; a peering may be a resource of its own, and counts whichever of the two states it."""
    for remote in lookup.peers.get(resource.key, ()):
        yield Relation(resource.key, "peered", remote)


def _gateway(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the secrets that a gateway's certificates come from: an address that holds a vault and a name."""
    for array in ("sslCertificates", "trustedRootCertificates"):
        for certificate in body.objects(resource.properties, array):
            if secret := body.text(certificate, "properties.keyVaultSecretId"):
                for vault in lookup.called(body.host_of(secret), resource.key, "uses"):
                    yield Relation(resource.key, "uses", vault)
                for key in secret_at(secret, resource.key, lookup):
                    yield Relation(resource.key, "reads-secret", key)
    yield from _backends(resource, lookup)


def _backends(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield what the gateway forwards to: a site by host name, or what a private endpoint at that address leads to.

    Addresses and private host names mean something within a network and its peers only.
    """
    subnets = body.references(resource.properties, "gatewayIPConfigurations", "properties.subnet.id")
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


def _site(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    yield from _images(resource.key, body.value(resource.properties, "siteConfig"), lookup)


def _site_config(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    if site := ids.parent_of(resource.key):
        yield from _images(site, resource.properties, lookup)


def _images(site: str, configuration: object, lookup: Lookup) -> Iterator[Relation]:
    """Yield the registry of a site's container image, behind a word for what runs it: `DOCKER|cr.azurecr.io/chat:1`."""
    for name in ("linuxFxVersion", "windowsFxVersion"):
        version = body.text(configuration, name) or ""
        if version.lower().startswith(_IMAGE_PREFIXES):
            for registry in lookup.called(body.host_of(version.partition("|")[2]), site, "uses"):
                yield Relation(site, "uses", registry)


def _setting_from_vault(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the secret that an app setting comes from: vault and name stand apart."""
    vault, secret = body.text(resource.properties, "vaultName"), body.text(resource.properties, "secretName")
    address = f"https://{vault}.vault.azure.net/secrets/{secret}"
    for key in secret_at(address, resource.key, lookup) if vault and secret else ():
        yield Relation(resource.key, "reads-secret", key)


def _site_certificate(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield the secret that a certificate comes from: vault and name stand apart."""
    vault = body.reference(resource.properties, "keyVaultId")
    secret = body.text(resource.properties, "keyVaultSecretName")
    if vault and secret:
        yield Relation(resource.key, "reads-secret", f"{vault}/secrets/{secret.lower()}")


def _secret(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the workspaces that may have put a secret there for their connections, under a name that nothing tells."""
    for workspace in lookup.keepers.get(ids.parent_of(resource.key) or "", ()):
        if workspace in lookup.keyed:
            yield Relation(workspace, "may-read-secret", resource.key)


def _policy_assignment(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the scope that an assignment governs; of a management group, the subscriptions known to lie below it.

    Where no subscription says what lies above it, an assignment to a management group is here because Azure lists it
    with the subscription that inherits it: it governs all that is here.
    """
    stated = body.text(resource.properties, "scope")
    scope = ids.key(stated) if stated else ids.scope_of(resource.key)
    if not scope.startswith(_MANAGEMENT_GROUPS):
        yield Relation(resource.key, "governs", scope or "/")
    elif not lookup.subscriptions_below:
        yield Relation(resource.key, "governs", "/")
    else:
        for subscription in lookup.subscriptions_below.get(ids.name_of(scope), ()):
            yield Relation(resource.key, "governs", subscription)


def _ml_schedule(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield the endpoint whose deployment a schedule monitors: `azureml:ENDPOINT:DEPLOYMENT`, or the deployment's id.

    https://learn.microsoft.com/azure/machine-learning/reference-yaml-monitor
    """
    target = body.text(resource.properties, "action.monitorDefinition.monitoringTarget.deploymentId") or ""
    workspace = ids.parent_of(resource.key)
    if ids.is_resource_id(target):
        endpoint = ids.parent_of(ids.key(target))
    else:
        name = target.lower().removeprefix("azureml:").partition(":")[0]
        endpoint = f"{workspace}/onlineendpoints/{name}" if name and workspace else None
    if endpoint:
        yield Relation(resource.key, "monitors", endpoint)


READERS: Final[Mapping[str, Reader]] = {
    INTERFACES: _interface,
    NETWORKS: _network,
    GATEWAYS: _gateway,
    MACHINES: _machine,
    INSTANCES: _instance,
    INSTANCE_INTERFACES: _instance_interface,
    SITES: _site,
    SLOTS: _site,
    SITE_CONFIGS: _site_config,
    SLOT_CONFIGS: _site_config,
    SECRETS: _secret,
    SETTINGS_FROM_VAULTS: _setting_from_vault,
    SITE_CERTIFICATES: _site_certificate,
    ML_SCHEDULES: _ml_schedule,
    POLICY_ASSIGNMENTS: _policy_assignment,
}

CODED: Final[Mapping[str, Sequence[str]]] = {
    INTERFACES: ("attached", "in-network"),
    NETWORKS: ("peered",),
    GATEWAYS: ("attached", "in-network", "uses", "reads-secret", "forwards-to"),
    MACHINES: ("attached", "in-network"),
    INSTANCES: ("attached", "in-network"),
    INSTANCE_INTERFACES: ("attached", "in-network"),
    SITES: ("uses",),
    SLOTS: ("uses",),
    SITE_CONFIGS: ("uses",),
    SLOT_CONFIGS: ("uses",),
    SECRETS: ("may-read-secret",),
    SETTINGS_FROM_VAULTS: ("reads-secret",),
    SITE_CERTIFICATES: ("reads-secret",),
    ML_SCHEDULES: ("monitors",),
    POLICY_ASSIGNMENTS: ("governs",),
    ML_CONNECTIONS: ("may-read-secret",),
    **dict.fromkeys(sorted(ENDPOINT_CONNECTIONS), ("private-endpoint-connection",)),
}
"""Which relations the readers above derive with the help of which types, beside those that hold for any type."""
