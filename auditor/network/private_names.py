"""Resolve names as a virtual network does that asks Azure: by the private DNS zones that are linked to it.

https://learn.microsoft.com/azure/dns/private-dns-overview, https://www.rfc-editor.org/rfc/rfc4592
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.network_relations import ZONE_GROUPS, ZONE_LINKS
from auditor.estate.private_connections import EndpointConnection
from auditor.model import Gap, Resource

A_RECORDS: Final = "microsoft.network/privatednszones/a"
AAAA_RECORDS: Final = "microsoft.network/privatednszones/aaaa"
CNAME_RECORDS: Final = "microsoft.network/privatednszones/cname"
RECORD_TYPES: Final = (A_RECORDS, AAAA_RECORDS, CNAME_RECORDS)
_LONGEST_CHAIN: Final = 16
# Where a zone is not called as the public domain is: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
_PUBLIC: Final[Mapping[str, str]] = {
    "privatelink.vaultcore.azure.net": "vault.azure.net",
    "privatelink.vaultcore.usgovcloudapi.net": "vault.usgovcloudapi.net",
    "privatelink.vaultcore.azure.cn": "vault.azure.cn",
}
_APEX: Final = "@"
_AZURE_DNS: Final = "168.63.129.16"
_RULESET_LINKS: Final = "microsoft.network/dnsforwardingrulesets/virtualnetworklinks"
_FORWARDING_RULES: Final = "microsoft.network/dnsforwardingrulesets/forwardingrules"
CONFLICT: Final = "records of linked zones"
"""What is not known where several zones of one name are linked, and differ."""

Public = Callable[[str], str | None]
"""What public DNS answers for a name: the name that it is an alias of, or None where it leads to no private zone."""


class RecordSet(Struct, frozen=True):
    """The records of a name in a zone: its addresses, or the name that it is an alias of. Relative name in lower case."""

    name: str
    addresses: frozenset[str] = frozenset()
    alias: str | None = None
    resource: str = ""


class PrivateZone(Struct, frozen=True):
    """A zone: its name in lower case, its records by relative name, and why a name may have one that is not here.

    `goes_on`: a name that it has not is asked of public DNS instead, as its link says.
    """

    key: str
    name: str
    records: Mapping[str, RecordSet] = field(default_factory=dict)
    gap: Gap | None = None
    goes_on: bool = False

    def holds(self, name: str) -> bool:
        """Whether a name is in the zone's domain."""
        return name == self.name or name.endswith(f".{self.name}")

    def find(self, name: str) -> RecordSet | Gap | None:
        """Return the records of a name in the zone's domain: its own, else those of the wildcard that stands for it.

        A wildcard stands for names below the closest name that exists, if they don't exist themselves.
        """
        relative = name.removesuffix(self.name).rstrip(".") or _APEX
        if relative in self.records:
            return self.records[relative]
        if self.gap is not None:
            return self.gap
        if relative == _APEX or self._exists(relative):
            return None
        labels = relative.split(".")
        for cut in range(1, len(labels) + 1):
            encloser = ".".join(labels[cut:])
            wildcard = f"*.{encloser}" if encloser else "*"
            if wildcard in self.records:
                return self.records[wildcard]
            if encloser and self._exists(encloser):
                return None
        return None

    def _exists(self, relative: str) -> bool:
        return relative in self.records or any(known.endswith(f".{relative}") for known in self.records)


class Resolution(Struct, frozen=True):
    """What a name resolves to: private addresses, or none of them.

    `public`: the name that is left to public DNS, None where a zone answers. `gap` is why it is not known. `zones` are
    those that were asked, `records` the ids of the record sets that decide.
    """

    addresses: frozenset[str] = frozenset()
    public: str | None = None
    gap: Gap | None = None
    zones: tuple[str, ...] = ()
    records: tuple[str, ...] = ()


def resolve(zones: Sequence[PrivateZone], name: str, public: Public = lambda _: None) -> Resolution:
    """Return what a name resolves to where these zones are linked: the one with the longest name that fits decides.

    Of several of that same name, which Azure does not say how to tell apart, all have to answer alike.
    """
    asked: list[str] = []
    records: list[str] = []
    seen: set[str] = set()
    name = name.lower().rstrip(".")
    while name not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(name)
        fitting = [zone for zone in zones if zone.holds(name)]
        longest = max((len(zone.name) for zone in fitting), default=0)
        answers = [(zone, zone.find(name)) for zone in fitting if len(zone.name) == longest]
        asked += [zone.key for zone, _ in answers]
        target: str | None = None
        if answers:
            answer = _one_of(answers)
            if isinstance(answer, Gap):
                return Resolution(gap=answer, zones=tuple(asked), records=tuple(records))
            if answer is not None:
                records.append(answer.resource)
                if answer.alias is None:
                    return Resolution(answer.addresses, zones=tuple(asked), records=tuple(records))
                target = answer.alias.lower().rstrip(".")
            elif not all(zone.goes_on for zone, _ in answers):
                return Resolution(zones=tuple(asked), records=tuple(records))
        target = target or public(name)
        if target is None:
            return Resolution(public=name, zones=tuple(asked), records=tuple(records))
        name = target.lower().rstrip(".")
    return Resolution(zones=tuple(asked), records=tuple(records))


