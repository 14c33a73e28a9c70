"""Of two runs, what a later failure rests on beyond the earlier one is what was opened in between, and only that."""

from __future__ import annotations

import json
from typing import Any

from auditor.engine.accepted.finding_sets import from_document, grown
from auditor.model import LevelSets, OperationSets, PacketSet
from tests.audit.judging import judged, written
from tests.estates.draft import Change, Draft
from tests.estates.repaired import as_document, repaired
from tests.estates.repaired.network import add_rule


def _failures(*changes: Change) -> dict[str, dict[str, Any]]:
    draft = repaired()
    for change in changes:
        change(draft)
    report = json.loads(written(judged(as_document(draft)), "json"))
    return {one["fingerprint"]: one for one in report["findings"] if one["status"] == "fail"}


def _grown(earlier: dict[str, dict[str, Any]], later: dict[str, dict[str, Any]], rule: str) -> list[object]:
    both = [(one, earlier[key]) for key, one in later.items() if key in earlier and one["rule_id"] == rule]
    return [grown(from_document(new["rests_on"]), from_document(old["rests_on"])) for new, old in both]


def _opened(name: str, source: str, port: str, priority: int) -> Change:
    def make(draft: Draft) -> None:
        add_rule(draft, "nsg-jumpboxSubnet", "Inbound", (name, priority, "Allow", "Tcp", source, "*", port))

    return make


def test_one_more_opening_of_a_subnet_is_what_grew() -> None:
    before = _failures(_opened("one", "203.0.113.0/25", "22", 105))
    after = _failures(_opened("one", "203.0.113.0/25", "22", 105), _opened("two", "203.0.113.0/26", "22-23", 106))
    [packets] = _grown(before, after, "subnet-jump-box-inbound-restricted")
    assert isinstance(packets, PacketSet)
    [box] = packets.boxes
    assert (box.sources, box.protocols, box.ports) == (("203.0.113.0/26",), ("Tcp",), ("23",))


def test_the_same_opening_by_another_rule_is_nothing_new() -> None:
    before = _failures(_opened("one", "203.0.113.0/24", "22", 105))
    after = _failures(_opened("first", "203.0.113.0/25", "22", 105), _opened("second", "203.0.113.128/25", "22", 106))
    assert _grown(before, after, "subnet-jump-box-inbound-restricted") == [None]


def _threshold(category: str, threshold: str) -> Change:
    def make(draft: Draft) -> None:
        for policy in draft.of_type("Microsoft.CognitiveServices/accounts/raiPolicies"):
            for entry in policy["properties"]["contentFilters"]:
                if entry["name"].lower() == category and entry["source"] == "Prompt":
                    entry |= {"severityThreshold": threshold}
                    entry.pop("allowedContentLevel", None)

    return make


def test_a_filter_that_lets_more_through_has_grown() -> None:
    before, after = _failures(_threshold("hate", "Medium")), _failures(_threshold("hate", "High"))
    assert LevelSets((("hate (Prompt)", ("medium",)),)) in _grown(before, after, "openai-filter-harm-strict")


def test_what_a_role_assignment_permits_grows_with_its_role() -> None:
    def custom(*actions: str) -> Change:
        def make(draft: Draft) -> None:
            scope = draft.of_type("Microsoft.CognitiveServices/accounts")[0]["id"]
            subscription = "/".join(scope.split("/")[:3])
            identity = draft.of_type("Microsoft.ManagedIdentity/userAssignedIdentities")[0]
            role = (
                f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/9f1c0a52-0000-4000-8000-000000000001"
            )
            draft.add(
                {
                    "id": role,
                    "name": role.rpartition("/")[2],
                    "type": "Microsoft.Authorization/roleDefinitions",
                    "properties": {
                        "roleName": "Tuner",
                        "type": "CustomRole",
                        "assignableScopes": [subscription],
                        "permissions": [{"actions": list(actions), "notActions": []}],
                    },
                },
                {
                    "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/9f1c0a52-0000-4000-8000-000000000002",
                    "name": "9f1c0a52-0000-4000-8000-000000000002",
                    "type": "Microsoft.Authorization/roleAssignments",
                    "properties": {
                        "principalId": identity["properties"]["principalId"],
                        "principalType": "ServicePrincipal",
                        "roleDefinitionId": role,
                        "scope": scope,
                    },
                },
            )

        return make

    read, write = "Microsoft.CognitiveServices/accounts/deployments/read", "Microsoft.CognitiveServices/accounts/write"
    before, after = _failures(custom(read)), _failures(custom(read, write))
    new = [
        each
        for rule in ("access-app-and-gateway-no-further-roles", "access-machine-learning-no-further-roles")
        for each in _grown(before, after, rule)
    ]
    [operations] = new
    assert isinstance(operations, OperationSets)
    assert write.lower() in repr(operations)
    assert not any(
        _grown(after, before, rule) != [None]
        for rule in {one["rule_id"] for one in before.values() if one["rule_id"].endswith("-no-further-roles")}
    )


def test_two_runs_on_the_same_estate_differ_in_nothing() -> None:
    failures = _failures(_opened("one", "203.0.113.0/25", "22", 105), _threshold("hate", "Medium"))
    sets = [from_document(one["rests_on"]) for one in failures.values() if "rests_on" in one]
    assert {type(each) for each in sets} >= {PacketSet, LevelSets}
    assert [grown(each, each) for each in sets] == [None] * len(sets)
