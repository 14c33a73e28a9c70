"""Derive what an Application Gateway lets in, over which encryption, behind which firewall, and where it sends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.contract import Analysis, Context
from auditor.analysis.gateway import backend
from auditor.analysis.gateway import firewall as gateway_waf
from auditor.analysis.gateway.backend import BACKEND, SITES
from auditor.analysis.gateway.firewall import WebFirewall
from auditor.azure import body, tls
from auditor.model import Fact, Gap, Resource

LISTENER: Final = "gateway.listener"
TLS: Final = "gateway.tls"
GATEWAYS: Final = "Microsoft.Network/applicationGateways"
_WAF_TIERS: Final = {"waf", "waf_v2"}


def run(context: Context) -> Iterator[Fact]:
    """Yield the listeners, TLS policies and backend addresses of every gateway."""
    gateways = context.estate.of_type(GATEWAYS)
    backends = backend.read(context) if gateways else None
    for gateway in gateways:
        for listener in body.enumerate_objects(gateway.body, "properties.httpListeners"):
            yield _listener_fact(context, gateway, listener)
        yield from _tls_facts(context, gateway)
        if backends is not None:
            yield from backend.facts_of(backends, gateway)


def _name(place: str, entry: object) -> str:
    return body.text(entry, "name") or ids.name_of(body.text(entry, "id") or place)


def _key(gateway: Resource, collection: str, entry: object) -> str:
    """Return the comparable id of a part of a gateway, which older exports leave out."""
    return ids.key(body.text(entry, "id") or f"{gateway.id}/{collection}/{body.text(entry, 'name') or ''}")


def _listener_fact(context: Context, gateway: Resource, listener: tuple[str, object]) -> Fact:
    place, entry = listener
    name = _name(place, entry)
    protocol = body.text(entry, "properties.protocol")
    rules = _rules(gateway, _key(gateway, "httpListeners", entry))
    redirects = bool(rules) and all(_redirects(gateway, rule) for _, rule in rules)
    maps = [key for _, rule in rules if (key := body.sub_resource(rule, "properties.urlPathMap"))]
    firewall = gateway_waf.of_listener(context, gateway, listener)
    paths = list(gateway_waf.of_paths(context, gateway, maps))
    is_encrypted = body.same_text(protocol, "Https") or redirects
    tier = body.text(gateway.body, "properties.sku.tier")
    bound = firewall.policy is not None and (tier or "").lower() in _WAF_TIERS
    return facts.build(
        context,
        LISTENER,
        gateway.id,
        {
            "name": name,
            "protocol": protocol,
            "hostNames": _hosts(entry),
            "redirectsToHttps": redirects,
            "encrypted": is_encrypted,
            "skuTier": tier,
            "wafPolicyId": firewall.policy,
            "wafSource": firewall.source,
            "wafBound": bound,
            "wafState": firewall.state,
            "wafMode": firewall.mode,
            "requestBodyCheck": firewall.body_check,
            "legacyWaf": firewall.source == "legacy",
            "wafPrevents": all(item.prevents for item in (firewall, *paths)),
            "wafChecksBodies": all(item.body_check for item in (firewall, *paths)),
            "paths": [_path(item) for item in paths],
        },
        sub_object=name,
        summary=_listener_summary(gateway, name, firewall, paths, encrypted=is_encrypted),
        inputs=[
            (gateway.id, f"{place}.properties.protocol"),
            *((gateway.id, rule_place) for rule_place, _ in rules),
            *dict.fromkeys(pair for item in (firewall, *paths) for pair in item.inputs),
        ],
        uncollected=_waf_unknown(firewall, paths),
    )


def _hosts(entry: object) -> Sequence[str]:
    return sorted(
        {*body.text_or_texts(entry, "properties.hostName"), *body.text_or_texts(entry, "properties.hostNames")}
    )


def _rules(gateway: Resource, listener: str) -> Sequence[tuple[str, object]]:
    return [
        (place, rule)
        for place, rule in body.enumerate_objects(gateway.body, "properties.requestRoutingRules")
        if body.sub_resource(rule, "properties.httpListener") == listener
    ]


def _redirects(gateway: Resource, rule: object) -> bool:
    """Whether everything that a rule takes is sent on to HTTPS, for a rule by path on every path."""
    path_map = body.sub_resource(rule, "properties.urlPathMap")
    if path_map is None:
        return _goes_to_https(gateway, body.sub_resource(rule, "properties.redirectConfiguration"))
    for entry in body.objects(gateway.body, "properties.urlPathMaps"):
        if _key(gateway, "urlPathMaps", entry) == path_map:
            chosen = [body.sub_resource(entry, "properties.defaultRedirectConfiguration")]
            chosen += [
                body.sub_resource(inner, "properties.redirectConfiguration")
                for inner in body.objects(entry, "properties.pathRules")
            ]
            return all(_goes_to_https(gateway, key) for key in chosen)
    return False


def _goes_to_https(gateway: Resource, redirect: str | None) -> bool:
    for entry in body.objects(gateway.body, "properties.redirectConfigurations"):
        if redirect is None or _key(gateway, "redirectConfigurations", entry) != redirect:
            continue
        if url := body.text(entry, "properties.targetUrl"):
            return url.lower().startswith("https://")
        target = body.sub_resource(entry, "properties.targetListener")
        return any(
            _key(gateway, "httpListeners", listener) == target
            and body.same_text(body.text(listener, "properties.protocol"), "Https")
            for listener in body.objects(gateway.body, "properties.httpListeners")
        )
    return False


def _waf_unknown(firewall: WebFirewall, paths: Sequence[WebFirewall]) -> Mapping[str, Gap]:
    unknown: dict[str, Gap] = {}
    if firewall.gap is not None:
        unknown = dict.fromkeys(("wafState", "wafMode", "requestBodyCheck"), firewall.gap)
    everything = (firewall, *paths)
    gap = next((item.gap for item in everything if item.gap), None)
    # One firewall that is known to fall short decides for all.
    if gap is not None and not any(item.prevents is False for item in everything):
        unknown["wafPrevents"] = gap
    if gap is not None and not any(item.gap is None and not item.body_check for item in everything):
        unknown["wafChecksBodies"] = gap
    return unknown


def _path(firewall: WebFirewall) -> Mapping[str, object]:
    return {
        "name": firewall.path,
        "wafPolicyId": firewall.policy,
        "wafState": firewall.state,
        "wafMode": firewall.mode,
        "requestBodyCheck": firewall.body_check,
    }


def _listener_summary(
    gateway: Resource, name: str, firewall: WebFirewall, paths: Sequence[WebFirewall], *, encrypted: bool
) -> str:
    waf = {
        "none": "no web application firewall",
        "legacy": f"the old firewall configuration ({firewall.state}, {firewall.mode})",
    }.get(
        firewall.source, f"the firewall policy {ids.name_of(firewall.policy or '')} ({firewall.state}, {firewall.mode})"
    )
    weaker = [item.path for item in paths if item.prevents is False]
    and_paths = f", but not on {facts.listed(weaker)}" if weaker else ""
    transport = "takes HTTPS only" if encrypted else "takes unencrypted HTTP"
    return f"The listener {name} of {gateway.name} {transport} and has {waf}{and_paths}."


def _tls_facts(context: Context, gateway: Resource) -> Iterator[Fact]:
    """Yield the gateway's TLS policy, then that of each TLS profile which has one of its own."""
    yield _tls_fact(context, gateway, "", tls.read(gateway, gateway.properties, "properties"), [])
    for place, entry in body.enumerate_objects(gateway.body, "properties.sslProfiles"):
        if body.value(entry, "properties.sslPolicy") is None:
            continue
        key = _key(gateway, "sslProfiles", entry)
        users = [
            _name(where, listener)
            for where, listener in body.enumerate_objects(gateway.body, "properties.httpListeners")
            if body.sub_resource(listener, "properties.sslProfile") == key
        ]
        policy = tls.read(gateway, body.value(entry, "properties"), f"{place}.properties")
        yield _tls_fact(context, gateway, _name(place, entry), policy, users)


