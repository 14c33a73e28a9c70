"""Derive which outbound rules of a workspace's managed network are needed, present and in effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact, Hidden, Known, fact, given
from auditor.analysis.managed_network import outbound_rules
from auditor.analysis.managed_network.outbound_rules import RULES, WORKSPACES, Managed, OutboundRule
from auditor.architecture import capabilities
from auditor.architecture.workloads import may_have_any
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate.private_connections import LISTED, hidden_connections, missing_need
from auditor.model import Gap, Resource
from auditor.network.ways_out import BROAD_TAGS

_FIRST_VERSION: Final = "2023-06-01"
_KINDS: Final = {None, "default", "hub"}
_DEPENDENCIES: Final[Mapping[str, Sequence[str]]] = {
    "storageAccount": ("blob", "file"),
    "containerRegistry": ("registry",),
    "keyVault": ("vault",),
}


@fact("managed_network.rule", subject="the workspace")
class ManagedRule(Fact, frozen=True, kw_only=True):
    """An outbound rule of a workspace's managed network: one that it needs, or one that a user defined beyond those."""

    required: bool
    """whether the architecture needs the rule"""
    category: str
    """`Required` (the platform's own) or `UserDefined`"""
    rule_type: str
    """`PrivateEndpoint`, `FQDN` or `ServiceTag`"""
    name: str | None
    """the rule's name; absent where there is no such rule"""
    target: str | None
    """the resource that the endpoint connects to"""
    destination: str
    """the host name, service tag or name of the target"""
    subresource: str | None
    """the group of the target"""
    action: str
    """of a service tag rule: `Allow` or `Deny`"""
    present: Known[bool]
    """whether there is such a rule"""
    status: Known[str | None]
    """the rule's status"""
    target_status: Known[str | None]
    """what the target's own connection says; absent where it lists none for the rule"""
    effective: Known[bool]
    """whether the rule is active and, for a required one, approved by its target, which can have private endpoints"""
    wildcard: bool
    """whether the host name holds a wildcard"""
    broad: bool
    """whether the service tag reaches resources of others (Internet, AzureCloud, Storage)"""
    provisioned: Known[bool]
    """whether the managed network exists yet; before, no endpoint does"""
    isolation_mode: Known[str]
    """the isolation mode of the managed network, `Disabled` where there is none"""
    workspace: Hidden[str]
    lacking: Hidden[str | None] = None

    def sentence(self) -> str:
        """Say whether a required endpoint is in effect, or where a rule of the user's lets traffic go."""
        if self.required:
            endpoint = f"{self.destination} ({self.subresource})"
            return f"The managed private endpoint of {self.workspace} to {endpoint} {self._effect()}."
        lets = "keeps traffic from going" if body.same_text(self.action, "Deny") else "lets traffic out"
        return f"The outbound rule {self.name} of {self.workspace} {lets} to {self._place()}."

    def _effect(self) -> str:
        if self.effective is True:
            return "is in effect"
        if isinstance(self.present, Gap):
            return "could not be looked for"
        if not self.present:
            return "is missing"
        if isinstance(self.status, str) and body.same_text(self.status, "Active"):
            return self._refusal()
        return f"is {self.status or 'without status'}"

    def _refusal(self) -> str:
        """Say why an active rule has no effect."""
        if self.lacking is not None:
            return f"is active, but does not work: {self.lacking}"
        if isinstance(self.effective, Gap):
            return "is active, but what its target says is not known"
        return f"is not approved by its target, which says {self.target_status or 'nothing'}"

    def _place(self) -> str:
        place = self.destination or "an unnamed place"
        if body.same_text(self.rule_type, "FQDN"):
            return f"every host of {place}" if "*" in place else f"the host {place}"
        if body.same_text(self.rule_type, "ServiceTag"):
            return f"the service tag {place}" + (", where anybody's resources answer" if self.broad else "")
        return place


class Network(Struct, frozen=True):
    """A workspace with the state of its managed network."""

    workspace: Resource
    managed: Managed
    isolation_mode: Known[str]
    provisioned: Known[bool]


