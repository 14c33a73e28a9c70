"""Follow packets through a chain of filters: who decides about each, and what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import starmap
from typing import Final

from msgspec import Struct

from auditor.network.decision_diagram import Cube
from auditor.network.drawing import Drawing, draw_filter
from auditor.network.encoding import Encoding
from auditor.network.filter_chain import Filter, FilterChain
from auditor.network.packet_outcomes import PacketOutcome, RulePlace
from auditor.network.security_rules import Direction, SecurityRule
from auditor.network.shadowing import Effect


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """A rule that decided, and the name of the filter it is in. `is_firewall`: the filter stands between the ends.

    `group_id` is that of the security group that holds the rule; empty where none does.
    """

    filter: str
    rule: SecurityRule
    is_firewall: bool = False
    group_id: str = field(default="", compare=False)

    @property
    def rule_id(self) -> str | None:
        """Return the id of the rule as a resource, None where it is no security group's."""
        kind = "securityRules" if self.rule.is_custom else "defaultSecurityRules"
        return f"{self.group_id}/{kind}/{self.rule.name}" if self.group_id else None

    @property
    def side(self) -> str:
        """Return where the filter stands: at the `source`, at the `destination`, or as a `firewall` between them."""
        if self.is_firewall:
            return "firewall"
        return "source" if self.rule.direction is Direction.OUTBOUND else "destination"

    @property
    def direction(self) -> str:
        """Return which way the traffic goes, seen from the filter."""
        return "Through" if self.is_firewall else self.rule.direction.value


class Disposition(Struct, frozen=True):
    """What becomes of packets: an `PacketOutcome` with its rules."""

    is_allowed: bool
    deciders: tuple[DecidingRule, ...] = ()
    also_denied_by: DecidingRule | None = None


class RuleEffect(Struct, frozen=True):
    """A rule's effect where its group is attached; `by` are the earlier rules that take all its packets (shadowed only)."""

    rule: SecurityRule
    effect: Effect
    by: tuple[SecurityRule, ...] = ()


class EncodedFilter(Struct, frozen=True):
    """One filter as a diagram: `first` has the index of the deciding rule as its value (their number: none matched).

    `below[i]` is the same for the rules from the i-th on; `cubes[i]` are the i-th rule's own.
    """

    filter: Filter
    cubes: tuple[tuple[Cube, ...], ...]
    below: tuple[int, ...]

    @property
    def first(self) -> int:
        """Return the diagram of the whole filter."""
        return self.below[0]


def encode_filter(encoding: Encoding, source: Filter) -> EncodedFilter:
    """Return the filter's rules as a diagram."""
    guards = map(source.guard, source.rules)
    cubes = tuple(starmap(encoding.cubes, zip(source.meanings, guards, strict=True)))
    return EncodedFilter(source, cubes, draw_filter(encoding.diagram, cubes))


class DecidedPackets:
    """All filters of a chain together. They are encoded when somebody wants to know what the classes of addresses are."""

    MADE_OF: Final = ("chain", "drawing", "_encode")

    def __init__(self, chain: FilterChain, drawing: Drawing, encode: Callable[[], Encoding]) -> None:
        self.chain, self.drawing, self._encode = chain, drawing, encode

    @cached_property
    def encoding(self) -> Encoding:
        """Return the encoding of the chain and of what it is compared with, in the diagrams of the drawing."""
        encoding = self._encode()
        encoding.diagram = self.drawing.diagram
        return encoding

    @property
    def root(self) -> int:
        """Return the diagram of the whole chain, with indexes of `table` as its values."""
        return self.drawing.root

    @cached_property
    def table(self) -> Sequence[Disposition]:
        """Return what becomes of packets, by index."""
        return [self._disposition(outcome) for outcome in self.drawing.table]

    def effects(self, place: int = 0) -> tuple[RuleEffect, ...]:
        """Return the effect of each rule of a filter, the first one that has a group unless another place is told."""
        rules = self._with_groups[place].rules
        return tuple(
            RuleEffect(rule, each.effect, tuple(rules[taker] for taker in each.by))
            for rule, each in zip(rules, self.drawing.effects(place), strict=True)
        )

    @cached_property
    def _with_groups(self) -> list[Filter]:
        return [each for each in self.chain.filters if each.group]

    def _disposition(self, outcome: PacketOutcome) -> Disposition:
        also = outcome.also_denied_by
        deciders = tuple(map(self._decider, outcome.deciders))
        return Disposition(outcome.is_allowed, deciders, None if also is None else self._decider(also))

    def _decider(self, place: RulePlace) -> DecidingRule:
        source, rule = self._with_groups[place[0]], place[1]
        group_id = source.group.id if source.group and not source.is_firewall else ""
        return DecidingRule(source.name, source.rules[rule], source.is_firewall, group_id)
