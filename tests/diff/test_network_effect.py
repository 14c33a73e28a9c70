"""The packets that diff states are those that a naive reading, one packet at a time, finds to be let through or stopped."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.diff.estates import EDITS, estate, reach
from tests.diff.networks import READINGS, Net, edited, is_in, packets, pairs, random_net
from tests.estates.networks import NETWORK

Entries = list[dict[str, Any]]


def _between(entries: Entries, source: str, destination: str, *, certain: bool) -> list[dict[str, Any]]:
    ids = {name: name if name == "Internet" else f"{NETWORK}/subnets/{name}" for name in (source, destination)}
    ends = (ids[source], ids[destination], None)
    found = [one for one in entries if (one["from"], one["to"], one["door"]) == ends and one["certain"] is certain]
    assert len(found) <= 1, "one entry a pair"
    return [box for one in found for box in one["packets"]]


def _check(old: Net, new: Net, gained: Entries, lost: Entries) -> None:
    for source, destination in pairs():
        for entries, less, more in ((gained, old, new), (lost, new, old)):
            sure, unsure = (_between(entries, source, destination, certain=certain) for certain in (True, False))
            for packet in packets(source, destination):
                found = {
                    more.passes(source, destination, packet, reading)
                    and not less.passes(source, destination, packet, reading)
                    for reading in READINGS
                    if reading != "ICMP type" or packet.protocol != "Icmp" or packet.destination_port < 256
                }
                assert is_in(sure, packet) is (found == {True}), (source, destination, packet)
                assert is_in(unsure, packet) is (found == {True, False}), (source, destination, packet)


@pytest.mark.parametrize("seed", range(EDITS))
def test_packets_gained_and_lost_are_those_of_a_naive_reading(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)  # noqa: S311 - the same edits each time
    old = random_net(rng)
    new = edited(rng, old)
    before, after = estate(tmp_path, old.bodies()), estate(tmp_path, new.bodies())
    gained, lost = reach(before, after)
    _check(old, new, gained, lost)
    back_gained, back_lost = reach(after, before)
    assert [{**one, "by": []} for one in gained] == [{**one, "by": []} for one in back_lost]
    assert [{**one, "by": []} for one in lost] == [{**one, "by": []} for one in back_gained]
    assert all(one["by"] for one in (*gained, *lost)), "each effect has a change that made it"
    assert reach(after, after) == ([], [])


@pytest.mark.parametrize("seed", range(EDITS))
def test_edits_without_effect_give_nothing(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)  # noqa: S311 - the same edits each time
    net = random_net(rng)
    other = Net(copy.deepcopy(net.rules), copy.deepcopy(net.routes))
    for rules in other.rules.values():
        for rule in rules:
            rule["name"] = f"renamed-{rule['name']}"
            rule["properties"]["priority"] += 7
            rule["properties"]["description"] = "told otherwise"
        rng.shuffle(rules)
        shadowed = copy.deepcopy(rules[0])
        shadowed["name"], shadowed["properties"]["priority"] = "again", 4000
        rules.append(shadowed)
    for routes in other.routes.values():
        for route in routes:
            route["name"] = f"renamed-{route['name']}"
    assert reach(estate(tmp_path, net.bodies()), estate(tmp_path, other.bodies())) == ([], [])
