"""Tell what a firewall lets out of each subnet beyond what is declared, and whether it leads anything in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.egress.expected import EgressRow, led_subnets
from auditor.analysis.egress.route import firewall_of
from auditor.analysis.fact import Fact, Known, Record, fact, given, record
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload
from auditor.azure import addresses, body
from auditor.azure.ranges import Ranges, intersection, is_within, union
from auditor.estate.network_relations import FIREWALLS
from auditor.model import Gap, Resource
from auditor.network.firewall import IP_GROUPS, RULE_GROUPS, Firewalls
from auditor.network.next_hops import NextHop, NextHops
from auditor.network.routes import user_routes

_POLICIES: Final = "effectiveFirewallPolicy"
_GROUPS: Final = "ruleCollectionGroup"
_WEB: Final = ("targetFqdns", "fqdnTags", "targetUrls", "webCategories")
_CLASSIC: Final = ("networkRuleCollections", "applicationRuleCollections")


@record
class UndeclaredDestination(Record, frozen=True, kw_only=True):
    """Something that a rule of a firewall lets a subnet reach, and nobody declared."""

    rule: str
    """the rule, behind its group and collection"""
    destination: str
    """the host name, service tag, category or prefix"""


@fact("network.firewall-egress", subject="the firewall")
class FirewallEgress(Fact, frozen=True, kw_only=True):
    """What a firewall lets out of a subnet."""

    grounds: ClassVar[Mapping[str, str]] = {"tooOpen": "undeclared"}
    role: str
    """the component that the subnet is"""
    subnet: str
    """its name"""
    undeclared: Known[tuple[UndeclaredDestination, ...]]
    """what rules let it reach that is not declared for it"""
    too_open: Known[bool]
    """whether there is any"""
    firewall: str
    """the firewall's name"""

    def sentence(self) -> str:
        """Say what is let out of the subnet beyond what is declared."""
        if isinstance(self.undeclared, Gap):
            return f"What firewall {self.firewall} lets out of subnet {self.subnet} is not known: {self.undeclared}."
        if not self.undeclared:
            return f"Firewall {self.firewall} lets out of subnet {self.subnet} what is declared."
        told = [f"{one.destination} (rule {one.rule})" for one in self.undeclared]
        return (
            f"Firewall {self.firewall} lets subnet {self.subnet} reach {facts.listed(told, 5)}, which is not declared."
        )


@fact("network.firewall-entry", subject="the firewall")
class FirewallEntry(Fact, frozen=True, kw_only=True):
    """Whether a firewall leads anything in from its public addresses."""

    translations: Known[tuple[str, ...]]
    """the rules that lead what comes to it to another address"""
    leads_in: Known[bool]
    """whether there is any"""
    firewall: str
    """the firewall's name"""

    def sentence(self) -> str:
        """Say which rules lead something in."""
        if isinstance(self.translations, Gap):
            return f"Whether firewall {self.firewall} leads anything in is not known: {self.translations}."
        if not self.translations:
            return f"Firewall {self.firewall} leads nothing in."
        return f"Firewall {self.firewall} leads in what comes to its addresses: {facts.listed(self.translations, 5)}."


class _Rule(Struct, frozen=True):
    """A rule of a firewall in the order in which it counts; `is_web`: it is of an application collection."""

    name: str
    entry: Mapping[str, object]
    allows: bool
    is_web: bool


def firewall_facts(context: Context, hops: NextHops) -> Iterator[Fact]:
    """Yield one fact for each firewall and each subnet whose way out leads there, then one for each firewall."""
    read: dict[str, Known[Sequence[_Rule]]] = {}
    for workload, row, subnet in led_subnets(context):
        for firewall in _firewalls(context, hops, workload, subnet):
            if firewall.key not in read:
                read[firewall.key] = _rules(context, firewall)
            yield _fact(context, hops, (workload, row, subnet), firewall, read[firewall.key])
    own = (one for workload in context.workloads.all for one in workload.giving(capabilities.WAY_OUT))
    for firewall in {one.key: one for one in own}.values():
        known = context.estate.once(Firewalls).rules(firewall)
        names = known.gap or tuple(one.name for one in known.translations)
        yield FirewallEntry(
            about=facts.about(
                context, firewall.id, sub_object="way in", inputs=[(firewall.id, "properties.firewallPolicy")]
            ),
            translations=names,
            leads_in=given(names, bool),
            firewall=firewall.name,
        )


