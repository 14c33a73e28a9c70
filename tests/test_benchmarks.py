"""The benchmarks measure what they say: estates in which no two workloads are alike, and ratios that can get worse."""

from __future__ import annotations

import json
from collections import Counter
from importlib import import_module
from typing import Any

import pytest

from benchmarks import estate
from benchmarks.regression import RECORDED, worse


@pytest.fixture(scope="module")
def resources() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(estate.document(1_000))["resources"]
    return found


def of_type(resources: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in resources if each["type"].lower() == name.lower()]


def test_an_estate_has_as_many_resources_as_asked_for_and_is_always_the_same(resources: list[dict[str, Any]]) -> None:
    assert len(resources) == 1_000
    assert estate.document(300) == estate.document(300)


def test_no_two_resources_share_an_id_and_no_two_sites_a_host_name(resources: list[dict[str, Any]]) -> None:
    ids = Counter(each["id"].lower() for each in resources)
    hosts = Counter(
        host.lower()
        for site in of_type(resources, "Microsoft.Web/sites")
        for host in site["properties"].get("hostNames", ())
    )

    assert [each for each, times in ids.items() if times > 1] == []
    assert hosts
    assert [each for each, times in hosts.items() if times > 1] == []


def test_workloads_have_addresses_of_their_own_and_share_a_hub(resources: list[dict[str, Any]]) -> None:
    networks = of_type(resources, "Microsoft.Network/virtualNetworks")
    spaces = [tuple(each["properties"]["addressSpace"]["addressPrefixes"]) for each in networks]
    hub = next(each for each in networks if "/rg-hub-" in each["id"])
    peered = {each["properties"]["remoteVirtualNetwork"]["id"] for each in hub["properties"]["virtualNetworkPeerings"]}

    assert len(set(spaces)) == len(networks) == 1 + 1_000 // estate.SHARE
    assert peered == {each["id"] for each in networks if each is not hub}
    assert len(of_type(resources, "Microsoft.Network/privateEndpoints")) > estate.ENDPOINTS


def test_a_part_of_an_estate_does_not_say_that_it_is_the_whole() -> None:
    part = json.loads(estate.document(300, is_whole=False))

    assert part["complete"] is False
    assert len(part["resources"]) == 270


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.parent.glob("[a-z]*.py")))
def test_each_benchmark_can_be_started(name: str) -> None:
    assert import_module(f"benchmarks.{name}").__doc__


def test_a_ratio_is_worse_when_it_is_half_as_high_again_as_recorded() -> None:
    assert worse({"a": 1.5, "b": 1.6, "new": 9.0}, {"a": 1.0, "b": 1.0, "gone": 1.0}) == ["b: 1.6, recorded 1.0"]


def test_what_grew_less_than_its_estate_may_grow_with_it() -> None:
    assert worse({"growth: a": 1.5, "growth: b": 1.6}, {"growth: a": 0.7, "growth: b": 0.7}) == [
        "growth: b: 1.6, recorded 0.7"
    ]


def test_what_is_recorded_tells_costs_growth_and_starts() -> None:
    recorded = json.loads(RECORDED.read_text())

    assert {name.partition(":")[0] for name in recorded} == {"cost", "growth", "start"}
    assert all(ratio > 0 for ratio in recorded.values())
