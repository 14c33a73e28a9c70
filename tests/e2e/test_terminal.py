"""What a person sees at a terminal, through a pager or not, and what a pipe gets instead."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.checkout import SAMPLE
from tests.e2e.command import auditor, command, environment, read_terminal

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m|\x1b]8;;[!-~]*\x1b\\")


def at_terminal(*arguments: str | Path, at: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the tool at a terminal of its own and return its exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    given = {**environment(at), "TERM": "xterm", **(env or {})}
    with subprocess.Popen(
        command(*arguments), cwd=at, env=given, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        shown = read_terminal(ours)
        code = process.wait(timeout=60)
    return code, shown.replace("\r\n", "\n")


def pager(folder: Path, script: str) -> str:
    """Return the command of a pager that leaves what it was given in a file."""
    path = folder / "pager"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("variable", ["AUDITOR_PAGER", "PAGER"])
def test_a_terminal_is_read_through_the_pager_and_the_exit_code_stays(variable: str, tmp_path: Path) -> None:
    env = {variable: pager(tmp_path, f"cat > {tmp_path}/seen; echo paged")}
    code, shown = at_terminal("evaluate", SAMPLE, "--complete", at=tmp_path, env=env)
    assert (code, shown) == (1, "paged\n")
    assert "failures (" in (tmp_path / "seen").read_text()


@pytest.mark.parametrize("left", ["head -c 10", "true", "exit 3"])
def test_a_pager_that_is_left_early_is_no_error(left: str, tmp_path: Path) -> None:
    code, shown = at_terminal("demo", at=tmp_path, env={"AUDITOR_PAGER": pager(tmp_path, left)})
    assert code == 0
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--no-pager"], {"PAGER": "false"}),
        ([], {"AUDITOR_NO_PAGER": "1", "PAGER": "false"}),
        ([], {"AUDITOR_PAGER": "", "PAGER": "false"}),
        ([], {"AUDITOR_PAGER": "cat"}),
        ([], {"AUDITOR_PAGER": "/there/is/none"}),
        ([], {"TERM": "dumb"}),
    ],
    ids=str,
)
def test_a_pager_can_be_declined(options: list[str], env: dict[str, str], tmp_path: Path) -> None:
    code, shown = at_terminal("demo", *options, at=tmp_path, env=env)
    assert code == 0
    assert "Failures by area and workload" in shown


def test_a_pipe_has_neither_pager_nor_links_nor_colour_and_the_worst_first(tmp_path: Path) -> None:
    env = {"PAGER": "false"}
    piped = auditor("demo", at=tmp_path, env=env).out
    _, shown = at_terminal("demo", "--no-pager", at=tmp_path, env=env)

    assert "\x1b" not in piped
    assert "\x1b]8;;https://portal.azure.com/#resource/subscriptions/" in shown
    plain = _ESCAPE.sub("", shown)
    assert piped.index("CRITICAL") < piped.index("HIGH") < piped.index("Notices") < piped.index("Summary")
    assert plain.index("Notices") < plain.index("HIGH") < plain.index("CRITICAL") < plain.index("Summary")
    verdict = re.compile(r"^\d+ failures .*$", re.MULTILINE)
    assert len(verdict.findall(piped)) == len(verdict.findall(plain)) == 1


def test_a_pipe_is_wide_enough_for_a_log_and_a_terminal_as_wide_as_it_is(tmp_path: Path) -> None:
    piped = auditor("demo", at=tmp_path, env={"COLUMNS": ""}).out
    assert 100 < max(map(len, piped.splitlines())) <= 120
    _, shown = at_terminal("demo", "--no-pager", at=tmp_path, env={"COLUMNS": "70"})
    assert max(map(len, _ESCAPE.sub("", shown).splitlines())) <= 70


@pytest.mark.parametrize("by", ["cause", "rule", "resource", "subscription", "workload", "control"])
def test_each_grouping_tells_the_same_failures(by: str, tmp_path: Path) -> None:
    out = auditor("demo", "--group-by", by, "--top", "0", "--compact", at=tmp_path).out
    counts = [int(found) for found in re.findall(r"^  (?:critical|high|medium|low|info) +(\d+)  ", out, re.MULTILINE)]
    failures = int(re.findall(r"^Failures \((\d+)\)", out, re.MULTILINE)[0])
    assert sum(counts) == failures if by != "control" else sum(counts) > failures