class OutboundNeed(Struct, frozen=True):
    """An endpoint that a workspace must have: the target's key and the group as the service spells it."""

    category: str
    target: str
    group: str


def run(context: Context) -> Iterator[ManagedRule]:
    """Yield one fact per endpoint that a workspace needs, and one per rule that a user defined beyond those."""
    managed, called = outbound_rules.read(context), _called_by_workspace(context)
    for workspace in context.estate.of_type(WORKSPACES):
        kind = body.text(workspace.body, "kind")
        if (kind.lower() if kind else None) in _KINDS:
            yield from _workspace_facts(_network(managed, workspace), called.get(workspace.key, frozenset()))


def _workspace_facts(network: Network, called: AbstractSet[tuple[str, str]]) -> Iterator[ManagedRule]:
    rules, gap = outbound_rules.rules_of(network.managed.context, network.workspace)
    used: set[str] = set()
    for need in _required(network.workspace, called):
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
        return Network(workspace, managed, isolation_mode=gap, provisioned=gap)
    mode = body.text(settings, "isolationMode") or "Disabled"
    enabled = mode.lower() != "disabled"
    status = body.text(settings, "status.status")
    if status is None and enabled:
        gap = Gap(workspace.id, f"{path}.status", "the workspace does not state it")
        return Network(workspace, managed, isolation_mode=mode, provisioned=gap)
    is_provisioned = enabled and body.same_text(status, "Active")
    return Network(workspace, managed, isolation_mode=mode, provisioned=is_provisioned)


def _required(workspace: Resource, called: AbstractSet[tuple[str, str]]) -> Iterator[OutboundNeed]:
    """Yield each endpoint that the workspace needs: to its own resources, to itself, and to what its flow has `called`."""
    for name, groups in _DEPENDENCIES.items():
        target = body.text(workspace.body, f"properties.{name}")
        for group in groups if target else ():
            yield OutboundNeed("Required", ids.key(target or ""), group)
    yield OutboundNeed("Required", workspace.key, "amlworkspace")
    for target, group in sorted(called):
        yield OutboundNeed("UserDefined", target, group)


def _called_by_workspace(context: Context) -> Mapping[str, AbstractSet[tuple[str, str]]]:
    """Return, by the key of each workspace, what its flow calls in the workloads that it is of, and with which group."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    called = _called(context)
    for workload in context.workloads.all:
        targets = {(resource.key, group) for name, group in called.items() for resource in workload.resources(name)}
        for workspace in workload.giving(capabilities.MANAGED_NETWORK):
            found[workspace.key] |= targets
    return found


def _called(context: Context) -> Mapping[str, str]:
    """Return the components that the flow calls, with the groups of their endpoints."""
    is_searching = str(facts.parameter(context, "ai_search_required", default=True)).lower() == "true"
    searched = context.workloads.components_giving(capabilities.INDEX) if is_searching else ()
    return {
        **dict.fromkeys(context.workloads.components_giving(capabilities.MODEL_HOST), "account"),
        **dict.fromkeys(searched, "searchService"),
    }


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield, at each workspace, why its flow may call a service that is not known to be a part of the workload."""
    for workload in context.workloads.all:
        gap = may_have_any(context.estate, context.workloads, workload, _called(context))
        for workspace in workload.giving(capabilities.MANAGED_NETWORK):
            if gap is not None:
                fields = {"required": True, "category": "UserDefined", "ruleType": "PrivateEndpoint"}
                yield Unlisted(ManagedRule.fact_kind, replace(gap, scope=workspace.id), fields)


def _is_for(rule: OutboundRule, need: OutboundNeed) -> bool:
    if not body.same_text(rule.type, "PrivateEndpoint") or rule.target != need.target:
        return False
    # A rule of the user's own to a dependency does what the platform's would.
    fitting = need.category == "UserDefined" or rule.category.lower() in {"required", "dependency", "userdefined"}
    return fitting and rule.subresource == need.group.lower()


