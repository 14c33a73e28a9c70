"""Facts about rules: those that match nothing where their group is attached, never get a packet, or change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context, Unlisted
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.analysis.network.rule_effects import EffectsAtSubnets, in_words
from auditor.estate.network_relations import SECURITY_GROUPS, SUBNETS
from auditor.model import Gap
from auditor.network.describe import AddressNames
from auditor.network.platform_subnets import Demand, demands
from auditor.network.security_rules import Access, Direction, SecurityGroup, SecurityRule
from auditor.network.shadowing import Effect
from auditor.network.subnets import SubnetFilters, Subnets
from auditor.network.trace import RuleEffect

_DEAD: Final = frozenset({Effect.VACUOUS, Effect.SHADOWED})
EffectThere = tuple[SubnetFilters, RuleEffect]


@record
class RuleAtSubnet(Record, frozen=True, kw_only=True):
    """What a rule does at a subnet that its group is attached to."""

    name: str
    """the subnet's name"""
    effect: Effect
    """what the rule does there"""
    by: tuple[str, ...]
    """the earlier rules that take all its packets (shadowed only)"""


@fact("network.rule", subject="the network security group")
class RuleUse(Fact, frozen=True, kw_only=True):
    """What a customer's rule of a security group does where the group is attached."""

    grounds: ClassVar[Mapping[str, str]] = {"dead": "deadAt", "covered": "deadAt"}
    rule: str
    """the rule's name"""
    group: str
    """the name of its network security group"""
    direction: Direction
    """which way it looks"""
    access: Access
    """what it does"""
    priority: int
    """its priority"""
    subnets: Known[tuple[RuleAtSubnet, ...]]
    """the subnets that the group is attached to"""
    dead: Known[bool]
    """whether it decides about no packet of any subnet that the group is attached to"""
    dead_at: Known[tuple[str, ...]]
    """names of the attached subnets where it decides about no packet"""
    covered: Known[bool]
    """whether it is dead because earlier rules decide the same about all its packets, in every attached subnet"""
    redundant: Known[bool]
    """whether it could be deleted without any change, and is not dead"""
    demanded_by: str | None
    """the platform service in an attached subnet that demands such a rule, whatever others let through"""
    only_deny: bool
    """whether it is the only rule of its group and direction that denies"""
    readable: bool
    """whether all its parts could be read"""
    effects: Hidden[Sequence[EffectThere]]
    names: Hidden[AddressNames]

    def sentence(self) -> str:
        """Say what is odd about the rule, at each subnet where something is."""
        oddities = [text for filters, effect in self.effects if (text := in_words(effect, filters, self.names))]
        return f"{self.direction.value} rule {self.rule} of {self.group} {' and '.join(oddities) or self._plain()}."

    def _plain(self) -> str:
        verb = "denies" if self.access is Access.DENY else "allows"
        return f"{verb} traffic that no other rule decides about" if self.effects else "is not understood"


def rule_facts(context: Context, subnets: Subnets, effects: EffectsAtSubnets) -> Iterator[RuleUse]:
    """Yield one fact for each customer's rule of each security group that is attached to a subnet."""
    attached: dict[str, list[SubnetFilters]] = {}
    all_subnets = [subnets.at(subnet) for subnet in context.estate.of_type(SUBNETS)]
    names = AddressNames({filters.subnet.name: filters.prefixes for filters in all_subnets if filters.prefixes})
    for filters in all_subnets:
        if filters.group_key is not None:
            attached.setdefault(filters.group_key, []).append(filters)
    for key in sorted(attached):
        resource, group = context.estate.get(key), attached[key][0].group
        if resource is not None and group is not None:
            asked = [demand for filters in attached[key] for demand in demands(context.estate, filters.subnet)]
            for direction in Direction:
                at = [(filters, effects.at(filters, direction)) for filters in attached[key]]
                yield from _facts(context, GroupHere(resource.id, group, direction, at, names, asked))


def unread_groups(context: Context) -> Iterator[Unlisted]:
    """Yield of which security groups it is not known what their rules do: they name subnets that were not read."""
    estate = context.estate
    for group in estate.of_type(SECURITY_GROUPS):
        places = (key for key in estate.targets(group.key, "attached") if (ids.type_of(key) or "").lower() == SUBNETS)
        gap = next((gap for key in places if estate.get(key) is None and (gap := estate.unseen(key))), None)
        if gap is not None:
            yield Unlisted(RuleUse.fact_kind, replace(gap, scope=group.id))


class GroupHere(Struct, frozen=True):
    """One direction of a security group: at each subnet the effects of its rules, None where they are not known.

    `demands` are what platform services in those subnets ask for.
    """

    id: str
    group: SecurityGroup
    direction: Direction
    at: Sequence[tuple[SubnetFilters, tuple[RuleEffect, ...] | None]]
    names: AddressNames
    demands: Sequence[Demand]


def _facts(context: Context, here: GroupHere) -> Iterator[RuleUse]:
    custom = [rule for rule in here.group.rules[here.direction] if rule.is_custom]
    denies = [rule for rule in custom if rule.access is Access.DENY]
    for rule in custom:
        effects = [(filters, effect) for filters, found in here.at if (effect := _of(rule, found)) is not None]
        gap = _unknown(here, effects)
        dead_at = tuple(filters.subnet.name for filters, effect in effects if effect.effect in _DEAD)
        yield RuleUse(
            about=facts.about(
                context,
                here.id,
                sub_object=f"{here.direction.value}/{rule.name}",
                inputs=[(f"{here.id}/securityRules/{rule.name}", "properties")],
            ),
            rule=rule.name,
            group=here.group.name,
            direction=here.direction,
            access=rule.access,
            priority=rule.priority,
            subnets=gap or tuple(_at_subnet(filters, effect) for filters, effect in effects),
            dead=gap or (bool(effects) and len(dead_at) == len(effects)),
            dead_at=gap or dead_at,
            covered=gap or (bool(effects) and all(_is_covered(effect) for _, effect in effects)),
            redundant=gap or _is_redundant([effect.effect for _, effect in effects]),
            demanded_by=next((demand.platform for demand in here.demands if demand.asks_for(rule)), None),
            only_deny=denies == [rule],
            readable=not rule.unreadable,
            effects=effects,
            names=here.names,
        )


def _of(rule: SecurityRule, effects: tuple[RuleEffect, ...] | None) -> RuleEffect | None:
    return next((effect for effect in effects or () if effect.rule == rule), None)


def _unknown(here: GroupHere, effects: Sequence[EffectThere]) -> Gap | None:
    """Return why the effect is not known everywhere; a rule that is needed somewhere is not dead all the same."""
    if len(effects) == len(here.at) or any(effect.effect not in _DEAD for _, effect in effects):
        return None
    known = {filters.subnet.key for filters, _ in effects}
    lost = (filters.gap for filters, _ in here.at if filters.subnet.key not in known)
    reason = next((gap.reason for gap in lost if gap), "the group's rules cannot be put in order")
    return Gap(here.id, "properties.securityRules", reason)


def _at_subnet(filters: SubnetFilters, effect: RuleEffect) -> RuleAtSubnet:
    return RuleAtSubnet(name=filters.subnet.name, effect=effect.effect, by=tuple(earlier.name for earlier in effect.by))


def _is_covered(effect: RuleEffect) -> bool:
    return effect.effect is Effect.SHADOWED and all(earlier.access is effect.rule.access for earlier in effect.by)


def _is_redundant(effects: Sequence[Effect]) -> bool:
    return Effect.REDUNDANT in effects and Effect.NEEDED not in effects
