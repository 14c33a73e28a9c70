"""One resource from two sources, which spell its ids and words in different cases, is one resource."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import GROUP, in_process

Body = dict[str, Any]
_KIND = "Microsoft.Storage/storageAccounts"
_SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/a"


def _account(access: str, subnet: str) -> Body:
    rules = [{"id": subnet, "action": "Allow"}]
    properties = {"publicNetworkAccess": access, "networkAcls": {"defaultAction": "Deny", "virtualNetworkRules": rules}}
    return {"id": f"{GROUP}/providers/{_KIND}/st", "name": "st", "type": _KIND, "properties": properties}


def _asked(folder: Path, bodies: list[Body]) -> tuple[int, str, list[str]]:
    (folder / "in.json").write_text(json.dumps(bodies))
    words = ["in.json", "--complete", "--include-passed", "-o", "json", "--select", "storage-public-network-access-off"]
    ended = in_process("evaluate", *words, at=folder)
    return ended.code, ended.err, [one["status"] for one in ended.findings] if ended.out else []


def test_case_is_no_contradiction(tmp_path: Path) -> None:
    spellings = [_account("Disabled", _SUBNET), _account("disabled", _SUBNET.lower())]
    for bodies in itertools.permutations(spellings):
        code, err, found = _asked(tmp_path, list(bodies))
        assert (code, found) == (0, ["pass"]), err


def _in_pascal_case(body: Body) -> Body:
    return {**body, "properties": {name[:1].upper() + name[1:]: value for name, value in body["properties"].items()}}


def test_names_in_another_case_are_the_same(tmp_path: Path) -> None:
    spellings = [_account("Disabled", _SUBNET), _in_pascal_case(_account("Disabled", _SUBNET))]
    for bodies in itertools.permutations(spellings):
        code, err, found = _asked(tmp_path, list(bodies))
        assert (code, found) == (0, ["pass"]), err


@pytest.mark.parametrize(
    "other",
    [
        _account("Enabled", _SUBNET),
        _account("Disabled", f"{_SUBNET}b"),
        _in_pascal_case(_account("Enabled", _SUBNET)),
        _in_pascal_case(_account("Disabled", f"{_SUBNET}b")),
    ],
)
def test_another_word_or_id_is_one(other: Body, tmp_path: Path) -> None:
    code, err, _ = _asked(tmp_path, [_account("Disabled", _SUBNET), other])
    assert code == 2
    assert "hold the same id with different contents" in err
