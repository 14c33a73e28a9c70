"""What lies around a part of a resource decides about it, though the row between the two was not exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, in_process

Body = dict[str, Any]
_ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st"
_WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"


def _resource(place: str, kind: str, properties: Body) -> Body:
    name = place.rpartition("/")[2]
    return {"id": place, "name": name, "type": kind, "location": "westeurope", "properties": properties}


def _judged(folder: Path, rule: str, *bodies: Body, options: tuple[str, ...] = ("--complete",)) -> list[str]:
    (folder / "in.json").write_text(json.dumps(bodies))
    ended = in_process("evaluate", "in.json", *options, "--select", rule, "--include-passed", "-o", "json", at=folder)
    return [one["status"] for one in ended.findings]


@pytest.mark.parametrize(
    ("says", "access", "right"),
    [
        ({"allowBlobPublicAccess": False}, "Blob", "pass"),
        ({"allowBlobPublicAccess": True}, "Blob", "fail"),
        ({"allowBlobPublicAccess": True}, "None", "pass"),
        ({}, "Container", "unknown"),
        (None, "Container", "unknown"),
    ],
)
def test_an_account_overrules_its_containers(says: Body | None, access: str, right: str, tmp_path: Path) -> None:
    kind = "Microsoft.Storage/storageAccounts"
    service = _resource(f"{_ACCOUNT}/blobServices/default", f"{kind}/blobServices", {})
    holder = [] if says is None else [_resource(_ACCOUNT, kind, says)]
    place = f"{service['id']}/containers/c"
    container = _resource(place, f"{kind}/blobServices/containers", {"publicAccess": access})
    options = () if says is None else ("--complete",)

    for between in ([service], []):
        judged = _judged(tmp_path, "storage-container-private", *holder, *between, container, options=options)
        assert [status for status in judged if status != "unknown"] == ([right] if right != "unknown" else [])
        assert right != "unknown" or judged


@pytest.mark.parametrize(("mode", "right"), [("Disabled", "fail"), ("AllowOnlyApprovedOutbound", "pass")])
def test_the_network_of_a_workspace_counts_for_its_deployments(mode: str, right: str, tmp_path: Path) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces"
    workspace = _resource(_WORKSPACE, kind, {"managedNetwork": {"isolationMode": mode}})
    endpoint = _resource(f"{_WORKSPACE}/onlineEndpoints/e", f"{kind}/onlineEndpoints", {})
    deployment = _resource(
        f"{endpoint['id']}/deployments/blue",
        f"{kind}/onlineEndpoints/deployments",
        {"endpointComputeType": "Managed", "egressPublicNetworkAccess": "Enabled"},
    )

    for between in ([endpoint], []):
        assert _judged(tmp_path, "ml-deployment-egress-closed", workspace, *between, deployment) == [right]
