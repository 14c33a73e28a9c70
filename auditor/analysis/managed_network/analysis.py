"""Derive which outbound rules of a workspace's managed network are needed, present and in effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.managed_network import outbound_rules
from auditor.analysis.managed_network.outbound_rules import RULES, WORKSPACES, Managed, OutboundRule
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.model import Fact, Gap, Resource

RULE: Final = "managed_network.rule"
_FIRST_VERSION: Final = "2023-06-01"
_BROAD: Final = ("internet", "azurecloud", "storage")
_KINDS: Final = {None, "default", "hub"}
_DEPENDENCIES: Final[Mapping[str, Sequence[str]]] = {
    "storageAccount": ("blob", "file"),
    "containerRegistry": ("registry",),
    "keyVault": ("vault",),
}


@dataclass(frozen=True, slots=True)
class Network:
    """A workspace with the state of its managed network as fields, and which of those are not known."""

    workspace: Resource
    managed: Managed
    fields: Mapping[str, object]
    unknown: Mapping[str, Gap]


@dataclass(frozen=True, slots=True)
class OutboundNeed:
    """An endpoint that a workspace must have: the target's key and the group as the service spells it."""

    category: str
    target: str
    group: str


def run(context: Context) -> Iterator[Fact]:
    """Yield one fact per endpoint that a workspace needs, and one per rule that a user defined beyond those."""
    managed = outbound_rules.read(context)
    for workspace in context.estate.of_type(WORKSPACES):
        kind = body.text(workspace.body, "kind")
        if (kind.lower() if kind else None) in _KINDS:
            yield from _workspace_facts(_network(managed, workspace))


def _workspace_facts(network: Network) -> Iterator[Fact]:
    rules, gap = outbound_rules.rules_of(network.managed.context, network.workspace)
    used: set[str] = set()
    for need in _required(network.managed.context, network.workspace):
        fitting = [rule for rule in rules if _is_for(rule, need)]
        chosen = min(fitting, key=lambda rule: (not rule.is_active, rule.name.lower()), default=None)
        used.update(rule.name.lower() for rule in fitting)
        yield _required_fact(network, need, chosen, gap)
    for rule in rules:
        if rule.name.lower() not in used and body.same_text(rule.category, "UserDefined"):
            yield _defined_fact(network, rule)


def _network(managed: Managed, workspace: Resource) -> Network:
    path = "properties.managedNetwork"
    gap = managed.context.estate.gap_at(workspace.key, path)
    settings = body.value(workspace.body, path)
    if gap is None and settings is None and workspace.api_version and workspace.api_version < _FIRST_VERSION:
        gap = Gap(workspace.id, path, f"API version {workspace.api_version} does not show it")
    if gap is not None:
        return Network(workspace, managed, {}, {"provisioned": gap, "isolationMode": gap})
    mode = body.text(settings, "isolationMode") or "Disabled"
    enabled = mode.lower() != "disabled"
    status = body.text(settings, "status.status")
    if status is None and enabled:
        gap = Gap(workspace.id, f"{path}.status", "the workspace does not state it")
        return Network(workspace, managed, {"isolationMode": mode}, {"provisioned": gap})
    provisioned = enabled and body.same_text(status, "Active")
    return Network(workspace, managed, {"isolationMode": mode, "provisioned": provisioned}, {})


def _required(context: Context, workspace: Resource) -> Iterator[OutboundNeed]:
    """Yield each endpoint that the workspace needs: to its own resources, to itself, and to what its flow calls."""
    for name, groups in _DEPENDENCIES.items():
        target = body.text(workspace.body, f"properties.{name}")
        for group in groups if target else ():
            yield OutboundNeed("Required", ids.key(target or ""), group)
    yield OutboundNeed("Required", workspace.key, "amlworkspace")
    wanted = {"openai": "account"}
    if str(facts.parameter(context, "ai_search_required", default=True)).lower() == "true":
        wanted["search"] = "searchService"
    targets = {
        (resource.key, group)
        for workload in context.workloads.all
        if workspace.key in {bound.key for bound in workload.resources("workspace")}
        for component, group in wanted.items()
        for resource in workload.resources(component)
    }
    for target, group in sorted(targets):
        yield OutboundNeed("UserDefined", target, group)


def _is_for(rule: OutboundRule, need: OutboundNeed) -> bool:
    if not body.same_text(rule.type, "PrivateEndpoint") or rule.target != need.target:
        return False
    # A rule of the user's own to a dependency does what the platform's would.
    fitting = need.category == "UserDefined" or rule.category.lower() in {"required", "dependency", "userdefined"}
    return fitting and rule.subresource == need.group.lower()