def _required_fact(network: Network, need: OutboundNeed, rule: OutboundRule | None, gap: Gap | None) -> ManagedRule:
    context, workspace = network.managed.context, network.workspace
    name = ids.name_of(context.estate.spelled(need.target) or need.target)
    says = TargetSays(gap) if rule is None else _target_says(network.managed, rule)
    sources = [] if rule is None else [rule.source, *says.source]
    approved = given(says.status, lambda status: body.same_text(status, "Approved"))
    target = context.estate.get(need.target)
    lacking = missing_need(context.estate, target) if target is not None else None
    return ManagedRule(
        about=facts.about(
            context,
            workspace.id,
            sub_object=f"{name}/{need.group}",
            inputs=[(workspace.id, "properties.managedNetwork"), *sources],
        ),
        required=True,
        category=need.category,
        rule_type="PrivateEndpoint",
        name=rule.name if rule else None,
        target=context.estate.spelled(need.target),
        destination=name,
        subresource=need.group,
        action="Allow",
        present=True if rule else gap or False,
        status=rule.status if rule else gap,
        target_status=says.status,
        effective=_works(approved, lacking) if rule is None or rule.is_active else False,
        wildcard=False,
        broad=False,
        provisioned=network.provisioned,
        isolation_mode=network.isolation_mode,
        workspace=workspace.name,
        lacking=lacking if isinstance(lacking, str) else None,
    )


def _works(approved: Known[bool], lacking: str | Gap | None) -> Known[bool]:
    """Return whether an endpoint works that its target says to approve, or not; `lacking`: what the target may lack for it."""
    if isinstance(lacking, str):
        return False
    return lacking if lacking is not None and approved is True else approved


class TargetSays(Struct, frozen=True):
    """What the target of a rule says about its connection, and where it says so."""

    status: Known[str | None]
    source: Sequence[tuple[str, str]] = ()


def _target_says(managed: Managed, rule: OutboundRule) -> TargetSays:
    target = managed.context.estate.get(rule.target or "/")
    if target is None:
        unseen = managed.context.estate.unseen(rule.target) if rule.target else Gap("/", LISTED, "no target is stated")
        return TargetSays(unseen)
    if gap := hidden_connections(managed.context.estate, target):
        return TargetSays(gap)
    pairs, listed = outbound_rules.match(managed, target)
    if listed is None:
        return TargetSays(Gap(target.id, LISTED, "the target states no connections"))
    connection = pairs.get(outbound_rules.key_of(rule))
    if connection is None:
        return TargetSays(None, [(target.id, LISTED)])
    return TargetSays(connection.status, [(connection.source, connection.path)])


def _defined_fact(network: Network, rule: OutboundRule) -> ManagedRule:
    context, workspace = network.managed.context, network.workspace
    is_tag = body.same_text(rule.type, "ServiceTag")
    return ManagedRule(
        about=facts.about(context, workspace.id, sub_object=rule.name, inputs=[rule.source]),
        required=False,
        category=rule.category,
        rule_type=rule.type,
        name=rule.name,
        target=context.estate.spelled(rule.target),
        destination=rule.destination,
        subresource=rule.subresource or None,
        action=rule.action,
        present=True,
        status=rule.status,
        target_status=None,
        effective=rule.is_active,
        wildcard="*" in rule.destination,
        broad=is_tag and rule.destination.lower().partition(".")[0] in BROAD_TAGS,
        provisioned=network.provisioned,
        isolation_mode=network.isolation_mode,
        workspace=workspace.name,
    )


_TARGETS: Final = tuple(
    shipped().labelled(label).key for label in ("account", "search", "storage", "vault", "registry")
)

ANALYSIS: Final = Analysis(
    name="managed_network",
    kinds=(ManagedRule,),
    run=run,
    reads=frozenset({WORKSPACES.lower(), RULES.lower(), *_TARGETS}),
    parameters=frozenset({"ai_search_required"}),
    subjects={ManagedRule.fact_kind: {RULES: [{}]}},
    unlisted=unlisted,
)
