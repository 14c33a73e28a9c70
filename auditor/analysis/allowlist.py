"""Derive what the allow list of a service's firewall really covers, as a union of ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.azure import addresses, body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.resource_type import PublicEndpoint, ResourceType
from auditor.model import FindingSet, Gap, Resource
from auditor.network import allow_lists, packet_sets, perimeters, service_doors
from auditor.network.perimeters import Decider
from auditor.network.service_doors import PublicDoor

Exposure: TypeAlias = Literal["closed", "perimeter", "selected networks", "internet"]
_SAYS: Final[Mapping[Exposure, str]] = {
    "closed": "has no public endpoint, so that its firewall has no effect now",
    "perimeter": "is reached as its network security perimeter allows, which is not known",
    "selected networks": "has a public endpoint that is open to selected networks",
    "internet": "has a public endpoint that is open to the Internet",
}
_MOST_RANGES: Final = 5


class ServiceFirewall(Struct, frozen=True):
    """Where a service keeps a firewall of its own: `rules` is the list of addresses, or the type of the rules below it.

    `acl` is the object, or the list, in its body that holds all of its rules; None where they are resources below it.
    """

    service: str
    endpoint: PublicEndpoint
    rules: str
    acl: str | None


def firewalls(catalogue: Catalogue) -> Mapping[str, Sequence[ServiceFirewall]]:
    """Return the firewalls of each type that has one with rules for addresses, by type as spelled."""
    found = {}
    for item in catalogue:
        its_firewalls = [
            _firewall(item, one)
            for one in (item.way_in.endpoints if item.way_in else ())
            if one.ip_rules or one.rules_below
        ]
        if its_firewalls:
            found[item.name] = its_firewalls
    return found


def _firewall(kind: ResourceType, endpoint: PublicEndpoint) -> ServiceFirewall:
    label = kind.label or kind.name
    if not endpoint.ip_rules:
        return ServiceFirewall(label, endpoint, endpoint.rules_below[0].type, None)
    path = endpoint.ip_rules[0]
    return ServiceFirewall(label, endpoint, path, ".".join(path.split(".")[:2]))


class Stated(Struct, frozen=True):
    """What a service states of its firewall, and who is let in by that."""

    access: str
    default: str | None
    ranges: tuple[str, ...]
    invalid: tuple[str, ...]
    covers_internet: bool
    door: PublicDoor

    @property
    def exposure(self) -> Exposure:
        """Return who reaches the public endpoint."""
        match self.door.decider:
            case Decider.NOBODY:
                return "closed"
            case Decider.UNKNOWN:
                return "perimeter"
            case Decider.PERIMETER if self.door.gap is not None or self.door.odd:
                return "perimeter"
            case Decider.PERIMETER if not self.door.admits and not self.door.others:
                return "closed"
            case _:
                return "internet" if self.door.admits_everybody else "selected networks"


@fact("firewall.allowlist", subject="the service")
class AllowList(Fact, frozen=True, kw_only=True):
    """What the allow list of a service's firewall covers, and who reaches its public endpoint."""

    service: str
    """the type in short: `account`, `vault`, `storage`, `registry`, `search`, `workspace`, …"""
    public_network_access: Known[str]
    """as spelled, `Enabled` where absent"""
    default_action: Known[str | None]
    """as spelled, `Allow` where absent; services without one have none"""
    ranges: Known[tuple[str, ...]]
    """the address ranges allowed, as spelled"""
    range_count: Known[int]
    """how many there are"""
    other_rules: Known[tuple[str, ...]]
    """ids that virtual network and resource instance rules let in"""
    invalid: Known[tuple[str, ...]]
    """texts among the ranges that are no address range"""
    covers_internet: Known[bool]
    """whether the union of the ranges holds every public address"""
    widest_prefix: Known[int | None]
    """prefix length of the widest IPv4 range of the union; absent without one"""
    exposure: Known[Exposure]
    """who reaches the public endpoint; defaults, ranges and a perimeter considered"""
    moot: bool
    """whether the firewall is known to have no effect now: public access is off, or a perimeter decides"""
    perimeter: str | None
    """the network security perimeter that the service belongs to"""
    name: Hidden[str]
    stated: Hidden[Stated]

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the packets that the allow list lets in, and where that is not asked, what else is let in."""
        if not {"coversInternet", "rangeCount", "ranges", "defaultAction"} & set(fields):
            return super().rests_on(fields)
        everybody = body.same_text(self.stated.default, "Allow") and "defaultAction" in fields
        ranges = addresses.ANY if everybody else addresses.read_ranges(self.stated.ranges)[0]
        return packet_sets.of_sources(ranges)

    def sentence(self) -> str:
        """Say who reaches the public endpoint, and what its allow list holds."""
        ranges = self.stated.ranges
        more = " …" if len(ranges) > _MOST_RANGES else ""
        listed = f"; its allow list is {facts.listed(ranges[:_MOST_RANGES])}{more}" if ranges else ""
        covers = ", which covers the internet" if self.stated.covers_internet else ""
        allows = self.moot and body.same_text(self.stated.default, "Allow")
        default = "; it allows by default" if allows else ""
        return f"{self.name} {self._reached()}{default}{listed}{covers}."

    def _reached(self) -> str:
        said = _SAYS[self.stated.exposure]
        if not self.moot or self.perimeter is None:
            return said
        who = {"closed": "nobody", "internet": "everybody"}.get(self.stated.exposure, "some")
        return f"is reached as the perimeter {self.perimeter} allows ({who}), so that its firewall has no effect now"


def run(context: Context) -> Iterator[AllowList]:
    """Yield the allow list of every service that has one; rules below a service that is closed are not asked for."""
    for resource_type, its_firewalls in firewalls(context.estate.catalogue).items():
        for resource in context.estate.of_type(resource_type):
            for firewall in its_firewalls:
                door = service_doors.door_of(context.estate, resource, firewall.endpoint)
                if firewall.acl is not None or not door.is_moot:
                    yield _fact(context, resource, firewall, door)


def _fact(context: Context, resource: Resource, firewall: ServiceFirewall, door: PublicDoor) -> AllowList:
    switch = firewall.endpoint.switch
    lists = allow_lists.read(context.estate, resource, firewall.endpoint)
    ranges = tuple(sorted(lists.texts))
    allowed, invalid = addresses.read_ranges(ranges)
    stated = Stated(
        access=body.text(resource.body, switch) or "Enabled",
        default=_default_action(resource, firewall),
        ranges=ranges,
        invalid=tuple(invalid),
        covers_internet=addresses.covers_internet(allowed),
        door=door,
    )
    paths = (firewall.acl, *firewall.endpoint.ip_rules)
    hidden = (context.estate.gap_at(resource.key, path) for path in paths if path)
    unread = next((gap for gap in hidden if gap is not None), lists.gap)
    no_access = context.estate.gap_at(resource.key, switch)
    covers_internet = (None if stated.covers_internet else unread) or _covers_internet(resource, firewall, stated)
    return AllowList(
        about=facts.about(
            context,
            resource.id,
            sub_object=firewall.endpoint.name,
            inputs=[(resource.id, switch), *(_inputs(context, resource, firewall))],
        ),
        service=firewall.service,
        public_network_access=no_access or stated.access,
        default_action=unread or stated.default,
        ranges=unread or stated.ranges,
        range_count=unread or len(stated.ranges),
        other_rules=unread or _other_rules(context, resource, firewall, lists.subnets),
        invalid=unread or stated.invalid,
        covers_internet=covers_internet,
        widest_prefix=unread or addresses.widest_ipv4_prefix(allowed),
        exposure=(None if door.is_moot else no_access) or _exposure(stated, unread, covers_internet),
        moot=door.is_moot,
        perimeter=door.perimeter.name if door.perimeter else None,
        name=resource.name,
        stated=stated,
    )


def _default_action(resource: Resource, firewall: ServiceFirewall) -> str | None:
    if not firewall.endpoint.default_action:
        return None
    return body.text(resource.body, firewall.endpoint.default_action) or "Allow"


def _inputs(context: Context, resource: Resource, firewall: ServiceFirewall) -> Iterator[tuple[str, str]]:
    """Yield where the rules stand: in the service, or in resources below it."""
    if firewall.acl is not None:
        yield resource.id, firewall.acl
    for rules in firewall.endpoint.rules_below:
        yield from ((child.id, "properties") for child in context.estate.children(resource.key, rules.type.lower()))


def _other_rules(
    context: Context, resource: Resource, firewall: ServiceFirewall, subnets: Sequence[str]
) -> tuple[str, ...]:
    if firewall.acl is None:
        return tuple(context.estate.spelled(key) or key for key in subnets)
    names = {"virtualNetworkRules": "id", "resourceAccessRules": "resourceId"}
    beside = firewall.rules.rpartition(".")[0]
    return tuple(
        body.text(rule, key) or ""
        for name, key in names.items()
        for rule in body.objects(resource.body, f"{beside}.{name}")
    )


def _covers_internet(resource: Resource, firewall: ServiceFirewall, stated: Stated) -> Known[bool]:
    """Return whether the ranges hold every public address; entries that cannot be read may hold the rest."""
    if stated.invalid and not stated.covers_internet:
        return Gap(resource.id, firewall.rules, f"{stated.invalid[0]} is not an address range")
    return stated.covers_internet


def _exposure(stated: Stated, unread: Gap | None, covers_internet: Known[bool]) -> Known[Exposure]:
    """Return who reaches the public endpoint; where it is closed or another decides, the list does not matter."""
    if stated.door.is_moot or stated.exposure == "perimeter":
        return stated.exposure
    if unread is not None:
        return unread
    if isinstance(covers_internet, Gap) and stated.exposure == "selected networks":
        return covers_internet
    return stated.exposure


_SHIPPED: Final = firewalls(shipped())

ANALYSIS: Final = Analysis(
    name="address_ranges",
    kinds=(AllowList,),
    run=run,
    subjects={AllowList.fact_kind: {name: [{"service": some[0].service}] for name, some in _SHIPPED.items()}},
    reads=frozenset({*(name.lower() for name in _SHIPPED), *perimeters.TYPES}),
    details=service_doors.RULE_SETS,
)
