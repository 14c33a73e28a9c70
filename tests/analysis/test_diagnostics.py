"""Which logs diagnostic settings keep, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.analysis.contract import Context
from auditor.analysis.diagnostics import ANALYSIS
from auditor.errors import ContentError
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

GROUP = "/subscriptions/1/resourceGroups/rg/providers"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/kv"
SITE = f"{GROUP}/Microsoft.Web/sites/app"
WORKSPACE = f"{GROUP}/Microsoft.OperationalInsights/workspaces/log"
STORAGE = f"{GROUP}/Microsoft.Storage/storageAccounts/st"
SETTINGS = "Microsoft.Insights/diagnosticSettings"
APP_LOGS = ("AppServiceHTTPLogs", "AppServiceConsoleLogs", "AppServiceAppLogs", "AppServicePlatformLogs")


def resource(resource_id: str, **more: Any) -> Body:
    return {"id": resource_id, "name": resource_id.rpartition("/")[2], "properties": {}, **more}


def group(name: str, *, enabled: Any = True) -> Body:
    return {
        "categoryGroup": name,
        "category": None,
        "enabled": enabled,
        "retentionPolicy": {"enabled": False, "days": 0},
    }


def category(name: str, *, enabled: Any = True) -> Body:
    return {"category": name, "enabled": enabled}


def setting(owner: str, *logs: Body, name: str = "any", **properties: Any) -> Body:
    sent = properties or {"workspaceId": WORKSPACE}
    return resource(f"{owner}/providers/{SETTINGS}/{name}", properties={"logs": list(logs), **sent})


def answered(owner: str, name: str, *groups: str, kind: str = "Logs") -> Body:
    return resource(
        f"{owner}/providers/Microsoft.Insights/diagnosticSettingsCategories/{name}",
        properties={"categoryType": kind, "categoryGroups": list(groups)},
    )


@pytest.fixture
def judge(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the fact about one resource of an estate that has a Log Analytics workspace."""

    def run(owner: Body | str, *others: Body, **options: Any) -> Derived:
        first = owner if isinstance(owner, dict) else resource(owner)
        context = make([first, resource(WORKSPACE), *others], **options)
        found = [one for one in facts_of(ANALYSIS, context, "diagnostics.resource") if WORKSPACE not in one.id]
        return next(one for one in found if first["id"].lower() in one.id)

    return run


