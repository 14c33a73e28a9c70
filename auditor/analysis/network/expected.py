"""Read the baseline's table of subnet traffic: who may, and who must, talk to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.architecture.workloads import Workload, may_have_any
from auditor.azure import body
from auditor.azure.addresses import parse
from auditor.azure.ranges import union
from auditor.errors import ContentError
from auditor.model import Gap
from auditor.network.security_rules import ANYWHERE, NETWORK_SPACE, Direction, Match, Side, is_tag, parse_match, tag
from auditor.network.subnets import Subnets

TABLE: Final = "traffic"
_NETWORK: Final = "virtual-network"
_SUBNET_ROLE: Final = "subnet/"


class TrafficRow(Struct, frozen=True):
    """One row: what the other end is called, the traffic (of one direction), and why it is there."""

    peer: str
    match: Match
    why: str
    is_required: bool


class Expected(Struct, frozen=True, dict=True):
    """What the table says of one subnet role in one direction. `is_explicit`: the rest is to be denied by a rule.

    `unseen` and, of what must pass, `unseen_need`: why there may be more rows, of subnets that are not known.
    """

    control: str
    direction: Direction
    rows: tuple[TrafficRow, ...]
    is_explicit: bool
    unseen: Gap | None = None
    unseen_need: Gap | None = None

    @cached_property
    def allowed(self) -> tuple[Match, ...]:
        """Return everything that may pass."""
        return tuple(row.match for row in self.rows)

    @property
    def required(self) -> tuple[Match, ...]:
        """Return everything that must pass."""
        return tuple(row.match for row in self.rows if row.is_required)


class RowBinder(Struct, frozen=True):
    """The table in one workload: names of components become the prefixes of its subnets."""

    context: Context
    subnets: Subnets
    workload: Workload

    def roles(self) -> Sequence[str]:
        """Return the subnet roles that the table has rows for."""
        return roles_of(self.context.tables)

    @property
    def _table(self) -> Mapping[str, object]:
        return _mapping(self.context.tables.get(TABLE))

    def expected(self, role: str, direction: Direction) -> Expected | None:
        """Return what the table says of a subnet role in one direction, or None where it says nothing."""
        rows_of_role = _mapping(_mapping(self._table.get("subnets")).get(role)).get(direction.value.lower())
        if not isinstance(rows_of_role, Mapping):
            return None
        needs, others = (_listed(rows_of_role.get(name)) for name in ("must", "may"))
        rows = [
            row
            for entries, is_required in ((needs, True), (others, False))
            for entry in entries
            for row in self._rows(entry, direction, is_required=is_required)
        ]
        unseen_need = self._unseen(needs, direction)
        return Expected(
            control=str(rows_of_role.get("control", "")),
            direction=direction,
            rows=tuple(rows),
            is_explicit=rows_of_role.get("explicit") is True,
            unseen=unseen_need or self._unseen(others, direction),
            unseen_need=unseen_need,
        )

    def _unseen(self, entries: Iterable[Mapping[str, object]], direction: Direction) -> Gap | None:
        """Return why the subnet at the other end of some row is not known, or None where all that there are, are."""
        peers = [peer for entry in entries for peer in self._peers(entry, _other_end(direction))]
        unbound = (peer for peer in peers if peer.startswith(_SUBNET_ROLE) and self._side(peer) is None)
        return may_have_any(self.context.estate, self.context.workloads, self.workload, unbound)

    def flows(self, source: str, destination: str) -> tuple[Match, ...]:
        """Return the traffic that the table lets pass from one subnet role to another."""
        found = [
            entry
            for entry in _listed(self._table.get("flows"))
            if source in body.text_or_texts(entry, "from") and destination in body.text_or_texts(entry, "to")
        ]
        return tuple(_match(entry, ANYWHERE, ANYWHERE) for entry in found)

    def _rows(self, entry: Mapping[str, object], direction: Direction, *, is_required: bool) -> Iterator[TrafficRow]:
        why = str(entry.get("why", ""))
        for peer in self._peers(entry, _other_end(direction)):
            side = self._side(peer)
            if side is not None:
                ends = (side, ANYWHERE) if direction is Direction.INBOUND else (ANYWHERE, side)
                yield TrafficRow(peer, _match(entry, *ends), why, is_required)

    def _peers(self, entry: Mapping[str, object], end: str) -> Iterator[str]:
        name = entry.get("parameter")
        if isinstance(name, str):
            yield from body.text_or_texts(facts.parameter(self.context, name, entry.get("default", [])))
        else:
            yield from body.text_or_texts(entry, end)

    def _side(self, peer: str) -> Side | None:
        """Return the addresses of the other end; None where the workload has no such subnet."""
        if peer in {"*", "anywhere"}:
            return ANYWHERE
        if peer == _NETWORK:
            return Side(symbols=(NETWORK_SPACE,))
        if peer.startswith(_SUBNET_ROLE):
            bound = [self.subnets.at(subnet).prefixes for subnet in self.workload.resources(peer)]
            return Side(union(*bound)) if any(bound) else None
        prefix = parse(peer)
        if prefix is not None:
            return Side(prefix)
        if not is_tag(peer):
            raise ContentError(f"the traffic table names '{peer}', which is no address, service tag or subnet role")
        return Side(symbols=(tag(peer),))


def _other_end(direction: Direction) -> str:
    return "from" if direction is Direction.INBOUND else "to"


def roles_of(tables: Mapping[str, object]) -> Sequence[str]:
    """Return the subnet roles that the table of traffic has rows for, sorted."""
    return sorted(_mapping(_mapping(tables.get(TABLE)).get("subnets")))


def guarded_ports(context: Context) -> tuple[tuple[str, Match], ...]:
    """Return the ports that the Internet must not reach, by what they are for."""
    entries = _listed(_mapping(context.tables.get(TABLE)).get("guarded-ports"))
    return tuple((str(entry.get("name", "")), _match(entry, ANYWHERE, ANYWHERE)) for entry in entries)


def _match(entry: Mapping[str, object], source: Side, destination: Side) -> Match:
    named, ports = entry.get("protocol", "*"), entry.get("ports", "*")
    kinds, told = (tuple(each if isinstance(each, list) else [each]) for each in (named, ports))
    read = _traffic if all(type(each) in {str, int} for each in (*kinds, *told)) else _traffic.__wrapped__
    return replace(read(kinds, told), source=source, destination=destination)


@lru_cache(maxsize=256)
def _traffic(protocols: tuple[object, ...], ports: tuple[object, ...]) -> Match:
    """Return the traffic of some protocols to some ports, as a row of the table has them."""
    kinds = [_read(protocol, ports) for protocol in protocols]
    return replace(kinds[0], protocols=reduce(or_, (kind.protocols for kind in kinds), 0))


def _read(protocol: object, ports: Sequence[object]) -> Match:
    rule = {
        "protocol": protocol,
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationPortRanges": list(ports),
    }
    read, problems = parse_match(rule)
    if problems:
        raise ContentError(f"the traffic table has a row that cannot be read: {', '.join(problems)}")
    return read


def _mapping(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else {}


def _listed(found: object) -> Sequence[Mapping[str, object]]:
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list | tuple) else []
