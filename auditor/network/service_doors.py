"""Read the public door of a service: whom its switch, its firewall and its perimeter let in, as sets of addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import addresses, body
from auditor.azure.catalogue import shipped
from auditor.azure.ranges import Ranges, intersection, union
from auditor.azure.resource_type import EndpointReader, PublicEndpoint, WayIn
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.network import app_doors, perimeters
from auditor.network.perimeters import Decider, Perimeter
from auditor.truth import Truth

_RANGES: Final = ("value", "ipAddressOrRange", "ipMask")  # where a rule object holds its range
_SUBNETS: Final = ("id", "subnet.id", "virtualNetworkSubnetId", "properties.virtualNetworkSubnetId")
_ACCESS: Final = "properties.publicNetworkAccess"
_RULE_SETS: Final = "/networkrulesets"
RULE_SETS: Final = frozenset(kind.key for kind in shipped() if kind.key.endswith(_RULE_SETS))
"""The firewalls of namespaces for messages, which are children of theirs."""
_RULE_SET: Final = PublicEndpoint(_ACCESS, ip_rules="properties.ipRules", default_action="properties.defaultAction")
_SQL_RULES: Final = "microsoft.sql/servers/firewallrules"
_SQL_IPV6_RULES: Final = "microsoft.sql/servers/ipv6firewallrules"
_SQL_SUBNETS: Final = "microsoft.sql/servers/virtualnetworkrules"
_POSTGRESQL: Final = PublicEndpoint("properties.network.publicNetworkAccess", port="5432")
_POSTGRESQL_RULES: Final = "microsoft.dbforpostgresql/flexibleservers/firewallrules"
_ZERO: Final = addresses.must_parse("0.0.0.0/32")
_AZURE: Final = ("every service in Azure",)
"""Who gets in by the address 0.0.0.0: https://learn.microsoft.com/azure/azure-sql/database/firewall-configure"""


class PublicDoor(Struct, frozen=True):
    """A way to a service by its public address.

    `admits` are the addresses that get in, `odd` entries of the lists that cannot be read, `texts` the lists as spelled,
    `others` who else gets in, but never everybody (service tags).
    `subnets` get in by service endpoints. `trusted` says which of Azure's own services pass. `decider`: whose rules
    these are. `gap` is why whom it lets in is not known. `by` says what decides; it leaves the lists to be told from
    `texts`, unless `is_told`.
    """

    name: str
    port: str
    decider: Decider
    admits: Ranges = ()
    texts: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    trusted: str | None = None
    perimeter: Perimeter | None = None
    by: str = ""
    is_told: bool = True
    is_telemetry: bool = False
    gap: Gap | None = None
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def is_moot(self) -> bool:
        """Whether the service's own firewall has no effect now."""
        return self.decider in {Decider.NOBODY, Decider.PERIMETER}

    @property
    def admits_everybody(self) -> bool:
        """Whether every public address gets in."""
        return addresses.covers_internet(self.admits)


def public_doors(estate: Estate, resource: Resource) -> Sequence[PublicDoor] | None:
    """Return the public doors of a service; None where its type has none that is read here."""
    known = estate.catalogue.get(resource.type_key)
    way_in = known.way_in if known else None
    if way_in is None:
        return None
    reader = READERS.get(way_in.reader) if way_in.reader is not None else None
    if way_in.reader is not None:
        return None if reader is None else tuple(reader(estate, resource))
    return tuple(door_of(estate, resource, endpoint) for endpoint in way_in.endpoints) or None


def are_read(way_in: WayIn) -> bool:
    """Whether the public doors of a type are read here."""
    return bool(way_in.endpoints) or way_in.reader in READERS


