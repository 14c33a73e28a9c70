"""Access of which a part was not read, or which only looks like a grant or a deny: asked and judged from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.model import Gap
from tests.cli.test_access_doors import (
    BLOB,
    BLOB_READER,
    CONTRIBUTOR,
    OWNER,
    SUBSCRIPTION,
    Body,
    asked,
    assigned,
    delegated,
    resource,
)
from tests.cli.test_access_findings import findings
from tests.estates.access import GROUP as CHAT_GROUP
from tests.estates.access import SUBSCRIPTION as CHAT_SUBSCRIPTION
from tests.estates.access import (
    Bodies,
    add,
    assignment,
    chat_by_id,
    deny_assignment,
    facts_after,
    of_kind,
    place,
    principal_of,
)
from tests.estates.roles import definition

ROOT_GROUPS = "/providers/Microsoft.Management/managementGroups"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
STORE = resource("Microsoft.Storage/storageAccounts", "st", {"allowSharedKeyAccess": False})
ATTRIBUTE = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'"


def denied(**properties: Any) -> Body:
    return deny_assignment(SUBSCRIPTION, {"dataActions": ["*"]}, **properties)


@pytest.mark.parametrize(
    ("deny", "right"),
    [
        (denied(), None),
        (denied(denyAssignmentEffect="Enforced"), None),
        (denied(denyAssignmentEffect="audit"), "yes"),
        (denied(denyAssignmentEffect="later"), "maybe"),
        (denied(condition=ATTRIBUTE, conditionVersion="2.0"), "maybe"),
        (denied(condition="!(ActionMatches{'Microsoft.Storage/*'})", conditionVersion="2.0"), "yes"),
        (denied(condition={"not": "text"}), "maybe"),
        (denied(principals=None), "maybe"),
        (denied(principals=[]), "yes"),
    ],
)
def test_a_deny_takes_away_only_what_it_surely_denies(deny: Body, right: str | None, tmp_path: Path) -> None:
    code, records, _ = asked(tmp_path, [STORE, assigned("p", BLOB_READER), deny], "who-can", BLOB, "--on", "st")
    assert [record["answer"] for record in records] == ([] if right is None else [right])
    assert code == (2 if right == "maybe" else 0)


def _locked(folder: Path, **properties: Any) -> set[str]:
    deny = deny_assignment(CHAT_GROUP, {"actions": ["*/delete"]}, **properties)
    listed = findings(lambda bodies: add(bodies, deny), folder, "workload-foundation-delete-locked")
    return {finding["status"] for finding in listed}


def test_a_deny_that_only_records_keeps_nothing_from_being_deleted(tmp_path: Path) -> None:
    assert _locked(tmp_path) == {"pass"}
    assert _locked(tmp_path, denyAssignmentEffect="audit") == {"fail"}
    assert _locked(tmp_path, condition=ATTRIBUTE) == {"unknown"}
    assert _locked(tmp_path, doNotApplyToChildScopes=True) == {"fail"}


def _group(name: str, *children: str) -> Body:
    properties = {
        "details": {"parent": {"id": f"{ROOT_GROUPS}/root"}},
        "children": [{"id": child, "type": "/subscriptions"} for child in children],
    }
    return {
        "id": f"{ROOT_GROUPS}/{name}",
        "name": name,
        "type": "Microsoft.Management/managementGroups",
        "properties": properties,
    }


def test_a_management_group_is_above_the_one_subscription_only_while_no_other_place_is_known(tmp_path: Path) -> None:
    elsewhere = "/subscriptions/00000000-0000-0000-0000-000000000002"
    owner = assigned("p", OWNER, f"{ROOT_GROUPS}/mg")
    for groups, answer in (
        ([], "yes"),
        ([_group("mg", SUBSCRIPTION)], "yes"),
        ([_group("mg", elsewhere)], "maybe"),
        ([_group("other", SUBSCRIPTION)], "maybe"),
    ):
        _, records, _ = asked(tmp_path, [STORE, owner, *groups], "who-can", ASSIGN, "--on", "st")
        assert [record["answer"] for record in records] == [answer]


@pytest.mark.parametrize("kind", ["Group", "ForeignGroup", "DirectoryObjectOrGroup"])
def test_whatever_may_have_members_leaves_open_who_they_are(kind: str, tmp_path: Path) -> None:
    code, records, unknowns = asked(
        tmp_path, [STORE, assigned("g", BLOB_READER, kind=kind)], "who-can", BLOB, "--on", "st"
    )
    assert (code, records[0]["answer"]) == (2, "yes")
    assert unknowns == ["the members of group g are not known"]


@pytest.mark.parametrize(
    ("stated", "right"),
    [
        pytest.param({"allowSharedKeyAccess": False}, ["role assignment"], id="by a role on data"),
        pytest.param({"allowSharedKeyAccess": True}, ["account key", "role assignment"], id="by a key, too"),
    ],
)
def test_a_principal_that_azure_did_not_find_may_be_restored(stated: Body, right: list[str], tmp_path: Path) -> None:
    bodies = [
        {**STORE, "properties": stated},
        *(assigned("gone", role, kind="unknown") for role in (BLOB_READER, CONTRIBUTOR)),
    ]
    code, [record], _ = asked(tmp_path, bodies, "who-can", BLOB, "--on", "st")
    assert (code, record["answer"], record["doors"]) == (2, "maybe", right)
    assert "Azure did not find the principal" in record["reasons"][0]


@pytest.mark.parametrize(
    ("permissions", "right"),
    [
        pytest.param({"secrets": ["get", "list"]}, (0, ["yes"]), id="a list"),
        pytest.param({"secrets": "get list"}, (2, ["maybe"]), id="a list cut into a text"),
        pytest.param("@{secrets=System.Object[]}", (2, ["maybe"]), id="all of it cut"),
        pytest.param({"secrets": ["list"], "keys": "get"}, (0, []), id="what was cut is of another kind"),
    ],
)
def test_permissions_of_a_policy_that_were_cut_into_a_text_may_be_any(
    permissions: object, right: tuple[int, list[str]], tmp_path: Path
) -> None:
    policy = {"tenantId": "t", "objectId": "holder", "permissions": permissions}
    vault = resource("Microsoft.KeyVault/vaults", "kv", {"enableRbacAuthorization": False, "accessPolicies": [policy]})
    words = ("who-can", "Microsoft.KeyVault/vaults/secrets/getSecret/action", "--on", "kv")
    code, records, _ = asked(tmp_path, [vault], *words)
    assert (code, [record["answer"] for record in records]) == right


def judged(folder: Path, *bodies: Body, options: tuple[str, ...] = ()) -> Mapping[tuple[str, str], str]:
    """Return the status of each rule on each of the chat estate's resources, by name, with bodies put to it."""

    def change(estate: Bodies) -> None:
        for body in bodies:
            add(estate, body)

    listed = findings(change, folder, options=options)
    return {(one["rule_id"], str(one["resource_id"]).rpartition("/")[2]): one["status"] for one in listed}


