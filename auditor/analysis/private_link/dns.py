"""Tell whether a private endpoint's name resolves to it inside a virtual network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

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
from auditor.network import private_names
from auditor.network.private_names import PrivateZone, RecordSet, Resolution

ZONES: Final = spelled(PRIVATE_DNS_ZONES)
LINKS: Final = spelled(ZONE_LINKS)
GROUPS: Final = spelled(ZONE_GROUPS)


class Registration(Struct, frozen=True):
    """One zone that an endpoint's zone group names; `remembered` are the addresses of its record sets by their names.

    The names are relative to the zone, in lower case; an empty one stands for a record set without a name.
    """

    zone: str
    remembered: Mapping[str, frozenset[str]]
    resource: Resource
    path: str


class Link(Struct, frozen=True):
    """One link of a private zone to a virtual network; keys in comparable form.

    `goes_on`: names that the zone has not are asked of public DNS.
    """

    zone: str
    network: str | None
    state: str | None
    registration: bool
    resource: Resource
    goes_on: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the link has been made."""
        return body.same_text(self.state, "Completed")


class Dns(Struct, frozen=True):
    """What the estate says about private zones, indexed once. `seen_from` are the zones that are linked to each network."""

    estate: Estate
    central: frozenset[str]
    groups: Mapping[str, Sequence[Registration]]
    links: Mapping[str, Sequence[Link]]
    zones: Mapping[str, Sequence[str]]
    records: Mapping[str, Mapping[str, RecordSet]]
    subscriptions: frozenset[str]
    seen_from: Mapping[str, frozenset[str]]


Registered: TypeAlias = Literal["zone group", "record kept by hand", "none"]


class ZoneState(Struct, frozen=True):
    """Whether one required zone answers for an endpoint; None where that is not known, `gap` says why.

    `found` are the addresses that the endpoint's names resolve to, by the records that were read.
    """

    name: str
    registered: bool | None
    linked: bool | None
    registration: Registered = "none"
    link_state: str | None = None
    registration_enabled: bool | None = None
    zone: str | None = None
    records_match: bool | None = None
    found: tuple[str, ...] = ()
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
    links = _links(estate)
    return Dns(
        estate=estate,
        central=frozenset(ids.key(name) for name in central),
        groups=_registrations(estate),
        links=links,
        zones=zones,
        records=private_names.records_by_zone(estate),
        subscriptions=context.estate.subscriptions,
        seen_from=_seen_from(link for of_zone in links.values() for link in of_zone),
    )


def _registrations(estate: Estate) -> Mapping[str, Sequence[Registration]]:
    found: dict[str, list[Registration]] = defaultdict(list)
    for group in estate.of_type(GROUPS):
        for path, config in body.enumerate_objects(group.body, "properties.privateDnsZoneConfigs"):
            zone = body.text(config, "properties.privateDnsZoneId")
            if zone is None:
                continue
            place = f"{path}.properties.privateDnsZoneId"
            remembered = private_names.remembered(config, ids.name_of(ids.key(zone)))
            found[ids.parent_of(group.key) or ""].append(Registration(ids.key(zone), remembered, group, place))
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
                # https://learn.microsoft.com/azure/dns/private-dns-fallback
                goes_on=body.same_text(body.text(link.body, "properties.resolutionPolicy"), "NxDomainRedirect"),
            )
        )
    return found


