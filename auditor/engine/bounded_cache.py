"""Remember what was made of things that many findings share, and no more than fits."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(dict[K, V]):
    """What was made, by what it was made from; where there is no room, every other entry is forgotten.

    Findings come by rule, so that the same resources come round again and again. Of a round that is longer than there is room
    for, part is still found; forgetting what is oldest, or everything, would find nothing of it.
    """

    __slots__ = ("_capacity",)

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity

    def keep(self, key: K, value: V) -> V:
        """Remember a value, and return it."""
        if len(self) >= self._capacity:
            for each in list(self)[::2]:
                del self[each]
        self[key] = value
        return value
