"""Tell who a principal is: the managed identity of which resources, and in which roles of the architecture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.architecture.workloads import Workload, Workloads
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.lookup import USER_IDENTITIES
from auditor.model import Resource

_GUEST: Final = "#ext#"


class ManagedIdentity(Struct, frozen=True):
    """A managed identity. `id` is that of the user-assigned identity or of the resource whose own identity it is."""

    principal: str
    id: str
    is_user_assigned: bool
    users: tuple[Resource, ...] = ()


class Attached(Struct, frozen=True):
    """The identities that a resource runs as. `unresolved` are user-assigned ones whose principal is not known.

    `is_unlisted`: it has some, and does not state which.
    """

    principals: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    has_system: bool = False
    user_assigned: tuple[str, ...] = ()
    is_unlisted: bool = False

    @property
    def has_any(self) -> bool:
        """Whether the resource runs as any managed identity."""
        return self.has_system or self.has_user

    @property
    def has_user(self) -> bool:
        """Whether the resource runs as any user-assigned identity."""
        return self.is_unlisted or bool(self.user_assigned)


class Principals(Struct, frozen=True, dict=True):
    """The managed identities of an estate, by principal id in lower case."""

    identities: Mapping[str, ManagedIdentity]
    _attached: Mapping[str, Attached] = field(default_factory=dict)

    def attached_to(self, resource: Resource) -> Attached:
        """Return the identities of a resource."""
        return self._attached.get(resource.key, Attached())

    def of(self, resource: Resource) -> tuple[Sequence[str], Sequence[str]]:
        """Return (principals, unresolved identity ids) that a resource acts as.

        A machine learning workspace acts as its primary user-assigned identity if it names one.
        """
        attached = self.attached_to(resource)
        primary = body.text(resource.properties, "primaryUserAssignedIdentity")
        if primary is None:
            return attached.principals, attached.unresolved
        identity = self._by_id.get(ids.key(primary))
        return ([], [primary]) if identity is None else ([identity.principal], [])

    @cached_property
    def _by_id(self) -> Mapping[str, ManagedIdentity]:
        """Return the user-assigned identities by key."""
        return {ids.key(one.id): one for one in self.identities.values() if one.is_user_assigned}


def principals_of(estate: Estate) -> Principals:
    """Return every managed identity that the estate names and who runs as it."""
    known: dict[str, str] = {}
    names: dict[str, str] = {}
    for resource in estate.of_type(USER_IDENTITIES):
        principal = body.text(resource.properties, "principalId")
        names[resource.key] = resource.id
        if principal:
            known[resource.key] = principal.lower()
    _learn_from_users(estate, known, names)
    attached: dict[str, Attached] = {}
    users: dict[str, list[Resource]] = defaultdict(list)
    systems: dict[str, Resource] = {}
    for resource in estate.stating("identity"):
        if resource.body.get("identity") is None:
            continue
        attached[resource.key] = _attached(resource, known)
        for principal in attached[resource.key].principals:
            users[principal].append(resource)
        if own := _own_principal(resource):
            systems[own] = resource
    identities = {
        principal: ManagedIdentity(principal, names[key], is_user_assigned=True, users=tuple(users[principal]))
        for key, principal in sorted(known.items())
    }
    for principal, resource in sorted(systems.items()):
        identities.setdefault(
            principal, ManagedIdentity(principal, resource.id, is_user_assigned=False, users=(resource,))
        )
    return Principals(identities, attached)


def _learn_from_users(estate: Estate, known: dict[str, str], names: dict[str, str]) -> None:
    """Take principal ids from the resources that use an identity, where the identity itself was not read."""
    for resource in estate.stating("identity"):
        for identity_id, details in _user_assigned(resource):
            names.setdefault(ids.key(identity_id), identity_id)
            if principal := body.text(details, "principalId"):
                known.setdefault(ids.key(identity_id), principal.lower())


def _user_assigned(resource: Resource) -> Iterator[tuple[str, object]]:
    listed = body.value(resource.body, "identity.userAssignedIdentities")
    if isinstance(listed, Mapping):
        for identity_id in sorted(key for key in listed if isinstance(key, str)):
            yield identity_id, listed[identity_id]


def _own_principal(resource: Resource) -> str | None:
    principal = body.text(resource.body, "identity.principalId")
    return principal.lower() if principal else None


def _attached(resource: Resource, known: Mapping[str, str]) -> Attached:
    kinds = {part.strip().lower() for part in (body.text(resource.body, "identity.type") or "").split(",")}
    listed = [identity_id for identity_id, _ in _user_assigned(resource)]
    own = _own_principal(resource)
    user = [known[ids.key(identity)] for identity in listed if ids.key(identity) in known]
    unresolved = [identity for identity in listed if ids.key(identity) not in known]
    has_system = "systemassigned" in kinds or own is not None
    is_unlisted = "userassigned" in kinds and not listed
    if (has_system and own is None) or is_unlisted:
        unresolved.append(resource.id)
    return Attached((*user, *([own] if own else [])), tuple(unresolved), has_system, tuple(listed), is_unlisted)


def name_given(assignment: Resource) -> str | None:
    """Return the principal's name where the source added it to the assignment."""
    return (
        body.text(assignment.properties, "principalName")
        or body.text(assignment.body, "principalName")
        or body.text(assignment.properties, "expandedProperties.principal.email")
        or body.text(assignment.properties, "expandedProperties.principal.displayName")
    )


def sign_in_name(assignment: Resource) -> str | None:
    """Return the name that a user signs in with, which tells guests apart; a display name or an address does not.

    https://learn.microsoft.com/entra/external-id/user-properties
    """
    given = body.text(assignment.properties, "principalName") or body.text(assignment.body, "principalName")
    names = (given, body.text(assignment.properties, "expandedProperties.principal.email"))
    guest = next((name for name in names if name and _GUEST in name.lower()), None)
    return guest or (given if given and "@" in given else None)


def is_guests(name: str) -> bool:
    """Whether a name to sign in with is that of a guest."""
    return _GUEST in name.lower()


class Part(Struct, frozen=True):
    """A role that a principal plays in a workload, through one resource."""

    workload: str
    component: str
    resource: Resource


def parts_of(workloads: Workloads, principals: Principals) -> Mapping[str, Sequence[Part]]:
    """Return for each principal which components of which workloads run as it, sorted."""
    by_principal: dict[str, list[Part]] = defaultdict(list)
    for workload in workloads.all:
        for component, resource in bound(workload):
            for principal in principals.attached_to(resource).principals:
                by_principal[principal].append(Part(workload.name, component, resource))
    return {principal: sorted(parts, key=_order) for principal, parts in sorted(by_principal.items())}


def _order(part: Part) -> tuple[str, str, str]:
    return part.workload, part.component, part.resource.key


def bound(workload: Workload) -> Iterator[tuple[str, Resource]]:
    """Yield every (component, resource) of a workload, sorted by component."""
    for component in sorted(workload.bindings):
        for resource in workload.resources(component):
            yield component, resource
