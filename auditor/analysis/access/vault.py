"""Facts about the workload's vaults: who uses each, and who may read all of its secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_graph import AccessGraph
from auditor.architecture.workloads import Workload
from auditor.azure import body
from auditor.model import Fact, Json, Resource
from auditor.rbac.assignments import Assignment, AssignmentState
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import bound
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth

KIND: Final = "access.vault"

FIELDS: Final[Mapping[str, str]] = {
    "consumers": "The components that keep or read secrets in the vault.",
    "isShared": "Whether the machine learning workspace and the user-facing part both use it.",
    "usesRbac": "Whether roles, and not access policies, govern its data.",
    "secretReaders": "The active assignments that permit reading secrets of it.",
    "secretReaders[*].principalId": "A principal.",
    "secretReaders[*].components": "The components that run as it.",
    "secretReaders[*].assignment": "The assignment.",
    "secretReaders[*].role": "Its role.",
    "secretReaders[*].scope": "Its scope.",
    "secretReaders[*].wholeVault": "Whether it holds for every secret.",
    "vaultWideReaders": "Assignments of identities other than the workspace's that hold for every secret.",
    "isSeparated": "Whether consumers cannot read each other's secrets: a vault each, or assignments per secret.",
}

VAULT_TYPE: Final = "microsoft.keyvault/vaults"
READ_SECRET: Final = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - an operation
_WORKSPACE_VAULT: Final = "workspace-vault"
_APP_VAULT: Final = "app-vault"
_WORKSPACE: Final = "workspace"
READS: Final = frozenset({"Microsoft.KeyVault/vaults", "Microsoft.Network/applicationGateways"})


def derive_facts(scene: AccessGraph) -> Iterator[Fact]:
    """Yield one fact per vault of every workload."""
    for workload in scene.context.workloads.all:
        vaults = {resource.key: resource for _, resource in bound(workload) if resource.type_key == VAULT_TYPE}
        for vault in vaults.values():
            yield _vault(scene, workload, vault)


def _vault(scene: AccessGraph, workload: Workload, vault: Resource) -> Fact:
    consumers = _consumers(workload, vault)
    shared = _WORKSPACE in consumers and len(consumers) > 1
    by_roles = body.value(vault.properties, "enableRbacAuthorization") is True
    readers = [_reader(scene, a, vault) for a in _readers(scene, vault)]
    wide = [one for one in readers if one["wholeVault"] and _is_user_facing(one["components"])]
    fields: dict[str, Any] = {
        "consumers": sorted(consumers),
        "isShared": shared,
        "usesRbac": by_roles,
        "secretReaders": readers,
        "vaultWideReaders": [one["assignment"] for one in wide],
        "isSeparated": not shared or (by_roles and not wide),
    }
    gap = scene.assignment_gap(vault.id)
    unknown = ["secretReaders", "vaultWideReaders"]
    if shared and by_roles and not wide:
        unknown.append("isSeparated")
    return facts.build(
        scene.context,
        KIND,
        vault.id,
        fields,
        role=(workload.name, _WORKSPACE_VAULT if _WORKSPACE in consumers else _APP_VAULT),
        sub_object=workload.name if len(scene.context.workloads.all) > 1 else "",
        uncollected=dict.fromkeys(unknown, gap) if gap else None,
        inputs=[
            (vault.id, "properties.enableRbacAuthorization"),
            *((one["assignment"], "properties") for one in readers),
        ],
        summary=f"Vault {vault.name} is used by {', '.join(sorted(consumers)) or 'nothing known'}; "
        f"{len(wide)} user-facing identities may read every secret of it.",
    )


def _consumers(workload: Workload, vault: Resource) -> set[str]:
    found: set[str] = set()
    if any(one.key == vault.key for one in workload.resources(_WORKSPACE_VAULT)):
        found.add(_WORKSPACE)
    if any(one.key == vault.key for one in workload.resources(_APP_VAULT)):
        found.add(_APP_VAULT)
    for gateway in workload.resources("gateway"):
        hosts = [
            body.text(c, "properties.keyVaultSecretId") for c in body.objects(gateway.properties, "sslCertificates")
        ]
        if any(_vault_name(host) == vault.name.lower() for host in hosts if host):
            found.add("gateway")
    return found


def _vault_name(secret_url: str) -> str:
    return secret_url.partition("://")[2].partition(".")[0].lower()


def _readers(scene: AccessGraph, vault: Resource) -> Sequence[Assignment]:
    grants = scene.observed.grants
    above = [a for a, answer in grants.covering(vault.id) if answer is Truth.YES]
    return [
        assignment
        for assignment in [*above, *grants.below(vault.id)]
        if assignment.state is AssignmentState.ACTIVE
        and permits(assignment.permissions, Plane.DATA, READ_SECRET) is Truth.YES
    ]


def _reader(scene: AccessGraph, assignment: Assignment, vault: Resource) -> Json:
    parts = scene.parts.get(assignment.principal, ())
    return {
        "principalId": assignment.principal,
        "components": sorted({part.component for part in parts}),
        "assignment": assignment.id,
        "role": assignment.role.name,
        "scope": assignment.scope,
        "wholeVault": kind_of(assignment.scope) is not ScopeKind.CHILD or ids.key(assignment.scope) == vault.key,
    }


def _is_user_facing(components: Sequence[str]) -> bool:
    """Whether an identity belongs to a component other than the machine learning ones."""
    return bool(set(components) - {_WORKSPACE, "online-endpoint", "compute-instance"})
