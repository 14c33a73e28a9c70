"""Which operations endanger a workload whoever holds them, and which scopes they take effect at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from auditor import resource_id as ids
from auditor.rbac.operation_sets import Complement, Intersection, OperationSet, Pattern, Union
from auditor.rbac.patterns import WILDCARD, matches
from auditor.rbac.permissions import Permissions, Plane, permits
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth


@dataclass(frozen=True, slots=True)
class Privilege:
    """A class of operations with the same effect. `escalates`: its holder can give itself or others more access."""

    name: str
    title: str
    operations: tuple[str, ...]
    plane: Plane = Plane.CONTROL
    escalates: bool = False

    @property
    def field(self) -> str:
        """Return the name as facts spell it: `read-keys` is `readKeys`."""
        first, *more = self.name.split("-")
        return first + "".join(word.capitalize() for word in more)


ANY_WRITE: Final = "Any.Provider/anyType/write"
"""A write to a resource type that no role spells out: only `*` and patterns as wide as `*/write` permit it."""

_EXTENSIONS: Final = (
    "microsoft.authorization/roleassignments/",
    "microsoft.authorization/roledefinitions/",
    "microsoft.authorization/locks/",
    "microsoft.authorization/policyassignments/",
    "microsoft.authorization/policyexemptions/",
    "microsoft.insights/diagnosticsettings/",
)

PRIVILEGES: Final[Sequence[Privilege]] = (
    Privilege("assign-roles", "assign roles", ("Microsoft.Authorization/roleAssignments/write",), escalates=True),
    Privilege(
        "define-roles", "change role definitions", ("Microsoft.Authorization/roleDefinitions/write",), escalates=True
    ),
    Privilege(
        "elevate-access",
        "take over the tenant's root scope",
        ("Microsoft.Authorization/elevateAccess/action",),
        escalates=True,
    ),
    Privilege(
        "use-identities",
        "act as a managed identity",
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
            "Microsoft.ManagedIdentity/userAssignedIdentities/any/assign/action",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
        ),
        escalates=True,
    ),
    Privilege(
        "change-vault-policies",
        "give access to a vault by policy",
        ("Microsoft.KeyVault/vaults/accessPolicies/write", "Microsoft.KeyVault/vaults/write"),
        escalates=True,
    ),
    Privilege("write-everything", "write to resources of every type", (ANY_WRITE,)),
    Privilege(
        "change-guardrails",
        "change locks or policies",
        (
            "Microsoft.Authorization/locks/write",
            "Microsoft.Authorization/locks/delete",
            "Microsoft.Authorization/policyAssignments/write",
            "Microsoft.Authorization/policyAssignments/delete",
            "Microsoft.Authorization/policyExemptions/write",
        ),
    ),
    Privilege(
        "read-keys",
        "read or replace access keys",
        (
            "Microsoft.CognitiveServices/accounts/listKeys/action",
            "Microsoft.CognitiveServices/accounts/regenerateKey/action",
            "Microsoft.ContainerRegistry/registries/listCredentials/action",
            "Microsoft.ContainerRegistry/registries/regenerateCredential/action",
            "Microsoft.ContainerRegistry/registries/generateCredentials/action",
            "Microsoft.DocumentDB/databaseAccounts/listKeys/action",
            "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action",
            "Microsoft.MachineLearningServices/workspaces/listKeys/action",
            "Microsoft.MachineLearningServices/workspaces/listStorageAccountKeys/action",
            "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/listKeys/action",
            "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/regenerateKeys/action",
            "Microsoft.MachineLearningServices/workspaces/computes/listKeys/action",
            "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
            "Microsoft.Search/searchServices/listAdminKeys/action",
            "Microsoft.Search/searchServices/regenerateAdminKey/action",
            "Microsoft.Search/searchServices/listQueryKeys/action",
            "Microsoft.Storage/storageAccounts/listKeys/action",
            "Microsoft.Storage/storageAccounts/regenerateKey/action",
            "Microsoft.Storage/storageAccounts/listAccountSas/action",
            "Microsoft.Storage/storageAccounts/listServiceSas/action",
            "Microsoft.Web/sites/config/list/action",
            "Microsoft.Web/sites/publishxml/action",
            "Microsoft.Web/sites/host/listkeys/action",
        ),
    ),
    Privilege(
        "read-connection-secrets",
        "read the secrets of workspace connections",
        ("Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",),
    ),
    Privilege(
        "run-code",
        "run code on machines or apps",
        (
            "Microsoft.Compute/virtualMachines/runCommand/action",
            "Microsoft.Compute/virtualMachines/extensions/write",
            "Microsoft.MachineLearningServices/workspaces/jobs/write",
            "Microsoft.Web/sites/publish/action",
            "Microsoft.Web/sites/config/write",
            "Microsoft.Resources/deployments/write",
        ),
    ),
    Privilege(
        "change-network",
        "change network rules or service firewalls",
        (
            "Microsoft.Network/networkSecurityGroups/write",
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            "Microsoft.Network/networkSecurityGroups/securityRules/delete",
            "Microsoft.Network/routeTables/write",
            "Microsoft.Network/virtualNetworks/write",
            "Microsoft.Network/virtualNetworks/subnets/write",
            "Microsoft.Network/applicationGateways/write",
            "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/write",
            "Microsoft.Network/privateEndpoints/write",
            "Microsoft.CognitiveServices/accounts/write",
            "Microsoft.ContainerRegistry/registries/write",
            "Microsoft.KeyVault/vaults/write",
            "Microsoft.MachineLearningServices/workspaces/write",
            "Microsoft.Search/searchServices/write",
            "Microsoft.Storage/storageAccounts/write",
            "Microsoft.Web/sites/write",
        ),
    ),
    Privilege(
        "change-logging",
        "turn off diagnostic logs",
        ("Microsoft.Insights/diagnosticSettings/write", "Microsoft.Insights/diagnosticSettings/delete"),
    ),
    Privilege(
        "read-secrets",
        "read secrets of a vault",
        ("Microsoft.KeyVault/vaults/secrets/getSecret/action",),
        Plane.DATA,
    ),
    Privilege(
        "administer-vault-contents",
        "change secrets, keys or certificates of a vault",
        (
            "Microsoft.KeyVault/vaults/secrets/setSecret/action",
            "Microsoft.KeyVault/vaults/keys/create/action",
            "Microsoft.KeyVault/vaults/certificates/create/action",
        ),
        Plane.DATA,
    ),
    Privilege(
        "read-data",
        "read blobs, files or documents",
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read",
            "Microsoft.Search/searchServices/indexes/documents/read",
        ),
        Plane.DATA,
    ),
    Privilege(
        "write-data",
        "write or delete blobs, files or documents",
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write",
            "Microsoft.Search/searchServices/indexes/documents/write",
        ),
        Plane.DATA,
    ),
)


_OPERATIONS: Final[Mapping[Plane, frozenset[str]]] = {
    plane: frozenset(o.lower() for danger in PRIVILEGES if danger.plane is plane for o in danger.operations)
    for plane in Plane
}


@dataclass(frozen=True, slots=True)
class HeldPrivilege:
    """A danger that permissions hold: the operations that are surely permitted and those that may be."""

    danger: Privilege
    surely: tuple[str, ...]
    perhaps: tuple[str, ...]

    @property
    def answer(self) -> Truth:
        """Return YES where some operation is surely permitted."""
        return Truth.YES if self.surely else Truth.UNKNOWN


def privileges_in(permissions: Permissions) -> Sequence[HeldPrivilege]:
    """Return the dangers that permissions hold wherever they apply."""
    candidates = {plane: _candidates(permissions.on(plane).may, plane) for plane in Plane}
    found: list[HeldPrivilege] = []
    for danger in PRIVILEGES:
        possible = candidates[danger.plane]
        answers = [(o, permits(permissions, danger.plane, o)) for o in danger.operations if o.lower() in possible]
        surely = tuple(operation for operation, answer in answers if answer is Truth.YES)
        perhaps = tuple(operation for operation, answer in answers if answer is Truth.UNKNOWN)
        if surely or perhaps:
            found.append(HeldPrivilege(danger, surely, perhaps))
    return found


def at_scope(held: Iterable[HeldPrivilege], scope: str) -> Sequence[HeldPrivilege]:
    """Return the dangers of which some operation takes effect at a scope, with only those operations."""
    if kind_of(scope) not in {ScopeKind.RESOURCE, ScopeKind.CHILD}:
        return list(held)
    kind = (ids.type_of(scope) or "").lower()
    found = []
    for one in held:
        surely = tuple(operation for operation in one.surely if _takes_effect(operation, kind))
        perhaps = tuple(operation for operation in one.perhaps if _takes_effect(operation, kind))
        if surely or perhaps:
            found.append(HeldPrivilege(one.danger, surely, perhaps))
    return found


@lru_cache(maxsize=4096)
def _takes_effect(operation: str, kind: str) -> bool:
    """Whether an operation acts on resources of a type, on their children or on their extensions."""
    return operation.lower().startswith((f"{kind}/", *_EXTENSIONS))


def _candidates(language: OperationSet, plane: Plane) -> frozenset[str]:
    """Return the dangerous operations of a plane that may be in a set: all that are, and perhaps others."""
    match language:
        case Pattern():
            return _matched(language.pattern, plane)
        case Union():
            return frozenset().union(*(_candidates(part, plane) for part in language.parts))
        case Intersection():
            return _OPERATIONS[plane].intersection(*(_candidates(part, plane) for part in language.parts))
        case Complement():
            return _OPERATIONS[plane]


@lru_cache(maxsize=65536)
def _matched(pattern: str, plane: Plane) -> frozenset[str]:
    if WILDCARD not in pattern:
        return _OPERATIONS[plane] & {pattern}
    return frozenset(operation for operation in _OPERATIONS[plane] if matches(pattern, operation))


def has_subject(operation: str, types: Collection[str]) -> bool:
    """Whether an operation has something to act on among resources of these types (in lower case).

    Operations on no type in particular, on the scope itself or on extensions always have.
    """
    wanted = operation.lower()
    if operation == ANY_WRITE or wanted.startswith((*_EXTENSIONS, "microsoft.authorization/", "microsoft.resources/")):
        return True
    return any(wanted.startswith(f"{name}/") for name in types)


def names(held: Iterable[HeldPrivilege], answer: Truth) -> list[str]:
    """Return the names of the dangers held for certain (YES) or perhaps (UNKNOWN), in the order of the list."""
    return [one.danger.name for one in held if one.answer is answer]
