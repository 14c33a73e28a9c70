"""A host name names one thing: a file that holds an estate and its copy binds each with its own, or says it cannot tell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.architecture.workloads import bind
from auditor.estate.graph import Estate
from auditor.estate.lookup import Lookup
from auditor.yaml_source import load_file
from tests.checkout import BASELINE
from tests.e2e.command import in_process
from tests.estates.chat import chat_bodies
from tests.estates.graph import Body, estate_of, renamed

_COMPONENTS: dict[str, Any] = load_file(BASELINE / "components.yaml").plain()
_OWN = next(iter(body["id"] for body in chat_bodies() if "/resourceGroups/" in body["id"])).split("/")[2]
_OTHER = "11111111-0000-4000-8000-000000000002"
_HOST = "app-one.azurewebsites.net"


def subscription(number: int) -> str:
    return f"/subscriptions/0000000{number}-0000-4000-8000-000000000000"


def site(group: str, name: str = "app-one") -> Body:
    return {"id": f"{group}/providers/Microsoft.Web/sites/{name}", "properties": {"defaultHostName": _HOST}}


def gateway(group: str) -> Body:
    pool = {"name": "p", "properties": {"backendAddresses": [{"fqdn": _HOST.upper()}]}}
    subnet = {"id": f"{group}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/gw"}
    return {
        "id": f"{group}/providers/Microsoft.Network/applicationGateways/agw",
        "properties": {
            "gatewayIPConfigurations": [{"properties": {"subnet": subnet}}],
            "backendAddressPools": [pool],
        },
    }


def endpoint(group: str, to: Body) -> Body:
    return {
        "id": f"{group}/providers/Microsoft.Network/privateEndpoints/pe",
        "properties": {
            "subnet": {"id": f"{group}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/pe"},
            "privateLinkServiceConnections": [{"properties": {"privateLinkServiceId": to["id"]}}],
        },
    }


def forwarded(estate: Estate, caller: Body) -> list[str]:
    return [resource.id for resource in estate.related(caller["id"], "backend")]


def test_a_copy_in_another_subscription_has_workloads_of_its_own() -> None:
    alone = bind(estate_of(chat_bodies()), {}, _COMPONENTS).all
    principals = {*re.findall(r'"principalId": "([^"]+)"', json.dumps(chat_bodies()))}
    copied = renamed(chat_bodies(), {_OWN: _OTHER, **{one: f"{one}2" for one in principals}})
    both = bind(estate_of([*chat_bodies(), *copied]), {}, _COMPONENTS).all

    assert len(both) == 2 * len(alone)
    for workload in both:
        own = workload.anchor.id.split("/")[2]
        assert {one.id.split("/")[2] for held in workload.bound().values() for one in held} == {own}
        assert {name: len(held) for name, held in workload.bound().items()} == {
            name: len(held) for name, held in alone[0].bound().items()
        }


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (f"{subscription(1)}/resourceGroups/rg", f"{subscription(2)}/resourceGroups/rg"),
        (f"{subscription(1)}/resourceGroups/other", f"{subscription(2)}/resourceGroups/rg"),
        (f"{subscription(1)}/resourceGroups/rg", f"{subscription(1)}/resourceGroups/other"),
    ],
)
def test_what_is_nearer_to_the_caller_is_called(near: str, far: str) -> None:
    caller, ours, theirs = gateway(f"{subscription(1)}/resourceGroups/rg"), site(near), site(far)
    estate = estate_of([caller, ours, theirs])

    assert forwarded(estate, caller) == [ours["id"]]
    assert estate.relation_gap(caller["id"], "backend") is None
    assert not estate.ambiguous_hosts


def test_what_has_an_endpoint_in_the_network_of_the_caller_is_called_though_another_is_in_its_group() -> None:
    group = f"{subscription(1)}/resourceGroups/rg"
    caller, connected, beside = gateway(group), site(f"{subscription(2)}/resourceGroups/apps"), site(group)

    assert forwarded(estate_of([caller, connected, beside, endpoint(group, connected)]), caller) == [connected["id"]]
    assert forwarded(estate_of([caller, connected, beside]), caller) == [beside["id"]]


def test_where_none_is_nearer_it_is_not_known_which_and_both_ends_say_so() -> None:
    caller = gateway(f"{subscription(1)}/resourceGroups/rg")
    first, second = (site(f"{subscription(number)}/resourceGroups/rg") for number in (2, 3))
    estate = estate_of([caller, first, second])

    assert forwarded(estate, caller) == []
    for resource_id, name in ((caller["id"], "backend"), (first["id"], "gateway"), (second["id"], "gateway")):
        gap = estate.relation_gap(resource_id, name)
        assert gap is not None
        assert gap.reason == (f"{_HOST} is the host name of {first['id']} and {second['id']}, and only one can have it")


def test_the_report_names_what_shares_a_host_name_and_the_backend_is_unknown(tmp_path: Path) -> None:
    caller = gateway(f"{subscription(1)}/resourceGroups/rg")
    first, second = (site(f"{subscription(number)}/resourceGroups/rg") for number in (2, 3))
    (tmp_path / "input.json").write_text(json.dumps([caller, first, second]))
    words = ("--complete", "--include-passed", "--no-progress", "-o", "json", "--select", "gateway-backend-private")

    ended = in_process("evaluate", "input.json", *words, at=tmp_path)

    report = json.loads(ended.out)
    assert [notice for notice in report["notices"] if first["id"] in notice and second["id"] in notice]
    found = {finding["status"] for finding in report["findings"] if finding["resource_id"] == caller["id"]}
    assert found == {"unknown"}


_KEYS = st.builds(
    lambda number, group, name: f"{subscription(number)}/resourcegroups/{group}/providers/n/t/{name}",
    st.integers(1, 3), st.sampled_from("ab"), st.sampled_from("xyz"),
)  # fmt: skip


@given(having=st.sets(_KEYS, max_size=5), caller=_KEYS, networks=st.sets(st.sampled_from("mn")), data=st.data())
def test_at_most_one_is_called_and_it_is_none_that_another_is_nearer_than(
    having: set[str], caller: str, networks: set[str], data: st.DataObject
) -> None:
    reached = {key: data.draw(st.sets(st.sampled_from("mn"))) for key in having}
    lookup = Lookup(hosts={_HOST: having}, reached=reached)

    def rank(key: str) -> tuple[bool, bool, bool]:
        parts, own = key.split("/"), caller.split("/")
        return (not reached[key] & networks, parts[2:5] != own[2:5], parts[2] != own[2])

    nearest = sorted(key for key in having if rank(key) == min(map(rank, having)))
    called = lookup.called(_HOST, caller, "uses", networks)

    assert list(called) == (nearest if len(nearest) == 1 else [])
    assert [one.candidates for one in lookup.ambiguous] == ([tuple(nearest)] if len(nearest) > 1 else [])
