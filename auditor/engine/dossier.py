"""Gather all that is known of one resource: what was read, what it is connected to, what follows, who can act on it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis.access.access_context import AccessContext, read_access
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.fact import Fact
from auditor.engine.findings import disclosure
from auditor.errors import InputError
from auditor.estate.navigation import derive
from auditor.model import Relation, Resource
from auditor.rbac import arguments, queries
from auditor.rbac.permissions import Plane
from auditor.redaction.body import Redactor

_POSITION: Final = (
    "exposure.",
    "network.",
    "private_link.",
    "firewall.",
    "gateway.",
    "inventory.subnet",
    "managed_network.",
)
"""The families of facts that say where in the network something stands."""
_ENVELOPE: Final = frozenset({"id", "name", "type", "tags"})
_LONGEST: Final = 160
_REDACTOR: Final = Redactor()
_LOGGER: Final = logging.getLogger(__name__)


class PropertyRead(Struct, frozen=True):
    """A value as it was read, without secrets, and the path to it."""

    path: str
    value: object


class DerivedFact(Struct, frozen=True):
    """What an analysis says of the resource: in a sentence, or as its fields where it has none."""

    kind: str
    part: str
    text: str

    @property
    def is_position(self) -> bool:
        """Whether it says where in the network the resource stands."""
        return self.kind.startswith(_POSITION)


class ActorAt(Struct, frozen=True):
    """Somebody who can, or may be able to, do an operation to the resource, and what lets them.

    `is_direct`: without a step in between, such as acting as an identity that they can become.
    """

    operation: str
    name: str
    answer: str
    eligible: bool
    is_direct: bool
    by: Sequence[str]


class Dossier(Struct, frozen=True):
    """All that is known of a resource but for what the rules say of it.

    `relations` are those that lead from it and to it; `unknowns` what could change who can act on it.
    """

    resource: Resource
    workload: str | None
    component: str | None
    tags: Mapping[str, object]
    properties: Sequence[PropertyRead]
    relations: Sequence[Relation]
    facts: Sequence[DerivedFact]
    actors: Sequence[ActorAt]
    unknowns: Sequence[str]


def dossier_of(context: Context, name: str, analyses: Iterable[Analysis]) -> Dossier:
    """Gather what is known of a resource, named by id or by the last part of it. InputError where there is none, or several."""
    access = read_access(context)
    resource = _named(access, name)
    workload, component = context.workloads.role_of(resource.key)
    body = _REDACTOR.body(resource.body)
    own = {key: value for key, value in body.items() if key not in _ENVELOPE}
    asked = [_who_can(access, operation, resource) for operation in _operations(resource)]
    return Dossier(
        resource=resource,
        workload=workload,
        component=component,
        tags=disclosure.tags_without_secrets(resource.body.get("tags")),
        properties=list(_leaves("", own)),
        relations=_relations(context, resource),
        facts=list(_facts(context, resource, analyses)),
        actors=[actor for answer in asked for actor in _actors(answer)],
        unknowns=list(dict.fromkeys(_REDACTOR.text(text) for answer in asked for text in answer.unknowns)),
    )


def _named(access: AccessContext, name: str) -> Resource:
    scope = arguments.scope(access.graph, name)
    found = access.graph.estate.get(scope)
    if found is None:
        raise InputError(f"'{scope}' was not read itself", "name a resource that was: its id, or the last part of it")
    return found


def _leaves(path: str, value: object) -> Iterator[PropertyRead]:
    """Yield the plain values inside one with the paths to them; what holds nothing is one itself."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _leaves(f"{path}.{key}" if path else str(key), value[key])
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list) for item in value):
        for position, item in enumerate(value):
            yield from _leaves(f"{path}[{position}]", item)
    else:
        yield PropertyRead(path, value)


def _relations(context: Context, resource: Resource) -> Sequence[Relation]:
    all_of_them = derive(context.estate.resources)
    return sorted({each for each in all_of_them if resource.key in {each.source, each.target}})


def _facts(context: Context, resource: Resource, analyses: Iterable[Analysis]) -> Iterator[DerivedFact]:
    for analysis in analyses:
        try:
            own = [fact for fact in analysis.run(context) if ids.key(fact.about.subject) == resource.key]
            yield from (_derived(fact) for fact in sorted(own, key=lambda fact: fact.id))
        except Exception as problem:  # what one analysis cannot say, the others can
            _LOGGER.debug("analysis %s failed", analysis.name, exc_info=True)
            yield DerivedFact(
                analysis.name, "", f"not known: the analysis failed ({type(problem).__name__}: {problem})"
            )


def _derived(fact: Fact) -> DerivedFact:
    text = fact.sentence()
    if not text:
        text = json.dumps(_REDACTOR.value("", fact.body()), sort_keys=True, ensure_ascii=False, default=str)
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return DerivedFact(fact.fact_kind, _REDACTOR.text(fact.about.sub_object), _REDACTOR.text(text))


def _operations(resource: Resource) -> Sequence[str]:
    """Return what is asked of everybody: who changes it, who deletes it, who gives access to it."""
    return [f"{resource.type}/write", f"{resource.type}/delete", "Microsoft.Authorization/roleAssignments/write"]


def _who_can(access: AccessContext, operation: str, resource: Resource) -> queries.WhoCan:
    return queries.who_can(access.graph, operation, resource.id, Plane.CONTROL, access.table.roles.values())


def _actors(answer: queries.WhoCan) -> Iterator[ActorAt]:
    for actor in answer.actors:
        roles = [f"{each.role.name} on {ids.name_of(each.scope) or '/'}" for each in actor.assignments]
        by = roles or [door.kind.value for door in actor.doors]
        yield ActorAt(
            operation=answer.operation,
            name=_REDACTOR.text(actor.name),
            answer=actor.answer.value,
            eligible=actor.eligible,
            is_direct=actor.is_direct,
            by=[_REDACTOR.text(text) for text in dict.fromkeys(by)],
        )
