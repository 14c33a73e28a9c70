"""Propose the smallest set of roles that covers what is needed, or a custom role where no set of existing ones does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

from msgspec import Struct

from auditor.azure import body
from auditor.errors import InputError
from auditor.rbac.assignments import Role
from auditor.rbac.automaton import TooComplexError
from auditor.rbac.operation_sets import OperationSet, excluded_from, is_within, pattern, patterns_of
from auditor.rbac.permissions import Plane, covers
from auditor.rbac.planes import plane_of
from auditor.rbac.read import role_of
from auditor.truth import Truth

MAX_TOGETHER: Final = 3
_MAX_CANDIDATES: Final = 60


class RoleNeed(Struct, frozen=True):
    """An operation, or a pattern of operations, that must be permitted, as a set without what may be left out of it."""

    plane: Plane
    operation: str
    operations: OperationSet

    @classmethod
    def of(cls, plane: Plane, operation: str) -> RoleNeed:
        """Return the need for every operation that a pattern matches."""
        return cls(plane, operation.strip(), pattern(operation))


class Suggestion(Struct, frozen=True):
    """Roles to assign together at a scope. `alternatives` are equally small sets that permit no less than each other.

    Where no set of known roles covers the needs, `roles` is empty and `custom_role` is a definition that does.
    """

    scope: str
    needs: tuple[RoleNeed, ...]
    roles: tuple[Role, ...]
    alternatives: tuple[tuple[Role, ...], ...] = ()
    custom_role: Mapping[str, object] | None = None


def roles_from(document: object) -> Sequence[Role]:
    """Return the roles of a decoded list of definitions, as ARM or `az role definition list` prints them.

    Raise InputError where there is none.
    """
    listed = (
        document if isinstance(document, Sequence) and not isinstance(document, str) else body.items(document, "value")
    )
    roles: list[Role] = []
    for entry in listed:
        flat = body.value(entry, "properties") is None
        definition_id = body.text(entry, "id") or body.text(entry, "name")
        if definition_id is not None:
            kind = body.text(entry, "roleType") or body.text(entry, "type")
            wrapped = {"properties": {**entry, "type": kind}} if flat and isinstance(entry, Mapping) else entry
            roles.append(role_of(wrapped, definition_id))
    if not roles:
        raise InputError("The list of roles holds no role definition.", "Save `az role definition list` as JSON.")
    return sorted(roles, key=lambda role: (role.name.lower(), role.key))


def needs_of(operations: Iterable[str], roles: Sequence[Role]) -> Sequence[RoleNeed]:
    """Return operations with the planes that they lie on; `data:` or `control:` in front of one decides it."""
    needs: dict[RoleNeed, None] = {}
    for given in operations:
        prefix, _, rest = given.strip().partition(":")
        if prefix.lower() in set(Plane):
            needs[RoleNeed.of(Plane(prefix.lower()), rest)] = None
        else:
            needs[RoleNeed.of(plane_of(given, roles), given)] = None
    return list(needs)


def suggest(needs: Sequence[RoleNeed], scope: str, roles: Sequence[Role]) -> Suggestion:
    """Return the smallest set of roles that surely covers the needs at a scope.

    One role if possible, the minimal ones by inclusion first; else two or three that cover the needs between them.
    Among sets of equal size those with fewer wildcards and fewer actions come first. Roles whose permissions are not
    known and custom roles are not proposed.
    """
    needs = tuple(dict.fromkeys(needs))
    usable = [role for role in roles if role.permissions is not None and not role.is_custom]
    covered = {role.key: frozenset(need for need in needs if _covers(role, need)) for role in usable}
    single = smallest([role for role in usable if covered[role.key] == set(needs)]) if needs else []
    sets = [(role,) for role in single] or _together(needs, usable, covered)
    if not sets:
        return Suggestion(scope, needs, (), custom_role=_custom(needs, scope) if needs else None)
    first, *others = sorted(sets, key=_breadth)
    return Suggestion(scope, needs, first, tuple(others))


def smallest(roles: Sequence[Role]) -> Sequence[Role]:
    """Return the minimal roles by inclusion: no other of them permits strictly less."""
    return [role for role in roles if not any(_is_smaller(other, role) for other in roles if other is not role)]


def _is_smaller(role: Role, than: Role) -> bool:
    inner, outer = role.at_most, than.at_most
    return covers(outer, inner) is Truth.YES and covers(inner, outer) is not Truth.YES


def _covers(role: Role, need: RoleNeed) -> bool:
    """Whether a role surely permits all of a need; what is too complex to decide does not count."""
    try:
        return role.permissions is not None and is_within(need.operations, role.permissions.on(need.plane).must)
    except TooComplexError:
        return False


def _together(
    needs: Sequence[RoleNeed], roles: Sequence[Role], covered: Mapping[str, frozenset[RoleNeed]]
) -> Sequence[tuple[Role, ...]]:
    """Return the smallest sets of roles that cover the needs between them, each role small for what it covers."""
    by_cover: dict[frozenset[RoleNeed], list[Role]] = {}
    for role in roles:
        if covered[role.key]:
            by_cover.setdefault(covered[role.key], []).append(role)
    chosen = [min(smallest(same), key=lambda role: _breadth((role,))) for same in by_cover.values()]
    chosen = sorted(chosen, key=lambda role: (-len(covered[role.key]), _breadth((role,))))[:_MAX_CANDIDATES]
    for size in range(2, MAX_TOGETHER + 1):
        groups = [
            group
            for group in combinations(chosen, size)
            if frozenset().union(*(covered[role.key] for role in group)) == set(needs)
        ]
        if groups:
            return groups
    return []


def _breadth(roles: tuple[Role, ...]) -> tuple[int, int, tuple[str, ...]]:
    spelled = [match.pattern for role in roles for plane in Plane for match in patterns_of(role.at_most.on(plane).may)]
    return sum("*" in pattern for pattern in spelled), len(spelled), tuple(role.name.lower() for role in roles)


def _custom(needs: Sequence[RoleNeed], scope: str) -> Mapping[str, object]:
    """Return a role definition, as `az role definition create` takes it, with exactly the needed operations."""
    control, data = ([need for need in needs if need.plane is plane] for plane in Plane)
    return {
        "Name": "Custom role for the listed operations",
        "IsCustom": True,
        "Actions": sorted({need.operation for need in control}),
        "NotActions": _left_out(control),
        "DataActions": sorted({need.operation for need in data}),
        "NotDataActions": _left_out(data),
        "AssignableScopes": [scope],
    }


def _left_out(needs: Iterable[RoleNeed]) -> list[str]:
    return sorted({match.spelled for need in needs for match in excluded_from(need.operations)})
