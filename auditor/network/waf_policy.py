"""Tell which attacks a web application firewall policy looks for and blocks, once all its switches are taken together."""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from auditor.azure import body
from auditor.azure.reference_data import waf_rules
from auditor.network import waf_custom_rules
from auditor.network.waf_custom_rules import Bypass

ATTACKS: Final = waf_rules.attacks()
"""The kinds of attack that policies are judged by."""
_READ: Final = ("policySettings", "managedRules", "customRules")
"""The properties of a policy that say what it does."""
_EXACT: Final = 2
"""The version of marshal in which equal values are equal bytes."""
_SETTINGS: Final = "properties.policySettings"
_MANAGED: Final = "properties.managedRules"
_ARGUMENTS: Final = {"requestargnames", "requestargvalues"}
_INSPECTED: Final = 128  # KB of a body, where not stated: what the firewall looks at, and what it takes
_LIMITED_SETS: Final = {("owasp", "3.1"), ("owasp", "3.0"), ("owasp", "2.2.9")}
"""Rule sets of the old engine: with the body inspected, its size is always limited to what is inspected."""


class Checked(StrEnum):
    """Whether a policy stops a kind of attack: always, in part, never, or whether none of its rule sets looks for it."""

    YES = "checked"
    IN_PART = "weakened"
    NO = "unchecked"
    NOT_LISTED = "no rule"


class RuleOff(Struct, frozen=True):
    """A managed rule that stops nothing (all of a group where `rule` is None), and how: `disabled`, `log`, `allow`."""

    rule_set: str
    group: str
    rule: str | None
    how: Literal["disabled", "log", "allow"]

    @property
    def words(self) -> str:
        """Return what is off, in words."""
        return f"rule {self.rule}" if self.rule else f"all rules of {self.group}"


class Exclusion(Struct, frozen=True):
    """A part of requests (`kind` exclusion) or whole requests (exception) that rules do not look at.

    `scope`: `all rules`, a rule set, a group of one, or rules. `is_whole`: it holds for every name or request.
    `attacks`: those that some rule in its scope looks for; `of_all`: those of which no rule is out of its scope.
    """

    kind: Literal["exclusion", "exception"]
    variable: str
    operator: str
    selector: str
    scope: str
    is_whole: bool
    attacks: frozenset[str]
    of_all: frozenset[str]
    path: str

    @property
    def words(self) -> str:
        """Return what is not looked at, in words."""
        chosen = f" {self.operator} {self.selector}".rstrip() if self.operator or self.selector else ""
        return f"{self.variable}{chosen} ({self.scope})"


class AttackCheck(Struct, frozen=True):
    """Whether a policy stops one kind of attack; `why` says what weakens it. None where that is not known."""

    attack: str
    checked: Checked | None
    why: tuple[str, ...] = ()


class Protection(Struct, frozen=True):
    """What a policy does in effect.

    `rule_sets`: type and version of each managed one.
    `body_limit`: beyond how many KB a body is let in without a look; None where nothing is, 0 where no body is looked at.
    """

    state: str
    mode: str
    body_check: bool
    body_limit: int | None
    rule_sets: tuple[tuple[str, str], ...]
    bypass: Bypass
    off: tuple[RuleOff, ...]
    exclusions: tuple[Exclusion, ...]
    attacks: tuple[AttackCheck, ...]

    @property
    def prevents(self) -> bool:
        """Whether it blocks anything at all: it is enabled, and in prevention mode."""
        return body.same_text(self.state, "Enabled") and body.same_text(self.mode, "Prevention")

    @property
    def is_hollow(self) -> bool:
        """Whether the policy looks for some attack by its rule sets and stops it nowhere."""
        return any(one.checked is Checked.NO for one in self.attacks)


class _RuleSet(Struct, frozen=True):
    type: str
    version: str
    groups: Mapping[str, frozenset[str] | None] | None

    @property
    def name(self) -> str:
        return f"{self.type} {self.version}".strip()

    def is_named(self, entry: object) -> bool:
        """Whether an entry of an exclusion is about this rule set."""
        version = body.text(entry, "ruleSetVersion")
        return body.same_text(body.text(entry, "ruleSetType"), self.type) and version in {None, self.version}


def protection(policy: object) -> Protection:
    """Return what a policy, as Azure gives it, does in effect."""
    read = {name: body.value(policy, f"properties.{name}") for name in _READ}
    with suppress(ValueError):  # what marshal cannot write
        return _remembered(marshal.dumps(read, _EXACT))
    return _protection({"properties": read})