GUEST = "eve_fabrikam.com#EXT#@contoso.com"


def _named(**principal: str) -> Body:
    return {"expandedProperties": {"principal": principal}}


@pytest.mark.parametrize(
    ("kind", "properties", "status"),
    [
        ("User", {"principalName": "ada@contoso.com"}, "pass"),
        ("User", {"principalName": GUEST}, "fail"),
        ("User", {"principalName": "Eve"}, "unknown"),
        ("User", {"principalName": ""}, "unknown"),
        ("User", {}, "unknown"),
        ("User", _named(displayName="Eve", email="eve@fabrikam.com"), "unknown"),
        ("User", _named(displayName="Eve", email=GUEST), "fail"),
        (None, {}, "unknown"),
        (None, {"principalName": GUEST}, "fail"),
        ("Group", {}, "pass"),
        ("ServicePrincipal", {}, "pass"),
    ],
)
def test_only_the_name_to_sign_in_with_tells_a_guest(kind: str, properties: Body, status: str, tmp_path: Path) -> None:
    reader = assignment("u1", definition("Reader")["id"], CHAT_GROUP, kind=kind, **properties)
    assert judged(tmp_path, reader)["access-no-guests", "a1"] == status


@pytest.mark.parametrize("listed", [{}, {"userAssignedIdentities": None}, {"userAssignedIdentities": {}}])
def test_a_resource_that_does_not_state_its_identities_has_some_all_the_same(listed: Body, tmp_path: Path) -> None:
    app = chat_by_id()[place("chat-ui")] | {"identity": {"type": "UserAssigned", **listed}}
    found = judged(tmp_path, app)
    assert found["access-managed-identities-used", app["name"]] == "pass"
    assert found["app-user-assigned-identity", app["name"]] == "unknown"
    assert found["app-identity-not-shared", app["name"]] == "unknown"
    assert found["access-app-and-gateway-works", app["name"]] == "unknown"


