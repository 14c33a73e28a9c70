"""Facts about subnets: what their groups let through beyond the table, what they withhold, what they deny explicitly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact, given
from auditor.analysis.network.decided import DecidedTraffic, StoppedTraffic, decided, rules_first, stopped, witness_of
from auditor.analysis.network.expected import Expected, RowBinder, TrafficRow
from auditor.analysis.network.rule_effects import EffectsAtSubnets
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload
from auditor.azure import addresses
from auditor.azure.ranges import Ranges, union
from auditor.estate.lookup import PRIVATE_ENDPOINTS
from auditor.estate.network_relations import SUBNETS
from auditor.model import FindingSet, Gap
from auditor.network.describe import AddressNames, Sentence
from auditor.network.filter_chain import FilterChain
from auditor.network.packet_sets import packets_of
from auditor.network.search import Search, SearchResult
from auditor.network.security_rules import ANYWHERE, NETWORK_SPACE, Direction, Match, Side
from auditor.network.subnets import SubnetFilters, Subnets, is_outbound_filtered
from auditor.network.verdicts import TrafficVerdict, joined, rule_names
from auditor.truth import Truth


class UnmetRow(Struct, frozen=True):
    """Something that is required and stopped: what it is needed for, and what stops it."""

    why: str
    lines: Sequence[Sentence]


class Comparison(Struct, frozen=True):
    """What a subnet lets through, compared with the table. `doubt` says why it is not known whether that is too much."""

    is_too_open: bool
    excess: Sequence[Sentence]
    doubt: Gap | None
    lacking: Sequence[UnmetRow]
    rest_is_left_to_defaults: bool
    beyond: TrafficVerdict
    stopped: Sequence[TrafficVerdict]
    required: Sequence[TrafficVerdict]
    undenied: TrafficVerdict


@fact("network.subnet-traffic", subject="the subnet")
class SubnetTraffic(Fact, frozen=True, kw_only=True):
    """What the security groups of a subnet let through in one direction, compared with the baseline's table."""

    control: str
    """the catalogue entry of the table's row"""
    role: str
    """the subnet's component"""
    subnet: str
    """the subnet's name"""
    direction: Direction
    """which way the traffic goes"""
    group: str | None
    """the name of the subnet's network security group; absent without one"""
    enforced: bool
    """whether the group's rules of this direction have any effect here"""
    not_enforced_because: str
    """why the rules of its group have no effect"""
    internet_filtered: Known[bool]
    """whether rules see traffic to public addresses (App Service only routes it in if told to)"""
    too_open: Known[bool]
    """whether more is let through than the table allows"""
    excess: Known[tuple[DecidedTraffic, ...]]
    """what is let through beyond the table"""
    excess_internet: Known[bool]
    """whether some of the excess is from or to public addresses"""
    excess_network: Known[bool]
    """whether some of the excess is within the virtual network, its peers or behind its gateway"""
    excess_by_default: Known[bool]
    """whether some of the excess is let through by Azure's default rules"""
    broken: Known[bool]
    """whether something that the table requires is stopped"""
    lacking: Known[tuple[StoppedTraffic, ...]]
    """what is required and stopped"""
    denial_expected: bool
    """whether the table wants the rest denied by a rule"""
    explicitly_denied: Known[bool]
    """whether everything outside the table is stopped by a rule of the group's own, not by a default"""
    open_by_default: Known[bool]
    """whether a default rule, or that there is no group, lets the network or the Internet through"""
    stopped_by: Known[tuple[str, ...]]
    """the rules that stop what the table does not allow"""
    idle_denies: Known[tuple[str, ...]]
    """rules of this direction that are to deny and decide about no packet here, and why"""
    compared: Hidden[Known[Comparison]]

    def raw_inputs(self) -> Sequence[tuple[str, str]]:
        """Return the rules that decide about what is wrong, with what makes them hold here."""
        if isinstance(self.compared, Gap):
            return self.about.inputs
        verdicts = [self.compared.beyond, *self.compared.stopped]
        return rules_first(verdicts, self.about.inputs)

    def sentence(self) -> str:
        """Say what gets through that should not, and what does not that should."""
        if isinstance(self.compared, Gap):
            verb = "gets into" if self.direction is Direction.INBOUND else "gets out of"
            return f"What {verb} subnet {self.subnet} is not known ({self.compared.reason})."
        way = "in" if self.direction is Direction.INBOUND else "out"
        table = f"the traffic table (row {self.role.rpartition('/')[2]})"
        parts = [*self._on_excess(self.compared, way, table)]
        parts += [
            f"does not let {way} what is needed for {row.why}: {joined(row.lines, 1)}" for row in self.compared.lacking
        ]
        if self.denial_expected and self.compared.rest_is_left_to_defaults:
            left = "leaves the rest to Azure's default rules, since no rule of its group denies it"
            parts.append(left if parts else f"lets {way} what {table} allows, and {left}")
        parts = parts or [f"lets {way} what {table} allows and nothing else"]
        return f"Subnet {self.subnet} {'; '.join(parts)}."

    def _on_excess(self, compared: Comparison, way: str, table: str) -> Sequence[str]:
        if compared.is_too_open:
            idle = self.idle_denies if isinstance(self.idle_denies, tuple) else ()
            return [f"lets {way} more than {table} allows: {joined(compared.excess)}", *idle]
        if compared.doubt is not None:
            return [f"whether it lets {way} too much is not known ({compared.doubt.reason})"]
        return []

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the packets that should not pass, else those that are needed and stopped, else those no rule denies."""
        if isinstance(self.compared, Gap):
            return None
        asked = {"tooOpen": [self.compared.beyond], "broken": self.compared.stopped}
        asked |= {name: [self.compared.undenied] for name in ("explicitlyDenied", "openByDefault")}
        return packets_of(result for name in fields for verdict in asked.get(name, ()) for result in verdict.results)

    def witness(self) -> Mapping[str, object] | None:
        """Return a packet that should not pass, else one that should."""
        return None if isinstance(self.compared, Gap) else witness_of([self.compared.beyond, *self.compared.required])


class Limits(Struct, frozen=True):
    """Where the rules of a direction do not count: why not at all, or whether public traffic passes them by."""

    not_enforced: str = ""
    internet_filtered: bool = True
    gap: Gap | None = None


def subnet_facts(context: Context, subnets: Subnets, effects: EffectsAtSubnets) -> Iterator[SubnetTraffic]:
    """Yield one fact for each direction of each subnet that plays a role of the table."""
    giving = context.workloads.components_giving
    with_interfaces = {role for capability in _WITH_INTERFACES for role in giving(capability)}
    for workload in context.workloads.all:
        binder = RowBinder(context, subnets, workload)
        names = known_names(subnets, workload)
        for role in binder.roles():
            for subnet in workload.resources(role):
                for direction in Direction:
                    expected = binder.expected(role, direction)
                    if expected is not None:
                        filters = subnets.at(subnet)
                        called = AddressNames(names, filters.prefixes)
                        judged = Judged(filters, expected, workload.name, role, called, role in with_interfaces)
                        yield _fact(context, judged, effects)


class Judged(Struct, frozen=True):
    """One direction of a subnet, what the table says of it, and what it plays in which workload."""

    filters: SubnetFilters
    expected: Expected
    workload: str
    role: str
    names: AddressNames
    has_interfaces: bool


def known_names(subnets: Subnets, workload: Workload) -> Mapping[str, Ranges]:
    """Return the address sets that answers may call by name: the subnets of the workload's networks."""
    found = {}
    for network in workload.giving(capabilities.NETWORK):
        for subnet in subnets.estate.children(network.key, SUBNETS):
            found[subnet.name] = subnets.at(subnet).prefixes
    return {name: prefixes for name, prefixes in sorted(found.items()) if prefixes}


