"""Read the public door of a service: whom its switch, its firewall and its perimeter let in, as sets of addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body, paths
from auditor.azure.catalogue import shipped
from auditor.azure.ranges import Ranges, intersection, union
from auditor.azure.resource_type import ANY_VALUE, EndpointReader, PublicEndpoint, WayIn
from auditor.estate.graph import Estate
from auditor.estate.private_connections import approved_connection
from auditor.model import Gap, Resource
from auditor.network import allow_lists, app_doors, perimeters
from auditor.network.allow_lists import AllowLists, FirstMatch
from auditor.network.perimeters import Decider, Perimeter
from auditor.truth import Truth

_ACCESS: Final = "properties.publicNetworkAccess"
_RULE_SETS: Final = "/networkrulesets"
RULE_SETS: Final = frozenset(kind.key for kind in shipped() if kind.key.endswith(_RULE_SETS)) | {
    name.lower()
    for kind in shipped()
    for endpoint in (kind.way_in.endpoints if kind.way_in else ())
    for name in (*(rules.type for rules in endpoint.rules_below), *endpoint.subnets_below)
}
"""Firewalls, and rules of firewalls, that are children of the service, in lower case."""
_RULE_SET: Final = PublicEndpoint(
    _ACCESS,
    ip_rules=("properties.ipRules",),
    subnet_rules="properties.virtualNetworkRules",
    default_action="properties.defaultAction",
)


class PublicDoor(Struct, frozen=True):
    """A way to a service by its public address.

    `admits` are the addresses that get in, `odd` entries of the lists that cannot be read, `texts` the lists as spelled,
    `others` who else gets in, but never everybody (service tags).
    `behind` are the subnets that the door lies in, whose groups decide, too; an empty key is one that is not stated.
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
    behind: tuple[str, ...] = ()
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
    closing = _closing(resource, endpoint)
    if closing is not None:
        return PublicDoor(endpoint.name, endpoint.port, Decider.NOBODY, by=closing)
    access, by, unclear = _access(estate, resource, endpoint)
    perimeter = perimeters.perimeter_of(estate, resource)
    bypass = body.text(resource.body, endpoint.bypass) if endpoint.bypass else None
    inputs = [(resource.id, path) for path in (endpoint.switch, *endpoint.ip_rules)]
    door = PublicDoor(
        name=endpoint.name,
        port=endpoint.port,
        decider=perimeters.decider(access, perimeter) if access else Decider.UNKNOWN,
        trusted=bypass if bypass and bypass.lower() != "none" else None,
        perimeter=perimeter,
        by=by,
        is_telemetry=endpoint.telemetry,
        behind=_behind(estate, resource, endpoint),
        inputs=tuple(inputs if perimeter is None else (*inputs, (perimeter.source.id, "properties"))),
    )
    is_enforced = perimeter is not None and perimeter.mode is perimeters.AccessMode.ENFORCED
    hidden = (endpoint.switch, *(endpoint.closed_by if door.decider is not Decider.NOBODY else ()))
    gap = next((gap for path in hidden if (gap := estate.gap_at(resource.key, path)) is not None), None)
    if gap is not None and not is_enforced:
        return replace(door, decider=Decider.UNKNOWN, gap=gap, by=f"{gap.what} was not collected")
    if unclear is not None and door.decider is Decider.UNKNOWN:
        return replace(door, gap=unclear)
    return _decided(estate, resource, endpoint, door)


def _behind(estate: Estate, resource: Resource, endpoint: PublicEndpoint) -> tuple[str, ...]:
    """Return the keys of the subnets that an endpoint lies in; an empty one where it may in one that is not stated."""
    before = endpoint.groups_before
    if before is None:
        return ()
    hidden = {steps for steps in before.where if estate.gap_at(resource.key, paths.show(steps)) is not None}
    known = {steps: values for steps, values in before.where.items() if steps not in hidden}
    if not body.states_values(resource.body, known):
        return ()
    texts = (text for steps in before.subnets for text in body.values_at(resource.body, steps) if isinstance(text, str))
    keys = tuple(dict.fromkeys(map(ids.key, texts)))
    return (*keys, "") if hidden or not keys else keys


def _closing(resource: Resource, endpoint: PublicEndpoint) -> str | None:
    """Return the property, with its value, that closes an endpoint whatever its switch says; None where none does."""
    for path, closing in endpoint.closed_by.items():
        found = body.value(resource.body, path)
        if found is not None and (closing == ANY_VALUE or str(found).strip().lower() == closing):
            shown = str(found).lower() if isinstance(found, bool) else found
            return f"{path}={shown}"
    return None


