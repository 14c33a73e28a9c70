"""Which operations endanger a workload whoever holds them, and which scopes they take effect at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import PrivilegeName, ResourceType
from auditor.rbac.operation_sets import Complement, Intersection, OperationSet, Pattern, Union
from auditor.rbac.patterns import WILDCARD, matches
from auditor.rbac.permissions import Permissions, Plane, permits
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth


class Privilege(Struct, frozen=True):
    """A class of operations with the same effect. `escalates`: its holder can give itself or others more access."""

    name: str
    title: str
    operations: tuple[str, ...]
    plane: Plane = Plane.CONTROL
    escalates: bool = False


ANY_WRITE: Final = "Any.Provider/anyType/write"
"""A write to a resource type that no role spells out: only `*` and patterns as wide as `*/write` permit it."""


def _extensions() -> tuple[str, ...]:
    """Return the types that stand on other resources and guard them, as prefixes of operations in lower case."""
    guards = (item for item in shipped() if item.privileges and item.listing)
    return tuple(f"{item.key}/" for item in guards if item.listing and item.listing.path.startswith("/providers/"))


_EXTENSIONS: Final = _extensions()
_KINDS: Final[Sequence[tuple[PrivilegeName, str]]] = (
    (PrivilegeName.ASSIGN_ROLES, "assign roles"),
    (PrivilegeName.DEFINE_ROLES, "change role definitions"),
    (PrivilegeName.ELEVATE_ACCESS, "take over the tenant's root scope"),
    (PrivilegeName.USE_IDENTITIES, "act as a managed identity"),
    (PrivilegeName.CHANGE_VAULT_POLICIES, "give access to a vault by policy"),
    (PrivilegeName.WRITE_EVERYTHING, "write to resources of every type"),
    (PrivilegeName.CHANGE_GUARDRAILS, "change locks or policies"),
    (PrivilegeName.READ_KEYS, "read or replace access keys"),
    (PrivilegeName.READ_CONNECTION_SECRETS, "read the secrets of workspace connections"),
    (PrivilegeName.RUN_CODE, "run code on machines or apps"),
    (PrivilegeName.CHANGE_NETWORK, "change network rules or service firewalls"),
    (PrivilegeName.CHANGE_LOGGING, "turn off diagnostic logs"),
    (PrivilegeName.READ_SECRETS, "read secrets of a vault"),
    (PrivilegeName.ADMINISTER_VAULT_CONTENTS, "change secrets, keys or certificates of a vault"),
    (PrivilegeName.READ_DATA, "read blobs, files or documents"),
    (PrivilegeName.WRITE_DATA, "write or delete blobs, files or documents"),
    (PrivilegeName.CALL_MODELS, "call models of Azure OpenAI"),
)
_ON_DATA: Final = frozenset(
    {
        PrivilegeName.READ_SECRETS,
        PrivilegeName.ADMINISTER_VAULT_CONTENTS,
        PrivilegeName.READ_DATA,
        PrivilegeName.WRITE_DATA,
        PrivilegeName.CALL_MODELS,
    }
)
_ESCALATING: Final = frozenset(
    {
        PrivilegeName.ASSIGN_ROLES,
        PrivilegeName.DEFINE_ROLES,
        PrivilegeName.ELEVATE_ACCESS,
        PrivilegeName.USE_IDENTITIES,
        PrivilegeName.CHANGE_VAULT_POLICIES,
    }
)


def _operations(privilege: PrivilegeName) -> Iterator[str]:
    """Yield the operations of a privilege, as the files of namespaces and types list them."""
    if privilege is PrivilegeName.WRITE_EVERYTHING:
        yield ANY_WRITE
    for item in (*shipped().namespaces, *shipped()):
        yield from (f"{item.name}/{name}" for name in item.privileges.get(privilege, ()))
        if privilege is PrivilegeName.READ_KEYS and isinstance(item, ResourceType):
            yield from (f"{item.name}/{name}" for name in (*item.keys.read, *item.keys.replace))


PRIVILEGES: Final[Sequence[Privilege]] = tuple(
    Privilege(
        name,
        title,
        tuple(sorted(_operations(name), key=str.lower)),
        Plane.DATA if name in _ON_DATA else Plane.CONTROL,
        escalates=name in _ESCALATING,
    )
    for name, title in _KINDS
)


_OPERATIONS: Final[Mapping[Plane, frozenset[str]]] = {
    plane: frozenset(o.lower() for privilege in PRIVILEGES if privilege.plane is plane for o in privilege.operations)
    for plane in Plane
}


class HeldPrivilege(Struct, frozen=True):
    """A privilege that permissions hold: the operations that are surely permitted and those that may be."""

    privilege: Privilege
    surely: tuple[str, ...]
    perhaps: tuple[str, ...]

    @property
    def answer(self) -> Truth:
        """Return YES where some operation is surely permitted."""
        return Truth.YES if self.surely else Truth.UNKNOWN


def privileges_in(permissions: Permissions) -> Sequence[HeldPrivilege]:
    """Return the privileges that permissions hold wherever they apply."""
    candidates = {plane: _candidates(permissions.on(plane).may, plane) for plane in Plane}
    held: list[HeldPrivilege] = []
    for privilege in PRIVILEGES:
        possible = candidates[privilege.plane]
        answers = [(o, permits(permissions, privilege.plane, o)) for o in privilege.operations if o.lower() in possible]
        surely = tuple(operation for operation, answer in answers if answer is Truth.YES)
        perhaps = tuple(operation for operation, answer in answers if answer is Truth.UNKNOWN)
        if surely or perhaps:
            held.append(HeldPrivilege(privilege, surely, perhaps))
    return held


def at_scope(held: Iterable[HeldPrivilege], scope: str) -> Sequence[HeldPrivilege]:
    """Return the privileges of which some operation takes effect at a scope, with only those operations."""
    if kind_of(scope) not in {ScopeKind.RESOURCE, ScopeKind.CHILD}:
        return list(held)
    kind = (ids.type_of(scope) or "").lower()
    effective = []
    for item in held:
        surely = tuple(operation for operation in item.surely if _takes_effect(operation, kind))
        perhaps = tuple(operation for operation in item.perhaps if _takes_effect(operation, kind))
        if surely or perhaps:
            effective.append(HeldPrivilege(item.privilege, surely, perhaps))
    return effective


def without_data_of(held: Iterable[HeldPrivilege], types: Iterable[str]) -> Sequence[HeldPrivilege]:
    """Return privileges without the operations on data of these types (in lower case)."""
    prefixes = tuple(f"{name}/" for name in types)
    left = []
    for item in held:
        if item.privilege.plane is Plane.DATA:
            surely = tuple(operation for operation in item.surely if not operation.lower().startswith(prefixes))
            perhaps = tuple(operation for operation in item.perhaps if not operation.lower().startswith(prefixes))
            left += [HeldPrivilege(item.privilege, surely, perhaps)] if surely or perhaps else []
        else:
            left.append(item)
    return left


@lru_cache(maxsize=4096)
def _takes_effect(operation: str, kind: str) -> bool:
    """Whether an operation acts on resources of a type, on their children or on their extensions."""
    return operation.lower().startswith((f"{kind}/", *_EXTENSIONS))


def _candidates(operations: OperationSet, plane: Plane) -> frozenset[str]:
    """Return the privileged operations of a plane that may be in a set: all that are, and perhaps others."""
    match operations:
        case Pattern():
            return _matched(operations.pattern, plane)
        case Union():
            return frozenset().union(*(_candidates(part, plane) for part in operations.parts))
        case Intersection():
            return _OPERATIONS[plane].intersection(*(_candidates(part, plane) for part in operations.parts))
        case Complement():
            return _OPERATIONS[plane]


@lru_cache(maxsize=65536)
def _matched(pattern: str, plane: Plane) -> frozenset[str]:
    if WILDCARD not in pattern:
        return _OPERATIONS[plane] & {pattern}
    return frozenset(operation for operation in _OPERATIONS[plane] if matches(pattern, operation))


def has_subject(operation: str, types: Collection[str]) -> bool:
    """Whether an operation has something to act on among resources of these types (in lower case).

    Operations on no type in particular, on the scope itself or on extensions always have.
    """
    lower = operation.lower()
    if operation == ANY_WRITE or lower.startswith((*_EXTENSIONS, "microsoft.authorization/", "microsoft.resources/")):
        return True
    return any(lower.startswith(f"{name}/") for name in types)


def names(held: Iterable[HeldPrivilege], answer: Truth) -> list[str]:
    """Return the names of the privileges held for certain (YES) or perhaps (UNKNOWN), in the order of the list."""
    return [item.privilege.name for item in held if item.answer is answer]
