"""Find security rules without effect: they match nothing here, never get a packet, or change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.analysis.network.decisions import Chain
from auditor.analysis.network.rules import Access, Rule
from auditor.analysis.network.scene import Scene


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

    rule: Rule
    effect: Effect
    by: tuple[Rule, ...] = ()


def effects(scene: Scene, chain: Chain, universe: int) -> tuple[RuleEffect, ...]:
    """Return the effect of each rule of one layer, whatever the unknown tags hold."""
    diagram = scene.diagram
    none = len(chain.layer.rules) + 1
    first = diagram.keep(chain.first, universe, none)
    deciding = diagram.values(first)
    search = _Redundancy(scene, chain, none)
    found: list[RuleEffect] = []
    for place, rule in enumerate(chain.layer.rules):
        if place in deciding:
            redundant = rule.is_custom and not search.changes(first, place)
            found.append(RuleEffect(rule, Effect.REDUNDANT if redundant else Effect.NEEDED))
            continue
        takers = {value for box in chain.boxes[place] for value in diagram.values_in(first, box)} - {none}
        by = tuple(chain.layer.rules[value] for value in sorted(takers))
        found.append(RuleEffect(rule, Effect.SHADOWED if by else Effect.VACUOUS, by))
    return tuple(found)


@dataclass(slots=True)
class _Redundancy:
    scene: Scene
    chain: Chain
    none: int

    def changes(self, first: int, place: int) -> bool:
        """Whether some packet that the rule decides would have another fate without it."""
        diagram = self.scene.diagram
        rules = self.chain.layer.rules
        allows = [rule.access is not Access.DENY for rule in rules] + [False]
        seen: set[tuple[int, int]] = set()

        def at(one: int, two: int) -> bool:
            if place not in diagram.values(one):
                return False
            if one < 0:
                return any(allows[value] != allows[place] for value in diagram.values(two))
            if two < 0 and allows[~two] != allows[place]:
                return True
            if (one, two) in seen:
                return False
            seen.add((one, two))
            return any(at(child, other) for child, other in _pairs(self.scene, one, two))

        return at(first, self.chain.below[place + 1])


def _pairs(scene: Scene, one: int, two: int) -> list[tuple[int, int]]:
    diagram = scene.diagram
    first, second = diagram.level(one), diagram.level(two)
    if first < second:
        return [(child, two) for _, child in diagram.edges(one)]
    if second < first:
        return [(one, child) for _, child in diagram.edges(two)]
    return [
        (child, other)
        for values, child in diagram.edges(one)
        for others, other in diagram.edges(two)
        if values & others
    ]


def removable(result: tuple[RuleEffect, ...]) -> tuple[Rule, ...]:
    """Return the rules that can all be deleted at once without any change: those that never decide."""
    return tuple(one.rule for one in result if one.effect in (Effect.VACUOUS, Effect.SHADOWED) and one.rule.is_custom)