def _firewalls(context: Context, hops: NextHops, workload: Workload, subnet: Resource) -> Sequence[Resource]:
    """Return the firewalls that a subnet's traffic may meet: those of the workload, and the one that its routes lead to."""
    routes = user_routes(context.estate, hops.networks.tags, subnet)
    led = () if isinstance(routes, Gap) else firewall_of(context, hops, subnet, routes)
    found = {one.key: one for one in workload.giving(capabilities.WAY_OUT) if one.type_key == FIREWALLS}
    if isinstance(led, NextHop) and led.is_firewall:
        found[led.resource.key] = led.resource
    return [found[key] for key in sorted(found)]


def _fact(
    context: Context,
    hops: NextHops,
    led: tuple[Workload, EgressRow, Resource],
    firewall: Resource,
    rules: Known[Sequence[_Rule]],
) -> FirewallEgress:
    workload, row, subnet = led
    space = hops.networks.space(ids.parent_of(subnet.key) or "")
    undeclared = given(rules, lambda known: _undeclared(context, known, row, subnet, space))
    return FirewallEgress(
        about=facts.about(
            context,
            firewall.id,
            sub_object=f"{row.role} of {workload.name}",
            role=(workload.name, context.workloads.role_of(firewall.key)[1]),
            inputs=[
                (firewall.id, "properties.firewallPolicy"),
                *((one.id, "properties.ruleCollections") for one in _groups(context, firewall)),
                (subnet.id, "properties.addressPrefix"),
            ],
        ),
        role=row.role,
        subnet=subnet.name,
        undeclared=undeclared,
        too_open=given(undeclared, bool),
        firewall=firewall.name,
    )


def _groups(context: Context, firewall: Resource) -> Iterator[Resource]:
    for policy in context.estate.related(firewall.key, _POLICIES):
        yield from context.estate.related(policy.key, _GROUPS)


def _rules(context: Context, firewall: Resource) -> Known[Sequence[_Rule]]:
    """Return the rules of a firewall: parent policies' first, network before application, by priority."""
    estate = context.estate
    known = estate.once(Firewalls).rules(firewall)
    if known.gap is not None:
        return known.gap
    own = body.reference(firewall.body, "properties.firewallPolicy.id")
    policies = sorted(estate.related(firewall.key, _POLICIES), key=lambda one: (one.key == own, one.key))
    of_policies = (
        (_is_web(entry), depth, body.number(group.properties, "priority") or 0, _priority(entry), group.name, entry)
        for depth, policy in enumerate(policies)
        for group in estate.related(policy.key, _GROUPS)
        for entry in body.objects(group.properties, "ruleCollections")
    )
    classic = (
        ("application" in kind, 0, 0, _priority(entry), "", entry)
        for kind in _CLASSIC
        for outer in body.objects(firewall.properties, kind)
        if (entry := {**outer, **_mapping(outer.get("properties"))})
    )
    collections = [*of_policies, *classic]
    collections.sort(key=lambda one: one[:5])
    return [
        _Rule("/".join(filter(None, (group, body.text(entry, "name"), body.text(rule, "name")))), rule, allows, is_web)
        for is_web, _, _, _, group, entry in collections
        if (allows := body.same_text(body.text(entry, "action.type"), "Allow"))
        or body.same_text(body.text(entry, "action.type"), "Deny")
        for rule in body.objects(entry, "rules")
    ]


def _priority(collection: Mapping[str, object]) -> int:
    return body.number(collection, "priority") or 0


