"""Built-in roles, as ARM shows their definitions and as the library reads them."""

from __future__ import annotations

from functools import cache

from auditor.azure.reference_data import built_in_roles
from auditor.rbac.assignments import Role
from auditor.rbac.permissions import permissions_of
from tests.estates.arm import SUBSCRIPTION, Body, resource


@cache
def _guids() -> dict[str, str]:
    _, _, rows = built_in_roles.table()
    return {name: guid for name, guid, *_ in rows}


def definition(name: str) -> Body:
    """Return the definition of a built-in role by its name."""
    known = built_in_roles.role(_guids()[name])
    assert known is not None
    return resource(
        "Microsoft.Authorization/roleDefinitions",
        known.guid,
        below=SUBSCRIPTION,
        location=None,
        properties={
            "roleName": name,
            "type": "BuiltInRole",
            "assignableScopes": ["/"],
            "permissions": [dict(block) for block in known.permissions],
        },
    )


@cache
def roles() -> tuple[Role, ...]:
    """Return all built-in roles."""
    return tuple(_role(definition(name)) for name in _guids())


def _role(shown: Body) -> Role:
    properties = shown["properties"]
    return Role(shown["name"], properties["roleName"], permissions_of(properties["permissions"]), id=shown["id"])
