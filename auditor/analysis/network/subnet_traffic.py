"""Facts about subnets: what their groups let through beyond the table, what they withhold, what they deny explicitly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.network.expected import Expected, RowBinder, TrafficRow
from auditor.analysis.network.rule_effects import idle_denies
from auditor.architecture.workloads import Workload
from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.model import Fact, Gap
from auditor.network.describe import AddressNames
from auditor.network.filter_chain import FilterChain
from auditor.network.integration import is_outbound_filtered
from auditor.network.search import Search, SearchResult
from auditor.network.security_rules import ANYWHERE, NETWORK_SPACE, Direction, Match, Side
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, rule_names, sentence
from auditor.network.witness import Packet
from auditor.truth import Truth

KIND: Final = "network.subnet-traffic"
FIELDS: Final[Mapping[str, str]] = {
    "control": "the catalogue entry of the table's row",
    "role": "the subnet's component",
    "subnet": "the subnet's name",
    "direction": "`Inbound` or `Outbound`",
    "group": "the name of the subnet's network security group; null without one",
    "enforced": "whether the group's rules of this direction have any effect here",
    "notEnforcedBecause": "why they have none; empty where they have",
    "internetFiltered": "whether rules see traffic to public addresses (App Service only routes it in if told to)",
    "tooOpen": "whether more is let through than the table allows",
    "excess[*].traffic": "what is let through beyond the table, in words",
    "excess[*].rules[*]": "the rules that let it through",
    "excessInternet": "whether some of the excess is from or to public addresses",
    "excessNetwork": "whether some of the excess is within the virtual network, its peers or behind its gateway",
    "excessByDefault": "whether some of the excess is let through by Azure's default rules",
    "broken": "whether something that the table requires is stopped",
    "lacking[*].traffic": "what is stopped, in words",
    "lacking[*].rules[*]": "the rules that stop it",
    "lacking[*].why": "what it is required for",
    "denialExpected": "whether the table wants the rest denied by a rule",
    "explicitlyDenied": "whether everything outside the table is stopped by a rule of the group's own, not by a default",
    "openByDefault": "whether a default rule, or the want of a group, lets the network or the Internet through",
    "stoppedBy[*]": "the rules that stop what the table does not allow",
    "idleDenies[*]": "rules of this direction that are to deny and decide about no packet here, and why",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the rules of a direction do not count: why not at all, or whether public traffic passes them by."""

    not_enforced: str = ""
    internet_filtered: bool = True
    gap: Gap | None = None


def subnet_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each direction of each subnet that plays a role of the table."""
    for workload in context.workloads.all:
        binder = RowBinder(context, places, workload)
        names = known_names(places, workload)
        for role in binder.roles():
            for subnet in workload.resources(role):
                for direction in Direction:
                    expected = binder.expected(role, direction)
                    if expected is not None:
                        yield _fact(context, places.at(subnet), expected, (workload.name, role), names)


def known_names(places: Subnets, workload: Workload) -> Mapping[str, Ranges]:
    """Return the address sets that answers may call by name: the subnets of the workload's networks."""
    found = {}
    for network in workload.resources("vnet"):
        for subnet in places.context.estate.children(network.key, "microsoft.network/virtualnetworks/subnets"):
            found[subnet.name] = places.at(subnet).prefixes
    return {name: prefixes for name, prefixes in sorted(found.items()) if prefixes}


def _fact(
    context: Context, place: SubnetFilters, expected: Expected, owner: tuple[str, str], names: Mapping[str, Ranges]
) -> Fact:
    direction, role = expected.direction, owner[1]
    limits = _limits(context, place, role, direction)
    fields: dict[str, Any] = {
        "control": expected.control,
        "role": role,
        "subnet": place.subnet.name,
        "direction": direction.value,
        "group": place.group.name if place.group else None,
        "enforced": not limits.not_enforced,
        "notEnforcedBecause": limits.not_enforced,
        "internetFiltered": limits.internet_filtered,
        "denialExpected": expected.is_explicit,
    }
    judged = _Judgement(place, expected, limits, AddressNames(names, place.prefixes))
    gaps: dict[str, Gap] = {}
    if place.gap is not None:
        gaps |= dict.fromkeys(_VERDICTS, place.gap)
        gaps |= {"internetFiltered": limits.gap} if limits.gap is not None else {}
        verb = "gets into" if direction is Direction.INBOUND else "gets out of"
        summary, witness = f"What {verb} subnet {place.subnet.name} is not known ({place.gap.reason})", None
    else:
        found, unknown = judged.fields()
        fields |= found
        gaps |= unknown
        if limits.gap is not None:  # what leaves for the Internet may take this way, and be let through
            unsure = [name for name in ("tooOpen", "excessInternet", "openByDefault") if not found[name]]
            gaps = dict.fromkeys(["internetFiltered", *unsure], limits.gap) | gaps
        if found["tooOpen"] and (gap := context.estate.type_gap(_ENDPOINTS)) is not None:
            # which subnet holds the private endpoints is not known, so neither is what the table allows towards it
            gaps |= dict.fromkeys(_EXCESS, gap)
        summary, witness = judged.summary(), judged.witness()
    built = facts.build(
        context,
        KIND,
        place.subnet.id,
        fields,
        sub_object=direction.value,
        summary=f"{summary}.",
        inputs=place.inputs,
        uncollected=gaps,
        role=owner,
    )
    return replace(built, witness=witness.as_json() if witness else None)


