"""What an Application Gateway lets in and where it sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.gateway.analysis import ANALYSIS
from auditor.model import Gap
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

RG = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"
SITES = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites"
GATEWAY = f"{RG}/applicationGateways/agw"
POLICIES = f"{RG}/ApplicationGatewayWebApplicationFirewallPolicies"


def _ref(collection: str, name: str) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def _part(collection: str, name: str, **properties: Any) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}", "name": name, "properties": properties}


def _gateway(**properties: Any) -> Body:
    listeners = [_part("httpListeners", "web", protocol="Https")]
    defaults = {"sku": {"tier": "WAF_v2"}, "httpListeners": listeners}
    return {"id": GATEWAY, "name": "agw", "properties": defaults | properties}


def _waf(name: str = "waf", **settings: Any) -> Body:
    return {"id": f"{POLICIES}/{name}", "name": name, "properties": {"policySettings": settings}}


def _bound(name: str = "waf") -> Body:
    return {"id": f"{POLICIES}/{name}".upper()}


@pytest.fixture
def only(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the first fact of a kind of a small estate."""

    def run(kind: str, *bodies: Body, **options: Any) -> Derived:
        return facts_of(ANALYSIS, make(bodies, **options), kind)[0]

    return run


def test_w2_a_policy_in_prevention_is_a_firewall(only: Callable[..., Derived]) -> None:
    fact = only("gateway.listener", _gateway(firewallPolicy=_bound()), _waf(state="Enabled", mode="Prevention"))
    assert (fact.fields["wafBound"], fact.fields["wafPrevents"], fact.fields["legacyWaf"]) == (True, True, False)


@pytest.mark.parametrize(("enabled", "prevents"), [(False, False), (True, True)])
def test_w2_the_old_configuration_counts_by_its_switch(
    only: Callable[..., Derived], *, enabled: bool, prevents: bool
) -> None:
    legacy = {"enabled": enabled, "firewallMode": "Prevention"}
    fact = only("gateway.listener", _gateway(webApplicationFirewallConfiguration=legacy))
    assert (fact.fields["wafBound"], fact.fields["wafPrevents"], fact.fields["legacyWaf"]) == (False, prevents, True)


@pytest.mark.parametrize("settings", [{"mode": "Detection"}, {}, {"mode": "Prevention", "state": "Disabled"}])
def test_w3_a_policy_that_only_watches_does_not_prevent(only: Callable[..., Derived], settings: Body) -> None:
    fact = only("gateway.listener", _gateway(firewallPolicy=_bound()), _waf(**settings))
    assert (fact.fields["wafBound"], fact.fields["wafPrevents"]) == (True, False)


def test_a_listener_and_a_path_override_the_shared_policy(only: Callable[..., Derived]) -> None:
    path_map = _part("urlPathMaps", "m", pathRules=[_part("x", "/api", firewallPolicy=_bound("lax"))])
    rule = _part(
        "requestRoutingRules", "r", httpListener=_ref("httpListeners", "web"), urlPathMap=_ref("urlPathMaps", "m")
    )
    listener = _part("httpListeners", "web", protocol="Https", firewallPolicy=_bound("own"))
    fact = only(
        "gateway.listener",
        _gateway(firewallPolicy=_bound(), httpListeners=[listener], requestRoutingRules=[rule], urlPathMaps=[path_map]),
        _waf(mode="Prevention"),
        _waf("own", mode="Prevention"),
        _waf("lax", mode="Detection", requestBodyCheck=False),
    )
    assert (fact.fields["wafSource"], fact.fields["wafMode"]) == ("listener", "Prevention")
    assert (fact.fields["wafPrevents"], fact.fields["wafChecksBodies"]) == (False, False)
    assert [path["name"] for path in fact.fields["paths"]] == ["/api"]


def test_a_path_map_without_an_id_is_known_by_its_name(only: Callable[..., Derived]) -> None:
    path_map = _part("urlPathMaps", "m", pathRules=[_part("x", "/api", firewallPolicy=_bound("lax"))])
    rule = _part(
        "requestRoutingRules", "r", httpListener=_ref("httpListeners", "web"), urlPathMap=_ref("urlPathMaps", "m")
    )
    del path_map["id"]
    gateway = _gateway(firewallPolicy=_bound(), requestRoutingRules=[rule], urlPathMaps=[path_map])
    fact = only("gateway.listener", gateway, _waf(mode="Prevention"), _waf("lax", mode="Detection"))
    assert [path["name"] for path in fact.fields["paths"]] == ["/api"]


def test_a_policy_that_was_not_collected_is_bound_but_not_known(only: Callable[..., Derived]) -> None:
    fact = only("gateway.listener", _gateway(firewallPolicy=_bound()))
    assert fact.fields["wafBound"] is True
    assert {"wafState", "wafMode", "wafPrevents", "wafChecksBodies", "requestBodyCheck"} == set(fact.uncollected)


