"""Judge whether a service is reached over a private endpoint from where its workload lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.private_link import dns as private_dns
from auditor.analysis.private_link.dns import ZoneState
from auditor.analysis.private_link.endpoints import EndpointScope, endpoints_gap, scopes_of
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.graph import Estate
from auditor.estate.lookup import NETWORKS
from auditor.estate.private_connections import (
    EndpointConnection,
    TargetConnection,
    by_target,
    hidden_connections,
    missing_need,
    target_connections,
)
from auditor.estate.service_relations import SITES, SLOTS
from auditor.model import Gap, Resource
from auditor.network import private_names
from auditor.resource_id import key, name_of, parent_of

ANYWHERE: Final = EndpointScope(None, None, None)


class Links(Struct, frozen=True):
    """Everything that private link facts are computed from, indexed once."""

    context: Context
    connections: Mapping[str, Sequence[EndpointConnection]]
    scopes: Mapping[str, Sequence[EndpointScope]]
    dns: private_dns.Dns


class Candidate(Struct, frozen=True):
    """One endpoint that points at the service, and what keeps it from counting."""

    connection: EndpointConnection
    in_network: bool
    wrong_group: bool
    target_status: str | None
    target_agrees: bool | None
    problems: Sequence[str]
    unread: Gap | None = None

    @property
    def counts(self) -> bool:
        """Whether this endpoint alone satisfies the requirement, as far as it was read."""
        return not self.problems and self.unread is None


class Reach(Struct, frozen=True):
    """The verdict on one service and group: its endpoints, its names, and why either is not known."""

    candidates: Sequence[Candidate]
    zones: Sequence[ZoneState]
    custom_dns: bool | Gap
    gap: Gap | None
    target_gap: Gap | None

    @property
    def effective(self) -> int:
        """Return how many endpoints satisfy the requirement, of those that were read."""
        return sum(candidate.counts for candidate in self.candidates)

    @property
    def effective_gap(self) -> Gap | None:
        """Return why the number cannot be trusted: one may be missing, or the target may have withdrawn its consent."""
        return self.target_gap if self.effective else self.gap

    @property
    def dns_gap(self) -> Gap | None:
        """Return why it is not known whether the names resolve, or None where it is."""
        if isinstance(self.custom_dns, Gap):
            return self.custom_dns
        if any(state.complete is False for state in self.zones):
            return None
        return next((state.gap for state in self.zones if state.complete is None and state.gap), None)

    @property
    def dns_complete(self) -> bool:
        """Whether every required zone answers with the endpoint's address."""
        return bool(self.candidates) and all(state.complete for state in self.zones)


def read(context: Context) -> Links:
    """Index the estate for questions about private link."""
    return Links(context, by_target(context.estate), scopes_of(context), private_dns.index(context))


def scopes_for(links: Links, resource: Resource) -> Sequence[EndpointScope]:
    """Return the scopes a service is judged in: its own, else those of its site or plan, else anywhere."""
    if own := links.scopes.get(resource.key):
        return own
    for owner in (parent_of(resource.key) or "", plan_of(resource)):
        if of_owner := links.scopes.get(owner):
            return [replace(scope, component=None) for scope in of_owner]
    return [ANYWHERE]


def plan_of(site: Resource) -> str:
    """Return the key of a site's App Service plan, or an empty text."""
    return key(body.text(site.body, "properties.serverFarmId") or "")


def judge(
    links: Links, target: Resource, groups: Sequence[str], zones: Sequence[Sequence[str]], scope: EndpointScope
) -> Reach:
    """Judge the endpoints of a target for a group (`groups`: its equivalent names) and the zones that it needs.

    A deployment slot is connected through its site, under a group of its own.
    """
    estate = links.context.estate
    listed = target_connections(links.context.estate, target)
    found = links.connections.get(target.key, ())
    wanted = {group.lower() for group in groups}
    if target.type_key == SLOTS:
        wanted = {f"sites-{name_of(target.key)}"}
        found = [*found, *_slot_connections(links, target, wanted)]
    elif target.type_key == SITES:
        found = [item for item in found if not any(group.startswith("sites-") for group in item.groups)]
    says = _TargetSays(listed, hidden_connections(estate, target), missing_need(estate, target))
    candidates = [_candidate(estate, connection, wanted, scope, says) for connection in found]
    target_gap = says.hidden or (says.lacking if isinstance(says.lacking, Gap) else None)
    if scope.workload is not None and scope.networks is None:
        target_gap = target_gap or estate.type_gap(spelled(NETWORKS))
    chosen = _best(links, candidates, zones, scope)
    custom: bool | Gap = False
    states: Sequence[ZoneState] = [ZoneState(name=names[0], registered=False, linked=False) for names in zones if names]
    if chosen is not None:
        connection, states = chosen
        custom = _custom_dns(links, connection, states)
    unread = next((item.unread for item in candidates if item.unread is not None and not item.problems), None)
    return Reach(candidates, states, custom, endpoints_gap(estate, scope) or unread, target_gap)


