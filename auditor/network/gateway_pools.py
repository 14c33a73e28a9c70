"""Find what an Application Gateway sends requests to: host names, addresses, and members of networks in its pools."""

from __future__ import annotations

from collections.abc import Iterator

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Resource
from auditor.network.membership import Membership


def pools_behind(gateway: Resource, listener: str) -> Iterator[str]:
    """Yield the keys of the pools that a listener (by key) leads to, by its rules and their path maps."""
    maps: set[str] = set()
    for rule in body.objects(gateway.body, "properties.requestRoutingRules"):
        if body.sub_resource(rule, "properties.httpListener") == listener:
            if pool := body.sub_resource(rule, "properties.backendAddressPool"):
                yield pool
            maps.add(body.sub_resource(rule, "properties.urlPathMap") or "")
    for entry in body.objects(gateway.body, "properties.urlPathMaps"):
        if part_key(gateway, "urlPathMaps", entry) in maps:
            rules = (entry, *body.objects(entry, "properties.pathRules"))
            paths = ("properties.defaultBackendAddressPool", "properties.backendAddressPool")
            yield from (pool for rule in rules for path in paths if (pool := body.sub_resource(rule, path)))


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
