"""The services: a vault on access policies, accounts with and without keys, a perimeter, Azure OpenAI."""

from __future__ import annotations

from typing import Any

from tests.estates.arm import Body, nested, path
from tests.estates.landing_zone.access import GROUPS, IDENTITIES
from tests.estates.landing_zone.places import ASSIST, ORDERS, SHOP, SUCCEEDED, TENANT, made, to

ACCOUNTS = "Microsoft.Storage/storageAccounts"
DEPLOYED = "2026-02-03T10:00:00Z"


def resources() -> list[Body]:
    """Return what the spokes use."""
    return [*_vault(), *_accounts(), *_perimeter(), *_openai()]


def _vault() -> list[Body]:
    policies = [
        _policy(IDENTITIES["id-orders"], secrets=["get", "list"]),
        _policy(GROUPS["grp-orders-dev"], secrets=["list", "set"]),
    ]
    vault = made(
        "Microsoft.KeyVault/vaults",
        "kv-contoso-orders",
        at=ORDERS,
        tenantId=TENANT,
        enableRbacAuthorization=False,
        accessPolicies=policies,
        enableSoftDelete=True,
        softDeleteRetentionInDays=90,
        enablePurgeProtection=True,
        publicNetworkAccess="Disabled",
        networkAcls=_closed(),
        vaultUri="https://kv-contoso-orders.vault.azure.net/",
    )
    vault["properties"]["sku"] = {"family": "A", "name": "standard"}
    secret = made(
        "Microsoft.KeyVault/vaults/secrets",
        "kv-contoso-orders",
        "payment-provider",
        at=ORDERS,
        attributes={"enabled": True, "created": 1770112800, "updated": 1770112800, "exp": 1801648800},
        contentType="text/plain",
    )
    return [vault, secret]


def _policy(principal: str, **permissions: list[str]) -> Body:
    empty: dict[str, list[str]] = {"keys": [], "secrets": [], "certificates": [], "storage": []}
    return {"tenantId": TENANT, "objectId": principal, "permissions": empty | permissions}


def _closed() -> Body:
    return {"bypass": "None", "defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}


def _account(name: str, at: str, **about: Any) -> Body:
    return made(
        ACCOUNTS,
        name,
        at=at,
        kind="StorageV2",
        sku={"name": "Standard_ZRS", "tier": "Standard"},
        creationTime=DEPLOYED,
        keyCreationTime={"key1": DEPLOYED, "key2": DEPLOYED},
        minimumTlsVersion="TLS1_2",
        supportsHttpsTrafficOnly=True,
        allowBlobPublicAccess=False,
        allowCrossTenantReplication=False,
        primaryEndpoints={"blob": f"https://{name}.blob.core.windows.net/"},
        **about,
    )


def _accounts() -> list[Body]:
    for_shop = {**_closed(), "ipRules": [{"value": "203.0.113.20", "action": "Allow"}]}
    accounts = [
        _account("stcontososhop", SHOP, allowSharedKeyAccess=True, publicNetworkAccess="Enabled", networkAcls=for_shop),
        _account(
            "stcontosoassist", ASSIST, allowSharedKeyAccess=False, publicNetworkAccess="Disabled", networkAcls=_closed()
        ),
        _account(
            "stcontosopartner",
            ORDERS,
            allowSharedKeyAccess=False,
            publicNetworkAccess="SecuredByPerimeter",
            networkAcls=_closed(),
        ),
    ]
    return [one for account in accounts for one in (account, *_parts(account))]


def _parts(account: Body) -> list[Body]:
    """Return what every account has."""
    days = {"enabled": True, "days": 14}
    kept = {"deleteRetentionPolicy": days, "containerDeleteRetentionPolicy": days, "isVersioningEnabled": True}
    return [
        nested(account, "blobServices", "default", **kept),
        nested(account, "fileServices", "default", shareDeleteRetentionPolicy=days),
    ]


def _perimeter() -> list[Body]:
    kind = "Microsoft.Network/networkSecurityPerimeters"
    return [
        made(kind, "nsp-partner", at=ORDERS, perimeterGuid="5d5f2a0e-6f0e-4c39-8f4e-3a3d4c9b7a11"),
        made(f"{kind}/profiles", "nsp-partner", "partner", at=ORDERS, location=None, accessRulesVersion="1"),
        made(
            f"{kind}/profiles/accessRules",
            "nsp-partner",
            "partner",
            "partner-offices",
            at=ORDERS,
            location=None,
            direction="Inbound",
            addressPrefixes=["198.51.100.0/24"],
        ),
        made(
            f"{kind}/resourceAssociations",
            "nsp-partner",
            "stcontosopartner",
            at=ORDERS,
            location=None,
            privateLinkResource=to(ACCOUNTS, "stcontosopartner", at=ORDERS),
            profile=to(f"{kind}/profiles", "nsp-partner", "partner", at=ORDERS),
            accessMode="Enforced",
            hasProvisioningIssues="no",
        ),
    ]


def _openai() -> list[Body]:
    kind = "Microsoft.CognitiveServices/accounts"
    account = made(
        kind,
        "oai-contoso-assist",
        at=ASSIST,
        kind="OpenAI",
        sku={"name": "S0"},
        customSubDomainName="oai-contoso-assist",
        endpoint="https://oai-contoso-assist.openai.azure.com/",
        publicNetworkAccess="Disabled",
        disableLocalAuth=True,
        networkAcls={"defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []},
    )
    deployment = {
        "id": path(f"{kind}/deployments", "oai-contoso-assist", "assist", below=ASSIST),
        "name": "assist",
        "type": f"{kind}/deployments",
        "sku": {"name": "Standard", "capacity": 50},
        "properties": {
            **SUCCEEDED,
            "model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"},
            "raiPolicyName": "Microsoft.DefaultV2",
        },
    }
    return [account, deployment]
