"""Inputs on which scanners in wide use answer wrongly; each test carries the id of the mistake."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.rbac.access_graph import read_access_graph
from auditor.rbac.assignments import Memberships
from auditor.rbac.permissions import Plane
from auditor.truth import Truth
from tests.estates.access import (
    GROUP,
    ROOT_GROUP,
    SUBSCRIPTION,
    Body,
    analyse,
    assignment,
    deny_assignment,
    estate_of,
    of_kind,
    role_definition,
)
from tests.estates.derived import Derived

NOBODY = Workloads()
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
OWNER_BLOCK = {"actions": ["*"]}
LIST_KEYS = "Microsoft.CognitiveServices/accounts/listKeys/action"


def facts(*bodies: Body, kind: str) -> list[Derived]:
    return of_kind(analyse(estate_of(bodies), workloads=NOBODY), kind)


def resource(resource_id: str, resource_type: str, **body: Any) -> Body:
    return {"id": resource_id, "type": resource_type, **body}


def may(bodies: list[Body], principal: str, operation: str, scope: str, **options: Any) -> Truth:
    return read_access_graph(estate_of(bodies), **options).grants.may(principal, Plane.CONTROL, operation, scope)


@pytest.mark.parametrize(
    "action", ["Microsoft.Authorization/*", "*/write", "microsoft.authorization/roleAssignments/write"]
)
def test_r1_a_custom_role_that_can_raise_itself_escalates(action: str) -> None:
    (fact,) = facts(role_definition("Helper", [{"actions": [action]}]), kind="access.role")
    assert fact.fields["escalates"] is True
    assert "assign-roles" in fact.fields["dangers"]


@pytest.mark.parametrize("scope", [GROUP, ACCOUNT])
def test_r2_strong_roles_on_groups_and_resources_are_seen(scope: str) -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    (fact,) = facts(role, assignment("u1", role["id"], scope), kind="access.assignment")
    assert fact.fields["escalates"] is True
    assert fact.fields["scope"] == scope


def test_r3_privileges_of_a_user_assigned_identity_and_through_a_group_are_evaluated() -> None:
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-f"
    site = resource(
        f"{GROUP}/providers/Microsoft.Web/sites/f",
        "Microsoft.Web/sites",
        identity={"type": "UserAssigned", "userAssignedIdentities": {identity.upper(): {"principalId": "p1"}}},
    )
    role = role_definition("Everything", [OWNER_BLOCK])
    direct = [site, role, assignment("p1", role["id"], SUBSCRIPTION, kind="ServicePrincipal")]
    grouped = [site, role, assignment("g1", role["id"], SUBSCRIPTION, kind="Group")]
    workload = Workload("w", estate_of([site]).resources[0], {})
    bound = Workload("w", workload.anchor, {"flow-app": [Binding("flow-app", workload.anchor, "structure")]})

    (fact,) = of_kind(analyse(estate_of(direct), workloads=Workloads([bound])), "access.assignment")

    assert (fact.fields["principalName"].lower(), fact.fields["components"]) == ("id-f", ["flow-app"])
    assert fact.fields["escalates"] is True
    assert may(direct, "p1", LIST_KEYS, ACCOUNT) is Truth.YES
    assert may(grouped, "p1", LIST_KEYS, ACCOUNT) is Truth.UNKNOWN
    member = Memberships({"p1": frozenset({"g1"})}, frozenset({"g1"}))
    assert may(grouped, "p1", LIST_KEYS, ACCOUNT, memberships=member) is Truth.YES


@pytest.mark.parametrize("action", ["*", "Microsoft.Authorization/*"])
def test_r4_the_second_block_of_permissions_counts(action: str) -> None:
    blocks = [{"actions": ["Microsoft.Compute/*/read"]}, {"actions": [action]}]
    (fact,) = facts(role_definition("Hidden", blocks), kind="access.role")
    assert fact.fields["escalates"] is True


def test_r5_a_wildcard_that_only_reads_is_no_danger() -> None:
    (fact,) = facts(role_definition("Looker", [{"actions": ["Microsoft.Compute/*/read"]}]), kind="access.role")
    assert fact.fields["dangers"] == []
    assert fact.fields["isUnlimited"] is False


def test_r6_a_group_whose_name_begins_alike_is_another_scope() -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    bodies = [role, assignment("u1", role["id"], f"{SUBSCRIPTION}/resourceGroups/rg1")]
    target = "{0}/resourceGroups/{1}/providers/Microsoft.CognitiveServices/accounts/a"
    assert may(bodies, "u1", LIST_KEYS, target.format(SUBSCRIPTION, "rg10")) is Truth.NO
    assert may(bodies, "u1", LIST_KEYS, target.format(SUBSCRIPTION, "RG1")) is Truth.YES


def test_r7_an_assignment_at_a_management_group_is_inherited() -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    chain = {"managementGroupAncestorsChain": [{"name": "platform"}, {"name": "tenant"}]}
    bodies = [
        role,
        assignment("u1", role["id"], ROOT_GROUP),
        assignment("u2", role["id"], "/providers/Microsoft.Management/managementGroups/elsewhere", name="a2"),
        resource(SUBSCRIPTION, "Microsoft.Resources/subscriptions", properties=chain),
    ]
    assert may(bodies, "u1", LIST_KEYS, ACCOUNT) is Truth.YES
    assert may(bodies, "u2", LIST_KEYS, ACCOUNT) is Truth.NO


def test_r8_an_assignment_on_a_resource_is_inherited_by_its_children() -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    bodies = [role, assignment("u1", role["id"], ACCOUNT)]
    assert (
        may(bodies, "u1", "Microsoft.CognitiveServices/accounts/deployments/write", f"{ACCOUNT}/deployments/gpt")
        is Truth.YES
    )
    assert may(bodies, "u1", LIST_KEYS, GROUP) is Truth.NO


@pytest.mark.parametrize("name", ["rg (prod)", "rg(prod)", "rg.+[a]*"])
def test_r9_names_are_text_and_not_expressions(name: str) -> None:
    group = f"{SUBSCRIPTION}/resourceGroups/{name}"
    role = role_definition("Everything", [OWNER_BLOCK])
    bodies = [role, assignment("u1", role["id"], group)]
    assert may(bodies, "u1", LIST_KEYS, f"{group}/providers/Microsoft.CognitiveServices/accounts/a") is Truth.YES


def test_r10_denies_conditions_and_eligibility_modify_the_answer() -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    given = assignment("u1", role["id"], SUBSCRIPTION)
    limited = assignment("u1", role["id"], SUBSCRIPTION, condition="@Resource[a:b] StringEquals 'c'")
    eligible = assignment("u1", role["id"], SUBSCRIPTION)
    eligible["type"] = "Microsoft.Authorization/roleEligibilityScheduleInstances"
    denied = deny_assignment(GROUP, {"actions": ["*"], "notActions": ["*/read"]})

    assert may([role, given], "u1", LIST_KEYS, ACCOUNT) is Truth.YES
    assert may([role, given, denied], "u1", LIST_KEYS, ACCOUNT) is Truth.NO
    assert may([role, limited], "u1", LIST_KEYS, ACCOUNT) is Truth.UNKNOWN
    assert may([role, eligible], "u1", LIST_KEYS, ACCOUNT) is Truth.NO
    (fact,) = facts(role, limited, kind="access.assignment")
    assert ("escalates" in fact.uncollected, "assign-roles" in fact.fields["possibleDangers"]) == (True, True)
    assert "the condition decides" in fact.uncollected["permits.assignRoles"].reason
    assert fact.fields["condition"] == "@Resource[a:b] StringEquals 'c'"
    (fact,) = facts(role, eligible, kind="access.assignment")
    assert (fact.fields["state"], fact.fields["isStanding"]) == ("eligible", False)


def test_r11_a_subscription_without_custom_roles_is_answered_explicitly() -> None:
    (fact,) = facts(resource(GROUP, "Microsoft.Resources/resourceGroups"), kind="access.subscription")
    assert (fact.fields["customRoleCount"], fact.fields["escalatingCustomRoles"]) == (0, [])
    assert not fact.uncollected


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        ("/", "root"),
        (ROOT_GROUP, "management group"),
        (SUBSCRIPTION, "subscription"),
        (GROUP, "resource group"),
        (ACCOUNT, "resource"),
        (f"{ACCOUNT}/deployments/gpt", "child resource"),
    ],
)
def test_r12_assignments_at_every_kind_of_scope_are_seen(scope: str, kind: str) -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    (fact,) = facts(role, assignment("u1", role["id"], scope), kind="access.assignment")
    assert fact.fields["scopeKind"] == kind
    assert fact.fields["excess"]["actions"] == ["*"]


@pytest.mark.parametrize("scopes", [[SUBSCRIPTION], [GROUP], ["/"], [ROOT_GROUP]])
def test_r13_an_unlimited_custom_role_is_found_wherever_it_can_be_assigned(scopes: list[str]) -> None:
    role = role_definition("Everything", [OWNER_BLOCK])
    role["properties"]["assignableScopes"] = scopes
    found = analyse(estate_of([role]), workloads=NOBODY)
    (fact,) = of_kind(found, "access.role")
    (subscription,) = of_kind(found, "access.subscription")
    assert fact.fields["isUnlimited"] is True
    assert subscription.fields["unlimitedCustomRoles"] == ["Everything"]


SEARCH = f"{GROUP}/providers/Microsoft.Search/searchServices/s"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w"
IDENTITY = {f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i": {"principalId": "p"}}


@pytest.mark.parametrize(
    ("resource_id", "identity", "expected"),
    [
        pytest.param(
            SEARCH, {"type": "UserAssigned", "userAssignedIdentities": IDENTITY}, (True, True), id="r14-search"
        ),
        pytest.param(ACCOUNT, {"type": "None"}, (False, False), id="r14-none"),
        pytest.param(ACCOUNT, None, (False, False), id="r14-absent"),
        pytest.param(SEARCH, {"type": "userassigned", "userAssignedIdentities": IDENTITY}, (True, True), id="r15"),
        pytest.param(
            WORKSPACE,
            {"type": "SystemAssigned, UserAssigned", "principalId": "s", "userAssignedIdentities": IDENTITY},
            (True, True),
            id="r16-both",
        ),
        pytest.param(
            WORKSPACE,
            {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": IDENTITY},
            (True, True),
            id="r16-comma",
        ),
        pytest.param(WORKSPACE, {"type": "SystemAssigned", "principalId": "s"}, (True, False), id="r16-system"),
    ],
)
def test_r14_r15_r16_any_kind_of_managed_identity_is_one(
    resource_id: str, identity: object, expected: tuple[bool, bool]
) -> None:
    kind = "/".join(resource_id.split("/")[6:8])
    (fact,) = facts(resource(resource_id, kind, identity=identity), kind="access.managed_identity")
    assert (fact.fields["hasManagedIdentity"], fact.fields["hasUserAssigned"]) == expected
