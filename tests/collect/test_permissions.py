from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure.catalogue import shipped
from auditor.collect.operations import SHIPPED
from auditor.collect.options import Auth, CollectOptions
from auditor.collect.permissions import excessive_actions, is_allowed, needed_actions
from auditor.collect.run import preflight
from auditor.collect.scope import CollectScope
from auditor.collect.sources.references import FOLLOWED
from tests.checkout import ROOT
from tests.collect.conftest import QUICK, estate, resource
from tests.simulator.client import Simulator

ROLE = json.loads((ROOT / "docs" / "roles" / "auditor-reader.json").read_bytes())
GRANTED = [{"actions": ROLE["Actions"], "notActions": ROLE["NotActions"]}]
TOO_MUCH = excessive_actions(shipped())
READER = [{"actions": ["*/read"], "notActions": []}]


@pytest.mark.parametrize("action", needed_actions(SHIPPED))
def test_the_role_grants_what_we_call(action: str) -> None:
    assert is_allowed(action, GRANTED)


@pytest.mark.parametrize(
    "resource_type",
    sorted({*SHIPPED.needed_versions, *FOLLOWED, *SHIPPED.by_type} - {"microsoft.resources/resourcegroups"}),
)
def test_the_role_shows_the_types_that_we_look_at(resource_type: str) -> None:
    """Resource Graph shows a resource to those who may read it."""
    assert is_allowed(f"{resource_type}/read", GRANTED)


@pytest.mark.parametrize("action", TOO_MUCH)
def test_the_role_grants_neither_keys_nor_writing(action: str) -> None:
    assert not is_allowed(action, GRANTED)


def test_the_role_reads_and_nothing_else() -> None:
    assert all(action.endswith("/read") for action in ROLE["Actions"])
    assert ROLE["DataActions"] == []


def test_reader_is_found_to_reach_three_kinds_of_secrets() -> None:
    assert [action for action in TOO_MUCH if is_allowed(action, READER)] == [
        "Microsoft.DocumentDB/databaseAccounts/readonlykeys/read",
        "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read",
        "Microsoft.OperationalInsights/workspaces/sharedKeys/read",
    ]


@given(st.text(alphabet="aB./*", min_size=1), st.sampled_from(["Microsoft.Network/virtualNetworks/read", "a/b/read"]))
def test_not_actions_only_take_away(pattern: str, action: str) -> None:
    assert not is_allowed(action, [{"actions": ["*"], "notActions": [pattern]}]) or is_allowed(
        action, [{"actions": ["*"]}]
    )


@pytest.mark.parametrize("wrong", [None, "*/read", {"actions": "*"}, {"actions": [None, 3]}, {}])
def test_permissions_of_another_shape_grant_nothing(wrong: Any) -> None:
    assert not is_allowed("a/read", [wrong] if isinstance(wrong, dict) else [{"actions": wrong}])


@pytest.fixture
def examine(simulator: Simulator) -> Callable[[], Any]:
    options = CollectOptions(auth=Auth.MANAGED_IDENTITY, arm_endpoint=simulator.url, retry=QUICK)
    return lambda: preflight(CollectScope(), options)


def test_preflight_says_what_is_missing_and_what_is_too_much(simulator: Simulator, examine: Callable[[], Any]) -> None:
    permissions = [
        {"actions": ["*/read"], "notActions": ["Microsoft.Insights/*"]},
        {"actions": ["Microsoft.Storage/storageAccounts/*"], "notActions": []},
    ]
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/kv")), permissions=permissions)

    [rights] = (found := examine()).subscriptions

    assert "Microsoft.Insights/diagnosticSettings/read" in rights.missing
    assert all(action.startswith("Microsoft.Insights/") for action in rights.missing)
    assert "Microsoft.Storage/storageAccounts/listKeys/action" in rights.too_much
    assert not found.is_sufficient


def test_preflight_is_content_with_the_role(simulator: Simulator, examine: Callable[[], Any]) -> None:
    simulator.serve(estate(resource("Microsoft.KeyVault/vaults/kv")), permissions=GRANTED)

    found = examine()

    assert found.is_sufficient
    assert found.subscriptions[0].too_much == []
    assert found.identity.object_id == "00000000-0000-0000-0000-00000000aa01"


def test_preflight_does_not_guess_where_azure_does_not_say(simulator: Simulator, examine: Callable[[], Any]) -> None:
    simulator.serve(estate(), faults=[{"match": "/permissions\\?", "status": 403}])

    found = examine()

    assert not found.subscriptions[0].is_known
    assert not found.is_sufficient
