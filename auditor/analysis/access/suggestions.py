"""Propose roles for what the baseline's table says that principals need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.analysis.access.access_context import AccessContext
from auditor.errors import InputError
from auditor.rbac.assignments import Role
from auditor.rbac.operation_sets import intersection, patterns_of
from auditor.rbac.permissions import Plane
from auditor.rbac.suggest import RoleNeed, Suggestion, needs_of, suggest


def suggestions(
    access: AccessContext,
    principals: Sequence[str],
    operations: Sequence[str],
    scope: str | None,
    more_roles: Iterable[Role],
) -> Sequence[Suggestion]:
    """Return what to assign to principals: for operations at a scope, or for the rows of the baseline's table.

    Roles are those of the table, of the estate and the given ones. Raise InputError where there is nothing to cover.
    """
    known = {**access.table.roles, **{role.key: role for role in more_roles}, **access.graph.roles}
    roles = [known[key] for key in sorted(known)]
    if operations:
        if scope is None:
            raise InputError("--actions needs a scope", "name it with --on")
        return [suggest(needs_of(operations, roles), scope, roles)]
    proposed = suggest_for_rows(access, principals, roles)
    if not proposed:
        raise InputError(
            "the baseline's table of roles has no row for it", "say what is needed, with --actions and --on"
        )
    return proposed


def suggest_for_rows(access: AccessContext, principals: Sequence[str], roles: Sequence[Role]) -> Sequence[Suggestion]:
    """Return a suggestion for every row of the baseline's table that names one of the principals, by scope."""
    needed: dict[str, tuple[str, dict[RoleNeed, None]]] = {}
    for row in access.rows:
        if set(row.principals) & set(principals):
            _, needs = needed.setdefault(row.scope.lower(), (row.scope, {}))
            for plane in Plane:
                granted = row.row.role.at_most.on(plane).may
                for match in patterns_of(granted):
                    needs[RoleNeed(plane, match.spelled, intersection((match, granted)))] = None
    return [suggest(list(needs), spelled, roles) for _, (spelled, needs) in sorted(needed.items())]