def door_of(estate: Estate, resource: Resource, endpoint: PublicEndpoint) -> PublicDoor:
    """Return the door that a public endpoint is, by its switch, firewall and perimeter."""
    for path, closing in endpoint.closed_by.items():
        if body.same_text(body.text(resource.body, path), closing):
            return PublicDoor(endpoint.name, endpoint.port, Decider.NOBODY, by=f"{path}={closing}")
    stated = body.text(resource.body, endpoint.switch)
    default = estate.catalogue.default(resource.type_key, endpoint.switch)
    access = stated or (default if isinstance(default, str) else "")
    perimeter = perimeters.perimeter_of(estate, resource)
    bypass = body.text(resource.body, endpoint.bypass) if endpoint.bypass else None
    inputs = ((resource.id, endpoint.switch), *([(resource.id, endpoint.ip_rules)] if endpoint.ip_rules else []))
    door = PublicDoor(
        name=endpoint.name,
        port=endpoint.port,
        decider=perimeters.decider(access, perimeter) if access else Decider.UNKNOWN,
        trusted=bypass if bypass and bypass.lower() != "none" else None,
        perimeter=perimeter,
        by=f"{endpoint.switch}={access}" + ("" if stated else " (default)"),
        is_telemetry=endpoint.telemetry,
        inputs=inputs if perimeter is None else (*inputs, (perimeter.source.id, "properties")),
    )
    gap = estate.gap_at(resource.key, endpoint.switch)
    if gap is not None and not (perimeter and perimeter.mode is perimeters.AccessMode.ENFORCED):
        return replace(door, decider=Decider.UNKNOWN, gap=gap, by=f"{gap.what} was not collected")
    if not access and door.decider is Decider.UNKNOWN:
        said = f"{endpoint.switch} is absent, and what Azure assumes then depends"
        gap = Gap(resource.id, endpoint.switch, "it is absent, and Azure's default depends on other settings")
        return replace(door, gap=gap, by=said)
    return _decided(estate, resource, endpoint, door)


def _decided(estate: Estate, resource: Resource, endpoint: PublicEndpoint, door: PublicDoor) -> PublicDoor:
    """Return a door with those that the deciding rules let in."""
    match door.decider:
        case Decider.NOBODY:
            return replace(door, trusted=None)
        case Decider.UNKNOWN:
            return _undecided(resource, door)
        case Decider.PERIMETER:
            return _by_perimeter(replace(door, trusted=None))
        case Decider.SERVICE:
            return _by_firewall(estate, resource, endpoint, door)
        case Decider.EITHER:
            own = _by_firewall(estate, resource, endpoint, door)
            rules = _by_perimeter(door)
            return replace(
                own,
                admits=union(own.admits, rules.admits),
                texts=(*own.texts, *rules.texts),
                odd=(*own.odd, *rules.odd),
                others=(*own.others, *rules.others),
                gap=None if own.admits_everybody else own.gap or rules.gap,
                by=f"{own.by}; the perimeter {_named(door)} lets in besides",
            )


def _undecided(resource: Resource, door: PublicDoor) -> PublicDoor:
    if door.perimeter is None:
        gap = Gap(resource.id, "networkSecurityPerimeterConfigurations", "a network security perimeter decides")
    else:
        what = door.perimeter.mode or "a mode that is not known"
        gap = Gap(door.perimeter.source.id, "properties.accessMode", f"the perimeter works in {what}")
    return replace(door, gap=gap, by=f"{door.by}, so that a network security perimeter decides")


def _named(door: PublicDoor) -> str:
    return "" if door.perimeter is None else f"{door.perimeter.name} ({door.perimeter.mode})"


def _by_perimeter(door: PublicDoor) -> PublicDoor:
    perimeter = door.perimeter
    if perimeter is None:
        return door
    return replace(
        door,
        admits=perimeter.admits,
        texts=perimeter.texts,
        odd=perimeter.odd,
        others=perimeter.others,
        gap=perimeter.gap,
        by=f"{door.by}, and the perimeter {_named(door)} decides",
        is_told=not perimeter.texts,
    )


