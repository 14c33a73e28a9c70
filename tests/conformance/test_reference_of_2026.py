"""The reference implementation of 2026 by its own edition: where it departs from its article, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache

import pytest

from auditor import audit
from auditor.inputs import read
from auditor.model import Report, Status
from auditor.rulebook import in_force
from tests.conformance.material import SHARED

ESTATE = SHARED / "data/reference-estate/2026-07.json"
_TERMS = audit.Terms(complete=True, as_of=datetime(2026, 7, 16, 12, tzinfo=UTC))


@cache
def report() -> Report:
    return audit.audit(read.read(str(ESTATE)), in_force.load(in_force.Selection("foundry-chat")), _TERMS)


def _told(status: Status) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for each in report().findings:
        if each.status is status:
            name = (each.resource_id or "").rpartition("/")[2]
            told.setdefault(each.rule_id, set()).add(f"{name} {each.sub_object}".strip())
    return told


# the deviations that its makers and the article leave open: control, rule, and what it is told of
DEVIATIONS = {
    "DEV26-01": ("COS-REL-001", "cosmos-zone-redundant", {"cdb-ai-agent-threads-chat01"}),
    "DEV26-02": ("NET-DDOS-001", "vnet-ddos-protection-on", {"vnet-workload"}),
    "DEV26-03": ("NET-UDR-001", "subnet-egress-forced", {"snet-appServicePlan"}),
    "DEV26-04": ("AOAI-REL-003", "models-spill-over", {"aifchat01"}),
    "DEV26-05": (
        "NET-FW-002",
        "firewall-lets-out-declared-only",
        {f"fw-egress subnet/{role} of aifchat01" for role in ("agents-egress", "jump-box")},
    ),
    "DEV26-06": ("AGT-CON-003", "connection-keys-in-own-vault", {"aifchat01"}),
    "DEV26-07": (
        "NET-NSG-017",
        "subnet-rest-denied-explicitly",
        {
            "snet-appServicePlan Inbound",
            "snet-appServicePlan Outbound",
            "snet-appGateway Outbound",
            "snet-jumpBoxes Inbound",
            "snet-buildAgents Inbound",
        },
    ),
    "DEV26-08": ("IAM-MI-002", "identity-needed", {"ais-ai-agent-vector-store-chat01"}),
    "DEV26-09": (
        "NET-NSG-010",
        "subnet-build-agents-as-in-table",
        {"snet-buildAgents Inbound", "snet-buildAgents Outbound"},
    ),
    "DEV26-11": ("KV-SEC-001", "keyvault-purge-protection-on", {"kv-chat01"}),
    "DEV26-11b": ("KV-SEC-005", "keyvault-deployment-access-off", {"kv-chat01"}),
    "DEV26-12": ("GW-REL-002", "gateway-minimum-instances", {"agw-chat01"}),
    "DEV26-13": (
        "IAM-RBAC-035",
        "access-rows-not-exceeded",
        {"app-chat01 Foundry User on foundry-account aifchat01"},
    ),
}
STANDING = ("access-keys-for-the-workload-only", "access-no-standing-data-roles", "cosmos-data-roles-of-project-only")
# what the article asks for besides, and the implementation leaves to whoever deploys it
ASKED = {
    "account-defender-plans-on",
    "app-deployment-slot-exists",
    "app-health-check-set",
    "app-plan-scales-both-ways",
    "autoscale-follows-own-metric",
    "bastion-zone-redundant",
    "diagnostics-sent-somewhere",
    "gateway-health-probes-mind-refusals",
    "gateway-host-name-kept",
    "keyvault-secret-expiry-set",
    "monitor-alert-on-key-resource",
    "network-logs-kept",
    "openai-outbound-hosts-as-declared",
    "openai-usage-alert-set",
    "policy-watches-key-age",
    "resource-group-budget-alerts",
    "search-load-alert-set",
    "subnet-agents-in-use",
    "subnet-app-service-inbound-restricted",
    "subnet-app-service-outbound-restricted",
    "subnet-bastion-rule-set",
    "subnet-gateway-control-plane-restricted",
    "subnet-gateway-outbound-restricted",
    "subnet-jump-box-inbound-restricted",
    "vm-encryption-at-host-on",
    "workload-changed-by-pipelines",
}
LACKING = {
    "access-no-guests",  # the directory
    "access-principals-exist",
    "app-users-signed-in",  # the file has no authentication settings,
    "keyvault-gateway-certificate-not-near-expiry",  # no expiry of the certificate,
    "log-analytics-cap-declared",  # no metric of the workspace,
    "openai-filter-jailbreak-blocks",  # and not what the service's own filter holds
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_is_found_by_its_control(name: str) -> None:
    control, rule, told = DEVIATIONS[name]
    assert _told(Status.FAIL)[rule] == told
    failing = [each for each in report().findings if each.rule_id == rule and each.status is Status.FAIL]
    assert all(control in each.controls["foundry-chat"] for each in failing)


def test_the_standing_rights_of_whoever_deployed_it_are_found() -> None:
    told = {name for rule in STANDING for name in _told(Status.FAIL)[rule]}
    assert len({each.partition(" ")[0] for each in told}) == 6


def test_nothing_else_fails_but_what_the_article_asks_for() -> None:
    assert set(_told(Status.FAIL)) == {rule for _, rule, _ in DEVIATIONS.values()} | {*STANDING, *ASKED}


def test_nothing_is_unknown_but_the_directory_and_what_the_file_lacks() -> None:
    assert set(_told(Status.UNKNOWN)) == LACKING


def test_all_that_is_required_is_bound() -> None:
    rules = ("workload-component-present", "workload-subnet-present")
    bound = [each for each in report().findings if each.rule_id in rules]
    assert {each.status for each in bound} == {Status.PASS}
    assert len({each.component for each in bound}) == 31
    how = {each.component: {one.path: one.actual for one in each.evidence} for each in bound}
    assert how["agent-storage"]["lacking"] == []
    assert how["agent-storage"]["resources[0].how"] == "structure"


def test_each_control_of_the_edition_stands_under_the_baseline_s_own_name() -> None:
    names = json.loads(json.dumps(sorted({name for each in report().findings for name in each.controls})))
    assert "foundry-chat" in names
    assert "openai-chat" not in names
