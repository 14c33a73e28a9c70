"""Derive which kinds of keys and secrets Azure Policy watches in each subscription."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Known, fact
from auditor.azure import body
from auditor.azure.catalogue import spelled
from auditor.estate.monitoring_relations import POLICY_ASSIGNMENTS
from auditor.keys.held import HeldKey
from auditor.model import Gap, Resource
from auditor.rbac.read import hierarchy_of
from auditor.truth import Truth, all_of, any_of

WATCHED: Final = {
    "account": "aoai",
    "online-endpoint": "aml_endpoint",
    "storage": "storage",
    "vault-secret": "kv_secret",
    "vault-key": "kv_key",
}
"""What policies may watch, as the baseline calls it, by the label of the type."""
ASSIGNMENTS: Final = spelled(POLICY_ASSIGNMENTS)
_SHOWN: Final = 3
SETS: Final = spelled("microsoft.authorization/policysetdefinitions")


@fact("keys.policy", subject="the subscription")
class PolicyWatch(Fact, frozen=True, kw_only=True):
    """Whether Azure Policy watches the age of all keys or secrets of a kind in a subscription."""

    grounds: ClassVar[Mapping[str, str]] = {"monitored": "unwatched"}
    watched: str
    """what is watched: `aoai`, `aml_endpoint`, `storage`, `kv_secret` or `kv_key`"""
    monitored: Known[bool]
    """whether a policy that the baseline names is assigned to every one of them, alone or in an initiative"""
    assignments: tuple[str, ...]
    """names of the assignments that do"""
    unwatched: tuple[str, ...]
    """ids of the resources that no such assignment covers"""

    def sentence(self) -> str:
        """Say which are not watched."""
        if isinstance(self.monitored, Gap):
            return f"Whether a policy watches them is not known: {self.monitored.reason}."
        if self.monitored:
            return f"Assigned: {facts.listed(self.assignments)}."
        names = [ids.name_of(each) for each in self.unwatched]
        shown = names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
        return f"No policy watches the age of {facts.listed(shown)}."


class _ToWatch(Struct, frozen=True):
    """A resource whose keys or secrets a policy has to watch; `doubt` is why it may have none that open anything."""

    resource: Resource
    doubt: Gap | None = None

    @property
    def id(self) -> str:
        return self.resource.id


class _AssignedPolicy(Struct, frozen=True):
    """A policy assignment that may be one of those looked for: `fits` is UNKNOWN for an initiative that was not read."""

    id: str
    name: str
    scope: str
    excluded: Sequence[str]
    fits: Truth


def watches(context: Context, keys: Sequence[HeldKey]) -> Iterator[PolicyWatch]:
    """Yield a fact for each subscription and kind of key or secret that it has."""
    hierarchy = context.estate.once(hierarchy_of)
    for name, resources in _watched(context, keys).items():
        assigned = _assignments(context, name)
        by_subscription: dict[str, list[_ToWatch]] = defaultdict(list)
        for each in resources:
            by_subscription[ids.key(ids.subscription_scope(each.id))].append(each)
        for subscription, members in sorted(by_subscription.items()):
            gap = context.estate.type_gap(ASSIGNMENTS, subscription)
            covering = {
                each.id: any_of(
                    [
                        *(
                            all_of([one.fits, hierarchy.covers(one.scope, each.id)])
                            for one in assigned
                            if not any(ids.is_under(each.id, outer) for outer in one.excluded)
                        ),
                        Truth.NO if gap is None and each.doubt is None else Truth.UNKNOWN,
                    ]
                )
                for each in members
            }
            monitored: Known[bool] = all_of(covering.values()) is Truth.YES
            if not monitored and Truth.NO not in covering.values():
                unread = "what an assigned initiative holds, or where it applies, was not read"
                doubt = next((each.doubt for each in members if each.doubt is not None), None)
                monitored = gap or doubt or Gap(subscription, SETS, unread, f"{SETS}/read")
            yield PolicyWatch(
                about=facts.about(
                    context,
                    subscription,
                    sub_object=name,
                    inputs=[
                        *((one.id, "properties") for one in assigned),
                        (subscription, ASSIGNMENTS),
                        *((each.id, "type") for each in members),
                    ],
                ),
                watched=name,
                monitored=monitored,
                assignments=tuple(sorted({one.name for one in assigned if one.fits is Truth.YES})),
                unwatched=tuple(each for each, state in covering.items() if state is not Truth.YES),
            )


def _watched(context: Context, keys: Sequence[HeldKey]) -> Mapping[str, Sequence[_ToWatch]]:
    """Return the resources of each kind: those whose keys open something, or may, and secrets."""
    found: dict[str, dict[str, _ToWatch]] = defaultdict(dict)
    for key in keys:
        name = WATCHED.get(key.kind.label or "")
        if name and key.is_accepted is not False and is_of_architecture(key.resource):
            doubt = key.is_accepted if isinstance(key.is_accepted, Gap) else None
            found[name][key.resource.key] = _ToWatch(key.resource, doubt)
    for secret in context.estate.judged(context.estate.catalogue.labelled("vault-secret").name):
        found[WATCHED["vault-secret"]][secret.key] = _ToWatch(secret)
    return {name: list(found[name].values()) for name in sorted(found)}


def is_of_architecture(resource: Resource) -> bool:
    """Whether a resource is no Cognitive Services account of a kind that has nothing to do with language models."""
    kind = body.text(resource.body, "kind")
    is_account = resource.type_key.endswith("/accounts")
    return not is_account or kind is None or kind.lower() in {"openai", "aiservices"}


def _assignments(context: Context, watched: str) -> Sequence[_AssignedPolicy]:
    """Return the assignments that watch a kind, or that may, whatever their enforcement: Azure evaluates all of them."""
    listed = body.texts(facts.parameter(context, f"rotation_policies.{watched}", ()))
    definitions = {ids.name_of(name).lower() for name in listed}
    found: list[_AssignedPolicy] = []
    for resource in context.estate.of_type(ASSIGNMENTS):
        target = body.text(resource.properties, "policyDefinitionId") or ""
        is_off = body.same_text(body.value(resource.properties, "parameters.effect.value"), "Disabled")
        fits = Truth.NO if is_off else _fits(context, target, definitions)
        if fits is not Truth.NO:
            scope = body.text(resource.properties, "scope") or resource.id.lower().rpartition("/providers/")[0]
            name = body.text(resource.properties, "displayName") or resource.name
            found.append(_AssignedPolicy(resource.id, name, scope, body.texts(resource.properties, "notScopes"), fits))
    return found


def _fits(context: Context, target: str, definitions: set[str]) -> Truth:
    if f"/{SETS.rpartition('/')[2]}/".lower() not in target.lower():
        return Truth.YES if ids.name_of(target).lower() in definitions else Truth.NO
    if not definitions:
        return Truth.NO
    initiative = context.estate.get(target)
    if initiative is None:
        return Truth.UNKNOWN
    members = body.objects(initiative.properties, "policyDefinitions")
    names = {ids.name_of(body.text(member, "policyDefinitionId") or "").lower() for member in members}
    return Truth.YES if names & definitions else Truth.NO