def _http(redirect: Body | None) -> Body:
    listeners = [_part("httpListeners", "plain", protocol="http"), _part("httpListeners", "web", protocol="HTTPS")]
    rule = _part(
        "requestRoutingRules",
        "r",
        httpListener=_ref("httpListeners", "plain"),
        redirectConfiguration=_ref("redirectConfigurations", "to"),
    )
    configurations = [_part("redirectConfigurations", "to", **redirect)] if redirect else []
    return _gateway(httpListeners=listeners, requestRoutingRules=[rule], redirectConfigurations=configurations)


@pytest.mark.parametrize(
    ("redirect", "encrypted"),
    [
        ({"targetListener": _ref("httpListeners", "web")}, True),
        ({"targetUrl": "https://www.contoso.com"}, True),
        ({"targetListener": _ref("httpListeners", "plain")}, False),
        ({"targetUrl": "http://www.contoso.com"}, False),
        (None, False),
    ],
)
def test_plain_http_is_accepted_only_as_a_redirect(
    only: Callable[..., Derived], redirect: Body | None, *, encrypted: bool
) -> None:
    fact = only("gateway.listener", _http(redirect))
    assert (fact.sub_object, fact.fields["encrypted"]) == ("plain", encrypted)


@pytest.mark.parametrize(
    ("properties", "minimum"),
    [
        ({"sslPolicy": {"policyType": "Custom", "minProtocolVersion": "TLSv1_2"}}, "1.2"),
        ({"sslPolicy": {"policyType": "CustomV2", "minProtocolVersion": "TLSv1_3"}}, "1.3"),
        ({"sslPolicy": {"policyType": "Custom", "disabledSslProtocols": ["TLSv1_0"]}}, "1.1"),
        ({"sslPolicy": {"disabledSslProtocols": ["TLSv1_0", "tlsv1_1"]}}, "1.2"),
        ({"sslPolicy": {"minProtocolVersion": "TLSv1_2", "disabledSslProtocols": ["TLSv1_0"]}}, "1.2"),
        ({"sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20150501"}}, "1.0"),
        ({"sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S"}}, "1.2"),
        ({"defaultPredefinedSslPolicy": "AppGwSslPolicy20220101"}, "1.2"),
    ],
)
def test_the_least_tls_version_is_read_from_the_policy_in_force(
    only: Callable[..., Derived], properties: Body, minimum: str
) -> None:
    assert only("gateway.tls", _gateway(**properties)).fields["minimumVersion"] == minimum


@pytest.mark.parametrize("policy", [None, {"policyType": "Predefined", "policyName": "AppGwSslPolicy20990101"}])
def test_a_policy_that_is_not_known_leaves_the_version_unknown(
    only: Callable[..., Derived], policy: Body | None
) -> None:
    assert "minimumVersion" in only("gateway.tls", _gateway(sslPolicy=policy)).uncollected


def test_a_profile_of_its_own_is_judged_apart(make: Make, facts_of: FactsOf) -> None:
    weak = {"policyType": "Custom", "minProtocolVersion": "TLSv1_0", "cipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}
    profile = _part("sslProfiles", "old", sslPolicy=weak)
    listener = _part("httpListeners", "web", protocol="Https", sslProfile=_ref("sslProfiles", "old"))
    found = facts_of(ANALYSIS, make([_gateway(sslProfiles=[profile], httpListeners=[listener])]), "gateway.tls")
    assert [(fact.sub_object, fact.fields["listeners"]) for fact in found] == [("", []), ("old", ["web"])]
    assert found[1].fields["weakCiphers"] == ["TLS_RSA_WITH_AES_128_CBC_SHA"]


def _pool(**address: Any) -> Body:
    return _gateway(backendAddressPools=[_part("backendAddressPools", "pool", backendAddresses=[address])])


def test_a_web_app_without_an_endpoint_is_reached_in_public(only: Callable[..., Derived]) -> None:
    site: Body = {"id": f"{SITES}/app", "name": "app", "properties": {"defaultHostName": "app.azurewebsites.net"}}
    fact = only("gateway.backend", _pool(fqdn="APP.azurewebsites.net"), site)
    assert fact.fields["siteId"] == site["id"]
    assert (fact.fields["privateEndpointOk"], fact.fields["private"]) == (False, False)


@pytest.mark.parametrize(
    ("address", "private"), [("10.1.2.3", True), ("100.64.0.4", True), ("fd00::4", True), ("8.8.8.8", False)]
)
def test_a_bare_address_is_as_private_as_it_is(only: Callable[..., Derived], address: str, *, private: bool) -> None:
    assert only("gateway.backend", _pool(ipAddress=address)).fields["private"] is private


def test_a_host_is_not_known_where_web_apps_were_not_collected(only: Callable[..., Derived]) -> None:
    gap = Gap("/subscriptions/s", "Microsoft.Web/sites", "forbidden")
    fact = only("gateway.backend", _pool(fqdn="app.azurewebsites.net"), gaps=[gap])
    assert {"siteId", "private", "privateEndpointOk"} <= set(fact.uncollected)
