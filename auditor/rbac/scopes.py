"""Which scopes lie above which: root, management groups, subscriptions, groups, resources and their children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Resource
from auditor.truth import Truth

ROOT: Final = ""
"""The key of the scope `/`."""

_MANAGEMENT_GROUP: Final = "/providers/microsoft.management/managementgroups/"


class ScopeKind(StrEnum):
    """What a scope is, from the widest to the narrowest."""

    ROOT = "root"
    MANAGEMENT_GROUP = "management group"
    SUBSCRIPTION = "subscription"
    RESOURCE_GROUP = "resource group"
    RESOURCE = "resource"
    CHILD = "child resource"
    OTHER = "other"


@lru_cache(maxsize=8192)
def kind_of(scope: str) -> ScopeKind:
    """Return what a scope is, by its segments."""
    key = ids.key(scope)
    if key == ROOT:
        return ScopeKind.ROOT
    parts = ids.segments(key)
    if key.startswith(_MANAGEMENT_GROUP) and len(parts) == 4:
        return ScopeKind.MANAGEMENT_GROUP
    if parts[0] != "subscriptions":
        return ScopeKind.OTHER
    if len(parts) == 2:
        return ScopeKind.SUBSCRIPTION
    if len(parts) == 4 and parts[2] == "resourcegroups":
        return ScopeKind.RESOURCE_GROUP
    return ScopeKind.CHILD if ids.parent_of(key) else ScopeKind.RESOURCE


class Hierarchy(Struct, frozen=True):
    """Where subscriptions and management groups hang.

    `parents` maps the key of a subscription or management group to the key of the management group above it, and that
    of the topmost one to `ROOT`. `sole_subscription` is the key of the one subscription that was read: whatever
    assignment at a management group came with it was listed there because it is inherited, unless management groups were
    read, too, of which some may lie elsewhere.
    """

    parents: Mapping[str, str] = field(default_factory=dict)
    sole_subscription: str | None = None

    def above(self, scope: str) -> Sequence[str]:
        """Return the keys of the scope itself and of every scope known to lie above it, the narrowest first."""
        key = ids.key(scope)
        parts = ids.segments(key)
        chain = _above_within_subscription(parts) if parts[:1] == ["subscriptions"] else [key]
        while (parent := self.parents.get(chain[-1])) is not None and parent not in chain:
            chain.append(parent)
        return chain if chain[-1] == ROOT else [*chain, ROOT]

    def covers(self, outer: str, inner: str) -> Truth:
        """Whether an assignment at the outer scope applies at the inner one."""
        outer_key, inner_key = ids.key(outer), ids.key(inner)
        if ids.is_under(inner_key, outer_key):
            return Truth.YES
        if kind_of(outer_key) is not ScopeKind.MANAGEMENT_GROUP or inner_key == ROOT:
            return Truth.NO
        known = self.above(inner_key)
        if outer_key in known:
            return Truth.YES
        if any(self.parents.get(key) == ROOT for key in known):
            return Truth.NO
        return Truth.YES if self.sole_subscription in known and not self.parents else Truth.UNKNOWN


def _above_within_subscription(parts: list[str]) -> list[str]:
    """Return a scope inside a subscription and those above it, up to the subscription.

    Enclosing resources end where a type and a name end: `…/providers/N/type/name[/type/name…]`.
    """
    ends = {2, len(parts)}
    at = 2
    if parts[2:3] == ["resourcegroups"]:
        at = 4
        ends.add(4)
    while at < len(parts):
        at += 4 if parts[at] == "providers" else 2
        ends.add(at)
    return ["/" + "/".join(parts[:end]) for end in sorted(ends, reverse=True) if end <= len(parts)]


def stated_scope(resource: Resource) -> str:
    """Return the scope that an assignment, a deny or a lock names, else the one that its id lies at."""
    named = body.text(resource.properties, "scope")
    if named is not None and named.startswith("/"):
        return named
    at = resource.id.lower().rfind("/providers/microsoft.authorization/")
    return resource.id[: max(at, 0)] or "/"
