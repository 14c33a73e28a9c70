"""Facts about what keeps a component from being deleted: locks, and the deny assignments of deployment stacks."""

from __future__ import annotations

from collections.abc import Iterator

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.azure import body
from auditor.model import Resource
from auditor.rbac.assignments import EVERYONE, Deny
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import bound
from auditor.rbac.read import LOCKS, stated_scope
from auditor.truth import Truth

_LEVELS = frozenset({"cannotdelete", "readonly"})


@fact("access.delete_guard", subject="the resource")
class DeleteGuard(Fact):
    """What keeps a component of a workload from being deleted."""

    component: str
    """what the resource is"""
    locks: tuple[str, ...]
    """ids of the locks on it, on its group or on its subscription"""
    denies: tuple[str, ...]
    """ids of the deny assignments that keep everybody, but for whom they exclude, from deleting it"""
    guarded: Known[bool]
    """whether there is any"""
    name: Hidden[str]

    def sentence(self) -> str:
        """Say what keeps the resource from being deleted."""
        guards = [
            *(f"lock {ids.name_of(lock)}" for lock in self.locks),
            *(f"deny {ids.name_of(d)}" for d in self.denies),
        ]
        if guards:
            return f"{self.name} cannot be deleted: {facts.listed(guards)}."
        if self.guarded is False:
            return f"{self.name} has no lock, on itself or above, and no deny assignment against its deletion."
        return f"Whether a lock keeps {self.name} from being deleted is not known."


def derive_facts(access: AccessContext) -> Iterator[DeleteGuard]:
    """Yield one fact per component and resource of every workload."""
    locks = [
        (ids.key(stated_scope(lock)), lock)
        for lock in access.context.estate.of_type(LOCKS)
        if (body.text(lock.properties, "level") or "").lower() in _LEVELS
    ]
    filed: set[tuple[str, str]] = set()
    for workload in access.context.workloads.all:
        for component, resource in bound(workload):
            if (component, resource.key) not in filed:
                filed.add((component, resource.key))
                held = [lock for scope, lock in locks if ids.is_under(resource.key, scope)]
                yield _fact(access, (workload.name, component), resource, held)


def _fact(access: AccessContext, role: tuple[str, str], resource: Resource, locks: list[Resource]) -> DeleteGuard:
    denies = tuple(deny.id for deny in access.graph.grants.denies if _forbids(deny, resource))
    unread = access.context.estate.type_gap(LOCKS, resource.key) or access.graph.deny_gap()
    return DeleteGuard(
        about=facts.about(
            access.context,
            resource.id,
            sub_object=role[1],
            role=role,
            inputs=[
                *((lock.id, "properties.level") for lock in locks),
                *((deny, "properties.permissions") for deny in denies),
            ],
        ),
        component=role[1],
        locks=tuple(lock.id for lock in locks),
        denies=denies,
        guarded=bool(locks or denies) or unread or False,
        name=resource.name,
    )


def _forbids(deny: Deny, resource: Resource) -> bool:
    """Whether a deny assignment surely keeps everybody from deleting a resource, but for those whom it excludes.

    https://learn.microsoft.com/azure/azure-resource-manager/bicep/deployment-stacks
    """
    at = ids.key(deny.scope)
    applies = ids.is_under(resource.key, at) and (deny.applies_to_children or at == resource.key)
    is_denied = permits(deny.permissions, Plane.CONTROL, f"{resource.type}/delete") is Truth.YES
    return applies and EVERYONE in deny.principals and is_denied
