from __future__ import annotations

from typing import Any

import pytest

from auditor.collect import steps
from auditor.collect.options import RetryLimits
from auditor.collect.progress import Progress
from auditor.collect.scope import CollectScope
from auditor.errors import CollectionError
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator

VAULTS = 12


def vaults() -> dict[str, Any]:
    found = [resource(f"Microsoft.KeyVault/vaults/kv{number:02d}") for number in range(VAULTS)]
    secrets = [resource(f"Microsoft.KeyVault/vaults/kv{number:02d}/secrets/s") for number in range(VAULTS)]
    return estate(*found, *secrets)


def stored(sink: MemorySink) -> dict[str, Any]:
    return {key: body for key, body in sink.bodies.items() if "eventtypes" not in key}


def test_what_was_read_is_not_read_again_and_the_result_is_the_same(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(vaults())
    _, whole = run_collect()
    refusal = {"status": 401, "body": {"error": {"code": "ExpiredAuthenticationToken"}}}
    simulator.serve(vaults(), faults=[{"match": "kv08/secrets", **refusal}])
    sink = MemorySink()
    with pytest.raises(CollectionError):
        run_collect(sink=sink, threads=1)
    assert sink.finished is False
    before = {path for path in simulator.paths() if path.endswith("/secrets")}
    simulator.serve(vaults())

    summary, _ = run_collect(sink=sink)

    again = {path for path in simulator.paths() if path.endswith("/secrets")}
    assert stored(sink) == stored(whole)
    assert summary.gaps == []
    assert sink.finished
    assert len(before | again) == VAULTS
    assert len(again) < VAULTS


def test_what_was_refused_is_tried_again(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(
        vaults(), faults=[{"match": "kv03/secrets", "status": 403}, {"match": "kv05/secrets", "status": 401}]
    )
    sink = MemorySink()
    with pytest.raises(CollectionError):
        run_collect(sink=sink)
    simulator.serve(vaults())

    summary, _ = run_collect(sink=sink)

    assert summary.gaps == []
    assert len(sink.of_type("Microsoft.KeyVault/vaults/secrets")) == VAULTS


def test_what_was_deleted_since_the_interruption_is_not_kept(simulator: Simulator, run_collect: Collect) -> None:
    zone = "/subscriptions/00000000-0000-0000-0000-0000000000c3/resourceGroups/hub/providers/Microsoft.Network"
    second = f"/subscriptions/{SUB}/resourceGroups/rg-two"
    other = {"id": second, "name": "rg-two", "type": "Microsoft.Resources/resourceGroups"}
    policy = "providers/Microsoft.Authorization/policyAssignments/p"
    elsewhere = {"id": f"{zone}/privateDnsZones/z", "name": "z", "type": "Microsoft.Network/privateDnsZones"}
    policies: list[dict[str, Any]] = [
        {"id": f"{owner}/{policy}", "name": "p", "type": "Microsoft.Authorization/policyAssignments", "properties": {}}
        for owner in (f"/subscriptions/{SUB}/resourceGroups/rg", second)
    ]
    refers = resource("Microsoft.Network/virtualNetworks/v", properties={"zone": {"id": elsewhere["id"]}})
    before = vaults()
    before["resources"] += [refers, elsewhere, other, *policies]
    before["subscriptions"].append({"subscriptionId": zone.split("/")[2], "displayName": "hub"})
    simulator.serve(before)
    scope, sink = CollectScope(subscriptions=(SUB,)), MemorySink()
    run_collect(scope, sink=sink)  # all of it was stored before the crash
    assert {elsewhere["id"].lower(), *(one["id"].lower() for one in policies)} <= set(sink.bodies)
    gone = ("/vaults/kv03", "/resourceGroups/rg-two")
    left = [body for body in before["resources"] if not any(part in body["id"] for part in gone)]
    simulator.serve({**before, "resources": left})

    summary, _ = run_collect(scope, sink=sink)

    assert set(stored(sink)) - {f"/subscriptions/{SUB}/resourcegroups/rg"} == {body["id"].lower() for body in left}
    assert summary.gaps == []


def test_a_followed_resource_that_was_deleted_since_the_interruption_is_not_kept(
    simulator: Simulator, run_collect: Collect
) -> None:
    hub = "00000000-0000-0000-0000-0000000000c3"
    plan = resource("Microsoft.Network/ddosProtectionPlans/plan")
    plan["id"] = plan["id"].replace(SUB, hub)
    network = resource("Microsoft.Network/virtualNetworks/v", properties={"ddosProtectionPlan": {"id": plan["id"]}})
    found = estate(network, plan)
    found["subscriptions"].append({"subscriptionId": hub, "displayName": "hub"})
    simulator.serve(found)
    scope, sink = CollectScope(subscriptions=(SUB,)), MemorySink()
    run_collect(scope, sink=sink)
    assert plan["id"].lower() in sink.bodies
    simulator.serve({**found, "resources": [network]})

    run_collect(scope, sink=sink)

    assert plan["id"].lower() not in sink.bodies
    assert network["id"].lower() in sink.bodies


def test_progress_counts_and_says_what_is_waited_for(
    simulator: Simulator, run_collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_REPORT_EVERY", 0.0)
    simulator.serve(
        vaults(), faults=[{"match": "kv03/secrets", "status": 429, "headers": {"Retry-After": "0.5"}, "times": 1}]
    )
    seen: list[Progress] = []

    summary, _ = run_collect(watch=seen.append)

    assert {one.phase for one in seen} >= {"inventory and details", "subscriptions"}
    assert [one.calls for one in seen] == sorted(one.calls for one in seen)
    assert any(one.waiting_for.startswith("the quota of") for one in seen)
    assert summary.attempts == sum(summary.calls.values())
    assert summary.throttled == 1


def test_a_long_wait_that_exceeds_the_deadline_is_not_waited_for(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(vaults(), faults=[{"match": "kv06/secrets", "status": 429, "headers": {"Retry-After": "3600"}}])

    summary, _ = run_collect(retry=RetryLimits(deadline=5.0))

    assert [(gap.what, gap.reason) for gap in summary.gaps] == [("Microsoft.KeyVault/vaults/secrets", "throttled")]