def _one_of(answers: Sequence[tuple[PrivateZone, RecordSet | Gap | None]]) -> RecordSet | Gap | None:
    zone, first = answers[0]
    if isinstance(first, Gap) or all(_is_alike(first, other) for _, other in answers[1:]):
        return first
    gap = next((other for _, other in answers if isinstance(other, Gap)), None)
    return gap or Gap(zone.key, CONFLICT, f"{len(answers)} zones of the name {zone.name} are linked, and differ")


def _is_alike(left: RecordSet | None, right: RecordSet | Gap | None) -> bool:
    if left is None or right is None or isinstance(right, Gap):
        return left is right
    return (left.addresses, left.alias) == (right.addresses, right.alias)


def records_by_zone(estate: Estate) -> Mapping[str, Mapping[str, RecordSet]]:
    """Return the record sets of every zone by its key, then by their relative names."""
    found: dict[str, dict[str, RecordSet]] = defaultdict(dict)
    for kind in RECORD_TYPES:
        for resource in estate.of_type(kind):
            records = found[ids.parent_of(resource.key) or ""]
            record = _record_set(resource)
            known = records.get(record.name)
            if known is not None:
                addresses = known.addresses | record.addresses
                record = RecordSet(record.name, addresses, known.alias or record.alias, known.resource)
            records[record.name] = record
    return found


def _record_set(resource: Resource) -> RecordSet:
    addresses = {
        address
        for name, member in (("aRecords", "ipv4Address"), ("aaaaRecords", "ipv6Address"))
        for entry in body.objects(resource.properties, name)
        if (address := body.text(entry, member))
    }
    alias = body.text(resource.properties, "cnameRecord.cname")
    return RecordSet(ids.name_of(resource.key), frozenset(addresses), alias, resource.id)


def zone_of(
    estate: Estate, key: str, records: Mapping[str, RecordSet], *, goes_on: bool = False, is_listed: bool = True
) -> PrivateZone:
    """Return a zone with its records. `is_listed`: where none is here there is none; else they were perhaps not read.

    A zone holds a record of its own from the start (SOA), which its count includes: a count of one is an empty zone.
    """
    gap = next(
        (found for kind in (A_RECORDS, CNAME_RECORDS) if (found := estate.type_gap(kind, key)) is not None), None
    )
    zone = estate.get(key)
    count = body.number(zone.properties, "numberOfRecordSets") if zone is not None else None
    if gap is None and not records and not is_listed and (count is None or count > 1):
        gap = Gap(key, A_RECORDS, "no record of the zone was read")
    return PrivateZone(key, ids.name_of(key), records, gap, goes_on)


def leads_to(resolution: Resolution, addresses: Collection[str]) -> bool | None:
    """Whether a name leads to these addresses and to no others; None where it, or what they are, is not known."""
    if resolution.gap is not None:
        return None
    if not resolution.addresses:
        return False
    return resolution.addresses <= frozenset(addresses) if addresses else None


class NeededNames(Struct, frozen=True):
    """The names that an endpoint needs in a zone, relative to it; `is_guess` where nothing states them."""

    names: tuple[str, ...]
    is_guess: bool = False


def names_of(estate: Estate, connection: EndpointConnection, zone: str, registered: Sequence[str]) -> NeededNames:
    """Return the names that an endpoint needs in a zone: those registered, else those that it or its target states.

    Of a target that states no host of the zone's domain, that it goes by its own name there is a guess.
    """
    if registered:
        return NeededNames(tuple(sorted(set(registered))))
    domain = _PUBLIC.get(zone, zone.removeprefix("privatelink."))
    configs = body.objects(connection.endpoint.properties, "customDnsConfigs")
    hosts = {host.lower().rstrip(".") for config in configs if (host := body.text(config, "fqdn"))}
    target = estate.get(connection.target)
    known = estate.catalogue.get(target.type_key) if target is not None else None
    if target is not None and known is not None and known.hosts is not None and not hosts:
        hosts = {body.host_of(text) for path in known.hosts.stated for text in body.text_or_texts(target.body, path)}
    below = tuple(sorted(host.removesuffix(f".{domain}") for host in hosts if host.endswith(f".{domain}")))
    if below:
        return NeededNames(below)
    return NeededNames((ids.name_of(connection.target).lower(),) if connection.target else (), is_guess=True)


