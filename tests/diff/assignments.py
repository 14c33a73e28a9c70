"""Random role assignments with random edits, and a naive reading of them: one operation at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import product
from random import Random
from typing import Any

Body = dict[str, Any]
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
RG = f"{SUBSCRIPTION}/resourceGroups/rg"
ACCOUNT = f"{RG}/providers/Microsoft.Storage/storageAccounts/st"
SCOPES = (SUBSCRIPTION, RG, ACCOUNT, f"{RG}/providers/Microsoft.Search/searchServices/srch")
GROUP = "99999999-0000-0000-0000-000000000001"
MEMBER = "11111111-0000-0000-0000-000000000001"
PRINCIPALS = (MEMBER, "11111111-0000-0000-0000-000000000002", GROUP)
MEMBERS = {GROUP: [MEMBER]}
_PATTERNS = (
    "*",
    "*/read",
    "Microsoft.Storage/*",
    "Microsoft.Storage/storageAccounts/*",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/*/read",
    "Microsoft.Search/searchServices/write",
    "Microsoft.Search/*",
    "Microsoft.Authorization/*/write",
)
OPERATIONS = (
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/write",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/blobServices/read",
    "Microsoft.Storage/other/delete",
    "Microsoft.Storage/read",
    "Microsoft.Search/searchServices/write",
    "Microsoft.Search/searchServices/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/read",
    "Contoso.Any/thing/read",
    "Contoso.Any/thing/write",
)


@dataclass
class Grants:
    """Blocks of permissions by role, assignments as (principal, role, scope), denies as (principals, block, scope)."""

    roles: dict[str, list[Body]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    denies: dict[str, tuple[str, Body, str]] = field(default_factory=dict)

    def bodies(self) -> Iterator[Body]:
        for name, blocks in self.roles.items():
            yield {
                "id": role_id(name),
                "name": name,
                "type": "Microsoft.Authorization/roleDefinitions",
                "properties": {"roleName": f"role {name[-1]}", "type": "CustomRole", "permissions": blocks},
            }
        for name, (principal, role, scope) in self.assignments.items():
            yield {
                "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
                "name": name,
                "type": "Microsoft.Authorization/roleAssignments",
                "properties": {
                    "principalId": principal,
                    "principalType": "Group" if principal == GROUP else "User",
                    "roleDefinitionId": role_id(role),
                    "scope": scope,
                },
            }
        for name, (principal, block, scope) in self.denies.items():
            yield {
                "id": f"{scope}/providers/Microsoft.Authorization/denyAssignments/{name}",
                "name": name,
                "type": "Microsoft.Authorization/denyAssignments",
                "properties": {
                    "permissions": [block],
                    "scope": scope,
                    "principals": [{"id": principal, "type": "Group" if principal == GROUP else "User"}],
                },
            }

    def may(self, principal: str, plane: str, operation: str, scope: str) -> bool:
        """Whether a principal may do an operation at a scope, itself or as a member of its group."""
        who = {principal, *(group for group, members in MEMBERS.items() if principal in members)}
        given = any(
            holder in who and _is_under(scope, at) and any(holds(block, plane, operation) for block in self.roles[role])
            for holder, role, at in self.assignments.values()
        )
        denied = any(
            holder in who and _is_under(scope, at) and holds(block, plane, operation)
            for holder, block, at in self.denies.values()
        )
        return given and not denied


def role_id(name: str) -> str:
    return f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{name}"


def _is_under(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def holds(block: Mapping[str, Any], plane: str, operation: str) -> bool:
    """Whether a block of a role has an operation: an action matches, and no exclusion does."""
    prefix = "actions" if plane == "control" else "dataActions"
    excluded = f"not{prefix[0].upper()}{prefix[1:]}"
    low = operation.lower()
    return any(fnmatchcase(low, one.lower()) for one in block.get(prefix, [])) and not any(
        fnmatchcase(low, one.lower()) for one in block.get(excluded, [])
    )


def _block(rng: Random) -> Body:
    return {
        "actions": rng.sample(_PATTERNS, rng.randint(0, 2)),
        "notActions": rng.sample(_PATTERNS, rng.randint(0, 1)),
        "dataActions": rng.sample(_PATTERNS, rng.randint(0, 1)),
        "notDataActions": rng.sample(_PATTERNS, rng.randint(0, 1)),
    }


def _guid(rng: Random) -> str:
    return f"{rng.randrange(1 << 32):08x}-0000-0000-0000-{rng.randrange(1 << 48):012x}"


def random_grants(rng: Random) -> Grants:
    grants = Grants({_guid(rng): [_block(rng) for _ in range(rng.randint(1, 2))] for _ in range(4)})
    for _ in range(rng.randint(1, 5)):
        _assign(rng, grants)
    if rng.random() < 0.3:
        _deny(rng, grants)
    return grants


def _assign(rng: Random, grants: Grants) -> None:
    grants.assignments[_guid(rng)] = (rng.choice(PRINCIPALS), rng.choice(sorted(grants.roles)), rng.choice(SCOPES))


def _deny(rng: Random, grants: Grants) -> None:
    grants.denies[_guid(rng)] = (rng.choice(PRINCIPALS), _block(rng), rng.choice(SCOPES))


def _remove(rng: Random, grants: Grants) -> None:
    for listed in (grants.assignments, grants.denies):
        if listed and rng.random() < 0.6:
            del listed[rng.choice(sorted(listed))]


def _change_role(rng: Random, grants: Grants) -> None:
    grants.roles[rng.choice(sorted(grants.roles))] = [_block(rng)]


def edited(rng: Random, grants: Grants) -> Grants:
    after = copy.deepcopy(grants)
    for _ in range(rng.randint(1, 3)):
        rng.choice((_assign, _remove, _change_role, _deny))(rng, after)
    return after


def highest(old: Grants, new: Grants) -> set[tuple[str, str, str, str]]:
    """Return (principal, plane, operation, scope) of what is gained at a scope and at none above it."""
    found = set()
    for principal, plane, operation in product(PRINCIPALS, ("control", "data"), OPERATIONS):
        gained = [
            scope
            for scope in SCOPES
            if new.may(principal, plane, operation, scope) and not old.may(principal, plane, operation, scope)
        ]
        for scope in gained:
            if not any(other != scope and _is_under(scope, other) for other in gained):
                found.add((principal, plane, operation, scope))
    return found


def stated(entries: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Return the same of what diff states."""
    return {
        (one["principal"], one["plane"], operation, one["scope"])
        for one in entries
        for operation in OPERATIONS
        if any(holds(block, one["plane"], operation) for block in one["operations"])
    }
