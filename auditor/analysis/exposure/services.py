"""Find out whether the public endpoints of platform services are open: their switches, default actions and IP rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState, covered, listed
from auditor.analysis.exposure.port_filter import in_subnet
from auditor.azure import addresses, body
from auditor.azure.ranges import difference
from auditor.azure.resource_type import EndpointReader, WayIn
from auditor.model import Gap, Resource
from auditor.network import service_doors
from auditor.network.service_doors import PublicDoor
from auditor.network.subnets import Subnets

_INTERNAL: Final = "properties.vnetConfiguration.internal"
TELEMETRY: Final = "telemetry"
"""The kind of endpoints that take and show monitoring data: no way into the workload itself."""
_HTTPS: Final = ((443, 444),)
_WEAKEST: Final = (EntryState.OPEN, EntryState.UNKNOWN, EntryState.RESTRICTED, EntryState.CLOSED)
"""Of several ways in, that of the first state decides."""
Reader = Callable[[Context, Resource], Iterator[EntryPoint]]


def service_entries(context: Context, subnets: Subnets, resource: Resource, way_in: WayIn) -> Iterator[EntryPoint]:
    """Yield the public endpoints of a service, by its doors or by the reader that its type names."""
    if way_in.reader is not None and way_in.reader in READERS:
        yield from READERS[way_in.reader](context, resource)
    for door in service_doors.public_doors(context.estate, resource) or ():
        yield entry_of(context, subnets, resource, door)


def entry_of(context: Context, subnets: Subnets, resource: Resource, door: PublicDoor) -> EntryPoint:
    """Return a public door of a service as a way in from the Internet: both it and the groups before it decide."""
    entry = _by_door(resource, door)
    if not door.behind or entry.state is EntryState.CLOSED:
        return entry
    answers = [in_subnet(context, subnets, resource, key, _HTTPS) for key in door.behind]
    groups = min(answers, key=lambda answer: _WEAKEST.index(answer.state))
    both = _behind_both(entry.state, groups.state)
    return EntryPoint(
        resource,
        entry.kind,
        entry.name,
        entry.port,
        both,
        f"{entry.by}; where it lies {groups.said}",
        entry.path,
        (*entry.notes, *groups.lines),
        groups.gap or entry.gap if both is EntryState.UNKNOWN else None,
        (*entry.inputs, *(one for answer in answers for one in answer.inputs)),
    )


def _behind_both(*filters: EntryState) -> EntryState:
    """Return who gets in where several filters stand one behind the other."""
    if EntryState.CLOSED in filters:
        return EntryState.CLOSED
    return EntryState.UNKNOWN if EntryState.UNKNOWN in filters else max(filters, key=_WEAKEST.index)


def _by_door(resource: Resource, door: PublicDoor) -> EntryPoint:
    state = state_of(door)
    said = door.by
    if not door.is_told and door.gap is None:
        said = ", ".join(filter(None, (said, listed(state, door.texts))))
    gap = door.gap
    if gap is None and state is EntryState.UNKNOWN:
        where = door.inputs[-1] if door.inputs else (resource.id, "properties")
        gap = Gap(*where, "some IP rules cannot be read")
    notes = (f"trusted Azure services pass ({door.trusted})",) if door.trusted else ()
    kind = TELEMETRY if door.is_telemetry else "service"
    path = (resource.id,)
    return EntryPoint(resource, kind, door.name, door.port, state, said, path, notes, gap, door.inputs)


def state_of(door: PublicDoor) -> EntryState:
    """Return who on the Internet gets in by a door."""
    if door.gap is not None:
        return EntryState.OPEN if door.admits_everybody else EntryState.UNKNOWN
    state = covered(door.admits, door.odd)
    return EntryState.RESTRICTED if state is EntryState.CLOSED and door.others else state


def _container_app(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    reference = body.text(resource.body, "properties.managedEnvironmentId") or body.text(
        resource.body, "properties.environmentId"
    )
    environment = context.estate.get(reference) if reference else None
    gap = _hidden(context, resource, "properties.configuration.ingress")
    if gap is None and not _is_external(resource):
        state, said = EntryState.CLOSED, "it has no external ingress"
    elif closing := _closed_environment(environment):
        state, said, gap = EntryState.CLOSED, closing, None
    elif gap is not None:
        state, said = EntryState.UNKNOWN, "its ingress was not read"
    elif environment is None:
        state, said = EntryState.UNKNOWN, "its environment was not read, and may be internal"
        gap = Gap(resource.id, "properties.managedEnvironmentId", said)
    elif gap := _hidden(context, environment, _INTERNAL, "properties.publicNetworkAccess"):
        state, said = EntryState.UNKNOWN, "whether its environment is internal was not read"
    else:
        state, said = _by_ingress_rules(resource)
    yield EntryPoint(resource, "service", "ingress", "443", state, said, (resource.id,), gap=gap)


def _is_external(app: Resource) -> bool:
    """Whether an app takes anything from outside of its environment, on its main port or on another one.

    https://learn.microsoft.com/azure/container-apps/ingress-overview
    """
    ingress = body.value(app.body, "properties.configuration.ingress")
    ports = (ingress, *body.objects(ingress, "additionalPortMappings"))
    return any(body.flag(one, "external") is True for one in ports)


def _closed_environment(environment: Resource | None) -> str | None:
    """Return how an environment closes all of its apps to the Internet, or None where it is not known to."""
    settings = environment.body if environment else {}
    if body.flag(settings, _INTERNAL):
        return "its environment is internal"
    is_off = body.same_text(body.text(settings, "properties.publicNetworkAccess"), "Disabled")
    return "public network access to its environment is off" if is_off else None


def _hidden(context: Context, resource: Resource, *paths: str) -> Gap | None:
    return next((gap for path in paths if (gap := context.estate.gap_at(resource.key, path)) is not None), None)


def _by_ingress_rules(resource: Resource) -> tuple[EntryState, str]:
    """Return whom an ingress lets in: all of its restrictions allow, or all of them deny.

    https://learn.microsoft.com/azure/container-apps/ip-restrictions
    """
    rules = body.objects(resource.body, "properties.configuration.ingress.ipSecurityRestrictions")
    allowed = [rule for rule in rules if body.same_text(body.text(rule, "action"), "Allow")]
    if not allowed:
        refused, _ = addresses.read_ranges(body.text(rule, "ipAddressRange") or "" for rule in rules)
        if not difference(addresses.PUBLIC_IPV4, refused):  # an ingress takes IPv4 alone
            return EntryState.CLOSED, "its restrictions refuse every public address"
        return EntryState.OPEN, "properties.configuration.ingress.external=true"
    texts = [body.text(rule, "ipAddressRange") or "" for rule in allowed]
    state = covered(*addresses.read_ranges(texts))
    return state, listed(state, texts)


def _content_delivery(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield the endpoints of a Front Door or content delivery profile: each answers everybody unless it is off."""
    found = [(kind, child) for kind in _DELIVERY for child in context.estate.children(resource.key, kind)]
    for kind, child in found:
        stated = body.text(child.body, _DELIVERY[kind]) or ""
        is_off = stated.lower() in {"disabled", "stopped"}
        said = f"its endpoint {child.name} is {stated.lower() or 'on by default'}"
        state = EntryState.CLOSED if is_off else EntryState.OPEN
        if unread := _hidden(context, child, _DELIVERY[kind]):
            state, said = EntryState.UNKNOWN, f"whether its endpoint {child.name} is on was not read"
        yield EntryPoint(resource, "service", child.name, "443", state, said, (child.id,), gap=unread)
    gap = next((gap for kind in _DELIVERY if (gap := context.estate.type_gap(kind, resource.id)) is not None), None)
    if gap is not None:
        said = "its endpoints were not all read"
        yield EntryPoint(resource, "service", "endpoints", "443", EntryState.UNKNOWN, said, (resource.id,), gap=gap)
    elif not found:
        said = "it has no endpoint"
        yield EntryPoint(resource, "service", "endpoints", "443", EntryState.CLOSED, said, (resource.id,))


