"""Name the types of monitoring and policy that code is about."""

from __future__ import annotations

from typing import Final

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
