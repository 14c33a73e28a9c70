"""Find out whether the public endpoints of platform services are open: their switches, default actions and IP rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from auditor.analysis.contract import Context
from auditor.analysis.exposure.apps import app_entries
from auditor.analysis.exposure.entry import EntryPoint, EntryState, covered, listed
from auditor.azure import addresses, body
from auditor.azure.resource_type import EndpointReader, PublicEndpoint, WayIn
from auditor.model import Gap, Resource

TELEMETRY: Final = "telemetry"
"""The kind of endpoints that take and show monitoring data: no way into the workload itself."""
Reader = Callable[[Context, Resource], Iterator[EntryPoint]]


_RANGES: Final = ("value", "ipAddressOrRange", "ipMask")  # where a rule object holds its range


def service_entries(context: Context, resource: Resource, way_in: WayIn) -> Iterator[EntryPoint]:
    """Yield the public endpoints of a service, by its switches or by the reader that its type names."""
    if way_in.reader is not None:
        yield from READERS[way_in.reader](context, resource)
    for endpoint in way_in.endpoints:
        yield _endpoint_entry(context, resource, endpoint)


def _endpoint_entry(context: Context, resource: Resource, endpoint: PublicEndpoint) -> EntryPoint:
    for path, closing in endpoint.closed_by.items():
        if body.same_text(body.text(resource.body, path), closing):
            said = f"{path}={closing}"
            return EntryPoint(resource, "service", "", endpoint.port, EntryState.CLOSED, said, (resource.id,))
    entry = _switched(context, resource, endpoint)
    is_filtered = endpoint.network_filter and body.flag(resource.body, endpoint.network_filter) is True
    if is_filtered and entry.state is EntryState.OPEN and not _texts(resource, endpoint):
        said = "only virtual networks are let in"
        return EntryPoint(resource, entry.kind, "", entry.port, EntryState.CLOSED, said, entry.path)
    return entry


def _switched(context: Context, resource: Resource, switch: PublicEndpoint) -> EntryPoint:
    stated = body.text(resource.body, switch.switch)
    default = context.estate.catalogue.default(resource.type_key, switch.switch)
    access = stated or (default if isinstance(default, str) else "")
    said = f"{switch.switch}={access}" + ("" if stated else " (default)")
    gap = context.estate.gap_at(resource.key, switch.switch)
    if gap is None and access.lower() != "disabled" and switch.ip_rules:
        gap = context.estate.gap_at(resource.key, switch.ip_rules)
    if gap is not None:
        state, said = EntryState.UNKNOWN, f"{gap.what} was not collected"
    elif not access:
        state, said = EntryState.UNKNOWN, f"{switch.switch} is absent, and what Azure assumes then depends"
        gap = Gap(resource.id, switch.switch, "it is absent, and Azure's default depends on other settings")
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
            gap = Gap(resource.id, switch.ip_rules, "some IP rules cannot be read")
    bypass = body.text(resource.body, switch.bypass) if switch.bypass else None
    notes = (f"trusted Azure services pass ({bypass})",) if bypass and bypass.lower() != "none" else ()
    inputs = ((resource.id, switch.switch), *([(resource.id, switch.ip_rules)] if switch.ip_rules else []))
    path = (resource.id,)
    kind = TELEMETRY if switch.telemetry else "service"
    return EntryPoint(resource, kind, switch.name, switch.port, state, said, path, notes, gap, inputs)


def _by_rules(resource: Resource, switch: PublicEndpoint) -> tuple[EntryState, str]:
    if not switch.ip_rules:
        return EntryState.OPEN, ""
    texts = _texts(resource, switch)
    if switch.default_action:
        action = body.text(resource.body, switch.default_action)
        if (action or "Allow").lower() != "deny":
            return EntryState.OPEN, f"{switch.default_action}={action or 'Allow (default)'}"
    elif not texts:
        return EntryState.OPEN, "no IP rule"
    numbers, odd = addresses.read_ranges(texts)
    state = covered(numbers, odd)
    return state, listed(state, texts)


def _texts(resource: Resource, switch: PublicEndpoint) -> list[str]:
    plain = body.text_or_texts(resource.body, switch.ip_rules)
    rules = body.objects(resource.body, switch.ip_rules)
    return [*plain, *(text for rule in rules if (text := _first(rule, _RANGES)))]


def _first(rule: Mapping[str, object], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := body.text(rule, name))), None)


def _sql(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield a SQL server: its firewall rules are children; `0.0.0.0` stands for every Azure service."""
    entry = _switched(context, resource, PublicEndpoint("properties.publicNetworkAccess", port="1433"))
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
    if body.same_text(body.text(resource.body, "properties.publicNetworkAccess"), "Disabled"):
        state, said = EntryState.CLOSED, "properties.publicNetworkAccess=Disabled"
    elif body.flag(resource.body, f"{profile}.enablePrivateCluster"):
        state, said = EntryState.CLOSED, f"{profile}.enablePrivateCluster=true"
    elif texts:
        state = covered(*addresses.read_ranges(texts))
        said = listed(state, texts)
    yield EntryPoint(resource, "service", "API server", "443", state, said, (resource.id,))


