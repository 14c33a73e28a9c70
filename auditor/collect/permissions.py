"""Compare what an identity may do with what a collection needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import PrivilegeName
from auditor.collect.arm.client import Arm
from auditor.collect.arm.credentials import SignedInIdentity
from auditor.collect.arm.refusals import Refused
from auditor.collect.operations import INVENTORY_ACTIONS, ROLE_ASSIGNMENTS, Operations
from auditor.collect.sources.subscriptions import ResolvedScope
from auditor.model import Gap

_HARMFUL: Final = frozenset({PrivilegeName.ASSIGN_ROLES, PrivilegeName.CHANGE_NETWORK})


def excessive_actions(catalogue: Catalogue) -> Sequence[str]:
    """Return what an auditor's identity should not be able to do, sorted: read keys, or change what protects.

    `*/read` holds some of it, because a few services hand out secrets to readers.
    """
    found = {f"{item.name}/{name}" for item in catalogue for name in (*item.keys.read, *item.keys.read_as_reader)}
    for item in catalogue:
        for privilege in _HARMFUL & item.privileges.keys():
            found |= {f"{item.name}/{name}" for name in item.privileges[privilege]}
    return sorted(found)


class SubscriptionRights(Struct, frozen=True):
    """What the identity lacks and has too much in one subscription; `is_known` is False where Azure would not say."""

    id: str
    name: str
    missing: Sequence[str] = ()
    too_much: Sequence[str] = ()
    is_known: bool = True


class Preflight(Struct, frozen=True):
    """What a collection with this identity could not read, and what the identity may do beyond reading."""

    identity: SignedInIdentity
    subscriptions: Sequence[SubscriptionRights]
    unreadable: Sequence[Gap] = ()

    @property
    def is_sufficient(self) -> bool:
        """Whether everything can be read everywhere, as far as Azure says."""
        return not self.unreadable and all(one.is_known and not one.missing for one in self.subscriptions)


def needed_actions(operations: Operations) -> Sequence[str]:
    """Return every action that a collection needs, sorted."""
    found = list(operations)
    shared = {operation.together.action for operation in found if operation.together}
    return sorted({*INVENTORY_ACTIONS, *(operation.action for operation in found), *shared})


def examine(arm: Arm, identity: SignedInIdentity, resolved: ResolvedScope, catalogue: Catalogue) -> Preflight:
    """Ask Azure what the identity may do in each subscription."""
    needed, excessive = needed_actions(Operations(catalogue)), excessive_actions(catalogue)
    return Preflight(
        identity,
        [_rights(arm, one.id, one.name, needed, excessive) for one in resolved.subscriptions],
        resolved.gaps,
    )


def _rights(
    arm: Arm, subscription: str, name: str, needed: Iterable[str], excessive: Iterable[str]
) -> SubscriptionRights:
    path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/permissions"
    try:
        listing = arm.list_all(path, ROLE_ASSIGNMENTS.api_version)
    except Refused:
        return SubscriptionRights(subscription, name, is_known=False)
    if listing.refusal is not None:
        return SubscriptionRights(subscription, name, is_known=False)
    return SubscriptionRights(
        subscription,
        name,
        missing=[action for action in needed if not is_allowed(action, listing.items)],
        too_much=[action for action in excessive if is_allowed(action, listing.items)],
    )


def is_allowed(action: str, permissions: Iterable[Mapping[str, object]]) -> bool:
    """Whether any of the permissions grants an action: its `actions` match and its own `notActions` don't."""
    return any(
        _matches(action, permission.get("actions")) and not _matches(action, permission.get("notActions"))
        for permission in permissions
    )


def _matches(action: str, patterns: object) -> bool:
    listed = patterns if isinstance(patterns, list) else []
    return any(isinstance(pattern, str) and _pattern(pattern).fullmatch(action) is not None for pattern in listed)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.IGNORECASE)