def _fact(context: Context, judged: Judged, effects: EffectsAtSubnets) -> SubnetTraffic:
    filters, expected, scope = judged.filters, judged.expected, judged.filters.subnet.id
    limits = _limits(context, filters, judged.role, expected.direction)
    passing = filters.gap or _PacketsThrough(judged, limits)
    # Which subnet holds the private endpoints may not be known, and then neither is what the table allows towards it.
    is_too_open = isinstance(passing, _PacketsThrough) and passing.excess.truth is Truth.YES
    unbound = expected.unseen or context.estate.type_gap(PRIVATE_ENDPOINTS) if is_too_open else None

    def unless_unbound(answer: Callable[[_PacketsThrough], Known[bool]]) -> Known[bool]:
        return given(passing, lambda passing: unbound or answer(passing))

    return SubnetTraffic(
        about=facts.about(
            context,
            scope,
            sub_object=expected.direction.value,
            inputs=filters.inputs,
            role=(judged.workload, judged.role),
        ),
        control=expected.control,
        role=judged.role,
        subnet=filters.subnet.name,
        direction=expected.direction,
        group=filters.group.name if filters.group else None,
        enforced=not limits.not_enforced,
        not_enforced_because=limits.not_enforced,
        internet_filtered=limits.gap or limits.internet_filtered,
        too_open=unless_unbound(lambda passing: _unless_yes(passing.excess.holds(scope), limits)),
        excess=given(passing, lambda passing: unbound or decided(passing.excess.lines)),
        excess_internet=unless_unbound(lambda passing: _unless_yes(passing.excess_internet().holds(scope), limits)),
        excess_network=unless_unbound(lambda passing: passing.excess_network().holds(scope)),
        excess_by_default=unless_unbound(lambda passing: passing.excess.gap(scope) or passing.exceeds_by_default()),
        broken=given(passing, lambda passing: passing.is_broken(scope) or expected.unseen_need or False),
        lacking=given(passing, lambda passing: passing.stopped() or expected.unseen_need or ()),
        denial_expected=expected.is_explicit,
        explicitly_denied=given(passing, lambda passing: passing.unnamed.holds_never(scope)),
        open_by_default=unless_unbound(lambda passing: _unless_yes(passing.default.holds(scope), limits)),
        stopped_by=given(passing, lambda passing: passing.stopped_by()),
        idle_denies=filters.gap or effects.idle_denies(filters, expected.direction, judged.names),
        compared=given(passing, lambda passing: passing.compared()),
    )


