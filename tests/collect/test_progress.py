"""What a person at a terminal sees while Azure is read, and what stays of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from auditor.cli.progress import gap_lines, most_telling, time_left
from auditor.collect.progress import Pace, PartProgress, ProgressAccount
from auditor.model import Gap
from tests.collect.conftest import SUB, estate, resource
from tests.collect.test_scan import signed_in
from tests.e2e.command import auditor, command, environment, read_terminal
from tests.simulator.client import Simulator

_STEP = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+")
FORBIDDEN = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}
EVIL = "sub\x1b[2J ##vso[task.complete]\u202e"


class Screen:
    """A terminal that knows what the display uses: lines, up, and erase; it also keeps each frame."""

    def __init__(self) -> None:
        self.lines = [""]
        self.frames: list[str] = []
        self._row = 0

    def feed(self, text: str) -> None:
        for step in _STEP.findall(text):
            if step == "\n":
                self._row += 1
                self.lines += [""] * (self._row + 1 - len(self.lines))
            elif step == "\x1b[1A":
                self.frames += ["\n".join(self.lines)] if self._row == len(self.lines) - 1 else []
                self._row -= 1
            elif step == "\x1b[2K":
                self.lines[self._row] = ""
            elif step.startswith("\x1b"):
                assert re.fullmatch(r"\x1b\[[0-9;]*m", step), f"an order that nobody gave: {step!r}"
            elif step != "\r":
                self.lines[self._row] += step


def at_terminal(
    simulator: Simulator, at: Path, *more: str, size: tuple[int, int] = (100, 30), env: dict[str, str] | None = None
) -> tuple[int, Screen]:
    """Collect with a terminal of some columns and rows as standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    given_env = {**environment(at, signed_in(simulator)), "TERM": "xterm", "COLUMNS": str(size[0]), **(env or {})}
    given_env["LINES"] = str(size[1])
    screen = Screen()
    arguments = command("collect", "-o", "estate.snapshot", *more)
    with subprocess.Popen(arguments, cwd=at, env=given_env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = read_terminal(ours)
        process.wait(timeout=60)
    screen.feed(shown)
    return process.returncode, screen


def several(number: int) -> dict[str, Any]:
    """Return an estate of some subscriptions with a vault each."""
    ids = [f"00000000-0000-0000-0000-0000000{at:05}" for at in range(number)]
    vault = resource("Microsoft.KeyVault/vaults/kv")
    return {
        "subscriptions": [{"subscriptionId": one, "displayName": f"sub-{at}"} for at, one in enumerate(ids)],
        "resources": [{**vault, "id": vault["id"].replace(SUB, one)} for one in ids],
    }


def test_the_last_frame_shows_each_subscription_and_the_end_lines_name_the_gaps(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.serve(several(2), faults=[{"match": "kv/keys", **FORBIDDEN}])

    code, screen = at_terminal(simulator, tmp_path)

    endpoint, identity, *frame, summary, gap, end = screen.lines
    assert code == 2
    assert endpoint.startswith("Azure Resource Manager at")
    assert identity.startswith("signed in by ManagedIdentityCredential")
    assert [line.split()[0] for line in frame] == ["sub-0", "sub-1", "all", "everything"]
    for line in frame[:-1]:
        assert (done := re.search(r" (\d+)/(\d+) +done *$", line)), line
        assert done[1] == done[2]
    assert "2 subscriptions, 2 gaps" in summary
    assert gap.startswith("gap: Microsoft.KeyVault/vaults/keys of /subscriptions/00000000-0000-0000-0000-000000000000/")
    assert gap.endswith("/kv and 1 more: forbidden; Microsoft.KeyVault/vaults/keys/read settles it")
    assert end == ""
    assert re.search(r"sub-0 .* 0/[1-9]\d* +> \d+ s left", screen.frames[0])


@pytest.mark.parametrize("size", [(30, 30), (59, 8), (60, 6), (100, 5)])
def test_a_small_terminal_gets_no_line_that_is_too_long_and_no_more_lines_than_it_has(
    simulator: Simulator, tmp_path: Path, size: tuple[int, int]
) -> None:
    simulator.serve(several(14))

    code, screen = at_terminal(simulator, tmp_path, size=size)

    start = next(at for at, line in enumerate(screen.lines) if line.startswith("signed in")) + 1
    end = next(at for at, line in enumerate(screen.lines) if "14 subscriptions" in line)
    frame = screen.lines[start:end]
    assert code == 0
    assert len(frame) <= min(12, size[1] - 1)
    assert all(wcswidth(line) <= size[0] for line in frame)
    assert re.match(r"all 14\b.* done *$", frame[-2])


def test_a_subscription_with_an_evil_name_gives_the_terminal_no_orders(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(
        estate(resource("Microsoft.KeyVault/vaults/kv"), subscriptions=[{"subscriptionId": SUB, "displayName": EVIL}])
    )

    _, screen = at_terminal(simulator, tmp_path)  # the screen itself refuses any other order

    shown = "\n".join(screen.lines)
    assert r"sub\x1b[2J # #vso[task.complete]\u202e" in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("more", "env"), [(["--no-progress"], {}), (["-q"], {}), ([], {"TERM": "dumb"}), ([], {"AUDITOR_NO_PROGRESS": "1"})]
)
def test_who_wants_none_gets_no_frame(
    simulator: Simulator, tmp_path: Path, more: list[str], env: dict[str, str]
) -> None:
    simulator.serve(several(2))

    _, screen = at_terminal(simulator, tmp_path, *more, env=env)

    assert screen.frames == []
    assert not any(line.startswith("sub-") for line in screen.lines)


def test_a_pipe_gets_the_end_lines_and_no_frame(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(several(1), faults=[{"match": "kv/keys", **FORBIDDEN}])

    ended = auditor("collect", "-o", "x.snapshot", at=tmp_path, env=signed_in(simulator))

    assert "\x1b" not in ended.err
    assert [line.split()[0] for line in ended.err.splitlines()] == ["Azure", "signed", "2", "gap:"]


def test_rich_is_imported_at_a_terminal_only(simulator: Simulator, tmp_path: Path) -> None:
    simulator.serve(several(1))
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('rich.console' in sys.modules))\n"
        "from auditor.cli import main\n"
        "sys.argv = ['auditor', 'collect', '-o', 'x.snapshot']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(tmp_path, signed_in(simulator)),
        capture_output=True,
        check=True,
        text=True,
    )

    assert ended.stdout.splitlines() == ["False"]


_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("expect"), st.sampled_from("abx"), st.integers(0, 9)),
        st.tuples(st.sampled_from(["begin", "finish", "count"]), st.sampled_from("abx"), st.just(0)),
        st.tuples(st.just("settle"), st.just(""), st.integers(0, 2)),
    ),
    max_size=60,
)


