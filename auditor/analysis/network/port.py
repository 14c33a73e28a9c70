"""Facts about ports: those that the Internet must not reach, and those of the Application Gateway's control plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.network.expected import guarded_ports
from auditor.azure import addresses
from auditor.model import Fact, Gap
from auditor.network.describe import AddressNames
from auditor.network.search import Search, SearchResult
from auditor.network.security_rules import ALL_PORTS, ANYWHERE, NETWORK_SPACE, Direction, Match, Side, tag
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.verdicts import TrafficVerdict, sentence
from auditor.truth import Truth

GUARDED: Final = "network.guarded-ports"
GUARDED_FIELDS: Final[Mapping[str, str]] = {
    "subnet": "the subnet's name",
    "group": "the name of its network security group; null without one",
    "filtered": "whether the subnet or an interface in it has a group at all",
    "open": "whether some public address reaches one of the guarded ports",
    "everyone": "whether everybody does, and not only some addresses or Azure's own services",
    "ports[*].name": "what the open ports are for",
    "ports[*].traffic[*]": "what is let through, in words with the rules",
    "ports[*].everyone": "whether everybody reaches them",
}
CONTROL_PLANE: Final = "network.gateway-ports"
CONTROL_PLANE_FIELDS: Final[Mapping[str, str]] = {
    "subnet": "the name of the Application Gateway's subnet",
    "group": "the name of its network security group; null without one",
    "ports": "the ports of the control plane",
    "managerAllowed": "whether GatewayManager reaches them",
    "openToInternet": "whether public addresses that are not GatewayManager's reach them",
    "openToNetwork": "whether the virtual network reaches them",
    "open[*].traffic": "what is let through to them besides GatewayManager and health probes, in words",
    "open[*].rules[*]": "the rules that let it through",
}
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_GATEWAYS: Final = "microsoft.network/applicationgateways"
# https://learn.microsoft.com/azure/application-gateway/configuration-infrastructure#network-security-groups
_V1_PORTS, _V2_PORTS = ((65503, 65535),), ((65200, 65536),)
_TCP: Final = 0b1
_PUBLIC: Final = Side(addresses.PUBLIC)
_STRANGERS: Final = Side(addresses.STRANGERS)


def guarded_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each subnet: which guarded ports public addresses reach."""
    guarded = guarded_ports(context)
    for subnet in context.estate.of_type(_SUBNETS) if guarded else ():
        yield _guarded(context, places.at(subnet), guarded)


def _guarded(context: Context, place: SubnetFilters, guarded: Sequence[tuple[str, Match]]) -> Fact:
    fields: dict[str, Any] = {"subnet": place.subnet.name, "group": place.group.name if place.group else None}
    fields["filtered"] = place.group is not None or any(one.group is not None for one in place.interfaces)
    gaps: dict[str, Gap] = {}
    witness = None
    if place.gap is not None:
        gaps = dict.fromkeys(("open", "everyone", "ports"), place.gap)
        summary = f"Which ports of subnet {place.subnet.name} the Internet reaches is not known ({place.gap.reason})."
    else:
        found = _open_ports(place, guarded)
        fields["ports"] = [
            {"name": name, "traffic": [str(line) for line in one.lines()], "everyone": everyone}
            for name, one, everyone in found
        ]
        sure = [(name, one, everyone) for name, one, everyone in found if one.truth is Truth.YES]
        fields |= {"open": bool(sure), "everyone": any(everyone for _, _, everyone in sure)}
        doubt = next((gap for _, one, _ in found if (gap := one.gap(place.subnet.id))), None)
        if doubt is not None and not sure:
            gaps = dict.fromkeys(("open", "everyone"), doubt)
        packet = sure[0][1].witness() if sure else None
        witness = packet.as_json() if packet else None
        summary = _guarded_summary(place, sure, doubt)
    built = facts.build(
        context, GUARDED, place.subnet.id, fields, summary=summary, inputs=place.inputs, uncollected=gaps
    )
    return replace(built, witness=witness)


