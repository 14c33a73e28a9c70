"""Which keys and secrets Azure Policy watches, by the assignments that reach each of them."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.analysis.key_rotation import ANALYSIS
from auditor.analysis.key_rotation.policies import PolicyWatch
from auditor.model import Gap
from auditor.yaml_source import load_file
from tests.analysis.conftest import SUBSCRIPTION, Make
from tests.checkout import BASELINE

GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
STORAGE_KEYS = "/providers/Microsoft.Authorization/policyDefinitions/044985bb-afe1-42cd-8a36-9d5d42424537"
SET = "/providers/Microsoft.Authorization/policySetDefinitions/keys"
ASSIGNMENTS = "Microsoft.Authorization/policyAssignments"
PARAMETERS = {
    name: parameter["default"]
    for name, parameter in load_file(BASELINE / "baseline.yaml").plain()["parameters"].items()
}
Body = dict[str, Any]


def storage(name: str, group: str = GROUP) -> Body:
    kind = "Microsoft.Storage/storageAccounts"
    return {"id": f"{group}/providers/{kind}/{name}", "name": name, "type": kind, "properties": {}}


def assigned(definition: str = STORAGE_KEYS, scope: str = SUBSCRIPTION, **properties: Any) -> Body:
    own_id = f"{scope}/providers/{ASSIGNMENTS}/watch"
    stated = {"policyDefinitionId": definition, "displayName": "Watch the keys", **properties}
    return {"id": own_id, "name": "watch", "type": ASSIGNMENTS, "properties": stated}


def initiative(*definitions: str) -> Body:
    members = [{"policyDefinitionId": definition} for definition in definitions]
    kind = "Microsoft.Authorization/policySetDefinitions"
    return {"id": SET, "name": "keys", "type": kind, "properties": {"policyDefinitions": members}}


def monitored(make: Make, *bodies: Body, watched: str = "storage", **options: Any) -> Any:
    context = make(bodies, parameters=PARAMETERS, **options)
    [found] = [each for each in ANALYSIS.run(context) if isinstance(each, PolicyWatch) and each.watched == watched]
    return found.monitored


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], False),
        ([assigned()], True),
        ([assigned(STORAGE_KEYS.upper())], True),
        ([assigned(enforcementMode="DoNotEnforce")], True),
        ([assigned(parameters={"effect": {"value": "disabled"}})], False),
        ([assigned("/providers/Microsoft.Authorization/policyDefinitions/another")], False),
        ([assigned(scope=GROUP.upper())], True),
        ([assigned(scope=f"{SUBSCRIPTION}/resourceGroups/rg-two")], False),
        ([assigned(notScopes=[GROUP])], False),
        ([assigned(scope="/providers/Microsoft.Management/managementGroups/mg")], True),
        ([assigned(SET), initiative(STORAGE_KEYS)], True),
        ([assigned(SET), initiative("/providers/Microsoft.Authorization/policyDefinitions/another")], False),
    ],
    ids=[
        "no assignment", "assigned", "letter case", "not enforced", "its effect is off", "another definition",
        "at the group", "at another group", "the group is left out", "at the management group above",
        "in an initiative", "in no member of the initiative",
    ],
)  # fmt: skip
def test_an_assignment_watches_what_it_reaches(make: Make, bodies: list[Body], *, expected: bool) -> None:
    assert monitored(make, storage("st"), *bodies) is expected


def test_an_initiative_that_was_not_read_may_watch_them(make: Make) -> None:
    found = monitored(make, storage("st"), assigned(SET))

    assert isinstance(found, Gap)
    assert found.permission == "Microsoft.Authorization/policySetDefinitions/read"


def test_assignments_that_were_not_read_may_watch_them(make: Make) -> None:
    gap = Gap(SUBSCRIPTION, ASSIGNMENTS, "forbidden", f"{ASSIGNMENTS}/read")

    assert monitored(make, storage("st"), gaps=[gap]) == gap
    assert monitored(make, storage("st"), assigned(), gaps=[gap]) is True


def test_every_resource_of_a_kind_has_to_be_reached(make: Make) -> None:
    elsewhere = storage("sttwo", f"{SUBSCRIPTION}/resourceGroups/rg-two")

    assert monitored(make, storage("st"), elsewhere, assigned(scope=GROUP)) is False


def test_a_definition_of_one_s_own_watches_the_keys_of_models(make: Make) -> None:
    kind = "Microsoft.CognitiveServices/accounts"
    account = {"id": f"{GROUP}/providers/{kind}/oai", "name": "oai", "type": kind, "kind": "OpenAI", "properties": {}}
    own = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/own"
    declared = {**PARAMETERS, "rotation_policies": {"aoai": [own]}}

    assert monitored(make, account, assigned(own), watched="aoai") is False
    context = make([account, assigned(own)], parameters=declared)
    [found] = [each for each in ANALYSIS.run(context) if isinstance(each, PolicyWatch)]
    assert found.monitored is True
