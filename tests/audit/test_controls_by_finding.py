"""A finding names the controls of what it is about, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from auditor import resource_id as ids
from auditor import shipped
from auditor.model import Finding, Status
from tests.audit.judging import judged
from tests.estates.chat import chat_document

OWN = "openai-chat"
SERVICES = {
    "ACR": {"microsoft.containerregistry/registries"},
    "AGW": {
        "microsoft.network/applicationgateways",
        "microsoft.network/applicationgatewaywebapplicationfirewallpolicies",
        "microsoft.network/publicipaddresses",
    },
    "AML": {"microsoft.machinelearningservices/workspaces"},
    "AOAI": {"microsoft.cognitiveservices/accounts"},
    "APP": {"microsoft.web/sites", "microsoft.web/serverfarms", "microsoft.managedidentity/userassignedidentities"},
    "JMP": {
        "microsoft.compute/virtualmachines",
        "microsoft.network/bastionhosts",
        "microsoft.network/publicipaddresses",
    },
    "KV": {"microsoft.keyvault/vaults"},
    "SRCH": {"microsoft.search/searchservices"},
    "STOR": {"microsoft.storage/storageaccounts"},
    # controls of one service that ask about another, too: files for fine-tuning, the name that the gateway passes on
    "AOAI-FT-001": {"microsoft.cognitiveservices/accounts", "microsoft.storage/storageaccounts"},
    "AOAI-FT-002": {"microsoft.storage/storageaccounts"},
    "AGW-TLS-004": {"microsoft.network/applicationgateways", "microsoft.keyvault/vaults/secrets"},
    "APP-TLS-004": {"microsoft.network/applicationgateways"},
}
"""What the controls of a service, or one of them, may be about: resources of these types, or what lies below them."""


def _sample() -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads((shipped.folder("samples") / "chat.json").read_text(encoding="utf-8"))
    return document


ESTATES = {"chat": chat_document, "sample": _sample}


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("estate", sorted(ESTATES))
def test_no_finding_names_a_control_of_another_service(estate: str, *, complete: bool) -> None:
    foreign = [
        (finding.rule_id, finding.resource_id, control)
        for finding in judged(ESTATES[estate](), complete=complete).findings
        for control in finding.controls.get(OWN, ())
        if not _is_about(finding, SERVICES.get(control) or SERVICES.get(control.partition("-")[0]))
    ]
    assert foreign == []


def _is_about(finding: Finding, types: set[str] | None) -> bool:
    kind = (ids.type_of(finding.resource_id or "") or "").lower()
    if types is None or not kind or (finding.status is Status.UNKNOWN and finding.sub_object):
        return True  # of no service, of nothing in particular, or of something below that was not seen
    return any(kind == each or kind.startswith(f"{each}/") for each in types)


def test_a_row_of_the_role_table_answers_its_own_control_alone() -> None:
    rows = [
        finding
        for finding in judged(chat_document()).findings
        if finding.rule_id == "access-no-more-than-the-table" and finding.status is not Status.NOT_APPLICABLE
    ]
    assert rows
    for finding in rows:
        stated = next(leaf.actual for leaf in finding.evidence if leaf.path == "control")
        assert list(finding.controls[OWN]) == [stated]


def test_a_fault_of_names_is_one_of_its_service_alone() -> None:
    findings = [each for each in judged(chat_document()).findings if each.rule_id == "private-endpoint-name-resolves"]
    vaults = [each for each in findings if "Microsoft.KeyVault" in (each.resource_id or "")]
    assert vaults
    assert {control for each in vaults for control in each.controls[OWN]} == {"NET-DNS-001", "KV-NET-003"}
