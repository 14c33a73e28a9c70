"""Find what an Application Gateway listens for, and what it sends that to: host names, addresses, members of networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Resource
from auditor.network.membership import Membership


class Layer(Struct, frozen=True):
    """What a gateway takes: the list of its listeners, the list of their rules, and how a rule names its listener."""

    listeners: str
    rules: str
    listener: str


REQUESTS: Final = Layer("httpListeners", "requestRoutingRules", "httpListener")
CONNECTIONS: Final = Layer("listeners", "routingRules", "listener")
"""TCP and TLS connections, at which no web application firewall looks.

https://learn.microsoft.com/azure/application-gateway/tcp-tls-proxy-overview
"""
_POOLS: Final = ("backendAddressPool", "defaultBackendAddressPool")
_DISTRIBUTIONS: Final = ("loadDistributionPolicy", "defaultLoadDistributionPolicy")
LAYERS: Final = (REQUESTS, CONNECTIONS)


def listeners(gateway: Resource) -> Iterator[tuple[Layer, str, Mapping[str, object]]]:
    """Yield each listener of a gateway, with what it takes and its path."""
    for layer in LAYERS:
        for place, entry in body.enumerate_objects(gateway.body, f"properties.{layer.listeners}"):
            yield layer, place, entry


def rules_of(gateway: Resource, layer: Layer, listener: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the rules, each behind its path, that say where a listener leads."""
    key = part_key(gateway, layer.listeners, listener)
    for place, rule in body.enumerate_objects(gateway.body, f"properties.{layer.rules}"):
        if body.sub_resource(rule, f"properties.{layer.listener}") == key:
            yield place, rule


def pools_behind(gateway: Resource, layer: Layer, listener: object) -> Iterator[str]:
    """Yield the keys of the pools that a listener leads to, by its rules and their path maps."""
    maps: set[str] = set()
    for _, rule in rules_of(gateway, layer, listener):
        yield from pools_of(gateway, rule)
        maps.add(body.sub_resource(rule, "properties.urlPathMap") or "")
    for entry in body.objects(gateway.body, "properties.urlPathMaps"):
        if part_key(gateway, "urlPathMaps", entry) in maps:
            yield from pools_of(gateway, entry)
            for rule in body.objects(entry, "properties.pathRules"):
                yield from pools_of(gateway, rule)


def pools_of(gateway: Resource, rule: object) -> tuple[str, ...]:
    """Return the keys of the pools that a rule, or a path map by default, sends to: one, or the targets of a policy.

    https://learn.microsoft.com/azure/templates/microsoft.network/applicationgateways
    """
    own = (body.sub_resource(rule, f"properties.{name}") for name in _POOLS)
    policies = {body.sub_resource(rule, f"properties.{name}") for name in _DISTRIBUTIONS} - {None}
    shared = (
        body.sub_resource(target, "properties.backendAddressPool")
        for entry in body.objects(gateway.body, "properties.loadDistributionPolicies")
        if part_key(gateway, "loadDistributionPolicies", entry) in policies
        for target in body.objects(entry, "properties.loadDistributionTargets")
    )
    return tuple(dict.fromkeys(pool for pool in (*own, *shared) if pool))


def in_pool(members: Membership, gateway: Resource, pool: str) -> tuple[str, ...]:
    """Return what is in a pool (by key): host names and addresses as spelled, else the names of machines and scale sets."""
    found: list[str] = []
    for entry in body.objects(gateway.body, "properties.backendAddressPools"):
        if part_key(gateway, "backendAddressPools", entry) == pool:
            for address in body.objects(entry, "properties.backendAddresses"):
                found += [host] if (host := body.text(address, "fqdn") or body.text(address, "ipAddress")) else []
            configurations = body.references(entry, "properties.backendIPConfigurations")
            found += [ids.name_of(ids.top_of(configuration)) for configuration in configurations]
    found += [member.holder.name for member in members.in_pool(pool)]
    return tuple({name.lower(): name for name in reversed(found)}.values())[::-1]


def part_key(gateway: Resource, collection: str, entry: object) -> str:
    """Return the key of a part of a gateway, which need not state its id."""
    return ids.key(body.text(entry, "id") or f"{gateway.id}/{collection}/{body.text(entry, 'name') or ''}")
