"""Facts about ports: those that the Internet must not reach, and those of the Application Gateway's control plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, given, record
from auditor.analysis.network.decided import DecidedTraffic, decided, rules_first, witness_of
from auditor.analysis.network.expected import guarded_ports
from auditor.azure import addresses, body
from auditor.azure.ranges import union
from auditor.estate.graph import Estate
from auditor.estate.network_relations import GATEWAYS, SECURITY_GROUPS, SUBNETS
from auditor.model import FindingSet, Gap, Resource
from auditor.network import packet_sets
from auditor.network.address_book import Surroundings
from auditor.network.describe import AddressNames
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.platform_subnets import unguarded
from auditor.network.search import Search, SearchResult
from auditor.network.security_rules import ALL_PORTS, ANYWHERE, NETWORK_SPACE, Direction, Match, Side, tag
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, joined
from auditor.truth import Truth

# https://learn.microsoft.com/azure/application-gateway/configuration-infrastructure#network-security-groups
_V1_PORTS, _V2_PORTS = ((65503, 65535),), ((65200, 65536),)
_TCP: Final = 0b1
_SHOWN: Final = 3
_PUBLIC: Final = Side(addresses.PUBLIC)
_STRANGERS: Final = Side(addresses.STRANGERS)
_MANAGER: Final = Side(symbols=(tag("GatewayManager"),))
_NETWORK: Final = Side(symbols=(NETWORK_SPACE,))


@record
class OpenPort(Record, frozen=True, kw_only=True):
    """Ports that must not be reached and are."""

    name: str
    """what the open ports are for"""
    traffic: tuple[str, ...]
    """what is let through, in words with the rules"""
    everyone: bool
    """whether everybody reaches them"""
    is_certain: Hidden[bool]


@fact("network.guarded-ports", subject="the subnet, or the security group where its network was not read")
class GuardedPorts(Fact, frozen=True, kw_only=True):
    """Which of the ports that the Internet must not reach it does reach in a subnet, or through a group."""

    subnet: str | None
    """the subnet's name; absent for a group whose network was not read"""
    platform: str | None
    """the platform service because of which no group decides what comes into the subnet"""
    group: str | None
    """the name of its network security group; absent without one"""
    filtered: bool
    """whether the subnet or an interface in it has a group at all"""
    open: Known[bool]
    """whether some public address reaches one of the guarded ports"""
    everyone: Known[bool]
    """whether everybody does, and not only some addresses or Azure's own services"""
    ports: Known[tuple[OpenPort, ...]]
    """the guarded ports that are or may be open"""
    attached: Hidden[str]
    reached: Hidden[Sequence[TrafficVerdict]]

    def raw_inputs(self) -> Sequence[tuple[str, str]]:
        """Return the rules that let public addresses in, with what makes them hold here."""
        return rules_first(self.reached, self.about.inputs)

    def sentence(self) -> str:
        """Say which guarded ports are open."""
        if self.platform is not None:
            return f"No security group decides what comes into subnet {self.subnet} ({self.platform})."
        at = (
            f"of subnet {self.subnet}" if self.subnet else f"through {self.group}, which is attached to {self.attached}"
        )
        if isinstance(self.ports, Gap):
            return f"Which ports {at} the Internet reaches is not known ({self.ports.reason})."
        listed = [f"{port.name}: {joined(port.traffic, 2)}" for port in self.ports]
        if isinstance(self.open, Gap):
            return f"Whether the Internet reaches guarded ports {at} is not known ({self.open.reason})."
        if not self.open:
            return f"The Internet reaches no guarded port {at}."
        certain = [text for text, port in zip(listed, self.ports, strict=True) if port.is_certain]
        return f"The Internet reaches guarded ports {at}: {'; '.join(certain)}."

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the packets of public addresses that reach guarded ports."""
        del fields  # there is one set, whatever is asked of it
        return packet_sets.packets_of(result for verdict in self.reached for result in verdict.results)

    def witness(self) -> Mapping[str, object] | None:
        """Return a packet that reaches a guarded port."""
        return witness_of(self.reached[:1])


@fact("network.gateway-ports", subject="the subnet of the Application Gateway")
class ControlPlanePorts(Fact, frozen=True, kw_only=True):
    """Who reaches the control plane of the Application Gateways in a subnet."""

    subnet: str
    """the name of the Application Gateway's subnet"""
    group: str | None
    """the name of its network security group; absent without one"""
    ports: str
    """the ports of the control plane"""
    manager_allowed: Known[bool]
    """whether GatewayManager reaches them"""
    open_to_internet: Known[bool]
    """whether public addresses that are not GatewayManager's reach them"""
    open_to_network: Known[bool]
    """whether the virtual network reaches them"""
    open: Known[tuple[DecidedTraffic, ...]]
    """what is let through to them besides GatewayManager and health probes"""
    excess: Hidden[TrafficVerdict]
    from_internet: Hidden[TrafficVerdict]

    def raw_inputs(self) -> Sequence[tuple[str, str]]:
        """Return the rules that let others in, with what makes them hold here."""
        return rules_first([self.excess], self.about.inputs)

    def sentence(self) -> str:
        """Say who reaches the control plane."""
        by = joined(self.excess.lines, 2) if self.excess.lines else "GatewayManager only"
        return f"The gateway's control plane ({self.ports}) in subnet {self.subnet} is reached by {by}."

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the packets that reach the control plane and are neither GatewayManager's nor health probes."""
        del fields  # there is one set, whatever is asked of it
        return self.excess.packets()

    def witness(self) -> Mapping[str, object] | None:
        """Return a packet of a public address that reaches the control plane."""
        return witness_of([self.from_internet])


