"""Find out whether the public endpoints of platform services are open: their switches, default actions and IP rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState, covered, listed
from auditor.azure import addresses, body
from auditor.model import Gap, Resource

TELEMETRY: Final = "telemetry"
"""The kind of endpoints that take and show monitoring data: no way into the workload itself."""
Reader = Callable[[Context, Resource], Iterator[EntryPoint]]


@dataclass(frozen=True, slots=True)
class Switch:
    """A service with a switch for its public endpoint and, where `rules` is given, IP rules.

    `default`: where the default action is (absent: Allow); without one, no rule at all means everybody. `absent`: what
    the switch is where the service does not state it. `fields`: where a rule object holds its range.
    """

    path: str = "properties.publicNetworkAccess"
    rules: str = ""
    default: str = ""
    absent: str = "Enabled"
    name: str = ""
    kind: str = "service"
    port: str = "443"
    bypass: str = ""
    fields: tuple[str, ...] = ("value", "ipAddressOrRange", "ipMask")


def switched(*switches: Switch) -> Reader:
    """Return a reader of services that such switches decide about."""

    def read(context: Context, resource: Resource) -> Iterator[EntryPoint]:
        for switch in switches:
            yield _switched(context, resource, switch)

    return read


def _switched(context: Context, resource: Resource, switch: Switch) -> EntryPoint:
    stated = body.text(resource.body, switch.path)
    access = stated or switch.absent
    said = f"{switch.path}={access}" + ("" if stated else " (default)")
    gap = context.estate.gap_at(resource.key, switch.path)
    if gap is None and access.lower() != "disabled" and switch.rules:
        gap = context.estate.gap_at(resource.key, switch.rules)
    if gap is not None:
        state, said = EntryState.UNKNOWN, f"{gap.what} was not collected"
    elif access.lower() == "disabled":
        state = EntryState.CLOSED
    elif access.lower() == "securedbyperimeter":
        state = EntryState.UNKNOWN
        said += ", so that a network security perimeter decides"
        gap = Gap(resource.id, "networkSecurityPerimeterConfigurations", "a network security perimeter decides")
    else:
        state, more = _by_rules(resource, switch)
        said += f", {more}" if more else ""
        if state is EntryState.UNKNOWN:
            gap = Gap(resource.id, switch.rules, "some IP rules cannot be read")
    bypass = body.text(resource.body, switch.bypass) if switch.bypass else None
    notes = (f"trusted Azure services pass ({bypass})",) if bypass and bypass.lower() != "none" else ()
    inputs = ((resource.id, switch.path), *([(resource.id, switch.rules)] if switch.rules else []))
    path = (resource.id,)
    return EntryPoint(resource, switch.kind, switch.name, switch.port, state, said, path, notes, gap, inputs)


def _by_rules(resource: Resource, switch: Switch) -> tuple[EntryState, str]:
    if not switch.rules:
        return EntryState.OPEN, ""
    texts = _texts(resource, switch)
    if switch.default:
        action = body.text(resource.body, switch.default)
        if (action or "Allow").lower() != "deny":
            return EntryState.OPEN, f"{switch.default}={action or 'Allow (default)'}"
    elif not texts:
        return EntryState.OPEN, "no IP rule"
    numbers, odd = addresses.read_ranges(texts)
    state = covered(numbers, odd)
    return state, listed(state, texts)


def _texts(resource: Resource, switch: Switch) -> list[str]:
    plain = body.text_or_texts(resource.body, switch.rules)
    rules = body.objects(resource.body, switch.rules)
    return [*plain, *(text for rule in rules if (text := _first(rule, switch.fields)))]


def _first(rule: Mapping[str, object], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := body.text(rule, name))), None)


def _cosmos(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield a database account: without IP rules, a virtual network filter closes it."""
    entry = _switched(context, resource, _COSMOS)
    is_filtered = body.flag(resource.body, "properties.isVirtualNetworkFilterEnabled") is True
    if is_filtered and entry.state is EntryState.OPEN and not _texts(resource, _COSMOS):
        yield EntryPoint(
            resource, entry.kind, "", entry.port, EntryState.CLOSED, "only virtual networks are let in", entry.path
        )
    else:
        yield entry


