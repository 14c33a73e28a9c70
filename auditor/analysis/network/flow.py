"""Facts about flows: which subnet of a workload reaches which other one, and whether anybody planned that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.network.expected import RowBinder
from auditor.architecture.workloads import Workload
from auditor.azure.ranges import intersection
from auditor.model import Fact, Gap, Resource
from auditor.network.describe import AddressNames
from auditor.network.filter_chain import FilterChain
from auditor.network.search import Search
from auditor.network.security_rules import ALL_PROTOCOLS, ANYWHERE, WITH_PORTS, Direction, Match
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, sentence
from auditor.truth import Truth

KIND: Final = "network.flow"
FIELDS: Final[Mapping[str, str]] = {
    "from": "the component of the subnet that the traffic leaves",
    "to": "the component of the subnet that it enters",
    "fromSubnet": "the name of the subnet that the traffic leaves",
    "toSubnet": "the name of the subnet that it enters",
    "planned": "whether the table lets anything pass between them",
    "open": "whether some connection (TCP or UDP) passes both ends",
    "unplanned": "whether some connection passes both ends that the table does not let pass",
    "portless": "whether ICMP, ESP or AH passes that the table does not let pass",
    "traffic[*].traffic": "what passes beyond the table, in words",
    "traffic[*].rules[*]": "the rules of both ends that let it pass",
}
_ENDPOINTS: Final = "subnet/private-endpoints"


@dataclass(frozen=True, slots=True)
class Tier:
    """A subnet with the role it plays in a workload."""

    role: str
    place: SubnetFilters


def tiers(places: Subnets, workload: Workload, roles: list[str]) -> list[Tier]:
    """Return the subnets of a workload that play a role, by role."""
    return [Tier(role, places.at(subnet)) for role in roles for subnet in workload.resources(role)]


def flow_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each ordered pair of subnets of a workload that a packet can take.

    Private endpoints start no connection; they are where flows end only.
    """
    for workload in context.workloads.all:
        binder = RowBinder(context, places, workload)
        for source, target in permutations(tiers(places, workload, list(binder.roles())), 2):
            is_pair = source.place.subnet.key != target.place.subnet.key and source.role != _ENDPOINTS
            if is_pair and are_connected(context, source.place.subnet, target.place.subnet):
                yield _fact(context, workload, (source, target), binder.flows(source.role, target.role))


def are_connected(context: Context, one: Resource, other: Resource) -> bool:
    """Whether two subnets lie in one virtual network or in peered ones."""
    near, far = ids.parent_of(one.key) or "", ids.parent_of(other.key) or ""
    return near == far or far in context.estate.targets(near, "peered")


def paths_between(source: SubnetFilters, target: SubnetFilters, *, is_endpoint: bool) -> Iterator[FilterChain]:
    """Yield the ways from one subnet to another: out through the one's filters, in through the other's."""
    for leaving in source.paths(Direction.OUTBOUND):
        for entering in target.paths(Direction.INBOUND):
            is_open = is_endpoint and not target.enforces_on_endpoints
            layers = leaving.layers if is_open else (*leaving.layers, *entering.layers)
            sources = intersection(leaving.sources, source.prefixes)
            targets = intersection(entering.destinations, target.prefixes)
            yield FilterChain(layers, source.surroundings, sources, targets)


def _fact(context: Context, owner: Workload, pair: tuple[Tier, Tier], planned: tuple[Match, ...]) -> Fact:
    near, far = pair[0].place, pair[1].place
    fields: dict[str, Any] = {
        "from": pair[0].role,
        "to": pair[1].role,
        "fromSubnet": near.subnet.name,
        "toSubnet": far.subnet.name,
        "planned": bool(planned),
    }
    title = f"From subnet {near.subnet.name} to {far.subnet.name}"
    gap = near.gap or far.gap
    gaps: dict[str, Gap] = {}
    witness = None
    if gap is not None:
        gaps = dict.fromkeys(("open", "unplanned", "portless", "traffic"), gap)
        summary = f"{title}: what passes is not known ({gap.reason})."
    else:
        judged = _Pair(pair, planned)
        fields |= judged.fields()
        gaps = judged.gaps(near.subnet.id)
        packet = judged.excess.witness()
        witness = packet.as_json() if packet else None
        found = judged.excess.lines()
        summary = f"{title}: " + (
            f"more passes than the table plans: {sentence(found, 2)}." if found else "nothing unplanned passes."
        )
    built = facts.build(
        context,
        KIND,
        near.subnet.id,
        fields,
        sub_object=f"to {far.subnet.name}",
        summary=summary,
        inputs=(*near.inputs, *far.inputs),
        uncollected=gaps,
        role=(owner.name, pair[0].role),
    )
    return replace(built, witness=witness)


class _Pair:
    """What passes from one subnet to another: connections (TCP and UDP), and packets of protocols without ports."""

    def __init__(self, pair: tuple[Tier, Tier], planned: tuple[Match, ...]) -> None:
        source, target = pair
        rows = [*planned, _CONNECTIONS, _PORTLESS]
        ways = paths_between(source.place, target.place, is_endpoint=target.role == _ENDPOINTS)
        asked = [Search(path, rows) for path in ways]
        shown = AddressNames(is_pair=True)
        self.open = TrafficVerdict(tuple(one.reach([_CONNECTIONS]) for one in asked), shown)
        self.excess = TrafficVerdict(tuple(one.only(planned, among=[_CONNECTIONS]) for one in asked), shown)
        self.portless = TrafficVerdict(tuple(one.only(planned, among=[_PORTLESS]) for one in asked), shown)

    def fields(self) -> dict[str, Any]:
        return {
            "open": self.open.truth is Truth.YES,
            "unplanned": self.excess.truth is Truth.YES,
            "portless": self.portless.truth is Truth.YES,
            "traffic": self.excess.records(),
        }

    def gaps(self, scope: str) -> dict[str, Gap]:
        verdicts = {"open": self.open, "unplanned": self.excess, "portless": self.portless}
        return {name: gap for name, one in verdicts.items() if (gap := one.gap(scope)) is not None}


_CONNECTIONS: Final = Match(ANYWHERE, ANYWHERE, WITH_PORTS)
_PORTLESS: Final = Match(ANYWHERE, ANYWHERE, ALL_PROTOCOLS & ~WITH_PORTS)
