"""Find every way from the Internet into an estate, and say whether the gateway is the only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.exposure.addresses import HOLDERS, address_entries, unread_front
from auditor.analysis.exposure.authors import AuthorAccess, author_facts
from auditor.analysis.exposure.doors import ServiceDoors, door_facts
from auditor.analysis.exposure.entry import EntryPoint, EntryState
from auditor.analysis.exposure.holder import PublicAddressHolder, holder_facts
from auditor.analysis.exposure.internet_entry import InternetEntry, entry_fact
from auditor.analysis.exposure.services import service_entries
from auditor.analysis.exposure.workload_exposure import PlacedEntries, WorkloadExposure, workload_fact
from auditor.analysis.fact import Fact
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import InternetReach
from auditor.estate.coded_relations import ENDPOINT_CONNECTIONS
from auditor.estate.lookup import ML_WORKSPACES, PRIVATE_ENDPOINTS
from auditor.estate.network_relations import ASSOCIATIONS, MACHINES, PUBLIC_ADDRESSES
from auditor.model import Gap, Resource
from auditor.network import perimeters, service_doors
from auditor.network.firewall import RULE_GROUPS
from auditor.network.subnets import Subnets
from auditor.network.virtual_networks import SERVICE_TAGS

_ROLES: Final = "public_ip_allow_roles"
_LEVEL: Final = {state: place for place, state in enumerate(EntryState)}
# Top-level types without a way in of their own: what they hold is judged where it is reached.
_HARMLESS: Final = "harmless_types"
_CHILD: Final = 2
_ENDPOINTS: Final = frozenset(
    item.key for item in shipped() if item.way_in and item.way_in.by is InternetReach.ENDPOINT
)

_WAYS_IN: Final = sorted({*_ENDPOINTS, *HOLDERS, PUBLIC_ADDRESSES})


def entries(context: Context, subnets: Subnets) -> list[EntryPoint]:
    """Return every way in that the resource types of the estate can have, by resource and name; closed ones too."""
    found: list[EntryPoint] = []
    for kind in context.estate.types():
        for resource in context.estate.of_type(kind):
            found += _of(context, subnets, resource, kind)
    return sorted(found, key=lambda one: (one.resource.key, one.name, one.port, _LEVEL[one.state]))


def _of(context: Context, subnets: Subnets, resource: Resource, kind: str) -> Iterator[EntryPoint]:
    known = context.estate.catalogue.get(kind)
    way_in = known.way_in if known else None
    if way_in is not None and way_in.by is InternetReach.ENDPOINT:
        yield from service_entries(context, subnets, resource, way_in)
    elif kind == PUBLIC_ADDRESSES:
        yield from address_entries(context, resource)
    elif kind in HOLDERS:
        yield from _held(context, subnets, resource)
    elif way_in is None and kind.count("/") < _CHILD:
        yield _unmodelled(context, resource)


def _held(context: Context, subnets: Subnets, holder: Resource) -> Iterator[EntryPoint]:
    """Yield the ways in by a holder of addresses; none is closed where not all of it was read."""
    unread = unread_front(context, holder)
    for entry in HOLDERS[holder.type_key](context, subnets, holder):
        if unread is None or entry.state is not EntryState.CLOSED:
            yield entry
    if unread is not None:
        yield unread


def _unmodelled(context: Context, resource: Resource) -> EntryPoint:
    """Return what is known of a type that nobody modelled: nothing, unless the baseline declares it harmless."""
    if reason := declared_harmless(context.parameters).get(resource.type_key):
        by = f"the baseline declares {resource.type} to have no way in: {reason}"
        return EntryPoint(resource, "service", "", "", EntryState.CLOSED, by, (resource.id,))
    gap = Gap(resource.id, resource.type, "whether this type faces the Internet is not known")
    by = "the type is not known here"
    return EntryPoint(resource, "service", "", "", EntryState.UNKNOWN, by, (resource.id,), gap=gap)


def declared_harmless(parameters: Mapping[str, object]) -> dict[str, str]:
    """Return the types, in lower case, that a baseline declares to have no way in from the Internet, with its reasons."""
    declared = parameters.get(_HARMLESS)
    return (
        {str(name).lower(): str(reason) for name, reason in declared.items()} if isinstance(declared, Mapping) else {}
    )


def run(context: Context) -> Iterator[Fact]:
    """Yield every way in, one verdict for each workload, how authors get in, and the doors of services."""
    subnets = context.estate.once(Subnets)
    allowed = {role.lower() for role in body.text_or_texts(facts.parameter(context, _ROLES, []))} | {"natgateway"}
    all_entries = entries(context, subnets)
    seen: set[tuple[str, str]] = set()
    for entry in all_entries:
        sub_object = f"{entry.name} {entry.port}".strip()
        if (entry.resource.key, sub_object) not in seen:  # the widest of several back ends comes first
            seen.add((entry.resource.key, sub_object))
            yield entry_fact(context, entry, sub_object, is_allowed=entry.kind.lower() in allowed)
    unseen = next((gap for kind in _WAYS_IN if (gap := context.estate.type_gap(kind)) is not None), None)
    placed = PlacedEntries(context, all_entries)
    for workload in context.workloads.all:
        yield workload_fact(context, workload, placed, allowed, unseen)
    yield from holder_facts(context, subnets.networks.members, allowed)
    yield from author_facts(context, placed)
    yield from door_facts(context, subnets)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield why services may be in a perimeter that was not read; that services were not read their own types tell."""
    gap = context.estate.type_gap(ASSOCIATIONS)
    if gap is not None:
        yield Unlisted(ServiceDoors.fact_kind, gap)


ANALYSIS: Final = Analysis(
    name="exposure",
    kinds=(InternetEntry, WorkloadExposure, AuthorAccess, PublicAddressHolder, ServiceDoors),
    run=run,
    reads=frozenset({*_WAYS_IN, MACHINES, PRIVATE_ENDPOINTS, *perimeters.TYPES}),
    details=frozenset({RULE_GROUPS, SERVICE_TAGS, *ENDPOINT_CONNECTIONS, *service_doors.RULE_SETS}),
    parameters=frozenset({_ROLES, _HARMLESS}),
    subjects={
        WorkloadExposure.fact_kind: {ML_WORKSPACES: [{}]},
        PublicAddressHolder.fact_kind: {PUBLIC_ADDRESSES: [{}]},
    },
    unlisted=unlisted,
    is_by_kind=True,
)
