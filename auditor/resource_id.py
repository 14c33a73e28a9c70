"""Compare and take apart ARM resource ids, by segment and without case."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeGuard, TypeVar

T = TypeVar("T")

SUBSCRIPTIONS: Final = "microsoft.resources/subscriptions"
RESOURCE_GROUPS: Final = "microsoft.resources/resourcegroups"
MANAGEMENT_GROUPS: Final = "microsoft.management/managementgroups"
CLASSIC_ADMINISTRATORS: Final = "Microsoft.Authorization/classicAdministrators"
"""Types of scopes, in lower case."""

_PROVIDERS: Final = "providers"
_IN_SUBSCRIPTION: Final = "/subscriptions/"


def key(resource_id: str) -> str:
    """Return the form of an id that is equal for equal resources: folded case, no trailing slash."""
    return resource_id.rstrip("/").lower()


def is_resource_id(text: object) -> TypeGuard[str]:
    """Whether a value reads as an ARM id (`/subscriptions/…` or `/providers/…`), in any case."""
    return isinstance(text, str) and text[:15].lower().startswith(("/subscriptions/", "/providers/"))


def segments(resource_id: str) -> list[str]:
    """Return the path segments of an id, as spelled."""
    return [part for part in resource_id.split("/") if part]


def is_under(resource_id: str, scope: str) -> bool:
    """Whether an id is the scope itself or lies below it, by whole segments. `/` and the empty scope hold everything."""
    inner, outer = key(resource_id), key(scope)
    return not outer or inner == outer or inner.startswith(outer + "/")


def below(items: Sequence[T], scope: str, key_of: Callable[[T], str]) -> Sequence[T]:
    """Return those of some items that lie below a scope, by whole segments; they are sorted by keys, as the scope is given."""
    start = bisect_left(items, f"{scope}/", key=key_of)
    return items[start : bisect_left(items, f"{scope}0", start, key=key_of)]  # the character behind the slash


def _value_after(resource_id: str, word: str) -> str | None:
    parts = segments(resource_id)
    for name, value in itertools.pairwise(parts):
        if name.lower() == word:
            return value
    return None


def subscription_of(resource_id: str) -> str | None:
    """Return the subscription id named in a resource id, as spelled."""
    if resource_id[: len(_IN_SUBSCRIPTION)].lower() == _IN_SUBSCRIPTION:  # as nearly every id starts
        first = resource_id[len(_IN_SUBSCRIPTION) :].partition("/")[0]
        if first:
            return first
    return _value_after(resource_id, "subscriptions")


def subscription_scope(resource_id: str) -> str:
    """Return the scope of the subscription named in a resource id, as spelled, or the empty scope."""
    subscription = subscription_of(resource_id)
    return f"/subscriptions/{subscription}" if subscription else ""


def resource_group_of(resource_id: str) -> str | None:
    """Return the resource group named in a resource id, as spelled."""
    return _value_after(resource_id, "resourcegroups")


def name_of(resource_id: str) -> str:
    """Return the last segment of an id."""
    return resource_id.rstrip("/").rpartition("/")[2]


def _last_provider(parts: list[str]) -> int:
    for index in range(len(parts) - 1, -1, -1):
        if parts[index].lower() == _PROVIDERS:
            return index
    return -1


def parent_of(resource_id: str) -> str | None:
    """Return the id of the resource that this one is a child or extension of, or None for a top-level one.

    `…/vaults/kv/secrets/s` → `…/vaults/kv`; `…/accounts/a/providers/Microsoft.Insights/diagnosticSettings/d` → `…/accounts/a`.
    """
    parts = segments(resource_id)
    last = _last_provider(parts)
    if last < 0:
        return None
    if len(parts) - last >= 6:
        return "/" + "/".join(parts[:-2])
    owner = parts[:last]
    return "/" + "/".join(owner) if any(part.lower() == _PROVIDERS for part in owner) else None


def scope_of(resource_id: str) -> str:
    """Return the scope that an extension resource (a lock, a role assignment) stands at: the empty one for everything."""
    return resource_id.rpartition("/providers/")[0]


def top_of(resource_id: str) -> str:
    """Return the top-level resource that an id in lower case is or lies in, such as a gateway for a part of it."""
    head, found, tail = resource_id.rpartition("/providers/")
    parts = tail.split("/")
    return "/".join([head + found + parts[0], *parts[1:3]]) if found and len(parts) >= 3 else resource_id


def enclosing(scope: str, types: Iterable[str]) -> str | None:
    """Return the resource of one of some types that a scope is or lies in, or None; all in lower case."""
    for kind in types:
        namespace, top, *below = kind.split("/")
        marker = f"/providers/{namespace}/{top}/"
        at = scope.find(marker)
        end = -1 if at < 0 else _end_of(scope, at + len(marker))
        for word in below:
            end = _end_of(scope, end + len(word) + 2) if end > 0 and scope.startswith(f"/{word}/", end) else -1
        if end > 0:
            return scope[:end]
    return None


def _end_of(scope: str, start: int) -> int:
    """Return where the name that begins at a place of a scope ends."""
    end = scope.find("/", start)
    return len(scope) if end < 0 else end


@lru_cache(maxsize=8192)
def type_of(resource_id: str) -> str | None:
    """Return the resource type that an id spells: the last provider's namespace with the type names behind it."""
    parts = segments(resource_id)
    last = _last_provider(parts)
    if last < 0 or len(parts) < last + 4:
        return None
    return "/".join([parts[last + 1], *parts[last + 2 :: 2]])
