"""Facts about rules: those that match nothing where their group is attached, never get a packet, or change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.network.rule_effects import in_words, rule_effects
from auditor.model import Fact, Gap
from auditor.network.describe import AddressNames
from auditor.network.security_rules import Access, Direction, SecurityRule
from auditor.network.shadowing import Effect, RuleEffect
from auditor.network.subnets import SubnetFilters, Subnets

KIND: Final = "network.rule"
FIELDS: Final[Mapping[str, str]] = {
    "rule": "the rule's name",
    "group": "the name of its network security group",
    "direction": "`Inbound` or `Outbound`",
    "access": "`Allow` or `Deny`",
    "priority": "its priority",
    "subnets[*].name": "a subnet that the group is attached to",
    "subnets[*].effect": "what the rule does there: `needed`, `vacuous`, `shadowed` or `redundant`",
    "subnets[*].by[*]": "the earlier rules that take all its packets (shadowed only)",
    "dead": "whether it decides about no packet of any subnet that the group is attached to",
    "deadAt[*]": "names of the attached subnets where it decides about no packet",
    "covered": "whether it is dead because earlier rules decide the same about all its packets, in every attached subnet",
    "redundant": "whether it could be deleted without any change, and is not dead",
    "onlyDeny": "whether it is the only rule of its group and direction that denies",
    "readable": "whether all its parts could be read",
}
_SUBNETS: Final = "microsoft.network/virtualnetworks/subnets"
_DEAD: Final = frozenset({Effect.VACUOUS, Effect.SHADOWED})


def rule_facts(context: Context, places: Subnets) -> Iterator[Fact]:
    """Yield one fact for each customer's rule of each security group that is attached to a subnet."""
    attached: dict[str, list[SubnetFilters]] = {}
    neighbours = [places.at(subnet) for subnet in context.estate.of_type(_SUBNETS)]
    for place in neighbours:
        if place.group_key is not None:
            attached.setdefault(place.group_key, []).append(place)
    for key in sorted(attached):
        group = context.estate.get(key)
        if group is not None:
            for direction in Direction:
                yield from _facts(context, group.id, attached[key], direction, neighbours)


def _facts(
    context: Context, group_id: str, at: list[SubnetFilters], direction: Direction, neighbours: list[SubnetFilters]
) -> Iterator[Fact]:
    group = at[0].group
    if group is None:
        return
    found = {place.subnet.key: rule_effects(place, direction) for place in at}
    names = AddressNames({one.subnet.name: one.prefixes for one in neighbours if one.prefixes})
    custom = [rule for rule in group.rules[direction] if rule.is_custom]
    denies = [rule for rule in custom if rule.access is Access.DENY]
    for rule in custom:
        here = [(place, _of(rule, found[place.subnet.key])) for place in at]
        known = [(place, one) for place, one in here if one is not None]
        fields: dict[str, Any] = {
            "rule": rule.name,
            "group": group.name,
            "direction": direction.value,
            "access": rule.access.value,
            "priority": rule.priority,
            "subnets": [
                {"name": place.subnet.name, "effect": one.effect.value, "by": [by.name for by in one.by]}
                for place, one in known
            ],
            "dead": bool(known) and all(one.effect in _DEAD for _, one in known),
            "deadAt": [place.subnet.name for place, one in known if one.effect in _DEAD],
            "covered": bool(known) and all(_is_covered(one) for _, one in known),
            "redundant": bool(known)
            and any(one.effect is Effect.REDUNDANT for _, one in known)
            and all(one.effect is not Effect.NEEDED for _, one in known),
            "onlyDeny": denies == [rule],
            "readable": not rule.unreadable,
        }
        yield facts.build(
            context,
            KIND,
            group_id,
            fields,
            sub_object=f"{direction.value}/{rule.name}",
            summary=_summary(rule, group.name, known, names),
            inputs=[(f"{group_id}/securityRules/{rule.name}", "properties")],
            uncollected=_unknown(here, group_id),
        )


def _unknown(here: list[tuple[SubnetFilters, RuleEffect | None]], group_id: str) -> dict[str, Gap]:
    """Return why the effect is not known everywhere; a rule that is needed somewhere is not dead all the same."""
    lost = [place for place, one in here if one is None]
    if not lost or any(one is not None and one.effect not in _DEAD for _, one in here):
        return {}
    reason = next((place.gap.reason for place in lost if place.gap), "the group's rules cannot be put in order")
    return dict.fromkeys(
        ("dead", "covered", "redundant", "deadAt", "subnets"), Gap(group_id, "properties.securityRules", reason)
    )


def _is_covered(one: RuleEffect) -> bool:
    return one.effect is Effect.SHADOWED and all(by.access is one.rule.access for by in one.by)


def _of(rule: SecurityRule, found: tuple[RuleEffect, ...] | None) -> RuleEffect | None:
    return next((one for one in found if one.rule == rule), None) if found is not None else None


def _summary(rule: SecurityRule, group: str, known: list[tuple[SubnetFilters, RuleEffect]], names: AddressNames) -> str:
    said = [text for place, one in known if (text := in_words(one, place, names))]
    verb = "denies" if rule.access is Access.DENY else "allows"
    what = " and ".join(said) or (f"{verb} traffic that no other rule decides about" if known else "is not understood")
    return f"{rule.direction.value} rule {rule.name} of {group} {what}."
