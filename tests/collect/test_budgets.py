"""Nothing that Azure answers takes for ever or fills the memory, and nothing of it is called a defect of the tool."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest

from auditor.collect.options import Budgets, RetryLimits
from auditor.errors import CollectionError
from tests.collect.conftest import SUB, Collect
from tests.collect.test_faults import ACCOUNT, GET, POST, ROOT, bodies, small
from tests.simulator.client import Simulator
from tests.simulator.faults import HEADER

ONCE = RetryLimits(attempts=2, attempts_on_error=1, first_wait=0.01, longest_wait=0.05, deadline=5.0, timeout=5.0)
SHORT = Budgets(answer_seconds=1.0, answer_bytes=1 << 20, list_pages=20)
SMALL = Budgets(answer_bytes=1 << 20)
"""Where only bytes are counted: on a busy machine any answer may take a second."""
ENDLESS = [("drip", SHORT), ("header-drip", SHORT), ("huge", SMALL), ("bomb", SMALL)]


@pytest.fixture
def whole(simulator: Simulator, run_collect: Collect) -> dict[str, Any]:
    """Return what a collection without faults brings."""
    simulator.serve(small())
    summary, sink = run_collect()
    assert summary.gaps == []
    return bodies(sink)


def without_deployments(whole: dict[str, Any]) -> dict[str, Any]:
    return {key: body for key, body in whole.items() if "/deployments/" not in key}


@pytest.mark.parametrize(("do", "budgets"), ENDLESS)
def test_an_answer_without_end_is_cut_off_and_costs_its_own_list(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str, budgets: Budgets
) -> None:
    simulator.serve(small(), faults=[{"match": GET, "do": do, "bytes": 40 << 20}])
    began = time.monotonic()

    summary, sink = run_collect(retry=ONCE, budgets=budgets)

    assert time.monotonic() - began < 20
    [gap] = summary.gaps
    assert (gap.scope, gap.what) == (f"{ROOT}/{ACCOUNT}/oai", f"{ACCOUNT}/deployments")
    assert bodies(sink) == without_deployments(whole)


@pytest.mark.parametrize(("do", "budgets"), ENDLESS[:3])
def test_a_query_without_end_leaves_the_inventory_open(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], do: str, budgets: Budgets
) -> None:
    simulator.serve(small(), faults=[{"match": POST, "do": do, "bytes": 2 << 20}])

    summary, sink = run_collect(retry=ONCE, budgets=budgets)

    assert [(gap.scope, gap.what) for gap in summary.gaps] == [(f"/subscriptions/{SUB}", "*/*")]
    assert bodies(sink) == whole


def test_a_body_beyond_the_bound_is_never_held_in_memory(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(small(), faults=[{"match": GET, "do": "bomb", "bytes": 400 << 20}])
    tracemalloc.start()

    run_collect(retry=ONCE, budgets=SMALL)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 150 << 20


@pytest.mark.parametrize("budget", [{"list_pages": 20}, {"list_bytes": 4000}, {"list_seconds": 0.5}])
def test_a_list_without_end_is_cut_off_at_its_budget(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], budget: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[{"match": "^PAGE .*oai/deployments 0", "do": "endless"}])

    summary, sink = run_collect(budgets=Budgets(**budget))

    [gap] = summary.gaps
    assert gap.what == f"{ACCOUNT}/deployments"
    assert gap.reason.startswith("budget spent: the list goes on after ")
    assert bodies(sink) == without_deployments(whole)


@pytest.mark.parametrize("budget", [{"scan_calls": 12}, {"scan_bytes": 2000}, {"scan_seconds": 0.0}])
def test_a_collection_that_spent_its_budget_ends_with_gaps_for_what_is_left(
    simulator: Simulator, run_collect: Collect, budget: dict[str, Any]
) -> None:
    simulator.serve(small())

    if "scan_seconds" in budget:
        with pytest.raises(CollectionError, match="budget spent"):
            run_collect(budgets=Budgets(**budget))
        return
    summary, sink = run_collect(budgets=Budgets(**budget))

    assert sink.finished
    assert any(gap.reason.startswith("budget spent: the collection had its ") for gap in summary.gaps)
    assert {gap.what for gap in summary.gaps if gap.scope == f"/subscriptions/{SUB}"}


def test_a_query_with_ever_new_page_tokens_is_cut_off(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), faults=[{"match": "^ROWS resources.*project", "do": "endless-tokens"}])

    summary, sink = run_collect(budgets=SHORT)

    assert summary.gaps == []
    assert bodies(sink) == whole


def test_a_query_that_is_too_large_however_it_is_split_ends(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any]
) -> None:
    simulator.serve(small(), graph_bytes=10)

    summary, sink = run_collect()

    assert [(gap.scope, gap.what) for gap in summary.gaps] == [(f"/subscriptions/{SUB}", "*/*")]
    assert bodies(sink) == whole
    assert len([path for path in simulator.paths() if path.startswith("POST")]) < 100


@pytest.mark.parametrize("headers", HEADER.values(), ids=HEADER.keys())
@pytest.mark.parametrize("status", [200, 429, 302, 401])
def test_a_header_that_means_nothing_costs_at_most_its_own_list(
    simulator: Simulator, run_collect: Collect, whole: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    fault = {"match": "/oai/deployments\\?", "status": status, "headers": headers, "times": 1}
    simulator.serve(small(), faults=[fault | ({"body": {"value": []}} if status == 200 else {})])

    summary, sink = run_collect()

    assert {gap.what for gap in summary.gaps} <= {f"{ACCOUNT}/deployments"}
    if status != 200:
        assert summary.gaps or bodies(sink) == whole
