"""What firewall policies stop in effect, and which attacks reach which backend of a gateway unchecked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.analysis.contract import Context
from auditor.analysis.gateway.analysis import ANALYSIS
from auditor.model import Gap
from auditor.network.waf_policy import ATTACKS
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

RG = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"
GATEWAY = f"{RG}/applicationGateways/agw"
POLICIES = f"{RG}/ApplicationGatewayWebApplicationFirewallPolicies"
SQLI = {"ruleGroupName": "REQUEST-942-APPLICATION-ATTACK-SQLI"}


def _policy(name: str, *overrides: Body, **properties: Any) -> Body:
    sets = [
        {"ruleSetType": "OWASP", "ruleSetVersion": "3.2", "ruleGroupOverrides": list(overrides)},
        {"ruleSetType": "Microsoft_BotManagerRuleSet", "ruleSetVersion": "1.0"},
    ]
    default = {
        "policySettings": {"state": "Enabled", "mode": "Prevention"},
        "managedRules": {"managedRuleSets": sets, "exclusions": properties.pop("exclusions", [])},
    }
    return {"id": f"{POLICIES}/{name}", "name": name, "properties": default | properties}


def _part(collection: str, name: str, **properties: Any) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}", "name": name, "properties": properties}


def _ref(collection: str, name: str) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def _gateway(**properties: Any) -> Body:
    """Return a gateway with a listener `web` that sends `/api` to one pool and the rest to another."""
    paths = [_part("pathRules", "api", backendAddressPool=_ref("backendAddressPools", "api"))]
    default = {
        "sku": {"tier": "WAF_v2"},
        "firewallPolicy": {"id": f"{POLICIES}/shared"},
        "httpListeners": [_part("httpListeners", "web", protocol="Https")],
        "requestRoutingRules": [
            _part(
                "requestRoutingRules",
                "r",
                httpListener=_ref("httpListeners", "web"),
                urlPathMap=_ref("urlPathMaps", "m"),
            )
        ],
        "urlPathMaps": [
            _part("urlPathMaps", "m", defaultBackendAddressPool=_ref("backendAddressPools", "ui"), pathRules=paths)
        ],
        "backendAddressPools": [
            _part("backendAddressPools", name, backendAddresses=[{"fqdn": f"{name}.example"}]) for name in ("ui", "api")
        ],
    }
    return {"id": GATEWAY, "name": "agw", "properties": default | properties}


@pytest.fixture
def routes(make: Make, facts_of: FactsOf) -> Callable[..., dict[str, Derived]]:
    """Return a function that gives the routes of a small estate by the pool that they lead to."""

    def run(*bodies: Body, **options: Any) -> dict[str, Derived]:
        return {fact.fields["pool"]: fact for fact in facts_of(ANALYSIS, make(bodies, **options), "gateway.route")}

    return run


def test_nothing_reaches_a_backend_behind_a_whole_policy(routes: Callable[..., dict[str, Derived]]) -> None:
    found = routes(_gateway(), _policy("shared"))
    assert {name: fact.fields["uncheckedAttacks"] for name, fact in found.items()} == {"ui": [], "api": []}
    assert found["api"].fields["backends"] == ["api.example"]


def test_the_policy_of_a_path_decides_there_and_nowhere_else(routes: Callable[..., dict[str, Derived]]) -> None:
    gateway = _gateway()
    rule = gateway["properties"]["urlPathMaps"][0]["properties"]["pathRules"][0]["properties"]
    rule["firewallPolicy"] = {"id": f"{POLICIES}/lax"}
    found = routes(gateway, _policy("shared"), _policy("lax", SQLI))
    assert found["ui"].fields["uncheckedAttacks"] == []
    assert found["api"].fields["uncheckedAttacks"] == ["SQL injection"]
    assert found["api"].fields["wafSource"] == "path"
    assert "SQL injection reaches api.example unchecked" in found["api"].summary


def test_a_route_to_several_pools_names_what_is_in_each(routes: Callable[..., dict[str, Derived]]) -> None:
    targets = [_part("targets", name, backendAddressPool=_ref("backendAddressPools", name)) for name in ("ui", "api")]
    gateway = _gateway(
        loadDistributionPolicies=[_part("loadDistributionPolicies", "spread", loadDistributionTargets=targets)],
        requestRoutingRules=[
            _part(
                "requestRoutingRules",
                "r",
                httpListener=_ref("httpListeners", "web"),
                loadDistributionPolicy=_ref("loadDistributionPolicies", "spread"),
            )
        ],
    )
    found = routes(gateway, _policy("shared", SQLI))
    assert found["ui, api"].fields["backends"] == ["ui.example", "api.example"]
    assert found["ui, api"].fields["uncheckedAttacks"] == ["SQL injection"]


def test_the_policy_of_a_listener_stands_in_for_that_of_the_gateway(routes: Callable[..., dict[str, Derived]]) -> None:
    gateway = _gateway()
    gateway["properties"]["httpListeners"][0]["properties"]["firewallPolicy"] = {"id": f"{POLICIES}/lax"}
    found = routes(gateway, _policy("shared"), _policy("lax", SQLI))
    assert {name: fact.fields["uncheckedAttacks"] for name, fact in found.items()} == {
        "ui": ["SQL injection"],
        "api": ["SQL injection"],
    }


@pytest.mark.parametrize(
    "gateway", [_gateway(firewallPolicy=None), _gateway(sku={"tier": "Standard_v2"})], ids=["none", "tier"]
)
def test_everything_reaches_a_backend_without_a_firewall(
    routes: Callable[..., dict[str, Derived]], gateway: Body
) -> None:
    assert routes(gateway, _policy("shared"))["ui"].fields["uncheckedAttacks"] == list(ATTACKS)


def test_what_a_policy_that_was_not_read_lets_in_is_not_known(routes: Callable[..., dict[str, Derived]]) -> None:
    assert "uncheckedAttacks" in routes(_gateway())["ui"].uncollected
    hidden = Gap(f"{POLICIES}/shared", "properties.customRules", "not read")
    assert "uncheckedAttacks" in routes(_gateway(), _policy("shared"), gaps=[hidden])["ui"].uncollected
    known = routes(_gateway(), _policy("shared", SQLI), gaps=[hidden])["ui"]
    assert known.fields["uncheckedAttacks"] == ["SQL injection"]


def test_a_listener_behind_a_hollow_policy_is_not_protected(make: Make, facts_of: FactsOf) -> None:
    for policy, prevents in ((_policy("shared"), True), (_policy("shared", SQLI), False)):
        (listener,) = facts_of(ANALYSIS, make([_gateway(), policy]), "gateway.listener")
        assert listener.fields["wafPrevents"] is prevents


def test_every_exclusion_is_listed_with_its_scope(make: Make, facts_of: FactsOf) -> None:
    scope = {"ruleSetType": "OWASP", "ruleSetVersion": "3.2", "ruleGroups": [SQLI]}
    exclusions = [
        {"matchVariable": "RequestArgNames", "selectorMatchOperator": "Equals", "selector": "prompt"},
        {
            "matchVariable": "RequestHeaderNames",
            "selectorMatchOperator": "StartsWith",
            "selector": "x-",
            "exclusionManagedRuleSets": [scope],
        },
    ]
    (fact,) = facts_of(ANALYSIS, make([_policy("waf", exclusions=exclusions)]), "gateway.waf-policy")
    listed = [(one["selector"], one["scope"]) for one in fact.fields["exclusions"]]
    assert listed == [("prompt", "all rules"), ("x-", f"OWASP 3.2, {SQLI['ruleGroupName']}")]


def test_an_address_that_is_let_in_is_told_and_no_fault(make: Make, facts_of: FactsOf) -> None:
    match = {
        "matchVariables": [{"variableName": "RemoteAddr"}],
        "operator": "IPMatch",
        "matchValues": ["203.0.113.0/24"],
    }
    allow = {"name": "office", "priority": 1, "action": "Allow", "matchConditions": [match]}
    (fact,) = facts_of(ANALYSIS, make([_policy("waf", customRules=[allow])]), "gateway.waf-policy")
    assert (fact.fields["openToAll"], fact.fields["uncheckedAttacks"]) == (False, [])
    assert fact.fields["allowedAddresses"] == ["203.0.113.0/24"]
    assert "from 203.0.113.0/24 past its managed rules" in fact.summary


@pytest.mark.parametrize("part", ["policySettings", "managedRules", "customRules"])
def test_a_part_that_was_not_read_leaves_open_what_is_stopped(make: Make, facts_of: FactsOf, part: str) -> None:
    hidden = Gap(f"{POLICIES}/waf", f"properties.{part}", "not read")
    (fact,) = facts_of(ANALYSIS, make([_policy("waf")], gaps=[hidden]), "gateway.waf-policy")
    assert "uncheckedAttacks" in fact.uncollected
