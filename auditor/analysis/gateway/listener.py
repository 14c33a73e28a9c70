"""Tell what the listeners of an Application Gateway take, and which firewall stands in front of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Context
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.analysis.gateway import firewall as web_firewall
from auditor.analysis.gateway.firewall import FirewallSource, WebFirewall
from auditor.analysis.gateway.part import has_firewall, is_encrypted, listener_name
from auditor.azure import body
from auditor.model import Resource
from auditor.network import gateway_pools
from auditor.network.gateway_pools import Layer, part_key


@record
class PathFirewall(Record, frozen=True, kw_only=True):
    """A path rule with a firewall policy of its own."""

    name: str
    """the path rule"""
    waf_policy_id: str | None
    """its firewall policy"""
    waf_state: str | None
    """the state of that policy"""
    waf_mode: str | None
    """its mode"""
    request_body_check: bool | None
    """whether it looks at bodies"""


@fact("gateway.listener", subject="the Application Gateway")
class Listener(Fact, frozen=True, kw_only=True):
    """What a listener takes, and which firewall stands in front of it."""

    name: str
    """the listener's name"""
    protocol: str | None
    """as spelled"""
    host_names: tuple[str, ...]
    """the host names it answers for"""
    redirects_to_https: bool
    """whether every rule that uses it redirects to HTTPS"""
    encrypted: bool
    """whether it takes HTTPS or TLS only, or nothing but redirects"""
    sku_tier: str | None
    """the gateway's tier"""
    waf_policy_id: str | None
    """the firewall policy that decides: the listener's own, else the gateway's"""
    waf_source: FirewallSource
    """where the firewall that decides is bound: `listener`, `global`, `legacy` or `none`"""
    waf_bound: bool
    """whether a firewall policy is bound and the tier has a firewall"""
    waf_state: Known[str | None]
    """`Enabled`, or `Disabled` (where absent); absent without a firewall"""
    waf_mode: Known[str | None]
    """`Detection` (where absent) or `Prevention`; absent without a firewall"""
    request_body_check: Known[bool | None]
    """whether bodies are looked at (where not stated they are); absent without a firewall"""
    legacy_waf: bool
    """whether the firewall is configured on the gateway instead of by a policy"""
    waf_prevents: Known[bool]
    """whether the firewall is enabled and stops what it looks for, on the listener and on every path of its own"""
    waf_checks_bodies: Known[bool]
    """whether bodies are looked at, on the listener and on every path of its own"""
    paths: tuple[PathFirewall, ...]
    """the path rules with a firewall policy of their own"""
    gateway: Hidden[str]
    layer: Hidden[Layer]
    firewall: Hidden[WebFirewall]
    weaker_paths: Hidden[Sequence[str]]

    def sentence(self) -> str:
        """Say whether the listener takes encrypted traffic only, and behind which firewall."""
        if self.layer is gateway_pools.CONNECTIONS:
            kind = "TLS connections" if self.encrypted else "TCP connections, encrypted or not,"
            return (
                f"The listener {self.name} of {self.gateway} takes {kind} at which no web application firewall looks."
            )
        transport = "takes HTTPS only" if self.encrypted else "takes unencrypted HTTP"
        and_paths = f", but not on {facts.listed(self.weaker_paths)}" if self.weaker_paths else ""
        return f"The listener {self.name} of {self.gateway} {transport} and has {self._waf()}{and_paths}."

    def _waf(self) -> str:
        settings = f"({self.firewall.state}, {self.firewall.mode})"
        match self.waf_source:
            case "none":
                return "no web application firewall"
            case "legacy":
                return f"the old firewall configuration {settings}"
            case _:
                return f"the firewall policy {ids.name_of(self.firewall.policy or '')} {settings}"


def listener_facts(context: Context, gateway: Resource) -> Iterator[Listener]:
    """Yield a fact per listener of a gateway."""
    for layer, place, entry in gateway_pools.listeners(gateway):
        yield _fact(context, gateway, layer, (place, entry))


