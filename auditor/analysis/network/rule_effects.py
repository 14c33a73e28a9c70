"""Say what the rules of a subnet's group do to the subnet's own traffic, and why some do nothing."""

from __future__ import annotations

from auditor.analysis import facts
from auditor.azure.ranges import intersection
from auditor.network.describe import AddressNames, address_set
from auditor.network.search import Search
from auditor.network.security_rules import Access, Direction
from auditor.network.shadowing import Effect, RuleEffect, effects
from auditor.network.subnets import SubnetFilters


def rule_effects(place: SubnetFilters, direction: Direction) -> tuple[RuleEffect, ...] | None:
    """Return the effects of the group's rules on the subnet's own traffic, or None where that cannot be known."""
    if place.gap is not None:
        return None
    asked = Search(place.own_path(direction))
    if asked.scene is None:
        return None
    return effects(asked.scene, asked.decided.chains[0], asked.universe)


def idle_denies(place: SubnetFilters, direction: Direction, names: AddressNames) -> list[str]:
    """Return which denials of the customer's decide about no packet of the subnet, in words."""
    found = (rule_effects(place, direction) if place.group is not None else None) or ()
    return [
        f"its rule {one.rule.name} {in_words(one, place, names)}"
        for one in found
        if one.rule.is_custom and one.rule.access is Access.DENY and one.effect in {Effect.VACUOUS, Effect.SHADOWED}
    ]


def in_words(one: RuleEffect, place: SubnetFilters, names: AddressNames) -> str:
    """Return what is odd about a rule's effect on a subnet, as the end of a sentence; nothing where it is needed."""
    subnet = place.subnet.name
    match one.effect:
        case Effect.VACUOUS:
            return f"matches no packet of subnet {subnet}{_elsewhere(one, place, names)}"
        case Effect.SHADOWED:
            first = facts.listed([by.name for by in one.by])
            return f"gets no packet of subnet {subnet}, because {first} decide{'s' * (len(one.by) == 1)} first"
        case Effect.REDUNDANT:
            return f"changes nothing for subnet {subnet}"
        case Effect.NEEDED:
            return ""


def _elsewhere(one: RuleEffect, place: SubnetFilters, names: AddressNames) -> str:
    """Return which other addresses the subnet's end of the rule names, where that is the reason."""
    is_source = one.rule.direction is Direction.OUTBOUND
    side = one.rule.match.source if is_source else one.rule.match.destination
    if side.symbols or intersection(side.ranges, place.prefixes):
        return ""
    spelled, named = address_set(side.ranges, AddressNames()), address_set(side.ranges, names)
    return f": its {'source' if is_source else 'destination'} is {spelled}" + (
        f" ({named})" if named != spelled else ""
    )
