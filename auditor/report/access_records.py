"""Lay answers about access out as flat records, one per line of a table, for any format."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from auditor.rbac.assignments import AssignmentState
from auditor.rbac.queries import WhatCan, WhoCan
from auditor.rbac.scopes import kind_of
from auditor.rbac.suggest import Suggestion
from auditor.truth import Truth

Value = str | Sequence[str] | Mapping[str, Any]
Record = Mapping[str, Value]
"""One line of an answer: texts, lists of texts, and a role definition where a new one is proposed."""

WHO_COLUMNS: Final = (
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
WHAT_COLUMNS: Final = (
    "answer", "principal", "state", "role", "scope_kind", "scope", "actions", "not_actions", "data_actions",
    "not_data_actions", "dangers", "condition", "denied_by", "assignment",
)  # fmt: skip
SUGGESTION_COLUMNS: Final = ("principal", "scope", "needs", "roles", "alternatives", "commands", "custom_role")
_WORDS: Final = {Truth.YES: "yes", Truth.NO: "no", Truth.UNKNOWN: "maybe"}


def who_records(answer: WhoCan) -> Sequence[Record]:
    """Return one record per actor, with the columns `WHO_COLUMNS`."""
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


def what_records(answer: WhatCan) -> Sequence[Record]:
    """Return one record per assignment, with the columns `WHAT_COLUMNS`."""
    return [
        {
            "answer": _WORDS[power.answer],
            "principal": power.assignment.principal,
            "state": power.assignment.state.value,
            "role": power.assignment.role.name,
            "scope_kind": kind_of(power.assignment.scope).value,
            "scope": power.assignment.scope,
            "actions": power.actions,
            "not_actions": power.not_actions,
            "data_actions": power.data_actions,
            "not_data_actions": power.not_data_actions,
            "dangers": power.dangers,
            "condition": power.assignment.condition or "",
            "denied_by": power.denied_by,
            "assignment": power.assignment.id,
        }
        for power in answer.powers
    ]


def suggestion_records(suggestions: Sequence[Suggestion], principal: str) -> Sequence[Record]:
    """Return one record per scope, with the columns `SUGGESTION_COLUMNS`: commands, or the role to define first."""
    return [
        {
            "principal": principal,
            "scope": one.scope,
            "needs": [need.operation for need in one.needs],
            "roles": [role.name for role in one.roles],
            "alternatives": [" + ".join(role.name for role in group) for group in one.alternatives],
            "commands": [_create(principal, role.key, one.scope) for role in one.roles],
            "custom_role": one.custom_role or {},
        }
        for one in suggestions
    ]


def _create(principal: str, role: str, scope: str) -> str:
    return (
        f"az role assignment create --assignee-object-id {shlex.quote(principal)} --role {shlex.quote(role)} "
        f"--scope {shlex.quote(scope)}"
    )


def _distinct(values: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(values))
