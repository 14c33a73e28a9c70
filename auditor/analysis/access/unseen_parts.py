"""Tell which parts of a workload may hold, or lie at, what is assigned, though none is known to: lists may be open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.analysis.access.doubtful_rows import DoubtfulRow, DoubtfulRows
from auditor.analysis.access.expected import RoleRow, scope_of
from auditor.analysis.fact import Known
from auditor.architecture.declare import Declaration
from auditor.architecture.workloads import Workload, Workloads, may_have
from auditor.estate.graph import Estate
from auditor.estate.lookup import FOUNDRY_PROJECTS, ML_WORKSPACES
from auditor.estate.navigation import ONLINE_ENDPOINTS, PLANS
from auditor.estate.network_relations import GATEWAYS
from auditor.estate.service_relations import ML_COMPUTES, SITES
from auditor.model import Gap, Resource
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.assignments import Assignment, DoorKind
from auditor.truth import Truth

IDENTITY_USERS: Final = (ML_WORKSPACES, ML_COMPUTES, ONLINE_ENDPOINTS, GATEWAYS, PLANS, SITES)
"""Types whose resources play a role in the workload as somebody, or lead to those that do."""


class UnseenParts(Struct, frozen=True):
    """The parts of workloads that are not known; gaps by scope are found out once."""

    estate: Estate
    workloads: Workloads
    graph: AccessGraph
    _scopes: dict[str, Gap | None] = field(default_factory=dict)
    _components: dict[tuple[str, str], Sequence[tuple[str, Gap]]] = field(default_factory=dict)
    _doubts: dict[tuple[tuple[str, str], ...], DoubtfulRows] = field(default_factory=dict)

    def user_of(self, assignment: Assignment) -> Gap | None:
        """Return why a part of a workload may run as an assignment's principal though none is known to, or None."""
        return None if self.graph.parts.get(assignment.principal) else self.more_users_of(assignment)

    def more_users_of(self, assignment: Assignment) -> Gap | None:
        """Return why more parts of a workload than are known may run as an assignment's principal, or None."""
        if assignment.kind.is_application is Truth.NO or assignment.door is DoorKind.DELEGATION:
            return None
        identity = self.graph.principals.identities.get(assignment.principal)
        if identity is not None and not identity.is_user_assigned:
            is_open = not self.graph.parts.get(assignment.principal) and self._may_be_part(identity.users[0])
            return self.further_user() if is_open else None
        return self.further_user()

    def _may_be_part(self, resource: Resource) -> bool:
        return self._is_declared(resource.type_key)

    def _is_declared(self, type_key: str) -> bool:
        return any(name.lower() == type_key for one in self.workloads.declared for name in one.types)

    def further_user(self) -> Gap | None:
        """Return why more of a workload than is known may run as an identity, or None."""
        kinds = (*IDENTITY_USERS, FOUNDRY_PROJECTS) if self._is_declared(FOUNDRY_PROJECTS) else IDENTITY_USERS
        gaps = (self.estate.type_gap(kind) for kind in kinds)
        return next((gap for gap in gaps if gap is not None), None)

    def runs(self, principal: str, components: Collection[str], more: Gap | None) -> Known[bool]:
        """Return whether one of these components runs as a principal; `more` is why others than are known may."""
        is_seen = any(part.component in components for part in self.graph.parts.get(principal, ()))
        return is_seen or more or False

    def giving(self, capability: str) -> frozenset[str]:
        """Return the components that give a capability."""
        return frozenset(self.workloads.components_giving(capability))

    def runs_one_of_a_kind(self, principal: str, capability: str, more: Gap | None) -> Known[bool]:
        """Return whether what a workload has one of runs as a principal: where it was seen, no other is to come."""
        components = self.giving(capability)
        unbound = next((gap for name in sorted(components) if (gap := self.bound(name))), None)
        return self.runs(principal, components, more and unbound)

    def touched(self, scope: str) -> Gap | None:
        """Return why a part of a workload may be at, below or above a scope though none is known there, or None."""
        return None if self.graph.touched(ids.key(scope)) else self.more_touched(scope)

    def more_touched(self, scope: str) -> Gap | None:
        """Return why more parts of a workload than are known may be at, below or above a scope, or None."""
        key = ids.key(scope)
        if key not in self._scopes:
            self._scopes[key] = next(self._gaps_around(key), None)
        return self._scopes[key]

    def _gaps_around(self, scope: str) -> Iterator[Gap]:
        for declaration in self.workloads.declared:
            yield from (gap for _, gap in self._gaps_of(declaration, scope))

    def _gaps_of(self, declaration: Declaration, scope: str) -> Iterator[tuple[str, Gap]]:
        """Yield the types of a component that may be at, below or above a scope though none is known there, and why."""
        kind = (ids.type_of(scope) or "").lower()
        for name in map(str.lower, declaration.types):
            if name == kind:  # it may be a part itself, as far as is known what leads to it
                gap = self.bound(declaration.name)
            elif not kind or name.startswith(f"{kind}/") or kind.startswith(f"{name}/"):
                gap = self.estate.type_gap(name, scope)
            else:
                continue
            if gap is not None:
                yield name, gap

    def below(self, workload: Workload, scope: str, known: Collection[str]) -> Iterator[tuple[str, Gap]]:
        """Yield the components, but those `known` there, that a workload may have at or below a scope, and why."""
        for declaration in self.workloads.declared:
            if declaration.name not in known and not declaration.internal:
                gap = self._below(workload, declaration, ids.key(scope))
                if gap is not None:
                    yield declaration.name, gap

    def _below(self, workload: Workload, declaration: Declaration, scope: str) -> Gap | None:
        """Return why a component that is not known there may lie at or below a scope: unlisted, or bound to none."""
        estate, kind = self.estate, (ids.type_of(scope) or "").lower()
        types = [
            name for name in map(str.lower, declaration.types) if f"{name}/".startswith(f"{kind}/" if kind else "")
        ]
        unlisted = (estate.type_gap(name, scope) for name in types if name != kind)
        if gap := next((gap for gap in unlisted if gap is not None), None):
            return gap
        there = (one for name in types for one in estate.of_type_below(name, scope))
        return (
            self.bound_in(workload, declaration.name) if any(declaration.fits(one, estate) for one in there) else None
        )

    def may_act_on(self, component: str, assignment: Assignment) -> Gap | None:
        """Return why an assignment may permit something on a part of a component that is not known, or None."""
        key = component, ids.key(assignment.scope)
        if key not in self._components:
            named = (one for one in self.workloads.declared if one.name == component)
            self._components[key] = [pair for one in named for pair in self._gaps_of(one, key[1])]
        acted_on = (gap for name, gap in self._components[key] if self.graph.acts_on(assignment, name) is not Truth.NO)
        return next(acted_on, None)

    def bound(self, component: str) -> Gap | None:
        """Return why something may be a component of a workload that is known to have none, or None."""
        return may_have(self.estate, self.workloads, None, component)

    def bound_in(self, workload: Workload, component: str) -> Gap | None:
        """Return why a workload may have a component that it is known to have none of, or None."""
        return may_have(self.estate, self.workloads, workload, component)

    def doubtful(self, rows: Sequence[RoleRow]) -> DoubtfulRows:
        """Return the rows of which, in some workload, the holder or the scope may be something that was not seen."""
        asked = tuple((row.principal, row.scope) for row in rows)
        if asked not in self._doubts:
            self._doubts[asked] = DoubtfulRows(
                DoubtfulRow(
                    (workload.name, row.principal),
                    row,
                    [scope_of(one) if row.on_group else one.id for one in workload.resources(row.scope)],
                    self.bound_in(workload, row.principal),
                    self.bound_in(workload, row.scope),
                )
                for workload in self.workloads.all
                for row in rows
            )
        return self._doubts[asked]
