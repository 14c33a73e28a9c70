"""Tell whether a private endpoint's name resolves to it inside a virtual network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.private_link.endpoints import EndpointScope
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS
from auditor.estate.navigation import PRIVATE_DNS_ZONES
from auditor.estate.network_relations import ZONE_GROUPS, ZONE_LINKS
from auditor.estate.private_connections import EndpointConnection, addresses_of
from auditor.model import Gap, Resource

A_RECORDS: Final = "microsoft.network/privatednszones/a"

ZONES: Final = spelled(PRIVATE_DNS_ZONES)
LINKS: Final = spelled(ZONE_LINKS)
RECORDS: Final = spelled(A_RECORDS)
GROUPS: Final = spelled(ZONE_GROUPS)


@dataclass(frozen=True, slots=True)
class Registration:
    """One zone that an endpoint's zone group names; addresses are those of its record sets."""

    zone: str
    addresses: frozenset[str]
    resource: Resource
    path: str


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a private zone to a virtual network; keys in comparable form."""

    zone: str
    network: str | None
    state: str | None
    registration: bool
    resource: Resource

    @property
    def is_complete(self) -> bool:
        """Whether the link has been made."""
        return body.same_text(self.state, "Completed")


@dataclass(frozen=True, slots=True)
class Dns:
    """What the estate says about private zones, indexed once."""

    estate: Estate
    central: frozenset[str]
    groups: Mapping[str, Sequence[Registration]]
    links: Mapping[str, Sequence[Link]]
    zones: Mapping[str, Sequence[str]]
    records: Mapping[str, frozenset[str]]
    subscriptions: frozenset[str]


Registered: TypeAlias = Literal["zone group", "record kept by hand", "none"]


@dataclass(frozen=True, slots=True)
class ZoneState:
    """Whether one required zone answers for an endpoint; None where that is not known, `gap` says why."""

    name: str
    registered: bool | None
    linked: bool | None
    registration: Registered = "none"
    link_state: str | None = None
    registration_enabled: bool | None = None
    zone: str | None = None
    records_match: bool | None = None
    gap: Gap | None = None
    inputs: Sequence[tuple[str, str]] = field(default=())

    @property
    def complete(self) -> bool | None:
        """Whether the name resolves: registered, linked, and no record points elsewhere. None where not known."""
        if self.registered is False or self.linked is False or self.records_match is False:
            return False
        return None if self.registered is None or self.linked is None else True


def index(context: Context) -> Dns:
    """Read every zone group, link, zone and address record of the estate."""
    estate = context.estate
    zones: dict[str, list[str]] = defaultdict(list)
    for zone in estate.of_type(ZONES):
        zones[zone.name.lower()].append(zone.key)
    central = body.text_or_texts(facts.parameter(context, "central_private_dns_zones", []))
    return Dns(
        estate=estate,
        central=frozenset(ids.key(name) for name in central),
        groups=_registrations(estate),
        links=_links(estate),
        zones=zones,
        records=_records(estate),
        subscriptions=context.estate.subscriptions,
    )


def _registrations(estate: Estate) -> Mapping[str, Sequence[Registration]]:
    found: dict[str, list[Registration]] = defaultdict(list)
    for group in estate.of_type(GROUPS):
        for path, config in body.enumerate_objects(group.body, "properties.privateDnsZoneConfigs"):
            zone = body.text(config, "properties.privateDnsZoneId")
            if zone is None:
                continue
            addresses = {
                address
                for record in body.objects(config, "properties.recordSets")
                for address in body.text_or_texts(record, "ipAddresses")
            }
            place = f"{path}.properties.privateDnsZoneId"
            found[ids.parent_of(group.key) or ""].append(
                Registration(ids.key(zone), frozenset(addresses), group, place)
            )
    return found


def _links(estate: Estate) -> Mapping[str, Sequence[Link]]:
    found: dict[str, list[Link]] = defaultdict(list)
    for link in estate.of_type(LINKS):
        zone = ids.parent_of(link.key) or ""
        found[zone].append(
            Link(
                zone=zone,
                network=body.sub_resource(link.body, "properties.virtualNetwork"),
                state=body.text(link.body, "properties.virtualNetworkLinkState"),
                registration=body.flag(link.body, "properties.registrationEnabled") is True,
                resource=link,
            )
        )
    return found


def _records(estate: Estate) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in estate.of_type(RECORDS):
        for entry in body.objects(record.body, "properties.aRecords"):
            if address := body.text(entry, "ipv4Address"):
                found[ids.parent_of(record.key) or ""].add(address)
    return {zone: frozenset(addresses) for zone, addresses in found.items()}


def may_exist(estate: Estate, network: str | None, scope: EndpointScope) -> bool:
    """Whether a virtual network that others point at is in the estate or declared, or may lie where nobody looked."""
    if network is None or network in (scope.networks or ()):
        return True
    return estate.get(network) is not None or estate.unseen(network) is not None


def uses_custom_dns(estate: Estate, network: str | None) -> bool | Gap:
    """Whether a virtual network asks its own DNS servers instead of Azure's, or why that is not known."""
    found = estate.get(network) if network else None
    if found is None:
        unseen = (
            estate.unseen(network) if network else Gap("/", spelled(NETWORKS), "the endpoint names no virtual network")
        )
        return unseen or False
    return bool(body.text_or_texts(found.body, "properties.dhcpOptions.dnsServers"))


