"""Sequences of which nothing is there before somebody goes through them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class MadeOnUse(Sequence[T]):
    """A sequence whose elements are made anew by whoever goes through it: to get at one, all of them are made."""

    __slots__ = ()

    @abstractmethod
    def __iter__(self) -> Iterator[T]:
        """Make them, one after the other."""

    @overload
    def __getitem__(self, position: int) -> T: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[T]: ...
    def __getitem__(self, position: int | slice) -> T | Sequence[T]:
        """Return one, or several."""
        return list(self)[position]
