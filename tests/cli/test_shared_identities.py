"""Web apps that run as one identity share all that it may do, whether or not they are parts of a workload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_access_findings import findings
from tests.e2e.command import GROUP, in_process
from tests.estates.access import Bodies, chat_by_id, place

Body = dict[str, Any]
_RULE = "app-identity-not-shared"
_IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"


def _site(name: str, *, slot: str = "", **identity: Any) -> Body:
    kind = "Microsoft.Web/sites"
    at = f"{GROUP}/providers/{kind}/{name}"
    body = {"id": f"{at}/slots/{slot}" if slot else at, "name": slot or name, "type": f"{kind}/slots" if slot else kind}
    return {**body, "kind": "app", "location": "westeurope", "properties": {}, "identity": identity}


def _runs_as(identity: str) -> Body:
    return {"type": "UserAssigned", "userAssignedIdentities": {identity: {"principalId": "P"}}}


_SHARED, _OTHER_CASE = _runs_as(_IDENTITY), _runs_as(_IDENTITY.replace("resourceGroups", "resourcegroups"))
_OWN = {"type": "SystemAssigned", "principalId": "Q"}


@pytest.mark.parametrize(
    ("sites", "right"),
    [
        ([_site("a", **_SHARED), _site("b", **_SHARED)], {"a": "fail", "b": "fail"}),
        ([_site("a", **_SHARED), _site("b", **_OTHER_CASE)], {"a": "fail", "b": "fail"}),
        ([_site("a", **_SHARED), _site("b", **_OWN)], {"a": "pass", "b": "pass"}),
        ([_site("a", **_SHARED), _site("a", slot="s", **_SHARED)], {"a": "pass", "s": "pass"}),
        ([_site("a", **_SHARED), _site("b", slot="s", **_SHARED)], {"a": "fail", "s": "fail"}),
    ],
    ids=["both", "in another case", "one its own", "its slot", "a slot of another"],
)
def test_apps_outside_of_a_workload_share_an_identity_too(sites: list[Body], right: Body, tmp_path: Path) -> None:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    identity = {
        "id": _IDENTITY,
        "name": "id",
        "type": kind,
        "location": "westeurope",
        "properties": {"principalId": "P"},
    }
    (tmp_path / "in.json").write_text(json.dumps([identity, *sites]))
    words = ["in.json", "--complete", "--include-passed", "-o", "json", "--select", _RULE]
    found = in_process("evaluate", *words, at=tmp_path).findings

    assert {one["resource_id"].rpartition("/")[2]: one["status"] for one in found} == right


def test_an_app_that_no_workload_has_shares_the_identity_of_a_part(tmp_path: Path) -> None:
    def join(bodies: Bodies) -> None:
        own = bodies[place("gateway")]["identity"]
        bodies["other"] = _site("other", **own)

    told = {one["resource_id"]: one for one in findings(join, tmp_path, _RULE)}
    assert chat_by_id()[place("gateway")]["id"] in {key for key, one in told.items() if one["status"] == "fail"}


@pytest.mark.parametrize("identity", ["@{type=UserAssigned; principalId=}", "SystemAssigned"])
def test_a_text_in_place_of_an_identity_was_not_read(identity: str, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps([{**_site("a"), "identity": identity}]))
    words = ["in.json", "--complete", "--include-passed", "-o", "json", "--select", "app-user-assigned-identity"]
    found = in_process("evaluate", *words, at=tmp_path).findings

    assert {one["status"] for one in found} == {"unknown"}
