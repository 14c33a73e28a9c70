"""Derive the relations that monitoring, budgets and policy state: what they watch, and whom they notify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor import resource_id as ids
from auditor.azure import body
from auditor.estate.lookup import Lookup
from auditor.estate.network_relations import Reader
from auditor.model import Relation, Resource

ACTION_GROUPS: Final = "microsoft.insights/actiongroups"
ACTIVITY_ALERTS: Final = "microsoft.insights/activitylogalerts"
BUDGETS: Final = "microsoft.consumption/budgets"
COLLECTION_RULES: Final = "microsoft.insights/datacollectionrules"
COLLECTION_RULE_ASSOCIATIONS: Final = "microsoft.insights/datacollectionruleassociations"
METRIC_ALERTS: Final = "microsoft.insights/metricalerts"
DEFENDER_PLANS: Final = "microsoft.security/pricings"
ML_SCHEDULES: Final = "microsoft.machinelearningservices/workspaces/schedules"
POLICY_ASSIGNMENTS: Final = "microsoft.authorization/policyassignments"
QUERY_ALERTS: Final = "microsoft.insights/scheduledqueryrules"

_MANAGEMENT_GROUPS: Final = "/providers/microsoft.management/managementgroups/"


def _alert(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield what an alert watches and whom it notifies; Azure spells some scopes without the slash in front.

    Before 2021 alerts on logs stated both elsewhere: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-api-switch
    """
    properties = resource.properties
    for scope in (*body.texts(properties, "scopes"), *body.text_or_texts(properties, "source.dataSourceId")):
        yield Relation(resource.key, "watches", ids.key(f"/{scope.lstrip('/')}"))
    for path in ("actions", "actions.actionGroups", "action.aznsAction.actionGroup"):
        for group in _groups(properties, path):
            yield Relation(resource.key, "notifies", group)


def _groups(of: object, path: str) -> Iterator[str]:
    """Yield the keys of action groups in a list of ids, or of objects that hold one."""
    for entry in body.items(of, path):
        if group := body.reference(entry) or body.reference(entry, "actionGroupId"):
            yield group


def _budget(resource: Resource, _: Lookup) -> Iterator[Relation]:
    yield Relation(resource.key, "budgets", resource.key.rpartition("/providers/")[0])
    notifications = body.value(resource.properties, "notifications")
    for notification in notifications.values() if isinstance(notifications, Mapping) else ():
        for group in _groups(notification, "contactGroups"):
            yield Relation(resource.key, "notifies", group)


def _defender_plan(resource: Resource, _: Lookup) -> Iterator[Relation]:
    yield Relation(resource.key, "defends", resource.key.rpartition("/providers/")[0])


def _policy_assignment(resource: Resource, lookup: Lookup) -> Iterator[Relation]:
    """Yield the scope that an assignment governs; of a management group, the subscriptions known to lie below it.

    Where no subscription says what lies above it, an assignment to a management group is here because Azure lists it
    with the subscription that inherits it: it governs all that is here.
    """
    stated = body.text(resource.properties, "scope")
    scope = ids.key(stated) if stated else resource.key.rpartition("/providers/")[0]
    if not scope.startswith(_MANAGEMENT_GROUPS):
        yield Relation(resource.key, "governs", scope or "/")
    elif not lookup.subscriptions_below:
        yield Relation(resource.key, "governs", "/")
    else:
        for subscription in lookup.subscriptions_below.get(ids.name_of(scope), ()):
            yield Relation(resource.key, "governs", subscription)


def _collection_rule_association(resource: Resource, _: Lookup) -> Iterator[Relation]:
    machine = ids.parent_of(resource.key)
    if machine and (rule := body.reference(resource.properties, "dataCollectionRuleId")):
        yield Relation(machine, "collected-by", rule)


def _collection_rule(resource: Resource, _: Lookup) -> Iterator[Relation]:
    for workspace in body.references(resource.properties, "destinations.logAnalytics", "workspaceResourceId"):
        yield Relation(resource.key, "sends-to", workspace)


def _ml_schedule(resource: Resource, _: Lookup) -> Iterator[Relation]:
    """Yield the endpoint whose deployment a schedule monitors: `azureml:ENDPOINT:DEPLOYMENT`, or the deployment's id.

    https://learn.microsoft.com/azure/machine-learning/reference-yaml-monitor
    """
    target = body.text(resource.properties, "action.monitorDefinition.monitoringTarget.deploymentId") or ""
    workspace = ids.parent_of(resource.key)
    if ids.is_resource_id(target):
        endpoint = ids.parent_of(ids.key(target))
    else:
        name = target.lower().removeprefix("azureml:").partition(":")[0]
        endpoint = f"{workspace}/onlineendpoints/{name}" if name and workspace else None
    if endpoint:
        yield Relation(resource.key, "monitors", endpoint)


READERS: Final[Mapping[str, Reader]] = {
    ACTIVITY_ALERTS: _alert,
    BUDGETS: _budget,
    COLLECTION_RULES: _collection_rule,
    COLLECTION_RULE_ASSOCIATIONS: _collection_rule_association,
    DEFENDER_PLANS: _defender_plan,
    METRIC_ALERTS: _alert,
    ML_SCHEDULES: _ml_schedule,
    POLICY_ASSIGNMENTS: _policy_assignment,
    QUERY_ALERTS: _alert,
}
