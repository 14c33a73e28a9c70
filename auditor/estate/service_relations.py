"""Derive the relations that platform services, identities and role assignments state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate.lookup import ML_CONNECTIONS, ML_WORKSPACES, Lookup, secret_at
from auditor.estate.network_relations import Reader, placed, placed_at
from auditor.model import Relation, Resource
from auditor.snapshot.rows import ROLE_ASSIGNMENTS

API_BACKENDS: Final = "microsoft.apimanagement/service/backends"
APPLICATION_INSIGHTS: Final = "microsoft.insights/components"
AUTOSCALE_SETTINGS: Final = "microsoft.insights/autoscalesettings"
DIAGNOSTIC_SETTINGS: Final = "microsoft.insights/diagnosticsettings"
ML_COMPUTES: Final = "microsoft.machinelearningservices/workspaces/computes"
MODEL_DEPLOYMENTS: Final = "microsoft.cognitiveservices/accounts/deployments"
ONLINE_DEPLOYMENTS: Final = "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments"
OUTBOUND_RULES: Final = "microsoft.machinelearningservices/workspaces/outboundrules"
SECRETS: Final = "microsoft.keyvault/vaults/secrets"
SETTINGS_FROM_VAULTS: Final = "microsoft.web/sites/config/appsettings"
"""What Azure tells of app settings that are references to secrets: never their values."""
SITE_CERTIFICATES: Final = "microsoft.web/certificates"
SHARED_LINKS: Final = "microsoft.search/searchservices/sharedprivatelinkresources"
SITES: Final = "microsoft.web/sites"
SITE_CONFIGS: Final = "microsoft.web/sites/config"
SLOT_CONFIGS: Final = "microsoft.web/sites/slots/config"
SLOTS: Final = "microsoft.web/sites/slots"

_IMAGE_PREFIXES: Final = ("docker|", "compose|", "kube|")


def read_any(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield what every resource may state: its parent, its identities, its private endpoint connections."""
    if parent := ids.parent_of(resource.key):
        yield Relation(parent, "contains", resource.key)
        if resource.type_key.endswith("/privateendpointconnections") and (
            endpoint := body.reference(resource.properties, "privateEndpoint.id")
        ):
            yield Relation(parent, "private-endpoint-connection", endpoint)
    if "identity" in resource.body:
        yield from _identities(resource)
    for connection in body.objects(resource.properties, "privateEndpointConnections"):
        if endpoint := body.reference(connection, "properties.privateEndpoint.id"):
            yield Relation(resource.key, "private-endpoint-connection", endpoint)


def _identities(resource: Resource) -> Iterator[Relation]:
    """Yield the identities of a resource; a system-assigned identity is the resource's own and points at itself."""
    identity = body.value(resource.body, "identity")
    if body.text(identity, "principalId"):
        yield Relation(resource.key, "identity-of", resource.key)
    assigned = body.value(identity, "userAssignedIdentities")
    if isinstance(assigned, Mapping):
        for identity_id in assigned:
            if ids.is_resource_id(identity_id):
                yield Relation(ids.key(identity_id), "identity-of", resource.key)


