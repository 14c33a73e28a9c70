"""Read the allow lists of a service's firewall: addresses in its body, firewall rules below it, subnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, intersection, union
from auditor.azure.resource_type import PublicEndpoint, RequestKinds, RuleList
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource

_RANGES: Final = ("value", "ipAddressOrRange", "ipMask")  # where a rule object holds its range
_SUBNETS: Final = ("id", "subnet.id", "virtualNetworkSubnetId", "properties.virtualNetworkSubnetId")
_ZERO: Final = addresses.must_parse("0.0.0.0/32")


class AllowLists(Struct, frozen=True):
    """Whom the lists let in: addresses as spelled, subnets by key, and why there may be more."""

    texts: tuple[str, ...]
    subnets: tuple[str, ...]
    gap: Gap | None


def read(estate: Estate, resource: Resource, endpoint: PublicEndpoint) -> AllowLists:
    """Return the lists of a service's firewall, those in its body and those that are resources below it."""
    kinds = (*(one.type for one in endpoint.rules_below), *endpoint.subnets_below)
    gaps = (estate.type_gap(kind, resource.key) for kind in kinds if _inside(resource, kind) is None)
    below = tuple(
        f"{body.text(child, one.first)}-{body.text(child, one.last)}"
        for one in endpoint.rules_below
        for child in _rules_below(estate, resource, one)
    )
    return AllowLists(
        texts=(*stated(resource, endpoint), *below),
        subnets=_subnets(estate, resource, endpoint),
        gap=next((gap for gap in gaps if gap is not None), None),
    )


def _rules_below(estate: Estate, resource: Resource, rules: RuleList) -> Iterator[Mapping[str, object]]:
    """Yield the firewall rules below a service: resources of their own, or what the service lists of them itself."""
    for child in estate.children(resource.key, rules.type.lower()):
        yield child.body
    for listed in _inside(resource, rules.type) or ():
        if isinstance(listed, Mapping):
            yield listed if "properties" in listed else {"properties": listed}


def _inside(resource: Resource, kind: str) -> Sequence[object] | None:
    """Return what a service lists of a type below it among its own properties, or None where it does not."""
    listed = body.value(resource.properties, kind.rpartition("/")[2])
    return listed if isinstance(listed, list | tuple) else None


def stated(resource: Resource, endpoint: PublicEndpoint) -> tuple[str, ...]:
    """Return the addresses and ranges in the body of a service, as spelled; what refuses somebody lets nobody in."""
    return tuple(text for path in endpoint.ip_rules for text in _listed(resource, path))


def _listed(resource: Resource, path: str) -> Iterator[str]:
    """Yield the entries of one list: objects, texts, or one text with commas, as Cosmos DB had it.

    https://learn.microsoft.com/azure/cosmos-db/how-to-configure-firewall
    """
    for listed in body.text_or_texts(resource.body, path):
        yield from filter(None, map(str.strip, listed.split(",")))
    for rule in body.objects(resource.body, path):
        named = [text for name in _RANGES if (text := body.text(rule, name))]
        if not body.same_text(body.text(rule, "action"), "Deny"):
            yield from named[:1]


class FirstMatch(Struct, frozen=True):
    """Whom rules that allow or deny let in: addresses, the allowing and the denying rules as spelled, those that say nobody.

    `unclear`: a denying rule of which it is not known whom it keeps out; whom later rules let in is not known then.
    """

    admits: Ranges
    allowing: tuple[str, ...] = ()
    denying: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    unclear: str | None = None


def by_first_match(resource: Resource, path: str, default: str) -> FirstMatch | None:
    """Return whom a list of rules lets in, of which the first that fits decides; None where there is no rule.

    What no rule names, the action at `default` decides: `Allow` where none is stated.
    https://learn.microsoft.com/azure/azure-web-pubsub/howto-secure-network-access-control
    """
    rules = body.objects(resource.body, path)
    if not rules:
        return None
    rest: Ranges = addresses.ANY
    admits: Ranges = ()
    texts: dict[bool, list[str]] = {True: [], False: []}
    odd: list[str] = []
    for rule in rules:
        text = next((text for name in _RANGES if (text := body.text(rule, name))), "a rule without addresses")
        is_denied = body.same_text(body.text(rule, "action"), "Deny")
        texts[is_denied].append(text)
        numbers = addresses.parse_range(text)
        if numbers is None and is_denied:
            return FirstMatch(admits, tuple(texts[False]), tuple(texts[True]), tuple(odd), unclear=text)
        if numbers is None:
            odd.append(text)
            continue
        if not is_denied:
            admits = union(admits, intersection(rest, numbers))
        rest = difference(rest, numbers)
    if not body.same_text(body.text(resource.body, default), "Deny"):
        admits = union(admits, rest)
    return FirstMatch(admits, tuple(texts[False]), tuple(texts[True]), tuple(odd))


def _subnets(estate: Estate, resource: Resource, endpoint: PublicEndpoint) -> tuple[str, ...]:
    """Return the keys of the subnets that rules beside the addresses let in, unless a switch turns those rules off."""
    if endpoint.network_filter and body.flag(resource.body, endpoint.network_filter) is not True:
        return ()
    rules = list(body.objects(resource.body, endpoint.subnet_rules) if endpoint.subnet_rules else ())
    rules += [
        child.properties for kind in endpoint.subnets_below for child in estate.children(resource.key, kind.lower())
    ]
    return tuple(dict.fromkeys(key for rule in rules if (key := _reference(rule))))


def _reference(rule: object) -> str | None:
    return next((key for name in _SUBNETS if (key := body.reference(rule, name))), None)


def stands_for(endpoint: PublicEndpoint, texts: Sequence[str]) -> tuple[str, ...]:
    """Return whom the address 0.0.0.0 in a list stands for, where the service gives it a meaning of its own."""
    is_listed = any(addresses.parse_range(text) == _ZERO for text in texts)
    return (endpoint.zero,) if endpoint.zero is not None and is_listed else ()


def requests_let_in(resource: Resource, kinds: RequestKinds) -> Sequence[str]:
    """Return the kinds of request that a service takes from public networks; what no rule names, the default decides.

    https://learn.microsoft.com/azure/azure-signalr/howto-network-access-control
    """
    allowed, denied = (_words(resource.body, path) for path in (kinds.allow, kinds.deny))
    rest = not body.same_text(body.text(resource.body, kinds.default), "Deny")
    return [kind for kind in kinds.kinds if kind.lower() in allowed or (rest and kind.lower() not in denied)]


def _words(of: Mapping[str, object], path: str) -> frozenset[str]:
    return frozenset(text.lower() for text in body.text_or_texts(of, path))
