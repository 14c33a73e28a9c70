"""Inputs from practice that show less than an estate: nothing that was not seen in them is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.material import SHARED
from tests.e2e.command import in_process

FIELD = SHARED / "data" / "field"
READS_PROPERTIES = {"ACR-IAM-001", "STOR-TLS-001", "STOR-NET-001"}


def case(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((FIELD / "network-and-access" / f"{name}.json").read_text())
    return found


def service(name: str) -> Path:
    [found] = (FIELD / "services").glob(f"{name}-*")
    return found


def run(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    ended = in_process(*arguments, at=folder)
    return ended.code, ended.out, ended.err


def asked(name: str, folder: Path) -> tuple[int, Any, str]:
    """Return exit code, JSON answer (None without one) and messages of a case's own command."""
    given = case(name)
    source, report = folder / "input.json", folder / "report.json"
    source.write_text(json.dumps(given["input"]))
    words = [word.replace("INPUT", str(source)).replace("OUT", str(report)) for word in given["command"]]
    code, out, err = run(folder, *words)
    text = report.read_text() if report.exists() else out
    return code, json.loads(text) if text.strip() else None, err


def judged(source: Path, folder: Path, *options: str) -> tuple[int, Sequence[Mapping[str, Any]], str]:
    code, out, err = run(folder, "evaluate", source, "--include-passed", "--no-progress", "-o", "json", *options)
    return code, json.loads(out)["findings"] if out.strip() else [], err


def statuses(findings: Sequence[Mapping[str, Any]], *controls: str, about: str = "") -> set[str]:
    return {
        finding["status"]
        for finding in findings
        if set(controls) & set(finding["controls"].get("openai-chat", ())) and about in str(finding["resource_id"])
    }


@pytest.mark.parametrize("name", ["H14", "H17", "H21"])
def test_who_can_is_answered_from_what_people_export_of_access(name: str, tmp_path: Path) -> None:
    code, answer, _ = asked(name, tmp_path)
    assert code == 0
    assert [record["answer"] for record in answer["records"]] == ["yes"]


def test_properties_that_the_command_line_lifted_are_read(tmp_path: Path) -> None:
    _, report, _ = asked("H19", tmp_path)
    assert statuses(report["findings"], "ACR-IAM-001") == {"fail"}


def test_a_good_machine_in_the_command_lines_list_does_not_fail(tmp_path: Path) -> None:
    _, report, _ = asked("H20", tmp_path)
    assert not [f for f in report["findings"] if f["status"] == "fail" and "vmshop" in str(f["resource_id"])]


@pytest.mark.parametrize("options", [(), ("--complete",)])
def test_a_row_without_properties_says_nothing_about_them(options: tuple[str, ...], tmp_path: Path) -> None:
    source = tmp_path / "input.json"
    source.write_text(json.dumps(case("H22")["input"]))
    for path in (source, service("h13")):
        code, findings, _ = judged(path, tmp_path, *options)
        assert code == 2
        assert not {"pass", "fail"} & statuses(findings, *READS_PROPERTIES)
        assert statuses(findings, "ACR-IAM-001") == {"unknown"}


def test_what_powershell_prints_is_read(tmp_path: Path) -> None:
    _, report, _ = asked("H23", tmp_path)
    assert statuses(report["findings"], "ACR-IAM-001", about="crshop") == {"fail"}
    _, findings, _ = judged(service("h16"), tmp_path)
    assert statuses(findings, "KV-NET-001", about="kvb") == {"pass"}


def test_no_pass_rests_on_a_text_where_an_object_belongs(tmp_path: Path) -> None:
    code, report, _ = asked("H25", tmp_path)
    assert code == 2
    resting = [f for f in report["findings"] if any("networkAcls" in e["path"] for e in f["evidence"])]
    assert not [finding for finding in resting if finding["status"] == "pass"]
    told = statuses(report["findings"], "STOR-NET-002", about="stshop")
    assert "unknown" in told
    assert told <= {"unknown", "fail", "not_applicable"}  # the leg on closed endpoints: this one is open


def test_a_group_without_its_network_is_named(tmp_path: Path) -> None:
    code, report, _ = asked("H26", tmp_path)
    assert code == 2
    assert [f for f in report["findings"] if f["status"] in {"fail", "unknown"} and "nsg-web" in str(f["resource_id"])]


@pytest.mark.parametrize(("name", "word"), [("h17", "Terraform state"), ("h18", "ARM template"), ("h19", "CSV")])
def test_what_holds_no_estate_is_named_with_what_to_give_instead(name: str, word: str, tmp_path: Path) -> None:
    code, _, err = judged(service(name), tmp_path)
    assert code == 2
    assert word in err
    assert "az graph query" in err


def test_a_template_is_named(tmp_path: Path) -> None:
    code, _, err = asked("H24", tmp_path)
    assert (code, "ARM template" in err) == (2, True)


@pytest.mark.parametrize("select", [(), ("--select", "openai-*")])
def test_an_account_without_its_deployments_is_unknown(select: tuple[str, ...], tmp_path: Path) -> None:
    code, findings, _ = judged(service("h11"), tmp_path, *select)
    assert code == 2
    assert statuses(findings, "AOAI-CF-002") == {"unknown"}
    assert statuses(findings, "AOAI-CF-002", about="ai-c") == {"unknown"}


def test_where_nothing_was_judged_the_exit_code_is_no_success(tmp_path: Path) -> None:
    code, _, _ = judged(service("h12"), tmp_path, "--select", "openai-filter-*")
    assert code == 2


def test_the_command_lines_names_are_azures(tmp_path: Path) -> None:
    _, findings, _ = judged(service("h14"), tmp_path)
    assert statuses(findings, "STOR-TLS-001", "STOR-TLS-002", about="stb") == {"pass", "fail"}
    assert statuses(findings, "STOR-NET-001", about="stb") == {"pass"}
    _, findings, _ = judged(service("h15"), tmp_path)
    assert statuses(findings, "ACR-IAM-001", about="crb") == {"fail", "unknown"}  # anonymous pull is not printed


def test_pages_one_a_line_are_one_list(tmp_path: Path) -> None:
    _, findings, _ = judged(service("h20"), tmp_path)
    assert {"kvd", "kve"} <= {str(finding["resource_id"]).rpartition("/")[2] for finding in findings}


@pytest.mark.parametrize(
    ("name", "control", "right"),
    [
        ("h01", "APP-REL-001", {"pass"}),
        ("h02", "APP-REL-001", {"pass"}),
        ("h03", "APP-REL-001", {"not_applicable"}),
        ("h03", "APP-REL-002", {"not_applicable"}),
        ("h03", "APP-REL-003", {"not_applicable"}),
    ],
)
def test_plans_are_judged_by_what_their_tier_can(name: str, control: str, right: set[str], tmp_path: Path) -> None:
    _, findings, _ = judged(service(name), tmp_path, "--complete")
    assert statuses(findings, control, about="serverfarms") == right


def test_nothing_is_spread_by_the_platform_where_there_are_no_zones(tmp_path: Path) -> None:
    _, findings, _ = judged(service("h04"), tmp_path, "--complete")
    assert "pass" not in statuses(findings, "AGW-REL-001")