def _is_web(collection: Mapping[str, object]) -> bool:
    rules = body.objects(collection, "rules")
    kinds = [body.text(rule, "ruleType") for rule in rules]
    return any(body.same_text(kind, "ApplicationRule") for kind in kinds) or any(
        bool(body.texts(rule, name)) for rule in rules for name in _WEB
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _undeclared(
    context: Context, rules: Sequence[_Rule], row: EgressRow, subnet: Resource, space: Ranges
) -> Known[tuple[UndeclaredDestination, ...]]:
    """Return what rules let the subnet reach beyond its row; nothing behind a rule that denies it everything."""
    own = addresses.read(subnet.body, "properties.addressPrefix", "properties.addressPrefixes")
    found: dict[tuple[str, str], UndeclaredDestination] = {}
    for rule in rules:
        sources = _numbers(context, rule.entry, "source")
        if isinstance(sources, Gap):
            return sources
        if not intersection(sources, own):
            continue
        if not rule.allows:
            if is_within(own, sources) and _is_all(rule):
                if not rule.is_web:
                    break
                return tuple(found.values())
            continue
        for destination in _destinations(context, rule, row, space):
            if isinstance(destination, Gap):
                return destination
            found[rule.name, destination] = UndeclaredDestination(rule=rule.name, destination=destination)
    return tuple(found.values())


def _is_all(rule: _Rule) -> bool:
    """Whether a rule is about every destination by every port."""
    if rule.is_web:
        return "*" in body.texts(rule.entry, "targetFqdns") and bool(body.objects(rule.entry, "protocols"))
    protocols = {text.lower() for name in ("ipProtocols", "protocols") for text in body.texts(rule.entry, name)}
    ports = {str(port) for port in body.items(rule.entry, "destinationPorts")}
    return "any" in protocols and "*" in ports and "*" in body.texts(rule.entry, "destinationAddresses")


def _numbers(context: Context, entry: Mapping[str, object], end: str) -> Known[Ranges]:
    """Return the addresses of one side, those of its IP groups included; everything for `*` and for service tags."""
    texts = list(body.texts(entry, f"{end}Addresses"))
    for reference in body.texts(entry, f"{end}IpGroups"):
        group = context.estate.get(reference)
        if group is None:
            return context.estate.unseen(reference) or Gap(reference, IP_GROUPS, "the IP group is not in the estate")
        texts += body.texts(group.properties, "ipAddresses")
    known = (addresses.ANY if text.strip() == "*" else addresses.parse_range(text.strip()) for text in texts)
    return union((), *(numbers or addresses.ANY for numbers in known))


def _destinations(context: Context, rule: _Rule, row: EgressRow, space: Ranges) -> Iterator[str | Gap]:
    """Yield what a rule lets through that the row does not declare."""
    entry = rule.entry
    hosts = (*body.texts(entry, "targetFqdns"), *body.texts(entry, "destinationFqdns"))
    yield from (host for host in hosts if not row.has_host(host))
    yield from (url for url in body.texts(entry, "targetUrls") if not row.has_host(url.partition("/")[0]))
    tags = (*body.texts(entry, "fqdnTags"), *body.texts(entry, "webCategories"))
    yield from (tag for tag in tags if not row.has_tag(tag))
    if rule.is_web:
        return
    texts = list(body.texts(entry, "destinationAddresses"))
    for reference in body.texts(entry, "destinationIpGroups"):
        group = context.estate.get(reference)
        if group is None:
            yield context.estate.unseen(reference) or Gap(reference, IP_GROUPS, "the IP group is not in the estate")
        else:
            texts += body.texts(group.properties, "ipAddresses")
    for text in map(str.strip, texts):
        numbers = addresses.parse_range(text)
        is_own = bool(numbers) and bool(space) and is_within(numbers or (), space)
        if not is_own and not row.has_tag(text) and not row.has_addresses(text):
            yield text


READS: Final = frozenset({FIREWALLS, RULE_GROUPS, IP_GROUPS})
