"""A terminal is told how far judging is, once it takes long; nothing else is."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from auditor import audit
from auditor.cli.judging_progress import JudgingLine, line_of, shown, spelled
from auditor.engine.parallel import processes
from auditor.engine.partwise import JudgingProgress
from auditor.inputs import read
from tests.audit.judging import shipped
from tests.checkout import SAMPLE
from tests.e2e.command import command, environment


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_appears_after_two_seconds_and_is_written_anew_four_times_a_second() -> None:
    out, clock = Terminal(), Clock()
    line = JudgingLine(out, clock)
    for tenths in range(31):
        clock.now = tenths / 10
        line(JudgingProgress(tenths, 100, tenths * 10))

    assert out.getvalue().count("judging") == 4
    assert out.getvalue().startswith("\r\x1b[2Kjudging 20% · 200 findings · 100 a second · 8 s left")
    line.clear()
    assert out.getvalue().endswith("\r\x1b[2K")


def test_what_takes_no_time_leaves_no_trace() -> None:
    out = Terminal()
    line = JudgingLine(out, Clock())
    line(JudgingProgress(1, 2, 3))
    line.clear()

    assert out.getvalue() == ""


def test_a_terminal_that_was_closed_is_written_to_no_more() -> None:
    out, clock = Terminal(), Clock()
    line = JudgingLine(out, clock)
    out.close()
    for clock.now in (3.0, 4.0):
        line(JudgingProgress(1, 2, 3))
    line.clear()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "1 s"), (59, "59 s"), (61, "2 min"), (3_540, "59 min"), (3_661, "1 h 2 min")]
)
def test_times_are_spelled_in_few_characters(seconds: float, text: str) -> None:
    assert spelled(seconds) == text


def test_nothing_is_known_of_the_time_that_is_left_before_anything_is_done() -> None:
    assert line_of(JudgingProgress(0, 10, 0), 3) == "judging 0% · 0 findings · 0 a second"


@pytest.mark.parametrize("number", [1, 2])
def test_all_parts_are_told_each_once_wherever_they_are_judged(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "obstacle", lambda: "")
    told: list[JudgingProgress] = []

    report = audit.audit(read.read(SAMPLE), shipped(), audit.Terms(complete=True, processes=number, watch=told.append))

    assert [each.done for each in told] == sorted({each.done for each in told})
    assert told[-1] == JudgingProgress(told[0].total, told[0].total, len(report.findings))


@pytest.mark.parametrize(("quiet", "term"), [(True, "xterm"), (False, "dumb")])
def test_who_wants_nothing_to_be_shown_gets_nothing(*, quiet: bool, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("auditor.cli.judging_progress._PATIENCE", 0)
    with shown(quiet=quiet) as watch:
        watch(JudgingProgress(1, 2, 3))

    assert out.getvalue() == ""


def test_a_terminal_sees_no_line_of_a_run_that_is_quick(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    seen: list[bytes] = []
    reading = threading.Thread(target=lambda: seen.append(os.read(master, 65_536)), daemon=True)
    reading.start()
    line = command("evaluate", SAMPLE, "-o", "csv=report.csv", "--complete")
    with subprocess.Popen(line, cwd=tmp_path, env=environment(tmp_path), stdout=slave, stderr=slave) as running:
        running.wait(60)
    os.write(slave, b"end")
    reading.join(10)
    os.close(slave)
    os.close(master)

    assert b"judging" not in b"".join(seen)
