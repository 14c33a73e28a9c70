"""What nothing but the absence of something else binds is not bound, where that may only not have been seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.architecture.workloads import Workload, bind, may_have
from auditor.model import Gap
from tests.architecture.test_workloads import DECLARATIONS, names, one, second, without
from tests.estates.chat import chat_bodies
from tests.estates.graph import Body, estate_of, renamed

Roles = frozenset[tuple[str, str]]


def _two_in_one_network() -> list[Body]:
    bodies = chat_bodies()
    copied = without(second(bodies), "/virtualNetworks/", "/bastionHosts/", "/virtualMachines/", "nic-jmp", "pip-ab-")
    network = one(bodies, "vnet-chat01")["id"]
    return bodies + renamed(copied, {network.replace("rg-chat", "rg-two").replace("chat01", "chat02"): network})


def _with_build_agents() -> list[Body]:
    bodies = chat_bodies()
    machine = [item for item in bodies if item["name"] in {"vm-jmp-chat01", "nic-jmp-chat01"}]
    words = {"vm-jmp-chat01": "vm-agent", "nic-jmp-chat01": "nic-agent", "snet-jumpbox": "snet-agents"}
    return bodies + renamed(machine, words)


def _with_loose_ones() -> list[Body]:
    bodies = chat_bodies()
    loose = ("crchat01", "appi-chat01", "log-chat01", "agw-chat01", "oai-chat01")
    return bodies + renamed([one(bodies, name) for name in loose], {name: f"{name}-loose" for name in loose})


def _two() -> list[Body]:
    bodies = chat_bodies()
    return bodies + second(bodies)


ESTATES: Mapping[str, Callable[[], Sequence[Body]]] = {
    "one workload": chat_bodies,
    "two workloads": _two,
    "two workloads in one network": _two_in_one_network,
    "build agents beside the jump box": _with_build_agents,
    "resources that nothing is connected to": _with_loose_ones,
}


def _roles(bodies: Sequence[Body], gaps: Sequence[Gap] = (), *, complete: bool = False) -> Roles:
    """Return which resource is which component in any workload of an estate, an open one unless it is said otherwise."""
    found = bind(estate_of(bodies, complete=complete, gaps=gaps), {}, DECLARATIONS)
    return frozenset(
        (component, resource.key)
        for workload in found.all
        for component in workload.bindings
        for resource in workload.resources(component)
    )


_BODIES = {name: list(estate()) for name, estate in ESTATES.items()}
_ROLES = {name: _roles(bodies) for name, bodies in _BODIES.items()}


def _is_anchor(body: Body) -> bool:
    return str(body["type"]).lower() == "microsoft.machinelearningservices/workspaces"


@pytest.mark.parametrize("estate", ESTATES)
@given(data=st.data())
def test_nothing_is_bound_because_something_else_was_not_seen(estate: str, data: st.DataObject) -> None:
    bodies = _BODIES[estate]
    places = st.integers(0, len(bodies) - 1).filter(lambda place: not _is_anchor(bodies[place]))
    gone = data.draw(st.sets(places, min_size=1, max_size=4))
    rest = [body for place, body in enumerate(bodies) if place not in gone]

    assert _roles(rest) <= _ROLES[estate]


_WHOLE = {name: _roles(bodies, complete=True) for name, bodies in _BODIES.items()}


@pytest.mark.parametrize("estate", ESTATES)
@given(data=st.data())
def test_nothing_is_bound_because_the_properties_of_something_else_were_not_read(
    estate: str, data: st.DataObject
) -> None:
    bodies = _BODIES[estate]
    places = st.integers(0, len(bodies) - 1).filter(lambda place: not _is_anchor(bodies[place]))
    unread = data.draw(st.sets(places, min_size=1, max_size=4))
    gaps = [Gap(str(bodies[place]["id"]), "properties", "forbidden") for place in unread]

    assert _roles(bodies, gaps, complete=True) <= _WHOLE[estate]


def _open(bodies: Sequence[Body], *, complete: bool = False, gaps: Sequence[Gap] = ()) -> tuple[Workload, list[str]]:
    estate = estate_of(bodies, complete=complete, gaps=gaps)
    found = bind(estate, {}, DECLARATIONS)
    [workload] = found.all
    unknown = [one.name for one in found.declared if may_have(estate, found, workload, one.name) is not None]
    return workload, unknown


def test_the_only_candidate_is_taken_only_where_there_are_no_others() -> None:
    bodies = without(chat_bodies(), "/applicationGateways/", "/sites/app-chat01-pf")

    whole, unknown = _open(bodies, complete=True)
    assert names(whole)["chat-ui"] == ["app-chat01"]
    assert "chat-ui" not in unknown

    workload, unknown = _open(bodies)
    assert "chat-ui" not in workload.bindings
    assert "chat-ui" in unknown
    assert "chat-ui is not bound: nothing connects app-chat01, and there may be others" in workload.notices


def test_the_only_candidate_may_have_had_rivals_in_a_list_that_was_refused() -> None:
    bodies = without(chat_bodies(), "/applicationGateways/", "/sites/app-chat01-pf")
    refused = Gap("/subscriptions/00000000-0000-0000-0000-0000000000b2", "Microsoft.Web/sites", "forbidden")

    workload, unknown = _open(bodies, complete=True, gaps=[refused])
    assert "chat-ui" not in workload.bindings
    assert "chat-ui" in unknown


def test_a_registry_that_the_workspace_names_and_that_was_not_seen_is_no_other() -> None:
    workload, unknown = _open(without(chat_bodies(), "/registries/crchat01"))

    assert "registry" not in workload.bindings
    assert "registry" in unknown


def test_a_machine_is_no_jump_box_while_the_subnet_of_that_name_may_hold_one() -> None:
    workload, unknown = _open(without(_with_build_agents(), "vm-jmp-chat01"))

    assert "jump-box" not in workload.bindings
    assert "jump-box" in unknown
