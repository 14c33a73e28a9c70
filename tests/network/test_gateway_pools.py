"""Who gets the requests that come to a listener of an Application Gateway, wherever an estate shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import in_process
from tests.estates.networks import (
    NETWORK,
    Body,
    at,
    configuration,
    interface,
    network,
    public_address,
    scale_set,
    subnet,
    thing,
)

KIND = "Microsoft.Network/applicationGateways"
OWN = at(KIND, "agw")


def part(collection: str, name: str) -> Body:
    return {"id": f"{OWN}/{collection}/{name}"}


def named(name: str, **properties: Any) -> Body:
    return {"name": name, "properties": properties}


def gateway(*pools: Body, **rule: Any) -> Body:
    """Return a gateway with one public listener on 443, and one rule for it."""
    return thing(
        KIND,
        "agw",
        properties={
            "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
            "gatewayIPConfigurations": [named("in", subnet={"id": f"{NETWORK}/subnets/g"})],
            "frontendIPConfigurations": [named("fe", publicIPAddress={"id": at("Microsoft.Network/publicIPAddresses", "pip")})],
            "frontendPorts": [named("p443", port=443)],
            "httpListeners": [
                named(
                    "web",
                    frontendIPConfiguration=part("frontendIPConfigurations", "fe"),
                    frontendPort=part("frontendPorts", "p443"),
                    protocol="Https",
                )
            ],
            "backendAddressPools": list(pools),
            "requestRoutingRules": [named("r", httpListener=part("httpListeners", "web"), **rule)],
            "loadDistributionPolicies": [
                named("spread", loadDistributionAlgorithm="RoundRobin", loadDistributionTargets=[
                    named(name, weightPerServer=1, backendAddressPool=part("backendAddressPools", name))
                    for name in ("web", "api")
                ])
            ],
            "urlPathMaps": [
                named(
                    "shared",
                    defaultLoadDistributionPolicy=part("loadDistributionPolicies", "spread"),
                    pathRules=[named("all", paths=["/*"], loadDistributionPolicy=part("loadDistributionPolicies", "spread"))],
                ),
                named(
                    "paths",
                    defaultBackendAddressPool=part("backendAddressPools", "web"),
                    pathRules=[named("api", paths=["/api/*"], backendAddressPool=part("backendAddressPools", "api"))],
                )
            ],
        },
    )  # fmt: skip


POOLED = {"applicationGatewayBackendAddressPools": [part("backendAddressPools", "web")]}
TO_WEB = {"backendAddressPool": part("backendAddressPools", "web")}
SHARED = {"loadDistributionPolicy": part("loadDistributionPolicies", "spread")}
SHARED_BY_PATH = {"urlPathMap": part("urlPathMaps", "shared")}
BY_PATH = {"urlPathMap": part("urlPathMaps", "paths")}
HOST = named("web", backendAddresses=[{"fqdn": "app.example.org"}, {"ipAddress": "10.0.1.9"}])
STATED = named(
    "web", backendIPConfigurations=[{"id": f"{at('Microsoft.Network/networkInterfaces', 'nic')}/ipConfigurations/ip"}]
)


@pytest.mark.parametrize(
    ("bodies", "names"),
    [
        ([gateway(HOST, **TO_WEB)], ["app.example.org", "10.0.1.9"]),
        ([gateway(named("web"), **TO_WEB), scale_set("vmss", configuration(**POOLED))], ["vmss"]),
        ([gateway(STATED, **TO_WEB), interface("nic", configuration(**POOLED))], ["nic"]),
        ([gateway(HOST, named("api", backendAddresses=[{"fqdn": "api.example.org"}]), **BY_PATH)],
         ["app.example.org", "10.0.1.9", "api.example.org"]),
        ([gateway(HOST, named("api", backendAddresses=[{"fqdn": "api.example.org"}]), **SHARED)],
         ["app.example.org", "10.0.1.9", "api.example.org"]),
        ([gateway(HOST, named("api", backendAddresses=[{"fqdn": "api.example.org"}]), **SHARED_BY_PATH)],
         ["app.example.org", "10.0.1.9", "api.example.org"]),
        ([gateway(named("web"), **TO_WEB), scale_set("vmss", configuration())], []),
        ([gateway(HOST, redirectConfiguration=part("redirectConfigurations", "to-https"))], []),
    ],
    ids=["hosts", "scale set", "both sides", "paths", "distributed", "distributed by path", "somebody else", "redirect"],
)  # fmt: skip
def test_the_way_in_names_whom_the_listener_leads_to(bodies: list[Body], names: list[str], tmp_path: Path) -> None:
    place = network(subnet("s"), subnet("g", "10.0.2.0/24"))
    held = public_address("pip", f"{OWN}/frontendIPConfigurations/fe")
    source = tmp_path / "estate.json"
    source.write_text(json.dumps([place, held, *bodies]), encoding="utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "gateway-leads.yaml").write_text(RULE, encoding="utf-8")
    words = ("evaluate", str(source), "--complete", "--rules", str(rules), "--select", "gateway-leads", "-o", "json")
    ended = in_process(*words, at=tmp_path)
    assert ended.code == 1, ended.err
    (found,) = [one for one in ended.report["findings"] if one["resource_id"]]
    notes = [str(one["actual"]) for one in found["evidence"] if str(one["path"]).startswith("notes")]
    sent = [note.removeprefix("requests are sent on to ") for note in notes if note.startswith("requests")]
    assert sent == ([", ".join(names)] if names else [])


RULE = """
id: gateway-leads
title: Gateways lead nowhere
severity: low
rationale: It shows where they lead.
remediation: {text: None.}
controls: {own: [OWN-1]}
applies:
  fact: exposure.entry
  where: {field: kind, equals: applicationGateway}
require: {field: state, equals: closed}
evidence: ["notes[*]"]
examples:
  - name: closed
    resource: {kind: applicationGateway, state: closed, notes: []}
    verdict: pass
  - name: open
    resource: {kind: applicationGateway, state: open, notes: []}
    verdict: fail
"""