def _compute(context: Context, resource: Resource) -> Iterator[EntryPoint]:
    """Yield the SSH port of a machine learning compute with a public address."""
    inner = "properties.properties"
    ssh = (f"{inner}.sshSettings.sshPublicAccess", f"{inner}.remoteLoginPortPublicAccess")
    stated = next((text for path in ssh if (text := body.text(resource.body, path))), None)
    gap = None
    if body.flag(resource.body, f"{inner}.enableNodePublicIp") is False:
        state, said = EntryState.CLOSED, f"{inner}.enableNodePublicIp=false"
    elif gap := _hidden(context, resource, f"{inner}.enableNodePublicIp", *ssh):
        state, said = EntryState.UNKNOWN, "whether it takes SSH from the Internet was not read"
    elif body.same_text(stated, "Enabled"):
        state, said = EntryState.OPEN, "SSH from the Internet is enabled"
    else:
        state, said = EntryState.CLOSED, "SSH from the Internet is not enabled"
    yield EntryPoint(resource, "service", "ssh", "22", state, said, (resource.id,), gap=gap)


_DELIVERY: Final[Mapping[str, str]] = {
    "microsoft.cdn/profiles/afdendpoints": "properties.enabledState",
    "microsoft.cdn/profiles/endpoints": "properties.resourceState",
}
"""The endpoints of a profile by type, with the property that says whether they answer."""
READERS: Final[Mapping[EndpointReader, Reader]] = {
    EndpointReader.MACHINE_LEARNING_COMPUTE: _compute,
    EndpointReader.CONTAINER_APP: _container_app,
    EndpointReader.CONTENT_DELIVERY: _content_delivery,
}
"""What is no door of a service that all of its senders share: a port, an ingress, machines."""
