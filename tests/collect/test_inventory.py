"""The inventory has two sources: what either of them lacks is noticed, and read itself or told."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.collect.sources.inventory import ARM, RESOURCE_GRAPH
from auditor.model import Gap
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.collect.memory import MemorySink
from tests.collect.test_faults import ACCOUNT, ROOT, denied
from tests.simulator.client import Simulator
from tests.simulator.faults import ELSEWHERE, ITEM

OTHER = "00000000-0000-0000-0000-0000000000b2"
VAULT = "Microsoft.KeyVault/vaults"
KEPT = f"{ROOT}/{ACCOUNT}/oai"


def two_subscriptions() -> dict[str, Any]:
    """Return an account with a deployment and two vaults in one subscription, and a vault in another."""
    elsewhere = resource(f"{VAULT}/third", properties={"enableRbacAuthorization": True})
    elsewhere["id"] = elsewhere["id"].replace(SUB, OTHER)
    found = estate(
        resource(f"{ACCOUNT}/oai", kind="OpenAI", properties={"publicNetworkAccess": "Disabled"}),
        resource(f"{ACCOUNT}/oai/deployments/one"),
        resource(f"{VAULT}/first"),
        resource(f"{VAULT}/second"),
        elsewhere,
    )
    found["subscriptions"].append({"subscriptionId": OTHER, "displayName": "sub-other"})
    return found


def bodies(sink: MemorySink) -> dict[str, Any]:
    return {key: body for key, body in sink.bodies.items() if not key.endswith("/eventtypes/management")}


@pytest.fixture
def whole(simulator: Simulator, run_collect: Collect) -> dict[str, Any]:
    simulator.serve(two_subscriptions())
    summary, sink = run_collect()
    assert summary.gaps == []
    return bodies(sink)


HIDDEN = {"one account": "accounts/oai$", "a subscription": f"^/subscriptions/{OTHER}", "everything": "."}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_resource_graph_lacks_is_read_itself(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], hidden: str
) -> None:
    simulator.serve(two_subscriptions(), hidden={"graph": hidden})

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole
    assert {source for source, *_ in sink.origins.values()} >= {ARM}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_the_lists_lack_is_confirmed_by_its_own_id(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], hidden: str
) -> None:
    simulator.serve(two_subscriptions(), hidden={"arm": hidden})

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole
    if hidden.startswith("accounts"):
        assert sink.origins[KEPT.lower()][0] == ARM
        assert sink.origins[f"{ROOT}/{VAULT}/first".lower()][0] == RESOURCE_GRAPH


@pytest.mark.parametrize("source", ["graph", "arm"])
def test_what_one_source_has_and_cannot_be_read_has_unknown_properties(
    simulator: Simulator, run_collect: Collect, source: str
) -> None:
    action = f"{ACCOUNT}/read"
    faults = [{"match": "GET .*/accounts/oai\\?", **denied(action, KEPT)}]
    simulator.serve(two_subscriptions(), hidden={source: "accounts/oai$"}, faults=faults)

    summary, sink = run_collect()

    assert summary.gaps == [Gap(KEPT, "properties", "forbidden", action)]
    assert KEPT.lower() in sink.bodies


def test_what_resource_graph_still_shows_after_its_deletion_is_left_out_and_told(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    missing = {"status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "not found"}}}
    simulator.serve(two_subscriptions(), hidden={"arm": "vaults/second$"}, faults=[{"match": "/second[/?]", **missing}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert summary.gone == [f"{ROOT}/{VAULT}/second"]
    assert bodies(sink) == {key: body for key, body in whole.items() if "/second" not in key}


@pytest.mark.parametrize(
    "fault",
    [
        denied("Microsoft.Resources/subscriptions/resources/read", f"/subscriptions/{SUB}"),
        {"status": 500},
        {"do": "html"},
    ],
    ids=["refused", "failing", "no JSON"],
)
def test_a_list_that_does_not_come_leaves_the_inventory_open(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], fault: dict[str, Any]
) -> None:
    simulator.serve(two_subscriptions(), faults=[{"match": f"/subscriptions/{SUB}/resources\\?", **fault}])

    summary, sink = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"/subscriptions/{SUB}", "*/*")
    assert bodies(sink) == whole
    assert sink.notes[f"/subscriptions/{SUB}", "inventory"].state == "partial"


@pytest.mark.parametrize("do", [*ITEM, "self-link", "link-number", "link-host", "not-a-list"])
def test_a_list_that_is_not_whole_leaves_the_inventory_open(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str
) -> None:
    harmless = {"null-properties", "no-properties", "text-properties", "wrong-type", "deep"}
    faults = [{"match": f"^PAGE /subscriptions/{SUB}/resources 0", "do": do, "all": True}]
    simulator.serve(two_subscriptions(), page_size=2, faults=faults)

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert {gap.what for gap in summary.gaps} == (set() if do in harmless - {"deep"} else {"*/*"})


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("do", ITEM)
def test_a_row_that_does_not_fit_is_not_believed_and_its_resource_read_itself(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str, times: int
) -> None:
    fault = {"match": "^ROWS resources.*project", "do": do, "all": True, "times": times}
    simulator.serve(two_subscriptions(), faults=[fault])

    summary, sink = run_collect()

    assert bodies(sink) == whole
    assert not [key for key in sink.bodies if ELSEWHERE in key]
    strange = {gap.reason.partition(":")[0] for gap in summary.gaps}
    invented = {"outside", "other-parent", "nameless", "number-as-id", "deep"}
    assert strange <= ({"not believed"} if do in invented and times > 1 else set())


def test_a_page_token_that_is_no_text_ends_no_query(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(two_subscriptions(), faults=[{"match": "^ROWS resources.*project", "do": "token-number"}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole


def test_a_subscription_that_only_resource_graph_lists_is_read(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(two_subscriptions(), hidden={"subscriptions": OTHER})

    summary, sink = run_collect()

    assert summary.gaps == []
    assert summary.subscriptions[OTHER] == "sub-other"
    assert bodies(sink) == whole


def test_a_subscription_that_only_resource_graph_lists_and_nobody_may_read_is_a_gap(
    simulator: Simulator, run_collect: Collect
) -> None:
    refusal = denied("Microsoft.Resources/subscriptions/read", f"/subscriptions/{OTHER}")
    faults = [{"match": f"GET /subscriptions/{OTHER}\\?", **refusal}]
    simulator.serve(two_subscriptions(), hidden={"subscriptions": OTHER}, faults=faults)

    summary, _ = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"/subscriptions/{OTHER}", "*/*")
    assert gap.reason == "only Resource Graph knows it: forbidden"


def test_a_group_that_only_its_resources_name_is_read_itself(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(two_subscriptions(), hidden={"groups": "resourceGroups/rg$"})

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole


def test_a_query_that_breaks_off_has_still_counted_what_the_lists_lack(
    simulator: Simulator, run_collect: Collect
) -> None:
    faults = [{"match": "^ROWS resources.*project", "do": "token-number"}]
    simulator.serve(two_subscriptions(), hidden={"arm": "vaults/second$"}, faults=faults)

    summary, _ = run_collect()

    assert {gap.what for gap in summary.gaps} == {"microsoft.keyvault/vaults"}
    assert {gap.reason for gap in summary.gaps} == {"failed: 3 resources counted, 2 received"}
