"""What `az ml` prints is named with what to give instead: its words are other than Azure's, and some are left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, in_process

_WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
_PRINTED: dict[str, dict[str, Any]] = {
    "workspace": {
        "id": _WORKSPACE,
        "display_name": "mlw",
        "hbi_workspace": False,
        "identity": {"type": "system_assigned"},
        "location": "westeurope",
        "managed_network": {"isolation_mode": "allow_only_approved_outbound"},
        "name": "mlw",
        "public_network_access": "Disabled",
        "resourceGroup": "rg-test",
    },
    "online endpoint": {
        "id": f"{_WORKSPACE}/onlineEndpoints/e",
        "auth_mode": "key",
        "name": "e",
        "provisioning_state": "Succeeded",
        "public_network_access": "disabled",
        "traffic": {"blue": 100},
    },
    "deployment": {
        "id": f"{_WORKSPACE}/onlineEndpoints/e/deployments/blue",
        "egress_public_network_access": "disabled",
        "instance_type": "Standard_DS3_v2",
        "name": "blue",
        "type": "managed",
    },
    "compute": {
        "id": f"{_WORKSPACE}/computes/ci",
        "name": "ci",
        "provisioning_state": "Succeeded",
        "size": "STANDARD_DS3_V2",
        "type": "computeinstance",
    },
    "storage account of a program": {
        "id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st",
        "type": "Microsoft.Storage/storageAccounts",
        "properties": {"public_network_access": "Disabled", "minimum_tls_version": "TLS1_2"},
    },
}


@pytest.mark.parametrize("what", _PRINTED)
def test_what_is_in_snake_case_is_named(what: str, tmp_path: Path) -> None:
    for document in (_PRINTED[what], [_PRINTED[what]]):
        (tmp_path / "in.json").write_text(json.dumps(document))
        ended = in_process("evaluate", "in.json", "--complete", at=tmp_path)
        assert ended.code == 2
        assert "is the output of az ml" in ended.err
        assert "az resource show --ids" in ended.err


def test_a_column_of_ones_own_is_none(tmp_path: Path) -> None:
    sound = {"supportsHttpsTrafficOnly": True}
    kind = "Microsoft.Storage/storageAccounts"
    row = {"id": f"{GROUP}/providers/{kind}/st", "name": "st", "type": kind, "cost_center": "7", "properties": sound}
    (tmp_path / "in.json").write_text(json.dumps({"data": [row]}))
    ended = in_process(
        "evaluate", "in.json", "--select", "storage-https-only", "-o", "json", "--include-passed", at=tmp_path
    )
    assert [one["status"] for one in ended.findings] == ["pass"]
