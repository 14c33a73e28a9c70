"""Derive which content filters stand in front of each model deployment, and which policies nobody uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.content_filter import policy as content_policy
from auditor.analysis.content_filter.policy import BINARY, HARM, STRICTNESS, ContentFilter, normal
from auditor.analysis.contract import Analysis, Context
from auditor.azure import body
from auditor.model import Fact, Gap, Resource

DEPLOYMENT: Final = "content_filter.deployment"
POLICY: Final = "content_filter.policy"
DEPLOYMENTS: Final = "Microsoft.CognitiveServices/accounts/deployments"
POLICIES: Final = "Microsoft.CognitiveServices/accounts/raiPolicies"
_SOURCES: Final = ("Prompt", "Completion")
_AFTERWARDS: Final = {"deferred", "asynchronous_filter"}
_EXTENDED: Final[Mapping[str, Sequence[str]]] = {
    "indirectattack": ("Prompt",),
    "protectedmaterialtext": ("Completion",),
    "protectedmaterialcode": ("Completion",),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One filter that must stand: `group` is `harm`, `binary` or `extended`, `strictness` the least that will do."""

    category: str
    source: str
    group: str
    strictness: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How a deployment is bound: the policy it names, of which kind that is, and why this is not known."""

    name: str | None
    kind: str | None
    policy: Resource | None
    gap: Gap | None


def run(context: Context) -> Iterator[Fact]:
    """Yield a fact per model deployment and one per custom policy."""
    policies = content_policy.by_account(context.estate.of_type(POLICIES))
    requirements = requirements_of(context)
    users: dict[str, list[Resource]] = {}
    for deployment in context.estate.of_type(DEPLOYMENTS):
        account = ids.parent_of(deployment.key) or ""
        bound = _bound(context, deployment, account, policies)
        if bound.policy is not None:
            users.setdefault(bound.policy.key, []).append(deployment)
        yield _deployment_fact(context, deployment, bound, policies.get(account, {}), requirements)
    for policy in context.estate.of_type(POLICIES):
        if not content_policy.is_system(policy):
            yield _policy_fact(context, policy, users.get(policy.key, []))


def requirements_of(context: Context) -> Sequence[Requirement]:
    """Return the filters that the baseline asks for, by default those of the architecture."""

    def named(key: str, default: Sequence[str]) -> Sequence[str]:
        return facts.names(facts.parameter(context, f"content_filter.{key}", default))

    least = STRICTNESS.get(
        str(facts.parameter(context, "content_filter.min_threshold", "Low")).lower(), STRICTNESS["low"]
    )
    found = [
        Requirement(normal(category), source, "harm", least)
        for category in named("categories", HARM)
        for source in named("sources", _SOURCES)
    ]
    required = facts.parameter(context, "content_filter.require", {"jailbreak": ["Prompt"], "profanity": _SOURCES})
    if isinstance(required, Mapping):
        found += [
            Requirement(normal(str(category)), source, "binary", 1)
            for category, sources in sorted(required.items())
            for source in facts.names(sources)
        ]
    found += [
        Requirement(normal(category), source, "extended", 1)
        for category in named("extended", ())
        for source in _EXTENDED.get(normal(category), _SOURCES)
    ]
    return found


def _bound(
    context: Context, deployment: Resource, account: str, policies: Mapping[str, Mapping[str, Resource]]
) -> Bound:
    name = body.text(deployment.body, "properties.raiPolicyName")
    if gap := facts.gap_at(context, deployment, "properties.raiPolicyName"):
        return Bound(None, None, None, gap)
    if name is None:
        return Bound(None, "none", None, None)
    policy = policies.get(account, {}).get(name.lower())
    if policy is not None:
        return Bound(name, "system" if content_policy.is_system(policy) else "custom", policy, None)
    if content_policy.is_system_name(name):
        return Bound(name, "system", None, None)
    if gap := context.estate.type_gap(POLICIES, account):
        return Bound(name, None, None, gap)
    elsewhere = any(name.lower() in found for found in policies.values())
    return Bound(name, "other-account" if elsewhere else "dangling", None, None)


def _deployment_fact(
    context: Context,
    deployment: Resource,
    bound: Bound,
    policies: Mapping[str, Resource],
    requirements: Sequence[Requirement],
) -> Fact:
    model = body.text(deployment.body, "properties.model.name")
    globs = facts.names(facts.parameter(context, "content_filter.exempt_models", ["whisper", "text-embedding-*"]))
    exempt = any(fnmatchcase((model or "").lower(), glob.lower()) for glob in globs)
    filters = [(need, _filter(bound, policies, need)) for need in requirements]
    uncollected = _unknown(bound, filters)
    unmet = [_label(need) for need, found in filters if found.strictness is not None and _falls_short(need, found)]
    policy = bound.policy
    is_lost = bound.kind in {"dangling", "other-account"}
    mode = (body.text(policy.body, "properties.mode") if policy else None) or ("none" if is_lost else "Default")
    return facts.build(
        context,
        DEPLOYMENT,
        deployment.id,
        {
            "model": model,
            "exempt": exempt,
            "policyName": bound.name,
            "policyKind": bound.kind,
            "policyBound": bound.kind == "custom",
            "mode": mode,
            "filters": [_shown(need, found) for need, found in filters],
            "unmet": unmet,
            **{f"{group}Met": _met(filters, group) for group in _GROUPS},
            **{f"{category}Met": _met(filters, category) for category in BINARY},
            "weakestHarm": _weakest(filters),
            "blocklists": _blocklists(policy),
        },
        summary=_summary(deployment, bound, unmet, mode, exempt=exempt),
        inputs=[
            (deployment.id, "properties.raiPolicyName"),
            *([(policy.id, "properties.mode")] if policy else []),
            *dict.fromkeys(found.source for _, found in filters if found.source),
        ],
        uncollected=uncollected,
        role=_role(context, deployment),
    )


_GROUPS: Final = ("harm", "extended")


def _role(context: Context, child: Resource) -> tuple[str | None, str | None]:
    """Return the role of a child, else that of its account."""
    own = context.workloads.role_of(child.key)
    return own if own[0] else context.workloads.role_of(ids.parent_of(child.key) or "")


def _filter(bound: Bound, policies: Mapping[str, Resource], need: Requirement) -> ContentFilter:
    if bound.gap is not None:
        return ContentFilter(None, "absent", gap=bound.gap)
    if bound.kind in {"dangling", "other-account"}:
        return ContentFilter(0, "absent")  # what does not exist filters nothing that anybody could vouch for
    name = bound.name or "Microsoft.Default"
    return content_policy.effective(policies, name, need.category, need.source)


def _unknown(bound: Bound, filters: Sequence[tuple[Requirement, ContentFilter]]) -> dict[str, Gap]:
    """Return the fields that are not known; a group in which one filter is known to fall short is decided."""
    unknown: dict[str, Gap] = {}
    if bound.gap is not None:
        unknown = dict.fromkeys(("policyKind", "policyBound", "mode", "blocklists"), bound.gap)
    for position, (_, found) in enumerate(filters):
        if found.gap is not None:
            unknown[f"filters[{position}].strictness"] = found.gap
    for key in (*_GROUPS, *BINARY):
        own = [(need, found) for need, found in filters if key in {need.group, need.category}]
        gap = next((found.gap for _, found in own if found.gap), None)
        if gap is not None and not any(_falls_short(need, found) for need, found in own if found.gap is None):
            unknown[f"{key}Met"] = gap
            if key == "harm":
                unknown["weakestHarm"] = gap
    return unknown


def _falls_short(need: Requirement, found: ContentFilter) -> bool:
    return (found.strictness or 0) < need.strictness


def _met(filters: Sequence[tuple[Requirement, ContentFilter]], key: str) -> bool:
    return not any(_falls_short(need, found) for need, found in filters if key in {need.group, need.category})


def _weakest(filters: Sequence[tuple[Requirement, ContentFilter]]) -> int | None:
    found = [item.strictness for need, item in filters if need.group == "harm" and item.strictness is not None]
    return min(found, default=None)


def _label(need: Requirement) -> str:
    return f"{need.category} ({need.source})"


def _shown(need: Requirement, found: ContentFilter) -> Mapping[str, object]:
    shown = {
        "category": need.category,
        "source": need.source,
        "group": need.group,
        "enabled": found.enabled,
        "blocking": found.blocking,
        "threshold": found.threshold,
        "strictness": found.strictness,
        "requiredStrictness": need.strictness,
        "origin": found.origin,
        "path": found.source[1] if found.source else None,
    }
    if found.gap is not None:
        del shown["strictness"]
    return shown


def _blocklists(policy: Resource | None) -> Sequence[Mapping[str, object]]:
    """Return the block lists of a policy, in the shape of either API generation."""
    arrays = (("promptBlocklists", "Prompt"), ("completionBlocklists", "Completion"), ("customBlocklists", None))
    return [
        {
            "name": body.text(entry, "blocklistName"),
            "source": source or body.text(entry, "source"),
            "blocking": body.flag(entry, "blocking") is True,
        }
        for array, source in arrays
        for entry in body.objects(policy.body if policy else {}, f"properties.{array}")
    ]


def _summary(deployment: Resource, bound: Bound, unmet: Sequence[str], mode: str, *, exempt: bool) -> str:
    name = ids.name_of(deployment.id)
    if exempt:
        return f"Content filters don't apply to the model of {name}."
    said = {
        "custom": f"the custom policy {bound.name}",
        "system": f"the service's own policy {bound.name}",
        "none": "no policy of its own, so that the service's default applies",
        "dangling": f"the policy {bound.name}, which does not exist",
        "other-account": f"the policy {bound.name}, which exists on another account only",
    }.get(bound.kind or "", f"the policy {bound.name}, which could not be read")
    late = f" in mode {mode}, which sends text before it is filtered" if mode.lower() in _AFTERWARDS else ""
    return f"{name} has {said}{late}" + (f"; too weak for {facts.listed(list(unmet))}." if unmet else ".")


def _policy_fact(context: Context, policy: Resource, users: Sequence[Resource]) -> Fact:
    account = ids.parent_of(policy.key) or ""
    changed = body.text(policy.body, "systemData.lastModifiedAt")
    earlier = [user.id for user in users if _is_before(body.text(user.body, "systemData.lastModifiedAt"), changed)]
    gap = context.estate.type_gap(DEPLOYMENTS, account)
    uncollected = {"deployments": gap} if gap else {}
    if gap and not users:
        uncollected["used"] = gap
    if gap and not earlier:
        uncollected["changedAfterDeployment"] = gap
    undated = next((one for one in (policy, *users) if not body.text(one.body, "systemData.lastModifiedAt")), None)
    if undated is not None and not earlier:
        reason = "when it was last changed is not stated"
        uncollected["changedAfterDeployment"] = Gap(undated.id, "systemData.lastModifiedAt", reason)
    name = ids.name_of(policy.id)
    names = [ids.name_of(user.id) for user in users]
    return facts.build(
        context,
        POLICY,
        policy.id,
        {
            "name": name,
            "deployments": names,
            "used": bool(users),
            "lastModifiedAt": changed,
            "changedAfterDeployment": bool(earlier),
        },
        summary=f"The content filter {name} is used by {facts.listed(names) or 'no deployment'}"
        + (", and was changed later than what uses it." if earlier else "."),
        inputs=[(user.id, "properties.raiPolicyName") for user in users]
        + ([(policy.id, "systemData.lastModifiedAt")] if changed else []),
        uncollected=uncollected,
        role=_role(context, policy),
    )


def _is_before(earlier: str | None, later: str | None) -> bool:
    # Both are ISO 8601 in UTC to the second; fractions don't matter for an audit.
    return earlier is not None and later is not None and earlier[:19] < later[:19]


ANALYSIS: Final = Analysis(
    name="content_filter",
    facts={
        DEPLOYMENT: {
            "model": "the model's name",
            "exempt": "whether the service or the baseline exempts the model from filtering",
            "policyName": "the policy that the deployment names, null for none",
            "policyKind": "`custom`, `system`, `none`, `dangling` or `other-account`",
            "policyBound": "whether a custom policy of the same account is bound",
            "mode": "the policy's mode, `Default` where none is given",
            "filters[*].category": "the category in comparable form (`selfharm`)",
            "filters[*].source": "`Prompt` or `Completion`",
            "filters[*].group": "`harm`, `binary` or `extended`",
            "filters[*].enabled": "as the deciding entry says",
            "filters[*].blocking": "as the deciding entry says",
            "filters[*].threshold": "as the deciding entry spells it",
            "filters[*].strictness": "3 Low (strictest), 2 Medium, 1 High, 0 not blocking; binary filters 3 or 0",
            "filters[*].requiredStrictness": "the least that will do",
            "filters[*].origin": "`custom`, `base` (inherited or the service's default) or `absent`",
            "filters[*].path": "where the deciding entry stands in its policy",
            "unmet[*]": "the filters that are known to be too weak",
            "harmMet": "whether all harm filters are strict enough",
            "jailbreakMet": "whether the jailbreak filter blocks",
            "profanityMet": "whether the profanity filter blocks",
            "extendedMet": "whether the declared extended filters block",
            "weakestHarm": "the least strictness among the harm filters",
            "blocklists[*].name": "a block list of the policy",
            "blocklists[*].source": "what it looks at",
            "blocklists[*].blocking": "whether it blocks",
        },
        POLICY: {
            "name": "the policy's name",
            "deployments[*]": "the deployments bound to it",
            "used": "whether any deployment is bound to it",
            "lastModifiedAt": "when it was last changed",
            "changedAfterDeployment": "whether it was changed later than a deployment bound to it",
        },
    },
    run=run,
    reads=frozenset({DEPLOYMENTS.lower(), POLICIES.lower()}),
    parameters=frozenset({"content_filter"}),
    subjects={DEPLOYMENT: {DEPLOYMENTS: [{}]}, POLICY: {POLICIES: [{}]}},
)
