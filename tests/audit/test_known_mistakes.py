"""Inputs on which scanners in wide use answer wrongly, by the ids under which we collect them; the estate is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.audit.judging import judged
from tests.e2e.command import GROUP, storage

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: what is given, which rule is asked, and what it must say of each of its subjects."""

    id: str
    rule: str
    status: str
    resources: Sequence[Body]
    beside: Body = field(default_factory=dict)


def _resource(type_: str, name: str, properties: Body | None = None, **more: Any) -> Body:
    parts = type_.split("/")
    names = name.split("/")
    path = "/".join(part for pair in zip(parts[1:], names, strict=True) for part in pair)
    own = {"id": f"{GROUP}/providers/{parts[0]}/{path}", "name": names[-1], "type": type_, "location": "eastus2"}
    return {**own, "properties": properties or {}, **more}


def _vault(name: str = "kv", **properties: Any) -> Body:
    return _resource("Microsoft.KeyVault/vaults", name, properties)


def _openai(**properties: Any) -> Body:
    return _resource("Microsoft.CognitiveServices/accounts", "oai", properties, kind="OpenAI")


def _search(**properties: Any) -> Body:
    return _resource("Microsoft.Search/searchServices", "srch", properties, sku={"name": "standard"})


def _registry(**properties: Any) -> Body:
    return _resource("Microsoft.ContainerRegistry/registries", "cr", properties, sku={"name": "Premium"})


def _workspace(**properties: Any) -> Body:
    return _resource("Microsoft.MachineLearningServices/workspaces", "mlw", properties, kind="Default")


def _plan(**properties: Any) -> Body:
    sku = {"name": "P1v3", "tier": "PremiumV3", "capacity": 3}
    return _resource("Microsoft.Web/serverfarms", "asp", properties, sku=sku)


def _gateway(name: str = "agw", zones: list[str] | None = None, **properties: Any) -> Body:
    sku = {"name": "WAF_v2", "tier": "WAF_v2"}
    listener = {"name": "https", "properties": {"protocol": "Https"}}
    found = {"sku": sku, "httpListeners": [listener], **properties}
    return _resource("Microsoft.Network/applicationGateways", name, found, **({"zones": zones} if zones else {}))


def _waf(**settings: Any) -> Body:
    kind = "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"
    return _resource(kind, "waf", {"policySettings": settings})


def _filters(threshold: str) -> list[Body]:
    entries = [
        {"name": name, "source": source, "blocking": True, "enabled": True, "severityThreshold": threshold}
        for name in ("hate", "sexual", "selfharm", "violence")
        for source in ("Prompt", "Completion")
    ]
    base = "Microsoft.CognitiveServices/accounts"
    policy = {"basePolicyName": "Microsoft.Default", "mode": "Default", "contentFilters": entries}
    deployment = {"model": {"name": "gpt-4o"}, "raiPolicyName": "own"}
    return [
        _openai(),
        _resource(f"{base}/raiPolicies", "oai/own", policy),
        _resource(f"{base}/deployments", "oai/chat", deployment),
    ]


def _linked(*statuses: str) -> list[Body]:
    """Return a vault with an endpoint per status, as the endpoints and the vault say, in one network."""
    vault, subnet = _vault(), f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/pe"
    endpoints, connections = [], []
    for number, status in enumerate(statuses):
        state = {"privateLinkServiceConnectionState": {"status": status}}
        link = {"privateLinkServiceId": vault["id"], "groupIds": ["vault"], **state}
        properties = {
            "provisioningState": "Succeeded",
            "subnet": {"id": subnet},
            "privateLinkServiceConnections": [{"name": "c", "properties": link}],
        }
        endpoint = _resource("Microsoft.Network/privateEndpoints", f"pe{number}", properties)
        endpoints.append(endpoint)
        said = {"privateEndpoint": {"id": endpoint["id"]}, "provisioningState": "Succeeded", **state}
        connections.append({"id": f"{vault['id']}/privateEndpointConnections/c{number}", "properties": said})
    vault["properties"]["privateEndpointConnections"] = connections
    network = _resource("Microsoft.Network/virtualNetworks", "vnet", {"subnets": [{"id": subnet, "name": "pe"}]})
    return [vault, network, *endpoints]


