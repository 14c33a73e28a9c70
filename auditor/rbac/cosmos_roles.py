"""Read the roles that Cosmos DB keeps itself: for the data of an account Azure's own role assignments do not count.

https://learn.microsoft.com/azure/cosmos-db/how-to-setup-rbac
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.model import Gap
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, DoorKind, Role
from auditor.rbac.permissions import Permissions, permissions_of

COSMOS_ASSIGNMENTS: Final = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"
COSMOS_DEFINITIONS: Final = "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions"
_ACCOUNT: Final = COSMOS_ASSIGNMENTS.rpartition("/")[0]
_CONTAINERS: Final = f"{_ACCOUNT}/sqlDatabases/containers"
_BUILT_IN: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "00000000-0000-0000-0000-000000000001": (
        "Cosmos DB Built-in Data Reader",
        [f"{_ACCOUNT}/readMetadata", *(f"{_CONTAINERS}/{n}" for n in ("items/read", "executeQuery", "readChangeFeed"))],
    ),
    "00000000-0000-0000-0000-000000000002": (
        "Cosmos DB Built-in Data Contributor",
        [f"{_ACCOUNT}/readMetadata", f"{_CONTAINERS}/*", f"{_CONTAINERS}/items/*"],
    ),
}


def read_cosmos_roles(estate: Estate, types: Mapping[str, str]) -> Sequence[Assignment]:
    """Return every role assignment inside an account; `types` are those of principals, which it does not state."""
    defined = {resource.key: resource.properties for resource in estate.of_type(COSMOS_DEFINITIONS)}
    found = []
    for resource in estate.of_type(COSMOS_ASSIGNMENTS):
        definition = body.text(resource.properties, "roleDefinitionId") or ""
        principal = (body.text(resource.properties, "principalId") or UNREADABLE_PRINCIPAL).lower()
        account = ids.parent_of(resource.id) or resource.id
        found.append(
            Assignment(
                id=resource.id,
                principal=principal,
                principal_type=types.get(principal, ""),
                role=_role(definition, defined.get(ids.key(definition))),
                scope=body.text(resource.properties, "scope") or account,
                door=DoorKind.COSMOS,
                may_be_group=not estate.complete,
            )
        )
    return found


def cosmos_gap(estate: Estate, scope: str) -> Gap | None:
    """Return why the roles inside the account that a scope is or lies in are not all known; None without an account."""
    place: str | None = scope
    while place is not None and (ids.type_of(place) or "").lower() != _ACCOUNT.lower():
        place = ids.parent_of(place)
    return None if place is None else estate.type_gap(COSMOS_ASSIGNMENTS, place)


def cosmos_accounts(estate: Estate) -> Sequence[str]:
    """Return the ids of the accounts that may hold roles of their own, sorted."""
    return [resource.id for resource in estate.judged(_ACCOUNT)]


def _role(definition: str, properties: object) -> Role:
    name, permissions = ids.name_of(definition), _permissions(body.value(properties, "permissions"))
    if permissions is None and name in _BUILT_IN:
        name, data = _BUILT_IN[name]
        permissions = _permissions([{"dataActions": list(data)}])
    stated = body.text(properties, "roleName")
    return Role(ids.key(definition), stated or name, permissions, id=definition)


def _permissions(blocks: object) -> Permissions | None:
    return permissions_of(blocks) if isinstance(blocks, list) else None
