"""Whatever Azure does in the middle of a collection: nothing is lost, nothing invented, what is missing is named."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.collect.options import RetryLimits
from auditor.collect.scope import CollectScope
from auditor.errors import CollectionError
from auditor.model import Gap
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator

ACCOUNT = "Microsoft.CognitiveServices/accounts"
ROOT = f"/subscriptions/{SUB}/resourceGroups/rg/providers"


def small() -> dict[str, Any]:
    """Return an account with two deployments, a vault with five secrets, and a role assignment."""
    secrets = [resource(f"Microsoft.KeyVault/vaults/kv/secrets/s{number}") for number in range(5)]
    return estate(
        resource(f"{ACCOUNT}/oai", kind="OpenAI"),
        resource(f"{ACCOUNT}/oai/deployments/one"),
        resource(f"{ACCOUNT}/oai/deployments/two"),
        resource("Microsoft.KeyVault/vaults/kv"),
        *secrets,
        resource("Microsoft.KeyVault/vaults/other"),
        resource("Microsoft.KeyVault/vaults/other/secrets/last"),
        resource(
            "Microsoft.Authorization/roleAssignments/a1",
            properties={"principalId": "p", "scope": f"/subscriptions/{SUB}"},
        ),
    )


def bodies(sink: MemorySink) -> dict[str, Any]:
    """Return what was collected, without the remark on the activity log, whose times differ."""
    return {key: body for key, body in sink.bodies.items() if not key.endswith("/eventtypes/management")}


@pytest.fixture
def whole(simulator: Simulator, run_collect: Collect) -> dict[str, Any]:
    """Return what a collection without faults brings."""
    simulator.serve(small())
    summary, sink = run_collect()
    assert summary.gaps == []
    return bodies(sink)


GET, POST = "^GET .*/deployments\\?", "^POST .*ResourceGraph"
PASSING = {
    "429 on GET that says when": {"match": GET, "status": 429, "headers": {"Retry-After": "0.02"}, "times": 3},
    "429 on GET that says nothing": {"match": GET, "status": 429, "times": 3},
    "429 on GET with a date": {
        "match": GET,
        "status": 429,
        "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
        "times": 1,
    },
    "429 on POST that says when": {"match": POST, "status": 429, "headers": {"Retry-After": "0.02"}, "times": 3},
    "429 on POST that says nothing": {"match": POST, "status": 429, "times": 3},
    "429 on POST with the quota's reset": {
        "match": POST,
        "status": 429,
        "headers": {"x-ms-user-quota-resets-after": "00:00:00"},
        "times": 1,
    },
    "500": {"match": GET, "status": 500, "times": 2},
    "502": {"match": GET, "status": 502, "times": 2},
    "503": {"match": GET, "status": 503, "times": 2},
    "504 on POST": {"match": POST, "status": 504, "times": 2},
    "a conflict that passes": {
        "match": GET,
        "status": 409,
        "body": {"error": {"code": "AnotherOperationInProgress"}},
        "times": 2,
    },
    "a reset connection": {"match": GET, "do": "reset", "times": 2},
    "a body that breaks off": {"match": GET, "do": "cut", "times": 2},
    "a truncated body": {"match": GET, "do": "truncate", "times": 2},
    "a truncated body of a query": {"match": POST, "do": "truncate", "times": 2},
    "HTML with 200": {"match": GET, "do": "html", "times": 2},
    "a token that expires": {"match": GET, "do": "expire", "times": 1},
    "a subscription list that fails at first": {"match": "^GET /subscriptions\\?", "status": 503, "times": 2},
    "rows that come twice": {"match": "^ROWS .*project", "do": "repeat-rows", "times": 1},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_failure_that_passes_loses_nothing(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], fault: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[fault])

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert summary.gaps == []
    assert sink.finished


@pytest.mark.parametrize("do", ["empty-page", "repeat"])
def test_odd_pages_lose_nothing(simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str) -> None:
    simulator.serve(small(), page_size=2, faults=[{"match": "^PAGE .*kv/secrets 0", "do": do, "times": 1}])

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert summary.gaps == []


def test_rows_that_went_missing_are_fetched_again(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[{"match": "^ROWS .*project", "do": "lose-rows", "times": 1}])

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert summary.gaps == []


def test_rows_that_neither_source_has_are_a_gap_of_their_type(simulator: Simulator, run_collect: Collect) -> None:
    lost = [{"match": "^ROWS .*project", "do": "lose-rows"}]
    simulator.serve(small(), hidden={"arm": "vaults/other"}, faults=lost)

    summary, _ = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"/subscriptions/{SUB}", "microsoft.keyvault/vaults")
    assert "2 resources counted, 1 received" in gap.reason


def test_a_cut_off_result_is_never_taken_for_whole(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[{"match": "^ROWS .*project", "do": "truncated", "times": 1}])

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert summary.gaps == []


def test_a_payload_that_is_too_large_is_split(simulator: Simulator, run_collect: Collect) -> None:
    vaults = [resource(f"Microsoft.KeyVault/vaults/kv{number}", tags={"padding": "x" * 2000}) for number in range(40)]
    simulator.serve(estate(*vaults), graph_bytes=20_000)

    summary, sink = run_collect()

    assert len(sink.of_type("Microsoft.KeyVault/vaults")) == 40
    assert summary.gaps == []


def test_more_than_a_thousand_rows_come_in_partitions_and_pages(simulator: Simulator, run_collect: Collect) -> None:
    addresses = [resource(f"Microsoft.Network/routeTables/r{number}") for number in range(1500)]
    simulator.serve(estate(*addresses), graph_page_size=100)

    summary, sink = run_collect()

    assert len(sink.of_type("Microsoft.Network/routeTables")) == 1500
    assert summary.gaps == []


def test_columns_that_a_cloud_does_not_know_are_not_asked_for_again(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), graph_columns_missing=["systemData", "apiVersion"])

    _, sink = run_collect()

    assert bodies(sink) == whole


@pytest.fixture
def stranger(silent_server: tuple[str, list[bytes]]) -> tuple[str, list[bytes]]:
    """Run a server that is not Azure: a link to it, and what it was told."""
    address, heard = silent_server
    return f"{address}/next?api-version=1", heard


def test_a_next_link_to_another_host_is_not_followed(
    simulator: Simulator, run_collect: Collect, stranger: tuple[str, list[bytes]]
) -> None:
    url, heard = stranger
    simulator.serve(small(), page_size=2, faults=[{"match": "^PAGE .*kv/secrets 0", "do": "foreign-link", "url": url}])

    summary, sink = run_collect()

    assert heard == []
    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/Microsoft.KeyVault/vaults/kv", "Microsoft.KeyVault/vaults/secrets")
    assert "another host" in gap.reason
    assert len(sink.of_type("Microsoft.KeyVault/vaults/secrets")) == 3


def test_a_next_link_to_itself_ends(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(small(), page_size=2, faults=[{"match": "^PAGE .*kv/secrets 0", "do": "self-link"}])

    summary, _ = run_collect()

    [gap] = summary.gaps
    assert gap.what == "Microsoft.KeyVault/vaults/secrets"
    assert "already read" in gap.reason


@pytest.mark.parametrize("do", ["not-a-list", "odd-items"])
def test_an_answer_of_another_shape_is_a_gap(simulator: Simulator, run_collect: Collect, do: str) -> None:
    simulator.serve(small(), faults=[{"match": "^PAGE .*oai/deployments 0", "do": do}])

    summary, _ = run_collect()

    assert [gap.what for gap in summary.gaps] == [f"{ACCOUNT}/deployments"]


def denied(action: str, scope: str) -> dict[str, Any]:
    message = f"The client 'c' does not have authorization to perform action '{action}' over scope '{scope}' or …"
    return {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": message}}}


def test_a_refused_child_names_the_permission_and_costs_nothing_else(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    action = "Microsoft.KeyVault/vaults/secrets/read"
    vault = f"{ROOT}/Microsoft.KeyVault/vaults/kv"
    simulator.serve(small(), faults=[{"match": "/vaults/kv/secrets\\?", **denied(action, vault)}])

    summary, sink = run_collect()

    assert summary.gaps == [Gap(vault, "Microsoft.KeyVault/vaults/secrets", "forbidden", action)]
    assert bodies(sink) == {key: body for key, body in whole.items() if "/vaults/kv/secrets/" not in key}


def test_a_refused_activity_log_is_a_gap(simulator: Simulator, run_collect: Collect, whole: dict[str, Any]) -> None:
    action = "Microsoft.Insights/eventtypes/values/read"
    simulator.serve(small(), faults=[{"match": "/eventtypes/", **denied(action, f"/subscriptions/{SUB}")}])

    summary, sink = run_collect()

    assert summary.gaps == [
        Gap(f"/subscriptions/{SUB}", "Microsoft.Insights/eventtypes/management", "forbidden", action)
    ]
    assert bodies(sink) == whole


def test_a_refused_type_is_a_gap_for_the_subscription(simulator: Simulator, run_collect: Collect) -> None:
    action = "Microsoft.Authorization/roleAssignments/read"
    simulator.serve(small(), faults=[{"match": "/roleAssignments\\?", **denied(action, f"/subscriptions/{SUB}")}])

    summary, _ = run_collect()

    assert summary.gaps == [
        Gap(f"/subscriptions/{SUB}", "Microsoft.Authorization/roleAssignments", "forbidden", action)
    ]


def test_a_refused_subscription_is_a_gap_for_every_type(simulator: Simulator, run_collect: Collect) -> None:
    hidden = "00000000-0000-0000-0000-0000000000b2"
    simulator.serve(small())

    summary, _ = run_collect(CollectScope(subscriptions=(SUB, hidden)))

    assert summary.gaps == [
        Gap(f"/subscriptions/{hidden}", "*/*", "forbidden", "Microsoft.Resources/subscriptions/read")
    ]


NO_TABLE = {"code": "BadRequest", "message": "see details", "details": [{"code": "DisallowedLogicalTableName"}]}
NO_GRAPH = {
    "refused": denied("Microsoft.ResourceGraph/resources/read", "/"),
    "without the table": {"status": 400, "body": {"error": NO_TABLE}},
    "not in this cloud": {"status": 404, "body": {"error": {"code": "InvalidResourceNamespace"}}},
}


@pytest.mark.parametrize("fault", NO_GRAPH.values(), ids=NO_GRAPH.keys())
def test_without_resource_graph_the_inventory_comes_from_arm_and_says_so(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], fault: dict[str, Any]
) -> None:
    simulator.serve(small(), page_size=2, faults=[{"match": POST, **fault}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole
    source, api_version, *_ = sink.origins[f"{ROOT}/{ACCOUNT}/oai".lower()]
    assert source == "arm"
    assert api_version >= "2024-10-01"
    note = sink.notes[f"/subscriptions/{SUB}", "inventory"]
    assert (note.state, '"read_from":"arm"' in note.detail) == ("complete", True)


def test_a_query_that_fails_halfway_is_completed_from_arm(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    refusal = denied("Microsoft.ResourceGraph/resources/read", "/")
    simulator.serve(small(), faults=[{"match": POST, "skip": 3, **refusal}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole
    assert sink.origins[f"{ROOT}/{ACCOUNT}/oai".lower()][0] == "resource-graph"


def test_a_scope_of_tags_and_groups_is_the_same_without_resource_graph(
    simulator: Simulator, run_collect: Collect
) -> None:
    tagged = [resource(f"Microsoft.KeyVault/vaults/{name}", tags={"App": name}) for name in ("chat", "other")]
    simulator.serve(estate(*tagged), faults=[{"match": POST, **NO_GRAPH["refused"]}])

    _, by_tag = run_collect(CollectScope(tags={"app": "CHAT"}))
    _, by_group = run_collect(CollectScope(resource_groups=("RG",)))

    assert [key.rpartition("/")[2] for key in by_tag.of_type("Microsoft.KeyVault/vaults")] == ["chat"]
    assert [key.rpartition("/")[2] for key in by_group.of_type("Microsoft.KeyVault/vaults")] == ["chat", "other"]


def test_without_resource_graph_a_type_that_we_have_no_version_for_is_read_in_its_newest(
    simulator: Simulator, run_collect: Collect
) -> None:
    disk = resource("Microsoft.Compute/disks/d", properties={"diskState": "Attached"})
    offered = {"microsoft.compute/disks": ["2023-01-02", "2024-03-02", "2025-01-02-preview"]}
    simulator.serve(estate(disk), versions=offered, faults=[{"match": POST, **NO_GRAPH["refused"]}])

    summary, sink = run_collect()

    assert sink.bodies[disk["id"].lower()] == disk
    assert sink.origins[disk["id"].lower()][:2] == ("arm", "2024-03-02")
    assert summary.gaps == []


def test_without_resource_graph_what_cannot_be_read_has_unknown_properties(
    simulator: Simulator, run_collect: Collect
) -> None:
    action, vault = "Microsoft.KeyVault/vaults/read", f"{ROOT}/Microsoft.KeyVault/vaults/kv"
    faults = [{"match": POST, **NO_GRAPH["refused"]}, {"match": "/vaults/kv\\?", **denied(action, vault)}]
    disk = resource("Microsoft.Compute/disks/d")
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/kv"), disk), faults=faults)

    summary, sink = run_collect()

    assert sorted(summary.gaps) == [
        Gap(disk["id"], "properties", "API version not known"),
        Gap(vault, "properties", "forbidden", action),
    ]
    assert "properties" not in sink.bodies[vault.lower()]


def test_an_inventory_that_is_refused_both_ways_is_a_gap_for_every_type(
    simulator: Simulator, run_collect: Collect
) -> None:
    action = "Microsoft.Resources/subscriptions/resources/read"
    listing = {"match": f"/subscriptions/{SUB}/resources\\?", **denied(action, f"/subscriptions/{SUB}")}
    simulator.serve(small(), faults=[{"match": POST, **NO_GRAPH["refused"]}, listing])

    summary, _ = run_collect()

    assert Gap(f"/subscriptions/{SUB}", "*/*", "forbidden", action) in summary.gaps


def test_a_resource_deleted_since_the_inventory_is_not_in_the_snapshot(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    account = f"{ROOT}/{ACCOUNT}/oai"
    simulator.serve(small(), faults=[{"match": "/oai/deployments\\?", "do": "delete", "id": account}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == {key: body for key, body in whole.items() if not key.startswith(account.lower())}


def test_an_unregistered_provider_is_an_empty_answer_and_is_not_registered(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), unregistered=["Microsoft.Security", "Microsoft.Consumption"])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole
    assert not [path for path in simulator.paths() if "register" in path]


def test_a_provider_that_says_unregistered_but_is_not_leaves_a_gap(simulator: Simulator, run_collect: Collect) -> None:
    refusal = {
        "status": 409,
        "body": {"error": {"code": "MissingSubscriptionRegistration", "message": "not registered"}},
    }
    simulator.serve(small(), faults=[{"match": "/pricings\\?", **refusal}])

    summary, _ = run_collect()

    assert [gap.what for gap in summary.gaps] == ["Microsoft.Security/pricings"]


def test_an_unknown_api_version_is_negotiated_and_recorded(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    offered = ["2021-04-30", "2023-05-01", "2024-06-01-preview", "2025-01-01"]
    simulator.serve(small(), versions={f"{ACCOUNT}/deployments".lower(): offered})

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert summary.gaps == []
    assert sink.origins[f"{ROOT}/{ACCOUNT}/oai/deployments/one".lower()][:2] == ("arm", "2025-01-01")


def test_what_resource_graph_read_with_an_old_version_is_read_anew(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve({**small(), "graphVersion": "2021-01-01"})

    summary, sink = run_collect()

    account, addresses = f"{ROOT}/{ACCOUNT}/oai".lower(), f"{ROOT}/Microsoft.KeyVault/vaults/kv".lower()
    assert sink.origins[account][0] == "arm"
    assert sink.origins[account][1] >= "2024-10-01"
    assert sink.origins[addresses][:2] == ("arm", "2023-07-01")
    assert summary.gaps == []


def test_a_resource_that_is_just_changing_is_read_anew(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(estate(resource(f"{ACCOUNT}/oai", properties={"provisioningState": "Creating"})))

    _, sink = run_collect()

    assert sink.origins[f"{ROOT}/{ACCOUNT}/oai".lower()][0] == "arm"


def test_a_failure_that_stays_is_a_gap_after_a_second_try(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(small(), faults=[{"match": GET, "status": 500}])

    summary, sink = run_collect(retry=RetryLimits(attempts=2, attempts_on_error=2, first_wait=0.001, longest_wait=0.01))

    assert [(gap.what, gap.reason.partition(":")[0]) for gap in summary.gaps] == [(f"{ACCOUNT}/deployments", "failed")]
    assert len([path for path in simulator.paths() if path.endswith("/deployments")]) == 4
    assert sink.finished


def test_what_fails_at_first_and_answers_later_is_no_gap(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[{"match": GET, "status": 500, "times": 3}])

    summary, sink = run_collect(retry=RetryLimits(attempts=2, attempts_on_error=2, first_wait=0.001, longest_wait=0.01))

    assert summary.gaps == []
    assert bodies(sink) == whole


def test_a_sign_in_that_ends_stops_the_collection_so_that_it_can_be_resumed(
    simulator: Simulator, run_collect: Collect
) -> None:
    refusal = {"status": 401, "body": {"error": {"code": "ExpiredAuthenticationToken", "message": "expired"}}}
    simulator.serve(small(), faults=[{"match": GET, **refusal}])
    sink = MemorySink()

    with pytest.raises(CollectionError, match="no longer accepts"):
        run_collect(sink=sink)

    assert sink.finished is False
