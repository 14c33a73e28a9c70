"""Derive where an Application Gateway sends requests, and whether they get there privately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.private_link import reach as private_reach
from auditor.analysis.private_link.expected import rows_of
from auditor.analysis.private_link.reach import Links, Reach, scopes_for
from auditor.azure import addresses, body
from auditor.azure.catalogue import spelled
from auditor.azure.ranges import Ranges, intersection
from auditor.estate.private_connections import addresses_of
from auditor.estate.service_relations import SITES, SLOTS
from auditor.model import Gap, Resource

APPS: Final = (SITES, SLOTS)


@fact("gateway.backend", subject="the Application Gateway")
class Backend(Fact, frozen=True, kw_only=True):
    """Where a gateway sends requests, and whether they get there privately."""

    pool: str
    """the backend pool"""
    host: str
    """the host name or address, as spelled"""
    site_id: Known[str | None]
    """the web app or slot of that name or address; absent if none is known"""
    site_component: str | None
    """the role of that web app"""
    private_endpoint_ok: Known[bool]
    """whether the web app has a working private endpoint"""
    dns_complete: Known[bool]
    """whether its name resolves to that endpoint"""
    private: Known[bool]
    """whether it is a private address or a web app with a working private endpoint"""
    gateway: Hidden[str]
    site: Hidden[Resource | None]
    reach: Hidden[Reach | None]

    def sentence(self) -> str:
        """Say which web app the backend is, and how it is reached."""
        target = f"is {self.site.name}, reached {self._how()}" if self.site else "belongs to no web app of the estate"
        return f"The backend {self.host} of {self.gateway} {target}."

    def _how(self) -> str:
        if self.reach is None or not self.reach.effective:
            return "without a private endpoint"
        if self.reach.dns_complete:
            return "over a private endpoint"
        known = "is not known to" if self.reach.dns_gap else "does not"
        return f"over a private endpoint, to which its name {known} resolve"


class Backends(Struct, frozen=True):
    """What backend addresses are looked up in: sites by host name, private endpoints' targets by address."""

    links: Links
    hosts: Mapping[str, Sequence[Resource]]
    addresses: Mapping[str, str]
    zones: Sequence[Sequence[str]]
    sites_gap: Gap | None


def read(context: Context) -> Backends:
    """Index what backend addresses can be recognised by."""
    links = private_reach.read(context)
    hosts: dict[str, dict[str, Resource]] = defaultdict(dict)
    for site_type in APPS:
        for site in context.estate.of_type(site_type):
            names = [
                name
                for member in ("hostNames", "enabledHostNames")
                for name in body.text_or_texts(site.properties, member)
            ]
            for name in (body.text(site.properties, "defaultHostName"), *names):
                if name:
                    hosts[name.lower()][site.key] = site
    addresses = {
        address: connection.target
        for _, found in sorted(links.connections.items())
        for connection in found
        for address in sorted(addresses_of(context.estate, connection.endpoint))
    }
    zones = next((zones for row in rows_of(context) if row.type == SITES for _, zones in row.groups), ())
    sites = {name: list(having.values()) for name, having in hosts.items()}
    return Backends(links, sites, addresses, zones, context.estate.type_gap(spelled(SITES)))


def backend_facts(backends: Backends, gateway: Resource) -> Iterator[Backend]:
    """Yield a fact per host name and address in the pools of a gateway."""
    seen: set[tuple[str, str]] = set()
    for place, pool in body.enumerate_objects(gateway.body, "properties.backendAddressPools"):
        name = body.text(pool, "name") or ids.name_of(place)
        for inner, address in body.enumerate_objects(pool, "properties.backendAddresses"):
            host = body.text(address, "fqdn") or body.text(address, "ipAddress")
            if host is not None and (name.lower(), host.lower()) not in seen:
                seen.add((name.lower(), host.lower()))
                yield _fact(backends, gateway, name, host, f"{place}.{inner}")


def _fact(backends: Backends, gateway: Resource, pool: str, host: str, place: str) -> Backend:
    context = backends.links.context
    key = host.rstrip(".").lower()
    address = addresses.parse(key)
    target = backends.addresses.get(key)
    named = _called(backends, gateway, key)
    site = (named if isinstance(named, Resource) else None) or (context.estate.get(target) if target else None)
    # A name that is no site's may be that of a site which was not collected.
    doubt = named if isinstance(named, Gap) else backends.sites_gap
    unseen = doubt if site is None and address is None else None
    reach = _reach(backends, site)
    is_private = target is not None or _is_private(address)
    endpoints = [(item.connection.endpoint.id, item.connection.path) for item in (reach.candidates if reach else ())]
    return Backend(
        about=facts.about(context, gateway.id, sub_object=f"{pool}/{host}", inputs=[(gateway.id, place), *endpoints]),
        pool=pool,
        host=host,
        site_id=unseen or (site.id if site else None),
        site_component=context.workloads.role_of(site.key)[1] if site else None,
        private_endpoint_ok=unseen or _has_endpoint(reach),
        dns_complete=unseen or _resolves(reach),
        private=unseen or _is_reached_privately(reach, is_private=is_private),
        gateway=gateway.name,
        site=site,
        reach=reach,
    )


def _called(backends: Backends, gateway: Resource, host: str) -> Resource | Gap | None:
    """Return the site that has a host name, or why it is not known which of several a gateway means."""
    sites, estate = backends.hosts.get(host, ()), backends.links.context.estate
    if len(sites) > 1:
        forwarded = estate.targets(gateway.key, "forwards-to")
        sites = [site for site in sites if site.key in forwarded]
        return sites[0] if sites else estate.relation_gap(gateway.id, "backend")
    return sites[0] if sites else None


def _has_endpoint(reach: Reach | None) -> Known[bool]:
    if reach is None:
        return False
    return reach.effective_gap or reach.effective > 0


def _is_reached_privately(reach: Reach | None, *, is_private: bool) -> Known[bool]:
    has_endpoint = _has_endpoint(reach)
    return has_endpoint if isinstance(has_endpoint, Gap) else is_private or has_endpoint


def _resolves(reach: Reach | None) -> Known[bool]:
    if reach is None:
        return False
    return reach.dns_gap or (None if reach.candidates else reach.gap) or reach.dns_complete


def _reach(backends: Backends, site: Resource | None) -> Reach | None:
    if site is None:
        return None
    scope = scopes_for(backends.links, site)[0]
    return private_reach.judge(backends.links, site, ["sites"], backends.zones, scope)


def _is_private(address: Ranges | None) -> bool:
    return address is not None and not intersection(address, addresses.PUBLIC)
