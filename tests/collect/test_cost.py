"""What a collection costs: it asks the narrowest quota first, and compares no faster growing than the estate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from auditor import resource_id as ids
from auditor.collect.arm.pages import ListAnswer
from auditor.collect.ledger import Ledger
from auditor.collect.options import CollectOptions
from auditor.collect.sources.inventory import Inventory, InventoryRow, Unconfirmed
from auditor.redaction.body import Redactor
from tests.collect.conftest import Collect
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator

OF_EACH = 20


def subscription(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def disk(number: int, index: int) -> str:
    return f"/subscriptions/{subscription(number)}/resourceGroups/rg/providers/Microsoft.Compute/disks/d{index}"


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions of Python some work calls in this thread."""
    called = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return called


class _TwoSources:
    """Azure as the inventory sees it: each source lacks one resource of each subscription that the other has."""

    def __init__(self, subscriptions: int) -> None:
        self.names = [subscription(number) for number in range(subscriptions)]
        self.shown = [self._body(disk(number, index)) for number in range(subscriptions) for index in range(1, OF_EACH)]

    @staticmethod
    def _body(own_id: str) -> dict[str, Any]:
        return {"id": own_id, "name": own_id.rpartition("/")[2], "type": "microsoft.compute/disks", "properties": {}}

    def list_all(self, path: str, _: str) -> ListAnswer:
        number = self.names.index(path.split("/")[2])
        items = [self._body(disk(number, index)) for index in range(OF_EACH - 1)]
        return ListAnswer([dict(item) for item in items], "2021-04-01", "2024-01-01T00:00:00Z")

    def resource_graph(self, body: dict[str, Any]) -> object:
        if "summarize" in body["query"]:
            rows = [{"type": "microsoft.compute/disks", "rows": len(self.shown)}]
        else:
            [of, index] = [int(text) for text in body["query"].partition("% ")[2].partition("\n")[0].split(" == ")]
            rows = [dict(row) for number, row in enumerate(self.shown) if number % of == index]
        return {"data": rows, "totalRecords": len(rows), "resultTruncated": "false"}


@pytest.mark.parametrize("subscriptions", [40])
def test_holding_both_sources_against_each_other_costs_each_resource_the_same(subscriptions: int) -> None:
    def read(number: int) -> tuple[int, list[object]]:
        put: list[object] = []
        source: Any = _TwoSources(number)
        inventory = Inventory(source, put.append)
        calls = calls_of(lambda: inventory.read(source.names))
        assert inventory.shortfalls == []
        return calls, put

    once, _ = read(subscriptions)
    twice, found = read(2 * subscriptions)

    assert twice < 2.3 * once
    bare = [one.body["id"] for one in found if isinstance(one, InventoryRow) and one.is_bare]
    assert bare == [disk(number, 0) for number in range(2 * subscriptions)]
    doubted = [one.key for one in found if isinstance(one, Unconfirmed)]
    assert doubted == [ids.key(disk(number, OF_EACH - 1)) for number in range(2 * subscriptions)]


def test_a_resumed_collection_looks_for_what_was_deleted_once() -> None:
    def forget(number: int) -> tuple[int, set[str], set[str]]:
        sink = MemorySink()
        stored = [disk(one, index) for one in range(number) for index in range(OF_EACH)]
        for own_id in stored:
            sink.add({"id": own_id, "type": "Microsoft.Compute/disks"}, source="arm")
        ledger = Ledger(sink, Redactor(b"0123456789abcdef"), is_resumed=True)
        scopes = [f"/subscriptions/{subscription(one)}" for one in range(number)]
        have = {ids.key(own_id) for own_id in stored} - {ids.key(disk(1, 3)), ids.key(disk(number - 1, 3))}
        groups = {scope: [f"{scope}/resourceGroups/rg"] for scope in scopes[1:]} | {scopes[0]: []}

        def work() -> None:
            ledger.forget_deleted_groups(groups)
            ledger.forget_deleted(scopes[:-1], have)

        calls = calls_of(work)
        return calls, {ids.key(own_id) for own_id in stored} - set(sink.keys()), set(sink.keys())

    once, _, _ = forget(40)
    twice, taken, kept = forget(80)

    assert twice < 2.3 * once
    assert taken == {ids.key(disk(0, index)) for index in range(OF_EACH)} | {ids.key(disk(1, 3))}
    assert ids.key(disk(79, 3)) in kept, "the inventory of its subscription is not whole"


def test_resource_graph_whose_quota_is_the_narrowest_is_not_kept_waiting(
    simulator: Simulator, run_collect: Collect
) -> None:
    names = [subscription(number) for number in range(40)]
    simulator.serve(
        {
            "subscriptions": [{"subscriptionId": name, "displayName": name} for name in names],
            "resources": [
                {"id": disk(number, 0), "name": "d0", "type": "Microsoft.Compute/disks", "properties": {}}
                for number in range(40)
            ],
        }
    )

    summary, _ = run_collect(threads=2)

    assert summary.gaps == []
    asked = simulator.requests()
    counted = next(number for number, one in enumerate(asked) if "summarize" in one["body"])
    of_subscriptions = [number for number, one in enumerate(asked) if "/roleDefinitions" in one["path"]]
    assert len(of_subscriptions) == len(names)
    assert counted < of_subscriptions[2]


def test_more_calls_are_made_at_a_time_where_more_subscriptions_have_a_quota() -> None:
    chosen = [CollectOptions().threads_for(number) for number in range(1, 200)]
    assert chosen == sorted(chosen)
    assert (chosen[0], chosen[15], chosen[-1]) == (32, 32, 64)
    assert CollectOptions(threads=3).threads_for(100) == 3
