"""Facts about what keeps a component from being deleted: locks, and the deny assignments of deployment stacks."""

from __future__ import annotations

from collections.abc import Iterator

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.contract import Context, Unlisted
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.model import Resource
from auditor.rbac import guards
from auditor.rbac.principals import bound
from auditor.rbac.read import DENIES, LOCKS


@fact("access.delete_guard", subject="the resource")
class DeleteGuard(Fact, frozen=True, kw_only=True):
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
    filed: set[tuple[str, str]] = set()
    locks = guards.locks_by_scope(access.graph)
    for workload in access.context.workloads.all:
        for component, resource in bound(workload):
            if (component, resource.key) not in filed:
                filed.add((component, resource.key))
                yield _fact(
                    access, (workload.name, component), resource, guards.locks_on(access.graph, locks, resource)
                )


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield why resources that may be components get no fact: so little of them was read that nothing binds them."""
    for declaration in context.workloads.declared:
        for resource_type in declaration.types:
            for resource in context.estate.judged(resource_type):
                gap = context.estate.why_unread(resource.key)
                if gap is not None:
                    yield Unlisted(DeleteGuard.fact_kind, gap, {"component": declaration.name})


def _fact(access: AccessContext, role: tuple[str, str], resource: Resource, locks: tuple[str, ...]) -> DeleteGuard:
    denies = guards.denies_on(access.graph, resource)
    inputs = [*((lock, "properties.level") for lock in locks), *((deny, "properties.permissions") for deny in denies)]
    if not inputs:
        subscription = ids.subscription_scope(resource.id)
        inputs = [(subscription, LOCKS), (subscription, DENIES)]
    return DeleteGuard(
        about=facts.about(access.context, resource.id, sub_object=role[1], role=role, inputs=inputs),
        component=role[1],
        locks=locks,
        denies=denies,
        guarded=bool(locks or denies) or guards.guards_gap(access.graph, resource) or False,
        name=resource.name,
    )
