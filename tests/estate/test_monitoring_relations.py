"""What alerts, budgets, policies and schedules say of other resources, in the shapes of ARM."""

from __future__ import annotations

from typing import Any

import pytest

from tests.estates.graph import estate_of

GROUP = "/subscriptions/1/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
ACTIONS = f"{GROUP}/providers/Microsoft.Insights/actionGroups/ag"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/Chat"


def body(resource_id: str, **properties: Any) -> dict[str, Any]:
    return {"id": resource_id, "name": resource_id.rpartition("/")[2], "properties": properties}


def related(start: str, name: str, *bodies: dict[str, Any]) -> list[str]:
    estate = estate_of([body(start), *(one for one in bodies if one["id"] != start)])
    return [resource.name for resource in estate.related(start, name)]


@pytest.mark.parametrize(
    ("kind", "scope", "actions"),
    [
        ("metricAlerts", VAULT, [{"actionGroupId": ACTIONS.lower(), "webHookProperties": {}}]),
        ("metricAlerts", "/subscriptions/1", [{"actionGroupId": ACTIONS}]),
        ("scheduledQueryRules", GROUP.upper(), {"actionGroups": [ACTIONS]}),
        ("activityLogAlerts", "subscriptions/1", {"actionGroups": [{"actionGroupId": ACTIONS}]}),
    ],
)
def test_an_alert_watches_its_scopes_and_all_in_them_and_notifies_its_groups(
    kind: str, scope: str, actions: object
) -> None:
    alert = body(f"{GROUP}/providers/Microsoft.Insights/{kind}/alert", scopes=[scope], actions=actions)

    assert related(VAULT, "alert", alert) == ["alert"]
    assert related(alert["id"], "actionGroup", body(ACTIONS)) == []
    assert [one.name for one in estate_of([alert, body(ACTIONS)]).related(alert["id"], "actionGroup")] == ["ag"]


def test_an_old_alert_on_logs_states_its_scope_and_its_groups_elsewhere() -> None:
    old = body(
        f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules/old",
        source={"dataSourceId": VAULT},
        action={"aznsAction": {"actionGroup": [ACTIONS]}},
    )

    assert related(VAULT, "alert", old) == ["old"]
    assert [one.name for one in estate_of([old, body(ACTIONS)]).related(old["id"], "actionGroup")] == ["ag"]


@pytest.mark.parametrize("scope", [f"{GROUP}-2", "/subscriptions/2", f"{VAULT}2", f"{VAULT}/keys/k"])
def test_an_alert_on_another_scope_does_not_watch_a_resource(scope: str) -> None:
    assert related(VAULT, "alert", body(f"{GROUP}/providers/Microsoft.Insights/metricAlerts/a", scopes=[scope])) == []


def test_a_budget_counts_for_its_group_and_notifies_action_groups() -> None:
    notices = {"one": {"contactGroups": [ACTIONS]}, "two": {"contactEmails": ["a@contoso.com"]}, "odd": None}
    below = body(f"{GROUP}/providers/Microsoft.Consumption/budgets/group", notifications=notices)
    above = body("/subscriptions/1/providers/Microsoft.Consumption/budgets/subscription", notifications="odd")
    elsewhere = body("/subscriptions/2/providers/Microsoft.Consumption/budgets/other")

    assert related(GROUP, "budget", below, above, elsewhere) == ["group", "subscription"]
    assert [one.name for one in estate_of([below, body(ACTIONS)]).related(below["id"], "actionGroup")] == ["ag"]


def test_a_policy_governs_what_lies_in_its_scope() -> None:
    path = "providers/Microsoft.Authorization/policyAssignments"
    own = body(f"{GROUP}/{path}/own", scope=GROUP)
    subscription = body(f"/subscriptions/1/{path}/subscription")
    elsewhere = body(f"/subscriptions/2/{path}/other", scope="/subscriptions/2")

    assert related(GROUP, "policyAssignment", own, subscription, elsewhere) == ["own", "subscription"]


@pytest.mark.parametrize(
    ("chain", "found"),
    [([], ["inherited"]), ([{"name": "Platform"}, {"name": "root"}], ["inherited"]), ([{"name": "sandbox"}], [])],
)
def test_a_policy_of_a_management_group_governs_the_subscriptions_below(
    chain: list[dict[str, str]], found: list[str]
) -> None:
    scope = "/providers/Microsoft.Management/managementGroups/platform"
    assignment = body(f"{scope}/providers/Microsoft.Authorization/policyAssignments/inherited", scope=scope)
    subscription = {
        **body("/subscriptions/1", managementGroupAncestorsChain=chain),
        "type": "Microsoft.Resources/subscriptions",
    }

    assert related(GROUP, "policyAssignment", assignment, subscription) == found


def test_a_defender_plan_counts_for_its_subscription() -> None:
    plan = body("/subscriptions/1/providers/Microsoft.Security/pricings/AppServices", pricingTier="Standard")

    assert related(f"{GROUP}/providers/Microsoft.Web/serverfarms/p", "defenderPlan", plan) == ["AppServices"]


def test_a_machine_is_collected_by_the_rules_that_it_is_associated_with() -> None:
    machine = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
    rule = f"{GROUP}/providers/Microsoft.Insights/dataCollectionRules/dcr"
    log = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log"
    association = body(
        f"{machine}/providers/Microsoft.Insights/dataCollectionRuleAssociations/one", dataCollectionRuleId=rule.lower()
    )
    collected = body(rule, destinations={"logAnalytics": [{"workspaceResourceId": log}, {"name": "odd"}]})

    assert related(machine, "dataCollectionRule", association, collected) == ["dcr"]
    assert [one.name for one in estate_of([collected, body(log)]).related(rule, "logAnalytics")] == ["log"]


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("azureml:chat:blue", ["monitor"]),
        (f"{ENDPOINT}/deployments/blue", ["monitor"]),
        ("azureml:other:blue", []),
        (None, []),
        (7, []),
    ],
)
def test_a_schedule_monitors_the_endpoint_of_its_deployment(target: object, found: list[str]) -> None:
    action = {"actionType": "CreateMonitor", "monitorDefinition": {"monitoringTarget": {"deploymentId": target}}}

    assert related(ENDPOINT, "monitorSchedule", body(f"{WORKSPACE}/schedules/monitor", action=action)) == found
