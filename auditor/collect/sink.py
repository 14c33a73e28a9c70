"""What the collection writes into: a snapshot that grows, and remembers how far it got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from auditor.model import Gap


class Remark(Protocol):
    """How far one kind of data of one scope was collected, as it was noted."""

    @property
    def state(self) -> str:
        """Return the word that was noted."""

    @property
    def detail(self) -> str:
        """Return what was noted beside it."""


class Sink(Protocol):
    """A snapshot in the making. It is used by one thread; what was added before a facet survives a crash with it."""

    def add(
        self,
        body: Mapping[str, object],
        *,
        source: str,
        api_version: str | None = None,
        collected_at: str | None = None,
    ) -> None:
        """Add one ARM object; a later one of the same id replaces it."""

    def remove(self, resource_id: str) -> None:
        """Take back an object that turned out to be gone, with everything below its id."""

    def gap(self, gap: Gap) -> None:
        """Say that something in scope was not collected."""

    def facet_all(self, facets: Iterable[tuple[str, str, str, str]]) -> None:
        """Say how far kinds of data are collected: scope, name, state and detail of each."""

    def facets(self) -> Mapping[tuple[str, str], Remark]:
        """Return what was said so far, by scope and name."""

    def keys(self) -> Iterable[str]:
        """Return the keys of what was added and not taken back."""

    def close(self, *, finished: bool) -> None:
        """End the collection; unfinished, it can be resumed."""
