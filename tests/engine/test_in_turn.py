"""What several processes do in turn is what one does, in the same order, whatever becomes of them; few parts are held."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.parallel import processes
from auditor.engine.parallel.ordered_parts import in_turn
from auditor.engine.parallel.processes import Bytes

HERE = os.getpid()
FORM: Bytes[bytes] = Bytes(pickle.dumps, pickle.loads)


@pytest.fixture(autouse=True)
def _can_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes be forked although the runner of the tests may have threads of its own."""
    monkeypatch.setattr(processes, "obstacle", lambda: "")


def about(part: int) -> bytes:
    """Return something of a part: nothing, a little, or more than a line between processes holds."""
    return str(part).encode() * (part % 3) * (50_000 if part % 5 == 0 else 1)


def done(work: Callable[[int], bytes], parts: int, number: int) -> list[bytes]:
    """Return what was taken, in its order."""
    taken: list[bytes] = []
    in_turn(work, parts, number, FORM, taken.append)
    return taken


@settings(max_examples=15, deadline=None)
@given(parts=st.integers(0, 40), number=st.integers(1, 4), slow=st.integers(0, 3))
def test_parts_are_taken_in_their_order(parts: int, number: int, slow: int) -> None:
    def work(part: int) -> bytes:
        time.sleep(0.002 if part % 4 == slow else 0)
        return about(part)

    assert done(work, parts, number) == list(map(about, range(parts)))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise MemoryError


@pytest.mark.parametrize("what", [_kill, _raise, lambda: os._exit(0)])
@pytest.mark.parametrize("parts_lost", [[0], [7], [3, 4, 5, 11], range(30)])
def test_what_a_process_did_not_give_is_done_here(what: Callable[[], object], parts_lost: list[int]) -> None:
    def work(part: int) -> bytes:
        if os.getpid() != HERE and part in parts_lost:
            what()
        return about(part)

    assert done(work, 30, 3) == list(map(about, range(30)))


def test_what_raises_everywhere_raises_here_after_what_came_before_it() -> None:
    def work(part: int) -> bytes:
        if part == 7:
            raise ValueError(part)
        return about(part)

    taken: list[bytes] = []
    with pytest.raises(ValueError, match="7"):
        in_turn(work, 20, 3, FORM, taken.append)
    assert taken == list(map(about, range(7)))


def test_no_process_outlives_the_work() -> None:
    started: set[int] = set()

    def work(part: int) -> bytes:
        return pickle.dumps(os.getpid()) if part < 20 else about(part)

    in_turn(work, 30, 3, FORM, lambda data: started.add(pickle.loads(data)) if data and data[:1] == b"\x80" else None)  # noqa: S301 - its own
    assert started
    assert HERE not in started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_where_no_more_processes_can_be_started_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    assert done(about, 5, 3) == list(map(about, range(5)))


def test_no_process_runs_far_ahead_of_the_turn() -> None:
    """The first part takes long: of a thousand others, few are done by then."""
    begun, noted = os.pipe()

    def work(part: int) -> bytes:
        os.write(noted, b".")
        if part == 0:
            time.sleep(0.3)
        return b""

    def take(_: bytes) -> None:
        if not counts:
            counts.append(len(os.read(begun, 4_096)))

    counts: list[int] = []
    in_turn(work, 1_000, 2, FORM, take)
    os.close(begun)
    os.close(noted)
    assert counts[0] <= 20


def test_when_this_process_is_gone_the_others_end() -> None:
    told, telling = os.pipe()

    def work(_: int) -> bytes:
        os.write(telling, f"{os.getpid()} ".encode())
        time.sleep(0.02)
        return b""

    middle = os.fork()
    if middle == 0:
        in_turn(work, 100_000, 2, FORM, lambda _: None)
        os._exit(0)
    time.sleep(0.4)
    os.kill(middle, signal.SIGKILL)
    os.waitpid(middle, 0)
    os.close(telling)
    seen = b""
    while data := os.read(told, 65_536):  # ends when nobody can write any more
        seen += data
    os.close(told)
    assert len(set(seen.split())) == 2
