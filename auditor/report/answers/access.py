"""Lay out answers about access: who can do something, what somebody can do, which roles would do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.rbac.assignments import AssignmentState, DoorKind
from auditor.rbac.doors import Door
from auditor.rbac.queries import Grant, WhatCan, WhoCan
from auditor.rbac.scopes import kind_of
from auditor.rbac.suggest import Suggestion
from auditor.report.answers.sheet import Record, Sheet
from auditor.report.layout import Layout
from auditor.truth import Truth

_WHO_COLUMNS: Final = (
    "answer",
    "principal",
    "principal_type",
    "name",
    "state",
    "doors",
    "by",
    "roles",
    "scopes",
    "assignments",
    "reasons",
)
_WHAT_COLUMNS: Final = (
    "answer", "principal", "state", "door", "by", "acts_as", "role", "scope_kind", "scope", "actions", "not_actions",
    "data_actions", "not_data_actions", "no_effect_on", "dangers", "condition", "denied_by", "assignment", "reasons",
)  # fmt: skip
_SUGGESTION_COLUMNS: Final = ("principal", "scope", "needs", "roles", "alternatives", "commands", "custom_role")
_AFTER_A_STEP: Final = "after a step"
"""Answers for who must first give itself access, or act as somebody else."""
_WORDS: Final = {Truth.YES: "yes", Truth.NO: "no", Truth.UNKNOWN: "maybe"}


@dataclass(frozen=True, slots=True)
class AccessSheet(Sheet):
    """An answer whose records hold texts, lists of texts, and a role definition where a new one is proposed.

    `shown` are the columns that a table has room for; `verbatim` those whose texts are to be copied whole.
    """

    shown: Sequence[str]
    nothing: str = "nobody and nothing"
    verbatim: Sequence[str] = ()
    note: ClassVar[str] = (
        "Shared access signatures and keys already given away, and roles of Microsoft Entra, are not seen."
    )

    def body(self, layout: Layout) -> list[str]:
        """Return a table of the shown columns, then what is to be copied."""
        cells = [[_narrow(name, record[name]) for name in self.shown] for record in self.records]
        lines = ["", *layout.rows([name.replace("_", " ") for name in self.shown], cells)]
        lines += layout.paragraph(self.nothing) if not self.records else []
        copied = (text for record in self.records for name in self.verbatim for text in _copied(record[name]))
        return [*lines, *(line for text in copied for line in layout.verbatim(text))]

    def cell(self, column: str, value: object) -> str:
        """Return lists with semicolons, and a role definition as JSON."""
        del column
        return "; ".join(_copied(value))


def of_who_can(answer: WhoCan) -> Sheet:
    """Lay out who can do an operation."""
    return AccessSheet(
        title=f"Who can {answer.operation} ({answer.plane.value} plane) on {answer.resource_id}",
        asked={"operation": answer.operation, "plane": answer.plane.value, "resource": answer.resource_id},
        columns=_WHO_COLUMNS,
        shown=("answer", "name", "principal_type", "state", "doors", "roles", "scopes", "reasons"),
        records=_who_records(answer),
        unknowns=answer.unknowns,
        is_whole=answer.is_whole,
        nothing="nobody",
    )


def of_what_can(name: str, answer: WhatCan) -> Sheet:
    """Lay out what the principals that a name stands for can do."""
    principals = ", ".join(answer.principals)
    return AccessSheet(
        title=f"What {name} ({principals}) can do",
        asked={"principal": name, "principals": principals},
        columns=_WHAT_COLUMNS,
        shown=("answer", "door", "role", "scope_kind", "scope", "acts_as", "state", "dangers"),
        records=_what_records(answer),
        unknowns=answer.unknowns,
        is_whole=answer.is_whole,
        nothing="nothing",
    )


def of_suggestions(
    name: str,
    suggested: Mapping[str, Sequence[Suggestion]],
    *,
    actions: Sequence[str],
    scope: str | None,
    knows_all_roles: bool,
) -> Sheet:
    """Lay out which roles would do for each of the principals that a name stands for."""
    principals = ", ".join(suggested)
    unknowns = ["only roles of the estate and of the baseline were chosen from; --roles adds more"]
    return AccessSheet(
        title=f"Roles for {name} ({principals})",
        asked={"principal": name, "principals": principals, "actions": " ".join(actions), "scope": scope or ""},
        columns=_SUGGESTION_COLUMNS,
        shown=(*(["principal"] if len(suggested) > 1 else []), "scope", "roles", "alternatives", "needs"),
        records=[_suggestion_record(principal, one) for principal, each in suggested.items() for one in each],
        unknowns=[] if knows_all_roles else unknowns,
        is_whole=True,
        verbatim=("commands", "custom_role"),
    )


def _narrow(name: str, value: object) -> str:
    """Return a value for a narrow column: the last part of an id is what tells scopes apart."""
    texts = _copied(value)
    return ", ".join([ids.name_of(text) or "/" for text in texts] if name in {"scope", "scopes"} else texts)


def _copied(value: object) -> Sequence[str]:
    """Return a value as texts to be copied whole."""
    match value:
        case str():
            return [value]
        case Mapping():
            return [json.dumps(value, sort_keys=True, ensure_ascii=False)] if value else []
        case Sequence():
            return [str(text) for text in value]
        case _:
            return []


def _who_records(answer: WhoCan) -> Sequence[Record]:
    """Return one record per actor, with the columns `_WHO_COLUMNS`."""
    return [
        {
            "answer": _WORDS[actor.answer] if actor.is_direct or actor.answer is not Truth.YES else _AFTER_A_STEP,
            "principal": actor.principal,
            "principal_type": actor.principal_type,
            "name": actor.name,
            "state": (AssignmentState.ELIGIBLE if actor.eligible else AssignmentState.ACTIVE).value,
            "doors": _distinct(door.kind.value for door in actor.doors),
            "by": _distinct(_witness(door) for door in actor.doors),
            "roles": _distinct(assignment.role.name for assignment in actor.assignments),
            "scopes": _distinct(assignment.scope for assignment in actor.assignments),
            "assignments": _distinct(assignment.id for assignment in actor.assignments),
            "reasons": actor.reasons,
        }
        for actor in answer.actors
    ]


def _witness(door: Door) -> str:
    """Return what a principal does on which resource, as whom it then acts, and what lets it."""
    does = f"{door.operation or 'what it permits'} on {door.on}"
    if door.kind is DoorKind.FEDERATION:
        does = f"trusted by {door.on}"
    then = f", then acts as {door.acts_as}" if door.acts_as else ""
    by = "; ".join(_distinct(assignment.id for assignment in door.assignments)) or door.credential
    return f"{door.kind.value}: {does}{then}, by {by}"


def _what_records(answer: WhatCan) -> Sequence[Record]:
    """Return one record per door, with the columns `_WHAT_COLUMNS`."""
    return [_what_record(grant) for grant in answer.grants]


def _what_record(grant: Grant) -> Record:
    assignment = grant.assignment
    return {
        "answer": _WORDS[grant.answer],
        "principal": grant.by.principal,
        "state": (AssignmentState.ELIGIBLE if grant.by.eligible else AssignmentState.ACTIVE).value,
        "door": grant.by.kind.value,
        "by": _witness(grant.by),
        "acts_as": grant.by.acts_as or "",
        "role": assignment.role.name if assignment else "",
        "scope_kind": kind_of(grant.scope).value,
        "scope": grant.scope,
        "actions": grant.actions,
        "not_actions": grant.not_actions,
        "data_actions": grant.data_actions,
        "not_data_actions": grant.not_data_actions,
        "no_effect_on": grant.ruled_out,
        "dangers": grant.privileges,
        "condition": (assignment.condition if assignment else None) or "",
        "denied_by": grant.denied_by,
        "assignment": assignment.id if assignment else grant.by.credential or "",
        "reasons": grant.by.reasons if grant.answer is Truth.UNKNOWN else (),
    }


def _suggestion_record(principal: str, suggestion: Suggestion) -> Record:
    """Return the columns `_SUGGESTION_COLUMNS` of a scope: commands, or the role to define first."""
    return {
        "principal": principal,
        "scope": suggestion.scope,
        "needs": [need.operation for need in suggestion.needs],
        "roles": [role.name for role in suggestion.roles],
        "alternatives": [" + ".join(role.name for role in group) for group in suggestion.alternatives],
        "commands": [_create(principal, role.key, suggestion.scope) for role in suggestion.roles],
        "custom_role": suggestion.custom_role or {},
    }


def _create(principal: str, role: str, scope: str) -> str:
    return (
        f"az role assignment create --assignee-object-id {shlex.quote(principal)} --role {shlex.quote(role)} "
        f"--scope {shlex.quote(scope)}"
    )


def _distinct(values: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(values))
