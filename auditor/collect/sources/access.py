"""Read who may do what: assignments at, above and below the scope, the roles they name, and what forbids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Refused
from auditor.collect.operations import (
    DENY_ASSIGNMENTS,
    ELIGIBILITY,
    ROLE_ASSIGNMENTS,
    ROLE_DEFINITIONS,
    SCHEDULES,
    Operation,
)
from auditor.collect.sources.contract import is_deeper, shaped, untrusted
from auditor.collect.sources.details import Item, Outcome, Target, gap_of, read_list, settle
from auditor.model import Gap

_WITH_ROLES: Final = (ROLE_ASSIGNMENTS, ELIGIBILITY, SCHEDULES)
_ROLE: Final = replace(ROLE_DEFINITIONS, many=False)
_DIRECTORY_TYPE: Final = "Microsoft.Graph/directoryObjects"
_IDS_PER_CALL: Final = 1000


def read_access(arm: Arm, subscription: Target, roots: Sequence[str]) -> Outcome:
    """Return what governs access in a subscription, of use at, above or below the roots (none: anywhere in it).

    Of the role definitions only those are kept that an assignment names, and the custom ones; Azure lists many
    hundreds of built-in ones for each subscription.
    """
    outcome = Outcome()
    for operation in (*_WITH_ROLES, DENY_ASSIGNMENTS):
        outcome.items += [item for item in _read(arm, subscription, operation, outcome) if _concerns(item.body, roots)]
    named = {ids.name_of(role) for item in outcome.items if (role := _text(item.body, "roleDefinitionId"))}
    for item in _read(arm, subscription, ROLE_DEFINITIONS, outcome):
        is_custom = (_text(item.body, "type") or _text(item.body, "roleType") or "").lower() == "customrole"
        if is_custom or ids.name_of(str(item.body.get("id"))).lower() in {name.lower() for name in named}:
            outcome.items.append(item)
    return outcome


def read_access_outside(arm: Arm, target: Target) -> Outcome:
    """Return the role and deny assignments that hold on a resource outside the scope, and the roles they name."""
    outcome = Outcome()
    for operation in (ROLE_ASSIGNMENTS, DENY_ASSIGNMENTS):
        outcome.items += _read(arm, target, operation, outcome)
    roles = {ids.key(role): role for item in outcome.items if (role := _text(item.body, "roleDefinitionId"))}
    for role in (roles[key] for key in sorted(roles) if ids.is_resource_id(key)):
        try:
            answer = arm.get(role, ROLE_DEFINITIONS.api_version)
            body = shaped(_role(answer.value, role), role, _ROLE)
        except Refused as refused:
            settle(arm, Target(role), ROLE_DEFINITIONS, refused.refusal, outcome)
            continue
        outcome.items.append(Item(body, answer.api_version, answer.at))
    return outcome


def _read(arm: Arm, subscription: Target, operation: Operation, outcome: Outcome) -> list[Item]:
    try:
        return read_list(arm, subscription, operation, outcome)
    except Refused as refused:
        settle(arm, subscription, operation, refused.refusal, outcome)
        return []


def _role(value: object, role: str) -> Mapping[str, object]:
    """Return a role that was asked for; its id names the scope where it was asked, or none where it is built in."""
    if not isinstance(value, Mapping) or is_deeper(value):
        raise Refused(untrusted("the answer is not a role"))
    own_id = value.get("id")
    if isinstance(own_id, str) and ids.name_of(own_id).lower() != ids.name_of(role).lower():
        raise Refused(untrusted("another role came"))
    if not isinstance(value.get("properties"), Mapping):
        raise Refused(untrusted("it came without properties"))
    return value


def _concerns(body: dict[str, object], roots: Sequence[str]) -> bool:
    scope = _text(body, "scope")
    if not roots or scope is None:
        return True
    return any(
        ids.is_under(scope, root) or ids.is_under(root, scope) for root in roots
    ) or not scope.lower().startswith("/subscriptions/")


def _text(body: dict[str, object], name: str) -> str | None:
    properties = body.get("properties")
    value = properties.get(name) if isinstance(properties, dict) else None
    return value if isinstance(value, str) else None


def principals_of(body: dict[str, object]) -> str | None:
    """Return the principal that an assignment names."""
    return _text(body, "principalId")


def read_principals(arm: Arm, principals: Sequence[str], at: str) -> Outcome:
    """Return the directory's names of principals; one that the directory does not know is marked as deleted."""
    outcome = Outcome()
    for start in range(0, len(principals), _IDS_PER_CALL):
        part = list(principals[start : start + _IDS_PER_CALL])
        try:
            answer = arm.directory_objects(part)
        except Refused as refused:
            outcome.gaps.append(gap_of("/", _DIRECTORY_TYPE, refused.refusal, "Directory.Read.All"))
            continue
        values = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(values, list) or is_deeper(values):
            outcome.gaps.append(Gap("/", _DIRECTORY_TYPE, "not believed: the answer is not a list of principals"))
            continue
        known = {str(value.get("id")).lower(): value for value in values if isinstance(value, dict)}
        outcome.items += [_principal(principal, known.get(principal.lower()), at) for principal in part]
    return outcome


def _principal(principal: str, found: dict[str, object] | None, at: str) -> Item:
    body: dict[str, object] = {
        "id": f"/providers/{_DIRECTORY_TYPE}/{principal}",
        "name": principal,
        "type": _DIRECTORY_TYPE,
        "properties": {"deleted": True} if found is None else {**found, "deleted": False},
    }
    return Item(body, "v1.0", at, "microsoft-graph")
