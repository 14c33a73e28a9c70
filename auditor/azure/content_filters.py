"""Work out which content filters a policy of an Azure OpenAI account really applies, on the order of strictness."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Gap, Resource

# `Low` filters content rated low and above, so that it is the strictest; the older property `allowedContentLevel` means
# the same and not the opposite. https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter
STRICTNESS: Final[Mapping[str, int]] = {"low": 3, "medium": 2, "high": 1}
SERVICE_DEFAULT: Final = 2
HARM: Final = ("hate", "sexual", "selfharm", "violence")
_ENTRIES: Final = "properties.contentFilters"
_THRESHOLDS: Final = ("severityThreshold", "allowedContentLevel")
_LONGEST_CHAIN: Final = 4
_INSTANT: Final = "properties.instant"


class ContentFilter(Struct, frozen=True):
    """What applies to one category and source; `strictness` is None where `gap` says why it is not known.

    `origin`: `custom` (the policy's own entry), `base` (inherited) or `absent`.
    """

    strictness: int | None
    origin: Literal["custom", "base", "absent"]
    enabled: bool | None = None
    blocking: bool | None = None
    threshold: str | None = None
    source: tuple[str, str] | None = None
    gap: Gap | None = None


# https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/models-sold-directly-by-azure
_FILTERED_MAKERS: Final = frozenset({"openai", "openai-oss", "microsoft"})
_OPENAI_NAMES: Final = re.compile(
    r"(?:gpt-|o[1-9](?:-|$)|text-embedding-|whisper|dall-e|tts|sora|codex|computer-use|davinci|babbage).*",
    re.IGNORECASE,
)
SOME_DEFAULT: Final = ""
"""In place of the name of a policy: one of the service's own, by the generation of the model, where none is named."""
_SERVICE_DEFAULTS: Final = frozenset({"microsoft.default", "microsoft.defaultv2", SOME_DEFAULT})
_IN_NO_DEFAULT: Final = "profanity"
_UNNAMED: Final = "which of the service's own policies applies is not stated"


class CallableModel(Struct, frozen=True):
    """A model that callers of an account can use: through a deployment, or without one where `listed` at the account.

    `resource` is the deployment or the account, `policy_path` where it names the policy, `policy` the name.
    """

    resource: Resource
    account: str
    name: str | None
    maker: str | None
    policy: str | None
    policy_path: str
    listed: bool = False


def deployed(deployment: Resource) -> CallableModel:
    """Return the model of a deployment."""
    return CallableModel(
        resource=deployment,
        account=ids.parent_of(deployment.key) or "",
        name=body.text(deployment.body, "properties.model.name"),
        maker=body.text(deployment.body, "properties.model.format"),
        policy=body.text(deployment.body, "properties.raiPolicyName"),
        policy_path="properties.raiPolicyName",
    )


def instant(account: Resource) -> Sequence[CallableModel]:
    """Return the models that an account lets callers use without a deployment; one without a name where none are listed.

    An empty list means that there are none. A list that is not there says nothing.
    """
    if not isinstance(body.value(account.body, _INSTANT), Mapping):
        return ()
    listed = body.value(account.body, f"{_INSTANT}.modelAllowList")
    names = [str(name) for name in listed] if isinstance(listed, list) else [None]
    path = f"{_INSTANT}.raiPolicyName"
    policy = body.text(account.body, path)
    return [CallableModel(account, account.key, name, None, policy, path, listed=True) for name in dict.fromkeys(names)]


def out_of_path(model: CallableModel) -> Gap | None:
    """Return why it is not known that an account's filters look at what a model is sent and answers, or None.

    They apply to the models of OpenAI and Microsoft that Azure sells; of those of others that depends on the model.
    """
    if model.name is None and model.listed:
        path = f"{_INSTANT}.modelAllowList"
        return Gap(model.resource.id, path, "which models may be called without a deployment is not stated")
    if model.maker is None and _OPENAI_NAMES.fullmatch(model.name or ""):
        return None
    if (model.maker or "").lower() in _FILTERED_MAKERS:
        return None
    path = f"{_INSTANT}.modelAllowList" if model.listed else "properties.model.format"
    if model.maker is None:
        why = f"whose model {model.name or 'it'} is, is not stated, and a partner's may be out of the filters' path"
        return Gap(model.resource.id, path, why)
    why = f"{model.name or 'the model'} is a partner's ({model.maker}), and the filters need not be in the path of its calls"
    return Gap(model.resource.id, path, why)


def normal(name: str) -> str:
    """Return a category's name in comparable form: `Self_Harm` and `selfharm` are one."""
    return "".join(letter for letter in name.lower() if letter not in " _-")


def is_system_name(name: str) -> bool:
    """Whether a policy name is one of the service's own."""
    return name.lower().startswith("microsoft.")


def is_system(policy: Resource) -> bool:
    """Whether a policy belongs to the service; `type` was called `policyType` before 2024-06-01-preview."""
    kind = body.text(policy.body, "properties.type") or body.text(policy.body, "properties.policyType")
    return is_system_name(ids.name_of(policy.id)) or body.same_text(kind, "SystemManaged")


def by_account(policies: Sequence[Resource]) -> Mapping[str, Mapping[str, Resource]]:
    """Return the policies of each account by their name in lower case."""
    found: dict[str, dict[str, Resource]] = defaultdict(dict)
    for policy in policies:
        found[ids.parent_of(policy.key) or ""][ids.name_of(policy.key)] = policy
    return found


def effective(policies: Mapping[str, Resource], name: str, category: str, source: str) -> ContentFilter:
    """Return what the policy of this name applies to a category and source, following the policies it is based on.

    `name` may be `SOME_DEFAULT`.
    """
    return _of_policy(policies, name.lower(), category, source, depth=0)


def _of_policy(policies: Mapping[str, Resource], name: str, category: str, source: str, *, depth: int) -> ContentFilter:
    if depth == _LONGEST_CHAIN:
        return ContentFilter(
            None, "absent", gap=Gap(name, "properties.basePolicyName", "policies are based on each other")
        )
    if name == SOME_DEFAULT:
        return _any_default(policies, category, source)
    policy = policies.get(name)
    if policy is None:
        return _service_default(name, category)
    own, unplaced = _own(policy, category, source)
    if own:
        found = _weakest(own)
    elif is_system(policy):
        found = ContentFilter(0, "absent")
    else:
        base = (body.text(policy.body, "properties.basePolicyName") or SOME_DEFAULT).lower()
        found = _of_policy(policies, base, category, source, depth=depth + 1)
    found = _with_unplaced(policy, own, unplaced, found)
    return _as_inherited(found) if found.source and (depth > 0 or is_system(policy)) else found


def _with_unplaced(
    policy: Resource, own: Sequence[ContentFilter], unplaced: Sequence[ContentFilter], found: ContentFilter
) -> ContentFilter:
    """Return what was found, or that it is not known where an entry that may be about something else changes it."""
    for entry in unplaced:
        with_it = _weakest([*own, entry])
        if with_it.strictness is None or with_it.strictness != found.strictness:
            path = entry.source[1] if entry.source else _ENTRIES
            why = "the entry does not state whether it is for prompts or for completions, or for which category"
            return ContentFilter(None, "custom", source=entry.source, gap=Gap(policy.id, path, why))
    return found


def _any_default(policies: Mapping[str, Resource], category: str, source: str) -> ContentFilter:
    """Return what those of the service's own policies that an account lists apply alike, or by documentation all of them."""
    listed = sorted(name for name in _SERVICE_DEFAULTS if name in policies)
    found = [effective(policies, name, category, source) for name in listed]
    if not found:
        return _service_default(SOME_DEFAULT, category)
    if len({each.strictness for each in found}) == 1:
        return found[0]
    return ContentFilter(None, "absent", gap=Gap(policies[listed[0]].id, _ENTRIES, _UNNAMED))


def _as_inherited(found: ContentFilter) -> ContentFilter:
    return ContentFilter(
        found.strictness, "base", found.enabled, found.blocking, found.threshold, found.source, found.gap
    )


def _service_default(name: str, category: str) -> ContentFilter:
    """Return what one of the service's own policies applies, by documentation where it is not listed."""
    if not is_system_name(name) and name != SOME_DEFAULT:
        return ContentFilter(
            None, "absent", gap=Gap(name, "properties.contentFilters", "the policy does not exist here")
        )
    if category in HARM and name in _SERVICE_DEFAULTS:
        return ContentFilter(SERVICE_DEFAULT, "base", enabled=True, blocking=True, threshold="Medium")
    if name == "microsoft.default" or (name in _SERVICE_DEFAULTS and category == _IN_NO_DEFAULT):
        return ContentFilter(0, "absent")
    why = _UNNAMED if name == SOME_DEFAULT else "the service's own policy was not collected"
    return ContentFilter(None, "absent", gap=Gap(name or "Microsoft.Default", _ENTRIES, why))


def _own(policy: Resource, category: str, source: str) -> tuple[list[ContentFilter], list[ContentFilter]]:
    """Return the policy's own entries for a category and source, and those that do not state what they are for.

    The API documents no default for either, and takes entries without them.
    https://learn.microsoft.com/rest/api/aiservices/accountmanagement/rai-policies/create-or-update
    """
    own: list[ContentFilter] = []
    unplaced: list[ContentFilter] = []
    for path, entry in body.enumerate_objects(policy.body, _ENTRIES):
        name, stated = body.text(entry, "name"), body.text(entry, "source")
        if (name is None or normal(name) == category) and (stated is None or body.same_text(stated, source)):
            is_placed = name is not None and stated is not None
            (own if is_placed else unplaced).append(_entry(policy, path, entry, category))
    return own, unplaced


def _weakest(entries: Sequence[ContentFilter]) -> ContentFilter:
    """Return the weakest of several entries for one category and source, or one that leaves that open."""
    return min(entries, key=lambda entry: (entry.strictness != 0, entry.strictness or 0))


def _entry(policy: Resource, path: str, entry: object, category: str) -> ContentFilter:
    enabled = body.flag(entry, "enabled")
    blocking, is_contradicted = _blocks(entry)
    thresholds = [text for name in _THRESHOLDS if (text := body.text(entry, name))]
    threshold = thresholds[0] if len({text.lower() for text in thresholds}) == 1 else None
    strictness: int | None = None
    if enabled is False or blocking is False:
        strictness = 0
    elif enabled and blocking:
        strictness = STRICTNESS.get((threshold or "").lower()) if category in HARM else STRICTNESS["low"]
    missing = f"{path}.{'severityThreshold' if enabled and blocking else 'enabled'}"
    doubt = "the entry contradicts itself" if is_contradicted or len(thresholds) > 1 else "the entry does not state it"
    return ContentFilter(
        strictness=strictness,
        origin="custom",
        enabled=enabled,
        blocking=blocking,
        threshold=threshold,
        source=(policy.id, path),
        gap=Gap(policy.id, missing, doubt) if strictness is None else None,
    )


def _blocks(entry: object) -> tuple[bool | None, bool]:
    """Return whether an entry blocks, and whether it contradicts itself in that: newer versions of the API say it twice."""
    blocking = body.flag(entry, "blocking")
    action = body.text(entry, "action")
    if action is None:
        return blocking, False
    acts = action.lower() == "blocking"
    return (acts, False) if blocking is None or blocking == acts else (None, True)