def _unless_yes(answer: Known[bool], limits: Limits) -> Known[bool]:
    """Return an answer, or that it is not known: what leaves for the Internet may take this way, and be let through."""
    return limits.gap if answer is False and limits.gap is not None else answer


def _limits(context: Context, filters: SubnetFilters, role: str, direction: Direction) -> Limits:
    workloads = context.workloads
    if role in workloads.components_giving(capabilities.ENDPOINT_SUBNET) and not filters.enforces_on_endpoints:
        return Limits("the network policies of the subnet for private endpoints are off")
    if role in workloads.components_giving(capabilities.INTEGRATION_SUBNET):
        if direction is Direction.INBOUND:
            return Limits("inbound rules do not apply to the integration of App Service")
        filtered = is_outbound_filtered(context.estate, filters.subnet)
        return Limits(internet_filtered=filtered is True, gap=filtered if isinstance(filtered, Gap) else None)
    return Limits()


class _PacketsThrough:
    """What passes a subnet's paths in one direction, compared with the table."""

    def __init__(self, judged: Judged, limits: Limits) -> None:
        self._expected, self._names = judged.expected, judged.names
        self._holders = _holders(judged)
        paths = [_seen(path, limits) for path in judged.filters.chains(judged.expected.direction)]
        self._internet, self._network = (_other_end(side, judged.expected.direction) for side in _ENDS)
        needs = [self._needed(row) for row in self._expected.rows if row.is_required]
        rows = [*self._expected.allowed, *needs, self._internet, self._network]
        self._searches = [Search(path, rows) for path in paths]
        self._unplaced = [Search(path, rows) for path in _unplaced(judged)]
        self.excess = self._excess()
        self.required = [(row, self._missing(row)) for row in self._expected.rows if row.is_required]
        self.unnamed = self._verdict([search.undenied(self._expected.allowed) for search in self._searches])
        ends = [self._internet, self._network]
        self.default = self._verdict([search.permitted_by_default(ends) for search in self._searches])

    def _verdict(self, answers: Sequence[SearchResult]) -> TrafficVerdict:
        return TrafficVerdict(tuple(answers), self._names)

    def _missing(self, row: TrafficRow) -> TrafficVerdict:
        told = self._searches if self._holders is not None or not self._unplaced else []
        answers = [search.unmet([self._needed(row)]) for search in told]
        return self._verdict([*answers, *(search.unmet([row.match]) for search in self._unplaced)])

    def _needed(self, row: TrafficRow) -> Match:
        """Return a row's traffic of those who are in the subnet; nobody needs it at an address that is free."""
        if self._holders is None:
            return row.match
        if self._expected.direction is Direction.INBOUND:
            return replace(row.match, destination=self._holders)
        return replace(row.match, source=self._holders)

    def _excess(self, *among: Match) -> TrafficVerdict:
        return self._verdict([search.excess(self._expected.allowed, among or None) for search in self._searches])

    def excess_internet(self) -> TrafficVerdict:
        return self._excess(self._internet)

    def excess_network(self) -> TrafficVerdict:
        return self._excess(self._network)

    def exceeds_by_default(self) -> bool:
        deciders = [disposition.deciders for disposition in self.excess.dispositions()]
        return any(not rules[-1].rule.is_custom for rules in deciders if rules)

    def is_broken(self, scope: str) -> Known[bool]:
        if any(verdict.truth is Truth.YES for _, verdict in self.required):
            return True
        return next((gap for _, verdict in self.required if (gap := verdict.gap(scope))), False)

    def stopped(self) -> tuple[StoppedTraffic, ...]:
        lost = [(row, verdict) for row, verdict in self.required if verdict.truth is not Truth.NO]
        return tuple(traffic for row, verdict in lost for traffic in stopped(verdict.lines, row.why))

    def stopped_by(self) -> tuple[str, ...]:
        verdict = self._verdict([search.denied(self._expected.allowed) for search in self._searches])
        return tuple(rule_names(verdict.dispositions()))

    def compared(self) -> Comparison:
        lost = [(row, verdict) for row, verdict in self.required if verdict.truth is Truth.YES]
        return Comparison(
            is_too_open=self.excess.truth is Truth.YES,
            excess=self.excess.lines,
            doubt=self.excess.gap(""),
            lacking=[UnmetRow(row.why, verdict.lines) for row, verdict in lost],
            rest_is_left_to_defaults=self.unnamed.truth is self.default.truth is Truth.YES,
            beyond=self.excess,
            stopped=[verdict for _, verdict in lost],
            required=[verdict for _, verdict in self.required],
            undenied=self.unnamed,
        )


