"""Read diagnostic settings: which logs they keep, where they send them, and what of a requirement they leave out.

https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.resource_type import LogCategory

_ALL: Final = "alllogs"
_AUDIT: Final = "audit"
_METRICS: Final = "AllMetrics"


class LogScope(StrEnum):
    """What of a resource must be kept."""

    ALL = "all logs"
    AUDIT = "audit logs"
    NAMED = "named categories"
    METRICS = "metrics"


class Kept(Struct, frozen=True):
    """What settings keep: log categories and groups by their name in lower case, as spelled, and whether metrics."""

    categories: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    metrics: bool = False

    def __bool__(self) -> bool:
        """Whether anything is kept at all."""
        return bool(self.categories or self.groups or self.metrics)

    def names(self) -> tuple[str, ...]:
        """Return everything kept, as spelled, groups first."""
        listed = [*sorted(self.groups.items()), *sorted(self.categories.items())]
        return (*(name for _, name in listed), *([_METRICS] if self.metrics else []))


def kept_by(setting: Mapping[str, object]) -> Kept:
    """Return what the properties of a setting keep; what is listed and not enabled is not kept."""
    logs = [entry for entry in body.objects(setting, "logs") if body.flag(entry, "enabled") is True]
    metrics = (body.flag(entry, "enabled") is True for entry in body.objects(setting, "metrics"))
    return Kept(_named(logs, "category"), _named(logs, "categoryGroup"), any(metrics))


def _named(entries: Iterable[Mapping[str, object]], key: str) -> Mapping[str, str]:
    return {name.lower(): name for entry in entries if (name := body.text(entry, key))}


def union(settings: Iterable[Kept]) -> Kept:
    """Return what several settings keep together."""
    listed = list(settings)
    return Kept(
        {key: name for one in listed for key, name in one.categories.items()},
        {key: name for one in listed for key, name in one.groups.items()},
        any(one.metrics for one in listed),
    )


def destinations(setting: Mapping[str, object]) -> Sequence[str]:
    """Return the ids, in lower case, of what the properties of a setting send to; of an event hub, its namespace."""
    stated = (body.reference(setting, key) for key in ("workspaceId", "storageAccountId", "marketplacePartnerId"))
    rule = body.reference(setting, "eventHubAuthorizationRuleId")
    namespace = ids.parent_of(rule) if rule else None
    return [one for one in (*stated, namespace) if one]


class Offered(Struct, frozen=True):
    """What a resource can log: its categories as spelled, None where they are not known, and what groups hold of them.

    Groups and what they hold are in lower case; what a group holds that is not listed is not known.
    """

    categories: Sequence[str] | None = None
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def left_out(self, scope: LogScope, named: Sequence[str], kept: Kept) -> Sequence[str] | None:
        """Return what of a requirement is not kept, as spelled; None where the data on categories cannot tell."""
        if scope is LogScope.METRICS:
            return () if kept.metrics else (_METRICS,)
        if _ALL in kept.groups or (scope is LogScope.AUDIT and _AUDIT in kept.groups):
            return ()
        required = named if scope is LogScope.NAMED else self._required(scope)
        if required is None:
            return None if kept.categories or kept.groups else (str(scope),)
        left = [name for name in required if name.lower() not in kept.categories]
        for group in kept.groups:
            if left and group not in self.groups:
                return None
            left = [name for name in left if name.lower() not in self.groups[group]] if left else left
        return left

    def _required(self, scope: LogScope) -> Sequence[str] | None:
        if scope is LogScope.ALL or self.categories is None:
            return self.categories
        audited = self.groups.get(_AUDIT)
        return None if audited is None else [name for name in self.categories if name.lower() in audited]


def offered_by_type(categories: Sequence[LogCategory] | None, tier: str | None) -> Offered:
    """Return what a resource of a tier can log, as the file of its type says."""
    if categories is None:
        return Offered()
    own = [one for one in categories if not one.tiers or (tier or "").lower() in one.tiers]
    audited = frozenset(one.name.lower() for one in own if one.is_audit)
    return Offered([one.name for one in own], {_AUDIT: audited} if audited else {})


def offered_by_answer(categories: Iterable[Mapping[str, object]]) -> Offered:
    """Return what a resource can log, as Azure's own list of its categories says."""
    logs = [one for one in categories if body.same_text(body.value(one, "properties.categoryType"), "Logs")]
    groups: dict[str, set[str]] = {}
    for one in logs:
        for group in body.texts(one, "properties.categoryGroups"):
            groups.setdefault(group.lower(), set()).add(str(one.get("name", "")).lower())
    return Offered(
        sorted(str(one.get("name", "")) for one in logs), {name: frozenset(held) for name, held in groups.items()}
    )
