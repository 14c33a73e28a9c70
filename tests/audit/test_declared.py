"""What a baseline declares of services decides, without a rule being changed: on the estate of the tests, by `--set`."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import audit
from auditor.inputs import read
from auditor.model import Status
from auditor.rulebook import in_force
from auditor.rulebook.in_force import RuleSet, Selection
from tests.audit.judging import shipped
from tests.estates.chat import chat_bodies

_GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-chat/providers"
_DECLARED = (
    'image_registries=["mcr.microsoft.com"]',
    'aml_vm_skus=["Standard_DS3_v2"]',
    "flow_multi_region=true",
    "abuse_monitoring=exempted",
    'aoai_capacity={"min": 26}',
    'model_allow_list=[{"name": "gpt-4"}]',
    'version_upgrade_allowed=["NoAutoUpgrade"]',
    'aoai_deployment_types=["DataZoneStandard"]',
    "require_apim_gateway=true",
    "require_multi_region_aoai=true",
    'fine_tune_storage=["stchat01"]',
    'allowed_default_filters=["Microsoft.DefaultV2"]',
)


@cache
def _declared() -> RuleSet:
    return in_force.load(Selection(assignments=_DECLARED))


def statuses(
    rule: str, bodies: Sequence[Mapping[str, Any]], folder: Path, *, are_declared: bool = False
) -> set[Status]:
    """Return what one rule says of an estate, by the shipped baseline or with what is declared above."""
    path = folder / "estate.json"
    path.write_text(json.dumps({"complete": True, "resources": bodies}), encoding="utf-8")
    rules = shipped(rule)
    if are_declared:
        rules = replace(_declared(), in_force=[one for one in _declared().in_force if one.id == rule])
    return {finding.status for finding in audit.audit(read.read(str(path)), rules, audit.Terms(complete=True)).findings}


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("app-image-from-workload-registry", Status.FAIL, Status.PASS),
        ("ml-deployment-vm-size-as-declared", Status.NOT_APPLICABLE, Status.FAIL),
        ("ml-flow-hosting-zone-resilient", Status.FAIL, Status.PASS),
        ("openai-abuse-monitoring-as-declared", Status.PASS, Status.FAIL),
        ("openai-capacity-as-declared", Status.PASS, Status.FAIL),
        ("openai-models-as-declared", Status.PASS, Status.FAIL),
        ("openai-model-version-as-declared", Status.PASS, Status.FAIL),
        ("openai-deployment-type-as-declared", Status.NOT_APPLICABLE, Status.FAIL),
        ("openai-behind-api-management", Status.NOT_APPLICABLE, Status.FAIL),
        ("openai-second-region-behind-gateway", Status.NOT_APPLICABLE, Status.FAIL),
        ("storage-fine-tune-geo-redundant", Status.NOT_APPLICABLE, Status.FAIL),
    ],
)
def test_what_is_declared_decides(rule: str, before: Status, after: Status, tmp_path: Path) -> None:
    assert before in statuses(rule, chat_bodies(), tmp_path)
    assert after in statuses(rule, chat_bodies(), tmp_path, are_declared=True) - {before}


def test_a_filter_of_the_services_own_will_do_where_it_is_allowed_by_name(tmp_path: Path) -> None:
    bodies = [body for body in chat_bodies() if not body["id"].endswith("/raiPolicies/blocking-filter")]
    account = next(body["id"] for body in bodies if body["type"] == "Microsoft.CognitiveServices/accounts")
    for body in bodies:
        if body["type"] == "Microsoft.CognitiveServices/accounts/deployments":
            body["properties"]["raiPolicyName"] = "Microsoft.DefaultV2"
    own = {"id": f"{account}/raiPolicies/Microsoft.DefaultV2", "name": "Microsoft.DefaultV2"}
    kind = "Microsoft.CognitiveServices/accounts/raiPolicies"
    bodies.append({**own, "type": kind, "properties": {"type": "SystemManaged", "contentFilters": []}})

    rule = "openai-deployment-filter-bound"
    assert statuses(rule, bodies, tmp_path) == {Status.FAIL}
    assert statuses(rule, bodies, tmp_path, are_declared=True) == {Status.PASS}


def _second_account(bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy of the account and its deployments in another region, and API Management in front of both."""
    parts = [body for body in bodies if body["type"].lower().startswith("microsoft.cognitiveservices/accounts")]
    twins = json.loads(json.dumps(parts).replace("oai-chat01", "oai-chat02").replace("oaichat01", "oaichat02"))
    for twin in twins:
        twin.get("properties", {}).pop("privateEndpointConnections", None)
        if "location" in twin:
            twin["location"] = "westus3"
    apim = f"{_GROUP}/Microsoft.ApiManagement/service/apim"
    hosts = [one["properties"]["endpoint"] for one in (*parts, *twins) if "endpoint" in one.get("properties", {})]
    kind = "Microsoft.ApiManagement/service"
    backends = [
        {
            "id": f"{apim}/backends/b{number}",
            "name": f"b{number}",
            "type": f"{kind}/backends",
            "properties": {"url": host},
        }
        for number, host in enumerate(hosts)
    ]
    return [*twins, {"id": apim, "name": "apim", "type": kind, "location": "eastus2", "properties": {}}, *backends]


@pytest.mark.parametrize("rule", ["openai-second-region-behind-gateway", "openai-model-behind-gateway-twice"])
def test_a_second_region_counts_where_a_gateway_leads_to_it(rule: str, tmp_path: Path) -> None:
    bodies = [*chat_bodies(), *_second_account(chat_bodies())]
    assert statuses(rule, bodies, tmp_path, are_declared=True) == {Status.PASS}

    alone = copy.deepcopy([body for body in bodies if not body["id"].endswith("/backends/b1")])
    assert statuses(rule, alone, tmp_path, are_declared=True) == {Status.FAIL}