_WITH_INTERFACES: Final = (capabilities.MACHINE_SUBNET, capabilities.ENDPOINT_SUBNET)
"""What subnets are all of whose holders show network interfaces; gateways, Bastion and App Service show none."""


def _holders(judged: Judged) -> Side | None:
    """Return the addresses in use in a subnet, where those are told: rules may name them, or their groups, alone."""
    held = [each.addresses for each in judged.filters.interfaces if judged.has_interfaces]
    return Side(union(*held)) if any(held) else None


def _unplaced(judged: Judged) -> list[FilterChain]:
    """Return the chains of those in a subnet whose addresses are not told, such as the instances of a scale set."""
    if not judged.has_interfaces:
        return []
    held = (each for each in judged.filters.interfaces if not each.addresses and each.space)
    return [judged.filters.chain_at(each, judged.expected.direction) for each in held]


_ENDS: Final = (Side(addresses.PUBLIC), Side(symbols=(NETWORK_SPACE,)))


def _other_end(side: Side, direction: Direction) -> Match:
    return Match(side, ANYWHERE) if direction is Direction.INBOUND else Match(ANYWHERE, side)


def _seen(path: FilterChain, limits: Limits) -> FilterChain:
    """Return the path with only the packets that rules see."""
    return path if limits.internet_filtered else replace(path, destinations=addresses.RFC_1918)
