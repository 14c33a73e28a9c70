"""Derive which content filters stand in front of each model deployment, and which policies nobody uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Known, Record, fact, record
from auditor.azure import body, content_filters
from auditor.azure.catalogue import shipped, spelled
from auditor.azure.content_filters import HARM, STRICTNESS, CallableModel, ContentFilter, normal
from auditor.estate.graph import Estate
from auditor.estate.navigation import CONTENT_POLICIES
from auditor.estate.service_relations import MODEL_DEPLOYMENTS
from auditor.model import FindingSet, Gap, LevelSets, Resource

DEPLOYMENTS: Final = spelled(MODEL_DEPLOYMENTS)
POLICIES: Final = spelled(CONTENT_POLICIES)
_ACCOUNTS: Final = shipped().labelled("account").name
_LISTS: Final = shipped().labelled("block-list").name
_SOURCES: Final = ("Prompt", "Completion")
_AFTERWARDS: Final = {"deferred", "asynchronous_filter"}
_BLOCK_LISTS: Final[Mapping[str, str | None]] = {
    "properties.promptBlocklists": "Prompt",
    "properties.completionBlocklists": "Completion",
    "properties.customBlocklists": None,
}
_Stated = TypeVar("_Stated", str, bool)
PolicyKind: TypeAlias = Literal["custom", "system", "none", "dangling", "other-account"]
_HAS: Final[Mapping[object, str]] = {
    "custom": "the custom policy {}",
    "system": "the service's own policy {}",
    "none": "no policy of its own, so that the service's default applies",
    "dangling": "the policy {}, which does not exist",
    "other-account": "the policy {}, which exists on another account only",
}
_EXTENDED: Final[Mapping[str, Sequence[str]]] = {
    "indirectattack": ("Prompt",),
    "protectedmaterialtext": ("Completion",),
    "protectedmaterialcode": ("Completion",),
}


@record
class FilterState(Record, frozen=True, kw_only=True):
    """What applies to one category and source that the baseline asks for."""

    category: str
    """the category in comparable form (`selfharm`)"""
    source: str
    """`Prompt` or `Completion`"""
    group: Literal["harm", "binary", "extended"]
    """the kind of filter"""
    enabled: bool | None
    """as the deciding entry says"""
    blocking: bool | None
    """as the deciding entry says"""
    threshold: str | None
    """as the deciding entry spells it"""
    strictness: Known[int]
    """3 Low (strictest), 2 Medium, 1 High, 0 not blocking; binary filters 3 or 0"""
    required_strictness: int
    """the least that will do"""
    origin: Literal["custom", "base", "absent"]
    """where the deciding entry comes from: the policy itself, what it inherits or the service's default, or nowhere"""
    path: str | None
    """where the deciding entry stands in its policy"""


@record
class BlockList(Record, frozen=True, kw_only=True):
    """A block list of a policy."""

    name: str | None
    """a block list of the policy"""
    source: Known[str]
    """what it looks at"""
    blocking: Known[bool]
    """whether it blocks"""
    exists: Known[bool]
    """whether the account has it"""