def _tls_fact(context: Context, gateway: Resource, profile: str, policy: tls.TlsPolicy, users: Sequence[str]) -> Fact:
    what = f"The TLS profile {profile} of {gateway.name}" if profile else gateway.name
    version = f"TLS {policy.minimum} or newer" if policy.minimum else "TLS versions that are not known"
    return facts.build(
        context,
        TLS,
        gateway.id,
        {
            "profile": profile or None,
            "listeners": list(users),
            "minimumVersion": policy.minimum,
            "source": policy.source,
            "policyName": policy.name,
            "weakCiphers": list(policy.weak_ciphers),
        },
        sub_object=profile,
        summary=f"{what} accepts {version}"
        + (f", with the weak suites {facts.listed(list(policy.weak_ciphers))}." if policy.weak_ciphers else "."),
        inputs=[(gateway.id, policy.path)],
        uncollected={"minimumVersion": policy.gap} if policy.gap else {},
    )


FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    LISTENER: {
        "name": "the listener's name",
        "protocol": "as spelled",
        "hostNames[*]": "the host names it answers for",
        "redirectsToHttps": "whether every rule that uses it redirects to HTTPS",
        "encrypted": "whether it takes HTTPS only, or nothing but redirects",
        "skuTier": "the gateway's tier",
        "wafPolicyId": "the firewall policy that decides: the listener's own, else the gateway's",
        "wafSource": "`listener`, `global`, `legacy` or `none`",
        "wafBound": "whether a firewall policy is bound and the tier has a firewall",
        "wafState": "`Enabled` (where absent) or `Disabled`; null without a firewall",
        "wafMode": "`Detection` (where absent) or `Prevention`; null without a firewall",
        "requestBodyCheck": "whether bodies are looked at (where absent they are); null without a firewall",
        "legacyWaf": "whether the firewall is configured on the gateway instead of by a policy",
        "wafPrevents": "whether the firewall is enabled and prevents, on the listener and on every path of its own",
        "wafChecksBodies": "whether bodies are looked at, on the listener and on every path of its own",
        "paths[*].name": "a path rule with a firewall policy of its own",
        "paths[*].wafPolicyId": "that policy",
        "paths[*].wafState": "its state",
        "paths[*].wafMode": "its mode",
        "paths[*].requestBodyCheck": "whether it looks at bodies",
    },
    TLS: {
        "profile": "the TLS profile, null for the gateway's own policy",
        "listeners[*]": "the listeners that use the profile",
        "minimumVersion": "the oldest TLS version let in, as `1.2`",
        "source": "`custom`, `predefined` or `default`",
        "policyName": "the predefined policy",
        "weakCiphers[*]": "cipher suites of a custom policy without forward secrecy or with CBC",
    },
    BACKEND: {
        "pool": "the backend pool",
        "host": "the host name or address, as spelled",
        "siteId": "the web app or slot of that name or address, null if none is known",
        "siteComponent": "the role of that web app",
        "privateEndpointOk": "whether the web app has a working private endpoint",
        "dnsComplete": "whether its name resolves to that endpoint",
        "private": "whether it is a private address or a web app with a working private endpoint",
    },
}
_READS: Final[Sequence[str]] = (
    GATEWAYS,
    "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/virtualNetworks",
    *SITES,
)

ANALYSIS: Final = Analysis(
    name="gateway",
    facts=FIELDS,
    run=run,
    reads=frozenset(name.lower() for name in _READS),
    parameters=frozenset({"workload_vnets", "central_private_dns_zones"}),
    tables=frozenset({"private-endpoints"}),
    subjects={kind: {GATEWAYS: [{}]} for kind in FIELDS},
)
