"""Spare Python's cyclic collector what it would look at in vain: objects that stay, and those that are no garbage yet.

There is one collector for all threads. So who is the first to ask something of it notes how it was, and who is the last
puts it back, both under one lock: between looking and switching, another thread could do the same.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")
_AT_START: Final = gc.get_freeze_count()
"""Python 3.12 begins with some hundred frozen objects of its own."""


class _Wishes:
    """Who wants the collector to pause and who wants what there is to be spared, and how it was before the first of them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pausing: set[object] = set()
        self.was_on = True
        self.resting: set[object] = set()
        self.was_thawed = True


_WISHES: Final = _Wishes()


def _is_anything_frozen() -> bool:
    """Whether more is frozen than Python froze itself: thawing knows no halves, so that who freezes first has to thaw.

    Python counts what is frozen one by one: where a whole estate is, that takes longer than what is asked for.
    """
    return gc.get_freeze_count() > _AT_START


def paused(work: Callable[[], T]) -> T:
    """Return what some work returns that makes many objects that stay and no garbage: collecting would cost more than it.

    It is no context manager: the body of one is left for a while, or for ever, where there is a `yield` in it.
    """
    me = object()
    try:
        with _WISHES.lock:
            if not _WISHES.pausing:
                _WISHES.was_on = gc.isenabled()
            _WISHES.pausing.add(me)
            gc.disable()
        return work()
    finally:
        with _WISHES.lock:
            _WISHES.pausing.discard(me)
            if not _WISHES.pausing and _WISHES.was_on:
                gc.enable()
            if not _WISHES.resting and not _is_anything_frozen():
                gc.freeze()  # there and back they go among what is old, without a look at each
                gc.unfreeze()


@contextmanager
def at_rest() -> Iterator[None]:
    """Spare the collector all that there is, until the body is through; garbage in cycles that is made meanwhile it frees.

    What was spared already before (the caller may know that it stays) stays so.
    """
    me = object()
    try:
        with _WISHES.lock:
            if not _WISHES.resting:
                _WISHES.was_thawed = not _is_anything_frozen()
            _WISHES.resting.add(me)
            gc.freeze()
        yield
    finally:
        with _WISHES.lock:
            _WISHES.resting.discard(me)
            if not _WISHES.resting and _WISHES.was_thawed:
                gc.unfreeze()