def _container_app(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    reference = body.text(resource.body, "properties.managedEnvironmentId") or body.text(
        resource.body, "properties.environmentId"
    )
    environment = context.estate.get(reference) if reference else None
    settings = environment.body if environment else {}
    gap = None
    if body.flag(resource.body, "properties.configuration.ingress.external") is not True:
        state, said = EntryState.CLOSED, "it has no external ingress"
    elif environment is None:
        state, said = EntryState.UNKNOWN, "its environment was not read, and may be internal"
        gap = Gap(resource.id, "properties.managedEnvironmentId", said)
    elif body.flag(settings, "properties.vnetConfiguration.internal"):
        state, said = EntryState.CLOSED, "its environment is internal"
    elif body.same_text(body.text(settings, "properties.publicNetworkAccess"), "Disabled"):
        state, said = EntryState.CLOSED, "public network access to its environment is off"
    else:
        state, said = _by_ingress_rules(resource)
    yield EntryPoint(resource, "service", "ingress", "443", state, said, (resource.id,), gap=gap)


def _by_ingress_rules(resource: Resource) -> tuple[EntryState, str]:
    """Return whom an ingress lets in: all of its restrictions allow, or all of them deny.

    https://learn.microsoft.com/azure/container-apps/ip-restrictions
    """
    rules = body.objects(resource.body, "properties.configuration.ingress.ipSecurityRestrictions")
    allowed = [rule for rule in rules if body.same_text(body.text(rule, "action"), "Allow")]
    if not allowed:
        return EntryState.OPEN, "properties.configuration.ingress.external=true"
    texts = [body.text(rule, "ipAddressRange") or "" for rule in allowed]
    state = covered(*addresses.read_ranges(texts))
    return state, listed(state, texts)


def _content_delivery(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield the endpoints of a Front Door or content delivery profile: each answers everybody unless it is off."""
    found = [(kind, child) for kind in _DELIVERY for child in context.estate.children(resource.key, kind)]
    for kind, child in found:
        stated = next((text for path in _DELIVERY[kind] if (text := body.text(child.body, path))), "")
        is_off = stated.lower() in {"disabled", "stopped"}
        said = f"its endpoint {child.name} is {stated.lower() or 'on by default'}"
        state = EntryState.CLOSED if is_off else EntryState.OPEN
        yield EntryPoint(resource, "service", child.name, "443", state, said, (child.id,))
    gap = next((gap for kind in _DELIVERY if (gap := context.estate.type_gap(kind, resource.id)) is not None), None)
    if gap is not None:
        said = "its endpoints were not all read"
        yield EntryPoint(resource, "service", "endpoints", "443", EntryState.UNKNOWN, said, (resource.id,), gap=gap)
    elif not found:
        said = "it has no endpoint"
        yield EntryPoint(resource, "service", "endpoints", "443", EntryState.CLOSED, said, (resource.id,))


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


_DELIVERY: Final[Mapping[str, Sequence[str]]] = {
    "microsoft.cdn/profiles/afdendpoints": ("properties.enabledState",),
    "microsoft.cdn/profiles/endpoints": ("properties.resourceState",),
}
"""The endpoints of a profile by type, with the property that says whether they answer."""
READERS: Final[Mapping[EndpointReader, Reader]] = {
    EndpointReader.SQL_SERVER: _sql,
    EndpointReader.MACHINE_LEARNING_COMPUTE: _compute,
    EndpointReader.KUBERNETES_API: _managed_cluster,
    EndpointReader.CONTAINER_APP: _container_app,
    EndpointReader.CONTENT_DELIVERY: _content_delivery,
    EndpointReader.WEB_APP: app_entries,
}
"""What no switch and list of addresses describes."""
