"""Questions from practice whose answer is in routes, peerings of subnets, firewalls and ways out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.test_field_inputs import asked

ANSWERS = {"H01": "unknown", "H02": "no", "H04": "unknown", "H05": "no", "H06": "yes"}


@pytest.mark.parametrize("name", ANSWERS)
def test_packets_are_followed_by_routes(name: str, tmp_path: Path) -> None:
    code, answer, _ = asked(name, tmp_path)
    [record] = answer["records"]
    assert record["answer"] == ANSWERS[name]
    assert code == (2 if ANSWERS[name] == "unknown" else 0)


def test_a_flow_between_spokes_is_inspected_by_the_firewall(tmp_path: Path) -> None:
    _, answer, _ = asked("H01", tmp_path)
    [inspector] = answer["records"][0]["inspected_by"]
    assert inspector.endswith("/azureFirewalls/afw")


def test_the_answer_about_an_endpoint_does_not_name_the_next_hop(tmp_path: Path) -> None:
    _, answer, err = asked("H06", tmp_path)
    assert "172.20.0.100" not in str(answer) + err
    assert answer["records"][0]["inspected_by"] == "no"