def test_an_identity_has_what_the_groups_have_that_it_is_known_to_be_in(tmp_path: Path) -> None:
    """Directly or through a group in the group, and no more than that: others in the group change nothing."""
    gateway = principal_of(chat_by_id(), "gateway")
    rule, side = ("access-workload-identity-not-privileged", "a1"), ("access-identity-on-one-side", "id-agw-chat01")
    for members, privileged, one_side in (
        ({"g1": [gateway, "u1"]}, "fail", "fail"),
        ({"g1": ["g2"], "g2": [gateway.upper()]}, "fail", "fail"),
        ({"g1": ["u1"]}, None, "pass"),
    ):
        held = assignment("G1", definition("Contributor")["id"], CHAT_GROUP, kind="Group")
        found = judged(tmp_path, held, options=("--set", f"group_members={json.dumps(members)}"))
        assert (found.get(rule), found[side]) == (privileged, one_side)


def test_what_the_table_gives_an_identity_it_may_have_through_a_group_of_its_own(tmp_path: Path) -> None:
    workspace = principal_of(chat_by_id(), "workspace")
    held = assignment("g1", definition("Contributor")["id"], CHAT_GROUP, kind="Group")
    for members, status in (([workspace], "pass"), ([workspace, "u1"], "fail")):
        found = judged(tmp_path, held, options=("--set", f"group_members={json.dumps({'g1': members})}"))
        assert found["access-workload-identity-not-privileged", "a1"] == status


FEW = "access-subscription-few-owners", CHAT_SUBSCRIPTION.rpartition("/")[2]


def test_owners_at_a_management_group_of_no_known_place_leave_their_number_open(tmp_path: Path) -> None:
    at = f"{ROOT_GROUPS}/mg"
    owners = [assignment(f"u{n}", definition("Owner")["id"], at, name=f"a{n}") for n in range(5)]
    other = resource("Microsoft.Storage/storageAccounts", "other", {}, "/subscriptions/0b/resourceGroups/x")
    assert judged(tmp_path, *owners)[FEW] == "fail"
    assert judged(tmp_path, *owners, other)[FEW] == "unknown"
    readers = [assignment(f"u{n}", definition("Reader")["id"], at, name=f"a{n}") for n in range(5)]
    assert judged(tmp_path, *readers, other)[FEW] == "pass"


def test_a_role_without_a_type_is_custom_where_it_cannot_be_assigned_at_the_root(tmp_path: Path) -> None:
    role = definition("Owner") | {"name": "99999999-0000-0000-0000-000000000001"}
    role["id"] = f"{role['id'].rpartition('/')[0]}/{role['name']}"
    for scope, status in ((CHAT_SUBSCRIPTION, "fail"), ("/", None)):
        for kind in (None, "", "AnotherRole"):
            role["properties"] = {**definition("Owner")["properties"], "type": kind, "assignableScopes": [scope]}
            assert judged(tmp_path, role).get(("access-custom-roles-cannot-grant", role["name"])) == status


