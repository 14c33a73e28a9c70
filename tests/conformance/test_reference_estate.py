"""What the reference implementation is told, as Microsoft's templates deploy it: its failures in full, and its merits."""

from __future__ import annotations

import json
from functools import cache

from auditor.model import Finding, Report, Status
from auditor.report.selection import short_name
from tests.audit.judging import architecture, judged
from tests.checkout import ROOT
from tests.conformance.material import reference_file

_APPS = ("app-chat01", "app-chat01-pf")
_PLAN = "asp-app-chat01ijdke7bomwqr6"
_SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
_SECRETS = ("apiKey", "chatApiKey", "gateway-public-cert", "openai-key")
_GUARDED = (
    "agents", "appGateway", "appServices", "bastion", "jumpbox", "privateEndpoints", "scoring", "training"
)  # fmt: skip
_UNLOGGED = (*(f"nsg-{name}Subnet" for name in _GUARDED), "pip-ab-chat01", "pip-chat01", "vnet-chat01")
_UNWATCHED = (*_APPS, "agw-chat01", "kv-chat01", "mlw-chat01/ept-chat01", "oai-chat01", "stchat01", "stmlchat01")

FAILURES = {
    *(("app-basic-auth-off", f"{app}/{way}", "") for app in _APPS for way in ("ftp", "scm")),
    *(("app-deployment-slot-exists", app, "") for app in _APPS),
    *(("app-end-to-end-encryption", app, "") for app in _APPS),
    *(("app-health-check-set", f"{app}/web", "") for app in _APPS),
    *(("app-https-only", app, "") for app in _APPS),
    ("app-image-from-workload-registry", "app-chat01-pf/web", ""),
    ("app-image-tag-pinned", "app-chat01-pf/web", ""),
    ("app-plan-scales-both-ways", _PLAN, ""),
    ("bastion-zone-redundant", "ab-chat01", ""),
    ("gateway-health-probes-mind-refusals", "agw-chat01", ""),
    ("gateway-host-name-kept", "agw-chat01", ""),
    ("app-service-defender-on", _PLAN, ""),
    ("autoscale-follows-own-metric", f"{_PLAN}-autoscale", ""),
    *(("diagnostics-sent-somewhere", name, "") for name in _UNLOGGED),
    ("keyvault-deployment-access-off", "kv-chat01", ""),
    ("keyvault-public-network-access-off", "kv-chat01", ""),
    ("keyvault-purge-protection-on", "kv-chat01", ""),
    *(("keyvault-secret-expiry-set", f"kv-chat01/{secret}", "") for secret in _SECRETS),
    ("keyvault-secret-in-use", "kv-chat01/apiKey", ""),
    ("ml-deployment-autoscaled", "mlw-chat01/ept-chat01/ept-chat01", ""),
    ("ml-flow-hosting-zone-resilient", "mlw-chat01/ept-chat01", ""),
    ("ml-outbound-hosts-allowed", "mlw-chat01", "wikipedia"),
    ("ml-workspace-datastores-use-identity", "mlw-chat01", ""),
    ("openai-outbound-hosts-as-declared", "oai-chat01", ""),
    ("registry-export-off", "crchat01", ""),
    *(("storage-copies-stay-in-tenant", account, "") for account in ("stchat01", "stmlchat01")),
    *(("policy-watches-key-age", _SUBSCRIPTION, watched) for watched in ("kv_secret", "storage")),
    *(("policy-watches-service-keys", _SUBSCRIPTION, watched) for watched in ("aml_endpoint", "aoai")),
    ("ml-endpoint-monitored", "mlw-chat01/ept-chat01", ""),
    ("ml-outbound-hosts-allowed", "mlw-chat01", "wikipedia"),
    ("ml-workspace-datastores-use-identity", "mlw-chat01", ""),
    *(("monitor-alert-on-key-resource", name, "") for name in _UNWATCHED),
    *(("network-logs-kept", name, "") for name in _UNLOGGED),
    ("openai-usage-alert-set", "oai-chat01", ""),
    ("resource-group-budget-alerts", "rg-chat", ""),
    ("resource-group-governed-by-policy", "rg-chat", ""),
    *(("storage-key-expiration-policy", account, "") for account in ("stchat01", "stmlchat01")),
    *(("storage-public-network-access-off", account, "") for account in ("stchat01", "stmlchat01")),
    ("subnet-agents-in-use", "vnet-chat01/snet-agents", ""),
    ("subnet-private-endpoints-filtered", "vnet-chat01/snet-privateEndpoints", ""),
    ("vm-encryption-at-host-on", "vm-jmp-chat01", ""),
    *(("workload-changed-by-pipelines", f"mlw-chat01/{name}", "") for name in ("ept-chat01", "ept-chat01/ept-chat01")),
    ("workload-changed-by-pipelines", "oai-chat01/gpt35", ""),
    ("workload-component-present", "mlw-chat01", "search"),
}
UNKNOWN = {
    *(("app-users-signed-in", app, "Microsoft.Web/sites/config/authsettingsV2") for app in _APPS),
    ("keyvault-key-copy-current", "mlw-chat01/ept-chat01", "chatApiKey"),
    ("keyvault-key-copy-current", "oai-chat01", "openai-key"),
    ("keyvault-gateway-certificate-not-near-expiry", "kv-chat01/gateway-public-cert", ""),
}
"""The file lacks the authentication of the apps, which Azure always has, and the activity log; its certificate has no end."""
MERITS = {
    ("app-plan-zone-redundant", _PLAN, ""),
    *(("app-private-endpoint-works", app, "sites") for app in _APPS),
    ("keyvault-private-endpoint-works", "kv-chat01", "vault"),
    ("ml-workspace-outbound-approved-only", "mlw-chat01", ""),
    ("ml-workspace-private-endpoint-works", "mlw-chat01", "amlworkspace"),
    ("ml-workspace-public-network-access-off", "mlw-chat01", ""),
    *(("ml-endpoint-keys-rotated", "mlw-chat01/ept-chat01", key) for key in ("primary", "secondary")),
    *(("openai-keys-rotated", "oai-chat01", key) for key in ("key1", "key2")),
    ("openai-deployment-filter-bound", "oai-chat01/gpt35", ""),
    ("openai-filter-harm-strict", "oai-chat01/gpt35", ""),
    ("openai-filter-jailbreak-blocks", "oai-chat01/gpt35", ""),
    ("openai-filter-profanity-blocks", "oai-chat01/gpt35", ""),
    ("openai-private-endpoint-works", "oai-chat01", "account"),
    ("openai-public-network-access-off", "oai-chat01", ""),
    *(("private-endpoint-connection-approved", f"pep-{app}", f"{app}/sites") for app in _APPS),
    ("private-endpoint-connection-approved", "pep-blob-stmlchat01", "stmlchat01/blob"),
    ("private-endpoint-connection-approved", "pep-crchat01", "crchat01/registry"),
    ("private-endpoint-connection-approved", "pep-file-stmlchat01", "stmlchat01/file"),
    ("private-endpoint-connection-approved", "pep-kv-chat01", "kv-chat01/vault"),
    ("private-endpoint-connection-approved", "pep-mlw-chat01", "mlw-chat01/amlworkspace"),
    ("private-endpoint-connection-approved", "pep-oai-chat01", "oai-chat01/account"),
    ("private-endpoint-connection-approved", "pep-stchat01", "stchat01/blob"),
    ("registry-private-endpoint-works", "crchat01", "registry"),
    ("storage-private-endpoint-works", "stchat01", "blob"),
    ("storage-private-endpoint-works", "stmlchat01", "blob"),
    ("storage-private-endpoint-works", "stmlchat01", "file"),
}