@lru_cache(maxsize=256)
def _remembered(read: bytes) -> Protection:
    """Return what a policy does by all that is read of it: policies are copied from gateway to gateway."""
    return _protection({"properties": marshal.loads(read)})  # noqa: S302 - of this very process


def _protection(policy: object) -> Protection:
    sets = list(_rule_sets(policy))
    off = tuple(_rules_off(policy))
    exclusions = tuple(_exclusions(policy, sets))
    body_check = body.flag(policy, f"{_SETTINGS}.requestBodyCheck") is not False
    bypass = waf_custom_rules.bypass(waf_custom_rules.read(policy))
    plain = Protection(
        # A policy that is made without settings is disabled, and in detection mode.
        state=body.text(policy, f"{_SETTINGS}.state") or "Disabled",
        mode=body.text(policy, f"{_SETTINGS}.mode") or "Detection",
        body_check=body_check,
        body_limit=_body_limit(policy, sets) if body_check else 0,
        rule_sets=tuple((one.type, one.version) for one in sets),
        bypass=bypass,
        off=off,
        exclusions=exclusions,
        attacks=(),
    )
    return replace(plain, attacks=tuple(_check(attack, plain, sets) for attack in ATTACKS))


def of_legacy(configuration: object) -> object:
    """Return the firewall configuration of a gateway, which policies have replaced, as the policy that does the same.

    Where `enabled` is missing the state is, too.
    """
    enabled = body.flag(configuration, "enabled")
    overrides = [
        {
            "ruleGroupName": body.text(group, "ruleGroupName"),
            "rules": [{"ruleId": str(rule), "state": "Disabled"} for rule in body.items(group, "rules")],
        }
        for group in body.objects(configuration, "disabledRuleGroups")
    ]
    rule_set = {
        "ruleSetType": body.text(configuration, "ruleSetType") or "OWASP",
        "ruleSetVersion": body.text(configuration, "ruleSetVersion"),
        "ruleGroupOverrides": overrides,
    }
    settings = {
        "state": None if enabled is None else "Enabled" if enabled else "Disabled",
        "mode": body.text(configuration, "firewallMode"),
        "requestBodyCheck": body.flag(configuration, "requestBodyCheck"),
        "maxRequestBodySizeInKb": body.number(configuration, "maxRequestBodySizeInKb"),
    }
    managed = {"managedRuleSets": [rule_set], "exclusions": list(body.objects(configuration, "exclusions"))}
    return {"properties": {"policySettings": settings, "managedRules": managed}}


def _rule_sets(policy: object) -> Iterator[_RuleSet]:
    for entry in body.objects(policy, f"{_MANAGED}.managedRuleSets"):
        set_type, version = body.text(entry, "ruleSetType") or "", body.text(entry, "ruleSetVersion") or ""
        yield _RuleSet(set_type, version, waf_rules.groups(set_type, version))


def _rules_off(policy: object) -> Iterator[RuleOff]:
    """Yield the rules that overrides turn off, or turn into ones that only log or let in.

    An override that names no rule turns off all of its group, and a rule without a state is off:
    https://learn.microsoft.com/azure/templates/microsoft.network/applicationgatewaywebapplicationfirewallpolicies
    """
    for entry in body.objects(policy, f"{_MANAGED}.managedRuleSets"):
        set_type = body.text(entry, "ruleSetType") or ""
        name = f"{set_type} {body.text(entry, 'ruleSetVersion') or ''}".strip()
        for override in body.objects(entry, "ruleGroupOverrides"):
            group = body.text(override, "ruleGroupName") or "a group without a name"
            rules = body.objects(override, "rules")
            if not rules:
                yield RuleOff(name, group, None, "disabled")
            for rule in rules:
                number = body.text(rule, "ruleId") or str(body.number(rule, "ruleId") or "")
                how = _how_off(rule)
                if how is not None and not _is_due(set_type, group, number, how):
                    yield RuleOff(name, group, number, how)


def _is_due(set_type: str, group: str, rule: str, how: str) -> bool:
    """Whether a rule is off without a loss: others do its work, or it is about bots that do no harm or are only counted.

    https://learn.microsoft.com/azure/web-application-firewall/ag/bot-protection-overview
    """
    if any(waf_rules.is_same_group(group, name) for name in ("GoodBots", "UnknownBots")):
        return how != "disabled" or waf_rules.is_same_group(group, "GoodBots")
    return how == "disabled" and waf_rules.is_replaced(set_type, rule)