def _seen_from(links: Iterable[Link]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for link in links:
        if link.network is not None and link.is_complete:
            found[link.network].add(link.zone)
    return {network: frozenset(zones) for network, zones in found.items()}


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
    return private_names.has_own_servers(found)


def zone_state(dns: Dns, connection: EndpointConnection, names: Sequence[str], scope: EndpointScope) -> ZoneState:
    """Judge one required zone (known under any of `names`) for one endpoint: of several, what is linked decides."""
    wanted = {name.lower() for name in names}
    own = [item for item in dns.groups.get(connection.endpoint.key, ()) if ids.name_of(item.zone) in wanted]
    others = _others(dns, wanted, own, _networks(connection, scope))
    states = [_registered(dns, connection, item, scope) for item in own]
    by_hand = [_kept_by_hand(dns, connection, zone, scope) for zone in others]
    # A zone beside that of the group counts where it is linked; without a group any may hold a record made by hand.
    states += [state for state in by_hand if state.linked is True or (not own and state.registered)]
    if not own and not any(state.registered for state in states):
        unseen = _without_zone(dns, connection, names)
        states = states if states and unseen.gap is None else [unseen]
    return min(states, key=_order)


def _others(dns: Dns, names: Collection[str], own: Sequence[Registration], networks: Sequence[str]) -> Sequence[str]:
    """Return the zones of some names, beside those of the endpoint's group, that can make a difference.

    Beside a group those are the linked ones; without one, also those with records. Zones without either answer nothing
    themselves, but any of them stands for a linked zone of a longer name.
    """
    linked = dns.central.union(*(dns.seen_from.get(network, ()) for network in networks))
    named = {zone for name in names for zone in dns.zones.get(name, ())} - {item.zone for item in own}
    if own:
        return sorted(named & linked)
    below = tuple(f".{name}" for name in names)
    is_answered_below = any(ids.name_of(zone).endswith(below) for zone in linked)
    return sorted(zone for zone in named if zone in linked or zone in dns.records or is_answered_below)


def _order(state: ZoneState) -> tuple[int, int, int, str]:
    """Order states: what is linked decides, and all that are linked were asked together."""
    return (
        {True: 0, None: 1, False: 2}[state.linked],
        {True: 0, None: 1, False: 2}[state.complete],
        0 if state.registration == "zone group" else 1,
        state.zone or "",
    )


def _registered(dns: Dns, connection: EndpointConnection, own: Registration, scope: EndpointScope) -> ZoneState:
    """Judge a zone that the endpoint's group names: by its records, else by what the group remembers of them."""
    linked, link, gap = _linked(dns, own.zone, connection, scope)
    addresses = addresses_of(dns.estate, connection.endpoint)
    remembered = frozenset(address for found in own.remembered.values() for address in found)
    matches: bool | None = remembered <= addresses if addresses and remembered else None
    answers = _answers(dns, connection, own.zone, scope, is_listed=False)
    # Of an endpoint whose interface was not read its group knows the addresses, if anybody does.
    decided = [private_names.leads_to(answer, addresses or remembered) for answer in answers]
    if False in decided:
        matches = False
    elif decided and None not in decided:
        matches = True
    conflict = next(
        (answer.gap for answer in answers if answer.gap and answer.gap.what == private_names.CONFLICT), None
    )
    return ZoneState(
        name=ids.name_of(own.zone),
        registered=True if conflict is None else None,
        registration="zone group",
        linked=linked,
        link_state=(link.state if link else None),
        registration_enabled=(link.registration if link else None),
        zone=own.zone,
        records_match=matches,
        found=_found(answers),
        gap=gap or conflict,
        inputs=[(own.resource.id, own.path), *_link_inputs(link), *_record_inputs(answers)],
    )


def _kept_by_hand(dns: Dns, connection: EndpointConnection, zone: str, scope: EndpointScope) -> ZoneState:
    """Judge a zone that no group of the endpoint names: by the records of its names, else by any with its address."""
    linked, link, gap = _linked(dns, zone, connection, scope)
    addresses = addresses_of(dns.estate, connection.endpoint)
    answers = _answers(dns, connection, zone, scope, is_listed=True)
    decided = [private_names.leads_to(answer, addresses) for answer in answers]
    unread = next((answer.gap for answer in answers if answer.gap is not None), None)
    held = {address for record in dns.records.get(zone, {}).values() for address in record.addresses}
    if answers and None not in decided:
        registered: bool | None = False not in decided
    else:
        registered = bool(not answers and held & addresses) or None
        gap = gap or unread or private_names.zone_of(dns.estate, zone, {}).gap
        registered = False if registered is None and gap is None else registered
    return ZoneState(
        name=ids.name_of(zone),
        registered=registered,
        registration="record kept by hand" if registered else "none",
        linked=linked,
        link_state=(link.state if link else None),
        registration_enabled=(link.registration if link else None),
        zone=zone,
        records_match=True if registered else None,
        found=_found(answers),
        gap=gap,
        inputs=[*_link_inputs(link), *_record_inputs(answers)],
    )


def _without_zone(dns: Dns, connection: EndpointConnection, names: Sequence[str]) -> ZoneState:
    """Return that no zone answers, or that a group which was not read may register the names in one."""
    endpoint = connection.endpoint
    gap = None if dns.groups.get(endpoint.key) else dns.estate.type_gap(GROUPS, endpoint.key)
    return ZoneState(name=names[0], registered=None if gap else False, linked=None if gap else False, gap=gap)


def _answers(
    dns: Dns, connection: EndpointConnection, zone: str, scope: EndpointScope, *, is_listed: bool
) -> Sequence[Resolution]:
    """Return what the endpoint's names in a zone resolve to in the network that sees it, each once.

    A name that is guessed counts where it exists.
    """
    name = ids.name_of(zone)
    needed = private_names.names_of(dns.estate, connection, name, _group_names(dns, connection, zone))
    networks = sorted(
        _networks(connection, scope), key=lambda network: (not _is_seen_from(dns, zone, network), network)
    )
    zones = _zones_of(dns, networks[0], zone, is_listed=is_listed) if networks else []
    answers = [private_names.resolve(zones, f"{relative}.{name}") for relative in needed.names]
    return [answer for answer in answers if answer.addresses or not needed.is_guess]


def _group_names(dns: Dns, connection: EndpointConnection, zone: str) -> Sequence[str]:
    groups = dns.groups.get(connection.endpoint.key, ())
    return [name for item in groups if item.zone == zone for name in item.remembered if name]


def _networks(connection: EndpointConnection, scope: EndpointScope) -> Sequence[str]:
    return [connection.network or ""] if scope.networks is None else sorted(scope.networks)


def _is_seen_from(dns: Dns, zone: str, network: str) -> bool:
    return zone in dns.seen_from.get(network, ())


def _zones_of(dns: Dns, network: str, asked: str, *, is_listed: bool) -> Sequence[PrivateZone]:
    """Return the zones that are linked to a network, those that the baseline names as central, and the one asked about."""
    found = []
    for zone in sorted({*dns.seen_from.get(network, ()), *dns.central, asked}):
        own = [link for link in dns.links.get(zone, ()) if link.network == network and link.is_complete]
        goes_on = bool(own) and all(link.goes_on for link in own)
        records = dns.records.get(zone, {})
        found.append(
            private_names.zone_of(dns.estate, zone, records, goes_on=goes_on, is_listed=is_listed or zone != asked)
        )
    return found


def _linked(
    dns: Dns, zone: str, connection: EndpointConnection, scope: EndpointScope
) -> tuple[bool | None, Link | None, Gap | None]:
    """Return whether a zone is linked to the network, the link that says so, and why it is not known."""
    if zone in dns.central:
        return True, None, None
    networks = _networks(connection, scope)
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


def _record_inputs(answers: Sequence[Resolution]) -> Sequence[tuple[str, str]]:
    return [(record, "properties") for answer in answers for record in answer.records]


def _found(answers: Sequence[Resolution]) -> tuple[str, ...]:
    return tuple(sorted({address for answer in answers for address in answer.addresses}))