def _slot_connections(links: Links, slot: Resource, wanted: set[str]) -> Sequence[EndpointConnection]:
    site = links.connections.get(parent_of(slot.key) or "", ())
    return [item for item in site if wanted & set(item.groups)]


class _TargetSays(Struct, frozen=True):
    """The connections that a target lists, why some of them were not read, and what it lacks to have any that works."""

    listed: Sequence[TargetConnection] | None
    hidden: Gap | None
    lacking: str | Gap | None


def _candidate(
    estate: Estate,
    connection: EndpointConnection,
    wanted: set[str],
    scope: EndpointScope,
    says: _TargetSays,
) -> Candidate:
    """Return an endpoint with what keeps it from counting."""
    statuses = [item.status for item in says.listed or () if item.endpoint == connection.endpoint.key]
    refusals = [status or "nothing" for status in statuses if (status or "").lower() != "approved"]
    is_told = says.listed is not None and (bool(statuses) or says.hidden is None)
    agrees = bool(statuses) and not refusals if is_told else None
    wrong = not wanted & set(connection.groups)
    exists = private_dns.may_exist(estate, connection.network, scope)
    holds = scope.holds(connection.network) and exists
    problems = []
    if wrong:
        problems.append(f"connects to {facts.listed(list(connection.groups)) or 'no group'}")
    if connection.status is not None and connection.status.lower() != "approved":
        problems.append(f"the connection is {connection.status}")
    if connection.state is not None and connection.state.lower() != "succeeded":
        problems.append(f"its provisioning state is {connection.state}")
    if not holds:
        where = name_of(connection.network) if connection.network else "an unnamed network"
        why = "outside the workload's virtual network" if exists else "which does not exist"
        problems.append(f"it lies in {where}, {why}")
    if agrees is False:
        problems.append(f"the target says {refusals[0]}" if refusals else "the target does not list it")
    problems += [says.lacking] if isinstance(says.lacking, str) else []
    return Candidate(
        connection=connection,
        in_network=holds,
        wrong_group=wrong,
        target_status=(refusals or statuses or [None])[0],
        target_agrees=agrees,
        problems=problems,
        unread=connection.unread,
    )


def _best(
    links: Links, candidates: Sequence[Candidate], zones: Sequence[Sequence[str]], scope: EndpointScope
) -> tuple[EndpointConnection, Sequence[ZoneState]] | None:
    """Return the endpoint whose names are in the best order, of those that count (else of those for the group)."""
    fitting = [item for item in candidates if item.counts] or [item for item in candidates if not item.wrong_group]
    judged = [
        (
            item.connection,
            [private_dns.zone_state(links.dns, item.connection, names, scope) for names in zones if names],
        )
        for item in fitting
    ]
    if not judged:
        return None
    return min(judged, key=lambda pair: (sum(_rank(state) for state in pair[1]), pair[0].endpoint.key))


def _rank(state: ZoneState) -> int:
    return {True: 0, None: 1, False: 2}[state.complete]


def _custom_dns(links: Links, connection: EndpointConnection, states: Sequence[ZoneState]) -> bool | Gap:
    """Whether the network's own DNS servers decide; then only zones that the baseline names as central are trusted."""
    found = private_dns.uses_custom_dns(links.context.estate, connection.network)
    if all(state.zone in links.dns.central for state in states):
        return found if isinstance(found, bool) else False
    if found is True:
        return Gap(connection.network or "/", "related:dns", "the network uses its own DNS servers")
    return found or _forwarded(links, connection, states) or False


def _forwarded(links: Links, connection: EndpointConnection, states: Sequence[ZoneState]) -> Gap | None:
    """Return that a ruleset of the network sends questions for an endpoint's names elsewhere, or None."""
    network = connection.network or ""
    for state in states:
        if state.zone in links.dns.central:
            continue
        ruleset = private_names.forwarder(
            links.context.estate, network, state.name.lower(), is_linked=state.linked is True
        )
        if ruleset is not None:
            reason = f"forwarding ruleset {ruleset} may send questions for {state.name} to another server"
            return Gap(network, "related:dns", reason)
    return None
