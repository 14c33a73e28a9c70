"""Group gaps that are alike: one cause with all the places where it is met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from auditor.model import OpenGap

PLACES_SHOWN: Final = 10
"""More places of one cause than this teach nothing new about a control; the list of gaps holds all of them."""


class Cause(Struct):
    """What is not known and why, in all the `places` (scopes) where it is so; `findings` are unknown for it.

    `settled_by` says what to do about the first of them.
    """

    what: str
    reason: str
    permission: str | None
    settled_by: str
    findings: int = 0
    places: list[str] = field(default_factory=list)


def causes_of(gaps: Iterable[OpenGap]) -> Sequence[Cause]:
    """Return the causes of gaps in the order in which they are first met."""
    causes: dict[tuple[str, str, str | None], Cause] = {}
    for each in gaps:
        gap = each.gap
        key = (gap.what, gap.reason, gap.permission)
        cause = causes.setdefault(key, Cause(*key, each.settled_by))
        cause.places.append(gap.scope)
        cause.findings += each.findings
    return list(causes.values())


def shown_places(cause: Cause) -> Sequence[str]:
    """Return the first of a cause's places, as many as a reader wants to see."""
    return cause.places[:PLACES_SHOWN]
