"""One repair of an estate, and the controls that it is for."""

from __future__ import annotations

from dataclasses import dataclass

from tests.estates.draft import Change


@dataclass(frozen=True)
class Edit:
    """A repair: without it these controls fail, and no others. `unknown` are those that cannot be told without it."""

    name: str
    repairs: tuple[str, ...]
    make: Change
    unknown: tuple[str, ...] = ()
