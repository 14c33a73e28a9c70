"""Tell the state and the reason of every private connection, as its endpoint and as its target says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.managed_network import outbound_rules
from auditor.analysis.private_link.endpoints import declared_networks, judged_networks
from auditor.analysis.private_link.reach import Links
from auditor.azure import body
from auditor.estate.private_connections import ENDPOINTS, EndpointConnection, TargetConnection
from auditor.estate.service_relations import SLOTS
from auditor.model import Gap, Resource

Explanation: TypeAlias = Literal["workload endpoint", "managed outbound rule", "parameter", "none"]


@fact("private_link.connection", subject="the private endpoint, or the target that lists the connection")
class PrivateConnection(Fact, frozen=True, kw_only=True):
    """The state of a private connection and what explains it, as one of its two sides says."""

    side: Literal["endpoint", "target"]
    """`endpoint`: as a private endpoint says; `target`: as its target says"""
    endpoint: str | None
    """the private endpoint"""
    target: str | None
    """what it connects to"""
    group_ids: tuple[str, ...]
    """the sub-resources, where given"""
    status: str | None
    """the connection's status"""
    provisioning_state: str | None
    """the endpoint's (or, on the target's side, the connection's) provisioning state"""
    healthy: Known[bool]
    """whether it is approved and, on the endpoint's side, the endpoint provisioned"""
    foreign: bool
    """whether the endpoint is not in the estate"""
    explained_by: Known[Explanation]
    """what explains that there is such a connection"""
    holder: Hidden[str]
    what: Hidden[str]

    def sentence(self) -> str:
        """Say in which state the connection is and, on the target's side, what explains it."""
        status = self.status or "without status"
        if self.side == "endpoint":
            state = self.provisioning_state or "in no given state"
            return f"The connection of {self.holder} to {self.what} is {status}, its endpoint {state}."
        is_explained = isinstance(self.explained_by, str) and self.explained_by != "none"
        why = f" ({self.explained_by})" if is_explained else ", which nothing in the estate or the baseline explains"
        return f"{self.holder} lists the connection {self.what} as {status}{why}."


def connection_facts(links: Links, target_types: Sequence[str]) -> Iterator[PrivateConnection]:
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
                explanation = _explanation(links, target, stated)
                if (explanation == "none" or isinstance(explanation, Gap)) and stated.id in explained:
                    explanation = "managed outbound rule"
                if explanation == "none" and managed.gap is not None:
                    explanation = managed.gap
                yield _target_fact(links, target, stated, explanation)


def _own_fact(
    links: Links, connection: EndpointConnection, position: int, networks: Mapping[str, str | None]
) -> PrivateConnection:
    context, endpoint = links.context, connection.endpoint
    target = ids.name_of(connection.target) if connection.target else "nothing"
    workload, component = context.workloads.role_of(endpoint.key)
    place = f"/{position}" if len(_same(links, connection)) > 1 else ""
    return PrivateConnection(
        about=facts.about(
            context,
            endpoint.id,
            sub_object=f"{target}/{'+'.join(connection.groups)}{place}",
            inputs=[(endpoint.id, connection.path), (endpoint.id, "properties.provisioningState")],
            role=(workload or networks.get(connection.network or ""), component),
        ),
        side="endpoint",
        endpoint=endpoint.id,
        target=context.estate.spelled(connection.target),
        group_ids=connection.groups,
        status=connection.status,
        provisioning_state=connection.state,
        healthy=connection.unread or connection.is_effective,
        foreign=False,
        explained_by="workload endpoint",
        holder=endpoint.name,
        what=target,
    )


def _same(links: Links, connection: EndpointConnection) -> Sequence[EndpointConnection]:
    """Return the connections that only their place tells apart from this one."""
    found = links.connections.get(connection.target, ())
    return [item for item in found if item.endpoint.key == connection.endpoint.key and item.groups == connection.groups]


def _target_fact(
    links: Links, target: Resource, connection: TargetConnection, explanation: Known[Explanation]
) -> PrivateConnection:
    context = links.context
    return PrivateConnection(
        about=facts.about(
            context, target.id, sub_object=connection.name, inputs=[(connection.source, connection.path)]
        ),
        side="target",
        endpoint=connection.endpoint and context.estate.spelled(connection.endpoint),
        target=target.id,
        group_ids=connection.groups,
        status=connection.status,
        provisioning_state=connection.state,
        healthy=_is_approved(connection),
        foreign=connection.endpoint is None or context.estate.get(connection.endpoint) is None,
        explained_by=explanation,
        holder=target.name,
        what=connection.name,
    )


def _is_approved(connection: TargetConnection) -> Known[bool]:
    """Return whether a target approved a connection; Azure always states that, so what does not state it was not read."""
    if connection.status is None:
        return Gap(connection.source, connection.path, "the target does not state the connection's status")
    return body.same_text(connection.status, "Approved")


def _explanation(links: Links, target: Resource, connection: TargetConnection) -> Known[Explanation]:
    """Return what explains a connection that a target lists, managed rules aside, or why that cannot be told."""
    context, key = links.context, connection.endpoint
    declared = body.text_or_texts(facts.parameter(context, "foreign_private_endpoints", []))
    if key is None:
        return "none"
    if key in {ids.key(name) for name in declared}:
        return "parameter"
    if context.estate.get(key) is None:
        in_scope = (ids.subscription_of(key) or "") in links.dns.subscriptions
        return (context.estate.type_gap(ENDPOINTS, key) if in_scope else None) or "none"
    networks = _networks_for(links, target)
    own = [item for item in links.connections.get(_target_key(target), ()) if item.endpoint.key == key]
    is_own = any(networks is None or item.network in networks for item in own)
    return "workload endpoint" if is_own else "none"


def _target_key(target: Resource) -> str:
    # The endpoint of a deployment slot points at the site.
    is_slot = target.type_key == SLOTS
    return (ids.parent_of(target.key) or target.key) if is_slot else target.key


def _networks_for(links: Links, target: Resource) -> frozenset[str] | None:
    scopes = links.scopes.get(target.key) or links.scopes.get(_target_key(target), ())
    if any(scope.networks is None for scope in scopes):
        return None
    found = frozenset(network for scope in scopes for network in scope.networks or ())
    return found or declared_networks(links.context) or None
