"""Derive where an Application Gateway sends requests, and whether they get there privately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.private_link import reach as private_reach
from auditor.analysis.private_link.analysis import scopes_for
from auditor.analysis.private_link.endpoints import addresses_of
from auditor.analysis.private_link.expected import rows_of
from auditor.analysis.private_link.reach import Links, Reach
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection
from auditor.model import Fact, Gap, Resource

BACKEND: Final = "gateway.backend"
SITES: Final = ("Microsoft.Web/sites", "Microsoft.Web/sites/slots")


@dataclass(frozen=True, slots=True)
class Backends:
    """What backend addresses are looked up in: sites by host name, private endpoints' targets by address."""

    links: Links
    hosts: Mapping[str, Resource]
    addresses: Mapping[str, str]
    zones: Sequence[Sequence[str]]
    sites_gap: Gap | None


def read(context: Context) -> Backends:
    """Index what backend addresses can be recognised by."""
    links = private_reach.read(context)
    hosts: dict[str, Resource] = {}
    for site_type in SITES:
        for site in context.estate.of_type(site_type):
            names = [
                name
                for member in ("hostNames", "enabledHostNames")
                for name in body.text_or_texts(site.properties, member)
            ]
            for name in (body.text(site.properties, "defaultHostName"), *names):
                if name:
                    hosts.setdefault(name.lower(), site)
    addresses = {
        address: connection.target
        for _, found in sorted(links.connections.items())
        for connection in found
        for address in sorted(addresses_of(context.estate, connection.endpoint))
    }
    zones = next((zones for row in rows_of(context) if row.type == SITES[0].lower() for _, zones in row.groups), ())
    return Backends(links, hosts, addresses, zones, context.estate.type_gap(SITES[0]))


def facts_of(backends: Backends, gateway: Resource) -> Iterator[Fact]:
    """Yield a fact per host name and address in the pools of a gateway."""
    seen: set[tuple[str, str]] = set()
    for place, pool in body.enumerate_objects(gateway.body, "properties.backendAddressPools"):
        name = body.text(pool, "name") or ids.name_of(place)
        for inner, address in body.enumerate_objects(pool, "properties.backendAddresses"):
            host = body.text(address, "fqdn") or body.text(address, "ipAddress")
            if host is not None and (name.lower(), host.lower()) not in seen:
                seen.add((name.lower(), host.lower()))
                yield _backend_fact(backends, gateway, name, host, f"{place}.{inner}")


def _backend_fact(backends: Backends, gateway: Resource, pool: str, host: str, place: str) -> Fact:
    context = backends.links.context
    key = host.rstrip(".").lower()
    address = addresses.parse(key)
    target = backends.addresses.get(key)
    site = backends.hosts.get(key) or (context.estate.get(target) if target else None)
    reach = _reach(backends, site)
    is_private = target is not None or _is_private(address) or (reach is not None and reach.effective > 0)
    uncollected: dict[str, Gap] = {}
    if site is None and backends.sites_gap is not None and address is None:
        uncollected = dict.fromkeys(("siteId", "privateEndpointOk", "private", "dnsComplete"), backends.sites_gap)
    if reach is not None and reach.effective_gap is not None:
        uncollected |= dict.fromkeys(("privateEndpointOk", "private"), reach.effective_gap)
    if reach is not None and (gap := reach.dns_gap or (None if reach.candidates else reach.gap)):
        uncollected["dnsComplete"] = gap
    how = "over a private endpoint" if reach and reach.effective else "without a private endpoint"
    if reach and reach.effective and not reach.dns_complete:
        how += (
            ", to which its name is not known to resolve" if reach.dns_gap else ", to which its name does not resolve"
        )
    return facts.build(
        context,
        BACKEND,
        gateway.id,
        {
            "pool": pool,
            "host": host,
            "siteId": site.id if site else None,
            "siteComponent": context.workloads.role_of(site.key)[1] if site else None,
            "privateEndpointOk": reach is not None and reach.effective > 0,
            "dnsComplete": reach is not None and reach.dns_complete,
            "private": is_private,
        },
        sub_object=f"{pool}/{host}",
        summary=f"The backend {host} of {gateway.name} "
        + (f"is {site.name}, reached {how}." if site else "belongs to no web app of the estate."),
        inputs=[(gateway.id, place), *((item.connection.endpoint.id, item.connection.path) for item in _found(reach))],
        uncollected=uncollected,
    )


def _found(reach: Reach | None) -> Sequence[private_reach.Candidate]:
    return reach.candidates if reach else ()


def _reach(backends: Backends, site: Resource | None) -> Reach | None:
    if site is None:
        return None
    scope = scopes_for(backends.links, site)[0]
    return private_reach.judge(backends.links, site, ["sites"], backends.zones, scope)


def _is_private(address: Ranges | None) -> bool:
    return address is not None and not intersection(address, addresses.PUBLIC)
