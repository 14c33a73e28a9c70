"""Find security rules without effect: they match nothing here, never get a packet, or change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.network.encoding import Encoding
from auditor.network.security_rules import Access, SecurityRule
from auditor.network.trace import EncodedFilter


class Effect(StrEnum):
    """What a rule does where its group is attached."""

    NEEDED = "needed"
    VACUOUS = "vacuous"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """A rule's effect; `by` are the earlier rules that take all its packets (shadowed only).

    Vacuous: it matches no packet of this filter. Redundant: without it the same happens to every packet; that is true
    of one rule at a time, several redundant rules may need each other.
    """

    rule: SecurityRule
    effect: Effect
    by: tuple[SecurityRule, ...] = ()


def effects(encoding: Encoding, encoded: EncodedFilter, universe: int) -> tuple[RuleEffect, ...]:
    """Return the effect of each rule of one filter, whatever the unknown tags hold."""
    diagram = encoding.diagram
    rules = encoded.filter.rules
    nobody = len(rules) + 1
    first = diagram.keep(encoded.first, universe, nobody)
    deciding = diagram.values(first)
    redundancy = _Redundancy(encoding, encoded)
    listed: list[RuleEffect] = []
    for index, rule in enumerate(rules):
        if index in deciding:
            is_redundant = rule.is_custom and not redundancy.changes(first, index)
            listed.append(RuleEffect(rule, Effect.REDUNDANT if is_redundant else Effect.NEEDED))
            continue
        takers = {value for cube in encoded.cubes[index] for value in diagram.values_in(first, cube)} - {nobody}
        by = tuple(rules[taker] for taker in sorted(takers))
        listed.append(RuleEffect(rule, Effect.SHADOWED if by else Effect.VACUOUS, by))
    return tuple(listed)


class _Redundancy:
    """Whether taking one rule away changes anything: a search through the rule's packets in the rules below it."""

    def __init__(self, encoding: Encoding, encoded: EncodedFilter) -> None:
        self.diagram = encoding.diagram
        self.below = encoded.below
        self.allowing = frozenset(
            index for index, rule in enumerate(encoded.filter.rules) if rule.access is Access.ALLOW
        )

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
