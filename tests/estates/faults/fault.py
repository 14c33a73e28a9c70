"""One fault of the kind that operators make, and the controls that are to say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.estates.draft import Change, Draft


@dataclass(frozen=True)
class Fault:
    """A change for the worse, or one that changes nothing: these controls fail, those cannot be told, and no others."""

    name: str
    controls: tuple[str, ...]
    make: Change
    unknown: tuple[str, ...] = ()


def sets(end: str, **values: Any) -> Change:
    """Return the change that sets properties of a resource by their paths, dots written as two underscores."""

    def make(draft: Draft) -> None:
        for path, value in values.items():
            draft.put(end, path.replace("__", "."), value)

    return make


def drops(end: str, path: str) -> Change:
    """Return the change that takes a property away."""
    return lambda draft: draft.drop(end, path)


def removes(*ends: str) -> Change:
    """Return the change that removes resources with all below them."""
    return lambda draft: draft.remove(*ends)


def all_of(*changes: Change) -> Change:
    """Return several changes as one."""

    def make(draft: Draft) -> None:
        for change in changes:
            change(draft)

    return make