def _role_assignment(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    properties = resource.properties
    scope = body.text(properties, "scope") or resource.id.lower().rpartition("/providers/")[0]
    yield Relation(resource.key, "assigned-on", ids.key(scope) or "/")
    for holder in lookup.principals.get((body.text(properties, "principalId") or "").lower(), ()):
        yield Relation(resource.key, "assigned-to", holder)
    if definition := body.reference(properties, "roleDefinitionId"):
        known = lookup.definitions.get(ids.name_of(definition), ())
        # A built-in role has one GUID and an id per subscription that lists it.
        yield Relation(definition if definition in known or not known else min(known), "role-of", resource.key)


def _diagnostic_setting(resource: Resource, _: Lookup) -> Iterator[Relation]:
    owner = ids.parent_of(resource.key) or resource.key.rpartition("/providers/")[0]
    if owner:
        yield Relation(resource.key, "diagnostics-of", owner)
    for name in ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId"):
        if destination := body.reference(resource.properties, name):
            yield Relation(resource.key, "sends-to", destination)


def _insights(resource: Resource, _: Lookup) -> Iterator[Relation]:
    if workspace := body.reference(resource.properties, "WorkspaceResourceId"):
        yield Relation(resource.key, "sends-to", workspace)


def _autoscale(resource: Resource, _: Lookup) -> Iterator[Relation]:
    if target := body.reference(resource.properties, "targetResourceUri"):
        yield Relation(resource.key, "scales", target)
    for profile in body.objects(resource.properties, "profiles"):
        for source in body.references(profile, "rules", "metricTrigger.metricResourceUri"):
            yield Relation(resource.key, "follows", source)


def _model_deployment(resource: Resource, _: Lookup) -> Iterator[Relation]:
    account, policy = ids.parent_of(resource.key), body.text(resource.properties, "raiPolicyName")
    if account and policy and "/" not in policy:
        yield Relation(f"{account}/raipolicies/{policy.lower()}", "content-filter-of", resource.key)


def _ml_workspace(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for name in ("storageAccount", "keyVault", "containerRegistry", "applicationInsights"):
        if used := body.reference(resource.properties, name):
            yield Relation(resource.key, "uses", used)
    if hub := body.reference(resource.properties, "hubResourceId"):
        yield Relation(resource.key, "project-of", hub)
    rules = body.value(resource.properties, "managedNetwork.outboundRules")
    if isinstance(rules, Mapping):
        for rule in rules.values():
            if target := body.reference(rule, "destination.serviceResourceId"):
                yield Relation(resource.key, "managed-endpoint-for", target)


def _outbound_rule(resource: Resource, _: Lookup) -> Iterator[Relation]:
    workspace = ids.parent_of(resource.key)
    target = body.reference(resource.properties, "destination.serviceResourceId")
    if workspace and target:
        yield Relation(workspace, "managed-endpoint-for", target)


def _connection(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    workspace = ids.parent_of(resource.key)
    if not workspace:
        return
    if target := body.reference(resource.properties, "metadata.ResourceId"):
        yield Relation(workspace, "connects-to", target)
    elif address := body.text(resource.properties, "target"):
        for target in lookup.called(body.host_of(address), workspace, "connects-to"):
            yield Relation(workspace, "connects-to", target)


def _compute(resource: Resource, _: Lookup) -> Iterator[Relation]:
    if subnet := body.reference(resource.properties, "properties.subnet.id"):
        yield from placed(resource.key, subnet)


def _site(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    properties = resource.properties
    if plan := body.reference(properties, "serverFarmId"):
        yield Relation(resource.key, "hosted-on", plan)
    if subnet := body.reference(properties, "virtualNetworkSubnetId"):
        yield from placed(resource.key, subnet)
    yield from _images(resource.key, body.value(properties, "siteConfig"), lookup)


def _site_config(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    if site := ids.parent_of(resource.key):
        yield from _images(site, resource.properties, lookup)


def _api_backend(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    service, address = ids.parent_of(resource.key), body.text(resource.properties, "url")
    if service and address:
        for target in lookup.called(body.host_of(address), service, "fronts"):
            yield Relation(service, "fronts", target)


def _images(site: str, configuration: object, lookup: Lookup) -> Iterator[Relation]:
    for name in ("linuxFxVersion", "windowsFxVersion"):
        version = body.text(configuration, name) or ""
        if version.lower().startswith(_IMAGE_PREFIXES):
            for registry in lookup.called(body.host_of(version.partition("|")[2]), site, "uses"):
                yield Relation(site, "uses", registry)


def _setting_from_vault(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    vault, secret = body.text(resource.properties, "vaultName"), body.text(resource.properties, "secretName")
    address = f"https://{vault}.vault.azure.net/secrets/{secret}"
    for key in secret_at(address, resource.key, lookup) if vault and secret else ():
        yield Relation(resource.key, "reads-secret", key)


def _site_certificate(resource: Resource, _: Lookup) -> Iterator[Relation]:
    vault = body.reference(resource.properties, "keyVaultId")
    secret = body.text(resource.properties, "keyVaultSecretName")
    if vault and secret:
        yield Relation(resource.key, "reads-secret", f"{vault}/secrets/{secret.lower()}")


def _secret(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the workspaces that may have put a secret there for their connections, under a name that nothing tells."""
    for workspace in lookup.keepers.get(ids.parent_of(resource.key) or "", ()):
        if workspace in lookup.keyed:
            yield Relation(workspace, "may-read-secret", resource.key)


READERS: Final[Mapping[str, Reader]] = {
    ROLE_ASSIGNMENTS: _role_assignment,
    DIAGNOSTIC_SETTINGS: _diagnostic_setting,
    APPLICATION_INSIGHTS: _insights,
    AUTOSCALE_SETTINGS: _autoscale,
    MODEL_DEPLOYMENTS: _model_deployment,
    ML_WORKSPACES: _ml_workspace,
    OUTBOUND_RULES: _outbound_rule,
    ML_CONNECTIONS: _connection,
    ML_COMPUTES: _compute,
    SITES: _site,
    SLOTS: _site,
    SITE_CONFIGS: _site_config,
    SLOT_CONFIGS: _site_config,
    API_BACKENDS: _api_backend,
    SECRETS: _secret,
    SETTINGS_FROM_VAULTS: _setting_from_vault,
    SITE_CERTIFICATES: _site_certificate,
    "microsoft.web/hostingenvironments": placed_at("virtualNetwork.id"),
}