@fact("content_filter.deployment", subject="the model deployment, or the account whose model needs none")
class DeploymentFilters(Fact, frozen=True, kw_only=True):
    """Which content filters stand in front of a model: of a deployment, or of an account that lets it be called without."""

    instant: bool
    """whether the model can be called without a deployment"""
    model: str | None
    """the model's name"""
    exempt: bool
    """whether the service or the baseline exempts the model from filtering"""
    policy_name: str | None
    """the policy that the deployment names; absent where it names none"""
    policy_kind: Known[PolicyKind]
    """which policy that is"""
    policy_bound: Known[bool]
    """whether a custom policy of the same account is bound"""
    mode: Known[str]
    """the policy's mode, `Default` where none is given"""
    filters: tuple[FilterState, ...]
    """what applies to each category and source that the baseline asks for"""
    unmet: tuple[str, ...]
    """the filters that are known to be too weak"""
    harm_met: Known[bool]
    """whether all harm filters are strict enough"""
    jailbreak_met: Known[bool]
    """whether the jailbreak filter blocks"""
    profanity_met: Known[bool]
    """whether the profanity filter blocks"""
    extended_met: Known[bool]
    """whether the declared extended filters block"""
    weakest_harm: Known[int | None]
    """the least strictness among the harm filters"""
    blocklists: Known[tuple[BlockList, ...]]
    """the block lists of the policy"""

    def rests_on(self, fields: Sequence[str]) -> FindingSet | None:
        """Return which severities get through the filters that are asked for."""
        asked = {name.removesuffix("Met") for name in fields}
        passing = {
            f"{each.category} ({each.source})": _LEVELS[: len(_LEVELS) - each.strictness]
            if each.group == "harm"
            else (("detected",) if each.strictness == 0 else ())
            for each in self.filters
            if asked & {each.group, each.category} and not isinstance(each.strictness, Gap)
        }
        return LevelSets(tuple(sorted(passing.items()))) if passing else super().rests_on(fields)

    def sentence(self) -> str:
        """Say which policy a deployment has, and what of it is too weak."""
        name = ids.name_of(self.about.subject)
        if self.instant:
            name = f"{self.model or 'a model'}, which callers of {name} may use without a deployment,"
        if self.exempt:
            return f"Content filters don't apply to the model of {name}."
        has = _HAS.get(self.policy_kind, "the policy {}, which could not be read").format(self.policy_name)
        late = ""
        if not isinstance(self.mode, Gap) and self.mode.lower() in _AFTERWARDS:
            late = f" in mode {self.mode}, which sends text before it is filtered"
        return f"{name} has {has}{late}" + (f"; too weak for {facts.listed(self.unmet)}." if self.unmet else ".")


@fact("content_filter.policy", subject="the content filter policy")
class PolicyUse(Fact, frozen=True, kw_only=True):
    """Who uses a custom policy, and whether it changed under them."""

    name: str
    """the policy's name"""
    deployments: Known[tuple[str, ...]]
    """the deployments bound to it, and accounts whose models are called under it without one"""
    used: Known[bool]
    """whether any is"""
    last_modified_at: str | None
    """when it was last changed"""
    changed_after_deployment: Known[bool]
    """whether it was changed later than a deployment bound to it"""
    users: tuple[str, ...]
    """the deployments that are known to be bound to it"""

    def sentence(self) -> str:
        """Say who uses the policy, and whether it was changed later."""
        late = ", and was changed later than what uses it." if self.changed_after_deployment is True else "."
        return f"The content filter {self.name} is used by {facts.listed(self.users) or 'no deployment'}{late}"


_LEVELS: Final = ("low", "medium", "high")
"""The severities above safe. A threshold lets through those below it; a filter that is off, all of them."""


class Requirement(Struct, frozen=True):
    """One filter that must stand: `group` is `harm`, `binary` or `extended`, `strictness` the least that will do."""

    category: str
    source: str
    group: Literal["harm", "binary", "extended"]
    strictness: int


class Bound(Struct, frozen=True):
    """How a deployment is bound: the policy it names, and of which kind that is."""

    name: str | None
    kind: Known[PolicyKind]
    policy: Resource | None = None


def run(context: Context) -> Iterator[Fact]:
    """Yield a fact per model deployment and one per custom policy."""
    policies = content_filters.by_account(context.estate.of_type(POLICIES))
    requirements = requirements_of(context)
    users: dict[str, list[Resource]] = {}
    doubts: dict[str, Gap] = {}
    for model in _callable(context.estate):
        bound = _bound(context, model, policies)
        if bound.policy is not None and isinstance(bound.kind, Gap):
            doubts.setdefault(bound.policy.key, bound.kind)
        elif bound.policy is not None:
            users.setdefault(bound.policy.key, []).append(model.resource)
        yield _deployment_fact(context, model, bound, policies.get(model.account, {}), requirements)
    for policy in context.estate.of_type(POLICIES):
        if not content_filters.is_system(policy):
            yield _policy_fact(context, policy, _each_once(users.get(policy.key, [])), doubts.get(policy.key))


def _callable(estate: Estate) -> Iterator[CallableModel]:
    """Yield what callers can use: the model of each deployment, and those that need none."""
    yield from map(content_filters.deployed, estate.of_type(DEPLOYMENTS))
    for account in estate.of_type(_ACCOUNTS):
        yield from content_filters.instant(account)


def _each_once(users: Sequence[Resource]) -> Sequence[Resource]:
    return list({user.key: user for user in users}.values())


