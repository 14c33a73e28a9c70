"""An answer that does not fit its question is not believed: what it would have said is a gap, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.collect.scope import CollectScope
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.collect.test_faults import ACCOUNT, ROOT, bodies, small
from tests.simulator.client import Simulator
from tests.simulator.faults import ITEM, LINK

SITE = "Microsoft.Web/sites/app"
NOT_OBJECTS = {"text", "null"}


@pytest.fixture
def whole(simulator: Simulator, run_collect: Collect) -> dict[str, Any]:
    """Return what a collection without faults brings."""
    simulator.serve(small())
    summary, sink = run_collect()
    assert summary.gaps == []
    return bodies(sink)


def site() -> dict[str, Any]:
    config = resource(f"{SITE}/config/web", properties={"minTlsVersion": "1.2"})
    return estate(resource(SITE), config, resource(f"{SITE}/basicPublishingCredentialsPolicies/ftp"))


@pytest.mark.parametrize("do", ITEM)
def test_an_item_of_a_list_that_does_not_fit_is_left_out_and_a_gap(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str
) -> None:
    simulator.serve(small(), faults=[{"match": "^PAGE .*oai/deployments 0", "do": do}])

    summary, sink = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/{ACCOUNT}/oai", f"{ACCOUNT}/deployments")
    assert gap.reason.startswith("failed: the list holds" if do in NOT_OBJECTS else "not believed: 1 of 2 items")
    assert bodies(sink) == {key: body for key, body in whole.items() if not key.endswith("/deployments/two")}


@pytest.mark.parametrize("do", ITEM)
def test_an_item_that_fits_at_the_second_time_is_no_gap(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str
) -> None:
    simulator.serve(small(), faults=[{"match": "^PAGE .*oai/deployments 0", "do": do, "times": 1, "all": True}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert bodies(sink) == whole


@pytest.mark.parametrize("do", [name for name in ITEM if name != "nameless"])
def test_a_single_object_that_does_not_fit_is_a_gap(simulator: Simulator, run_collect: Collect, do: str) -> None:
    simulator.serve(site(), faults=[{"match": "^OBJECT .*app/config/web", "do": do}])

    summary, sink = run_collect()

    if do == "number-as-id":  # an object that was asked for by its own path need not state its id
        assert summary.gaps == []
        return
    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/{SITE}", "Microsoft.Web/sites/config")
    assert gap.reason.startswith("not believed: ")
    assert not [key for key in sink.bodies if "/config/" in key or "app-not" in key]


def test_what_always_exists_and_is_not_found_is_a_gap(simulator: Simulator, run_collect: Collect) -> None:
    missing = {"status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "not found"}}}
    simulator.serve(site(), faults=[{"match": "/app/config/web\\?", **missing}])

    summary, sink = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/{SITE}", "Microsoft.Web/sites/config")
    assert gap.reason == "not found: ResourceNotFound"
    assert f"{ROOT}/{SITE}".lower() in sink.bodies


def test_a_resource_of_which_everything_is_not_found_stays_while_its_group_lists_it(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    missing = {"status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "not found"}}}
    simulator.serve(small(), faults=[{"match": "/accounts/oai[/?]", **missing}])

    summary, sink = run_collect()

    account = f"{ROOT}/{ACCOUNT}/oai"
    assert {gap.scope for gap in summary.gaps} == {account}
    assert f"{ACCOUNT}/deployments" in {gap.what for gap in summary.gaps}
    assert summary.gone == []
    assert bodies(sink) == {key: body for key, body in whole.items() if not key.startswith(f"{account}/".lower())}


def test_a_resource_that_neither_source_has_any_longer_is_told_as_deleted(
    simulator: Simulator, run_collect: Collect
) -> None:
    account = f"{ROOT}/{ACCOUNT}/oai"
    simulator.serve(small(), faults=[{"match": "/oai/deployments\\?", "do": "delete", "id": account}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert [one.lower() for one in summary.gone] == [account.lower()]
    assert sink.notes[summary.gone[0], "gone"].state == "gone"


def test_a_listed_item_whose_own_id_is_not_found_has_unknown_properties(
    simulator: Simulator, run_collect: Collect
) -> None:
    key = resource("Microsoft.KeyVault/vaults/kv/keys/k", properties={"rotationPolicy": {}})
    missing = {"status": 404, "body": {"error": {"code": "KeyNotFound", "message": "not found"}}}
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/kv"), key), faults=[{"match": "/keys/k\\?", **missing}])

    summary, _ = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what, gap.reason) == (key["id"], "properties", "not found: KeyNotFound")


@pytest.mark.parametrize("do", LINK)
def test_a_bad_link_cuts_its_own_list_and_nothing_else(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str
) -> None:
    simulator.serve(small(), page_size=2, faults=[{"match": "^PAGE .*kv/secrets 0", "do": do}])

    summary, sink = run_collect()

    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/Microsoft.KeyVault/vaults/kv", "Microsoft.KeyVault/vaults/secrets")
    assert gap.reason.startswith("cut: ")
    unread = {f"/vaults/kv/secrets/s{number}" for number in (2, 3, 4)}
    assert bodies(sink) == {key: body for key, body in whole.items() if not any(key.endswith(end) for end in unread)}
    assert not [path for path in simulator.paths() if "listkeys" in path.lower()]


def test_an_object_nested_in_itself_without_end_is_not_believed(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(small(), faults=[{"match": "^GET .*/serviceTags|^OBJECT .*", "do": "deep"}])

    summary, sink = run_collect(CollectScope(subscriptions=(SUB,)))

    assert sink.finished
    assert all(gap.reason.startswith("not believed") for gap in summary.gaps)
