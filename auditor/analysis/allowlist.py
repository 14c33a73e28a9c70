"""Derive what the allow list of a service's firewall really covers, as a union of ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.azure import addresses, body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.model import Fact, Gap, Resource

ALLOWLIST: Final = "firewall.allowlist"


@dataclass(frozen=True, slots=True)
class ServiceFirewall:
    """Where a service keeps its firewall; `has_default`: rules count only where the default action is Deny."""

    service: str
    rules: str
    acl: str
    has_default: bool = True


def firewalls(catalogue: Catalogue) -> Mapping[str, ServiceFirewall]:
    """Return the firewall of each type whose IP rules alone say who gets in, by type as spelled."""
    found = {}
    for item in catalogue:
        for endpoint in item.way_in.endpoints if item.way_in else ():
            if endpoint.ip_rules and not endpoint.network_filter:
                acl = ".".join(endpoint.ip_rules.split(".")[:2])
                label = item.label or item.name
                found[item.name] = ServiceFirewall(label, endpoint.ip_rules, acl, bool(endpoint.default_action))
    return found


def run(context: Context) -> Iterator[Fact]:
    """Yield the allow list of every account, vault, registry, search service and workspace."""
    for resource_type, firewall in firewalls(context.estate.catalogue).items():
        for resource in context.estate.of_type(resource_type):
            yield _fact(context, resource, firewall)


def _rules(resource: Resource, firewall: ServiceFirewall) -> Sequence[str]:
    plain = body.text_or_texts(resource.body, firewall.rules)
    objects = [body.text(rule, "value") or "" for rule in body.objects(resource.body, firewall.rules)]
    return sorted([*plain, *(text for text in objects if text)])


def _fact(context: Context, resource: Resource, firewall: ServiceFirewall) -> Fact:
    ranges = _rules(resource, firewall)
    allowed, invalid = addresses.read_ranges(ranges)
    covers_internet = addresses.covers_internet(allowed)
    access = body.text(resource.body, "properties.publicNetworkAccess") or "Enabled"
    default = (body.text(resource.body, f"{firewall.acl}.defaultAction") or "Allow") if firewall.has_default else None
    others = sum(
        len(body.objects(resource.body, f"{firewall.acl}.{name}"))
        for name in ("virtualNetworkRules", "resourceAccessRules")
    )
    exposure = _exposure(access, default, has_rules=bool(ranges), covers_internet=covers_internet)
    uncollected = _unknown(context, resource, firewall, () if covers_internet else invalid, exposure)
    return facts.build(
        context,
        ALLOWLIST,
        resource.id,
        {
            "service": firewall.service,
            "publicNetworkAccess": access,
            "defaultAction": default,
            "ranges": ranges,
            "rangeCount": len(ranges),
            "otherRuleCount": others,
            "invalid": list(invalid),
            "coversInternet": covers_internet,
            "widestPrefix": addresses.widest_ipv4_prefix(allowed),
            "exposure": exposure,
        },
        summary=_summary(resource, exposure, ranges, covers=covers_internet),
        inputs=[(resource.id, "properties.publicNetworkAccess"), (resource.id, firewall.acl)],
        uncollected=uncollected,
    )


def _exposure(access: str, default: str | None, *, has_rules: bool, covers_internet: bool) -> str:
    """Return who reaches the public endpoint: `closed`, `perimeter`, `selected networks` or `internet`."""
    if access.lower() == "disabled":
        return "closed"
    if access.lower() == "securedbyperimeter":
        return "perimeter"
    # Without a default action (search, workspace) any rule closes the endpoint to everyone else.
    is_restricted = body.same_text(default, "Deny") if default is not None else has_rules
    return "selected networks" if is_restricted and not covers_internet else "internet"


def _unknown(
    context: Context, resource: Resource, firewall: ServiceFirewall, invalid: Sequence[str], exposure: str
) -> Mapping[str, Gap]:
    """Return why fields are not known; `invalid` are the entries that may hide addresses of the Internet."""
    access = context.estate.gap_at(resource.key, "properties.publicNetworkAccess")
    acl = context.estate.gap_at(resource.key, firewall.acl)
    unknown: dict[str, Gap] = {}
    if acl is None and invalid:
        unknown["coversInternet"] = Gap(resource.id, firewall.rules, f"{invalid[0]} is not an address range")
        if exposure == "selected networks":
            unknown["exposure"] = unknown["coversInternet"]
    if acl is not None:
        unknown |= dict.fromkeys(
            ("defaultAction", "ranges", "rangeCount", "otherRuleCount", "invalid", "coversInternet", "widestPrefix"),
            acl,
        )
        if exposure not in {"closed", "perimeter"}:
            unknown["exposure"] = acl
    if access is not None:
        unknown |= {"publicNetworkAccess": access, "exposure": access}
    return unknown


def _summary(resource: Resource, exposure: str, ranges: Sequence[str], *, covers: bool) -> str:
    said = {
        "closed": "has no public endpoint",
        "perimeter": "is reached as its network security perimeter allows",
        "selected networks": "has a public endpoint that is open to selected networks",
        "internet": "has a public endpoint that is open to the Internet",
    }[exposure]
    listed = (
        f"; its allow list is {facts.listed(list(ranges[:5]))}" + (" …" if len(ranges) > 5 else "") if ranges else ""
    )
    return f"{resource.name} {said}{listed}{', which covers the internet' if covers else ''}."


_SHIPPED: Final = firewalls(shipped())

ANALYSIS: Final = Analysis(
    name="address_ranges",
    facts={
        ALLOWLIST: {
            "service": "`account`, `vault`, `storage`, `registry`, `search` or `workspace`",
            "publicNetworkAccess": "as spelled, `Enabled` where absent",
            "defaultAction": "as spelled, `Allow` where absent; null for services without one",
            "ranges[*]": "the address ranges allowed, as spelled",
            "rangeCount": "how many there are",
            "otherRuleCount": "how many virtual network and resource instance rules there are",
            "invalid[*]": "texts among the ranges that are no address range",
            "coversInternet": "whether the union of the ranges holds every public address",
            "widestPrefix": "prefix length of the widest IPv4 range of the union; null without one",
            "exposure": "`closed`, `perimeter`, `selected networks` or `internet`, defaults and ranges considered",
        }
    },
    run=run,
    subjects={ALLOWLIST: {name: [{"service": one.service}] for name, one in _SHIPPED.items()}},
    reads=frozenset(name.lower() for name in _SHIPPED),
)
