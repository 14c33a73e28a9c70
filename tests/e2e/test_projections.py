"""What a query for some columns left out is not known: neither absent, nor Azure's default, nor out of the rule's sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, Run, estate, storage


def _resource(kind: str, name: str, properties: dict[str, Any], /, **beside: Any) -> dict[str, Any]:
    own_id = f"{GROUP}/providers/{kind}/{name}"
    return {"id": own_id, "name": name, "type": kind, "location": "swedencentral", "properties": properties, **beside}


ACCOUNT = _resource(
    "Microsoft.CognitiveServices/accounts", "ai1", {"publicNetworkAccess": "Enabled"}, kind="OpenAI", sku={"name": "S0"}
)
REGISTRY = _resource(
    "Microsoft.ContainerRegistry/registries", "cr1", {"publicNetworkAccess": "Enabled"}, sku={"name": "Premium"}
)
SEARCH = _resource("Microsoft.Search/searchServices", "srch1", {"replicaCount": 3}, sku={"name": "standard"})
DEPLOYMENT = {
    "id": f"{ACCOUNT['id']}/deployments/chat",
    "name": "chat",
    "type": "Microsoft.CognitiveServices/accounts/deployments",
    "sku": {"name": "Standard", "capacity": 10},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-35-turbo"}, "raiPolicyName": "strict"},
}
READ_SKU_OR_KIND = [
    (storage(), "storage-zone-redundant-sku"),
    (REGISTRY, "registry-premium-sku"),
    (REGISTRY, "registry-firewall-default-deny"),
    (REGISTRY, "registry-export-off"),
    (SEARCH, "search-tier-for-production"),
    (ACCOUNT, "openai-public-network-access-off"),
    (DEPLOYMENT, "openai-capacity-as-declared"),
]


@pytest.mark.parametrize(("resource", "rule"), READ_SKU_OR_KIND)
@pytest.mark.parametrize("stated", [{}, {"kind": None, "sku": None}, {"kind": "", "sku": {}}])
def test_a_row_without_sku_and_kind_is_a_projection(
    resource: dict[str, Any], rule: str, stated: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    row = {name: value for name, value in resource.items() if name not in {"sku", "kind"}}
    source = estate(tmp_path, {**row, **stated})
    for options in ((), ("--complete",)):
        ended = run("evaluate", source, "--include-passed", "-o", "json", "--select", rule, *options)
        told = {finding["status"] for finding in ended.findings if finding["resource_id"] == resource["id"]}
        assert (told, ended.code) == ({"unknown"}, 2)


@pytest.mark.parametrize(("resource", "rule"), READ_SKU_OR_KIND)
def test_a_row_with_them_is_judged(resource: dict[str, Any], rule: str, run: Run, tmp_path: Path) -> None:
    ended = run("evaluate", estate(tmp_path, resource), "--include-passed", "-o", "json", "--select", rule)
    told = {finding["status"] for finding in ended.findings if finding["resource_id"] == resource["id"]}
    assert told
    assert "unknown" not in told


@pytest.mark.parametrize("number", [0, 1])
def test_a_number_that_powershell_prints_for_a_word_is_no_word(number: int, run: Run, tmp_path: Path) -> None:
    """`ConvertTo-Json` writes enumerations as numbers: 0 and 1 stand for Allow and Deny, and which is which nobody says."""
    account = storage()
    printed = {
        "ResourceGroupName": "rg-test",
        "StorageAccountName": "st1",
        "Id": account["id"],
        "Location": "swedencentral",
        "Sku": {"Name": "Standard_ZRS", "Tier": "Standard"},
        "Kind": "StorageV2",
        "EnableHttpsTrafficOnly": True,
        "MinimumTlsVersion": "TLS1_2",
        "PublicNetworkAccess": "Enabled",
        "NetworkRuleSet": {"Bypass": 7, "DefaultAction": number, "IpRules": [], "VirtualNetworkRules": []},
    }
    ended = run("evaluate", estate(tmp_path, printed), "--include-passed", "-o", "json", "--select", "storage-*")
    told = {finding["rule_id"]: finding for finding in ended.findings if finding["resource_id"] == account["id"]}
    assert told["storage-firewall-default-deny"]["status"] == "unknown"
    assert any("EnumsAsStrings" in gap["reason"] for gap in ended.report["gaps"])
    assert told["storage-public-network-access-off"]["status"] == "fail"
    assert told["storage-https-only"]["status"] == "pass"


def test_what_the_command_line_prints_of_defender_and_budgets_is_read(run: Run, tmp_path: Path) -> None:
    subscription = GROUP.partition("/resourceGroups")[0]
    plan = _resource("Microsoft.Web/serverfarms", "asp1", {}, sku={"name": "P1v3", "tier": "PremiumV3"})
    printed = {
        "freeTrialRemainingTime": "30 days, 0:00:00",
        "id": f"{subscription}/providers/Microsoft.Security/pricings/AppServices",
        "name": "AppServices",
        "pricingTier": "Standard",
        "subPlan": None,
        "type": "Microsoft.Security/pricings",
    }
    options = ("--include-passed", "-o", "json", "--complete", "--select", "app-service-defender-on")
    assert [one["status"] for one in run("evaluate", estate(tmp_path, plan, printed), *options).findings] == ["pass"]
    free = {**printed, "pricingTier": "Free"}
    assert [one["status"] for one in run("evaluate", estate(tmp_path, plan, free), *options).findings] == ["fail"]