def _by_firewall(estate: Estate, resource: Resource, endpoint: PublicEndpoint, door: PublicDoor) -> PublicDoor:
    if not endpoint.ip_rules:
        return replace(door, admits=addresses.ANY)
    if gap := estate.gap_at(resource.key, endpoint.ip_rules):
        return replace(door, gap=gap, by=f"{gap.what} was not collected")
    texts = list_of(resource, endpoint)
    subnets = _subnets(resource, endpoint)
    if endpoint.default_action:
        action = body.text(resource.body, endpoint.default_action)
        if (action or "Allow").lower() != "deny":
            said = f"{door.by}, {endpoint.default_action}={action or 'Allow (default)'}"
            return replace(door, admits=addresses.ANY, by=said)
    elif not texts:
        is_filtered = endpoint.network_filter and body.flag(resource.body, endpoint.network_filter) is True
        if is_filtered:
            return replace(door, subnets=subnets, by="only virtual networks are let in")
        return replace(door, admits=addresses.ANY, by=f"{door.by}, no IP rule")
    return replace(_listing(door, texts), subnets=subnets)


def _listing(door: PublicDoor, texts: tuple[str, ...]) -> PublicDoor:
    """Return a door that lets in what a list of addresses names, and for one of zeros all of Azure."""
    numbers, odd = addresses.read_ranges(texts)
    others = _AZURE if any(addresses.parse_range(text) == _ZERO for text in texts) else ()
    others = () if addresses.covers_internet(numbers) else others
    return replace(door, admits=numbers, texts=texts, odd=odd, others=others, is_told=False)


def list_of(resource: Resource, endpoint: PublicEndpoint) -> tuple[str, ...]:
    """Return the addresses and ranges in the allow list of a service's firewall, as spelled."""
    plain = body.text_or_texts(resource.body, endpoint.ip_rules)
    beside = endpoint.ip_rules.removesuffix(".ipRules") + ".ipv6Rules"
    rules = (*body.objects(resource.body, endpoint.ip_rules), *body.objects(resource.body, beside))
    return (*plain, *(text for rule in rules if (text := _first(rule, _RANGES))))


def _subnets(resource: Resource, endpoint: PublicEndpoint) -> tuple[str, ...]:
    """Return the keys of the subnets that rules beside the addresses let in."""
    path = f"{endpoint.ip_rules.rpartition('.')[0]}.virtualNetworkRules"
    keys = (_reference(rule) for rule in body.objects(resource.body, path))
    return tuple(dict.fromkeys(key for key in keys if key))


def _reference(rule: object) -> str | None:
    return next((key for name in _SUBNETS if (key := body.reference(rule, name))), None)


def _first(rule: Mapping[str, object], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := body.text(rule, name))), None)


def _sql(estate: Estate, resource: Resource) -> Iterator[PublicDoor]:
    """Yield the door of a SQL server: its firewall rules are children; `0.0.0.0` stands for every Azure service."""
    door = door_of(estate, resource, PublicEndpoint(_ACCESS, port="1433"))
    if door.gap is not None or door.decider is not Decider.SERVICE:
        yield door
        return
    bodies = [child.properties for child in estate.children(resource.key, _SQL_RULES)]
    bodies += body.objects(resource.body, "properties.firewallRules")
    gap = estate.type_gap(_SQL_RULES, resource.key) if not bodies else None
    spans = [_span(one, "startIpAddress", "endIpAddress") for one in bodies]
    of_ipv6 = estate.children(resource.key, _SQL_IPV6_RULES)
    spans += [_span(one.properties, "startIPv6Address", "endIPv6Address") for one in of_ipv6]
    rules = [child.properties for child in estate.children(resource.key, _SQL_SUBNETS)]
    subnets = tuple(key for rule in rules if (key := _reference(rule)))
    yield replace(_listing(door, tuple(spans)), subnets=subnets, gap=gap, by="")


def _span(rule: object, first: str, last: str) -> str:
    return f"{body.text(rule, first)}-{body.text(rule, last)}"


