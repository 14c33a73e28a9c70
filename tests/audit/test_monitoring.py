"""Logs, alerts and budgets through the front door: an export in, findings out."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.model import Finding, Status
from tests.audit.judging import judged
from tests.estates.chat import chat_document

_KEPT = {
    "openai-logs-kept": "MON-DIAG-002",
    "ml-workspace-audit-logs-kept": "MON-DIAG-003",
    "ml-endpoint-logs-kept": "MON-DIAG-004",
    "app-logs-kept": "MON-DIAG-005",
    "keyvault-logs-kept": "MON-DIAG-006",
    "registry-logs-kept": "MON-DIAG-007",
    "storage-logs-kept": "MON-DIAG-008",
    "gateway-logs-kept": "MON-DIAG-009",
    "bastion-logs-kept": "MON-DIAG-010",
}
SETTINGS = "Microsoft.Insights/diagnosticSettings"
GROUP = "/subscriptions/1/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
ACTIONS = f"{GROUP}/providers/Microsoft.Insights/actionGroups/ag"


def without_settings(**more: Any) -> dict[str, Any]:
    document = chat_document()
    left = [one for one in document["resources"] if one["type"].lower() != SETTINGS.lower()]
    return {**document, "resources": left, **more}


def of_rules(findings: list[Finding] | Any) -> dict[str, set[Status]]:
    found: dict[str, set[Status]] = {}
    for one in findings:
        found.setdefault(one.rule_id, set()).add(one.status)
    return found


def test_settings_keep_what_the_architecture_asks_for() -> None:
    assert of_rules(judged(chat_document(), *_KEPT).findings) == {rule: {Status.PASS} for rule in _KEPT}


@pytest.mark.parametrize(("complete", "status"), [(True, Status.FAIL), (False, Status.UNKNOWN)])
def test_without_settings_everything_fails_where_that_is_the_whole_truth(*, complete: bool, status: Status) -> None:
    findings = judged(without_settings(), *_KEPT, complete=complete).findings

    assert of_rules(findings) == {rule: {status} for rule in _KEPT}
    for one in findings:
        assert one.controls["openai-chat"] == [_KEPT[one.rule_id]]
        assert one.resource_id, "filed at the resource"


def test_settings_that_could_not_be_read_are_unknown_at_their_resource_alone() -> None:
    vault = next(one for one in chat_document()["resources"] if one["type"] == "Microsoft.KeyVault/vaults")
    gap = {"scope": vault["id"], "what": SETTINGS, "reason": "403", "permission": f"{SETTINGS}/read"}

    findings = judged(without_settings(gaps=[gap]), *_KEPT).findings

    (unread,) = [one for one in findings if one.status is Status.UNKNOWN]
    assert (unread.resource_id, unread.missing_permission) == (vault["id"], f"{SETTINGS}/read")
    assert of_rules(findings)["openai-logs-kept"] == {Status.FAIL}


def alert(scope: str, **more: Any) -> dict[str, Any]:
    properties = {"enabled": True, "scopes": [scope], "actions": [{"actionGroupId": ACTIONS}], **more}
    return {"id": f"{GROUP}/providers/Microsoft.Insights/metricAlerts/alert", "properties": properties}


@pytest.mark.parametrize(
    ("watching", "status"),
    [
        (alert(VAULT), Status.PASS),
        (alert("/subscriptions/1", targetResourceType="Microsoft.KeyVault/vaults"), Status.PASS),
        (alert("/subscriptions/2", targetResourceType="Microsoft.KeyVault/vaults"), Status.FAIL),
        (alert(f"{VAULT}-2"), Status.FAIL),
        (alert(VAULT, enabled=False), Status.FAIL),
        (alert(VAULT, actions=[{"actionGroupId": f"{ACTIONS}-gone"}]), Status.FAIL),
    ],
)
def test_an_alert_counts_where_it_watches_the_resource_and_notifies_a_group(
    watching: dict[str, Any], status: Status
) -> None:
    receivers = [{"name": "owners", "status": "Enabled"}]
    actions = {"id": ACTIONS, "properties": {"enabled": True, "emailReceivers": receivers}}
    resources = [{"id": VAULT, "properties": {}}, watching, actions]

    (found,) = judged({"resources": resources}, "monitor-alert-on-key-resource").findings

    assert found.status is status


def test_a_group_that_nobody_read_leaves_it_open_whether_the_alert_notifies() -> None:
    elsewhere = alert(VAULT, actions=[{"actionGroupId": ACTIONS.replace("/subscriptions/1", "/subscriptions/9")}])

    (found,) = judged(
        {"resources": [{"id": VAULT, "properties": {}}, elsewhere]}, "monitor-alert-on-key-resource", complete=False
    ).findings

    assert found.status is Status.UNKNOWN


@pytest.mark.parametrize(("values", "status"), [(["rg"], Status.PASS), (["rg-2"], Status.FAIL)])
def test_a_budget_of_the_subscription_counts_for_the_groups_that_it_counts(values: list[str], status: Status) -> None:
    budget = {
        "id": "/subscriptions/1/providers/Microsoft.Consumption/budgets/b",
        "properties": {
            "filter": {"dimensions": {"name": "ResourceGroupName", "operator": "In", "values": values}},
            "notifications": {"actual80": {"enabled": True, "threshold": 80, "contactEmails": ["a@contoso.com"]}},
        },
    }
    group = {"id": GROUP, "name": "rg", "type": "Microsoft.Resources/resourceGroups", "properties": {}}

    (found,) = judged({"resources": [group, budget]}, "resource-group-budget-alerts").findings

    assert found.status is status
