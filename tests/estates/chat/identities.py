"""Who there is and what each may do: managed identities, role definitions, role assignments."""

from __future__ import annotations

from tests.estates.arm import DEPLOYED, GROUP, TENANT, Body, guid, path, resource
from tests.estates.roles import definition

_KIND = "Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITIES = ("id-agw-chat01", "id-amlinstancecompute", "id-amlonlineendpoint", "id-amlworkspace", "id-app-chat01")

_REGISTRY = path("Microsoft.ContainerRegistry/registries", "crchat01")
_VAULT = path("Microsoft.KeyVault/vaults", "kv-chat01")
_WORKSPACE = path("Microsoft.MachineLearningServices/workspaces", "mlw-chat01")
_APP_STORAGE = path("Microsoft.Storage/storageAccounts", "stchat01")
_ML_STORAGE = path("Microsoft.Storage/storageAccounts", "stmlchat01")
_GRANTS = (
    ("id-amlworkspace", "Contributor", GROUP),
    ("id-amlworkspace", "Key Vault Administrator", _VAULT),
    ("id-amlworkspace", "AcrPush", _REGISTRY),
    ("id-amlworkspace", "Storage Blob Data Contributor", _ML_STORAGE),
    ("id-amlworkspace", "Storage File Data Privileged Contributor", _ML_STORAGE),
    ("id-amlonlineendpoint", "AcrPull", _REGISTRY),
    ("id-amlonlineendpoint", "Storage Blob Data Reader", _ML_STORAGE),
    ("id-amlonlineendpoint", "Azure Machine Learning Workspace Connection Secrets Reader", _WORKSPACE),
    ("id-amlinstancecompute", "AcrPull", _REGISTRY),
    ("id-amlinstancecompute", "Storage Blob Data Reader", _ML_STORAGE),
    ("id-app-chat01", "AcrPull", _REGISTRY),
    ("id-app-chat01", "Key Vault Secrets User", _VAULT),
    ("id-app-chat01", "Storage Blob Data Reader", _APP_STORAGE),
    ("id-agw-chat01", "Key Vault Secrets User", _VAULT),
)


def principal(identity: str) -> str:
    """Return the object id of an identity."""
    return guid(f"principal of {identity}")


def assigned(identity: str) -> Body:
    """Return the `identity` of a resource that runs as a user-assigned identity."""
    ids = {"principalId": principal(identity), "clientId": guid(f"client of {identity}")}
    return {"type": "UserAssigned", "userAssignedIdentities": {path(_KIND, identity): ids}}


def identity_id(identity: str) -> str:
    return path(_KIND, identity)


def identity(name: str) -> Body:
    """Return an identity."""
    ids = {"tenantId": TENANT, "principalId": principal(name), "clientId": guid(f"client of {name}")}
    return resource(_KIND, name, properties=ids)


def grant(holder: str, role: str, scope: str) -> Body:
    """Return the assignment of a built-in role to an identity."""
    return resource(
        "Microsoft.Authorization/roleAssignments",
        guid(f"{holder} is {role} on {scope}"),
        below=scope,
        location=None,
        properties={
            "roleDefinitionId": definition(role)["id"],
            "principalType": "ServicePrincipal",
            "principalId": principal(holder),
            "scope": scope,
            "condition": None,
            "createdOn": DEPLOYED,
            "updatedOn": DEPLOYED,
        },
    )


def bodies() -> list[Body]:
    """Return the identities of the estate, the roles in use, and who has which."""
    return [
        *map(identity, IDENTITIES),
        *(definition(role) for role in sorted({role for _, role, _ in _GRANTS})),
        *(grant(*row) for row in _GRANTS),
    ]
