"""Tell whoever watches how far the collection is and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of the collection.

    `done` operations of the phase, of a `total` that is None while it is not known; `resources` stored so far; `calls`
    on the wire and their `rate` a second; `waited` seconds of all threads, and what somebody waits for right now.
    """

    phase: str
    resources: int
    done: int
    total: int | None
    calls: int
    rate: float
    waited: float
    waiting_for: str


Watcher = Callable[[Progress], None]
"""Called in the collecting thread, a few times a second at most."""


def nobody(_: Progress) -> None:
    """Watch nothing."""