def _required_fact(network: Network, need: OutboundNeed, rule: OutboundRule | None, gap: Gap | None) -> Fact:
    context, workspace = network.managed.context, network.workspace
    uncollected = dict(network.unknown)
    status, target_gap, source = (None, None, None) if rule is None else _target_status(network.managed, rule)
    if rule is None and gap is not None:
        uncollected |= dict.fromkeys(("present", "status", "effective", "targetStatus"), gap)
    if rule is not None and target_gap is not None:
        uncollected |= dict.fromkeys(("targetStatus", "effective") if rule.is_active else ("targetStatus",), target_gap)
    effective = rule is not None and rule.is_active and body.same_text(status, "Approved")
    name = ids.name_of(context.estate.spelled(need.target) or need.target)
    said = "is in effect" if effective else _shortfall(rule, status, unknown=bool(gap or target_gap))
    return facts.build(
        context,
        RULE,
        workspace.id,
        {
            "required": True,
            "category": need.category,
            "ruleType": "PrivateEndpoint",
            "name": rule.name if rule else None,
            "target": context.estate.spelled(need.target),
            "destination": name,
            "subresource": need.group,
            "action": "Allow",
            "present": rule is not None,
            "status": rule.status if rule else None,
            "targetStatus": status,
            "effective": effective,
            "wildcard": False,
            "broad": False,
            **network.fields,
        },
        sub_object=f"{name}/{need.group}",
        summary=f"The managed private endpoint of {workspace.name} to {name} ({need.group}) {said}.",
        inputs=[
            (workspace.id, "properties.managedNetwork"),
            *([rule.source] if rule else []),
            *([source] if source else []),
        ],
        uncollected=uncollected,
    )


def _shortfall(rule: OutboundRule | None, status: str | None, *, unknown: bool) -> str:
    if rule is None:
        return "could not be looked for" if unknown else "is missing"
    if not rule.is_active:
        return f"is {rule.status or 'without status'}"
    if unknown:
        return "is active, but what its target says is not known"
    return f"is not approved by its target, which says {status or 'nothing'}"


def _target_status(managed: Managed, rule: OutboundRule) -> tuple[str | None, Gap | None, tuple[str, str] | None]:
    """Return what the target of a rule says about its connection, or why that is not known, and where it says so."""
    target = managed.context.estate.get(rule.target or "/")
    path = "properties.privateEndpointConnections"
    if target is None:
        unseen = managed.context.estate.unseen(rule.target) if rule.target else Gap("/", path, "no target is stated")
        return None, unseen, None
    if gap := managed.context.estate.gap_at(target.key, path):
        return None, gap, None
    pairs, listed = outbound_rules.match(managed, target)
    if listed is None:
        return None, Gap(target.id, path, "the target states no connections"), None
    found = pairs.get(outbound_rules.key_of(rule))
    return (found.status if found else None), None, (found.source, found.path) if found else (target.id, path)


def _defined_fact(network: Network, rule: OutboundRule) -> Fact:
    context, workspace = network.managed.context, network.workspace
    is_broad = body.same_text(rule.type, "ServiceTag") and rule.destination.lower().partition(".")[0] in _BROAD
    return facts.build(
        context,
        RULE,
        workspace.id,
        {
            "required": False,
            "category": rule.category,
            "ruleType": rule.type,
            "name": rule.name,
            "target": context.estate.spelled(rule.target),
            "destination": rule.destination,
            "subresource": rule.subresource or None,
            "action": rule.action,
            "present": True,
            "status": rule.status,
            "targetStatus": None,
            "effective": rule.is_active,
            "wildcard": "*" in rule.destination,
            "broad": is_broad,
            **network.fields,
        },
        sub_object=rule.name,
        summary=_defined_summary(rule, workspace, is_broad=is_broad),
        inputs=[rule.source],
        uncollected=network.unknown,
    )


def _defined_summary(rule: OutboundRule, workspace: Resource, *, is_broad: bool) -> str:
    place = rule.destination or "an unnamed place"
    if body.same_text(rule.type, "FQDN"):
        place = f"every host of {place}" if "*" in place else f"the host {place}"
    elif body.same_text(rule.type, "ServiceTag"):
        place = f"the service tag {place}" + (", where anybody's resources answer" if is_broad else "")
    lets = "keeps traffic from going" if body.same_text(rule.action, "Deny") else "lets traffic out"
    return f"The outbound rule {rule.name} of {workspace.name} {lets} to {place}."


FIELDS: Final[Mapping[str, str]] = {
    "required": "whether the architecture needs the rule",
    "category": "`Required` (the platform's own) or `UserDefined`",
    "ruleType": "`PrivateEndpoint`, `FQDN` or `ServiceTag`",
    "name": "the rule's name, null where it is missing",
    "target": "the resource that the endpoint connects to",
    "destination": "the host name, service tag or name of the target",
    "subresource": "the group of the target",
    "action": "of a service tag rule: `Allow` or `Deny`",
    "present": "whether there is such a rule",
    "status": "the rule's status",
    "targetStatus": "what the target's own connection says; null where it lists none for the rule",
    "effective": "whether the rule is active and, for a required one, approved by its target",
    "wildcard": "whether the host name holds a wildcard",
    "broad": "whether the service tag reaches resources of others (Internet, AzureCloud, Storage)",
    "provisioned": "whether the managed network exists yet; before, no endpoint does",
    "isolationMode": "the isolation mode of the managed network, `Disabled` where there is none",
}
_TARGETS: Final = tuple(
    shipped().labelled(label).key for label in ("account", "search", "storage", "vault", "registry")
)

ANALYSIS: Final = Analysis(
    name="managed_network",
    facts={RULE: FIELDS},
    run=run,
    reads=frozenset({WORKSPACES.lower(), RULES.lower(), *_TARGETS}),
    parameters=frozenset({"ai_search_required"}),
    subjects={RULE: {RULES: [{}]}},
)
