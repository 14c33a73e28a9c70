"""Standard output carries the report and nothing else, in a shape that its reader can take."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from wcwidth import wcswidth

from tests.e2e.command import SAMPLE, auditor, command, environment, in_process, read_terminal

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _in_terminal(*arguments: str, at: Path) -> str:
    """Run the tool with a terminal as standard output and return what the terminal got."""
    ours, theirs = pty.openpty()
    env = {**environment(at), "TERM": "xterm"}
    with subprocess.Popen(command(*arguments), cwd=at, env=env, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = read_terminal(ours)
        process.wait(timeout=60)
    return shown


def test_several_formats_to_several_places_agree(tmp_path: Path) -> None:
    targets = ("-o", "json", "-o", "csv=r.csv", "-o", "markdown=r.md", "-o", "table=r.txt")
    ended = auditor("evaluate", SAMPLE, *targets, "--include-passed", at=tmp_path)
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [row["fingerprint"] for row in rows] == [one["fingerprint"] for one in ended.findings]
    assert (tmp_path / "r.md").read_text().startswith("#")
    assert "\x1b" not in (tmp_path / "r.txt").read_text()
    assert len({(tmp_path / name).stat().st_size for name in ("r.csv", "r.md", "r.txt")} - {0}) == 3


def test_remarks_go_to_standard_error_and_quiet_silences_them(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text())
    document["resources"] = [body for body in document["resources"] if "/workspaces" not in body["id"]]
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(document))
    loud = auditor("evaluate", path, "-o", "csv", at=tmp_path)
    quiet = auditor("evaluate", path, "-o", "csv", "--quiet", at=tmp_path)

    assert "note: " in loud.err
    assert quiet.err == ""
    assert loud.out == quiet.out
    assert {len(row) for row in csv.reader(loud.out.splitlines())} == {44}


_BROKEN = """
import sys
from msgspec.structs import replace
from auditor.analysis import registry
from auditor.cli import main

def look_for_what_is_not_there(context):
    return {}["x"]

registry.ANALYSES = tuple(
    replace(analysis, run=look_for_what_is_not_there) if analysis.name == "inventory" else analysis
    for analysis in registry.ANALYSES
)
main()
"""


@pytest.mark.parametrize(
    ("options", "tracebacks"),
    [
        (["evaluate", SAMPLE, "-o", "json"], 0),
        (["-vv", "evaluate", SAMPLE, "-o", "json"], 1),
        (["evaluate", SAMPLE, "-o", "json", "-vv"], 1),
    ],
    ids=["plain", "before the command", "after it"],
)
def test_what_goes_wrong_inside_is_an_unknown_and_its_traceback_is_shown_on_demand(
    options: list[str | Path], tracebacks: int, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _BROKEN, *map(str, options)],
        check=False, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    reasons = {finding["unknown_reason"] for finding in json.loads(ended.stdout)["findings"]}
    assert (ended.returncode, "analysis inventory failed: KeyError: 'x'" in reasons) == (2, True)
    assert ended.stderr.count("in look_for_what_is_not_there") == ended.stderr.count("Traceback") == tracebacks


def test_a_reader_that_goes_away_early_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("demo", "-q", "-o", "json"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        process.stdout.read(100)
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, said) == (0, b"")


def test_a_terminal_gets_colour_and_a_pipe_does_not(tmp_path: Path) -> None:
    shown = _in_terminal("demo", "--no-pager", at=tmp_path)
    piped = auditor("demo", at=tmp_path)

    assert _ESCAPE.search(shown)
    assert "\x1b" not in piped.out
    assert "\x1b" in auditor("demo", "--color", "always", at=tmp_path).out


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"AUDITOR_COLOR": "never"}], ids=str)
def test_colour_can_be_declined(setting: dict[str, str], tmp_path: Path) -> None:
    assert "\x1b" not in in_process("demo", at=tmp_path, env={"FORCE_COLOR": "1", **setting}).out


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("options", [[], ["--verbose", "--include-passed"]], ids=["short", "whole"])
def test_no_line_is_wider_than_the_terminal(width: int, options: list[str], tmp_path: Path) -> None:
    shown = in_process("demo", *options, at=tmp_path, env={"COLUMNS": str(width)}).out
    wide = [line.strip() for line in shown.splitlines() if wcswidth(line) > width]
    assert [line for line in wide if " " in line and not line.startswith("az ")] == []  # ids and commands stay whole


def test_the_same_input_gives_the_same_bytes_from_a_file_and_from_a_pipe(tmp_path: Path) -> None:
    arguments = ("--as-of", "2024-06-01", "-o", "json")
    one = auditor("evaluate", SAMPLE, *arguments, at=tmp_path)
    other = auditor("evaluate", "-", *arguments, at=tmp_path, stdin=SAMPLE.read_bytes())
    assert (one.code, one.out) == (other.code, other.out)
