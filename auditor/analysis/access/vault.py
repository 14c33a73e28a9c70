"""Facts about the workload's vaults: who uses each, and who may read all of its secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from auditor import resource_id as ids
from auditor.analysis import facts
from auditor.analysis.access.access_context import AccessContext
from auditor.analysis.fact import Fact, Hidden, Known, Record, fact, record
from auditor.architecture import capabilities
from auditor.architecture.workloads import Workload, Workloads
from auditor.azure import body
from auditor.estate.graph import Estate
from auditor.estate.navigation import VAULTS
from auditor.estate.network_relations import GATEWAYS
from auditor.model import Gap, Resource
from auditor.rbac.access_policies import READ_SECRET
from auditor.rbac.assignments import Assignment, AssignmentState
from auditor.rbac.permissions import Plane, permits
from auditor.rbac.principals import bound
from auditor.rbac.scopes import ScopeKind, kind_of
from auditor.truth import Truth

READS: Final = frozenset({VAULTS, GATEWAYS})


@record
class SecretReader(Record, frozen=True, kw_only=True):
    """An active assignment or access policy that permits reading secrets of a vault."""

    principal_id: str
    """a principal"""
    components: Known[tuple[str, ...]]
    """the components that run as it"""
    user_facing: Known[bool]
    """whether a component other than the machine learning ones runs as it"""
    assignment: str
    """the assignment"""
    role: str
    """its role"""
    scope: str
    """its scope"""
    whole_vault: bool
    """whether it holds for every secret"""


@fact("access.vault", subject="the vault")
class VaultReaders(Fact, frozen=True, kw_only=True):
    """Who uses a vault of the workload, and who may read its secrets."""

    grounds: ClassVar[Mapping[str, str]] = {"isSeparated": "secretReaders"}
    consumers: tuple[str, ...]
    """the components that keep or read secrets in the vault"""
    is_shared: Known[bool]
    """whether the machine learning workspace and the user-facing part both use it"""
    uses_rbac: bool
    """whether roles, and not access policies, govern its data"""
    secret_readers: Known[tuple[SecretReader, ...]]
    """the active assignments, or access policies where those rule, that permit reading secrets of it"""
    vault_wide_readers: Known[tuple[str, ...]]
    """assignments of identities other than the workspace's that hold for every secret"""
    is_separated: Known[bool]
    """whether consumers cannot read each other's secrets: a vault each, or assignments per secret"""
    name: Hidden[str]
    wide_count: Hidden[int]

    def sentence(self) -> str:
        """Say who uses the vault, and how many may read all of it."""
        readers = facts.at_least(self.vault_wide_readers, self.wide_count)
        return (
            f"Vault {self.name} is used by {', '.join(self.consumers) or 'nothing known'}; "
            f"{readers} user-facing identities may read every secret of it."
        )


def derive_facts(access: AccessContext) -> Iterator[VaultReaders]:
    """Yield one fact per vault of every workload."""
    for workload in access.context.workloads.all:
        vaults = {resource.key: resource for _, resource in bound(workload) if resource.type_key == VAULTS}
        for vault in vaults.values():
            yield _vault_readers(access, workload, vault)


