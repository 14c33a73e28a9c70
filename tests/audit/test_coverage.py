"""The report proves how complete the audit is: what was looked at, what each control rests on, what leaves it open."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from auditor import audit
from auditor.inputs import read
from auditor.model import ControlCoverage, Coverage, Gap, OpenGap, Report, Status
from auditor.report.documents.report_document import schema
from tests.audit.judging import judged, shipped, written
from tests.checkout import SAMPLE
from tests.e2e.command import sample

_ACCOUNTS = "Microsoft.CognitiveServices/accounts"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"

# What is not read: the type, or the resource of which it is; the type or property; a control that it leaves open.
_FACTS = (
    ("/", "Microsoft.Authorization/roleAssignments", "IAM-RBAC-001"),
    ("/", "Microsoft.Authorization/roleDefinitions", "IAM-RBAC-012"),
    (_ACCOUNTS, f"{_ACCOUNTS}/deployments", "AOAI-CF-002"),
    (_ACCOUNTS, f"{_ACCOUNTS}/raiPolicies", "AOAI-CF-005"),
    ("/", "Microsoft.KeyVault/vaults/secrets", "KV-SEC-002"),
    (_WORKSPACES, f"{_WORKSPACES}/computes", "AML-NET-010"),
    (_WORKSPACES, f"{_WORKSPACES}/outboundRules", "AML-NET-005"),
    ("/", f"{_WORKSPACES}/onlineEndpoints/deployments", "AML-REL-001"),
    ("/", "Microsoft.Insights/autoscalesettings", "APP-REL-003"),
    ("Microsoft.Network/networkSecurityGroups", "Microsoft.Network/networkSecurityGroups", "NET-LATERAL-001"),
    ("/", "Microsoft.Network/networkInterfaces", "NET-ENTRY-002"),
    ("/", "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "AML-NET-002"),
    ("/", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "ACR-NET-002"),
    ("/", "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies", "AGW-SEC-003"),
    ("/", "Microsoft.Network/publicIPAddresses", "NET-DDOS-001"),
    ("/", "Microsoft.Web/sites/config", "APP-TLS-002"),
    ("/", "Microsoft.Web/sites/basicPublishingCredentialsPolicies", "APP-IAM-003"),
    ("/", "Microsoft.Storage/storageAccounts/blobServices", "STOR-IAM-001"),
    ("Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", "STOR-TLS-001"),
    (_ACCOUNTS, "properties.publicNetworkAccess", "AOAI-NET-001"),
    ("Microsoft.KeyVault/vaults", "properties.enablePurgeProtection", "KV-SEC-001"),
    ("Microsoft.Network/virtualNetworks", "properties.enableDdosProtection", "NET-DDOS-001"),
)


def _gap(scope: str, what: str, permission: str = "needed/read") -> dict[str, str]:
    return {"scope": scope, "what": what, "reason": "forbidden", "permission": permission}


def _first(resource_type: str) -> str:
    ids = (body["id"] for body in sample()["resources"] if body["type"].lower() == resource_type.lower())
    return str(next(ids))


def _without(scope: str, what: str) -> dict[str, Any]:
    """Return the sample without what lies at a scope and has a type; properties stay, as a masked one would."""
    document = sample()
    document["resources"] = [
        body
        for body in document["resources"]
        if body["type"].lower() != what.lower() or not body["id"].lower().startswith(scope.lower())
    ]
    return {**document, "gaps": [_gap(scope, what)]}


@cache
def _whole() -> Report:
    return judged(sample())


def _control(coverage: Coverage, name: str) -> ControlCoverage:
    (control,) = [each for each in coverage.controls if (each.framework, each.id) == ("openai-chat", name)]
    return control


def _of(coverage: Coverage, gap: Gap) -> OpenGap:
    (open_gap,) = [each for each in coverage.gaps if each.gap == gap]
    return open_gap


@pytest.mark.parametrize(("owner", "what", "control"), _FACTS)
def test_a_fact_that_was_not_read_is_named_with_the_control_that_it_leaves_open(
    owner: str, what: str, control: str
) -> None:
    report = judged(_without(owner if owner == "/" else _first(owner), what))
    (gap,) = report.gaps
    named = _of(report.coverage, gap)
    assert named.settled_by == "grant needed/read"
    assert ("openai-chat", control) in named.controls
    assert named in _control(report.coverage, control).gaps
    assert _control(report.coverage, control).by_status[Status.UNKNOWN] > 0
    assert _control(_whole().coverage, control).gaps == []
    shown = json.loads(written(report, "json"))["coverage"]
    (listed,) = [each for each in shown["controls"] if each["control"] == control]
    assert (what, [gap.scope], "grant needed/read") in [
        (each["what"], each["where"], each["settled_by"]) for each in listed["open"]
    ]


def test_an_answer_says_what_it_rests_on() -> None:
    control = _control(_whole().coverage, "AOAI-CF-002")
    assert control.rules == ["openai-filter-harm-strict"]
    assert control.judged == {f"{_ACCOUNTS}/deployments": 3}
    assert control.evidence == [_ACCOUNTS, f"{_ACCOUNTS}/raiPolicies"]
    assert control.facts == ["content_filter.deployment"]


def test_the_worst_finding_is_the_status_of_a_control() -> None:
    findings = _whole().findings
    for control in _whole().coverage.controls:
        own = [each for each in findings if control.id in each.controls.get(control.framework, ())]
        statuses = {each.status for each in own}
        worst = next(
            each for each in (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE) if each in statuses
        )
        assert control.status is worst
        assert sum(control.by_status.values()) == len(own)
        assert set(control.rules) == {each.rule_id for each in own}


def test_every_rule_in_force_stands_under_its_controls_and_the_baseline_comes_first() -> None:
    coverage, rules = _whole().coverage, _whole().rules
    stated = {
        (framework, control)
        for rule in rules.values()
        for framework in rule.controls
        for control in rule.controls[framework]
    }
    assert {(each.framework, each.id) for each in coverage.controls} == stated
    assert coverage.controls[0].framework == "openai-chat"


def test_each_resource_counts_once_and_what_nobody_asked_for_was_not_looked_at() -> None:
    types = _whole().coverage.types
    assert sum(each.collected for each in types) == _whole().resources
    assert all(each.collected == each.judged + each.used_as_evidence + each.not_looked_at for each in types)
    by_name = {each.name: each for each in types}
    assert by_name[_ACCOUNTS].judged == 1
    assert by_name["Microsoft.Network/networkInterfaces"].used_as_evidence == 12
    assert by_name["Microsoft.Compute/disks"].not_looked_at == 1


@pytest.mark.parametrize("what", ["Microsoft.Portal/dashboards", "Microsoft.Insights/workbooks"])
def test_what_was_not_looked_at_changes_no_answer_when_it_is_not_read(what: str) -> None:
    report = judged(_without("/", what))
    named = _of(report.coverage, report.gaps[0])
    assert (named.findings, named.rules, named.controls) == (0, [], [])
    assert any("no answer depends" in notice and what in notice for notice in report.notices)


def test_a_type_of_which_nothing_was_read_is_listed_with_its_gaps() -> None:
    types = judged(_without("/", "Microsoft.KeyVault/vaults/secrets")).coverage.types
    (secrets,) = [each for each in types if each.name == "Microsoft.KeyVault/vaults/secrets"]
    assert (secrets.collected, secrets.gaps) == (0, 1)


def test_a_rule_that_judged_nothing_says_why() -> None:
    report = _whole()
    answered = {each.rule_id for each in report.findings if each.status is not Status.NOT_APPLICABLE}
    assert report.coverage.unmet.keys() == report.rules.keys() - answered
    assert all("not apply" in reason for reason in report.coverage.unmet.values())


def test_the_permission_that_settles_the_most_comes_first() -> None:
    document = _without("/", "Microsoft.KeyVault/vaults/secrets")
    document["gaps"] = [
        _gap("/", "Microsoft.KeyVault/vaults/secrets", "few/read"),
        _gap("/", "Microsoft.Authorization/roleAssignments", "many/read"),
    ]
    grants = judged(document).coverage.grants
    assert [each.permission for each in grants] == ["many/read", "few/read"]
    assert grants[0].settles > grants[1].settles > 0


def test_an_export_that_does_not_say_that_it_is_complete_is_an_open_inventory() -> None:
    document = {**sample(), "complete": False}
    (gap,) = judged(document, complete=False).coverage.inventory
    assert "--complete" in gap.settled_by
    assert not judged(document, complete=True).coverage.inventory


def test_the_csv_holds_each_control_and_what_leaves_it_open() -> None:
    what = f"{_ACCOUNTS}/deployments"
    report = judged(_without(_first(_ACCOUNTS), what))
    rows = list(csv.DictReader(io.StringIO(written(report, "coverage"), newline="")))
    sections = {row["section"] for row in rows}
    assert sections == {"permission", "type", "control", "open", "rule", "gap"}
    (control,) = [row for row in rows if row["section"] == "control" and row["control"] == "AOAI-CF-002"]
    assert control["status"] == "unknown"
    left_open = [row for row in rows if row["section"] == "open" and row["control"] == "AOAI-CF-002"]
    assert [(row["what"], row["settled_by"]) for row in left_open] == [(what, "grant needed/read")]
    assert sum(row["section"] == "type" for row in rows) == len(report.coverage.types)


def test_the_coverage_does_not_depend_on_whether_passes_are_explained() -> None:
    terms = audit.Terms(clock=datetime(2024, 3, 1, tzinfo=UTC), explain_passes=False)
    assert audit.audit(read.read(SAMPLE), shipped(), terms).coverage == _whole().coverage


def test_the_published_schema_accepts_the_coverage() -> None:
    report = judged(_without("/", "Microsoft.KeyVault/vaults/secrets"), complete=False)
    Draft202012Validator(schema()).validate(json.loads(written(report, "json")))
