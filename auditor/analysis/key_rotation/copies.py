"""Derive whether the copy of a key that a vault keeps for the clients still is the key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Final, Literal

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.key_rotation.policies import is_of_architecture
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.estate.lookup import ML_CONNECTIONS
from auditor.estate.service_relations import SETTINGS_FROM_VAULTS
from auditor.keys.activity_log import ActivityLog
from auditor.keys.age import Rotation, holds_present_key
from auditor.keys.held import HeldKey
from auditor.model import Gap, Resource

COPIED: Final = {"account": "aoai", "online-endpoint": "aml_endpoint"}
"""The services whose keys clients take from a vault, as the baseline calls them, by the label of the type."""
_SECRET: Final = shipped().labelled("vault-secret").name
READS: Final = frozenset({_SECRET.lower(), SETTINGS_FROM_VAULTS, ML_CONNECTIONS})
_DAY: Final = "%Y-%m-%d"
Binding = Literal["reference", "name", "none"]


@fact("keys.copy", subject="the resource that has the key")
class KeyCopy(Fact, frozen=True, kw_only=True):
    """The copy that a vault keeps of a service's key: whether there is one, can be read, and still works."""

    service: str
    """the label of the service's type: `account` or `online-endpoint`"""
    accepted: Known[bool]
    """whether the service accepts keys"""
    bound_by: Binding
    """how the copy was known: by an app's reference to it, by its name, or not at all"""
    present: Known[bool]
    """whether a copy is known"""
    secret: str | None
    """the id of the secret"""
    enabled: Known[bool | None]
    """whether the secret can be read"""
    expired: Known[bool | None]
    """whether its expiry date has passed"""
    current: Known[bool | None]
    """whether it was made after the service and after the last regeneration of its keys"""
    reason: Hidden[str]

    def sentence(self) -> str:
        """Say which copy it is, how it was found, and what is wrong with it."""
        name = ids.name_of(self.about.subject)
        if self.secret is None:
            unread = f" is not known: {self.present.reason}" if isinstance(self.present, Gap) else " is missing"
            return f"The copy of the key of {name} in a vault{unread}."
        how = {"reference": "an app's setting refers to it", "name": "found by its name alone"}.get(self.bound_by, "")
        return f"The copy of the key of {name} is {ids.name_of(self.secret)} ({how}): {self.reason}."


class _Candidate(Struct, frozen=True):
    secret: Resource
    workload: str | None
    bound_by: Binding


def copies(context: Context, keys: Sequence[HeldKey]) -> Iterator[KeyCopy]:
    """Yield a fact for every copy of the keys of each service that clients call with keys."""
    log = ActivityLog(context.estate)
    services: dict[str, list[list[HeldKey]]] = defaultdict(list)
    for _, group in groupby(keys, key=lambda key: key.resource.key):
        held = list(group)
        if (held[0].kind.label or "") in COPIED and is_of_architecture(held[0].resource):
            services[held[0].kind.label or ""].append(held)
    for label, members in sorted(services.items()):
        candidates = _candidates(context, COPIED[label])
        homes = [context.workloads.role_of(held[0].resource.key)[0] for held in members]
        many = Counter(homes)
        for held, workload in zip(members, homes, strict=True):
            own = [each for each in candidates if workload is None or each.workload in {workload, None}]
            is_shared = many[workload] > 1
            rotations = [each for each in log.rotations(held[0].resource) if each.at <= context.now]
            if not own:
                yield _absent(context, held)
            for each in own:
                yield _copy(context, held, each, rotations, is_shared=is_shared)


def _candidates(context: Context, service: str) -> Sequence[_Candidate]:
    """Return the secrets that keep a service's key: those that settings of apps refer to, else those that are named so."""
    patterns = [name.lower() for name in body.texts(facts.parameter(context, f"key_copies.{service}", ()))]

    def fits(name: str) -> bool:
        return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)

    referred: dict[str, _Candidate] = {}
    for setting in context.estate.of_type(SETTINGS_FROM_VAULTS):
        site = ids.parent_of(ids.parent_of(setting.key) or "") or ""
        for target in context.estate.targets(setting.key, "reads-secret"):
            secret = context.estate.get(target)
            if secret is not None and (fits(setting.name) or fits(secret.name)):
                referred[target] = _Candidate(secret, context.workloads.role_of(site)[0], "reference")
    if referred:
        return [referred[key] for key in sorted(referred)]
    return [
        _Candidate(secret, context.workloads.role_of(ids.parent_of(secret.key) or "")[0], "name")
        for secret in context.estate.of_type(_SECRET)
        if fits(secret.name)
    ]


