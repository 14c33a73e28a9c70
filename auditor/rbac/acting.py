"""Find the assignments by which somebody can act as a managed identity: assign it, or run code on what runs as it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct

from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import PrivilegeName
from auditor.estate.lookup import USER_IDENTITIES
from auditor.model import Gap
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import Assignment
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import ManagedIdentity
from auditor.truth import Truth

Way: TypeAlias = Literal["assign the identity", "run code"]


class WayToAct(Struct, frozen=True):
    """Operations at a scope of which each is enough to act as an identity, or may be: `doubt` is why it only may."""

    way: Way
    scope: str
    operations: tuple[str, ...]
    doubt: Gap | None = None


class Opening(Struct, frozen=True):
    """An assignment that opens a way to act; `gap` says why it may only, and `operation` is then one that it may permit."""

    to_act: WayToAct
    assignment: Assignment
    operation: str
    gap: Gap | None


def ways(identity: ManagedIdentity) -> Iterator[WayToAct]:
    """Yield what lets somebody act as an identity: the identity itself, and each resource that runs as it."""
    if identity.is_user_assigned:
        yield WayToAct("assign the identity", identity.id, _operations(USER_IDENTITIES, PrivilegeName.USE_IDENTITIES))
    for resource in identity.users:
        if operations := _operations(resource.type_key, PrivilegeName.RUN_CODE):
            yield WayToAct("run code", resource.id, operations)
        elif shipped().get(resource.type_key) is None:
            reason = f"what {resource.type} lets its writers do as its identity is not known"
            doubt = Gap(resource.id, "type", reason)
            yield WayToAct("run code", resource.id, (f"{resource.type}/write",), doubt)


def openings(graph: AccessGraph, to_act: WayToAct) -> Iterator[Opening]:
    """Yield the assignments, active and eligible ones, that open a way to act or may; denies are applied."""
    for assignment, _ in graph.grants.covering(to_act.scope):
        possible = _possible(graph, to_act, assignment)
        if not possible:
            continue
        left = graph.grants.effective_of(assignment.principal, to_act.scope, [assignment]).permissions
        answers = {operation: permits(left, Plane.CONTROL, operation) for operation in possible}
        if certain := next((operation for operation, answer in answers.items() if answer is Truth.YES), None):
            yield Opening(to_act, assignment, certain, to_act.doubt or graph.missing_gap(assignment))
        elif perhaps := next((operation for operation, answer in answers.items() if answer is Truth.UNKNOWN), None):
            undecided = Gap(assignment.id, "properties.condition", "a condition or a deny assignment decides")
            unplaced = graph.place_gap(assignment, to_act.scope)
            gap = graph.definition_gap(assignment) or unplaced or graph.deny_gap() or undecided
            yield Opening(to_act, assignment, perhaps, gap)


def _possible(graph: AccessGraph, to_act: WayToAct, assignment: Assignment) -> Sequence[str]:
    """Return which of the operations an assignment may hold at all, denies left aside."""
    if to_act.doubt is None:
        held = graph.operations_of(assignment)
        return [operation for operation in to_act.operations if operation in held]
    granted = assignment.permissions
    return [each for each in to_act.operations if permits(granted, Plane.CONTROL, each) is not Truth.NO]


@lru_cache(maxsize=256)
def _operations(kind: str, privilege: PrivilegeName) -> tuple[str, ...]:
    """Return the operations of a privilege on a type, and on children that have no identity of their own."""
    return tuple(
        f"{item.name}/{name}"
        for item in shipped()
        if item.key == kind or (item.key.startswith(f"{kind}/") and not item.calls_others)
        for name in item.privileges.get(privilege, ())
    )
