"""Read what an Azure Firewall lets through: its policy with the parents of that, or the rules that it holds itself.

Network rules come before application rules, a parent policy's before its child's, lower priorities before higher ones;
the first match decides, and what none matches is denied:
https://learn.microsoft.com/azure/firewall/rule-processing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection, normal, union
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource
from auditor.network.security_rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    ANYWHERE,
    PROTOCOLS,
    Access,
    Direction,
    Match,
    SecurityGroup,
    SecurityRule,
    Side,
    is_tag,
    parse_ports,
    tag,
)

POLICIES: Final = "microsoft.network/firewallpolicies"
RULE_GROUPS: Final = "microsoft.network/firewallpolicies/rulecollectiongroups"
IP_GROUPS: Final = "microsoft.network/ipgroups"

_APPLICATION: Final = "application rules"
_TCP: Final = 0b1
_WEB_PORTS: Final = {"http": 80, "https": 443, "mssql": 1433}
_MOST_PARENTS: Final = 8
_UNREADABLE: Final = "a rule collection has no readable priority or action"
_DENY_ALL: Final = SecurityRule(
    "(no rule matches)", 65535, Direction.OUTBOUND, Access.DENY, Match(ANYWHERE, ANYWHERE), is_custom=False
)


class Translation(Struct, frozen=True):
    """A rule that leads what comes to an address of the firewall to another one.

    `target` is None where it is named by host name, or not readable; `ports` are those at the target.
    """

    name: str
    source: Side
    protocols: int
    target: Ranges | None
    ports: Ranges
    is_readable: bool = True


class FirewallRules(Struct, frozen=True):
    """The rules of a firewall. `gap` says why they are not known; `passing` is then undecidable.

    Rules that go by host name match nobody knows what: they are unreadable in `passing`, all application rules as one.
    """

    passing: SecurityGroup
    translations: tuple[Translation, ...] = ()
    gap: Gap | None = None

    def between(self, sources: Ranges, destinations: Ranges) -> SecurityGroup:
        """Return the rules that may matter to packets between these addresses."""
        rules = self.passing.rules[Direction.OUTBOUND]
        kept = [
            rule
            for rule in rules
            if _may_meet(rule.match.source, sources) and _may_meet(rule.match.destination, destinations)
        ]
        return replace(self.passing, rules={**self.passing.rules, Direction.OUTBOUND: tuple(kept)})

    def may_pass(self, sources: Ranges, destinations: Ranges) -> bool:
        """Whether some rule may let something pass between these addresses: a quick answer, with too many yeses."""
        rules = self.between(sources, destinations).rules[Direction.OUTBOUND]
        return bool(self.passing.undecidable) or any(rule.access is Access.ALLOW for rule in rules)


def _may_meet(side: Side, numbers: Ranges) -> bool:
    return bool(side.symbols) or bool(intersection(side.ranges, numbers))


class _Collection(Struct, frozen=True):
    """A collection of rules of one kind: `network`, `application` or `nat`; `is_inherited`: a parent policy's."""

    name: str
    kind: str
    priority: int
    allows: bool
    rules: tuple[Mapping[str, object], ...]
    is_inherited: bool = False