def _access(estate: Estate, resource: Resource, endpoint: PublicEndpoint) -> tuple[str, str, Gap | None]:
    """Return what the switch of an endpoint says, or what Azure assumes; in words; and why that is not known."""
    stated = body.text(resource.body, endpoint.switch)
    if stated is not None:
        return stated, f"{endpoint.switch}={stated}", None
    if endpoint.private_endpoint_closes:
        connected = approved_connection(estate, resource)
        if isinstance(connected, Gap):
            said = f"{endpoint.switch} is absent, and whether a private endpoint is approved, which turns it off, is not known"
            return "", said, connected
        if connected:
            return (
                "Disabled",
                f"{endpoint.switch} is absent and a private endpoint is approved (documented default)",
                None,
            )
    default = estate.catalogue.default(resource.type_key, endpoint.switch)
    if isinstance(default, str):
        return default, f"{endpoint.switch}={default} (default)", None
    gap = Gap(resource.id, endpoint.switch, "it is absent, and Azure's default depends on other settings")
    return "", f"{endpoint.switch} is absent, and what Azure assumes then depends", gap


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
    paths = endpoint.paths
    if gap := next((gap for path in paths if (gap := estate.gap_at(resource.key, path)) is not None), None):
        return replace(door, gap=gap, by=f"{gap.what} was not collected")
    if endpoint.requests is not None:
        kinds = allow_lists.requests_let_in(resource, endpoint.requests)
        if not kinds:
            return replace(door, by=f"{door.by}, but no kind of request is let in from public networks")
        door = replace(door, by=f"{door.by}, {', '.join(kinds)} from public networks")
        if rules := endpoint.first_match and allow_lists.by_first_match(
            resource, endpoint.first_match, endpoint.requests.default
        ):
            return _by_first_match(resource, endpoint, rules, door)
    if endpoint.default_action:
        action = body.text(resource.body, endpoint.default_action)
        if (action or "Allow").lower() != "deny":
            said = f"{door.by}, {endpoint.default_action}={action or 'Allow (default)'}"
            return replace(door, admits=addresses.ANY, by=said)
    return _by_lists(allow_lists.read(estate, resource, endpoint), resource, endpoint, door)


def _by_lists(lists: AllowLists, resource: Resource, endpoint: PublicEndpoint, door: PublicDoor) -> PublicDoor:
    """Return a door with those that its lists let in; what an empty list means, each service decides for itself."""
    others = allow_lists.stands_for(endpoint, lists.texts)
    if lists.texts or endpoint.default_action or endpoint.closed_without_rules:
        by = "" if lists.gap is None else f"{door.by}, and its rules were not all read"
        return replace(_listing(door, lists.texts, others), subnets=lists.subnets, gap=lists.gap, by=by or door.by)
    if lists.gap is not None:
        return replace(door, gap=lists.gap, by=f"{door.by}, and its rules were not read")
    if endpoint.network_filter and body.flag(resource.body, endpoint.network_filter) is True:
        return replace(door, subnets=lists.subnets, by="only virtual networks are let in")
    has_lists = endpoint.ip_rules or endpoint.rules_below
    return replace(door, admits=addresses.ANY, by=f"{door.by}, no IP rule" if has_lists else door.by)


def _by_first_match(resource: Resource, endpoint: PublicEndpoint, rules: FirstMatch, door: PublicDoor) -> PublicDoor:
    """Return a door with those whom rules that allow or deny let in, the first that fits deciding."""
    door = replace(door, admits=rules.admits, texts=rules.allowing, odd=rules.odd, is_told=not rules.allowing)
    if rules.unclear is not None and not door.admits_everybody:
        gap = Gap(
            resource.id, endpoint.first_match, f"whom the rule that denies {rules.unclear} keeps out is not known"
        )
        return replace(door, gap=gap, by=f"{door.by}, and {rules.unclear} is denied, which may be anybody")
    return replace(door, by=f"{door.by}, {', '.join(rules.denying)} denied") if rules.denying else door


def _listing(door: PublicDoor, texts: tuple[str, ...], others: tuple[str, ...]) -> PublicDoor:
    """Return a door that lets in what a list of addresses names, and `others` besides unless everybody gets in."""
    numbers, odd = addresses.read_ranges(texts)
    others = () if addresses.covers_internet(numbers) else others
    return replace(door, admits=numbers, texts=texts, odd=odd, others=others, is_told=False)


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
    EndpointReader.MESSAGING_NAMESPACE: _messaging,
    EndpointReader.WEB_APP: _app,
}
"""What no switch and list of addresses describes."""


def lets_in(door: PublicDoor, numbers: Ranges) -> Truth:
    """Whether some of these public addresses get in, as far as they come with their own addresses."""
    if intersection(numbers, door.admits):
        return Truth.YES
    return Truth.UNKNOWN if door.gap is not None or door.odd or door.others else Truth.NO