def requirements_of(context: Context) -> Sequence[Requirement]:
    """Return the filters that the baseline asks for, by default those of the architecture."""

    def named(key: str, default: Sequence[str]) -> Sequence[str]:
        return body.text_or_texts(facts.parameter(context, f"content_filter.{key}", default))

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
            for source in body.text_or_texts(sources)
        ]
    found += [
        Requirement(normal(category), source, "extended", 1)
        for category in named("extended", ())
        for source in _EXTENDED.get(normal(category), _SOURCES)
    ]
    return found


def _bound(context: Context, model: CallableModel, policies: Mapping[str, Mapping[str, Resource]]) -> Bound:
    name = model.policy
    policy = policies.get(model.account, {}).get((name or "").lower())
    hidden = context.estate.gap_at(model.resource.key, model.policy_path) or content_filters.out_of_path(model)
    if hidden is not None:
        return Bound(name, hidden, policy)
    if name is None:
        return Bound(None, "none")
    if policy is not None:
        return Bound(name, "system" if content_filters.is_system(policy) else "custom", policy)
    if content_filters.is_system_name(name):
        return Bound(name, "system")
    if gap := context.estate.type_gap(POLICIES, model.account):
        return Bound(name, gap)
    elsewhere = any(name.lower() in found for found in policies.values())
    return Bound(name, "other-account" if elsewhere else "dangling")


def _deployment_fact(
    context: Context,
    model: CallableModel,
    bound: Bound,
    policies: Mapping[str, Resource],
    requirements: Sequence[Requirement],
) -> Fact:
    globs = body.text_or_texts(
        facts.parameter(context, "content_filter.exempt_models", ["whisper", "text-embedding-*"])
    )
    exempt = any(fnmatchcase((model.name or "").lower(), glob.lower()) for glob in globs)
    filters = [(need, _filter(bound, policies, need)) for need in requirements]
    unmet = tuple(_label(need) for need, found in filters if _is_known_short(need, found))
    policy = bound.policy
    is_lost = bound.kind in {"dangling", "other-account"}
    mode = (body.text(policy.body, "properties.mode") if policy else None) or ("none" if is_lost else "Default")
    harm_met = _met(bound, filters, "harm")
    return DeploymentFilters(
        about=facts.about(
            context,
            model.resource.id,
            sub_object=f"instant {model.name or 'models'}" if model.listed else "",
            inputs=[
                (model.resource.id, model.policy_path),
                *([(policy.id, "properties.mode")] if policy else []),
                *dict.fromkeys(found.source for _, found in filters if found.source),
            ],
            role=_role(context, model.resource),
        ),
        instant=model.listed,
        model=model.name,
        exempt=exempt,
        policy_name=bound.name,
        policy_kind=bound.kind,
        policy_bound=bound.kind if isinstance(bound.kind, Gap) else bound.kind == "custom",
        mode=bound.kind if isinstance(bound.kind, Gap) else mode,
        filters=tuple(_state(need, found) for need, found in filters),
        unmet=unmet,
        harm_met=harm_met,
        jailbreak_met=_met(bound, filters, "jailbreak"),
        profanity_met=_met(bound, filters, "profanity"),
        extended_met=_met(bound, filters, "extended"),
        weakest_harm=harm_met if isinstance(harm_met, Gap) else _weakest(filters),
        blocklists=bound.kind if isinstance(bound.kind, Gap) else _blocklists(context.estate, policy),
    )


def _role(context: Context, child: Resource) -> tuple[str | None, str | None]:
    """Return the role of a child, else that of its account."""
    own = context.workloads.role_of(child.key)
    return own if own[0] else context.workloads.role_of(ids.parent_of(child.key) or "")


def _filter(bound: Bound, policies: Mapping[str, Resource], need: Requirement) -> ContentFilter:
    if isinstance(bound.kind, Gap):
        return ContentFilter(None, "absent", gap=bound.kind)
    if bound.kind in {"dangling", "other-account"}:
        return ContentFilter(0, "absent")  # what does not exist filters nothing that anybody could vouch for
    name = bound.name or content_filters.SOME_DEFAULT
    return content_filters.effective(policies, name, need.category, need.source)


def _is_known_short(need: Requirement, found: ContentFilter) -> bool:
    return found.strictness is not None and found.strictness < need.strictness


def _met(bound: Bound, filters: Sequence[tuple[Requirement, ContentFilter]], key: str) -> Known[bool]:
    """Return whether the filters of a group or category are strict enough; one that falls short decides."""
    if isinstance(bound.kind, Gap):
        return bound.kind
    own = [(need, found) for need, found in filters if key in {need.group, need.category}]
    if any(_is_known_short(need, found) for need, found in own):
        return False
    return next((found.gap for _, found in own if found.gap), True)


