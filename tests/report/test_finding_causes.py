"""A cause is what it says: whoever makes that change and no other has mended all that is filed under it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import estate, in_process, sample, storage

DENY = {
    "protocol": "*",
    "sourcePortRange": "*",
    "destinationPortRange": "*",
    "sourceAddressPrefix": "*",
    "destinationAddressPrefix": "*",
    "access": "Deny",
    "priority": 4096,
}


def judged(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Judge an export as the command line does, and return the report."""
    path = folder / "estate.json"
    path.write_text(json.dumps(document))
    ended = in_process("evaluate", path, "--complete", "-o", "json", "--no-include-passed", at=folder)
    assert ended.code in {0, 1, 2}, ended.err
    report: dict[str, Any] = ended.report
    return report


def mend(document: dict[str, Any], cause: dict[str, Any]) -> bool:
    """Make the change that a cause names; False where it is none of those that can be made here."""
    place, change = cause["resource_id"], cause["what"]
    (holder,) = [each for each in document["resources"] if each["id"].lower() == (place or "").lower()] or [None]
    if holder is None:
        return False
    rules = holder["properties"].get("securityRules", [])
    if change.startswith("security rule "):
        name = change.removeprefix("security rule ").partition(" on ")[0].partition("/")[2]
        rules[:] = [rule for rule in rules if rule["name"] != name]
    elif "rule that denies the rest" in change:
        direction = change.partition(" ")[0]
        rules[:] = [rule for rule in rules if rule["properties"]["priority"] != 4096]
        rules.append({"name": "deny-the-rest", "properties": {**DENY, "direction": direction}})
    elif change.startswith("role assignment "):
        document["resources"].remove(holder)
    else:
        return False
    return True


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return judged(sample(), tmp_path_factory.mktemp("before"))


KINDS = ("security rule Inbound/tmp-ssh-vendor", "security rule Inbound/allow-users-in", "Outbound rule that denies the rest",
         "Inbound rule that denies the rest", "role assignment id-assist-flow", "role assignment id-assist-aml")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_change_that_a_cause_names_mends_all_that_is_filed_under_it(
    kind: str, before: dict[str, Any], tmp_path: Path
) -> None:
    cause = next(each for each in before["causes"] if each["what"].startswith(kind))
    document = sample()
    assert mend(document, cause)
    still = {each["fingerprint"] for each in judged(document, tmp_path)["findings"] if each["status"] == "fail"}
    filed = {each["fingerprint"] for each in before["findings"] if each.get("cause", {}).get("id") == cause["id"]}
    assert len(filed) == cause["findings"]
    assert filed & still == set()


def test_several_rules_that_one_change_mends_have_one_cause(before: dict[str, Any]) -> None:
    rules_of = defaultdict(set)
    for each in before["findings"]:
        if each["status"] == "fail":
            rules_of[each["cause"]["what"]].add(each["rule_id"])
    assert rules_of["diagnostic settings on crassistsdc"] == {"diagnostics-sent-somewhere", "registry-logs-kept"}
    assert len(rules_of["content filter on oai-assist-sdc/playground"]) > 2
    assert len(rules_of["role assignment id-assist-flow → Owner"]) == 2
    assert len(rules_of["Outbound rule that denies the rest on nsg-assist-training"]) == 2


def test_a_setting_is_the_cause_where_a_property_decides(tmp_path: Path) -> None:
    path = estate(tmp_path, storage("st1", minimumTlsVersion="TLS1_0"), storage("st2", minimumTlsVersion="TLS1_0"))
    ended = in_process("evaluate", path, "--select", "storage-*", "-o", "json", at=tmp_path)
    causes = [each for each in ended.report["causes"] if each["what"].startswith("minimumTlsVersion")]
    assert [(each["what"], each["findings"]) for each in causes] == [
        ("minimumTlsVersion of st1", 1),
        ("minimumTlsVersion of st2", 1),
    ]


def test_no_cause_shows_a_field_of_a_fact_an_expression_or_a_rule_id(before: dict[str, Any]) -> None:
    for cause in before["causes"]:
        assert not cause["what"].startswith("[")
        assert not any(cause["what"].startswith(f"{rule} ") for rule in cause["rules"])
        assert "related(" not in cause["what"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("changes: 'the {name} of it'", "nothing fills '{name}' in what is changed"),
        ("changed_on: 'a['", "yaml:"),
    ],
)
def test_a_rule_that_says_wrongly_what_it_changes_is_refused(line: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own-tls.yaml").write_text(
        f"""id: own-tls
title: TLS 1.2
severity: high
rationale: Older ones are broken.
remediation: {{text: Raise it., {line}}}
references: [https://example.org]
controls: {{own: [T-1]}}
applies: {{type: Microsoft.Storage/storageAccounts}}
require: {{field: properties.minimumTlsVersion, equals: TLS1_2}}
examples:
  - name: new
    resource: {{properties: {{minimumTlsVersion: TLS1_2}}}}
    verdict: pass
  - name: old
    resource: {{properties: {{minimumTlsVersion: TLS1_0}}}}
    verdict: fail
"""
    )
    ended = in_process("rule", "test", "--rules", "rules", at=tmp_path)
    assert ended.code == 2
    assert complaint in ended.err