def _how_off(rule: object) -> Literal["disabled", "log", "allow"] | None:
    if not body.same_text(body.text(rule, "state"), "Enabled"):
        return "disabled"
    match (body.text(rule, "action") or "").lower():
        case "log":
            return "log"
        case "allow":
            return "allow"
        case _:
            return None


def _exclusions(policy: object, sets: Sequence[_RuleSet]) -> Iterator[Exclusion]:
    for place, entry in body.enumerate_objects(policy, f"{_MANAGED}.exclusions"):
        operator, selector = body.text(entry, "selectorMatchOperator") or "", body.text(entry, "selector") or ""
        named = body.objects(entry, "exclusionManagedRuleSets")
        scope, attacks, of_all = _scope(named, sets)
        is_whole = operator.lower() == "equalsany" or (selector in {"", "*"} and operator.lower() != "equals")
        variable = body.text(entry, "matchVariable") or ""
        yield Exclusion("exclusion", variable, operator, selector, scope, is_whole, attacks, of_all, place)
    for place, entry in body.enumerate_objects(policy, f"{_MANAGED}.exceptions"):
        operator, values = body.text(entry, "valueMatchOperator") or "", body.text_or_texts(entry, "values")
        scope, attacks, of_all = _scope(body.objects(entry, "exceptionManagedRuleSets"), sets)
        variable = body.text(entry, "matchVariable") or ""
        is_whole = _takes_all(variable, operator, values)
        yield Exclusion("exception", variable, operator, ", ".join(values), scope, is_whole, attacks, of_all, place)


def _takes_all(variable: str, operator: str, values: Sequence[str]) -> bool:
    """Whether an exception is for requests that anybody can send anywhere: all paths, or the Internet's addresses."""
    condition = {"operator": operator, "matchValues": list(values), "matchVariables": [{"variableName": variable}]}
    if operator.lower() == "startswith":
        condition["operator"] = "BeginsWith"
    rule = {"name": "exception", "action": "Allow", "matchConditions": [condition]}
    # Of a path or a header some requests are let past, and of an address some senders; only all of them are whole.
    found = waf_custom_rules.read({"properties": {"customRules": [rule]}})
    return not any(one.traits for one in found[0].conditions) and waf_custom_rules.bypass(found).is_for_all


def _scope(named: Sequence[object], sets: Sequence[_RuleSet]) -> tuple[str, frozenset[str], frozenset[str]]:
    """Return for which rules an exclusion is, in words, with the attacks that some and that all their rules look for."""
    everything = frozenset(ATTACKS)
    if not named:
        return "all rules", everything, everything
    words, some, covered = [], set(), _Covered(sets)
    for entry in named:
        here = [one for one in sets if one.is_named(entry)]
        label = " ".join(filter(None, (body.text(entry, "ruleSetType"), body.text(entry, "ruleSetVersion"))))
        groups = body.objects(entry, "ruleGroups")
        if not groups:
            words.append(label)
            for one in here:
                some |= {attack for group in one.groups or () for attack in waf_rules.attacks_of(group)}
                covered.add_set(one)
        for group in groups:
            name = body.text(group, "ruleGroupName") or ""
            rules = [text for rule in body.objects(group, "rules") if (text := body.text(rule, "ruleId"))]
            words.append(f"{label}, {name}" + (f", {', '.join(rules)}" if rules else ""))
            for one in here:
                some |= {attack for rule in rules or [""] for attack in waf_rules.attacks_of(name, rule)}
                covered.add_group(one.name, name, rules)
    return "; ".join(words), frozenset(some), frozenset(attack for attack in some if covered.is_all_of(attack))


class _Covered:
    """Which groups and rules of some rule sets are named; those of sets that are not in the policy do not count."""

    def __init__(self, sets: Sequence[_RuleSet]) -> None:
        self._sets = sets
        self._whole: list[_RuleSet] = []
        self._groups: list[tuple[str, str]] = []
        self._rules: dict[str, set[str]] = defaultdict(set)

    def add_set(self, rule_set: _RuleSet) -> None:
        """Name all of a set."""
        self._whole.append(rule_set)

    def add_group(self, rule_set: str, group: str, rules: Sequence[str]) -> None:
        """Name some rules of a group of a set, or all of it where none are given."""
        if rules:
            self._rules[rule_set] |= set(rules)
        else:
            self._groups.append((rule_set, group))

    def is_all_of(self, attack: str) -> bool | None:
        """Whether every rule on an attack is named; None where it takes a list of rules that is not known."""
        answers: set[bool | None] = set()
        for rule_set in self._sets:
            if rule_set in self._whole or rule_set.groups is None:
                continue
            for group, rules in rule_set.groups.items():
                if attack in waf_rules.attacks_of(group):
                    answers.add(self._is_named(rule_set, group, rules))
        return False if False in answers else None if None in answers else True

    def _is_named(self, rule_set: _RuleSet, group: str, rules: frozenset[str] | None) -> bool | None:
        if any(owner == rule_set.name and waf_rules.is_same_group(group, named) for owner, named in self._groups):
            return True
        named_rules = self._rules[rule_set.name]
        if rules is None:  # any of the rules that are named may be all that there are
            looked_for = waf_rules.attacks_of(group)
            is_touched = any(waf_rules.attacks_of("", rule) in {looked_for, frozenset()} for rule in named_rules)
            return None if is_touched else False
        return all(rule in named_rules or waf_rules.is_replaced(rule_set.type, rule) for rule in rules)