def test_a_right_that_stands_shows_beside_one_that_was_activated() -> None:
    owner, administrator = definition("Owner")["id"], definition("User Access Administrator")["id"]
    activated = {
        "id": f"{CHAT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignmentScheduleInstances/i",
        "name": "i",
        "type": "Microsoft.Authorization/roleAssignmentScheduleInstances",
        "properties": {"assignmentType": "Activated"},
    }

    def standing(*held: Body) -> object:
        def change(bodies: Bodies) -> None:
            for body in (*held, activated):
                add(bodies, body)

        activated["properties"]["originRoleAssignmentId"] = held[0]["id"]
        (fact,) = of_kind(facts_after(change), "access.subscription")
        return fact.fields.get("standingHumans", fact.uncollected.get("standingHumans"))

    first = assignment("u1", owner, CHAT_SUBSCRIPTION, name="a1")
    assert standing(first) == []
    assert standing(first, assignment("u1", administrator, CHAT_SUBSCRIPTION, name="a2")) == ["u1"]
    unread = standing(first, assignment("u2", administrator, CHAT_SUBSCRIPTION, name="a2", kind=""))
    assert isinstance(unread, Gap)


def _unread(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "properties"}


@pytest.mark.parametrize(
    "body",
    [
        assigned("p", BLOB_READER, STORE["id"]),
        assigned("p", BLOB_READER, SUBSCRIPTION),
        assigned("p", BLOB_READER, f"{ROOT_GROUPS}/mg"),
        assigned("p", BLOB_READER, ""),
        denied(),
        *(delegated(SUBSCRIPTION, principalId="p", roleDefinitionId=BLOB_READER)[1:]),
    ],
    ids=lambda body: body["id"].rpartition("/providers/")[0] or "root",
)
def test_what_is_laid_on_a_scope_and_was_not_read_leaves_open_all_below_it(body: Body, tmp_path: Path) -> None:
    """What it is about lies beside it, in a management group even elsewhere, and the input is complete all the same."""
    code, records, unknowns = asked(tmp_path, [STORE, _unread(body)], "who-can", BLOB, "--on", "st")
    assert (code, records) == (2, [])
    assert len(unknowns) == 1


def test_whom_an_assignment_without_a_principal_is_for_is_not_known(tmp_path: Path) -> None:
    nameless = assigned("p", BLOB_READER)
    nameless["properties"]["principalId"] = None
    code, _, unknowns = asked(tmp_path, [STORE, nameless], "who-can", BLOB, "--on", "st")
    assert code == 2
    assert unknowns == [f"who holds {nameless['id']} was not read"]


def _schedule(kind: str, principal: str, **more: Any) -> Body:
    held = assigned(principal, BLOB_READER)["properties"]
    return resource(f"Microsoft.Authorization/{kind}", principal, {**held, **more})


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("roleAssignmentScheduleInstances", "active"),
        ("roleAssignmentSchedules", "active"),
        ("roleEligibilityScheduleInstances", "eligible"),
        ("roleEligibilitySchedules", "eligible"),
    ],
)
def test_a_schedule_is_a_door_where_nothing_else_shows_it(kind: str, state: str, tmp_path: Path) -> None:
    for status, is_door in (("Provisioned", True), ("Revoked", False)):
        bodies = [STORE, _schedule(kind, "p", status=status)]
        _, records, _ = asked(tmp_path, bodies, "who-can", BLOB, "--on", "st")
        assert [record["state"] for record in records] == ([state] if is_door else [])
    both = [STORE, _schedule(kind, "p"), assigned("p", BLOB_READER), _schedule("roleEligibilityScheduleInstances", "p")]
    _, records, _ = asked(tmp_path, both, "who-can", BLOB, "--on", "st")
    assert [(record["state"], len(record["assignments"])) for record in records] == [("active", 1), ("eligible", 1)]