class Reached(Struct, frozen=True):
    """Guarded ports that public addresses reach or may reach, and whether everybody does."""

    name: str
    verdict: TrafficVerdict
    by_everyone: bool


def guarded_facts(context: Context, subnets: Subnets) -> Iterator[GuardedPorts]:
    """Yield one fact for each subnet, and for each group at places that were not read: which ports public addresses reach."""
    guarded = guarded_ports(context)
    if not guarded:
        return
    for subnet in context.estate.of_type(SUBNETS):
        yield _guarded(context, subnets.at(subnet), guarded)
    for group in context.estate.of_type(SECURITY_GROUPS):
        unread = _unread_places(context, subnets, group)
        if unread is not None:
            yield _guarded_by(context, subnets, group, unread, guarded)


class UnreadPlaces(Struct, frozen=True):
    """Where a group is attached that was not read; `is_behind_another`: a subnet's own group may stand before each."""

    shown: str
    is_behind_another: bool


def _unread_places(context: Context, subnets: Subnets, group: Resource) -> UnreadPlaces | None:
    """Return where a group filters that is judged at no subnet, or None where all its places are."""
    estate, places = context.estate, context.estate.targets(group.key, "attached")
    unread = [key for key in places if not _is_judged(estate, subnets, key)]
    if places and not unread:
        return None
    names = facts.listed([ids.name_of(key) for key in unread], _SHOWN)
    is_inner = bool(unread) and not any(ids.type_of(key) == SUBNETS for key in map(str.lower, unread))
    return UnreadPlaces(f"{names}, whose network was not read" if unread else "nothing that was read", is_inner)


def _is_judged(estate: Estate, subnets: Subnets, key: str) -> bool:
    if estate.get(key) is None:
        return False
    members = subnets.networks.members.of(key)
    return all(member.subnet is not None and estate.get(member.subnet) is not None for member in members)


def _guarded_by(
    context: Context, subnets: Subnets, group: Resource, places: UnreadPlaces, guarded: Sequence[tuple[str, Match]]
) -> GuardedPorts:
    """Return what a group lets in whose network was not read: what surrounds it is not known, its rules are."""
    is_attached = places.shown != "nothing that was read"
    around = Surroundings(
        addresses.RFC_1918,
        gateway=None if is_attached else (),
        tags=subnets.networks.tags,
        groups=subnets.networks.members.groups,
    )
    own = subnets.group(group.key)
    filters = (Filter(own, Direction.INBOUND, around, group.name),)
    chains = [FilterChain(filters, around, addresses.ANY, family) for family in (addresses.IPV4, addresses.IPV6)]
    reached = _reached(chains, guarded)
    certain = [item for item in reached if item.verdict.truth is Truth.YES]
    doubt = _doubt(reached, certain, group.id)
    if certain and places.is_behind_another:
        opened = "; ".join(f"{item.name}: {joined(item.verdict.lines, 2)}" for item in certain)
        reason = f"it lets in {opened}, unless the group of the subnet stops that, which was not read"
        doubt = Gap(group.id, "properties.securityRules", reason)
    return GuardedPorts(
        about=facts.about(context, group.id, inputs=[(group.id, "properties.securityRules")]),
        subnet=None,
        platform=None,
        group=group.name,
        filtered=True,
        open=doubt or bool(certain),
        everyone=doubt or any(item.by_everyone for item in certain),
        ports=tuple(_open_port(item) for item in reached),
        attached=places.shown,
        reached=[item.verdict for item in certain],
    )


