"""Rules on facts, on the chat estate and on small ones: what they find, and which facts they are silent about."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import audit
from auditor import shipped as data
from auditor.analysis.registry import kinds
from auditor.errors import ContentError
from auditor.inputs import read
from auditor.model import Finding, Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from auditor.rulebook.load import Words, load_rule
from tests.audit.judging import fact_of
from tests.estates.chat import chat_bodies

GROUP = "/subscriptions/1/resourceGroups/rg/providers"
_REACHED = (
    "AzureBastionSubnet", "snet-agents", "snet-appGateway", "snet-appServicePlan", "snet-jumpbox", "snet-scoring",
    "snet-training",
)  # fmt: skip
_FOUNDATION = (
    "bastion", "jump-box", "openai", "registry", "workspace", "workspace-insights", "workspace-storage",
)  # fmt: skip
VERDICTS = {"pass": Status.PASS, "fail": Status.FAIL, "unknown": Status.UNKNOWN}


@cache
def facts_only() -> RuleSet:
    """Return the baseline with its rules on facts alone."""
    rules = in_force.all_rules()
    return in_force.load(Selection(select=[name for name, rule in rules.items() if fact_of(rule)]))


def judged(bodies: list[dict[str, Any]], tmp_path: Path, *, complete: bool = True) -> list[Finding]:
    path = tmp_path / "estate.json"
    path.write_text(json.dumps({"resources": bodies}), encoding="utf-8")
    report = audit.audit(read.read(str(path)), facts_only(), audit.Terms(complete=complete))
    return list(report.findings)


def those(findings: list[Finding], rule_id: str) -> list[Finding]:
    return [finding for finding in findings if finding.rule_id == rule_id]


def body(bodies: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in bodies if one.get("name") == name)


def test_the_chat_estate_fails_exactly_where_it_leaves_the_architecture(tmp_path: Path) -> None:
    findings = judged(chat_bodies(), tmp_path)

    failed = [one for one in findings if one.status is Status.FAIL]

    assert {(one.rule_id, one.sub_object) for one in failed} == {
        ("access-identity-on-one-side", ""),
        ("access-sanctioned-but-broad", "Contributor on workspace rg-chat"),
        ("access-sanctioned-but-broad", "Key Vault Administrator on workspace-vault kv-chat01"),
        ("app-identity-not-shared", ""),
        ("app-plan-scales-both-ways", ""),
        ("bastion-zone-redundant", ""),
        ("diagnostics-sent-somewhere", ""),
        ("keyvault-consumers-separated", ""),
        ("ml-deployment-autoscaled", ""),
        ("ml-outbound-hosts-allowed", "wikipedia"),
        ("network-logs-kept", ""),
        ("security-rule-only-deny-takes-effect", "Outbound/DenyAllOutBound"),
        ("security-rules-use-application-groups", "mlw-chat01"),
        ("subnet-agents-in-use", ""),
        ("subnet-agents-restricted", "Outbound"),
        ("subnet-app-service-outbound-restricted", "Outbound"),
        ("subnet-bastion-rule-set", "Inbound"),
        ("subnet-bastion-rule-set", "Outbound"),
        ("subnet-gateway-control-plane-restricted", ""),
        ("subnet-gateway-outbound-restricted", "Outbound"),
        ("subnet-jump-box-inbound-restricted", "Inbound"),
        ("subnet-jump-box-outbound-restricted", "Outbound"),
        ("subnet-private-endpoints-filtered", ""),
        *{("subnet-reaches-planned-subnets-only", f"to {name}") for name in _REACHED},
        ("subnet-rest-denied-explicitly", "Inbound"),
        ("subnet-rest-denied-explicitly", "Outbound"),
        ("subnet-outbound-way-chosen", ""),
        *(("policy-watches-key-age", kind) for kind in ("kv_secret", "storage")),
        *(("policy-watches-service-keys", kind) for kind in ("aml_endpoint", "aoai")),
        ("workload-component-present", "search"),
        *{("workload-foundation-delete-locked", component) for component in _FOUNDATION},
    }
    unknown = {one.rule_id for one in findings if one.status is Status.UNKNOWN}
    # only the activity log would tell of keys, and the gateway's secret has no time of expiry
    assert unknown <= {
        "keyvault-gateway-certificate-not-near-expiry",
        "keyvault-key-copy-current",
        "openai-keys-rotated",
        "ml-endpoint-keys-rotated",
    }


@pytest.mark.parametrize(
    ("rule_id", "said"),
    [
        ("ml-outbound-hosts-allowed", "lets traffic out to the host en.wikipedia.org"),
        ("subnet-private-endpoints-filtered", "applies no security group to its private endpoints"),
        ("workload-component-present", "AI Search service is missing"),
        ("app-plan-scales-both-ways", "scales out but never in"),
    ],
)
def test_a_failure_says_what_is_wrong(rule_id: str, said: str, tmp_path: Path) -> None:
    (found,) = [one for one in those(judged(chat_bodies(), tmp_path), rule_id) if one.status is Status.FAIL]
    assert said in found.message
    assert found.message.endswith(".")


def test_a_pending_endpoint_does_not_count(tmp_path: Path) -> None:
    bodies = chat_bodies()
    connection = body(bodies, "pep-oai-chat01")["properties"]["privateLinkServiceConnections"][0]
    connection["properties"]["privateLinkServiceConnectionState"]["status"] = "Pending"
    findings = judged(bodies, tmp_path)

    (found,) = those(findings, "openai-private-endpoint-works")
    assert found.status is Status.FAIL
    assert "the connection is Pending" in found.message


def test_what_autoscale_may_leave_counts(tmp_path: Path) -> None:
    bodies = chat_bodies()
    setting = next(one for one in bodies if one["type"].lower() == "microsoft.insights/autoscalesettings")
    setting["properties"]["profiles"][0]["capacity"] = {"minimum": "1", "default": "1", "maximum": "5"}

    (found,) = those(judged(bodies, tmp_path), "app-plan-minimum-instances")
    assert found.status is Status.FAIL
    assert "runs 3 but may fall to 1 instance" in found.message


@pytest.mark.parametrize(
    ("stated", "api_version", "verdict"),
    [
        ("NetworkSecurityGroupEnabled", "2023-11-01", "pass"),
        ("Enabled", "2022-11-01", "pass"),
        ("RouteTableEnabled", "2023-11-01", "fail"),
        (None, "2023-11-01", "fail"),
        (None, "2022-11-01", "unknown"),
    ],
)
def test_the_policies_of_a_subnet_are_read_as_its_api_version_shows_them(
    stated: str | None, api_version: str, verdict: str, tmp_path: Path
) -> None:
    bodies = chat_bodies()
    network = body(bodies, "vnet-chat01")
    subnet = body(network["properties"]["subnets"], "snet-privateEndpoints")
    network["apiVersion"] = subnet["apiVersion"] = api_version
    if stated:
        subnet["properties"]["privateEndpointNetworkPolicies"] = stated

    (found,) = those(judged(bodies, tmp_path), "subnet-private-endpoints-filtered")
    assert found.status is VERDICTS[verdict]


def test_a_filter_whose_dates_are_not_stated_is_not_known_to_be_unchanged(tmp_path: Path) -> None:
    bodies = chat_bodies()
    del body(bodies, "blocking-filter")["systemData"]

    (found,) = those(judged(bodies, tmp_path), "openai-filter-unchanged-since-deployment")
    assert found.status is Status.UNKNOWN


def test_two_marks_of_the_development_profile_settle_it_whatever_else_is_unknown(tmp_path: Path) -> None:
    bodies = [one for one in chat_bodies() if one["type"] != "Microsoft.Network/publicIPAddresses"]
    body(bodies, "vnet-chat01")["properties"]["enableDdosProtection"] = False
    plan = next(one for one in bodies if one["type"] == "Microsoft.Web/serverfarms")
    plan |= {"sku": {"name": "S1"}, "properties": plan["properties"] | {"zoneRedundant": False}}

    (found,) = those(judged(bodies, tmp_path, complete=False), "workload-production-profile")
    assert found.status is Status.FAIL


def test_a_rule_is_silent_about_facts_of_another_kind(tmp_path: Path) -> None:
    account = {
        "id": f"{GROUP}/Microsoft.Storage/storageAccounts/st",
        "type": "Microsoft.Storage/storageAccounts",
        "name": "st",
        "location": "eastus2",
        "sku": {"name": "Standard_ZRS"},
        "properties": {},
    }
    (found,) = those(judged([account], tmp_path), "app-plan-zone-redundant")
    assert found.status is Status.NOT_APPLICABLE
    assert found.resource_id is None
    assert "nothing that this rule is about" in found.message


def test_where_is_for_facts_alone(tmp_path: Path) -> None:
    shipped = data.folder("rules") / "registry" / "registry-premium-sku.yaml"
    path = tmp_path / shipped.name
    text = shipped.read_text(encoding="utf-8")
    path.write_text(text.replace("registries}", "registries, where: {field: kind, equals: a}}"), encoding="utf-8")
    with pytest.raises(ContentError, match="'where' does not go with 'type' in applies"):
        load_rule(path, Words(in_force.catalogue(), kinds(), {}))
