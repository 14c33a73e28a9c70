from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.collect.conftest import SUB, Collect, estate, resource
from tests.simulator.client import Simulator

VAULT = resource("Microsoft.KeyVault/vaults/kv")
ACCOUNT = resource("Microsoft.CognitiveServices/accounts/oai", kind="OpenAI")


def event(operation: str, days_ago: int, namespace: str = "Microsoft.CognitiveServices") -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    return {
        "id": f"{ACCOUNT['id']}/events/{days_ago}",
        "eventDataId": str(days_ago),
        "eventTimestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "operationName": {"value": operation, "localizedValue": "text"},
        "status": {"value": "Succeeded"},
        "resourceId": ACCOUNT["id"],
        "resourceProviderName": {"value": namespace},
        "properties": {"requestbody": '{"keyName":"Key2"}', "entity": ACCOUNT["id"]},
        "caller": "person@example.com",
        "claims": {"ipaddr": "203.0.113.1"},
    }


def test_the_activity_log_keeps_regenerations_and_the_time_that_was_read(
    simulator: Simulator, run_collect: Collect
) -> None:
    events = [
        event("Microsoft.CognitiveServices/accounts/REGENERATEKEY/action", 3),
        event("Microsoft.CognitiveServices/accounts/write", 2),
        event("Microsoft.CognitiveServices/accounts/regenerateKey/action", 120),
        event("Microsoft.Storage/storageAccounts/regeneratekey/action", 1, "Microsoft.Storage"),
    ]
    simulator.serve(estate(ACCOUNT, VAULT, events=events), page_size=1)

    _, sink = run_collect()

    [log] = [body for body in sink.bodies.values() if body["type"] == "Microsoft.Insights/eventtypes/management"]
    found = log["properties"]
    assert [one["eventDataId"] for one in found["events"]] == ["3"]
    assert found["providers"] == ["Microsoft.CognitiveServices"]  # no storage account is in use
    assert [one["keyName"] for one in found["events"]] == ["key2"]
    assert "person@example.com" not in repr(log)
    assert "entity" not in repr(log), "of the properties only the name of the key is kept"
    days = datetime.fromisoformat(found["to"]) - datetime.fromisoformat(found["from"])
    assert days == timedelta(days=90) - timedelta(minutes=5)


def test_an_activity_log_that_breaks_off_does_not_count_as_read(simulator: Simulator, run_collect: Collect) -> None:
    events = [event("Microsoft.CognitiveServices/accounts/regenerateKey/action", number) for number in (1, 2, 3)]
    broken = {"match": "skiptoken=2", "status": 403}
    simulator.serve(estate(ACCOUNT, events=events), page_size=1, faults=[broken])

    summary, sink = run_collect()

    [log] = [body for body in sink.bodies.values() if body["type"] == "Microsoft.Insights/eventtypes/management"]
    assert len(log["properties"]["events"]) == 2
    assert log["properties"]["providers"] == []
    assert [gap.what for gap in summary.gaps] == ["Microsoft.Insights/eventtypes/management"]


def test_regions_are_stored_with_their_zones(simulator: Simulator, run_collect: Collect) -> None:
    region = {"id": f"/subscriptions/{SUB}/locations/eastus2", "name": "eastus2", "type": "Region",
              "availabilityZoneMappings": [{"logicalZone": "1", "physicalZone": "eastus2-az1"}]}  # fmt: skip
    simulator.serve(estate(VAULT, locations=[region]))

    _, sink = run_collect()

    [found] = [sink.bodies[key] for key in sink.of_type("Microsoft.Resources/subscriptions/locations")]
    assert found["availabilityZoneMappings"] == region["availabilityZoneMappings"]


def test_service_tags_are_those_of_the_regions_in_use(simulator: Simulator, run_collect: Collect) -> None:
    tags = [
        {"name": name, "properties": {"region": region}}
        for name, region in (("A", ""), ("A.EastUS2", "eastus2"), ("A.X", "x"))
    ]
    simulator.serve(estate(VAULT, serviceTags=tags))

    _, sink = run_collect()

    [found] = [sink.bodies[key] for key in sink.of_type("Microsoft.Network/serviceTags")]
    assert [tag["name"] for tag in found["values"]] == ["A", "A.EastUS2"]


