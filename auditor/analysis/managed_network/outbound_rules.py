"""Read the outbound rules of a workspace's managed network, and match them with what their targets list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.analysis.contract import Context
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.lookup import ML_WORKSPACES
from auditor.estate.private_connections import TargetConnection, target_connections
from auditor.estate.service_relations import OUTBOUND_RULES
from auditor.model import Gap, Resource

WORKSPACES: Final = spelled(ML_WORKSPACES)
RULES: Final = spelled(OUTBOUND_RULES)
_INLINE: Final = "properties.managedNetwork.outboundRules"


class OutboundRule(Struct, frozen=True):
    """One outbound rule; `target` in comparable form, `source` is (resource id, path) of where it stands."""

    workspace: str
    name: str
    type: str
    category: str
    status: str | None
    target: str | None
    subresource: str
    destination: str
    action: str
    source: tuple[str, str]

    @property
    def is_active(self) -> bool:
        """Whether the platform has put the rule into effect."""
        return body.same_text(self.status, "Active")


def rules_of(context: Context, workspace: Resource) -> tuple[Sequence[OutboundRule], Gap | None]:
    """Return the rules of a workspace, children and inline ones each once, and why they are not all known."""
    found: dict[str, OutboundRule] = {}
    for resource in context.estate.children(workspace.key, RULES.lower()):
        name = ids.name_of(resource.id)
        found[name.lower()] = _rule(
            workspace, name, body.value(resource.body, "properties"), (resource.id, "properties")
        )
    inline = body.value(workspace.body, _INLINE)
    if isinstance(inline, Mapping):
        for name, entry in sorted(inline.items()):
            source = (workspace.id, f"{_INLINE}['{name}']")
            found.setdefault(str(name).lower(), _rule(workspace, str(name), entry, source))
    gap = None
    if not found:
        gap = context.estate.gap_at(workspace.key, _INLINE) or context.estate.type_gap(RULES, workspace.key)
    return [found[name] for name in sorted(found)], gap


def _rule(workspace: Resource, name: str, entry: object, source: tuple[str, str]) -> OutboundRule:
    target = body.text(entry, "destination.serviceResourceId")
    destination = body.text(entry, "destination") or body.text(entry, "destination.serviceTag") or target or ""
    return OutboundRule(
        workspace=workspace.key,
        name=name,
        type=body.text(entry, "type") or "",
        category=body.text(entry, "category") or "UserDefined",
        status=body.text(entry, "status"),
        target=ids.key(target) if target else None,
        subresource=(body.text(entry, "destination.subresourceTarget") or "").lower(),
        destination=destination,
        action=body.text(entry, "destination.action") or "Allow",
        source=source,
    )


class TargetMatch(NamedTuple):
    """The connections of a target by `key_of` their rule, and all that it lists, None where it says nothing."""

    pairs: Mapping[str, TargetConnection]
    listed: Sequence[TargetConnection] | None


class Managed(Struct, frozen=True):
    """The private endpoint rules of every workspace by their target, and why they are not all known."""

    context: Context
    by_target: Mapping[str, Sequence[OutboundRule]]
    gap: Gap | None
    subscriptions: frozenset[str]
    matched: dict[str, TargetMatch] = field(default_factory=dict)
    """What `match` answered, by target: of a target that many workspaces share each of its rules asks."""


def read(context: Context) -> Managed:
    """Index the private endpoint rules of every workspace."""
    found: dict[str, list[OutboundRule]] = defaultdict(list)
    gap = context.estate.type_gap(WORKSPACES)
    for workspace in context.estate.of_type(WORKSPACES):
        rules, own_gap = rules_of(context, workspace)
        gap = gap or own_gap
        for rule in rules:
            if rule.target is not None and body.same_text(rule.type, "PrivateEndpoint"):
                found[rule.target].append(rule)
    return Managed(context, found, gap, context.estate.subscriptions)


def match(managed: Managed, target: Resource) -> TargetMatch:
    """Pair the rules to a target with the connections that it lists from outside the scope.

    The endpoint of a rule lies in a subscription of Microsoft's and carries the rule's name; a connection named
    otherwise is given to a rule that is still without one, so that each connection explains, and is explained by, one
    rule.
    """
    if target.key not in managed.matched:
        managed.matched[target.key] = _matched(managed, target)
    return managed.matched[target.key]


def _matched(managed: Managed, target: Resource) -> TargetMatch:
    listed = target_connections(managed.context.estate, target)
    foreign = [
        item
        for item in listed or ()
        if item.endpoint and (ids.subscription_of(item.endpoint) or "") not in managed.subscriptions
    ]
    rules = managed.by_target.get(target.key, ())
    pairs: dict[str, TargetConnection] = {}
    for exact in (True, False):
        for rule in (rule for rule in rules if key_of(rule) not in pairs):
            fitting = next((item for item in foreign if _fits(rule, item, exact=exact)), None)
            if fitting is not None:
                pairs[key_of(rule)] = fitting
                foreign.remove(fitting)
    return TargetMatch(pairs, listed)


def key_of(rule: OutboundRule) -> str:
    """Return what tells a rule apart in the estate."""
    return f"{rule.workspace}#{rule.name.lower()}"


def _fits(rule: OutboundRule, connection: TargetConnection, *, exact: bool) -> bool:
    if connection.groups and rule.subresource not in connection.groups:
        return False
    name = rule.name.lower()
    named = ids.name_of(connection.endpoint or "") == name or connection.name.lower().partition(".")[0] == name
    return named or not exact
