"""Spare Python's cyclic collector what it would look at in vain: objects that stay, and those that are no garbage yet."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_AT_START: Final = gc.get_freeze_count()
"""Python 3.12 begins with some hundred frozen objects of its own."""


def _is_anything_frozen() -> bool:
    """Whether more is frozen than Python froze itself: thawing knows no halves, so that who freezes first has to thaw."""
    return gc.get_freeze_count() > _AT_START


@contextmanager
def paused() -> Iterator[None]:
    """Pause the collector while the body makes many objects that stay and no garbage: collecting costs more than it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not _is_anything_frozen():  # there and back they go among what is old, without a look at each
            gc.freeze()
            gc.unfreeze()
        if was_on:
            gc.enable()


@contextmanager
def at_rest() -> Iterator[None]:
    """Spare the collector all that there is, until the body is through; garbage in cycles that is made meanwhile it frees.

    What was spared already before (the caller may know that it stays) stays so.
    """
    is_first = not _is_anything_frozen()
    gc.freeze()
    try:
        yield
    finally:
        if is_first:
            gc.unfreeze()