def _check(attack: str, policy: Protection, sets: Sequence[_RuleSet]) -> AttackCheck:
    """Return whether a policy stops an attack, and all that keeps it from doing so."""
    off = [one for one in policy.off if attack in waf_rules.attacks_of(one.group, one.rule or "")]
    why = [*_reasons_of_all(policy)]
    named = _Covered(sets)
    for one in off:
        named.add_group(one.rule_set, one.group, [one.rule] if one.rule else [])
    groups = [group for one in sets for group in one.groups or ()]
    is_unlisted = any(one.groups is None for one in sets)
    is_listed = any(attack in waf_rules.attacks_of(group) for group in groups)
    all_off = named.is_all_of(attack) if off and is_listed else False
    why += [f"{_listed([one.words for one in off])} off or only logged"] if off else []
    whole = [one for one in policy.exclusions if one.is_whole and attack in one.of_all and _is_wide(one)]
    partial = [one for one in policy.exclusions if attack in one.attacks]
    why += [f"{one.words} not looked at" for one in partial]
    if why and (_lets_all_in(policy) or whole or all_off):
        return AttackCheck(attack, Checked.NO, tuple(why))
    if not is_listed:
        return AttackCheck(attack, None if is_unlisted else Checked.NOT_LISTED, tuple(why))
    if all_off is None:
        return AttackCheck(attack, None, tuple(why))
    return AttackCheck(attack, Checked.IN_PART if why else Checked.YES, tuple(why))


def _is_wide(exclusion: Exclusion) -> bool:
    """Whether what is left out is where attacks come in: whole requests, or all arguments of them."""
    return exclusion.kind == "exception" or exclusion.variable.lower() in _ARGUMENTS


def _lets_all_in(policy: Protection) -> bool:
    return not policy.prevents or policy.bypass.is_for_all or any(one.how == "allow" for one in policy.off)


def _reasons_of_all(policy: Protection) -> Iterator[str]:
    """Yield what opens a policy to every attack alike."""
    if not body.same_text(policy.state, "Enabled"):
        yield "the policy is disabled"
    elif not policy.prevents:
        yield f"the policy is in {policy.mode} mode and blocks nothing"
    rules = _listed(policy.bypass.rules)
    if policy.bypass.is_for_all:
        needs = f", if {_listed(policy.bypass.needs)}" if policy.bypass.needs else ""
        yield f"custom rule {rules} lets everybody in past the managed rules{needs}"
    elif policy.bypass.is_for_initiates:
        yield f"custom rule {rules} lets in whoever knows {_listed(policy.bypass.needs)}"
    for one in policy.off:
        if one.how == "allow":
            yield f"{one.words} lets in what it matches, past all others"


def _listed(words: Sequence[str], most: int = 6) -> str:
    more = [f"{len(words) - most} more"] if len(words) > most else []
    return ", ".join([*words[:most], *more])


def _body_limit(policy: object, sets: Sequence[_RuleSet]) -> int | None:
    """Return beyond how many KB of a body nothing is looked at although it is let in; None where the rest is refused.

    https://learn.microsoft.com/azure/web-application-firewall/ag/application-gateway-waf-request-size-limits
    """
    most = body.number(policy, f"{_SETTINGS}.maxRequestBodySizeInKb")
    if any((one.type.lower(), one.version) in _LIMITED_SETS for one in sets):
        return None
    inspected = body.number(policy, f"{_SETTINGS}.requestBodyInspectLimitInKB")
    depth = _INSPECTED if inspected is None else inspected
    if body.flag(policy, f"{_SETTINGS}.requestBodyEnforcement") is False:
        return depth
    return depth if (_INSPECTED if most is None else most) > depth else None
