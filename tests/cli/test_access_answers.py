"""Who can do something: small estates of each kind, with the right answer written beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.command import in_process
from tests.estates.access import SUBSCRIPTION, assignment, deny_assignment, role_definition

Body = dict[str, Any]
_GROUP: Final = f"{SUBSCRIPTION}/resourceGroups/rg1"
_ROLES: Final = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
_OWNER: Final = f"{_ROLES}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_CONTRIBUTOR: Final = f"{_ROLES}/b24988ac-6180-42a0-ab88-20f7382dd24c"
_BLOBS: Final = f"{_ROLES}/ba92f5b4-2d11-453d-a403-e96b0029c9fe"
_KIND: Final = "Microsoft.Storage/storageAccounts"
_WRITE, _READ, _LIST_KEYS = (f"{_KIND}/{name}" for name in ("write", "read", "listKeys/action"))
_BLOB: Final = f"{_KIND}/blobServices/containers/blobs"
_STORE: Body = {
    "id": f"{_GROUP}/providers/{_KIND}/st1",
    "name": "st1",
    "type": _KIND,
    "kind": "StorageV2",
    "location": "westeurope",
    "properties": {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False},
}
_CONTAINER: Body = {
    "id": f"{_STORE['id']}/blobServices/default/containers/ca",
    "name": "ca",
    "type": f"{_KIND}/blobServices/containers",
    "properties": {"publicAccess": "Blob"},
}
_ABOVE: Body = {
    "id": SUBSCRIPTION,
    "name": "sub",
    "type": "Microsoft.Resources/subscriptions",
    "properties": {"managementGroupAncestorsChain": [{"name": "mg-a"}, {"name": "root"}]},
}
_MANAGEMENT_GROUPS: Final = "/providers/Microsoft.Management/managementGroups"
_NO_READING: Final = f"(!(ActionMatches{{'{_BLOB}/read'}})) OR (@Resource[{_KIND}:name] StringEquals 'x')"


def _custom(operation: str, *blocks: Body | None, right: Body) -> tuple[list[Body], str, Body]:
    role = role_definition("Own", list(blocks))  # type: ignore[arg-type]
    return [_STORE, role, assignment("p", role["id"], SUBSCRIPTION)], operation, right


def _held(
    role: str, scope: str, operation: str, right: Body, *more: Body, **stated: Any
) -> tuple[list[Body], str, Body]:
    return [_STORE, _CONTAINER, assignment("p", role, scope, **stated), *more], operation, right


def _denied(permissions: Body, right: Body, operation: str = _WRITE, **stated: Any) -> tuple[list[Body], str, Body]:
    return _held(_CONTRIBUTOR, SUBSCRIPTION, operation, right, deny_assignment(_GROUP, permissions, **stated))


_YES, _MAYBE = {"p": "yes"}, {"p": "maybe"}
_ALL: Final = {"actions": ["*"]}
_CASES: Final = {
    "at the root": _held(_OWNER, "/", _WRITE, _YES),
    "at the management group above": _held(_CONTRIBUTOR, f"{_MANAGEMENT_GROUPS}/MG-A", _WRITE, _YES, _ABOVE),
    "at a management group beside": _held(_CONTRIBUTOR, f"{_MANAGEMENT_GROUPS}/mg-b", _WRITE, {}, _ABOVE),
    "on a group whose name begins alike": _held(_CONTRIBUTOR, f"{_GROUP}0", _WRITE, {}),
    "on the account, asked of its data": _held(_BLOBS, _STORE["id"], f"{_BLOB}/read", _YES),
    "on a container only, asked of the account": _held(_BLOBS, _CONTAINER["id"], f"{_BLOB}/read", {}),
    "an account overrules a public container": ([_STORE, _CONTAINER], f"{_BLOB}/read", {}),
    "a condition on another operation": _held(_BLOBS, SUBSCRIPTION, f"{_BLOB}/write", _YES, condition=_NO_READING),
    "a condition on this operation": _held(_BLOBS, SUBSCRIPTION, f"{_BLOB}/read", _MAYBE, condition=_NO_READING),
    "a condition of blanks": _held(_BLOBS, SUBSCRIPTION, f"{_BLOB}/read", _YES, condition="  "),
    "a condition that is no text": _held(_BLOBS, SUBSCRIPTION, f"{_BLOB}/read", _MAYBE, condition=5),
    "a wildcard in the middle": _custom(_READ, {"actions": ["Microsoft.*/storageAccounts/read"]}, right=_YES),
    "reading everything lists no keys": _custom(_LIST_KEYS, {"actions": ["Microsoft.Storage/*/read"]}, right={}),
    "a question mark is no wildcard": _custom(
        _WRITE, {"actions": ["Microsoft.Storage/storageAccount?/write"]}, right={}
    ),
    "a block gives what another excludes": _custom(
        _WRITE, {"actions": ["*"], "notActions": [_WRITE]}, {"actions": [f"{_KIND}/*"]}, right=_YES
    ),
    "excluded in another case": _custom(
        _WRITE, {"actions": ["Microsoft.Storage/*"], "notActions": [_WRITE.upper()]}, right={}
    ),
    "data excluded": _custom(
        f"{_BLOB}/delete", {"dataActions": [f"{_BLOB}/*"], "notDataActions": ["*/delete"]}, right={}
    ),
    "data beside what is excluded": _custom(
        f"{_BLOB}/write", {"dataActions": [f"{_BLOB}/*"], "notDataActions": ["*/delete"]}, right=_YES
    ),
    "a control operation among those on data": _custom(_WRITE, {"dataActions": ["Microsoft.Storage/*"]}, right={}),
    "actions that are no list": _custom(_WRITE, {"actions": "*"}, right=_MAYBE),
    "exclusions that are no list": _custom(_WRITE, {"actions": ["*"], "notActions": _WRITE}, right=_MAYBE),
    "excluded for whoever may give roles away": _custom(
        _WRITE, {"actions": ["*"], "notActions": [_WRITE]}, right={"p": "after a step"}
    ),
    "exclusions that are null": _custom(_WRITE, {"actions": ["*"], "notActions": None}, right=_YES),
    "no permissions at all": _custom(_WRITE, right={}),
    "denied to everybody": _denied(_ALL, {}),
    "denied to another": _denied(_ALL, _YES, principals=[{"id": "q", "type": "User"}]),
    "denied, and excluded": _denied(_ALL, _YES, excludePrincipals=[{"id": "P", "type": "User"}]),
    "denied to a group of unknown members": _denied(_ALL, _MAYBE, principals=[{"id": "g", "type": "Group"}]),
    "denied but for reading": _denied({"actions": ["*"], "notActions": ["*/read"]}, _YES, _READ),
    "denied with a condition": _denied(_ALL, _MAYBE, condition="@Resource[a] StringEquals 'b'"),
    "denied in an audit only": _denied(_ALL, _YES, denyAssignmentEffect="Audit"),
    "denied on the group alone": _denied(_ALL, _YES, doNotApplyToChildScopes=True),
    "denied by what is no list": _denied({"actions": "*"}, _MAYBE),
}


@pytest.mark.parametrize("case", _CASES)
def test_who_can(case: str, tmp_path: Path) -> None:
    bodies, operation, right = _CASES[case]
    (tmp_path / "in.json").write_text(json.dumps(bodies))
    words = [operation, "in.json", "--on", _STORE["id"], "--complete", "-o", "json"]
    ended = in_process("access", "who-can", *words, at=tmp_path)

    assert {one["principal"]: one["answer"] for one in json.loads(ended.out)["records"]} == right
