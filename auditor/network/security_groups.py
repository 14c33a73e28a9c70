"""Read a network security group: its own rules, rules that are resources of their own, and the service's defaults."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Final, TypeVar

from auditor.network.security_rules import (
    Access,
    Direction,
    SecurityGroup,
    SecurityRule,
    by_priority,
    match_of,
    parse_match,
)

T = TypeVar("T", Direction, Access)
_DIRECTIONS: Final = {member.value.lower(): member for member in Direction}
_ACCESSES: Final = {member.value.lower(): member for member in Access}
_UNNAMED: Final = "(unnamed rule)"
_EXACT: Final = 2
"""The version of marshal in which equal values are equal bytes."""

_DEFAULTS: Final = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


@cache
def default_rules() -> tuple[SecurityRule, ...]:
    """Return the six rules that every group ends with and nobody can remove."""
    rules = []
    for name, priority, direction, access, *_ in _DEFAULTS:
        match, _ = parse_match(default_rule_properties(name) or {})
        rules.append(SecurityRule(name, priority, Direction(direction), Access(access), match, is_custom=False))
    return tuple(rules)


def default_rule_properties(name: str) -> dict[str, object] | None:
    """Return the properties of one of the six rules as Azure states them, None where none is called so."""
    for own, priority, direction, access, source, destination in _DEFAULTS:
        if own.lower() == name.lower():
            return {
                "access": access,
                "direction": direction,
                "priority": priority,
                "protocol": "*",
                "sourceAddressPrefix": source,
                "sourcePortRange": "*",
                "destinationAddressPrefix": destination,
                "destinationPortRange": "*",
            }
    return None


def parse_group(name: str, properties: object, children: Iterable[object] = (), group_id: str = "") -> SecurityGroup:
    """Read a group from its `properties`; `children` are security rules that are entries of their own.

    A rule that is both nested and an entry of its own counts once, by name.
    """
    body = properties if isinstance(properties, Mapping) else {}
    trouble: dict[Direction, str] = {}
    if not isinstance(properties, Mapping):
        _blame(trouble, None, "the group has no readable properties")
    stated = {str(name).lower(): value for name, value in body.items()}
    nested = stated.get("securityrules")
    custom = _parse_all([*_listed(nested, "securityRules", trouble), *children], trouble, is_custom=True)
    given = _parse_all(
        _listed(stated.get("defaultsecurityrules"), "defaultSecurityRules", trouble), trouble, is_custom=False
    )
    rules: dict[Direction, tuple[SecurityRule, ...]] = {}
    for direction in Direction:
        own = [rule for rule in custom if rule.direction is direction]
        defaults = [rule for rule in given if rule.direction is direction]
        defaults = defaults or [rule for rule in default_rules() if rule.direction is direction]
        if clash := _clash(own):
            trouble.setdefault(direction, clash)
        rules[direction] = by_priority([*own, *defaults])
    return SecurityGroup(name, rules, trouble, group_id)


def _listed(value: object, field: str, trouble: dict[Direction, str]) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return value
    _blame(trouble, None, f"{field} is not a list")
    return ()


def _parse_all(bodies: Sequence[object], trouble: dict[Direction, str], *, is_custom: bool) -> list[SecurityRule]:
    rules: dict[object, SecurityRule] = {}
    for place, body in enumerate(bodies):
        rule = parse_rule(body, is_custom=is_custom)
        if isinstance(rule, SecurityRule):
            # Of rules that show no name none is another one's copy.
            rules.setdefault(place if rule.name == _UNNAMED else (rule.name.lower(), rule.direction), rule)
        else:
            direction, reason = rule
            _blame(trouble, direction, reason)
    return list(rules.values())


def _blame(trouble: dict[Direction, str], direction: Direction | None, reason: str) -> None:
    for each in Direction if direction is None else (direction,):
        trouble.setdefault(each, reason)


def parse_rule(body: object, *, is_custom: bool = True) -> SecurityRule | tuple[Direction | None, str]:
    """Read one rule, flat or with `properties`; or say which direction (None: both) it makes undecidable, and why."""
    if not isinstance(body, Mapping):
        return None, f"a security rule is {type(body).__name__}, not an object"
    low = {str(key).lower(): value for key, value in body.items()}
    name = str(low.get("name") or low.get("id") or _UNNAMED)
    inner = low.get("properties", body)
    if not isinstance(inner, Mapping):
        return None, f"rule {name} has no readable properties"
    if type(inner) is dict:
        with suppress(ValueError):  # what marshal cannot write
            return _remembered(name, marshal.dumps(inner, _EXACT), is_custom)
    return _parse(name, inner, is_custom)


@lru_cache(maxsize=4096)
def _remembered(name: str, inner: bytes, is_custom: bool) -> SecurityRule | tuple[Direction | None, str]:  # noqa: FBT001 - a key
    """Return a rule by name and properties: Azure's own are told by each group anew."""
    return _parse(name, marshal.loads(inner), is_custom)  # noqa: S302 - of this very process


def _parse(name: str, inner: Mapping[str, object], is_custom: bool) -> SecurityRule | tuple[Direction | None, str]:  # noqa: FBT001
    low = {str(key).lower(): value for key, value in inner.items()}
    direction = _member(_DIRECTIONS, low.get("direction"))
    if direction is None:
        return None, f"rule {name} has no readable direction"
    access = _member(_ACCESSES, low.get("access"))
    if access is None:
        return direction, f"rule {name} has no readable access"
    priority = _priority(low.get("priority"))
    if priority is None:
        return direction, f"rule {name} has no readable priority"
    match, unreadable = match_of(low)
    return SecurityRule(name, priority, direction, access, match, is_custom, unreadable)


def _member(members: Mapping[str, T], value: object) -> T | None:
    return members.get(value.strip().lower()) if isinstance(value, str) else None


def _priority(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() else None


def _clash(rules: Sequence[SecurityRule]) -> str | None:
    """Name two rules of one priority that disagree: Azure refuses such a group, so the data cannot be right."""
    first: dict[int, SecurityRule] = {}
    for rule in rules:
        earlier = first.setdefault(rule.priority, rule)
        if earlier.access is not rule.access:
            return f"rules {earlier.name} and {rule.name} have the same priority {rule.priority}"
    return None
