"""Lay answers about access out as flat records, one per line of a table, for any format."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from auditor.analysis.access.assignments import State
from auditor.analysis.access.questions import WhatCan, WhoCan
from auditor.analysis.access.scopes import kind_of
from auditor.analysis.access.suggestions import Suggestion

Record = Mapping[str, str]

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
SUGGESTION_COLUMNS: Final = ("scope", "needs", "roles", "alternatives", "command")


def who_records(answer: WhoCan) -> Sequence[Record]:
    """Return one record per actor, with the columns `WHO_COLUMNS`."""
    return [
        {
            "answer": actor.answer.value,
            "principal": actor.principal,
            "principal_type": actor.principal_type,
            "name": actor.name,
            "state": (State.ELIGIBLE if actor.eligible else State.ACTIVE).value,
            "roles": _joined(assignment.role.name for assignment in actor.assignments),
            "scopes": _joined(assignment.scope for assignment in actor.assignments),
            "assignments": _joined(assignment.id for assignment in actor.assignments),
            "reasons": "; ".join(actor.reasons),
        }
        for actor in answer.actors
    ]


def what_records(answer: WhatCan) -> Sequence[Record]:
    """Return one record per assignment, with the columns `WHAT_COLUMNS`."""
    return [
        {
            "answer": power.answer.value,
            "principal": power.assignment.principal,
            "state": power.assignment.state.value,
            "role": power.assignment.role.name,
            "scope_kind": kind_of(power.assignment.scope).value,
            "scope": power.assignment.scope,
            "actions": " ".join(power.actions),
            "not_actions": " ".join(power.not_actions),
            "data_actions": " ".join(power.data_actions),
            "not_data_actions": " ".join(power.not_data_actions),
            "dangers": " ".join(power.dangers),
            "condition": power.assignment.condition or "",
            "denied_by": " ".join(power.denied_by),
            "assignment": power.assignment.id,
        }
        for power in answer.powers
    ]


def suggestion_records(suggestions: Sequence[Suggestion], principal: str) -> Sequence[Record]:
    """Return one record per scope, with the columns `SUGGESTION_COLUMNS`; a command only where known roles do."""
    return [
        {
            "scope": one.scope,
            "needs": " ".join(need.operation for need in one.needs),
            "roles": " + ".join(role.name for role in one.roles) or "a custom role",
            "alternatives": "; ".join(" + ".join(role.name for role in group) for group in one.alternatives),
            "command": " && ".join(_create(principal, role.key, one.scope) for role in one.roles),
        }
        for one in suggestions
    ]


def _create(principal: str, role: str, scope: str) -> str:
    return (
        f"az role assignment create --assignee-object-id {shlex.quote(principal)} --role {shlex.quote(role)} "
        f"--scope {shlex.quote(scope)}"
    )


def _joined(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))
