"""Spare Python's cyclic collector what outlives the work that is done on it: it would go through all of it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from auditor.inputs.frozen import is_anything_frozen


@contextmanager
def at_rest() -> Iterator[None]:
    """Spare the collector all that there is, until the body is through; garbage in cycles that is made meanwhile it frees.

    What was spared already before (the caller may know that it stays) stays so, as thawing knows no halves.
    """
    is_first = not is_anything_frozen()
    gc.freeze()
    try:
        yield
    finally:
        if is_first:
            gc.unfreeze()