def _open_ports(place: SubnetFilters, guarded: Sequence[tuple[str, Match]]) -> list[tuple[str, TrafficVerdict, bool]]:
    """Return the guarded ports that public addresses reach or may reach, and whether everybody does."""
    rows = {name: (replace(match, source=_PUBLIC), replace(match, source=_STRANGERS)) for name, match in guarded}
    mentions = [row for pair in rows.values() for row in pair]
    asked = [Search(path, mentions) for path in place.paths(Direction.INBOUND)]
    found = []
    for name, (public, strangers) in rows.items():
        verdict = TrafficVerdict(tuple(one.reach([public]) for one in asked), AddressNames(here=place.prefixes))
        if verdict.truth is not Truth.NO:
            everyone = any(one.reach([strangers]).truth is Truth.YES for one in asked)
            found.append((name, verdict, everyone))
    return found


def _guarded_summary(place: SubnetFilters, sure: Sequence[tuple[str, TrafficVerdict, bool]], doubt: Gap | None) -> str:
    subnet = place.subnet.name
    if sure:
        said = "; ".join(f"{name}: {sentence(one.lines(), 2)}" for name, one, _ in sure)
        return f"The Internet reaches guarded ports of subnet {subnet}: {said}."
    if doubt is not None:
        return f"Whether the Internet reaches guarded ports of subnet {subnet} is not known ({doubt.reason})."
    return f"The Internet reaches no guarded port of subnet {subnet}."


def control_plane_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each subnet of an Application Gateway: who reaches the ports of its control plane."""
    for subnet in context.estate.of_type(_SUBNETS):
        keys = context.estate.sources(subnet.key, "attached")
        gateways = [g for key in keys if (g := context.estate.get(key)) is not None and g.type_key == _GATEWAYS]
        if gateways:
            is_v1 = all(_is_v1(gateway.body) for gateway in gateways)
            yield _control_plane(context, places.at(subnet), _V1_PORTS if is_v1 else _V2_PORTS)


def _is_v1(body: Mapping[str, Any]) -> bool:
    sku = body.get("properties")
    tier = sku.get("sku") if isinstance(sku, Mapping) else None
    name = tier.get("tier") if isinstance(tier, Mapping) else None
    return isinstance(name, str) and name.lower() in {"standard", "waf"}


def _control_plane(context: Context, place: SubnetFilters, ports: tuple[tuple[int, int], ...]) -> Fact:
    text = f"{ports[0][0]}-{ports[0][1] - 1}"
    fields: dict[str, Any] = {"subnet": place.subnet.name, "group": place.group.name if place.group else None}
    fields["ports"] = text

    def row(source: Side) -> Match:
        return Match(source, ANYWHERE, _TCP, ALL_PORTS, ports, names_ports=True)

    manager, others = row(Side(symbols=(tag("GatewayManager"),))), row(ANYWHERE)
    public, network = row(_PUBLIC), row(Side(symbols=(NETWORK_SPACE,)))
    allowed = [manager, row(Side(addresses.PLATFORM))]
    names = AddressNames(here=place.prefixes)
    asked = [Search(path, [*allowed, others, public, network]) for path in place.paths(Direction.INBOUND)]

    def verdict(answers: Iterator[SearchResult]) -> TrafficVerdict:
        return TrafficVerdict(tuple(answers), names)

    gap = place.gap
    found = {
        "openToInternet": verdict(one.only(allowed, among=[public]) for one in asked),
        "openToNetwork": verdict(one.only(allowed, among=[network]) for one in asked),
        "managerAllowed": verdict(one.missing([manager]) for one in asked),
    }
    excess = verdict(one.only(allowed, among=[others]) for one in asked)
    gaps: dict[str, Gap] = {} if gap is None else dict.fromkeys([*found, "open"], gap)
    for name, one in found.items():
        fields[name] = one.truth is (Truth.NO if name == "managerAllowed" else Truth.YES)
        if gap is None and (doubt := one.gap(place.subnet.id)) is not None:
            gaps[name] = doubt
    fields["open"] = excess.records()
    said = f"reached by {sentence(excess.lines(), 2)}" if excess.lines() else "reached by GatewayManager only"
    built = facts.build(
        context,
        CONTROL_PLANE,
        place.subnet.id,
        fields,
        summary=f"The gateway's control plane ({text}) in subnet {place.subnet.name} is {said}.",
        inputs=place.inputs,
        uncollected=gaps,
    )
    packet = found["openToInternet"].witness()
    return replace(built, witness=packet.as_json() if packet else None)