class Firewalls:
    """The firewalls of an estate, their rules read once each."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._known: dict[str, FirewallRules] = {}

    def rules(self, firewall: Resource) -> FirewallRules:
        """Return what a firewall lets through."""
        if firewall.key not in self._known:
            self._known[firewall.key] = self._read(firewall)
        return self._known[firewall.key]

    def _read(self, firewall: Resource) -> FirewallRules:
        policy = body.sub_resource(firewall.body, "properties.firewallPolicy")
        gap = self.estate.gap_at(firewall.key, "properties.firewallPolicy")
        if gap is None and policy is None:
            found = self._classic(firewall)
        elif gap is None and policy is not None:
            found = self._inherited(policy)
        else:
            found = gap or Gap(firewall.id, POLICIES, "the policy is not known")
        if isinstance(found, Gap):
            reason = f"its rules were not collected ({found.reason})"
            group = SecurityGroup(firewall.name, dict.fromkeys(Direction, ()), {Direction.OUTBOUND: reason})
            return FirewallRules(group, gap=found)
        return self._ordered(firewall, found)

    def _ordered(self, firewall: Resource, collections: Sequence[_Collection]) -> FirewallRules:
        network = [collection for collection in collections if collection.kind == "network"]
        application = [collection for collection in collections if collection.kind == "application"]
        rules = [rule for collection in network for rule in self._network_rules(collection)]
        rules += [rule for collection in application if collection.allows for rule in self._web_rules(collection)]
        asked = {Direction.INBOUND: (), Direction.OUTBOUND: (*rules, _DENY_ALL)}
        passing = SecurityGroup(firewall.name, asked, id=firewall.id)
        nat = [collection for collection in collections if collection.kind == "nat"]
        return FirewallRules(passing, tuple(rule for collection in nat for rule in self._translations(collection)))

    def _classic(self, firewall: Resource) -> Sequence[_Collection] | Gap:
        found: list[_Collection] = []
        for kind in ("network", "application", "nat"):
            path = f"properties.{kind}RuleCollections"
            if gap := self.estate.gap_at(firewall.key, path):
                return gap
            listed = [_classic(entry, kind) for entry in body.objects(firewall.body, path)]
            if any(collection is None for collection in listed):
                return Gap(firewall.id, path, _UNREADABLE)
            found += _by_priority(listed)
        return found

    def _inherited(self, policy: str) -> Sequence[_Collection] | Gap:
        """Return the collections of a policy, those of its parents first."""
        chain: list[str] = []
        place: str | None = policy
        while place is not None:
            resource = self.estate.get(place)
            if resource is None:
                return self.estate.unseen(place) or Gap(place, POLICIES, "the policy is not in the estate")
            if place in chain or len(chain) > _MOST_PARENTS:
                return Gap(place, "properties.basePolicy", "policies inherit from each other in a circle")
            chain.append(place)
            if gap := self.estate.gap_at(resource.key, "properties.basePolicy"):
                return gap
            place = body.sub_resource(resource.body, "properties.basePolicy")
        found: list[_Collection] = []
        for key in reversed(chain):
            own = self._of_policy(key)
            if isinstance(own, Gap):
                return own
            found += own if key == policy else [replace(collection, is_inherited=True) for collection in own]
        return found

    def _of_policy(self, policy: str) -> Sequence[_Collection] | Gap:
        """Return the collections of one policy by priority of their groups, then by their own."""
        groups = self._groups(policy)
        if isinstance(groups, Gap):
            return groups
        found: list[_Collection] = []
        for group in sorted(groups, key=lambda group: body.number(group, "properties.priority") or 0):
            name = body.text(group, "name") or ids.name_of(body.text(group, "id") or "")
            own = [_of_group(entry, name) for entry in body.objects(group, "properties.ruleCollections")]
            if body.number(group, "properties.priority") is None or any(collection is None for collection in own):
                return Gap(policy, RULE_GROUPS, _UNREADABLE)
            found += _by_priority(own)
        return found

    def _groups(self, policy: str) -> Sequence[Mapping[str, object]] | Gap:
        """Return the rule collection groups of a policy, be they resources of their own or inside it."""
        resource = self.estate.get(policy)
        listed = body.objects(resource.body, "properties.ruleCollectionGroups") if resource else ()
        here = {child.key: child.body for child in self.estate.children(policy, RULE_GROUPS)}
        for group in listed:
            key = ids.key(body.text(group, "id") or body.text(group, "name") or "")
            if body.value(group, "properties.ruleCollections") is not None:
                here.setdefault(key, group)
            elif key not in here:
                return Gap(policy, RULE_GROUPS, f"rule collection group {ids.name_of(key)} is not in the estate")
        if gap := self.estate.type_gap(RULE_GROUPS, policy):
            return gap
        if not here and (resource is None or body.value(resource.body, "properties.ruleCollectionGroups") is None):
            # The service always states which groups a policy has; where none is stated and none is here, none was read.
            return Gap(policy, RULE_GROUPS, "its rule collection groups are not in the estate")
        return list(here.values())

    def _network_rules(self, collection: _Collection) -> Iterator[SecurityRule]:
        access = Access.ALLOW if collection.allows else Access.DENY
        for rule in collection.rules:
            name = f"{collection.name}/{body.text(rule, 'name') or 'rule'}"
            problems: list[str] = []
            source = self._side(rule, "source", problems)
            protocols = _protocols(rule, problems)
            ports, names_ports = _ports(rule, "destinationPorts", problems)
            has_hosts = bool(body.texts(rule, "destinationFqdns"))
            found = self._side(rule, "destination", problems, may_lack=has_hosts)
            if found != Side():
                match = Match(source, found, protocols, ALL_PORTS, ports, names_ports)
                yield SecurityRule(
                    name, collection.priority, Direction.OUTBOUND, access, match, unreadable=tuple(problems)
                )
            if has_hosts:  # which addresses a host name has is for the firewall's resolver to say
                match = Match(source, ANYWHERE, protocols, ALL_PORTS, ports, names_ports)
                unreadable = (*problems, "destination host names")
                yield SecurityRule(
                    f"{name} by host name", collection.priority, Direction.OUTBOUND, access, match,
                    unreadable=unreadable,
                )  # fmt: skip

    def _web_rules(self, collection: _Collection) -> Iterator[SecurityRule]:
        """Yield what application rules may let pass. They share a name, and so are one thing that is not known.

        Only those that allow matter: without them, what no network rule matches is denied anyway.
        """
        for rule in collection.rules:
            problems: list[str] = []
            source = self._side(rule, "source", problems)
            spans = [_web_port(entry) for entry in body.objects(rule, "protocols")]
            if body.texts(rule, "fqdnTags"):  # tags bring their own protocols: HTTP and HTTPS
                spans += [(80, 81), (443, 444)]
            ports = normal(spans) if spans else ALL_PORTS
            destination = self._side(rule, "destination", problems, may_lack=True)
            match = Match(
                source, ANYWHERE if destination == Side() else destination, _TCP, ALL_PORTS, ports, names_ports=True
            )
            yield SecurityRule(
                _APPLICATION,
                collection.priority,
                Direction.OUTBOUND,
                Access.ALLOW,
                match,
                unreadable=("host names",),
            )

    def _translations(self, collection: _Collection) -> Iterator[Translation]:
        for rule in collection.rules:
            problems: list[str] = []
            source = self._side(rule, "source", problems)
            protocols = _protocols(rule, problems)
            target = addresses.parse(body.text(rule, "translatedAddress") or "")
            span = parse_ports(_text(body.value(rule, "translatedPort")))
            name = f"{collection.name}/{body.text(rule, 'name') or 'rule'}"
            # Whether a child inherits them is documented both ways:
            # https://learn.microsoft.com/azure/firewall-manager/policy-overview, ../firewall/rule-processing
            is_readable = not problems and not collection.is_inherited
            yield Translation(name, source, protocols, target, (span,) if span else ALL_PORTS, is_readable)

    def _side(self, rule: Mapping[str, object], end: str, problems: list[str], *, may_lack: bool = False) -> Side:
        """Return the addresses of one side: stated ones, those of its IP groups, and service tags."""
        ranges: list[Ranges] = []
        symbols = set()
        before = len(problems)
        texts = list(body.texts(rule, f"{end}Addresses"))
        for reference in body.texts(rule, f"{end}IpGroups"):
            group = self.estate.get(reference)
            if group is None or self.estate.gap_at(group.key, "properties.ipAddresses"):
                problems.append(f"{end} IP group {ids.name_of(reference)}")
            else:
                texts += body.texts(group.body, "properties.ipAddresses")
                ranges.append(())
        for text in texts:
            numbers = addresses.ANY if text.strip() == "*" else addresses.parse_range(text.strip())
            if numbers is not None:
                ranges.append(numbers)
            elif is_tag(text.strip()):
                symbols.add(tag(text.strip()))
            else:
                problems.append(f"{end} address {text[:60]}")
        if not ranges and not symbols and len(problems) == before and not may_lack:
            problems.append(f"no {end} address")
        if len(problems) > before:
            return ANYWHERE
        return Side(union((), *ranges), tuple(sorted(symbols)))


def _classic(entry: Mapping[str, object], kind: str) -> _Collection | None:
    properties = body.value(entry, "properties")
    inner = properties if isinstance(properties, Mapping) else {}
    return _collection(inner, body.text(entry, "name") or kind, kind)


def _of_group(entry: Mapping[str, object], group: str) -> _Collection | None:
    is_nat = body.same_text(body.text(entry, "ruleCollectionType"), "FirewallPolicyNatRuleCollection")
    is_web = any(_is_web(rule) for rule in body.objects(entry, "rules"))
    kind = "nat" if is_nat else "application" if is_web else "network"
    return _collection(entry, f"{group}/{body.text(entry, 'name') or kind}", kind)


def _is_web(rule: Mapping[str, object]) -> bool:
    kind = body.text(rule, "ruleType")
    if kind is not None:
        return body.same_text(kind, "ApplicationRule")
    return any(body.texts(rule, name) for name in ("targetFqdns", "fqdnTags", "targetUrls", "webCategories"))


def _collection(of: Mapping[str, object], name: str, kind: str) -> _Collection | None:
    """Return a collection, or None where its place in the order or what it does cannot be read."""
    priority, action = body.number(of, "priority"), (body.text(of, "action.type") or "").lower()
    if priority is None or (kind != "nat" and action not in {"allow", "deny"}):
        return None
    return _Collection(name, kind, priority, allows=action == "allow", rules=body.objects(of, "rules"))


def _by_priority(collections: Sequence[_Collection | None]) -> Sequence[_Collection]:
    readable = [collection for collection in collections if collection is not None]
    return sorted(readable, key=lambda collection: collection.priority)


def _protocols(rule: Mapping[str, object], problems: list[str]) -> int:
    texts = [text.lower() for name in ("ipProtocols", "protocols") for text in body.texts(rule, name)]
    bits = 0
    for text in texts:
        known = [index for index, name in enumerate(PROTOCOLS) if name.lower() == text]
        if text == "any":
            return ALL_PROTOCOLS
        if known:
            bits |= 1 << known[0]
        else:
            problems.append(f"protocol {text[:60]}")
    if not texts:
        problems.append("no protocol")
    return ALL_PROTOCOLS if problems and not bits else bits


def _ports(rule: Mapping[str, object], path: str, problems: list[str]) -> tuple[Ranges, bool]:
    """Return the ports of a rule, and whether they are spelled out."""
    spans = []
    for item in body.items(rule, path):
        span = parse_ports(_text(item))
        if span is None:
            problems.append(f"port {_text(item)[:60]}")
        else:
            spans.append(span)
    if not spans:
        return ALL_PORTS, False
    return normal(spans), ALL_PORTS[0] not in spans


def _web_port(entry: Mapping[str, object]) -> tuple[int, int]:
    kind = (body.text(entry, "protocolType") or "").lower()
    port = body.number(entry, "port") or _WEB_PORTS.get(kind, 443)
    return port, port + 1


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
