"""What the command line, PowerShell and the directory print about access: read as what it says, or named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ReadDocument
from tests.e2e.command import in_process

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
LOCKED = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
LOCK = f"{LOCKED}/providers/Microsoft.Authorization/locks/keep"
ACCOUNT = f"{GROUP}/providers/Microsoft.DocumentDB/databaseAccounts/db"
GUID = "00000000-0000-0000-0000-000000000001"
NONE = "NA(classic admins)"
CLASSIC = {"principalName": "ada@contoso.com", "roleDefinitionName": "CoAdministrator", "scope": SUBSCRIPTION}
Row = dict[str, Any]


@pytest.mark.parametrize(
    "row",
    [
        {"id": NONE, "name": NONE, **CLASSIC},
        {"id": NONE, "name": NONE, "properties": {**CLASSIC, "roleDefinitionId": "NA(classic admin role)"}},
    ],
)
def test_a_row_of_a_classic_administrator_among_role_assignments_is_one(row: Row, read_document: ReadDocument) -> None:
    [administrator] = read_document([row]).resources
    assert administrator.type == "Microsoft.Authorization/classicAdministrators"
    assert administrator.id.startswith(f"{SUBSCRIPTION}/providers/")
    assert administrator.properties == {"emailAddress": "ada@contoso.com", "role": "CoAdministrator"}


@pytest.mark.parametrize(
    ("row", "kind", "properties"),
    [
        (
            {"id": LOCK, "name": "keep", "type": "Microsoft.Authorization/locks", "resourceGroup": "rg",
             "level": "CanNotDelete", "notes": None, "owners": None},
            "Microsoft.Authorization/locks",
            {"level": "CanNotDelete"},
        ),
        (
            {"Name": "keep", "ResourceId": LOCK, "LockId": LOCK, "ResourceName": "kv", "ResourceGroupName": "rg",
             "ResourceType": "Microsoft.KeyVault/vaults", "ExtensionResourceName": "keep",
             "ExtensionResourceType": "Microsoft.Authorization/locks", "Properties": {"level": "CanNotDelete"}},
            "Microsoft.Authorization/locks",
            {"level": "CanNotDelete"},
        ),
        (
            {"id": f"{ACCOUNT}/sqlRoleAssignments/a", "name": "a", "resourceGroup": "rg", "scope": ACCOUNT,
             "type": "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments", "principalId": GUID,
             "roleDefinitionId": f"{ACCOUNT}/sqlRoleDefinitions/{GUID}"},
            "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
            {"principalId": GUID, "roleDefinitionId": f"{ACCOUNT}/sqlRoleDefinitions/{GUID}", "scope": ACCOUNT},
        ),
        (
            {"id": f"{ACCOUNT}/sqlRoleDefinitions/{GUID}", "name": GUID, "resourceGroup": "rg", "roleName": "Reader",
             "type": "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions", "typePropertiesType": "CustomRole",
             "assignableScopes": [ACCOUNT], "permissions": [{"dataActions": ["a/b/read"], "notDataActions": []}]},
            "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions",
            {"roleName": "Reader", "type": "CustomRole", "assignableScopes": [ACCOUNT],
             "permissions": [{"dataActions": ["a/b/read"], "notDataActions": []}]},
        ),
    ],
)  # fmt: skip
def test_what_is_printed_of_access_is_read_whole(
    row: Row, kind: str, properties: Row, read_document: ReadDocument
) -> None:
    """Nothing of it stays unread: a property that the row does not show is a gap that no question on access needs."""
    snapshot = read_document([row])
    [resource] = snapshot.resources
    assert (resource.id, resource.type, resource.properties) == (row.get("id", LOCK), kind, properties)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"@odata.type": "#microsoft.graph.user", "id": GUID, "displayName": "Ada"}, "Microsoft Entra ID"),
        ({"id": GUID, "displayName": "Ada", "userPrincipalName": "ada@contoso.com"}, "Microsoft Entra ID"),
        ({"Id": GUID, "DisplayName": "app", "AppId": GUID, "ServicePrincipalType": "Application"}, "Microsoft Entra ID"),
        ({"id": GUID, "displayName": "admins", "securityEnabled": True}, "Microsoft Entra ID"),
        ({"id": GUID, "directoryScopeId": "/", "roleDefinitionId": GUID, "principalId": GUID}, "roles of Microsoft Entra"),
        ({"Name": "Mine", "Id": GUID, "IsCustom": True, "Actions": ["*"], "AssignableScopes": ["/"]},
         "Get-AzRoleDefinition"),
        ({"Id": GUID, "DenyAssignmentName": "d", "ExcludePrincipals": [], "Scope": GROUP}, "Get-AzDenyAssignment"),
        ({"id": "https://kv.vault.azure.net/secrets/s", "attributes": {"enabled": True}}, "the vault itself"),
        ({"kid": "https://kv.vault.azure.net/keys/k", "attributes": {"enabled": True}}, "the vault itself"),
        ({"RoleAssignmentId": f"{GROUP}/x", "RoleDefinitionName": "Owner", "ObjectId": GUID}, "Get-AzRoleAssignment"),
    ],
)  # fmt: skip
def test_what_holds_no_resource_is_named_with_what_to_give(row: Row, named: str, tmp_path: Path) -> None:
    source = tmp_path / "input.json"
    for document in ([row], {"value": [row]}):
        source.write_text(json.dumps(document), encoding="utf-8")
        ended = in_process("evaluate", source, at=tmp_path)
        assert ended.code == 2
        assert named in ended.err
        assert "az graph query" in ended.err