def registered(estate: Estate, endpoint: Resource) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Return what an endpoint's zone groups remember: by zone, the addresses of each relative name.

    An empty name stands for a record set without one.
    """
    found: dict[str, Mapping[str, frozenset[str]]] = {}
    for group in estate.children(endpoint.key, ZONE_GROUPS):
        for config in body.objects(group.properties, "privateDnsZoneConfigs"):
            if (zone := body.text(config, "properties.privateDnsZoneId")) is not None:
                found[ids.key(zone)] = remembered(config, ids.name_of(ids.key(zone)))
    return found


def remembered(config: object, zone: str) -> Mapping[str, frozenset[str]]:
    """Return the addresses that one entry of a zone group remembers, by names relative to the zone."""
    found: dict[str, frozenset[str]] = {}
    for record in body.objects(config, "properties.recordSets"):
        full = (body.text(record, "fqdn") or "").lower().rstrip(".")
        name = body.text(record, "recordSetName") or full.removesuffix(zone).rstrip(".")
        found[name.lower()] = found.get(name.lower(), frozenset()) | {*body.text_or_texts(record, "ipAddresses")}
    return found


def zones_needed(estate: Estate, connection: EndpointConnection) -> Sequence[str]:
    """Return the zones in which the names of an endpoint's service stand, for the groups that it connects to."""
    target = estate.get(connection.target)
    known = estate.catalogue.get(target.type_key) if target is not None else None
    if known is None or target is None:
        return ()
    kind = (body.text(target.body, "kind") or "").lower()
    zones = [
        zone for group, listed in known.private_link.items() if group.lower() in connection.groups for zone in listed
    ]
    fitting = [zone for zone in zones if not zone.kinds or kind in zone.kinds]
    return tuple(dict.fromkeys(zone.names["public"] for zone in fitting if "public" in zone.names))


def has_own_servers(network: Resource) -> bool:
    """Whether a virtual network asks DNS servers of its own, and not Azure's, which may be named by its address."""
    named = body.text_or_texts(network.body, "properties.dhcpOptions.dnsServers")
    return any(server.strip() != _AZURE_DNS for server in named)


class _Rulesets:
    """The forwarding rulesets of an estate, by the networks that they are linked to."""

    def __init__(self, estate: Estate) -> None:
        self._links = estate.of_type(_RULESET_LINKS)

    @cached_property
    def by_network(self) -> Mapping[str, Sequence[str]]:
        """Return the keys of the rulesets that are linked to a network, by its key."""
        found: dict[str, list[str]] = defaultdict(list)
        for link in self._links:
            if (network := body.sub_resource(link.body, "properties.virtualNetwork")) is not None:
                found[network].append(ids.parent_of(link.key) or "")
        return found


def forwarder(estate: Estate, network: str, zone: str, *, is_linked: bool) -> str | None:
    """Return the ruleset by which questions for a zone's names may leave a network for another server, or None.

    A zone that is linked to the network is asked unless a rule is about the very zone, or a part of it.

    https://learn.microsoft.com/azure/dns/private-resolver-endpoints-rulesets
    """
    for ruleset in estate.once(_Rulesets).by_network.get(network, ()):
        rules = estate.children(ruleset, _FORWARDING_RULES)
        if not rules and estate.type_gap(_FORWARDING_RULES, ruleset) is not None:
            return ids.name_of(ruleset)
        enabled = (
            one
            for one in rules
            if not body.same_text(body.text(one.body, "properties.forwardingRuleState"), "Disabled")
        )
        domains = ((body.text(one.body, "properties.domainName") or "").strip(".").lower() for one in enabled)
        if any(_is_asked_for(domain, zone, is_linked=is_linked) for domain in domains):
            return ids.name_of(ruleset)
    return None


def _is_asked_for(domain: str, zone: str, *, is_linked: bool) -> bool:
    if domain == zone or domain.endswith(f".{zone}"):
        return True
    public = _PUBLIC.get(zone, zone.removeprefix("privatelink."))
    return not is_linked and any(name == domain or not domain or name.endswith(f".{domain}") for name in (zone, public))


def zones_seen_from(estate: Estate, network: str) -> Sequence[PrivateZone]:
    """Return the zones that are linked to a virtual network, with their records."""
    records = records_by_zone(estate)
    found: dict[str, bool] = {}
    for link in estate.of_type(ZONE_LINKS):
        is_made = body.same_text(body.text(link.body, "properties.virtualNetworkLinkState"), "Completed")
        if is_made and body.sub_resource(link.body, "properties.virtualNetwork") == network:
            policy = body.text(link.body, "properties.resolutionPolicy")
            found[ids.parent_of(link.key) or ""] = body.same_text(policy, "NxDomainRedirect")
    return [
        zone_of(estate, key, records.get(key, {}), goes_on=goes_on, is_listed=False)
        for key, goes_on in sorted(found.items())
    ]
