"""Lay out answers about access: who can do something, what somebody can do, which roles would do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.rbac.assignments import AssignmentState
from auditor.rbac.queries import WhatCan, WhoCan
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
    "roles",
    "scopes",
    "assignments",
    "reasons",
)
_WHAT_COLUMNS: Final = (
    "answer", "principal", "state", "role", "scope_kind", "scope", "actions", "not_actions", "data_actions",
    "not_data_actions", "dangers", "condition", "denied_by", "assignment",
)  # fmt: skip
_SUGGESTION_COLUMNS: Final = ("principal", "scope", "needs", "roles", "alternatives", "commands", "custom_role")
_WORDS: Final = {Truth.YES: "yes", Truth.NO: "no", Truth.UNKNOWN: "maybe"}


@dataclass(frozen=True, slots=True)
class AccessSheet(Sheet):
    """An answer whose records hold texts, lists of texts, and a role definition where a new one is proposed.

    `shown` are the columns that a table has room for; `verbatim` those whose texts are to be copied whole.
    """

    shown: Sequence[str]
    nothing: str = "nobody and nothing"
    verbatim: Sequence[str] = ()
    note: ClassVar[str] = "Keys, shared access signatures, vault access policies and Entra roles are not looked at."

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
        shown=("answer", "name", "principal_type", "state", "roles", "scopes", "reasons"),
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
        shown=("answer", "role", "scope_kind", "scope", "state", "dangers"),
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
            "answer": _WORDS[actor.answer],
            "principal": actor.principal,
            "principal_type": actor.principal_type,
            "name": actor.name,
            "state": (AssignmentState.ELIGIBLE if actor.eligible else AssignmentState.ACTIVE).value,
            "roles": _distinct(assignment.role.name for assignment in actor.assignments),
            "scopes": _distinct(assignment.scope for assignment in actor.assignments),
            "assignments": _distinct(assignment.id for assignment in actor.assignments),
            "reasons": actor.reasons,
        }
        for actor in answer.actors
    ]


def _what_records(answer: WhatCan) -> Sequence[Record]:
    """Return one record per assignment, with the columns `_WHAT_COLUMNS`."""
    return [
        {
            "answer": _WORDS[grant.answer],
            "principal": grant.assignment.principal,
            "state": grant.assignment.state.value,
            "role": grant.assignment.role.name,
            "scope_kind": kind_of(grant.assignment.scope).value,
            "scope": grant.assignment.scope,
            "actions": grant.actions,
            "not_actions": grant.not_actions,
            "data_actions": grant.data_actions,
            "not_data_actions": grant.not_data_actions,
            "dangers": grant.privileges,
            "condition": grant.assignment.condition or "",
            "denied_by": grant.denied_by,
            "assignment": grant.assignment.id,
        }
        for grant in answer.grants
    ]


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
