"""What callers can use of an account, and what a platform keeps running, judged from what people send us."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_field_inputs import judged, service, statuses

FILTERS = [f"AOAI-CF-00{number}" for number in range(1, 8)]
_WEAK = {"AOAI-CF-001": {"fail"}, "AOAI-CF-002": {"fail"}}
ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/ai"


def changed(name: str, folder: Path, change: Mapping[str, Any], at: str) -> Path:
    """Write a case with some properties of the resource changed whose id ends so, and return where."""
    bodies = json.loads(service(name).read_text())
    for body in bodies:
        if body["id"].endswith(at):
            body["properties"] = {**body["properties"], **change}
    path = folder / "input.json"
    path.write_text(json.dumps(bodies))
    return path


@pytest.mark.parametrize("options", [(), ("--complete",)])
def test_no_filter_passes_in_front_of_a_partner_s_model(options: Sequence[str], tmp_path: Path) -> None:
    code, findings, _ = judged(service("h09"), tmp_path, *options)
    assert code == 2
    for control in FILTERS:
        assert "pass" not in statuses(findings, control, about="ai-a"), control
    assert statuses(findings, "AOAI-CF-002", about="deployments/c") == {"unknown"}


def test_the_same_filter_passes_in_front_of_a_model_of_openai_s(tmp_path: Path) -> None:
    model = {"model": {"format": "OpenAI", "name": "gpt-4o"}}
    _, findings, _ = judged(changed("h09", tmp_path, model, "deployments/c"), tmp_path, "--complete")
    assert statuses(findings, "AOAI-CF-001", about="deployments/c") == {"pass"}
    assert statuses(findings, "AOAI-CF-002", about="deployments/c") == {"pass"}


def test_models_without_a_deployment_are_judged_by_the_policy_that_the_account_names(tmp_path: Path) -> None:
    _, findings, _ = judged(service("h10"), tmp_path, "--complete")
    for control, right in _WEAK.items():
        assert statuses(findings, control, about="ai-b") == right
    told = [finding["message"] for finding in findings if "AOAI-CF-002" in finding["controls"].get("openai-chat", ())]
    assert all("without a deployment" in message for message in told)


def test_an_empty_list_of_such_models_gives_nothing_to_judge(tmp_path: Path) -> None:
    none = {"instant": {"raiPolicyName": "Microsoft.DefaultV2", "modelAllowList": []}}
    _, findings, _ = judged(changed("h10", tmp_path, none, "ai-b"), tmp_path, "--complete")
    assert statuses(findings, "AOAI-CF-002") == {"not_applicable"}


def test_a_default_policy_that_the_baseline_allows_is_bound(tmp_path: Path) -> None:
    allowed = ("--set", "allowed_default_filters=[Microsoft.DefaultV2]")
    _, findings, _ = judged(service("h10"), tmp_path, "--complete", *allowed)
    assert statuses(findings, "AOAI-CF-001", about="ai-b") == {"pass"}
    assert statuses(findings, "AOAI-CF-002", about="ai-b") == {"fail"}  # it lets low severity through all the same


def _deployment_in(workspace: Mapping[str, Any], egress: str | None, *others: Mapping[str, Any]) -> Sequence[Any]:
    endpoint = {"id": f"{workspace['id']}/onlineEndpoints/e", "properties": {"publicNetworkAccess": "Disabled"}}
    stated = {} if egress is None else {"egressPublicNetworkAccess": egress}
    deployment = {"id": f"{endpoint['id']}/deployments/blue", "kind": "Managed", "properties": stated}
    return [workspace, endpoint, deployment, *others]


def _workspace(name: str = "w", **properties: Any) -> Mapping[str, Any]:
    group = "/subscriptions/s/resourceGroups/rg"
    return {
        "id": f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}",
        "location": "eastus2",
        "properties": properties,
    }


_NONE, _MANAGED = _workspace(), _workspace(managedNetwork={"isolationMode": "AllowOnlyApprovedOutbound"})
_HUB = _workspace("hub", managedNetwork={"isolationMode": "AllowOnlyApprovedOutbound"})
_PROJECT = {**_workspace("p", hubResourceId=_HUB["id"]), "kind": "Project"}


@pytest.mark.parametrize(
    ("bodies", "right"),
    [
        (_deployment_in(_NONE, "Enabled"), "fail"),
        (_deployment_in(_NONE, None), "fail"),
        (_deployment_in(_NONE, "Disabled"), "pass"),
        (_deployment_in(_workspace(managedNetwork={"isolationMode": "Disabled"}), None), "fail"),
        (_deployment_in(_MANAGED, None), "pass"),
        (_deployment_in(_PROJECT, None, _HUB), "pass"),
        (_deployment_in(_PROJECT, None, {**_HUB, "properties": {}}), "fail"),
    ],
)
def test_a_deployment_without_a_managed_network_and_with_open_egress_fails(
    bodies: Sequence[Any], right: str, tmp_path: Path
) -> None:
    source = tmp_path / "input.json"
    source.write_text(json.dumps(bodies))
    _, findings, _ = judged(source, tmp_path, "--complete", "--select", "ml-deployment-egress-closed")
    assert statuses(findings, "AML-NET-009", about="deployments") == {right}