def test_of_many_roles_those_in_use_and_the_own_ones_are_kept(simulator: Simulator, run_collect: Collect) -> None:
    base = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions"
    roles = [
        {
            "id": f"{base}/{name}",
            "name": name,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {"type": kind},
        }
        for name, kind in (("used", "BuiltInRole"), ("unused", "BuiltInRole"), ("own", "CustomRole"))
    ]
    inherited = {
        "id": "/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/roleAssignments/a",
        "name": "a", "type": "Microsoft.Authorization/roleAssignments",
        "properties": {"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/USED", "principalId": "p",
                       "scope": "/providers/Microsoft.Management/managementGroups/mg"},
    }  # fmt: skip
    simulator.serve(estate(VAULT, *roles, inherited))

    _, sink = run_collect()

    assert [key.rpartition("/")[2] for key in sink.of_type("Microsoft.Authorization/roleDefinitions")] == [
        "own",
        "used",
    ]
    assert len(sink.of_type("Microsoft.Authorization/roleAssignments")) == 1


def test_a_tenant_without_the_licence_has_no_eligible_roles(simulator: Simulator, run_collect: Collect) -> None:
    refusal = {"status": 400, "body": {"error": {"code": "AadPremiumLicenseRequired", "message": "…"}}}
    simulator.serve(estate(VAULT), faults=[{"match": "ScheduleInstances", **refusal}])

    summary, _ = run_collect()

    assert summary.gaps == []


def test_a_key_is_read_once_more_for_its_rotation_policy(simulator: Simulator, run_collect: Collect) -> None:
    key = resource("Microsoft.KeyVault/vaults/kv/keys/k", properties={"rotationPolicy": {"lifetimeActions": []}})
    simulator.serve(estate(VAULT, key))

    _, sink = run_collect()

    assert f"GET {key['id']}" in simulator.paths()
    assert sink.bodies[key["id"].lower()]["properties"] == key["properties"]


def test_an_assigned_initiative_is_read_with_the_definitions_that_it_holds(
    simulator: Simulator, run_collect: Collect
) -> None:
    initiative = {
        "id": "/providers/Microsoft.Authorization/policySetDefinitions/00000000-0000-0000-0000-0000000000aa",
        "name": "00000000-0000-0000-0000-0000000000aa",
        "type": "Microsoft.Authorization/policySetDefinitions",
        "properties": {
            "policyDefinitions": [{"policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d"}]
        },
    }
    assignment = {
        "id": f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyAssignments/a",
        "name": "a",
        "type": "Microsoft.Authorization/policyAssignments",
        "properties": {"policyDefinitionId": initiative["id"], "scope": f"/subscriptions/{SUB}"},
    }
    simulator.serve(estate(VAULT, assignment, initiative))

    summary, sink = run_collect()

    [found] = [body for body in sink.bodies.values() if body["type"] == initiative["type"]]
    assert found["properties"] == initiative["properties"]
    assert not [path for path in simulator.paths() if "policySetDefinitions" in path and "roleAssignments" in path]
    assert summary.gaps == []


def test_schedules_and_query_alerts_are_read_with_everything_else(simulator: Simulator, run_collect: Collect) -> None:
    workspace = "Microsoft.MachineLearningServices/workspaces/ml"
    monitor = {"isEnabled": True, "action": {"actionType": "CreateMonitor"}}
    simulator.serve(
        estate(
            resource(workspace),
            resource(f"{workspace}/schedules/drift", properties=monitor),
            resource("Microsoft.Insights/scheduledQueryRules/errors", properties={"enabled": True, "scopes": []}),
        )
    )

    _, sink = run_collect()

    kept = {body["name"]: body["properties"] for body in sink.bodies.values()}
    assert kept["drift"] == monitor
    assert kept["errors"] == {"enabled": True, "scopes": []}