@pytest.mark.parametrize(
    ("owner", "logs", "missing"),
    [
        (VAULT, [group("allLogs")], []),
        (VAULT, [group("ALLLOGS", enabled="True")], []),
        (VAULT, [category("AuditEvent"), category("AzurePolicyEvaluationDetails")], []),
        (VAULT, [category("auditevent")], ["AzurePolicyEvaluationDetails"]),
        (VAULT, [group("audit")], ["AzurePolicyEvaluationDetails"]),
        (VAULT, [group("audit"), category("AzurePolicyEvaluationDetails")], []),
        (VAULT, [group("allLogs", enabled=False)], ["AuditEvent", "AzurePolicyEvaluationDetails"]),
        (VAULT, [], ["AuditEvent", "AzurePolicyEvaluationDetails"]),
        (SITE, [category(name) for name in APP_LOGS], []),
        (SITE, [group("allLogs")], []),
        (SITE, [category(name) for name in APP_LOGS[:3]], ["AppServicePlatformLogs"]),
        (f"{SITE}/slots/stage", [category(name) for name in APP_LOGS[1:]], ["AppServiceHTTPLogs"]),
        (f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ml", [group("audit")], []),
        (f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ml", [group("allLogs")], []),
        (f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ml", [], ["audit logs"]),
    ],
)
def test_what_is_left_out_follows_from_all_that_is_enabled(
    judge: Callable[..., Derived], owner: str, logs: list[Body], missing: list[str]
) -> None:
    assert judge(owner, setting(owner, *logs)).fields["missing"] == missing


@given(
    kept=st.lists(st.sets(st.sampled_from(APP_LOGS)), max_size=5),
    enabled=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_settings_add_up_as_sets_do(make: Make, facts_of: FactsOf, kept: list[set[str]], enabled: list[bool]) -> None:
    settings = [
        setting(SITE, *(category(name, enabled=is_on) for name in sorted(names)), name=f"s{number}")
        for number, (names, is_on) in enumerate(zip(kept, enabled, strict=False))
    ]
    facts = facts_of(ANALYSIS, make([resource(SITE), resource(WORKSPACE), *settings]), "diagnostics.resource")
    (fact,) = [one for one in facts if SITE.lower() in one.id]

    union = {name for names, is_on in zip(kept, enabled, strict=False) if is_on for name in names}
    assert fact.fields["missing"] == [name for name in APP_LOGS if name not in union]
    assert fact.fields["settingCount"] == sum(
        is_on and bool(names) for names, is_on in zip(kept, enabled, strict=False)
    )


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        ({"workspaceId": WORKSPACE.upper()}, 1),
        ({"storageAccountId": STORAGE}, 1),
        ({"eventHubAuthorizationRuleId": f"{GROUP}/Microsoft.EventHub/namespaces/hub/authorizationRules/send"}, 1),
        ({"workspaceId": f"{WORKSPACE}-gone"}, 0),
        ({"workspaceId": f"{WORKSPACE}-gone", "storageAccountId": STORAGE}, 1),
        ({"workspaceId": None, "eventHubName": "logs"}, 0),
    ],
)
def test_a_setting_counts_where_a_destination_exists(judge: Callable[..., Derived], sent: Body, count: int) -> None:
    places = [resource(STORAGE, kind="StorageV2"), resource(f"{GROUP}/Microsoft.EventHub/namespaces/hub")]

    fact = judge(VAULT, setting(VAULT, group("allLogs"), **sent), *places)

    assert fact.fields["settingCount"] == count
    assert bool(fact.fields["missing"]) is (count == 0)


def test_a_destination_that_does_not_exist_is_named(judge: Callable[..., Derived]) -> None:
    fact = judge(VAULT, setting(VAULT, group("allLogs"), workspaceId=f"{WORKSPACE}-gone"))

    assert fact.fields["deadDestinations"] == [f"{WORKSPACE}-gone".lower()]
    assert fact.summary == "No diagnostic setting keeps logs of kv; a setting sends to log-gone, which does not exist."


def test_a_destination_outside_of_what_was_read_leaves_it_open(judge: Callable[..., Derived]) -> None:
    elsewhere = WORKSPACE.replace("/subscriptions/1", "/subscriptions/2")
    fact = judge(VAULT, setting(VAULT, group("allLogs"), workspaceId=elsewhere), complete=False)

    assert {"missing", "missingCount", "settingCount", "kept"} == set(fact.uncollected)


def test_a_destination_that_may_exist_does_not_hide_what_is_left_out_anyway(judge: Callable[..., Derived]) -> None:
    gap = Gap("/subscriptions/1", "Microsoft.OperationalInsights/workspaces", "403")
    doubtful = setting(VAULT, category("AuditEvent"), workspaceId=f"{WORKSPACE}-2")

    assert judge(VAULT, doubtful, gaps=[gap]).fields["missing"] == ["AzurePolicyEvaluationDetails"]


def test_settings_that_could_not_be_read_leave_it_open_at_the_resource(judge: Callable[..., Derived]) -> None:
    gap = Gap(VAULT, SETTINGS, "403", f"{SETTINGS}/read")

    assert judge(VAULT, gaps=[gap]).uncollected["missing"] == gap


def test_a_setting_that_keeps_everything_needs_no_other(judge: Callable[..., Derived]) -> None:
    assert judge(VAULT, setting(VAULT, group("allLogs")), complete=False).fields["missing"] == []


def test_an_open_export_may_hold_more_settings_than_it_shows(judge: Callable[..., Derived]) -> None:
    assert "missing" in judge(VAULT, setting(VAULT, group("audit")), complete=False).uncollected


def test_azures_own_answer_on_categories_counts_before_what_is_known_of_the_type(judge: Callable[..., Derived]) -> None:
    kinds = [answered(VAULT, "AuditEvent", "audit", "allLogs"), answered(VAULT, "NewEvent", "allLogs")]
    named = [category("AuditEvent"), category("AzurePolicyEvaluationDetails")]

    assert judge(VAULT, setting(VAULT, *named), *kinds).fields["missing"] == ["NewEvent"]


def test_an_answer_counts_for_every_resource_of_its_kind_and_tier(judge: Callable[..., Derived]) -> None:
    registry = f"{GROUP}/Microsoft.ContainerRegistry/registries"
    first = resource(f"{registry}/first", sku={"name": "Premium"})
    like = resource(f"{registry}/like", sku={"name": "premium"})
    kinds = [answered(like["id"], "One", "audit", "allLogs"), answered(like["id"], "AllMetrics", kind="Metrics")]

    assert judge(first, like, *kinds, setting(first["id"], group("audit"))).fields["missing"] == []


def test_a_group_of_which_nobody_knows_what_it_holds_proves_nothing(judge: Callable[..., Derived]) -> None:
    assert "missing" in judge(SITE, setting(SITE, group("audit"))).uncollected


@pytest.mark.parametrize(("tier", "missing"), [("WAF_v2", []), ("WAF", ["ApplicationGatewayPerformanceLog"])])
def test_only_gateways_of_the_first_version_have_a_performance_log(
    judge: Callable[..., Derived], tier: str, missing: list[str]
) -> None:
    gateway = resource(f"{GROUP}/Microsoft.Network/applicationGateways/agw", properties={"sku": {"tier": tier}})
    named = [category("ApplicationGatewayAccessLog"), category("ApplicationGatewayFirewallLog")]

    assert judge(gateway, setting(gateway["id"], *named)).fields["missing"] == missing


def test_storage_is_judged_by_its_services_in_use(make: Make, facts_of: FactsOf) -> None:
    account = resource(STORAGE, kind="StorageV2")
    blobs = resource(f"{STORAGE}/blobServices/default")
    endpoint = resource(
        f"{GROUP}/Microsoft.Network/privateEndpoints/pep",
        properties={
            "privateLinkServiceConnections": [{"properties": {"privateLinkServiceId": STORAGE, "groupIds": ["Queue"]}}]
        },
    )
    queues = resource(f"{STORAGE}/queueServices/default")

    facts = facts_of(ANALYSIS, make([account, blobs, queues, endpoint]), "diagnostics.resource")

    assert {one.id.partition(":")[2]: one.fields["missing"] for one in facts} == {
        f"{STORAGE}/blobServices/default".lower(): ["StorageRead", "StorageWrite", "StorageDelete"],
        f"{STORAGE}/queueServices/default".lower(): ["StorageRead", "StorageWrite", "StorageDelete"],
    }


def test_files_of_the_workspace_account_count_without_a_sign_of_use(make: Make, facts_of: FactsOf) -> None:
    services = [resource(f"{STORAGE}/{name}Services/default") for name in ("blob", "file", "queue", "table")]
    bodies = [resource(STORAGE, kind="StorageV2"), *services]

    facts = facts_of(ANALYSIS, make(bodies, roles={"workspace-storage": [STORAGE]}), "diagnostics.resource")

    assert [one.id.rpartition("/")[0].rpartition("/")[2] for one in facts] == ["blobservices", "fileservices"]


def test_a_service_that_was_not_read_is_not_judged_by_what_lies_on_it(make: Make, facts_of: FactsOf) -> None:
    kept = setting(f"{STORAGE}/blobServices/default", group("allLogs"))
    bodies = [resource(STORAGE, kind="StorageV2"), resource(WORKSPACE), kept]

    (blobs, _) = facts_of(ANALYSIS, make(bodies), "diagnostics.resource")

    assert blobs.sub_object == "blobServices/default"
    assert blobs.uncollected["missing"].permission == "Microsoft.Storage/storageAccounts/blobServices/read"


def test_an_account_for_files_alone_has_no_blobs(make: Make, facts_of: FactsOf) -> None:
    assert facts_of(ANALYSIS, make([resource(STORAGE, kind="FileStorage")]), "diagnostics.resource") == []


@pytest.mark.parametrize("declared", [[], ["microsoft.web/SERVERFARMS"]])
def test_types_that_are_left_to_the_baseline_are_asked_where_it_declares_them(
    judge: Callable[..., Derived], declared: list[str]
) -> None:
    plan = f"{GROUP}/Microsoft.Web/serverfarms/plan"
    metrics = [{"category": "AllMetrics", "enabled": False}]
    options = {"parameters": {"diagnostics_as_declared": declared}}

    fact = judge(plan, setting(plan, metrics=metrics, workspaceId=WORKSPACE), **options)

    assert (fact.fields["asked"], fact.fields["missing"]) == (bool(declared), ["AllMetrics"])


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"type": "Contoso.Vault/safes"}, "'Contoso.Vault/safes' is no type that is known to have diagnostic settings"),
        ({"type": "Microsoft.KeyVault/vaults", "requires": "everything"}, "'everything' is no value of `requires`"),
    ],
)
def test_a_table_that_cannot_be_read_is_an_error(make: Make, row: Body, fault: str) -> None:
    context = replace(make([resource(VAULT)]), tables={"diagnostics": {"rows": [row]}})

    with pytest.raises(ContentError, match=fault):
        list(ANALYSIS.run(context))
