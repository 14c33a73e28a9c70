"""The baseline's table of roles, and its rows bound to the principals and scopes of a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor import resource_id as ids
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.errors import ContentError
from auditor.model import Gap, Resource
from auditor.rbac.assignments import Assignment, Role
from auditor.rbac.built_in_roles import built_in_role
from auditor.rbac.permissions import permissions_of
from auditor.rbac.principals import Principals

TABLE: Final = "roles"


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role that a component's identity needs on a component. `on_group`: on the resource group that it lies in."""

    principal: str
    scope: str
    role: Role
    control: str = ""
    on_group: bool = False
    narrower: bool = False
    advisory: str | None = None

    @property
    def name(self) -> str:
        """Return a label that no other row has."""
        place = f"group of {self.scope}" if self.on_group else self.scope
        return f"{self.principal} on {place}: {self.role.name}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """Two or more groups of components that one identity should not have roles on at once."""

    name: str
    sides: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What the baseline expects: rows needed, rows tolerated, the GUIDs of roles for people, and boundaries."""

    rows: Sequence[RoleRow] = ()
    tolerated: Sequence[RoleRow] = ()
    people: frozenset[str] = frozenset()
    boundaries: Sequence[Boundary] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoundRow:
    """A row for one workload: the scope, the principals that would do, and identities whose principal is not known.

    `needed`: keys of what the holder needs below the scope, where less than the scope may be enough; with `needed_gap`
    there may be more.
    """

    row: RoleRow
    workload: str
    holder: Resource
    target: Resource
    scope: str
    principals: tuple[str, ...]
    unresolved: tuple[str, ...]
    needed: tuple[str, ...] = ()
    needed_gap: Gap | None = None

    def assignments(self) -> Iterator[Assignment]:
        """Yield what the table sanctions, as assignments."""
        for principal in self.principals:
            yield Assignment(self.row.name, principal, "ServicePrincipal", self.row.role, self.scope)


def read_table(tables: Mapping[str, object]) -> Table:
    """Return the table `roles` of a baseline, or one that expects nothing. Raise ContentError where it is wrong."""
    entry = tables.get(TABLE)
    if entry is None:
        return Table()
    roles = {name: _role(role, name) for role in body.objects(entry, "roles") if (name := body.text(role, "name"))}
    return Table(
        rows=[_row(row, roles, _required(row, "principal")) for row in body.objects(entry, "rows")],
        tolerated=[
            _row(row, roles, principal)
            for row in body.objects(entry, "tolerated")
            for principal in body.texts(row, "principals")
        ],
        people=frozenset(_named(roles, name).key for name in body.texts(entry, "people")),
        boundaries=[
            Boundary(
                _required(boundary, "name"),
                tuple(frozenset(name for name in side if isinstance(name, str)) for side in _sides(boundary)),
            )
            for boundary in body.objects(entry, "boundaries")
        ],
        roles={role.key: role for role in roles.values()},
    )


def _sides(boundary: object) -> Iterator[Sequence[object]]:
    for side in body.items(boundary, "sides"):
        yield side if isinstance(side, Sequence) and not isinstance(side, str) else ()


def _role(entry: object, name: str) -> Role:
    """Return a role of the table; one without permissions has those of the built-in role with its GUID, if any."""
    guid = _required(entry, "guid").lower()
    blocks = body.value(entry, "permissions")
    if blocks is None:
        built_in = built_in_role(guid)
        return Role(guid, name, None if built_in is None else built_in.permissions)
    permissions = permissions_of(blocks)
    if permissions is None:
        raise ContentError(f"Table `{TABLE}`: the permissions of role `{name}` cannot be read.")
    return Role(guid, name, permissions)


def _row(entry: object, roles: Mapping[str, Role], principal: str) -> RoleRow:
    return RoleRow(
        principal=principal,
        scope=_required(entry, "scope"),
        role=_named(roles, _required(entry, "role")),
        control=body.text(entry, "control") or "",
        on_group=body.text(entry, "level") == "resource-group",
        narrower=body.value(entry, "narrower") is True,
        advisory=body.text(entry, "advisory"),
    )


def _required(entry: object, name: str) -> str:
    found = body.text(entry, name)
    if found is None:
        raise ContentError(f"Table `{TABLE}`: an entry lacks `{name}`.", "Give it as text.")
    return found


def _named(roles: Mapping[str, Role], name: str) -> Role:
    if name not in roles:
        raise ContentError(f"Table `{TABLE}`: role `{name}` is not among its `roles`.", "Add it with its GUID.")
    return roles[name]


def bind_rows(
    rows: Sequence[RoleRow],
    workload: Workload,
    principals: Principals,
    observed: Mapping[str, Role],
    needs: Callable[[Resource, Resource], tuple[tuple[str, ...], Gap | None]],
) -> Sequence[BoundRow]:
    """Return the rows for each resource that plays the principal and each that plays the scope.

    A role is what the estate's definition says, else what the table says. Rows of components that are not there have
    no place here: that a component is missing is a finding of its own. `needs` tells what a holder needs of a target.
    """
    found = []
    for row in rows:
        known_row = replace(row, role=best_known(row.role, observed))
        for holder in workload.resources(row.principal):
            acting, unresolved = principals.of(holder)
            for target in workload.resources(row.scope):
                scope = scope_of(target) if row.on_group else target.id
                needed, gap = needs(holder, target) if row.narrower else ((), None)
                found.append(
                    BoundRow(
                        row=known_row,
                        workload=workload.name,
                        holder=holder,
                        target=target,
                        scope=scope,
                        principals=tuple(acting),
                        unresolved=tuple(unresolved),
                        needed=needed,
                        needed_gap=gap,
                    )
                )
    return found


def best_known(role: Role, observed: Mapping[str, Role]) -> Role:
    """Return a role as the estate's definition of it says, else as the table says."""
    seen = observed.get(role.key)
    if seen is None or seen.permissions is None or seen.is_custom:
        return role
    return Role(role.key, role.name, seen.permissions, id=seen.id)


def scope_of(resource: Resource) -> str:
    """Return the resource group that a resource lies in, as its id spells it."""
    return "/" + "/".join(ids.segments(resource.id)[:4])
