"""Tell whether somebody put objects out of the cyclic collector's sight."""

from __future__ import annotations

import gc
from typing import Final

_AT_START: Final = gc.get_freeze_count()
"""Python 3.12 begins with some hundred frozen objects of its own."""


def is_anything_frozen() -> bool:
    """Whether more is frozen than Python froze itself: thawing knows no halves, so that who freezes first has to thaw."""
    return gc.get_freeze_count() > _AT_START
