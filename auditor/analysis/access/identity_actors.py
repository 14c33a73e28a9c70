"""Facts about who can act as an identity of a workload: by assigning it, or by running code on what carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext, directory_gap
from auditor.analysis.access.assignment import sanctioned
from auditor.analysis.access.federation import Power, power_of
from auditor.analysis.fact import Fact, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.model import Gap
from auditor.rbac import acting
from auditor.rbac.acting import Opening, Way
from auditor.rbac.assignments import Assignment
from auditor.rbac.principals import ManagedIdentity
from auditor.truth import Truth

_SHOWN: Final = 3


@record
class IdentityActor(Record, frozen=True, kw_only=True):
    """An assignment that lets somebody outside of the workload act as the identity."""

    principal_id: str
    """who can"""
    principal_type: str | None
    """User, Group, ServicePrincipal, …, as Azure says"""
    assignment: str
    """the assignment that lets them"""
    role: str
    """its role"""
    scope: str
    """its scope"""
    way: Way
    """by assigning the identity to something of theirs, or by running code on what runs as it"""
    on: str
    """the identity, or what runs as it"""
    operation: str
    """the operation that does it"""
    standing: bool
    """whether the assignment is in force all the time, without an activation or an end"""

    def __str__(self) -> str:
        """Return who can and how, for a sentence."""
        way = f"{self.way} on {ids.name_of(self.on)}" if self.way == "run code" else self.way
        by = f"{self.principal_type or 'principal'} {self.principal_id} as {self.role} on {ids.name_of(self.scope) or '/'}"
        return f"{by} may {way}{'' if self.standing else ' once activated'} ({self.operation})"


@fact("access.identity_actors", subject="the managed identity")
class IdentityActors(Fact, frozen=True, kw_only=True):
    """Who outside of a workload can act as one of its managed identities."""

    grounds: ClassVar[Mapping[str, str]] = {"power": "dangers"}
    principal_id: str
    """the identity's principal"""
    identity: str
    """the id of the user-assigned identity, or of the resource whose own identity it is"""
    is_workload_identity: Known[bool]
    """whether a component of a workload runs as it"""
    power: Power
    """`some` where the identity has any permission, active or eligible, `none` where it has none, or `not known`"""
    dangers: tuple[str, ...]
    """names of the dangers that the identity surely permits, at any scope"""
    actors: Known[tuple[IdentityActor, ...]]
    """who can act as it, and how; more than these where one of them can all the time, and not all was read"""

    def sentence(self) -> str:
        """Say who can act as the identity, and by which way."""
        identity = f"identity {ids.name_of(self.identity)}"
        if isinstance(self.actors, Gap):
            return f"Whether others can act as {identity} is not known: {self.actors.reason}."
        if not self.actors:
            return f"Nobody outside of the workload can act as {identity} but those whom the table of roles sanctions."
        ways = dict.fromkeys(map(str, self.actors))
        may = f", which may {', '.join(self.dangers)}" if self.dangers else ""
        powerless = ", which has no permission now" if self.power == "none" else ""
        return f"Others can act as {identity}{may}{powerless}: {facts.listed(list(ways), _SHOWN)}."


def derive_facts(access: AccessContext) -> Iterator[IdentityActors]:
    """Yield one fact per identity that a component of a workload runs as, or may run as."""
    for identity in access.graph.principals.identities.values():
        parts = access.graph.parts.get(identity.principal, ())
        unseen = access.unseen.further_user() if identity.is_user_assigned else None
        if not parts and unseen is None:
            continue
        yield IdentityActors(
            about=access.about_identity(identity),
            principal_id=identity.principal,
            identity=identity.id,
            is_workload_identity=bool(parts) or unseen or False,
            power=power_of(access, identity.principal),
            dangers=access.graph.dangers_of(identity.principal),
            actors=_actors(access, identity, unseen) if parts else unseen or (),
        )


def _actors(access: AccessContext, identity: ManagedIdentity, unseen: Gap | None) -> Known[tuple[IdentityActor, ...]]:
    actors: list[IdentityActor] = []
    gaps: list[Gap | None] = []
    for to_act in acting.ways(identity):
        graph, scope = access.graph, to_act.scope
        gaps.append(graph.assignment_gap(scope) or graph.delegation_gap(scope) or graph.classic_gap(scope))
        for opening in acting.openings(access.graph, to_act):
            author = _is_author(access, opening.assignment)
            if access.graph.parts.get(opening.assignment.principal) or author is Truth.YES:
                continue
            is_sanctioned = sanctioned(access, opening.assignment, access.sanctions.of(opening.assignment))
            if is_sanctioned is True:
                continue
            gap = opening.gap or (is_sanctioned if isinstance(is_sanctioned, Gap) else None)
            gap = gap or (directory_gap(opening.assignment) if author is Truth.UNKNOWN else None)
            if gap is None:
                actors.append(_actor(opening))
            gaps.append(gap)
    gaps.append(unseen)
    is_decided = any(actor.standing for actor in actors)
    return (None if is_decided else next((gap for gap in gaps if gap), None)) or tuple(actors)


def _is_author(access: AccessContext, assignment: Assignment) -> Truth:
    """Whether somebody has a role that the baseline lists for people, on what they write flows in."""
    if assignment.role.key not in access.table.people:
        return Truth.NO
    hosts = access.unseen.giving(capabilities.FLOW_HOST)
    is_around = any(part.component in hosts for part in access.graph.around(assignment.scope))
    return access.graph.kind_of(assignment).is_person if is_around else Truth.NO


def _actor(opening: Opening) -> IdentityActor:
    assignment = opening.assignment
    return IdentityActor(
        principal_id=assignment.principal,
        principal_type=assignment.principal_type or None,
        assignment=assignment.id,
        role=assignment.role.name,
        scope=assignment.scope,
        way=opening.to_act.way,
        on=opening.to_act.scope,
        operation=opening.operation,
        standing=assignment.is_standing,
    )
