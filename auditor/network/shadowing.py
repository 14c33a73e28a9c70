"""Find security rules without effect: they match nothing here, never get a packet, or change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from auditor.network.decision_diagram import DecisionDiagram
from auditor.network.outline import RuleOutline


class Effect(StrEnum):
    """What a rule does where its group is attached."""

    NEEDED = "needed"
    VACUOUS = "vacuous"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"


class OutlinedEffect(NamedTuple):
    """A rule's effect; `by` are the indexes of the earlier rules that take all its packets (shadowed only).

    Vacuous: it matches no packet of this filter. Redundant: without it the same happens to every packet; that is true
    of one rule at a time, several redundant rules may need each other.
    """

    effect: Effect
    by: tuple[int, ...] = ()


def effects(
    diagram: DecisionDiagram, rules: Sequence[RuleOutline], below: Sequence[int], universe: int
) -> tuple[OutlinedEffect, ...]:
    """Return the effect of each rule of one filter, whatever the unknown tags hold.

    `below[i]` has the index of the rule that decides among those from the i-th on.
    """
    nobody = len(rules) + 1
    first = diagram.keep(below[0], universe, nobody)
    deciding = diagram.values(first)
    allowing = frozenset(index for index, rule in enumerate(rules) if rule.allows)
    redundancy = _Redundancy(diagram, below, allowing)
    listed: list[OutlinedEffect] = []
    for index, rule in enumerate(rules):
        if index in deciding:
            is_redundant = rule.is_custom and not redundancy.changes(first, index)
            listed.append(OutlinedEffect(Effect.REDUNDANT if is_redundant else Effect.NEEDED))
            continue
        takers = {value for cube in rule.cubes for value in diagram.values_in(first, cube)} - {nobody}
        by = tuple(sorted(takers))
        listed.append(OutlinedEffect(Effect.SHADOWED if by else Effect.VACUOUS, by))
    return tuple(listed)


class _Redundancy(Struct, frozen=True):
    """Whether taking one rule away changes anything: a search through the rule's packets in the rules below it."""

    diagram: DecisionDiagram
    below: Sequence[int]
    allowing: frozenset[int]

    def changes(self, first: int, index: int) -> bool:
        """Return whether something else would happen to some packet that the rule decides, without it."""
        diagram = self.diagram
        seen: set[tuple[int, int]] = set()

        def differs(values: frozenset[int]) -> bool:
            allowed = values & self.allowing
            return bool(values - allowed) if index in self.allowing else bool(allowed)

        def at(node: int, below: int) -> bool:
            """Walk the diagram of the whole filter and that of the rules below side by side."""
            if (node, below) in seen or index not in diagram.values(node):
                return False
            seen.add((node, below))
            if not differs(diagram.values(below)):
                return False
            if node < 0 or below < 0:
                return True
            level, below_level = diagram.level(node), diagram.level(below)
            if level < below_level:
                return any(at(child, below) for _, child in diagram.edges(node))
            if level > below_level:
                return any(at(node, child) for _, child in diagram.edges(below))
            own = [(values, child) for values, child in diagram.edges(node) if index in diagram.values(child)]
            return any(
                at(child, below_child)
                for values, child in own
                for below_values, below_child in diagram.edges(below)
                if values & below_values
            )

        return at(first, self.below[index + 1])