def zone_state(dns: Dns, connection: EndpointConnection, names: Sequence[str], scope: EndpointScope) -> ZoneState:
    """Judge one required zone (known under any of `names`) for one endpoint."""
    wanted = {name.lower() for name in names}
    own = [item for item in dns.groups.get(connection.endpoint.key, ()) if ids.name_of(item.zone) in wanted]
    if not own:
        return _without_group(dns, connection, names, scope)
    chosen = min(own, key=lambda item: (_linked(dns, item.zone, connection, scope)[0] is not True, item.zone))
    linked, link, gap = _linked(dns, chosen.zone, connection, scope)
    addresses = addresses_of(dns.estate, connection.endpoint)
    known = bool(addresses and chosen.addresses)
    return ZoneState(
        name=ids.name_of(chosen.zone),
        registered=True,
        registration="zone group",
        linked=linked,
        link_state=(link.state if link else None),
        registration_enabled=(link.registration if link else None),
        zone=chosen.zone,
        records_match=(chosen.addresses <= addresses if known else None),
        gap=gap,
        inputs=[(chosen.resource.id, chosen.path), *_link_inputs(link)],
    )


def _without_group(dns: Dns, connection: EndpointConnection, names: Sequence[str], scope: EndpointScope) -> ZoneState:
    """Judge a zone that no zone group names: a record kept by hand will do, what was not read is not known."""
    estate, endpoint = dns.estate, connection.endpoint
    addresses = addresses_of(estate, endpoint)
    candidates = sorted(zone for name in names for zone in dns.zones.get(name.lower(), ()))
    for zone in candidates:
        linked, link, gap = _linked(dns, zone, connection, scope)
        if addresses & dns.records.get(zone, frozenset()):
            return ZoneState(
                name=ids.name_of(zone),
                registered=True,
                registration="record kept by hand",
                linked=linked,
                link_state=(link.state if link else None),
                registration_enabled=(link.registration if link else None),
                zone=zone,
                records_match=True,
                gap=gap,
                inputs=_link_inputs(link),
            )
    gap = None
    if not dns.groups.get(endpoint.key):
        gap = estate.type_gap(GROUPS, endpoint.key)
    if gap is None:
        # Only a zone that exists can hold a record made by hand.
        gap = next((found for zone in candidates if (found := estate.type_gap(RECORDS, zone))), None)
    return ZoneState(name=names[0], registered=None if gap else False, linked=None if gap else False, gap=gap)


def _linked(
    dns: Dns, zone: str, connection: EndpointConnection, scope: EndpointScope
) -> tuple[bool | None, Link | None, Gap | None]:
    """Return whether a zone is linked to the network, the link that says so, and why it is not known."""
    if zone in dns.central:
        return True, None, None
    networks = {connection.network} if scope.networks is None else scope.networks
    own = [link for link in dns.links.get(zone, ()) if link.network in networks]
    found = [link for link in own if may_exist(dns.estate, link.network, scope)]
    complete = [link for link in found if link.is_complete]
    if complete:
        return True, complete[0], None
    if gap := links_gap(dns, zone):
        return None, None, gap
    return False, (found[0] if found else None), None


def links_gap(dns: Dns, zone: str) -> Gap | None:
    """Return why the links of a zone are not all known, or None where they are."""
    if dns.estate.get(zone) is None and (ids.subscription_of(zone) or "") not in dns.subscriptions:
        return Gap(
            zone, LINKS, "the zone is outside the scope", "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read"
        )
    return dns.estate.type_gap(LINKS, zone)


def _link_inputs(link: Link | None) -> Sequence[tuple[str, str]]:
    return [(link.resource.id, "properties.virtualNetworkLinkState")] if link else []
