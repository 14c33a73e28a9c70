"""Roles that every tenant has are known by their GUID; what the input says of a role wins over that."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.reference_data import built_in_roles
from tests.audit.judging import judged
from tests.e2e.command import Run, estate, sample

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
AUTHORIZATION = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
NOBODY_KNOWS = "0c0ffee0-1111-4222-8333-444444444444"
ASSIGN_ROLES = "Microsoft.Authorization/roleAssignments/write"
DEFINITIONS = "microsoft.authorization/roledefinitions"


def _assignment(guid: str, **more: Any) -> dict[str, Any]:
    properties = {
        "roleDefinitionId": f"{AUTHORIZATION}/roleDefinitions/{guid}",
        "principalId": "0aa1b2c3-1111-4000-8000-000000000001",
        "principalType": "User",
        "scope": SUBSCRIPTION,
    }
    return {
        "id": f"{AUTHORIZATION}/roleAssignments/900b93b7-da66-50eb-91c2-555df5a84044",
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {**properties, **more},
    }


def _definition(guid: str, **properties: Any) -> dict[str, Any]:
    own = f"{AUTHORIZATION}/roleDefinitions/{guid}"
    return {"id": own, "type": "Microsoft.Authorization/roleDefinitions", "properties": properties}


def _who_can(run: Run, *resources: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    path = estate(Path(), *resources)
    ended = run("access", "who-can", ASSIGN_ROLES, "--on", SUBSCRIPTION, path, "--complete", "-o", "json")
    return ended.code, ended.report


@pytest.mark.parametrize("guid", [OWNER, OWNER.upper()])
def test_an_owner_is_one_where_the_definition_is_not_in_the_input(run: Run, guid: str) -> None:
    code, answer = _who_can(run, _assignment(guid))

    assert code == 0
    assert [(row["answer"], row["roles"]) for row in answer["records"]] == [("yes", ["Owner"])]


def test_a_definition_that_was_listed_but_not_read_is_that_of_every_tenant(run: Run) -> None:
    code, answer = _who_can(run, _assignment(OWNER), _definition(OWNER))

    assert code == 0
    assert [row["answer"] for row in answer["records"]] == ["yes"]


def test_what_the_input_says_of_a_built_in_role_wins(run: Run) -> None:
    reader = _definition(OWNER, roleName="Owner", type="BuiltInRole", permissions=[{"actions": ["*/read"]}])

    code, answer = _who_can(run, _assignment(OWNER), reader)

    assert code == 0
    assert [row["answer"] for row in answer["records"] if row["answer"] != "no"] == []


def test_a_role_that_neither_the_input_nor_any_tenant_defines_is_not_known(run: Run) -> None:
    code, answer = _who_can(run, _assignment(NOBODY_KNOWS))

    assert code == 2
    assert [row["answer"] for row in answer["records"]] == ["maybe"]


def test_a_custom_role_whose_permissions_were_not_read_is_not_taken_for_a_built_in_one(run: Run) -> None:
    code, answer = _who_can(run, _assignment(OWNER), _definition(OWNER, roleName="Ours", type="CustomRole"))

    assert code == 2
    assert [row["answer"] for row in answer["records"]] == ["maybe"]


@cache
def _as_in_every_tenant() -> tuple[dict[str, Any], list[str]]:
    """Return the sample with its built-in roles as they are today, and their GUIDs."""
    document, guids = sample(), []
    for body in document["resources"]:
        if body["type"].lower() == DEFINITIONS and (role := built_in_roles.role(body["name"])):
            body["properties"] |= {"roleName": role.name, "permissions": role.permissions}
            guids.append(role.guid)
    return document, sorted(guids)


def _verdicts(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    findings = judged(document).findings
    return [(f.rule_id, f.resource_id, f.sub_object, f.status, f.message, f.unknown_reason) for f in findings]


@cache
def _expected() -> list[tuple[Any, ...]]:
    return _verdicts(_as_in_every_tenant()[0])


@settings(max_examples=8)
@given(st.data())
def test_which_definitions_of_built_in_roles_are_in_the_input_changes_no_verdict(data: st.DataObject) -> None:
    document, guids = _as_in_every_tenant()
    left_out = data.draw(st.sets(st.sampled_from(guids)))
    kept = [
        body
        for body in document["resources"]
        if body["type"].lower() != DEFINITIONS or body["name"].lower() not in left_out
    ]

    assert _verdicts({**document, "resources": kept}) == _expected()
