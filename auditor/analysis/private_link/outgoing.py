"""Tell where the private links lead that services open by themselves: managed endpoints, shared links of AI Search."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.managed_network import outbound_rules
from auditor.architecture.workloads import companions
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate.service_relations import SHARED_LINKS
from auditor.model import Gap, Resource

PARAMETER: Final = "managed_endpoint_targets"

Opener: TypeAlias = Literal["workspace", "search"]
Destination: TypeAlias = Literal["workload", "subscription", "parameter", "elsewhere"]


@fact("private_link.outgoing", subject="the link, or the service whose property lists it")
class OutgoingLink(Fact, frozen=True, kw_only=True):
    """Where a private link leads that a service opens out of the network that Azure manages for it."""

    opened_by: Opener
    """`workspace`: a managed private endpoint; `search`: a shared private link"""
    service: str
    """the service that opens it"""
    name: str
    """the link's name"""
    target: str | None
    """what it leads to"""
    group: str | None
    """the sub-resource of the target"""
    status: str | None
    """the status of the connection, as the service says"""
    leads_to: Known[Destination]
    """`workload`: a resource of the service's workload; `subscription`: another one in its subscriptions; `parameter`:
    one that the baseline declares; `elsewhere`: none of these"""
    service_name: Hidden[str]

    def sentence(self) -> str:
        """Say where the link leads, and whose that is."""
        target = f"{ids.name_of(self.target)} ({self.target})" if self.target else "a target that it does not state"
        link = f"The private link {self.name} of {self.service_name} leads to {target}"
        where = {
            "workload": ", a part of the workload",
            "subscription": " in the workload's subscriptions",
            "parameter": ", which the baseline declares",
            "elsewhere": ", outside of the workload's subscriptions, which the baseline does not declare",
        }
        place = ", whose owner is not known" if isinstance(self.leads_to, Gap) else where[self.leads_to]
        return f"{link}{place}; it is {self.status or 'without status'}."


class _Link(Struct, frozen=True):
    """A link as a service states it; `source` is the (resource id, property path) where it does."""

    opened_by: Opener
    name: str
    target: str | None
    group: str | None
    status: str | None
    source: tuple[str, str]


def outgoing_facts(context: Context) -> Iterator[OutgoingLink]:
    """Yield one fact for each link that a workspace or a search service opens."""
    together = companions(context.workloads)
    for workspace in context.estate.of_type(outbound_rules.WORKSPACES):
        rules, _ = outbound_rules.rules_of(context, workspace)
        for rule in rules:
            if body.same_text(rule.type, "PrivateEndpoint"):
                link = _Link("workspace", rule.name, rule.target, rule.subresource or None, rule.status, rule.source)
                yield _fact(context, workspace, link, together.get(workspace.key, frozenset()))
    for service in context.estate.of_type(shipped().labelled("search").key):
        for child in context.estate.children(service.key, SHARED_LINKS):
            target, group, status = (
                body.text(child.properties, name) for name in ("privateLinkResourceId", "groupId", "status")
            )
            link = _Link("search", child.name, target and ids.key(target), group, status, (child.id, "properties"))
            yield _fact(context, service, link, together.get(service.key, frozenset()))


def _fact(context: Context, service: Resource, link: _Link, workload: frozenset[str]) -> OutgoingLink:
    subject = link.source[0]
    return OutgoingLink(
        about=facts.about(
            context,
            subject,
            sub_object=link.name if subject == service.id else "",
            inputs=[link.source],
        ),
        opened_by=link.opened_by,
        service=service.id,
        name=link.name,
        target=context.estate.spelled(link.target),
        group=link.group,
        status=link.status,
        leads_to=_destination(context, {service.key, *workload}, link),
        service_name=service.name,
    )


def _destination(context: Context, own: AbstractSet[str], link: _Link) -> Known[Destination]:
    """Return whose the target of a link is, from the keys of the service and its workload."""
    subscription = ids.subscription_of(link.target or "")
    if link.target is None or subscription is None:
        return Gap(link.source[0], "target", "the id of the target names no subscription")
    for entry in body.texts(context.parameters, PARAMETER):
        if subscription == ids.name_of(ids.key(entry)) or ids.is_under(link.target, ids.key(entry)):
            return "parameter"
    if link.target in own:
        return "workload"
    return "subscription" if subscription in {ids.subscription_of(key) for key in own} else "elsewhere"
