"""Find resources by what other resources call them: host name, principal, address, role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body, relation
from auditor.azure.catalogue import Catalogue
from auditor.azure.relation import Join
from auditor.azure.resource_type import Hosts, PrivateAddresses
from auditor.model import Resource

FEDERATED_CREDENTIALS: Final = "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"
FOUNDRY_PROJECTS: Final = "microsoft.cognitiveservices/accounts/projects"
INTERFACES: Final = "microsoft.network/networkinterfaces"
MACHINES: Final = "microsoft.compute/virtualmachines"
ML_CONNECTIONS: Final = "microsoft.machinelearningservices/workspaces/connections"
ML_WORKSPACES: Final = "microsoft.machinelearningservices/workspaces"
NETWORKS: Final = relation.NETWORKS
PEERINGS: Final = "microsoft.network/virtualnetworks/virtualnetworkpeerings"
PRIVATE_ENDPOINTS: Final = "microsoft.network/privateendpoints"
ROUTE_TABLES: Final = "microsoft.network/routetables"
ROLE_DEFINITIONS: Final = "microsoft.authorization/roledefinitions"
SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
USER_IDENTITIES: Final = "microsoft.managedidentity/userassignedidentities"

_KEYLESS: Final = frozenset({"aad", "managedidentity", "none", "useridentity"})
"""How connections of workspaces sign in without a secret."""

Places = dict[str, set[str]]


def _places() -> Places:
    return defaultdict(set)


class AmbiguousHost(Struct, frozen=True):
    """A host name by which a resource calls another, and that several have; in Azure only one can have it at a time.

    `kind` is the relation that it would be; `caller` and `candidates` are keys.
    """

    caller: str
    kind: str
    host: str
    candidates: tuple[str, ...]


class Lookup(Struct, frozen=True):
    """Resource keys by the names that properties of other resources use; everything in lower case.

    `principals`: object id → user-assigned identity, or resource with a system-assigned one.
    `hosts`: host name → site, vault, registry, account or search service. `definitions`: role GUID → role definition.
    `targets`: private endpoint → what it leads to. `addresses`: private IP → (virtual network, private endpoint).
    `reached`: what a private endpoint leads to → virtual networks of such endpoints.
    `subnets`: network interface → subnets. `peers`: virtual network → peered ones. `subscriptions_below`: name of a
    management group → subscriptions that say they lie below it.
    `keepers`: vault → workspaces that keep their secrets in it. `keyed`: workspaces with connections that hold a secret.
    `named`: what others refer to by its name alone. `holders`: private IP → (virtual network, what has it there).
    `machines`: network interface → machine. `routed`: route table → virtual networks of the subnets that it is for.
    """

    principals: Places = field(default_factory=_places)
    hosts: Places = field(default_factory=_places)
    definitions: Places = field(default_factory=_places)
    targets: Places = field(default_factory=_places)
    addresses: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    subnets: Places = field(default_factory=_places)
    peers: Places = field(default_factory=_places)
    subscriptions_below: Places = field(default_factory=_places)
    keepers: Places = field(default_factory=_places)
    keyed: set[str] = field(default_factory=set)
    reached: Places = field(default_factory=_places)
    named: set[str] = field(default_factory=set)
    holders: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    machines: dict[str, str] = field(default_factory=dict)
    routed: Places = field(default_factory=_places)
    ambiguous: dict[AmbiguousHost, None] = field(default_factory=dict)
    """Host names that `called` could not tell apart."""

    def called(self, host: str, caller: str, kind: str, networks: Collection[str] = ()) -> Sequence[str]:
        """Return what has a host name that a resource calls: nothing or one, and nothing where it cannot be told which.

        Names occur twice in files that hold two tenants, or an estate and its copy. What is in reach of the caller's
        networks goes before what is not, then what is in its resource group, then what is in its subscription.
        """
        candidates = sorted(self.hosts.get(host.lower(), ()))
        if len(candidates) > 1:
            reached = [key for key in candidates if not self.reached.get(key, set()).isdisjoint(networks)]
            candidates = reached or candidates
            for place_of in (_group_of, ids.subscription_of):
                candidates = [key for key in candidates if place_of(key) == place_of(caller)] or candidates
        if len(candidates) > 1:
            self.ambiguous[AmbiguousHost(caller, kind, host.lower(), tuple(candidates))] = None
            return ()
        return candidates


def _group_of(key: str) -> tuple[str | None, str | None]:
    return ids.subscription_of(key), ids.resource_group_of(key)


def secret_at(address: str, caller: str, lookup: Lookup) -> Iterator[str]:
    """Yield the key of the secret that a URI in a vault names, with a version or without (`https://kv…/secrets/s`)."""
    words = address.partition("://")[2].split("/")
    if len(words) > 2 and words[1].lower() in {"secrets", "certificates"}:
        for vault in lookup.called(body.host_of(address), caller, "reads-secret"):
            yield f"{vault}/secrets/{words[2].lower()}"


def network_of(subnet_key: str) -> str | None:
    """Return the key of the virtual network that a subnet key lies in."""
    network, found, _ = subnet_key.partition("/subnets/")
    return network if found else None


def endpoint_targets(endpoint: Resource) -> Sequence[tuple[str, Mapping[str, object]]]:
    """Return (target key, connection properties) of every connection of a private endpoint, automatic or manual."""
    targets: list[tuple[str, Mapping[str, object]]] = []
    for array in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
        for connection in body.objects(endpoint.properties, array):
            properties = body.value(connection, "properties")
            target = body.reference(properties, "privateLinkServiceId")
            if target and isinstance(properties, Mapping):
                targets.append((target, properties))
    return targets


def build(resources: Iterable[Resource], catalogue: Catalogue) -> Lookup:
    """Return the lookup over all resources; the catalogue says which types have host names."""
    lookup = Lookup()
    hosts = {item.key: item.hosts for item in catalogue if item.hosts}
    addresses = {item.key: item.addresses for item in catalogue if item.addresses}
    named = {
        kind
        for item in catalogue
        for stated in item.refers
        if any(place.join is Join.NAME for place in stated.places)
        for kind in stated.to
    }
    for resource in resources:
        if "identity" in resource.stated:
            _index_identity(resource, lookup)
        if index := _INDEXES.get(resource.type_key):
            index(resource, lookup)
        if (known := hosts.get(resource.type_key)) is not None:
            _index_hosts(resource, known, lookup)
        if resource.type_key in named:
            lookup.named.add(resource.key)
        for stated in addresses.get(resource.type_key, ()):
            _index_addresses(resource, stated, lookup)
    return lookup


def _index_identity(resource: Resource, lookup: Lookup) -> None:
    identity = body.value(resource.body, "identity")
    if principal := body.text(identity, "principalId"):
        lookup.principals[principal.lower()].add(resource.key)
    assigned = body.value(identity, "userAssignedIdentities")
    if isinstance(assigned, Mapping):
        for identity_id, detail in assigned.items():
            if ids.is_resource_id(identity_id) and (principal := body.text(detail, "principalId")):
                lookup.principals[principal.lower()].add(ids.key(identity_id))


def _index_user_identity(resource: Resource, lookup: Lookup) -> None:
    if principal := body.text(resource.properties, "principalId"):
        lookup.principals[principal.lower()].add(resource.key)


def _index_hosts(resource: Resource, hosts: Hosts, lookup: Lookup) -> None:
    """Index a service under the hosts it states, and under its name in its public domain (`vault.azure.net`)."""
    names = {name for path in hosts.stated for name in _stated(resource, path)}
    if hosts.domain:
        names.add(f"{resource.name}.{hosts.domain}")
    for name in names:
        if host := body.host_of(name):
            lookup.hosts[host.lower()].add(resource.key)


def _index_addresses(resource: Resource, stated: PrivateAddresses, lookup: Lookup) -> None:
    for configuration in body.values_at(resource.body, stated.each):
        address = body.text(configuration, stated.address)
        network = network_of(body.reference(configuration, stated.subnet) or "")
        if address and network:
            lookup.holders[address.lower()].add((network, resource.key))


def _stated(resource: Resource, path: str) -> Sequence[str]:
    """Return the texts at a path: one, or a list of them."""
    single = body.text(resource.body, path)
    return [single] if single is not None else body.texts(resource.body, path)


def _index_definition(resource: Resource, lookup: Lookup) -> None:
    lookup.definitions[ids.name_of(resource.key)].add(resource.key)


def _index_private_endpoint(resource: Resource, lookup: Lookup) -> None:
    targets = [target for target, _ in endpoint_targets(resource)]
    lookup.targets[resource.key].update(targets)
    if network := network_of(body.reference(resource.properties, "subnet.id") or ""):
        for target in targets:
            lookup.reached[target].add(network)


def _index_interface(resource: Resource, lookup: Lookup) -> None:
    endpoint = body.reference(resource.properties, "privateEndpoint.id")
    if machine := body.reference(resource.properties, "virtualMachine.id"):
        lookup.machines[resource.key] = machine
    for configuration in body.objects(resource.properties, "ipConfigurations"):
        subnet = body.reference(configuration, "properties.subnet.id")
        if not subnet:
            continue
        lookup.subnets[resource.key].add(subnet)
        address, network = body.text(configuration, "properties.privateIPAddress"), network_of(subnet)
        if endpoint and address and network:
            lookup.addresses[address].add((network, endpoint))


def _index_machine(resource: Resource, lookup: Lookup) -> None:
    for interface in body.references(resource.properties, "networkProfile.networkInterfaces"):
        lookup.machines[interface] = resource.key


def _index_subnet(resource: Resource, lookup: Lookup) -> None:
    table, network = body.reference(resource.properties, "routeTable.id"), network_of(resource.key)
    if table and network:
        lookup.routed[table].add(network)


def _index_route_table(resource: Resource, lookup: Lookup) -> None:
    for subnet in body.references(resource.properties, "subnets"):
        if network := network_of(subnet):
            lookup.routed[resource.key].add(network)


def _index_network(resource: Resource, lookup: Lookup) -> None:
    remote = body.references(resource.properties, "virtualNetworkPeerings", "properties.remoteVirtualNetwork.id")
    lookup.peers[resource.key].update(remote)


def _index_peering(resource: Resource, lookup: Lookup) -> None:
    network, remote = ids.parent_of(resource.key), body.reference(resource.properties, "remoteVirtualNetwork.id")
    if network and remote:
        lookup.peers[network].add(remote)


def _index_workspace(resource: Resource, lookup: Lookup) -> None:
    if vault := body.reference(resource.properties, "keyVault"):
        lookup.keepers[vault].add(resource.key)


def _index_connection(resource: Resource, lookup: Lookup) -> None:
    workspace, by = ids.parent_of(resource.key), body.text(resource.properties, "authType")
    if workspace and (by or "").lower() not in _KEYLESS:
        lookup.keyed.add(workspace)


def _index_subscription(resource: Resource, lookup: Lookup) -> None:
    for group in body.objects(resource.properties, "managementGroupAncestorsChain"):
        if name := body.text(group, "name"):
            lookup.subscriptions_below[name.lower()].add(f"/subscriptions/{ids.name_of(resource.key)}")


_INDEXES: Final[Mapping[str, Callable[[Resource, Lookup], None]]] = {
    USER_IDENTITIES: _index_user_identity,
    ROLE_DEFINITIONS: _index_definition,
    PRIVATE_ENDPOINTS: _index_private_endpoint,
    INTERFACES: _index_interface,
    MACHINES: _index_machine,
    SUBNETS: _index_subnet,
    ROUTE_TABLES: _index_route_table,
    NETWORKS: _index_network,
    PEERINGS: _index_peering,
    ML_WORKSPACES: _index_workspace,
    ML_CONNECTIONS: _index_connection,
    ids.SUBSCRIPTIONS: _index_subscription,
}
