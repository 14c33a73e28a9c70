"""The analysis of access: rows of the role table, assignments, subscriptions, custom roles, identities and vaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.analysis.access import (
    assignment,
    delete_guard,
    federation,
    identity,
    identity_actors,
    subscription,
    table_row,
    vault,
)
from auditor.analysis.access.access_context import MEMBERS_PARAMETER, read_access
from auditor.analysis.access.assignment import RoleAssignment
from auditor.analysis.access.delete_guard import DeleteGuard
from auditor.analysis.access.expected import TABLE
from auditor.analysis.access.federation import FederatedIdentity
from auditor.analysis.access.identity import IdentityRoles, ResourceIdentity
from auditor.analysis.access.identity_actors import IdentityActors
from auditor.analysis.access.subscription import CustomRole, SubscriptionAccess
from auditor.analysis.access.table_row import TableRow
from auditor.analysis.access.vault import VaultReaders
from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact
from auditor.azure.catalogue import shipped
from auditor.estate.lookup import FEDERATED_CREDENTIALS, USER_IDENTITIES
from auditor.rbac import read
from auditor.rbac.delegations import DELEGATIONS
from auditor.rbac.schedules import ASSIGNMENTS, ELIGIBLE
from auditor.rbac.service_roles import systems_of
from auditor.resource_id import RESOURCE_GROUPS


def run(context: Context) -> Iterator[Fact]:
    """Yield every fact about access."""
    access = read_access(context)
    rows = table_row.judged_rows(access)
    yield from table_row.derive_facts(access, rows)
    yield from assignment.derive_facts(access, frozenset(one for row in rows for one in row.granted_by))
    yield from subscription.derive_facts(access)
    yield from identity.derive_facts(access)
    yield from vault.derive_facts(access)
    yield from identity_actors.derive_facts(access)
    yield from federation.derive_facts(access)
    yield from delete_guard.derive_facts(access)


def unlisted(context: Context) -> Iterator[Unlisted]:
    """Yield why there may be more facts about access than `run` yields."""
    yield from assignment.unlisted(context)
    yield from delete_guard.unlisted(context)
    yield from table_row.unlisted(context)


_SCOPES: Final = frozenset({RESOURCE_GROUPS, *(kind.key for kind in shipped() if kind.listing and kind.parent)})
"""What roles may be assigned on and no inventory shows: of an assignment on what does not exist another row may hold."""

ANALYSIS: Final = Analysis(
    name="access",
    kinds=(
        TableRow,
        RoleAssignment,
        SubscriptionAccess,
        CustomRole,
        IdentityRoles,
        ResourceIdentity,
        VaultReaders,
        IdentityActors,
        FederatedIdentity,
        DeleteGuard,
    ),
    run=run,
    reads=read.READS | identity.READS | vault.READS | {read.LOCKS, FEDERATED_CREDENTIALS},
    details=_SCOPES,
    parameters=frozenset({MEMBERS_PARAMETER}),
    tables=frozenset({TABLE}),
    subjects={
        RoleAssignment.fact_kind: {
            **{kind: [{}] for kind in (ASSIGNMENTS, ELIGIBLE, DELEGATIONS)},
            **{kind.name: [{"door": system.door}] for kind, system in systems_of(shipped()).values()},
        },
        IdentityRoles.fact_kind: {kind: [{}] for kind in sorted(identity.READS)},
        IdentityActors.fact_kind: {kind: [{}] for kind in sorted(identity.READS)},
        FederatedIdentity.fact_kind: {USER_IDENTITIES: [{}]},
        ResourceIdentity.fact_kind: {kind: [{"type": kind}] for kind in sorted(identity.CAPABLE)},
        TableRow.fact_kind: {kind: [{}] for kind in table_row.PRINCIPALS},
    },
    unlisted=unlisted,
    is_by_kind=True,
)