def _guarded(context: Context, filters: SubnetFilters, guarded: Sequence[tuple[str, Match]]) -> GuardedPorts:
    platform = unguarded(context.estate, filters.subnet)
    chains = [] if platform else list(filters.chains(Direction.INBOUND))
    reached = filters.gap or _reached(chains, guarded)
    certain = [] if isinstance(reached, Gap) else [item for item in reached if item.verdict.truth is Truth.YES]
    doubt = reached if isinstance(reached, Gap) else _doubt(reached, certain, filters.subnet.id)
    return GuardedPorts(
        about=facts.about(context, filters.subnet.id, inputs=filters.inputs),
        subnet=filters.subnet.name,
        platform=platform,
        group=filters.group.name if filters.group else None,
        filtered=filters.group is not None or any(interface.group is not None for interface in filters.interfaces),
        open=doubt or bool(certain),
        everyone=doubt or any(item.by_everyone for item in certain),
        ports=given(reached, lambda reached: tuple(_open_port(item) for item in reached)),
        attached="",
        reached=[item.verdict for item in certain],
    )


def _reached(chains: Sequence[FilterChain], guarded: Sequence[tuple[str, Match]]) -> Sequence[Reached]:
    """Return the guarded ports that are or may be reached; chains without a rule that may let in their packets are not asked."""
    rows = {name: (replace(match, source=_PUBLIC), replace(match, source=_STRANGERS)) for name, match in guarded}
    asked: dict[str, list[Search]] = {name: [] for name in rows}
    for chain in chains:
        names = [name for name, (public, _) in rows.items() if chain.may_admit(public)]
        if names:
            search = Search(chain, [row for name in names for row in rows[name]])
            for name in names:
                asked[name].append(search)
    reached = []
    for name, (public, strangers) in rows.items():
        answers = tuple(search.permitted([public]) for search in asked[name])
        verdict = TrafficVerdict(
            answers, AddressNames(here=union((), *(search.chain.destinations for search in asked[name])))
        )
        if answers and verdict.truth is not Truth.NO:
            by_everyone = any(search.permitted([strangers]).truth is Truth.YES for search in asked[name])
            reached.append(Reached(name, verdict, by_everyone))
    return reached


def _doubt(reached: Sequence[Reached], certain: Sequence[Reached], scope: str) -> Gap | None:
    """Return why it is not known whether a port is open; one that is for certain decides."""
    return None if certain else next((gap for item in reached if (gap := item.verdict.gap(scope))), None)


def _open_port(reached: Reached) -> OpenPort:
    return OpenPort(
        name=reached.name,
        traffic=tuple(str(line) for line in reached.verdict.lines),
        everyone=reached.by_everyone,
        is_certain=reached.verdict.truth is Truth.YES,
    )


def control_plane_facts(context: Context, subnets: Subnets) -> Iterator[ControlPlanePorts]:
    """Yield one fact for each subnet of an Application Gateway: who reaches the ports of its control plane."""
    for subnet in context.estate.of_type(SUBNETS):
        keys = context.estate.sources(subnet.key, "attached")
        gateways = [g for key in keys if (g := context.estate.get(key)) is not None and g.type_key == GATEWAYS]
        if gateways:
            is_v1 = all(_is_v1(gateway) for gateway in gateways)
            yield _control_plane(context, subnets.at(subnet), _V1_PORTS if is_v1 else _V2_PORTS)


def _is_v1(gateway: Resource) -> bool:
    return (body.text(gateway.body, "properties.sku.tier") or "").lower() in {"standard", "waf"}


def _control_plane(context: Context, filters: SubnetFilters, ports: tuple[tuple[int, int], ...]) -> ControlPlanePorts:
    manager, everybody, public, network, probes = (
        Match(source, ANYWHERE, _TCP, ALL_PORTS, ports, names_ports=True)
        for source in (_MANAGER, ANYWHERE, _PUBLIC, _NETWORK, Side(addresses.PLATFORM))
    )
    allowed = [manager, probes]
    asked = [Search(path, [*allowed, everybody, public, network]) for path in filters.chains(Direction.INBOUND)]

    def verdict(answers: Iterator[SearchResult]) -> TrafficVerdict:
        return TrafficVerdict(tuple(answers), AddressNames(here=filters.prefixes))

    by_internet = verdict(search.excess(allowed, among=[public]) for search in asked)
    by_network = verdict(search.excess(allowed, among=[network]) for search in asked)
    by_manager = verdict(search.unmet([manager]) for search in asked)
    excess = verdict(search.excess(allowed, among=[everybody]) for search in asked)
    scope = filters.subnet.id
    return ControlPlanePorts(
        about=facts.about(context, scope, inputs=filters.inputs),
        subnet=filters.subnet.name,
        group=filters.group.name if filters.group else None,
        ports=f"{ports[0][0]}-{ports[0][1] - 1}",
        manager_allowed=filters.gap or by_manager.holds_never(scope),
        open_to_internet=filters.gap or by_internet.holds(scope),
        open_to_network=filters.gap or by_network.holds(scope),
        open=filters.gap or decided(excess.lines),
        excess=excess,
        from_internet=by_internet,
    )
