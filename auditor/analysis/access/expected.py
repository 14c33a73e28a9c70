"""The baseline's table of roles, and its rows bound to the principals and scopes of a workload."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.azure.catalogue import Catalogue, shipped
from auditor.errors import ContentError
from auditor.model import Gap, Resource
from auditor.rbac import service_roles
from auditor.rbac.assignments import Assignment, Role
from auditor.rbac.built_in_roles import built_in_role
from auditor.rbac.permissions import permissions_of
from auditor.rbac.principal_types import APPLICATION
from auditor.rbac.principals import Principals

TABLE: Final = "roles"


class RoleRow(Struct, frozen=True):
    """One role that a component's identity needs on a component. `on_group`: on the resource group that it lies in.

    `condition`: what the assignment must be limited by, with `{principal:PATH}` and `{scope:PATH}` for what those
    resources state (`|guid`: in the form of a GUID). `preferred_scope`: a component inside that would be enough.
    `within`: a part of the component (`sqlDatabases/NAME`).
    """

    principal: str
    scope: str
    role: Role
    control: str = ""
    on_group: bool = False
    narrower: bool = False
    advisory: str | None = None
    condition: str | None = None
    preferred_scope: str = ""
    within: str = ""

    @property
    def name(self) -> str:
        """Return a label that no other row has."""
        place = f"group of {self.scope}" if self.on_group else self.scope
        place = f"{place}/{self.within}" if self.within else place
        return f"{self.principal} on {place}: {self.role.name}"


class Boundary(Struct, frozen=True):
    """Two or more groups of components that one identity should not have roles on at once."""

    name: str
    sides: tuple[frozenset[str], ...]


class Table(Struct, frozen=True):
    """What the baseline expects: rows needed, rows tolerated, the GUIDs of roles for people, and boundaries."""

    rows: Sequence[RoleRow] = ()
    tolerated: Sequence[RoleRow] = ()
    people: frozenset[str] = frozenset()
    boundaries: Sequence[Boundary] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)


class BoundRow(Struct, frozen=True):
    """A row for one workload: the scope, the principals that would do, and identities whose principal is not known.

    `needed`: keys of what the holder needs below the scope, where less than the scope may be enough; with `needed_gap`
    there may be more. `condition`: the row's, with what it names filled in; with `condition_gap` that is not known.
    `preferred`: scopes inside, any of which would be enough; with `preferred_gap` there may be one.
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
    condition: str | None = None
    condition_gap: Gap | None = None
    preferred_gap: Gap | None = None
    preferred: tuple[str, ...] = ()

    def assignments(self) -> Iterator[Assignment]:
        """Yield what the table sanctions, as assignments."""
        for principal in self.principals:
            yield Assignment(self.row.name, principal, APPLICATION, self.row.role, self.scope, condition=self.condition)


