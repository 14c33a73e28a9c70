"""Say which content filters in front of models changes made weaker or stricter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body, content_filters
from auditor.azure.catalogue import shipped
from auditor.azure.content_filters import HARM, CallableModel, ContentFilter, normal
from auditor.diff.attribution import Attribution
from auditor.diff.drift import FilterEffect, MadeBy, Strictness
from auditor.estate.graph import Estate
from auditor.estate.navigation import CONTENT_POLICIES
from auditor.estate.service_relations import MODEL_DEPLOYMENTS
from auditor.model import Resource

_ACCOUNTS: Final = shipped().labelled("account").name
_SOURCES: Final = ("Prompt", "Completion")
_LEVELS: Final = {3: "Low", 2: "Medium", 1: "High", 0: "off"}
_BLOCK_LISTS: Final = ("promptBlocklists", "completionBlocklists", "customBlocklists")
_ASKED: Final = {"promptBlocklists": "Prompt", "completionBlocklists": "Completion", "customBlocklists": ""}
_AFTERWARDS: Final = frozenset({"deferred", "asynchronous_filter"})
_DEFAULT: Final = "Microsoft.Default"

Policies = Mapping[str, Mapping[str, Resource]]


class FilterComparison:
    """The models that can be called in two states, and what stands in front of them."""

    def __init__(self, old: Estate, new: Estate, attribution: Attribution) -> None:
        self.estates = (old, new)
        self.attribution = attribution
        self.undecided: list[str] = []
        self._policies: tuple[Policies, Policies] = (_policies(old), _policies(new))

    def effects(self) -> Iterator[FilterEffect]:
        """Yield the filters that let through more, or less, in front of a model that can be called in both states."""
        before, after = (_models(estate) for estate in self.estates)
        for key in sorted(before.keys() & after.keys()):
            yield from self._of_model(before[key], after[key])

    def _of_model(self, old: CallableModel, new: CallableModel) -> Iterator[FilterEffect]:
        owned = [self._policies[place].get(model.account, {}) for place, model in enumerate((old, new))]
        if not self.attribution.made_by([new.resource.id, *(one.id for own in owned for one in own.values())]):
            return
        names = [model.policy or _DEFAULT for model in (old, new)]
        bound = [own.get(name.lower()) for own, name in zip(owned, names, strict=True)]
        own_places = [new.resource.id, *(policy.id for policy in bound if policy is not None)]
        for (category, source), spelled in sorted(_asked(owned).items()):
            before, after = (
                self._filter(place, model, owned[place], category, source) for place, model in enumerate((old, new))
            )
            if before.strictness == after.strictness:
                continue
            if before.strictness is None or after.strictness is None:
                gap = before.gap or after.gap
                why = f" ({gap.reason})" if gap is not None else ""
                self.undecided.append(f"how strict the filter {spelled} ({source}) of {new.resource.name} is{why}")
                continue
            places = [*own_places, *(one.source[0] for one in (before, after) if one.source)]
            yield FilterEffect(
                deployment=new.resource.id,
                policy=new.policy,
                filter=spelled,
                source=source,
                old=_word(category, before.strictness),
                new=_word(category, after.strictness),
                direction=Strictness.WEAKER if after.strictness < before.strictness else Strictness.STRICTER,
                by=self.attribution.made_by(dict.fromkeys(places)),
            )
        yield from self._of_policy(new, bound, self.attribution.made_by(dict.fromkeys(own_places)))

    def _filter(
        self, place: int, model: CallableModel, policies: Mapping[str, Resource], category: str, source: str
    ) -> ContentFilter:
        """Return what applies in front of a model in one of the states."""
        name = model.policy or _DEFAULT
        if name.lower() not in policies and not content_filters.is_system_name(name):
            gap = self.estates[place].type_gap(CONTENT_POLICIES, model.account)
            # What does not exist filters nothing that anybody could vouch for.
            return ContentFilter(0 if gap is None else None, "absent", gap=gap)
        return content_filters.effective(policies, name, category, source)

    def _of_policy(
        self, model: CallableModel, policies: Sequence[Resource | None], by: tuple[MadeBy, ...]
    ) -> Iterator[FilterEffect]:
        """Yield block lists that came or went, and a mode in which text is sent before it is filtered."""
        lists = [_block_lists(policy) for policy in policies]
        late = [policy is not None and _is_late(policy) for policy in policies]
        changed = [(name, source, "off", "on") for name, source in sorted(lists[1] - lists[0])]
        changed += [(name, source, "on", "off") for name, source in sorted(lists[0] - lists[1])]
        told = [(f"blocklist {name}", source, old, new, new == "off") for name, source, old, new in changed]
        if late[0] != late[1]:
            words = ["afterwards" if one else "before it is sent" for one in late]
            told.append(("mode", "Completion", words[0], words[1], late[1]))
        for name, source, before, after, is_weaker in told:
            yield FilterEffect(
                deployment=model.resource.id,
                policy=model.policy,
                filter=name,
                source=source,
                old=before,
                new=after,
                direction=Strictness.WEAKER if is_weaker else Strictness.STRICTER,
                by=by,
            )


def _policies(estate: Estate) -> Policies:
    return content_filters.by_account(estate.of_type(CONTENT_POLICIES))


def _models(estate: Estate) -> Mapping[tuple[str, str], CallableModel]:
    """Return what callers can use, by deployment, or by account and model where it needs no deployment."""
    found = [content_filters.deployed(one) for one in estate.of_type(MODEL_DEPLOYMENTS)]
    found += [model for account in estate.of_type(_ACCOUNTS) for model in content_filters.instant(account)]
    return {(model.resource.key, (model.name or "") if model.listed else ""): model for model in found}


def _asked(owned: Sequence[Mapping[str, Resource]]) -> Mapping[tuple[str, str], str]:
    """Return the categories and sources that any policy of an account knows, and the four harms, as they are spelled."""
    found = {(category, source): category.capitalize() for category in HARM for source in _SOURCES}
    for policies in owned:
        for policy in policies.values():
            for entry in body.objects(policy.body, "properties.contentFilters"):
                name, source = body.text(entry, "name"), body.text(entry, "source")
                if name is not None and source is not None:
                    found[normal(name), source.capitalize()] = name
    return found


def _word(category: str, level: int) -> str:
    if category in HARM:
        return _LEVELS[level]
    return "on" if level else "off"


def _block_lists(policy: Resource | None) -> frozenset[tuple[str, str]]:
    if policy is None:
        return frozenset()
    return frozenset(
        (ids.name_of(name), body.text(entry, "source") or _ASKED[path])
        for path in _BLOCK_LISTS
        for entry in body.objects(policy.properties, path)
        if (name := body.text(entry, "blocklistName")) is not None and body.flag(entry, "blocking") is not False
    )


def _is_late(policy: Resource) -> bool:
    return (body.text(policy.properties, "mode") or "").lower() in _AFTERWARDS
