"""Find security rules without effect: they match nothing here, never get a packet, or change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.network.diagram_reading import values_in
from auditor.network.encoding import Encoding
from auditor.network.security_rules import Access, SecurityRule
from auditor.network.trace import EncodedFilter


class Effect(StrEnum):
    """What a rule does at the place its group is attached to."""

    NEEDED = "needed"
    VACUOUS = "vacuous"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """A rule's effect; `by` are the earlier rules that take all its packets (shadowed only).

    Vacuous: it matches no packet of this place. Redundant: without it every packet has the same fate; that is true of
    one rule at a time, several redundant rules may need each other.
    """

    rule: SecurityRule
    effect: Effect
    by: tuple[SecurityRule, ...] = ()


def effects(scene: Encoding, chain: EncodedFilter, universe: int) -> tuple[RuleEffect, ...]:
    """Return the effect of each rule of one layer, whatever the unknown tags hold."""
    diagram = scene.diagram
    none = len(chain.layer.rules) + 1
    first = diagram.keep(chain.first, universe, none)
    deciding = diagram.values(first)
    search = _Redundancy(scene, chain)
    found: list[RuleEffect] = []
    for place, rule in enumerate(chain.layer.rules):
        if place in deciding:
            redundant = rule.is_custom and not search.changes(first, place)
            found.append(RuleEffect(rule, Effect.REDUNDANT if redundant else Effect.NEEDED))
            continue
        takers = {value for box in chain.boxes[place] for value in values_in(diagram, first, box)} - {none}
        by = tuple(chain.layer.rules[value] for value in sorted(takers))
        found.append(RuleEffect(rule, Effect.SHADOWED if by else Effect.VACUOUS, by))
    return tuple(found)


class _Redundancy:
    """Whether taking one rule away changes anything: a search through the rule's packets in the rules below it."""

    def __init__(self, scene: Encoding, chain: EncodedFilter) -> None:
        self.diagram = scene.diagram
        self.below = chain.below
        self.allowing = frozenset(
            place for place, rule in enumerate(chain.layer.rules) if rule.access is not Access.DENY
        )

    def changes(self, first: int, place: int) -> bool:
        """Return whether some packet that the rule decides would have another fate without it."""
        diagram = self.diagram
        seen: set[tuple[int, int]] = set()

        def differs(values: frozenset[int]) -> bool:
            same = values & self.allowing
            return bool(values - same) if place in self.allowing else bool(same)

        def at(one: int, two: int) -> bool:
            if (one, two) in seen or place not in diagram.values(one):
                return False
            seen.add((one, two))
            fates = diagram.values(two)
            if not differs(fates):
                return False
            if one < 0 or two < 0:
                return True
            first_level, second_level = diagram.level(one), diagram.level(two)
            if first_level < second_level:
                return any(at(child, two) for _, child in diagram.edges(one))
            mine = [edge for edge in diagram.edges(one) if place in diagram.values(edge[1])]
            if first_level > second_level:
                return any(at(one, child) for _, child in diagram.edges(two))
            return any(
                at(child, other) for values, child in mine for others, other in diagram.edges(two) if values & others
            )

        return at(first, self.below[place + 1])


def removable(result: tuple[RuleEffect, ...]) -> tuple[SecurityRule, ...]:
    """Return the rules that can all be deleted at once without any change: those that never decide."""
    return tuple(one.rule for one in result if one.effect in (Effect.VACUOUS, Effect.SHADOWED) and one.rule.is_custom)
