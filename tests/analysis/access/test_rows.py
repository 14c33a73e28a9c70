"""The role table on the chat estate, and after single changes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.architecture.workloads import Binding, Workload, Workloads
from auditor.model import Gap
from tests.estates.access import (
    GROUP,
    ROOT_GROUP,
    SUBSCRIPTION,
    Bodies,
    add,
    analyse,
    assignments,
    chat_by_id,
    deny_assignment,
    estate_of,
    facts_after,
    find,
    of_kind,
    place,
    role_definition,
    rows,
    workloads_of,
)
from tests.estates.chat.identities import principal
from tests.estates.derived import Derived
from tests.estates.roles import definition

PULL = "online-endpoint on registry: AcrPull"
READ = "online-endpoint on workspace-storage: Storage Blob Data Reader"
PULL_ACTION = "Microsoft.ContainerRegistry/registries/pull/read"
GUID = "aaaaaaaa-0000-0000-0000-000000000001"


def unchanged(_: Bodies) -> None:
    """Leave the estate as it is."""


def pull(bodies: Bodies) -> dict[str, Any]:
    return find(bodies, "AcrPull", "online-endpoint", place("registry"))


def use_role(bodies: Bodies, definition: dict[str, Any]) -> None:
    add(bodies, definition)
    pull(bodies)["properties"]["roleDefinitionId"] = definition["id"]


def outcome(fact: Derived) -> tuple[Any, ...]:
    if "works" in fact.uncollected:
        return ("unknown",)
    return fact.fields["works"], fact.fields["how"], fact.fields["leastPrivilege"]


def changed_rows(facts: list[Derived]) -> dict[str, tuple[Any, ...]]:
    before = {name: outcome(fact) for name, fact in rows(facts_after(unchanged)).items()}
    after = {name: outcome(fact) for name, fact in rows(facts).items()}
    assert after.keys() == before.keys()
    return {name: found for name, found in after.items() if found != before[name]}


def unsanctioned(facts: list[Derived]) -> list[Derived]:
    return [fact for fact in assignments(facts).values() if fact.fields.get("sanctioned") is not True]


def test_all_rows_of_the_table_are_present_and_no_more_than_needed() -> None:
    facts = facts_after(unchanged)

    found = {name: outcome(fact) for name, fact in rows(facts).items()}

    article = {fact.fields["control"] for fact in of_kind(facts, "access.row")} - {"IAM-RBAC-014"}
    assert sorted(article) == [f"IAM-RBAC-{number:03}" for number in range(1, 11)]
    assert len(found) == 15
    assert set(found.values()) == {("present", "the role itself", "met")}
    assert unsanctioned(facts) == []


def test_broad_rows_of_the_table_are_advisory_with_what_they_allow() -> None:
    advised = {
        fact.fields["role"]: fact for fact in of_kind(facts_after(unchanged), "access.row") if "advisory" in fact.fields
    }

    assert sorted(advised) == ["Contributor", "Key Vault Administrator"]
    contributor, administrator = advised["Contributor"].fields, advised["Key Vault Administrator"].fields
    assert {"read-keys", "change-network", "change-logging", "write-everything"} <= set(contributor["allows"])
    assert "assign-roles" not in contributor["allows"]
    assert "Microsoft.CognitiveServices/accounts/listKeys/action" in contributor["allowsOperations"]
    assert "Microsoft.DocumentDB/databaseAccounts/listKeys/action" not in contributor["allowsOperations"]
    assert "gateway" in contributor["alsoReaches"]
    assert administrator["allows"] == ["read-secrets", "administer-vault-contents"]
    assert administrator["alsoReaches"] == ["app-vault"]


def move(scope: str) -> Callable[[Bodies], None]:
    def change(bodies: Bodies) -> None:
        pull(bodies)["properties"]["scope"] = scope

    return change


def move_to_known_group(bodies: Bodies) -> None:
    move(ROOT_GROUP)(bodies)
    add(bodies, {
        "id": SUBSCRIPTION,
        "type": "Microsoft.Resources/subscriptions",
        "properties": {"managementGroupAncestorsChain": [{"name": "platform", "displayName": "Platform"}]},
    })  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (move(GROUP), "resource group"),
        (move(SUBSCRIPTION.upper()), "subscription"),
        (move(ROOT_GROUP), "management group"),
        (move_to_known_group, "management group"),
        (move("/"), "root"),
    ],
)
def test_an_assignment_moved_upwards_works_but_is_wider_than_needed(
    change: Callable[[Bodies], None], kind: str
) -> None:
    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("present", "a wider scope", "exceeded")}
    assert rows(facts)[PULL].fields["grantedBy"][0]["scopeKind"] == kind
    (extra,) = unsanctioned(facts)
    assert extra.fields["scopeKind"] == kind
    assert extra.fields["excess"]["operation"] == PULL_ACTION
    assert extra.fields["isWorkloadIdentity"] is True


def test_an_assignment_at_a_management_group_elsewhere_gives_nothing() -> None:
    def change(bodies: Bodies) -> None:
        elsewhere = pull(bodies)
        move_to_known_group(bodies)
        elsewhere["properties"]["scope"] = "/providers/Microsoft.Management/managementGroups/other"

    assert changed_rows(facts_after(change)) == {PULL: ("missing", "no assignment", "not granted")}


def test_a_management_group_of_unknown_place_leaves_the_row_open_where_there_are_more_subscriptions() -> None:
    def change(bodies: Bodies) -> None:
        move(ROOT_GROUP)(bodies)
        add(bodies, {"id": "/subscriptions/other/resourceGroups/rg", "type": "Microsoft.Resources/resourceGroups"})

    assert changed_rows(facts_after(change)) == {PULL: ("unknown",)}


def test_a_custom_role_with_the_same_permissions_passes_with_the_proof() -> None:
    def change(bodies: Bodies) -> None:
        use_role(bodies, role_definition("Puller", [{"actions": ["microsoft.containerregistry/REGISTRIES/pull/read"]}]))

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("present", "an equivalent role", "met")}
    assert "every operation of AcrPull is permitted by Puller" in rows(facts)[PULL].fields["proof"]
    assert unsanctioned(facts) == []


def test_a_wider_role_works_and_the_excess_is_named() -> None:
    def change(bodies: Bodies) -> None:
        use_role(bodies, definition("AcrPush"))

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("present", "a stronger role", "exceeded")}
    push = "Microsoft.ContainerRegistry/registries/push/write"
    expected = {"plane": "control", "operation": push, "actions": [push]}
    assert rows(facts)[PULL].fields["excess"] == expected
    assert [fact.fields["excess"] for fact in unsanctioned(facts)] == [expected]


def test_a_custom_role_that_writes_authorization_in_its_second_block_is_caught() -> None:
    def change(bodies: Bodies) -> None:
        blocks = [{"actions": [PULL_ACTION]}, {"actions": ["Microsoft.Authorization/*/write"]}]
        use_role(bodies, role_definition("Harmless", blocks))

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("present", "a stronger role", "exceeded")}
    assert rows(facts)[PULL].fields["excess"]["actions"] == ["Microsoft.Authorization/*/write"]
    (extra,) = unsanctioned(facts)
    assert extra.fields["dangers"] == ["assign-roles", "define-roles", "change-guardrails"]
    assert extra.fields["escalates"] is True
    (role,) = of_kind(facts, "access.role")
    assert role.fields["escalates"] is True


def test_a_missing_pull_role_is_missing_with_what_to_create() -> None:
    def change(bodies: Bodies) -> None:
        del bodies[pull(bodies)["id"]]

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("missing", "no assignment", "not granted")}
    fields = rows(facts)[PULL].fields
    assert fields["lacking"] == {"plane": "control", "operation": PULL_ACTION}
    assert (rows(facts)[PULL].remedy or "").startswith(
        f"az role assignment create --assignee-object-id {principal('id-amlonlineendpoint')}"
    )
    assert unsanctioned(facts) == []


def test_a_group_in_place_of_the_identity_leaves_the_row_open() -> None:
    def change(bodies: Bodies) -> None:
        pull(bodies)["properties"] |= {"principalId": "99999999-0000-0000-0000-000000000001", "principalType": "Group"}

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("unknown",)}
    assert "members of group 99999999" in rows(facts)[PULL].uncollected["works"].reason
    assert [fact.fields["principalType"] for fact in unsanctioned(facts)] == ["Group"]


def test_a_group_whose_members_the_baseline_states_is_decided() -> None:
    group = "99999999-0000-0000-0000-000000000001"
    inner = "99999999-0000-0000-0000-000000000002"

    def change(bodies: Bodies) -> None:
        pull(bodies)["properties"] |= {"principalId": group, "principalType": "Group"}

    member = {"group_members": {group: [inner], inner: [principal("id-amlonlineendpoint").upper()]}}
    stranger = {"group_members": {group: ["someone"]}}
    assert changed_rows(facts_after(change, parameters=member)) == {}
    assert changed_rows(facts_after(change, parameters=stranger))[PULL][0] == "missing"


def test_a_deny_assignment_takes_the_permission_away() -> None:
    def change(bodies: Bodies) -> None:
        add(bodies, deny_assignment(place("registry"), {"actions": ["*/pull/read"]}))

    facts = facts_after(change)

    pulls = {name for name in rows(facts) if name.endswith(("AcrPull", "AcrPush"))}
    denied = "taken away by a deny assignment"
    assert changed_rows(facts) == dict.fromkeys(pulls, ("missing", denied, "not granted"))
    assert rows(facts)[PULL].fields["deniedBy"] == [
        f"{place('registry')}/providers/Microsoft.Authorization/denyAssignments/d1"
    ]


def test_a_deny_assignment_that_spares_the_identity_changes_nothing() -> None:
    def change(bodies: Bodies) -> None:
        everyone = [
            {"id": fact["properties"]["principalId"], "type": "ServicePrincipal"}
            for fact in bodies.values()
            if fact["type"].endswith("roleAssignments")
        ]
        add(bodies, deny_assignment(place("registry"), {"actions": ["*"]}, excludePrincipals=everyone))

    assert changed_rows(facts_after(change)) == {}


def test_a_condition_leaves_the_row_open_unless_it_spares_the_required_operations() -> None:
    def conditional(text: str) -> Callable[[Bodies], None]:
        def change(bodies: Bodies) -> None:
            body = find(bodies, "Storage Blob Data Reader", "online-endpoint", place("workspace-storage"))
            body["properties"]["condition"] = text

        return change

    limits = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'models'"
    spares = (
        f"(!(ActionMatches{{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'}})) OR ({limits})"
    )
    assert changed_rows(facts_after(conditional(limits))) == {READ: ("unknown",)}
    assert changed_rows(facts_after(conditional(spares))) == {}


def test_an_eligible_assignment_does_not_count_as_granted() -> None:
    def change(bodies: Bodies) -> None:
        body = bodies.pop(pull(bodies)["id"])
        body["type"] = "Microsoft.Authorization/roleEligibilityScheduleInstances"
        body["id"] = body["id"].replace("roleAssignments", "roleEligibilityScheduleInstances")
        add(bodies, body)

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("missing", "no assignment", "not granted")}
    assert len(rows(facts)[PULL].fields["eligible"]) == 1
    assert [f.fields["state"] for f in assignments(facts).values() if not f.fields["isStanding"]] == ["eligible"]


def test_a_removed_push_role_is_covered_by_contributor_on_the_group_which_is_more_than_needed() -> None:
    def change(bodies: Bodies) -> None:
        del bodies[find(bodies, "AcrPush", "workspace", place("registry"))["id"]]

    assert changed_rows(facts_after(change)) == {
        "workspace on registry: AcrPush": ("present", "a stronger role at a wider scope", "exceeded")
    }


def test_a_secret_of_its_own_satisfies_an_app_that_needs_the_vault() -> None:
    def change(bodies: Bodies) -> None:
        body = find(bodies, "Key Vault Secrets User", "gateway", place("app-vault"))
        body["properties"]["scope"] += "/secrets/gateway-public-cert"

    facts = facts_after(change)

    assert changed_rows(facts) == {
        "gateway on app-vault: Key Vault Secrets User": ("present", "a narrower scope", "met")
    }
    assert unsanctioned(facts) == []


def test_a_shared_vault_is_separated_once_its_readers_are_held_to_single_secrets() -> None:
    def change(bodies: Bodies) -> None:
        for component in ("gateway", "chat-ui"):
            body = find(bodies, "Key Vault Secrets User", component, place("app-vault"))
            body["properties"]["scope"] += f"/secrets/{component}"

    before, after = (of_kind(facts_after(c), "access.vault")[0].fields for c in (unchanged, change))
    assert (before["isShared"], before["isSeparated"], len(before["vaultWideReaders"])) == (True, False, 2)
    assert (after["isShared"], after["isSeparated"], after["vaultWideReaders"]) == (True, True, [])


def test_definitions_of_built_in_roles_that_were_not_read_change_nothing() -> None:
    def change(bodies: Bodies) -> None:
        for body in [body for body in bodies.values() if body["type"].endswith("roleDefinitions")]:
            del bodies[body["id"]]

    facts = facts_after(change)

    assert [(fact.id, fact.fields, fact.uncollected) for fact in facts] == [
        (fact.id, fact.fields, fact.uncollected) for fact in facts_after(unchanged)
    ]


def test_an_unknown_role_leaves_the_row_and_the_sanction_open() -> None:
    def change(bodies: Bodies) -> None:
        pull(bodies)["properties"]["roleDefinitionId"] = (
            f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{GUID}"
        )

    facts = facts_after(change)

    assert changed_rows(facts) == {PULL: ("unknown",)}
    assert ["sanctioned" in fact.uncollected for fact in unsanctioned(facts)] == [True]


def test_assignments_that_were_not_read_leave_a_missing_row_open() -> None:
    def change(bodies: Bodies) -> None:
        del bodies[pull(bodies)["id"]]

    gap = Gap(
        SUBSCRIPTION,
        "Microsoft.Authorization/roleAssignments",
        "forbidden",
        "Microsoft.Authorization/roleAssignments/read",
    )
    row = rows(facts_after(change, gaps=[gap]))[PULL]

    assert row.uncollected["works"] == gap


def test_denies_that_were_not_read_leave_present_rows_open() -> None:
    gap = Gap(
        SUBSCRIPTION,
        "Microsoft.Authorization/denyAssignments",
        "forbidden",
        "Microsoft.Authorization/denyAssignments/read",
    )

    found = rows(facts_after(unchanged, gaps=[gap]))

    assert {fact.uncollected["works"] for fact in found.values()} == {gap}


def test_the_order_and_case_of_the_input_do_not_matter() -> None:
    def shuffle(bodies: Bodies) -> None:
        for body_id in sorted(bodies, reverse=True):
            body = bodies.pop(body_id)
            if body["type"].endswith("roleAssignments"):
                body["properties"]["scope"] = body["properties"]["scope"].upper()
                body["properties"]["principalId"] = body["properties"]["principalId"].upper()
            bodies[body_id] = body

    assert changed_rows(facts_after(shuffle)) == {}


def test_a_registry_that_decides_per_repository_leaves_its_rows_open() -> None:
    def change(bodies: Bodies) -> None:
        bodies[place("registry")]["properties"]["roleAssignmentMode"] = "AbacRepositoryPermissions"

    changed = changed_rows(facts_after(change))

    assert set(changed.values()) == {("unknown",)}
    assert len(changed) == 4


def test_facts_have_ids_of_their_own_even_where_workloads_share_resources() -> None:
    bodies = chat_by_id()
    twin = place("registry").replace("rg-chat", "rg-other")
    bodies[twin] = bodies[place("registry")] | {"id": twin}
    estate = estate_of(bodies.values())
    (workload,) = workloads_of(estate).all
    registries = [Binding("registry", r, "structure") for r in estate.of_type("Microsoft.ContainerRegistry/registries")]
    one = Workload("one", workload.anchor, {**workload.bindings, "registry": registries}, givers=workload.givers)
    other = Workload("other", workload.anchor, workload.bindings)

    facts = analyse(estate, workloads=Workloads([one, other]))

    found = [fact for fact in of_kind(facts, "access.row") if fact.fields["scopeComponent"] == "registry"]
    assert len(found) == 8
    assert len({fact.id for fact in facts}) == len(facts)


def identities(facts: list[Derived]) -> dict[str, Derived]:
    return {fact.subject.rpartition("/")[2]: fact for fact in of_kind(facts, "access.identity")}


def test_an_identity_crosses_a_boundary_by_what_its_roles_permit_and_not_by_their_scope() -> None:
    def strengthen(bodies: Bodies) -> None:
        reader = definition("Reader")
        add(bodies, reader)
        pull(bodies)["properties"] |= {"roleDefinitionId": reader["id"], "scope": GROUP}

    narrow, wide = (identities(facts_after(change))["id-amlonlineendpoint"] for change in (move(GROUP), strengthen))
    assert (narrow.fields["crossesBoundary"], wide.fields["crossesBoundary"]) == (False, True)


def test_a_role_that_was_not_read_leaves_open_whether_its_identity_crosses_a_boundary_or_reads_data() -> None:
    def change(bodies: Bodies) -> None:
        unread = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{GUID}"
        pull(bodies)["properties"] |= {"roleDefinitionId": unread, "scope": GROUP}
        del bodies[find(bodies, "Storage Blob Data Reader", "online-endpoint", place("workspace-storage"))["id"]]

    fact = identities(facts_after(change))["id-amlonlineendpoint"]
    assert {"crossesBoundary", "crosses", "hasDataAccess"} <= set(fact.uncollected)


def test_a_role_that_is_too_wide_is_no_excess_for_certain_while_a_better_one_may_be_unlisted() -> None:
    gap = Gap(
        SUBSCRIPTION, "Microsoft.Authorization/roleAssignments", "cut: the next page is one that was already read"
    )

    row = rows(facts_after(move(GROUP), gaps=[gap]))[PULL]

    assert row.fields["works"] == "present"
    assert row.uncollected["leastPrivilege"] == gap
    assert row.uncollected["how"] == gap
