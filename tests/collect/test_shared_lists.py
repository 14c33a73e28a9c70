"""Record sets of a private DNS zone come in one list; where it cannot be believed, each type is asked for by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditor import resource_id as ids
from auditor.collect.operations import SHIPPED
from tests.collect.conftest import SUB, Collect, estate, resource
from tests.collect.memory import MemorySink
from tests.simulator.client import Simulator
from tests.simulator.faults import ITEM, LINK

ZONES = "Microsoft.Network/privateDnsZones"
NAMES = ("privatelink.openai.azure.com", "privatelink.vaultcore.azure.net")
READ = ("A", "AAAA", "CNAME")
DENIED = {"error": {"code": "AuthorizationFailed", "message": "no"}}


def zones(number: int = len(NAMES)) -> dict[str, Any]:
    """Return zones with records of types that are read and one that is not, of which each zone holds others."""
    found = []
    for index, name in enumerate(NAMES[:number]):
        found.append(resource(f"{ZONES}/{name}"))
        for kind, records in (("A", ("oai", "www", "@")), ("AAAA", ("oai",)), ("CNAME", ("alias",)), ("MX", ("@",))):
            found += [resource(f"{ZONES}/{name}/{kind}/{one}") for one in records[index:]]
        found.append(resource(f"{ZONES}/{name}/virtualNetworkLinks/link"))
    return estate(*found)


def lists(simulator: Simulator) -> list[str]:
    """Return the last words of the lists that were asked of zones."""
    return [
        path.rpartition("/")[2]
        for path in simulator.paths()
        if re.search(rf"(?i)/{ZONES}/[^/]+/(ALL|A|AAAA|CNAME)$", path)
    ]


def kept(sink: MemorySink) -> dict[str, Any]:
    return {key: body for key, body in sink.bodies.items() if "/privatednszones/" in key}


def facets(sink: MemorySink) -> dict[Any, str]:
    return {place: remark.state for place, remark in sink.facets().items() if "/privatednszones/" in ids.key(place[0])}


@pytest.fixture
def apart(simulator: Simulator, run_collect: Collect) -> MemorySink:
    """Return what a cloud gives that has no list of all record sets."""
    simulator.serve(zones(), faults=[{"match": "/ALL[?]", "status": 404}])
    summary, sink = run_collect()
    assert summary.gaps == []
    return sink


def test_one_call_a_zone_brings_what_three_brought(
    simulator: Simulator, run_collect: Collect, apart: MemorySink
) -> None:
    simulator.serve(zones(), page_size=2)

    summary, sink = run_collect()

    assert summary.gaps == []
    assert set(lists(simulator)) == {"ALL"}
    assert kept(sink) == kept(apart)
    assert facets(sink) == facets(apart)
    assert {name for _, name in facets(sink)} >= {SHIPPED.of(f"{ZONES}/{kind}").name for kind in READ}
    found = {ids.type_of(key) for key in kept(sink)}
    assert found == {
        name.lower() for name in (ZONES, f"{ZONES}/virtualNetworkLinks", *(f"{ZONES}/{kind}" for kind in READ))
    }


FAULTS: dict[str, dict[str, Any]] = {
    "forbidden": {"status": 403, "body": DENIED},
    "not there": {"status": 404},
    "not understood": {"status": 400},
    "failing": {"status": 500},
    "nothing in it": {"status": 200, "body": {"value": []}},
    "an object": {"status": 200, "body": {"properties": {}}},
    "cut short": {"do": "truncate"},
}
OF_A_PAGE = {**{name: {"do": name, "all": True} for name in ITEM}, **{f"last {name}": {"do": name} for name in ITEM}}
OF_LINKS = {name: {"do": name} for name in LINK}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_where_the_list_is_refused_each_type_is_asked_for(
    simulator: Simulator, run_collect: Collect, apart: MemorySink, fault: dict[str, Any]
) -> None:
    simulator.serve(zones(), faults=[{"match": "^GET .*/ALL[?]", **fault}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert kept(sink) == kept(apart)
    assert facets(sink) == facets(apart)
    assert sorted(set(lists(simulator))) == sorted([*READ, "ALL"])


@pytest.mark.parametrize("fault", (OF_A_PAGE | OF_LINKS).values(), ids=(OF_A_PAGE | OF_LINKS).keys())
def test_a_list_that_cannot_be_believed_hides_no_record(
    simulator: Simulator, run_collect: Collect, apart: MemorySink, fault: dict[str, Any]
) -> None:
    simulator.serve(zones(), faults=[{"match": "^PAGE .*/ALL ", **fault}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert kept(sink) == kept(apart)
    assert facets(sink) == facets(apart)


def test_a_list_that_a_subscription_refuses_is_asked_for_once(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(zones(), faults=[{"match": "^GET .*/ALL[?]", "status": 403, "body": DENIED}])

    summary, _ = run_collect(threads=1)

    assert summary.gaps == []
    assert lists(simulator).count("ALL") == 1
    assert len(lists(simulator)) == 1 + len(READ) * len(NAMES)


def test_a_collection_that_goes_on_asks_for_what_it_lacks(simulator: Simulator, run_collect: Collect) -> None:
    simulator.serve(zones(1))
    sink = MemorySink()
    zone = f"/subscriptions/{SUB}/resourceGroups/rg/providers/{ZONES}/{NAMES[0]}"
    done = [(zone, SHIPPED.of(f"{ZONES}/{kind}").name, "complete", "") for kind in READ]

    sink.facet_all(done[:2])
    run_collect(sink=sink)

    assert lists(simulator) == ["CNAME"]
    sink.facet_all(done)
    simulator.serve(zones(1))
    run_collect(sink=sink)
    assert lists(simulator) == []


def test_a_zone_that_was_deleted_meanwhile_is_gone(simulator: Simulator, run_collect: Collect) -> None:
    served = zones()
    zone = next(one["id"] for one in served["resources"] if one["name"] == NAMES[0])
    simulator.serve(served, faults=[{"match": f"^GET .*{NAMES[0]}/ALL[?]", "do": "delete", "id": zone, "times": 1}])

    summary, sink = run_collect()

    assert summary.gaps == []
    assert ids.key(zone) in {ids.key(own_id) for own_id in summary.gone}
    assert not any(ids.is_under(key, zone) for key in sink.bodies)
    assert any(NAMES[1] in key for key in kept(sink))
