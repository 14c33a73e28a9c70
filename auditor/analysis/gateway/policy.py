"""Tell what each web application firewall policy stops in effect, and what gets past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.analysis.gateway.firewall import part_gap
from auditor.azure import addresses
from auditor.estate.network_relations import WAF_POLICIES
from auditor.model import Gap, Resource
from auditor.network import waf_policy
from auditor.network.waf_policy import AttackCheck, Checked, Exclusion, Protection, RuleOff

_MOST: Final = 8


@record
class CheckedAttack(Record, frozen=True, kw_only=True):
    """A kind of attack, and whether the policy stops it."""

    attack: str
    """the kind of attack: `SQL injection`, `protocol attacks`, …"""
    checked: Known[Checked | None]
    """`checked`, `weakened` (some rules or parts of requests are left out), `unchecked`, or `no rule` that looks for it"""
    why: tuple[str, ...]
    """what keeps the policy from stopping it"""


@record
class ExcludedPart(Record, frozen=True, kw_only=True):
    """What some of the managed rules do not look at."""

    kind: str
    """`exclusion`: a part of every request; `exception`: requests as a whole"""
    variable: str
    """what is left out: `RequestArgNames`, `RequestURI`, …"""
    operator: str
    """how the name or value is compared"""
    selector: str
    """the name or values that are left out"""
    scope: str
    """for which rules: `all rules`, a rule set, a group, or single rules"""
    is_whole: bool
    """whether it holds for every name, or for every request"""


@record
class RuleTurnedOff(Record, frozen=True, kw_only=True):
    """A managed rule that stops nothing."""

    rule_set: str
    """the rule set, with its version"""
    group: str
    """its group"""
    rule: str | None
    """its number; absent where all rules of the group are off"""
    how: str
    """`disabled`, `log` (it only writes down) or `allow` (it lets in what it matches)"""


@record
class ManagedRuleSet(Record, frozen=True, kw_only=True):
    """A set of rules that Microsoft keeps up to date."""

    type: str
    """`OWASP`, `Microsoft_DefaultRuleSet`, `Microsoft_BotManagerRuleSet`, …"""
    version: str | None
    """its version"""


@fact("gateway.waf-policy", subject="the firewall policy")
class WafPolicy(Fact, frozen=True, kw_only=True):
    """What a web application firewall policy stops once all its switches are taken together."""

    grounds: ClassVar[Mapping[str, str]] = {
        "exclusionCount": "exclusions",
        "rulesOffCount": "rulesOff",
        "openToAll": "allowedAddresses",
        "openToInitiates": "allowingRules",
    }
    state: Known[str]
    """`Enabled`, or `Disabled` (where absent)"""
    mode: Known[str]
    """`Prevention`, or `Detection` (where absent)"""
    request_body_check: Known[bool]
    """whether bodies are looked at"""
    body_limit: Known[int | None]
    """beyond how many KB a body is let in without a look; absent where the rest is refused"""
    rule_sets: Known[tuple[ManagedRuleSet, ...]]
    """the managed rule sets"""
    attacks: tuple[CheckedAttack, ...]
    """each kind of attack, and whether it is stopped"""
    unchecked_attacks: Known[tuple[str, ...]]
    """the attacks that a rule set looks for and that are stopped nowhere"""
    rules_off: Known[tuple[RuleTurnedOff, ...]]
    """the managed rules that stop nothing"""
    rules_off_count: Known[int]
    """how many there are; all of a group count as one"""
    exclusions: Known[tuple[ExcludedPart, ...]]
    """what rules do not look at"""
    exclusion_count: Known[int]
    """how many there are"""
    allowing_rules: Known[tuple[str, ...]]
    """the custom rules that let requests in past the managed ones, asked in order of priority"""
    open_to_all: Known[bool]
    """whether they let in anybody, from more addresses than belong to one network"""
    open_to_initiates: Known[bool]
    """whether they let in from anywhere whoever knows the value of a header or cookie"""
    allowed_addresses: Known[tuple[str, ...]]
    """from which addresses they let requests in, the first of them"""
    name: Hidden[str]
    protection: Hidden[Protection]

    def sentence(self) -> str:
        """Say what gets in unchecked, and what weakens the rest."""
        lost = [one for one in self.protection.attacks if one.checked is Checked.NO]
        weak = [one for one in self.protection.attacks if one.checked is Checked.IN_PART]
        parts = []
        if lost:
            whom = "nothing" if _is_all(lost) else f"no {facts.listed([one.attack for one in lost])}"
            parts.append(f"stops {whom} ({facts.listed(_reasons(lost), _MOST)})")
        if weak:
            whom = "attacks" if _is_all(weak) else facts.listed([one.attack for one in weak])
            parts.append(f"stops {whom} only in part ({facts.listed(_reasons(weak), _MOST)})")
        parts += [] if parts else ["stops what its rule sets look for"]
        parts += [f"lets in requests from {self._where()} past its managed rules"] if self._is_narrow() else []
        parts += self._body()
        return f"The firewall policy {self.name} {facts.listed(parts)}."

    def _is_narrow(self) -> bool:
        bypass = self.protection.bypass
        return bool(bypass.known_to) and not bypass.is_for_all and not bypass.is_for_initiates

    def _where(self) -> str:
        return facts.listed(list(addresses.prefixes(self.protection.bypass.known_to)), 3)

    def _body(self) -> Sequence[str]:
        match self.protection.body_limit:
            case None:
                return []
            case 0:
                return ["looks at no body"]
            case limit:
                return [f"lets bodies in without a look beyond {limit} KB"]


def policy_facts(context: Context) -> Iterator[WafPolicy]:
    """Yield a fact per firewall policy."""
    for policy in context.estate.of_type(WAF_POLICIES):
        yield _fact(context, policy)


def _fact(context: Context, policy: Resource) -> WafPolicy:
    protection = waf_policy.protection(policy.body)
    settings, managed, custom = (
        context.estate.gap_at(policy.key, part)
        for part in ("properties.policySettings", "properties.managedRules", "properties.customRules")
    )
    lost = tuple(one.attack for one in protection.attacks if one.checked is Checked.NO)
    unread = part_gap(context, policy) or _undecided(policy, protection)
    bypass = protection.bypass
    inputs = ["properties.policySettings", "properties.managedRules", "properties.customRules"]
    inputs += [one.path for one in protection.exclusions]
    return WafPolicy(
        about=facts.about(context, policy.id, inputs=[(policy.id, path) for path in inputs]),
        state=settings or protection.state,
        mode=settings or protection.mode,
        request_body_check=settings or protection.body_check,
        body_limit=settings or managed or protection.body_limit,
        rule_sets=managed or tuple(ManagedRuleSet(type=kind, version=v or None) for kind, v in protection.rule_sets),
        attacks=tuple(_attack(one, unread) for one in protection.attacks),
        unchecked_attacks=_unless(unread, lost),
        rules_off=managed or tuple(_off(one) for one in protection.off),
        rules_off_count=managed or len(protection.off),
        exclusions=managed or tuple(_excluded(one) for one in protection.exclusions),
        exclusion_count=managed or len(protection.exclusions),
        allowing_rules=custom or bypass.rules,
        open_to_all=custom or bypass.is_for_all,
        open_to_initiates=custom or bypass.is_for_initiates,
        allowed_addresses=custom or tuple(addresses.prefixes(bypass.known_to))[:_MOST],
        name=policy.name,
        protection=protection,
    )


def _undecided(policy: Resource, protection: Protection) -> Gap | None:
    """Return why it is not known whether an attack is stopped: the rules of a rule set are not listed here."""
    open_ones = [one.attack for one in protection.attacks if one.checked is None]
    if not open_ones:
        return None
    sets = facts.listed([f"{kind} {version}".strip() for kind, version in protection.rule_sets])
    return Gap(policy.id, "properties.managedRules", f"the rules of {sets} on {facts.listed(open_ones)} are not known")


def _unless(gap: Gap | None, lost: tuple[str, ...]) -> Known[tuple[str, ...]]:
    """Return the attacks that get in, or why they are not known; one that is known to get in is enough to tell."""
    return lost if lost or gap is None else gap


def _attack(one: AttackCheck, unread: Gap | None) -> CheckedAttack:
    """Return a kind of attack; what is known to get in stays so, whatever else was not read."""
    is_lost = one.checked is Checked.NO
    return CheckedAttack(attack=one.attack, checked=one.checked if is_lost or unread is None else unread, why=one.why)


def _off(one: RuleOff) -> RuleTurnedOff:
    return RuleTurnedOff(rule_set=one.rule_set, group=one.group, rule=one.rule, how=one.how)


def _excluded(one: Exclusion) -> ExcludedPart:
    return ExcludedPart(
        kind=one.kind,
        variable=one.variable,
        operator=one.operator,
        selector=one.selector,
        scope=one.scope,
        is_whole=one.is_whole,
    )


def _is_all(checks: Sequence[AttackCheck]) -> bool:
    return len(checks) == len(waf_policy.ATTACKS)


def _reasons(checks: Sequence[AttackCheck]) -> list[str]:
    return list(dict.fromkeys(reason for one in checks for reason in one.why))