def read_table(tables: Mapping[str, object], catalogue: Catalogue | None = None) -> Table:
    """Return the table `roles` of a baseline, or one that expects nothing. Raise ContentError where it is wrong.

    `catalogue` says which services keep roles themselves; the tool's own where it is None.
    """
    entry = tables.get(TABLE)
    if entry is None:
        return Table()
    catalogue = catalogue or shipped()
    roles = {
        name: _role(role, name, catalogue) for role in body.objects(entry, "roles") if (name := body.text(role, "name"))
    }
    return Table(
        rows=[_row(row, roles, _required(row, "principal"), catalogue) for row in body.objects(entry, "rows")],
        tolerated=[
            _row(row, roles, principal, catalogue)
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


def _role(entry: object, name: str, catalogue: Catalogue) -> Role:
    """Return a role of the table; one without permissions has those of the built-in role with its GUID, if any."""
    guid = _required(entry, "guid").lower()
    if system := body.text(entry, "system"):
        return _role_of_service(system, guid, name, catalogue)
    blocks = body.value(entry, "permissions")
    if blocks is None:
        built_in = built_in_role(guid)
        return Role(guid, name, None if built_in is None else built_in.permissions)
    permissions = permissions_of(blocks)
    if permissions is None:
        raise ContentError(f"Table `{TABLE}`: the permissions of role `{name}` cannot be read.")
    return Role(guid, name, permissions)


def _role_of_service(system: str, guid: str, name: str, catalogue: Catalogue) -> Role:
    role = service_roles.built_in(system, guid, catalogue)
    if role is None:
        raise ContentError(
            f"Table `{TABLE}`: `{system}` has no built-in role {guid}.",
            f"Systems are {', '.join(sorted(kind.name for kind, _ in service_roles.systems_of(catalogue).values()))}.",
        )
    return replace(role, name=name)


def _role_of_row(entry: object, roles: Mapping[str, Role], catalogue: Catalogue) -> Role:
    """Return the role of a row: one of the table's, or where the row names a role system, one that is built into it."""
    name, system = _required(entry, "role"), body.text(entry, "system")
    if system is None:
        return _named(roles, name)
    guid = service_roles.guid_of(system, name, catalogue)
    if guid is None:
        raise ContentError(
            f"Table `{TABLE}`: `{system}` has no built-in role `{name}`.",
            "Name a type of assignments that a service keeps, and a role that all of those services have.",
        )
    return _role_of_service(system, guid, name, catalogue)


def _row(entry: object, roles: Mapping[str, Role], principal: str, catalogue: Catalogue) -> RoleRow:
    return RoleRow(
        principal=principal,
        scope=_required(entry, "scope"),
        role=_role_of_row(entry, roles, catalogue),
        control=body.text(entry, "control") or "",
        on_group=body.text(entry, "level") == "resource-group",
        narrower=body.value(entry, "narrower") is True,
        advisory=body.text(entry, "advisory"),
        condition=body.text(entry, "condition"),
        preferred_scope=body.text(entry, "preferred_scope") or "",
        within=(body.text(entry, "within") or "").strip("/"),
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
    *,
    catalogue: Catalogue,
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
                scope = service_roles.as_arm_spells(f"{scope}/{row.within}", catalogue) if row.within else scope
                needed, gap = needs(holder, target) if row.narrower else ((), None)
                condition, condition_gap = _filled_in(row.condition, holder, target)
                inside = workload.resources(row.preferred_scope) if row.preferred_scope else ()
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
                        condition=condition,
                        condition_gap=condition_gap,
                        preferred=tuple(one.id for one in inside if ids.is_under(one.key, scope)),
                    )
                )
    return found


_NAMED: Final = re.compile(r"\{(?P<of>principal|scope):(?P<path>[A-Za-z0-9_.]+)(?P<as_guid>\|guid)?\}")
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{32}")


def _filled_in(condition: str | None, holder: Resource, target: Resource) -> tuple[str | None, Gap | None]:
    """Return a condition with what it names of the two resources, and why it is not known where they do not say that."""
    text = condition
    for named in _NAMED.finditer(condition or ""):
        resource = holder if named["of"] == "principal" else target
        value = body.text(resource.body, named["path"])
        if value is None:
            reason = f"it does not say its {named['path']}, which the condition of the role has to name"
            return condition, Gap(resource.id, named["path"], reason)
        if named["as_guid"] and _HEXADECIMAL.fullmatch(value):
            value = str(uuid.UUID(value))
        text = (text or "").replace(named[0], value)
    return text, None


def best_known(role: Role, observed: Mapping[str, Role]) -> Role:
    """Return a role as the estate's definition of it says, else as the table says."""
    seen = observed.get(role.key)
    if seen is None or seen.permissions is None or seen.is_custom:
        return role
    return Role(role.key, role.name, seen.permissions, id=seen.id)


def scope_of(resource: Resource) -> str:
    """Return the resource group that a resource lies in, as its id spells it."""
    return "/" + "/".join(ids.segments(resource.id)[:4])
