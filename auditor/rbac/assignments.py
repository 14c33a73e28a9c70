"""The nouns of access: role, principal, assignment and deny assignment, as they stand in Azure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property

from msgspec import Struct, field

from auditor.rbac.permissions import UNKNOWN_PERMISSIONS, Permissions, conditional, perhaps
from auditor.rbac.principal_types import PrincipalType, principal_type
from auditor.truth import Truth

ANYBODY = "anybody"
"""Stands for whoever comes without signing in."""
UNREADABLE_PRINCIPAL = "unreadable"
"""Stands for the principal of something that names none."""
EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal id by which a deny assignment means all principals."""


class DoorKind(StrEnum):
    """By which way a principal gets at something. The first six are assignments of something like a role."""

    ROLE = "role assignment"
    DELEGATION = "Lighthouse delegation"
    CLASSIC = "classic administrator"
    POLICY = "access policy"
    COSMOS = "role inside Cosmos DB"
    SERVICE = "role of the service itself"
    KEY = "account key"
    ANONYMOUS = "anonymous access"
    IDENTITY = "acts as an identity"
    FEDERATION = "federated credential"
    DEPLOYMENT = "template deployment"
    UNLOCKING = "removes a lock"
    ESCALATION = "gives itself access"


SERVICE_ROLES = frozenset({DoorKind.COSMOS, DoorKind.SERVICE})
"""Doors by roles that a service keeps itself."""


class AssignmentState(StrEnum):
    """Whether an assignment is in force, or only may be activated by its principal."""

    ACTIVE = "active"
    ELIGIBLE = "eligible"


class Role(Struct, frozen=True):
    """A role definition; `permissions` is None where they could not be read.

    `key` is its GUID in lower case, behind its type where a service keeps the role itself.
    """

    key: str
    name: str
    permissions: Permissions | None
    is_custom: bool = False
    assignable_scopes: tuple[str, ...] = ()
    id: str = ""

    @property
    def guid(self) -> str:
        """Return the GUID alone, also of a role that a service keeps; of an access policy what it permits, in words."""
        return self.key if " " in self.key else self.key.rpartition("/")[2]

    @property
    def at_most(self) -> Permissions:
        """Return the permissions, or those of which anything may be true where they could not be read."""
        return UNKNOWN_PERMISSIONS if self.permissions is None else self.permissions


class Assignment(Struct, frozen=True):
    """A role given to a principal at a scope. `ends_at` is set where it is bound in time.

    Lighthouse, access policies and classic administrators give as much as a role would, by another `door`; several of
    theirs may share an id. `may_be_group`: whether a principal of no known type may be a group of this tenant.
    `can_assign`: the only roles that it may give away, to managed identities alone; None where nothing limits that.
    `is_activated`: an eligible principal activated it. `doubt`: why it is not known whether it is in force.
    """

    id: str
    principal: str
    principal_type: str
    role: Role
    scope: str
    condition: str | None = None
    state: AssignmentState = AssignmentState.ACTIVE
    ends_at: str | None = None
    door: DoorKind = DoorKind.ROLE
    principal_name: str | None = None
    may_be_group: bool = True
    can_assign: tuple[Role, ...] | None = None
    is_activated: bool = False
    doubt: str | None = None

    @property
    def kind(self) -> PrincipalType:
        """Return what the type of the principal says of it."""
        return principal_type(self.principal_type)

    @property
    def is_to_group(self) -> bool:
        """Whether the principal is a group, whose members get the role, or may be one because its type is not known."""
        has_members = self.kind.has_members
        return has_members is Truth.YES or (has_members is Truth.UNKNOWN and self.may_be_group)

    @property
    def permissions(self) -> Permissions:
        """Return what the assignment permits at its scope, its condition applied."""
        return conditional(self.role.at_most, self.condition)

    @property
    def is_standing(self) -> bool:
        """Whether it is in force all the time: active, not activated on demand, without an end."""
        return self.state is AssignmentState.ACTIVE and not self.is_activated and self.ends_at is None

    @property
    def is_of_service(self) -> bool:
        """Whether the service itself keeps it, so that neither deny assignments nor switches for roles touch it."""
        return self.door in {DoorKind.POLICY, *SERVICE_ROLES}


class Deny(Struct, frozen=True):
    """A deny assignment. `principals` and `excluded` are ids in lower case; groups among them are in `groups`."""

    id: str
    scope: str
    permissions: Permissions
    principals: frozenset[str]
    excluded: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    applies_to_children: bool = True


class Memberships(Struct, frozen=True, dict=True):
    """Which groups a principal is in, directly or through other groups.

    `groups_of` maps a principal to its groups (ids in lower case). A group in `resolved` has all its members known;
    `all_known` says so of every group.
    """

    groups_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    resolved: frozenset[str] = frozenset()
    all_known: bool = False

    def members_of(self, group: str) -> Sequence[str]:
        """Return the known members of a group, those of groups in it too but not these groups themselves, sorted."""
        return self._members.get(group, ())

    @cached_property
    def _members(self) -> Mapping[str, Sequence[str]]:
        groups = frozenset().union(*self.groups_of.values(), self.resolved)
        members: dict[str, list[str]] = {}
        for who, within in sorted(self.groups_of.items()):
            for group in within if who not in groups else ():
                members.setdefault(group, []).append(who)
        return members

    def is_member(self, principal: str, group: str) -> Truth:
        """Whether a principal is the group or belongs to it."""
        principal, group = principal.lower(), group.lower()
        if principal == group or group in self.groups_of.get(principal, ()):
            return Truth.YES
        return Truth.NO if self.all_known or group in self.resolved else Truth.UNKNOWN


def memberships_of(members: Mapping[str, Iterable[str]]) -> Memberships:
    """Return who is in which group, through groups in groups too, of all the members of some groups."""
    direct: dict[str, set[str]] = {}
    for group, principals in members.items():
        for principal in principals:
            direct.setdefault(principal.lower(), set()).add(group.lower())
    closed: dict[str, frozenset[str]] = {}
    for principal in direct:
        groups: set[str] = set()
        waiting = [principal]
        while waiting:
            for group in direct.get(waiting.pop(), ()):
                if group not in groups:
                    groups.add(group)
                    waiting.append(group)
        closed[principal] = frozenset(groups)
    return Memberships(closed, frozenset(group.lower() for group in members))


def held(assignment: Assignment, applies: Truth) -> Permissions | None:
    """Return what an assignment gives, given whether its scope and its principal fit; None for nothing at all."""
    if applies is Truth.NO:
        return None
    return perhaps(assignment.permissions) if applies is Truth.UNKNOWN else assignment.permissions