def _absent(context: Context, held: Sequence[HeldKey]) -> KeyCopy:
    """Return that there is no copy; a workspace's connection keeps one under a name that Azure does not tell."""
    resource, estate = held[0].resource, context.estate
    present: Known[bool] = estate.type_gap(_SECRET) or False
    if _is_of_a_connection(context, resource):
        present = Gap(resource.id, _SECRET, "a workspace's connection keeps the key, and Azure does not say where")
    unread = present if isinstance(present, Gap) else None
    return KeyCopy(
        about=facts.about(context, resource.id, inputs=[(resource.id, "type"), ("", _SECRET)]),
        service=held[0].kind.label or "",
        accepted=held[0].is_accepted,
        bound_by="none",
        present=present,
        secret=None,
        enabled=unread,
        expired=unread,
        current=unread,
        reason="",
    )


def _is_of_a_connection(context: Context, resource: Resource) -> bool:
    """Whether a workspace connects to a service."""
    kind = context.estate.catalogue.labelled("workspace").key
    found = (context.estate.get(key) for key in context.estate.sources(resource.key, "connects-to"))
    return any(each is not None and each.type_key == kind for each in found)


def _copy(
    context: Context, held: Sequence[HeldKey], found: _Candidate, rotations: Sequence[Rotation], *, is_shared: bool
) -> KeyCopy:
    resource, secret = held[0].resource, found.secret
    unread = context.estate.gap_at(secret.key, "properties.attributes")
    ends = body.moment(secret.properties, "attributes.exp")
    made = body.moment(secret.properties, "attributes.created")
    current: Known[bool]
    if is_shared:
        current = Gap(secret.id, "properties", "of which of several services it is a copy is not told")
    elif made is None:
        current = unread or Gap(secret.id, "properties.attributes.created", "when it was made is not stated")
    else:
        current = _current(made, held, rotations)
    stated = body.flag(secret.properties, "attributes.enabled")
    enabled: Known[bool] = unread or stated is not False
    expired: Known[bool] = unread or (ends is not None and ends <= context.now)
    return KeyCopy(
        about=facts.about(context, resource.id, sub_object=secret.name, inputs=[(secret.id, "properties.attributes")]),
        service=held[0].kind.label or "",
        accepted=held[0].is_accepted,
        bound_by=found.bound_by,
        present=True,
        secret=secret.id,
        enabled=enabled,
        expired=expired,
        current=current,
        reason=_reason(made, ends, enabled=enabled, expired=expired, current=current),
    )


def _current(made: datetime, held: Sequence[HeldKey], rotations: Sequence[Rotation]) -> Known[bool]:
    first = held[0]
    works = holds_present_key(made, created=first.created, rotations=rotations, seen_from=first.age.seen_from)
    if works is not None:
        return works
    reason = f"what was regenerated since {made.strftime(_DAY)} is not known"
    gap = first.gap
    return Gap(gap.scope, gap.what, reason, gap.permission) if gap else Gap(first.resource.id, "properties", reason)


def _reason(
    made: datetime | None,
    ends: datetime | None,
    *,
    enabled: Known[bool],
    expired: Known[bool],
    current: Known[bool],
) -> str:
    faults: Mapping[str, bool] = {
        "it is disabled": enabled is False,
        f"it expired on {ends.strftime(_DAY) if ends else ''}": expired is True,
        "it is older than the last regeneration of a key, or than the service, so that it holds a key that no longer "
        "works, or the one that was not regenerated": current is False,
        current.reason if isinstance(current, Gap) else "": isinstance(current, Gap),
    }
    stated = [text for text, holds in faults.items() if holds]
    return " and ".join(stated) or f"made on {made.strftime(_DAY) if made else 'an unknown day'}, and still valid"
