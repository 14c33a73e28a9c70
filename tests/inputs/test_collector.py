"""Python's collector goes on as it was when all who wanted it to pause are through, in whatever order threads do that."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from auditor.inputs import collector

_PATIENCE = 0.5


@contextmanager
def _remembering() -> Iterator[None]:
    """Pause as one would write it: each restores what it found. Two threads at once can leave it off."""
    was_on = collector.gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _by_what_it_found(work: Callable[[], object]) -> object:
    with _remembering():
        return work()


class _Meeting:
    """Stands for `gc`: who looks whether it is on, while another has paused it, goes on when that one is through."""

    def __init__(self) -> None:
        self.may_leave = threading.Event()
        self.has_left = threading.Event()

    def isenabled(self) -> bool:
        is_on = gc.isenabled()
        if not is_on:
            self.may_leave.set()
            self.has_left.wait(_PATIENCE)
        return is_on

    def __getattr__(self, name: str) -> object:
        return getattr(gc, name)


def _left_on(paused: Callable[[Callable[[], object]], object], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the collector is on after two threads paused it, the second when the first was about to leave."""
    meeting, has_come = _Meeting(), threading.Event()
    monkeypatch.setattr(collector, "gc", meeting)

    def stay() -> None:
        has_come.set()
        meeting.may_leave.wait(_PATIENCE)

    def first() -> None:
        paused(stay)
        meeting.has_left.set()

    thread = threading.Thread(target=first)
    thread.start()
    has_come.wait()
    assert not gc.isenabled()
    paused(lambda: None)
    thread.join()
    is_on = gc.isenabled()
    gc.enable()
    return is_on


def test_two_threads_that_pause_it_at_once_leave_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _left_on(_by_what_it_found, monkeypatch), "the order that the test makes is the one that matters"
    assert _left_on(collector.paused, monkeypatch)


def test_it_pauses_until_the_last_is_through() -> None:
    def inner() -> bool:
        return gc.isenabled()

    def outer() -> tuple[bool, bool, bool]:
        return gc.isenabled(), collector.paused(inner), gc.isenabled()

    assert collector.paused(outer) == (False, False, False)
    assert gc.isenabled()


def test_where_it_was_off_it_stays_off() -> None:
    gc.disable()
    try:
        collector.paused(lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_raises_leaves_it_on() -> None:
    def fail() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        collector.paused(fail)
    assert gc.isenabled()


def test_who_is_interrupted_before_the_work_leaves_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def disable() -> None:
        gc.disable()
        raise TimeoutError  # as a signal would, which comes when it likes

    class Interrupted:
        isenabled, enable, freeze, unfreeze = gc.isenabled, gc.enable, gc.freeze, gc.unfreeze
        get_freeze_count = gc.get_freeze_count

    monkeypatch.setattr(Interrupted, "disable", staticmethod(disable), raising=False)
    monkeypatch.setattr(collector, "gc", Interrupted)
    with pytest.raises(TimeoutError):
        collector.paused(lambda: None)
    assert gc.isenabled()


def test_a_generator_that_is_left_in_the_middle_does_not_keep_it_off() -> None:
    def lines() -> Iterator[int]:
        yield 1
        yield 2

    def suspended() -> Iterator[int]:
        with _remembering():
            yield 1
            yield 2

    left = suspended()
    next(left)
    assert not gc.isenabled(), "a context manager lets that happen"
    left.close()

    left = collector.paused(lines)
    next(left)
    assert gc.isenabled()


class _Knot:
    def __init__(self) -> None:
        self.own = self


def test_what_is_at_rest_is_looked_at_again_when_the_last_is_through() -> None:
    before = gc.get_freeze_count()
    with collector.at_rest():
        with collector.at_rest():
            knot = weakref.ref(_Knot())
            gc.collect()
            assert knot() is None
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() <= before  # fewer where Python began with some of its own, and these were thawed, too
