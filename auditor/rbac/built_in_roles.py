"""Know what the roles permit that every tenant has."""

from __future__ import annotations

from functools import cache

from auditor.azure.reference_data import built_in_roles
from auditor.rbac.assignments import Role
from auditor.rbac.permissions import Permissions, permissions_of


def built_in_role(guid: str, definition_id: str = "") -> Role | None:
    """Return the role that has this GUID in every tenant, in any letter case, or None where the shipped data has none."""
    known = built_in_roles.role(guid)
    return None if known is None else Role(known.guid, known.name, _permissions(known.guid), id=definition_id)


@cache
def _permissions(guid: str) -> Permissions | None:
    known = built_in_roles.role(guid)
    return None if known is None else permissions_of(known.permissions)
