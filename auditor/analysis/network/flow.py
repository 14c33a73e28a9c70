"""Facts about flows: which subnet of a workload reaches which other one, and whether anybody planned that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact, given
from auditor.analysis.network.decided import DecidedTraffic, decided, rules_first, witness_of
from auditor.analysis.network.expected import RowBinder
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload
from auditor.azure.ranges import intersection
from auditor.model import FindingSet, Gap
from auditor.network.describe import AddressNames, Sentence
from auditor.network.filter_chain import FilterChain
from auditor.network.forwarding import Forwarding, Path
from auditor.network.search import Search, SearchResult
from auditor.network.security_rules import ALL_PROTOCOLS, ANYWHERE, WITH_PORTS, Direction, Match
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, joined
from auditor.truth import Truth


@fact("network.flow", subject="the subnet that the traffic leaves")
class Flow(Fact, frozen=True, kw_only=True):
    """What passes from one subnet of a workload to another."""

    from_: str
    """the component of the subnet that the traffic leaves"""
    to: str
    """the component of the subnet that it enters"""
    from_subnet: str
    """the name of the subnet that the traffic leaves"""
    to_subnet: str
    """the name of the subnet that it enters"""
    planned: bool
    """whether the table lets anything pass between them"""
    open: Known[bool]
    """whether some connection (TCP or UDP) passes both ends"""
    unplanned: Known[bool]
    """whether some connection passes both ends that the table does not let pass"""
    portless: Known[bool]
    """whether ICMP, ESP or AH passes that the table does not let pass"""
    traffic: Known[tuple[DecidedTraffic, ...]]
    """what passes beyond the table, with the rules of both ends that let it pass"""
    excess: Hidden[Sequence[Sentence]]
    beyond: Hidden[TrafficVerdict | None]

    def raw_inputs(self) -> Sequence[tuple[str, str]]:
        """Return the rules of both ends that let pass what is not planned, with what makes them hold there."""
        return rules_first([self.beyond] if self.beyond else [], self.about.inputs)

    def sentence(self) -> str:
        """Say what passes that nobody planned."""
        title = f"From subnet {self.from_subnet} to {self.to_subnet}"
        if isinstance(self.traffic, Gap):
            return f"{title}: what passes is not known ({self.traffic.reason})."
        if self.excess:
            rows = " to ".join(role.rpartition("/")[2] for role in (self.from_, self.to))
            return f"{title}: more passes than the traffic table ({rows}) plans: {joined(self.excess, 2)}."
        return f"{title}: nothing unplanned passes."

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return the connections that pass beyond the table."""
        return self.beyond.packets() if self.beyond and "unplanned" in fields else None

    def witness(self) -> Mapping[str, object] | None:
        """Return a packet that passes beyond the table."""
        return witness_of([self.beyond] if self.beyond else [])


class Tier(Struct, frozen=True):
    """A subnet with the role it plays in a workload."""

    role: str
    filters: SubnetFilters
    holds_endpoints: bool


def tiers(subnets: Subnets, workload: Workload, roles: list[str]) -> list[Tier]:
    """Return the subnets of a workload that play a role, by role."""
    holders = workload.givers.get(capabilities.ENDPOINT_SUBNET, ())
    return [Tier(role, subnets.at(subnet), role in holders) for role in roles for subnet in workload.resources(role)]


def flow_facts(context: Context, subnets: Subnets) -> Iterator[Flow]:
    """Yield one fact for each ordered pair of subnets of a workload that a packet can take.

    Private endpoints start no connection; they are where flows end only.
    """
    forwarding = Forwarding(subnets)
    planned: dict[tuple[str, str], tuple[Match, ...]] = {}
    for workload in context.workloads.all:
        binder = RowBinder(context, subnets, workload)
        for source, target in permutations(tiers(subnets, workload, list(binder.roles())), 2):
            if source.filters.subnet.key != target.filters.subnet.key and not source.holds_endpoints:
                paths = forwarding.to_subnet(source.filters, target.filters, target.filters.prefixes)
                ways = [path for path in paths if not path.stops]
                is_unread = (source.filters.gap or target.filters.gap) is not None and _are_near(
                    context, source, target
                )
                if ways or is_unread:
                    roles = source.role, target.role
                    if roles not in planned:
                        planned[roles] = binder.flows(*roles)
                    yield _fact(context, workload, (source, target), ways, planned[roles])


