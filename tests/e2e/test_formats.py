"""The formats from the front door: what is asked for is written, where it belongs, or refused before any work."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import GROUP, Run, command, environment, estate, read_terminal, storage
from tests.report.agents import azure_commands, github_commands

_EVIL = "Ops ##vso[task.complete result=Succeeded]\n::error::x"


def test_github_gets_annotations_and_people_the_step_summary(run: Run, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    path = estate(tmp_path, storage(_EVIL, supportsHttpsTrafficOnly=False))
    options = ("--complete", "--allow-incomplete", "--exit-zero", "--select", "storage-https-only")
    ended = run("evaluate", path, *options, "-o", "github", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert {each.name for each in github_commands(ended.out)} <= {"error", "warning", "notice"}
    assert azure_commands(ended.out) == []
    told = summary.read_text()
    assert told.startswith("before\n## ")
    assert github_commands(told) == azure_commands(told) == []
    without = run("evaluate", path, *options, "-o", "csv", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert (without.code, summary.read_text()) == (0, told)


def test_a_step_summary_that_cannot_be_written_is_said_and_the_annotations_are_there(run: Run, tmp_path: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": str(tmp_path / "none" / "summary.md")}
    ended = run(
        "evaluate", estate(tmp_path, storage(minimumTlsVersion="TLS1_0")), "--complete", "-o", "github", env=env
    )
    assert (ended.code, bool(github_commands(ended.out))) == (2, True)
    assert "cannot be written" in ended.err


def test_azure_pipelines_gets_issues_and_no_other_command(run: Run, tmp_path: Path) -> None:
    ended = run(
        "evaluate", estate(tmp_path, storage(_EVIL, minimumTlsVersion="TLS1_0")), "--complete", "-o", "azure-devops"
    )
    commands = azure_commands(ended.out)
    assert {each.name for each in commands} == {"task.logissue"}
    assert all(set(each.properties) == {"type", "code"} for each in commands)
    assert len(github_commands(ended.out)) == 0


@pytest.mark.parametrize("name", ["github", "azure-devops"])
def test_a_percent_and_a_bracket_reach_the_reader_of_a_command(name: str, run: Run, tmp_path: Path) -> None:
    path = estate(tmp_path, storage("50%0A];x", minimumTlsVersion="TLS1_0"))
    ended = run("evaluate", path, "--complete", "-o", name)
    read = github_commands if name == "github" else azure_commands
    assert any(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/50%0A];x" in each.data for each in read(ended.out))


def test_a_workbook_goes_to_a_file_or_a_pipe_and_not_to_a_terminal(run: Run, tmp_path: Path) -> None:
    path = estate(tmp_path, storage())
    assert run("evaluate", path, "--complete", "-o", "xlsx=a.xlsx").out == ""
    assert (tmp_path / "a.xlsx").read_bytes().startswith(b"PK")
    arguments = command("evaluate", path, "-o", "xlsx")
    piped = subprocess.run(arguments, cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=False)
    assert piped.stdout.startswith(b"PK")
    ours, theirs = os.openpty()
    ended = subprocess.run(
        arguments, cwd=tmp_path, env=environment(tmp_path), stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert (ended.returncode, read_terminal(ours)) == (2, "")
    assert ended.stderr.decode() == (
        "auditor: --output xlsx: is no text for a terminal (name a file: --output xlsx=report.xlsx)\n"
    )


def test_without_the_package_for_excel_it_is_said_which_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['xlsxwriter'] = None; sys.argv[1:] = ['demo', '-o', 'xlsx=a']"
    code += "; from auditor.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.decode() == (
        "auditor: the format xlsx needs the package XlsxWriter, which is not installed"
        " (run: pip install 'estate-auditor[xlsx]')\n"
    )


def test_a_csv_is_cut_as_was_asked_for_by_option_variable_or_settings(run: Run, tmp_path: Path) -> None:
    asked = ("evaluate", estate(tmp_path, storage()), "--as-of", "2024-02-20", "-o", "csv")
    by_option = run(*asked, "--csv-delimiter", "semicolon", "--csv-bom").out
    by_variable = run(*asked, env={"AUDITOR_CSV_DELIMITER": "semicolon", "AUDITOR_CSV_BOM": "1"}).out
    plain = run(*asked).out
    (tmp_path / "auditor.toml").write_text('csv-delimiter = "semicolon"\ncsv-bom = true\n')
    by_settings = run(*asked).out
    assert by_option == by_variable == by_settings
    assert by_option.startswith("\ufeffschema_version;run_id;")
    rows = csv.reader(io.StringIO(by_option.removeprefix("\ufeff"), newline=""), delimiter=";")
    assert list(rows) == list(csv.reader(io.StringIO(plain, newline="")))


def test_the_first_version_of_the_json_stays_for_a_while(run: Run, tmp_path: Path) -> None:
    path = estate(tmp_path, storage())
    first = run("evaluate", path, "--complete", "-o", "json", "--json-version", "1").report
    second = run("evaluate", path, "--complete", "-o", "json").report
    assert (first["schema_version"], second["schema_version"]) == (1, 2)
    shared = ("rule_id", "status", "resource_id", "message", "fingerprint", "controls")
    assert [[each[key] for key in shared] for each in first["findings"]] == [
        [each[key] for key in shared] for each in second["findings"]
    ]
    for each in first["findings"]:
        assert each["remediation"]["text"] == second["rules"][each["rule_id"]]["remediation"]
