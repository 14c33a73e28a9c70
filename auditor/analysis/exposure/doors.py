"""Tell of every public endpoint of a service whom it lets in, in effect, and how many private endpoints there are beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.exposure.entry import EntryPoint, EntryState
from auditor.analysis.exposure.internet_entry import KnownState
from auditor.analysis.exposure.services import entry_of
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection
from auditor.estate.private_connections import ENDPOINTS, connections_of
from auditor.model import Gap, Resource
from auditor.network import service_doors
from auditor.network.service_doors import PublicDoor
from auditor.network.subnets import Subnets

_MOST: Final = 20


@fact("exposure.doors", subject="the service")
class ServiceDoors(Fact, frozen=True, kw_only=True):
    """The public door of a service in effect, and its private one: switch, firewall, perimeter and endpoints together."""

    service: str
    """the type in short: `storage`, `vault`, `account`, …"""
    door: str
    """tells several public doors of one service apart: `ingestion`, `scm`"""
    public_network_access: Known[str | None]
    """the switch, as spelled; absent where it is"""
    decider: str
    """whose rules let traffic in: `the service's firewall`, `the perimeter`, either, or nobody's"""
    public_door: Known[KnownState]
    """`open`, `restricted` (some get in) or `closed`"""
    addresses: tuple[str, ...]
    """the addresses that get in, the first of them"""
    subnets: tuple[str, ...]
    """the subnets that get in by service endpoints"""
    others: tuple[str, ...]
    """who else gets in: service tags, and subscriptions that a perimeter names"""
    trusted_services: str | None
    """which of Azure's own services pass; absent where none do"""
    perimeter: str | None
    """the network security perimeter that the service belongs to"""
    perimeter_mode: str | None
    """how the association works: `Enforced`, `Learning` or `Audit`"""
    private_endpoints: Known[int]
    """how many private endpoints are approved and provisioned"""
    name: Hidden[str]
    by: Hidden[str]

    def sentence(self) -> str:
        """Say whom the public door lets in, and what decides."""
        which = f" ({self.door})" if self.door else ""
        match self.public_door:
            case Gap():
                how = "lets in whom is not known"
            case EntryState.CLOSED:
                how = "lets in nobody"
            case EntryState.OPEN:
                how = "lets in everybody"
            case _:
                how = f"lets in {facts.listed([*self.addresses, *self.others], 5)}"
        return f"The public endpoint of {self.name}{which} {how}: {self.by}."


def door_facts(context: Context, subnets: Subnets) -> Iterator[ServiceDoors]:
    """Yield a fact per public door of every service."""
    for kind in sorted(context.estate.types()):
        known = context.estate.catalogue.get(kind)
        if known is None:
            continue
        for resource in context.estate.of_type(kind):
            for door in service_doors.public_doors(context.estate, resource) or ():
                entry = entry_of(context, subnets, resource, door)
                yield _fact(context, entry, known.label or known.name, door)


def _fact(context: Context, entry: EntryPoint, label: str, door: PublicDoor) -> ServiceDoors:
    resource = entry.resource
    perimeter = door.perimeter
    switch = door.inputs[0][1] if door.inputs else "properties.publicNetworkAccess"
    public = intersection(door.admits, addresses.PUBLIC)
    by_groups = door.behind and entry.state is EntryState.RESTRICTED
    return ServiceDoors(
        about=facts.about(context, resource.id, sub_object=door.name, inputs=door.inputs),
        service=label,
        door=door.name,
        public_network_access=context.estate.gap_at(resource.key, switch) or body.text(resource.body, switch),
        decider=door.decider.value,
        public_door=entry.why_unknown if entry.state is EntryState.UNKNOWN else entry.state,
        addresses=_shown(door, public) if not by_groups else (),
        subnets=tuple(context.estate.spelled(key) or key for key in door.subnets),
        others=(
            *door.others,
            *(["whom the groups of its subnet let in"] if by_groups else []),
            *(perimeter.subscriptions if perimeter else ()),
        ),
        trusted_services=door.trusted,
        perimeter=perimeter.name if perimeter else None,
        perimeter_mode=perimeter.mode.value if perimeter and perimeter.mode else None,
        private_endpoints=_private_endpoints(context, resource),
        name=resource.name,
        by=entry.by,
    )


def _shown(door: PublicDoor, public: Ranges) -> tuple[str, ...]:
    return ("Internet",) if door.admits_everybody else tuple(addresses.prefixes(public))[:_MOST]


def _private_endpoints(context: Context, resource: Resource) -> Known[int]:
    known = (context.estate.get(key) for key in context.estate.sources(resource.key, "private-endpoint-for"))
    listed = [
        connection
        for endpoint in known
        if endpoint is not None
        for connection in connections_of(endpoint)
        if connection.target == resource.key
    ]
    unread = (connection.unread for connection in listed)
    gap = next((one for one in (context.estate.type_gap(ENDPOINTS), *unread) if one is not None), None)
    return gap or sum(connection.is_effective for connection in listed)
