"""Say what the rules of a subnet's group do to the subnet's own traffic, and why some do nothing."""

from __future__ import annotations

from auditor.analysis import facts
from auditor.azure.ranges import intersection
from auditor.network.describe import AddressNames, address_set
from auditor.network.search import Search
from auditor.network.security_rules import Access, Direction, SecurityRule
from auditor.network.shadowing import Effect
from auditor.network.subnets import SubnetFilters
from auditor.network.trace import RuleEffect


class EffectsAtSubnets:
    """The effects of rules at the subnets that their group is attached to, found out once for all facts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Direction], tuple[RuleEffect, ...] | None] = {}

    def at(self, filters: SubnetFilters, direction: Direction) -> tuple[RuleEffect, ...] | None:
        """Return the effects of the group's rules on the subnet's own traffic, or None where that cannot be known."""
        key = (filters.subnet.key, direction)
        if key not in self._known:
            self._known[key] = _effects(filters, direction)
        return self._known[key]

    def idle_denies(self, filters: SubnetFilters, direction: Direction, names: AddressNames) -> tuple[str, ...]:
        """Return which denials of the customer's decide about no packet of the subnet, in words."""
        denies = [effect for effect in self.at(filters, direction) or () if _is_denial(effect.rule)]
        return tuple(
            f"its rule {effect.rule.name} {in_words(effect, filters, names)}"
            for effect in denies
            if effect.effect in {Effect.VACUOUS, Effect.SHADOWED}
        )


def _effects(filters: SubnetFilters, direction: Direction) -> tuple[RuleEffect, ...] | None:
    if filters.group is None or filters.gap is not None:
        return None
    asked = Search(filters.own_chain(direction))
    return None if asked.decided is None else asked.decided.effects()


def _is_denial(rule: SecurityRule) -> bool:
    return rule.is_custom and rule.access is Access.DENY


def in_words(effect: RuleEffect, filters: SubnetFilters, names: AddressNames) -> str:
    """Return what is odd about a rule's effect on a subnet, as the end of a sentence; nothing where it is needed."""
    subnet = filters.subnet.name
    match effect.effect:
        case Effect.VACUOUS:
            return f"matches no packet of subnet {subnet}{_elsewhere(effect, filters, names)}"
        case Effect.SHADOWED:
            first = facts.listed([by.name for by in effect.by])
            return f"gets no packet of subnet {subnet}, because {first} decide{'s' * (len(effect.by) == 1)} first"
        case Effect.REDUNDANT:
            return f"changes nothing for subnet {subnet}"
        case Effect.NEEDED:
            return ""


def _elsewhere(effect: RuleEffect, filters: SubnetFilters, names: AddressNames) -> str:
    """Return which other addresses the subnet's end of the rule names, where that is the reason."""
    is_source = effect.rule.direction is Direction.OUTBOUND
    side = effect.rule.match.source if is_source else effect.rule.match.destination
    if side.symbols or intersection(side.ranges, filters.prefixes):
        return ""
    spelled, named = address_set(side.ranges, AddressNames()), address_set(side.ranges, names)
    return f": its {'source' if is_source else 'destination'} is {spelled}" + (
        f" ({named})" if named != spelled else ""
    )
