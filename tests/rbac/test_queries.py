"""Who can do something, what a principal can do, and which roles would do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auditor.analysis.access.access_context import AccessContext, read_access
from auditor.analysis.access.suggestions import suggest_for_rows
from auditor.analysis.contract import Context
from auditor.errors import InputError
from auditor.rbac.permissions import Plane
from auditor.rbac.queries import what_can, who_can
from auditor.rbac.suggest import needs_of, roles_from, suggest
from auditor.report.answers.access import of_suggestions, of_what_can, of_who_can
from auditor.truth import Truth
from tests.estates.access import (
    SUBSCRIPTION,
    Bodies,
    add,
    assignment,
    chat_by_id,
    deny_assignment,
    estate_of,
    place,
    principal_of,
    role_definition,
    table,
    workloads_of,
)
from tests.estates.chat.identities import principal
from tests.estates.roles import definition, roles

PULL = "Microsoft.ContainerRegistry/registries/pull/read"
SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
LIST_KEYS = "Microsoft.CognitiveServices/accounts/listKeys/action"


def access_of(bodies: Bodies, **parameters: Any) -> AccessContext:
    estate = estate_of(bodies.values())
    return read_access(
        Context(estate, workloads_of(estate), parameters, {"roles": table()}, datetime(2024, 2, 20, tzinfo=UTC))
    )


def names(access: AccessContext, operation: str, component: str) -> dict[str, Truth]:
    return {actor.name: actor.answer for actor in who_can(access.graph, operation, place(component)).actors}


def test_who_can_pull_names_every_identity_by_its_assignment() -> None:
    access = access_of(chat_by_id())
    assert names(access, PULL, "registry") == dict.fromkeys(
        ["id-amlinstancecompute", "id-amlonlineendpoint", "id-amlworkspace", "id-app-chat01"], Truth.YES
    )
    asked = who_can(access.graph, PULL.upper(), place("registry").upper())
    workspace = next(actor for actor in asked.actors if actor.name == "id-amlworkspace")
    assert sorted(a.role.name for a in workspace.assignments) == ["AcrPush", "Contributor"]


def test_who_can_read_a_secret_is_asked_of_the_data_plane() -> None:
    access = access_of(chat_by_id())
    asked = who_can(access.graph, SECRET, place("app-vault"))
    assert asked.plane is Plane.DATA
    assert [actor.name for actor in asked.actors] == ["id-agw-chat01", "id-amlworkspace", "id-app-chat01"]


def test_who_can_shows_groups_members_conditions_denies_and_eligibility_apart() -> None:
    bodies = chat_by_id()
    role = role_definition("Keys", [{"actions": [LIST_KEYS]}])
    add(bodies, role)
    add(bodies, assignment("group", role["id"], SUBSCRIPTION, kind="Group", name="g"))
    add(bodies, assignment("limited", role["id"], SUBSCRIPTION, name="l", condition="@Resource[a:b] StringEquals 'c'"))
    eligible = assignment("eligible", role["id"], SUBSCRIPTION, name="e")
    add(bodies, eligible | {"type": "Microsoft.Authorization/roleEligibilityScheduleInstances"})
    access = access_of(bodies, group_members={"group": ["member"]})

    asked = who_can(access.graph, LIST_KEYS, place("openai"))

    assert [(actor.principal, actor.answer, actor.eligible) for actor in asked.actors] == [
        ("group", Truth.YES, False),
        (principal_of(bodies, "workspace"), Truth.YES, False),
        ("member", Truth.YES, False),
        ("eligible", Truth.YES, True),
        ("limited", Truth.UNKNOWN, False),
    ]
    add(bodies, deny_assignment(place("openai"), {"actions": ["*/action"]}))
    assert names(access_of(bodies), LIST_KEYS, "openai") == {}


@pytest.mark.parametrize("name", ["gateway", "id-agw-chat01", principal("id-agw-chat01").upper(), place("gateway")])
def test_what_a_principal_can_do_is_found_by_any_of_its_names(name: str) -> None:
    answer = what_can(access_of(chat_by_id()).graph, name)
    assert answer.principals == [principal("id-agw-chat01")]
    (grant,) = answer.grants
    assert (grant.answer, grant.by.assignments[0].role.name) == (Truth.YES, "Key Vault Secrets User")
    assert grant.data_actions == (SECRET, "Microsoft.KeyVault/vaults/secrets/readMetadata/action")
    assert grant.privileges == ("read-secrets",)


def test_what_a_stranger_can_do_is_nothing() -> None:
    answer = what_can(access_of(chat_by_id()).graph, "nobody")
    assert (answer.principals, answer.grants) == ([], [])


def test_exclusions_are_shown_with_the_actions_they_belong_to() -> None:
    grants = what_can(access_of(chat_by_id()).graph, "workspace").grants
    contributor = next(grant for grant in grants if grant.by.assignments[0].role.name == "Contributor")
    assert contributor.actions == ("*",)
    assert "Microsoft.Authorization/*/Write" in contributor.not_actions


def test_one_minimal_role_is_suggested_where_there_is_one() -> None:
    needs = needs_of([SECRET], roles())
    found = suggest(needs, place("app-vault"), roles())
    assert [role.name for role in found.roles] == ["Key Vault Secrets User"]
    assert (found.needs[0].plane, found.alternatives) == (Plane.DATA, ())


def test_two_roles_are_suggested_where_no_single_one_does() -> None:
    needs = needs_of([PULL, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"], roles())
    found = suggest(needs, SUBSCRIPTION, roles())
    assert [role.name for role in found.roles] == ["AcrPull", "Storage Blob Data Reader"]


def test_a_custom_role_is_written_where_no_known_role_does() -> None:
    needs = needs_of(["data:Contoso.App/things/use/action", "Contoso.App/things/read"], [])
    found = suggest(needs, SUBSCRIPTION, [])
    assert found.roles == ()
    assert found.custom_role is not None
    assert found.custom_role["Actions"] == ["Contoso.App/things/read"]
    assert found.custom_role["DataActions"] == ["Contoso.App/things/use/action"]


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (
            "online-endpoint",
            [["AcrPull"], ["Azure Machine Learning Workspace Connection Secrets Reader"], ["Storage Blob Data Reader"]],
        ),
        (
            "workspace",
            [
                ["Contributor"],
                ["AcrPush"],
                ["Key Vault Administrator"],
                ["Storage Blob Data Contributor", "Storage File Data Privileged Contributor"],
            ],
        ),
    ],
)
def test_the_rows_of_a_principal_are_covered_by_the_roles_of_the_table(component: str, expected: list[Any]) -> None:
    access = access_of(chat_by_id())
    found = suggest_for_rows(access, [principal_of(chat_by_id(), component)], list(access.graph.roles.values()))
    assert [sorted(role.name for role in one.roles) for one in found] == expected


def test_roles_are_read_as_arm_and_as_the_command_line_print_them() -> None:
    arm = definition("AcrPull")
    flat = {"name": arm["name"], "roleType": "BuiltInRole", **arm["properties"]}
    (one,), (other,) = roles_from({"value": [arm]}), roles_from([flat])
    assert (one.key, one.name, one.permissions) == (other.key, other.name, other.permissions)
    with pytest.raises(InputError):
        roles_from({"value": "nothing"})


def test_answers_are_laid_out_as_flat_records() -> None:
    access = access_of(chat_by_id())
    who = of_who_can(who_can(access.graph, SECRET, place("app-vault")))
    what = of_what_can("gateway", what_can(access.graph, "gateway"))
    suggestion = suggest(needs_of([SECRET], roles()), place("app-vault"), roles())
    advice = of_suggestions("p1", {"p1": [suggestion]}, actions=[SECRET], scope=None, knows_all_roles=True)

    for answer in (who, what, advice):
        assert answer.records
        assert all(tuple(record) == answer.columns for record in answer.records)
    assert [record["roles"] for record in who.records] == [
        ["Key Vault Secrets User"],
        ["Key Vault Administrator"],
        ["Key Vault Secrets User"],
    ]
    assert SECRET in what.records[0]["data_actions"]
    (command,) = advice.records[0]["commands"]
    assert command.startswith("az role assignment create --assignee-object-id p1 --role 4633458b")