def _weakest(filters: Sequence[tuple[Requirement, ContentFilter]]) -> int | None:
    found = [item.strictness for need, item in filters if need.group == "harm" and item.strictness is not None]
    return min(found, default=None)


def _label(need: Requirement) -> str:
    return f"{need.category} ({need.source})"


def _state(need: Requirement, found: ContentFilter) -> FilterState:
    return FilterState(
        category=need.category,
        source=need.source,
        group=need.group,
        enabled=found.enabled,
        blocking=found.blocking,
        threshold=found.threshold,
        strictness=found.gap or found.strictness or 0,
        required_strictness=need.strictness,
        origin=found.origin,
        path=found.source[1] if found.source else None,
    )


def _blocklists(estate: Estate, policy: Resource | None) -> tuple[BlockList, ...]:
    """Return the block lists of a policy, in the shape of either API generation."""
    if policy is None:
        return ()
    account = ids.parent_of(policy.key) or ""
    return tuple(
        BlockList(
            name=body.text(entry, "blocklistName"),
            source=source or _stated(policy, f"{place}.source", body.text(entry, "source")),
            blocking=_stated(policy, f"{place}.blocking", body.flag(entry, "blocking")),
            exists=_has_block_list(estate, account, body.text(entry, "blocklistName") or ""),
        )
        for path, source in _BLOCK_LISTS.items()
        for place, entry in body.enumerate_objects(policy.body, path)
    )


def _stated(policy: Resource, path: str, value: _Stated | None) -> _Stated | Gap:
    return Gap(policy.id, path, "the entry does not state it") if value is None else value


def _has_block_list(estate: Estate, account: str, name: str) -> Known[bool]:
    """Return whether an account has a block list: what a policy names and nobody made blocks nothing."""
    kept = {ids.name_of(listed.key) for listed in estate.children(account, _LISTS.lower())}
    return name.lower() in kept or estate.type_gap(_LISTS, account) or False


def _policy_fact(context: Context, policy: Resource, users: Sequence[Resource], doubt: Gap | None) -> Fact:
    """Return who uses a policy; `doubt` is why it is not known whether it stands in front of a model that names it."""
    account = ids.parent_of(policy.key) or ""
    changed = body.text(policy.body, "systemData.lastModifiedAt")
    deployments = [user for user in users if user.type_key == MODEL_DEPLOYMENTS]
    earlier = [
        user.id for user in deployments if _is_before(body.text(user.body, "systemData.lastModifiedAt"), changed)
    ]
    gap = doubt or context.estate.type_gap(DEPLOYMENTS, account)
    changed_later: Known[bool] = bool(earlier)
    if gap and not earlier:
        changed_later = gap
    undated = next(
        (one for one in (policy, *deployments) if not body.text(one.body, "systemData.lastModifiedAt")), None
    )
    if undated is not None and not earlier:
        changed_later = Gap(undated.id, "systemData.lastModifiedAt", "when it was last changed is not stated")
    names = tuple(ids.name_of(user.id) for user in users)
    return PolicyUse(
        about=facts.about(
            context,
            policy.id,
            inputs=[(user.id, "properties.raiPolicyName") for user in deployments]
            + ([(policy.id, "systemData.lastModifiedAt")] if changed else [])
            + ([] if deployments else [(ids.parent_of(policy.id) or "", DEPLOYMENTS)]),
            role=_role(context, policy),
        ),
        name=ids.name_of(policy.id),
        deployments=gap or names,
        used=gap if gap and not users else bool(users),
        last_modified_at=changed,
        changed_after_deployment=changed_later,
        users=names,
    )


def _is_before(earlier: str | None, later: str | None) -> bool:
    # Both are ISO 8601 in UTC to the second; fractions don't matter for an audit.
    return earlier is not None and later is not None and earlier[:19] < later[:19]


ANALYSIS: Final = Analysis(
    name="content_filter",
    kinds=(DeploymentFilters, PolicyUse),
    run=run,
    reads=frozenset(name.lower() for name in (DEPLOYMENTS, POLICIES, _ACCOUNTS, _LISTS)),
    parameters=frozenset({"content_filter"}),
    subjects={DeploymentFilters.fact_kind: {DEPLOYMENTS: [{}]}, PolicyUse.fact_kind: {POLICIES: [{}]}},
)
