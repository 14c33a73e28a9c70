"""Facts about who can act as an identity of a workload: by assigning it, or by running code on what carries it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.access.assignment import is_standing, sanctioned
from auditor.analysis.fact import Fact, Known, Record, fact, record
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import PrivilegeName
from auditor.estate.lookup import USER_IDENTITIES
from auditor.model import Gap
from auditor.rbac.assignments import Assignment
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import ManagedIdentity
from auditor.truth import Truth, any_of

Way: TypeAlias = Literal["assign the identity", "run code"]

_SHOWN: Final = 3


@record
class Actor(Record):
    """An assignment that lets somebody outside of the workload act as the identity."""

    principal_id: str
    """who can"""
    principal_type: str | None
    """User, Group, ServicePrincipal, …, as Azure says"""
    assignment: str
    """the assignment that lets them"""
    role: str
    """its role"""
    scope: str
    """its scope"""
    way: Way
    """by assigning the identity to something of theirs, or by running code on what runs as it"""
    on: str
    """the identity, or what runs as it"""
    operation: str
    """the operation that does it"""
    standing: bool
    """whether the assignment is in force all the time, without an activation or an end"""


@fact("access.identity_actors", subject="the managed identity")
class IdentityActors(Fact):
    """Who outside of a workload can act as one of its managed identities."""

    principal_id: str
    """the identity's principal"""
    identity: str
    """the id of the user-assigned identity, or of the resource whose own identity it is"""
    components: Known[tuple[str, ...]]
    """the components that run as it"""
    actors: Known[tuple[Actor, ...]]
    """who can act as it, and how; more than these where one of them can all the time, and not all was read"""

    def sentence(self) -> str:
        """Say who can act as the identity, and by which way."""
        start = f"As identity {ids.name_of(self.identity)}"
        if isinstance(self.actors, Gap):
            return f"{start} others may be able to act: {self.actors.reason}."
        if not self.actors:
            return f"{start} nobody can act outside of the workload but those whom the table of roles sanctions."
        ways = [
            f"{actor.principal_type or 'principal'} {actor.principal_id} by {actor.role} on "
            f"{ids.name_of(actor.scope) or '/'} ({actor.way}{'' if actor.standing else ', once activated'}: {actor.operation})"
            for actor in self.actors[:_SHOWN]
        ]
        more = f" and {len(self.actors) - _SHOWN} more" if len(self.actors) > _SHOWN else ""
        return f"{start} can act: {'; '.join(ways)}{more}."


@dataclass(frozen=True, slots=True)
class _Door:
    """Operations at a scope of which each is enough to act as an identity."""

    way: Way
    scope: str
    operations: tuple[str, ...]


def derive_facts(access: AccessContext) -> Iterator[IdentityActors]:
    """Yield one fact per identity that a component of a workload runs as, or may run as."""
    for identity in access.graph.principals.identities.values():
        parts = access.graph.parts.get(identity.principal, ())
        unseen = access.unseen.further_user() if identity.is_user_assigned else None
        if not parts and unseen is None:
            continue
        yield IdentityActors(
            about=facts.about(
                access.context,
                identity.id,
                role=(parts[0].workload, parts[0].component) if parts else None,
                inputs=[(resource.id, "identity") for resource in identity.users],
            ),
            principal_id=identity.principal,
            identity=identity.id,
            components=(None if parts else unseen) or tuple(sorted({part.component for part in parts})),
            actors=_actors(access, identity, unseen) if parts else unseen or (),
        )


def _actors(access: AccessContext, identity: ManagedIdentity, unseen: Gap | None) -> Known[tuple[Actor, ...]]:
    actors: list[Actor] = []
    gaps: list[Gap] = []
    for door in _doors(identity):
        if gap := access.graph.assignment_gap(door.scope):
            gaps.append(gap)
        for assignment, _ in access.graph.grants.covering(door.scope):
            passed = _passes(access, assignment, door)
            if isinstance(passed, Gap):
                gaps.append(passed)
            elif passed:
                actors.append(_actor(access, assignment, door, passed))
    gaps += [] if unseen is None else [unseen]
    is_decided = any(actor.standing for actor in actors)
    return tuple(actors) if is_decided or not gaps else gaps[0]


def _doors(identity: ManagedIdentity) -> Iterator[_Door]:
    if identity.is_user_assigned:
        yield _Door("assign the identity", identity.id, _operations(USER_IDENTITIES, PrivilegeName.USE_IDENTITIES))
    for resource in identity.users:
        if operations := _operations(resource.type_key, PrivilegeName.RUN_CODE):
            yield _Door("run code", resource.id, operations)


def _operations(kind: str, privilege: PrivilegeName) -> tuple[str, ...]:
    """Return the operations of a privilege on a type, and on children that have no identity of their own."""
    return tuple(
        f"{item.name}/{name}"
        for item in shipped()
        if item.key == kind or (item.key.startswith(f"{kind}/") and not item.calls_others)
        for name in item.privileges.get(privilege, ())
    )


def _passes(access: AccessContext, assignment: Assignment, door: _Door) -> str | Gap | None:
    """Return the operation by which an assignment opens a door to somebody who should not, None, or why it is not known."""
    if access.graph.parts.get(assignment.principal) or assignment.role.key in access.table.people:
        return None
    open_operations = _held(access, assignment, door.operations)
    if not open_operations:
        return None
    left = access.graph.grants.effective_of(assignment.principal, door.scope, [assignment]).permissions
    answers = {operation: permits(left, Plane.CONTROL, operation) for operation in open_operations}
    answer = any_of(answers.values())
    is_sanctioned = sanctioned(access, assignment, access.sanctions.of(assignment))
    if is_sanctioned is True or answer is Truth.NO:
        return None
    if answer is Truth.UNKNOWN:
        undecided = Gap(assignment.id, "properties.condition", "a condition or a deny assignment decides")
        return access.graph.definition_gap(assignment) or access.graph.deny_gap() or undecided
    certain = (operation for operation, held in answers.items() if held is Truth.YES)
    return is_sanctioned if isinstance(is_sanctioned, Gap) else next(certain)


def _held(access: AccessContext, assignment: Assignment, operations: Sequence[str]) -> Sequence[str]:
    held = {o for one in access.graph.privileges_of(assignment) for o in (*one.surely, *one.perhaps)}
    return [operation for operation in operations if operation in held]


def _actor(access: AccessContext, assignment: Assignment, door: _Door, operation: str) -> Actor:
    return Actor(
        principal_id=assignment.principal,
        principal_type=assignment.principal_type or None,
        assignment=assignment.id,
        role=assignment.role.name,
        scope=assignment.scope,
        way=door.way,
        on=door.scope,
        operation=operation,
        standing=is_standing(access, assignment),
    )