def _vault_readers(access: AccessContext, workload: Workload, vault: Resource) -> VaultReaders:
    consumers = _consumers(access.context.workloads, access.context.estate, workload, vault)
    is_of_flow = bool(consumers & access.unseen.giving(capabilities.FLOW_HOST))
    is_shared = is_of_flow and len(consumers) > 1
    uses_rbac = body.flag(vault.properties, "enableRbacAuthorization") is True
    readers = tuple(_reader(access, assignment, vault) for assignment in _readers(access, vault))
    wide = tuple(reader.assignment for reader in readers if reader.whole_vault and reader.user_facing is True)
    unsure = (reader.user_facing for reader in readers if reader.whole_vault)
    graph = access.graph
    gap = graph.assignment_gap(vault.id) or graph.delegation_gap(vault.id) or graph.policies_gap(vault.id)
    more = gap or next((gap for gap in unsure if isinstance(gap, Gap)), None)
    unseen_consumer = None if is_shared else _unseen_consumer(access, workload, is_of_flow=is_of_flow)
    more_could_share = more if is_shared and not wide else unseen_consumer
    return VaultReaders(
        about=facts.about(
            access.context,
            vault.id,
            sub_object=workload.name if len(access.context.workloads.all) > 1 else "",
            role=(workload.name, _component(access, vault, is_of_flow=is_of_flow)),
            inputs=[
                (vault.id, "properties.enableRbacAuthorization"),
                *(() if uses_rbac else [(vault.id, "properties.accessPolicies")]),
                *((reader.assignment, "properties") for reader in readers),
            ],
        ),
        consumers=tuple(sorted(consumers)),
        is_shared=unseen_consumer or is_shared,
        uses_rbac=uses_rbac,
        secret_readers=gap or readers,
        vault_wide_readers=more or wide,
        is_separated=more_could_share or not is_shared or not wide,
        name=vault.name,
        wide_count=len(wide),
    )


def _component(access: AccessContext, vault: Resource, *, is_of_flow: bool) -> str | None:
    """Return the component that a vault is: that of the flow host, else that of the user-facing part, else its own."""
    capability = capabilities.FLOW_VAULT if is_of_flow else capabilities.USER_FACING_VAULT
    named = next(iter(access.context.workloads.components_giving(capability)), None)
    return named or access.context.workloads.role_of(vault.key)[1]


def _consumers(workloads: Workloads, estate: Estate, workload: Workload, vault: Resource) -> set[str]:
    """Return the components that use a vault: the flow host, what stands for those who serve users, and the way in."""
    found: set[str] = set()
    if any(one.key == vault.key for one in workload.giving(capabilities.FLOW_VAULT)):
        found.update(workloads.components_giving(capabilities.FLOW_HOST))
    if any(one.key == vault.key for one in workload.giving(capabilities.USER_FACING_VAULT)):
        found.update(workloads.components_giving(capabilities.USER_FACING_VAULT))
    if any(vault.key in estate.targets(one.key, "uses") for one in workload.giving(capabilities.ENTRY_POINT)):
        found.update(workloads.components_giving(capabilities.ENTRY_POINT))
    return found


def _unseen_consumer(access: AccessContext, workload: Workload, *, is_of_flow: bool) -> Gap | None:
    """Return why both the flow host and the user-facing part may use a vault that one of them is not known to use."""
    others = (capabilities.USER_FACING_VAULT, capabilities.ENTRY_POINT)
    lacking = [
        name for each in (others if is_of_flow else (capabilities.FLOW_VAULT,)) for name in access.unseen.giving(each)
    ]
    gaps = [access.unseen.bound_in(workload, component) for component in sorted(lacking)]
    if is_of_flow:
        entries = workload.giving(capabilities.ENTRY_POINT)
        gaps += [access.context.estate.relation_gap(one.id, "keyVault") for one in entries]
    return next((gap for gap in gaps if gap is not None), None)


def _readers(access: AccessContext, vault: Resource) -> Sequence[Assignment]:
    grants = access.graph.grants
    above = [a for a, answer in grants.covering(vault.id) if answer is Truth.YES]
    return [
        assignment
        for assignment in [*above, *grants.below(vault.id)]
        if assignment.state is AssignmentState.ACTIVE
        and permits(grants.in_effect(assignment, vault.id), Plane.DATA, READ_SECRET) is Truth.YES
    ]


def _reader(access: AccessContext, assignment: Assignment, vault: Resource) -> SecretReader:
    components = {part.component for part in access.graph.parts.get(assignment.principal, ())}
    more = access.unseen.more_users_of(assignment)
    return SecretReader(
        principal_id=assignment.principal,
        components=more or tuple(sorted(components)),
        user_facing=bool(components - access.unseen.giving(capabilities.MACHINE_LEARNING)) or more or False,
        assignment=assignment.id,
        role=assignment.role.name,
        scope=assignment.scope,
        whole_vault=kind_of(assignment.scope) is not ScopeKind.CHILD or ids.key(assignment.scope) == vault.key,
    )
