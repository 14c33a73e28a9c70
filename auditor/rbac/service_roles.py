"""Read the roles that services keep themselves: for their data Azure's own role assignments do not count.

The file of the type of such assignments describes the system (`role_system`); one more system is one more file.
https://learn.microsoft.com/azure/cosmos-db/how-to-setup-rbac
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.resource_type import ResourceType, RoleSystem
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.rbac.assignments import UNREADABLE_PRINCIPAL, Assignment, DoorKind, Role
from auditor.rbac.permissions import Permissions, permissions_of

Systems = Mapping[str, tuple[ResourceType, RoleSystem]]
"""The type of the assignments and the system, by that type in lower case."""


@lru_cache(maxsize=16)
def systems_of(catalogue: Catalogue) -> Systems:
    """Return the systems that the types of a catalogue describe."""
    return {kind.key: (kind, kind.role_system) for kind in catalogue if kind.role_system is not None}


TYPES: Final = frozenset(
    name for kind, system in systems_of(shipped()).values() for name in (kind.name, system.definitions)
)
"""Types of assignments and definitions of the tool's own systems, as spelled."""


def read_service_roles(estate: Estate, types: Mapping[str, str]) -> Sequence[Assignment]:
    """Return every assignment that services keep; `types` are those of principals, which they do not state."""
    return [
        _assignment(estate, resource, system, types)
        for kind, system in systems_of(estate.catalogue).values()
        for resource in estate.of_type(kind.key)
    ]


def _assignment(estate: Estate, resource: Resource, system: RoleSystem, types: Mapping[str, str]) -> Assignment:
    principal = (body.text(resource.body, system.principal) or UNREADABLE_PRINCIPAL).lower()
    definition = body.text(resource.body, system.role) or ""
    known = estate.get(definition) if definition else None
    return Assignment(
        id=resource.id,
        principal=principal,
        principal_type=types.get(principal, ""),
        role=_role(system, definition, None if known is None else known.properties),
        scope=_scope(resource, system),
        door=DoorKind(system.door),
        may_be_group=not estate.complete,
    )


def _scope(resource: Resource, system: RoleSystem) -> str:
    """Return the scope of an assignment as ARM spells it: the service has names of its own for what lies in it."""
    owner = ids.parent_of(resource.id) or resource.id
    stated = (body.text(resource.body, system.scope) or "").rstrip("/")
    return inside(system, owner, stated if ids.is_resource_id(stated) else f"{owner}{stated}")


def inside(system: RoleSystem, owner: str, scope: str) -> str:
    """Return a scope at or below what keeps the roles, its segments as ARM names them."""
    if not ids.is_under(scope, owner) or ids.key(scope) == ids.key(owner):
        return scope
    parts = ids.segments(scope[len(owner.rstrip("/")) :])
    named = [system.segments.get(part.lower(), part) if at % 2 == 0 else part for at, part in enumerate(parts)]
    return "/".join([owner.rstrip("/"), *named])


def as_arm_spells(scope: str, catalogue: Catalogue) -> str:
    """Return a scope, its segments as ARM names them where it lies in something that keeps roles itself."""
    for place, _, system in _around(scope, catalogue):
        scope = inside(system, place, scope)
    return scope


def _around(scope: str, catalogue: Catalogue) -> Iterator[tuple[str, ResourceType, RoleSystem]]:
    """Yield what keeps roles itself, at or above a scope, with each of its systems."""
    place: str | None = scope
    while place is not None:
        for kind, system in systems_of(catalogue).values():
            if (ids.type_of(place) or "").lower() == kind.parent:
                yield place, kind, system
        place = ids.parent_of(place)


def service_role_gaps(estate: Estate, scope: str) -> Sequence[Gap]:
    """Return why the roles inside what a scope is or lies in are not all known."""
    return [
        missing
        for place, kind, _ in _around(scope, estate.catalogue)
        if (missing := gap(estate, place, kind)) is not None
    ]


def gap(estate: Estate, place: str, kind: ResourceType) -> Gap | None:
    """Return why a service's assignments of one system are not all known; None where it cannot have any."""
    owner = estate.resource(place)
    if owner is not None and not body.states_values(owner.body, kind.where_parent):
        return None
    return estate.type_gap(kind.name, place)