def _sql(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield a SQL server: its firewall rules are children; `0.0.0.0` stands for every Azure service."""
    entry = _switched(context, resource, Switch(port="1433"))
    if entry.state is not EntryState.OPEN:
        yield entry
        return
    kind = "microsoft.sql/servers/firewallrules"
    bodies = [child.properties for child in context.estate.children(resource.key, kind)]
    bodies += body.objects(resource.body, "properties.firewallRules")
    gap = context.estate.type_gap(kind, resource.key) if not bodies else None
    spans = [f"{body.text(one, 'startIpAddress')}-{body.text(one, 'endIpAddress')}" for one in bodies]
    numbers, odd = addresses.read_ranges(spans)
    state = EntryState.UNKNOWN if gap is not None else covered(numbers, odd)
    yield EntryPoint(
        resource, "service", "", "1433", state, listed(state, spans), entry.path, gap=gap, inputs=entry.inputs
    )


def _managed_cluster(_: Context, resource: Resource) -> Iterator[EntryPoint]:
    profile = "properties.apiServerAccessProfile"
    texts = body.text_or_texts(resource.body, f"{profile}.authorizedIPRanges")
    state, said = EntryState.OPEN, "its API server has a public address"
    if body.flag(resource.body, f"{profile}.enablePrivateCluster"):
        state, said = EntryState.CLOSED, f"{profile}.enablePrivateCluster=true"
    elif texts:
        state = covered(*addresses.read_ranges(texts))
        said = listed(state, texts)
    yield EntryPoint(resource, "service", "API server", "443", state, said, (resource.id,))


def _api_management(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    if body.same_text(body.text(resource.body, "properties.virtualNetworkType"), "Internal"):
        said = "properties.virtualNetworkType=Internal"
        yield EntryPoint(resource, "service", "", "443", EntryState.CLOSED, said, (resource.id,))
    else:
        yield _switched(context, resource, Switch())


def _container_app(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    reference = body.text(resource.body, "properties.managedEnvironmentId") or body.text(
        resource.body, "properties.environmentId"
    )
    environment = context.estate.get(reference) if reference else None
    settings = environment.body if environment else {}
    if body.flag(resource.body, "properties.configuration.ingress.external") is not True:
        state, said = EntryState.CLOSED, "it has no external ingress"
    elif body.flag(settings, "properties.vnetConfiguration.internal"):
        state, said = EntryState.CLOSED, "its environment is internal"
    else:
        state, said = EntryState.OPEN, "properties.configuration.ingress.external=true"
    yield EntryPoint(resource, "service", "ingress", "443", state, said, (resource.id,))


def _compute(_: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield the SSH port of a machine learning compute with a public address."""
    inner = "properties.properties"
    public = body.flag(resource.body, f"{inner}.enableNodePublicIp")
    ssh = body.text(resource.body, f"{inner}.sshSettings.sshPublicAccess") or body.text(
        resource.body, f"{inner}.remoteLoginPortPublicAccess"
    )
    if public is False:
        state, said = EntryState.CLOSED, f"{inner}.enableNodePublicIp=false"
    elif body.same_text(ssh, "Enabled"):
        state, said = EntryState.OPEN, "SSH from the Internet is enabled"
    else:
        state, said = EntryState.CLOSED, "SSH from the Internet is not enabled"
    yield EntryPoint(resource, "service", "ssh", "22", state, said, (resource.id,))


_ACLS: Final = Switch(
    rules="properties.networkAcls.ipRules",
    default="properties.networkAcls.defaultAction",
    bypass="properties.networkAcls.bypass",
)
_COSMOS: Final = Switch(rules="properties.ipRules")
_PLAIN: Final = switched(Switch())
_TELEMETRY: Final = switched(
    Switch("properties.publicNetworkAccessForIngestion", name="ingestion", kind=TELEMETRY),
    Switch("properties.publicNetworkAccessForQuery", name="query", kind=TELEMETRY),
)

SERVICES: Final[Mapping[str, Reader]] = {
    "microsoft.storage/storageaccounts": switched(_ACLS),
    "microsoft.keyvault/vaults": switched(_ACLS),
    "microsoft.cognitiveservices/accounts": switched(_ACLS),
    "microsoft.search/searchservices": switched(Switch(rules="properties.networkRuleSet.ipRules")),
    "microsoft.containerregistry/registries": switched(
        Switch(rules="properties.networkRuleSet.ipRules", default="properties.networkRuleSet.defaultAction")
    ),
    "microsoft.documentdb/databaseaccounts": _cosmos,
    "microsoft.sql/servers": _sql,
    "microsoft.dbforpostgresql/flexibleservers": switched(
        Switch("properties.network.publicNetworkAccess", port="5432")
    ),
    "microsoft.machinelearningservices/workspaces": switched(Switch(rules="properties.ipAllowlist")),
    "microsoft.machinelearningservices/workspaces/onlineendpoints": _PLAIN,
    "microsoft.machinelearningservices/workspaces/computes": _compute,
    "microsoft.insights/components": _TELEMETRY,
    "microsoft.operationalinsights/workspaces": _TELEMETRY,
    "microsoft.apimanagement/service": _api_management,
    "microsoft.containerservice/managedclusters": _managed_cluster,
    "microsoft.app/containerapps": _container_app,
    "microsoft.cache/redis": switched(Switch(port="6380")),
    "microsoft.eventhub/namespaces": _PLAIN,
    "microsoft.servicebus/namespaces": _PLAIN,
    "microsoft.appconfiguration/configurationstores": _PLAIN,
    "microsoft.signalrservice/signalr": _PLAIN,
}
