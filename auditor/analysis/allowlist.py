"""Derive what the allow list of a service's firewall really covers, as a union of ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Final

from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.azure import body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.model import Fact, Gap, Resource

ALLOWLIST: Final = "firewall.allowlist"
# Addresses that no host of the Internet has: a list that covers everything else covers the Internet.
_NOT_PUBLIC: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)
_ALL_IPV4: Final = IPv4Network("0.0.0.0/0")
_PUBLIC_IPV6: Final = IPv6Network("2000::/3")


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


@dataclass(frozen=True, slots=True)
class Cover:
    """The union of some ranges; `invalid` are texts that are none."""

    ipv4: Sequence[IPv4Network]
    ipv6: Sequence[IPv6Network]
    invalid: Sequence[str]

    @property
    def covers_internet(self) -> bool:
        """Whether every public address of IPv4, or of IPv6, lies in the union."""
        return _is_everything(tuple(self.ipv4)) or any(_PUBLIC_IPV6.subnet_of(network) for network in self.ipv6)

    @property
    def widest_prefix(self) -> int | None:
        """Return the prefix length of the widest IPv4 range of the union, 0 being everything."""
        return min((network.prefixlen for network in self.ipv4), default=None)


@lru_cache(maxsize=1024)  # the same few lists stand at many resources
def _is_everything(ipv4: Sequence[IPv4Network]) -> bool:
    return list(collapse_addresses([*ipv4, *_NOT_PUBLIC])) == [_ALL_IPV4]


def union(texts: Sequence[str]) -> Cover:
    """Return the union of addresses, prefixes (host bits are ignored) and `first-last` ranges."""
    ipv4: list[IPv4Network] = []
    ipv6: list[IPv6Network] = []
    invalid: list[str] = []
    for text in texts:
        try:
            networks = _networks(text)
        except ValueError:
            invalid.append(text)
            continue
        ipv4 += [network for network in networks if isinstance(network, IPv4Network)]
        ipv6 += [network for network in networks if isinstance(network, IPv6Network)]
    return Cover(list(collapse_addresses(ipv4)), list(collapse_addresses(ipv6)), sorted(invalid))


def _networks(text: str) -> Sequence[IPv4Network | IPv6Network]:
    first, separator, last = text.strip().partition("-")
    if not separator:
        return [ip_network(first, strict=False)]
    low, high = ip_address(first.strip()), ip_address(last.strip())
    if isinstance(low, IPv4Address) and isinstance(high, IPv4Address):
        return list(summarize_address_range(low, high))
    raise ValueError(text)


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
    cover = union(ranges)
    access = body.text(resource.body, "properties.publicNetworkAccess") or "Enabled"
    default = (body.text(resource.body, f"{firewall.acl}.defaultAction") or "Allow") if firewall.has_default else None
    others = sum(
        len(body.objects(resource.body, f"{firewall.acl}.{name}"))
        for name in ("virtualNetworkRules", "resourceAccessRules")
    )
    exposure = _exposure(access, default, cover, has_rules=bool(ranges))
    uncollected = _unknown(context, resource, firewall, cover, exposure)
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
            "invalid": cover.invalid,
            "coversInternet": cover.covers_internet,
            "widestPrefix": cover.widest_prefix,
            "exposure": exposure,
        },
        summary=_summary(resource, exposure, ranges, covers=cover.covers_internet),
        inputs=[(resource.id, "properties.publicNetworkAccess"), (resource.id, firewall.acl)],
        uncollected=uncollected,
    )


def _exposure(access: str, default: str | None, cover: Cover, *, has_rules: bool) -> str:
    """Return who reaches the public endpoint: `closed`, `perimeter`, `selected networks` or `internet`."""
    if access.lower() == "disabled":
        return "closed"
    if access.lower() == "securedbyperimeter":
        return "perimeter"
    # Without a default action (search, workspace) any rule closes the endpoint to everyone else.
    is_restricted = body.same_text(default, "Deny") if default is not None else has_rules
    return "selected networks" if is_restricted and not cover.covers_internet else "internet"


def _unknown(
    context: Context, resource: Resource, firewall: ServiceFirewall, cover: Cover, exposure: str
) -> Mapping[str, Gap]:
    access = context.estate.gap_at(resource.key, "properties.publicNetworkAccess")
    acl = context.estate.gap_at(resource.key, firewall.acl)
    unknown: dict[str, Gap] = {}
    if acl is None and cover.invalid and not cover.covers_internet:
        unknown["coversInternet"] = Gap(resource.id, firewall.rules, f"{cover.invalid[0]} is not an address range")
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