@given(_EVENTS, st.lists(st.floats(0, 50), min_size=60, max_size=60))
def test_no_sum_runs_backwards_whatever_comes_in_which_order(
    events: list[tuple[str, str, int]], pauses: list[float]
) -> None:
    """A call ends only after it began; all else may come at any time."""
    account = ProgressAccount({"A": "one", "B": "two"}, Pace(10.0, 1.0, 4), 0.0)
    before: dict[str, tuple[int, int]] = {}
    under_way = dict.fromkeys("abx", 0)
    now = 0.0
    for (event, part, number), pause in zip(events, pauses, strict=False):
        now += pause
        match event:
            case "expect":
                account.expect(part, number)
            case "settle":
                account.settle(number)
            case "count":
                account.count(part)
            case "begin":
                account.begin(part)
                under_way[part] += 1
            case "finish" if under_way[part]:
                account.finish(part)
                under_way[part] -= 1
        parts, whole = account.parts(now)
        assert whole.done == sum(one.done for one in parts)
        for one in [*parts, whole]:
            assert 0 <= one.done <= one.total
            assert 0 <= one.seconds_left < float("inf")
            done, total = before.get(one.name, (0, 0))
            assert one.done >= done
            assert one.total >= total
            before[one.name] = one.done, one.total


def test_what_was_expected_and_needs_no_call_counts_as_done_once_that_is_clear() -> None:
    account = ProgressAccount({"a": "one"}, Pace(10.0, 1.0, 4), 0.0)
    account.expect("a", 5)
    account.begin("a")
    account.finish("a")

    account.settle(1)
    assert [(one.done, one.total) for one in account.parts(1.0)[0]] == [(4, 5)]
    account.settle()
    assert [(one.done, one.total, one.is_over) for one in account.parts(2.0)[0]] == [(5, 5, True)]


def test_the_time_left_is_the_quotas_before_anything_is_measured_and_then_the_measured() -> None:
    account = ProgressAccount({"a": "one"}, Pace(at_once=10.0, per_second=2.0, in_flight=4), 0.0)
    account.expect("a", 110)
    assert account.parts(0.0)[1].seconds_left == 50.0

    for _ in range(10):
        account.begin("a")
        account.finish("a")
    assert account.parts(10.0)[1].seconds_left == 100.0


@pytest.mark.parametrize(
    ("part", "spelled"),
    [
        (PartProgress("s", 0, 9, 0.2, is_counted=True), "1 s left"),
        (PartProgress("s", 0, 9, 59.4, is_counted=True), "59 s left"),
        (PartProgress("s", 0, 9, 61.0, is_counted=False), "> 2 min left"),
        (PartProgress("s", 0, 9, 3600.0, is_counted=True), "1 h 0 min left"),
        (PartProgress("s", 0, 9, 3599.0, is_counted=True), "1 h 0 min left"),
        (PartProgress("s", 0, 9, 7261.0, is_counted=True), "2 h 2 min left"),
        (PartProgress("s", 9, 9, 0.0, is_counted=True), "done"),
    ],
)
def test_time_is_told_in_few_characters(part: PartProgress, spelled: str) -> None:
    assert time_left(part) == spelled


def test_what_is_under_way_is_shown_before_what_waits_and_what_is_over() -> None:
    over, waiting, busy = (PartProgress(str(done), done, 9, 1.0, is_counted=True) for done in (9, 0, 5))

    assert most_telling([over, waiting, busy], 1) == [busy]
    assert most_telling([over, waiting, busy], 2) == [waiting, busy]


def test_five_kinds_of_gaps_are_named_and_the_rest_is_counted() -> None:
    gaps = [
        Gap(f"/s/{at}", f"type/{kind}", "forbidden", f"type/{kind}/read") for kind in range(7) for at in range(kind + 1)
    ]

    lines = list(gap_lines(gaps))

    assert lines[0] == "gap: type/6 of /s/0 and 6 more: forbidden; type/6/read settles it"
    assert len(lines) == 6
    assert lines[-1] == "gaps of other kinds: 3"
    assert list(gap_lines([Gap("/s", "type/x", "failed")])) == ["gap: type/x of /s: failed"]
    assert list(gap_lines([])) == []
