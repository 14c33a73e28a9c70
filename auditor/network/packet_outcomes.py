"""What becomes of packets in a chain of filters, and what can be asked about that, without names and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from auditor.network.outline import Outline, RuleOutline

RulePlace: TypeAlias = tuple[int, int]
"""A rule by the indexes of its filter, among those that have a group, and of itself."""


class PacketOutcome(Struct, frozen=True):
    """What becomes of packets, without names: whether they pass, and the rule of each filter that let them on or denied them.

    No decider: no group filters the traffic, or (denied) a group without a rule for it. `also_denied_by`: a customer's
    rule in a later filter that would deny what a default denies first. `is_explicit_denial`: a customer's rule denies
    them, and not merely a default. `is_default_allowance`: they pass without a customer's rule that lets them.
    """

    is_allowed: bool
    deciders: tuple[RulePlace, ...] = ()
    also_denied_by: RulePlace | None = None
    is_explicit_denial: bool = False
    is_default_allowance: bool = False


Fate: TypeAlias = Callable[[PacketOutcome], bool]


class Question(NamedTuple):
    """Which packets of some rows, or `outside` of them all, have a fate; with `among` only those of other rows count.

    Rows go by the numbers that a drawing gave them.
    """

    rows: tuple[int, ...]
    outside: bool
    fate: Fate
    among: tuple[int, ...] | None = None


def rule_at(outline: Outline, place: RulePlace) -> RuleOutline:
    """Return a rule of a chain."""
    return outline.filters[place[0]][place[1]]


def outcome_of(outline: Outline, *, is_allowed: bool, deciders: tuple[RulePlace, ...] = ()) -> PacketOutcome:
    """Return what becomes of packets about which these rules decide."""
    custom = [rule_at(outline, place).is_custom for place in deciders]
    return PacketOutcome(
        is_allowed,
        deciders,
        is_explicit_denial=not is_allowed and bool(custom) and custom[-1],
        is_default_allowance=is_allowed and not (custom and all(custom)),
    )


def in_filter(outline: Outline, place: int) -> list[PacketOutcome]:
    """Return what one filter does with packets, by the index of the rule that decides; the last is that none does."""
    outcomes = [
        outcome_of(outline, is_allowed=rule.allows, deciders=((place, index),))
        for index, rule in enumerate(outline.filters[place])
    ]
    return [*outcomes, outcome_of(outline, is_allowed=False)]


def then(outline: Outline, first: PacketOutcome, second: PacketOutcome) -> PacketOutcome:
    """Return what becomes of packets that meet a second filter if the first ones let them on."""
    if first.is_explicit_denial:
        return first
    if not first.is_allowed:
        also = second.deciders[-1] if second.is_explicit_denial else None
        return replace(first, also_denied_by=also, is_explicit_denial=also is not None)
    return outcome_of(outline, is_allowed=second.is_allowed, deciders=(*first.deciders, *second.deciders))
