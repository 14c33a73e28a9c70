"""Tell on which plane an operation lies, by how closely role definitions spell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from auditor.azure import body
from auditor.azure.reference_data import built_in_roles
from auditor.rbac.assignments import Role
from auditor.rbac.operation_sets import patterns_of
from auditor.rbac.patterns import WILDCARD, matches, normalise
from auditor.rbac.permissions import Plane
from auditor.rbac.privileges import PRIVILEGES

_LITERAL: Final = 1_000_000


def plane_of(operation: str, roles: Iterable[Role]) -> Plane:
    """Return the plane on which some role spells an operation most closely; the control plane where none does.

    Azure's own catalogue of operations is not at hand, and `*` on one plane says nothing about the other: where none of
    the given roles spells it out, those that every tenant has are asked.
    """
    normalised = normalise(operation)
    for privilege in PRIVILEGES:
        if normalised in map(normalise, privilege.operations):
            return privilege.plane
    known = list(roles)
    best = {plane: max((_closeness(role, plane, normalised) for role in known), default=0) for plane in Plane}
    if max(best.values()) < _LITERAL:
        spelled = {p: (_score(each) for each in _published()[p] if matches(each, normalised)) for p in Plane}
        best = {plane: max(best[plane], *spelled[plane], 0) for plane in Plane}
    return Plane.DATA if best[Plane.DATA] > best[Plane.CONTROL] else Plane.CONTROL


@cache
def _published() -> Mapping[Plane, frozenset[str]]:
    """Return the patterns, normalised, by which Azure's own roles spell operations."""
    found: dict[Plane, set[str]] = {plane: set() for plane in Plane}
    for role in built_in_roles.roles():
        for block in role.permissions:
            found[Plane.CONTROL].update(map(normalise, body.texts(block, "actions")))
            found[Plane.DATA].update(map(normalise, body.texts(block, "dataActions")))
    return {plane: frozenset(patterns) for plane, patterns in found.items()}


def _closeness(role: Role, plane: Plane, normalised: str) -> int:
    if role.permissions is None:
        return 0
    spelled = (match.pattern for match in patterns_of(role.permissions.on(plane).may))
    return max((_score(pattern) for pattern in spelled if matches(pattern, normalised)), default=0)


def _score(pattern: str) -> int:
    return _LITERAL if WILDCARD not in pattern else len(pattern) - 1
