"""Repairs of what watches over the estate: alerts, budget, locks, policies."""

from __future__ import annotations

from tests.estates.arm import GROUP, SUBSCRIPTION, Body, path, resource
from tests.estates.draft import Draft
from tests.estates.repaired.edit import Edit
from tests.estates.repaired.services import ACCOUNTS, ENDPOINT, VAULT

WATCHED = {
    "accounts/oai-chat01": "SuccessRate",
    ENDPOINT: "RequestLatency",
    "sites/app-chat01": "Http5xx",
    "sites/app-chat01-pf": "Http5xx",
    "applicationGateways/agw-chat01": "UnhealthyHostCount",
    VAULT: "Availability",
    **{f"storageAccounts/{account}": "Availability" for account in ACCOUNTS},
}
"""The key resources that an alert watches, and the metric."""
KEY_POLICIES = {
    "storage-keys": "044985bb-afe1-42cd-8a36-9d5d42424537",
    "secrets": "98728c90-32c7-4049-8429-847dc0f4fe37",
}
"""Azure's own definitions that watch the age of keys and of secrets."""


def alert(name: str, scope: str, metric: str) -> tuple[Body, Body]:
    """Return an alert on a metric, and the group that it notifies."""
    receivers = [{"name": "owners", "emailAddress": "owners@contoso.com", "status": "Enabled"}]
    group = resource(
        "Microsoft.Insights/actionGroups",
        f"ag-{name}",
        location="Global",
        properties={"groupShortName": "owners", "enabled": True, "emailReceivers": receivers},
    )
    condition = {"name": metric, "metricName": metric, "operator": "GreaterThan", "threshold": 1}
    return group, resource(
        "Microsoft.Insights/metricAlerts",
        f"alert-{name}",
        location="global",
        properties={
            "enabled": True,
            "severity": 2,
            "scopes": [scope],
            "criteria": {"allOf": [condition]},
            "actions": [{"actionGroupId": group["id"]}],
        },
    )


def _alerts(draft: Draft) -> None:
    for end, metric in WATCHED.items():
        draft.add(*alert(end.rpartition("/")[2], draft[end]["id"], metric))


def _usage_alert(draft: Draft) -> None:
    draft.add(*alert("tokens", draft["accounts/oai-chat01"]["id"], "TokenTransaction"))


def _search_alert(draft: Draft) -> None:
    """Watch all services of the group, so that the alert stands without one."""
    group, watching = alert("search", GROUP, "SearchLatency")
    watching["properties"]["targetResourceType"] = "Microsoft.Search/searchServices"
    draft.add(group, watching)


def _budget(draft: Draft) -> None:
    notice = {"enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["owners@contoso.com"]}
    budget = {"amount": 5000, "timeGrain": "Monthly", "category": "Cost", "notifications": {"actual80": notice}}
    draft.add(resource("Microsoft.Consumption/budgets", "monthly", location=None, properties=budget))


def _lock(draft: Draft) -> None:
    draft.add(resource("Microsoft.Authorization/locks", "keep", location=None, properties={"level": "CanNotDelete"}))


def _policies(draft: Draft) -> None:
    for name, definition in KEY_POLICIES.items():
        target = path("Microsoft.Authorization/policyDefinitions", definition, below="")
        properties = {
            "policyDefinitionId": target,
            "scope": SUBSCRIPTION,
            "enforcementMode": "Default",
            "notScopes": [],
        }
        kind = "Microsoft.Authorization/policyAssignments"
        draft.add(resource(kind, name, below=SUBSCRIPTION, location=None, properties=properties))


EDITS = (
    Edit("key resources have alerts", ("MON-ALERT-001",), _alerts),
    Edit("an alert watches the use of the model", ("AOAI-MON-001",), _usage_alert),
    # the same alert is the one on a key resource, and the one on the load of AI Search
    Edit("an alert watches the load of AI Search", ("MON-ALERT-001", "SRCH-REL-002"), _search_alert),
    Edit("a budget tells what it costs", ("COST-BUD-001",), _budget),
    Edit("nobody deletes by mistake", ("OPS-LOCK-001",), _lock),
    # the policies that watch keys are also all that governs the group
    Edit("policies watch keys and secrets", ("GOV-POL-001", "KEY-ROT-004"), _policies),
)
