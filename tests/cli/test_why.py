"""All that is known and judged of one resource, as a user asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.checkout import SAMPLE
from tests.e2e.command import GROUP, estate, in_process, storage

NSG = "nsg-assist-jump"


def test_the_page_tells_place_findings_connections_and_who_can_act(tmp_path: Path) -> None:
    ended = in_process("why", "oai-assist-sdc", "--input", SAMPLE, "--complete", at=tmp_path, env={"COLUMNS": "400"})
    assert (ended.code, ended.err) == (0, "")
    words = " ".join(ended.out.split())
    for told in (
        "plays openai of workload mlw-assist-sdc",
        "workload-foundation-delete-locked",
        "delete lock on oai-assist-sdc",
        "From the Internet oai-assist-sdc is closed",
        "private-endpoint-for pep-assist-oai",
        "can change, can delete, can give access id-assist-flow Owner on rg-assist-prod",
        "properties.disableLocalAuth true",
    ):
        assert told in words


def test_its_findings_are_those_of_evaluate(tmp_path: Path) -> None:
    own = in_process("why", NSG, "--input", SAMPLE, "--complete", "-o", "json", at=tmp_path).report
    whole = in_process("evaluate", SAMPLE, "--complete", "-o", "json", "--include-passed", at=tmp_path).findings
    there = [each for each in whole if (each["resource_id"] or "").endswith(f"/{NSG}")]
    assert [each["fingerprint"] for each in own["findings"]] == [each["fingerprint"] for each in there] != []
    assert all(own["resource"]["id"].lower() in {each["source"], each["target"]} for each in own["relations"])


def test_a_resource_is_named_by_id_in_any_case_too(tmp_path: Path) -> None:
    path = estate(tmp_path, storage("st1"))
    by_id = in_process("why", f"{GROUP}/providers/microsoft.storage/STORAGEACCOUNTS/ST1", "--input", path, at=tmp_path)
    assert by_id.out == in_process("why", "st1", "--input", path, at=tmp_path).out
    assert "st1" in by_id.out


def test_what_is_not_known_of_it_is_told_and_is_no_trustworthy_answer(tmp_path: Path) -> None:
    path = estate(tmp_path, storage("st1"))
    ended = in_process("why", "st1", "--input", path, at=tmp_path)
    assert ended.code == 2
    assert "What is not known" in ended.out
    assert in_process("why", "st1", "--input", path, "--allow-incomplete", at=tmp_path).code == 0


def test_no_secret_and_no_escape_sequence_is_shown(tmp_path: Path) -> None:
    body = storage("st1")
    body["tags"] = {"password": "hunter2hunter2", "x": "\x1b[31mred"}
    body["properties"]["connectionString"] = "AccountName=a;AccountKey=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0;"
    path = estate(tmp_path, body)
    for output in ("table", "json"):
        ended = in_process("why", "st1", "--input", path, "-o", output, at=tmp_path)
        assert "AccountName" in ended.out or "connectionString" in ended.out
        assert "hunter2" not in ended.out
        assert "c2VjcmV0" not in ended.out
        assert "\x1b" not in ended.out


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("st3", "'st3' is not in the estate (did you mean"),
        ("twin", "'twin' names 2 resources"),
        (GROUP, "was not read itself"),
    ],
)
def test_a_name_that_stands_for_no_one_resource_is_one_line(name: str, complaint: str, tmp_path: Path) -> None:
    other = {**storage("twin"), "id": storage("twin")["id"].replace("rg-test", "rg-other")}
    path = estate(tmp_path, storage("st1"), storage("twin"), other)
    ended = in_process("why", name, "--input", path, at=tmp_path)
    assert ended.code == 2
    assert complaint in ended.err
    assert len(ended.err.splitlines()) == 1


def test_the_same_question_has_the_same_bytes(tmp_path: Path) -> None:
    shuffled = json.loads(SAMPLE.read_text())
    shuffled["resources"].reverse()
    (tmp_path / "other.json").write_text(json.dumps(shuffled))
    one = in_process("why", NSG, "--input", SAMPLE, "--complete", "-o", "json", at=tmp_path)
    other = in_process("why", NSG, "--input", "other.json", "--complete", "-o", "json", at=tmp_path)
    assert one.out == other.out
