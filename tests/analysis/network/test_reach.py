"""One question, and all questions as a matrix, agree with a simulation of the reference implementation's rules."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.network.places import Places
from auditor.analysis.network.proof import Certainty
from auditor.analysis.network.reach import Reach, ask, find_end, matrix
from auditor.errors import InputError
from tests.analysis.reference import reference_context

APP, GATEWAY, ENDPOINTS, AGENTS = "snet-appServicePlan", "snet-appGateway", "snet-privateEndpoints", "snet-agents"
BASTION, JUMP, TRAINING, SCORING = "AzureBastionSubnet", "snet-jumpbox", "snet-training", "snet-scoring"
EVERY = {APP, GATEWAY, ENDPOINTS, AGENTS, BASTION, JUMP, TRAINING, SCORING}
INNER = {APP, ENDPOINTS, AGENTS, JUMP, TRAINING, SCORING}
REACHED = {
    APP: {443: INNER - {APP}, 22: INNER - {APP}, 445: INNER - {APP}, 8080: INNER - {APP} | {BASTION}},
    GATEWAY: {443: INNER, 22: INNER, 445: INNER, 8080: INNER | {BASTION}},
    ENDPOINTS: {443: set(), 22: set(), 445: set(), 8080: set()},
    AGENTS: {443: INNER - {AGENTS}, 22: INNER - {AGENTS}, 445: INNER - {AGENTS}, 8080: INNER - {AGENTS} | {BASTION}},
    BASTION: {443: set(), 22: INNER, 445: set(), 8080: INNER},
    JUMP: {443: {ENDPOINTS}, 22: {ENDPOINTS}, 445: {ENDPOINTS}, 8080: {ENDPOINTS}},
    TRAINING: {443: set(), 22: set(), 445: set(), 8080: set()},
    SCORING: {443: set(), 22: set(), 445: set(), 8080: set()},
}


@pytest.fixture(scope="module")
def context() -> Context:
    return reference_context()


@pytest.mark.parametrize("port", [443, 22, 445, 8080])
def test_matrix(context: Context, port: int) -> None:
    cells = matrix(context, Places(context), port=port, protocol="Tcp")
    assert len(cells) == 72
    for name in EVERY:
        found = {cell.destination for cell in cells if cell.source == name and cell.certainty is Certainty.YES}
        assert found - {"Internet"} == REACHED[name][port], name
        assert not [
            cell
            for cell in cells
            if cell.certainty is Certainty.MAYBE and "Internet" not in {cell.source, cell.destination}
        ]


def test_internet_egress_and_ingress(context: Context) -> None:
    cells = matrix(context, Places(context), port=443, protocol="Tcp")
    assert {c.source for c in cells if c.destination == "Internet" and c.certainty is Certainty.YES} == {
        APP,
        GATEWAY,
        AGENTS,
        BASTION,
        JUMP,
    }
    assert {c.destination for c in cells if c.source == "Internet" and c.certainty is Certainty.YES} == {
        GATEWAY,
        BASTION,
    }


def reach(context: Context, source: str, destination: str, **options: Any) -> Reach:
    places = Places(context)
    return ask(context, find_end(context, places, source), find_end(context, places, destination), **options)


def test_an_answer_names_the_rules_of_both_ends(context: Context) -> None:
    found = reach(context, AGENTS, "vm-jmp-chat01", port=3389, protocol="Tcp")
    assert found.certainty is Certainty.YES
    assert [str(line) for line in found.passes] == [
        ("TCP 3389, by Azure's default rule AllowVnetOutBound of nsg-agentsSubnet"
        " and Azure's default rule AllowVnetInBound of nsg-jumpboxSubnet")
    ]
    assert found.example is not None
    assert (found.example.source, found.example.destination) == ("10.0.2.36", "10.0.2.132")


def test_a_refusal_names_the_rule_that_stops(context: Context) -> None:
    found = reach(context, TRAINING, "10.0.2.4", port=443, protocol="Tcp")
    assert found.certainty is Certainty.NO
    assert [str(line) for line in found.stops] == ["TCP 443, by rule DenyAllOutBound"]


def test_an_address_of_the_outside(context: Context) -> None:
    found = reach(context, "8.8.8.8", JUMP, port=3389, protocol="Tcp")
    assert found.certainty is Certainty.NO
    assert [str(line) for line in found.stops] == ["TCP 3389, by Azure's default rule DenyAllInBound"]


@pytest.mark.parametrize("name", ["nowhere", "10.0.0.0/99", ""])
def test_what_is_not_there_is_refused_with_what_is(context: Context, name: str) -> None:
    with pytest.raises(InputError, match="snet-agents"):
        find_end(context, Places(context), name)


def test_ends_are_found_in_any_case_and_by_id(context: Context) -> None:
    places = Places(context)
    subnet = find_end(context, places, "SNET-AGENTS")
    assert subnet.place is not None
    assert find_end(context, places, subnet.place.subnet.id.upper()) == subnet
    assert find_end(context, places, "10.0.2.40").place == subnet.place