def _rules(*ranges: str) -> list[Body]:
    return [{"value": text} for text in ranges]


_DENY = {"defaultAction": "Deny"}
_OUTBOUND = {"pe": {"type": "PrivateEndpoint", "category": "UserDefined", "status": "Active"}}
_STOR, _KV, _AOAI = (
    "storage-public-network-access-off",
    "keyvault-public-network-access-off",
    "openai-public-network-access-off",
)
_SRCH, _ACR, _AML = (
    "search-public-network-access-off",
    "registry-public-network-access-off",
    "ml-workspace-public-network-access-off",
)
_LIST, _PE = "network-allowlist-not-internet", "keyvault-private-endpoint-works"

CASES = [
    Case("P1", "openai-filter-harm-strict", "pass", _filters("Low")),
    Case("P1", "openai-filter-harm-strict", "fail", _filters("High")),
    Case("P2", _ACR, "pass", [_registry(publicNetworkAccess="Disabled")]),
    *(Case("P3", _PE, "fail", _linked(status)) for status in ("Pending", "Rejected", "Disconnected")),
    Case("P4", _STOR, "pass", [storage(publicNetworkAccess="Disabled", networkAcls={"defaultAction": "Allow"})]),
    Case("P5", "storage-minimum-tls", "fail", [storage(minimumTlsVersion=None, allowBlobPublicAccess=None)]),
    Case("P5", "storage-minimum-tls", "fail", [storage() | {"properties": {"minimumTlsVersion": None}}]),
    Case("P6", _SRCH, "pass", [_search(publicNetworkAccess="disabled")]),
    Case("P7", _AOAI, "fail", [_openai()]),
    Case("P7", _AOAI, "fail", [_openai(publicNetworkAccess="enabled")]),
    Case("P8", "openai-private-endpoint-works", "fail", [_openai(publicNetworkAccess="Disabled")]),
    Case("P9", "openai-firewall-default-deny", "fail", [_openai(publicNetworkAccess="Enabled", networkAcls=None)]),
    Case("P10", _ACR, "fail", [_registry()]),
    Case("P10", _SRCH, "fail", [_search()]),
    Case("P11", _KV, "pass", [_vault(publicNetworkAccess="Disabled", networkAcls={"defaultAction": "Allow"})]),
    Case("P11", _KV, "pass", [_vault(publicNetworkAccess="Disabled")]),
    Case("P11", _KV, "fail", [_vault(publicNetworkAccess="Enabled", networkAcls=_DENY)]),
    Case("P12", _PE, "pass", _linked("Approved", "Pending")),
    Case("P13", _PE, "fail", _linked("Rejected")),
    Case("P14", _PE, "fail", _linked("Pending", "Rejected")),
    Case("P15", _KV, "fail", _linked("Approved")),
    Case(
        "P16",
        _LIST,
        "fail",
        [_vault(publicNetworkAccess="Enabled", networkAcls={**_DENY, "ipRules": _rules("0.0.0.0/0")})],
    ),
    Case("P17", _AML, "fail", [_workspace()]),
    Case("P18", _STOR, "fail", [storage()]),
    Case("P19", _STOR, "pass", [storage(publicNetworkAccess="disabled")]),
    Case(
        "P20",
        _LIST,
        "fail",
        [_search(publicNetworkAccess="enabled", networkRuleSet={"ipRules": _rules("0.0.0.0/1", "128.0.0.0/1")})],
    ),
    Case(
        "P21",
        _AML,
        "fail",
        [_workspace(publicNetworkAccess="Enabled", managedNetwork={"outboundRules": _OUTBOUND})],
    ),
    Case(
        "P22",
        _LIST,
        "fail",
        [_search(publicNetworkAccess="enabled", networkRuleSet={"ipRules": _rules("0.0.0.0/0")})],
    ),
    Case(
        "P23",
        "ml-workspace-outbound-approved-only",
        "pass",
        [_workspace(managedNetwork={"isolationMode": "AllowOnlyApprovedOutbound"})],
    ),
    Case("P24", _PE, "fail", [_vault(publicNetworkAccess="Disabled")]),
    Case(
        "P25",
        _LIST,
        "fail",
        [_openai(publicNetworkAccess="Enabled", networkAcls={**_DENY, "ipRules": _rules("0.0.0.0/0")})],
    ),
    Case("P26", _KV, "pass", [_vault(publicNetworkAccess="Disabled", networkAcls=None)]),
    Case("Z1", "app-plan-zone-redundant", "fail", [_plan()]),
    Case("Z3", "search-minimum-replicas", "fail", [_search(replicaCount=2)]),
    Case("Z3", "search-minimum-replicas", "pass", [_search(replicaCount=3)]),
    Case("Z4", "gateway-zone-redundant", "pass", [_gateway(zones=["1", "2", "3"])]),
    Case("Z4", "gateway-zone-redundant", "fail", [_gateway(zones=["1"], autoscaleConfiguration={"minCapacity": 3})]),
    Case("W1", "gateway-waf-bound", "pass", [_gateway(FirewallPolicy={"id": _waf()["id"].upper()}), _waf()]),
    Case("W2", "gateway-waf-bound", "pass", [_gateway(firewallPolicy={"id": _waf()["id"]}), _waf(state="Enabled")]),
    Case(
        "W2",
        "gateway-legacy-waf-prevents",
        "fail",
        [_gateway(webApplicationFirewallConfiguration={"enabled": False, "firewallMode": "Prevention"})],
    ),
    Case("W3", "gateway-waf-bound", "pass", [_gateway(firewallPolicy={"id": _waf()["id"]}), _waf(mode="Detection")]),
    Case("W3", "waf-policy-prevents", "fail", [_waf(state="Enabled", mode="Detection")]),
    Case("T1", "storage-minimum-tls", "pass", [storage(minimumTlsVersion="TLS1_3")]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.rule}-{case.status}")
def test_what_others_get_wrong(case: Case) -> None:
    found = judged({"resources": case.resources, **case.beside}, case.rule).findings
    assert {one.status.value for one in found} == {case.status}, [one.message for one in found]


def test_z2_a_region_that_nobody_knows_is_unknown() -> None:
    (found,) = judged(
        {"resources": [_plan(zoneRedundant=False) | {"location": "atlantis"}]}, "app-plan-zone-redundant"
    ).findings
    assert found.status.value == "unknown"


def test_c1_each_part_of_a_resource_has_a_row_of_its_own() -> None:
    rule = {"type": "FQDN", "category": "UserDefined", "status": "Active"}
    rules = {name: {**rule, "destination": f"*.{name}.example"} for name in ("one", "two")}
    network = {"isolationMode": "AllowOnlyApprovedOutbound", "outboundRules": rules}
    found = judged({"resources": [_workspace(managedNetwork=network)]}, "ml-outbound-no-wildcard-hosts").findings
    assert [one.sub_object for one in found] == ["one", "two"]
    assert len({one.fingerprint for one in found}) == 2


def test_c2_ids_are_compared_by_segment_in_any_case() -> None:
    account = storage(minimumTlsVersion="TLS1_2")
    account["id"] = account["id"].replace("resourceGroups", "resourcegroups").replace("rg-test", "RG-Test")
    (found,) = judged({"resources": [account]}, "storage-minimum-tls").findings
    assert (found.status.value, found.resource_id) == ("pass", account["id"])
