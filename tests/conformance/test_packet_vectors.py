"""Documented, published and crafted cases with exact answers, from the material beside the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.azure import addresses
from auditor.azure.ranges import Ranges
from auditor.network.address_book import GroupMembers, Route, Surroundings
from auditor.network.drawing import NOTHING
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.search import Search, SearchResult
from auditor.network.security_groups import parse_group
from auditor.network.security_rules import (
    PROTOCOLS,
    Direction,
    Match,
    SecurityGroup,
    parse_match,
)
from auditor.network.shadowing import Effect
from auditor.network.witness import PacketNumbers, example, values_for
from auditor.truth import Truth
from tests.conformance.material import vector_groups, vectors

# Security-admin rules are not decided: a subnet under a network manager is not known.
VECTORS = [vector for vector in vectors("nsg") if "admin_rules" not in vector]
QUESTIONS = {"only": "excess", "missing": "unmet", "reach": "permitted", "explicit": "undenied"}
ANY_FIELDS = {
    "protocol": "*",
    "sourceAddressPrefix": "*",
    "destinationAddressPrefix": "*",
    "sourcePortRange": "*",
    "destinationPortRange": "*",
}
IN_NETWORK = {"virtualappliance": True, "virtualnetworkgateway": True, "vnetlocal": True}


def row(body: Mapping[str, Any]) -> Match:
    absent = {key: value for key, value in ANY_FIELDS.items() if not any(name.startswith(key[:-1]) for name in body)}
    match, problems = parse_match(absent | dict(body))
    assert not problems
    return match


def surroundings(context: Mapping[str, Any]) -> Surroundings:
    routes = tuple(
        Route(addresses.must_parse(prefix), prefix, IN_NETWORK.get(hop.lower()))
        for prefix, hop in context.get("udr", ())
    )
    groups = {
        name.lower(): GroupMembers(addresses.must_parse(*members))
        for name, members in context.get("asgs", {}).items()
        if members is not None
    }
    return Surroundings(
        addresses.must_parse(*context["vnet"]),
        addresses.must_parse(*context.get("peers", ())) if context.get("peers") else (),
        None if context.get("gateway") == "unknown" else (),
        routes,
        {tag.lower(): addresses.must_parse(*prefixes) for tag, prefixes in context.get("tags", {}).items()},
        groups,
    )


def chain_of(vector: Mapping[str, Any]) -> FilterChain:
    context = vector["context"]
    around = surroundings(context)
    direction = Direction(vector["direction"])
    local: Ranges = addresses.ANY
    if "subnet" in context and not context.get("ip_forwarding"):
        local = addresses.must_parse(context["subnet"])
    if "nic_address" in context:
        local = addresses.must_parse(context["nic_address"])
    ends = (addresses.ANY, local) if direction is Direction.INBOUND else (local, addresses.ANY)
    filters = tuple(
        Filter(group(one), direction, around, f"layer {place}") for place, one in enumerate(vector["layers"])
    )
    return FilterChain(filters, around, *ends)


def group(layer: Any) -> SecurityGroup | None:
    if layer is None:
        return None
    body = vector_groups()[layer] if isinstance(layer, str) else layer
    parsed = parse_group(
        "group", {"securityRules": body["rules"], "defaultSecurityRules": body.get("defaultSecurityRules")}
    )
    assert not parsed.undecidable
    return parsed


def ask(vector: Mapping[str, Any]) -> SearchResult:
    rows = [row(one) for one in vector.get("allowed", [vector.get("traffic", {})])]
    return getattr(Search(chain_of(vector), rows), QUESTIONS[vector["question"]])(rows)


VERDICTS = {
    "PASS": Truth.NO,
    "NO": Truth.NO,
    "FAIL": Truth.YES,
    "YES": Truth.YES,
    "UNKNOWN": Truth.UNKNOWN,
    "MAYBE": Truth.UNKNOWN,
}
TABLE_VECTORS = [v for v in VECTORS if v["question"] in QUESTIONS]


def ids(vectors: list[Any]) -> list[str]:
    return [str(vector["id"]) for vector in vectors]


def test_every_vector_is_asked() -> None:
    assert len(VECTORS) == 68


def probe(packet: Mapping[str, Any]) -> PacketNumbers:
    return PacketNumbers(
        addresses.must_parse(packet["source"])[0][0],
        addresses.must_parse(packet["destination"])[0][0],
        PROTOCOLS.index(packet["protocol"]),
        packet.get("source_port", 0),
        packet.get("destination_port", 0),
    )


def values_at(answer: SearchResult, packet: Mapping[str, Any]) -> set[bool]:
    """Whether a packet answers the question, under every valuation of the unknowns."""
    assert answer.decided is not None
    places = {value != NOTHING for value in values_for(answer.decided.encoding, answer.root, probe(packet))}
    return places or {False}


@pytest.mark.parametrize("vector", TABLE_VECTORS, ids=ids(TABLE_VECTORS))
def test_question(vector: Mapping[str, Any]) -> None:
    answer = ask(vector)
    expected = vector["expected"]
    assert answer.truth is VERDICTS[expected["verdict"]]
    for packet in expected.get("probes", ()):
        found = values_at(answer, packet)
        depends = answer.truth is Truth.UNKNOWN and packet["inside"]  # then it is inside for some valuation only
        assert found == {packet["inside"]} or (depends and True in found), packet
    assert answer.decided is not None
    names = {
        decider.rule.name
        for value in answer.decided.encoding.diagram.values(answer.root) - {NOTHING}
        for decider in answer.decided.table[value].deciders
    }
    assert names == {name for line in expected.get("answer_set", ()) for name in line["rules"]}
    if "witness" in expected:
        assert True in values_at(answer, expected["witness"])
        own = example(answer.decided.encoding, answer.proof.root)
        assert own is not None
        assert True in values_at(answer, own.as_json())
        if answer.truth is Truth.YES and not own.assuming:
            assert values_at(answer, own.as_json()) == {True}


RULE_VECTORS = [v for v in VECTORS if v["question"] == "rules"]


@pytest.mark.parametrize("vector", RULE_VECTORS, ids=ids(RULE_VECTORS))
def test_rules_without_effect(vector: Mapping[str, Any]) -> None:
    search = Search(chain_of(vector))
    assert search.decided is not None
    found = search.decided.effects()
    expected = vector["expected"]
    for effect in (Effect.VACUOUS, Effect.SHADOWED, Effect.REDUNDANT):
        names = [one.rule.name for one in found if one.effect is effect]
        assert sorted(names) == sorted(expected.get(effect.value, ())), effect
    for name, by in expected.get("shadowed_by", {}).items():
        assert [rule.name for one in found if one.rule.name == name for rule in one.by] == by


PACKET_VECTORS = [v for v in VECTORS if v["question"] == "packet"]


@pytest.mark.parametrize("vector", PACKET_VECTORS, ids=ids(PACKET_VECTORS))
def test_packet(vector: Mapping[str, Any]) -> None:
    search = Search(chain_of(vector))
    packet = vector["packet"]
    [value] = values_for(search.decided.encoding, search.decided.root, probe(packet))
    disposition = search.decided.table[value]
    assert disposition.is_allowed is (vector["expected"]["access"] == "Allow")
    assert [decider.rule.name for decider in disposition.deciders] == vector["expected"]["rules"]
