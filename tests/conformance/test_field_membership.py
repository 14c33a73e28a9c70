"""Field cases on who takes part in a network, on platform subnets, and on groups without their network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.material import SHARED
from tests.e2e.command import in_process

FIELD = SHARED / "data" / "field" / "network-and-access"


def asked(name: str, folder: Path) -> tuple[int, Any]:
    """Return the exit code and the JSON answer of a case's own command."""
    case = json.loads((FIELD / f"{name}.json").read_text())
    source, report = folder / "input.json", folder / "report.json"
    source.write_text(json.dumps(_resources(case["input"])))
    words = [word.replace("INPUT", str(source)).replace("OUT", str(report)) for word in case["command"]]
    ended = in_process(*words, at=folder)
    return ended.code, json.loads(report.read_text() if report.exists() else ended.out)


def _resources(given: Any) -> Any:
    """Return the resources of a case: a list, or a base estate with resources put over it by id."""
    if isinstance(given, list):
        return given
    base = json.loads((SHARED.parent / given["base"]).read_text())
    put = {body["id"].lower(): body for body in given["put"]}
    kept = [body for body in base["resources"] if body["id"].lower() not in put]
    return {**base, "resources": [*kept, *put.values()]}


def about(report: Mapping[str, Any], control: str, name: str) -> Sequence[Mapping[str, Any]]:
    return [
        finding
        for finding in report["findings"]
        if control in finding["controls"].get("openai-chat", ()) and name in str(finding["resource_id"])
    ]


def test_a_rule_for_the_group_of_a_scale_set_decides_about_its_subnet(tmp_path: Path) -> None:
    code, answer = asked("H03", tmp_path)
    assert (code, [record["answer"] for record in answer["records"]]) == (0, ["yes"])


def test_rules_that_bastion_demands_are_never_superfluous(tmp_path: Path) -> None:
    _, report = asked("H07", tmp_path)
    assert {finding["status"] for finding in about(report, "NET-NSG-014", "nsg-data")} == {"pass"}
    assert {finding["status"] for finding in about(report, "NET-NSG-007", "AzureBastionSubnet")} == {"pass"}


def test_subnets_that_take_no_group_are_not_open(tmp_path: Path) -> None:
    _, report = asked("H08", tmp_path)
    assert {finding["status"] for finding in about(report, "NET-NSG-015", "/subnets/")} == {"pass"}


def test_addresses_of_instances_are_a_way_past_the_gateway(tmp_path: Path) -> None:
    _, report = asked("H09", tmp_path)
    assert [finding["status"] for finding in about(report, "NET-ENTRY-001", "vmss-batch")] == ["fail"]
    [entry] = about(report, "NET-ENTRY-001", "mlw-chat01")
    assert (entry["status"], "vmss-batch" in entry["message"]) == ("fail", True)


def test_what_a_load_balancer_leads_to_is_read_from_the_profile(tmp_path: Path) -> None:
    _, report = asked("H10", tmp_path)
    assert [finding["status"] for finding in about(report, "NET-ENTRY-001", "mlw-chat01")] == ["pass"]
    assert "fail" in {finding["status"] for finding in about(report, "NET-ENTRY-001", "pip-lb")}


@pytest.mark.parametrize("complete", [False, True])
def test_an_open_rule_of_a_group_without_its_network_is_said(complete: bool, tmp_path: Path) -> None:  # noqa: FBT001
    case = json.loads((FIELD / "H26.json").read_text())
    source = tmp_path / "input.json"
    source.write_text(json.dumps(case["input"]))
    options = ["--complete"] if complete else []
    ended = in_process("evaluate", source, "--no-progress", "-o", "json", *options, at=tmp_path)
    [finding] = [one for one in about(ended.report, "NET-NSG-015", "nsg-web") if "SSH" in one["message"]]
    assert finding["status"] == "unknown"