_ENDPOINTS: Final = "microsoft.network/privateendpoints"
_EXCESS: Final = ("tooOpen", "excess", "excessInternet", "excessNetwork", "excessByDefault", "openByDefault")
_VERDICTS: Final = (
    "tooOpen", "excess", "excessInternet", "excessNetwork", "excessByDefault", "broken", "lacking", "explicitlyDenied",
    "openByDefault", "stoppedBy", "idleDenies",
)  # fmt: skip


def _limits(context: Context, place: SubnetFilters, role: str, direction: Direction) -> Limits:
    if role == "subnet/private-endpoints" and not place.enforces_on_endpoints:
        return Limits("the network policies of the subnet for private endpoints are off (NET-PE-001)")
    if role == "subnet/app-service":
        if direction is Direction.INBOUND:
            return Limits("inbound rules do not apply to the integration of App Service")
        filtered, gap = is_outbound_filtered(context, place.subnet)
        return Limits(internet_filtered=filtered, gap=gap)
    return Limits()


class _Judgement:
    """A subnet's paths in one direction, compared with the table."""

    def __init__(self, place: SubnetFilters, expected: Expected, limits: Limits, names: AddressNames) -> None:
        self.place, self.expected, self.names = place, expected, names
        paths = [_seen(path, limits) for path in place.paths(expected.direction)]
        self.internet, self.network = (_other_end(side, expected.direction) for side in _ENDS)
        rows = [*expected.allowed, self.internet, self.network]
        self.inquiries = [Search(path, rows) for path in paths]
        self.excess = self._verdict([one.only(expected.allowed) for one in self.inquiries])
        self.lacking = [(row, self._lacking(row)) for row in expected.rows if row.is_required]
        self.explicit = self._verdict([one.explicit(expected.allowed) for one in self.inquiries])
        self.default = self._verdict([one.by_default([self.internet, self.network]) for one in self.inquiries])
        self.idle = idle_denies(place, expected.direction, names)

    def _verdict(self, answers: Sequence[SearchResult]) -> TrafficVerdict:
        return TrafficVerdict(tuple(answers), self.names)

    def _lacking(self, row: TrafficRow) -> TrafficVerdict:
        return self._verdict([one.missing([row.match]) for one in self.inquiries])

    def _among(self, part: Match) -> TrafficVerdict:
        return self._verdict([one.only(self.expected.allowed, among=[part]) for one in self.inquiries])

    def fields(self) -> tuple[dict[str, Any], dict[str, Gap]]:
        scope = self.place.subnet.id
        stopped = self._verdict([one.stopped(self.expected.allowed) for one in self.inquiries])
        questions = {
            "tooOpen": self.excess,
            "excessInternet": self._among(self.internet),
            "excessNetwork": self._among(self.network),
        }
        found: dict[str, Any] = {name: one.truth is Truth.YES for name, one in questions.items()}
        gaps = {name: gap for name, one in questions.items() if (gap := one.gap(scope)) is not None}
        found["excess"] = self.excess.records()
        found["excessByDefault"] = any(
            not one.deciders[-1].rule.is_custom for one in self.excess.decisions() if one.deciders
        )
        broken = [one for _, one in self.lacking if one.truth is Truth.YES]
        found["broken"] = bool(broken)
        found["lacking"] = [
            {**record, "why": row.why}
            for row, one in self.lacking
            if one.truth is not Truth.NO
            for record in one.records()
        ]
        if not broken and (gap := next((gap for _, one in self.lacking if (gap := one.gap(scope))), None)):
            gaps["broken"] = gap
        found["explicitlyDenied"] = self.explicit.truth is Truth.NO
        found["openByDefault"] = self.default.truth is Truth.YES
        rest = {"explicitlyDenied": self.explicit, "openByDefault": self.default}
        gaps |= {name: gap for name, one in rest.items() if (gap := one.gap(scope)) is not None}
        if self.excess.truth is Truth.UNKNOWN:
            gaps["excessByDefault"] = gaps["tooOpen"]
        found["stoppedBy"] = rule_names(stopped.decisions())
        found["idleDenies"] = self.idle
        return found, gaps

    def summary(self) -> str:
        """Return the verdict as a sentence without its end."""
        parts = []
        way = "in" if self.expected.direction is Direction.INBOUND else "out"
        if self.excess.truth is Truth.YES:
            parts.append(f"lets {way} more than the table allows: {sentence(self.excess.lines())}")
            parts += self.idle
        elif (gap := self.excess.gap("")) is not None:
            parts.append(f"whether it lets {way} too much is not known ({gap.reason})")
        for row, one in self.lacking:
            if one.truth is Truth.YES:
                parts.append(f"does not let {way} what is needed for {row.why}: {sentence(one.lines(), 1)}")
        parts = parts or [f"lets {way} what the table allows and nothing else"]
        is_open = self.explicit.truth is self.default.truth is Truth.YES
        if self.expected.is_explicit and is_open:
            parts.append("no rule of its group denies the rest, so that Azure's default rules decide about it")
        said = "; ".join(parts)
        return f"Subnet {self.place.subnet.name} {said}"

    def witness(self) -> Packet | None:
        """Return a packet that should not pass, else one that should."""
        return next((found for one in (self.excess, *(v for _, v in self.lacking)) if (found := one.witness())), None)


_ENDS: Final = (Side(addresses.PUBLIC), Side(symbols=(NETWORK_SPACE,)))


def _other_end(side: Side, direction: Direction) -> Match:
    return Match(side, ANYWHERE) if direction is Direction.INBOUND else Match(ANYWHERE, side)


def _seen(path: FilterChain, limits: Limits) -> FilterChain:
    """Return the path with only the packets that rules see."""
    return path if limits.internet_filtered else replace(path, destinations=addresses.RFC_1918)
