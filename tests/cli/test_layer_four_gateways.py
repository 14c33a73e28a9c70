"""A gateway that passes on TCP and TLS connections is judged by what it does with those, through the command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, estate, in_process

Body = dict[str, Any]
NETWORK = f"{GROUP}/providers/Microsoft.Network"
GATEWAY, POLICY = (
    f"{NETWORK}/applicationGateways/agw",
    f"{NETWORK}/applicationGatewayWebApplicationFirewallPolicies/waf",
)


def ref(collection: str, name: str) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def part(collection: str, name: str, **properties: Any) -> Body:
    return {**ref(collection, name), "name": name, "properties": properties}


def listener(protocol: str, name: str = "db", **properties: Any) -> Body:
    ends = {"frontendIPConfiguration": ref("frontendIPConfigurations", "fe"), "frontendPort": ref("frontendPorts", "p")}
    return part("listeners", name, protocol=protocol, **ends, **properties)


def setting(protocol: str, name: str = "s", **properties: Any) -> Body:
    return part("backendSettingsCollection", name, protocol=protocol, port=1433, timeout=60, **properties)


def gateway(*listeners: Body, settings: Sequence[Body] = (), **properties: Any) -> list[Body]:
    """Return a gateway behind a firewall policy, with HTTPS and with the other listeners, and its policy."""
    rule = {"ruleType": "Basic", "priority": 10, "backendAddressPool": ref("backendAddressPools", "pool")}
    stated = {
        "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
        "firewallPolicy": {"id": POLICY},
        "frontendIPConfigurations": [part("frontendIPConfigurations", "fe")],
        "frontendPorts": [part("frontendPorts", "p", port=1433)],
        "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"},
        "httpListeners": [
            part(
                "httpListeners",
                "web",
                protocol="Https",
                sslCertificate=ref("sslCertificates", "old"),
                hostName="a.example",
            )
        ],
        "listeners": list(listeners),
        "requestRoutingRules": [],
        "routingRules": [
            part(
                "routingRules",
                one["name"],
                listener={"id": one["id"]},
                backendSettings=ref("backendSettingsCollection", "s"),
                **rule,
            )
            for one in listeners
        ],
        "backendHttpSettingsCollection": [],
        "backendSettingsCollection": list(settings),
        "backendAddressPools": [
            part(
                "backendAddressPools",
                "pool",
                backendAddresses=[{"fqdn": "sql.example.org"}],
                backendIPConfigurations=[],
            )
        ],
        "sslCertificates": [part("sslCertificates", "old", publicCertData="MIIB")],
        "sslProfiles": [],
        "probes": [],
        "urlPathMaps": [],
        "redirectConfigurations": [],
    }
    settings_of_policy = {"state": "Enabled", "mode": "Prevention", "requestBodyCheck": True}
    kind = "Microsoft.Network/applicationGateways"
    return [
        {"id": GATEWAY, "name": "agw", "type": kind, "location": "westeurope", "properties": {**stated, **properties}},
        {
            "id": POLICY,
            "name": "waf",
            "type": "Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies",
            "properties": {
                "policySettings": settings_of_policy,
                "managedRules": {"managedRuleSets": []},
                "customRules": [],
            },
        },
    ]


def findings(bodies: list[Body], folder: Path, rule: str) -> dict[str, dict[str, Any]]:
    """Return the findings of a rule on the gateway by what of it they are about."""
    words = ("evaluate", estate(folder, *bodies), "--complete", "--include-passed", "--select", rule, "-o", "json")
    found = in_process(*words, "--as-of", "2026-01-01T00:00:00Z", at=folder).findings
    return {one["sub_object"] or "": one for one in found if one["resource_id"].lower() == GATEWAY.lower()}


def verdicts(bodies: list[Body], folder: Path, rule: str) -> dict[str, str]:
    return {name: one["status"] for name, one in findings(bodies, folder, rule).items()}


@pytest.mark.parametrize("protocol", ["Tcp", "Tls", "TLS"])
def test_no_firewall_stands_before_a_listener_for_connections(protocol: str, tmp_path: Path) -> None:
    found = findings(gateway(listener(protocol)), tmp_path, "gateway-waf-bound")
    assert {name: one["status"] for name, one in found.items()} == {"web": "pass", "db": "fail"}
    assert "firewall" in found["db"]["message"]


def test_a_listener_for_tls_is_encrypted_and_one_for_tcp_is_not(tmp_path: Path) -> None:
    bodies = gateway(listener("Tls"), listener("Tcp", "raw"))
    found = verdicts(bodies, tmp_path, "gateway-listener-https-only")
    assert found == {"web": "pass", "db": "pass", "raw": "fail"}


def test_the_profile_of_a_listener_for_tls_is_named_with_it(tmp_path: Path) -> None:
    old = part(
        "sslProfiles", "old", sslPolicy={"policyType": "Custom", "minProtocolVersion": "TLSv1_0", "cipherSuites": []}
    )
    bodies = gateway(listener("Tls", sslProfile=ref("sslProfiles", "old")), sslProfiles=[old])
    found = findings(bodies, tmp_path, "gateway-minimum-tls")
    assert {name: one["status"] for name, one in found.items()} == {"": "pass", "old": "fail"}
    assert any(item["actual"] == "db" for item in found["old"]["evidence"])


def test_the_certificate_of_a_listener_for_tls_is_judged(tmp_path: Path) -> None:
    uploaded = part("sslCertificates", "db", publicCertData="MIIB")
    bodies = gateway(listener("Tls", sslCertificate=ref("sslCertificates", "db")), sslCertificates=[uploaded])
    found = findings(bodies, tmp_path, "gateway-certificate-from-key-vault")
    assert [one["status"] for one in found.values()] == ["fail"] * len(found)
    assert any("db" in one["message"] for one in found.values())


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ([setting("Tls", hostName="sql.example.org")], "pass"),
        ([setting("TLS", pickHostNameFromBackendAddress=True)], "pass"),
        ([setting("Tls", hostName="", pickHostNameFromBackendAddress=False)], "fail"),
        ([setting("Tls")], "fail"),
        ([setting("Tcp", hostName="sql.example.org")], "fail"),
        ([setting("Tls", hostName="a.example"), setting("Tcp", "t")], "fail"),
        ([], "pass"),
    ],
)
def test_connections_are_passed_on_encrypted_to_a_name(settings: list[Body], status: str, tmp_path: Path) -> None:
    found = verdicts(gateway(listener("Tls"), settings=settings), tmp_path, "gateway-backend-tls")
    assert list(found.values()) == [status]


@pytest.mark.parametrize(
    ("properties", "rule", "status"),
    [
        ({"settings": [setting("Tls")]}, "gateway-health-probes-set", "fail"),
        ({"settings": [setting("Tls", probe=ref("probes", "p"))]}, "gateway-health-probes-set", "pass"),
        (
            {"settings": [setting("Tls", probe=ref("probes", "p"))], "probes": [part("probes", "p", protocol="Tls")]},
            "gateway-probes-use-https",
            "pass",
        ),
        (
            {"settings": [setting("Tls", probe=ref("probes", "p"))], "probes": [part("probes", "p", protocol="Tcp")]},
            "gateway-probes-use-https",
            "fail",
        ),
    ],
)
def test_probes_of_connections_are_probes(properties: Body, rule: str, status: str, tmp_path: Path) -> None:
    assert list(verdicts(gateway(listener("Tls"), **properties), tmp_path, rule).values()) == [status]


def test_two_listeners_of_one_name_are_two(tmp_path: Path) -> None:
    found = verdicts(gateway(listener("Tcp", "web")), tmp_path, "gateway-waf-bound")
    assert found == {"web": "pass", "listeners/web": "fail"}
