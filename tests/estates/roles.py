"""Built-in roles that the tests' estates grant, as ARM shows them and as the library reads them."""

from __future__ import annotations

from typing import Any

from auditor.rbac.assignments import Role
from auditor.rbac.permissions import permissions_of
from tests.estates.arm import SUBSCRIPTION, Body, resource

_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_BLOBS = f"{_CONTAINERS}/blobs"
_DELEGATE = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
_FILES = "Microsoft.Storage/storageAccounts/fileServices"
_ROLES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "Owner": ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", {"actions": ["*"]}),
    "Reader": ("acdd72a7-3385-48ef-bd42-f606fba81ae7", {"actions": ["*/read"]}),
    "Contributor": (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        {
            "actions": ["*"],
            "notActions": [
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
                "Microsoft.Compute/galleries/share/action",
            ],
        },
    ),
    "Key Vault Administrator": (
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        {
            "actions": ["Microsoft.Authorization/*/read", "Microsoft.KeyVault/vaults/*/read"],
            "dataActions": ["Microsoft.KeyVault/vaults/*"],
        },
    ),
    "Key Vault Secrets User": (
        "4633458b-17de-408a-b874-0445c86b69e6",
        {
            "dataActions": [
                "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            ]
        },
    ),
    "AcrPull": (
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        {"actions": ["Microsoft.ContainerRegistry/registries/pull/read"]},
    ),
    "AcrPush": (
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        {
            "actions": [
                "Microsoft.ContainerRegistry/registries/pull/read",
                "Microsoft.ContainerRegistry/registries/push/write",
            ]
        },
    ),
    "Storage Blob Data Reader": (
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        {"actions": [f"{_CONTAINERS}/read", _DELEGATE], "dataActions": [f"{_BLOBS}/read"]},
    ),
    "Storage Blob Data Contributor": (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        {
            "actions": [*(f"{_CONTAINERS}/{verb}" for verb in ("delete", "read", "write")), _DELEGATE],
            "dataActions": [f"{_BLOBS}/{verb}" for verb in ("delete", "read", "write", "move/action", "add/action")],
        },
    ),
    "Storage File Data Privileged Contributor": (
        "69566ab7-960f-475b-8e7c-b3118f30c6bd",
        {
            "dataActions": [
                *(f"{_FILES}/fileshares/files/{verb}" for verb in ("read", "write", "delete")),
                f"{_FILES}/fileshares/files/modifypermissions/action",
                f"{_FILES}/readFileBackupSemantics/action",
                f"{_FILES}/writeFileBackupSemantics/action",
            ]
        },
    ),
    "Azure Machine Learning Workspace Connection Secrets Reader": (
        "ea01e6af-a1c1-4350-9563-ad00f8c72ec5",
        {
            "actions": [
                "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",
                "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read",
            ]
        },
    ),
}


def definition(name: str) -> Body:
    """Return the definition of a built-in role by its name."""
    own, granted = _ROLES[name]
    permissions: dict[str, Any] = {"actions": [], "notActions": [], "dataActions": [], "notDataActions": []}
    return resource(
        "Microsoft.Authorization/roleDefinitions",
        own,
        below=SUBSCRIPTION,
        location=None,
        properties={
            "roleName": name,
            "type": "BuiltInRole",
            "assignableScopes": ["/"],
            "permissions": [permissions | granted],
        },
    )


def built_in_roles() -> tuple[Role, ...]:
    """Return all of them as the library's own."""
    shown = map(definition, _ROLES)
    return tuple(
        Role(
            body["name"],
            body["properties"]["roleName"],
            permissions_of(body["properties"]["permissions"]),
            id=body["id"],
        )
        for body in shown
    )