def _are_near(context: Context, source: Tier, target: Tier) -> bool:
    """Whether two subnets lie in one network or in peered ones, whatever could not be read of them."""
    near, far = (ids.parent_of(tier.filters.subnet.key) or "" for tier in (source, target))
    return near == far or far in context.estate.targets(near, "peered")


def _chains(source: SubnetFilters, target: SubnetFilters, path: Path, *, is_endpoint: bool) -> Iterator[FilterChain]:
    """Yield the filters on a path from one subnet to another: out through the one's, in through the other's."""
    for leaving in source.chains(Direction.OUTBOUND):
        for entering in target.chains(Direction.INBOUND):
            is_open = is_endpoint and not target.enforces_on_endpoints
            own = (*leaving.filters, *path.filters)
            layers = own if is_open else (*own, *entering.filters)
            sources = intersection(leaving.sources, source.prefixes)
            targets = intersection(entering.destinations, path.destinations)
            yield FilterChain(layers, source.surroundings, sources, targets)


def _fact(
    context: Context, workload: Workload, pair: tuple[Tier, Tier], ways: Sequence[Path], planned: tuple[Match, ...]
) -> Flow:
    near, far = pair[0].filters, pair[1].filters
    scope = near.subnet.id
    passing = near.gap or far.gap or _PacketsBetween(pair, ways, planned)
    excess = () if isinstance(passing, Gap) else passing.excess.certain.lines
    return Flow(
        about=facts.about(
            context,
            near.subnet.id,
            sub_object=f"to {far.subnet.name}",
            inputs=(*near.inputs, *far.inputs),
            role=(workload.name, pair[0].role),
        ),
        from_=pair[0].role,
        to=pair[1].role,
        from_subnet=near.subnet.name,
        to_subnet=far.subnet.name,
        planned=bool(planned),
        open=given(passing, lambda passing: passing.open.holds(scope)),
        unplanned=given(passing, lambda passing: passing.excess.holds(scope)),
        portless=given(passing, lambda passing: passing.portless.holds(scope)),
        traffic=given(passing, lambda _: decided(excess)),
        excess=excess,
        beyond=None if isinstance(passing, Gap) else passing.excess.certain,
    )


class _Verdict:
    """What passes on ways that are certain, and on those of which it is not known whether packets get over them."""

    def __init__(self, certain: Sequence[SearchResult], doubtful: Sequence[tuple[SearchResult, str]]) -> None:
        shown = AddressNames(is_pair=True)
        self.certain = TrafficVerdict(tuple(certain), shown)
        self._doubts = [doubt for result, doubt in doubtful if result.truth is not Truth.NO]

    def holds(self, scope: str) -> bool | Gap:
        """Return whether something passes, or why that is not known."""
        found = self.certain.holds(scope)
        return found if found is not False or not self._doubts else Gap(scope, "properties.routeTable", self._doubts[0])


class _PacketsBetween:
    """What passes from one subnet to another: connections (TCP and UDP), and packets of protocols without ports."""

    def __init__(self, pair: tuple[Tier, Tier], ways: Sequence[Path], planned: tuple[Match, ...]) -> None:
        source, target = pair
        rows = [*planned, _CONNECTIONS, _PORTLESS]
        is_endpoint = target.holds_endpoints
        chains = [
            (chain, ", ".join(path.doubts))
            for path in ways
            for chain in _chains(source.filters, target.filters, path, is_endpoint=is_endpoint)
        ]
        is_closed = all(chain.lets_nothing_pass() for chain, _ in chains)
        self._asked = [] if is_closed else [(Search(chain, rows), doubt) for chain, doubt in chains]
        self.open = self._verdict(lambda search: search.permitted([_CONNECTIONS]))
        self.excess = self._verdict(lambda search: search.excess(planned, among=[_CONNECTIONS]))
        self.portless = self._verdict(lambda search: search.excess(planned, among=[_PORTLESS]))

    def _verdict(self, ask: Callable[[Search], SearchResult]) -> _Verdict:
        answers = [(ask(search), doubt) for search, doubt in self._asked]
        certain = [answer for answer, doubt in answers if not doubt]
        return _Verdict(certain, [(answer, doubt) for answer, doubt in answers if doubt])


_CONNECTIONS: Final = Match(ANYWHERE, ANYWHERE, WITH_PORTS)
_PORTLESS: Final = Match(ANYWHERE, ANYWHERE, ALL_PROTOCOLS & ~WITH_PORTS)
