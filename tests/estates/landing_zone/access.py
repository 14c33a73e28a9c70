"""Who has access: groups and a nested one, identities, a service provider by Lighthouse, an eligible owner."""

from __future__ import annotations

from typing import Any, Final

from tests.estates.arm import Body, guid, path, resource
from tests.estates.landing_zone.places import ASSIST, HUB, ORDERS, SHOP, SUBSCRIPTIONS, SUCCEEDED, TENANT, made

ROLES: Final = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Virtual Machine Contributor": "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
    "Storage Account Contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Cognitive Services OpenAI User": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
}
GROUPS: Final = {
    name: guid(f"contoso/{name}") for name in ("grp-network", "grp-orders-dev", "grp-shop-ops", "grp-on-call")
}
PEOPLE: Final = {name: guid(f"contoso/{name}") for name in ("alva", "bo", "cleo", "dag")}
IDENTITIES: Final = {
    name: guid(f"contoso/{name}") for name in ("id-orders", "id-shop", "id-batch", "id-assist", "id-tools")
}
MEMBERS: Final = {
    "grp-network": [PEOPLE["alva"]],
    "grp-orders-dev": [PEOPLE["bo"]],
    "grp-shop-ops": [PEOPLE["cleo"], GROUPS["grp-on-call"]],
    "grp-on-call": [PEOPLE["dag"]],
}
"""Who is in which group; Azure Resource Manager does not tell, so that the guide states it."""
_HOMES: Final = {"id-orders": ORDERS, "id-shop": SHOP, "id-batch": SHOP, "id-assist": ASSIST, "id-tools": ASSIST}
_MANAGED: Final = "Microsoft.ManagedServices"


def resources() -> list[Body]:
    """Return identities and all that gives access."""
    vault = path("Microsoft.KeyVault/vaults", "kv-contoso-orders", below=ORDERS)
    assist = path("Microsoft.Storage/storageAccounts", "stcontosoassist", below=ASSIST)
    openai = path("Microsoft.CognitiveServices/accounts", "oai-contoso-assist", below=ASSIST)
    return [
        *(_identity(name) for name in IDENTITIES),
        *(_group(place) for place in (HUB, ORDERS, SHOP, ASSIST)),
        _assigned("grp-network", GROUPS, "Network Contributor", subscription(HUB)),
        _assigned("grp-orders-dev", GROUPS, "Contributor", ORDERS),
        _assigned("grp-orders-dev", GROUPS, "Key Vault Secrets User", vault),
        _assigned("grp-shop-ops", GROUPS, "Storage Account Contributor", SHOP),
        _assigned("grp-on-call", GROUPS, "Virtual Machine Contributor", SHOP),
        _assigned("id-assist", IDENTITIES, "Storage Blob Data Reader", assist),
        _assigned("id-assist", IDENTITIES, "Cognitive Services OpenAI User", openai),
        _assigned("id-tools", IDENTITIES, "Contributor", ASSIST),
        _eligible("alva", "Owner", subscription(HUB)),
        *_delegation(),
    ]


def subscription(place: str) -> str:
    """Return the subscription that a resource group is in."""
    return place.partition("/resourceGroups/")[0]


def _identity(name: str) -> Body:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    about = {"tenantId": TENANT, "principalId": IDENTITIES[name], "clientId": guid(f"contoso/{name}/client")}
    return made(kind, name, at=_HOMES[name], **about)


def _group(place: str) -> Body:
    return {
        "id": place,
        "name": place.rpartition("/")[2],
        "type": "Microsoft.Resources/resourceGroups",
        "location": "swedencentral",
        "properties": dict(SUCCEEDED),
    }


def _grant(name: str, among: dict[str, str], role: str, scope: str) -> tuple[str, dict[str, Any]]:
    kind = "Group" if among is GROUPS else "User" if among is PEOPLE else "ServicePrincipal"
    definition = f"{subscription(scope)}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
    about = {"principalId": among[name], "principalType": kind, "roleDefinitionId": definition, "scope": scope}
    return guid(f"contoso/{name}/{role}/{scope}"), {**about, "principalName": name}


def _assigned(name: str, among: dict[str, str], role: str, scope: str) -> Body:
    own, about = _grant(name, among, role, scope)
    return resource("Microsoft.Authorization/roleAssignments", own, below=scope, location=None, properties=about)


def _eligible(name: str, role: str, scope: str) -> Body:
    own, about = _grant(name, PEOPLE, role, scope)
    about |= {"status": "Provisioned", "memberType": "Direct", "startDateTime": "2026-02-03T10:00:00Z"}
    kind = "Microsoft.Authorization/roleEligibilityScheduleInstances"
    return resource(kind, own, below=scope, location=None, properties=about)


def _delegation() -> list[Body]:
    """Return what the service provider Fabrikam may do in the subscription of the shop."""
    place = subscription(SHOP)
    roles = f"{place}/providers/Microsoft.Authorization/roleDefinitions"
    entries = [
        ("Fabrikam operators", "Virtual Machine Contributor"),
        ("Fabrikam auditors", "Reader"),
    ]
    authorizations = [
        {"principalId": guid(f"fabrikam/{who}"), "principalIdDisplayName": who, "roleDefinitionId": ROLES[role]}
        for who, role in entries
    ]
    eligible = {
        "principalId": guid("fabrikam/Fabrikam operators"),
        "principalIdDisplayName": "Fabrikam operators",
        "roleDefinitionId": f"{roles}/{ROLES['Contributor']}".rpartition("/")[2],
        "justInTimeAccessPolicy": {"multiFactorAuthProvider": "Azure", "maximumActivationDuration": "PT8H"},
    }
    definition = resource(
        f"{_MANAGED}/registrationDefinitions",
        guid("fabrikam/offer"),
        below=place,
        location=None,
        properties={
            **SUCCEEDED,
            "registrationDefinitionName": "Fabrikam managed shop",
            "managedByTenantId": guid("fabrikam/tenant"),
            "managedByTenantName": "Fabrikam",
            "manageeTenantId": TENANT,
            "authorizations": authorizations,
            "eligibleAuthorizations": [eligible],
        },
    )
    assignment = resource(
        f"{_MANAGED}/registrationAssignments",
        guid("fabrikam/assignment"),
        below=place,
        location=None,
        properties={**SUCCEEDED, "registrationDefinitionId": definition["id"]},
    )
    assert SUBSCRIPTIONS["contoso-shop"] in place
    return [definition, assignment]