def _fact(context: Context, gateway: Resource, layer: Layer, listener: tuple[str, object]) -> Listener:
    place, entry = listener
    protocol = body.text(entry, "properties.protocol")
    rules = list(gateway_pools.rules_of(gateway, layer, entry))
    redirects = bool(rules) and all(_redirects(gateway, rule) for _, rule in rules)
    maps = [key for _, rule in rules if (key := body.sub_resource(rule, "properties.urlPathMap"))]
    firewall = web_firewall.of_listener(context, gateway, layer, listener)
    paths = list(web_firewall.of_paths(context, gateway, maps))
    tier = body.text(gateway.body, "properties.sku.tier")
    name = listener_name(gateway, layer, place, entry)
    return Listener(
        about=facts.about(
            context,
            gateway.id,
            sub_object=name,
            inputs=[
                (gateway.id, f"{place}.properties.protocol"),
                *((gateway.id, rule_place) for rule_place, _ in rules),
                *dict.fromkeys(pair for item in (firewall, *paths) for pair in item.inputs),
            ],
        ),
        name=name,
        protocol=protocol,
        host_names=_hosts(entry),
        redirects_to_https=redirects,
        encrypted=is_encrypted(entry) or redirects,
        sku_tier=tier,
        waf_policy_id=firewall.policy,
        waf_source=firewall.source,
        waf_bound=firewall.policy is not None and has_firewall(gateway),
        waf_state=firewall.gap or firewall.state,
        waf_mode=firewall.gap or firewall.mode,
        request_body_check=firewall.gap or firewall.body_check,
        legacy_waf=firewall.source == "legacy",
        waf_prevents=_prevents((firewall, *paths)),
        waf_checks_bodies=_checks_bodies((firewall, *paths)),
        paths=tuple(_path(item) for item in paths),
        gateway=gateway.name,
        layer=layer,
        firewall=firewall,
        weaker_paths=[item.path for item in paths if item.prevents is False],
    )


def _hosts(entry: object) -> tuple[str, ...]:
    names = {*body.text_or_texts(entry, "properties.hostName"), *body.text_or_texts(entry, "properties.hostNames")}
    return tuple(sorted(names))


def _redirects(gateway: Resource, rule: object) -> bool:
    """Whether everything that a rule takes is sent on to HTTPS, for a rule by path on every path."""
    path_map = body.sub_resource(rule, "properties.urlPathMap")
    if path_map is None:
        return _goes_to_https(gateway, body.sub_resource(rule, "properties.redirectConfiguration"))
    for entry in body.objects(gateway.body, "properties.urlPathMaps"):
        if part_key(gateway, "urlPathMaps", entry) == path_map:
            chosen = [body.sub_resource(entry, "properties.defaultRedirectConfiguration")]
            chosen += [
                body.sub_resource(inner, "properties.redirectConfiguration")
                for inner in body.objects(entry, "properties.pathRules")
            ]
            return all(_goes_to_https(gateway, key) for key in chosen)
    return False


def _goes_to_https(gateway: Resource, redirect: str | None) -> bool:
    for entry in body.objects(gateway.body, "properties.redirectConfigurations"):
        if redirect is None or part_key(gateway, "redirectConfigurations", entry) != redirect:
            continue
        if url := body.text(entry, "properties.targetUrl"):
            return url.lower().startswith("https://")
        target = body.sub_resource(entry, "properties.targetListener")
        return any(
            part_key(gateway, "httpListeners", listener) == target
            and body.same_text(body.text(listener, "properties.protocol"), "Https")
            for listener in body.objects(gateway.body, "properties.httpListeners")
        )
    return False


def _prevents(firewalls: Sequence[WebFirewall]) -> Known[bool]:
    """Return whether all firewalls prevent attacks; one that is known to fall short decides for all."""
    if any(firewall.prevents is False for firewall in firewalls):
        return False
    return next((firewall.gap for firewall in firewalls if firewall.gap), True)


def _checks_bodies(firewalls: Sequence[WebFirewall]) -> Known[bool]:
    """Return whether all firewalls look at bodies; one that is known not to decides for all."""
    if any(firewall.gap is None and not firewall.body_check for firewall in firewalls):
        return False
    return next((firewall.gap for firewall in firewalls if firewall.gap), True)


def _path(firewall: WebFirewall) -> PathFirewall:
    return PathFirewall(
        name=firewall.path,
        waf_policy_id=firewall.policy,
        waf_state=firewall.state,
        waf_mode=firewall.mode,
        request_body_check=firewall.body_check,
    )
