"""Tell which attacks reach which backend of an Application Gateway unchecked, listener by listener and path by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, fact
from auditor.analysis.gateway import firewall as web_firewall
from auditor.analysis.gateway.firewall import FirewallSource, WebFirewall
from auditor.analysis.gateway.part import has_firewall, listener_name
from auditor.azure import body
from auditor.model import Gap, Resource
from auditor.network import gateway_pools, waf_policy
from auditor.network.gateway_pools import part_key
from auditor.network.membership import Membership
from auditor.network.waf_policy import Checked


@fact("gateway.route", subject="the Application Gateway")
class BackendRoute(Fact, frozen=True, kw_only=True):
    """Where a listener sends the requests of a path, behind which firewall, and what gets there unchecked."""

    listener: str
    """the listener"""
    path: str | None
    """the path rule; absent for all other paths"""
    pool: str | None
    """the backend pool, or those among which requests are distributed"""
    backends: tuple[str, ...]
    """the host names, addresses, machines and scale sets in it"""
    waf_policy_id: str | None
    """the firewall policy that decides: the path's, else the listener's, else the gateway's"""
    waf_source: FirewallSource
    """where the firewall that decides is bound: `path`, `listener`, `global`, `legacy` or `none`"""
    unchecked_attacks: Known[tuple[str, ...]]
    """the attacks that reach the backend unchecked, those included that no rule set looks for"""
    weakened_attacks: Known[tuple[str, ...]]
    """those that are stopped only in part"""
    gateway: Hidden[str]

    def sentence(self) -> str:
        """Say what reaches the backend unchecked."""
        to = facts.listed(self.backends, 3) or self.pool or "no backend"
        way = f"the listener {self.listener}" + (f", path {self.path}," if self.path else "")
        match self.unchecked_attacks:
            case Gap():
                what = "Which attacks reach"
                return f"{what} {to} unchecked through {way} of {self.gateway} is not known."
            case ():
                return f"No attack that the firewall looks for reaches {to} unchecked through {way} of {self.gateway}."
            case lost:
                is_all = len(lost) == len(waf_policy.ATTACKS)
                attacks = "Every attack" if is_all else facts.listed(lost)
                return f"{attacks[0].upper()}{attacks[1:]} reaches {to} unchecked through {way} of {self.gateway}."


class _Leg(Struct, frozen=True):
    """Where requests of one path go: the keys of the pools, and the firewall before them."""

    path: str | None
    pools: tuple[str, ...]
    firewall: WebFirewall
    place: str


def route_facts(context: Context, members: Membership, gateway: Resource) -> Iterator[BackendRoute]:
    """Yield a fact per listener and path that leads to a backend."""
    for layer, place, entry in gateway_pools.listeners(gateway):
        firewall = web_firewall.of_listener(context, gateway, layer, (place, entry))
        seen: set[str] = set()
        for leg in _legs(context, gateway, gateway_pools.rules_of(gateway, layer, entry), firewall):
            listener = listener_name(gateway, layer, place, entry)
            name = "/".join(filter(None, (listener, leg.path)))
            if leg.pools and name.lower() not in seen:
                seen.add(name.lower())
                yield _fact(context, members, gateway, (listener, name), leg)


def _legs(
    context: Context, gateway: Resource, rules: Iterable[tuple[str, object]], firewall: WebFirewall
) -> Iterator[_Leg]:
    for place, rule in rules:
        path_map = body.sub_resource(rule, "properties.urlPathMap")
        yield _Leg(None, gateway_pools.pools_of(gateway, rule), firewall, place)
        if path_map is None:
            continue
        for inner, entry in body.enumerate_objects(gateway.body, "properties.urlPathMaps"):
            if part_key(gateway, "urlPathMaps", entry) == path_map:
                yield _Leg(None, gateway_pools.pools_of(gateway, entry), firewall, inner)
        for inner, path_rule in web_firewall.path_rules(gateway, [path_map]):
            own = web_firewall.of_path(context, gateway, inner, path_rule) or firewall
            pools = gateway_pools.pools_of(gateway, path_rule)
            yield _Leg(body.text(path_rule, "name") or inner.rpartition(".")[2], pools, own, inner)


def _fact(context: Context, members: Membership, gateway: Resource, names: tuple[str, str], leg: _Leg) -> BackendRoute:
    listener, name = names
    stands = has_firewall(gateway)
    return BackendRoute(
        about=facts.about(context, gateway.id, sub_object=name, inputs=[(gateway.id, leg.place), *leg.firewall.inputs]),
        listener=listener,
        path=leg.path,
        pool=", ".join(map(ids.name_of, leg.pools)),
        backends=tuple(
            dict.fromkeys(name for pool in leg.pools for name in gateway_pools.in_pool(members, gateway, pool))
        ),
        waf_policy_id=leg.firewall.policy,
        waf_source=leg.firewall.source,
        unchecked_attacks=_attacks(leg.firewall, Checked.NO, Checked.NOT_LISTED) if stands else waf_policy.ATTACKS,
        weakened_attacks=_attacks(leg.firewall, Checked.IN_PART) if stands else (),
        gateway=gateway.name,
    )


def _attacks(firewall: WebFirewall, *states: Checked) -> Known[tuple[str, ...]]:
    """Return the attacks in one of some states; where something was not read, only what gets in anyway is known."""
    protection = firewall.protection
    if protection is None:
        return firewall.gap or (waf_policy.ATTACKS if Checked.NO in states else ())
    found = tuple(one.attack for one in protection.attacks if one.checked in states)
    undecided = any(one.checked is None for one in protection.attacks)
    gap = firewall.gap
    if gap is None and undecided and firewall.policy:
        gap = Gap(firewall.policy, "properties.managedRules", "the rules of its rule sets are not all known")
    lost_for_certain = Checked.NO in states and any(one.checked is Checked.NO for one in protection.attacks)
    return found if gap is None or lost_for_certain else gap
