"""Decide what the custom rules of a web application firewall let past its managed rules: by priority, first match.

https://learn.microsoft.com/azure/web-application-firewall/ag/custom-waf-rules-overview
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import product
from typing import Final

from msgspec import Struct

from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, difference, intersection, union

_MOST_TRAITS: Final = 8
"""With more traits than this, a rule that blocks by one of them is taken as one that an attacker gets around."""
_LAST: Final = 1 << 31
_ALWAYS_THERE: Final = {"remoteaddr", "requesturi", "requestmethod"}
_EVERYTHING: Final = {".*", "^.*$", ".*?", "^.*", "^"}
_PATHS: Final = {"/", "", "^/", "^/.*", "^/.*$", "/.*"}
_NAMED: Final = {"requestheaders", "requestcookies"}


class Ends(Enum):
    """What a rule does with a request that matches: let it in past all other rules, refuse it, or go on."""

    ALLOW = "Allow"
    BLOCK = "Block"
    GOES_ON = "goes on"


class Trait(Struct, frozen=True):
    """Something that a request has or has not, other than its address: a header, a path, a country.

    `is_secret`: only who knows a certain value can send it. Words are for people.
    """

    key: tuple[str, ...]
    words: str
    is_secret: bool = False


class MatchCondition(Struct, frozen=True):
    """One condition of a rule: the address is in a set or the request has one of some traits; or neither, if negated."""

    addresses: Ranges = ()
    traits: tuple[Trait, ...] = ()
    is_negated: bool = False

    def matches(self, held: Collection[Trait]) -> Ranges:
        """Return from which addresses a request with exactly these traits meets the condition."""
        met = addresses.ANY if any(trait in held for trait in self.traits) else self.addresses
        return difference(addresses.ANY, met) if self.is_negated else met


class CustomRule(Struct, frozen=True):
    """A custom rule that is on."""

    name: str
    ends: Ends
    conditions: tuple[MatchCondition, ...]

    def matches(self, held: Collection[Trait]) -> Ranges:
        """Return from which addresses a request with exactly these traits matches."""
        return intersection(addresses.ANY, *(condition.matches(held) for condition in self.conditions))


class Bypass(Struct, frozen=True):
    """What gets past the managed rules: by which rule, from where, and with what in the request.

    `open_to`: addresses from which anybody can do so. `known_to`: those from which whoever knows the secret values can,
    too. `rules`: the names of the rules that let them in. `needs`: what such a request has to have, in words.
    """

    open_to: Ranges = ()
    known_to: Ranges = ()
    rules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def is_for_all(self) -> bool:
        """Whether anybody on the Internet gets past: from so many addresses that they belong to no single network."""
        return addresses.is_broad(intersection(self.open_to, addresses.PUBLIC))

    @property
    def is_for_initiates(self) -> bool:
        """Whether whoever knows a secret value gets past from anywhere."""
        return not self.is_for_all and addresses.is_broad(intersection(self.known_to, addresses.PUBLIC))


def read(policy: object) -> Sequence[CustomRule]:
    """Return the custom rules of a policy that are on, in the order in which they are asked."""
    found = [
        (number if (number := body.number(rule, "priority")) is not None else _LAST, place, _rule(rule))
        for place, rule in enumerate(body.objects(policy, "properties.customRules"))
        if not body.same_text(body.text(rule, "state"), "Disabled")
    ]
    return [rule for _, _, rule in sorted(found, key=lambda entry: entry[:2])]


def bypass(rules: Sequence[CustomRule]) -> Bypass:
    """Return what the rules let in past the managed ones: the first that matches decides."""
    rules = _up_to_last_allow(rules)
    if not rules:
        return Bypass()
    traits = list(dict.fromkeys(trait for rule in rules for one in rule.conditions for trait in one.traits))
    if len(traits) > _MOST_TRAITS:
        return _at_most(rules)
    open_to: list[Ranges] = []
    known_to: list[Ranges] = []
    names: dict[str, None] = {}
    needs: dict[str, None] = {}
    for choice in product((True, False), repeat=len(traits)):
        held = {trait for trait, has in zip(traits, choice, strict=True) if has}
        for rule, let_in in _let_in(rules, held):
            known_to.append(let_in)
            if not any(trait.is_secret for trait in held):
                open_to.append(let_in)
            names[rule.name] = None
            needs |= dict.fromkeys(_needed(rule))
    order = [rule.name for rule in rules if rule.name in names]
    return Bypass(union((), *open_to), union((), *known_to), tuple(dict.fromkeys(order)), tuple(needs))


def _let_in(rules: Iterable[CustomRule], held: Collection[Trait]) -> Iterator[tuple[CustomRule, Ranges]]:
    """Yield the addresses whose requests with these traits a rule lets in."""
    rest = addresses.ANY
    for rule in rules:
        if rule.ends is Ends.GOES_ON:
            continue
        hit = intersection(rest, rule.matches(held))
        rest = difference(rest, hit)
        if hit and rule.ends is Ends.ALLOW:
            yield rule, hit
        if not rest:
            return


def _needed(rule: CustomRule) -> Iterator[str]:
    for condition in rule.conditions:
        if condition.traits:
            no = "not " if condition.is_negated else ""
            yield no + " or ".join(trait.words for trait in condition.traits)


def _up_to_last_allow(rules: Sequence[CustomRule]) -> Sequence[CustomRule]:
    last = max((place for place, rule in enumerate(rules) if rule.ends is Ends.ALLOW), default=-1)
    return rules[: last + 1]


def _at_most(rules: Sequence[CustomRule]) -> Bypass:
    """Return at least all that the rules let in: an attacker is taken to choose each trait for each rule anew."""
    open_to: list[Ranges] = []
    known_to: list[Ranges] = []
    blocked: Ranges = ()
    allowing = []
    for rule in rules:
        if rule.ends is Ends.BLOCK:
            is_plain = not any(condition.traits for condition in rule.conditions)
            blocked = union(blocked, rule.matches(())) if is_plain else blocked
        elif rule.ends is Ends.ALLOW:
            let_in = difference(_chosen(rule, secrets=True), blocked)
            if let_in:
                allowing.append(rule)
                known_to.append(let_in)
                open_to.append(difference(_chosen(rule, secrets=False), blocked))
    needs = dict.fromkeys(words for rule in allowing for words in _needed(rule))
    names = tuple(dict.fromkeys(rule.name for rule in allowing))
    return Bypass(union((), *open_to), union((), *known_to), names, tuple(needs))


def _chosen(rule: CustomRule, *, secrets: bool) -> Ranges:
    """Return from where some request matches, its traits chosen for each condition anew."""
    sets = []
    for condition in rule.conditions:
        usable = [trait for trait in condition.traits if secrets or not trait.is_secret]
        sets.append(condition.matches(() if condition.is_negated else usable))
    return intersection(addresses.ANY, *sets)


def _rule(rule: Mapping[str, object]) -> CustomRule:
    action = (body.text(rule, "action") or "").lower()
    # A rate limit lets in all that stays below it, so that it blocks nobody who is patient.
    is_limit = body.same_text(body.text(rule, "ruleType"), "RateLimitRule")
    conditions = tuple(_condition(condition) for condition in body.objects(rule, "matchConditions"))
    ends = Ends.ALLOW if action == "allow" else Ends.BLOCK if action == "block" and not is_limit else Ends.GOES_ON
    if ends is Ends.BLOCK and not conditions:  # what blocks is not told, so that nothing is known to be blocked
        ends = Ends.GOES_ON
    return CustomRule(body.text(rule, "name") or "without a name", ends, conditions)


def _condition(condition: object) -> MatchCondition:
    """Return a condition; its variables, like its values, are alternatives."""
    operator = (body.text(condition, "operator") or "").lower()
    values = body.text_or_texts(condition, "matchValues")
    # ARM spells it so: https://learn.microsoft.com/azure/templates/microsoft.network/applicationgatewaywebapplicationfirewallpolicies
    negated = body.flag(condition, "negationConditon")
    is_negated = (body.flag(condition, "negationCondition") if negated is None else negated) is True
    matched: Ranges = ()
    traits: list[Trait] = []
    for variable in body.objects(condition, "matchVariables"):
        spelled = body.text(variable, "variableName") or ""
        name = spelled.lower()
        selector = body.text(variable, "selector") or ""
        if name == "remoteaddr" and operator == "ipmatch":
            numbers, odd = addresses.read_ranges(values)
            matched = union(matched, numbers)
            traits += [_trait(spelled, selector, operator, odd, condition)] if odd else []
        elif _is_certain(name, operator, values):
            matched = addresses.ANY
        else:
            traits.append(_trait(spelled, selector, operator, values, condition))
    return MatchCondition(matched, tuple(dict.fromkeys(traits)), is_negated)


def _is_certain(variable: str, operator: str, values: Sequence[str]) -> bool:
    """Whether every request meets a condition, whoever sends it."""
    if variable not in _ALWAYS_THERE:
        return False
    if operator == "any":
        return True
    everything = _EVERYTHING if operator == "regex" else set()
    if variable == "requesturi":
        everything = everything | (_PATHS if operator in {"regex", "contains", "beginswith"} else set())
    return any(value in everything for value in values)


def _trait(variable: str, selector: str, operator: str, values: Sequence[str], condition: object) -> Trait:
    transforms = sorted(body.text_or_texts(condition, "transforms"))
    where = variable + (f" {selector}" if selector else "")
    shown = ", ".join(values[:3]) + (" …" if len(values) > 3 else "")
    is_secret = variable.lower() in _NAMED and operator == "equal"
    key = (variable.lower(), selector.lower(), operator, *sorted(values), "|", *transforms)
    how = body.text(condition, "operator") or "without an operator"
    return Trait(key, f"{where} {how}" + (f" {shown}" if shown and not is_secret else ""), is_secret)
