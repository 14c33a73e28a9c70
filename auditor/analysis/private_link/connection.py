"""Derive the state and the reason of every private connection, and which networks see each private zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.managed_network import outbound_rules
from auditor.analysis.private_link import dns
from auditor.analysis.private_link.endpoints import (
    ENDPOINTS,
    EndpointConnection,
    TargetConnection,
    declared_networks,
    judged_networks,
)
from auditor.analysis.private_link.reach import Links
from auditor.azure import body
from auditor.model import Fact, Gap, Resource

CONNECTION: Final = "private_link.connection"
ZONE: Final = "private_link.zone"
_NETWORKS_UNDER_JUDGEMENT = dict[str, str | None]


def connection_facts(links: Links, target_types: Sequence[str]) -> Iterator[Fact]:
    """Yield a fact per connection of the endpoints in judged networks, then one per connection that a target lists."""
    networks = dict(judged_networks(links.context))
    for _, found in sorted(links.connections.items()):
        for position, connection in enumerate(found):
            if connection.network in networks:
                yield _own_fact(links, connection, position, networks)
    managed = outbound_rules.read(links.context)
    for resource_type in dict.fromkeys(target_types):
        for target in links.context.estate.of_type(resource_type):
            pairs, listed = outbound_rules.match(managed, target)
            rules = managed.by_target.get(target.key, ())
            explained = {
                pairs[key].id for rule in rules if rule.is_active and (key := outbound_rules.key_of(rule)) in pairs
            }
            for stated in listed or ():
                yield _target_fact(links, target, stated, explained, managed.gap)


def _own_fact(links: Links, connection: EndpointConnection, position: int, networks: _NETWORKS_UNDER_JUDGEMENT) -> Fact:
    context, endpoint = links.context, connection.endpoint
    target = ids.name_of(connection.target) if connection.target else "nothing"
    workload, component = context.workloads.role_of(endpoint.key)
    return facts.build(
        context,
        CONNECTION,
        endpoint.id,
        {
            "side": "endpoint",
            "endpoint": endpoint.id,
            "target": context.estate.spelled(connection.target),
            "groupIds": list(connection.groups),
            "status": connection.status,
            "provisioningState": connection.state,
            "healthy": connection.is_effective,
            "foreign": False,
            "explainedBy": "workload endpoint",
        },
        sub_object=f"{target}/{'+'.join(connection.groups)}"
        + (f"/{position}" if len(_same(links, connection)) > 1 else ""),
        summary=f"The connection of {endpoint.name} to {target} is {connection.status or 'without status'}, "
        f"its endpoint {connection.state or 'in no given state'}.",
        inputs=[(endpoint.id, connection.path), (endpoint.id, "properties.provisioningState")],
        role=(workload or networks.get(connection.network or ""), component),
    )


def _same(links: Links, connection: EndpointConnection) -> Sequence[EndpointConnection]:
    """Return the connections that only their place tells apart from this one."""
    found = links.connections.get(connection.target, ())
    return [item for item in found if item.endpoint.key == connection.endpoint.key and item.groups == connection.groups]


def _target_fact(
    links: Links, target: Resource, connection: TargetConnection, explained: set[str], gap: Gap | None
) -> Fact:
    context = links.context
    reason, unknown = _reason(links, target, connection)
    if reason == "none" and connection.id in explained:
        reason, unknown = "managed outbound rule", None
    if reason == "none" and unknown is None:
        unknown = gap
    healthy = (connection.status or "").lower() == "approved"
    return facts.build(
        context,
        CONNECTION,
        target.id,
        {
            "side": "target",
            "endpoint": connection.endpoint and context.estate.spelled(connection.endpoint),
            "target": target.id,
            "groupIds": list(connection.groups),
            "status": connection.status,
            "provisioningState": connection.state,
            "healthy": healthy,
            "foreign": connection.endpoint is None or context.estate.get(connection.endpoint) is None,
            "explainedBy": reason,
        },
        sub_object=connection.name,
        summary=f"{target.name} lists the connection {connection.name} as {connection.status or 'without status'}"
        + (", which nothing in the estate or the baseline explains." if reason == "none" else f" ({reason})."),
        inputs=[(connection.source, connection.path)],
        uncollected={"explainedBy": unknown} if unknown and reason == "none" else {},
    )


def _reason(links: Links, target: Resource, connection: TargetConnection) -> tuple[str, Gap | None]:
    """Return what explains a connection that a target lists, managed rules aside, or why that cannot be told."""
    context, key = links.context, connection.endpoint
    declared = body.text_or_texts(facts.parameter(context, "foreign_private_endpoints", []))
    if key is None:
        return "none", None
    if key in {ids.key(name) for name in declared}:
        return "parameter", None
    endpoint = context.estate.get(key)
    if endpoint is None:
        in_scope = (ids.subscription_of(key) or "") in links.dns.subscriptions
        return "none", context.estate.type_gap(ENDPOINTS, key) if in_scope else None
    networks = _networks_for(links, target)
    own = [item for item in links.connections.get(_target_key(target), ()) if item.endpoint.key == key]
    if any(networks is None or item.network in networks for item in own):
        return "workload endpoint", None
    return "none", None


def _target_key(target: Resource) -> str:
    # The endpoint of a deployment slot points at the site.
    is_slot = target.type_key == "microsoft.web/sites/slots"
    return (ids.parent_of(target.key) or target.key) if is_slot else target.key


def _networks_for(links: Links, target: Resource) -> frozenset[str] | None:
    scopes = links.scopes.get(target.key) or links.scopes.get(_target_key(target), ())
    if any(scope.networks is None for scope in scopes):
        return None
    found = frozenset(network for scope in scopes for network in scope.networks or ())
    return found or declared_networks(links.context) or None


def zone_facts(links: Links) -> Iterator[Fact]:
    """Yield a fact per judged network and private link zone that its endpoints register in or that is linked to it."""
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for found in links.connections.values():
        for connection in found:
            for registration in links.dns.groups.get(connection.endpoint.key, ()):
                users[connection.network or "", registration.zone].add(connection.endpoint.id)
    for found_links in links.dns.links.values():
        for link in found_links:
            users[link.network or "", link.zone].update(())
    judged = dict(judged_networks(links.context))
    for (network, zone), used_by in sorted(users.items()):
        if network in judged and ids.name_of(zone).startswith("privatelink."):
            yield _zone_fact(links, zone, network, judged[network], sorted(used_by))


def _zone_fact(links: Links, zone: str, network: str, workload: str | None, used_by: Sequence[str]) -> Fact:
    context = links.context
    found = [link for link in links.dns.links.get(zone, ()) if link.network == network]
    link = min(found, key=lambda item: ((item.state or "").lower() != "completed", item.resource.key), default=None)
    linked = link is not None and (link.state or "").lower() == "completed"
    gap = dns.links_gap(links.dns, zone) if not linked else None
    custom = dns.uses_custom_dns(context.estate, network)
    central = zone in links.dns.central
    uncollected: dict[str, Gap] = {}
    if gap is not None and not central:
        uncollected = {"linked": gap, "linkState": gap, "registrationEnabled": gap}
    if isinstance(custom, Gap):
        uncollected["customDns"] = custom
    name, where = ids.name_of(zone), ids.name_of(context.estate.spelled(network) or network)
    state = link.state if link else None
    return facts.build(
        context,
        ZONE,
        context.estate.spelled(zone) or zone,
        {
            "zone": name,
            "zoneId": context.estate.spelled(zone),
            "vnet": context.estate.spelled(network),
            "linked": linked or central,
            "linkState": state,
            "registrationEnabled": any(item.registration for item in found),
            "central": central,
            "usedBy": list(used_by),
            "customDns": custom is True,
        },
        sub_object=where,
        summary=f"{name} is {'linked' if linked or central else 'not linked'} to {where}"
        + (f" (its link is {state})" if state and not linked else "")
        + (" and registers machines by itself." if any(item.registration for item in found) else "."),
        inputs=[(item.resource.id, "properties") for item in found],
        uncollected=uncollected,
        role=(context.workloads.role_of(zone)[0] or workload, context.workloads.role_of(zone)[1]),
    )


CONNECTION_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    CONNECTION: {
        "side": "`endpoint`: as a private endpoint says; `target`: as its target says",
        "endpoint": "the private endpoint",
        "target": "what it connects to",
        "groupIds[*]": "the sub-resources, where given",
        "status": "the connection's status",
        "provisioningState": "the endpoint's (or, on the target's side, the connection's) provisioning state",
        "healthy": "whether it is approved and, on the endpoint's side, the endpoint provisioned",
        "foreign": "whether the endpoint is not in the estate",
        "explainedBy": "`workload endpoint`, `managed outbound rule`, `parameter` or `none`",
    }
}
ZONE_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    ZONE: {
        "zone": "the zone's name",
        "zoneId": "the zone",
        "vnet": "the virtual network",
        "linked": "whether a completed link exists, or the baseline names the zone as central",
        "linkState": "the state of the link",
        "registrationEnabled": "whether a link registers machines by itself",
        "central": "whether the baseline names the zone as central",
        "usedBy[*]": "endpoints of the network that register in the zone",
        "customDns": "whether the network asks its own DNS servers",
    }
}