def assignable(estate: Estate, scope: str) -> Iterator[tuple[str, ResourceType, Sequence[Role]]]:
    """Yield what keeps roles itself, at or above a scope, with the type of its assignments and the roles it always has."""
    for place, kind, system in _around(scope, estate.catalogue):
        owner = estate.resource(place)
        if owner is not None and _may_have(owner, kind):
            roles = (built_in(kind.name, guid, estate.catalogue) for guid in system.built_in)
            yield place, kind, [role for role in roles if role is not None]


def _may_have(owner: Resource, kind: ResourceType) -> bool:
    """Whether a resource may have roles of a system: its own kind, and what it states, decide."""
    stated = (body.text(owner.body, "kind") or "").lower()
    return (not kind.kinds or not stated or stated in kind.kinds) and body.states_values(owner.body, kind.where_parent)


def keepers(estate: Estate) -> Sequence[str]:
    """Return the ids of the resources that may keep roles of their own, sorted."""
    parents = sorted({kind.parent for kind, _ in systems_of(estate.catalogue).values() if kind.parent})
    return [resource.id for parent in parents for resource in estate.judged(parent)]


def built_in(assignments_type: str, guid: str, catalogue: Catalogue) -> Role | None:
    """Return a role that every service with this type of assignments has; None for one that it defines itself."""
    known = systems_of(catalogue).get(assignments_type.lower())
    if known is None or guid.lower() not in known[1].built_in:
        return None
    name, data = known[1].built_in[guid.lower()]
    return Role(_key(known[1], guid), name, _permissions([{"dataActions": list(data)}]))


def guid_of(assignments_type: str, name: str, catalogue: Catalogue) -> str | None:
    """Return the GUID of a role, by its name in any case, that every service with this type of assignments has."""
    known = systems_of(catalogue).get(assignments_type.lower())
    listed = {} if known is None else {role.lower(): guid for guid, (role, _) in known[1].built_in.items()}
    return listed.get(name.lower())


def system_of_role(role: Role, catalogue: Catalogue) -> ResourceType | None:
    """Return the type of the assignments of a role that services keep themselves; None for a role of Azure's own."""
    definitions = role.key.rpartition("/")[0]
    return next(
        (kind for kind, system in systems_of(catalogue).values() if system.definitions.lower() == definitions), None
    )


def _key(system: RoleSystem, guid: str) -> str:
    return f"{system.definitions.lower()}/{guid.lower()}"


def _role(system: RoleSystem, definition: str, properties: object) -> Role:
    """Return the role that an id names: what the service defines, else what every such service has."""
    guid = ids.name_of(definition).lower()
    name, data = system.built_in.get(guid, (guid, ()))
    permissions = _permissions(body.value(properties, "permissions"))
    if permissions is None and data:
        permissions = _permissions([{"dataActions": list(data)}])
    key = _key(system, guid) if data else ids.key(definition)
    is_custom = (body.text(properties, "type") or "").lower() == "customrole"
    return Role(key, body.text(properties, "roleName") or name, permissions, is_custom=is_custom, id=definition)


def _permissions(blocks: object) -> Permissions | None:
    return permissions_of(blocks) if isinstance(blocks, list) else None


def delete_command(assignment_id: str, catalogue: Catalogue) -> str | None:
    """Return the command that deletes an assignment that a service keeps; None where none is known."""
    known = systems_of(catalogue).get((ids.type_of(assignment_id) or "").lower())
    owner = ids.parent_of(assignment_id)
    if known is None or owner is None or not known[1].delete:
        return None
    return known[1].delete.format(**_words(owner, assignment=ids.name_of(assignment_id)))


def create_command(kind: ResourceType, owner: str, *, guid: str, principal: str, scope: str) -> str | None:
    """Return the command that assigns a service's own role; None where none is known."""
    system = kind.role_system
    if system is None or not system.create:
        return None
    back = {arm: own for own, arm in system.segments.items()}
    parts = ids.segments(scope[len(owner.rstrip("/")) :])
    own = "/" + "/".join(back.get(part, part) if at % 2 == 0 else part for at, part in enumerate(parts))
    return system.create.format(**_words(owner, role=guid, principal=principal, scope=own))


def _words(owner: str, **more: str) -> Mapping[str, str]:
    words = {"account": ids.name_of(owner), "group": ids.resource_group_of(owner) or "", **more}
    return {name: shlex.quote(word) for name, word in words.items()}
