"""Find what keeps a resource from being deleted: locks, and deny assignments such as deployment stacks make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.model import Gap, Resource
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import EVERYONE, Deny
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.read import LOCKS
from auditor.rbac.scopes import stated_scope
from auditor.truth import Truth, all_of

_LEVELS: Final = frozenset({"cannotdelete", "readonly"})


def locks_by_scope(graph: AccessGraph) -> Mapping[str, Sequence[str]]:
    """Return the ids of the locks that forbid deletion, by the key of their scope."""
    found: dict[str, list[str]] = defaultdict(list)
    for lock in graph.estate.of_type(LOCKS):
        if (body.text(lock.properties, "level") or "").lower() in _LEVELS:
            found[ids.key(stated_scope(lock))].append(lock.id)
    return found


def locks_against(graph: AccessGraph, operation: str, scope: str) -> Sequence[Resource]:
    """Return the locks at or above a scope that stand against an operation there, by id.

    A lock that forbids writes leaves what the role Reader has, so that nobody lists keys or gives roles, either.
    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    verb = operation.rpartition("/")[2].lower()
    if verb == "read" or operation.lower().startswith(f"{LOCKS.lower()}/"):
        return []
    levels = {"readonly", "cannotdelete"} if verb == "delete" else {"readonly"}
    above = set(graph.grants.hierarchy.above(scope))
    return [
        lock
        for lock in graph.estate.of_type(LOCKS)
        if (body.text(lock.properties, "level") or "").lower() in levels and ids.key(stated_scope(lock)) in above
    ]


def locks_on(graph: AccessGraph, locks: Mapping[str, Sequence[str]], resource: Resource) -> tuple[str, ...]:
    """Return the ids of the locks on a resource, on its group and on its subscription."""
    return tuple(lock for scope in graph.grants.hierarchy.above(resource.key) for lock in locks.get(scope, ()))


def denies_on(graph: AccessGraph, resource: Resource) -> tuple[str, ...]:
    """Return the ids of the deny assignments that surely keep everybody from deleting it, but for whom they exclude.

    https://learn.microsoft.com/azure/azure-resource-manager/bicep/deployment-stacks
    """
    return tuple(deny.id for deny in graph.grants.denies if _forbids(graph, deny, resource) is Truth.YES)


def guards_gap(graph: AccessGraph, resource: Resource) -> Gap | None:
    """Return why there may be more locks or deny assignments than are known, or None."""
    if gap := graph.estate.type_gap(LOCKS, resource.key) or graph.deny_gap():
        return gap
    doubtful = (deny for deny in graph.grants.denies if _forbids(graph, deny, resource) is Truth.UNKNOWN)
    return next((Gap(deny.id, "properties", "whether it forbids deletion is not known") for deny in doubtful), None)


def _forbids(graph: AccessGraph, deny: Deny, resource: Resource) -> Truth:
    if EVERYONE not in deny.principals:
        return Truth.NO
    if not deny.applies_to_children and ids.key(deny.scope) != resource.key:
        return Truth.NO
    covers = graph.grants.hierarchy.covers(deny.scope, resource.key)
    return all_of((covers, permits(deny.permissions, Plane.CONTROL, f"{resource.type}/delete")))
