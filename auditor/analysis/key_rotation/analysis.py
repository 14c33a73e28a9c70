"""Yield the age of every key that a service accepts, its copies, and the policies that watch it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.key_rotation.copies import COPIED, READS, KeyCopy, copies
from auditor.analysis.key_rotation.policies import WATCHED, PolicyWatch, watches
from auditor.azure import body
from auditor.azure.catalogue import shipped
from auditor.azure.regenerations import ACTIVITY_LOG
from auditor.estate.monitoring_relations import POLICY_ASSIGNMENTS
from auditor.keys.held import HeldKey, held_keys
from auditor.model import Gap

LIMITS: Final = {
    "account": "aoai",
    "online-endpoint": "aml_endpoint",
    "search": "search_admin",
    "storage": "storage",
    "vault-key": "kv_key",
}
"""The name under which the baseline limits the age of a type's keys, by the type's label."""


@fact("keys.age", subject="the resource that has the key")
class KeyAge(Fact, frozen=True, kw_only=True):
    """How old a key is, exactly or in the bounds that the activity log proves."""

    service: str
    """the label of the resource's type (`account`, `online-endpoint`, `search`, `storage`, `vault-key`, …), else the type"""
    kind: str | None
    """the kind of the resource, as spelled"""
    key: str
    """which of its keys"""
    accepted: Known[bool]
    """whether the service accepts keys"""
    created: str | None
    """when the resource came to be"""
    last_rotated: Known[str]
    """when the key got its present value, where that is known exactly"""
    not_rotated_since: str | None
    """since when it surely has not been replaced; absent where nothing shows that"""
    not_older_than: str | None
    """the latest moment at which it surely was new; absent where nothing shows one"""
    age_at_least_days: int
    """the least age that it can have, in whole days"""
    age_at_most_days: int | None
    """the greatest age that it can have; absent where nothing limits it"""
    limit_days: int | None
    """the age at which the baseline wants it replaced; absent where it has no limit"""
    within_limit: Known[bool | None]
    """whether it is no older than that"""
    held: Hidden[HeldKey]

    def sentence(self) -> str:
        """Say how old the key is, and what the baseline allows."""
        what = f"{self.key} of {self.held.resource.name}"
        allowed = "" if self.limit_days is None else f"; the baseline allows {self.limit_days} days"
        if isinstance(self.within_limit, Gap):
            return f"How old {what} is cannot be told: {self.within_limit.reason}{allowed}."
        if self.age_at_most_days is not None and self.within_limit is not False:
            how = "" if self.held.age.exact else "at most "
            return f"{what} is {how}{self.age_at_most_days} days old{allowed}."
        how = "is" if self.held.age.exact else "was not rotated for at least"
        old = " old" if self.held.age.exact else ""
        return f"{what} {how} {self.age_at_least_days} days{old}{allowed}."


def run(context: Context) -> Iterator[Fact]:
    """Yield the facts on keys, copies and policies."""
    keys = list(held_keys(context.estate, context.now))
    yield from (_age(context, key) for key in keys)
    yield from copies(context, keys)
    yield from watches(context, keys)


def limit_of(context: Context, key: HeldKey) -> int | None:
    """Return the age in days that the baseline allows a key, or None where it has no limit."""
    name = LIMITS.get(key.kind.label or "")
    return body.number(facts.parameter(context, f"key_max_age_days.{name}", None)) if name else None


def _age(context: Context, key: HeldKey) -> KeyAge:
    age, limit = key.age, limit_of(context, key)
    within = None if limit is None else age.is_within(timedelta(days=limit))
    unclear = key.gap or Gap(key.resource.id, key.path or "properties", "its age is not known")
    log = f"{ids.subscription_scope(key.resource.id)}/providers/{ACTIVITY_LOG}"
    return KeyAge(
        about=facts.about(
            context,
            key.resource.id,
            sub_object=key.name,
            inputs=[
                (key.resource.id, key.path or "systemData.createdAt"),
                *([(log, "properties")] if age.seen_from else []),
            ],
        ),
        service=key.kind.label or key.kind.name,
        kind=body.text(key.resource.body, "kind"),
        key=key.name,
        accepted=key.is_accepted,
        created=_text(key.created),
        last_rotated=unclear if age.exact is None else _stamp(age.exact),
        not_rotated_since=None if age.latest >= age.now else _stamp(age.latest),
        not_older_than=_text(age.earliest),
        age_at_least_days=age.at_least.days,
        age_at_most_days=None if age.at_most is None else age.at_most.days,
        limit_days=limit,
        within_limit=unclear if within is None and limit is not None else within,
        held=key,
    )


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else _stamp(moment)


_KEYED: Final = [kind for kind in shipped() if kind.keys.names]

ANALYSIS: Final = Analysis(
    name="keys",
    kinds=(KeyAge, KeyCopy, PolicyWatch),
    run=run,
    reads=frozenset({kind.key for kind in _KEYED} | {ACTIVITY_LOG.lower()} | READS),
    details=frozenset({POLICY_ASSIGNMENTS}),
    parameters=frozenset({"key_max_age_days", "key_copies", "rotation_policies"}),
    subjects={
        KeyAge.fact_kind: {kind.name: [{"service": kind.label or kind.name}] for kind in _KEYED},
        KeyCopy.fact_kind: {shipped().labelled(label).name: [{"service": label}] for label in COPIED},
        PolicyWatch.fact_kind: {shipped().labelled(label).name: [{"watched": name}] for label, name in WATCHED.items()},
    },
)