@cache
def _report() -> Report:
    return judged(json.loads(reference_file().read_text(encoding="utf-8")), *architecture())


def _named(status: Status) -> set[tuple[str, str, str]]:
    return {_name(one) for one in _report().findings if one.status is status}


def _name(finding: Finding) -> tuple[str, str, str]:
    return finding.rule_id, short_name(finding.resource_id or ""), finding.sub_object


def test_it_fails_exactly_here() -> None:
    assert _named(Status.FAIL) == FAILURES


def test_it_passes_where_it_follows_the_architecture() -> None:
    assert MERITS - _named(Status.PASS) == set()


def test_what_the_file_lacks_is_unknown_and_no_rule_is_silent() -> None:
    assert _named(Status.UNKNOWN) == UNKNOWN
    assert {one.rule_id for one in _report().findings} == set(architecture())


def test_each_failure_shows_its_evidence_and_what_to_do() -> None:
    for finding in _report().findings:
        if finding.status is Status.FAIL:
            assert finding.evidence, finding.rule_id
            assert _report().rules[finding.rule_id].remediation, finding.rule_id
            assert finding.message.endswith("."), finding.message
            assert "\n" not in finding.message


def test_the_report_holds_every_rule_in_force_with_the_line_that_it_starts_at() -> None:
    report = _report()
    assert {finding.rule_id for finding in report.findings} <= report.rules.keys()
    for rule in report.rules.values():
        text = (ROOT / rule.file).read_text(encoding="utf-8").splitlines()
        assert text[rule.line - 1] == f"id: {rule.id}"
        assert rule.title
        assert rule.rationale
        assert rule.remediation


def test_a_failure_tells_a_missing_component_from_a_wrong_one() -> None:
    absent = {finding.rule_id for finding in _report().findings if finding.is_absence}
    assert absent == {"workload-component-present"}
