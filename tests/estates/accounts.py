"""Small ARM resources for tests."""

from __future__ import annotations

from typing import Any

GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-test"


def resource(resource_type: str, name: str, /, properties: Any = None, **rest: Any) -> dict[str, Any]:
    """Return a top-level ARM resource."""
    body = {"id": f"{GROUP}/providers/{resource_type}/{name}", "name": name, "type": resource_type}
    return {**body, "properties": {} if properties is None else properties, **rest}


def child(parent: dict[str, Any], segment: str, name: str, **properties: Any) -> dict[str, Any]:
    """Return a child of an ARM resource as an entry of its own."""
    return {
        "id": f"{parent['id']}/{segment}/{name}",
        "name": name,
        "type": f"{parent['type']}/{segment}",
        "properties": properties,
    }


def account(name: str = "st1", /, **properties: Any) -> dict[str, Any]:
    """Return a storage account."""
    given = {"publicNetworkAccess": "Enabled", **properties}
    beside = {"kind": "StorageV2", "location": "eastus2", "sku": {"name": "Standard_LRS"}}
    return resource("Microsoft.Storage/storageAccounts", name, given, **beside)