def _postgresql(estate: Estate, resource: Resource) -> Iterator[PublicDoor]:
    """Yield the door of a PostgreSQL server: without a rule nobody gets in, but only those that were read are known.

    https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-firewall-rules
    """
    door = door_of(estate, resource, _POSTGRESQL)
    if door.gap is not None or door.decider is not Decider.SERVICE:
        yield door
        return
    bodies = [child.properties for child in estate.children(resource.key, _POSTGRESQL_RULES)]
    if not bodies:
        gap = Gap(resource.id, _POSTGRESQL_RULES, "its firewall rules were not read")
        yield replace(door, admits=(), gap=gap, by=f"{door.by}, and {gap.reason}")
        return
    spans = tuple(_span(one, "startIpAddress", "endIpAddress") for one in bodies)
    yield replace(_listing(door, spans), by="")


def _messaging(estate: Estate, resource: Resource) -> Iterator[PublicDoor]:
    """Yield the door of an Event Hubs or Service Bus namespace: its firewall is a child, which may switch it off, too.

    https://learn.microsoft.com/azure/event-hubs/network-security, https://learn.microsoft.com/azure/service-bus-messaging/network-security
    """
    kind = f"{resource.type_key}{_RULE_SETS}"
    door = door_of(estate, resource, PublicEndpoint(_ACCESS, port="443, 5671"))
    if door.gap is not None or door.decider not in {Decider.SERVICE, Decider.EITHER}:
        yield door
        return
    rule_set = next(iter(estate.children(resource.key, kind)), None)
    if rule_set is None:
        gap = estate.type_gap(kind, resource.key)
        yield replace(
            door,
            admits=() if gap else door.admits,
            gap=gap,
            by=f"{door.by}, and its rules were not read" if gap else door.by,
        )
        return
    own = door_of(estate, rule_set, _RULE_SET)
    if own.decider is Decider.SERVICE and own.gap is None and not own.texts and not own.subnets:
        # Without a rule everybody gets in, whatever the default action.
        own = replace(own, admits=addresses.ANY, by=f"{own.by}, no rule", is_told=True)
    trusted = body.flag(rule_set.body, "properties.trustedServiceAccessEnabled") is True
    yield replace(
        own,
        port=door.port,
        admits=union(own.admits, door.admits) if door.decider is Decider.EITHER else own.admits,
        decider=door.decider if own.decider is Decider.SERVICE else own.decider,
        trusted="trusted services" if trusted else None,
        perimeter=door.perimeter,
        inputs=(*door.inputs, *own.inputs),
    )


def _app(estate: Estate, app: Resource) -> Iterator[PublicDoor]:
    """Yield the doors of a web app and of its deployment site."""
    for found in app_doors.app_doors(estate, app):
        yield PublicDoor(
            name=found.name,
            port="443",
            decider=Decider.NOBODY if found.is_off else Decider.UNKNOWN if found.gap else Decider.SERVICE,
            admits=found.admits,
            texts=found.texts,
            others=found.others,
            subnets=found.subnets,
            by=found.by,
            gap=found.gap,
            is_told=found.is_told,
            inputs=found.inputs,
        )


READERS: Final[Mapping[EndpointReader, Callable[[Estate, Resource], Iterator[PublicDoor]]]] = {
    EndpointReader.SQL_SERVER: _sql,
    EndpointReader.POSTGRESQL_SERVER: _postgresql,
    EndpointReader.MESSAGING_NAMESPACE: _messaging,
    EndpointReader.WEB_APP: _app,
}
"""What no switch and list of addresses describes."""


def lets_in(door: PublicDoor, numbers: Ranges) -> Truth:
    """Whether some of these public addresses get in, as far as they come with their own addresses."""
    if intersection(numbers, door.admits):
        return Truth.YES
    return Truth.UNKNOWN if door.gap is not None or door.odd or door.others else Truth.NO
